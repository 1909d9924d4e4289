"""`pooling="attention"` through the estimators."""

import numpy as np
import pytest

from sklstm import LSTMClassifier, LSTMRegressor
from sklstm.components import Convolutions
from tests.toy import ESTIMATORS, SMALL, padded, problem, raw

ATTENTION = SMALL | {"pooling": "attention"}


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_learns(Estimator):
    X, y = problem(Estimator, n_samples=120, lengths=(4, 9))
    model = Estimator(
        pooling="attention", hidden_size=8, max_iter=40, learning_rate_init=0.01, random_state=0
    ).fit(X, y)
    assert model.score(X, y) > 0.9
    np.testing.assert_array_equal(raw(model, padded(X)), raw(model, X))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("patch_size", "stride"), [(1, 1), (4, 1), (2, 2)])
def test_one_weight_for_each_step(dtype, patch_size, stride):
    X, y = problem(LSTMRegressor, n_samples=60, lengths=(3, 11))
    front = {"front": Convolutions(3, stride=stride)} if stride > 1 else {}
    model = LSTMRegressor(**ATTENTION | front, dtype=dtype, patch_size=patch_size).fit(X, y)
    weights = model.attention_weights(X)
    assert [len(w) for w in weights] == [len(x) for x in X]
    for w in weights:
        assert (w > 0).all()
        assert w.sum() == pytest.approx(1.0, abs=1e-14)
        merged = patch_size * stride
        together = w[len(w) % merged :].reshape(-1, merged)
        np.testing.assert_array_equal(together, together[:, :1].repeat(merged, axis=1))
    equal = model.attention_weights(np.array([x[:3] for x in X]))
    assert equal.shape == (60, 3)
    for w, alone in zip(model.attention_weights(padded(X)), weights, strict=True):
        np.testing.assert_array_equal(w, alone)


def test_attention_finds_the_step_that_matters():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (400, 20, 2))
    X[:, :, 1] = 0.0
    marked = rng.integers(0, 20, 400)
    X[np.arange(400), marked, 1] = 1.0
    y = X[np.arange(400), marked, 0]
    model = LSTMRegressor(
        pooling="attention", hidden_size=16, bidirectional=False, scale="channel", max_iter=60,
        learning_rate_init=0.01, random_state=0,
    ).fit(X[:300], y[:300])  # fmt: skip
    assert model.score(X[300:], y[300:]) > 0.9
    found = model.attention_weights(X[300:]).argmax(axis=1)
    # the network may read the state at the mark or later, but never before it
    assert (found >= marked[300:]).all()
    assert np.mean(found == marked[300:]) > 0.8


def test_threads_leave_the_result_as_it_is():
    X, y = problem(LSTMClassifier, n_samples=64)
    models = [
        LSTMClassifier(**ATTENTION, n_jobs=n, batch_size=64, dropout=0.5).fit(X, y) for n in (1, 2)
    ]
    np.testing.assert_array_equal(models[0].theta_, models[1].theta_)


def test_parameters_by_name():
    X, y = problem(LSTMRegressor)
    model = LSTMRegressor(**ATTENTION).fit(X, y)
    shapes = {name: view.shape for name, view in model.parameters_.items()}
    assert shapes["attention_weight"] == (4, 8)
    assert shapes["attention_bias"] == shapes["score_weight"] == (4,)
    assert shapes["head_weight"] == (1, 8)


def test_other_poolings_have_no_weights():
    X, y = problem(LSTMRegressor)
    model = LSTMRegressor(**SMALL).fit(X, y)
    with pytest.raises(ValueError, match="fitted with pooling='last'"):
        model.attention_weights(X)
    with pytest.raises(ValueError, match="not fitted"):
        LSTMRegressor(pooling="attention").attention_weights(X)
