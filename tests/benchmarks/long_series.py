"""Time and peak memory of the forecaster on one long series of minutes.

    python -m tests.benchmarks.long_series

Each size runs in a fresh process on one thread. Memory is the peak of the whole process, of which
some 0.3 GB are Python with its packages and compiled kernels.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time

import numpy as np
import pandas as pd

from tests.benchmarks.machine import describe_machine

SIZES = (43_200, 200_000, 525_600)  # a month, some months, a year
HORIZON = 48
_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes


def minutes(n: int) -> pd.Series:
    """Return a wandering level with a day, a week and noise."""
    rng, t = np.random.default_rng(0), np.arange(n)
    day = 20.0 * np.sin(2.0 * np.pi * t / 1440)
    week = 5.0 * np.sin(2.0 * np.pi * t / 10_080)
    level = 0.05 * rng.standard_normal(n).cumsum()
    values = 100.0 + day + week + level + rng.standard_normal(n)
    return pd.Series(values, pd.date_range("2023-01-01", periods=n, freq="min"))


def fitted(n: int) -> dict[str, float]:
    """Fit a series and forecast its end, in this process."""
    from sklstm import LSTMForecaster

    y = minutes(n)
    LSTMForecaster(max_steps=20, random_state=0).fit(y[:400])  # compiles
    start = time.process_time()
    forecaster = LSTMForecaster(random_state=0).fit(y[:-HORIZON])
    forecaster.predict_interval(HORIZON)
    return {
        "seconds": time.process_time() - start,
        "bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _PEAK_UNIT,
        "mase": -forecaster.score(y[-HORIZON:]),
    }


def measured(n: int) -> dict[str, float]:
    """`fitted` in a process of its own, on one thread."""
    program = (
        "import json; from tests.benchmarks.long_series import fitted; "
        f"print(json.dumps(fitted({n})))"
    )
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        check=True, capture_output=True, text=True, env=os.environ | one,
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    print(describe_machine() + "\n")
    print("| minutes | seconds of the processor | peak memory | MASE |\n|---|---|---|---|")
    for n in SIZES:
        result = measured(n)
        print(
            f"| {n:,} | {result['seconds']:.0f} | {result['bytes'] / 1e9:.2f} GB | "
            f"{result['mase']:.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
