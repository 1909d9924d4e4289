"""Anchors: simple forecasts that do well on almost any series and cost next to nothing.

All are direct: from every origin, the last known observation, they forecast all steps of the
horizon. So their errors in the past are known, for the network that corrects them and for
intervals. Everything here is in the scale of the model, usually logarithms.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from sklstm._forecasting.seasonality import seasonal_part
from sklstm._forecasting.shrunken_seasons import profile_of
from sklstm._kernels.simd import lanes_of
from sklstm._kernels.smoothing import VECTORS, damped_trend, smoothing_errors

_ALPHAS = np.linspace(0.02, 1.0, 50)
_BLOCK = VECTORS * lanes_of(np.float64)
_PADDED_ALPHAS = np.pad(_ALPHAS, (0, -len(_ALPHAS) % _BLOCK), constant_values=1.0)
# alpha, beta and phi of the damped trend
_HOLT = np.array(
    list(product(np.linspace(0.1, 1, 10), (0, 0.05, 0.1, 0.2, 0.4), (0.8, 0.85, 0.9, 0.95, 0.98)))
)
_FIRST_VALUES = 6  # whose mean step is the first slope
_DAMPING = 0.5  # fraction of the slope in the forecast; the Theta method also takes half
_FEW = 7  # observations; the slope of fewer is mostly noise


@dataclass(frozen=True)
class TrendAnchor:
    """Exponential smoothing with drift of the deseasonalised series; seasons are added back.

    This is the Theta method in the form of Hyndman & Billah (2003). The slope is that of an
    expanding regression, so that a forecast uses only what was known at its origin. Alpha and the
    seasonal indices come from the whole series.
    """

    profile: dict[int, NDArray[np.float64]]  # seasonal indices by season length
    alpha: float
    rest: NDArray[np.float64]  # (n,): without seasons
    level: NDArray[np.float64]  # (n,): after each observation
    drift: NDArray[np.float64]  # (n,): per step, as known after each observation

    @classmethod
    def fit(
        cls,
        x: NDArray[np.float64],
        season_lengths: tuple[int, ...],
        n_known: int | None = None,
        short: bool = False,
    ) -> TrendAnchor:
        """Fit a series (n,); alpha and the seasons come from its first n_known observations."""
        known = x[:n_known]
        profile = profile_of(known, season_lengths, short)
        rest = x - seasonal_part(profile, np.arange(len(x)))
        alpha, _ = best_alpha(rest[: len(known)])
        return cls(
            profile, alpha, rest, _smoothed(rest, alpha), damping(len(x)) * _expanding_slope(rest)
        )


@dataclass(frozen=True)
class DampedTrend:
    """Holt's exponential smoothing with a damped trend (Gardner & McKenzie 1985)."""

    phi: float
    level: NDArray[np.float64]  # (n,): after each observation
    slope: NDArray[np.float64]  # (n,)

    @classmethod
    def fit(cls, x: NDArray[np.float64], n_known: int) -> DampedTrend:
        """Fit a series (n,); the parameters come from its first n_known observations."""
        n_first = min(n_known, _FIRST_VALUES)
        first_slope = (x[n_first - 1] - x[0]) / max(n_first - 1, 1)
        errors, level, slope = np.empty(len(_HOLT)), np.empty(len(x)), np.empty(len(x))
        damped_trend(np.ascontiguousarray(x), n_known, first_slope, _HOLT, errors, level, slope)
        return cls(float(_HOLT[int(np.argmin(errors)), 2]), level, slope)


def damping(n: int) -> float:
    """Return the fraction of its slope that goes into the forecast of a series of n observations.

    It is a half, and of few observations less: (3, 7) would go on to 11, 16, 25 in logarithms.
    """
    return _DAMPING * (1.0 if n >= _FEW else (n / 8.0) ** 2)


def mean_steps(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean step (n,) from the first value to each; 0 for the first itself."""
    return (x - x[0]) / np.maximum(np.arange(len(x)), 1)


def seasonal_naive(
    x: NDArray[np.float64], lags: NDArray[np.int64], origins: NDArray[np.int64], horizon: int
) -> NDArray[np.float64]:
    """Repeat the last season: forecasts (n_origins, horizon); with a lag of 1 the last value.

    lags (n_origins,): the season length of the series of each origin.
    """
    lag = lags[:, np.newaxis]
    back = lag - 1 - np.arange(horizon) % lag
    return x[origins[:, np.newaxis] - back]


def _smoothed(x: NDArray[np.float64], alpha: float) -> NDArray[np.float64]:
    """Return levels (n,) of simple exponential smoothing, which starts at the first value."""
    from scipy.signal import lfilter

    levels, _ = lfilter([alpha], [1.0, alpha - 1.0], x, zi=[(1.0 - alpha) * x[0]])
    return levels


def best_alpha(x: NDArray[np.float64]) -> tuple[float, float]:
    """Return the alpha with the smallest mean error one step ahead, and the last level."""
    if len(x) < 3:
        return 1.0, float(x[-1])
    errors, levels = np.empty(len(_PADDED_ALPHAS)), np.empty(len(_PADDED_ALPHAS))
    smoothing_errors(np.ascontiguousarray(x), _PADDED_ALPHAS, errors, levels)
    best = int(np.argmin(errors[: len(_ALPHAS)]))
    return float(_ALPHAS[best]), float(levels[best])


def _expanding_slope(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the least-squares slope (n,) of x[0 .. t] for every t; 0 for the first."""
    n = np.arange(1.0, len(x) + 1.0)
    time = n - 1.0
    values = x - x[0]
    sum_x, sum_tx = np.cumsum(values), np.cumsum(time * values)
    covariance = sum_tx - 0.5 * (n - 1.0) * sum_x
    variance = n * (n * n - 1.0) / 12.0
    return np.divide(covariance, variance, out=np.zeros(len(x)), where=variance > 0.0)


def last_slope(x: NDArray[np.float64]) -> float:
    """Return the least-squares slope of a series (n,); 0 for a single value."""
    n = len(x)
    time = np.arange(n) - 0.5 * (n - 1.0)
    return float(time @ (x - x[0])) / (n * (n * n - 1.0) / 12.0) if n > 1 else 0.0
