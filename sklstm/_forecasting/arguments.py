"""Arguments of methods: checked by name, as the parameters of the constructor are."""

from __future__ import annotations

from typing import Any

import numpy as np

_LONGEST_TEXT = 60


def whole_number(name: str, value: Any, least: int = 1) -> int:
    """Return a whole number, or say what is wrong with it."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < least:
        raise ValueError(
            f"{name} must be a whole number of at least {least}, not {_in_words(value)}."
        )
    return int(value)


def _in_words(value: Any) -> str:
    """Return a value as Python writes it or, where that is long, what it is."""
    text = repr(value)
    return text if len(text) <= _LONGEST_TEXT else f"a {type(value).__name__}"


def probability(name: str, value: Any) -> float:
    """Return a number between 0 and 1, both excluded."""
    if np.ndim(value) != 0:
        raise ValueError(f"{name} must be one number between 0 and 1, not {_in_words(value)}.")
    return probabilities(name, value)[0]


def probabilities(name: str, values: Any) -> list[float]:
    """Return one or more numbers between 0 and 1, both excluded, as a list."""
    given = np.atleast_1d(values)
    numbers = given.astype(np.float64).tolist() if given.dtype.kind in "iuf" else []
    if not numbers or not all(0.0 < number < 1.0 for number in numbers):
        raise ValueError(f"{name} must be between 0 and 1, not {_in_words(values)}.")
    return numbers


def flag(name: str, value: Any) -> bool:
    """Return a truth value."""
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name} must be True or False, not {_in_words(value)}.")
    return bool(value)
