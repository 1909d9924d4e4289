"""Dates as text or as whole numbers: what looks like one, and the code that makes times of it."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

_WEEK, _QUARTER = re.compile(r"\d{4}-?W\d\d"), re.compile(r"\d{4}-?Q[1-4]")
# 31.01.2020, and Jan 2020 or January 2020
_OTHER_DATES = re.compile(
    rf"\d{{1,2}}\.\d{{1,2}}\.\d{{2,4}}|[A-Za-z]{{3,9}} \d{{4}}|{_WEEK.pattern}|{_QUARTER.pattern}"
)
_DAY_FIRST = re.compile(r"\d{1,2}\.\d{1,2}\.\d{2,4}\b|(1[3-9]|2\d|3[01])[/-]\d{1,2}[/-]\d{2,4}\b")
_FORMATS = (  # that pandas does not find by itself, or reads as something else
    (re.compile(r"[A-Za-z]{3}-\d\d"), "%b-%y"),
    (re.compile(r"\d{4}(0[1-9]|1[0-2])"), "%Y%m"),
    (re.compile(r"\d{4}M\d\d"), "%YM%m"),
)
_MANY = 1000  # of these words are looked at


def is_date_in_words(value: Any) -> bool:
    """Return whether a value is text like 2020-01-31, which should become a time stamp."""
    import pandas as pd

    if not isinstance(value, str):
        return False
    if _OTHER_DATES.fullmatch(value):
        return True
    if not any(mark in value for mark in "-/:"):
        return False
    try:
        return not pd.isna(pd.Timestamp(value))
    except ValueError:
        return False


def reading(code: str, words: Any) -> str:
    """Return the code that makes times of an Index of dates as text, from the code of that."""
    some = [word for word in words.unique()[:_MANY] if isinstance(word, str)]
    if some and all(map(_QUARTER.fullmatch, some)):
        return f"pd.PeriodIndex({code}, freq='Q').to_timestamp()"
    if some and all(map(_WEEK.fullmatch, some)):  # a week begins on its day 1
        dash = "-" if "-" in some[0] else ""
        return f"pd.to_datetime({code} + '{dash}1', format='%G{dash}W%V{dash}%u')"
    for pattern, form in _FORMATS:
        if some and all(map(pattern.fullmatch, some)):
            return f"pd.to_datetime({code}, format={form!r})"
    day_first = ", dayfirst=True" if any(map(_DAY_FIRST.match, some)) else ""
    return f"pd.to_datetime({code}{day_first})"


def reading_of_digits(code: str, numbers: Any) -> str | None:
    """Return the code that makes times of whole numbers (n,) such as 20200131; None: no dates."""
    text = f"{code}.astype(str)"
    if _in_years(numbers // 10_000) and _within(numbers // 100 % 100, 12):
        return f"pd.to_datetime({text}, format='%Y%m%d')" if _within(numbers % 100, 31) else None
    if _in_years(numbers // 100) and _within(numbers % 100, 12):
        return f"pd.to_datetime({text}, format='%Y%m')"
    if not (np.diff(numbers) == 1).any():
        return None
    crosses_years = numbers[0] // 100 < numbers[-1] // 100  # within one, nothing is left out
    if crosses_years and _in_years(numbers // 100) and _within(numbers % 100, 53):
        return f"pd.to_datetime({text} + '1', format='%G%V%u')"
    crosses_years = numbers[0] // 1000 < numbers[-1] // 1000
    if crosses_years and _in_years(numbers // 1000) and _within(numbers % 1000, 366):
        return f"pd.to_datetime({text}, format='%Y%j')"
    if _in_years(numbers // 10) and _within(numbers % 10, 4):
        months = f"({code} // 10 * 100 + {code} % 10 * 3 - 2)"
        return f"pd.to_datetime({months}.astype(str), format='%Y%m')"
    return None


def _in_years(years: Any) -> bool:
    """Return whether whole numbers are years that dates have."""
    return bool(((years >= 1800) & (years < 2200)).all())


def _within(numbers: Any, last: int) -> bool:
    """Return whether whole numbers are at least 1 and at most the last one."""
    return bool(((numbers >= 1) & (numbers <= last)).all())
