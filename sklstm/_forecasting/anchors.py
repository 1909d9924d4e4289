"""Anchors: two forecasts that hold their own on almost any series, and cost nothing.

Both are direct: from every origin of a series, the last observation known, they say all
steps of the horizon. So their errors in the past are at hand, for the network that corrects
them and for intervals. Everything here is in the transformed (usually logarithmic) scale.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sklstm._forecasting.seasonality import season_profile, seasonal_part

_ALPHAS = np.linspace(0.02, 1.0, 50)
_DAMPING = 0.5  # share of the slope that goes into the forecast; Theta has the same half


@dataclass(frozen=True)
class TrendAnchor:
    """Exponential smoothing with drift on the deseasonalised series, seasons put back.

    The Theta method in the form of Hyndman & Billah (2003), with the slope of an expanding
    regression, so that the forecast from an origin knows only what was known there; alpha and
    the seasonal indices are those of the whole series.
    """

    profile: dict[int, NDArray[np.float64]]  # seasonal indices by season length
    alpha: float
    rest: NDArray[np.float64]  # (n,): without seasons
    level: NDArray[np.float64]  # (n,): after each observation
    drift: NDArray[np.float64]  # (n,): a step, as known after each observation

    @classmethod
    def fit(
        cls, x: NDArray[np.float64], season_lengths: tuple[int, ...], n_known: int | None = None
    ) -> TrendAnchor:
        """From a series (n,), of which the first n_known say what alpha and the seasons are."""
        known = x[:n_known]
        profile = season_profile(known, season_lengths)
        rest = x - seasonal_part(profile, np.arange(len(x)))
        alpha = _best_alpha(rest[: len(known)])
        return cls(profile, alpha, rest, _smoothed(rest, alpha), _DAMPING * _expanding_slope(rest))


def seasonal_naive(
    x: NDArray[np.float64], lags: NDArray[np.int64], origins: NDArray[np.int64], horizon: int
) -> NDArray[np.float64]:
    """The last season again, (n_origins, horizon); with a lag of 1 the last value.

    lags (n_origins,): the season length of the series that an origin is in.
    """
    lag = lags[:, np.newaxis]
    back = lag - 1 - np.arange(horizon) % lag
    return x[origins[:, np.newaxis] - back]


def _smoothed(x: NDArray[np.float64], alpha: float) -> NDArray[np.float64]:
    """Levels (n,) of simple exponential smoothing, which begins at the first value."""
    from scipy.signal import lfilter

    levels, _ = lfilter([alpha], [1.0, alpha - 1.0], x, zi=[(1.0 - alpha) * x[0]])
    return levels


def _best_alpha(x: NDArray[np.float64]) -> float:
    """The smoothing that forecasts one step best in the mean."""
    if len(x) < 3:
        return 1.0
    errors = [np.abs(x[1:] - _smoothed(x, alpha)[:-1]).mean() for alpha in _ALPHAS]
    return float(_ALPHAS[int(np.argmin(errors))])


def _expanding_slope(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Least-squares slope of x[0 .. t] for every t; 0 for the first."""
    n = np.arange(1.0, len(x) + 1.0)
    time = n - 1.0
    values = x - x[0]
    sum_x, sum_tx = np.cumsum(values), np.cumsum(time * values)
    covariance = sum_tx - 0.5 * (n - 1.0) * sum_x
    variance = n * (n * n - 1.0) / 12.0
    return np.divide(covariance, variance, out=np.zeros(len(x)), where=variance > 0.0)
