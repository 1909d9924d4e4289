"""Sequences of a batch that are played at varying speed, and made louder or softer."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklstm._input.sequences import PackedBatch, steps_and_sequences
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
    step, sequence = steps_and_sequences(batch.lengths)  # (n_rows,)
    last = np.maximum(batch.lengths - 1, 1)[sequence]
    along = step * (_PIECES / last)  # in pieces
    piece = np.minimum(along.astype(np.intp), _PIECES - 1)
    first, end = warps.ends[sequence, piece], warps.ends[sequence, piece + 1]
    place = (first + (along - piece) * (end - first)) * last
    before = np.minimum(place.astype(np.intp), last - 1)
    share = (place - before)[:, np.newaxis].astype(batch.x.dtype)
    after = np.minimum(before + 1, batch.lengths[sequence] - 1)
    lower, upper = batch.x[batch.starts[before] + sequence], batch.x[batch.starts[after] + sequence]
    factor = warps.factor[sequence, np.newaxis].astype(batch.x.dtype)
    x = lower + share * (upper - lower)
    x[:, :n_values] *= factor
    codes = batch.codes
    if codes is not None:  # categories are those of the nearest step
        nearest = np.where(place - before < 0.5, before, after)
        codes = codes[batch.starts[nearest] + sequence]
    return batch._replace(x=x, codes=codes)
