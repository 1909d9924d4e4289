"""Regular time axes: the frequency of a pandas index, its gaps, and its continuation.

Three kinds of index can be continued: time stamps (DatetimeIndex), periods (PeriodIndex) and
whole numbers at a constant step (RangeIndex, or an Index of integers such as years). The *step*
of an axis is an offset for the first two kinds and an int for the third.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from sklstm._forecasting.date_words import reading_of_digits
from sklstm._forecasting.time_advice import (
    TimesInCode,
    end_of_summer_time,
    how_to_convert,
    local_time_advice,
    unknown_frequency,
)
from sklstm._input.table_columns import time_stamps

# With gaps, a frequency is inferred from stretches of so many consecutive time stamps, which
# begin at so many different positions.
_STRETCHES = (12, 5, 3)
_N_STRETCHES = 64


def regular(index: Any, freq: Any = None, where: str = "y") -> tuple[Any, Any]:
    """Return the gapless axis from the first to the last entry of an index, and its step.

    Raises a ValueError that says what to do if entries are NaN, repeated, unsorted, or not on a
    common frequency.
    """
    import pandas as pd

    index, code = as_times(index), TimesInCode.of(where)
    if len(index) == 0:
        raise ValueError(f"{where} has no observations.")
    if index.hasnans:
        raise ValueError(f"{where} has missing values (NaT or NaN) in its index: drop those rows.")
    kinds = pd.PeriodIndex | pd.DatetimeIndex
    if not (isinstance(index, kinds) or pd.api.types.is_integer_dtype(index.dtype)):
        raise ValueError(  # before their order is looked at: that of text is not that of time
            f"{where} has an index of type {type(index).__name__} ({index.dtype}), which has no "
            f"frequency. {how_to_convert(index, code.times, code.index)}"
        )
    if not index.is_unique:
        twice = index[index.duplicated()][0]
        raise ValueError(
            f"{where} has {twice!s} more than once in its index. {end_of_summer_time(index, where)}"
            f"Aggregate first, for example with {code.frame}.groupby(level={code.levels}).mean()."
        )
    if not index.is_monotonic_increasing:
        raise ValueError(
            f"{where} has an index that is not sorted in time: use {code.frame}.sort_index()."
        )
    if isinstance(index, pd.PeriodIndex):
        if freq is not None and _period_frequency(freq) != index.freq:
            known = _period_frequency(freq) is not None
            converted = code.index(f"{code.times}.asfreq({freq!r})")
            other = f", or convert them with {converted}" if known else ""
            raise ValueError(
                f"{where} has periods of the frequency {index.freqstr}, but freq is {freq!r}: "
                f"leave freq out{other}."
            )
        return pd.period_range(index[0], index[-1], freq=index.freq, name=index.name), index.freq
    if isinstance(index, pd.DatetimeIndex):
        return _regular_times(index, freq, where)
    return _regular_integers(index, freq, where)


def as_times(index: Any) -> Any:
    """Return an index as one of the three kinds if it holds the same values in another dtype.

    These are nullable whole numbers, arrow's time stamps, dates and whole numbers, and dates,
    periods or whole numbers that are Python objects.
    """
    import pandas as pd

    known = pd.DatetimeIndex | pd.PeriodIndex | pd.RangeIndex
    if isinstance(index, known | pd.MultiIndex) or len(index) == 0:
        return index
    if is_time_dtype(index.dtype) or index.inferred_type in ("date", "datetime", "datetime64"):
        return time_stamps(index)
    if index.inferred_type == "period":
        return pd.PeriodIndex(index)
    if index.inferred_type == "integer" and not index.hasnans:
        return pd.Index(index.to_numpy(np.int64), name=index.name)
    return index


def as_times_of(index: Any, known: Any, where: str) -> Any:
    """Return the times of `where` in the time zone of a known axis.

    Refuses times of another kind, and time stamps with a zone where those of fit have none.
    """
    times = as_times(index)
    if times.inferred_type != known.inferred_type:
        raise ValueError(
            f"{where} has the index {type(times).__name__} ({times.dtype}), but that of fit is a "
            f"{type(known).__name__}, which ends at {known[-1]!s}: pass times of that kind."
        )
    if times.inferred_type == "period" and times.freq != known.freq:
        raise ValueError(
            f"{where} has periods of the frequency {times.freqstr}, y of fit of {known.freqstr}: "
            f"use index.asfreq({known.freqstr!r}), or resample."
        )
    zone, own = getattr(known, "tz", None), getattr(times, "tz", None)
    if (zone is None) != (own is None):
        raise ValueError(
            f"{where} has times {_zone_in_words(own)}, y of fit {_zone_in_words(zone)}: use "
            f"tz_localize({None if zone is None else str(zone)!r})."
        )
    return times if zone is None else times.tz_convert(zone)


def _zone_in_words(zone: Any) -> str:
    """Return with which time zone times are, if with any."""
    return "without a time zone" if zone is None else f"in the time zone {zone!s}"


def is_time_dtype(dtype: Any) -> bool:
    """Return whether values of a dtype are time stamps, dates or periods."""
    import pandas as pd

    if isinstance(dtype, pd.PeriodDtype) or pd.api.types.is_datetime64_any_dtype(dtype):
        return True
    return isinstance(dtype, pd.ArrowDtype) and dtype.name.startswith("date32")


def smallest_step(index: Any) -> int | None:
    """Return the smallest difference between neighbours in an index of whole numbers."""
    differences = np.abs(np.diff(index.to_numpy(np.int64)))
    differences = differences[differences > 0]
    return int(differences.min()) if len(differences) else None


def _regular_integers(index: Any, freq: Any, where: str) -> tuple[Any, int]:
    """Return the gapless axis of whole numbers, and its step."""
    import pandas as pd

    if freq is None:
        step = getattr(index, "step", smallest_step(index) or 1)
    else:
        if not isinstance(freq, int | np.integer) or isinstance(freq, bool) or freq < 1:
            raise ValueError(
                f"{where} has an index of whole numbers, so freq must be a whole number of at "
                f"least 1, its step, not {freq!r}. For a frequency like 'D' use time stamps."
            )
        step = int(freq)
    code = TimesInCode.of(where)
    dates = reading_of_digits(code.times, index.to_numpy(np.int64))
    if dates and len(index) < index[-1] - index[0] + 1:  # there is no 32nd of January
        line = code.index(dates)
        raise ValueError(
            f"{where} has an index of whole numbers that look like dates, {index[0]} to "
            f"{index[-1]}. Convert them to time stamps, with {line}."
        )
    full = pd.RangeIndex(int(index[0]), int(index[-1]) + step, step, name=index.name)
    _check_on_frequency(index, full, step, where)
    return full, step


def _regular_times(index: Any, freq: Any, where: str) -> tuple[Any, Any]:
    """Return the gapless axis of time stamps, and its offset."""
    offset = index.freq
    if freq is not None:
        offset = _offset(freq)
    elif offset is None:
        offset = _guess(index)
    if offset is None:
        raise ValueError(unknown_frequency(index, where))
    full = _stamps(index[0], offset, last=index[-1]).rename(index.name)
    _check_on_frequency(index, full, offset.freqstr, where)
    return full, offset


def _stamps(first: Any, step: Any, last: Any = None, periods: int | None = None) -> Any:
    """Return the time stamps from the first on, one at each step, up to the last or so many.

    Where the clocks of a time zone leave out the local time of a step, such as midnight in Cairo on
    a day in April, it is the next time that there is; of one that comes twice it is the first.
    """
    import pandas as pd

    try:
        return pd.date_range(first, last, periods, step, unit=first.unit)
    except Exception:  # of pytz or pandas, which depends on their versions
        if first.tz is None:
            raise
    begin, end = (None if time is None else time.tz_localize(None) for time in (first, last))
    local = pd.date_range(begin, end, periods, step, unit=first.unit)
    first_ones = np.ones(len(local), np.bool_)
    return local.tz_localize(first.tz, ambiguous=first_ones, nonexistent="shift_forward")


def _period_frequency(freq: Any) -> Any:
    """Return the parameter `freq` as the frequency of periods; None if it is none."""
    import pandas as pd

    try:
        return pd.Period("2000-01-01", freq=freq).freq
    except (TypeError, ValueError):
        return None


def _offset(freq: Any) -> Any:
    """Return the parameter `freq` as an offset."""
    import pandas as pd

    try:
        return pd.tseries.frequencies.to_offset(freq)
    except (TypeError, ValueError) as error:
        new = re.search(r"(?:use|mean) '?(\w+)'?( instead\.|\?)", str(error))  # 'M' is now 'ME'
        hint = f" Did you mean {new[1]!r}?" if new else ""
        raise ValueError(
            f"freq={freq!r} is no frequency of time stamps: pass a name like 'D' or 'MS', or a "
            f"pandas offset.{hint}"
        ) from error


def _check_on_frequency(index: Any, full: Any, step: Any, where: str) -> None:
    """Refuse an index with entries between those of its gapless axis."""
    strange = index[~index.isin(full)]
    if len(strange):
        if hasattr(index, "tz") and (advice := local_time_advice(index, where)):
            raise ValueError(
                f"The index of {where} does not lie on its frequency, {step}. {advice}"
            )
        raise ValueError(
            f"{strange[0]!s} in the index of {where} does not lie on its frequency, {step}. "
            "Resample the series first, or pass the right freq to the estimator."
        )


def _guess(index: Any) -> Any:
    """Infer the frequency as pandas does; with gaps, from stretches without any."""
    import pandas as pd

    if len(index) < 3:
        return None
    offset = _inferred(index)
    if offset is not None and not isinstance(offset, pd.offsets.WeekOfMonth):
        return offset
    for other in (offset, _last_weekday(index)):  # pandas takes fifth Fridays for fourth ones
        if other is not None and _holds(index, other):
            return other
    for length in _STRETCHES:
        last = len(index) - length
        for first in sorted(set(np.linspace(0, max(last, 0), _N_STRETCHES).astype(int))):
            offset = _inferred(index[first : first + length]) if last >= 0 else None
            if offset is None:
                continue
            if _holds(index, offset):
                return offset
    for offset in (_same_day_of_month(index), *_half_months(index)):
        if offset is not None and _holds(index, offset):
            return offset
    return None


def _holds(index: Any, offset: Any) -> bool:
    """Return whether all entries of an index lie on a frequency."""
    return bool(index.isin(_stamps(index[0], offset, last=index[-1])).all())


def _last_weekday(index: Any) -> Any:
    """Return a step of a month if the entries are the last Fridays, say, of their months."""
    import pandas as pd

    day = int(index[0].weekday())
    if (index.day_of_week != day).any() or (index.day + 7 <= index.days_in_month).any():
        return None
    return pd.offsets.LastWeekOfMonth(weekday=day)


def _same_day_of_month(index: Any) -> Any:
    """Return a step of some months if the entries are on one day of the month, as on each 15th.

    Months that are too short for that day end with their last.
    """
    import pandas as pd

    day = int(index.day.max())
    if not (index.day == np.minimum(day, index.days_in_month)).all():
        return None
    months = int(np.gcd.reduce(np.diff(12 * index.year + index.month)))
    if months < 1:
        return None
    return pd.DateOffset(months=months) if day <= 28 else pd.DateOffset(months=months, day=day)


def _half_months(index: Any) -> list[Any]:
    """Return frequencies of two entries a month that an index may have."""
    import pandas as pd

    days = sorted(set(index.day))
    if len(days) == 2 and days[0] == 1:
        return [pd.offsets.SemiMonthBegin(day_of_month=days[1])] if days[1] <= 27 else []
    middle = [day for day in days if day < 28]
    return [pd.offsets.SemiMonthEnd(day_of_month=middle[0])] if len(middle) == 1 else []


def _inferred(index: Any) -> Any:
    """Return the offset that pandas infers, or None."""
    import pandas as pd

    try:
        # pandas 3.1 announces that it will return offsets where it returned strings
        with pd.option_context("future.infer_freq_returns_offset", True):
            name = pd.infer_freq(index)
    except KeyError:  # pandas.errors.OptionError: an older pandas
        name = pd.infer_freq(index)
    return None if name is None else pd.tseries.frequencies.to_offset(name)


def future(index: Any, step: Any, horizon: int) -> Any:
    """Return the next `horizon` entries after the last one of an index."""
    import pandas as pd

    last = index[-1]
    if isinstance(index, pd.PeriodIndex):
        return pd.period_range(last + step, periods=horizon, freq=step, name=index.name)
    if isinstance(index, pd.DatetimeIndex):
        try:
            if index.tz is not None and index.freq is None:  # clocks have moved the last one
                times = _stamps(index[0], step, periods=len(index) + horizon)[len(index) - 1 :]
            else:
                times = _stamps(last, step, periods=horizon + 1)
        except (OverflowError, pd.errors.OutOfBoundsDatetime) as error:
            raise ValueError(
                f"Time stamps in the unit {index.unit!r} cannot go {horizon} steps beyond "
                f"{last!s}: give y a coarser unit, with index.as_unit('s'), or periods."
            ) from error
        return times[1:].rename(index.name)
    first = int(last) + step
    return pd.RangeIndex(first, first + horizon * step, step, name=index.name)


def steps_until(index: Any, step: Any, later: Any) -> int:
    """Return how many steps after the end of an index the last of some later entries is."""
    steps, last = len(later), later.max()
    axis = future(index, step, steps)
    while axis[-1] < last:
        steps *= 2
        axis = future(index, step, steps)
    positions = axis.get_indexer(later)
    if (positions < 0).any():
        strange = later[positions < 0][0]
        raise ValueError(f"{strange!s} does not lie on the frequency of the series of fit.")
    return int(positions.max()) + 1


def join(first: Any, second: Any, step: Any) -> Any:
    """Join two neighbouring stretches of an axis."""
    import pandas as pd

    if isinstance(first, pd.RangeIndex):
        return pd.RangeIndex(first[0], int(second[-1]) + step, step, name=first.name)
    if isinstance(first, pd.PeriodIndex):
        return pd.period_range(first[0], second[-1], freq=step, name=first.name)
    return _stamps(first[0], step, last=second[-1]).rename(first.name)
