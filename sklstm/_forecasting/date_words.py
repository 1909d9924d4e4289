"""Dates as text: what looks like one, and how pandas is told to read it."""

from __future__ import annotations

import re
from typing import Any

# 31.01.2020, and Jan 2020 or January 2020
_OTHER_DATES = re.compile(r"\d{1,2}\.\d{1,2}\.\d{2,4}|[A-Za-z]{3,9} \d{4}")
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


def how_to_read(words: Any) -> str:
    """Return what pd.to_datetime needs to know beside the words of an Index, as code."""
    some = [word for word in words.unique()[:_MANY] if isinstance(word, str)]
    for pattern, form in _FORMATS:
        if some and all(map(pattern.fullmatch, some)):
            return f", format={form!r}"
    return ", dayfirst=True" if any(map(_DAY_FIRST.match, some)) else ""
