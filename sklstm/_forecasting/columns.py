"""Columns of pandas objects as numbers; what is not a number is named."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklstm._kernels.gather import SMALLEST_DEVIATION


def as_numbers(table: Any, where: str, advice: str) -> NDArray[np.float64]:
    """Return a Series or DataFrame as floats (n_rows, n_columns), NaN where a value is missing.

    Nullable and arrow dtypes, booleans and any mixture of them are numbers. advice: what to do
    about a column that holds anything else.
    """
    import pandas as pd

    if isinstance(table, pd.Series):
        _check_number(table.dtype, where, advice)
        return table.to_numpy(np.float64, na_value=np.nan)[:, np.newaxis]
    out = np.empty(table.shape)
    for k, name in enumerate(table.columns):
        column = table.iloc[:, k]
        _check_number(column.dtype, f"Column {name!r} of {where}", advice)
        out[:, k] = column.to_numpy(np.float64, na_value=np.nan)
    return out


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


def is_number(dtype: Any) -> bool:
    """Return whether values of a dtype are real numbers or booleans."""
    import pandas as pd

    types = pd.api.types
    if types.is_complex_dtype(dtype):
        return False
    return bool(types.is_numeric_dtype(dtype) or types.is_bool_dtype(dtype))


def _check_number(dtype: Any, what: str, advice: str) -> None:
    if not is_number(dtype):
        raise ValueError(f"{what} has the dtype {dtype}; a forecast needs numbers. {advice}")
