"""A panel with its anchors: the forecasts from every origin that need no network."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklstm._forecasting.anchors import DampedTrend, TrendAnchor, mean_steps, seasonal_naive
from sklstm._forecasting.branch import AnchorForecast, Branch
from sklstm._forecasting.candidates import with_linear_map
from sklstm._forecasting.drivers import Drivers
from sklstm._forecasting.observations import Observations
from sklstm._forecasting.seasonality import is_seasonal, season_candidates, seasonal_part
from sklstm._forecasting.settings import ModelSettings
from sklstm._forecasting.transform import from_scale

_FIRST_ORIGIN = 3  # least number of observations before the first origin to learn from
_MAX_ORIGINS, _MAX_ERRORS = 20_000, 2**22  # from which the spread of a series is measured
_HIGHEST_LOG = 350.0  # of a first value that exp takes as it is; above that of any y
_LOWEST = 1e-3  # fraction of the last value below which no trend falls in logarithms
_FULL_SEASONS = 3  # seasons that a series must hold before its seasonal indices are trusted


class Anchored:
    """Series in the scale of the model, joined end to end, with the anchors of each.

    Anchors are fitted to the first n_known observations of each series and then follow the
    others, so that forecasts from later origins are available too.
    """

    logs: NDArray[np.bool_]  # (n_series,)
    short: bool  # whether the damped trend and the drift are among the anchors
    profiles: list[dict[int, NDArray[np.float64]]]  # seasonal indices by season length, by series

    def __init__(
        self,
        xs: list[NDArray[np.float64]],
        n_known: NDArray[np.int64],
        logs: NDArray[np.bool_],
        settings: ModelSettings,
        short: bool,
        features: NDArray[np.float64] | None = None,
        drivers: Drivers | None = None,
    ) -> None:
        self.settings = settings
        self.drivers = drivers
        self.logs = logs
        self.short = short
        self.n_series = len(xs)
        self.features = np.empty((len(xs), 0)) if features is None else features
        lengths = np.array([len(x) for x in xs])
        self.begin = np.cumsum(lengths) - lengths
        self.end = self.begin + lengths
        self.known = self.begin + n_known
        # The test for a season sees all observations, also those held out: with less data it
        # would often miss a long season. Short series have no test: noise shrinks their seasons.
        self.seasons = [
            seasons_of(x, int(n), settings, short) for x, n in zip(xs, n_known, strict=True)
        ]
        trends = [
            TrendAnchor.fit(x, seasons, int(n), short)
            for x, seasons, n in zip(xs, self.seasons, n_known, strict=True)
        ]
        self.profiles = [trend.profile for trend in trends]
        self.x = np.concatenate(xs)  # (n_total,)
        self.rest = np.concatenate([trend.rest for trend in trends])
        self.level = np.concatenate([trend.level for trend in trends])
        self.drift = np.concatenate([trend.drift for trend in trends])
        if short:
            self._add_trends_in_units(n_known)
        self.lags, self.long_lags = np.array(  # (n_series,)
            [lags_of(int(n), s, settings) for n, s in zip(n_known, self.seasons, strict=True)]
        ).T
        self.linear: dict[str, NDArray[np.float64]] = {}  # weights (window, horizon) by branch
        self._scales: dict[str, NDArray[np.float64]] = {}

    def like(
        self,
        observations: Observations,
        n_known: NDArray[np.int64],
        features: NDArray[np.float64],
        inputs: list[NDArray[np.float64]] | None,
    ) -> Anchored:
        """Return other series with anchors of the same kind and drivers on the same scale."""
        drivers = None if inputs is None or self.drivers is None else self.drivers.like(inputs)
        return Anchored(
            observations.x, n_known, observations.logs, self.settings, self.short, features, drivers
        )

    def _add_trends_in_units(self, n_known: NDArray[np.int64]) -> None:
        """Fit the damped trend and the drift, in the units of the observations without seasons."""
        rests = [self.rest[first:last] for first, last in zip(self.begin, self.end, strict=True)]
        self.log_units = np.array(  # (n_series,)
            [log_unit(rest, bool(log)) for rest, log in zip(rests, self.logs, strict=True)]
        )
        parts = [
            from_scale(rest - unit, bool(log))
            for rest, unit, log in zip(rests, self.log_units, self.logs, strict=True)
        ]
        damped = [DampedTrend.fit(y, int(n)) for y, n in zip(parts, n_known, strict=True)]
        self.phis = np.array([trend.phi for trend in damped])  # (n_series,)
        self.units = np.concatenate(parts)  # (n_total,), as the next three
        self.damped_level = np.concatenate([trend.level for trend in damped])
        self.damped_slope = np.concatenate([trend.slope for trend in damped])
        self.mean_step = np.concatenate([mean_steps(y) for y in parts])

    def anchors(self) -> dict[str, AnchorForecast]:
        """Return the candidates without a network, by name."""
        in_units = {"damped trend": self.damped_trend, "drift": self.mean_drift}
        return {
            "trend": self.trend,
            **(in_units if self.short else {}),
            "season": self.season,
            "long season": self.long_season,
            with_linear_map("trend"): self._trend_with_linear_map,
            with_linear_map("season"): self._season_with_linear_map,
        }

    # --- forecasts (n, horizon) of x, from origins (n,) of series (n,) ----------------------
    def trend(self, series: NDArray, origins: NDArray, horizon: int) -> NDArray[np.float64]:
        """Forecast the smoothed level, the drift and the seasons."""
        return self._drifting(series, origins, horizon) + self._cycle(series, origins, horizon)

    def damped_trend(self, series: NDArray, origins: NDArray, horizon: int) -> NDArray[np.float64]:
        """Forecast Holt's level and a slope that fades away, with the seasons."""
        fading = self.phis[series, np.newaxis] ** np.arange(1, horizon + 1)
        rise = self.damped_slope[origins, np.newaxis] * np.cumsum(fading, axis=1)
        return self._from_units(series, origins, self.damped_level[origins, np.newaxis] + rise)

    def mean_drift(self, series: NDArray, origins: NDArray, horizon: int) -> NDArray[np.float64]:
        """Go on from the last value with the mean step of the past, with the seasons."""
        rise = self.mean_step[origins, np.newaxis] * np.arange(1, horizon + 1)
        return self._from_units(series, origins, self.units[origins, np.newaxis] + rise)

    def _from_units(
        self, series: NDArray, origins: NDArray, forecast: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return a forecast (n, horizon) in units without seasons in the scale of the model."""
        lowest = np.maximum(_LOWEST * self.units[origins, np.newaxis], np.finfo(float).tiny)
        logs = self.logs[series, np.newaxis]
        x = np.where(logs, np.log(np.maximum(forecast, np.where(logs, lowest, 1.0))), forecast)
        x += self.log_units[series, np.newaxis]
        return x + self._cycle(series, origins, forecast.shape[1])

    def season(self, series: NDArray, origins: NDArray, horizon: int) -> NDArray[np.float64]:
        """Repeat the last season."""
        return seasonal_naive(self.x, self.lags[series], origins, horizon)

    def long_season(self, series: NDArray, origins: NDArray, horizon: int) -> NDArray[np.float64]:
        """Repeat the last one of the longest season; NaN for series that have no longer one."""
        lags = self.long_lags[series]
        out = np.full((len(origins), horizon), np.nan)
        some = (lags > 0) & (origins - self.begin[series] + 1 >= lags)
        out[some] = seasonal_naive(self.x, lags[some], origins[some], horizon)
        return out

    def _trend_with_linear_map(
        self, series: NDArray, origins: NDArray, horizon: int
    ) -> NDArray[np.float64]:
        cycle = self._cycle(series, origins, horizon)
        return self._with_linear_map("trend", self._drifting, series, origins, horizon) + cycle

    def _season_with_linear_map(
        self, series: NDArray, origins: NDArray, horizon: int
    ) -> NDArray[np.float64]:
        return self._with_linear_map("season", self.season, series, origins, horizon)

    def _drifting(self, series: NDArray, origins: NDArray, horizon: int) -> NDArray[np.float64]:
        """Forecast level and drift of the deseasonalised series."""
        steps = np.arange(1, horizon + 1)
        return self.level[origins, np.newaxis] + self.drift[origins, np.newaxis] * steps

    def _cycle(self, series: NDArray, origins: NDArray, horizon: int) -> NDArray[np.float64]:
        """Return the seasonal part of the trend's forecast."""
        positions = (origins - self.begin[series])[:, np.newaxis] + np.arange(1, horizon + 1)
        out = np.zeros(positions.shape)
        for i in np.unique(series):
            if self.profiles[i]:
                rows = series == i
                out[rows] = seasonal_part(self.profiles[i], positions[rows])
        return out

    def _with_linear_map(
        self, name: str, anchor: AnchorForecast, series: NDArray, origins: NDArray, horizon: int
    ) -> NDArray[np.float64]:
        """Add the linear map of a branch, if there is one, to a forecast."""
        forecast = anchor(series, origins, horizon)
        if name not in self.linear:
            return forecast
        branch, weights = self.bare_branch(name), self.linear[name]
        correction = np.empty((len(origins), weights.shape[1]))
        for rows, inputs in branch.blocks(series, origins, len(weights)):
            correction[rows] = inputs @ weights
        correction *= branch.scale[series][:, np.newaxis]
        return forecast + repeated_beyond(correction, horizon, self.settings.lag)

    # --- what is learnt from ----------------------------------------------------------------
    def bare_branch(self, name: str) -> Branch:
        """Return the "trend" of the deseasonalised series or the "season" of the series as is."""
        if name == "trend":
            return self._branch(self.rest, self.level, self._drifting, self._scale("rest"))
        return self._branch(self.x, self.x, self.season, self._scale("x"))

    def network_branch(self, name: str) -> Branch:
        """Return the branch that a network corrects, which may include the linear map."""
        bare = self.bare_branch(name)
        if self.settings.corrected_by_network(name) == name:
            return bare
        anchor = partial(self._with_linear_map, name, bare.anchor)
        return self._branch(bare.x, bare.level, anchor, bare.amplitude)

    def _branch(
        self, x: NDArray, level: NDArray, anchor: AnchorForecast, amplitude: NDArray
    ) -> Branch:
        scale = np.where(amplitude > 0.0, amplitude, 1.0)
        first = self.begin + np.maximum(self.lags - 1, _FIRST_ORIGIN)
        window = self.settings.window_length()
        return Branch(
            x, level, anchor, scale, self.begin, first, self.known, window,
            self.features, self.end, self.drivers, amplitude,
        )  # fmt: skip

    def _scale(self, name: str) -> NDArray[np.float64]:
        """Return the mean absolute difference (n_series,) of what is known."""
        if name not in self._scales:
            values = getattr(self, name)
            means = [
                np.abs(np.diff(values[first:last])).mean() if last - first > 1 else 0.0
                for first, last in zip(self.begin, self.known, strict=True)
            ]
            size = [np.abs(values[f:e]).max() for f, e in zip(self.begin, self.end, strict=True)]
            self._scales[name] = np.array(
                [scale_of(*pair) for pair in zip(means, size, strict=True)]
            )
        return self._scales[name]

    def origins_of(self, i: int) -> NDArray[np.int64]:
        """Return origins of a series at which its anchors are compared with what followed.

        Of a long series these are not all, but evenly spaced ones in all phases of the seasons.
        """
        last = self.end[i] - 1
        first = self.begin[i] + max(self.lags[i] - 1, min(_FIRST_ORIGIN, last - self.begin[i]))
        at_most = min(_MAX_ORIGINS, max(1, _MAX_ERRORS // self.settings.horizon))
        return np.arange(first, last, stride_through(int(last - first), at_most, self.seasons[i]))


def seasons_of(
    x: NDArray[np.float64], n_known: int, settings: ModelSettings, short: bool = False
) -> tuple[int, ...]:
    """Return the seasons to remove from a series: those that fit into it and are in the data."""
    tested = settings.test_seasons and not short
    return longest_of_multiples(
        m for m in seasons_that_fit(n_known, settings) if not tested or is_seasonal(x, m)
    )


def seasons_that_fit(n_known: int, settings: ModelSettings) -> list[int]:
    """Return the candidates of which n_known values hold enough seasons."""
    return [m for m in settings.season_lengths if n_known >= _FULL_SEASONS * m]


def seasons_warning(given: Any, step: Any, n_longest: int) -> str | None:
    """Return what to tell the user about a given season for which all series are too short.

    given, step: the parameter `season_length`, and the step of the time axis
    n_longest: observations of the longest series
    """
    lengths, tested = season_candidates(given, step)
    for m in lengths:
        if not tested and n_longest < _FULL_SEASONS * m:
            return (
                f"season_length={m} has no effect: it needs {_FULL_SEASONS * m} observations, and "
                f"the longest series has {n_longest}."
            )
    return None


def longest_of_multiples(seasons: Iterable[int]) -> tuple[int, ...]:
    """Return the seasons without those that a longer one, a multiple of them, contains."""
    kept = list(seasons)
    return tuple(m for m in kept if not any(other > m and other % m == 0 for other in kept))


def lags_of(n_known: int, seasons: tuple[int, ...], settings: ModelSettings) -> tuple[int, int]:
    """Return the lags of the anchors "season" and "long season"; 0 without a longer season."""
    m, longest = settings.lag, max(seasons, default=1)
    return (m if n_known >= 2 * m else 1), (longest if longest > m else 0)


def log_unit(rest: NDArray[np.float64], log: bool) -> float:
    """Return the logarithm of the unit in which exp of a series (n,) in logarithms is computed.

    It is 0, unless exogenous effects have moved the series to where exp overflows or vanishes.
    """
    return float(rest[0]) if log and abs(rest[0]) > _HIGHEST_LOG else 0.0


def scale_of(step: float, size: float) -> float:
    """Return the mean absolute difference of a series as its scale; 0 where it is rounding."""
    return float(step) if step > 1e-12 * max(size, 1e-300) else 0.0


def stride_through(n: int, at_most: int, seasons: tuple[int, ...]) -> int:
    """Return a step through n origins that visits at most so many, in all phases of the seasons."""
    stride = max(1, -(-n // at_most))
    while stride > 1 and any(m > 1 and math.gcd(stride, m) > 1 for m in seasons):
        stride += 1
    return stride


def repeated_beyond(correction: NDArray[np.float64], horizon: int, lag: int) -> NDArray[np.float64]:
    """Extend corrections (n, fitted horizon) to a longer horizon by repeating the last season."""
    n = correction.shape[1]
    steps = np.arange(horizon)
    period = lag if lag <= n else 1
    steps = np.where(steps < n, steps, n - period + (steps - n) % period)
    return correction[:, steps]
