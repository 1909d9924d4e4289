"""The observations as a model sees them: in its scale, without exogenous effects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sklstm._forecasting.transform import to_scale


@dataclass(frozen=True)
class Observations:
    """Series in their units and in the scale of the model."""

    values: list[NDArray[np.float64]]  # n_series arrays (n_i,), in units
    logs: NDArray[np.bool_]  # (n_series,): whether the scale of the model is logarithmic
    explained: list[NDArray[np.float64]]  # n_series arrays (n_i,): exogenous effects in this scale
    x: list[NDArray[np.float64]]  # n_series arrays (n_i,): the rest, which the model forecasts

    @classmethod
    def of(
        cls,
        values: list[NDArray[np.float64]],
        logs: NDArray[np.bool_],
        inputs: list[NDArray[np.float64]] | None,
        effects: list[NDArray[np.float64]],
    ) -> Observations:
        """Subtract the effects (k,) of exogenous inputs (n_i, k) from each series."""
        scaled = [to_scale(y, log) for y, log in zip(values, logs, strict=True)]
        if inputs is None:
            explained = [np.zeros(len(x)) for x in scaled]
        else:
            explained = [rows @ effect for rows, effect in zip(inputs, effects, strict=True)]
        x = [series - by for series, by in zip(scaled, explained, strict=True)]
        return cls(values, logs, explained, x)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of observations (n_series,)."""
        return np.array([len(x) for x in self.x])

    def of_series(self, which: NDArray[np.int64]) -> Observations:
        """Return some of the series."""
        return Observations(
            [self.values[i] for i in which],
            self.logs[which],
            [self.explained[i] for i in which],
            [self.x[i] for i in which],
        )
