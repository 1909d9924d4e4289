"""The model of a panel: anchors, corrections, the hold-out that decides, and the combination.

Series are plain arrays here, in the units of the observations; one series is a panel of one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sklstm._forecasting.anchors import TrendAnchor, seasonal_naive
from sklstm._forecasting.combination import weights_by_error
from sklstm._forecasting.correction import AnchorForecast, Branch, Corrector, Settings
from sklstm._forecasting.exogenous import linear_effects
from sklstm._forecasting.intervals import Spread
from sklstm._forecasting.linear import fit_linear
from sklstm._forecasting.seasonality import is_seasonal, seasonal_part
from sklstm._forecasting.transform import from_scale, to_scale, wants_log
from sklstm._training.workers import Workers

CANDIDATES = (
    "trend", "season", "long season", "trend + linear", "season + linear",
    "trend + LSTM", "season + LSTM",
)  # fmt: skip
BRANCHES = ("trend", "season")
_N_ANCHORS = 5  # candidates without a network come first
# What a candidate counts where all errors on the hold-out are equal. On short series one
# hold-out cannot show how much better the trend is. On long ones the candidates with the linear
# map and the networks that correct them are much alike, and the networks were chosen by the same
# hold-out.
_PRIOR = np.array([1.0, 1.0, 2.0, 0.5, 0.5, 0.25, 0.25])
_PRIOR_OF_SHORT = np.array([2.0, 1.0, 1.0, 0.5, 0.5, 2.0, 1.0])
_LONG = 8  # windows that make a series a long one
_FIRST_ORIGIN = 3  # observations before the first origin to learn from, at least
_MAX_HELD_ORIGINS = 32  # origins of the hold-out at which candidates are compared
_SHORTEST = 12  # a series this short, or shorter than two horizons, has no hold-out
_EPOCHS = 20  # passes over the windows, at most: short series are learnt by heart soon
_FULL = 3  # seasons that must fit into a series before its seasonal indices are trusted


@dataclass(frozen=True)
class Recipe:
    """Everything the user may set about the model."""

    season_lengths: tuple[int, ...]  # candidates, shortest first
    test_seasons: bool
    log: bool | None  # None: decided by series
    network: Settings
    window: int | None
    skip: bool  # networks have a linear map of their own, from the window to the head
    correct: bool = True

    @property
    def horizon(self) -> int:
        return self.network.horizon

    @property
    def lag(self) -> int:
        """The shortest season; 1 if there is none."""
        return self.season_lengths[0] if self.season_lengths else 1

    def window_length(self) -> int:
        """How many observations the network sees."""
        if self.window is not None:
            return self.window
        m, enough = self.lag, math.ceil(1.25 * self.horizon)
        if m == 1:
            return max(8, enough)
        return max(2 * m, enough) if m <= 12 else max(2 * m, self.horizon)

    def corrected(self, branch: str) -> int:
        """Place among the candidates of the anchor that the network of a branch corrects.

        The one with the linear map, unless the network has one of its own: on panels of short
        series it does better from the bare anchor.
        """
        return CANDIDATES.index(branch if self.skip else f"{branch} + linear")

    def linear_windows(self) -> tuple[int, ...]:
        """How many observations the linear map may see: the network's, or a longest season."""
        longest = max(self.season_lengths, default=1)
        return self.window_length(), max(longest, self.window_length())


class Anchored:
    """A panel in the scale of the model, with the anchors of every series.

    Anchors are fitted on the first n_known observations of each series and follow the others,
    so that the forecasts from later origins are at hand too.
    """

    def __init__(
        self,
        xs: list[NDArray[np.float64]],
        n_known: NDArray[np.int64],
        recipe: Recipe,
        features: NDArray[np.float64] | None = None,
    ) -> None:
        self.recipe = recipe
        self.n_series = len(xs)
        self.features = np.empty((len(xs), 0)) if features is None else features
        lengths = np.array([len(x) for x in xs])
        self.begin = np.cumsum(lengths) - lengths
        self.end = self.begin + lengths
        self.known = self.begin + n_known
        # whether there is a season is asked of all that is given, also by the hold-out: a test
        # on less would often miss a long season
        self.seasons = [seasons_of(x, int(n), recipe) for x, n in zip(xs, n_known, strict=True)]
        self.trends = [
            TrendAnchor.fit(x, seasons, int(n))
            for x, seasons, n in zip(xs, self.seasons, n_known, strict=True)
        ]
        self.x = np.concatenate(xs)
        self.rest = np.concatenate([trend.rest for trend in self.trends])
        self.level = np.concatenate([trend.level for trend in self.trends])
        self.drift = np.concatenate([trend.drift for trend in self.trends])
        m = recipe.lag
        self.lags = np.where(n_known >= 2 * m, m, 1)
        longest = [max(seasons, default=1) for seasons in self.seasons]
        self.long_lags = np.where(np.array(longest) > m, longest, 0)  # 0: no longer season
        self.linear: dict[str, NDArray[np.float64]] = {}  # weights by branch
        self._scales: dict[str, NDArray[np.float64]] = {}

    def anchors(self) -> list[AnchorForecast]:
        """The candidates without a network, in the order of CANDIDATES."""
        return [self.trend, self.season, self.long_season, self.trend_linear, self.season_linear]

    # --- anchors: forecasts (n, horizon) of x from origins (n,) of series (n,) -------------
    def trend(self, series: NDArray, origins: NDArray, horizon: int) -> NDArray[np.float64]:
        """Smoothed level, drift and season."""
        return self._drift_on(series, origins, horizon) + self.cycle(series, origins, horizon)

    def season(self, series: NDArray, origins: NDArray, horizon: int) -> NDArray[np.float64]:
        """The last season again."""
        return seasonal_naive(self.x, self.lags[series], origins, horizon)

    def long_season(self, series: NDArray, origins: NDArray, horizon: int) -> NDArray[np.float64]:
        """The last one of the longest season again; NaN for series without."""
        lags = self.long_lags[series]
        out = np.full((len(origins), horizon), np.nan)
        some = (lags > 0) & (origins - self.begin[series] + 1 >= lags)
        out[some] = seasonal_naive(self.x, lags[some], origins[some], horizon)
        return out

    def trend_linear(self, series: NDArray, origins: NDArray, horizon: int) -> NDArray[np.float64]:
        """The trend, corrected by the linear map."""
        cycle = self.cycle(series, origins, horizon)
        return self._with_linear("trend", self._drift_on, series, origins, horizon) + cycle

    def season_linear(self, series: NDArray, origins: NDArray, horizon: int) -> NDArray[np.float64]:
        """The last season, corrected by the linear map."""
        return self._with_linear("season", self.season, series, origins, horizon)

    def cycle(self, series: NDArray, origins: NDArray, horizon: int) -> NDArray[np.float64]:
        """The seasonal part of the trend's forecast."""
        positions = (origins - self.begin[series])[:, np.newaxis] + np.arange(1, horizon + 1)
        out = np.zeros(positions.shape)
        for i in np.unique(series):
            if self.trends[i].profile:
                rows = series == i
                out[rows] = seasonal_part(self.trends[i].profile, positions[rows])
        return out

    def _drift_on(self, series: NDArray, origins: NDArray, horizon: int) -> NDArray[np.float64]:
        steps = np.arange(1, horizon + 1)
        return self.level[origins, np.newaxis] + self.drift[origins, np.newaxis] * steps

    def _with_linear(
        self, name: str, anchor: AnchorForecast, series: NDArray, origins: NDArray, horizon: int
    ) -> NDArray[np.float64]:
        forecast = anchor(series, origins, horizon)
        if name not in self.linear:
            return forecast
        branch = self.branch(name, bare=True)
        weights = self.linear[name]
        correction = branch.filled_windows(series, origins, len(weights)) @ weights
        correction *= branch.scale[series][:, np.newaxis]
        return forecast + stretched(correction, horizon, self.recipe.lag)

    # --- what is learnt from ----------------------------------------------------------------
    def branch(self, name: str, bare: bool = False) -> Branch:
        """The "trend" of the deseasonalised series, or the "season" of the series as it is.

        The linear map, where there is one, is part of the anchor; not if `bare`, and not for a
        network that has a linear map of its own.
        """
        window = self.recipe.window_length()
        first = self.begin + np.maximum(self.lags - 1, _FIRST_ORIGIN)
        if name == "trend":
            x, level, scale, anchor = self.rest, self.level, self._scale("rest"), self._drift_on
        else:
            x, level, scale, anchor = self.x, self.x, self._scale("x"), self.season
        if not (bare or self.recipe.skip):
            anchor = partial(self._with_linear, name, anchor)
        return Branch(x, level, anchor, scale, self.begin, first, self.known, window, self.features)

    def _scale(self, name: str) -> NDArray[np.float64]:
        """Mean absolute difference (n_series,) of what is known; 1 for constant series."""
        if name not in self._scales:
            values = getattr(self, name)
            means = [
                np.abs(np.diff(values[first:last])).mean() if last - first > 1 else 0.0
                for first, last in zip(self.begin, self.known, strict=True)
            ]
            size = np.array(
                [np.abs(values[f:e]).max() for f, e in zip(self.begin, self.end, strict=True)]
            )
            scale = np.array(means)
            self._scales[name] = np.where(scale > 1e-12 * np.maximum(size, 1e-300), scale, 1.0)
        return self._scales[name]


def seasons_of(x: NDArray[np.float64], n_known: int, recipe: Recipe) -> tuple[int, ...]:
    """Seasons to remove from a series: those that fit into it and that the data bear out.

    A longer season that is a multiple of a shorter one holds it already.
    """
    kept = [
        m
        for m in recipe.season_lengths
        if n_known >= _FULL * m and (not recipe.test_seasons or is_seasonal(x, m))
    ]
    return tuple(m for m in kept if not any(other > m and other % m == 0 for other in kept))


def stretched(correction: NDArray[np.float64], horizon: int, lag: int) -> NDArray[np.float64]:
    """Corrections (n, fitted horizon) to another horizon: beyond it the last season's again."""
    n = correction.shape[1]
    steps = np.arange(horizon)
    period = lag if lag <= n else 1
    steps = np.where(steps < n, steps, n - period + (steps - n) % period)
    return correction[:, steps]


@dataclass
class PanelModel:
    """A fitted model; `fit` makes one."""

    recipe: Recipe
    logs: NDArray[np.bool_]  # (n_series,)
    effects: list[NDArray[np.float64]]  # n_series arrays (k,): of the exogenous variables
    anchored: Anchored
    correctors: dict[str, Corrector]  # by the branch that each corrects
    chosen_steps: dict[str, int]
    weights: NDArray[np.float64]  # (n_series, n_candidates)
    errors: NDArray[np.float64]  # (n_series, n_candidates): on the hold-out; NaN: none
    spreads: list[Spread]
    loss_curves: dict[str, list[float]] = field(default_factory=dict)
    holdout_curves: dict[str, list[float]] = field(default_factory=dict)

    @property
    def n_series(self) -> int:
        return len(self.logs)

    @classmethod
    def fit(
        cls,
        values: list[NDArray[np.float64]],
        recipe: Recipe,
        seed: int,
        n_threads: int = 1,
        inputs: list[NDArray[np.float64]] | None = None,
        features: NDArray[np.float64] | None = None,
        after_round: Callable[[], object] = lambda: None,
    ) -> PanelModel:
        """From series (n_i,) of observations, and exogenous variables (n_i, k) at their times.

        features (n_series, k) are what is known of each series, whatever the time.
        """
        logs = np.array(
            [wants_log(y) if recipe.log is None else recipe.log for y in values], np.bool_
        )
        xs = [to_scale(y, log) for y, log in zip(values, logs, strict=True)]
        effects = (
            []
            if inputs is None
            else [
                linear_effects(x, rows, seasons_of(x, len(x), recipe))
                for x, rows in zip(xs, inputs, strict=True)
            ]
        )
        explained = _explained(xs, inputs, effects)
        xs = [x - by for x, by in zip(xs, explained, strict=True)]
        lengths = np.array([len(x) for x in xs])
        held = _held_out(lengths, recipe)
        full = Anchored(xs, lengths, recipe, features)
        errors = np.full((len(xs), len(CANDIDATES)), np.nan)
        model = cls(recipe, logs, effects, full, {}, {}, errors, errors, [])
        if (held > 0).any():
            model._learn(values, xs, explained, held, seed, n_threads, after_round)
        model._without_holdout(held)
        long = np.median(lengths) >= _LONG * recipe.window_length()
        model.weights = weights_by_error(errors, _PRIOR if long else _PRIOR_OF_SHORT)
        model.spreads = [model._spread(i, by) for i, by in enumerate(explained)]
        return model

    def _learn(
        self,
        values: list[NDArray[np.float64]],
        xs: list[NDArray[np.float64]],
        explained: list[NDArray[np.float64]],
        held: NDArray[np.int64],
        seed: int,
        n_threads: int,
        after_round: Callable[[], object],
    ) -> None:
        """Compare all candidates on the hold-out, and train for as long as that says."""
        recipe, horizon = self.recipe, self.recipe.horizon
        which = np.flatnonzero(held > 0)
        past = Anchored(
            [xs[i] for i in which],
            np.array([len(xs[i]) - held[i] for i in which]),
            recipe,
            self.anchored.features[which],
        )
        trial = _Trial(
            past,
            [values[i] for i in which],
            [explained[i] for i in which],
            self.logs[which],
            horizon,
        )
        errors = self.errors
        errors[which, 0] = trial.error(past.trend)
        errors[which, 1] = trial.error(past.season)
        errors[which, 2] = trial.error(past.long_season)
        for k, name in enumerate(BRANCHES):
            for anchored in (past, self.anchored):
                branch = anchored.branch(name, bare=True)
                weights = fit_linear(branch, horizon, recipe.linear_windows())
                if weights is not None:
                    anchored.linear[name] = weights
            if not (name in past.linear and name in self.anchored.linear):
                # it must have been tried before it may count
                past.linear.pop(name, None)
                self.anchored.linear.pop(name, None)
            if name in past.linear:
                errors[which, 3 + k] = trial.error(past.anchors()[3 + k])
            if recipe.correct:
                self._correct(name, past, trial, which, seed + k, n_threads, after_round)

    def _correct(
        self,
        name: str,
        past: Anchored,
        trial: _Trial,
        which: NDArray[np.int64],
        seed: int,
        n_threads: int,
        after_round: Callable[[], object],
    ) -> None:
        """Train the network of a branch for as long as the hold-out says."""
        recipe = self.recipe
        branch, anchor = past.branch(name), past.anchors()[recipe.corrected(name)]
        n_rounds = _n_rounds(branch, recipe.network)
        corrector = Corrector(
            recipe.network, recipe.skip, branch.window, branch.features.shape[1], seed
        )
        curve = [trial.error(anchor)]  # round 0 is the anchor as it is

        def look(workers: Workers) -> None:
            def corrected(series: NDArray, origins: NDArray, horizon: int) -> NDArray:
                correction = corrector.predict(branch, series, origins, workers)
                return anchor(series, origins, horizon) + stretched(correction, horizon, recipe.lag)

            curve.append(trial.error(corrected))
            after_round()

        corrector.fit(branch, n_rounds, n_threads, look)
        scores = [float(np.mean(errors / trial.scale)) for errors in curve]
        best = int(np.argmin(scores))
        self.holdout_curves[name] = scores
        self.chosen_steps[name] = best * recipe.network.steps_a_round
        self.errors[which, CANDIDATES.index(f"{name} + LSTM")] = curve[best]
        if best:
            final = self.anchored.branch(name)
            self.correctors[name] = corrector.fit(final, best, n_threads, lambda _: after_round())
        self.loss_curves[name] = corrector.loss_curve

    def _without_holdout(self, held: NDArray[np.int64]) -> None:
        """Series too short for a hold-out go by the trend, and the last season if they have one."""
        for i in np.flatnonzero(held == 0):
            self.errors[i, 0] = 1.0

    def _spread(self, i: int, explained: NDArray[np.float64]) -> Spread:
        """Errors in the past of the anchors, weighted as in the forecast.

        explained (n_i,) is what exogenous variables add to the forecasts.
        """
        anchored, horizon = self.anchored, self.recipe.horizon
        first = anchored.begin[i] + max(
            anchored.lags[i] - 1, min(_FIRST_ORIGIN, anchored.end[i] - anchored.begin[i] - 1)
        )
        origins = np.arange(first, anchored.end[i] - 1)
        series = np.full(len(origins), i)
        shares = self.weights[i, :_N_ANCHORS].copy()
        for k, name in enumerate(BRANCHES):
            shares[self.recipe.corrected(name)] += self.weights[i, _N_ANCHORS + k]
        forecast = np.zeros((len(origins), horizon))
        for share, anchor in zip(shares, anchored.anchors(), strict=True):
            if share > 0.0:
                forecast += share * anchor(series, origins, horizon)
        positions = origins[:, np.newaxis] + np.arange(1, horizon + 1)
        known = positions < anchored.end[i]
        came = anchored.x[np.where(known, positions, 0)]
        errors = np.where(known, came - forecast, np.nan)
        forecast += explained[np.where(known, positions - anchored.begin[i], 0)]
        return Spread.of(errors, forecast, bool(self.logs[i]))

    # --- forecasts ------------------------------------------------------------------------
    def forecast(
        self, horizon: int, inputs: list[NDArray[np.float64]] | None = None
    ) -> list[NDArray[np.float64]]:
        """What follows each series, n_series arrays (horizon,), in the scale of the model.

        inputs: n_series arrays (horizon, k), the exogenous variables at those times.
        """
        candidates = self.candidates(horizon)
        total = np.zeros((self.n_series, horizon))
        for k, forecast in enumerate(candidates):
            share = self.weights[:, k, np.newaxis]
            total += np.where(share > 0.0, share * forecast, 0.0)
        if inputs is not None:
            total += [rows @ effect for rows, effect in zip(inputs, self.effects, strict=True)]
        return list(total)

    def candidates(self, horizon: int) -> list[NDArray[np.float64]]:
        """Forecasts (n_series, horizon) of every candidate, in the scale of the model."""
        anchored, recipe = self.anchored, self.recipe
        series, origins = np.arange(self.n_series), anchored.end - 1
        out = [anchor(series, origins, horizon) for anchor in anchored.anchors()]
        for name in BRANCHES:
            forecast = out[recipe.corrected(name)]
            if name in self.correctors:
                correction = self.correctors[name].predict(anchored.branch(name), series, origins)
                forecast = forecast + stretched(correction, horizon, recipe.lag)
            out.append(forecast)
        return out

    def in_units(self, x: list[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
        """From the scale of the model to the units of the observations."""
        return [from_scale(values, log) for values, log in zip(x, self.logs, strict=True)]

    def followed(
        self,
        values: list[NDArray[np.float64]],
        inputs: list[NDArray[np.float64]] | None = None,
    ) -> PanelModel:
        """The same model on longer series: anchors and spreads anew, the networks as they are."""
        for y, log in zip(values, self.logs, strict=True):
            if log and not y.min() > 0.0:
                raise ValueError(
                    f"The model forecasts logarithms, and the new observations hold {y.min():g}: "
                    "use update with refit=True."
                )
        xs = [to_scale(y, log) for y, log in zip(values, self.logs, strict=True)]
        explained = _explained(xs, inputs, self.effects)
        xs = [x - by for x, by in zip(xs, explained, strict=True)]
        lengths = np.array([len(x) for x in xs])
        anchored = Anchored(xs, lengths, self.recipe, self.anchored.features)
        anchored.linear = self.anchored.linear
        model = replace(self, anchored=anchored)
        model.spreads = [model._spread(i, by) for i, by in enumerate(explained)]
        return model


def _explained(
    xs: list[NDArray[np.float64]],
    inputs: list[NDArray[np.float64]] | None,
    effects: list[NDArray[np.float64]],
) -> list[NDArray[np.float64]]:
    """What exogenous variables add to each series, n_series arrays (n_i,)."""
    if inputs is None:
        return [np.zeros(len(x)) for x in xs]
    return [rows @ effect for rows, effect in zip(inputs, effects, strict=True)]


class _Trial:
    """Origins in the hold-out, and what came."""

    def __init__(
        self,
        past: Anchored,
        values: list[NDArray[np.float64]],
        explained: list[NDArray[np.float64]],
        logs: NDArray[np.bool_],
        horizon: int,
    ) -> None:
        series, origins = [], []
        for i in range(past.n_series):
            first, last = past.known[i] - 1, past.end[i] - 1
            stride = _stride(int(last - first), int(past.lags[i]))
            some = np.arange(first, last, stride)
            origins.append(some)
            series.append(np.full(len(some), i))
        self.series, self.origins = np.concatenate(series), np.concatenate(origins)
        positions = self.origins[:, np.newaxis] + np.arange(1, horizon + 1)
        self._seen = positions < past.end[self.series][:, np.newaxis]
        y = np.concatenate(values)
        self._came = y[np.where(self._seen, positions, 0)]
        self._explained = np.concatenate(explained)[np.where(self._seen, positions, 0)]
        self._logs = logs[self.series]
        self._horizon = horizon
        counts = np.bincount(self.series, self._seen.sum(axis=1))
        self._share = 1.0 / counts
        naive = np.array([np.abs(np.diff(v)).mean() for v in values])
        self.scale = np.where(naive > 0.0, naive, 1.0)

    def error(
        self, forecast: Callable[[NDArray, NDArray, int], NDArray[np.float64]]
    ) -> NDArray[np.float64]:
        """Mean absolute error (n_series,) in the units of the observations."""
        x = forecast(self.series, self.origins, self._horizon) + self._explained
        logs = self._logs[:, np.newaxis]
        y = np.where(logs, from_scale(np.where(logs, x, 0.0), True), x)
        errors = np.where(self._seen, np.abs(y - self._came), 0.0).sum(axis=1)
        return np.bincount(self.series, errors) * self._share


def _stride(n: int, lag: int) -> int:
    """Between two origins of the hold-out, so that they fall on different places of the season."""
    stride = max(1, -(-n // _MAX_HELD_ORIGINS))
    while stride > 1 and lag > 1 and math.gcd(stride, lag) > 1:
        stride += 1
    return stride


def _held_out(lengths: NDArray[np.int64], recipe: Recipe) -> NDArray[np.int64]:
    """Observations held out at the end of each series; 0 for a series too short for that.

    As many as the horizon, or a whole longest season where the series is long enough, so that
    all its days are seen.
    """
    h = recipe.horizon
    longest = max(recipe.season_lengths, default=1)
    wanted = np.where(lengths - longest >= _FULL * longest, max(h, longest), h)
    return np.where(lengths >= max(2 * h, _SHORTEST), wanted, 0)


def _n_rounds(branch: Branch, network: Settings) -> int:
    """Rounds of training: as many as wanted, and not too many passes over few windows."""
    n_windows = int(np.maximum(branch.end - 1 - branch.first, 0).sum())
    steps = min(network.max_steps, _EPOCHS * n_windows / network.batch_size)
    return round(steps / network.steps_a_round)
