"""The network that sees exogenous variables: nonlinear effects, past columns, many origins."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from sklstm import LSTMForecaster
from sklstm._forecasting.candidates import DRIVERS
from sklstm._forecasting.drivers import Drivers
from sklstm._forecasting.narrowing import narrowing_by_network

FAST = {"horizon": 7, "max_steps": 40, "random_state": 0, "season_length": None}


def load_of_temperature(n_series=3, n=400):
    """Heating below 10 degrees, cooling above 20: no line through it; a level of each series."""
    rng, index = np.random.default_rng(0), pd.date_range("2022-01-01", periods=n, freq="D")
    loads, temperatures = {}, {}
    for name in [f"s{k}" for k in range(n_series)]:
        temperature = 15.0 + 8.0 * rng.standard_normal(n)
        effect = 3.0 * np.maximum(10.0 - temperature, 0) + 4.0 * np.maximum(temperature - 20.0, 0)
        loads[name] = pd.Series(100.0 + effect + rng.standard_normal(n), index)
        temperatures[name] = pd.DataFrame({"temperature": temperature}, index)
    names = ["series", "day"]
    return pd.concat(loads, names=names), pd.concat(temperatures, names=names)


@pytest.mark.slow
def test_the_network_sees_an_effect_that_is_not_linear():
    y, X = load_of_temperature()
    past = y.groupby(level=0).head(372)
    future = y.drop(past.index)
    settings = {"horizon": 28, "random_state": 0}
    errors = {}
    for name, max_steps in (("linear", 0), ("networks", None)):
        forecaster = LSTMForecaster(**settings, max_steps=max_steps).fit(past, X.loc[past.index])
        errors[name] = -forecaster.score(future, X.loc[future.index], metric="mae")
        bounds = forecaster.predict_interval(X=X.loc[future.index], coverage=0.8)
        inside = (bounds["lower"] <= future) & (future <= bounds["upper"])
        assert inside.mean() == pytest.approx(0.8, abs=0.15)
    without = -LSTMForecaster(**settings).fit(past).score(future, metric="mae")
    assert errors["networks"] < 0.5 * errors["linear"]
    assert errors["networks"] < 0.5 * without
    assert (forecaster.anchor_weights_[DRIVERS] > 0.7).all()
    assert "sees the exogenous variables was trained" in forecaster.describe()


def test_n_jobs_changes_nothing():
    y, X = load_of_temperature(2, 80)
    first, second = (
        LSTMForecaster(**FAST, n_jobs=n_jobs).fit(y, X).predict(7, _later(X)) for n_jobs in (1, 2)
    )
    np.testing.assert_array_equal(first, second)


def _later(X):
    """Return X seven days later."""
    return X.rename(index=lambda day: day + pd.Timedelta("7D"), level=1)


def test_x_between_the_end_and_the_times_to_forecast():
    y, X = load_of_temperature(1, 120)
    y, X = y.loc["s0"].asfreq("D"), X.loc["s0"].assign(price=100.0 + np.arange(120.0) % 3)
    forecaster = LSTMForecaster(**FAST).fit(y[:100], X[:100])
    assert forecaster.chosen_steps_["X"] > 0
    whole = forecaster.predict(7, X)
    np.testing.assert_array_equal(forecaster.predict(y.index[104:107], X), whole[4:])
    mean = X[:100].mean()
    filled = pd.concat([pd.DataFrame([mean] * 4, y.index[100:104]), X[104:107]])
    expected = forecaster.predict(7, filled)[4:]  # as in a fold after a gap
    np.testing.assert_array_equal(forecaster.predict(y.index[104:107], X[104:107]), expected)
    assert np.abs(whole[4:] - expected).max() > 0.1
    holes = X.copy()
    holes.loc[y.index[101]] = np.nan
    filled = pd.concat([X[100:101], mean.to_frame(y.index[101]).T, X[102:107]])
    expected = forecaster.predict(7, filled)[4:]
    np.testing.assert_array_equal(forecaster.predict(y.index[104:107], holes), expected)


def test_columns_known_only_in_the_past():
    y, X = load_of_temperature(1, 120)
    y, X = y.loc["s0"].asfreq("D"), X.loc["s0"]
    X["hot"] = (X["temperature"] > 20.0).astype(float)
    X["measured"] = np.random.default_rng(1).standard_normal(120)
    forecaster = LSTMForecaster(**FAST, past_columns=["measured"]).fit(y[:100], X[:100])
    future = X[["hot", "temperature"]]  # neither the column nor the order of fit is needed
    expected = forecaster.predict(7, future)
    pd.testing.assert_series_equal(forecaster.predict(7, X.assign(measured=np.nan)), expected)
    effects = forecaster._fitted.models.models[0].effects[0]
    assert effects[-1] == 0.0  # a linear effect would need the future
    assert np.abs(effects[:2]).min() > 0.0
    origins = forecaster.predict_at(y[:110], y.index[[99, 105, 109]], X)
    np.testing.assert_allclose(origins.iloc[0], expected, rtol=1e-9)
    forecaster.update(y[100:110], X)
    np.testing.assert_allclose(origins.iloc[2], forecaster.predict(7, future), rtol=1e-9)
    with pytest.raises(ValueError, match="lacks the column 'measured'"):
        forecaster.update(y[110:], future)


def test_intervals_are_narrower_only_where_the_network_knows_more():
    rng, index = np.random.default_rng(0), pd.date_range("2022-01-01", periods=560, freq="D")
    z = rng.standard_normal(560)  # two days ahead of y: it tells the first two steps
    y = pd.Series(100.0 + 5.0 * np.roll(z, 2) + rng.standard_normal(560), index)
    X = pd.DataFrame({"z": z}, index)
    settings = {"horizon": 8, "window": 10, "random_state": 0, "season_length": None}
    forecaster = LSTMForecaster(**settings, past_columns=["z"]).fit(y[:500], X[:500])
    factors = forecaster._fitted.models.models[0].narrowing[0]
    assert (factors[:2] < 0.75).all()
    assert (factors[4:] > 0.9).all()
    width = np.diff(forecaster.predict_interval(coverage=0.9), axis=1).ravel()
    assert (np.diff(width) > -1e-9).all()
    forecasts = forecaster.predict_at(y, index[499:552], X)
    actual = np.lib.stride_tricks.sliding_window_view(y.to_numpy(), 8)[500:]
    inside = (2.0 * np.abs(forecasts - actual) <= width).mean(axis=0)
    assert inside[:2].mean() == pytest.approx(0.9, abs=0.1)
    assert inside[4:].mean() == pytest.approx(0.9, abs=0.1)
    # `followed` keeps the factors
    forecaster.update(y[500:501], X[500:501])
    np.testing.assert_array_equal(forecaster._fitted.models.models[0].narrowing[0], factors)


def gain_of(held_out, gains, unit=1.0):
    """Return the factors where the trend has the errors 2 + gains, and the network errors of 2."""
    n, horizon = gains.shape
    hold_out = SimpleNamespace(
        series=np.zeros(n, np.int64), positions=held_out, known=np.ones((n, horizon), np.bool_)
    )
    errors = {"trend": unit * (2.0 + gains), DRIVERS: np.full(gains.shape, 2.0 * unit)}
    weights = {"trend": np.zeros(1), DRIVERS: np.ones(1)}
    return narrowing_by_network(hold_out, errors, weights)[0]


def test_a_gain_narrows_intervals_as_far_as_it_is_not_noise():
    positions = np.arange(24)[:, np.newaxis]
    gains = np.full((24, 1), 2.0)
    np.testing.assert_allclose(gain_of(positions, gains), 0.5)  # always the same: no noise
    independent = gains + 1.5 * np.where(np.arange(24) % 2, 1.0, -1.0)[:, np.newaxis]
    variance = 24 * 1.5**2 * 24 / 23
    expected = 1.0 - 0.5 * (1.0 - variance / 48.0**2)
    for unit in (1.0, 1e-150, 1e155):
        np.testing.assert_allclose(gain_of(positions, independent, unit), expected)
    # the same gains in two blocks are hardly more than two observations
    blocks = np.sort(independent, axis=0)
    assert gain_of(positions, blocks)[0] > 0.6
    # half of the origins repeat a target: nothing new
    twice = gain_of(np.repeat(positions, 2, axis=0), np.repeat(independent, 2, axis=0))
    np.testing.assert_allclose(twice, expected)
    assert gain_of(positions, independent - 3.0)[0] == 1.0  # the network is worse
    assert gain_of(positions[:1], gains[:1])[0] == 1.0  # one target shows nothing


def test_only_past_columns_ask_for_no_future():
    y, X = load_of_temperature(1, 120)
    y, X = y.loc["s0"].asfreq("D"), X.loc["s0"]
    settings = {**FAST, "past_columns": ["temperature"]}
    forecaster = LSTMForecaster(**settings, calendar=["dayofweek"]).fit(y[:100], X[:100])
    expected = forecaster.predict_at(y, X=X)
    assert len(expected) == 21
    np.testing.assert_allclose(expected.iloc[0], forecaster.predict(7), rtol=1e-9)
    forecaster.update(y[100:], X[100:])
    np.testing.assert_allclose(expected.iloc[-1], forecaster.predict(7), rtol=1e-9)
    for given, message in ((None, "pass X to fit"), (X.rename(columns=str.upper), "X lacks")):
        with pytest.raises(ValueError, match=message):
            LSTMForecaster(**settings).fit(y, given)


def test_drivers_are_where_they_are_known():
    drivers = Drivers.of([np.arange(12.0).reshape(6, 2), np.full((3, 2), 5.0)], n_past_only=1)
    drivers = drivers.with_future(np.full((2, 2, 2), 100.0))
    begin, end, series = np.array([0, 6]), np.array([6, 9]), np.array([0, 1])
    positions = np.array([[3, 4, 5, 6, 7], [5, 6, 7, 8, 9]])  # in the second, 5 is of the first
    out = drivers.at(positions, begin, end, series, n_past=3)
    np.testing.assert_array_equal(out[0, :3], drivers.values[3:6])
    np.testing.assert_array_equal(out[0, 3:, 0], drivers.future[0, :, 0])
    np.testing.assert_array_equal(out[1, 0], 0.0)
    np.testing.assert_array_equal(out[1, 4, 0], drivers.future[1, 0, 0])
    np.testing.assert_array_equal(out[:, 3:, 1], 0.0)  # known only in the past
