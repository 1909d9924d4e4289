"""Compilation ahead of time, for container images and servers."""

from __future__ import annotations

import itertools
from typing import Literal

import numpy as np

from sklstm._classifier import LSTMClassifier
from sklstm.components.cells import Cell, CellName


def warmup(
    dtypes: tuple[Literal["float32", "float64"], ...] = ("float32",),
    cells: tuple[CellName | Cell, ...] = ("lstm",),
) -> None:
    """Compile what `fit` and `predict` need, and store it in Numba's cache.

    The first fit on a machine compiles for some seconds. Calling this once while an image
    is built, or before a server takes requests, moves that time there. Where no cache
    can be written, it still helps the process that calls it.

    Parameters
    ----------
    dtypes : tuple of {"float32", "float64"}, default=("float32",)
        Precisions of the network to compile for. Data of both precisions are covered.
    cells : tuple of str or Cell, default=("lstm",)
        Recurrent cells to compile: values of the parameter `cell`.

    Examples
    --------
    >>> import sklstm
    >>> sklstm.warmup()
    """
    y = np.array([0, 1])
    for dtype, cell in itertools.product(dtypes, cells):
        model = LSTMClassifier(hidden_size=1, max_iter=1, dtype=dtype, cell=cell)
        for X in (np.zeros((2, 2), np.float32), np.zeros((2, 2), np.float64)):
            model.fit(X, y).predict(X)
