"""Forecasts from many origins: the last observation that each of them knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklstm._forecasting.long_index import rows_by_series
from sklstm._forecasting.panel import Panel
from sklstm._forecasting.time_index import as_times, as_times_of


@dataclass(frozen=True)
class Origins:
    """Rows of an answer: the series and the number of known observations of each."""

    panel: Panel
    series: NDArray[np.int64]  # (n_rows,)
    lengths: NDArray[np.int64]  # (n_rows,)

    @classmethod
    def of(cls, origins: Any, panel: Panel, n_seen: list[int]) -> Origins:
        """Read origins: times, or (series, time); None: all from the last time of fit on.

        n_seen: the number of observations of each series that fit has seen.
        """
        import pandas as pd

        if origins is None:
            lengths = [np.arange(n, len(v) + 1) for n, v in zip(n_seen, panel.values, strict=True)]
            return cls._of_series(panel, lengths)
        index = origins if isinstance(origins, pd.Index) else pd.Index(np.atleast_1d(origins))
        if not len(index):
            raise ValueError("There is no origin to forecast from: origins is empty.")
        if index.nlevels == 1:
            times = as_times_of(index, panel.axes[0], "origins")
            lengths = [axis.get_indexer(times) + 1 for axis in panel.axes]
            absent = np.all([some == 0 for some in lengths], axis=0)
            if absent.any():
                raise ValueError(_not_there(times[absent.argmax()], panel, 0))
            chosen = cls._of_series(panel, [some[some > 0] for some in lengths])
        else:
            chosen = cls._of_pairs(index, panel)
        chosen._check_later(n_seen)
        return chosen

    @classmethod
    def _of_series(cls, panel: Panel, lengths: list[NDArray]) -> Origins:
        """Return the lengths (n_i,) of each series, one series after the other."""
        series = np.repeat(np.arange(panel.n_series), [len(some) for some in lengths])
        return cls(panel, series, np.concatenate(lengths).astype(np.int64))

    @classmethod
    def _of_pairs(cls, index: Any, panel: Panel) -> Origins:
        """Read an index (series, time)."""
        if panel.kind == "series":
            raise ValueError("origins has the index (series, time), but y is a single series.")
        times = as_times_of(index.get_level_values(-1), panel.axes[0], "origins")
        series, lengths = np.empty(len(index), np.int64), np.empty(len(index), np.int64)
        for label, rows in zip(*rows_by_series(index, "origins"), strict=True):
            if label not in panel.labels:
                raise ValueError(panel.unknown_series(label))
            i = panel.labels.index(label)
            series[rows], lengths[rows] = i, panel.axes[i].get_indexer(times[rows]) + 1
            if (lengths[rows] == 0).any():
                raise ValueError(_not_there(times[rows][lengths[rows].argmin()], panel, i))
        return cls(panel, series, lengths)

    def _check_later(self, n_seen: list[int]) -> None:
        """Refuse origins before the end of what fit has seen."""
        early = self.lengths < np.asarray(n_seen)[self.series]
        if early.any():
            row = int(early.argmax())
            i = int(self.series[row])
            raise ValueError(
                f"The origin {self.panel.axes[i][self.lengths[row] - 1]!s} is before "
                f"{self.panel.axes[i][n_seen[i] - 1]!s}, the end of what fit has "
                f"seen{self.panel.named(i)}: its forecast would know what came after it. Fit less."
            )

    def steps_beyond(self, horizon: int) -> list[int]:
        """Return how many steps after the end of each series the forecasts reach."""
        out = [0] * self.panel.n_series
        for i in np.unique(self.series):
            last = int(self.lengths[self.series == i].max())
            out[i] = max(0, last + horizon - len(self.panel.values[i]))
        return out

    def answer(self, values: NDArray[np.float64]) -> Any:
        """Return values (n_rows, horizon) as a frame with a row per origin, a column per step."""
        import pandas as pd

        panel = self.panel
        columns = pd.RangeIndex(1, values.shape[1] + 1, name="step")
        parts = [panel.axes[i][self.lengths[self.series == i] - 1] for i in np.unique(self.series)]
        times = parts[0].append(parts[1:]) if len(parts) > 1 else parts[0]
        order = np.argsort(np.argsort(self.series, kind="stable"), kind="stable")
        times = times[order].rename("origin")
        if panel.kind == "series":
            return pd.DataFrame(values, times, columns)
        frame = pd.DataFrame(values, columns=columns)
        labels = panel.labels_index().take(self.series)
        levels = [labels.get_level_values(k) for k in range(labels.nlevels)]
        names = panel.template.index.names[:-1]
        if panel.kind == "wide":
            names = [name or "series" for name in panel.template.columns.names]
        frame.index = pd.MultiIndex.from_arrays([*levels, times], names=[*names, "origin"])
        return frame


def counts_rows(origins: Any, times: Any) -> bool:
    """Return whether origins are whole numbers where the times of y, an index, are not."""
    if origins is None or times.nlevels > 1 or as_times(times).inferred_type == "integer":
        return False
    return np.asarray(origins).dtype.kind in "iu"


def _not_there(time: Any, panel: Panel, i: int) -> str:
    """Say that y does not hold an origin."""
    axis = panel.axes[i]
    return (
        f"The origin {time!s} is not among the times of y{panel.named(i)}, {axis[0]!s} to "
        f"{axis[-1]!s}: an origin is the last observation that a forecast knows."
    )
