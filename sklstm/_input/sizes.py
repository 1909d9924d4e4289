"""Channels whose sequences are of very different size: where they are read logarithmically."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier

from sklstm._input.sequences import NOT_BY_SIZE, SequenceDataset, evenly_spaced

_MOST_SAMPLES = 1000  # that are looked at, evenly spaced
_SMALL, _LARGE = 0.1, 0.9  # quantiles of the sizes
_FACTOR = 100.0  # between them, from which on small sequences would be read as zeros
_SMALLEST = 1e-6  # of a large sequence: what is smaller may be rounding


def size_scaling(
    estimator: Any,
    data: SequenceDataset,
    samples: NDArray[np.int64],
    weight: NDArray[np.float64],
) -> NDArray[np.float64] | None:
    """Return of each channel the width, and mean and deviation of asinh(value / width).

    (3, n_channels). The width is the size up to which values stay as they are; past it, their
    logarithm counts. Where sequences differ in size by more than a factor of 100, it is the size of
    a small one, but at least a millionth of that of a large one; elsewhere it is infinite. None if
    it is for all channels, for other scalings than "both", and for a regressor, which gains nothing
    (docs/decisions/defaults.md).

    The size of a sequence is the root of its mean square; sequences of zeros have none.
    samples, weight (n,): the sequences to look at, and how much each counts
    """
    if not is_classifier(estimator) or estimator.scale != "both":
        return None
    channels = estimator._numbers
    if not channels.size:
        return None
    samples, weight = (evenly_spaced(each, _MOST_SAMPLES) for each in (samples, weight))
    squares, _ = _means(data, samples, np.square)
    scaling = np.repeat(NOT_BY_SIZE, data.n_channels, axis=1)
    for channel in channels:
        scaling[0, channel] = _width(np.sqrt(squares[:, channel]), weight)
    by_size = np.isfinite(scaling[0])
    if not by_size.any():
        return None
    width = scaling[0]
    of_each, n_observed = _means(data, samples, lambda values: np.arcsinh(values / width))
    of_each_squared, _ = _means(data, samples, lambda values: np.arcsinh(values / width) ** 2)
    shares = weight[:, np.newaxis] * n_observed
    mean = np.average(of_each[:, by_size], axis=0, weights=shares[:, by_size])
    mean_square = np.average(of_each_squared[:, by_size], axis=0, weights=shares[:, by_size])
    scaling[1:, by_size] = mean, np.sqrt(mean_square - mean**2)
    return scaling


def _width(size: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
    """Return the width for sequences of some sizes and weights (n,)."""
    there = size > 0.0
    if not there.any():
        return np.inf
    # by weight, so that a weight of 2 is two copies of a sequence
    small, large = np.quantile(
        size[there], [_SMALL, _LARGE], weights=weight[there], method="inverted_cdf"
    )
    return float(max(small, _SMALLEST * large)) if large > _FACTOR * small else np.inf


def _means(
    data: SequenceDataset,
    samples: NDArray[np.int64],
    function: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return means over the values of each channel in each sample, and how many those are.

    Both are (n, n_channels). A mean without values is 0.
    """
    means = np.zeros((len(samples), data.n_channels))
    n_observed = np.zeros(means.shape, np.int64)
    for row, sample in enumerate(samples):
        values = data.values[data.begin[sample] : data.end[sample]].astype(np.float64)
        n_observed[row] = (~np.isnan(values)).sum(axis=0)
        total = function(np.nan_to_num(values)).sum(axis=0)  # of 0 both functions are 0
        means[row] = total / np.maximum(n_observed[row], 1)
    return means, n_observed
