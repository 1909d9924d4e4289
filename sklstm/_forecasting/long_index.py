"""The index (series, time) of a long table: its levels and the rows of each series."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklstm._forecasting.date_words import is_date_in_words
from sklstm._forecasting.time_index import as_times, is_time_dtype

_TIME_NAMES = {"date", "datetime", "ds", "time", "timestamp"}
_SERIES_NAMES = {"id", "item_id", "series", "series_id", "unique_id"}


def rows_by_series(index: Any, where: str) -> tuple[list[Any], list[NDArray[np.intp]]]:
    """Return the series in order of appearance, and the positions (n_i,) of the rows of each.

    The last level of the index is the time, the levels before it name the series.
    """
    import pandas as pd

    _check_order(index, where)
    codes, labels = index.droplevel(-1).factorize()
    unknown = codes < 0
    if isinstance(labels, pd.MultiIndex):
        for level in range(index.nlevels - 1):
            unknown |= index.get_level_values(level).isna()
    if unknown.any():
        row = int(np.argmax(unknown))
        raise ValueError(
            f"Row {row} of {where} belongs to no series ({np.sum(unknown)} such rows): its level "
            f"{index.names[0]!r} is missing. Drop these rows, or name their series."
        )
    order = np.argsort(codes, kind="stable")
    bounds = np.cumsum(np.bincount(codes, minlength=len(labels)))[:-1]
    return list(labels), np.split(order, bounds)


def _check_order(index: Any, where: str) -> None:
    """Refuse an index (time, series)."""
    first, last = index.levels[0], index.levels[-1]
    names = [str(name).lower() for name in index.names]
    time_first, time_last = (is_time_dtype(as_times(level).dtype) for level in (first, last))
    whole_last = last.inferred_type == "integer"
    swapped = time_first and not time_last
    swapped |= names[0] in _TIME_NAMES and names[-1] in _SERIES_NAMES and not time_last
    swapped |= first.inferred_type == "integer" and not (
        time_last or whole_last or is_date_in_words(last[0])
    )
    if swapped:
        raise ValueError(
            f"The index of {where} has the levels {tuple(index.names)}, which look like "
            f"(time, series): needed is (series, time). Use {where}.swaplevel().sort_index(). If "
            "the first level does name the series, make it text: "
            f"{where}.rename(index=str, level=0)."
        )
    if _are_months(first, last):
        raise ValueError(
            f"The index of {where} has the levels {tuple(index.names)}, whose numbers look like "
            "(year, month), but the first level names the series. Make times of both: "
            f"{where}.index = pd.to_datetime(pd.DataFrame([*{where}.index], columns=['year', "
            "'month']).assign(day=1)). If the first level does name the series, make it text: "
            f"{where}.rename(index=str, level=0)."
        )


def _are_months(first: Any, last: Any) -> bool:
    """Return whether two levels of whole numbers are the years and months of one series."""
    if len(first) < 2 or not first.inferred_type == last.inferred_type == "integer":
        return False
    years = first.min() >= 1000 and first.max() < 3000 and (np.diff(np.sort(first)) == 1).all()
    return bool(years and last.min() == 1 and last.max() == 12 and len(last) == 12)
