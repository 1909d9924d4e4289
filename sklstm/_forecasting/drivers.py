"""Drivers: the exogenous variables as networks see them, standardised, past and future."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Drivers:
    """Exogenous variables of series that are joined end to end, standardised."""

    values: NDArray[np.float64]  # (n_total, n_drivers): at the known times
    center: NDArray[np.float64]  # (n_drivers,)
    deviation: NDArray[np.float64]  # (n_drivers,)
    n_past_only: int  # how many of the last drivers are not known in the future
    future: NDArray[np.float64] | None = None  # (n_series, horizon, n_drivers): after the end

    @classmethod
    def of(cls, rows: list[NDArray[np.float64]], n_past_only: int) -> Drivers:
        """Standardise rows (n_i, n_drivers) of the series."""
        values = np.concatenate(rows)
        center, deviation = values.mean(axis=0), values.std(axis=0)
        varies = deviation > 1e-12 * np.maximum(np.abs(values).max(axis=0), 1e-300)
        deviation = np.where(varies, deviation, np.inf)
        return cls((values - center) / deviation, center, deviation, n_past_only)

    def like(self, rows: list[NDArray[np.float64]]) -> Drivers:
        """Return rows (n_i, n_drivers) of other series on the same scale."""
        scaled = (np.concatenate(rows) - self.center) / self.deviation
        return replace(self, values=scaled, future=None)

    def with_future(self, future: NDArray[np.float64]) -> Drivers:
        """Return the drivers with what comes after each series, (n_series, horizon, n_drivers)."""
        scaled = (future - self.center) / self.deviation
        return replace(self, future=scaled)

    def at_ends(
        self, rows: NDArray[np.float64], first: list[int], lengths: list[int], horizon: int
    ) -> Drivers:
        """Return the drivers of ends of one series, from its rows (n, n_drivers).

        An end has the rows first[k] to lengths[k] - 1, and `horizon` rows after them as its future.
        """
        scaled = (rows - self.center) / self.deviation
        past = [scaled[a:b] for a, b in zip(first, lengths, strict=True)]
        future = np.stack([scaled[n : n + horizon] for n in lengths])
        return replace(self, values=np.concatenate(past), future=future)

    def at(
        self, positions: NDArray, begin: NDArray, end: NDArray, series: NDArray, n_past: int
    ) -> NDArray[np.float64]:
        """Return drivers (n, n_steps, n_drivers) at positions (n, n_steps); 0 where not known.

        begin, end (n,): of the series of each row; series (n,): which they are; n_past: the number
        of steps up to the origin.
        """
        beyond = positions - end[:, np.newaxis]
        inside = (beyond < 0) & (positions >= begin[:, np.newaxis])
        out = np.where(inside[..., np.newaxis], self.values[np.where(inside, positions, 0)], 0.0)
        if self.future is not None:
            horizon = self.future.shape[1]
            later = (beyond >= 0) & (beyond < horizon)
            of_future = self.future[series[:, np.newaxis], np.clip(beyond, 0, horizon - 1)]
            out = np.where(later[..., np.newaxis], of_future, out)
        if self.n_past_only:
            out[:, n_past:, -self.n_past_only :] = 0.0
        return out
