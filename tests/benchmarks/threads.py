"""Training of the default classifier on one thread and on two.

    python -m tests.benchmarks.threads DATA_FOLDER

DATA_FOLDER as in `tests.benchmarks.accuracy`. Both trainings take turns, a few epochs each, with a
minibatch of 16. The median milliseconds of a minibatch are printed, and the median ratio of two
trainings in turn. Nothing else should run on the machine. With --busy something else may: the
processor time of the main thread is measured, which with two threads is its half of the work and
what only one thread does. Waiting for the other thread does not count.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import sklstm
from sklstm import LSTMClassifier
from sklstm._training import threads, workers
from tests.benchmarks.accuracy import Problem, problems
from tests.benchmarks.machine import describe_machine

N_EPOCHS, N_SAMPLES = 6, 320


def seconds_of_fit(problem: Problem, n_jobs: int, clock: Callable[[], float]) -> float:
    """Return the seconds of a few epochs."""
    X, y = problem.X_train[:N_SAMPLES], problem.y_train[:N_SAMPLES]
    model = LSTMClassifier(max_iter=N_EPOCHS, batch_size=16, random_state=0, n_jobs=n_jobs)
    start = clock()
    model.fit(X, y)
    return clock() - start


def main() -> None:
    """Print a row for each data set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_folder", type=Path)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--only", nargs="*", help="names of the data sets to run")
    parser.add_argument("--busy", action="store_true", help="measure the processor time")
    arguments = parser.parse_args()
    clock = time.perf_counter
    if arguments.busy:
        clock = time.thread_time
        workers._PATIENCE, workers._PAUSE = 0, 4e-3  # waiting takes no processor time
        threads._PATIENCE = threads._SOON = 0
    print(describe_machine())
    sklstm.warmup(dtypes=("float32",))
    print("| data set | steps, channels | one thread | two threads | ratio |")
    print("|---|---|---|---|---|")
    for problem in problems(arguments.data_folder):
        wanted = not arguments.only or problem.name in arguments.only
        if not wanted or problem.task != "classification":
            continue
        for n_jobs in (1, 2, 2):  # the first training on two threads does not use both at once
            seconds_of_fit(problem, n_jobs, clock)
        turns = [
            [seconds_of_fit(problem, n_jobs, clock) for n_jobs in (1, 2)]
            for _ in range(arguments.turns)
        ]
        n_minibatches = N_EPOCHS * -(-min(len(problem.X_train), N_SAMPLES) // 16)
        one, two = np.median(turns, axis=0) * 1e3 / n_minibatches
        ratio = np.median([first / second for first, second in turns])
        n_timesteps = int(np.median([len(x) for x in problem.X_train]))
        row = f"{problem.name} | {n_timesteps}, {problem.X_train[0].shape[1]}"
        print(f"| {row} | {one:.2f} ms | {two:.2f} ms | {ratio:.2f} |", flush=True)


if __name__ == "__main__":
    main()
