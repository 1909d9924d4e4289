"""Logarithm or not: the scale in which a series is forecast."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# A series that comes closer to zero than this share of its median would be stretched there.
_LOWEST = 0.03
_HIGHEST_EXPONENT = 700.0


def wants_log(y: NDArray[np.float64]) -> bool:
    """Whether a series is positive and keeps its distance from zero."""
    median = float(np.median(y))
    return median > 0.0 and float(y.min()) > _LOWEST * median


def to_scale(y: NDArray[np.float64], log: bool) -> NDArray[np.float64]:
    """Observations in the scale of the model."""
    return np.log(y) if log else y


def from_scale(x: NDArray[np.float64], log: bool) -> NDArray[np.float64]:
    """Values of the model in the units of the observations."""
    return np.exp(np.minimum(x, _HIGHEST_EXPONENT)) if log else x
