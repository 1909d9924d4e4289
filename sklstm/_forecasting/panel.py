"""One or many series: from what pandas has to plain arrays, and the answers back to pandas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklstm._forecasting.time_index import future, join, regular


@dataclass(frozen=True)
class Panel:
    """n_series series on regular time axes with a common step.

    kind: "series", "wide" (a column each) or "long" (rows of an index (series, time));
    template: an empty object of the user's own type, with his names and dtypes.
    """

    kind: str
    labels: list[Any]  # (n_series,)
    values: list[NDArray[np.float64]]  # n_series arrays (n_i,), all finite
    axes: list[Any]  # n_series indexes (n_i,)
    step: Any
    template: Any

    @property
    def n_series(self) -> int:
        return len(self.labels)

    def futures(self, horizon: int) -> list[Any]:
        """Time axes (horizon,) that follow each series."""
        return [future(axis, self.step, horizon) for axis in self.axes]

    def extended(self, later: Panel) -> Panel:
        """Every series with its continuation behind it."""
        where = {label: i for i, label in enumerate(later.labels)}
        values, axes = list(self.values), list(self.axes)
        for i, label in enumerate(self.labels):
            if label not in where:
                continue
            new, axis = later.values[where[label]], later.axes[where[label]]
            expected = future(axes[i], self.step, 1)[0]
            if axis[0] != expected:
                raise ValueError(
                    f"The new observations{self.named(i)} begin at {axis[0]!s}, but what is known "
                    f"goes on at {expected!s}: pass exactly what follows."
                )
            values[i] = np.concatenate([values[i], new])
            axes[i] = join(axes[i], axis, self.step)
        return replace(self, values=values, axes=axes)

    def cut(self, lengths: Sequence[int]) -> Panel:
        """The first lengths[i] observations of each series."""
        pairs = list(zip(self.values, self.axes, lengths, strict=True))
        return replace(
            self,
            values=[values[:n] for values, _, n in pairs],
            axes=[axis[:n] for _, axis, n in pairs],
        )

    def only(self, which: int) -> Panel:
        """One of the series, on its own."""
        return replace(
            self,
            labels=[self.labels[which]],
            values=[self.values[which]],
            axes=[self.axes[which]],
        )

    def named(self, which: int) -> str:
        """' of series X' for messages; nothing if there is only one series."""
        return "" if self.kind == "series" else f" of series {self.labels[which]!r}"

    # --- back to pandas -------------------------------------------------------------------
    def answer(self, axes: list[Any], values: Sequence[NDArray]) -> Any:
        """Arrays (n_i,) on their time axes as the same kind of object that came in."""
        import pandas as pd

        dtypes = self._answer_dtypes()
        if self.kind == "series":
            return pd.Series(values[0], axes[0], name=self.template.name).astype(dtypes[0])
        if self.kind == "long":
            flat = np.concatenate(list(values))
            index = self._long_index(axes)
            if isinstance(self.template, pd.DataFrame):
                (column,) = self.template.columns
                return pd.DataFrame({column: flat}, index).astype(dtypes[0])
            return pd.Series(flat, index, name=self.template.name).astype(dtypes[0])
        columns = [
            pd.Series(v, axis).astype(dtype)
            for v, axis, dtype in zip(values, axes, dtypes, strict=True)
        ]
        frame = pd.concat(columns, axis=1)
        frame.columns = self.template.columns
        if all(axis.equals(axes[0]) for axis in axes):
            frame.index = axes[0]  # concat forgets the frequency
        return frame

    def answer_table(self, axes: list[Any], tables: Sequence[NDArray], columns: Any) -> Any:
        """Arrays (n_i, n_columns) as a frame with these columns.

        In a wide frame the series come first, as a level of the columns.
        """
        import pandas as pd

        if self.kind == "series":
            return pd.DataFrame(tables[0], axes[0], columns=columns)
        if self.kind == "long":
            return pd.DataFrame(np.concatenate(list(tables)), self._long_index(axes), columns)
        frames = [
            pd.DataFrame(table, axis, columns=columns)
            for table, axis in zip(tables, axes, strict=True)
        ]
        frame = pd.concat(frames, axis=1, keys=self.labels, names=[self.template.columns.name])
        if all(axis.equals(axes[0]) for axis in axes):
            frame.index = axes[0]
        return frame

    def _answer_dtypes(self) -> list[Any]:
        """Forecasts of whole numbers are not whole; other dtypes stay."""
        dtypes = list(self.template.dtypes) if self.template.ndim == 2 else [self.template.dtype]
        return [_floating(dtype) for dtype in dtypes]

    def _long_index(self, axes: list[Any]) -> Any:
        import pandas as pd

        times = axes[0].append(list(axes[1:])) if len(axes) > 1 else axes[0]
        labels = pd.Index(self.labels, dtype=self.template.index.levels[0].dtype)
        repeated = labels.repeat([len(axis) for axis in axes])
        return pd.MultiIndex.from_arrays([repeated, times], names=self.template.index.names)


def _floating(dtype: Any) -> Any:
    import pandas as pd

    if pd.api.types.is_float_dtype(dtype):
        return dtype
    if pd.api.types.is_extension_array_dtype(dtype):
        return pd.Float64Dtype()
    return np.dtype(np.float64)


def as_panel(y: Any, missing: str, freq: Any = None, where: str = "y") -> Panel:
    """What a user may pass as y: a Series, a wide or a long frame, an array; checked.

    missing: "error", or "interpolate" for gaps in the index and NaN between observations.
    """
    import pandas as pd

    y = _as_pandas(y, where)
    _refuse_other_dtypes(y, where)
    if isinstance(y.index, pd.MultiIndex):
        return _from_long(y, missing, freq, where)
    kind = "wide" if isinstance(y, pd.DataFrame) else "series"
    axis, step = regular(y.index, freq, where)
    full = y if len(axis) == len(y) else y.reindex(axis)
    labels = list(y.columns) if kind == "wide" else [y.name]
    values, axes = [], []
    table = full.to_numpy(np.float64, na_value=np.nan).reshape(len(axis), -1)
    for k, label in enumerate(labels):
        name = f" of series {label!r}" if kind == "wide" else ""
        column, first = _observed(table[:, k], axis, y.index, missing, name, where)
        values.append(column)
        axes.append(axis[first:])
    return Panel(kind, labels, values, axes, step, y.iloc[:0])


def _as_pandas(y: Any, where: str) -> Any:
    import pandas as pd

    if isinstance(y, pd.Series | pd.DataFrame):
        pass
    elif isinstance(y, np.ndarray | list | tuple):
        y = np.asarray(y)
        if y.ndim not in (1, 2):
            raise ValueError(f"{where} has {y.ndim} dimensions: pass one series, or a column each.")
        y = pd.Series(y) if y.ndim == 1 else pd.DataFrame(y)
    else:
        raise TypeError(f"{where} must be a pandas Series or DataFrame, not a {type(y).__name__}.")
    if isinstance(y, pd.DataFrame) and not y.columns.is_unique:
        twice = y.columns[y.columns.duplicated()][0]
        raise ValueError(f"{where} has more than one column named {twice!r}.")
    if y.size == 0:
        raise ValueError(f"{where} has no observations.")
    return y


def _refuse_other_dtypes(y: Any, where: str) -> None:
    import pandas as pd

    dtypes = y.dtypes if isinstance(y, pd.DataFrame) else pd.Series([y.dtype], index=[y.name])
    for name, dtype in dtypes.items():
        number = pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_complex_dtype(dtype)
        if not number:
            column = f"Column {name!r} of {where}" if isinstance(y, pd.DataFrame) else where
            raise ValueError(
                f"{column} has the dtype {dtype}; a forecast needs numbers. "
                "Convert it, for example with pd.to_numeric."
            )


def _from_long(y: Any, missing: str, freq: Any, where: str) -> Panel:
    import pandas as pd

    if y.index.nlevels != 2:
        raise ValueError(
            f"{where} has an index of {y.index.nlevels} levels; a panel needs two, (series, time)."
        )
    if isinstance(y, pd.DataFrame) and y.shape[1] != 1:
        raise ValueError(
            f"A long {where} has one column of values, not {y.shape[1]}. Exogenous columns go to X."
        )
    column = y.iloc[:, 0] if isinstance(y, pd.DataFrame) else y
    labels = list(y.index.get_level_values(0).unique())
    if any(pd.isna(label) for label in labels):
        raise ValueError(f"The first level of the index of {where}, the series, holds NaN.")
    codes = pd.Index(labels).get_indexer(y.index.get_level_values(0))
    order = np.argsort(codes, kind="stable")
    bounds = np.concatenate([[0], np.cumsum(np.bincount(codes))])
    times, table = y.index.get_level_values(1), column.to_numpy(np.float64, na_value=np.nan)
    groups = [order[bounds[k] : bounds[k + 1]] for k in range(len(labels))]
    if freq is None and isinstance(times, pd.DatetimeIndex):
        longest = max(groups, key=len)  # a short series cannot say its frequency
        _, freq = regular(times[longest], None, f"{where}.loc[{labels[int(codes[longest[0]])]!r}]")
    values, axes, step = [], [], None
    for label, rows in zip(labels, groups, strict=True):
        name = f" of series {label!r}"
        axis, step = regular(times[rows], freq, f"{where}.loc[{label!r}]")
        if isinstance(times, pd.PeriodIndex | pd.DatetimeIndex) is False and freq is None:
            freq = step
        full = np.full(len(axis), np.nan)
        full[axis.get_indexer(times[rows])] = table[rows]
        series, first = _observed(full, axis, times[rows], missing, name, where)
        values.append(series)
        axes.append(axis[first:])
    return Panel("long", labels, values, axes, step, y.iloc[:0])


def _observed(
    values: NDArray, axis: Any, given: Any, missing: str, name: str, where: str
) -> tuple[NDArray[np.float64], int]:
    """A series from its first observation on, finite; and where that is.

    NaN before the first observation means that the series begins later. NaN behind the last
    is refused: nobody can interpolate there. Between, `missing` decides.
    """
    if np.isinf(values).any():
        raise ValueError(f"{where}{name} is infinite at {axis[np.isinf(values)][0]!s}.")
    seen = np.flatnonzero(~np.isnan(values))
    if not len(seen):
        raise ValueError(f"{where}{name} has no observation: all its values are NaN. Drop it.")
    first, last = int(seen[0]), int(seen[-1])
    if last < len(values) - 1:
        raise ValueError(
            f"{where}{name} is NaN from {axis[last + 1]!s} to its end. Cut it there; series that "
            "end at different times go into one long frame with the index (series, time)."
        )
    values, axis = values[first:].astype(np.float64), axis[first:]
    gaps = np.flatnonzero(np.isnan(values))
    if len(gaps):
        if missing == "error":
            absent = ~axis[gaps].isin(given)
            what = "no row" if absent[0] else "NaN"
            raise ValueError(
                f"{where}{name} lacks {len(gaps)} of {len(values)} values; the first is "
                f"{axis[gaps[0]]!s} ({what}). Fill them, or pass missing='interpolate' to the "
                "estimator for straight lines between the neighbours."
            )
        known = seen - first
        values[gaps] = np.interp(gaps, known, values[known])
    return values, first
