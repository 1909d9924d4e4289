"""Time of a grid search in one and in two processes, by backend of joblib.

    python -m tests.benchmarks.distributed

Needs the extra ``distributed``; a backend whose package is missing is left out. Each process has
one thread. The first search of a backend, which starts its processes, is not counted.
"""

from __future__ import annotations

import contextlib
import importlib.util
import time
from collections.abc import Iterator

import joblib
from sklearn.model_selection import GridSearchCV

from sklstm import LSTMClassifier
from sklstm.datasets import load_japanese_vowels
from tests.benchmarks.machine import describe_machine


@contextlib.contextmanager
def cluster(backend: str, n_processes: int) -> Iterator[None]:
    """Start what a backend needs."""
    if backend == "dask":
        from dask.distributed import Client, LocalCluster

        with (
            LocalCluster(n_processes, threads_per_worker=1, dashboard_address=None) as workers,
            Client(workers),
        ):
            yield
    elif backend == "ray":
        import ray
        from ray.util.joblib import register_ray

        ray.init(num_cpus=n_processes, include_dashboard=False, log_to_driver=False)
        register_ray()
        yield
        ray.shutdown()
    else:
        yield


def seconds(backend: str, n_processes: int) -> float:
    """Return the time of a search of 8 settings and 3 folds, the better of two."""
    X, y = load_japanese_vowels(return_X_y=True)
    settings = {"hidden_size": [8, 16], "learning_rate_init": [1e-3, 3e-3, 1e-2, 3e-2]}
    search = GridSearchCV(LSTMClassifier(max_iter=5, random_state=0), settings, cv=3)
    times = []
    with (
        cluster(backend, n_processes),
        joblib.parallel_config(backend=backend, n_jobs=n_processes),
    ):
        for _ in range(3):
            start = time.perf_counter()
            search.fit(X, y)
            times.append(time.perf_counter() - start)
    return min(times[1:])


def main() -> None:
    """Print a table."""
    print(describe_machine())
    print("| backend | 1 process | 2 processes | times as fast |\n|---|---|---|---|")
    for backend, package in {"loky": "joblib", "dask": "distributed", "ray": "ray"}.items():
        if importlib.util.find_spec(package):
            one, two = seconds(backend, 1), seconds(backend, 2)
            print(f"| {backend} | {one:.1f} s | {two:.1f} s | {one / two:.2f} |", flush=True)


if __name__ == "__main__":
    main()
