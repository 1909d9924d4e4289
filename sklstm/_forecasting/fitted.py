"""What a fit leaves behind. It is never changed: what follows it is a new one."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from sklstm._forecasting.accuracy import error_by_name, mean_absolute_scaled_error
from sklstm._forecasting.columns import check_spread
from sklstm._forecasting.exogenous import Exogenous
from sklstm._forecasting.forecast import Forecast, in_units
from sklstm._forecasting.long_index import rows_by_series
from sklstm._forecasting.models import Models
from sklstm._forecasting.origins import Origins
from sklstm._forecasting.panel import Panel
from sklstm._forecasting.paths import Draws
from sklstm._forecasting.seasonality import season_candidates
from sklstm._forecasting.settings import ModelSettings, default_horizon
from sklstm._forecasting.static_features import static_features
from sklstm._forecasting.time_index import as_times_of


@dataclass(frozen=True)
class Fitted:
    """The observations and the models of a fitted forecaster."""

    panel: Panel
    exogenous: Exogenous | None
    static: NDArray[np.float64] | None  # (n_series, n_features)
    horizon: int  # that the networks learnt
    models: Models
    non_negative: bool

    @classmethod
    def to(cls, parameters: Any, panel: Panel, X: Any, static: Any) -> Fitted:
        """Fit a panel by the parameters of an LSTMForecaster."""
        features = None
        if static is not None:
            if not parameters.global_model:
                raise ValueError(
                    "static needs global_model=True: the model of a single series cannot compare "
                    "it with others. Leave static out."
                )
            features = static_features(static, panel, parameters.id_col)
        past = tuple(parameters.past_columns)
        exogenous = Exogenous.fit(X, tuple(parameters.calendar), panel, past)
        return cls._of(parameters, panel, exogenous, features)

    def refitted(self, parameters: Any, panel: Panel, X: Any) -> Fitted:
        """Fit everything again to a longer panel, with X at the new times."""
        return self._of(parameters, panel, self._exogenous_of(panel, X), self.static)

    @classmethod
    def _of(
        cls,
        parameters: Any,
        panel: Panel,
        exogenous: Exogenous | None,
        static: NDArray[np.float64] | None,
    ) -> Fitted:
        """Fit a panel with exogenous variables and static features that are checked."""
        for i, y in enumerate(panel.values):
            check_spread(y, f"y{panel.named(i)}")
        if parameters.log is True:
            _check_positive(panel)
        lengths, tested = season_candidates(parameters.season_length, panel.step)
        horizon = int(parameters.horizon or default_horizon(lengths))
        models = Models.fit(
            panel.values,
            None if exogenous is None else exogenous.history(panel),
            static,
            lambda n_series: ModelSettings.chosen(parameters, horizon, lengths, tested, n_series),
            parameters.global_model,
            check_random_state(parameters.random_state),
            parameters.n_jobs,
            parameters.verbose,
            0 if exogenous is None else exogenous.n_past_only,
        )
        return cls(panel, exogenous, static, horizon, models, bool(parameters.non_negative))

    def followed(self, panel: Panel, X: Any) -> Fitted:
        """Go on to a longer panel, with X at the new times; the networks stay."""
        for i, log in enumerate(self.models.logs):
            self._check_logarithms(panel, i, log, len(panel.values[i]))
        exogenous = self._exogenous_of(panel, X)
        inputs = None if exogenous is None else exogenous.history(panel)
        models = self.models.followed(panel.values, inputs)
        return replace(self, panel=panel, exogenous=exogenous, models=models)

    def _exogenous_of(self, panel: Panel, X: Any) -> Exogenous | None:
        """Return the exogenous variables of a longer panel, with X at the new times."""
        if self.exogenous is not None:
            return self.exogenous.extended(X, panel)
        if X is not None:
            raise ValueError("X was given to update, but fit had none.")
        return None

    def forecast(self, horizon: int, X: Any, needed: dict[Any, Any] | None = None) -> Forecast:
        """Forecast what follows each series, with X at those times.

        needed: the times by series at which X must be known; None: all.
        """
        inputs = None
        if self.exogenous is not None:
            inputs = self.exogenous.future(X, self.panel, horizon, needed)
        elif X is not None:
            raise ValueError("X was given to predict, but fit had none.")
        models = self.models
        points = models.forecast(horizon, inputs)
        return Forecast(points, models.spreads, models.logs, self.non_negative)

    def samples(
        self, horizon: int, X: Any, n_samples: int, rng: np.random.RandomState
    ) -> list[NDArray[np.float64]]:
        """Draw paths of each series, n_series arrays (horizon, n_samples)."""
        forecast, models = self.forecast(horizon, X), self.models
        ages = [
            models.past_ages(i, horizon) + behind for i, behind in enumerate(self.panel.behind())
        ]
        if all(np.array_equal(own, ages[0]) for own in ages):  # also where not all are kept
            ages = [np.arange(len(own))[::-1] for own in ages]
        draws = Draws.of(n_samples, horizon, ages, rng)
        return [
            forecast.samples(i, draws.levels(models.past_errors(i, horizon), own))
            for i, own in enumerate(ages)
        ]

    def forecast_from(self, panel: Panel, origins: Any, X: Any, horizon: int) -> Any:
        """Return forecasts from many origins of a longer panel, a row each.

        X holds the exogenous variables at the new times and at those of the forecasts.
        """
        rows = Origins.of(origins, panel, [len(values) for values in self.panel.values])
        inputs = None
        if self.exogenous is not None:
            inputs = self.exogenous.along(X, panel, rows.steps_beyond(horizon))
        elif X is not None:
            raise ValueError("X was given to predict_at, but fit had none.")
        out, logs = np.empty((len(rows.series), horizon)), self.models.logs
        for i in np.unique(rows.series):
            own = rows.series == i
            lengths, place = np.unique(rows.lengths[own], return_inverse=True)
            self._check_logarithms(panel, i, logs[i], lengths[-1])
            x = self._after(panel, int(i), lengths, horizon, inputs)
            out[own] = in_units(x, logs[i], self.non_negative)[place]
        return rows.answer(out)

    def backtested(self, panel: Panel, ends: list[int], horizon: int, X: Any) -> Iterator[Forecast]:
        """Yield forecasts from several origins of a longer panel, with the spread of today.

        ends: for each origin the number of observations of each series after it, falling.
        """
        models, inputs = self.models, None
        if self.exogenous is not None:
            inputs = self.exogenous.along(X, panel, [0] * panel.n_series)
        for i, log in enumerate(models.logs):
            self._check_logarithms(panel, i, log, len(panel.values[i]) - ends[-1])
        points = [
            self._after(panel, i, len(y) - np.array(ends), horizon, inputs)
            for i, y in enumerate(panel.values)
        ]
        for k in range(len(ends)):
            at_end = [forecasts[k] for forecasts in points]
            yield Forecast(at_end, models.spreads, models.logs, self.non_negative)

    def _check_logarithms(self, panel: Panel, i: int, log: bool, n_known: int) -> None:
        """Refuse values of a longer panel without a logarithm, of a series forecast in these."""
        known = panel.values[i][:n_known]
        if not log or known.min() > 0.0:
            return
        what_to_do = (
            "fit again, with refit=True in update or backtest, or with log=False"
            if self.models.models[0].settings.log is None
            else "fit with log='auto' or log=False"
        )
        first = int(np.argmax(known <= 0.0))
        raise ValueError(
            f"y{panel.named(i)} is forecast in logarithms, and is {known[first]:g} at "
            f"{panel.axes[i][first]!s}: {what_to_do}."
        )

    def _after(
        self,
        panel: Panel,
        i: int,
        lengths: NDArray[np.int64],
        horizon: int,
        inputs: list[NDArray[np.float64]] | None,
    ) -> NDArray[np.float64]:
        """Return forecasts (n, horizon) of a series of a longer panel after its first lengths."""
        out = np.empty((len(lengths), horizon))
        own = None if inputs is None else inputs[i]
        for some, y in panel.as_known(i, lengths):
            out[some] = self.models.forecast_after(i, y, lengths[some], horizon, own)
        return out

    def forecast_at(self, rows: Any, indexed: Any, X: Any) -> Any:
        """Return forecasts at the times of rows, in their order and with their index.

        indexed: the rows with the index of y; X may be among their columns.
        """
        if X is None and self.exogenous is not None:
            X = self.exogenous.found_in(indexed)
        times = self._times_of(indexed.index)
        self._warn_of_seen(times)
        horizon = self.panel.steps_to(times)
        values = self.forecast(horizon, X, times).values()
        answer = self.panel.answer_at(indexed.index, self.panel.futures(horizon), values)
        return answer.set_axis(rows.index)

    def _times_of(self, rows: Any) -> dict[Any, Any]:
        """Return the times of an index by series."""
        if not len(rows):
            raise ValueError("There is no time to forecast: the index is empty.")
        times = rows.get_level_values(-1) if rows.nlevels > 1 else rows
        times = as_times_of(times, self.panel.axes[0], "y")
        if self.panel.kind != "long":
            if rows.nlevels > 1:
                raise ValueError(
                    "fit had times alone as its index, and so must the rows to predict."
                )
            return dict.fromkeys(self.panel.labels, times)
        if rows.nlevels != 2:
            raise ValueError("fit had the index (series, time), and so must the rows to predict.")
        groups = dict(zip(*rows_by_series(rows, "y"), strict=True))
        unknown = [label for label in groups if label not in self.panel.labels]
        if unknown:
            raise ValueError(self.panel.unknown_series(unknown[0]))
        return {label: times[positions] for label, positions in groups.items()}

    def _warn_of_seen(self, times: dict[Any, Any]) -> None:
        """Warn of the last series of a panel at times at which fit has seen the others."""
        n_others = self.panel.n_series - len(times)
        if n_others == 0 or set(times) != set(self.panel.labels[n_others:]):
            return
        known = max(axis[-1] for axis in self.panel.axes[:n_others])
        if known >= min(axis.min() for axis in times.values()):
            warnings.warn(
                f"y holds {len(times)} of {self.panel.n_series} series; fit has seen the others "
                "at its times. A splitter that cuts a long panel by rows, as TimeSeriesSplit does, "
                "scores its last series alone: use sklstm.PanelSplit, which cuts it by time.",
                UserWarning,
                stacklevel=4,
            )

    def error(self, later: Panel, X: Any, metric: str, quantiles: list[float]) -> float:
        """Return the error of a forecast of a panel that came later."""
        seen = [
            np.delete(np.arange(len(values)), filled)
            for values, filled in zip(later.values, later.filled, strict=True)
        ]
        axes = [axis[rows] for axis, rows in zip(later.axes, seen, strict=True)]
        times = dict(zip(later.labels, axes, strict=True))
        self._warn_of_seen(times)
        horizon = self.panel.steps_to(times)
        forecast = self.forecast(horizon, X, times)
        tables = forecast.values() if metric != "pinball" else forecast.quantiles(quantiles)
        futures, actual, predicted, scaled = self.panel.futures(horizon), [], [], []
        for k, label in enumerate(later.labels):
            i = self.panel.labels.index(label)
            actual.append(later.values[k][seen[k]])
            predicted.append(tables[i][futures[i].get_indexer(axes[k])])
            if metric == "mase":
                past, lag = self.panel.values[i], self.models.lag
                scaled.append(mean_absolute_scaled_error(past, actual[-1], predicted[-1], lag))
        if metric == "mase":
            return float(np.mean(scaled))
        return error_by_name(metric, np.concatenate(actual), np.concatenate(predicted), quantiles)


def _check_positive(panel: Panel) -> None:
    """Refuse observations that have no logarithm."""
    for i, y in enumerate(panel.values):
        if y.min() <= 0.0:
            where = panel.axes[i][int(np.argmin(y))]
            raise ValueError(
                f"log=True needs positive values, and y{panel.named(i)} is {y.min():g} at "
                f"{where!s}. Use log='auto'."
            )
