"""One model of all series, or one model for each: decided here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray

from sklstm._forecasting.candidates import CANDIDATES
from sklstm._forecasting.intervals import Spread
from sklstm._forecasting.jobs import results_of
from sklstm._forecasting.model import Model
from sklstm._forecasting.settings import ModelSettings
from sklstm._progress import progress_bar

_Arrays = list[NDArray[np.float64]]


@dataclass(frozen=True)
class Models:
    """Models of neighbouring series; together they hold all series of a panel, in order."""

    models: list[Model]
    groups: list[slice]  # the series of each model

    @classmethod
    def fit(
        cls,
        values: _Arrays,
        inputs: _Arrays | None,
        features: NDArray[np.float64] | None,
        settings_for: Callable[[int], ModelSettings],
        shared: bool,
        rng: np.random.RandomState,
        n_jobs: int | None,
        verbose: bool | int,
        n_past_only: int = 0,
    ) -> Models:
        """Fit series (n_i,), with inputs (n_i, k) and features (n_series, n_features).

        Threads and the progress bar go over the rounds of a single model, or over the models.
        """
        n_series = len(values)
        groups = [slice(0, n_series)] if shared else [slice(i, i + 1) for i in range(n_series)]
        single = len(groups) == 1
        n_threads = joblib.effective_n_jobs(n_jobs)
        bar = progress_bar(None, "LSTMForecaster", "round") if verbose and single else None
        jobs = (
            joblib.delayed(Model.fit)(
                values[group],
                settings_for(group.stop - group.start),
                int(seed),
                n_threads if single else 1,
                None if inputs is None else inputs[group],
                None if features is None else features[group],
                _no_bar if bar is None else bar.update,
                n_past_only,
            )
            for group, seed in zip(
                groups, rng.randint(np.iinfo(np.int32).max, size=len(groups)), strict=True
            )
        )
        results: Any = results_of(jobs, 1 if single else n_threads)
        if verbose and not single:
            results = progress_bar(n_series, "LSTMForecaster", "series", results)
        models = list(results)
        if bar is not None:
            bar.close()
        return cls(models, groups)

    def followed(self, values: _Arrays, inputs: _Arrays | None) -> Models:
        """Return the same models on longer series."""
        models = [
            model.followed(values[group], None if inputs is None else inputs[group])
            for model, group in zip(self.models, self.groups, strict=True)
        ]
        return replace(self, models=models)

    def forecast(self, horizon: int, inputs: _Arrays | None) -> _Arrays:
        """Return forecasts, n_series arrays (horizon,), in the scale of the model."""
        points: _Arrays = []
        for model, group in zip(self.models, self.groups, strict=True):
            points += model.forecast(horizon, None if inputs is None else inputs[group])
        return points

    def forecast_after(
        self,
        i: int,
        y: NDArray[np.float64],
        lengths: NDArray[np.int64],
        horizon: int,
        inputs: NDArray[np.float64] | None,
    ) -> NDArray[np.float64]:
        """Return forecasts of a series after its first lengths, see `Model.forecast_after`."""
        model, first = self._model_of(i)
        return model.forecast_after(i - first, y, lengths, horizon, inputs)

    def past_errors(self, i: int, horizon: int) -> NDArray[np.float64]:
        """Return the errors of the anchors of a series in the past, see `Model.past_errors`."""
        model, first = self._model_of(i)
        return model.past_errors(i - first, horizon)

    def past_ages(self, i: int, horizon: int) -> NDArray[np.int64]:
        """Return how long ago the past errors of a series end, see `Model.past_ages`."""
        model, first = self._model_of(i)
        return model.past_ages(i - first, horizon)

    def _model_of(self, i: int) -> tuple[Model, int]:
        """Return the model of a series, and the first series of that model."""
        return next(
            (model, group.start)
            for model, group in zip(self.models, self.groups, strict=True)
            if group.start <= i < group.stop
        )

    # --- what was decided -------------------------------------------------------------------
    @property
    def spreads(self) -> list[Spread]:
        """Spread of the errors of each series."""
        return [spread for model in self.models for spread in model.spreads]

    @property
    def logs(self) -> list[bool]:
        """Whether each series is forecast in logarithms."""
        return [bool(log) for model in self.models for log in model.logs]

    @property
    def seasons(self) -> list[tuple[int, ...]]:
        """Seasons found in each series."""
        return [seasons for model in self.models for seasons in model.seasons]

    @property
    def lag(self) -> int:
        """The shortest season that was tried; 1 without a season."""
        return self.models[0].settings.lag

    @property
    def weights(self) -> NDArray[np.float64]:
        """Weights (n_series, n_candidates) of the candidates in the forecast."""
        return _stacked([model.effective_weights() for model in self.models])

    @property
    def errors(self) -> NDArray[np.float64]:
        """Errors (n_series, n_candidates) of the candidates on the hold-out."""
        return _stacked([model.errors for model in self.models])

    def chosen_steps(self, labels: list[Any]) -> dict[Any, Any]:
        """Return the chosen steps by branch or, of several models, by series and branch."""
        steps = [dict(model.networks.chosen_steps) for model in self.models]
        return steps[0] if len(steps) == 1 else dict(zip(labels, steps, strict=True))

    def chosen_steps_of(self, i: int) -> dict[str, int]:
        """Return the chosen steps by branch, in the model of a series."""
        return self._model_of(i)[0].networks.chosen_steps


def _stacked(tables: list[dict[str, NDArray[np.float64]]]) -> NDArray[np.float64]:
    """Return arrays (n_i,) by candidate as one table (n_series, n_candidates)."""
    return np.concatenate([np.column_stack([t[name] for name in CANDIDATES]) for t in tables])


def _no_bar() -> None:
    """Replaces the update of a progress bar; unlike a lambda, a process can receive it."""
