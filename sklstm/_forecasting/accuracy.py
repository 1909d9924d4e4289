"""The error by which forecasts of different series are compared."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def mean_absolute_scaled_error(
    past: NDArray[np.float64],
    came: NDArray[np.float64],
    forecast: NDArray[np.float64],
    season_length: int,
) -> float:
    """MASE (Hyndman & Koehler 2006): errors in units of the past's seasonal differences.

    A past shorter than a season is measured by its plain differences; one that does not vary
    has the unit 1.
    """
    m = season_length if len(past) > season_length else 1
    scale = float(np.abs(past[m:] - past[:-m]).mean()) if len(past) > m else 0.0
    return float(np.abs(came - forecast).mean()) / (scale if scale > 0.0 else 1.0)
