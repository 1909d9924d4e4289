"""Integrated gradients compared with shap's KernelExplainer, on the same rows in one run.

    python -m tests.benchmarks.explanations

Both explain ten rows, with one thread, and times are those of the processor. `KernelExplainer` has
its defaults, and the function that it explains takes rows of T * D values. Its background is the
baseline of the integrated gradients, the mean of the training data, or rows of the training data,
which is how it is used; shap recommends up to 100.
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
    begin = time.process_time()
    result = call()
    return time.process_time() - begin, result


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="the median is printed")
    rows_of_training = {"type": int, "nargs": "+", "default": [20, 100]}
    parser.add_argument("--background", **rows_of_training, help="rows of training data")
    rounds, of_training = (getattr(parser.parse_args(), name) for name in ("rounds", "background"))
    print(f"{describe_machine()}, shap {shap.__version__}\n")
    print("| model | background | KernelExplainer | integrated_gradients | times | sum off by |")
    print("|---|---|---|---|---|---|")
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((300, N_TIMESTEPS, N_CHANNELS)), rng.integers(0, 2, 300)
    rows = X[:N_ROWS]
    for name, (Estimator, settings) in MODELS.items():
        model = Estimator(hidden_size=HIDDEN_SIZE, max_iter=10, random_state=0, **settings)
        model.fit(X, y)
        baseline = np.broadcast_to(model.channel_mean_, X[:1].shape)
        raw = getattr(model, "decision_function", model.predict)
        change = raw(rows) - raw(baseline)
        integrated_gradients(model, rows)  # compiles
        for background in (baseline, *(X[-n:] for n in of_training)):
            times = []
            for _ in range(rounds if len(background) == 1 else 1):  # in turn
                theirs, _ = seconds(lambda of=raw, on=background: shapley_values(of, on, rows))
                ours, values = seconds(lambda of=model: integrated_gradients(of, rows))
                times.append((theirs, ours))
            theirs, ours = np.median(times, axis=0)
            off = np.abs(values.sum(axis=(1, 2)) / change - 1.0).max()
            print(
                f"| {name} | {len(background)} | {theirs:.2f} s | {1e3 * ours:.1f} ms | "
                f"{theirs / ours:.0f} | {off:.0e} |",
                flush=True,
            )


def shapley_values(raw: Callable, background: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return Shapley values (n_rows, T * D), estimated."""

    def of_flat(flat: np.ndarray) -> np.ndarray:
        """Return the raw predictions of rows of T * D values."""
        return raw(flat.reshape(-1, N_TIMESTEPS, N_CHANNELS))

    explainer = shap.KernelExplainer(of_flat, background.reshape(len(background), -1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return explainer.shap_values(rows.reshape(len(rows), -1), silent=True)


if __name__ == "__main__":
    main()
