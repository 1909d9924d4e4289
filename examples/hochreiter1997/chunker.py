"""Neural sequence chunking (history compression) in its simplest form, on experiments 2a and 2b.

The automatizer predicts the next symbol from the current one. Only the symbols that it fails to
predict are passed to the chunker, which predicts the next such symbol from the last one. Both
have one layer of weights here. In 2a this is enough, because the automatizer removes everything
that is predictable. In 2b it cannot remove anything.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from examples.hochreiter1997.tasks import prediction
from examples.hochreiter1997.trials import Result

METHOD = "chunker"
TOLERANCE, STREAK, RATE, N_TRIALS = 0.25, 10_000, 1.0, 4
CAPS = {"2a": 100_000, "2b": 10_000}


def learn(variant: str, p: int, seed: int) -> Result:
    """Train until 10,000 sequences in a row are right.

    In 2a each symbol must be predicted by one of the two networks, in 2b only the last symbol.
    """
    start = time.process_time()
    rng = np.random.RandomState(seed)
    draw = prediction(variant, p)
    n_symbols = p + 1
    automatizer, chunker = rng.uniform(-0.2, 0.2, (2, n_symbols, n_symbols))
    streak = n_sequences = n_right = 0
    while streak < STREAK and n_sequences < CAPS[variant]:
        block = draw(1000, rng)
        symbols = np.column_stack(
            [block.input_index.reshape(1000, p), block.target_index[p - 1 :: p]]
        )
        for sequence in symbols:
            unexpected = [sequence[0]]  # the first symbol cannot be predicted
            now, following = sequence[:-1], sequence[1:]
            y = 1.0 / (1.0 + np.exp(-automatizer[now]))  # (p, n_symbols)
            error = -y
            error[np.arange(p), following] += 1.0
            unexpected.extend(following[np.abs(error).max(axis=1) >= TOLERANCE])
            np.add.at(automatizer, now, RATE * error * y * (1.0 - y))
            right = [True]
            for last, symbol in pairwise(unexpected):
                y = 1.0 / (1.0 + np.exp(-chunker[last]))
                error = -y
                error[symbol] += 1.0
                right.append(np.abs(error).max() < TOLERANCE)
                chunker[last] += RATE * error * y * (1.0 - y)
            success = all(right) if variant == "2a" else right[-1]
            streak = streak + 1 if success else 0
            n_right += success
        n_sequences += 1000
    success = streak >= STREAK
    return Result(
        variant, f"p={p}", METHOD, "", seed, int(success),
        n_sequences - streak if success else n_sequences, streak if success else n_sequences,
        0 if success else n_sequences - n_right, np.nan, round(time.process_time() - start, 2),
    )  # fmt: skip


def results(known: set[tuple[str, str, str, int]]) -> Iterator[Result]:
    """Yield a line for each trial that is not in known, by (experiment, row, method, seed)."""
    for variant in CAPS:
        for seed in range(N_TRIALS):
            if (variant, "p=100", METHOD, seed) not in known:
                yield learn(variant, 100, seed)
