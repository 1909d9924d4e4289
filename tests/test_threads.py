"""Threads that stand by, awake or asleep."""

import gc
import threading
import time

import pytest

from sklstm._training import threads
from sklstm._training.threads import Threads


@pytest.mark.parametrize("patience", [0, 20_000])
@pytest.mark.parametrize("pause", [0.0, 0.01])
def test_each_thread_runs_its_task(monkeypatch, patience, pause):
    monkeypatch.setattr(threads, "_PATIENCE", patience)
    pool = Threads()
    for _ in range(20 if pause else 300):
        done = {}

        def task(worker, done=done):
            time.sleep(pause * worker)
            done[worker] = threading.get_ident()

        pool.run(task, 3)
        assert sorted(done) == [0, 1, 2] and len(set(done.values())) == 3
        assert done[0] == threading.get_ident()
        time.sleep(pause)
    pool.close()


@pytest.mark.parametrize("which", [0, 1])
def test_an_error_is_raised_when_all_are_done(which):
    pool, done = Threads(), []

    def task(worker):
        if worker == which:
            raise FloatingPointError(f"in {worker}")
        time.sleep(0.02)
        done.append(worker)

    for _ in range(2):
        with pytest.raises(FloatingPointError, match=f"in {which}"):
            pool.run(task, 2)
    assert done == [1 - which] * 2
    pool.run(done.append, 2)
    assert sorted(done[2:]) == [0, 1]


@pytest.mark.parametrize("end", [Threads.close, lambda pool: None])
def test_threads_end(end):
    """Also if nobody closes them: those of a prediction."""
    before, pool = set(threading.enumerate()), Threads()
    pool.run(lambda worker: None, 3)
    helpers = set(threading.enumerate()) - before
    assert len(helpers) == 2
    end(pool)
    del pool
    gc.collect()
    for helper in helpers:
        helper.join(timeout=10)
        assert not helper.is_alive()
