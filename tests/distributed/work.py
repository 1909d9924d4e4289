"""What is computed with and without a cluster, small enough to take a second."""

import numpy as np
import pandas as pd
from sklearn.model_selection import GridSearchCV, cross_val_score

from sklstm import LSTMClassifier, LSTMForecaster
from sklstm.datasets import load_air_passengers, load_japanese_vowels


def search():
    """Scores and parameters (flat) of a grid search."""
    X, y = load_japanese_vowels(return_X_y=True)
    grid = GridSearchCV(LSTMClassifier(max_iter=2, random_state=0), {"hidden_size": [4, 8]}, cv=3)
    grid.fit(X[::5], y[::5])
    return grid.cv_results_["mean_test_score"], grid.best_estimator_.theta_


def validation():
    """Scores of a cross-validation."""
    X, y = load_japanese_vowels(return_X_y=True)
    return (cross_val_score(LSTMClassifier(max_iter=2, random_state=0), X[::5], y[::5], cv=3),)


def backtest():
    """Forecasts from three origins, and of a panel with a model for each series."""
    y = load_air_passengers()
    forecaster = LSTMForecaster(max_steps=20, random_state=0)
    table = forecaster.backtest(y, horizon=6, n_origins=3)
    panel = pd.DataFrame({"a": y, "b": y[::-1].to_numpy()})
    forecasts = forecaster.set_params(global_model=False).fit(panel).predict(6)
    return table["prediction"].to_numpy(), forecasts.to_numpy()


WORK = [search, validation, backtest]


def assert_same_bits(results, expected):
    """Compare tuples of arrays."""
    assert len(results) == len(expected)
    for result, value in zip(results, expected, strict=True):
        assert np.isfinite(value).all()
        np.testing.assert_array_equal(result, value)


def forecast_group(table):
    """Fit the series of one group; return its forecasts as a table."""
    series = table.set_index("month")["passengers"].asfreq("MS")
    forecast = LSTMForecaster(max_steps=20, random_state=0).fit(series).predict(6)
    return pd.DataFrame({"month": forecast.index, "forecast": forecast.to_numpy()})


def routes():
    """A table of three series, and the forecasts that pandas makes of its groups."""
    y = load_air_passengers().to_timestamp()
    tables = [
        pd.DataFrame({"route": route, "month": y.index, "passengers": factor * y.to_numpy()})
        for route, factor in {"a": 1.0, "b": 2.0, "c": 0.5}.items()
    ]
    table = pd.concat(tables, ignore_index=True)
    forecasts = table.groupby("route")[["month", "passengers"]].apply(forecast_group)
    return table, forecasts.reset_index(0).reset_index(drop=True)
