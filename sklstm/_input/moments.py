"""Means and standard deviations of channels, a block of rows at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklstm._input.sequences import SequenceDataset
from sklstm._input.static_features import NO_STATIC, first_values
from sklstm._kernels.gather import ROUNDING, SMALLEST_DEVIATION

# Values that are turned to float64 at a time.
_BLOCK_VALUES = 2**16


@dataclass
class ChannelMoments:
    """Running weighted mean and standard deviation of what there is of each channel."""

    count: NDArray[np.float64]  # (n_channels,): sum of weights
    mean: NDArray[np.float64]  # (n_channels,)
    m2: NDArray[np.float64]  # (n_channels,): sum of weighted squared deviations

    @classmethod
    def empty(cls, n_channels: int) -> ChannelMoments:
        """Return the moments of no data."""
        return cls(np.zeros(n_channels), np.zeros(n_channels), np.zeros(n_channels))

    def add(
        self,
        data: SequenceDataset,
        samples: NDArray,
        weight: NDArray,
        names: Sequence[Any] | None = None,
        static: NDArray[np.int64] = NO_STATIC,
    ) -> None:
        """Add samples (n,) with their weights (n,); names (n_channels,) are for errors.

        static: channels that count once for each sample, however many steps it has
        """
        names = range(data.n_channels) if names is None else names
        facts = self._of(static)
        self._add_rows(data, samples, weight, names)
        if len(static):
            values = first_values(data, static)  # (n_samples, n_static)
            rows = np.arange(data.n_samples)
            once = SequenceDataset(values, rows, rows + 1)
            facts._add_rows(once, samples, weight, [names[k] for k in static])
            self.count[static], self.mean[static] = facts.count, facts.mean
            self.m2[static] = facts.m2

    def _of(self, channels: NDArray[np.int64]) -> ChannelMoments:
        """Return a copy of the moments of some channels."""
        return ChannelMoments(self.count[channels], self.mean[channels], self.m2[channels])

    def _add_rows(
        self, data: SequenceDataset, samples: NDArray, weight: NDArray, names: Sequence[Any]
    ) -> None:
        """Add every time step of samples (n,) with the weights (n,).

        The rows are added in blocks, each with its own mean. This avoids large arrays, and
        cancellation where the mean is much larger than the deviation (Chan, Golub & LeVeque 1979).
        """
        samples, weight = samples[weight > 0], weight[weight > 0]
        lengths = data.lengths[samples]
        last = np.cumsum(lengths)  # (n,): end of each sample's rows, if all are concatenated
        offset = data.begin[samples] - (last - lengths)
        n_rows = max(1, _BLOCK_VALUES // data.n_channels)
        total = int(lengths.sum())
        varies = np.zeros(data.n_channels, bool)  # where it is not plain from m2
        for first in range(0, total, n_rows):
            rows = np.arange(first, min(first + n_rows, total))
            owner = np.searchsorted(last, rows, side="right")
            values = data.values[rows + offset[owner]].astype(np.float64)
            n_added, mean, m2 = _moments_of_block(values, weight[owner, np.newaxis])
            small = m2 < n_added * SMALLEST_DEVIATION**2
            if small.any():
                highest, lowest = (f.reduce(values[:, small], axis=0) for f in (np.fmax, np.fmin))
                varies[small] |= highest > lowest
            n_before, moved = self.count, mean - self.mean
            self.count = n_before + n_added
            self.mean += moved * _share(n_added, self.count)
            self.m2 += m2 + moved**2 * _share(n_before * n_added, self.count)
        vanishes = varies & (self.m2 < self.count * SMALLEST_DEVIATION**2)
        if vanishes.any():
            raise ValueError(
                f"Channel {names[int(vanishes.argmax())]!r} of X varies by less than "
                f"{SMALLEST_DEVIATION:.0e}, too little to compute with: multiply the channel by a "
                "constant."
            )

    @property
    def deviation(self) -> NDArray[np.float64]:
        """Standard deviation of each channel; 1 for a constant channel."""
        deviation = np.sqrt(self.m2 / np.maximum(self.count, np.finfo(float).tiny))
        return unit_of(deviation, self.mean)


def _moments_of_block(
    values: NDArray[np.float64], weight: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return sum of weights, mean, sum of weighted squared deviations, each (n_channels,).

    values (n_rows, n_channels), weight (n_rows, 1)
    """
    n_added = np.full(values.shape[1], weight.sum(), np.float64)
    observed = ~np.isnan(values)
    if not observed.all():
        values, weight = np.where(observed, values, 0.0), np.where(observed, weight, 0.0)
        n_added = weight.sum(axis=0)
    mean = _share((weight * values).sum(axis=0), n_added)
    return n_added, mean, (weight * (values - mean) ** 2).sum(axis=0)


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return part / whole, and 0 where there is nothing."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0.0)


def unit_of(deviation: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """What to divide by: the deviation, or 1 where no more than rounding varies."""
    return np.where(deviation > ROUNDING * np.abs(mean), deviation, 1.0)
