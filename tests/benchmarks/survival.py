"""Concordance and Brier score of survival times, beside a Cox model and a random survival forest.

    pip install scikit-survival
    python -m tests.benchmarks.survival [--repeats N]

5-fold cross-validation, N times. "liver" has the patients of `load_liver_records` who were followed
for more than a year, with the visits of this year; times start then. "course" has the first 4 of 16
weeks of generated learners (`make_course_events`) who were there for longer, and when they leave.
The other models read the last value of each channel, and the mean where there is none. Lower Brier
scores are better; they are integrated from the 10th to the 80th percentile of the times.

Then survival curves where the truth is known: the time has a Weibull distribution, whose scale is
exponential in the mean of a channel, and between a quarter and a half of the samples are censored
at random. "floor" counts an interval in which a sample is censored as not observed, in place of as
survived if it was followed through half of it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.impute import SimpleImputer
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sksurv.ensemble import RandomSurvivalForest
from sksurv.linear_model import CoxPHSurvivalAnalysis
from sksurv.metrics import concordance_index_censored, integrated_brier_score
from sksurv.util import Surv

from sklstm import LSTMRegressor, Sequences
from sklstm.components import Survival
from sklstm.datasets import load_liver_records, make_course_events
from tests.benchmarks.machine import describe_machine

_SETTINGS: dict[str, Any] = {
    "hidden_size": 16, "missing": "mask", "time_gaps": True, "n_jobs": 1,
}  # fmt: skip


class Records(NamedTuple):
    """Samples of a study."""

    X: Sequences
    y: NDArray  # structured: event and time
    last: NDArray[np.float64]  # (n_samples, n_channels): the last values, NaN if there is none
    static: list[str]  # channels that do not change


def records(table: pd.DataFrame, sample: str, time: str, static: list[str]) -> Records:
    """Return records from a table with the columns event and time."""
    channels = [name for name in table if name not in (sample, time, "event", "until")]
    X = Sequences.from_frame(
        table, sample=sample, time=time, target=["event", "until"], channels=channels,
        missing="mask",
    )  # fmt: skip
    filled = table[channels].where(table[channels].notna(), table.groupby(sample)[channels].ffill())
    last = filled.groupby(table[sample]).last().to_numpy(float)
    event, until = X.target.T
    return Records(X, Surv.from_arrays(event.astype(bool), until.astype(float)), last, static)


def liver() -> Records:
    """Return patients one year after their first visit."""
    visits = load_liver_records()
    visits = visits[(visits["day"] <= 365) & (visits["followed"] > 365)].reset_index(drop=True)
    visits["event"], visits["until"] = visits["outcome"] == "died", visits["followed"] - 365
    skewed = ["bilirubin", "cholesterol", "alkaline_phosphatase", "ast", "prothrombin_time"]
    visits[skewed] = np.log(visits[skewed])
    table = visits.drop(columns=["followed", "outcome"])
    return records(table, "patient", "day", ["age", "female", "treated"])


def course() -> Records:
    """Return learners who were active in the fourth week of a course."""
    weeks = make_course_events(600, random_state=0)[0].drop(columns="education").reset_index()
    number = weeks.groupby("learner").cumcount() + 1
    last = number.where(weeks["minutes"] > 0, 0).groupby(weeks["learner"]).transform("max")
    weeks["event"], weeks["until"] = last < 15, last - 4
    there = (weeks["minutes"] > 0) & (number == 4)
    read = weeks[(number <= 4) & there.groupby(weeks["learner"]).transform("any")]
    read = read.reset_index(drop=True)
    return records(read, "learner", "week", [])


def models(static: list[str]) -> Iterator[tuple[str, bool, Callable[[], Any]]]:
    """Yield a name, whether the model reads sequences, and what makes it."""
    whole = {**_SETTINGS, "static_features": static or None}
    stopped = {**whole, "early_stopping": True, "scoring": "loss", "validation_fraction": 0.2}
    yield "LSTM", True, lambda: LSTMRegressor(loss="survival", **stopped)
    for n in (5, 20, 40):
        yield f"LSTM, {n} intervals", True, lambda n=n: LSTMRegressor(loss=Survival(n), **stopped)
    yield "LSTM, 5 members", True, lambda: LSTMRegressor(loss="survival", n_estimators=5, **stopped)
    yield "LSTM, no early stopping", True, lambda: LSTMRegressor(loss="survival", **whole)
    yield "Cox", False, lambda: CoxPHSurvivalAnalysis(alpha=1.0)
    yield (
        "random survival forest",
        False,
        lambda: RandomSurvivalForest(n_estimators=200, min_samples_leaf=10, random_state=0),
    )


def scores(
    data: Records, train: NDArray, test: NDArray, reads: bool, model: Any, seed: int
) -> tuple[float, float]:
    """Return concordance and integrated Brier score of the test samples."""
    y, times = data.y, np.quantile(data.y["time"], np.linspace(0.1, 0.8, 15))
    times = np.unique(times[(times >= y["time"][test].min()) & (times < y["time"][test].max())])
    if reads:
        model.set_params(random_state=seed).fit(data.X[train], y[train])
        risk, curves = -model.predict(data.X[test]), model.predict_survival(data.X[test], times)
    else:
        reader = make_pipeline(SimpleImputer(), StandardScaler())
        model.fit(reader.fit_transform(data.last[train]), y[train])
        values = reader.transform(data.last[test])
        risk = model.predict(values)
        curves = np.vstack([curve(times) for curve in model.predict_survival_function(values)])
    index = concordance_index_censored(y["event"][test], y["time"][test], risk)[0]
    return index, integrated_brier_score(y[train], y[test], curves, times)


class Floor(Survival):
    """The loss with the other rule for censored times."""

    def encoded(self, target: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what the kernel compares with; a censored interval does not count."""
        code = super().encoded(target)
        followed = np.searchsorted(self.ends, target[:, 1], side="right")
        censored = code[:, 0] % 1.0 != 0.0
        code[censored, 0] = followed[censored] - 0.5
        return code


def weibull(n_samples: int, shape: float, seed: int) -> tuple[NDArray, NDArray, NDArray]:
    """Return sequences, y, and the logarithm of the hazard of each at time 1 for shape 1."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, 8, 2))
    X[:, :, 0] += rng.standard_normal((n_samples, 1))
    level = 1.2 * X[:, :, 0].mean(axis=1)
    time = (rng.exponential(size=n_samples) * np.exp(-level)) ** (1.0 / shape)
    end = rng.uniform(0.0, 1.3 * np.quantile(time, 0.85), n_samples)
    return X, Surv.from_arrays(time <= end, np.minimum(time, end)), level


def curves() -> None:
    """Print errors of survival curves."""
    print("\n| Weibull shape | rule | intervals | concordance | error | bias |")
    print("|---|---|---|---|---|---|")
    for shape in (0.6, 1.0, 2.5):
        X_test, y_test, level = weibull(500, shape, 99)
        for rule, loss in {"half": Survival, "floor": Floor}.items():
            for n in (5, 10, 15, 20, 30):
                found = []
                for seed in range(3):
                    X, y, _ = weibull(600, shape, seed)
                    model = LSTMRegressor(
                        loss=loss(n), hidden_size=8, front=None, scale="channel", max_iter=15,
                        random_state=seed,
                    ).fit(X, y)  # fmt: skip
                    times = np.linspace(0.0, model.interval_ends_[-1], 41)[1:]
                    true = np.exp(-np.exp(level)[:, np.newaxis] * times**shape)
                    error = model.predict_survival(X_test, times) - true
                    root = np.sqrt((error**2).mean())
                    found.append((model.score(X_test, y_test), root, error.mean()))
                cells = " | ".join(f"{value:.3f}" for value in np.mean(found, axis=0))
                print(f"| {shape} | {rule} | {n} | {cells} |", flush=True)


def main() -> None:
    """Print tables of scores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    print(describe_machine())
    print("\n| set | model | concordance | Brier score |\n|---|---|---|---|")
    for name, data in {"liver": liver(), "course": course()}.items():
        happened = data.y["event"]
        for title, reads, make in models(data.static):
            found = [
                scores(data, train, test, reads, make(), seed)
                for seed in range(arguments.repeats)
                for train, test in StratifiedKFold(5, shuffle=True, random_state=seed).split(
                    happened, happened
                )
            ]
            index, brier = np.mean(found, axis=0)
            print(f"| {name} | {title} | {index:.3f} | {brier:.4f} |", flush=True)
    curves()


if __name__ == "__main__":
    main()
