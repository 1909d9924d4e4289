"""Tasks with long time lags: the adding problem and the embedded Reber grammar, five seeds each.

    python -m tests.benchmarks.long_lags

Experiments 4 and 1 of Hochreiter and Schmidhuber (1997), with the optimiser of this package.
Adding: the percentage of 2,560 new sequences whose error is below 0.04. Reber: the percentage of
256 new strings for which exactly the legal symbols are predicted at every step. Seconds are the
processor time of one training, summed over all threads.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

from sklstm import LSTMClassifier, LSTMRegressor
from sklstm.components import GRU, LSTM, LSTM1997, RNN, Cell
from sklstm.datasets import make_adding, make_embedded_reber
from tests.benchmarks.machine import describe_machine

CELLS: dict[str, Cell] = {
    "lstm": LSTM(),
    "lstm, chrono": LSTM(forget_bias="chrono"),
    "lstm, bias 1": LSTM(forget_bias=1.0),
    "lstm1997": LSTM1997(input_bias=-3.0, output_bias=-1.0),
    "gru": GRU(),
    "gru, chrono": GRU(forget_bias="chrono"),
    "gru, bias 1": GRU(forget_bias=1.0),
    "rnn": RNN(),
}
ADDING: dict[str, Any] = {
    "hidden_size": 32, "bidirectional": False, "pooling": "last", "patch_size": 1,
    "scale": "channel", "dropout": 0.0, "alpha": 0.0, "learning_rate_init": 5e-3,
    "batch_size": 32, "max_iter": 5,
}  # fmt: skip
REBER: dict[str, Any] = {
    "return_sequences": True, "cell": "lstm1997", "hidden_size": 32, "bidirectional": False,
    "scale": None, "dropout": 0.0, "alpha": 0.0, "learning_rate_init": 0.01, "max_iter": 200,
}  # fmt: skip


def adding(T: int, cell: str, seed: int, n_sequences: int = 5000) -> tuple[float, float]:
    """Return the fraction of test sequences that are right, and seconds of training."""
    X, y = make_adding(n_sequences, min_length=T, random_state=seed)
    X_test, y_test = make_adding(2560, min_length=T, random_state=1000 + seed)
    model = LSTMRegressor(cell=CELLS[cell], random_state=seed, **ADDING)
    start = time.process_time()
    model.fit(X, y)
    seconds = time.process_time() - start
    return float(np.mean(np.abs(model.predict(X_test) - y_test) < 0.04)), seconds


def reber(seed: int) -> tuple[float, float]:
    """Return the fraction of test strings that are right, and seconds of training."""
    X, y = make_embedded_reber(512, unique=True, random_state=seed)
    model = LSTMClassifier(random_state=seed, **REBER)
    start = time.process_time()
    model.fit(X[:256], y[:256])
    seconds = time.process_time() - start
    predicted = model.predict(X[256:])
    right = [np.array_equal(p, legal) for p, legal in zip(predicted, y[256:], strict=True)]
    return float(np.mean(right)), seconds


def row(name: str, results: list[tuple[float, float]]) -> None:
    """Print a row of the table."""
    shares, seconds = np.array(results).T
    cells = [f"{share:.2%}" for share in shares]
    print(f"| {name} | {' | '.join(cells)} | {seconds.mean():.1f} |", flush=True)


def main() -> None:
    """Run all tasks and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    seeds = range(parser.parse_args().seeds)
    print(describe_machine())
    for cell in CELLS:  # compiles
        adding(11, cell, 0, n_sequences=64)
    print("| task | " + " | ".join(f"seed {seed}" for seed in seeds) + " | s |")
    print("|---" * (len(seeds) + 2) + "|")
    for T in (100, 500):
        for cell in CELLS:
            row(f"adding, T = {T}, {cell}", [adding(T, cell, seed) for seed in seeds])
    reber(0)
    row("embedded Reber, lstm1997", [reber(seed) for seed in seeds])


if __name__ == "__main__":
    main()
