"""A model: the anchors and networks that learn from one or more series together."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sklstm._forecasting.anchored import Anchored, seasons_of
from sklstm._forecasting.candidates import (
    BRANCHES,
    CANDIDATES,
    DRIVERS,
    NETWORKS,
    with_linear_map,
    with_network,
)
from sklstm._forecasting.combination import weights_of_candidates
from sklstm._forecasting.drivers import Drivers
from sklstm._forecasting.ends import AnchoredEnds, End, ends_of
from sklstm._forecasting.exogenous import linear_effects
from sklstm._forecasting.hold_out import HoldOut, n_held_out
from sklstm._forecasting.intervals import Spread
from sklstm._forecasting.linear import fit_linear
from sklstm._forecasting.narrowing import narrowing_by_network
from sklstm._forecasting.networks import Networks, corrected_by
from sklstm._forecasting.observations import Observations
from sklstm._forecasting.seasonality import is_seasonal
from sklstm._forecasting.settings import ModelSettings
from sklstm._forecasting.transform import to_scale, wants_log

_VALUES_PER_BLOCK = 2**19  # values of ends of a series that are in memory at the same time
_MOST_PAST_ERRORS = 2**20  # of a series, from which sample paths are drawn
_MANY_WINDOWS = 8  # a series that holds so many windows is a long one


@dataclass(frozen=True)
class Model:
    """A fitted model of n_series series, which are plain arrays here."""

    settings: ModelSettings
    logs: NDArray[np.bool_]  # (n_series,)
    effects: list[NDArray[np.float64]]  # n_series arrays (k,): of the exogenous variables
    anchored: Anchored
    networks: Networks
    errors: dict[str, NDArray[np.float64]]  # (n_series,) by candidate, on the hold-out; NaN: none
    weights: dict[str, NDArray[np.float64]]  # (n_series,) by candidate
    spreads: list[Spread]
    narrowing: NDArray[np.float64] | None = None  # (n_series, horizon), see narrowing.py

    @classmethod
    def fit(
        cls,
        values: list[NDArray[np.float64]],
        settings: ModelSettings,
        seed: int,
        n_threads: int = 1,
        inputs: list[NDArray[np.float64]] | None = None,
        features: NDArray[np.float64] | None = None,
        after_round: Callable[[], object] = lambda: None,
        n_past_only: int = 0,
    ) -> Model:
        """Fit series (n_i,), with exogenous inputs (n_i, k) and features (n_series, n_features).

        The last n_past_only inputs are not known in the future: the networks alone see them.
        """
        logs = np.array(
            [wants_log(y) if settings.log is None else settings.log for y in values], np.bool_
        )
        lengths = np.array([len(y) for y in values])
        long = bool(np.median(lengths) >= _MANY_WINDOWS * settings.window_length())
        effects = _effects(values, logs, inputs, settings, not long, n_past_only)
        observations = Observations.of(values, logs, inputs, effects)
        drivers = None if inputs is None else Drivers.of(inputs, n_past_only)
        full = Anchored(observations.x, lengths, logs, settings, not long, features, drivers)
        networks = Networks()
        errors, weights, factors = _compare(
            full, observations, inputs, networks, seed, n_threads, after_round
        )
        spreads = _spreads(full, observations, weights, factors)
        return cls(settings, logs, effects, full, networks, errors, weights, spreads, factors)

    def followed(
        self,
        values: list[NDArray[np.float64]],
        inputs: list[NDArray[np.float64]] | None = None,
    ) -> Model:
        """Return the same model on longer series: new anchors and spreads, the same networks."""
        observations = Observations.of(values, self.logs, inputs, self.effects)
        old = self.anchored
        anchored = old.like(observations, observations.lengths, old.features, inputs)
        anchored.linear = self.anchored.linear
        spreads = _spreads(anchored, observations, self.weights, self.narrowing)
        return replace(self, anchored=anchored, spreads=spreads)

    @property
    def seasons(self) -> list[tuple[int, ...]]:
        """The seasons of each series: those given, or that the test for a season finds.

        Short series have no test in the forecast, where a season that is noise is shrunken.
        """
        anchored = self.anchored
        if not (anchored.short and self.settings.test_seasons):
            return anchored.seasons
        xs = np.split(anchored.x, anchored.begin[1:])
        return [
            tuple(m for m in seasons if is_seasonal(x, m))
            for x, seasons in zip(xs, anchored.seasons, strict=True)
        ]

    def forecast(
        self, horizon: int, inputs: list[NDArray[np.float64]] | None = None
    ) -> list[NDArray[np.float64]]:
        """Return forecasts, n_series arrays (horizon,), in the scale of the model.

        inputs: n_series arrays (horizon, k), the exogenous variables at those times.
        """
        anchored = self.anchored
        if inputs is not None and anchored.drivers is not None:
            drivers = anchored.drivers.with_future(np.stack(inputs))
            anchored = copy.copy(anchored)
            anchored.drivers = drivers
        total = self._combined(anchored, self.weights, horizon)
        if inputs is not None:
            total += [rows @ effect for rows, effect in zip(inputs, self.effects, strict=True)]
        return list(total)

    def forecast_after(
        self,
        i: int,
        y: NDArray[np.float64],
        lengths: NDArray[np.int64],
        horizon: int,
        inputs: NDArray[np.float64] | None,
    ) -> NDArray[np.float64]:
        """Return forecasts (n_ends, horizon) of a series after its first lengths (n_ends,).

        lengths are in ascending order; y (n,) and inputs (>= n, k) begin with the series. The
        forecasts are those of `followed` at each length, but for rounding.
        """
        y = y[: lengths[-1]]  # what comes later need not have a logarithm
        x, explained = to_scale(y, bool(self.logs[i])), None
        if inputs is not None:
            explained = inputs @ self.effects[i]
            x = x - explained[: len(x)]
        n_last = max([self.settings.window_length(), *map(len, self.anchored.linear.values())])
        log, short = bool(self.logs[i]), self.anchored.short
        ends = ends_of(x, lengths, log, self.settings, short, n_last)
        weights = {name: weight[i : i + 1] for name, weight in self.weights.items()}
        n_rows = max(1, _VALUES_PER_BLOCK // max(n_last, horizon, *self.settings.season_lengths, 1))
        total = np.empty((len(lengths), horizon))
        for first in range(0, len(lengths), n_rows):
            block = list(itertools.islice(ends, n_rows))
            anchored = AnchoredEnds(
                block, log, self.settings, short, self.anchored.features[i], self.anchored.linear,
                self._drivers_of(block, inputs, horizon),
            )  # fmt: skip
            total[first : first + n_rows] = self._combined(anchored, weights, horizon)
        if explained is not None:
            total += explained[lengths[:, np.newaxis] + np.arange(horizon)]
        return total

    def _drivers_of(
        self, ends: list[End], inputs: NDArray[np.float64] | None, horizon: int
    ) -> Drivers | None:
        """Return the drivers at ends of a series, from its inputs (n, k); None if it has none."""
        drivers = self.anchored.drivers
        if drivers is None or inputs is None:
            return None
        first = [end.n - len(end.x) for end in ends]
        return drivers.at_ends(inputs, first, [end.n for end in ends], horizon)

    def past_errors(self, i: int, horizon: int) -> NDArray[np.float64]:
        """Return errors (n_origins, horizon) of the anchors of a series, of whole horizons."""
        origins = self._past_origins(i, horizon)
        return _errors_from(self.anchored, self.weights, i, origins, horizon)[0]

    def past_ages(self, i: int, horizon: int) -> NDArray[np.int64]:
        """Return how many steps before the end of its series each past error (n_origins,) ends."""
        return self.anchored.end[i] - 1 - horizon - self._past_origins(i, horizon)

    def _past_origins(self, i: int, horizon: int) -> NDArray[np.int64]:
        """Return the origins (n_origins,) of the past errors of a series."""
        origins = self.anchored.origins_of(i)
        origins = origins[origins + horizon < self.anchored.end[i]]
        return origins[:: max(1, -(-len(origins) * horizon // _MOST_PAST_ERRORS))]

    def _combined(
        self, anchored: Anchored, weights: dict[str, NDArray[np.float64]], horizon: int
    ) -> NDArray[np.float64]:
        """Return the weighted forecasts (n_series, horizon) after the last value of each series."""
        total = np.zeros((anchored.n_series, horizon))
        for name, forecast in self._candidates_of(anchored, horizon).items():
            weight = weights[name][:, np.newaxis]
            total += np.where(weight > 0.0, weight * forecast, 0.0)
        return total

    def candidates(self, horizon: int) -> dict[str, NDArray[np.float64]]:
        """Return forecasts (n_series, horizon) by candidate, in the scale of the model."""
        return self._candidates_of(self.anchored, horizon)

    def _candidates_of(self, anchored: Anchored, horizon: int) -> dict[str, NDArray[np.float64]]:
        """Return forecasts (n_series, horizon) by candidate, after the last value of each."""
        series, origins = np.arange(anchored.n_series), anchored.end - 1
        out = {
            name: anchor(series, origins, horizon) for name, anchor in anchored.anchors().items()
        }
        corrected = self.networks.corrected(anchored, origins, out)
        return out | corrected

    def effective_weights(self) -> dict[str, NDArray[np.float64]]:
        """Return the weights (n_series,) by candidate, as they act in the forecast.

        The weight of a network that was left out is that of the anchor it would have corrected.
        """
        out = dict(self.weights)
        for name, network in NETWORKS.items():
            if name not in self.networks.correctors:
                branch = "trend" if network == DRIVERS else name
                anchor = corrected_by(network, self.settings)
                if branch not in self.anchored.linear:
                    anchor = branch
                out[anchor] = out[anchor] + out[network]
                out[network] = np.zeros_like(out[network])
        return out


def _effects(
    values: list[NDArray[np.float64]],
    logs: NDArray[np.bool_],
    inputs: list[NDArray[np.float64]] | None,
    settings: ModelSettings,
    short: bool,
    n_past_only: int,
) -> list[NDArray[np.float64]]:
    """Return effects (k,) of the exogenous inputs (n_i, k) on each series.

    The last n_past_only have none, since a forecast would need their future.
    """
    if inputs is None:
        return []
    scaled = [to_scale(y, log) for y, log in zip(values, logs, strict=True)]
    n_known = inputs[0].shape[1] - n_past_only
    found = [
        linear_effects(x, rows[:, :n_known], seasons_of(x, len(x), settings, short), short)
        if n_known
        else np.empty(0)
        for x, rows in zip(scaled, inputs, strict=True)
    ]
    return [np.concatenate([effects, np.zeros(n_past_only)]) for effects in found]


def _compare(
    full: Anchored,
    observations: Observations,
    inputs: list[NDArray[np.float64]] | None,
    networks: Networks,
    seed: int,
    n_threads: int,
    after_round: Callable[[], object],
) -> tuple[
    dict[str, NDArray[np.float64]], dict[str, NDArray[np.float64]], NDArray[np.float64] | None
]:
    """Compare all candidates on the hold-out; return errors and weights (n_series,) by candidate.

    On the way the linear maps and the networks are trained. A series that is too short for a
    hold-out has the trend alone. If a network sees drivers, factors (n_series, horizon) that narrow
    the intervals come third.
    """
    settings, horizon = full.settings, full.settings.horizon
    n_held = n_held_out(observations.lengths, settings)
    which = np.flatnonzero(n_held > 0)
    errors = {name: np.full(full.n_series, np.nan) for name in CANDIDATES}
    if not len(which):
        return errors, _weights(full, errors), None
    part = observations.of_series(which)
    rows = None if inputs is None else [inputs[i] for i in which]
    past = full.like(part, part.lengths - n_held[which], full.features[which], rows)
    hold_out = HoldOut(past, part, horizon)
    tables = {}
    for name, anchor in past.anchors().items():
        if name not in map(with_linear_map, BRANCHES):
            tables[name] = hold_out.errors(anchor)
    for k, branch in enumerate(BRANCHES):
        if _fit_linear_map(branch, past, full):
            name = with_linear_map(branch)
            tables[name] = hold_out.errors(past.anchors()[name])
        if settings.trains_networks:
            tables[with_network(branch)] = networks.train(
                branch, past, full, hold_out, seed + k, n_threads, after_round
            )
    if settings.trains_networks and full.drivers is not None:
        tables[DRIVERS] = networks.train(
            "X", past, full, hold_out, seed + len(BRANCHES), n_threads, after_round
        )
    for name, table in tables.items():
        errors[name][which] = hold_out.mean(table)
    weights = _weights(full, errors)
    if DRIVERS not in tables:
        return errors, weights, None
    factors = np.ones((full.n_series, horizon))
    of_these = {name: weight[which] for name, weight in weights.items()}
    factors[which] = narrowing_by_network(hold_out, tables, of_these)
    return errors, weights, factors


def _weights(
    anchored: Anchored, errors: dict[str, NDArray[np.float64]]
) -> dict[str, NDArray[np.float64]]:
    """Return weights (n_series,) by candidate, from errors of that shape; NaN: no hold-out."""
    alone = np.all([np.isnan(of_candidate) for of_candidate in errors.values()], axis=0)
    errors = errors | {"trend": np.where(alone, 1.0, errors["trend"])}
    return weights_of_candidates(errors, not anchored.short, len(anchored.x))


def _fit_linear_map(branch: str, past: Anchored, full: Anchored) -> bool:
    """Give a branch its linear map, unless the past or all of the data is too short for one."""
    horizon, windows = full.settings.horizon, full.settings.linear_windows()
    of_past = fit_linear(past.bare_branch(branch), horizon, windows)
    of_full = fit_linear(full.bare_branch(branch), horizon, windows)
    if of_past is None or of_full is None:
        return False  # a map that the hold-out has not tried must not count
    past.linear[branch], full.linear[branch] = of_past, of_full
    return True


def _spreads(
    anchored: Anchored,
    observations: Observations,
    weights: dict[str, NDArray[np.float64]],
    narrowing: NDArray[np.float64] | None,
) -> list[Spread]:
    """Return the spread of the errors that the anchors made in each series, narrowed."""
    spreads = []
    for i, explained in enumerate(observations.explained):
        origins, horizon = anchored.origins_of(i), anchored.settings.horizon
        if len(origins):
            errors, forecast = _errors_from(anchored, weights, i, origins, horizon)
        else:
            origins, errors, forecast = _as_a_random_walk(anchored, i, horizon)
        positions = origins[:, np.newaxis] + np.arange(1, errors.shape[1] + 1)
        known = positions < anchored.end[i]
        forecast += explained[np.where(known, positions - anchored.begin[i], 0)]
        spread = Spread.of(errors, forecast, bool(observations.logs[i]))
        spreads.append(spread if narrowing is None else spread.narrowed(narrowing[i]))
    return spreads


def _as_a_random_walk(
    anchored: Anchored, i: int, horizon: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return origins (n,), and errors and forecasts (n, horizon), of repeating each value once.

    They are for a series that is too short to see how the anchors did.
    """
    origins = np.arange(anchored.begin[i], anchored.end[i] - 1)
    forecast = np.tile(anchored.x[origins, np.newaxis], horizon)
    errors = np.full(forecast.shape, np.nan)
    errors[:, 0] = anchored.x[origins + 1] - anchored.x[origins]
    return origins, errors, forecast


def _errors_from(
    anchored: Anchored,
    weights: dict[str, NDArray[np.float64]],
    i: int,
    origins: NDArray[np.int64],
    horizon: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return errors and forecasts (n_origins, horizon) of the anchors of a series.

    They are weighted as in the forecast, where a network counts as the anchor that it corrects.
    Errors after the end are NaN.
    """
    own = {name: float(weights[name][i]) for name in CANDIDATES}
    for network in NETWORKS.values():
        own[corrected_by(network, anchored.settings)] += own[network]
    series = np.full(len(origins), i)
    forecast = np.zeros((len(origins), horizon))
    for name, anchor in anchored.anchors().items():
        if own[name] > 0.0:
            forecast += own[name] * anchor(series, origins, horizon)
    positions = origins[:, np.newaxis] + np.arange(1, horizon + 1)
    known = positions < anchored.end[i]
    actual = anchored.x[np.where(known, positions, 0)]
    return np.where(known, actual - forecast, np.nan), forecast
