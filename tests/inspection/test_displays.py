import matplotlib.pyplot as plt
import numpy as np
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
