"""A linear autoregression: from a window to the whole horizon in closed form.

One ridge regression predicts the error of an anchor from the window. On long series it is the
strongest single candidate, and it costs one matrix factorisation. (An LSTM finds the same map by
gradient steps, slowly.)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sklstm._forecasting.branch import Branch

_RIDGE = 0.01  # relative to the mean variance of the inputs
_MAX_WINDOWS = 20_000
_WINDOWS_PER_WEIGHT = 4  # with fewer windows the map would only memorise them


def fit_linear(
    branch: Branch, horizon: int, windows: tuple[int, ...]
) -> NDArray[np.float64] | None:
    """Return weights (window, horizon), for the longest window with enough data; None if none has.

    The regression uses the origins whose whole horizon is known.
    """
    counts = np.maximum(branch.end - horizon - branch.first, 0)
    total = int(counts.sum())
    possible = [window for window in windows if total >= _WINDOWS_PER_WEIGHT * window]
    if not possible:
        return None
    stride = -(-total // _MAX_WINDOWS)
    series = np.repeat(np.arange(len(counts)), counts)
    origins = np.arange(total) - (np.cumsum(counts) - counts)[series] + branch.first[series]
    series, origins = series[::stride], origins[::stride]
    window = max(possible)
    target = branch.target(series, origins, horizon)
    gram, moments = np.zeros((window, window)), np.zeros((window, horizon))
    for rows, inputs in branch.blocks(series, origins, window):
        gram += inputs.T @ inputs
        moments += inputs.T @ target[rows]
    gram[np.diag_indices(window)] += _RIDGE * max(np.trace(gram) / window, 1e-12)
    return np.asarray(np.linalg.solve(gram, moments), np.float64)
