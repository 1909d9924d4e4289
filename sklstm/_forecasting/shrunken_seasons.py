"""Seasonal indices of short series: outliers and old seasons count less, and noise shrinks them.

A test for a season asks whether there is one; on short series it is often wrong. Shrinking the
indices by the share of their variance that is noise (James & Stein 1961; for seasonal indices
Miller & Williams 2003) asks how much of it to trust, and leaves nothing of a season that is not
there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sklstm._forecasting.seasonality import season_profile, seasonal_indices, without_trend

_RECENCY = 0.85  # weight of a season beside that of the season after it
_OUTLIER = 1.5  # deviations above so many standard deviations count less (Huber 1964)
_DEVIATIONS = 1.4826  # standard deviation of normal errors whose median absolute value is 1
_ROUNDS = 4  # of weighting outliers


def profile_of(
    x: NDArray[np.float64], season_lengths: tuple[int, ...], short: bool
) -> dict[int, NDArray[np.float64]]:
    """Return the indices by season of a series (n,), shrunken if it is short."""
    return season_profile(x, season_lengths, shrunken_indices if short else seasonal_indices)


def shrunken_indices(x: NDArray[np.float64], season_length: int) -> NDArray[np.float64]:
    """Return additive seasonal indices (season_length,), from that of x[0] on; their mean is 0.

    All are 0 if they are no larger than noise makes them.
    """
    m = season_length
    rest, first = without_trend(x, m)
    phase = (first + np.arange(len(rest))) % m
    recency = _RECENCY ** (np.arange(len(rest))[::-1] // m)
    weight = recency
    for _ in range(_ROUNDS):
        off = np.abs(rest - _means(rest, phase, weight, m)[phase])
        limit = _OUTLIER * _DEVIATIONS * float(np.median(off))
        if not limit > 0.0:
            break
        weight = recency * limit / np.maximum(off, limit)
    indices = _means(rest, phase, weight, m)
    return indices * (1.0 - _share_of_noise(indices, rest - indices[phase], phase, weight))


def _means(rest: NDArray, phase: NDArray, weight: NDArray, m: int) -> NDArray[np.float64]:
    """Return the weighted means (m,) of each phase, centred."""
    sums, total = np.bincount(phase, weight * rest, m), np.bincount(phase, weight, m)
    means = sums / total
    return np.asarray(means - means.mean())


def _share_of_noise(indices: NDArray, errors: NDArray, phase: NDArray, weight: NDArray) -> float:
    """Return how much of the variance of indices (m,) comes from errors (n,): 0 to 1."""
    m, unit = len(indices), float(np.abs(indices).max())
    if not unit > 0.0:
        return 1.0
    variance = float(np.square(errors / unit).sum()) / max(len(errors) - m, 1)
    total = np.bincount(phase, weight, m)
    of_means = variance * np.sum(np.bincount(phase, weight**2, m) / total**2)
    power = float(np.square(indices / unit).sum())
    return min(1.0, max(m - 3, 1) / (m - 1) * float(of_means) / power)
