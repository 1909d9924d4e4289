"""The error by which forecasts of different series are compared."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


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
