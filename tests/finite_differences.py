"""Finite differences of every cell with every readout, layer normalisation and a front end.

    python -m tests.finite_differences [CELL ...]

The tests check only some of these combinations, because each takes ten seconds to compile.
"""

import itertools
import sys

import numpy as np

from sklstm.components.cells import CELLS
from sklstm.components.convolutions import ConvolutionLayer
from tests.kernels.problem import Problem, assert_close, finite_difference, run_gradient

READOUTS = [("last", "mean", "max"), ("attention",), ("steps",)]


def main(cells: list[str]) -> None:
    """Check all combinations of some cells and print the largest errors."""
    for cell, pooling, layer_norm in itertools.product(cells, READOUTS, [False, True]):
        if layer_norm and "layer_norm" not in CELLS[cell]().get_params():
            continue
        problem = Problem(
            cell=cell, pooling=pooling, layer_norm=layer_norm, lengths=(3, 6, 1), n_channels=2,
            bidirectional=True, n_outputs=2, front=(ConvolutionLayer(4, 3, activation="tanh"),),
        )  # fmt: skip
        largest = 0.0
        exact = run_gradient(problem)
        for name, numeric, analytic in finite_difference(problem, exact, n_places=20):
            if analytic.size:
                assert_close(numeric, analytic, 1e-6, name)
                size = np.abs(analytic).max()
                largest = max(largest, np.abs(numeric - analytic).max() / size if size else 0.0)
        norm = "layer norm" if layer_norm else ""
        print(f"{cell:9} {'+'.join(pooling):14} {norm:10} largest error {largest:.1e}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or list(CELLS))
