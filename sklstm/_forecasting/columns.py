"""Columns of pandas objects as numbers; what is not a number is named."""

from __future__ import annotations

import re
from collections.abc import Iterable
from numbers import Number
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklstm._kernels.gather import SMALLEST_DEVIATION

_COMMA = re.compile(r", not '[-+]?\d+,\d+'")  # in a number, which pd.to_numeric does not read


def as_numbers(table: Any, where: str, advice: str) -> NDArray[np.float64]:
    """Return a Series or DataFrame as floats (n_rows, n_columns), NaN where a value is missing.

    Nullable and arrow dtypes, booleans, objects that are numbers such as Decimal, and any mixture
    of them are numbers. advice: what to do about a column that holds anything else.
    """
    import pandas as pd

    if isinstance(table, pd.Series):
        return _column(table, where, advice)[:, np.newaxis]
    out = np.empty(table.shape)
    for k, name in enumerate(table.columns):
        out[:, k] = _column(table.iloc[:, k], f"Column {name!r} of {where}", advice)
    return out


def _column(column: Any, what: str, advice: str) -> NDArray[np.float64]:
    """Return a column as floats (n_rows,)."""
    if is_number(column.dtype):
        return column.to_numpy(np.float64, na_value=np.nan)
    given = column[column.notna()]
    if column.dtype == object and all(isinstance(value, Number) for value in given):
        try:
            return column.where(column.notna(), np.nan).to_numpy(np.float64)
        except (TypeError, OverflowError):  # complex numbers, 10**400
            pass
    strange = next((f", not {value!r}" for value in given if not reads_as_number(value)), "")
    if _COMMA.fullmatch(strange):
        advice = (
            "Convert it with .str.replace(',', '.').astype(float) if the comma is a decimal point, "
            "and with .str.replace(',', '').astype(float) if it separates thousands."
        )
    if isinstance(column.dtype, np.dtype) and column.dtype.kind == "c":
        strange, advice = "", "Take the real parts or the magnitudes."
    raise ValueError(
        f"{what} has the dtype {column.dtype}; a forecast needs numbers{strange}. {advice}"
    )


def reads_as_number(value: Any) -> bool:
    """Return whether a value, such as text, can be made a number."""
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    except OverflowError:
        pass
    return True


def fault(value: float) -> str:
    """Return what is wrong with a value that is not finite, or too large."""
    finite = np.isfinite(value)
    return f"{value:.6g}, too large to compute with," if finite else "not finite"


def check_spread(values: NDArray[np.float64], what: str) -> None:
    """Refuse values (n,) that vary, but by so little that their squares vanish."""
    if values.max() > values.min() and values.std() < SMALLEST_DEVIATION:
        raise ValueError(
            f"{what} varies by less than {SMALLEST_DEVIATION:.0e}, too little to compute with: "
            "multiply it by a constant."
        )


def check_names(table: Any, where: str) -> None:
    """Refuse a frame with two columns of one name."""
    if not table.columns.is_unique:
        twice = table.columns[table.columns.duplicated()][0]
        raise ValueError(
            f"{where} has more than one column named {twice!r}: rename or drop all but one."
        )


def with_columns(table: Any, names: Iterable[Any]) -> Any:
    """Return some columns of a frame; in brackets, those named True or False would choose rows."""
    import pandas as pd

    return table.iloc[:, table.columns.get_indexer(pd.Index([*names], tupleize_cols=False))]


def is_number(dtype: Any) -> bool:
    """Return whether values of a dtype are real numbers or booleans."""
    import pandas as pd

    types = pd.api.types
    if types.is_complex_dtype(dtype):
        return False
    return bool(types.is_numeric_dtype(dtype) or types.is_bool_dtype(dtype))


def refuse_list_of_series(values: Any, name: str) -> None:
    """Refuse a list of which each entry could be a series or a time step."""
    if not isinstance(values, list | tuple) or not len(values):
        return
    first = values[0]
    if np.ndim(first) == 0 or isinstance(first, list | tuple):
        return  # numbers, or the rows of a nested list as NumPy reads it
    kind = type(first).__name__
    if hasattr(first, "index"):
        advice = (
            f"For a series each, pass pd.concat(dict(enumerate({name}))); they may differ in length"
        )
    else:
        advice = (
            f"If each is a series, pass np.column_stack({name}), a column for each; if each is a "
            f"time step, np.stack({name})"
        )
    raise TypeError(f"{name} is a {type(values).__name__} of {kind}. {advice}.")


def pandas_needed(name: str, value: Any, kinds: str) -> TypeError:
    """Return the error that a value is no pandas object, which says how to make one of it."""
    package = type(value).__module__.partition(".")[0]
    of_package = "" if package == "builtins" else f" of {package}"
    advice = f": pass {name}.to_pandas()" if hasattr(value, "to_pandas") else ""
    return TypeError(
        f"{name} must be a pandas {kinds}, not a {type(value).__name__}{of_package}{advice}."
    )
