"""Integrated gradients compared with shap's KernelExplainer, on the same rows in one run.

    python -m tests.benchmarks.explanations

Both compare ten rows with the same baseline, the mean of the training data. `KernelExplainer`
has its defaults, and the function that is explained takes rows of T * D values.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable

import numpy as np
import shap

from sklstm import LSTMClassifier, LSTMRegressor
from sklstm.inspection import integrated_gradients
from tests.benchmarks.machine import describe_machine

N_ROWS, N_TIMESTEPS, N_CHANNELS, HIDDEN_SIZE = 10, 50, 3, 32
MODELS = {
    "LSTMRegressor()": (LSTMRegressor, {}),
    "LSTMClassifier()": (LSTMClassifier, {}),
    "LSTMClassifier(branch=None)": (LSTMClassifier, {"branch": None}),
}


def seconds(call: Callable[[], np.ndarray]) -> tuple[float, np.ndarray]:
    """Return the time of one call, and its result."""
    begin = time.perf_counter()
    result = call()
    return time.perf_counter() - begin, result


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="the median is printed")
    rounds = parser.parse_args().rounds
    print(f"{describe_machine()}, shap {shap.__version__}\n")
    print("| model | KernelExplainer | off by | integrated_gradients | off by | times |")
    print("|---|---|---|---|---|---|")
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((300, N_TIMESTEPS, N_CHANNELS)), rng.integers(0, 2, 300)
    rows = X[:N_ROWS]
    for name, (Estimator, settings) in MODELS.items():
        model = Estimator(hidden_size=HIDDEN_SIZE, max_iter=10, random_state=0, **settings)
        model.fit(X, y)
        raw = getattr(model, "decision_function", model.predict)
        baseline = np.broadcast_to(model.channel_mean_, X[:1].shape)

        def of_flat(flat: np.ndarray, raw: Callable = raw) -> np.ndarray:
            """Return the raw predictions of rows of T * D values."""
            return raw(flat.reshape(-1, N_TIMESTEPS, N_CHANNELS))

        def theirs(of_flat: Callable = of_flat, baseline: np.ndarray = baseline) -> np.ndarray:
            """Return Shapley values, estimated."""
            explainer = shap.KernelExplainer(of_flat, baseline.reshape(1, -1))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return explainer.shap_values(rows.reshape(N_ROWS, -1), silent=True)

        def ours(model: LSTMClassifier = model) -> np.ndarray:
            """Return integrated gradients."""
            return integrated_gradients(model, rows).reshape(N_ROWS, -1)

        change = raw(rows) - raw(baseline)
        ours()  # compiles
        times, off = [], []
        for _ in range(rounds):  # in turn
            results = [seconds(theirs), seconds(ours)]
            times.append([result[0] for result in results])
            off = [np.abs(values.sum(axis=1) / change - 1.0).max() for _, values in results]
        their_time, our_time = np.median(times, axis=0)
        print(
            f"| {name} | {their_time:.2f} s | {off[0]:.0e} | {1e3 * our_time:.1f} ms | "
            f"{off[1]:.0e} | {their_time / our_time:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
