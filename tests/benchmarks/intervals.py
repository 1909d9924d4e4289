"""Coverage of intervals on regression sets, before and after ``conformalize``; and of counts.

    python -m tests.benchmarks.intervals [DATA_FOLDER] [--splits N]

Half of each set is for the fit with default parameters; what remains is split into data for
``conformalize`` and test data, 50 times for each fit. DATA_FOLDER, if given, contains
``time_series/Covid3Month.npz``, see `accuracy`. "counts" are generated: windows of 12 steps of a
Poisson series whose mean is 3 + 0.7 of the step before.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from sklearn.datasets import load_diabetes
from sklearn.metrics import mean_poisson_deviance

from sklstm import LSTMRegressor
from sklstm.components import Quantile
from sklstm.datasets import load_tecator
from tests.benchmarks.machine import describe_machine

COVERAGES = (0.8, 0.95)
LOSSES: dict[str, Any] = {
    "squared_error": "squared_error",
    "gaussian": "gaussian",
    "quantiles": Quantile((0.025, 0.1, 0.9, 0.975)),
    "poisson": "poisson",
}
_RESPLITS = 50


def count_series(n_samples: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return windows (n_samples, 12) of a series of counts, and the count after each."""
    rng = np.random.default_rng(seed)
    series = np.zeros(n_samples + 12)
    for t in range(1, len(series)):
        series[t] = rng.poisson(3.0 + 0.7 * series[t - 1])
    return np.lib.stride_tricks.sliding_window_view(series, 12)[:n_samples].copy(), series[12:]


def problems(folder: Path | None) -> Iterator[tuple[str, NDArray, NDArray]]:
    """Yield name, X and y of each set."""
    yield "tecator", *load_tecator(return_X_y=True)
    yield "diabetes", *load_diabetes(return_X_y=True)
    yield "counts", *count_series(600, 0)
    if folder is not None:
        file = np.load(folder / "time_series" / "Covid3Month.npz")
        parts = [file[f"values_{part}"].reshape(len(file[f"y_{part}"]), -1)
                 for part in ("train", "test")]  # fmt: skip
        yield "covid", np.vstack(parts), np.concatenate([file["y_train"], file["y_test"]])


def coverage_and_width(intervals: NDArray, y: NDArray) -> tuple[float, float]:
    """Return the share of y that intervals hold, and their mean width in deviations of y."""
    inside = (intervals[:, 0] <= y) & (y <= intervals[:, 1])
    return float(inside.mean()), float(np.diff(intervals).mean() / y.std())


def learned_intervals(model: LSTMRegressor, X: NDArray) -> list[NDArray]:
    """Return the intervals that the network has learned itself, for each coverage, if any."""
    if model.loss == "gaussian":
        mean, deviation = model.predict(X, return_std=True)
        ends = [ndtri([0.5 - c / 2, 0.5 + c / 2]) for c in COVERAGES]
        return [mean[:, np.newaxis] + deviation[:, np.newaxis] * tails for tails in ends]
    if isinstance(model.loss, Quantile):
        quantiles = model.predict_quantiles(X)
        return [quantiles[:, [1, 2]], quantiles[:, [0, 3]]]
    return []


def measured(X: NDArray, y: NDArray, loss: Any, n_splits: int) -> dict[str, list[Any]]:
    """Return coverages and widths (n, 2 coverages, 2), learned and conformal."""
    results: dict[str, list[Any]] = {"learned": [], "conformal": []}
    for seed in range(n_splits):
        rng = np.random.default_rng(seed)
        train, rest = np.array_split(rng.permutation(len(y)), 2)
        model = LSTMRegressor(loss=loss, random_state=seed).fit(X[train], y[train])
        learned = learned_intervals(model, X[rest])
        results["learned"] += [[coverage_and_width(i, y[rest]) for i in learned]] * bool(learned)
        for _ in range(_RESPLITS):
            held_out, test = np.array_split(rng.permutation(rest), 2)
            model.conformalize(X[held_out], y[held_out])
            intervals = [model.predict_interval(X[test], c) for c in COVERAGES]
            results["conformal"].append([coverage_and_width(i, y[test]) for i in intervals])
    return results


def deviances(n_splits: int) -> None:
    """Print the Poisson deviance of two losses on counts that were not seen."""
    print("\n| loss | Poisson deviance of counts | negative predictions |\n|---|---|---|")
    X, y = count_series(2000, 1)
    for loss in ("squared_error", "poisson"):
        found = []
        for seed in range(n_splits):
            model = LSTMRegressor(loss=loss, random_state=seed).fit(X[:500], y[:500])
            predicted = model.predict(X[500:])
            deviance = mean_poisson_deviance(y[500:], np.maximum(predicted, 1e-3))
            found.append((deviance, (predicted < 0.0).mean()))
        deviance, negative = np.mean(found, axis=0)
        print(f"| {loss} | {deviance:.3f} | {negative:.1%} |", flush=True)


def main() -> None:
    """Print a table of coverages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--splits", type=int, default=3)
    arguments = parser.parse_args()
    print(describe_machine())
    print("\n| set | loss | intervals | covers of 80% | width | covers of 95% | width |")
    print("|---|---|---|---|---|---|---|")
    for name, X, y in problems(arguments.folder):
        for title, loss in LOSSES.items():
            if loss == "poisson" and name != "counts":
                continue
            for kind, results in measured(X, y, loss, arguments.splits).items():
                if results:
                    cells = " | ".join(f"{c:.3f} | {w:.2f}" for c, w in np.mean(results, axis=0))
                    print(f"| {name} | {title} | {kind} | {cells} |", flush=True)
    deviances(arguments.splits)


if __name__ == "__main__":
    main()
