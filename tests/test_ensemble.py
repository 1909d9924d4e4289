"""`n_estimators`: networks that differ by their seeds, and are averaged."""

import copy
import pickle
import re
import threading

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from sklstm import LSTMClassifier, LSTMRegressor
from sklstm._training import training
from sklstm._training.side_by_side import side_by_side
from sklstm.components.losses import BinaryCrossEntropy, CrossEntropy, SquaredError
from tests.test_common import checks
from tests.toy import ESTIMATORS, SMALL, problem, raw

THREE = SMALL | {"n_estimators": 3, "dropout": 0.2}


def assert_same(model, expected, X):
    """Assert that two estimators are the same, bit for bit."""
    np.testing.assert_array_equal(model.theta_, expected.theta_)
    assert model.loss_curve_ == expected.loss_curve_
    np.testing.assert_array_equal(raw(model, X), raw(expected, X))


def partial_fit(model, X, y, **kwargs):
    """Call partial_fit with the classes, if it has such an argument."""
    if isinstance(model, LSTMClassifier):
        kwargs["classes"] = [0, 1]
    return model.partial_fit(X, y, **kwargs)


# --- what the members are -------------------------------------------------------------------
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_an_ensemble_is_the_mean_of_single_models_with_the_seeds_of_its_members(Estimator, dtype):
    X, y = problem(Estimator)
    weight = 1.0 + np.arange(24) % 3
    model = Estimator(**THREE, dtype=dtype).fit(X, y, sample_weight=weight)
    assert len(model.estimators_) == 3
    seeds = [member.random_state for member in model.estimators_]
    assert seeds[0] == 0
    assert len(set(seeds)) == 3
    singles = []
    for k, seed in enumerate(seeds):
        settings = THREE | {"n_estimators": 1, "random_state": seed}
        singles.append(Estimator(**settings, dtype=dtype).fit(X, y, sample_weight=weight))
        np.testing.assert_array_equal(model.theta_[k], singles[-1].theta_)
        assert_same(model.estimators_[k], singles[-1], X)
    predictions = [raw(single, X) for single in singles]
    assert abs(predictions[0] - predictions[1]).max() > 1e-3
    np.testing.assert_allclose(raw(model, X), np.mean(predictions, axis=0), rtol=1e-12)
    np.testing.assert_allclose(model.loss_, np.mean([single.loss_ for single in singles]))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_the_first_members_do_not_depend_on_how_many_there_are(Estimator):
    X, y = problem(Estimator)
    for make in (lambda: 3, lambda: np.random.RandomState(3)):
        two, four = (
            Estimator(**THREE | {"random_state": make(), "n_estimators": n}).fit(X, y)
            for n in (2, 4)
        )
        np.testing.assert_array_equal(two.theta_, four.theta_[:2])
        one = Estimator(**THREE | {"random_state": make(), "n_estimators": 1}).fit(X, y)
        np.testing.assert_array_equal(one.theta_, four.theta_[0])


@pytest.mark.parametrize("n_jobs", [2, 3, 5, -1])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_the_number_of_threads_changes_nothing(monkeypatch, Estimator, n_jobs):
    monkeypatch.setattr("sklstm._training.threads._WORTH_A_THREAD", 0.0)
    X, y = problem(Estimator, n_samples=150)
    settings = THREE | {"early_stopping": True, "batch_size": 64}
    expected = Estimator(**settings).fit(X, y)
    model = Estimator(**settings, n_jobs=n_jobs).fit(X, y)
    assert_same(model, expected, X)
    assert model.validation_scores_ == expected.validation_scores_


def test_members_train_at_the_same_time(monkeypatch):
    both, epoch = threading.Barrier(2, timeout=20), training._epoch

    def meet(*args):
        both.wait()
        return epoch(*args)

    monkeypatch.setattr(training, "_epoch", meet)
    X, y = problem(LSTMRegressor)
    LSTMRegressor(**THREE | {"n_estimators": 2}, n_jobs=2).fit(X, y)


def test_members_stop_by_the_same_validation_set():
    X, y = problem(LSTMClassifier, n_samples=60)
    settings = THREE | {"n_iter_no_change": 2, "max_iter": 40}
    model = LSTMClassifier(**settings, early_stopping=True).fit(X, y)
    single = LSTMClassifier(**settings | {"n_estimators": 1}, early_stopping=True).fit(X, y)
    assert_same(model.estimators_[0], single, X)
    lengths = [len(member.loss_curve_) for member in model.estimators_]
    assert len(set(lengths)) > 1
    assert model.n_iter_ == len(model.loss_curve_) == len(model.validation_scores_) == max(lengths)
    first = [member.validation_scores_[0] for member in model.estimators_]
    np.testing.assert_allclose(model.validation_scores_[0], np.mean(first))
    best = [member.best_validation_score_ for member in model.estimators_]
    np.testing.assert_allclose(model.best_validation_score_, np.mean(best))
    X_val, y_val = problem(LSTMClassifier, n_samples=20, seed=1)
    model = LSTMClassifier(**settings).fit(X, y, X_val=X_val, y_val=y_val)
    for member in model.estimators_:
        single = clone(member).fit(X, y, X_val=X_val, y_val=y_val)
        np.testing.assert_array_equal(member.theta_, single.theta_)
        assert max(member.validation_scores_) == member.score(X_val, y_val)


# --- what is predicted ----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("loss", "shape"),
    [(CrossEntropy(), (4, 6, 3)), (BinaryCrossEntropy(), (4, 6, 1)),
     (BinaryCrossEntropy(), (4, 6, 3))],
)  # fmt: skip
@pytest.mark.parametrize("size", [1.0, 30.0, 300.0])
def test_the_mean_of_probabilities(loss, shape, size):
    raws = size * np.random.default_rng(0).standard_normal(shape)
    expected = np.mean([loss.probabilities(each) for each in raws], axis=0)
    mean = loss.mean(raws)
    assert np.isfinite(mean).all()
    np.testing.assert_allclose(loss.probabilities(mean), expected, rtol=1e-11, atol=1e-15)


def test_the_mean_of_values():
    raws = np.random.default_rng(0).standard_normal((4, 6, 2)).astype(np.float32)
    mean = SquaredError().mean(raws)
    assert mean.dtype == np.float64
    np.testing.assert_allclose(mean, raws.astype(np.float64).mean(axis=0))


@pytest.mark.parametrize("kind", ["two classes", "three classes", "labels"])
def test_the_methods_of_a_classifier_agree(kind):
    X, y = problem(LSTMClassifier)
    y = {
        "two classes": np.where(y, "up", "down"),
        "three classes": np.arange(24) % 3,
        "labels": np.stack([y, np.arange(24) % 2], axis=1),
    }[kind]
    model = LSTMClassifier(**THREE).fit(X, y)
    members = model.estimators_
    probabilities = model.predict_proba(X)
    expected = np.mean([member.predict_proba(X) for member in members], axis=0)
    np.testing.assert_allclose(probabilities, expected, rtol=1e-12)
    np.testing.assert_allclose(model.predict_log_proba(X), np.log(expected), rtol=1e-9)
    scores = model.decision_function(X)
    assert scores.shape == members[0].decision_function(X).shape
    if kind == "labels":
        np.testing.assert_array_equal(model.predict(X), probabilities > 0.5)
    else:
        np.testing.assert_array_equal(
            model.predict(X), model.classes_[probabilities.argmax(axis=1)]
        )
    if kind == "two classes":
        np.testing.assert_allclose(scores, np.log(expected[:, 1] / expected[:, 0]), rtol=1e-9)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_every_step(Estimator):
    X, _ = problem(Estimator)
    y = [(x[:, 0] > 0).astype(int) for x in X]
    model = Estimator(**THREE, return_sequences=True).fit(X, y)
    members = model.estimators_
    for k, prediction in enumerate(raw(model, X)):
        expected = np.mean([raw(member, X)[k] for member in members], axis=0)
        np.testing.assert_allclose(prediction, expected, rtol=1e-10, atol=1e-14)
    assert np.isfinite(model.score(X, y))


def test_attention_is_the_mean_of_the_members():
    X, y = problem(LSTMClassifier)
    model = LSTMClassifier(**THREE, pooling="attention").fit(X, y)
    of_each = [member.attention_weights(X) for member in model.estimators_]
    for k, weights in enumerate(model.attention_weights(X)):
        np.testing.assert_allclose(weights, np.mean([w[k] for w in of_each], axis=0), rtol=1e-12)


@pytest.mark.parametrize("pooling", ["last", "concat", "attention"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_stream_gives_what_the_whole_gives(Estimator, pooling):
    X, y = problem(Estimator, n_samples=12, lengths=(9, 9))
    X = np.array(X)
    settings = {"bidirectional": False, "scale": "channel", "patch_size": 1, "dtype": "float64"}
    model = Estimator(**THREE, **settings, pooling=pooling).fit(X, y)
    method = "predict_proba" if Estimator is LSTMClassifier else "predict"
    stream, other = model.stream(len(X), method), model.stream(len(X), method)
    for t in range(9):
        step = stream.step(X[:, t])
        np.testing.assert_allclose(step, raw(model, X[:, : t + 1]), rtol=1e-12)
        if t == 4:
            other.state = pickle.loads(pickle.dumps(stream.state))
        elif t > 4:
            np.testing.assert_array_equal(other.step(X[:, t]), step)
    stream.reset([2, 5])
    step = stream.step(X[:, 0])
    with pytest.raises(ValueError, match="NaN"):
        stream.step(np.full((12, 2), np.nan))
    np.testing.assert_allclose(step[[2, 5]], raw(model, X[[2, 5], :1]), rtol=1e-12)
    longer = np.concatenate([X, X[:, :1]], axis=1)
    np.testing.assert_allclose(step[[0, 11]], raw(model, longer[[0, 11]]), rtol=1e-12)
    assert stream.state["h"].shape == (3, 1, 12, 4)
    np.testing.assert_array_equal(stream.state["n_steps"][:, [0, 2]], [[10, 1]] * 3)
    with pytest.raises(ValueError, match="not the state of a stream"):
        model.estimators_[0].stream(len(X)).state = stream.state


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_single_network_does_not_hold_itself(Estimator):
    X, y = problem(Estimator)
    single = Estimator(**SMALL).fit(X, y)
    for network in (single, Estimator(**THREE).fit(X, y).estimators_[0]):
        assert not hasattr(network, "estimators_")
        with pytest.raises(AttributeError, match="a single network"):
            _ = network.estimators_


# --- fits that go on ------------------------------------------------------------------------
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_warm_start_adds_members_and_leaves_the_others(Estimator):
    X, y = problem(Estimator)
    model = Estimator(**THREE | {"n_estimators": 1}, warm_start=True).fit(X, y)
    first = copy.deepcopy(model)
    for n in (2, 3):
        model.set_params(n_estimators=n).fit(X, y)
        assert_same(model.estimators_[0], first, X)
    assert_same(model, Estimator(**THREE).fit(X, y), X)
    mean = model.channel_mean_.copy()
    model.set_params(n_estimators=4).fit([x + 1.0 for x in X], y)
    np.testing.assert_array_equal(model.channel_mean_, mean)  # the first members were made for it
    with pytest.raises(ValueError, match=re.escape("n_estimators=2, but there are 4 fitted")):
        model.set_params(n_estimators=2).fit(X, y)
    assert len(model.set_params(warm_start=False).fit(X, y).estimators_) == 2


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_warm_start_with_as_many_members_goes_on_with_all(Estimator):
    X, y = problem(Estimator)
    model = Estimator(**THREE, warm_start=True).fit(X, y)
    singles = [member.set_params(warm_start=True) for member in model.estimators_]
    model.fit(X, y)
    for k, single in enumerate(singles):
        before = single.theta_
        np.testing.assert_array_equal(single.fit(X, y).theta_, model.theta_[k])
        assert abs(single.theta_ - before).max() > 1e-4
    assert model.n_iter_ == 3
    assert model.t_ == 2 * singles[0].n_iter_ * 1  # 24 samples are one minibatch


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_partial_fit_goes_on_with_all_members(Estimator):
    X, y = problem(Estimator)
    model = Estimator(**THREE)
    singles = None
    for n, part in enumerate([slice(8), slice(8, 24), slice(24)], start=1):
        partial_fit(model, X[part], y[part], sample_weight=1.0 + np.arange(len(y[part])) % 2)
        if singles is None:
            singles = [clone(member) for member in model.estimators_]
        for k, single in enumerate(singles):
            partial_fit(single, X[part], y[part], sample_weight=1.0 + np.arange(len(y[part])) % 2)
            np.testing.assert_array_equal(model.theta_[k], single.theta_)
        assert model.n_iter_ == len(model.loss_curve_) == n
        model = pickle.loads(pickle.dumps(model))
    for other in (2, 4):
        with pytest.raises(ValueError, match=f"n_estimators={other}, but there are 3 fitted"):
            partial_fit(model.set_params(n_estimators=other), X, y)


# --- the estimator as an object -------------------------------------------------------------
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_copies(Estimator):
    X, y = problem(Estimator)
    model = Estimator(**THREE).fit(X, y)
    assert_same(pickle.loads(pickle.dumps(model)), model, X)
    assert_same(clone(model).fit(X, y), model, X)
    member = model.estimators_[1]
    assert member.channel_mean_ is model.channel_mean_
    assert np.shares_memory(member.theta_, model.estimators_[1].theta_)
    before = model.theta_
    partial_fit(member, X, y)
    np.testing.assert_array_equal(model.theta_, before)
    assert not hasattr(member, "estimators_")  # it is a single network


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_parameters_can_be_assigned(Estimator):
    X, y = problem(Estimator)
    model = Estimator(**THREE).fit(X, y)
    expected = raw(model.estimators_[2], X)
    for name, array in model.parameters_.items():
        assert array.shape[0] == 3
        np.testing.assert_array_equal(array[1], model.estimators_[1].parameters_[name])
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0
    model.theta_ = np.stack([model.theta_[2]] * 3)
    np.testing.assert_allclose(raw(model, X), expected, rtol=1e-12)


def test_grid_search():
    X, y = problem(LSTMClassifier)
    grid = {"n_estimators": [1, 2, 3]}
    search = GridSearchCV(LSTMClassifier(**SMALL), grid, cv=2).fit(X, y)
    thetas = np.atleast_2d(search.best_estimator_.theta_)
    assert len(thetas) == search.best_params_["n_estimators"]


@pytest.mark.parametrize("wrong", [0, -1, "3", 2.5, None])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_wrong_numbers(Estimator, wrong):
    X, y = problem(Estimator)
    with pytest.raises(ValueError, match=r"'n_estimators' parameter .* must be an int"):
        Estimator(**SMALL, n_estimators=wrong).fit(X, y)


# tests/test_common.py has the checks that need another process
IN_THIS_PROCESS = [
    each
    for each in checks(
        n_estimators=2, hidden_size=8, front=None, branch=None, max_iter=60, learning_rate_init=0.02
    )
    if "array_api" not in each.id
]


@pytest.mark.parametrize(("estimator", "check"), IN_THIS_PROCESS)
def test_estimator_checks(estimator, check):
    check(estimator)


# --- trainings that end early ---------------------------------------------------------------
def test_side_by_side_raises_the_error_of_a_task_when_the_others_have_ended():
    interrupt, ended = threading.Event(), []

    def fails():
        raise RuntimeError("one of them")

    def waits():
        assert interrupt.wait(20)
        ended.append(True)

    with pytest.raises(RuntimeError, match="one of them"):
        side_by_side([waits, fails], 2, interrupt)
    assert ended == [True]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_ctrl_c_keeps_the_members_that_have_trained(monkeypatch, n_jobs):
    X, y = problem(LSTMClassifier)
    epoch, epochs, main = training._epoch, iter(range(100)), threading.main_thread()

    def interrupt(workers, *args):
        if next(epochs) == 3:  # with one thread in the second member
            assert threading.current_thread() is not main
            workers.interrupt.set()
        return epoch(workers, *args)

    monkeypatch.setattr(training, "_epoch", interrupt)
    settings = THREE | {"max_iter": 3 if n_jobs == 1 else 50, "n_jobs": n_jobs, "warm_start": True}
    with pytest.warns(UserWarning, match="interrupted by user after .* members are kept"):
        model = LSTMClassifier(**settings).fit(X, y)
    n_members = len(model.estimators_)
    assert n_members == 1 if n_jobs == 1 else n_members <= 2
    assert all(member.n_iter_ > 0 for member in model.estimators_)
    assert np.isfinite(model.predict_proba(X)).all()
    monkeypatch.setattr(training, "_epoch", epoch)
    assert len(model.fit(X, y).estimators_) == 3  # a warm start adds those that are missing


def test_ctrl_c_reaches_members_in_threads(monkeypatch):
    X, y = problem(LSTMRegressor)
    epoch, begun = training._epoch, threading.Event()

    def endless(*args):
        begun.set()
        return epoch(*args)

    monkeypatch.setattr(training, "_epoch", endless)
    monkeypatch.setattr(
        "sklstm._training.side_by_side.wait", lambda *args, **kwargs: _interrupted(begun)
    )
    settings = THREE | {"max_iter": 10**7, "learning_rate": "constant", "tol": 0.0, "n_jobs": 2}
    with pytest.warns(UserWarning, match="interrupted by user"):
        model = LSTMRegressor(**settings, n_iter_no_change=10**7).fit(X, y)
    assert np.isfinite(model.predict(X)).all()


def _interrupted(begun):
    """Wait until a training has begun, and be interrupted as the main thread would be."""
    assert begun.wait(20)
    raise KeyboardInterrupt


def test_a_member_that_diverges_at_once_is_an_error(monkeypatch):
    X, y = problem(LSTMRegressor)
    model = LSTMRegressor(**SMALL, warm_start=True).fit(X, y)
    theta, epoch = model.theta_, training._epoch
    monkeypatch.setattr(training, "_epoch", lambda *args: np.nan)
    with pytest.raises(ValueError, match="diverged in its first epoch"):
        model.set_params(n_estimators=3).fit(X, y)
    np.testing.assert_array_equal(model.theta_, theta)  # the members that were there
    with pytest.raises(ValueError, match="diverged in its first epoch"):
        model.set_params(warm_start=False).fit(X, y)
    assert not hasattr(model, "theta_")
    epochs = iter(range(100))
    monkeypatch.setattr(
        training, "_epoch", lambda *args: np.nan if next(epochs) == 4 else epoch(*args)
    )
    with pytest.warns(ConvergenceWarning, match="of 1 of the members diverged in epoch 2"):
        model.fit(X, y)


def test_progress_bar(capsys):
    X, y = problem(LSTMClassifier)
    LSTMClassifier(**THREE, verbose=True, n_jobs=2).fit(X, y)
    assert "9/9" in capsys.readouterr().err


def test_callbacks_see_members_and_their_epochs():
    pytest.importorskip("sklearn.callback", reason="scikit-learn >= 1.9 has callbacks")
    from tests.test_callbacks import Recorder

    X, y = problem(LSTMClassifier)
    recorder = Recorder()
    model = LSTMClassifier(**THREE).set_callbacks(recorder).fit(X, y)
    member = ["begin member", *["begin epoch", "end epoch"] * 3, "end member"]
    assert recorder.calls == ["setup", "begin fit", *member * 3, "end fit", "teardown"]
    for k, fitted in enumerate([recorder.fitted[i] for i in (3, 7, 11)]):  # at the ends of members
        np.testing.assert_array_equal(fitted.theta_, model.theta_[k])
    recorder = Recorder(stop_after=2)
    model = LSTMClassifier(**THREE, n_jobs=3).set_callbacks(recorder).fit(X, y)
    assert sorted(member.n_iter_ for member in model.estimators_)[1:] == [3, 3]
    assert len(model.estimators_) == 3
