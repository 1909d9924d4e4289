"""In training some categories are read as unknown, the rare ones most often.

So the vector for what is unknown learns to stand for rare categories, which those that later data
bring are most like. A category that occurs n times is replaced with the probability c / (c + n)
(Kiperwasser & Goldberg 2016, section 4.5).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sklstm._input.sequences import NetworkInput, steps_of

_C = 0.25


def unknown_rates(
    codes: NDArray[np.int32], n_vectors: list[int]
) -> tuple[NDArray[np.float32], ...]:
    """Return how often the categories of each channel are read as unknown.

    codes (n_steps, n_categorical): of the training samples
    n_vectors: rows of the table of each channel; the first stands for what is unknown
    """
    counts = [np.bincount(codes[:, k], minlength=n) for k, n in enumerate(n_vectors)]
    return tuple((_C / (_C + n)).astype(np.float32) for n in counts)


def with_unknown(
    inputs: NetworkInput, samples: NDArray[np.int64], tables: tuple[tuple[int, int], ...]
) -> NetworkInput:
    """Return inputs whose rare categories, of samples (n,), are at times read as unknown."""
    if inputs.codes is None:
        return inputs
    codes = inputs.codes[steps_of(inputs.data.of(samples))]
    return replace(inputs, unknown_rates=unknown_rates(codes, [n for n, _ in tables]))


def some_unknown(
    codes: NDArray[np.int32], rates: tuple[NDArray[np.float32], ...], draws: NDArray[np.float32]
) -> NDArray[np.int32]:
    """Return codes (n_rows, n_places) with some replaced by 0; draws: of their shape, in [0, 1)."""
    replaced = codes.copy()
    for place in range(codes.shape[1]):
        column = codes[:, place]
        unknown = (draws[:, place] < rates[place % len(rates)][column]) & (column > 0)
        replaced[unknown, place] = 0
    return replaced
