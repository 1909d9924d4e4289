"""Reading what a user passes as y: a Series, a wide or a long frame, or an array."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklstm._forecasting.panel import Kind, Panel
from sklstm._forecasting.time_index import regular


def as_panel(y: Any, missing: str, freq: Any = None, where: str = "y") -> Panel:
    """Check y and return it as a panel.

    missing: "error", or "interpolate" for gaps in the index and NaN between observations.
    where: the name of y in messages.
    """
    import pandas as pd

    y = _as_pandas(y, where)
    _refuse_other_dtypes(y, where)
    if isinstance(y.index, pd.MultiIndex):
        return _from_long(y, missing, freq, where)
    kind: Kind = "wide" if isinstance(y, pd.DataFrame) else "series"
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


def as_continuation(y: Any, known: Panel, missing: str) -> Panel:
    """Return what came after a known panel as a panel of the same kind, with the same labels."""
    import pandas as pd

    if isinstance(y, np.ndarray | list | tuple) and isinstance(known.axes[0], pd.RangeIndex):
        values = np.asarray(y)
        axis = known.futures(len(values))[0]
        y = pd.Series(values, axis) if values.ndim == 1 else pd.DataFrame(values, axis)
    later = as_panel(y, missing, known.step, "The new y")
    if later.kind != known.kind:
        raise ValueError(f"The new y is a {later.kind} object, but fit had a {known.kind} one.")
    if later.kind == "series":
        later = replace(later, labels=known.labels)
    unknown = [label for label in later.labels if label not in known.labels]
    if unknown:
        raise ValueError(f"Series {unknown[0]!r} was not there in fit.")
    if type(later.axes[0]) is not type(known.axes[0]):
        raise ValueError(
            f"The new y has a {type(later.axes[0]).__name__}, but fit had a "
            f"{type(known.axes[0]).__name__}."
        )
    return later


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
    """Read rows with the index (series, time)."""
    import pandas as pd

    _check_long(y, where)
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
        longest = max(groups, key=len)  # a short series does not show its frequency
        _, freq = regular(times[longest], None, f"{where}.loc[{labels[int(codes[longest[0]])]!r}]")
    values, axes, step = [], [], None
    for label, rows in zip(labels, groups, strict=True):
        axis, step = regular(times[rows], freq, f"{where}.loc[{label!r}]")
        if freq is None and not isinstance(times, pd.PeriodIndex | pd.DatetimeIndex):
            freq = step
        full = np.full(len(axis), np.nan)
        full[axis.get_indexer(times[rows])] = table[rows]
        name = f" of series {label!r}"
        series, first = _observed(full, axis, times[rows], missing, name, where)
        values.append(series)
        axes.append(axis[first:])
    return Panel("long", labels, values, axes, step, y.iloc[:0])


def _check_long(y: Any, where: str) -> None:
    """Refuse an index that is not (series, time), and more than one column of values."""
    if y.index.nlevels != 2:
        raise ValueError(
            f"{where} has an index of {y.index.nlevels} levels; a panel needs two, (series, time)."
        )
    if y.ndim == 2 and y.shape[1] != 1:
        raise ValueError(
            f"A long {where} has one column of values, not {y.shape[1]}. Exogenous columns go to X."
        )


def _observed(
    values: NDArray, axis: Any, given: Any, missing: str, name: str, where: str
) -> tuple[NDArray[np.float64], int]:
    """Return a finite series from its first observation on, and the position of that.

    NaN before the first observation means that the series begins later. NaN after the last is
    refused, since there is nothing to interpolate to. In between, `missing` decides.
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
