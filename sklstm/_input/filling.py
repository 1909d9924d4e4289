"""How `gather` fills gaps, as weights of the values around them: the way back for gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Filling:
    """Every value as a sum of two that were observed; all arrays are (total_steps, n_channels).

    An observed value is itself. One that is filled with the mean has no weights.
    """

    before: NDArray[np.int64]  # rows of the last value
    after: NDArray[np.int64]  # rows of the next value
    of_before: NDArray[np.float64]
    of_after: NDArray[np.float64]

    @classmethod
    def of(
        cls, observed: NDArray[np.bool_], lengths: NDArray[np.int64], clock: NDArray, ahead: bool
    ) -> Self:
        """Return how the gaps of samples are filled, one sample after another.

        observed (total_steps, n_channels); lengths (n_samples,); clock (total_steps,): the time of
        each step; ahead: whether they are filled by the next value too
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
        return cls(before, after, of_before, of_after)

    def values(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return values with their gaps filled; 0 in place of the mean."""
        there = np.nan_to_num(values)
        before = self.of_before * np.take_along_axis(there, self.before, axis=0)
        return before + self.of_after * np.take_along_axis(there, self.after, axis=0)

    def back(self, slope: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the gradient by the observed values, of a slope by all; 0 at gaps."""
        gradient = np.zeros_like(slope)
        channel = np.arange(slope.shape[1])
        np.add.at(gradient, (self.before, channel), self.of_before * slope)
        np.add.at(gradient, (self.after, channel), self.of_after * slope)
        return gradient
