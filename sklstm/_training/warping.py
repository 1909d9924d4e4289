"""Sequences of a batch that are played at varying speed, and made louder or softer."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklstm._input.sequences import PackedBatch
from sklstm._kernels.warp import warp
from sklstm.components.augmentation import Warping

_PIECES = 4  # of constant speed


class Warps(NamedTuple):
    """What happens to the sequences of a batch."""

    ends: NDArray[np.float64]  # (n_sequences, _PIECES + 1): of the pieces, as shares of the length
    factor: NDArray[np.float64]  # (n_sequences,)


def draw(warping: Warping, n_sequences: int, rng: np.random.Generator) -> Warps:
    """Draw what happens to each of n sequences."""
    changed = rng.random(n_sequences) < warping.share
    speed = np.exp(warping.speed * rng.standard_normal((n_sequences, _PIECES)))
    speed[~changed] = 1.0
    ends = np.zeros((n_sequences, _PIECES + 1))
    np.cumsum(speed / speed.sum(axis=1, keepdims=True), axis=1, out=ends[:, 1:])
    factor = np.exp(warping.scale * rng.standard_normal(n_sequences) * changed)
    return Warps(ends, factor)


def warped(batch: PackedBatch, warps: Warps | None, n_values: int) -> PackedBatch:
    """Return the batch with its sequences changed, each between its own first and last step.

    n_values: columns of x that hold values; others, of gaps and static features, are not made
        louder or softer
    """
    if warps is None:
        return batch
    x, nearest = np.empty_like(batch.x), np.empty(len(batch.x), np.int64)
    warp(batch.x, batch.starts, warps.ends, warps.factor, n_values, nearest, x)
    # categories are those of the nearest step
    codes = None if batch.codes is None else batch.codes[nearest]
    return batch._replace(x=x, codes=codes)
