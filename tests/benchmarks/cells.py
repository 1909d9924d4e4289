"""Training speed of every cell compared with torch, and the cost of truncation and regularisers.

    python -m tests.benchmarks.cells

Training steps as in `training.py`, in float32, on one thread. The contenders of a row take turns.
torch has `nn.LSTM`, `nn.GRU` and `nn.RNN`; all variants of the LSTM are compared with `nn.LSTM`.
"""

from __future__ import annotations

import argparse

import torch

from sklstm.components.cells import CELLS
from tests.benchmarks.machine import describe_machine
from tests.benchmarks.training import our_step, side_by_side, torch_step

SIZES = [(32, 100, 8, 64, 1, False), (32, 100, 8, 128, 1, False)]
REGULARISERS = ("recurrent_dropout", "variational_dropout", "zoneout", "layer_norm")


def regularised(cell: str, regulariser: str) -> dict[str, object]:
    """Return the fields of `NetworkSpec` for a cell with a regulariser."""
    component = CELLS[cell]()
    if regulariser == "zoneout":
        component.set_params(zoneout=(0.05, 0.2) if component.has_memory else 0.05)
    elif regulariser == "layer_norm":
        component.set_params(layer_norm=True)
    else:
        return {"cell": component, regulariser: 0.2}
    return {"cell": component}


def cells_table(seconds: float) -> None:
    """Print the time of a training step of each cell and of torch's layer."""
    print("\n| cell | H | torch | sklstm | ratio | truncated | times as fast |")
    print("|---|---|---|---|---|---|---|")
    for cell in CELLS:
        layer = {"gru": torch.nn.GRU, "rnn": torch.nn.RNN}.get(cell, torch.nn.LSTM)
        for size in SIZES:
            calls = [torch_step(size, layer), our_step(size, 1, cell=CELLS[cell]())]
            if CELLS[cell].has_memory:
                calls.append(our_step(size, 1, cell=CELLS[cell](), truncated=True))
            theirs, ours, *cut = (1e3 * taken for taken in side_by_side(calls, seconds))
            truncated = f"{cut[0]:.2f} ms | {ours / cut[0]:.2f}" if cut else " | "
            print(
                f"| {cell}, nn.{layer.__name__} | {size[3]} | {theirs:.2f} ms | {ours:.2f} ms | "
                f"{theirs / ours:.2f} | {truncated} |",
                flush=True,
            )


def regularisers_table(cells: list[str], seconds: float) -> None:
    """Print the additional time of each regulariser."""
    print("\n| cell | H | plain | " + " | ".join(REGULARISERS) + " |")
    print("|---|---|---" + "|---" * len(REGULARISERS) + "|")
    for cell in cells:
        for size in SIZES:
            settings = [regularised(cell, regulariser) for regulariser in REGULARISERS]
            calls = [our_step(size, 1, **fields) for fields in ({"cell": CELLS[cell]()}, *settings)]
            plain, *others = side_by_side(calls, seconds)
            cost = " | ".join(f"{taken / plain - 1.0:+.0%}" for taken in others)
            print(f"| {cell} | {size[3]} | {1e3 * plain:.2f} ms | {cost} |", flush=True)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="for each contender")
    parser.add_argument("--cells", nargs="+", default=["lstm", "gru"], help="with regularisers")
    arguments = parser.parse_args()
    print(describe_machine() + f", torch {torch.__version__}")
    torch.set_num_threads(1)
    cells_table(arguments.seconds)
    regularisers_table(arguments.cells, arguments.seconds)


if __name__ == "__main__":
    main()
