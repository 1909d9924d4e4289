"""What is random in a minibatch: masks of dropout, noise, warps and unknown categories.

All of it is drawn before any thread computes, so it does not depend on their number.
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklstm._input.sequences import steps_and_sequences
from sklstm._network.chunk import Masks
from sklstm._network.network import Network
from sklstm._training.warping import draw
from sklstm.components.augmentation import Warping


class Drawn(NamedTuple):
    """What is random in the chunks of a minibatch."""

    masks: list[Masks]
    warps: list[Any]  # None for a chunk that is not warped
    unknown: list[NDArray]  # by which categories are read as unknown; empty: none are


def draw_minibatch(
    network: Network,
    lengths: list[NDArray[np.int64]],
    steps: list[NDArray[np.int64]],
    dropout: float,
    warping: Warping | None,
    unknown: bool,
    rng: np.random.Generator,
) -> Drawn:
    """Draw what the chunks of a minibatch need at random.

    lengths, steps: of each chunk (n,), before patching and as the recurrent layers see them, in
        the order of the packed batch, longest first
    unknown: whether some categories are read as unknown
    """
    n_chunks = len(lengths)
    masks = draw_masks(network, steps, dropout, rng)
    seeds = rng.integers(2**32, size=n_chunks) if network.noisy else [0] * n_chunks
    warps = [None if warping is None else draw(warping, len(chunk), rng) for chunk in lengths]
    draws = [
        rng.random((int(chunk.sum()), network.embeddings.n_places), np.float32)
        for chunk in lengths
        if network.embeddings is not None and unknown
    ]
    of_chunks = zip(masks, seeds, strict=True)
    return Drawn([Masks(*both, int(seed)) for both, seed in of_chunks], warps, draws)


def draw_masks(
    network: Network, steps: list[NDArray[np.int64]], dropout: float, rng: np.random.Generator
) -> list[tuple[NDArray, NDArray]]:
    """Return the dropout masks of each chunk: between the layers, and before the head.

    steps: see `draw_minibatch`
    """
    if network.plan.n_layers > 1:
        return [_masks_of_chunk(network, of_chunk, dropout, rng) for of_chunk in steps]
    n_read = [network.n_read(int(each.sum()), len(each)) for each in steps]
    ends = itertools.accumulate(n_read, initial=0)
    nothing = np.empty(0, network.dtype)
    masks = _feature_mask(network, sum(n_read), dropout, rng)  # the same as one after another
    return [(nothing, masks[first:end]) for first, end in itertools.pairwise(ends)]


def _masks_of_chunk(
    network: Network, steps: NDArray[np.int64], dropout: float, rng: np.random.Generator
) -> tuple[NDArray, NDArray]:
    """Draw the dropout masks of a chunk in a network of several layers."""
    spec, plan = network.spec, network.plan
    n_rows, between = int(steps.sum()), plan.n_layers - 1
    layer_mask = np.empty(0, network.dtype)
    if dropout > 0.0:
        layer_mask = _mask(network, dropout, rng, between, n_rows, plan.n_directions)
    feature_mask = _feature_mask(network, network.n_read(n_rows, len(steps)), dropout, rng)
    variational = spec.variational_dropout
    if variational > 0.0:  # of a sequence the same at every step
        _, sequence = steps_and_sequences(steps)
        constant = _mask(network, variational, rng, between, len(steps), plan.n_directions)
        constant = constant[:, sequence]
        layer_mask = constant * layer_mask if dropout > 0.0 else constant
    return layer_mask.ravel(), feature_mask


def _feature_mask(
    network: Network, n_read: int, dropout: float, rng: np.random.Generator
) -> NDArray:
    """Draw a mask (n_read, n_pooled) before the head; without dropout one of size 0."""
    plan = network.plan
    if dropout == 0.0:
        return np.empty((0, 0), network.dtype)
    blocks = _mask(network, dropout, rng, n_read, plan.n_pooled // plan.n_hidden)
    return blocks.reshape(n_read, plan.n_pooled)


def _mask(network: Network, rate: float, rng: np.random.Generator, *shape: int) -> NDArray:
    """Draw a mask (*shape, n_units) with zeros behind the units, to plan.n_hidden.

    It is drawn for the units alone, and then laid out in whole vectors: processors with
    vectors of other widths draw the same masks.
    """
    n_units, n_hidden = network.spec.n_units, network.plan.n_hidden
    kept = rng.random((*shape, n_units), dtype=np.float32) >= rate
    scaled: NDArray = kept / np.asarray(1.0 - rate, network.dtype)
    if n_units == n_hidden:
        return scaled
    wide = np.zeros((*shape, n_hidden), network.dtype)
    wide[..., :n_units] = scaled
    return wide
