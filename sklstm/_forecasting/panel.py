"""A panel: one or many series as plain arrays, and answers in the form that the user passed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sklstm._forecasting.long_index import rows_by_series
from sklstm._forecasting.plain import (
    index_as_plain,
    index_from_plain,
    step_as_plain,
    step_from_plain,
    template_as_plain,
    template_from_plain,
)
from sklstm._forecasting.time_index import as_times, future, join, steps_until

# one series; one column per series; rows with the index (series, time)
Kind = Literal["series", "wide", "long"]


@dataclass(frozen=True)
class Panel:
    """n_series series on regular time axes with a common step."""

    kind: Kind
    labels: list[Any]  # (n_series,)
    values: list[NDArray[np.float64]]  # n_series arrays (n_i,), all finite
    axes: list[Any]  # n_series indexes (n_i,)
    step: Any
    template: Any  # an empty object of the user's type, with its names and dtypes
    filled: list[NDArray[np.int64]]  # n_series arrays: positions of values that were interpolated
    left_out: tuple[Any, ...] = ()  # labels of series without any observation

    def __getstate__(self) -> dict[str, Any]:
        """Return the panel without objects of pandas; each time axis is there once.

        Gaps are there only if there are any, not as an empty array for each series.
        """
        places: dict[Any, int] = {}  # with a common step, length and end make an axis
        axes: list[Any] = []
        place_of = np.empty(self.n_series, np.int64)
        for i, axis in enumerate(self.axes):
            key = len(axis), axis[-1], axis.name
            if key not in places:
                places[key] = len(axes)
                axes.append(index_as_plain(axis))
            place_of[i] = places[key]
        state = self.__dict__ | {
            "axes": {"distinct": axes, "place_of": place_of},
            "step": step_as_plain(self.step),
            "template": template_as_plain(self.template),
        }
        if not any(map(len, self.filled)):
            del state["filled"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take what `__getstate__` gave; files of 0.1.0 have the objects themselves."""
        axes = state["axes"]
        if isinstance(axes, dict):
            distinct = [index_from_plain(form) for form in axes["distinct"]]
            axes = [distinct[place] for place in axes["place_of"]]
        none = [np.empty(0, np.int64) for _ in state["labels"]]
        self.__dict__.update(
            {"filled": none} | state,
            axes=axes,
            step=step_from_plain(state["step"]),
            template=template_from_plain(state["template"]),
        )

    @property
    def n_series(self) -> int:
        """Number of series."""
        return len(self.labels)

    @property
    def from_array(self) -> bool:
        """Whether the times are 0, 1, 2, ..., as those of an array are."""
        index = self.template.index
        return self.kind != "long" and type(index).__name__ == "RangeIndex" and index.start == 0

    def named(self, which: int) -> str:
        """Return ' of series X' for messages; nothing if there is only one series."""
        return "" if self.kind == "series" else f" of series {self.labels[which]!r}"

    def unknown_series(self, label: Any) -> str:
        """Say that a series of a later panel is not one of these."""
        by_rows = (
            " A splitter that cuts a long panel by rows, as TimeSeriesSplit does, separates its "
            "series: use sklstm.PanelSplit, which cuts it by time."
        )
        return f"Series {label!r} was not there in fit: fit again with it, or leave it out." + (
            by_rows if self.kind == "long" else ""
        )

    def index_of(self, label: Any) -> int:
        """Return which series has a label; None stands for the first."""
        if label is None:
            return 0
        if label not in self.labels:
            raise ValueError(f"There is no series {label!r}: the first are {self.labels[:5]}.")
        return self.labels.index(label)

    def observed(self, i: int, first: int, last: int) -> NDArray[np.float64]:
        """Return values ``first`` to ``last - 1`` of a series, NaN in its gaps."""
        values, holes = self.values[i][first:last].copy(), self.filled[i]
        values[holes[slice(*np.searchsorted(holes, (first, last)))] - first] = np.nan
        return values

    # --- time -------------------------------------------------------------------------------
    def futures(self, horizon: int) -> list[Any]:
        """Return the time axes (horizon,) that follow each series."""
        return [future(axis, self.step, horizon) for axis in self.axes]

    def behind(self) -> NDArray[np.int64]:
        """Return how many steps (n_series,) before the latest end each series ends."""
        ends = [axis[-1] for axis in self.axes]
        earliest, latest, n_steps = ends.index(min(ends)), max(ends), 1
        axis = future(self.axes[earliest], self.step, n_steps)
        while axis[-1] < latest:
            n_steps *= 2
            axis = future(self.axes[earliest], self.step, n_steps)
        steps = np.array([axis.searchsorted(end, side="right") for end in ends], np.int64)
        return np.asarray(steps.max() - steps)

    def extended(self, later: Panel) -> Panel:
        """Append to every series its continuation."""
        where = {label: i for i, label in enumerate(later.labels)}
        begun = [label for label in later.labels if label in self.left_out]
        if begun:
            raise ValueError(
                f"Series {begun[0]!r} had no observation in fit, which left it out: fit again on "
                "all data, or drop it."
            )
        values, axes, filled = list(self.values), list(self.axes), list(self.filled)
        for i, label in enumerate(self.labels):
            if label not in where:
                continue
            new, axis = later.values[where[label]], later.axes[where[label]]
            positions = later.filled[where[label]] + len(values[i])
            expected = future(axes[i], self.step, 1)[0]
            if axis[0] != expected:
                raise ValueError(
                    f"The new observations{self.named(i)} begin at {axis[0]!s}, but what is known "
                    f"goes on at {expected!s}: pass exactly what follows."
                )
            values[i] = np.concatenate([values[i], new])
            axes[i] = join(axes[i], axis, self.step)
            filled[i] = np.concatenate([filled[i], positions])
        return replace(self, values=values, axes=axes, filled=filled)

    def continued(self, later: Panel) -> Panel:
        """Return what a later panel adds to this one: what is known may stand before it."""
        labels, values, axes, filled = [], [], [], []
        for label, new, axis, holes in zip(
            later.labels, later.values, later.axes, later.filled, strict=True
        ):
            i = self.labels.index(label) if label in self.labels else None
            n_old = 0 if i is None else int(axis.searchsorted(self.axes[i][-1], "right"))
            if i is not None and n_old:
                known = self.values[i][-n_old:]
                if n_old > len(self.values[i]) or not np.array_equal(new[:n_old], known):
                    raise ValueError(
                        f"y{self.named(i)} differs from what fit has seen, which ends at "
                        f"{self.axes[i][-1]!s}: pass the same observations, or those after them."
                    )
            if n_old < len(new):
                labels.append(label)
                values.append(new[n_old:])
                axes.append(axis[n_old:])
                filled.append(holes[holes >= n_old] - n_old)
        return replace(later, labels=labels, values=values, axes=axes, filled=filled)

    def without(self, labels: Sequence[Any]) -> Panel:
        """Return the series that are not among some labels; there must be others."""
        kept = [i for i, label in enumerate(self.labels) if label not in labels]
        if not kept:
            raise ValueError(f"fit left out all series of y: they were not there yet, {labels!r}.")
        return self.of_series(kept) if len(kept) < self.n_series else self

    def cut(self, lengths: Sequence[int]) -> Panel:
        """Return the first lengths[i] observations of each series, as they were known then."""
        known = [
            next(values for _, values in self.as_known(i, np.array([n])))
            for i, n in enumerate(lengths)
        ]
        return replace(
            self,
            values=[values[:n] for values, n in zip(known, lengths, strict=True)],
            axes=[axis[:n] for axis, n in zip(self.axes, lengths, strict=True)],
            filled=[holes[holes < n] for holes, n in zip(self.filled, lengths, strict=True)],
        )

    def as_known(
        self, i: int, lengths: NDArray[np.int64]
    ) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.float64]]]:
        """Yield which of some lengths (n,) of a series, and the series (n_i,) as known at these.

        In a gap, a line would lead to the next observation, which is not known yet: the last one is
        repeated.
        """
        values, holes = self.values[i], self.filled[i]
        inside = np.isin(lengths - 1, holes)
        if not inside.all():
            yield ~inside, values
        for gap in np.split(holes, np.flatnonzero(np.diff(holes) > 1) + 1) if inside.any() else ():
            here = inside & (lengths > gap[0]) & (lengths <= gap[-1] + 1)
            if here.any():
                known = values.copy()
                known[gap] = values[gap[0] - 1]
                yield here, known

    def steps_to(self, times: dict[Any, Any]) -> int:
        """Return the number of steps from the known observations to the last of later times.

        times: an index (n_i,) by the label of its series.
        """
        horizon = 1
        for label, axis in times.items():
            known = self.axes[self.labels.index(label)]
            if axis.min() <= known[-1]:
                raise ValueError(
                    f"y begins at {axis.min()!s}, which fit has seen: it ends at {known[-1]!s}. "
                    "Cross-validation needs folds in order of time, such as TimeSeriesSplit."
                )
            horizon = max(horizon, steps_until(known, self.step, axis))
        return horizon

    def of_series(self, which: Sequence[int]) -> Panel:
        """Return some of the series."""
        template = self.template.iloc[:, list(which)] if self.kind == "wide" else self.template
        return replace(
            self,
            labels=[self.labels[i] for i in which],
            values=[self.values[i] for i in which],
            axes=[self.axes[i] for i in which],
            filled=[self.filled[i] for i in which],
            template=template,
        )

    # --- back to pandas -------------------------------------------------------------------
    def labels_index(self) -> Any:
        """Return the labels as a pandas index."""
        import pandas as pd

        if self.kind == "wide" and self.template.columns.nlevels > 1:
            return self.template.columns
        return pd.Index(self.labels, tupleize_cols=False)

    def answer(self, axes: list[Any], values: Sequence[NDArray]) -> Any:
        """Return arrays (n_i,) on their time axes as the kind of object that was passed."""
        import pandas as pd

        dtypes = self._answer_dtypes()
        if self.kind == "series":
            index = self._as_passed(axes[0])
            return _as_dtype(pd.Series(values[0], index, name=self.template.name), dtypes[0])
        if self.kind == "long":
            flat = np.concatenate(list(values))
            index = self._long_index(axes)
            if isinstance(self.template, pd.DataFrame):
                return _as_dtype(pd.DataFrame(flat, index, self.template.columns), dtypes[0])
            return _as_dtype(pd.Series(flat, index, name=self.template.name), dtypes[0])
        columns = [
            _as_dtype(pd.Series(v, axis), dtype)
            for v, axis, dtype in zip(values, axes, dtypes, strict=True)
        ]
        return self._joined(columns, axes, self.template.columns)

    def answer_table(self, axes: list[Any], tables: Sequence[NDArray], columns: Any) -> Any:
        """Return arrays (n_i, n_columns) as a frame with these columns.

        In a wide frame the series are the first levels of the columns.
        """
        import pandas as pd

        if self.kind == "series":
            return pd.DataFrame(tables[0], self._as_passed(axes[0]), columns=columns)
        if self.kind == "long":
            return pd.DataFrame(np.concatenate(list(tables)), self._long_index(axes), columns)
        frames = [pd.DataFrame(table, axis) for table, axis in zip(tables, axes, strict=True)]
        of_series = self.template.columns
        names = [(*_levels(s, of_series), *_levels(c, columns)) for s in of_series for c in columns]
        every = pd.MultiIndex.from_tuples(names, names=[*of_series.names, *columns.names])
        return self._joined(frames, axes, every)

    def answer_at(self, rows: Any, axes: list[Any], values: Sequence[NDArray]) -> Any:
        """Return the values at the times of rows, in their order and with their index.

        NaN for the series of a wide frame that were left out.
        """
        import pandas as pd

        if self.kind == "long":
            out = np.empty(len(rows))
            times = as_times(rows.get_level_values(-1))
            for label, group in zip(*rows_by_series(rows, "y"), strict=True):
                i = self.labels.index(label)
                out[group] = values[i][axes[i].get_indexer(times[group])]
            template = self.template
            name = template.name if template.ndim == 1 else template.columns[0]
            return pd.Series(out, rows, name=name)
        times = as_times(rows)
        columns = [v[axis.get_indexer(times)] for v, axis in zip(values, axes, strict=True)]
        if self.kind == "series":
            return pd.Series(columns[0], rows, name=self.template.name)
        return pd.DataFrame(np.column_stack(columns), rows, self.template.columns)

    def _joined(self, parts: list[Any], axes: list[Any], columns: Any) -> Any:
        """Put series or frames on their time axes side by side."""
        import pandas as pd

        frame = pd.concat(parts, axis=1)
        frame.columns = columns
        if all(axis.equals(axes[0]) for axis in axes):
            frame.index = axes[0]  # concat forgets the frequency
        frame.index = self._as_passed(frame.index)
        return frame

    def _as_passed(self, axis: Any) -> Any:
        """Return a time axis in the dtype of arrow if it was passed in that."""
        import pandas as pd

        index = self.template.index
        dtype = index.levels[-1].dtype if index.nlevels > 1 else index.dtype
        if isinstance(dtype, pd.ArrowDtype) and isinstance(axis, pd.DatetimeIndex):
            return axis.astype(dtype)
        return axis

    def _answer_dtypes(self) -> list[Any]:
        """Return the dtypes of forecasts: floating dtypes stay, others become floating."""
        dtypes = list(self.template.dtypes) if self.template.ndim == 2 else [self.template.dtype]
        return [_floating(dtype) for dtype in dtypes]

    def _long_index(self, axes: list[Any]) -> Any:
        """Return the index (series, time) of all time axes."""
        import pandas as pd

        times = axes[0].append(list(axes[1:])) if len(axes) > 1 else axes[0]
        dtype = self.template.index.levels[0].dtype
        labels = pd.Index(self.labels, dtype=dtype, tupleize_cols=False)
        repeated = labels.repeat([len(axis) for axis in axes])
        return pd.MultiIndex.from_arrays(
            [repeated, self._as_passed(times)], names=self.template.index.names
        )


def _levels(label: Any, index: Any) -> tuple[Any, ...]:
    """Return the levels of an entry of an index."""
    return tuple(label) if index.nlevels > 1 else (label,)


def _as_dtype(answer: Any, dtype: Any) -> Any:
    """Return a Series or frame of floats in a dtype, or as it is if a value does not fit."""
    with np.errstate(over="ignore"):
        narrow = answer.astype(dtype)
    return narrow if np.isfinite(narrow.to_numpy(np.float64)).all() else answer


def _floating(dtype: Any) -> Any:
    """Return a floating dtype of the same family."""
    import pandas as pd

    if pd.api.types.is_float_dtype(dtype):
        return dtype
    if pd.api.types.is_extension_array_dtype(dtype):
        return pd.Float64Dtype()
    return np.dtype(np.float64)
