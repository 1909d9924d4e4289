"""The scale in which a series is forecast: logarithms, or the values themselves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Logarithms would stretch a series too much near values below this fraction of its median.
_LOWEST = 0.03
_HIGHEST_EXPONENT = 700.0


def wants_log(y: NDArray[np.float64]) -> bool:
    """Return whether a series is positive and stays away from zero."""
    median = float(np.median(y))
    return median > 0.0 and float(y.min()) > _LOWEST * median


def to_scale(y: NDArray[np.float64], log: bool) -> NDArray[np.float64]:
    """Return observations in the scale of the model."""
    return np.log(y) if log else y


def from_scale(x: NDArray[np.float64], log: bool) -> NDArray[np.float64]:
    """Return values of the model in the units of the observations."""
    return np.exp(np.minimum(x, _HIGHEST_EXPONENT)) if log else x
