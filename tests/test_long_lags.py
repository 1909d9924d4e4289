"""What the cells are for: the tasks of 1997 are learned. tests/benchmarks/long_lags.py has more."""

import numpy as np
import pytest

from sklstm import LSTMClassifier, LSTMRegressor
from sklstm.datasets import make_adding, make_embedded_reber
from tests.benchmarks.long_lags import ADDING, CELLS, REBER


def share_right(T, n_sequences, cell):
    """Of 2,560 sequences of the adding problem those with an error below 0.04."""
    X, y = make_adding(n_sequences, min_length=T, random_state=0)
    X_test, y_test = make_adding(2560, min_length=T, random_state=1)
    model = LSTMRegressor(cell=cell, random_state=0, **ADDING, **CELLS[cell]).fit(X, y)
    return np.mean(np.abs(model.predict(X_test) - y_test) < 0.04)


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["lstm", "lstm1997"])
def test_adding_over_100_steps(cell):
    assert share_right(100, 5000, cell) >= 0.99


@pytest.mark.slow
def test_adding_over_500_steps():
    assert share_right(500, 3000, "lstm") >= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_every_legal_successor_of_the_embedded_reber_grammar(seed):
    X, y = make_embedded_reber(512, unique=True, random_state=seed)
    model = LSTMClassifier(random_state=seed, **REBER).fit(X[:256], y[:256])
    for predicted, legal in zip(model.predict(X[256:]), y[256:], strict=True):
        np.testing.assert_array_equal(predicted, legal)
