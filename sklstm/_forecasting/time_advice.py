"""What to do about times that have no frequency, as lines of pandas."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklstm._forecasting.date_words import reading


@dataclass(frozen=True)
class TimesInCode:
    """How lines of code name the times of a series, or of all series of a long panel."""

    frame: str
    long: bool

    @classmethod
    def of(cls, where: str) -> TimesInCode:
        """Take what messages call a series, such as "The new y" or "y.loc['a']"."""
        frame, found, _ = in_code(where).partition(".loc[")
        return cls(frame, bool(found))

    @property
    def times(self) -> str:
        """The times themselves."""
        return f"{self.frame}.index.levels[1]" if self.long else f"{self.frame}.index"

    @property
    def levels(self) -> str:
        """The levels of the index that name a value."""
        return "[0, 1]" if self.long else "0"

    def index(self, times: str) -> str:
        """Return the code of an index with other times, from their code."""
        if not self.long:
            return times
        return f"{self.frame}.index = {self.frame}.index.set_levels({times}, level=1)"

    def in_zone(self, method: str, zone: str, frame: str | None = None) -> str:
        """Return the code of a method that changes time zones."""
        level = ", level=1" if self.long else ""
        return f"{self.frame if frame is None else frame}.{method}({zone!r}{level})"


def in_code(where: str) -> str:
    """Return how a line of code names what messages call `where`, such as "The new y"."""
    return where.removeprefix("The new ")


def how_to_convert(times: Any, code: str, line: Callable[[str], str] = str) -> str:
    """Return what to do about an Index that holds no times.

    code: how a line of code names it; line: returns the whole line from the code of other times.
    """
    import pandas as pd

    if times.dtype.kind == "f":  # pd.to_datetime would read a year as nanoseconds since 1970
        if (times == np.floor(times)).all():
            return f"Convert it to whole numbers, with {line(f'{code}.astype(int)')}."
        return "Use time stamps, periods or whole numbers."
    if times.dtype.kind == "m":
        sum_of = line(f"pd.Timestamp('2020-01-01') + {code}")
        return f"Add the time at which they begin, such as {sum_of}."
    if pd.api.types.is_string_dtype(times.dtype):
        return f"Convert it to time stamps, with {line(reading(code, times))}."
    return "Use a DatetimeIndex (pd.to_datetime), a PeriodIndex or whole numbers."


def unknown_frequency(index: Any, where: str) -> str:
    """Say that a frequency cannot be found, and what to do."""
    found = f"The frequency of {where} cannot be found from its index. "
    code = TimesInCode.of(where)
    if len(index) < 3:
        found += "It takes three time stamps to find it. "
        if code.long:
            return found + "Pass it to the estimator, for example as freq='D'."
        return found + (
            f"Set it with {code.frame}.asfreq('D'), for example, or pass freq='D' to the estimator."
        )
    if advice := local_time_advice(index, where):
        return found + advice
    gaps = np.diff(index.to_numpy())
    first, other = gaps[0], int(np.argmax(gaps != gaps[0]))
    mean = f"{code.frame}.resample('D').mean()"
    if code.long:
        groups = "[pd.Grouper(level=0), pd.Grouper(level=1, freq='D')]"
        mean = f"{code.frame}.groupby({groups}).mean()"
    return found + (
        f"Its first step is {_in_words(first)}, but from {index[other]!s} to "
        f"{index[other + 1]!s} it is {_in_words(gaps[other])}. If rows are missing, pass the "
        "true frequency, for example freq='D', to the estimator; if times are irregular, "
        f"aggregate first, for example with {mean}."
        + (
            ""
            if code.long
            else f" {code.frame}.asfreq('D') keeps only rows that are exactly on it."
        )
    )


def local_time_advice(index: Any, where: str) -> str:
    """Say what to do about days that begin at one local time but are written in UTC; or ''."""
    import pandas as pd

    times = index.tz_localize(None) if index.tz is not None else index
    hours = (times - times.normalize()).unique().sort_values()
    if len(hours) != 2 or len(times) < 3 or np.diff(times).min() < pd.Timedelta(hours=23):
        return ""
    if hours[1] - hours[0] not in (pd.Timedelta(hours=1), pd.Timedelta(hours=23)):
        return ""
    code = TimesInCode.of(where)
    aware = code.frame if index.tz is not None else code.in_zone("tz_localize", "UTC")
    line = code.in_zone("tz_convert", "Europe/Berlin", aware)
    early, late = (str(hour)[-8:-3] for hour in hours)
    return (
        f"Its times are at {early} and {late} o'clock, as one local time is in UTC, with summer "
        f"time. Convert them back, for example with {line}."
    )


def end_of_summer_time(index: Any, where: str) -> str:
    """Say what to do about hours that come twice because local clocks were put back; or ''."""
    twice = index[index.duplicated()]
    if getattr(twice, "tz", "") is not None or len(twice) > 4 * twice.year.nunique():
        return ""  # no time stamps, or more than quarters of an hour in each year
    if not ((twice.hour <= 3) & (twice.day_of_week == 6)).all() or (index.hour == 0).all():
        return ""
    return (
        "If these are local times, in which an hour comes twice at the end of summer time, use "
        f"{in_code(where)}.tz_localize('Europe/Berlin', ambiguous='infer'), with your own zone. "
        "Otherwise: "
    )


def _in_words(gap: Any) -> str:
    """Return a time difference in words."""
    import pandas as pd

    return str(pd.Timedelta(gap))
