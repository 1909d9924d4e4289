"""The same tasks with the estimators of this package: what has improved since 1997.

Training is on-line, with blocks of new sequences. Each block is first predicted, which shows
whether the last 2,000 sequences were right, and then learned by `partial_fit`, in minibatches,
with Adam.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np

from examples.hochreiter1997.trials import Result
from sklstm import LSTMClassifier, LSTMRegressor
from sklstm.components import LSTM, LSTM1997
from sklstm.datasets import make_adding, make_long_lag, make_temporal_order

BLOCK, JUDGED, N_TRIALS = 500, 2000, 10
MODELS: dict[str, dict[str, Any]] = {
    "lstm1997, truncated": {"cell": LSTM1997(input_bias=-2.0), "gradient": "truncated"},
    "lstm1997, full": {"cell": LSTM1997(input_bias=-2.0)},
    "lstm, truncated": {"cell": LSTM(forget_bias=1.0), "gradient": "truncated"},
    "lstm, full": {"cell": LSTM(forget_bias=1.0)},
    "lstm, chrono biases": {"cell": LSTM(forget_bias="chrono", longest_lag=110)},
}
# experiment and row as in the other tables, tolerance of the paper's criterion, maximal number of
# sequences
TASKS: list[tuple[str, str, float, int]] = [
    ("2c", "q=50, p=50", 0.2, 50_000),
    ("4", "T=100", 0.04, 200_000),
    ("6a", "4 classes", 0.3, 50_000),
]


def _draw(experiment: str, rng: np.random.RandomState) -> tuple[list[np.ndarray], np.ndarray]:
    """Draw a block of sequences."""
    if experiment == "2c":
        return make_long_lag(BLOCK, variant="2c", lag=50, random_state=rng)
    if experiment == "4":
        return make_adding(BLOCK, random_state=rng)
    return make_temporal_order(BLOCK, random_state=rng)


def _model(experiment: str, settings: dict[str, Any], seed: int) -> LSTMClassifier | LSTMRegressor:
    """Return an estimator that is not fitted yet."""
    Estimator = LSTMRegressor if experiment == "4" else LSTMClassifier
    return Estimator(
        hidden_size=16, bidirectional=False, pooling="last", dropout=0.0, patch_size=1, scale=None,
        solver="adam", alpha=0.0, learning_rate_init=3e-3, random_state=seed, **settings,
    )  # fmt: skip


def _largest_error(model: Any, experiment: str, X: list[np.ndarray], y: np.ndarray) -> np.ndarray:
    """Return the largest absolute error over the outputs of each sequence."""
    if experiment == "4":
        return np.abs(model.predict(X) - y)
    target = np.eye(len(model.classes_))[y]
    return np.abs(model.predict_proba(X) - target).max(axis=1)


def learn(experiment: str, row: str, tolerance: float, cap: int, method: str, seed: int) -> Result:
    """Train until the last 2,000 sequences were predicted right before training on them."""
    start = time.process_time()
    rng = np.random.RandomState(seed)
    model = _model(experiment, MODELS[method], seed)
    classes = {} if experiment == "4" else {"classes": range(4 if experiment == "6a" else 2)}
    wrong: deque[int] = deque(maxlen=JUDGED // BLOCK)
    n_sequences = 0
    while n_sequences < cap and not (len(wrong) == wrong.maxlen and sum(wrong) == 0):
        X, y = _draw(experiment, rng)
        if n_sequences:
            errors = _largest_error(model, experiment, X, y)
            wrong.append(int(np.sum(errors >= tolerance)))
        model.partial_fit(X, y, **({} if n_sequences else classes))
        n_sequences += BLOCK
    success = sum(wrong) == 0
    seconds = time.process_time() - start
    fresh = np.random.RandomState([seed, 2])
    tests = [_largest_error(model, experiment, *_draw(experiment, fresh)) for _ in range(5)]
    return Result(
        experiment, row, method, "", seed, int(success), n_sequences, 5 * BLOCK,
        int(np.sum(np.concatenate(tests) >= tolerance)), np.nan, round(seconds, 2),
    )  # fmt: skip


def results(known: set[tuple[str, str, str, int]]) -> Iterator[Result]:
    """Yield a line for each trial that is not in known, by (experiment, row, method, seed)."""
    for experiment, row, tolerance, cap in TASKS:
        for method in MODELS:
            for seed in range(N_TRIALS):
                if (experiment, row, method, seed) not in known:
                    yield learn(experiment, row, tolerance, cap, method, seed)
