"""Anchors at many ends of one series: as if it had ended there, without fitting each time.

`Anchored` fits the anchors to whole series and follows them to all origins. Here every end has the
seasons, the smoothing and the drift of the series up to it, which `update` would give. What adds up
along the series is carried from one end to the next; so an end costs one pass of the smoothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklstm._forecasting.anchored import (
    Anchored,
    lags_of,
    log_unit,
    longest_of_multiples,
    scale_of,
    seasons_that_fit,
)
from sklstm._forecasting.anchors import DampedTrend, best_alpha, damping, last_slope
from sklstm._forecasting.drivers import Drivers
from sklstm._forecasting.seasonality import (
    autocovariances,
    is_significant,
    without_trend,
)
from sklstm._forecasting.settings import ModelSettings
from sklstm._forecasting.shrunken_seasons import profile_of
from sklstm._forecasting.transform import from_scale

_MOST_PRODUCTS = 2**22  # above this, a jump to the next end computes all products again


@dataclass(frozen=True)
class End:
    """What the anchors need of a series that ends here."""

    n: int  # number of values up to it
    x: NDArray[np.float64]  # (k,): the last ones
    rest: NDArray[np.float64]  # (k,): the same without seasons
    profile: dict[int, NDArray[np.float64]]  # seasonal indices, from the first of these values on
    level: float
    drift: float
    lag: int
    long_lag: int
    scales: tuple[float, float]  # of x and of rest
    in_units: tuple[float, ...]  # of the anchors in units, see `_in_units`; NaN without them


class AnchoredEnds(Anchored):
    """Ends of one series as a panel of short series: each can be forecast from its last value."""

    def __init__(
        self,
        ends: list[End],
        log: bool,
        settings: ModelSettings,
        short: bool,
        features: NDArray[np.float64],
        linear: dict[str, NDArray[np.float64]],
        drivers: Drivers | None,
    ) -> None:
        """Take ends, features (n_features,) of the series, linear maps by branch, and drivers."""
        self.drivers = drivers
        self.settings, self.short = settings, short
        self.n_series = len(ends)
        self.logs = np.full(len(ends), log)
        self.features = np.tile(features, (len(ends), 1))
        self.end = self.known = np.cumsum([len(end.x) for end in ends])
        self.begin = self.end - [len(end.x) for end in ends]
        self.x = np.concatenate([end.x for end in ends])
        self.rest = np.concatenate([end.rest for end in ends])
        self.level = self._at_ends([end.level for end in ends])
        self.drift = self._at_ends([end.drift for end in ends])
        if short:
            phi, last, level, slope, step, unit = np.array([end.in_units for end in ends]).T
            self.phis, self.log_units, self.units = phi, unit, self._at_ends(last)
            self.damped_level, self.damped_slope = self._at_ends(level), self._at_ends(slope)
            self.mean_step = self._at_ends(step)
        self.profiles = [end.profile for end in ends]
        self.lags = np.array([end.lag for end in ends])
        self.long_lags = np.array([end.long_lag for end in ends])
        self.linear = linear
        self._scales = {
            "x": np.array([end.scales[0] for end in ends]),
            "rest": np.array([end.scales[1] for end in ends]),
        }

    def _at_ends(self, values: Any) -> NDArray[np.float64]:
        """Return values (n_series,) at the last of all positions (n_total,), NaN elsewhere."""
        out = np.full(len(self.x), np.nan)
        out[self.end - 1] = values
        return out


def ends_of(
    x: NDArray[np.float64],
    lengths: NDArray[np.int64],
    log: bool,
    settings: ModelSettings,
    short: bool,
    n_last: int,
) -> Iterator[End]:
    """Yield the ends after the first lengths (n_ends,), in ascending order, of a series (n,).

    n_last: how many of the last values an end needs, apart from its seasons.
    """
    tested = settings.season_lengths if settings.test_seasons and not short else ()
    tests = {m: _GrowingTest(x, m) for m in tested}
    profiles: dict[int, _GrowingIndices] = {}
    step = np.abs(np.diff(x, prepend=x[:1])).cumsum()
    size = np.maximum.accumulate(np.abs(x))
    for n in lengths:
        seasons = longest_of_multiples(
            m for m in seasons_that_fit(int(n), settings) if m not in tests or tests[m].passed(n)
        )
        if len(seasons) == 1 and not short:
            m = seasons[0]
            if m not in profiles:
                profiles[m] = _GrowingIndices(x, m)
            profile = {m: profiles[m].of_first(int(n))}
        else:
            profile = profile_of(x[:n], seasons, short)
        rest = x[:n]
        for indices in profile.values():
            rest = rest - np.resize(indices, n)
        _, level = best_alpha(rest)
        lag, long_lag = lags_of(int(n), seasons, settings)
        first = max(0, int(n) - max(n_last, lag, long_lag))
        yield End(
            int(n),
            x[first:n],
            rest[first:],
            {m: np.roll(indices, -first) for m, indices in profile.items()},
            level,
            damping(int(n)) * last_slope(rest),
            lag,
            long_lag,
            (
                scale_of(step[n - 1] / max(int(n) - 1, 1), size[n - 1]),
                scale_of(np.abs(np.diff(rest)).sum() / max(int(n) - 1, 1), np.abs(rest).max()),
            ),
            _in_units(rest, log) if short else (np.nan,) * 6,
        )


def _in_units(rest: NDArray[np.float64], log: bool) -> tuple[float, ...]:
    """Return phi, the last value, the damped level and slope, and the mean step of a series.

    The last one is the logarithm of the unit in which they are.
    """
    unit = log_unit(rest, log)
    y = from_scale(rest - unit, log)
    damped = DampedTrend.fit(y, len(y))
    step = (y[-1] - y[0]) / max(len(y) - 1, 1)
    level, slope = float(damped.level[-1]), float(damped.slope[-1])
    return damped.phi, float(y[-1]), level, slope, float(step), unit


class _GrowingTest:
    """The test for a season (see `is_seasonal`) of the first values of a series, more and more."""

    def __init__(self, x: NDArray[np.float64], m: int) -> None:
        self._x = x - x[0]  # near zero, so that the products do not lose digits
        self._m = m
        self._sums = np.concatenate([[0.0], np.cumsum(self._x)])
        self._squares = np.concatenate([[0.0], np.cumsum(self._x**2)])
        self._energy = np.concatenate([[0.0], np.cumsum(x**2)])
        self._n, self._products = 0, np.zeros(m)

    def passed(self, n: int) -> bool:
        """Return whether the first n values are seasonal."""
        m, x = self._m, self._x
        if n < 3 * m:
            return False
        if (n - self._n) * m > _MOST_PRODUCTS or self._n < m:
            self._products = autocovariances(x[:n], m)
        else:
            for t in range(self._n, n):
                self._products += x[t] * x[t - m : t][::-1]
        self._n = n
        sums, mean = self._sums, self._sums[n] / n
        ends = sums[n] - sums[1 : m + 1] + sums[n - m : n][::-1]
        products = self._products - mean * (ends - mean * np.arange(n - 1.0, n - m - 1.0, -1.0))
        return is_significant(
            products, self._squares[n] - n * mean * mean, float(self._energy[n]), n
        )


class _GrowingIndices:
    """The seasonal indices (see `seasonal_indices`) of the first values of a series."""

    def __init__(self, x: NDArray[np.float64], m: int) -> None:
        self._rest, self._first = without_trend(x, m)
        self._m = m
        self._n_lost = len(x) - len(self._rest)
        self._n, self._sums, self._counts = 0, np.zeros(m), np.zeros(m, np.int64)

    def of_first(self, n: int) -> NDArray[np.float64]:
        """Return the indices (m,) of the first n values, no fewer than before."""
        new = np.arange(self._n, n - self._n_lost)
        phase = (self._first + new) % self._m
        self._sums += np.bincount(phase, self._rest[new], minlength=self._m)
        self._counts += np.bincount(phase, minlength=self._m)
        self._n = max(self._n, n - self._n_lost)
        indices = self._sums / np.maximum(self._counts, 1)
        return np.asarray(indices - indices.mean())
