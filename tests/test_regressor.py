"""Targets, losses and units."""

import numpy as np
import pandas as pd
import pytest

from sklstm import LSTMRegressor
from sklstm.components import Huber, Quantile
from sklstm.datasets import load_tecator
from tests.toy import SMALL, problem, sequences

LEARNING = {"hidden_size": 6, "max_iter": 60, "learning_rate_init": 0.02, "random_state": 0}
LOSSES = ["squared_error", "absolute_error", "huber", "quantile"]


@pytest.mark.slow
def test_tecator():
    X, y = load_tecator(return_X_y=True, subset="train")
    X_test, y_test = load_tecator(return_X_y=True, subset="test")
    assert LSTMRegressor(random_state=0).fit(X, y).score(X_test, y_test) >= 0.9


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_learns(loss):
    X, y = problem(LSTMRegressor, n_samples=60)
    model = LSTMRegressor(**LEARNING, loss=loss).fit(X, y)
    assert model.score(X, y) > 0.8
    assert (model.out_activation_, model.n_outputs_) == ("identity", 1)


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_quantile(quantile):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((400, 2)), rng.exponential(size=400)
    model = LSTMRegressor(
        hidden_size=2, max_iter=30, learning_rate_init=0.02, loss=Quantile(quantile),
        random_state=0,
    ).fit(X, y)  # fmt: skip
    assert np.mean(y < model.predict(X)) == pytest.approx(quantile, abs=0.05)


def with_outliers():
    """Return X, y without outliers and y with outliers."""
    X, clean = problem(LSTMRegressor, n_samples=120)
    y = clean.copy()
    y[::10] += 100.0
    return X, clean, y


@pytest.mark.parametrize(
    "robust",
    [{"loss": "absolute_error"}, {"loss": Huber(0.01)}, {"loss": "quantile"}],
    ids=str,
)
def test_robust_losses(robust):
    X, clean, y = with_outliers()
    settings = LEARNING | {"max_iter": 100, "pooling": "mean", "front": None}
    squared = LSTMRegressor(**settings).fit(X, y)
    model = LSTMRegressor(**settings, **robust).fit(X, y)
    error, expected = (np.median(abs(m.predict(X) - clean)) for m in (model, squared))
    assert error < 0.7 < 2.0 < expected


def test_huber_lies_between():
    X, _, y = with_outliers()
    curves = {
        name: LSTMRegressor(**SMALL, dtype="float64", **loss).fit(X, y)
        for name, loss in {
            "squared": {"loss": "squared_error"},
            "never linear": {"loss": Huber(1e6)},
            "absolute": {"loss": "absolute_error"},
            "median": {"loss": Quantile(0.5)},
        }.items()
    }
    np.testing.assert_array_equal(curves["never linear"].theta_, curves["squared"].theta_)
    # half the absolute error, so half the loss; training differs only by clipping and epsilon
    np.testing.assert_allclose(
        curves["median"].loss_curve_[0], curves["absolute"].loss_curve_[0] / 2, rtol=0.02
    )


@pytest.mark.parametrize("loss", LOSSES)
def test_units_of_y_do_not_matter(loss):
    X, y = problem(LSTMRegressor)
    here = LSTMRegressor(**SMALL, loss=loss).fit(X, y)
    there = LSTMRegressor(**SMALL, loss=loss).fit(X, y * 1024.0)  # exact in floating point
    np.testing.assert_array_equal(here.theta_, there.theta_)
    np.testing.assert_array_equal(here.predict(X) * 1024.0, there.predict(X))
    far = LSTMRegressor(**LEARNING, loss=loss).fit(X, y + 1e9)
    assert far.score(X, y + 1e9) > 0.7


def test_scale_of_y_is_weighted():
    X, y = problem(LSTMRegressor)
    weight = np.arange(24) % 4
    model = LSTMRegressor(**SMALL).fit(X, y, sample_weight=weight)
    mean = np.average(y, weights=weight)
    np.testing.assert_allclose(model.target_mean_, [mean])
    variance = np.average((y - mean) ** 2, weights=weight)
    np.testing.assert_allclose(model.target_scale_, [np.sqrt(variance)])


def test_several_outputs():
    X, slope = sequences(60)
    y = np.column_stack([slope, 1000.0 * slope**2, np.full(60, 7.0)])
    model = LSTMRegressor(**LEARNING).fit(X, y)
    assert model.n_outputs_ == 3
    predicted = model.predict(X)
    assert predicted.shape == (60, 3)
    assert model.score(X, y[:, :1].repeat(3, 1)) < model.score(X, y)
    correlation = [np.corrcoef(predicted[:, k], y[:, k])[0, 1] for k in range(2)]
    assert min(correlation) > 0.8
    np.testing.assert_allclose(predicted[:, 2], 7.0, atol=0.5)
    assert np.isfinite(model.theta_).all()


@pytest.mark.parametrize(
    "container", [np.asarray, np.ndarray.tolist, pd.Series, np.float32, np.int64]
)
def test_shape_of_y(container):
    X, y = problem(LSTMRegressor)
    y = np.round(y * 64)
    one = LSTMRegressor(**SMALL).fit(X, container(y))
    assert one.predict(X).shape == (24,)
    column = LSTMRegressor(**SMALL).fit(X, y[:, np.newaxis])
    assert column.predict(X).shape == (24, 1)
    np.testing.assert_array_equal(one.theta_, column.theta_)
    np.testing.assert_array_equal(one.predict(X), column.predict(X)[:, 0])


def test_constant_y():
    X, _ = sequences()
    model = LSTMRegressor(**LEARNING).fit(X, np.full(24, 0.1))
    np.testing.assert_allclose(model.predict(X), 0.1, atol=0.05)


def test_columns_of_y_stay():
    X, y = problem(LSTMRegressor)
    model = LSTMRegressor(**SMALL, warm_start=True).fit(X, y)
    for fit in (model.fit, model.partial_fit):
        with pytest.raises(
            ValueError, match="y has 2 columns, but LSTMRegressor was fitted with 1"
        ):
            fit(X, np.column_stack([y, y]))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_target_that_is_not_finite(bad):
    X, y = problem(LSTMRegressor)
    y = y.copy()
    y[5] = bad
    with pytest.raises(ValueError, match=r"Input y contains (NaN|infinity)"):
        LSTMRegressor(**SMALL).fit(X, y)


def test_target_of_strings():
    X, _ = sequences()
    with pytest.raises(ValueError, match=r"(?i)numeric|convert"):
        LSTMRegressor(**SMALL).fit(X, np.full(24, "a"))


def test_partial_fit_keeps_the_scale_of_y():
    X, y = problem(LSTMRegressor)
    model = LSTMRegressor(**SMALL).partial_fit(X[:12], y[:12])
    first = model.target_mean_.copy(), model.target_scale_.copy()
    model.partial_fit(X[12:], y[12:] + 10.0)
    np.testing.assert_array_equal((model.target_mean_, model.target_scale_), first)
