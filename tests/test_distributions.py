"""Losses of counts, amounts and distributions through the estimator."""

import pickle
from contextlib import suppress
from unittest import SkipTest

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import get_scorer, mean_pinball_loss, mean_poisson_deviance
from sklearn.model_selection import GridSearchCV
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import estimator_checks_generator

from sklstm import LSTMClassifier, LSTMRegressor
from sklstm.components import Gaussian, Huber, Poisson, Quantile, Tweedie
from sklstm.export import load_parameters
from tests.kernels.problem import loss_of, targets_for
from tests.toy import SMALL, sequences

SEVERAL = Quantile((0.1, 0.5, 0.9))
LOG = ["poisson", "gamma", "tweedie", Tweedie(1.2)]
NEW = [*LOG, "gaussian", SEVERAL]
LEARNING = {
    "hidden_size": 6, "front": None, "max_iter": 40, "learning_rate_init": 0.02, "random_state": 0,
}  # fmt: skip


def counts(n_samples, seed=0):
    """Return sequences and counts, whose mean is an exponential of the mean of channel 0."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, 10, 2))
    return X, rng.poisson(np.exp(2.0 * X[:, :, 0].mean(axis=1) + 0.2)).astype(float)


def positive(n_samples=24):
    """Return sequences and positive y."""
    X, slope = sequences(n_samples)
    return X, np.exp(2.0 * slope)


# --- what is predicted ----------------------------------------------------------------------
@pytest.mark.parametrize("loss", LOG, ids=str)
def test_means_are_positive_and_start_at_the_mean(loss):
    X, y = positive()
    model = LSTMRegressor(**SMALL, loss=loss).fit(X, y)
    assert (model.target_mean_, model.target_scale_) == (0.0, pytest.approx(y.mean()))
    assert model.out_activation_ == "exp"
    assert (model.predict(X) > 0.0).all()
    assert (model.predict([100.0 * x for x in X]) > 0.0).all()
    model.theta_ = np.zeros_like(model.theta_)
    np.testing.assert_allclose(model.predict(X), y.mean(), rtol=1e-6)


@pytest.mark.parametrize("loss", NEW, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_loss_learns(loss, dtype):
    X, y = positive(60)
    model = LSTMRegressor(**LEARNING, loss=loss, dtype=dtype).fit(X, y)
    assert model.score(X, y) > 0.7
    assert model.loss_curve_[-1] < model.loss_curve_[0]


def test_counts_are_better_learned_by_their_deviance():
    X, y = counts(300)
    X_test, y_test = counts(1000, 1)
    settings = LEARNING | {"max_iter": 15, "scale": "channel", "pooling": "mean"}
    deviances = {}
    for loss in ("poisson", "squared_error"):
        predicted = LSTMRegressor(**settings, loss=loss).fit(X, y).predict(X_test)
        # squared error predicts negative counts, for which there is no deviance
        deviances[loss] = mean_poisson_deviance(y_test, np.maximum(predicted, 1e-3))
    constant = mean_poisson_deviance(y_test, np.full(1000, y.mean()))
    assert deviances["poisson"] < deviances["squared_error"]
    assert deviances["poisson"] < 0.9 * constant


def test_standard_deviations_follow_the_noise():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((600, 6, 1))
    noise = np.where(X[:, -1, 0] > 0, 3.0, 0.5)
    y = 10.0 + noise * rng.standard_normal(600)
    settings = LEARNING | {"scale": "channel", "max_iter": 15}
    mean, deviation = LSTMRegressor(**settings, loss="gaussian").fit(X, y).predict(X, True)
    assert mean.mean() == pytest.approx(10.0, abs=0.4)
    clear = abs(X[:, -1, 0]) > 0.5
    for true in (3.0, 0.5):
        assert np.median(deviation[clear & (noise == true)]) == pytest.approx(true, rel=0.25)


def test_quantiles_never_cross_and_predict_is_the_median():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((400, 4, 1)), rng.exponential(size=400)
    levels = (0.1, 0.25, 0.9)
    model = LSTMRegressor(**LEARNING, loss=Quantile(levels)).fit(X, y)
    for some in (X, 50.0 * X):
        quantiles = model.predict_quantiles(some)
        assert quantiles.shape == (400, 3)
        assert (np.diff(quantiles) >= 0.0).all()
        median = model.predict(some)
        assert ((quantiles[:, 1] <= median) & (median <= quantiles[:, 2])).all()
    raw = model._raw_prediction(model._known_sequences(50.0 * X))
    assert (np.diff(raw) < 0.0).any()  # they would have crossed
    below = np.mean(y[:, np.newaxis] < model.predict_quantiles(X), axis=0)
    np.testing.assert_allclose(below, levels, atol=0.06)
    for level, column in zip(levels, model.predict_quantiles(X).T, strict=True):
        constant = np.full(400, np.quantile(y, level))
        assert mean_pinball_loss(y, column, alpha=level) <= 1.02 * mean_pinball_loss(
            y, constant, alpha=level
        )
    one = LSTMRegressor(**SMALL, loss=Quantile(0.9)).fit(X, y)
    np.testing.assert_array_equal(one.predict_quantiles(X)[:, 0], one.predict(X))


@pytest.mark.parametrize("loss", NEW, ids=str)
def test_shapes(loss):
    X, y = positive()
    one, column, two = (
        LSTMRegressor(**SMALL, loss=loss).fit(X, target)
        for target in (y, y[:, np.newaxis], np.column_stack([y, y**2]))
    )
    assert (one.predict(X).shape, column.predict(X).shape, two.predict(X).shape) == (
        (24,), (24, 1), (24, 2)
    )  # fmt: skip
    assert (one.n_outputs_, two.n_outputs_) == (1, 2)
    np.testing.assert_array_equal(one.predict(X), column.predict(X)[:, 0])
    if loss == "gaussian":
        assert [part.shape for part in two.predict(X, return_std=True)] == [(24, 2), (24, 2)]
    elif isinstance(loss, Quantile):
        assert one.predict_quantiles(X).shape == (24, 3)
        assert two.predict_quantiles(X).shape == (24, 2, 3)


@pytest.mark.parametrize("loss", NEW, ids=str)
def test_every_step(loss):
    X, _ = sequences()
    y = [np.exp(x[:, 0] / 4.0) for x in X]
    for k, steps in enumerate(y):
        steps[k % 3] = np.nan
    model = LSTMRegressor(**SMALL | {"max_iter": 20}, loss=loss, return_sequences=True).fit(X, y)
    assert [len(steps) for steps in model.predict(X)] == [len(x) for x in X]
    assert np.isfinite(model.loss_)
    if loss == "gaussian":
        mean, deviation = model.predict(X, return_std=True)
        assert [s.shape for s in mean] == [s.shape for s in deviation] == [(len(x),) for x in X]
    stopped = clone(model).set_params(early_stopping=True, scoring="loss").fit(X, y)
    assert np.isfinite(stopped.validation_scores_).all()


def test_units_of_y_do_not_matter():
    X, y = positive()
    for loss in NEW:
        here = LSTMRegressor(**SMALL, loss=loss).fit(X, y)
        there = LSTMRegressor(**SMALL, loss=loss).fit(X, y * 1024.0)
        np.testing.assert_array_equal(here.theta_, there.theta_)
        np.testing.assert_array_equal(here.predict(X) * 1024.0, there.predict(X))


@pytest.mark.parametrize("loss", NEW, ids=str)
def test_weights_are_copies(loss):
    X, y = positive()
    weight = np.arange(24) % 4
    times = np.repeat(np.arange(24), weight)
    settings = SMALL | {"batch_size": 10**6, "dtype": "float64", "dropout": 0.0, "max_iter": 20}
    weighted = LSTMRegressor(**settings, loss=loss).fit(X, y, sample_weight=weight)
    repeated = LSTMRegressor(**settings, loss=loss).fit([X[k] for k in times], y[times])
    np.testing.assert_allclose(weighted.theta_, repeated.theta_, rtol=1e-7, atol=1e-9)


# --- ensembles ------------------------------------------------------------------------------
@pytest.mark.parametrize("loss", NEW, ids=str)
def test_an_ensemble_predicts_the_mean_of_its_members(loss):
    X, y = positive()
    model = LSTMRegressor(**SMALL, loss=loss, n_estimators=3, dtype="float64").fit(X, y)
    each = [member.predict(X) for member in model.estimators_]
    np.testing.assert_allclose(model.predict(X), np.mean(each, axis=0), rtol=1e-9)
    if loss == "gaussian":
        deviations = [member.predict(X, return_std=True)[1] for member in model.estimators_]
        mixed = np.mean(np.square(deviations) + np.square(each), axis=0)
        expected = np.sqrt(mixed - np.mean(each, axis=0) ** 2)
        np.testing.assert_allclose(model.predict(X, return_std=True)[1], expected, rtol=1e-9)


@pytest.mark.parametrize("loss", ["poisson", "gaussian", "quantiles", "squared_error", "survival"])
def test_gradient_through_the_mean_by_finite_differences(loss):
    loss, rng = loss_of(loss), np.random.default_rng(0)
    raws, slope = rng.standard_normal((3, 4, 6)), rng.standard_normal((4, 6))
    exact = loss.through_mean(raws, slope)
    for place in np.ndindex(raws.shape):
        step = np.zeros(raws.shape)
        step[place] = 1e-5
        numeric = ((loss.mean(raws + step) - loss.mean(raws - step)) * slope).sum() / 2e-5
        assert numeric == pytest.approx(exact[place], rel=1e-6, abs=1e-8)


# --- as a scikit-learn estimator ------------------------------------------------------------------
@pytest.mark.parametrize("loss", NEW, ids=str)
def test_threads_and_copies(monkeypatch, loss):
    monkeypatch.setattr("sklstm._training.threads._WORTH_A_THREAD", 0.0)
    X, _ = sequences(150)
    y = targets_for("gamma", np.random.RandomState(0), 150, 1)[:, 0]
    model = LSTMRegressor(**SMALL, loss=loss).fit(X, y)
    for again in (clone(model).set_params(n_jobs=3), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(again.fit(X, y).theta_, model.theta_)
        np.testing.assert_array_equal(again.predict(X), model.predict(X))


@pytest.mark.parametrize("loss", ["poisson", "gaussian", SEVERAL], ids=str)
def test_skops(loss):
    io = pytest.importorskip("skops.io")
    from sklstm.export import skops_trusted

    X, y = positive()
    model = LSTMRegressor(**SMALL, loss=loss).fit(X, y).conformalize(X, y)
    loaded = io.loads(io.dumps(model), trusted=skops_trusted())
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    np.testing.assert_array_equal(loaded.predict_interval(X), model.predict_interval(X))


def test_grid_search_over_losses():
    X, y = positive(40)
    search = GridSearchCV(LSTMRegressor(**SMALL), {"loss": ["huber", *NEW]}, cv=2).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    search = GridSearchCV(
        LSTMRegressor(**SMALL, loss=Tweedie()), {"loss__power": [1.1, 1.9]}, cv=2,
        scoring="neg_mean_poisson_deviance",
    ).fit(X, y)  # fmt: skip
    assert search.best_estimator_.loss.power in (1.1, 1.9)


def test_the_loss_of_a_fit_holds_until_the_next():
    X, y = positive()
    model = LSTMRegressor(**SMALL, loss="poisson").fit(X, y)
    expected = model.predict(X)
    np.testing.assert_array_equal(model.set_params(loss="squared_error").predict(X), expected)
    for other in ("squared_error", "gaussian", SEVERAL):
        model.set_params(loss=other, warm_start=True)
        for fit in (model.fit, model.partial_fit):
            with pytest.raises(ValueError, match=r"was started with Poisson\(\), whose raw"):
                fit(X, y)
    np.testing.assert_array_equal(model.predict(X), expected)
    model.set_params(loss="gamma").fit(X, y)  # the same link
    assert (model.predict(X) != expected).all()
    huber = LSTMRegressor(**SMALL, warm_start=True).fit(X, y).set_params(loss=Huber(0.5))
    assert np.isfinite(huber.fit(X, y).loss_)


def test_early_stopping_by_a_deviance():
    X, y = positive(60)
    model = LSTMRegressor(
        **SMALL, loss=Poisson(), early_stopping=True, scoring="neg_mean_poisson_deviance",
        validation_fraction=0.3,
    ).fit(X, y)  # fmt: skip
    assert max(model.validation_scores_) == model.best_validation_score_
    model.set_params(early_stopping=False, scoring="neg_mean_poisson_deviance")
    model.fit(X, y, X_val=X, y_val=y)
    scorer = get_scorer("neg_mean_poisson_deviance")
    assert scorer(model, X, y) == model.best_validation_score_


def test_a_stream_gives_what_predict_gives():
    X, y = positive()
    for loss in NEW:
        model = LSTMRegressor(**SMALL, loss=loss, bidirectional=False, scale="channel").fit(X, y)
        methods = ["predict", *(["predict_quantiles"] if loss is SEVERAL else [])]
        for method in methods:
            stream = model.stream(method=method)
            for x in X[0]:
                last = stream.step(x)
            expected = getattr(model, method)(X[:1])
            np.testing.assert_allclose(last, expected, rtol=1e-5)


def test_tags():
    assert get_tags(LSTMRegressor(loss="gamma")).target_tags.positive_only
    assert not get_tags(LSTMRegressor(loss=Gaussian())).target_tags.positive_only
    assert not get_tags(LSTMClassifier()).target_tags.positive_only
    assert get_tags(LSTMRegressor()).target_tags.multi_output
    assert not get_tags(LSTMRegressor(loss="survival")).target_tags.multi_output
    with pytest.raises(NotFittedError):
        LSTMRegressor(loss="gaussian").predict([[1.0, 2.0]], return_std=True)


def run_checks(model, except_for=()):
    """Run scikit-learn's checks, of which some may be skipped by themselves."""
    for estimator, check in estimator_checks_generator(model):
        if not check.func.__name__.startswith(tuple(except_for)):
            with suppress(SkipTest):
                check(estimator)


# Whatever the tag of positive targets says, scikit-learn checks several outputs with negative ones,
# and transformers with labels from 0.
NEGATIVE, ZERO = ["check_regressor_multioutput"], ["check_transformer"]


# The checks concern code that all losses share, so a small network and a short training are enough.
@pytest.mark.slow
@pytest.mark.parametrize("loss", ["poisson", "gamma", "tweedie", "gaussian", SEVERAL], ids=str)
def test_estimator_checks(loss):
    except_for = (NEGATIVE if loss in LOG else []) + (ZERO if loss == "gamma" else [])
    run_checks(LSTMRegressor(loss=loss, hidden_size=8, max_iter=60), except_for)


# `scoring` takes effect in the base that both estimators share.
@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore:scoring='loss' has no effect"
)  # early stopping would tell weights from copies
def test_estimator_checks_with_scoring():
    run_checks(LSTMRegressor(hidden_size=8, max_iter=60, scoring="loss"))


@pytest.mark.parametrize("loss", ["poisson", "gaussian"])
def test_infinite_means_and_deviations_are_refused(loss):
    """They are exponentials, which overflow long before the raw predictions."""
    X, y = sequences()[0], np.arange(1, 25) % 5
    model = LSTMRegressor(loss=loss, **SMALL).fit(X, y)
    expected = model.predict(X)
    bias = model.parameters_["head_bias"].copy()
    load_parameters(model, {"head_bias": bias + 1e4})
    with pytest.raises(ValueError, match="prediction in row 0 is infinite in the units of y"):
        model.predict(X) if loss == "poisson" else model.predict(X, return_std=True)
    load_parameters(model, {"head_bias": bias})
    np.testing.assert_array_equal(model.predict(X), expected)
