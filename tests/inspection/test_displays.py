import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from sklstm import LSTMForecaster, LSTMRegressor
from sklstm.inspection import ForecastDisplay, LossCurveDisplay
from tests.forecasting.series import long, monthly, wide

plt.switch_backend("agg")

FAST = {"horizon": 6, "max_steps": 20, "random_state": 0}
Y = monthly()


@pytest.fixture(autouse=True)
def close():
    """Close all figures after each test."""
    yield
    plt.close("all")


def test_forecast_of_a_series():
    forecaster = LSTMForecaster(**FAST).fit(Y[:-6])
    display = ForecastDisplay.from_estimator(forecaster, Y[-6:], coverage=[0.5, 0.9])
    assert display.ax_.figure is display.figure_
    assert len(display.bands_) == 2
    np.testing.assert_array_equal(display.prediction_line_.get_ydata(), forecaster.predict())
    np.testing.assert_array_equal(display.actual_line_.get_ydata(), Y[-6:])
    assert display.ax_.get_ylabel() == "sales"
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == ["history", "90% interval", "50% interval", "forecast", "actual"]


@pytest.mark.parametrize("y", [wide(), long()], ids=["wide", "long"])
@pytest.mark.parametrize("series", [None, "s1"])
def test_forecast_of_one_of_a_panel(y, series):
    _, ax = plt.subplots()
    forecaster = LSTMForecaster(**FAST).fit(y)
    display = ForecastDisplay.from_estimator(forecaster, series=series, ax=ax, n_history=20)
    assert display.ax_ is ax
    assert len(display.history) == 20
    assert ax.get_ylabel() == (series or "s0")
    answer = forecaster.predict()
    expected = answer[series or "s0"]
    np.testing.assert_array_equal(display.prediction_line_.get_ydata(), expected)


def test_forecasts_that_are_there_already():
    y = Y.copy()
    y.index = y.index.to_period("M")
    forecaster = LSTMForecaster(**FAST).fit(y)
    display = ForecastDisplay.from_predictions(
        y, forecaster.predict(), interval=forecaster.predict_interval(coverage=0.8), coverage=0.8
    )
    assert list(display.intervals) == [0.8]
    assert display.actual_line_ is None


def test_loss_curves():
    forecaster = LSTMForecaster(**FAST).fit(Y)
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((40, 6)), rng.standard_normal(40)
    regressor = LSTMRegressor(max_iter=4, early_stopping=True, hidden_size=4).fit(X, y)
    for estimator in (forecaster, regressor):
        display = LossCurveDisplay.from_estimator(estimator)
        np.testing.assert_array_equal(display.line_.get_ydata(), estimator.loss_curve_)
    assert display.validation_ax_ is not None
    assert LossCurveDisplay.from_estimator(regressor, name="mine").ax_.get_title() == "mine"


def test_a_whole_number_is_the_horizon():
    forecaster = LSTMForecaster(horizon=6, max_steps=0).fit(Y)
    display = ForecastDisplay.from_estimator(forecaster, 24)
    assert len(display.prediction) == 24
    assert display.actual is None
    for arguments, message in (
        ({"y": 24, "horizon": 6}, "Two horizons"),
        ({"y": 0}, "horizon must be a whole number of at least 1, not 0"),
        ({"horizon": 2.0}, "horizon must be a whole number"),
        ({"coverage": 1.5}, "coverage must be between 0 and 1"),
        ({"n_history": 0}, "n_history must be a whole number"),
    ):
        with pytest.raises(ValueError, match=message):
            ForecastDisplay.from_estimator(forecaster, **arguments)


def test_forecasts_of_tables_and_of_two_level_columns():
    table = long((60, 60)).rename("y").rename_axis(["id", "ds"]).reset_index()
    columns = {"id_col": "id", "time_col": "ds", "target_col": "y"}
    forecaster = LSTMForecaster(horizon=6, max_steps=0, **columns)
    late = table.groupby("id").tail(6)
    forecaster.fit(table.drop(late.index))
    display = ForecastDisplay.from_estimator(forecaster, late, series="s1")
    np.testing.assert_array_equal(
        display.prediction_line_.get_ydata(), forecaster.predict()["y"][6:]
    )
    np.testing.assert_array_equal(display.actual_line_.get_ydata(), late["y"][6:])
    y = wide().set_axis(pd.MultiIndex.from_tuples([("n", "a"), ("n", "b"), ("s", "a")]), axis=1)
    forecaster = LSTMForecaster(horizon=6, max_steps=0).fit(y[:-6])
    display = ForecastDisplay.from_estimator(forecaster, y[-6:], series=("n", "b"))
    expected = forecaster.predict()["n", "b"]
    np.testing.assert_array_equal(display.prediction_line_.get_ydata(), expected)


def test_without_matplotlib_a_display_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    forecaster = LSTMForecaster(**FAST | {"max_steps": 0}).fit(Y)
    with pytest.raises(ImportError, match=r"ForecastDisplay draws with matplotlib.*pip install"):
        ForecastDisplay.from_estimator(forecaster)
    with pytest.raises(ImportError, match="LossCurveDisplay draws with matplotlib"):
        LossCurveDisplay([1.0, 0.5]).plot()
