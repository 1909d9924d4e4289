"""Epochs, stopping, dropout, divergence, and the same result twice."""

import hashlib
import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss

from sklstm import LSTMClassifier, LSTMRegressor
from sklstm._training import training
from sklstm.components import LSTM, SGD, Adam, AdamW, InverseScaling, Quantile, RMSProp
from sklstm.components.schedules import SCHEDULES
from sklstm.components.solvers import SOLVERS
from tests.test_base import ONE_STEP, STANDSTILL
from tests.toy import ESTIMATORS, SMALL, problem, raw, sequences


# --- settings -------------------------------------------------------------------------------
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_and_schedule_learns(Estimator, solver, schedule):
    X, y = problem(Estimator)
    rate = {"sgd": 0.3}.get(solver, 0.02)
    model = Estimator(
        hidden_size=4, max_iter=30, batch_size=8, solver=solver, learning_rate=schedule,
        learning_rate_init=rate, tol=0.0, n_iter_no_change=100, random_state=0,
    ).fit(X, y)  # fmt: skip
    assert model.loss_curve_[-1] < 0.5 * model.loss_curve_[0]


@pytest.mark.parametrize(
    ("n_samples", "parameters", "n_epochs", "n_batches"),
    [
        (16, {}, 500, 1),  # no more than a minibatch has
        (20, {}, 500, 3),  # of 8
        (32, {"branch": None}, 500, 1),
        (24, {"batch_size": 5}, 300, 5),  # 1,500 minibatches
        (300, {}, 79, 19),  # of 16
        (300, {"batch_size": 1}, 40, 300),  # at least 40 epochs
        (300, {"max_iter": 2, "batch_size": 1000}, 2, 1),
    ],
)
def test_number_of_epochs_and_minibatches(n_samples, parameters, n_epochs, n_batches, monkeypatch):
    monkeypatch.setattr(training, "_LONGER", 0.0)  # the loss does not decide
    y = np.arange(n_samples) % 2
    X = y[:, np.newaxis] + np.linspace(0.0, 0.1, n_samples)[:, np.newaxis]
    model = LSTMClassifier(hidden_size=4, **parameters, random_state=0).fit(X, y)
    assert model.n_iter_ == len(model.loss_curve_) == n_epochs
    assert model.t_ == n_epochs * n_batches
    assert model.loss_ == model.loss_curve_[-1]


@pytest.mark.parametrize(
    ("parameters", "n_epochs"), [({}, 177), ({"max_iter": 79}, 79), ({"branch": None}, 79)]
)
def test_a_loss_that_falls_slowly_is_given_more_epochs(parameters, n_epochs, capsys):
    """Nothing in X tells the classes apart: the loss stays where it is."""
    X, y = np.zeros((300, 1)), np.arange(300) % 2
    model = LSTMClassifier(hidden_size=1, **parameters, random_state=0, verbose=True).fit(X, y)
    assert model.n_iter_ == n_epochs  # 2.25 times 79
    assert f"{n_epochs}/{n_epochs}" in capsys.readouterr().err  # as the progress bar has it


@pytest.mark.parametrize(
    ("first", "later", "n_epochs"),
    [(1.0, 0.15, 79), (1.0, 0.25, 118), (2.0, 0.6, 142), (1.0, 0.4, 177), (-1.0, -3.0, 79)],
)
def test_epochs_follow_what_is_left_of_the_loss(first, later, n_epochs, monkeypatch):
    """Beyond a sixth, six times the share that is left after a third of the 79 epochs."""
    losses = itertools.chain([first], itertools.repeat(later))
    monkeypatch.setattr(training, "_epoch", lambda *arguments: next(losses))
    X, y = np.zeros((300, 1)), np.arange(300) % 2
    assert LSTMClassifier(hidden_size=1, random_state=0).fit(X, y).n_iter_ == n_epochs


def test_minibatches_are_near_equal():
    """17 samples in batches of 16 are split into 9 and 8: a single sample would count 16-fold."""
    X, y = problem(LSTMRegressor, n_samples=17)
    models = [LSTMRegressor(**SMALL, batch_size=size).fit(X, y) for size in (9, 16)]
    assert models[0].t_ == models[1].t_ == 3 * 2
    np.testing.assert_array_equal(models[0].theta_, models[1].theta_)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("batch_size", [24, 7])
def test_loss_is_the_weighted_mean(batch_size, weighted):
    """The loss is the mean over all batches: cross-entropy, or errors of standardised targets."""
    X, slope = sequences()
    weight = 1.0 + np.arange(24) % 5 if weighted else None
    settings = STANDSTILL | {"batch_size": batch_size}
    for y in (slope > 0, np.digitize(slope, [-0.5, 0.5])):
        model = LSTMClassifier(**settings).fit(X, y, sample_weight=weight)
        expected = log_loss(y, model.predict_proba(X), sample_weight=weight)
        assert model.loss_ == pytest.approx(expected, rel=1e-9)
    y = np.column_stack([slope > 0, slope > 0.5]).astype(int)
    model = LSTMClassifier(**settings).fit(X, y, sample_weight=weight)
    labels = zip(y.T, model.predict_proba(X).T, strict=True)
    expected = np.mean([log_loss(*label, sample_weight=weight) for label in labels])
    assert model.loss_ == pytest.approx(expected, rel=1e-9)
    of_error = {
        "squared_error": lambda e: e**2 / 2,
        "absolute_error": abs,
        "huber": lambda e: np.where(abs(e) > 1.35, 1.35 * (abs(e) - 1.35 / 2), e**2 / 2),
        "quantile": lambda e: np.where(e > 0, 0.8 * e, -0.2 * e),  # over-prediction costs more
    }
    y = np.column_stack([slope, slope**3])
    for loss, function in of_error.items():
        component = Quantile(0.2) if loss == "quantile" else loss
        model = LSTMRegressor(**settings, loss=component).fit(X, y, sample_weight=weight)
        error = (model.predict(X) - y) / model.target_scale_
        expected = np.average(function(error).mean(axis=1), weights=weight)
        assert model.loss_ == pytest.approx(expected, rel=1e-9)


def test_shuffle():
    X, y = problem(LSTMRegressor)
    order = np.random.default_rng(0).permutation(24)
    settings = SMALL | {"batch_size": 8, "dtype": "float64"}

    def theta(shuffle, order=slice(None), seed=0):
        model = LSTMRegressor(**settings | {"random_state": seed}, shuffle=shuffle)
        X_there = np.array(X, object)[order]
        return model.fit(X_there, y[order]).theta_

    assert abs(theta(True) - theta(False)).max() > 1e-5
    assert abs(theta(False, order) - theta(False)).max() > 1e-5  # batches follow the sample order
    within = np.concatenate([k + np.arange(8)[::-1] for k in (0, 8, 16)])
    np.testing.assert_allclose(theta(False, within), theta(False), rtol=1e-9, atol=1e-12)


# --- gradient steps -----------------------------------------------------------------------
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_clip_norm(Estimator):
    X, y = problem(Estimator)
    start = Estimator(**STANDSTILL).fit(X, y).theta_

    def step(clip_norm):
        settings = ONE_STEP | {"learning_rate_init": 1.0, "clip_norm": clip_norm}
        return Estimator(**settings).fit(X, y).theta_ - start

    free = step(None)
    norm = np.linalg.norm(free)
    assert norm > 0.02
    np.testing.assert_allclose(step(0.01), free * (0.01 / norm), rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(step(2 * norm), free, rtol=1e-12)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_weight_decay_leaves_biases_alone(Estimator, solver):
    X, y = problem(Estimator)
    component = SOLVERS[solver]()
    component.set_params(**{"momentum": 0.0} if solver == "sgd" else {"epsilon": 1e6})
    settings = ONE_STEP | {"solver": component, "learning_rate_init": 0.01}
    start = Estimator(**STANDSTILL).fit(X, y).parameters_
    without, decayed = (
        Estimator(**settings | {"alpha": alpha}).fit(X, y).parameters_ for alpha in (0.0, 0.1)
    )
    for name, weight in start.items():
        difference = decayed[name] - without[name]
        if "bias" in name:
            np.testing.assert_array_equal(difference, 0.0)
        elif solver in ("adamw", "sgd"):
            np.testing.assert_allclose(difference, -0.01 * 0.1 * weight, rtol=1e-6, atol=1e-12)
        else:  # decay acts through the moments, which the huge epsilon makes tiny
            assert 0 < abs(difference).max() < 1e-6


@pytest.mark.parametrize(
    "change",
    [
        {"solver": AdamW(beta_1=0.5)},
        {"solver": AdamW(beta_2=0.5)},
        {"solver": Adam(epsilon=0.1)},
        {"solver": RMSProp(decay=0.5)},
        {"solver": SGD(momentum=0.5)},
        {"solver": SGD(nesterov=False)},
        {"learning_rate": InverseScaling(power=0.9)},
    ],
    ids=str,
)
def test_every_setting_of_the_optimiser_counts(change):
    X, y = problem(LSTMRegressor)
    ((name, component),) = change.items()
    default, changed = (
        LSTMRegressor(**SMALL | {name: value}).fit(X, y) for value in (type(component)(), component)
    )
    assert abs(default.theta_ - changed.theta_).max() > 1e-6, change


# --- dropout ------------------------------------------------------------------------------
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_dropout(Estimator, num_layers):
    X, y = problem(Estimator)
    without, half, again = (
        Estimator(**SMALL, num_layers=num_layers, dropout=dropout).fit(X, y)
        for dropout in (0.0, 0.5, 0.5)
    )
    np.testing.assert_array_equal(half.theta_, again.theta_)
    assert abs(half.theta_ - without.theta_).max() > 1e-4
    # nothing is dropped in prediction
    expected = raw(half, X)
    np.testing.assert_array_equal(raw(half, X), expected)
    np.testing.assert_array_equal(raw(half.set_params(dropout=0.0), X), expected)


def test_auto_dropout_is_none_for_few_samples():
    X, y = problem(LSTMRegressor, n_samples=33)
    for n_samples, dropout in [(32, 0.0), (33, 0.2)]:
        auto, given = (
            LSTMRegressor(**SMALL, dropout=d).fit(X[:n_samples], y[:n_samples])
            for d in ("auto", dropout)
        )
        np.testing.assert_array_equal(auto.theta_, given.theta_)


def test_dropout_keeps_the_mean():
    """Kept units are scaled up, so the loss is close to that without dropout."""
    X, y = problem(LSTMRegressor, n_samples=400)
    settings = STANDSTILL | {"cell": LSTM(forget_bias=1.0)}
    losses = [LSTMRegressor(**settings, dropout=d).fit(X, y).loss_ for d in (0.0, 0.2)]
    assert losses[0] < losses[1] < 1.2 * losses[0]


# --- stopping -----------------------------------------------------------------------------
def noisy():
    """Return labels that cannot be learned, so that the validation score goes up and down."""
    X, _ = sequences(80)
    return X, np.random.default_rng(1).permutation(np.arange(80) % 2)


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_early_stopping_restores_the_best_epoch(Estimator, given):
    X, y = noisy()
    validation = {"X_val": X[60:], "y_val": y[60:]} if given else {}
    settings = SMALL | {
        "learning_rate": "constant", "learning_rate_init": 0.03, "early_stopping": not given,
        "validation_fraction": 0.25, "n_iter_no_change": 5, "max_iter": 100,
    }  # fmt: skip
    model = Estimator(**settings).fit(X[:60], y[:60], **validation)
    scores = model.validation_scores_
    best = scores.index(max(scores)) + 1
    assert best < model.n_iter_ == len(scores) == len(model.loss_curve_) < 100
    assert model.best_validation_score_ == max(scores)
    ended_there = Estimator(**settings | {"max_iter": best}).fit(X[:60], y[:60], **validation)
    np.testing.assert_array_equal(model.theta_, ended_there.theta_)
    if given:
        assert model.score(X[60:], y[60:]) == model.best_validation_score_


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_early_stopping_without_progress(Estimator):
    X, y = problem(Estimator)
    settings = SMALL | {"max_iter": 50, "n_iter_no_change": 4, "tol": 1e6}
    model = Estimator(**settings, early_stopping=True, validation_fraction=0.3).fit(X, y)
    assert model.n_iter_ == 1 + 4  # the first epoch always counts as progress
    # schedules with a planned end continue to it, the others stop by the loss
    for schedule, n_iter in [("cosine", 50), ("one_cycle", 50), ("constant", 5), ("invscaling", 5)]:
        model = Estimator(**settings, learning_rate=schedule).fit(X, y)
        assert model.n_iter_ == n_iter
        assert model.validation_scores_ is None
        assert model.best_validation_score_ is None


def test_validation_split_is_stratified():
    """Equal sequences get the same class, so the accuracy is the fraction of that class."""
    X = np.ones((80, 3))
    y = np.repeat([0, 1], [60, 20])
    for seed in range(5):
        model = LSTMClassifier(
            hidden_size=2, max_iter=10, learning_rate_init=0.03, early_stopping=True,
            validation_fraction=0.2, random_state=seed,
        ).fit(X, y)  # fmt: skip
        assert model.validation_scores_[-1] == 0.75


def test_validation_set_is_not_trained_on():
    X, y = problem(LSTMRegressor, n_samples=60)
    settings = SMALL | {"early_stopping": True, "tol": 0.0}
    model = LSTMRegressor(**settings, validation_fraction=0.5).fit(X, y)
    assert model.t_ == 3 * 1  # 30 samples are one minibatch, 60 would be four
    assert not np.isclose(model.target_mean_, y.mean(), rtol=1e-6)


def test_a_score_of_one_sample_is_refused():
    X, y = problem(LSTMRegressor, n_samples=10)
    model = LSTMRegressor(**SMALL, early_stopping=True)
    with pytest.raises(
        ValueError, match=r"validation set has 1 samples.*Raise validation_fraction"
    ):
        model.fit(X, y)
    with pytest.raises(ValueError, match=r"validation set has 1 samples"):
        model.fit(X, y, X_val=X[:1], y_val=y[:1])


@pytest.mark.parametrize("tol", [0.0, 1e6])
def test_adaptive_divides_the_rate(tol):
    X, y = problem(LSTMRegressor)
    settings = ONE_STEP | {"max_iter": 100, "learning_rate": "adaptive", "tol": tol}
    model = LSTMRegressor(**settings, learning_rate_init=3e-3).fit(X, y)
    if tol == 0.0:
        assert model.n_iter_ == 100
    else:
        # a first epoch with progress, then two for each of 3e-3, 6e-4, 1.2e-4, 2.4e-5, 4.8e-6;
        # the next rate would be below 1e-6
        assert model.n_iter_ == 1 + 2 * 5
        # each rate is a fifth of the last, so the loss decreases less and less
        progress = -np.diff(model.loss_curve_)
        assert progress[1] > 4 * progress[3] > 16 * progress[5] > 64 * progress[7] > 0


# --- divergence -------------------------------------------------------------------------
DIVERGING = {
    "hidden_size": 4, "max_iter": 30, "solver": "sgd", "learning_rate": "constant",
    "learning_rate_init": 1e6, "clip_norm": None, "scale": None, "batch_size": 8,
    "random_state": 0,
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_divergence_in_the_first_epoch(dtype):
    X, y = problem(LSTMRegressor, n_samples=64)
    settings = DIVERGING | {"dtype": dtype, "learning_rate_init": 1e200}
    model = LSTMRegressor(**settings)
    with pytest.raises(ValueError, match=r"diverged in its first epoch.*learning_rate_init"):
        model.fit(X, y)
    assert not hasattr(model, "theta_")


def test_divergence_later():
    X, y = problem(LSTMRegressor)
    with pytest.warns(ConvergenceWarning, match=r"diverged in epoch .*clip_norm") as caught:
        model = LSTMRegressor(**DIVERGING | {"batch_size": 24, "dtype": "float32"}).fit(X, y)
    assert len(caught) == 1
    assert 0 < model.n_iter_ < 30
    assert np.isfinite(model.loss_curve_).all()
    assert np.isfinite(model.theta_).all()
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize("early_stopping", [False, True])
def test_divergence_restores_the_best_epoch(monkeypatch, early_stopping):
    X, y = problem(LSTMRegressor)
    settings = SMALL | {"learning_rate": "constant", "early_stopping": early_stopping}
    settings |= {"learning_rate_init": 0.01, "validation_fraction": 0.3}
    expected = LSTMRegressor(**settings).fit(X, y)
    epoch = training._epoch

    def explode(workers, theta, *args):
        if theta_seen:
            theta[:] = np.nan
            return np.nan
        loss = epoch(workers, theta, *args)
        theta_seen.extend([theta.copy()] * (len(losses) == 2))
        losses.append(loss)
        return loss

    losses, theta_seen = [], []
    monkeypatch.setattr(training, "_epoch", explode)
    with pytest.warns(ConvergenceWarning, match=r"diverged in epoch 4"):
        model = LSTMRegressor(**settings | {"max_iter": 10}).fit(X, y)
    assert model.n_iter_ == 3
    np.testing.assert_array_equal(model.theta_, expected.theta_)


def test_overflow_in_the_very_last_step_is_divergence():
    """No loss is computed after the last update; an overflow there must still be found."""
    X, y = problem(LSTMRegressor)
    settings = ONE_STEP | {"dtype": "float32", "learning_rate_init": 1e60}
    with pytest.raises(ValueError, match="diverged"):
        LSTMRegressor(**settings).fit(X, y)


def test_divergence_of_a_later_call_keeps_the_model():
    X, y = problem(LSTMRegressor)
    model = LSTMRegressor(**SMALL, dtype="float32", warm_start=True).fit(X, y)
    expected = model.predict(X)
    explosive = {"solver": "sgd", "learning_rate_init": 1e60, "clip_norm": None}
    for fit in (model.set_params(**explosive).partial_fit, model.fit):
        with pytest.warns(ConvergenceWarning, match=r"diverged in epoch"):
            fit(X, y)
        np.testing.assert_array_equal(model.predict(X), expected)


# --- the same result twice ----------------------------------------------------------------
DROPPING = SMALL | {"num_layers": 2, "dropout": 0.3, "batch_size": 8}
IN_ANOTHER_PROCESS = """
import hashlib
from tests.test_training import fitted
from sklstm import LSTMClassifier, LSTMRegressor
for Estimator in LSTMClassifier, LSTMRegressor:
    print(hashlib.sha256(fitted(Estimator).theta_.tobytes()).hexdigest())
"""


def fitted(Estimator, seed=0):
    """Return an estimator fitted with dropout, shuffling and a validation split."""
    settings = DROPPING | {"random_state": seed, "early_stopping": True}
    return Estimator(**settings, validation_fraction=0.3).fit(*problem(Estimator))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_seed(Estimator):
    first, second, other = (fitted(Estimator, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.theta_, second.theta_)
    assert first.loss_curve_ == second.loss_curve_
    assert abs(first.theta_ - other.theta_).max() > 0.01
    state = fitted(Estimator, np.random.RandomState(0))
    np.testing.assert_array_equal(state.theta_, first.theta_)


def test_seed_in_another_process():
    here = [hashlib.sha256(fitted(E).theta_.tobytes()).hexdigest() for E in ESTIMATORS]
    paths = os.pathsep.join(path or os.getcwd() for path in sys.path)
    result = subprocess.run(
        [sys.executable, "-c", IN_ANOTHER_PROCESS],
        env=os.environ | {"PYTHONPATH": paths, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == here


def test_no_seed():
    X, y = problem(LSTMRegressor)
    thetas = [LSTMRegressor(hidden_size=4, max_iter=1).fit(X, y).theta_ for _ in range(2)]
    assert abs(thetas[0] - thetas[1]).max() > 0.01


def test_the_global_random_state_is_left_alone():
    X, y = problem(LSTMRegressor)
    before = np.random.get_state()[1].copy()
    LSTMRegressor(**DROPPING).fit(X, y)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


# --- progress bar -------------------------------------------------------------------------
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_verbose(capsys, Estimator):
    X, y = problem(Estimator)
    Estimator(**SMALL).fit(X, y)
    assert capsys.readouterr() == ("", "")
    model = Estimator(**SMALL, verbose=True).fit(X, y)
    out, err = capsys.readouterr()
    assert out == ""
    assert Estimator.__name__ in err
    assert "3/3" in err
    assert f"loss={model.loss_:.4g}" in err
    assert "validation" not in err
    model = Estimator(**SMALL, verbose=1, early_stopping=True, validation_fraction=0.3).fit(X, y)
    assert f"validation={model.validation_scores_[-1]:.4g}" in capsys.readouterr().err
