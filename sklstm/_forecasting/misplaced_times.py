"""Frames whose times are the names of columns, or columns of years and months."""

from __future__ import annotations

import re
from typing import Any

from sklstm._forecasting.columns import is_number
from sklstm._forecasting.date_words import is_date_in_words
from sklstm._forecasting.time_advice import in_code
from sklstm._forecasting.time_index import as_times, is_time_dtype

_YEAR = re.compile(r"1[5-9]\d\d|2[01]\d\d")
_FEW_YEARS = 3  # columns of numbers like years that are no coincidence
_PARTS = "year", "month", "day"


def check_times_are_in_the_index(y: Any, where: str) -> None:
    """Refuse a frame that would be read as a series for each time, and say how to turn it."""
    if y.columns.nlevels > 1 or _has_times(y.index):
        return
    numbers = [name for name in y.columns if is_number(y[name].dtype)]
    others = [name for name in y.columns if name not in numbers]
    if len(numbers) > 1 and _are_times(numbers):
        by_name = f".set_index({others[0] if len(others) == 1 else others!r})" if others else ""
        raise ValueError(
            f"{where} has a column for each time, {numbers[0]!s} to {numbers[-1]!s}, and its rows "
            f"look like series. Series go into columns and times into the index: use "
            f"{in_code(where)}{by_name}.T, whose index may have to become time stamps. If the "
            "columns do name series, give the rows an index of times."
        )
    named = {str(name).lower(): name for name in numbers}
    if {"year", "month"} <= named.keys():
        parts = [named[part] for part in _PARTS if part in named]
        day = "" if "day" in named else ".assign(day=1)"
        code = in_code(where)
        raise ValueError(
            f"{where} has its times in the columns {parts}. They belong into its index: use "
            f"{code}.set_index(pd.to_datetime({code}[{parts}]{day})).drop(columns={parts})."
        )


def _has_times(index: Any) -> bool:
    """Return whether an index holds times; whole numbers from 0 on only count the rows."""
    import pandas as pd

    times = as_times(index)
    if is_time_dtype(times.dtype) or index.nlevels > 1:
        return True
    if times.inferred_type == "integer":
        return not times.equals(pd.RangeIndex(len(times)))
    return is_date_in_words(index[0])


def _are_times(names: list[Any]) -> bool:
    """Return whether all names of columns are time stamps, dates in words, or years."""
    import pandas as pd

    if is_time_dtype(as_times(pd.Index(names, tupleize_cols=False)).dtype):
        return True
    if all(map(is_date_in_words, names)):
        return True
    return len(names) >= _FEW_YEARS and all(_YEAR.fullmatch(str(name)) for name in names)
