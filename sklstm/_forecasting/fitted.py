"""What a fit leaves behind. It is never changed: what follows it is a new one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from sklstm._forecasting.accuracy import mean_absolute_scaled_error
from sklstm._forecasting.exogenous import Exogenous
from sklstm._forecasting.forecast import Forecast
from sklstm._forecasting.models import Models
from sklstm._forecasting.panel import Panel
from sklstm._forecasting.seasonality import season_candidates
from sklstm._forecasting.settings import ModelSettings, default_horizon
from sklstm._forecasting.static_features import static_features


@dataclass(frozen=True)
class Fitted:
    """The observations and the models of a fitted forecaster."""

    panel: Panel
    exogenous: Exogenous | None
    static: NDArray[np.float64] | None  # (n_series, n_features)
    horizon: int  # that the networks learnt
    models: Models

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
            features = static_features(static, panel)
        exogenous = Exogenous.fit(X, tuple(parameters.calendar), panel)
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
        )
        return cls(panel, exogenous, static, horizon, models)

    def followed(self, panel: Panel, X: Any) -> Fitted:
        """Go on to a longer panel, with X at the new times; the networks stay."""
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

    def forecast(self, horizon: int, X: Any) -> Forecast:
        """Forecast what follows each series, with X at those times."""
        inputs = None
        if self.exogenous is not None:
            inputs = self.exogenous.future(X, self.panel, horizon)
        elif X is not None:
            raise ValueError("X was given to predict, but fit had none.")
        return Forecast(
            self.models.forecast(horizon, inputs), self.models.spreads, self.models.logs
        )

    def scaled_errors(self, later: Panel, X: Any) -> list[float]:
        """Return the mean absolute scaled error of each series in a panel that came later."""
        horizon = self.panel.steps_to_end_of(later)
        values = self.forecast(horizon, X).values()
        futures = self.panel.futures(horizon)
        errors = []
        for label, axis, actual in zip(later.labels, later.axes, later.values, strict=True):
            i = self.panel.labels.index(label)
            forecast = values[i][futures[i].get_indexer(axis)]
            errors.append(
                mean_absolute_scaled_error(self.panel.values[i], actual, forecast, self.models.lag)
            )
        return errors


def _check_positive(panel: Panel) -> None:
    """Refuse observations that have no logarithm."""
    for i, y in enumerate(panel.values):
        if y.min() <= 0.0:
            where = panel.axes[i][int(np.argmin(y))]
            raise ValueError(
                f"log=True needs positive values, and y{panel.named(i)} is {y.min():g} at "
                f"{where!s}. Use log='auto'."
            )
