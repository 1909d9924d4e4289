"""How `gather` fills gaps: as weights of the values around them for gradients, and for streams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sklstm._kernels.gather import GAP


@dataclass(frozen=True)
class Filling:
    """Every value as a sum of two that were observed; all arrays are (total_steps, n_channels).

    An observed value is itself. One that is filled with the mean has no weights.
    """

    before: NDArray[np.int64]  # rows of the last value
    after: NDArray[np.int64]  # rows of the next value
    of_before: NDArray[np.float64]
    of_after: NDArray[np.float64]
    of_mean: NDArray[np.float64]  # what stands beside these sums, of channels that decay
    is_read: NDArray[np.bool_]  # whether there is a value to go by; if not, the network reads 0

    @classmethod
    def of(
        cls,
        observed: NDArray[np.bool_],
        lengths: NDArray[np.int64],
        clock: NDArray,
        ahead: bool,
        rates: NDArray[np.float64],
        center: NDArray[np.float64],
    ) -> Self:
        """Return how the gaps of samples are filled, one sample after another.

        observed (total_steps, n_channels); lengths (n_samples,); clock (total_steps,): the time of
        each step; ahead: whether they are filled by the next value too; rates, center
        (n_channels,): at which values decay, and to what
        """
        n_rows = len(observed)
        row, stop = np.arange(n_rows)[:, np.newaxis], np.repeat(np.cumsum(lengths), lengths)
        start = stop - np.repeat(lengths, lengths)
        before = np.maximum.accumulate(np.where(observed, row, -1), axis=0)
        after = np.minimum.accumulate(np.where(observed, row, n_rows)[::-1], axis=0)[::-1]
        has_before = before >= start[:, np.newaxis]
        has_after = (after < stop[:, np.newaxis]) & ahead
        before, after = np.maximum(before, 0), np.minimum(after, n_rows - 1)
        between = np.where(has_before & has_after, clock[after] - clock[before], 0.0)
        ago = clock[:, np.newaxis] - clock[before]
        # without time between them the next value counts, as in the kernel
        share = np.divide(ago, between, where=between > 0.0, out=np.ones_like(between))
        of_after = np.where(observed, 0.0, np.where(has_before, share, 1.0) * has_after)
        of_before = np.where(observed, 1.0, np.where(has_after, 1.0 - share, 1.0) * has_before)
        of_mean = np.zeros_like(of_before)
        decays = np.flatnonzero(rates > 0.0)
        if len(decays):
            until = np.where(has_after, clock[after] - clock[:, np.newaxis], np.inf)
            ago = np.where(has_before, ago, np.inf)
            weights = _weights_of_decay(ago[:, decays], until[:, decays], rates[decays])
            there = observed[:, decays]
            of_before[:, decays] = np.where(there, 1.0, weights[0])
            of_after[:, decays] = np.where(there, 0.0, weights[1])
            share = 1.0 - of_before[:, decays] - of_after[:, decays]
            of_mean[:, decays] = share * np.nan_to_num(center[decays])
        return cls(before, after, of_before, of_after, of_mean, has_before | has_after)

    def values(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return values with their gaps filled; 0 in place of the mean."""
        there = np.nan_to_num(values)
        before = self.of_before * np.take_along_axis(there, self.before, axis=0)
        after = self.of_after * np.take_along_axis(there, self.after, axis=0)
        return before + after + self.of_mean

    def back(self, slope: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the gradient by the observed values, of a slope by all; 0 at gaps."""
        gradient = np.zeros_like(slope)
        channel = np.arange(slope.shape[1])
        np.add.at(gradient, (self.before, channel), self.of_before * slope)
        np.add.at(gradient, (self.after, channel), self.of_after * slope)
        return gradient


def _weights_of_decay(
    ago: NDArray[np.float64], until: NDArray[np.float64], rates: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the weights of the value before and of that after, as in the kernel.

    ago, until (total_steps, n_channels): time since the one and until the other; infinite: none
    """
    past, future = np.exp(-rates * ago), np.exp(-rates * until)
    between = np.expm1(-2.0 * rates * (ago + until))
    apart = between < 0.0
    between = np.where(apart, between, 1.0)
    of_before = np.where(apart, past * np.expm1(-2.0 * rates * until) / between, 0.0)
    return of_before, np.where(apart, future * np.expm1(-2.0 * rates * ago) / between, 1.0)


# Chebyshev's iteration: how often, and from which share of the diagonal it is fast
_N_SWEEPS, _LEAST = 10, 0.1
NO_WEIGHTS = np.empty((0, 0))


def chain_sweeps(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what `expect` keeps of its last change and takes of the product, (n_sweeps, 2).

    weights (5 * n_channels, n_channels): see `expect`
    """
    if not weights.size:
        return NO_WEIGHTS
    before, itself, after, in_first, in_last = np.split(weights, 5)
    # by Gershgorin no eigenvalue is larger
    largest = max(
        (abs(before) + abs(step) + abs(after)).sum(axis=0).max()
        for step in (itself, itself + in_first, itself + in_last, itself + in_first + in_last)
    )
    center, radius = (largest + _LEAST) / 2.0, (largest - _LEAST) / 2.0
    sweeps, kept = [(0.0, 1.0 / center)], radius / center
    for _ in range(_N_SWEEPS - 1):
        following = 1.0 / (2.0 * center / radius - kept)
        sweeps.append((following * kept, 2.0 * following / radius))
        kept = following
    return np.array(sweeps)


@dataclass(frozen=True)
class ChainFilling:
    """How `expect` fills the gaps of samples, one after another, for gradients."""

    observed: NDArray[np.bool_]  # (total_steps, n_channels)
    lengths: NDArray[np.int64]  # (n_samples,)
    lines: Filling  # from which it begins
    weights: NDArray[np.float64]  # (5 * n_channels, n_channels)
    center: NDArray[np.float64]  # (n_channels,)
    deviation: NDArray[np.float64]  # (n_channels,)

    def values(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return values with their gaps filled."""
        unit = (self.lines.values(values) - self.center) / self.deviation
        filled = np.nan_to_num(np.where(self.lines.is_read, unit, 0.0))
        change, blocks = np.zeros_like(filled), np.split(self.weights, 5)
        for kept, share in chain_sweeps(self.weights):
            change = kept * change - share * self._product(filled, *blocks)
            change[self.observed] = 0.0
            filled += change
        return filled * self.deviation + np.nan_to_num(self.center)

    def back(self, slope: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the gradient by the observed values, of a slope by all; 0 at gaps."""
        slope = slope * self.deviation
        of_observed = np.where(self.observed, slope, 0.0)
        of_filled, of_change = np.where(self.observed, 0.0, slope), np.zeros_like(slope)
        before, itself, after, *at_ends = (block.T for block in np.split(self.weights, 5))
        for kept, share in chain_sweeps(self.weights)[::-1]:
            of_change += of_filled
            product = self._product(-share * of_change, after, itself, before, *at_ends)
            of_observed += np.where(self.observed, product, 0.0)
            of_filled += np.where(self.observed, 0.0, product)
            of_change *= kept
        return self.lines.back((of_observed + of_filled) / self.deviation)

    def _product(
        self, steps: NDArray, before: NDArray, itself: NDArray, after: NDArray,
        in_first: NDArray, in_last: NDArray,
    ) -> NDArray[np.float64]:  # fmt: skip
        """Return the product of the precision matrix and steps; the blocks are those of `expect`.

        steps (total_steps, n_channels); blocks (n_channels, n_channels)
        """
        last = np.cumsum(self.lengths) - 1
        first = last + 1 - self.lengths
        product = steps @ itself
        product[first] += steps[first] @ in_first
        product[last] += steps[last] @ in_last
        of_before, of_after = steps @ before, steps @ after
        of_before[last], of_after[first] = 0.0, 0.0
        product[1:] += of_before[:-1]
        product[:-1] += of_after[1:]
        return product


class StepFilling:
    """Gaps in single time steps, filled with the last values: as `gather` does without `ahead`."""

    def __init__(
        self, center: NDArray[np.float64], gaps: NDArray[np.int64], rates: NDArray[np.float64]
    ) -> None:
        """Take the means (n_channels,) of the training set, and the channels with gaps in it.

        rates (n_channels,): at which values decay
        """
        self._center, self._gaps, self._rates = center, gaps, rates

    def before(self, n_streams: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return last values and how long ago they were, (n_streams, n_channels), at the start."""
        shape = n_streams, len(self._center)
        return np.full(shape, np.nan), np.zeros(shape)

    def __call__(
        self, values: NDArray[np.float64], last: NDArray[np.float64], ago: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return what the network reads of a step (n_streams, n_channels), and the next `before`.

        (n_streams, n_channels + 2 * n_gaps): filled values, then of each channel with gaps whether
            it was observed, and how long ago the last value was
        """
        observed = ~np.isnan(values) & ~np.isnan(self._center)
        last = np.where(observed, values, last)
        ago = np.where(observed, 0.0, ago + 1.0)
        mean = np.nan_to_num(self._center)
        of_gaps = GAP * np.stack([observed, np.log1p(ago)], axis=2)[:, self._gaps]
        decayed = mean + np.exp(-self._rates * ago) * (last - mean)
        known = np.where(observed | (self._rates == 0.0), last, decayed)
        read = [np.where(np.isnan(last), mean, known), of_gaps.reshape(len(values), -1)]
        return np.concatenate(read, axis=1), last, ago
