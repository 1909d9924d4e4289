"""Measures of error: of one series, and of all series of a forecast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Metric = Literal["mase", "mae", "rmse", "wape", "pinball"]
METRICS = ("mase", "mae", "rmse", "wape", "pinball")


def mean_absolute_scaled_error(
    past: NDArray[np.float64],
    actual: NDArray[np.float64],
    forecast: NDArray[np.float64],
    season_length: int,
) -> float:
    """Return the MASE (Hyndman & Koehler 2006): errors in units of past seasonal differences.

    For a past shorter than a season the unit is its mean plain difference; for a constant past
    the unit is 1.
    """
    m = season_length if len(past) > season_length else 1
    scale = float(np.abs(past[m:] - past[:-m]).mean()) if len(past) > m else 0.0
    return float(np.abs(actual - forecast).mean()) / (scale if scale > 0.0 else 1.0)


def mean_absolute_error(errors: NDArray[np.float64]) -> float:
    """Return the mean of absolute errors (n,)."""
    return float(np.abs(errors).mean())


def root_mean_squared_error(errors: NDArray[np.float64]) -> float:
    """Return the root of the mean of squared errors (n,)."""
    return float(np.sqrt(np.square(errors).mean()))


def weighted_absolute_percentage_error(
    errors: NDArray[np.float64], actual: NDArray[np.float64]
) -> float:
    """Return the sum of absolute errors (n,) as a fraction of the sum of absolute values (n,).

    It is NaN where all values are zero.
    """
    total = float(np.abs(actual).sum())
    return float(np.abs(errors).sum()) / total if total > 0.0 else np.nan


def pinball_loss(
    actual: NDArray[np.float64], forecast: NDArray[np.float64], quantiles: Sequence[float]
) -> float:
    """Return the mean pinball loss of values (n,) and their quantiles (n, n_quantiles)."""
    levels = np.asarray(quantiles)
    errors = actual[:, np.newaxis] - forecast
    return float(np.maximum(levels * errors, (levels - 1.0) * errors).mean())


def error_by_name(
    metric: str,
    actual: NDArray[np.float64],
    forecast: NDArray[np.float64],
    quantiles: Sequence[float],
) -> float:
    """Return an error over all values (n,); "pinball" takes forecasts (n, n_quantiles)."""
    if metric == "pinball":
        return pinball_loss(actual, forecast, quantiles)
    errors = actual - forecast
    if metric == "wape":
        if not actual.any():
            raise ValueError("metric='wape' divides by the sum of y, and all of y is zero.")
        return weighted_absolute_percentage_error(errors, actual)
    return mean_absolute_error(errors) if metric == "mae" else root_mean_squared_error(errors)
