"""Random weight guessing: draw new weights until the network is right by chance."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from examples.hochreiter1997.baselines import logistic
from examples.hochreiter1997.jit import kernel
from examples.hochreiter1997.network import Sequences
from examples.hochreiter1997.tasks import two_sequence
from examples.hochreiter1997.trials import Result

METHOD = "random weights"
N_HIDDEN, RANGE, CAP = 2, 100.0, 200_000
TASKS = [("3a", 100, 3), ("3a", 100, 1), ("3b", 100, 3), ("3b", 100, 1)]
N_TRIALS = 10


@kernel
def n_right(length, value, target, w, tolerance, allowed):
    """Count the sequences that a network gets right before it makes more errors than allowed.

    w (N_HIDDEN + 1, N_HIDDEN + 3): weights of fully recurrent units that see the input, a bias,
    and each other; the last unit is the output.
    """
    n_units = len(w)
    y, y_new = np.zeros(n_units), np.zeros(n_units)
    step = n_wrong = 0
    for n in range(len(length)):
        y[:] = 0.0
        for _ in range(length[n]):
            for i in range(n_units):
                net = w[i, 0] * value[step, 0] + w[i, 1]
                for j in range(n_units):
                    net += w[i, 2 + j] * y[j]
                y_new[i] = logistic(net)
            y[:] = y_new
            step += 1
        if abs(target[step - 1, 0] - y[-1]) > tolerance:
            n_wrong += 1
            if n_wrong > allowed:
                return n + 1 - n_wrong
    return len(length) - n_wrong


def guess(variant: str, T: int, N: int, seed: int) -> Result:
    """Guess until all of 256 sequences (in 3b, all but 5) are right, and count the guesses."""
    start = time.process_time()
    rng = np.random.RandomState(seed)
    draw = two_sequence(variant, T, N)
    sequences, fresh = draw(256, rng), draw(2560, np.random.RandomState([seed, 2]))

    def right(some: Sequences, w: np.ndarray) -> int:
        """Count the sequences that the network with weights w gets right."""
        return n_right(some.length, some.input_value, some.target_value, w, 0.2, allowed)

    allowed = 5 if variant == "3b" else 0
    shape = N_HIDDEN + 1, N_HIDDEN + 3
    n_guesses, success = 0, False
    while n_guesses < CAP and not success:
        n_guesses += 1
        w = rng.uniform(-RANGE, RANGE, shape)
        success = right(sequences, w) >= 256 - allowed
    allowed = len(fresh.length)
    wrong = allowed - right(fresh, w)
    return Result(
        variant, f"T={T}, N={N}", METHOD, "ST1", seed, int(success),
        n_guesses, 2560, wrong, np.nan, round(time.process_time() - start, 2),
    )  # fmt: skip


def results(known: set[tuple[str, str, str, int]]) -> Iterator[Result]:
    """Yield a line for each trial that is not in known, by (experiment, row, method, seed)."""
    for variant, T, N in TASKS:
        for seed in range(N_TRIALS):
            if (variant, f"T={T}, N={N}", METHOD, seed) not in known:
                yield guess(variant, T, N, seed)
