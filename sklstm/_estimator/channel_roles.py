"""What each channel of X is for a fitted network, and X as the network reads it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sklstm._input.categories import split_categories
from sklstm._input.filling import NO_WEIGHTS
from sklstm._input.sequences import NetworkInput, Reading, SequenceDataset
from sklstm._input.static_features import split_static
from sklstm._input.values import check_unscaled_values


@dataclass(frozen=True)
class ChannelRoles:
    """Channels are numbers that change, static numbers, or categories.

    Found out once for each fit: a prediction of one row takes less time than these questions.
    Means and deviations are the estimator's own arrays, so that a user may change them.
    """

    center: NDArray[np.float64]  # (n_channels,)
    deviation: NDArray[np.float64]  # (n_channels,)
    changing: NDArray[np.int64] | None  # (n_changing,): numbers that change; None: all channels
    gaps: NDArray[np.int64]  # (n_gaps,): channels of which is read whether they were observed
    static: NDArray[np.int64]  # (n_static,): numbers that are read once for each sequence
    is_categorical: NDArray[np.bool_] | None  # (n_channels - n_static,); None: no categories
    reading: Reading  # of the numbers that change, as their means were at first
    to_head: bool  # whether static numbers go to the head too
    missing: str
    dtype: str  # of the network

    @classmethod
    def of(cls, estimator: Any) -> Self:
        """Tell the channels apart by the fitted attributes; that of time is the last one."""
        started = estimator._architecture
        center, deviation = (
            # those of a memory-mapped model are read-only, see `pack`
            array if array.flags.writeable else array.copy()
            for array in (estimator.channel_mean_, estimator.channel_scale_)
        )
        gaps, categorical = estimator.gap_channels_, estimator._categorical
        # a category is read at every step
        static = np.setdiff1d(estimator.static_channels_, categorical)
        not_static = np.setdiff1d(np.arange(len(center)), static)
        numbers = estimator._numbers
        every = len(numbers) == len(center)
        weights = estimator._chain_weights
        # a network that reads both ways may know what comes after a gap
        ahead = bool(started["bidirectional"] and started["num_layers"] > 0)
        reading = Reading(
            estimator.branch_patch_size_, started["scale"],
            center if every else center[numbers], deviation if every else deviation[numbers],
            by_size=estimator._by_size.take(numbers, axis=1),
            gaps=np.flatnonzero(np.isin(numbers, gaps)),
            rates=estimator._rates[numbers],
            time_channel=len(numbers) - 1 if started["time_gaps"] else -1,
            ahead=ahead,
            weights=weights if ahead and weights is not None else NO_WEIGHTS,
        )  # fmt: skip
        of_changing = np.isin(not_static, categorical) if len(categorical) else None
        return cls(
            center, deviation, None if every else numbers, gaps, static, of_changing, reading,
            to_head=not started["return_sequences"],
            missing=started["missing"],
            dtype=estimator.dtype_,
        )  # fmt: skip

    @property
    def n_constant(self) -> int:
        """Inputs that are the same at every step: static numbers, and whether they are known."""
        return len(self.static) + int(np.isin(self.static, self.gaps).sum())

    def input(self, data: SequenceDataset) -> NetworkInput:
        """Return sequences as the network reads them."""
        constant, codes = None, None
        if self.reading.scale is None:
            check_unscaled_values(data, self.dtype, self.missing)
        if len(self.static):
            data, constant = split_static(data, self.static, self.gaps, self.center, self.deviation)
        if self.is_categorical is not None:
            data, codes = split_categories(self.is_categorical, data)
        static = constant if self.to_head else None
        return NetworkInput.of(data, self.reading_now(), static, constant, codes)

    def reading_now(self) -> Reading:
        """Return the reading with means and deviations as they are now."""
        if self.changing is None:
            return self.reading
        center, deviation = self.center[self.changing], self.deviation[self.changing]
        return replace(self.reading, center=center, deviation=deviation)
