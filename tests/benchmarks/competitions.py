"""Accuracy of LSTMForecaster on whole forecasting competitions, beside published figures.

    python -m tests.benchmarks.competitions DATA_FOLDER [--results FILE] [--sample N] [--jobs N]

DATA_FOLDER contains ``m3.csv.gz``, ``tourism.csv.gz`` and ``m4_hourly.csv.gz`` with the columns
series, season_length, split, t, y. Every series has a model of its own, with default arguments but
the horizon of the competition and a seed. Each result is a line of FILE as soon as it is there, so
that a run that was stopped goes on where it ended; a file belongs to one version of the package.
A sample consists of the first N series of each set in a fixed permutation.

MASE is scaled by the seasonal differences of the training data; sMAPE is in percent; WQL is the
weighted quantile loss at 0.1, ..., 0.9. Seconds are processor times of fit and forecast. The
published figures are those of the benchmark ``chronos_zeroshot`` of the package fev
(github.com/autogluon/fev, folder benchmarks/chronos_zeroshot/results), which has the same series
and horizons. Where the figures of the seasonal naive forecast agree, as they do but for Tourism
yearly, the protocol is the same. The hourly series of M4 are 120 of 414, without published figures.

``--methods`` may add Theta and AutoETS of statsforecast, run here, if it is installed (extra
``bench``). ``--earlier K`` forecasts what came K horizons before the test part, which shows how
much coverage varies from one period to another; it needs a file of results of its own.
"""

from __future__ import annotations

import argparse
import csv
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

from sklstm import LSTMForecaster
from sklstm._forecasting.accuracy import mean_absolute_scaled_error, pinball_loss
from tests.benchmarks.forecasting import indexed, read, seasonal_naive
from tests.benchmarks.machine import describe_machine

QUANTILES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
COVERAGES = [0.8, 0.95]
_SHORTEST_PAST = 4  # horizons that remain of a series that ends earlier


class Competition(NamedTuple):
    """The series of one frequency."""

    file: str
    season_length: int
    freq: str


COMPETITIONS = {
    "M3 yearly": Competition("m3.csv.gz", 1, "YS"),
    "M3 quarterly": Competition("m3.csv.gz", 4, "QS"),
    "M3 monthly": Competition("m3.csv.gz", 12, "MS"),
    "Tourism yearly": Competition("tourism.csv.gz", 1, "YS"),
    "Tourism quarterly": Competition("tourism.csv.gz", 4, "QS"),
    "Tourism monthly": Competition("tourism.csv.gz", 12, "MS"),
    "M4 hourly": Competition("m4_hourly.csv.gz", 24, "h"),
}
# MASE and WQL in the results of fev
PUBLISHED = {
    "M3 yearly": {
        "seasonal naive": (3.172, 0.167), "AutoETS": (2.695, 0.129), "AutoTheta": (2.610, 0.128),
        "AutoARIMA": (2.890, 0.156), "TiRex": (2.710, 0.126), "Chronos-Bolt base": (2.906, 0.129),
        "TimesFM 2.0": (2.822, 0.144),
    },
    "M3 quarterly": {
        "seasonal naive": (1.425, 0.101), "AutoETS": (1.144, 0.070), "AutoTheta": (1.119, 0.070),
        "AutoARIMA": (1.192, 0.077), "TiRex": (1.154, 0.070), "Chronos-Bolt base": (1.289, 0.076),
        "TimesFM 2.0": (1.202, 0.075),
    },
    "M3 monthly": {
        "seasonal naive": (1.146, 0.149), "AutoETS": (0.863, 0.093), "AutoTheta": (0.855, 0.095),
        "AutoARIMA": (0.875, 0.098), "TiRex": (0.831, 0.090), "Chronos-Bolt base": (0.851, 0.093),
        "TimesFM 2.0": (0.832, 0.089),
    },
    "Tourism yearly": {
        "seasonal naive": (3.552, 0.209), "AutoETS": (3.183, 0.157), "AutoTheta": (2.992, 0.176),
        "AutoARIMA": (3.346, 0.129), "TiRex": (3.526, 0.156), "Chronos-Bolt base": (3.693, 0.166),
        "TimesFM 2.0": (3.494, 0.163),
    },
    "Tourism quarterly": {
        "seasonal naive": (1.699, 0.119), "AutoETS": (1.599, 0.071), "AutoTheta": (1.648, 0.061),
        "AutoARIMA": (1.597, 0.100), "TiRex": (1.606, 0.059), "Chronos-Bolt base": (1.756, 0.065),
        "TimesFM 2.0": (1.798, 0.070),
    },
    "Tourism monthly": {
        "seasonal naive": (1.631, 0.104), "AutoETS": (1.531, 0.100), "AutoTheta": (1.666, 0.091),
        "AutoARIMA": (1.483, 0.091), "TiRex": (1.449, 0.075), "Chronos-Bolt base": (1.528, 0.090),
        "TimesFM 2.0": (1.622, 0.085),
    },
}  # fmt: skip


class Forecast(NamedTuple):
    """What a method says about one series of horizon h."""

    point: np.ndarray  # (h,)
    bounds: np.ndarray | None = None  # (h, 4): the two bounds at 80%, the two at 95%
    quantiles: np.ndarray | None = None  # (h, 9)


class Result(NamedTuple):
    """A line of the file of results; NaN where a method has no intervals."""

    competition: str
    method: str
    series: str
    mase: float
    smape: float
    covered_80: float
    covered_95: float
    pinball: float  # sum over the horizon of twice the mean pinball loss
    size: float  # sum of the absolute values
    seconds: float


# past, horizon, competition -> forecast
Method = Callable[[np.ndarray, int, Competition], Forecast]


def of_forecaster(past: np.ndarray, h: int, competition: Competition) -> Forecast:
    """Forecast with LSTMForecaster."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "y is too short", UserWarning)
        fitted = LSTMForecaster(horizon=h, random_state=0).fit(indexed(past, competition.freq))
    bounds = fitted.predict_interval(coverage=COVERAGES).to_numpy()
    quantiles = fitted.predict_quantiles(quantiles=QUANTILES).to_numpy()
    return Forecast(fitted.predict().to_numpy(), bounds, quantiles)


def of_seasonal_naive(past: np.ndarray, h: int, competition: Competition) -> Forecast:
    """Repeat the last season."""
    return Forecast(seasonal_naive(competition.season_length)(past, h))


def of_statsforecast(past: np.ndarray, h: int, competition: Competition, name: str) -> Forecast:
    """Forecast with a model of statsforecast."""
    from statsforecast import models

    model = getattr(models, name)(season_length=competition.season_length)
    answer = model.forecast(y=past, h=h, level=[20, 40, 60, 80, 95])
    bounds = [answer[f"{side}-{level}"] for level in (80, 95) for side in ("lo", "hi")]
    low = [answer[f"lo-{level}"] for level in (80, 60, 40, 20)]
    high = [answer[f"hi-{level}"] for level in (20, 40, 60, 80)]
    quantiles = np.column_stack([*low, answer["mean"], *high])
    return Forecast(np.asarray(answer["mean"]), np.column_stack(bounds), quantiles)


METHODS: dict[str, Method] = {
    "LSTMForecaster": of_forecaster,
    "seasonal naive": of_seasonal_naive,
    "Theta": lambda past, h, c: of_statsforecast(past, h, c, "Theta"),
    "AutoTheta": lambda past, h, c: of_statsforecast(past, h, c, "AutoTheta"),
    "AutoETS": lambda past, h, c: of_statsforecast(past, h, c, "AutoETS"),
}


def measured(name: str, method: str, series: str, past: np.ndarray, future: np.ndarray) -> Result:
    """Forecast one series on one thread and measure the errors."""
    competition = COMPETITIONS[name]
    with threadpool_limits(1):
        start = time.process_time()
        forecast = METHODS[method](past, len(future), competition)
        seconds = time.process_time() - start
    point, m = forecast.point, competition.season_length
    size = np.abs(future) + np.abs(point)
    symmetric = np.divide(np.abs(future - point), size, out=np.zeros(len(size)), where=size > 0)
    covered, pinball = [np.nan, np.nan], np.nan
    if forecast.bounds is not None and forecast.quantiles is not None:
        low, high = forecast.bounds[:, ::2].T, forecast.bounds[:, 1::2].T
        covered = list(((low <= future) & (future <= high)).mean(axis=1))
        pinball = 2 * len(future) * pinball_loss(future, forecast.quantiles, QUANTILES)
    return Result(
        name, method, series, mean_absolute_scaled_error(past, future, point, m),
        200.0 * float(symmetric.mean()), *covered, pinball, float(np.abs(future).sum()), seconds,
    )  # fmt: skip


def jobs(
    folder: Path,
    names: list[str],
    methods: list[str],
    sample: int | None,
    done: set[Any],
    n_earlier: int = 0,
) -> Iterator[tuple[str, str, str, np.ndarray, np.ndarray]]:
    """Yield the arguments of `measured` for all that is not done."""
    for name in names:
        competition = COMPETITIONS[name]
        every = read(folder / competition.file, competition.season_length)
        labels = list(every)
        order = np.random.default_rng(0).permutation(len(labels))[:sample]
        for label in [labels[i] for i in (order if sample else np.sort(order))]:
            for method in methods:
                if (name, method, label) not in done:
                    known = earlier(*every[label], n_earlier)
                    if known is not None:
                        yield name, method, label, *known


def earlier(past: np.ndarray, future: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Return past and future as they were k horizons earlier; None if the past is too short."""
    y, h = np.concatenate([past, future]), len(future)
    n = len(past) - k * h
    if k > 0 and n < _SHORTEST_PAST * h:
        return None
    return y[:n], y[n : n + h]


def compiled() -> None:
    """Compile the kernels, so that the seconds do not include it."""
    LSTMForecaster(horizon=2, max_steps=20).fit(indexed(np.arange(60.0) % 7, "D")).predict()


def run(path: Path, todo: list[tuple[Any, ...]], n_jobs: int) -> None:
    """Append a line to the file for each job."""
    begun = path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if not begun:
            writer.writerow(Result._fields)
        results = joblib.Parallel(n_jobs, return_as="generator_unordered")(
            joblib.delayed(measured)(*job) for job in todo
        )
        for result in tqdm(results, total=len(todo), unit="series", desc="competitions"):
            writer.writerow(result)
            file.flush()


def summary(table: pd.DataFrame, figures: dict[str, dict[str, tuple[float, float]]]) -> str:
    """Return two tables in Markdown: MASE beside published figures, and what was measured here."""
    done = [name for name in COMPETITIONS if name in set(table.competition)]
    methods = [method for method in METHODS if method in set(table.method)]
    others = list(PUBLISHED["M3 yearly"])
    lines = [
        "| MASE | series | " + " | ".join([*methods, *(f"{m} (fev)" for m in others)]) + " |",
        "|---" * (2 + len(methods) + len(others)) + "|",
    ]
    measures = [
        "| measured here | method | sMAPE | WQL | WQL, TiRex (fev) | 80% | 95% | seconds |",
        "|---" * 8 + "|",
    ]
    for name in done:
        of_name = table[table.competition == name]
        mase = of_name.groupby("method").mase.mean()
        published = figures.get(name, {})
        cells = [f"{mase.get(method, np.nan):.3f}" for method in methods]
        cells += [f"{published.get(method, (np.nan,))[0]:.3f}" for method in others]
        lines.append(f"| {name} | {of_name.series.nunique()} | " + " | ".join(cells) + " |")
        for method, rows in of_name.groupby("method"):
            wql = rows.pinball.sum(skipna=False) / rows["size"].sum()
            measures.append(
                f"| {name} | {method} | {rows.smape.mean():.2f} | {wql:.4f} | "
                f"{published.get('TiRex', (0.0, np.nan))[1]:.3f} | {rows.covered_80.mean():.3f} | "
                f"{rows.covered_95.mean():.3f} | {rows.seconds.mean():.2f} |"
            )
    return "\n".join([*lines, "", *measures]).replace("nan", "-")


def main() -> None:
    """Run what is not done yet and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--results", type=Path, default=Path("competitions.csv"))
    parser.add_argument("--sample", type=int, help="number of series of each competition")
    parser.add_argument("--earlier", type=int, default=0, help="end so many horizons earlier")
    parser.add_argument("--jobs", type=int, default=1, help="number of processes")
    parser.add_argument("--only", nargs="+", choices=COMPETITIONS, default=list(COMPETITIONS))
    parser.add_argument(
        "--methods", nargs="+", choices=METHODS, default=["LSTMForecaster", "seasonal naive"]
    )
    arguments = parser.parse_args()
    done: set[Any] = set()
    if arguments.results.exists():
        table = pd.read_csv(arguments.results, dtype={"series": str})
        done = set(zip(table.competition, table.method, table.series, strict=True))
    todo = jobs(
        arguments.folder, arguments.only, arguments.methods, arguments.sample, done,
        arguments.earlier,
    )  # fmt: skip
    compiled()
    run(arguments.results, list(todo), arguments.jobs)
    print(describe_machine() + "\n")
    figures = {} if arguments.earlier else PUBLISHED
    print(summary(pd.read_csv(arguments.results, dtype={"series": str}), figures))


if __name__ == "__main__":
    main()
