"""Warnings of columns, times and rows of X that do not stand in the order of time."""

from __future__ import annotations

import calendar
import re
import warnings
from datetime import datetime
from itertools import pairwise, takewhile
from typing import Any

_NUMBER_FIRST = re.compile(r"\d+")
_NUMBER_LAST = re.compile(r"(?<!\d)(?<!\d[.,])\d+(?=\D*$)")  # but not the 25 of 0.25
_CALENDARS = [
    [name.lower() for name in names if name]
    for names in (calendar.month_name, calendar.month_abbr, calendar.day_name, calendar.day_abbr)
]
_DAYS = "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%Y-%m-%d", "%Y/%m/%d"
_MONTHS = "%b %Y", "%B %Y", "%b-%y", "%b-%Y", "%m/%Y", "%m.%Y", "%Y-%m"
_FORMATS = (
    *(day + time for day in _DAYS for time in ("", " %H:%M", " %H:%M:%S")),
    *("%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y"),
    *_MONTHS,
    *("%H:%M", "%H:%M:%S", "%I:%M %p", "%I %p", "%I%p"),
)
_MANY = 1000  # names of columns of which all others are like
_INDEXES_OF_TIMES = "DatetimeIndex", "PeriodIndex", "TimedeltaIndex"


def warn_of_order_of_columns(columns: Any, n_channels: int) -> None:
    """Warn of a wide X whose columns are not in order of time: t1, t10, t2, or dates that fall.

    Or whose channels stand one after the other, where those of a time step must.
    """
    before = _in_order_of_text(list(columns))
    if type(columns).__name__ in _INDEXES_OF_TIMES and not columns.is_monotonic_increasing:
        before = [(str(a), str(b)) for a, b in pairwise(columns) if b < a]
    if before:
        how = ""
        if before[0][0].rstrip("0123456789") == before[0][1].rstrip("0123456789"):
            how = r" with X[sorted(X.columns, key=lambda name: int(re.sub(r'\D', '', name)))]"
        warnings.warn(
            f"The columns of X are read as time steps from left to right, and {before[0][0]!r} "
            f"stands before {before[0][1]!r}. Put them in order of time{how}.",
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
    """Return neighbours that stand in the order of text and not in that of time, if any do."""
    if not all(isinstance(name, str) for name in names):
        return []
    if found := _dates_in_order_of_text(names):
        return found
    for which in (_NUMBER_LAST, _NUMBER_FIRST):
        if found := _numbers_in_order_of_text(names, which):
            return found
    return []


def _numbers_in_order_of_text(names: list[str], which: re.Pattern[str]) -> list[tuple[str, str]]:
    """Return neighbours with falling numbers among names that differ in these alone."""
    groups: dict[tuple[str, str], list[tuple[int, str]]] = {}  # by what is around the number
    for name in names:
        if place := which.search(name):
            around = name[: place.start()], name[place.end() :]
            groups.setdefault(around, []).append((int(place[0]), name))
    falling = []
    for (before, _), several in groups.items():
        numbers, alike = zip(*several, strict=True)
        negative = before.endswith("-") and list(numbers) == sorted(numbers, reverse=True)
        if list(alike) == sorted(alike) and not negative:  # -10, -5, 0 do rise
            falling += [(a, b) for (m, a), (n, b) in pairwise(several) if n < m]
    return falling


def _dates_in_order_of_text(names: list[str]) -> list[tuple[str, str]]:
    """Return neighbours among dates, months or times of day that stand in the order of text."""
    if names != sorted(names) or len(set(names)) < 3:
        return []
    names, falling = names[:_MANY], []
    for read in (*_CALENDARS, *_FORMATS):
        known = list(takewhile(lambda place: place is not None, (_place(n, read) for n in names)))
        if len(known) == len(names):
            pairs = zip(pairwise(known), pairwise(names), strict=True)
            falling.append([two for (a, b), two in pairs if b < a])
    return falling[0] if falling and all(falling) else []  # no way to read them in which they rise


def _place(name: str, read: Any) -> Any:
    """Return where a name is in the order of time, read by a calendar or a format; or None."""
    if isinstance(read, list):
        return read.index(name.lower()) if name.lower() in read else None
    try:
        return datetime.strptime(name, read)
    except ValueError:
        return None
