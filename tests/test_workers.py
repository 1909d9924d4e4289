"""Threads change the time of computing, but not a bit of the result."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import joblib
import numpy as np
import pytest

from sklstm import LSTMClassifier
from sklstm._network.chunk import Chunk
from sklstm._network.convolutions import ConvolutionBuffers
from sklstm._network.network import Network
from sklstm._training import workers
from sklstm._training.minibatch import Ahead, n_chunks_of
from sklstm._training.optimizer import Optimizer
from sklstm._training.threads import Pace
from sklstm._training.workers import Workers
from sklstm.components import LITE, Warping
from tests.kernels.problem import network_spec
from tests.toy import ESTIMATORS, SMALL, problem, raw

# a branch whose filters fill whole vectors
FILLED = {"branch": LITE(channels=32, width=6), "batch_size": 16, "max_iter": 6}
THREADED = SMALL | {"hidden_size": 8, "num_layers": 2, "dropout": 0.2, "batch_size": 256}


@pytest.fixture
def threads(monkeypatch):
    """Threads even for the small problems of a test; the set of all that computed."""
    monkeypatch.setattr("sklstm._training.threads._WORTH_A_THREAD", 0.0)
    used = set()
    run = Workers._run

    def spied(self, kind, chunk, n_chunks, n_rows):
        def told(k, buffers):
            used.add(id(buffers))
            chunk(k, buffers)

        run(self, kind, told, n_chunks, n_rows)

    monkeypatch.setattr(Workers, "_run", spied)
    return used


@pytest.fixture
def always_threads(monkeypatch):
    """Several threads for each minibatch, whether they are faster or not."""
    monkeypatch.setattr(Pace, "choose", lambda pace, n_threads: n_threads)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_number_of_jobs_does_not_change_a_bit(threads, Estimator, dtype):
    X, y = problem(Estimator, n_samples=300)
    assert n_chunks_of(150, 0.0) > 3
    settings = THREADED | {"dtype": dtype, "early_stopping": True}
    expected = Estimator(**settings, n_jobs=1).fit(X, y)
    for n_jobs in (2, 3, 8, -1):
        threads.clear()
        model = Estimator(**settings, n_jobs=n_jobs).fit(X, y)
        assert len(threads) == min(joblib.effective_n_jobs(n_jobs), n_chunks_of(135, 0.0))
        np.testing.assert_array_equal(model.theta_, expected.theta_)
        assert model.loss_curve_ == expected.loss_curve_
        assert model.validation_scores_ == expected.validation_scores_
        np.testing.assert_array_equal(raw(model, X), raw(expected, X))


def test_a_small_minibatch_is_two_chunks_if_that_pays():
    enough, little = 1e9, 1e7
    assert [n_chunks_of(n, enough, normalised=True) for n in (1, 2, 16, 32, 33, 64)] == [
        1, 2, 2, 2, 2, 2,
    ]  # fmt: skip
    assert [n_chunks_of(n, little, normalised=True) for n in (16, 32, 33)] == [1, 1, 2]


@pytest.mark.parametrize(("n_steps", "in_a_row"), [(8_000, 8), (8_001, 1)])
def test_small_minibatches_are_made_in_a_row(n_steps, in_a_row):
    made = []

    def make():
        for k in range(20):
            made.append(k)
            yield SimpleNamespace(n_steps=n_steps, number=k), 1.0

    for k, (number, _) in enumerate(Ahead(make(), lambda minibatch: minibatch.number)):
        assert number == k
        assert made == list(range(min((k // in_a_row + 1) * in_a_row, 20)))
    assert k == 19


def test_minibatches_are_made_while_a_thread_waits():
    """The next one is prepared in any case; others are made as long as there is time, up to 8."""
    made = []

    def make():
        for k in range(20):
            made.append(k)
            yield SimpleNamespace(n_steps=80, number=k), 1.0

    ahead = Ahead(make(), lambda minibatch: minibatch.number)
    assert [next(ahead)[0] for _ in range(8)] == list(range(8)) == made
    ahead.prepare(iter([True, True, False]).__next__)
    assert ahead.is_prepared and len(made) == 11
    assert [next(ahead)[0] for _ in range(3)] == [8, 9, 10] and len(made) == 11
    ahead.prepare(lambda: True)
    assert ahead.is_prepared and len(made) == 20
    assert [number for number, _ in ahead] == list(range(11, 20))
    ahead.prepare(lambda: True)
    assert not ahead.is_prepared


@pytest.mark.parametrize("batch_size", [16, 33])
def test_chunks_that_are_normalised_together(always_threads, monkeypatch, batch_size):
    """Two threads wait for each other in each normalised layer; larger minibatches need not."""
    monkeypatch.setattr("sklstm._training.threads._WORTH_A_THREAD", 0.0)
    used, convolve = set(), workers.Chunk._convolve

    def spied(*args):
        used.add(threading.get_ident())
        return convolve(*args)

    monkeypatch.setattr(workers.Chunk, "_convolve", spied)
    X, y = problem(LSTMClassifier, n_samples=66, n_channels=1, lengths=(5, 30))
    settings = SMALL | {"branch": LITE(channels=4, width=6), "batch_size": batch_size}
    settings |= {"max_iter": 6, "augmentation": Warping()}
    expected = LSTMClassifier(**settings, n_jobs=1).fit(X, y)
    assert len(used) == 1
    for n_jobs in (2, 3):
        used.clear()
        model = LSTMClassifier(**settings, n_jobs=n_jobs).fit(X, y)
        assert len(used) > 1
        np.testing.assert_array_equal(model.theta_, expected.theta_)
        assert model.loss_curve_ == expected.loss_curve_


@pytest.mark.parametrize("patience", [0, 1, 10_000])
def test_a_branch_beside_the_rest(always_threads, monkeypatch, patience):
    """With little work, the branch is computed on another thread than the recurrent layers.

    The thread of these then makes the next minibatch.
    """
    monkeypatch.setattr("sklstm._training.threads._WORTH_A_THREAD", 1e5)
    monkeypatch.setattr(workers, "_PATIENCE", patience)
    used, forward, beside, waited = set(), ConvolutionBuffers.forward, Chunk.branch_gradient, []
    prepare = Ahead.prepare

    def spied(*args):
        used.add(threading.current_thread() is threading.main_thread())
        return forward(*args)

    def counted(minibatches, is_waiting):
        waited.append(is_waiting())
        prepare(minibatches, is_waiting)

    monkeypatch.setattr(ConvolutionBuffers, "forward", spied)
    monkeypatch.setattr(Ahead, "prepare", counted)
    X, y = problem(LSTMClassifier, n_samples=66, n_channels=1, lengths=(5, 30))
    settings = SMALL | FILLED | {"augmentation": Warping()}
    expected = LSTMClassifier(**settings, n_jobs=1).fit(X, y)
    assert used == {True} and not waited
    used.clear()
    model = LSTMClassifier(**settings, n_jobs=2).fit(X, y)
    assert used == {False}
    assert len(waited) > 20
    np.testing.assert_array_equal(model.theta_, expected.theta_)

    def failing(chunk, beside_):
        raise FloatingPointError("in the branch")
        yield from beside(chunk, beside_)

    monkeypatch.setattr(Chunk, "branch_gradient", failing)
    with pytest.raises(FloatingPointError, match="branch"):
        LSTMClassifier(**settings, n_jobs=2).fit(X, y)


def test_an_update_that_is_not_finite(always_threads, monkeypatch):
    """It is made when another thread already waits for it, which then does not wait for ever."""
    monkeypatch.setattr("sklstm._training.threads._WORTH_A_THREAD", 1e5)
    X, y = problem(LSTMClassifier, n_samples=66, n_channels=1, lengths=(5, 30))
    settings, thetas, updates = SMALL | FILLED | {"augmentation": None}, [], []
    update = Optimizer.update

    def fails_once(optimizer, network, theta, chunks, *rest, **others):
        updates.append(threading.current_thread())
        if len(updates) == 8:  # in the second epoch of five minibatches
            chunks[:] = np.nan
        return update(optimizer, network, theta, chunks, *rest, **others)

    monkeypatch.setattr(Optimizer, "update", fails_once)
    for n_jobs in (1, 2):
        updates.clear()
        with pytest.warns(UserWarning, match="not finite"):
            thetas.append(LSTMClassifier(**settings, n_jobs=n_jobs).fit(X, y).theta_)
        assert len(updates) == 8
    np.testing.assert_array_equal(*thetas)


def test_interruption_while_the_next_minibatch_is_made(always_threads, monkeypatch):
    monkeypatch.setattr("sklstm._training.threads._WORTH_A_THREAD", 1e5)
    X, y = problem(LSTMClassifier, n_samples=66, n_channels=1, lengths=(5, 30))
    settings = SMALL | FILLED | {"learning_rate": "constant", "augmentation": None, "n_jobs": 2}
    expected = LSTMClassifier(**settings | {"max_iter": 2}).fit(X, y)
    beside, minibatches = Workers._run_beside, iter(range(100))

    def interrupt(*args):
        raise KeyboardInterrupt

    def interrupted(pool, prepared, before, meanwhile):  # in the third epoch of five minibatches
        called = interrupt if next(minibatches) == 12 else meanwhile
        return beside(pool, prepared, before, called)

    monkeypatch.setattr(Workers, "_run_beside", interrupted)
    with pytest.warns(UserWarning, match="interrupted by user after 2 epochs"):
        model = LSTMClassifier(**settings | {"max_iter": 100}).fit(X, y)
    np.testing.assert_array_equal(model.theta_, expected.theta_)


@pytest.mark.parametrize("patience", [0, 1])
def test_a_chunk_that_comes_first_may_pause(always_threads, monkeypatch, patience):
    monkeypatch.setattr("sklstm._training.threads._WORTH_A_THREAD", 0.0)
    monkeypatch.setattr(workers, "_PATIENCE", patience)
    X, y = problem(LSTMClassifier, n_samples=32)
    settings = SMALL | {"branch": LITE(channels=4, width=6), "batch_size": 16}
    models = [LSTMClassifier(**settings, n_jobs=n_jobs).fit(X, y) for n_jobs in (1, 2)]
    np.testing.assert_array_equal(models[0].theta_, models[1].theta_)


@pytest.mark.parametrize("which", [0, 1])
def test_a_chunk_does_not_wait_for_one_that_failed(always_threads, monkeypatch, which):
    monkeypatch.setattr("sklstm._training.threads._WORTH_A_THREAD", 0.0)
    X, y = problem(LSTMClassifier, n_samples=32)
    settings = SMALL | {"branch": LITE(channels=4, width=6), "batch_size": 16}
    LSTMClassifier(**settings).fit(X, y)  # the kernels are compiled
    convolve = workers.Chunk._convolve

    def failing(*args):
        if threading.current_thread() is not threading.main_thread():
            if which == 1:
                raise FloatingPointError("in the other thread")
        elif which == 0:
            raise FloatingPointError("in this thread")
        return convolve(*args)

    monkeypatch.setattr(workers.Chunk, "_convolve", failing)
    with pytest.raises(FloatingPointError, match=("this", "other")[which]):
        LSTMClassifier(**settings, n_jobs=2).fit(X, y)


def test_one_thread_goes_on_alone_while_two_are_slower():
    """On a busy machine they are; the first task, and later some, are always of one thread."""
    pace, used, seconds = Pace(), [], {1: 1.0, 2: 0.6}
    for task in range(600):
        seconds[2] = 0.6 if task < 40 or task > 300 else 2.0
        used.append(pace.choose(2))
        pace.took(used[-1], seconds[used[-1]])
    assert used[:43] == [1, *[2] * 42]  # from the 40th on slower
    assert used[43:63] == [1] * 20
    assert used[40:300].count(2) < 20
    assert used[400:].count(2) in (198, 199)
    assert Pace().choose(1) == 1


def test_jobs_of_a_parallel_config(threads):
    X, y = problem(LSTMClassifier, n_samples=100)
    with joblib.parallel_config("threading", n_jobs=2):
        LSTMClassifier(**THREADED).fit(X, y)
    assert len(threads) == 2
    threads.clear()
    LSTMClassifier(**THREADED).fit(X, y)
    assert len(threads) == 1


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_two_threads_predict_with_one_estimator(threads, n_jobs):
    X, y = problem(LSTMClassifier, n_samples=200)
    model = LSTMClassifier(**SMALL, n_jobs=n_jobs).fit(X, y)
    parts = [X[k : k + 100] for k in range(0, 100, 5)]
    expected = [model.predict_proba(part) for part in parts]
    with ThreadPoolExecutor(2) as pool:
        for _ in range(3):
            for result, right in zip(pool.map(model.predict_proba, parts), expected, strict=True):
                np.testing.assert_array_equal(result, right)


def test_only_one_thread_compiles(monkeypatch):
    """Ctrl-C while one thread waits for another one to compile may leave Numba locked."""
    monkeypatch.setattr(workers, "_compiled", set())
    network = Network(network_spec(2, 4, 1, False, ("last",), 1, "squared_error"), np.float64)
    pool, seen, both = Workers(network, 2), [], threading.Barrier(2, timeout=20)

    def first(k, buffers):
        seen.append(("starts", k))
        time.sleep(0.1 if k == 0 else 0.0)
        seen.append(("ends", k))

    pool._run("gradient", first, 3, np.inf)
    assert seen[:2] == [("starts", 0), ("ends", 0)]
    assert sorted(k for what, k in seen if what == "ends") == [0, 1, 2]
    pool._run("gradient", lambda k, buffers: both.wait(), 2, np.inf)  # now both at once
    pool.close()


def test_two_threads_fit_at_once():
    X, y = problem(LSTMClassifier, n_samples=100)
    seeds = range(6)

    def theta(seed):
        return LSTMClassifier(**SMALL | {"random_state": seed}).fit(X, y).theta_

    expected = list(map(theta, seeds))
    with ThreadPoolExecutor(2) as pool:
        np.testing.assert_array_equal(list(pool.map(theta, seeds)), expected)


# A forked process has its parent's thread pool, but not the threads.
FORKED = """
import os
import signal

import numpy as np

from sklstm import LSTMClassifier
from sklstm._training import threads
from sklstm._training.threads import Pace

threads._WORTH_A_THREAD = 0.0
X = np.random.default_rng(0).standard_normal((200, 5))
model = LSTMClassifier(hidden_size=4, max_iter=1, n_jobs=2).fit(X, np.arange(200) % 2)
expected = model.predict_proba(X)
child = os.fork()
if child == 0:
    signal.alarm(20)
    os._exit(0 if np.array_equal(model.predict_proba(X), expected) else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_prediction_after_a_fork():
    result = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (0, "0\n"), result.stderr
