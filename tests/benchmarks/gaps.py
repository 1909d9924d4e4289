"""Accuracy with gaps: missing="mask" compared with complete data and with filling before.

    python -m tests.benchmarks.gaps DATA_FOLDER [--seeds N] [--jobs N]

DATA_FOLDER contains ``time_series/JapaneseVowels.npz``, as for `tests.benchmarks.accuracy`. Values
of it and of scikit-learn's digits are removed from training and test data alike: 10, 30 and 50% at
random, or in every sequence half of the channels for a stretch of half of its steps. A row has the
mean accuracy over the seeds, by which values are removed and networks are trained.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

import sklstm
from tests.benchmarks.accuracy import Problem, problems
from tests.benchmarks.machine import describe_machine

Sequences = list[np.ndarray]


def at_random(X: Sequences, share: float, rng: np.random.Generator) -> Sequences:
    """Remove a share of all values."""
    return [np.where(rng.random(x.shape) < share, np.nan, x) for x in X]


def in_stretches(X: Sequences, share: float, rng: np.random.Generator) -> Sequences:
    """Remove a share of the steps of a share of the channels, in one stretch each."""
    gone = []
    for x in X:
        x = x.astype(np.float64)
        length = round(share * len(x))
        for channel in rng.permutation(x.shape[1])[: round(share * x.shape[1])]:
            first = rng.integers(len(x) - length + 1)
            x[first : first + length, channel] = np.nan
        gone.append(x)
    return gone


def mean_filled(X: Sequences, mean: np.ndarray) -> Sequences:
    """Put the mean of the channel in the place of gaps."""
    return [np.where(np.isnan(x), mean, x) for x in X]


def forward_filled(X: Sequences, mean: np.ndarray) -> Sequences:
    """Put the last value of the channel in the place of gaps; before the first one the mean."""
    filled = []
    for x in X:
        steps = np.where(np.isnan(x), -1, np.arange(len(x))[:, np.newaxis])
        last = np.maximum.accumulate(steps, axis=0)
        filled.append(np.where(last < 0, mean, np.take_along_axis(x, np.maximum(last, 0), axis=0)))
    return filled


def accuracy(
    problem: Problem, X_train: Sequences, X_test: Sequences, missing: str, seed: int, n_jobs: int
) -> float:
    """Return the accuracy of the defaults."""
    model = sklstm.LSTMClassifier(missing=missing, random_state=seed, n_jobs=n_jobs)
    return model.fit(X_train, problem.y_train).score(X_test, problem.y_test)


def compare(
    problem: Problem, remove: Callable, share: float, seeds: int, n_jobs: int
) -> list[float]:
    """Return the mean accuracy of "mask", forward filling and mean filling."""
    scores = []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        train, test = remove(problem.X_train, share, rng), remove(problem.X_test, share, rng)
        mean = np.nanmean(np.concatenate(train), axis=0)
        pairs = [(train, test, "mask")]
        pairs += [(f(train, mean), f(test, mean), "error") for f in (forward_filled, mean_filled)]
        scores.append([accuracy(problem, *pair, seed, n_jobs) for pair in pairs])
    return list(np.mean(scores, axis=0))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    print(describe_machine())
    print(f"{'data, removed':32}{'complete':>10}{'mask':>10}{'forward':>10}{'mean':>10}")
    for problem in problems(options.folder):
        if problem.name not in ("JapaneseVowels", "digits"):
            continue
        X = (
            [x.astype(np.float64) for x in problem.X_train],
            [x.astype(np.float64) for x in problem.X_test],
        )
        complete = float(
            np.mean(
                [
                    accuracy(problem, *X, "error", seed, options.jobs)
                    for seed in range(options.seeds)
                ]
            )
        )
        cases = [(at_random, share) for share in (0.1, 0.3, 0.5)] + [(in_stretches, 0.5)]
        for remove, share in cases:
            name = f"{problem.name}, {share:.0%} {remove.__name__.replace('_', ' ')}"
            row = [complete, *compare(problem, remove, share, options.seeds, options.jobs)]
            print(f"{name:32}" + "".join(f"{value:10.4f}" for value in row), flush=True)


if __name__ == "__main__":
    main()
