"""Sequences of any length in one array, and the packed batches gathered from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sklstm._input.filling import NO_WEIGHTS, ChainFilling, Filling, chain_sweeps
from sklstm._kernels.chain import expect
from sklstm._kernels.embedding import gather_codes
from sklstm._kernels.gather import ROUNDING, ROUNDING_OF_A_SUM, gather

# Values of X and y within which double precision can square deviations and add the squares up.
LARGEST = 1e150
# Steps whose codes are found at a time.
_BLOCK_STEPS = 2**14
NO_GAPS = np.empty(0, np.int64)
# Width, mean and deviation of a channel that is not read by size, see `gather`.
NOT_BY_SIZE = np.array([[np.inf], [0.0], [1.0]])


@dataclass(frozen=True)
class SequenceDataset:
    """Sequences in one array: sample i is ``values[begin[i] : end[i]]``, with NaN for gaps.

    `values` may be a memory map; it is never copied as a whole.
    """

    values: NDArray  # (total_steps, n_channels), C-contiguous
    begin: NDArray[np.int64]  # (n_samples,)
    end: NDArray[np.int64]  # (n_samples,)

    def of(self, samples: NDArray[np.int64]) -> SequenceDataset:
        """Return some of the sequences, which share the values."""
        return replace(self, begin=self.begin[samples], end=self.end[samples])

    def borrowing(self, samples: NDArray[np.int64], lenders: NDArray[np.int64]) -> SequenceDataset:
        """Return copies of samples (n,) which also lack what others lack at the same steps.

        lenders (n,): the others; -1: of no one. A lender that is shorter begins anew.
        """
        lengths = self.lengths[samples]
        last = np.cumsum(lengths)
        values = self.values[_runs(self.begin[samples], lengths)]
        lender = np.repeat(np.where(lenders < 0, samples, lenders), lengths)
        step = _runs(np.zeros_like(lengths), lengths) % self.lengths[lender]
        values[np.isnan(self.values[self.begin[lender] + step])] = np.nan
        return SequenceDataset(values, last - lengths, last)

    @property
    def n_samples(self) -> int:
        """Number of sequences."""
        return len(self.begin)

    @property
    def n_channels(self) -> int:
        """Number of channels of every sequence."""
        return self.values.shape[1]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of time steps of each sample, (n_samples,)."""
        return self.end - self.begin


def typical_length(lengths: NDArray[np.int64]) -> int:
    """Time steps of the longest of some sequences (n_samples,), outliers left aside.

    Outliers are up to a tenth of the sequences, or one, if the longest has more than four times
    as many time steps as the longest of the others.
    """
    n_aside = max(1, len(lengths) // 10) if len(lengths) > 2 else 0
    others = int(np.partition(lengths, -1 - n_aside)[-1 - n_aside])
    longest = int(lengths.max())
    return longest if longest <= 4 * others else others


def steps_and_sequences(lengths: NDArray) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return time step and sequence (n_rows,) of each row in packed order.

    lengths (n_sequences,): descending
    """
    step, sequence = np.nonzero(np.arange(lengths[0])[:, np.newaxis] < lengths)
    return step, sequence


def packed_rows(first: NDArray, lengths: NDArray) -> NDArray[np.intp]:
    """Return the positions (n_rows,) of time steps stored by sequence, in packed order.

    first (n_sequences,): position of the first step of each sequence, the longest one first.
    """
    step, sequence = steps_and_sequences(lengths)
    return first[sequence] + step


@dataclass(frozen=True)
class Targets:
    """Targets of the network: sample i has the rows ``indptr[i] : indptr[i + 1]``.

    A sample has one row, or one row for each time step.
    """

    values: NDArray  # (n_rows, n_targets)
    weight: NDArray[np.float64]  # (n_rows,): 0 where there is no target
    indptr: NDArray[np.int64]  # (n_samples + 1,)

    @classmethod
    def one_each(cls, values: NDArray, weight: NDArray) -> Targets:
        """Return targets with one row for each sample."""
        return cls(values, weight, np.arange(len(values) + 1))

    @property
    def n_rows(self) -> NDArray[np.int64]:
        """Number of rows of each sample, (n_samples,)."""
        return np.diff(self.indptr)

    @property
    def sample_weight(self) -> NDArray[np.float64]:
        """Mean weight of the rows of each sample that have a target, (n_samples,); 0 if none."""
        if len(self.weight) == len(self.indptr) - 1:
            return self.weight
        total = np.add.reduceat(self.weight, self.indptr[:-1])
        return total / np.maximum(np.add.reduceat(self.weight > 0, self.indptr[:-1], dtype=int), 1)

    def rows(self, samples: NDArray) -> NDArray[np.int64]:
        """Return the positions of the rows of some samples, one sample after another."""
        if len(self.weight) == len(self.indptr) - 1:
            return samples
        n_rows = self.n_rows[samples]
        before = np.cumsum(n_rows) - n_rows
        return np.repeat(self.indptr[samples] - before, n_rows) + np.arange(n_rows.sum())

    def of(self, samples: NDArray) -> Targets:
        """Return the targets of some samples."""
        rows = self.rows(samples)
        indptr = np.concatenate([[0], np.cumsum(self.n_rows[samples])])
        return Targets(self.values[rows], self.weight[rows], indptr)


class PackedBatch(NamedTuple):
    """Rows of a chunk in time-major order, longest sequence first."""

    x: NDArray  # (n_rows, n_channels)
    starts: NDArray[np.int64]  # (n_timesteps + 1,): first row of every time step
    lengths: NDArray[np.int64]  # (n_sequences,), descending
    static: NDArray  # (n_sequences, n_static)
    # (n_rows, n_places): rows of the tables of embeddings, -1 for none; None if x has the vectors
    codes: NDArray[np.int32] | None = None


@dataclass(frozen=True)
class Reading:
    """How the steps of sequences become rows for the network, see `gather`."""

    patch_size: int
    scale: str | None
    center: NDArray[np.float64]  # (n_channels,)
    deviation: NDArray[np.float64]  # (n_channels,)
    by_size: NDArray[np.float64]  # (3, n_channels): see `gather`
    gaps: NDArray[np.int64]  # (n_gaps,): of which is read whether they were observed
    rates: NDArray[np.float64]  # (n_channels,): at which values decay where there are gaps
    time_channel: int  # that counts how long ago; -1: steps are counted
    ahead: bool  # whether gaps are filled by the next value too
    weights: NDArray[np.float64] = field(default_factory=NO_WEIGHTS.copy)  # see `expect`

    @classmethod
    def plain(cls, n_channels: int, patch_size: int = 1) -> Reading:
        """Return the reading of values as they are."""
        center, deviation = np.zeros(n_channels), np.ones(n_channels)
        straight, no_rates = np.repeat(NOT_BY_SIZE, n_channels, axis=1), np.zeros(n_channels)
        return cls(
            patch_size, None, center, deviation, straight, NO_GAPS, no_rates, -1, ahead=False
        )

    @cached_property
    def sweeps(self) -> NDArray[np.float64]:
        """What is kept and taken in each sweep of `expect`, (n_sweeps, 2)."""
        return chain_sweeps(self.weights)

    @cached_property
    def by_channel(self) -> bool:
        """Whether a row has the values scaled by all of the training data."""
        return self.scale in ("both", "channel")

    @cached_property
    def by_sequence(self) -> bool:
        """Whether a row has the values scaled within their sequence."""
        return self.scale in ("both", "sequence")

    def slope_by_channel(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the derivative by the values (n_rows, n_channels) of what `by_channel` says."""
        width, _, deviation = self.by_size
        compressed = 1.0 / (np.hypot(values, width) * deviation)
        return np.where(np.isfinite(width), compressed, 1.0 / self.deviation)

    @cached_property
    def n_values(self) -> int:
        """Columns of a row that hold values, past which are those of gaps."""
        return network_channels(len(self.center), self.patch_size, self.scale)

    @cached_property
    def width(self) -> int:
        """Columns of a row, with those of gaps."""
        return network_channels(len(self.center), self.patch_size, self.scale, len(self.gaps))


@dataclass(frozen=True)
class NetworkInput:
    """A data set as the network reads it: scaled, patched and packed, one chunk at a time."""

    data: SequenceDataset
    reading: Reading
    lengths: NDArray[np.int64]  # (n_samples,): time steps after patching
    static: NDArray  # (n_samples, n_static): features that go straight to the head
    constant: NDArray  # (n_samples, n_constant): further inputs, the same at every step
    codes: NDArray[np.int32] | None = None  # (total_steps, n_categorical)
    # how often training reads each category of a channel as unknown; for no channel: never
    unknown_rates: tuple[NDArray[np.float32], ...] = ()

    @classmethod
    def of(
        cls,
        data: SequenceDataset,
        reading: Reading,
        static: NDArray | None = None,
        constant: NDArray | None = None,
        codes: NDArray[np.int32] | None = None,
    ) -> NetworkInput:
        """Return the input for a data set, with its lengths after patching."""
        nothing = np.empty((data.n_samples, 0), np.float32)
        return cls(
            data, reading, -(-data.lengths // reading.patch_size),
            nothing if static is None else static, nothing if constant is None else constant, codes,
        )  # fmt: skip

    # --- the way back -----------------------------------------------------------------------
    def by_copy(self, rows: NDArray) -> NDArray:
        """Undo the patches: (total_steps, n_channels, n_copies) of one sample after another.

        rows (total_rows, width): what belongs to the rows of all samples, in their order
        """
        return self.of_steps(rows[:, : self.reading.n_values], self.data.n_channels)

    def by_channel(self, rows: NDArray) -> NDArray:
        """Return what belongs to each channel, (total_steps, n_channels): its copies and gaps.

        rows (total_rows, width): as in `by_copy`
        """
        reading, of_channels = self.reading, self.by_copy(rows).sum(axis=2)
        of_gaps = self.of_steps(rows[:, reading.n_values : reading.width], len(reading.gaps))
        of_channels[:, reading.gaps] += of_gaps.sum(axis=2)
        return of_channels

    def by_constant(self, rows: NDArray) -> NDArray:
        """Return what belongs to each constant of a sample, (n_samples, n_constant).

        rows (total_rows, width): as in `by_copy`
        """
        of_rows = rows[:, self.reading.width : self.width()]
        return np.add.reduceat(of_rows, np.cumsum(self.lengths) - self.lengths, axis=0)

    def of_steps(self, columns: NDArray, n: int) -> NDArray:
        """Undo the patches of n things in each step: (total_steps, n, n_columns of each).

        columns (total_rows, patch_size * n * n_columns)
        """
        patch, lengths = self.reading.patch_size, self.data.lengths
        n_columns = columns.shape[1] // max(patch * n, 1)
        steps = columns.reshape(len(columns) * patch, n, n_columns)
        first = np.cumsum(self.lengths * patch) - lengths  # the first patch is filled up in front
        return steps[_runs(first, lengths)]

    def gradient_by_values(self, rows: NDArray) -> NDArray:
        """Return the gradient by the values of the data set, (total_steps, n_channels).

        rows (total_rows, width): gradient by what the network reads, as in `by_copy`
        """
        copies, lengths, reading = self.by_copy(rows), self.data.lengths, self.reading
        values = self.data.values[_runs(self.data.begin, lengths)].astype(np.float64)
        observed = ~np.isnan(values) & ~np.isnan(reading.center)
        alone = Filling.of(
            observed, lengths, self._clock(values), reading.ahead, reading.rates, reading.center
        )
        filling: Filling | ChainFilling = alone
        if reading.weights.size:
            filling = ChainFilling(
                observed, lengths, alone, reading.weights, reading.center, reading.deviation
            )
        if reading.scale is None:
            return filling.back(copies[..., 0])
        gradient = np.zeros(copies.shape[:2])
        if reading.by_channel:
            slope = reading.slope_by_channel(filling.values(values))
            gradient += filling.back(copies[..., 0] * slope)
        if reading.by_sequence:
            slope = copies[..., -1]
            if not reading.weights.size:  # a gap without a value to go by is read as 0
                slope = np.where(alone.is_read, slope, 0.0)
            gradient += self._through_own_scale(values, observed, filling, slope)
        return gradient

    def _clock(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the time of each step (total_steps,), by which gaps are filled."""
        if self.reading.time_channel < 0:
            return np.arange(float(len(values)))
        return np.cumsum(np.expm1(values[:, self.reading.time_channel]))

    def _through_own_scale(
        self,
        values: NDArray[np.float64],
        observed: NDArray[np.bool_],
        filling: Filling | ChainFilling,
        slope: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Return the gradient by the values, of a slope by the values standardised within samples.

        values, observed, slope (total_steps, n_channels)
        0 at gaps, and for a channel that is constant in a sample
        """
        lengths, reading = self.data.lengths, self.reading
        first = np.cumsum(lengths) - lengths
        n_observed = np.repeat(np.add.reduceat(observed, first, axis=0, dtype=np.int64), lengths, 0)
        counted = observed | bool(reading.weights.size)
        n_counted = np.maximum(np.add.reduceat(counted, first, axis=0, dtype=np.int64), 1)

        def mean(steps: NDArray) -> NDArray:
            """Return the sum over each sample by what counts of it, at each of its steps."""
            return np.repeat(np.add.reduceat(steps, first, axis=0) / n_counted, lengths, axis=0)

        # gaps that count do so with mean and deviation of the training set
        there = np.where(observed, values, np.where(counted, np.nan_to_num(reading.center), 0.0))
        center = mean(there)
        squares = (there - center) ** 2 + np.where(observed, 0.0, reading.deviation**2)
        deviation = np.sqrt(mean(np.where(counted, squares, 0.0)))
        varies = deviation > np.maximum(ROUNDING, ROUNDING_OF_A_SUM * n_observed) * np.abs(center)
        to_unit = np.divide(1.0, deviation, where=varies, out=np.zeros_like(deviation))
        unit = (filling.values(values) - center) * to_unit
        of_moments = mean(slope) + unit * mean(slope * unit)
        return filling.back(slope * to_unit) - of_moments * to_unit * observed

    def width(self) -> int:
        """Return the number of channels after scaling and patching."""
        return self.reading.width + self.constant.shape[1]

    def pack(
        self,
        samples: NDArray[np.int64],
        dtype: DTypeLike,
        lenders: NDArray[np.int64] = NO_GAPS,
    ) -> PackedBatch:
        """Return the packed batch of some samples (n_sequences,), given longest first.

        lenders (n_sequences,): whose gaps they have too, see `SequenceDataset.borrowing`
        """
        lengths, reading = self.lengths[samples], self.reading
        data, rows = self.data, samples
        if len(lenders):
            data, rows = data.borrowing(samples, lenders), np.arange(len(samples))
        starts = np.empty(lengths[0] + 1, np.int64)
        x = np.empty((int(lengths.sum()), self.width()), dtype)
        # Read-only arrays are a type of their own: without this, `gather` would be compiled for
        # both kinds of data.
        values = data.values.view()
        values.flags.writeable = False
        gather(
            values, data.begin, data.end, rows, lengths, reading.patch_size,
            reading.center, reading.deviation, reading.by_size, reading.by_channel,
            reading.by_sequence, reading.gaps, reading.rates, reading.time_channel, reading.ahead,
            self._expected(data, values, rows), starts, x,
        )  # fmt: skip
        if self.constant.shape[1]:
            _, sequence = steps_and_sequences(lengths)
            x[:, reading.width :] = self.constant[samples[sequence]]
        static = self.static[samples].astype(dtype, copy=False)
        if self.codes is None:
            return PackedBatch(x, starts, lengths, static)
        codes = np.empty((len(x), reading.patch_size * self.codes.shape[1]), np.int32)
        gather_codes(
            self.codes, self.data.begin, self.data.end, samples, lengths, starts,
            reading.patch_size, codes,
        )  # fmt: skip
        return PackedBatch(x, starts, lengths, static, codes)

    def _expected(
        self, data: SequenceDataset, values: NDArray, samples: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return the steps of samples with the gaps filled in a chain; none if there is no chain.

        (n_steps, n_channels), standardised, one sample after another; values: see `gather`
        """
        reading = self.reading
        if not reading.weights.size:
            return np.empty((0, data.n_channels))
        lengths = data.lengths[samples]
        expected = np.empty((int(lengths.sum()), data.n_channels))
        work = np.empty((2, int(lengths.max()), data.n_channels))
        expect(
            values, data.begin, data.end, samples, reading.center, reading.deviation,
            reading.weights, reading.sweeps, work, expected,
        )  # fmt: skip
        return expected


def evenly_spaced(samples: NDArray, most: int) -> NDArray:
    """Return at most so many of samples (n,), or of something that each of them has."""
    return samples[:: -(-len(samples) // most)]


def steps_of(data: SequenceDataset) -> NDArray[np.int64]:
    """Return the rows of all samples of a data set, one sample after another."""
    return _runs(data.begin, data.lengths)


def blocks_of_steps(data: SequenceDataset) -> Iterator[NDArray[np.int64]]:
    """Yield what `steps_of` returns in blocks of whole samples, which need less memory."""
    last = np.cumsum(data.lengths)  # (n_samples,)
    if not data.n_samples or last[-1] < _BLOCK_STEPS:  # a prediction of one row asks no more
        yield steps_of(data)
        return
    ends = np.flatnonzero(np.diff(last // _BLOCK_STEPS)) + 1
    for samples in np.split(np.arange(data.n_samples), ends):
        yield steps_of(data.of(samples))


def counts_of_codes(data: SequenceDataset, codes: NDArray, n: int) -> NDArray[np.int64]:
    """Return how often each of n codes (total_steps,) occurs in the samples, (n,)."""
    counts = np.zeros(n, np.int64)
    for rows in blocks_of_steps(data):
        counts += np.bincount(codes[rows].astype(np.intp, copy=False), minlength=n)
    return counts


def _runs(first: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the positions first[i], first[i] + 1, ... of the steps of each sample in turn."""
    before = np.cumsum(lengths) - lengths
    return np.repeat(first - before, lengths) + np.arange(lengths.sum())


def network_channels(n_channels: int, patch_size: int, scale: str | None, n_gaps: int = 0) -> int:
    """Return the number of channels after scaling (two copies for "both") and patching.

    n_gaps: channels with two more each: whether it was observed, and how long ago
    """
    return patch_size * (n_channels * (2 if scale == "both" else 1) + 2 * n_gaps)
