"""Compilation ahead of time, for container images and servers."""

from __future__ import annotations

import itertools
from typing import Literal

import numpy as np

from sklstm._classifier import LSTMClassifier
from sklstm.components.augmentation import Warping
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
    default parameters, whatever the number of samples and the kind of X. The sizes of layers and
    data make no difference. Further kernels are compiled and stored when they are first needed:
    for another ``cell``, for ``attention``, ``pooling``, ``return_sequences``,
    ``recurrent_dropout``, ``variational_dropout`` and ``solver``, and for the method ``stream``.
    To compile them ahead of time, pass `cells`, or fit a small model with these parameters.

    Parameters
    ----------
    dtypes : tuple of {"float32", "float64"}, default=("float32", "float64")
        Precisions of the network to compile for. By default, networks compute in float64 if
        all samples are one batch, which are at most 32, and in float32 otherwise.
    cells : tuple of str or Cell, default=("lstm",)
        Recurrent cells to compile for: values of the parameter `cell`, such as ``"gru"`` or
        ``LSTM(layer_norm=True)``.

    Examples
    --------
    >>> import sklstm
    >>> sklstm.warmup()

    For a server whose networks were all fitted on many samples, some of them with another cell:

    >>> sklstm.warmup(dtypes=("float32",), cells=("lstm", "gru"))
    """
    # here: what imports sklstm does not wait for the forecaster's modules
    from sklstm._forecasting.anchors import DampedTrend, best_alpha

    series, y = np.zeros(3), np.array([0, 1])
    best_alpha(series)
    DampedTrend.fit(series, len(series))
    for dtype, cell in itertools.product(dtypes, cells):
        model = LSTMClassifier(
            hidden_size=1, max_iter=1, dtype=dtype, cell=cell,
            augmentation=Warping(),  # by default for more samples only
        )  # fmt: skip
        for X in (np.zeros((2, 2), np.float32), np.zeros((2, 2), np.float64)):
            model.fit(X, y).predict(X)
