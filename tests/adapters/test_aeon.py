"""aeon's own checks, and the same results as without the adapters."""

import doctest

import numpy as np
import pytest

from sklstm import LSTMClassifier, LSTMRegressor

pytest.importorskip("aeon")
from aeon.testing.estimator_checking import check_estimator

import sklstm.adapters.aeon
from sklstm.adapters.aeon import AeonClassifier, AeonRegressor

pytestmark = pytest.mark.filterwarnings("ignore")  # aeon's of other packages
SMALL = {"hidden_size": 4, "max_iter": 2, "random_state": 0}


@pytest.mark.parametrize("Adapter", [AeonClassifier, AeonRegressor])
def test_checks_of_aeon(Adapter):
    results = check_estimator(Adapter)
    assert len(results) > 20
    assert {name: result for name, result in results.items() if result != "PASSED"} == {}


@pytest.mark.parametrize(
    ("Adapter", "Estimator", "y"),
    [
        (AeonClassifier, LSTMClassifier, np.array([0, 1, 0, 1])),
        (AeonRegressor, LSTMRegressor, np.array([0.5, 1.0, 2.5, 3.0])),
    ],
)
def test_channels_are_turned(Adapter, Estimator, y):
    rng = np.random.default_rng(0)
    ragged = [rng.standard_normal((3, length)) for length in (5, 8, 6, 7)]
    for X in (ragged, rng.standard_normal((4, 3, 6))):
        adapter = Adapter(Estimator(**SMALL)).fit(X, y)
        plain = Estimator(**SMALL).fit([np.ascontiguousarray(x.T) for x in X], y)
        np.testing.assert_array_equal(adapter.estimator_.theta_, plain.theta_)
        np.testing.assert_array_equal(adapter.predict(X), plain.predict([x.T for x in X]))


def test_examples():
    assert doctest.testmod(sklstm.adapters.aeon).failed == 0
    assert doctest.testmod(sklstm.adapters.aeon).attempted > 0
