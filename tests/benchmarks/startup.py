"""Seconds from the start of a process to a fitted model: cold, and from Numba's cache.

    python -m tests.benchmarks.startup

In a cold start nothing of the package is cached, as on a new machine. For a later fit, the time
beyond importing scikit-learn and numba is also printed. Each line is the median of several
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
LSTMClassifier(hidden_size=8, max_iter=2, random_state=0).fit(X, np.arange(100) % 2)
"""
IMPORTS = "import sklearn.base, numba"


def seconds(program: str, cache: str) -> float:
    """Return the wall-clock seconds of a process that runs a program with a cache folder."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
    return time.perf_counter() - start


def main() -> None:
    """Time cold and later fits and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    print(describe_machine() + "\n")
    cold = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as cache:
            cold.append(seconds(FIT, cache))
    with tempfile.TemporaryDirectory() as cache:
        seconds(FIT, cache)
        warm = [seconds(FIT, cache) for _ in range(repeats)]
        imports = [seconds(IMPORTS, cache) for _ in range(repeats)]
        together = [
            subprocess.Popen(
                [sys.executable, "-c", FIT], env={**os.environ, "NUMBA_CACHE_DIR": shared}
            )
            for shared in [os.path.join(cache, "shared")]
            for _ in range(3)
        ]
        failures = sum(process.wait() != 0 for process in together)
    print("| process | seconds |\n|---|---|")
    print(f"| `{IMPORTS}` | {np.median(imports):.2f} |")
    print(f"| first fit, nothing cached | {np.median(cold):.2f} |")
    print(f"| later fit | {np.median(warm):.2f} |")
    print(f"| later fit, beyond the imports | {np.median(warm) - np.median(imports):.2f} |")
    print(f"\nThree processes that start cold at once in one cache folder: {failures} failed.")


if __name__ == "__main__":
    main()
