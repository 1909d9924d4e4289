"""Accuracy with gaps: missing="mask" and "decay" beside complete data and filling before.

    python -m tests.benchmarks.gaps DATA_FOLDER [--seeds N] [--jobs N]

DATA_FOLDER contains ``time_series/JapaneseVowels.npz``, as for `tests.benchmarks.accuracy`. Values
of it and of scikit-learn's digits are removed from training and test data alike: 10, 30 and 50% at
random, or in every sequence half of the channels for a stretch of half of its steps. A row has the
mean accuracy over the seeds, by which values are removed and networks are trained. "neighbours"
is scikit-learn's KNNImputer before the network, which needs sequences of one length.

Of the digits, whose sequences have one length, a second table says what can be reached at all:
"filled": a support vector machine after nearest-neighbour imputation; "complete": one that is
fitted anew for each test sample, on complete training data, with the values that this sample has.
It knows all that the gaps in the training data hide, so it is a bound for its kind of model.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.impute import KNNImputer
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

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


def imputed(train: Sequences, test: Sequences) -> tuple[Sequences, Sequences]:
    """Fill gaps of sequences of one length by those of the training set that are most alike."""
    imputer = KNNImputer(n_neighbors=10, keep_empty_features=True)
    imputer.fit(np.stack(train).reshape(len(train), -1))

    def filled(X: Sequences) -> Sequences:
        rows = imputer.transform(np.stack(X).reshape(len(X), -1))
        return list(rows.reshape(-1, *X[0].shape))

    return filled(train), filled(test)


def accuracy(
    problem: Problem, X_train: Sequences, X_test: Sequences, missing: str, seed: int, n_jobs: int
) -> float:
    """Return the accuracy of the defaults."""
    model = sklstm.LSTMClassifier(missing=missing, random_state=seed, n_jobs=n_jobs)
    return model.fit(X_train, problem.y_train).score(X_test, problem.y_test)


def compare(
    problem: Problem, remove: Callable, share: float, seeds: int, n_jobs: int
) -> list[float]:
    """Return the mean accuracy of "mask", "decay", and of filling before: last value, mean, KNN."""
    scores = []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        train, test = remove(problem.X_train, share, rng), remove(problem.X_test, share, rng)
        mean = np.nanmean(np.concatenate(train), axis=0)
        pairs = [(train, test, missing) for missing in ("mask", "decay")]
        pairs += [(f(train, mean), f(test, mean), "error") for f in (forward_filled, mean_filled)]
        if len({len(x) for x in train}) == 1:
            pairs.append((*imputed(train, test), "error"))
        scores.append([accuracy(problem, *pair, seed, n_jobs) for pair in pairs])
    return list(np.mean(scores, axis=0))


def svm(share: float = 0.0) -> SVC:
    """Return a support vector machine for pictures without a share of their pixels."""
    return SVC(gamma=0.001 / (1.0 - share), C=10.0)


def filled(problem: Problem, train: np.ndarray, test: np.ndarray) -> float:
    """Return the accuracy after nearest-neighbour imputation.

    train, test (n_samples, n_values)
    """
    model = make_pipeline(KNNImputer(n_neighbors=10, keep_empty_features=True), svm())
    return float(model.fit(train, problem.y_train).score(test, problem.y_test))


def bound(problem: Problem, complete: np.ndarray, test: np.ndarray, share: float) -> float:
    """Return the accuracy with complete training data, for every sixth test sample."""
    found = []
    for x, y in zip(test[::6], problem.y_test[::6], strict=True):
        there = ~np.isnan(x)
        model = svm(share).fit(complete[:, there], problem.y_train)
        found.append(model.predict(x[np.newaxis, there])[0] == y)
    return float(np.mean(found))


def print_bounds(problem: Problem, seeds: int) -> None:
    """Print what can be reached where values are removed at random."""
    print(f"\n{'what can be reached':32}{'filled':>10}{'complete':>10}")
    complete = np.stack(problem.X_train).reshape(len(problem.X_train), -1)
    for share in (0.1, 0.3, 0.5):
        scores = []
        for seed in range(seeds):
            rng = np.random.default_rng(seed)
            train, test = (
                np.stack(at_random(X, share, rng)).reshape(len(X), -1)
                for X in (problem.X_train, problem.X_test)
            )
            scores.append([filled(problem, train, test), bound(problem, complete, test, share)])
        name = f"{problem.name}, {share:.0%} at random"
        print(f"{name:32}" + "".join(f"{value:10.4f}" for value in np.mean(scores, axis=0)))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    print(describe_machine())
    methods = ("complete", "mask", "decay", "forward", "mean", "neighbours")
    print(f"{'data, removed':32}" + "".join(f"{method:>11}" for method in methods))
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
            print(f"{name:32}" + "".join(f"{value:11.4f}" for value in row), flush=True)
        if problem.name == "digits":
            print_bounds(problem, options.seeds)


if __name__ == "__main__":
    main()
