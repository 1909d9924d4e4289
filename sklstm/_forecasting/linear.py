"""A direct linear autoregression: from the window to the whole horizon in closed form.

One ridge regression says how far the seasonal naive forecast of a window will be off. On
long series it is the strongest single candidate, and it costs one matrix factorisation. (An
LSTM finds the same map by gradient steps, slowly.)
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_RIDGE = 0.01  # share of the mean variance of the inputs
_MAX_WINDOWS = 20_000
# Fewer windows than so many times their length would be fitted, not learnt from.
_WINDOWS_A_WEIGHT = 4


def fit_linear(branch: Any, horizon: int, windows: tuple[int, ...]) -> NDArray[np.float64] | None:
    """Weights (window, horizon) of the correction, of the longest window that the data can carry.

    None if they can carry none. `branch` is a `Branch`: windows and errors of its anchor are
    taken at origins whose whole horizon is known.
    """
    counts = np.maximum(branch.end - horizon - branch.first, 0)
    total = int(counts.sum())
    carried = [window for window in windows if total >= _WINDOWS_A_WEIGHT * window]
    if not carried:
        return None
    every = -(-total // _MAX_WINDOWS)
    series = np.repeat(np.arange(len(counts)), counts)
    origins = np.arange(total) - (np.cumsum(counts) - counts)[series] + branch.first[series]
    series, origins = series[::every], origins[::every]
    inputs = branch.filled_windows(series, origins, max(carried))
    target = branch.target(series, origins, horizon)
    gram = inputs.T @ inputs
    gram[np.diag_indices(len(gram))] += _RIDGE * max(np.trace(gram) / len(gram), 1e-12)
    return np.linalg.solve(gram, inputs.T @ target)
