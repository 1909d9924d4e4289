"""Reading what a user passes as y: a Series, a wide or a long frame, or an array."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sklstm._forecasting.columns import (
    as_numbers,
    check_names,
    pandas_needed,
    refuse_list_of_series,
)
from sklstm._forecasting.long_index import rows_by_series
from sklstm._forecasting.misplaced_times import check_times_are_in_the_index
from sklstm._forecasting.panel import Kind, Panel
from sklstm._forecasting.tables import check_not_a_table
from sklstm._forecasting.time_advice import in_code
from sklstm._forecasting.time_index import as_times, as_times_of, regular, smallest_step
from sklstm._input.containers import as_array
from sklstm._input.sequences import LARGEST

Empty = Literal["error", "leave out"]

_ADVICE = "Convert it, for example with pd.to_numeric."
_MOST_MISSING = (
    "Where most are missing, the frequency is often another (freq=), or the day and the month of "
    "dates were exchanged (pd.to_datetime with dayfirst=True). "
)


def as_panel(
    y: Any, missing: str, freq: Any = None, where: str = "y", empty: Empty = "error"
) -> Panel:
    """Check y and return it as a panel.

    missing: "error", or "interpolate" for gaps in the index and NaN between observations.
    where: the name of y in messages.
    empty: what to do about columns of a wide frame without any observation.
    """
    import pandas as pd

    y = _as_pandas(y, where)
    if isinstance(y.index, pd.MultiIndex):
        return _from_long(y, missing, freq, where)
    kind: Kind = "wide" if isinstance(y, pd.DataFrame) else "series"
    table = as_numbers(y, where, _ADVICE)
    times = as_times(y.index)
    axis, step = regular(times, freq, where)
    columns = list(y.columns) if kind == "wide" else [y.name]
    kept = list(range(len(columns)))
    if kind == "wide" and empty == "leave out":
        kept = [k for k in kept if not np.isnan(table[:, k]).all()] or kept
    values, axes, filled = [], [], []
    for k in kept:
        name = f" of series {columns[k]!r}" if kind == "wide" else ""
        column = _on_axis(table[:, k], times, axis)
        series, first, holes = _observed(column, axis, times, missing, name, where)
        values.append(series)
        axes.append(axis[first:])
        filled.append(holes)
    template = y.iloc[:0, kept] if kind == "wide" else y.iloc[:0]
    left_out = tuple(columns[k] for k in range(len(columns)) if k not in kept)
    return Panel(kind, [columns[k] for k in kept], values, axes, step, template, filled, left_out)


def as_continuation(y: Any, known: Panel, missing: str) -> Panel:
    """Return what came after a known panel as a panel of the same kind, with the same labels.

    Series that fit left out are left out again.
    """
    import pandas as pd

    refuse_list_of_series(y, "y")
    if isinstance(y, np.ndarray | list | tuple) and isinstance(known.axes[0], pd.RangeIndex):
        y = _on_times(np.asarray(as_array(y)), known.futures(len(y))[0])
    return _as_later(y, known, missing)


def check_all_continue(later: Panel, known: Panel) -> None:
    """Refuse a wide frame that lacks a known series, whose forecasts would begin earlier."""
    absent = [label for label in known.labels if label not in later.labels]
    if absent and later.kind == "wide":
        raise ValueError(
            f"The new y has no observations of series {absent[0]!r}. The series of a wide frame "
            "end at the same time; others go into a long frame with the index (series, time)."
        )


def as_whole(y: Any, known: Panel, missing: str) -> Panel:
    """Return a known panel with what came after it, from a y that may begin with what is known.

    An array begins with it if its first values are the known ones.
    """
    import pandas as pd

    refuse_list_of_series(y, "y")
    if isinstance(y, np.ndarray | list | tuple) and isinstance(known.axes[0], pd.RangeIndex):
        values = np.asarray(as_array(y))
        table = known.values[0] if values.ndim == 1 else np.column_stack(known.values)
        if known.from_array and np.array_equal(values[: len(table)], table):
            y = _on_times(values, pd.RangeIndex(len(values)))
        else:
            y = _on_times(values, known.futures(len(values))[0])
    later = _as_later(y, known, missing)
    return known.extended(known.continued(later))


def _on_times(values: NDArray, axis: Any) -> Any:
    """Return an array as a Series, or as a DataFrame with a column per series."""
    import pandas as pd

    return pd.Series(values, axis) if values.ndim == 1 else pd.DataFrame(values, axis)


def _as_later(y: Any, known: Panel, missing: str) -> Panel:
    """Return y as a panel of the same kind as the known one, with the same labels."""
    y = _in_zone_of(_as_pandas(y, "The new y"), known.axes[0])
    later = as_panel(y, missing, known.step, "The new y", "leave out")
    if later.kind != known.kind:
        raise ValueError(
            f"The new y is a {later.kind} object, but fit had a {known.kind} one"
            f"{_in_form_of(known, later)}."
        )
    if later.kind == "series":
        later = replace(later, labels=known.labels)
    unknown = [label for label in later.labels if label not in (*known.labels, *known.left_out)]
    if unknown:
        raise ValueError(known.unknown_series(unknown[0]))
    return later


def _in_form_of(known: Panel, later: Panel) -> str:
    """Return how to pass a later y in the form of the known one, where a line does it; or ''."""
    if known.kind == "wide" and later.kind == "series" and known.n_series == 1:
        return f": pass y.to_frame({known.labels[0]!r})"
    if known.kind == "series" and later.kind == "wide" and later.n_series == 1:
        return ": pass y.iloc[:, 0]"
    return ""


def _in_zone_of(y: Any, known: Any) -> Any:
    """Return a pandas object with its times in the time zone of a known axis."""
    import pandas as pd

    index = y.index
    if not isinstance(index, pd.MultiIndex):
        return y.set_axis(as_times_of(index, known, "The new y"))
    times = as_times_of(index.levels[-1], known, "The new y")
    return y.set_axis(index.set_levels(times, level=-1))


def left_out_warning(panel: Panel) -> str | None:
    """Return what to tell the user about series without any observation."""
    if not panel.left_out:
        return None
    names = ", ".join(map(repr, panel.left_out[:5]))
    return (
        f"Series without any observation yet: {names} ({len(panel.left_out)} in all). Nothing is "
        "learnt from them, and they have no forecasts."
    )


def _as_pandas(y: Any, where: str) -> Any:
    """Return y as a Series or DataFrame with observations."""
    import pandas as pd

    refuse_list_of_series(y, in_code(where))
    if isinstance(y, np.ndarray | list | tuple):
        y = np.asarray(as_array(y))
        if y.ndim not in (1, 2):
            raise ValueError(f"{where} has {y.ndim} dimensions: pass one series, or a column each.")
        y = pd.Series(y) if y.ndim == 1 else pd.DataFrame(y)
    if not isinstance(y, pd.Series | pd.DataFrame):
        raise pandas_needed(where, y, "Series or DataFrame")
    if isinstance(y, pd.DataFrame):
        check_names(y, where)
        check_not_a_table(y, where)
        check_times_are_in_the_index(y, where)
    if y.size == 0:
        raise ValueError(f"{where} has no observations.")
    return y


def _from_long(y: Any, missing: str, freq: Any, where: str) -> Panel:
    """Read rows with the index (series, time)."""
    if y.index.nlevels != 2:
        index = f"{in_code(where)}.index"
        raise ValueError(
            f"{where} has an index of {y.index.nlevels} levels; a panel needs two, (series, time). "
            f"If the last is the time, use {index} = pd.MultiIndex.from_arrays(["
            f"{index}.droplevel(-1).to_flat_index(), {index}.get_level_values(-1)])."
        )
    if y.ndim == 2 and y.shape[1] != 1:
        raise ValueError(
            f"A long {where} has one column of values, not {y.shape[1]}. Exogenous columns go to X."
        )
    table = as_numbers(y, where, _ADVICE)[:, 0]
    labels, groups = rows_by_series(y.index, where)
    times = as_times(y.index.get_level_values(1))
    if freq is None:
        freq = _common_frequency(times, labels, groups, where)
    values, axes, filled, step = [], [], [], None
    for label, rows in zip(labels, groups, strict=True):
        axis, step = regular(times[rows], freq, f"{where}.loc[{label!r}]")
        column = _on_axis(table[rows], times[rows], axis)
        name = f" of series {label!r}"
        series, first, holes = _observed(column, axis, times[rows], missing, name, where)
        values.append(series)
        axes.append(axis[first:])
        filled.append(holes)
    return Panel("long", labels, values, axes, step, y.iloc[:0], filled)


def _common_frequency(
    times: Any, labels: list[Any], groups: list[NDArray[np.intp]], where: str
) -> Any:
    """Return the frequency of time stamps or whole numbers, which short series do not show.

    It does not depend on the order of the series: the longest one that has a frequency decides
    or, of whole numbers, the smallest step.
    """
    import pandas as pd

    if isinstance(times, pd.DatetimeIndex):
        first_error = None
        for i in sorted(range(len(groups)), key=lambda i: -len(groups[i])):
            try:
                return regular(times[groups[i]], None, f"{where}.loc[{labels[i]!r}]")[1]
            except ValueError as error:
                first_error = first_error or error
        assert first_error is not None
        raise first_error
    if times.inferred_type == "integer":
        steps = [smallest_step(times[rows]) for rows in groups]
        return min((step for step in steps if step is not None), default=1)
    return None


def _on_axis(values: NDArray[np.float64], times: Any, axis: Any) -> NDArray[np.float64]:
    """Return values (n_rows,) on a gapless axis (n,), NaN where there is no row."""
    full = np.full(len(axis), np.nan)
    full[axis.get_indexer(times)] = values
    return full


def _observed(
    values: NDArray, axis: Any, given: Any, missing: str, name: str, where: str
) -> tuple[NDArray[np.float64], int, NDArray[np.int64]]:
    """Return a finite series from its first observation on, the position of that, and the gaps.

    The gaps are the positions in the series that were filled.

    NaN before the first observation means that the series begins later. NaN after the last is
    refused, since there is nothing to interpolate to. In between, `missing` decides.
    """
    if np.isinf(values).any():
        raise ValueError(f"{where}{name} is infinite at {axis[np.isinf(values)][0]!s}.")
    large = np.abs(values) > LARGEST
    if large.any():
        raise ValueError(
            f"{where}{name} is {values[large][0]:.6g} at {axis[large][0]!s}. Values beyond "
            f"{LARGEST:.0e} are too large to compute with: divide {in_code(where)} by a constant."
        )
    seen = np.flatnonzero(~np.isnan(values))
    if not len(seen):
        raise ValueError(f"{where}{name} has no observation: all its values are NaN. Drop it.")
    first, last = int(seen[0]), int(seen[-1])
    if last < len(values) - 1:
        code = in_code(where)
        advice = (
            "; series that end at different times go into one long frame with the index (series, "
            f"time), which {code}.unstack().dropna() makes of a wide one."
            if name
            else f", with {code}.loc[:{code}.last_valid_index()]; before a cross-validation, whose "
            f"folds may end in a gap, leave out all rows without a value, with {code}.dropna()."
        )
        raise ValueError(
            f"{where}{name} is NaN from {axis[last + 1]!s} to its end. Cut it there{advice}"
        )
    values, axis = values[first:].astype(np.float64), axis[first:]
    gaps = np.flatnonzero(np.isnan(values))
    if len(gaps):
        if missing == "error":
            absent = ~axis[gaps].isin(given)
            what = "no row" if absent[0] else "NaN"
            hint = _MOST_MISSING if 2 * len(gaps) > len(values) else ""
            raise ValueError(
                f"{where}{name} lacks {len(gaps)} of {len(values)} values; the first is "
                f"{axis[gaps[0]]!s} ({what}). {hint}Fill them, or pass missing='interpolate' to "
                "the estimator for straight lines between the neighbours."
            )
        known = seen - first
        values[gaps] = np.interp(gaps, known, values[known])
    return values, first, gaps
