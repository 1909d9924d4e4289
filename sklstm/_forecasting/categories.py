"""Columns of categories as indicator columns, one for each category that fit has seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklstm._forecasting.columns import as_numbers, reads_as_number, with_columns
from sklstm._input.table_columns import kind_of

_MOST = 100  # categories of a column; more are names of rows, not kinds of rows
_ADVICE = "Encode it as numbers, or as strings if they are categories."


@dataclass(frozen=True)
class Categories:
    """Which columns of a table hold categories, and which ones."""

    columns: tuple[Any, ...]
    values: tuple[tuple[Any, ...], ...]  # of each of these columns

    @classmethod
    def of(cls, table: Any, where: str) -> Categories:
        """Find the columns of a DataFrame that hold strings or have pandas' categorical dtype."""
        found = {name: table[name] for name in table.columns if _holds_categories(table[name])}
        values = tuple(_seen(column, name, where) for name, column in found.items())
        return cls(tuple(found), values)

    def n_indicators(self, columns: Iterable[Any]) -> int:
        """Return how many columns of numbers some columns become."""
        return len(self.owners(columns))

    def owners(self, columns: Iterable[Any]) -> list[Any]:
        """Return for each column of numbers the column that it comes from."""
        values = dict(zip(self.columns, self.values, strict=True))
        return [name for name in columns for _ in values.get(name, (None,))]

    def numbers(self, table: Any, where: str) -> NDArray[np.float64]:
        """Return a DataFrame as numbers (n_rows, n_indicators), NaN where a value is missing."""
        values = dict(zip(self.columns, self.values, strict=True))
        parts = [
            _indicators(table[name], values[name], name, where)
            if name in values
            else as_numbers(with_columns(table, [name]), where, _ADVICE)
            for name in table.columns
        ]
        return np.hstack(parts) if parts else np.empty((len(table), 0))


NO_CATEGORIES = Categories((), ())


def _holds_categories(column: Any) -> bool:
    """Return whether a column has the categorical dtype or holds nothing but strings."""
    import pandas as pd

    return isinstance(column.dtype, pd.CategoricalDtype) or kind_of(column) == "string"


def _seen(column: Any, name: Any, where: str) -> tuple[Any, ...]:
    """Return the categories that occur in a column, in order."""
    import pandas as pd

    given = column[column.notna()]
    kinds = pd.Categorical(given).remove_unused_categories().categories.tolist()
    if len(kinds) > _MOST:
        advice = "group the rare ones, or drop the column"
        if all(map(reads_as_number, kinds)):
            advice = "if they are numbers, convert them, for example with pd.to_numeric"
        raise ValueError(
            f"Column {name!r} of {where} has {len(kinds)} categories, and at most {_MOST} can be "
            f"learnt: {advice}."
        )
    return tuple(kinds)


def _indicators(column: Any, kinds: tuple[Any, ...], name: Any, where: str) -> NDArray[np.float64]:
    """Return the indicator columns (n_rows, n_kinds) of a column of categories."""
    import pandas as pd

    missing = column.isna().to_numpy()
    codes = pd.Index(kinds, dtype=object).get_indexer(column.astype(object))
    unknown = np.flatnonzero((codes < 0) & ~missing)
    if len(unknown):
        raise ValueError(
            f"Column {name!r} of {where} holds {column.iloc[unknown[0]]!r}, a category that fit "
            f"has not seen: it saw {list(kinds)}."
        )
    out = (codes[:, np.newaxis] == np.arange(len(kinds))).astype(np.float64)
    out[missing] = np.nan
    return out
