"""What gaps are filled with that the channels beside them foretell: a Gaussian chain of steps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklstm._input.sequences import SequenceDataset, evenly_spaced

_MOST_SAMPLES = 2000  # that are looked at, evenly spaced
_MOST_CHANNELS = 500  # the matrices of more would take longer than the training
_BLOCK_STEPS = 2**14  # that are turned to float64 at a time
# pairs of values that count as much as the guess that two channels have nothing in common
_PAIRS_OF_GUESS = 100.0
# Sequences are alike if the variance of all but a few is at least this share of that of all.
_FEW, _LEAST_SHARE = 0.1, 0.25
_NOISE = 0.05  # share of each variance that neighbours cannot explain


def chain_weights(
    estimator: Any,
    data: SequenceDataset,
    samples: NDArray[np.int64],
    weight: NDArray[np.float64],
) -> NDArray[np.float64] | None:
    """Return the weights of `expect` for numbers that change, (5 * n_numbers, n_numbers).

    They come from the correlations of channels within a step and from step to step, each by the
    pairs of values that there are. None where gaps are filled channel by channel.
    samples, weight (n,): the sequences to look at, and how much each counts
    """
    numbers = estimator._numbers
    apart = estimator.missing != "mask" or estimator.time_gaps or not estimator.bidirectional
    if apart or not 0 < len(numbers) <= _MOST_CHANNELS:
        return None
    samples, weight = (evenly_spaced(each, _MOST_SAMPLES) for each in (samples, weight))
    weight = weight / weight.max()
    weight *= weight.sum() / (weight @ weight)  # in all, so many samples of equal weight
    center, scale = estimator.channel_mean_[numbers], estimator.channel_scale_[numbers]
    if not _are_alike(data, samples, weight, numbers, scale):
        return None
    within, between = np.zeros((2, 2, len(numbers), len(numbers)))  # products, numbers of pairs
    for sample, of_sample in zip(samples, weight, strict=True):
        begin, end = data.begin[sample], data.end[sample]
        for first in range(begin, end, _BLOCK_STEPS):
            # and the step after, whose pairs begin in this block
            values = data.values[first : min(first + _BLOCK_STEPS + 1, end), numbers]
            unit = (values.astype(np.float64) - center) / scale
            there = (~np.isnan(unit)).astype(np.float64)
            both = np.stack([np.nan_to_num(unit), there])
            own = both[:, :_BLOCK_STEPS]
            within += of_sample * (own.transpose(0, 2, 1) @ own)
            between += of_sample * (both[:, :-1].transpose(0, 2, 1) @ both[:, 1:])
    return _weights(_correlation(*within), _correlation(*between))


def _are_alike(
    data: SequenceDataset,
    samples: NDArray[np.int64],
    weight: NDArray[np.float64],
    numbers: NDArray[np.int64],
    scale: NDArray[np.float64],
) -> bool:
    """Return whether nearly all sequences vary about as much as all of them together.

    Where they differ in level or in size, the mean of all says little about a gap in one of them.
    """
    shares, weights = [], []
    for sample, of_sample in zip(samples, weight, strict=True):
        unit = data.values[data.begin[sample] : data.end[sample], numbers] / scale
        there = ~np.isnan(unit)
        n_observed = np.maximum(there.sum(axis=0), 1)
        mean = np.nan_to_num(unit).sum(axis=0) / n_observed
        squares = np.where(there, unit - mean, 0.0) ** 2
        # a channel of n values has n - 1 deviations of its own
        n_free = np.maximum(there.sum(axis=0) - 1, 0).sum()
        if n_free > 0:
            shares.append(squares.sum() / n_free)
            weights.append(of_sample)
    if not shares:
        return False
    order = np.argsort(shares)
    below = np.cumsum(np.take(weights, order)) - np.take(weights, order)
    # the quantile of NumPy if all weights are the same
    return float(np.interp(_FEW * below[-1], below, np.take(shares, order))) > _LEAST_SHARE


def _correlation(products: NDArray[np.float64], n_pairs: NDArray[np.float64]) -> NDArray:
    """Return correlations (n, n) from sums of products; those of two channels shrunk to 0."""
    guess = _PAIRS_OF_GUESS * (1.0 - np.eye(len(products)))
    return products / np.maximum(n_pairs + guess, 1.0)


def _weights(within: NDArray[np.float64], between: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weights of `expect` from the correlations of a step with itself and the next.

    within, between (n, n)
    """
    n = len(within)
    np.fill_diagonal(within, 1.0)
    values, vectors = np.linalg.eigh(np.block([[within, between], [between.T, within]]))
    # correlations of different pairs need not go together
    joint = (1.0 - _NOISE) * (vectors * np.maximum(values, 0.0)) @ vectors.T
    joint += _NOISE * np.eye(2 * n)
    first, between = joint[:n, :n], joint[:n, n:]
    step = np.linalg.solve(first, between).T  # the next step is step @ this one, and noise
    precision = np.linalg.inv(joint[n:, n:] - step @ between)
    of_next = step.T @ precision @ step
    itself = precision + of_next
    in_first = np.linalg.inv(first) - precision
    blocks = [-(precision @ step), itself, -(precision @ step).T, in_first, -of_next]
    weights: NDArray[np.float64] = np.concatenate([block.T for block in blocks])
    return weights / np.diag(itself)
