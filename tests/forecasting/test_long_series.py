"""Long series: memory in proportion to their length, and the same results in blocks."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest

from sklstm import LSTMForecaster
from sklstm._forecasting import anchored, branch, correction, seasonality
from tests.forecasting.series import monthly, wide

FAST = {"horizon": 6, "max_steps": 20, "random_state": 0}


def forecasts(y):
    forecaster = LSTMForecaster(**FAST).fit(y)
    return np.hstack([forecaster.predict_interval().to_numpy(), forecaster.predict().to_numpy()])


def test_blocks_change_nothing_but_rounding(monkeypatch):
    y = wide(3, 120)
    expected = forecasts(y)
    monkeypatch.setattr(branch, "_VALUES_PER_BLOCK", 100)
    monkeypatch.setattr(correction, "_VALUES_PER_CHUNK", 100)
    monkeypatch.setattr(seasonality, "_MANY_PRODUCTS", 0)
    np.testing.assert_allclose(forecasts(y), expected, rtol=1e-6)


def test_fourier_transforms_give_the_same_sums(monkeypatch):
    x = np.random.default_rng(0).standard_normal(200).cumsum()
    x -= x.mean()
    weights = np.array([0.1, 0.2, 0.3, 0.4])
    expected = seasonality.autocovariances(x, 30), seasonality.moving_average(x, weights)
    assert expected[0][4] == pytest.approx(sum(x[5:] * x[:-5]))
    monkeypatch.setattr(seasonality, "_MANY_PRODUCTS", 0)
    np.testing.assert_allclose(seasonality.autocovariances(x, 30), expected[0])
    np.testing.assert_allclose(seasonality.moving_average(x, weights), expected[1])


@pytest.mark.parametrize(("n", "at_most", "seasons"), [(50, 100, (12,)), (9000, 100, (24, 168))])
def test_origins_of_a_long_series_are_few_and_in_all_phases(n, at_most, seasons):
    stride = anchored.stride_through(n, at_most, seasons)
    origins = np.arange(0, n, stride)
    assert len(origins) <= at_most
    assert (stride == 1) == (n <= at_most)
    phases = {int(origin) % min(seasons) for origin in origins}
    assert phases == set(range(min(seasons)))


def test_intervals_from_some_origins_are_much_the_same(monkeypatch):
    y = monthly(400)
    every = LSTMForecaster(horizon=6, max_steps=0).fit(y).predict_interval()
    monkeypatch.setattr(anchored, "_MAX_ORIGINS", 100)
    some = LSTMForecaster(horizon=6, max_steps=0).fit(y).predict_interval()
    width, expected = some["upper"] - some["lower"], every["upper"] - every["lower"]
    assert not np.array_equal(width, expected)
    np.testing.assert_allclose(width, expected, rtol=0.2)


def test_a_long_window_is_read_in_patches(monkeypatch):
    y = monthly(120)
    one_by_one = LSTMForecaster(**FAST, window=40).fit(y).predict()
    monkeypatch.setattr(correction, "_MAX_TIMESTEPS", 10)
    in_patches = LSTMForecaster(**FAST, window=40).fit(y)
    networks = in_patches._fitted.models.models[0].networks.correctors
    assert {network._spec.n_channels for network in networks.values()} == {4}
    assert not np.array_equal(in_patches.predict(), one_by_one)
    np.testing.assert_allclose(in_patches.predict(), one_by_one, rtol=0.1)


@pytest.mark.slow
def test_memory_of_ten_days_of_minutes():
    n = 14_400
    index = pd.date_range("2023-01-01", periods=n, freq="min")
    noise = np.random.default_rng(0).standard_normal(n)
    y = pd.Series(100 + 20 * np.sin(2 * np.pi * np.arange(n) / 1440) + noise, index)
    tracemalloc.start()
    forecaster = LSTMForecaster(max_steps=20, random_state=0).fit(y[:-48])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 500e6  # all windows at once take 0.3 GB, several times
    assert forecaster.score(y[-48:]) > -1.0
