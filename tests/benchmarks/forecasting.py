"""Accuracy and time of LSTMForecaster and of classical methods, on M3 and hourly M4 series.

    python -m tests.benchmarks.forecasting DATA_FOLDER [--quick] [--seeds 0 1 2]

DATA_FOLDER contains ``m3.csv.gz`` and ``m4_hourly.csv.gz`` with the columns series, season_length,
split, t, y. All series of one frequency in the competition are permuted by
``numpy.random.default_rng(0).permutation``; a sample consists of the first ones. The file of
hourly series contains the first 120 of 414. The "fresh" and "other" samples come later in the same
order. "global" is one model for a panel; all other samples have one model for each series. MASE is
scaled by the seasonal differences of the training data; smaller is better. Everything runs on one
thread, and times are processor times. "without networks" has max_steps=0. Theta and AutoETS are
those of statsforecast, if it is installed (extra ``bench``).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from sklstm import LSTMForecaster
from sklstm._forecasting.accuracy import mean_absolute_scaled_error
from tests.benchmarks.machine import describe_machine


class Sample(NamedTuple):
    """Some series of one frequency."""

    name: str
    season_length: int
    freq: str
    series: list[tuple[np.ndarray, np.ndarray]]  # past and future of each
    as_panel: bool

    @property
    def horizon(self) -> int:
        """Number of steps to forecast."""
        return len(self.series[0][1])


class Result(NamedTuple):
    """Errors, time and coverage of a method on a sample."""

    errors: list[float]
    seconds: float  # of a series, or of the whole panel
    covered_80: float = np.nan
    covered_95: float = np.nan


def read(path: Path, season_length: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Read past and future of all series with a season length, by name."""
    table = pd.read_csv(path)
    out = {}
    for name, rows in table[table.season_length == season_length].groupby("series", sort=False):
        rows = rows.sort_values("t")
        train = rows.split == "train"
        out[str(name)] = (rows.y[train].to_numpy(float), rows.y[~train].to_numpy(float))
    return out


def samples(folder: Path, quick: bool) -> list[Sample]:
    """Return all samples; with `quick`, only 8 series of each."""
    m3, m4 = folder / "m3.csv.gz", folder / "m4_hourly.csv.gz"
    wanted = [
        ("M3M-30", m3, 12, "MS", 0, 30, False),
        ("M3Q-60", m3, 4, "QS", 0, 60, False),
        ("M3Y-60", m3, 1, "YS", 0, 60, False),
        ("M4H-16", m4, 24, "h", 0, 16, False),
        ("global M3M-400", m3, 12, "MS", 0, 400, True),
        ("global M3Q-400", m3, 4, "QS", 0, 400, True),
        ("global M4H", m4, 24, "h", 0, 120, True),
        # not used to choose settings, except for some of the hourly series
        ("fresh M3M-80", m3, 12, "MS", 800, 880, False),
        ("fresh M3Y-120", m3, 1, "YS", 400, 520, False),
        ("other M4H-40", m4, 24, "h", 80, 120, False),
        ("fresh global M3M", m3, 12, "MS", 800, 1200, True),
    ]
    out = []
    for name, path, m, freq, first, last, as_panel in wanted:
        every = read(path, m)
        names = [f"H{i}" for i in range(1, 415)] if path == m4 else list(every)
        places = np.random.default_rng(0).permutation(len(names))[first:last]
        chosen = [every[names[i]] for i in places[: 8 if quick else None]]
        out.append(Sample(name, m, freq, chosen, as_panel))
    return out


def indexed(values: np.ndarray, freq: str, offset: int = 0) -> pd.Series:
    """Return the values as a Series with dates."""
    start = pd.date_range("1900-01-01", periods=offset + 1, freq=freq)[-1]
    return pd.Series(values, pd.date_range(start, periods=len(values), freq=freq))


def of_forecaster(sample: Sample, seed: int, max_steps: int | None = None) -> Result:
    """Return the result of LSTMForecaster."""
    h, m = sample.horizon, sample.season_length
    forecaster = LSTMForecaster(horizon=h, max_steps=max_steps, random_state=seed, n_jobs=1)
    known = [indexed(past, sample.freq) for past, _ in sample.series]
    start = time.process_time()
    points: list[np.ndarray] = []
    bounds: list[np.ndarray] = []  # (h, 4): the two bounds at 80%, the two at 95%
    if sample.as_panel:
        panel = pd.concat(dict(enumerate(known)), names=["series", "time"])
        forecaster.fit(panel)
        points = list(forecaster.predict().to_numpy().reshape(-1, h))
        seconds = time.process_time() - start
        table = forecaster.predict_interval(coverage=[0.8, 0.95]).to_numpy()
        bounds = list(table.reshape(-1, h, 4))
    else:
        for series in known:
            forecaster.fit(series)
            points.append(forecaster.predict().to_numpy())
            bounds.append(forecaster.predict_interval(coverage=[0.8, 0.95]).to_numpy())
        seconds = (time.process_time() - start) / len(known)
    came = np.array([future for _, future in sample.series])
    box = np.array(bounds)
    inside = [float(((box[:, :, k] <= came) & (came <= box[:, :, k + 1])).mean()) for k in (0, 2)]
    errors = [
        mean_absolute_scaled_error(past, future, point, m)
        for (past, future), point in zip(sample.series, points, strict=True)
    ]
    return Result(errors, seconds, *inside)


def of_rule(sample: Sample, rule: Callable[[np.ndarray, int], np.ndarray]) -> Result:
    """Return the result of a function of past and horizon."""
    start = time.process_time()
    errors = [
        mean_absolute_scaled_error(past, future, rule(past, sample.horizon), sample.season_length)
        for past, future in sample.series
    ]
    return Result(errors, (time.process_time() - start) / (1 if sample.as_panel else len(errors)))


def seasonal_naive(m: int) -> Callable[[np.ndarray, int], np.ndarray]:
    """Return the rule that repeats the last m values."""
    return lambda past, h: past[len(past) - m + np.arange(h) % m]


def of_statsforecast(sample: Sample, model: Any) -> Result:
    """Return the result of a model of statsforecast."""
    start = time.process_time()
    errors, covered = [], {80: [], 95: []}
    for past, future in sample.series:
        answer = model.forecast(y=past, h=sample.horizon, level=[80, 95])
        errors.append(
            mean_absolute_scaled_error(past, future, answer["mean"], sample.season_length)
        )
        for level, rows in covered.items():
            inside = (answer[f"lo-{level}"] <= future) & (future <= answer[f"hi-{level}"])
            rows.append(inside.mean())
    seconds = (time.process_time() - start) / (1 if sample.as_panel else len(errors))
    return Result(errors, seconds, float(np.mean(covered[80])), float(np.mean(covered[95])))


def peers(sample: Sample) -> dict[str, Callable[[], Result]]:
    """Return the classical methods by name."""
    m = sample.season_length
    out: dict[str, Callable[[], Result]] = {
        "naive": lambda: of_rule(sample, seasonal_naive(1)),
        "seasonal naive": lambda: of_rule(sample, seasonal_naive(m)),
    }
    try:
        from statsforecast.models import AutoETS, Theta
    except ImportError:
        return out
    out["Theta"] = lambda: of_statsforecast(sample, Theta(season_length=m))
    out["AutoETS"] = lambda: of_statsforecast(sample, AutoETS(season_length=m))
    return out


def row(sample: Sample, method: str, results: list[Result]) -> str:
    """Return a line of the table."""
    mase = [float(np.mean(result.errors)) for result in results]
    spread = f"{min(mase):.3f}-{max(mase):.3f}" if len(mase) > 1 else ""
    covered = "".join(
        f"{np.mean([getattr(result, name) for result in results]):>8.2f}"
        if np.isfinite(getattr(results[0], name))
        else f"{'':>8}"
        for name in ("covered_80", "covered_95")
    )
    seconds = np.median([result.seconds for result in results])
    return (
        f"{sample.name:<18}{method:<17}{np.mean(mase):>7.3f}  {spread:<13}{covered}{seconds:>10.3f}"
    )


def main() -> None:
    """Run all methods on all samples and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--quick", action="store_true", help="8 series of each sample")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", help="names of samples")
    parser.add_argument("--methods", nargs="+", help="names of methods")
    arguments = parser.parse_args()
    print(describe_machine())
    print(
        f"{'sample':<18}{'method':<17}{'MASE':>7}  {'seeds':<13}{'80%':>8}{'95%':>8}{'seconds':>10}"
    )
    # compile first, so that the times do not include it
    LSTMForecaster(horizon=2, max_steps=20).fit(indexed(np.arange(60.0) % 7, "D"))
    for sample in samples(arguments.folder, arguments.quick):
        if arguments.only and sample.name not in arguments.only:
            continue
        methods = {"LSTMForecaster": partial(of_forecaster, sample)}
        methods["without networks"] = lambda _, sample=sample: of_forecaster(sample, 0, max_steps=0)
        methods |= {name: lambda _, run=run: run() for name, run in peers(sample).items()}
        for method, run in methods.items():
            if not arguments.methods or method in arguments.methods:
                seeds = arguments.seeds if method == "LSTMForecaster" else [0]
                results = [run(seed) for seed in seeds]
                print(row(sample, method, results), flush=True)
    print("seconds: processor time of fit and forecast, per series; for global samples, per panel")


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
