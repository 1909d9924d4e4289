"""Ordered classes: as classes, as ranks, and by the probability that it goes further than each.

    python -m tests.benchmarks.ordinal [DATA_FOLDER] [--splits N]

"ordinal" is a prototype of a loss that the package does not have: class k is the event in interval
k of ``loss="survival"``, and the last class is that no event happened (continuation ratios).
"ranks" is LSTMRegressor on 0, 1, 2, ..., rounded. 70% of each set are for the fit. The grades are
fifths of a number: the bilirubin at the last visit from the visits before, the last score of a
course from its first 8 weeks, the fat of meat, the death rate of a country, the change of a
temperature within a day; and the three degrees of edema. DATA_FOLDER, for the last two of the
fifths, has ``time_series/Covid3Month.npz`` and ``etth1.csv.gz``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, cohen_kappa_score, mean_absolute_error
from sklearn.model_selection import train_test_split

from sklstm import LSTMClassifier, LSTMRegressor
from sklstm.components import LITE, Convolutions, Survival
from sklstm.datasets import load_liver_records, load_tecator, make_course_events
from tests.benchmarks.machine import describe_machine

ARCHITECTURES: dict[str, dict[str, Any]] = {
    "branch": {"front": None, "branch": LITE()},
    "front": {"front": Convolutions(64, stride=2), "branch": None},
}
_SETTINGS: dict[str, Any] = {"hidden_size": 32, "max_iter": 40}


def fifths(values: NDArray) -> NDArray[np.int64]:
    """Return the fifth that each value is in, from 0; equal values are in the same."""
    cuts = np.quantile(values, [0.2, 0.4, 0.6, 0.8])
    return np.unique(np.searchsorted(cuts, values), return_inverse=True)[1]


def problems(folder: Path | None) -> Iterator[tuple[str, Any, NDArray[np.int64]]]:
    """Yield name, X and grades of each set."""
    yield from liver()
    weeks = make_course_events(600, random_state=0)[0]
    score = weeks.groupby("learner")["score"].last().fillna(0.0).to_numpy()
    channels = ["videos", "posts", "minutes", "score"]
    first = weeks.groupby("learner").cumcount() < 8
    yield "course", by_sample(weeks.loc[first, channels].fillna(-1.0), "learner"), fifths(score)
    X, y = load_tecator(return_X_y=True)
    yield "tecator", list(X), fifths(y)
    if folder is None:
        return
    file = np.load(folder / "time_series" / "Covid3Month.npz")
    parts = [file[f"values_{part}"].reshape(len(file[f"y_{part}"]), -1)
             for part in ("train", "test")]  # fmt: skip
    yield "covid", list(np.vstack(parts)), fifths(np.concatenate([file["y_train"], file["y_test"]]))
    values = pd.read_csv(folder / "etth1.csv.gz").select_dtypes("number").to_numpy()
    starts = np.linspace(0, len(values) - 73, 800).astype(int)
    change = values[starts + 71, -1] - values[starts + 47, -1]
    yield "etth1", [values[s : s + 48] for s in starts], fifths(change)


def liver() -> Iterator[tuple[str, Any, NDArray[np.int64]]]:
    """Yield what is found at the last visit of patients, from the visits before."""
    visits = load_liver_records().drop(columns=["followed", "outcome", "day"])
    visits = visits[visits.groupby("patient")["age"].transform("size") > 1]
    is_last = ~visits.duplicated("patient", keep="last")
    last, before = visits[is_last], visits[~is_last].set_index("patient")
    skewed = ["bilirubin", "cholesterol", "alkaline_phosphatase", "ast", "prothrombin_time"]
    before[skewed] = np.log(before[skewed])
    filled = before.groupby("patient").ffill()
    X = by_sample(filled.fillna(filled.mean()), "patient")
    yield "edema", X, (2 * last["edema"]).to_numpy(np.int64)
    yield "bilirubin", X, fifths(last["bilirubin"].to_numpy())


def by_sample(rows: pd.DataFrame, level: str) -> list[NDArray]:
    """Return the rows of each sample."""
    return [sample.to_numpy(float) for _, sample in rows.groupby(level=level)]


def as_times(grades: NDArray[np.int64], n_grades: int) -> NDArray:
    """Return the y of ``loss="survival"`` whose intervals are the grades but for the last."""
    y = np.empty(len(grades), [("event", bool), ("time", float)])
    y["event"], y["time"] = grades < n_grades - 1, np.minimum(grades + 1, n_grades - 1)
    return y


def probabilities(model: LSTMRegressor, X: Any) -> NDArray[np.float64]:
    """Return the probability of each grade."""
    curve = model.predict_survival(X)
    ends = np.ones((len(curve), 1)), np.zeros((len(curve), 1))
    return -np.diff(np.hstack([ends[0], curve, ends[1]]))


def measures(grades: NDArray, decided: NDArray, shares: NDArray | None) -> list[float]:
    """Return mean absolute error, quadratic kappa, accuracy and cross-entropy."""
    entropy = np.nan
    if shares is not None:
        own = shares[np.arange(len(grades)), grades]
        entropy = float(-np.log(np.maximum(own, 1e-12)).mean())
    kappa = cohen_kappa_score(grades, decided, weights="quadratic")
    error = mean_absolute_error(grades, decided)
    return [error, kappa, accuracy_score(grades, decided), entropy]


def measured(X: Any, grades: NDArray, seed: int, settings: dict) -> dict[str, list[float]]:
    """Return the measures of each way on one split."""
    samples = np.arange(len(X))
    train, test = train_test_split(samples, test_size=0.3, random_state=seed, stratify=grades)
    X_train, X_test = [X[k] for k in train], [X[k] for k in test]
    settings = {**_SETTINGS, **settings, "random_state": seed}
    y, n_grades = grades[train], grades.max() + 1
    classes = LSTMClassifier(**settings).fit(X_train, y).predict_proba(X_test)
    ordinal = LSTMRegressor(**settings, loss=Survival(100)).fit(X_train, as_times(y, n_grades))
    ordered = probabilities(ordinal, X_test)
    value = LSTMRegressor(**settings).fit(X_train, y.astype(float)).predict(X_test)
    ranks = np.clip(np.rint(value), 0, n_grades - 1).astype(int)
    results = {}
    for name, shares in {"classes": classes, "ordinal": ordered}.items():
        median = (shares.cumsum(axis=1) < 0.5).sum(axis=1).clip(0, n_grades - 1)
        results[name] = measures(grades[test], shares.argmax(axis=1), shares)
        results[f"{name}, median"] = measures(grades[test], median, shares)
    return results | {"ranks": measures(grades[test], ranks, None)}


def main() -> None:
    """Print a table of measures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--splits", type=int, default=3)
    arguments = parser.parse_args()
    print(describe_machine())
    print("\n| set | network | y | error in ranks | kappa | accuracy | cross-entropy |")
    print("|---|---|---|---|---|---|---|")
    total: dict[tuple[str, str], list[NDArray]] = {}
    for name, X, grades in problems(arguments.folder):
        for network, settings in ARCHITECTURES.items():
            runs = [measured(X, grades, seed, settings) for seed in range(arguments.splits)]
            for way in runs[0]:
                mean = np.mean([run[way] for run in runs], axis=0)
                total.setdefault((network, way), []).append(mean)
                cells = " | ".join(f"{value:.3f}" for value in mean)
                print(f"| {name} | {network} | {way} | {cells} |", flush=True)
    for (network, way), means in total.items():
        cells = " | ".join(f"{value:.3f}" for value in np.mean(means, axis=0))
        print(f"| mean | {network} | {way} | {cells} |")


if __name__ == "__main__":
    main()
