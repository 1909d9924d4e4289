"""Scorers of forecasts for scikit-learn's searches and cross-validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sklstm._forecasting.accuracy import METRICS, Metric
from sklstm._forecasting.arguments import probabilities


@dataclass(frozen=True)
class _ForecastScorer:
    """What `forecast_scorer` returns; it can be pickled, as `n_jobs` asks."""

    metric: Metric
    quantiles: tuple[float, ...]

    def __call__(self, estimator: Any, y: Any, X: Any = None) -> float:
        """Return the negative error of a fitted forecaster on what came after."""
        return float(estimator.score(y, X, metric=self.metric, quantiles=self.quantiles))


def forecast_scorer(
    metric: Metric = "mase", *, quantiles: Sequence[float] = (0.1, 0.5, 0.9)
) -> _ForecastScorer:
    """Make a scorer of forecasts, for the parameter `scoring` of searches.

    Unlike scikit-learn's own scorers it needs no second y, takes exogenous variables, and leaves
    out series that were not there yet.

    Parameters
    ----------
    metric : {"mase", "mae", "rmse", "wape", "pinball"}, default="mase"
        As in `LSTMForecaster.score`.
    quantiles : sequence of float, default=(0.1, 0.5, 0.9)
        For "pinball".

    Returns
    -------
    callable
        With the arguments estimator, y and X; returns the negative error.

    Examples
    --------
    >>> from sklearn.model_selection import TimeSeriesSplit, cross_val_score
    >>> from sklstm import LSTMForecaster, forecast_scorer
    >>> from sklstm.datasets import load_air_passengers
    >>> y = load_air_passengers()
    >>> forecaster = LSTMForecaster(horizon=12, max_steps=0)
    >>> splits = TimeSeriesSplit(3, test_size=12)
    >>> scores = cross_val_score(forecaster, y, scoring=forecast_scorer("mae"), cv=splits)
    >>> scores.shape
    (3,)
    """
    if metric not in METRICS:
        raise ValueError(f"metric must be one of {METRICS}, not {metric!r}.")
    return _ForecastScorer(metric, tuple(probabilities("quantiles", quantiles)))
