"""A branch: an anchor, the windows that a network reads, and the errors that it learns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from sklstm._forecasting.drivers import Drivers
from sklstm._input.sequences import SequenceDataset

# series (n,), origins (n,), horizon -> forecasts (n, horizon)
AnchorForecast = Callable[[NDArray[np.int64], NDArray[np.int64], int], NDArray[np.float64]]
# which rows (n,) a block has, and their windows (n, window)
Block = tuple[slice, NDArray[np.float64]]

_VALUES_PER_BLOCK = 2**23  # values of windows that are in memory at the same time


@dataclass(frozen=True)
class Branch:
    """An anchor and what a network sees of the series, which are joined end to end.

    The panel has n_total observations. An origin is the position of the last observation that a
    forecast knows; `series` (n,) says which series each origin belongs to.
    """

    x: NDArray[np.float64]  # (n_total,): the values of the windows
    level: NDArray[np.float64]  # (n_total,): subtracted from a window that ends here
    anchor: AnchorForecast  # of x
    scale: NDArray[np.float64]  # (n_series,): the unit of windows and errors; 1 for a constant
    begin: NDArray[np.int64]  # (n_series,): first observation
    first: NDArray[np.int64]  # (n_series,): first origin to learn from
    end: NDArray[np.int64]  # (n_series,): one past the last observation to learn from
    window: int
    features: NDArray[np.float64]  # (n_series, n_features): constant in time
    last: NDArray[np.int64]  # (n_series,): one past the last observation
    drivers: Drivers | None  # exogenous variables, for the network that sees them
    amplitude: NDArray[np.float64]  # (n_series,): the unit of corrections; a constant has none: 0

    def windows(self, series: NDArray, origins: NDArray) -> SequenceDataset:
        """Return one window for each origin, shorter near the beginning of its series."""
        lengths = np.minimum(self.window, origins - self.begin[series] + 1)
        last = np.cumsum(lengths)
        first = last - lengths
        owner = np.repeat(np.arange(len(origins)), lengths)
        positions = np.arange(int(last[-1])) - first[owner] + (origins - lengths + 1)[owner]
        values = (self.x[positions] - self.level[origins][owner]) / self.scale[series][owner]
        return SequenceDataset(values[:, np.newaxis], first, last)

    def padded_windows(self, series: NDArray, origins: NDArray, window: int) -> NDArray[np.float64]:
        """Return windows of full length (n, window), with zeros before the series begins."""
        whole = origins + 1 - window >= self.begin[series]
        if whole.all() and len(whole):  # most of a long series: a copy, and nothing beside it
            values = sliding_window_view(self.x, window)[origins + 1 - window]
            values -= self.level[origins][:, np.newaxis]
            values /= self.scale[series][:, np.newaxis]
            return values
        positions = origins[:, np.newaxis] + np.arange(1 - window, 1)
        known = positions >= self.begin[series][:, np.newaxis]
        values = self.x[np.where(known, positions, 0)] - self.level[origins][:, np.newaxis]
        return np.where(known, values / self.scale[series][:, np.newaxis], 0.0)

    def blocks(self, series: NDArray, origins: NDArray, window: int) -> Iterator[Block]:
        """Yield the padded windows in blocks, so that memory does not grow with their number."""
        n_rows = max(1, _VALUES_PER_BLOCK // window)
        for first in range(0, len(origins), n_rows):
            rows = slice(first, first + n_rows)
            yield rows, self.padded_windows(series[rows], origins[rows], window)

    def target(self, series: NDArray, origins: NDArray, horizon: int) -> NDArray[np.float64]:
        """Return errors of the anchor (n, horizon) in units of the scale; NaN: not known yet."""
        positions = origins[:, np.newaxis] + np.arange(1, horizon + 1)
        known = positions < self.end[series][:, np.newaxis]
        actual = self.x[np.where(known, positions, 0)]
        errors = actual - self.anchor(series, origins, horizon)
        return np.where(known, errors / self.scale[series][:, np.newaxis], np.nan)

    def n_origins(self) -> NDArray[np.int64]:
        """Return how many origins (n_series,) there are to learn from, with a target each."""
        return np.maximum(self.end - 1 - self.first, 0)
