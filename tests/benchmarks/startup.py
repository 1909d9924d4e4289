"""Seconds and memory of a process that fits or predicts: cold, and from the cache of kernels.

    python -m tests.benchmarks.startup

In a cold start nothing of the package is cached, as on a new machine. For a later fit, the time
beyond importing scikit-learn and numba is also printed. A process that predicts loads the model of
the fit by joblib. Memory is the peak of what is resident. Each line is the median of several
processes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time

import numpy as np

from tests.benchmarks.machine import describe_machine

FIT = """
import numpy as np
from sklstm import LSTMClassifier
X = np.random.default_rng(0).standard_normal((100, 20, 2), dtype=np.float32)
model = LSTMClassifier(hidden_size=8, max_iter=2, random_state=0).fit(X, np.arange(100) % 2)
"""
SAVE = (
    FIT
    + """
import joblib
joblib.dump(model, "{model}")
"""
)
PREDICT = """
import joblib
import numpy as np
joblib.load("{model}").predict_proba(np.zeros((1, 20, 2), np.float32))
"""
IMPORTS = "import sklearn.base, numba"
_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes


def run(program: str, cache: str) -> tuple[float, float]:
    """Return the seconds, and the megabytes at most, of a process with a cache folder."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", program], env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"A process failed with the status {status}.")
    return time.perf_counter() - start, usage.ru_maxrss * _PEAK_UNIT / 1e6


def main() -> None:
    """Time cold and later fits and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    print(describe_machine() + "\n")
    cold = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as cache:
            cold.append(run(FIT, cache))
    with tempfile.TemporaryDirectory() as cache:
        model = os.path.join(cache, "model.joblib")
        run(SAVE.format(model=model), cache)
        in_turn = [
            (run(FIT, cache), run(PREDICT.format(model=model), cache), run(IMPORTS, cache))
            for _ in range(repeats)
        ]
        together = [
            subprocess.Popen(
                [sys.executable, "-c", FIT], env={**os.environ, "NUMBA_CACHE_DIR": shared}
            )
            for shared in [os.path.join(cache, "shared")]
            for _ in range(3)
        ]
        failures = sum(process.wait() != 0 for process in together)
    warm, predict, imports = np.median(in_turn, axis=0)
    print("| process | seconds | memory |\n|---|---|---|")
    for name, (seconds, megabytes) in {
        f"`{IMPORTS}`": imports,
        "first fit, nothing cached": np.median(cold, axis=0),
        "later fit": warm,
        "later fit, beyond the imports": warm - imports,
        "load a model and predict": predict,
    }.items():
        print(f"| {name} | {seconds:.2f} | {megabytes:.0f} MB |")
    print(f"\nThree processes that start cold at once in one cache folder: {failures} failed.")


if __name__ == "__main__":
    main()
