"""Warnings of columns, times and rows of X that do not stand in the order of time."""

from __future__ import annotations

import re
import warnings
from itertools import pairwise
from typing import Any

_NUMBER_AT_END = re.compile(r"(?<!\d)(?<!\d[.,])\d+$")  # but not the 25 of 0.25
_NUMBER_FIRST, _NUMBER_LAST = re.compile(r"\d+"), re.compile(r"\d+(?=\D*$)")
_INDEXES_OF_TIMES = "DatetimeIndex", "PeriodIndex", "TimedeltaIndex"


def warn_of_order_of_columns(columns: Any, n_channels: int) -> None:
    """Warn of a wide X whose columns are not in order of time: t1, t10, t2, or dates that fall.

    Or whose channels stand one after the other, where those of a time step must.
    """
    before = _in_order_of_text(list(columns))
    if columns.dtype.kind == "M" and not columns.is_monotonic_increasing:
        before = [(str(a), str(b)) for a, b in pairwise(columns) if b < a]
    if before:
        warnings.warn(
            f"The columns of X are read as time steps from left to right, and {before[0][0]!r} "
            f"stands before {before[0][1]!r}. Put them in order of time, for numbers at the end of "
            r"names with X[sorted(X.columns, key=lambda name: int(re.sub(r'\D', '', name)))].",
            UserWarning,
            stacklevel=2,
        )
    elif n_channels > 1 and (order := _by_time_step(list(columns), n_channels)):
        first = next(k for k, name in enumerate(order) if name != columns[k]) // n_channels
        step = slice(first * n_channels, (first + 1) * n_channels)
        read, meant = (", ".join(map(repr, some[step])) for some in (columns, order))
        warnings.warn(
            f"With n_channels={n_channels}, time step {first} of X is the columns {read}. By their "
            f"names it is {meant}. Put the columns in order, one time step after the other.",
            UserWarning,
            stacklevel=2,
        )


def _by_time_step(columns: list[Any], n_channels: int) -> list[str] | None:
    """Return names such as hr_0, hr_1, ..., bp_0, bp_1, ... by their numbers: hr_0, bp_0, ...

    None if they stand so, or do not name each channel at each time step once.
    """
    if not all(isinstance(name, str) for name in columns):
        return None
    orders = [_by_number(columns, which, n_channels) for which in (_NUMBER_LAST, _NUMBER_FIRST)]
    found = [order for order in orders if order is not None]
    return found[0] if found and columns not in found else None


def _by_number(columns: list[str], which: re.Pattern[str], n_channels: int) -> list[str] | None:
    """Return names sorted by one of their numbers, if all others name the channels."""
    places = [which.search(name) for name in columns]
    if not all(places):
        return None
    numbers = [int(place[0]) for place in places if place]
    rests = [which.sub("", name, count=1) for name in columns]
    channels = list(dict.fromkeys(rests))
    if len(channels) != n_channels or len(columns) != n_channels * len(set(numbers)):
        return None
    order = sorted(range(len(columns)), key=lambda k: (numbers[k], channels.index(rests[k])))
    complete = len(set(zip(numbers, rests, strict=True))) == len(columns)
    return [columns[k] for k in order] if complete else None


def warn_of_order_of_times(times: Any) -> None:
    """Warn of times of a long X that are text, in an order that is not that of their numbers."""
    if times.inferred_type == "string" and (before := _in_order_of_text(sorted(times.unique()))):
        warnings.warn(
            f"The times of X are text, in whose order {before[0][0]!r} stands before "
            f"{before[0][1]!r}. Make numbers or time stamps of them and sort X again.",
            UserWarning,
            stacklevel=2,
        )


def warn_of_falling_times(X: list | tuple) -> None:
    """Warn of a list of frames or Series with time stamps that do not rise."""
    for i, x in enumerate(X):
        times: Any = getattr(x, "index", None)
        if type(times).__name__ not in _INDEXES_OF_TIMES:
            return  # most lists hold arrays
        if not times.is_monotonic_increasing:
            warnings.warn(
                f"The time stamps of sample {i} of X do not rise, and its rows are read as time "
                "steps from top to bottom. If they are to be in order of time, pass "
                "[x.sort_index() for x in X].",
                UserWarning,
                stacklevel=2,
            )
            return


def _in_order_of_text(names: list[Any]) -> list[tuple[str, str]]:
    """Return neighbours with falling numbers at their ends, if the names are sorted as text."""
    numbers: dict[str, list[tuple[str, int]]] = {}  # by what stands before them
    for name in names:
        if isinstance(name, str) and (found := _NUMBER_AT_END.search(name)):
            numbers.setdefault(name[: found.start()], []).append((found[0], int(found[0])))
    return [
        (stem + a[0], stem + b[0])
        for stem, several in numbers.items()
        if several == sorted(several)  # by a pivot, for instance
        for a, b in pairwise(several)
        if b[1] < a[1]
    ]
