"""Training of the default classifier on one thread and on two.

    python -m tests.benchmarks.threads DATA_FOLDER

DATA_FOLDER as in `tests.benchmarks.accuracy`. Both trainings take turns, some epochs each, with a
minibatch of 16. The median milliseconds of a minibatch are printed, and the median ratio of two
trainings in turn. With `--whole` the seconds of one default fit each are printed instead, and their
sums over the data sets. Nothing else should run on the machine.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

import sklstm
from sklstm import LSTMClassifier
from tests.benchmarks.accuracy import Problem, problems
from tests.benchmarks.machine import describe_machine

N_MINIBATCHES, N_SAMPLES = 200, 320  # at least, at most


def seconds_of_minibatch(problem: Problem, n_jobs: int) -> float:
    """Return the seconds of a minibatch, by a fit of some epochs."""
    X, y = problem.X_train[:N_SAMPLES], problem.y_train[:N_SAMPLES]
    per_epoch = -(-len(X) // 16)
    n_epochs = -(-N_MINIBATCHES // per_epoch)
    model = LSTMClassifier(max_iter=n_epochs, batch_size=16, random_state=0, n_jobs=n_jobs)
    start = time.perf_counter()
    model.fit(X, y)
    # the loss may have made it longer
    return (time.perf_counter() - start) / (per_epoch * len(model.loss_curve_))


def seconds_of_fit(problem: Problem, n_jobs: int) -> float:
    """Return the seconds of a default fit."""
    start = time.perf_counter()
    LSTMClassifier(random_state=0, n_jobs=n_jobs).fit(problem.X_train, problem.y_train)
    return time.perf_counter() - start


def in_turn(problem: Problem, n_turns: int) -> tuple[float, float, float]:
    """Return the milliseconds of a minibatch on one thread and on two, and their ratio."""
    turns = [[seconds_of_minibatch(problem, n_jobs) for n_jobs in (1, 2)] for _ in range(n_turns)]
    one, two = np.median(turns, axis=0) * 1e3
    return one, two, float(np.median([first / second for first, second in turns]))


def main() -> None:
    """Print a row for each data set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_folder", type=Path)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--only", nargs="*", help="names of the data sets to run")
    parser.add_argument("--whole", action="store_true", help="time one default fit each")
    arguments = parser.parse_args()
    print(describe_machine())
    sklstm.warmup(dtypes=("float32",))
    print("| data set | steps, channels | one thread | two threads | ratio |")
    print("|---|---|---|---|---|")
    unit, total = "s" if arguments.whole else "ms", np.zeros(2)
    for problem in problems(arguments.data_folder):
        wanted = not arguments.only or problem.name in arguments.only
        if not wanted or problem.task != "classification":
            continue
        for n_jobs in (1, 2, 2):  # the first training on two threads does not use both at once
            seconds_of_minibatch(problem, n_jobs)
        if arguments.whole:
            one, two = (seconds_of_fit(problem, n_jobs) for n_jobs in (1, 2))
            ratio = one / two
        else:
            one, two, ratio = in_turn(problem, arguments.turns)
        total += one, two
        n_timesteps = int(np.median([len(x) for x in problem.X_train]))
        row = f"{problem.name} | {n_timesteps}, {problem.X_train[0].shape[1]}"
        print(f"| {row} | {one:.2f} {unit} | {two:.2f} {unit} | {ratio:.2f} |", flush=True)
    one, two = total
    print(f"| all | | {one:.2f} {unit} | {two:.2f} {unit} | {one / two:.2f} |")


if __name__ == "__main__":
    main()
