"""sktime's own checks, and the same results as without the adapters."""

import doctest

import numpy as np
import pandas as pd
import pytest

from sklstm import LSTMClassifier, LSTMForecaster, LSTMRegressor
from sklstm.datasets import load_air_passengers

pytest.importorskip("sktime")
from sktime.utils.estimator_checks import check_estimator

import sklstm.adapters.sktime
from sklstm.adapters.sktime import SktimeClassifier, SktimeForecaster, SktimeRegressor

SMALL = {"hidden_size": 4, "max_iter": 2, "random_state": 0}
pytestmark = pytest.mark.filterwarnings("ignore")  # sktime's of its own future


@pytest.mark.slow
@pytest.mark.parametrize("Adapter", [SktimeClassifier, SktimeRegressor, SktimeForecaster])
def test_checks_of_sktime(Adapter):
    results = check_estimator(Adapter, verbose=False)
    assert len(results) > 100
    assert {name: result for name, result in results.items() if result != "PASSED"} == {}


@pytest.mark.parametrize(
    ("Adapter", "Estimator"), [(SktimeClassifier, LSTMClassifier), (SktimeRegressor, LSTMRegressor)]
)
def test_tables_of_unequal_length(Adapter, Estimator):
    rng = np.random.default_rng(0)
    X = [pd.DataFrame(rng.standard_normal((length, 3))) for length in (5, 8, 6, 7)]
    y = np.array([0, 1, 0, 1])
    adapter = Adapter(Estimator(**SMALL)).fit(X, y)
    plain = Estimator(**SMALL).fit([x.to_numpy() for x in X], y)
    np.testing.assert_array_equal(adapter.estimator_.theta_, plain.theta_)
    np.testing.assert_array_equal(adapter.predict(X), plain.predict([x.to_numpy() for x in X]))


def test_forecasts_and_intervals_at_chosen_steps():
    y = load_air_passengers()
    settings = {"max_steps": 10, "random_state": 0}
    adapter = SktimeForecaster(LSTMForecaster(**settings)).fit(y)
    plain = LSTMForecaster(**settings).fit(y)
    expected = plain.predict(5).iloc[[0, 2, 4]]
    found = adapter.predict(fh=[1, 3, 5])
    assert list(found.index) == list(expected.index)
    np.testing.assert_array_equal(found.to_numpy(), expected.to_numpy())
    bounds = adapter.predict_interval(fh=[1, 3, 5], coverage=[0.5, 0.9])
    expected = plain.predict_interval(5, coverage=[0.5, 0.9]).iloc[[0, 2, 4]]
    np.testing.assert_array_equal(bounds.to_numpy(), expected.to_numpy())


def test_examples():
    assert doctest.testmod(sklstm.adapters.sktime).failed == 0
    assert doctest.testmod(sklstm.adapters.sktime).attempted > 0
