"""Accuracy of the default parameters compared with scikit-learn's own estimators.

    python -m tests.benchmarks.accuracy DATA_FOLDER

DATA_FOLDER contains ``time_series/*.npz`` with ``values_train`` (total_steps, n_channels),
``indptr_train``, ``y_train``, the same for test, and ``task``. A further data set is
scikit-learn's digits as 8 steps of 8 channels, the first 70% for training. Every estimator uses
one thread. scikit-learn's estimators get sequences that are padded with zeros, flattened and
standardised; for regressors, y is standardised too.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

import sklstm
from tests.benchmarks.machine import describe_machine


class Problem(NamedTuple):
    """A data set, split into training and test."""

    name: str
    task: str
    X_train: list[np.ndarray]
    y_train: np.ndarray
    X_test: list[np.ndarray]
    y_test: np.ndarray


def problems(folder: Path) -> Iterator[Problem]:
    """Yield all data sets of the folder, and the digits."""
    for path in sorted((folder / "time_series").glob("*.npz")):
        with np.load(path, allow_pickle=False) as file:
            parts: list[Any] = []
            for part in ("train", "test"):
                ends = file[f"indptr_{part}"][1:-1]
                parts += [np.split(file[f"values_{part}"], ends), file[f"y_{part}"]]
            yield Problem(path.stem, str(file["task"]), *parts)
    images, y = load_digits(return_X_y=True)
    n = int(0.7 * len(y))
    X = list(images.reshape(-1, 8, 8))
    yield Problem("digits", "classification", X[:n], y[:n], X[n:], y[n:])


def flattened(sequences: list[np.ndarray], n_timesteps: int) -> np.ndarray:
    """Pad the sequences with zeros and flatten them to (n_samples, n_timesteps * n_channels)."""
    out = np.zeros((len(sequences), n_timesteps, sequences[0].shape[1]))
    for row, x in zip(out, sequences, strict=True):
        row[: min(len(x), n_timesteps)] = x[:n_timesteps]
    return out.reshape(len(out), -1)


def peers(task: str, seed: int) -> dict[str, Any]:
    """Return scikit-learn's estimators for a task."""
    if task == "classification":
        return {
            "RandomForest": RandomForestClassifier(random_state=seed),
            "MLP": make_pipeline(StandardScaler(), MLPClassifier(random_state=seed)),
            "linear": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        }
    return {
        "RandomForest": RandomForestRegressor(random_state=seed),
        "MLP": _both_scaled(MLPRegressor(random_state=seed)),
        "linear": _both_scaled(Ridge()),
    }


def _both_scaled(regressor: Any) -> TransformedTargetRegressor:
    """Standardise X and y, as sklstm does itself."""
    return TransformedTargetRegressor(
        make_pipeline(StandardScaler(), regressor), transformer=StandardScaler()
    )


def measure(problem: Problem, seed: int) -> dict[str, tuple[float, float]]:
    """Return score and training seconds of each estimator."""
    longest = max(len(x) for x in problem.X_train)
    flat_train = flattened(problem.X_train, longest)
    flat_test = flattened(problem.X_test, longest)
    is_classifier = problem.task == "classification"
    ours = (sklstm.LSTMClassifier if is_classifier else sklstm.LSTMRegressor)(random_state=seed)
    results = {}
    for name, model in {"sklstm": ours, **peers(problem.task, seed)}.items():
        train, test = flat_train, flat_test
        if name == "sklstm":
            train, test = problem.X_train, problem.X_test
        start = time.perf_counter()
        model.fit(train, problem.y_train)
        seconds = time.perf_counter() - start
        results[name] = (model.score(test, problem.y_test), seconds)
    return results


def main() -> None:
    """Run all data sets and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_folder", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", nargs="*", help="names of the data sets to run")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(describe_machine())
    sklstm.warmup()  # so that the times do not include compilation
    print(f"Mean of {arguments.seeds} seeds: accuracy or R2 on the test set, seconds of training")
    header = ["data set", "sklstm", "RandomForest", "MLP", "linear"]
    print("| " + " | ".join(header) + " |\n|" + "---|" * len(header))
    of_classifiers = []
    for problem in problems(arguments.data_folder):
        if arguments.only and problem.name not in arguments.only:
            continue
        with threadpool_limits(1):
            runs = [measure(problem, seed) for seed in range(arguments.seeds)]
        means = np.mean([[run[name] for name in header[1:]] for run in runs], axis=0)
        cells = [f"{score:.3f} ({seconds:.1f} s)" for score, seconds in means]
        print(f"| {problem.name} | " + " | ".join(cells) + " |", flush=True)
        if problem.task == "classification":
            of_classifiers.append(means[:, 0])
    if of_classifiers:
        row = [f"{mean:.3f}" for mean in np.mean(of_classifiers, axis=0)]
        print(f"| mean of the {len(of_classifiers)} classifications | " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
