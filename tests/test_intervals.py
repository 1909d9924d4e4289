"""`predict_interval`, `conformalize`, `predict_quantiles` and standard deviations."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, make_friedman1

from sklstm import LSTMRegressor
from sklstm.components import Quantile
from sklstm.datasets import load_tecator
from tests.toy import SMALL, sequences

SEVERAL = Quantile((0.05, 0.1, 0.9, 0.95))
EVERY_LOSS = [
    "squared_error", "absolute_error", "huber", "quantile", "poisson", "gamma", "tweedie",
    "gaussian", Quantile(0.8), SEVERAL,
]  # fmt: skip


def noisy(n_samples, seed):
    """Return sequences and positive y, whose noise depends on the last value of channel 1."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, 8, 2))
    deviation = np.where(X[:, -1, 1] > 0, 1.0, 0.2)
    return X, 8.0 + 2.0 * X[:, -1, 0] + deviation * rng.standard_normal(n_samples), deviation


def share_within(intervals, y):
    """Return the share of y within intervals (n_samples, 2)."""
    return np.mean((intervals[:, 0] <= y) & (y <= intervals[:, 1]))


@pytest.fixture(scope="module")
def data():
    """Training, calibration and test data."""
    (X, y, _), (X_new, y_new, _) = noisy(200, 0), noisy(200, 1)
    X_test, y_test, deviation = noisy(2000, 2)
    return X, abs(y), X_new, abs(y_new), X_test, abs(y_test), deviation


# --- coverage -------------------------------------------------------------------------------
@pytest.mark.parametrize("loss", EVERY_LOSS, ids=str)
def test_intervals_cover_what_they_promise(data, loss):
    X, y, X_new, y_new, X_test, y_test, _ = data
    model = LSTMRegressor(
        hidden_size=4, front=None, max_iter=10, learning_rate_init=0.02, random_state=0, loss=loss
    )
    model.fit(X, y).conformalize(X_new, y_new)
    covers = []
    for coverage in (0.5, 0.8, 0.95):
        intervals = model.predict_interval(X_test, coverage=coverage)
        assert intervals.shape == (2000, 2)
        assert (intervals[:, 0] <= intervals[:, 1]).all()
        covers.append(share_within(intervals, y_test))
    # 200 scores: a deviation of .035 at one half, .015 at .95
    np.testing.assert_allclose(covers, [0.5, 0.8, 0.95], atol=0.07)
    assert covers == sorted(covers)


def datasets():
    """Return sequences and y of three regression sets, by name."""
    X, y = make_friedman1(600, noise=1.0, random_state=0)
    bodies, progression = load_diabetes(return_X_y=True)
    spectra, fat = load_tecator(return_X_y=True)
    return {"friedman": (X, y), "diabetes": (bodies, progression), "tecator": (spectra, fat)}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["friedman", "diabetes", "tecator"])
def test_coverage_on_average_over_splits(name):
    X, y = datasets()[name]
    fold = np.array_split(np.random.default_rng(0).permutation(len(y)), 3)
    model = LSTMRegressor(hidden_size=8, max_iter=20, random_state=0).fit(X[fold[0]], y[fold[0]])
    rest, covers = np.concatenate(fold[1:]), []
    for seed in range(60):
        order = np.random.default_rng(seed).permutation(rest)
        some, others = np.array_split(order, 2)
        model.conformalize(X[some], y[some])
        covers.append(
            [share_within(model.predict_interval(X[others], c), y[others]) for c in (0.8, 0.95)]
        )
    np.testing.assert_allclose(np.mean(covers, axis=0), [0.8, 0.95], atol=0.03)


def test_the_margin_is_the_score_of_the_right_rank():
    X, y, _ = noisy(60, 0)
    model = LSTMRegressor(**SMALL).fit(X[:30], y[:30]).conformalize(X[30:49], y[30:49])
    errors = np.sort(abs(model.predict(X[30:49]) - y[30:49]))
    for coverage, rank in ((0.95, 19), (0.9, 18), (0.5, 10), (0.05, 1), (0.051, 2)):
        intervals = model.predict_interval(X[49:], coverage)
        np.testing.assert_allclose(np.diff(intervals)[:, 0], 2.0 * errors[rank - 1])
        np.testing.assert_allclose(intervals.mean(axis=1), model.predict(X[49:]))


@pytest.mark.parametrize("loss", ["gaussian", SEVERAL], ids=str)
def test_they_are_wider_where_y_varies_more(data, loss):
    _, _, X_new, y_new, X_test, _, deviation = data
    X, y, _ = noisy(600, 3)
    model = LSTMRegressor(
        hidden_size=8, front=None, scale="channel", max_iter=20, learning_rate_init=0.01,
        random_state=0, loss=loss,
    )  # fmt: skip
    model.fit(X, y).conformalize(X_new, y_new)
    width = np.diff(model.predict_interval(X_test))[:, 0]
    clear = abs(X_test[:, -1, 1]) > 0.5
    noisy_part, rest = width[clear & (deviation == 1.0)], width[clear & (deviation < 1.0)]
    assert noisy_part.mean() > 1.5 * rest.mean()


# --- shapes, units, copies --------------------------------------------------------------------
@pytest.mark.parametrize("loss", ["squared_error", "gaussian", "poisson", SEVERAL], ids=str)
def test_several_outputs_are_each_as_if_alone(loss):
    X, y, _ = noisy(90, 0)
    y = np.column_stack([y, 100.0 * y**2])
    model = LSTMRegressor(**SMALL, loss=loss).fit(X[:40], y[:40]).conformalize(X[40:80], y[40:80])
    intervals = model.predict_interval(X[80:])
    assert intervals.shape == (10, 2, 2)
    assert model.conformity_scores_.shape == (40, 2)
    assert (np.diff(intervals) > 0.0).all()
    assert np.diff(intervals)[:, 1].mean() > 50.0 * np.diff(intervals)[:, 0].mean()


@pytest.mark.parametrize("loss", ["squared_error", "gaussian", "gamma", SEVERAL], ids=str)
def test_units_of_y_do_not_matter(loss):
    X, y, _ = noisy(80, 0)
    y = abs(y)
    here, there = (
        LSTMRegressor(**SMALL, loss=loss).fit(X[:40], scale * y[:40])
        .conformalize(X[40:], scale * y[40:]).predict_interval(X)
        for scale in (1.0, 1024.0)
    )  # fmt: skip
    np.testing.assert_array_equal(1024.0 * here, there)


def test_every_step():
    X, _ = sequences(40)
    y = [x[:, 0].copy() for x in X]
    for k, steps in enumerate(y):
        steps[k % 3] = np.nan
    for loss in ("gaussian", SEVERAL):
        model = LSTMRegressor(**SMALL, loss=loss, return_sequences=True).fit(X[:20], y[:20])
        model.conformalize(X[20:], y[20:])
        given = ~np.isnan(np.concatenate(y[20:]))
        assert (~np.isnan(model.conformity_scores_)).sum() == given.sum()
        intervals = model.predict_interval(X[20:], 0.8)
        assert [each.shape for each in intervals] == [(len(x), 2) for x in X[20:]]
        flat, truth = np.vstack(intervals)[given], np.concatenate(y[20:])[given]
        assert share_within(flat, truth) == pytest.approx(0.8, abs=0.02)
    assert [q.shape for q in model.predict_quantiles(X)] == [(len(x), 4) for x in X]


def test_another_fit_drops_the_scores():
    X, y, _ = noisy(60, 0)
    model = LSTMRegressor(**SMALL, n_estimators=2).fit(X, y).conformalize(X, y)
    expected = model.predict_interval(X)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_interval(X), expected)
    np.testing.assert_array_equal(model.set_params(n_jobs=2).predict_interval(X), expected)
    for other in (*model.estimators_, clone(model).fit(X, y), model.partial_fit(X, y)):
        with pytest.raises(ValueError, match=r"call conformalize\(X, y\) with such data before"):
            other.predict_interval(X)
