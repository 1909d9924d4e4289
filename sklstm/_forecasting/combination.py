"""How much each candidate counts: by its errors on what was held out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_POWER = 3.0
_FLOOR = 0.1  # share of the largest error below which an error counts as no smaller


def weights_by_error(
    errors: NDArray[np.float64], prior: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Weights (n_series, n_candidates) that sum to 1, from hold-out errors of that shape.

    NaN is a candidate that a series does not have. `prior` (n_candidates,) is what a candidate
    counts where all errors are equal.
    """
    worst = np.nanmax(errors, axis=1, keepdims=True)
    floored = np.maximum(errors, np.maximum(_FLOOR * worst, np.finfo(float).tiny))
    ratio = np.where(worst > 0.0, floored / np.where(worst > 0.0, worst, 1.0), 1.0)
    weights = np.where(np.isnan(errors), 0.0, prior * ratio**-_POWER)
    return weights / weights.sum(axis=1, keepdims=True)
