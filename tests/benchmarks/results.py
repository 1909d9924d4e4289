"""What the parts of the default classifier bring, beside MiniROCKET and scikit-learn's estimators.

    python -m tests.benchmarks.results DATA_FOLDER

For DATA_FOLDER see accuracy.py. Needs aeon, of the extra bench. Accuracy on the test set, and the
seconds of one core that training took. "three" is an ensemble of three networks, and "sklstm" the
mean of its members. "no LSTM" is the convolutional branch alone, "no branch" the recurrent layer
alone. "MiniROCKET" is aeon's classifier; "both" averages the probabilities of one network and of a
logistic regression on MiniROCKET's features. Other estimators than sklstm's get sequences of one
length: padded with zeros at the end.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from aeon.transformations.collection.convolution_based import MiniRocket
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from threadpoolctl import threadpool_limits

import sklstm
from sklstm import LSTMClassifier
from sklstm.components import LITE, Convolutions
from tests.benchmarks.accuracy import Problem, flattened, peers, problems
from tests.benchmarks.machine import describe_machine

# What MiniROCKET's kernels span at the least.
_FEWEST_STEPS = 9
COLUMNS = (
    "sklstm", "three", "no LSTM", "no branch", "MiniROCKET", "both", "RandomForest", "MLP",
    "linear",
)  # fmt: skip

# What aeon's MiniRocketClassifier has after the transform, and what gives probabilities.
RIDGE = (StandardScaler(with_mean=False), RidgeClassifierCV(alphas=np.logspace(-3, 3, 10)))
LOGISTIC = (StandardScaler(), LogisticRegression(max_iter=1000))


def minirocket(n_timesteps: int, seed: int, head: tuple[Any, ...]) -> Any:
    """Return MiniROCKET with a head, for rows of flattened sequences."""

    def by_channel(rows: np.ndarray) -> np.ndarray:
        """Return (n_samples, n_channels, n_timesteps), as aeon has it."""
        return rows.reshape(len(rows), n_timesteps, -1).transpose(0, 2, 1).astype(np.float32)

    return make_pipeline(
        FunctionTransformer(by_channel), MiniRocket(random_state=seed), *map(clone, head)
    )


def trained(model: Any, X: Any, y: np.ndarray) -> float:
    """Fit a model; return the seconds that it took on one core."""
    start = time.process_time()
    model.fit(X, y)
    return time.process_time() - start


def measure(problem: Problem, seed: int) -> Iterator[tuple[str, float, float]]:
    """Yield column, accuracy and seconds of each estimator."""
    n_timesteps = max(_FEWEST_STEPS, *map(len, problem.X_train))
    train, test = (flattened(X, n_timesteps) for X in (problem.X_train, problem.X_test))
    y, expected = problem.y_train, problem.y_test
    three = LSTMClassifier(n_estimators=3, random_state=seed)
    seconds = trained(three, problem.X_train, y)
    scores = [one.score(problem.X_test, expected) for one in three.estimators_]
    yield "sklstm", float(np.mean(scores)), seconds / 3
    yield "three", three.score(problem.X_test, expected), seconds
    convolutions = {"num_layers": 0, "front": Convolutions(1, width=1), "branch": LITE()}
    for name, settings in {"no LSTM": convolutions, "no branch": {"branch": None}}.items():
        part = LSTMClassifier(random_state=seed, **settings)
        seconds = trained(part, problem.X_train, y)
        yield name, part.score(problem.X_test, expected), seconds
    rocket = minirocket(n_timesteps, seed, RIDGE)
    seconds = trained(rocket, train, y)
    yield "MiniROCKET", rocket.score(test, expected), seconds
    rocket = minirocket(n_timesteps, seed, LOGISTIC).fit(train, y)
    of_rocket = rocket.predict_proba(test)
    of_networks = [one.predict_proba(problem.X_test) for one in three.estimators_]
    together = [(one + of_rocket).argmax(axis=1) for one in of_networks]
    yield "both", float(np.mean([np.mean(rocket.classes_[k] == expected) for k in together])), 0.0
    for name, model in peers(problem.task, seed).items():
        seconds = trained(model, train, y)
        yield name, model.score(test, expected), seconds


def main() -> None:
    """Run all classification sets and print a row for each, then the mean."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_folder", type=Path)
    parser.add_argument("--only", nargs="*", help="names of the data sets to run")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(describe_machine())
    sklstm.warmup()  # so that the times do not include compilation
    for n_channels in (1, 2):  # each compiles functions of its own
        noise = np.random.default_rng(0).normal(size=(9, _FEWEST_STEPS * n_channels))
        minirocket(_FEWEST_STEPS, 0, RIDGE).fit(noise, np.arange(9) % 3)
    print("| data set | " + " | ".join(COLUMNS) + " |\n|" + "---|" * (1 + len(COLUMNS)))
    rows = []
    for problem in problems(arguments.data_folder):
        if problem.task != "classification" or problem.name not in (
            arguments.only or [problem.name]
        ):
            continue
        with threadpool_limits(1):
            results = {name: figures for name, *figures in measure(problem, seed=0)}
        rows.append([results[name] for name in COLUMNS])
        print(row(problem.name, rows[-1]), flush=True)
    print(row("mean", np.mean(rows, axis=0)))


def row(name: str, figures: Any) -> str:
    """Return a row of the table, of accuracy and seconds in each column."""
    cells = [f"{score:.3f} ({seconds:.1f} s)" for score, seconds in figures]
    return f"| {name} | " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
