"""A forecast of all series: points, quantiles and bounds, in the units of the observations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sklstm._forecasting.intervals import Spread
from sklstm._forecasting.transform import from_scale


@dataclass(frozen=True)
class Forecast:
    """Forecasts in the scale of the model, with the spread of the errors around them."""

    points: list[NDArray[np.float64]]  # n_series arrays (horizon,)
    spreads: list[Spread]
    logs: list[bool]
    non_negative: bool  # whether points, quantiles and bounds end at zero

    def values(self) -> list[NDArray[np.float64]]:
        """Return the points, n_series arrays (horizon,)."""
        return [self._in_units(i, x) for i, x in enumerate(self.points)]

    def quantiles(self, quantiles: list[float]) -> list[NDArray[np.float64]]:
        """Return n_series arrays (horizon, n_quantiles)."""
        return [
            np.stack(
                [self._moved(i, abs(2.0 * q - 1.0), np.sign(q - 0.5)) for q in quantiles], axis=1
            )
            for i in range(len(self.points))
        ]

    def bounds(self, coverage: float) -> list[NDArray[np.float64]]:
        """Return lower and upper bounds, n_series arrays (horizon, 2)."""
        return [
            np.stack([self._moved(i, coverage, side) for side in (-1.0, 1.0)], axis=1)
            for i in range(len(self.points))
        ]

    def samples(self, i: int, levels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return paths (horizon, n_samples) of a series from levels (n_samples, horizon)."""
        errors = self.spreads[i].errors(levels, self.points[i])
        return self._in_units(i, self.points[i] + errors).T

    def _moved(self, i: int, coverage: float, side: float) -> NDArray[np.float64]:
        """Return the lower (-1) or upper (1) end of an interval (horizon,) of a series."""
        half = self.spreads[i].half_width(coverage, self.points[i])
        return self._in_units(i, self.points[i] + side * half)

    def _in_units(self, i: int, x: NDArray[np.float64]) -> NDArray[np.float64]:
        return in_units(x, self.logs[i], self.non_negative)


def in_units(x: NDArray[np.float64], log: bool, non_negative: bool) -> NDArray[np.float64]:
    """Return values in the scale of the model in the units of the observations."""
    values = from_scale(x, log)
    return np.maximum(values, 0.0) if non_negative else values
