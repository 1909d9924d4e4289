"""Compilation ahead of time, for container images and servers."""

from __future__ import annotations

import itertools
from typing import Literal

import numpy as np

from sklstm._classifier import LSTMClassifier
from sklstm.components.cells import Cell, CellName


def warmup(
    dtypes: tuple[Literal["float32", "float64"], ...] = ("float32", "float64"),
    cells: tuple[CellName | Cell, ...] = ("lstm",),
) -> None:
    """Compile what `fit` and `predict` need by default, and store it in the cache.

    The first fit on a machine compiles for some seconds. Call this once while an image is
    built, or before a server takes requests, to spend that time there. If no cache can be
    written, it still helps the process that calls it.

    Afterwards `LSTMClassifier`, `LSTMRegressor` and `LSTMForecaster` compile nothing with their
    default parameters, whatever the number of samples and the kind of X. Some other parameters
    need kernels of their own, which are compiled and stored at their first use: to add them,
    pass `cells`, or fit small models with the same parameters once. These are ``pooling`` other
    than its default, ``return_sequences``, recurrent dropout and zoneout, ``layer_norm``,
    ``solver``, and the method ``stream``. The sizes of layers and data make no difference.

    Parameters
    ----------
    dtypes : tuple of {"float32", "float64"}, default=("float32", "float64")
        Precisions of the network to compile for. By default, networks compute in float64 if
        they are fitted on at most 32 samples, and in float32 otherwise.
    cells : tuple of str or Cell, default=("lstm",)
        Recurrent cells to compile for: values of the parameter `cell`.

    Examples
    --------
    >>> import sklstm
    >>> sklstm.warmup()

    For a server that only trains and runs larger networks with gated recurrent units:

    >>> sklstm.warmup(dtypes=("float32",), cells=("gru",))
    """
    y = np.array([0, 1])
    for dtype, cell in itertools.product(dtypes, cells):
        model = LSTMClassifier(hidden_size=1, max_iter=1, dtype=dtype, cell=cell)
        for X in (np.zeros((2, 2), np.float32), np.zeros((2, 2), np.float64)):
            model.fit(X, y).predict(X)
