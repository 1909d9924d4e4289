"""The protocol of long-term forecasting on ETTh1: every hour of the test months is an origin.

    python -m tests.benchmarks.etth1 DATA_FOLDER [--horizons 96 192 336 720]

DATA_FOLDER contains ``etth1.csv.gz`` (Zhou et al. 2021): hourly, the target OT and six drivers. The
first 12 months of 30 days are for training, the next 4 for validation and the last 4 for the test.
LSTMForecaster is fitted once, with default arguments but the horizon and a seed, to the first 16
months, of which it holds out what it needs, and forecasts from each hour of the test months whose
whole horizon is in them (`predict_at`). Errors are in units of the standard deviation of the
training months, as in papers. "past" has the six drivers as `past_columns`; "known" takes them as
known in the future, which is not the protocol of the papers, but shows what drivers are worth.
Everything runs on one thread; seconds are processor times.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from sklstm import LSTMForecaster
from tests.benchmarks.machine import describe_machine

MONTH = 30 * 24
TRAIN, KNOWN, END = 12 * MONTH, 16 * MONTH, 20 * MONTH
DRIVERS = ("none", "past", "known")


class Errors(NamedTuple):
    """Errors over all origins and steps, and times."""

    squared: float
    absolute: float
    seconds_fit: float
    seconds_forecast: float
    n_origins: int


def measured(table: pd.DataFrame, horizon: int, drivers: str) -> Errors:
    """Fit once and forecast from every origin."""
    y, X = table["OT"], None if drivers == "none" else table.drop(columns="OT")
    past_columns = list(X) if drivers == "past" else []
    forecaster = LSTMForecaster(horizon=horizon, past_columns=past_columns, random_state=0)
    start = time.process_time()
    forecaster.fit(y[:KNOWN], None if X is None else X[:KNOWN])
    fitted = time.process_time()
    origins = y.index[KNOWN - 1 : END - horizon]
    forecasts = forecaster.predict_at(y[:END], origins, X).to_numpy()
    done = time.process_time()
    actual = np.lib.stride_tricks.sliding_window_view(y[:END].to_numpy(), horizon)
    errors = (forecasts - actual[KNOWN : KNOWN + len(origins)]) / y[:TRAIN].std(ddof=0)
    return Errors(
        float((errors**2).mean()), float(np.abs(errors).mean()),
        fitted - start, done - fitted, len(origins),
    )  # fmt: skip


def main() -> None:
    """Print a row for each horizon and kind of drivers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--horizons", type=int, nargs="+", default=[96, 192, 336, 720])
    parser.add_argument("--drivers", nargs="+", choices=DRIVERS, default=list(DRIVERS))
    arguments = parser.parse_args()
    table = pd.read_csv(arguments.folder / "etth1.csv.gz", index_col=0, parse_dates=True)
    table = table.asfreq("h")
    print(describe_machine() + "\n")
    print("| horizon | drivers | MSE | MAE | origins | seconds to fit | seconds to forecast |")
    print("|---" * 7 + "|")
    LSTMForecaster(horizon=2, max_steps=20).fit(table["OT"][:100])  # compiles
    for horizon in arguments.horizons:
        for drivers in arguments.drivers:
            found = measured(table, horizon, drivers)
            print(
                f"| {horizon} | {drivers} | {found.squared:.4f} | {found.absolute:.4f} | "
                f"{found.n_origins:,} | {found.seconds_fit:.1f} | {found.seconds_forecast:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
