"""The hold-out: the end of each series, on which all candidates are compared."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sklstm._forecasting.anchored import Anchored, stride_through
from sklstm._forecasting.branch import AnchorForecast
from sklstm._forecasting.observations import Observations
from sklstm._forecasting.panel import Panel
from sklstm._forecasting.settings import ModelSettings
from sklstm._forecasting.transform import from_scale

_MAX_ORIGINS = 32  # origins of a series at which candidates are compared
_SHORTEST = 12  # a series shorter than this, or than two horizons, has no hold-out
_FRACTION = 10  # of a very long series that is held out: one in so many observations
_NAMED = 5  # series in a warning
_SEASONS_BEFORE = 3  # a whole longest season is held out if so many remain before it


def hold_out_warning(panel: Panel, horizon: int) -> str | None:
    """Return what to tell the user about series that are too short for a hold-out, if any."""
    needed = _shortest(horizon)
    lengths = [len(values) for values in panel.values]
    short = [i for i, n in enumerate(lengths) if n < needed]
    if not short:
        return None
    return (
        f"{_named(panel, short)} too short to hold anything out: the shortest has {min(lengths)} "
        f"observations, and a hold-out needs {needed}. The forecast is the smoothed trend alone; a "
        "shorter horizon needs fewer."
        + (" With one observation, intervals have no width." if min(lengths) == 1 else "")
    )


def _named(panel: Panel, short: list[int]) -> str:
    """Return the first of the short series by name, with the verb."""
    if panel.kind == "series":
        return "y is"
    names = ", ".join(repr(panel.labels[i]) for i in short[:_NAMED])
    if len(short) == 1:
        return f"series {names} is"
    return f"{len(short)} series ({names}{', ...' if len(short) > _NAMED else ''}) are"


def _shortest(horizon: int) -> int:
    """Return the length from which on a series has a hold-out."""
    return max(2 * horizon, _SHORTEST)


def n_held_out(lengths: NDArray[np.int64], settings: ModelSettings) -> NDArray[np.int64]:
    """Return how many observations (n_series,) are held out; 0 for series that are too short.

    It is the horizon, or a whole longest season if the series is long enough, so that all days of
    a week count. Of a very long series it is a tenth: one week of a year says little.
    """
    h = settings.horizon
    longest = max(settings.season_lengths, default=1)
    wanted = np.where(lengths - longest >= _SEASONS_BEFORE * longest, max(h, longest), h)
    wanted = np.maximum(wanted, lengths // _FRACTION)
    return np.where(lengths >= _shortest(h), wanted, 0)


class HoldOut:
    """Origins at the end of each series, and the observations that followed them."""

    series: NDArray[np.int64]  # (n_origins,): which series each belongs to
    positions: NDArray[np.int64]  # (n_origins, horizon): of what followed, in the joined series
    known: NDArray[np.bool_]  # (n_origins, horizon): whether it is in the series

    def __init__(self, past: Anchored, observations: Observations, horizon: int) -> None:
        series, origins = [], []
        for i in range(past.n_series):
            first, last = past.known[i] - 1, past.end[i] - 1
            stride = stride_through(int(last - first), _MAX_ORIGINS, (int(past.lags[i]),))
            some = np.arange(first, last, stride)
            origins.append(some)
            series.append(np.full(len(some), i))
        self.series, self._origins = np.concatenate(series), np.concatenate(origins)
        positions = self._origins[:, np.newaxis] + np.arange(1, horizon + 1)
        self.known = positions < past.end[self.series][:, np.newaxis]
        self.positions = np.where(self.known, positions, 0)
        self._actual = np.concatenate(observations.values)[self.positions]
        self._explained = np.concatenate(observations.explained)[self.positions]
        self._logs = observations.logs[self.series]
        self._horizon = horizon
        counts = np.bincount(self.series, self.known.sum(axis=1))
        self._per_count = 1.0 / counts
        naive = np.array([np.abs(np.diff(y)).mean() for y in observations.values])
        self._unit = np.where(naive > 0.0, naive, 1.0)

    def errors(self, forecast: AnchorForecast) -> NDArray[np.float64]:
        """Return absolute errors (n_origins, horizon) in the units of y; 0 where y is not known."""
        x = forecast(self.series, self._origins, self._horizon) + self._explained
        logs = self._logs[:, np.newaxis]
        y = np.where(logs, from_scale(np.where(logs, x, 0.0), True), x)
        return np.where(self.known, np.abs(y - self._actual), 0.0)

    def mean(self, errors: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean (n_series,) of errors (n_origins, horizon) of each series."""
        return np.bincount(self.series, errors.sum(axis=1)) * self._per_count

    def mean_over_series(self, errors: NDArray[np.float64]) -> float:
        """Return the mean of errors (n_series,), each in units of its naive forecast's error."""
        return float(np.mean(errors / self._unit))
