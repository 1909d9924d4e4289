"""Ctrl-C: what it stops, and what is left."""

import _thread
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import joblib
import numpy as np
import pytest

from sklstm import LSTMClassifier
from sklstm._training import training
from tests.toy import ESTIMATORS, SMALL, problem, raw


# --- one fit --------------------------------------------------------------------------------
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_interruption(monkeypatch, Estimator, early_stopping):
    X, y = problem(Estimator)
    settings = SMALL | {"learning_rate": "constant", "early_stopping": early_stopping, "tol": 0.0}
    settings |= {"learning_rate_init": 0.01, "validation_fraction": 0.3}
    expected = Estimator(**settings | {"max_iter": 2}).fit(X, y)
    epoch = training._epoch
    losses = []

    def interrupt(workers, theta, *args):
        if len(losses) == 2:
            theta[:] = 0.0  # as if interrupted in the middle of an epoch
            raise KeyboardInterrupt
        losses.append(epoch(workers, theta, *args))
        return losses[-1]

    monkeypatch.setattr(training, "_epoch", interrupt)
    with pytest.warns(UserWarning, match="interrupted by user after 2 epochs"):
        model = Estimator(**settings | {"max_iter": 100}).fit(X, y)
    assert model.n_iter_ == 2
    assert model.loss_curve_ == losses == expected.loss_curve_
    np.testing.assert_array_equal(model.theta_, expected.theta_)
    np.testing.assert_array_equal(raw(model, X), raw(expected, X))


@pytest.fixture
def interruptible():
    """Handle Ctrl-C even in a process that was started in the background and ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_interruption_by_a_signal_while_threads_compute(monkeypatch, interruptible):
    X, y = problem(LSTMClassifier, n_samples=150)
    epoch = training._epoch
    timers = []

    def timed(*args):
        if not timers:
            timers.append(threading.Timer(0.1, _thread.interrupt_main))
            timers[0].start()
        return epoch(*args)

    monkeypatch.setattr(training, "_epoch", timed)
    monkeypatch.setattr("sklstm._training.threads._WORTH_A_THREAD", 0.0)
    settings = SMALL | {"max_iter": 10**5, "batch_size": 150, "n_jobs": 2}
    with pytest.warns(UserWarning, match="interrupted by user"):
        model = LSTMClassifier(**settings).fit(X, y)
    assert model.n_iter_ == len(model.loss_curve_) < 10**5
    assert np.isfinite(model.predict_proba(X)).all()


def test_interruption_in_the_first_epoch(monkeypatch):
    X, y = problem(LSTMClassifier)

    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "_epoch", interrupt)
    with pytest.warns(UserWarning, match="interrupted by user after 0 epochs"):
        model = LSTMClassifier(**SMALL).fit(X, y)
    assert model.n_iter_ == 0
    assert np.isnan(model.loss_)
    assert set(model.predict(X)) <= {0, 1}


# --- a fit that is one of several ----------------------------------------------------------
IN_A_LOOP = """
import os, signal, sys, threading, time
import joblib
import numpy as np
from sklearn.ensemble import AdaBoostClassifier, VotingClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklstm import LSTMClassifier
from tests.toy import SMALL, problem

signal.signal(signal.SIGINT, signal.default_int_handler)
X, y = problem(LSTMClassifier)
X = np.stack([x[:3] for x in X])  # of one length, for AdaBoost
LSTMClassifier(**SMALL).fit(X, y).predict(X)  # compiled before the signal
endless = {"max_iter": 10**7, "n_iter_no_change": 10**7, "learning_rate": "constant"}
model = LSTMClassifier(**SMALL | endless)

def ring():
    time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=ring, daemon=True).start()
try:
    {call}
except KeyboardInterrupt:
    print("stopped", flush=True)
else:
    print("went on with", model.n_iter_, flush=True)
os._exit(0)  # fits in threads of joblib may still run
"""


def interrupted(call):
    """Return what a script prints in which Ctrl-C comes during a call, and its warnings."""
    root = str(Path(__file__).resolve().parents[1])
    result = subprocess.run(
        [sys.executable, "-c", IN_A_LOOP.replace("{call}", call)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([root, *sys.path])},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    return result.stdout, result.stderr


@pytest.mark.parametrize(
    "call", ["model.fit(X, y)", "make_pipeline(FunctionTransformer(), model).fit(X, y)"]
)
def test_ctrl_c_ends_a_single_fit_and_keeps_its_parameters(call):
    printed, warned = interrupted(call + "; model.predict(X)")
    assert printed.startswith("went on with"), warned
    assert int(printed.split()[-1]) > 0
    assert "Training interrupted by user" in warned


@pytest.mark.parametrize(
    "call",
    [
        "cross_val_score(model, X, y, cv=2)",
        "GridSearchCV(model, {'alpha': [0.0, 0.1]}, cv=2, n_jobs=1).fit(X, y)",
        "VotingClassifier([('a', model), ('b', model)]).fit(X, y)",
        "AdaBoostClassifier(model, n_estimators=2).fit(X, y)",
        "joblib.Parallel(2, 'threading')(joblib.delayed(model.fit)(X, y) for _ in range(4))",
        "cross_val_score(make_pipeline(FunctionTransformer(), model), X, y, cv=2)",
    ],
)
def test_ctrl_c_ends_all_fits_of_a_search(call):
    printed, warned = interrupted(call)
    assert printed == "stopped\n", warned
    assert "interrupted by user" not in warned


def test_a_fit_of_several_keeps_its_parameters_too(monkeypatch):
    X, y = problem(LSTMClassifier)
    epoch, epochs = training._epoch, iter(range(100))

    def interrupt(*args):
        if next(epochs) == 2:
            raise KeyboardInterrupt
        return epoch(*args)

    monkeypatch.setattr(training, "_epoch", interrupt)
    model = LSTMClassifier(**SMALL | {"max_iter": 100})
    with pytest.raises(KeyboardInterrupt):
        joblib.Parallel(1)([joblib.delayed(model.fit)(X, y)])
    assert model.n_iter_ == 2
    assert set(model.predict(X)) <= {0, 1}
