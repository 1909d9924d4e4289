"""In training some categories are read as unknown, the rare ones most often.

So the vector for what is unknown learns to stand for rare categories, which those that later data
bring are most like. A category that occurs n times is replaced with the probability c / (c + n)
(Kiperwasser & Goldberg 2016, section 4.5).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sklstm._input.sequences import NetworkInput, counts_of_codes

_C = 0.25


def unknown_rates(counts: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return how often categories that occur so often (n,) are read as unknown."""
    rates: NDArray[np.float32] = (_C / (_C + counts)).astype(np.float32)
    return rates


def with_unknown(
    inputs: NetworkInput, samples: NDArray[np.int64], tables: tuple[tuple[int, int], ...]
) -> NetworkInput:
    """Return inputs whose rare categories, of samples (n,), are at times read as unknown.

    tables: of each channel the number of vectors, the first of which is that of what is unknown,
        and their size
    """
    if inputs.codes is None:
        return inputs
    data = inputs.data.of(samples)
    counts = [counts_of_codes(data, inputs.codes[:, k], n) for k, (n, _) in enumerate(tables)]
    return replace(inputs, unknown_rates=tuple(map(unknown_rates, counts)))


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
