"""Static features: numbers and categories known for each series, constant in time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklstm._forecasting.categories import Categories
from sklstm._forecasting.columns import check_names, check_spread, fault, pandas_needed
from sklstm._forecasting.panel import Panel
from sklstm._input.sequences import LARGEST

_NAMED = 3  # series in an error


def static_features(static: Any, panel: Panel, id_col: Any = None) -> NDArray[np.float64]:
    """Return standardised numbers (n_series, k) of a frame with a row for each series.

    id_col: the column of tables that names the series; static may have it in place of an index.
    """
    import pandas as pd

    if not isinstance(static, pd.DataFrame):
        raise pandas_needed("static", static, "DataFrame")
    check_names(static, "static")
    if id_col is not None and id_col in static.columns:
        static = static.set_index(id_col)
    kinds = Categories.of(static, "static")
    table, owners = kinds.numbers(static, "static"), kinds.owners(static.columns)
    if not static.index.is_unique:
        twice = static.index[static.index.duplicated()][0]
        raise ValueError(f"static has more than one row for series {twice!r}.")
    rows = {label: row for row, label in enumerate(static.index)}
    absent = [label for label in panel.labels if label not in rows]
    if absent:
        raise ValueError(
            f"static has no row for series {absent[0]!r}. Its index names the series, and begins "
            f"with {[*static.index[:_NAMED]]!r}."
        )
    values = table[[rows[label] for label in panel.labels]]
    bad = ~(np.abs(values) <= LARGEST)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise ValueError(
            f"static is {fault(values[row, column])} for series {panel.labels[row]!r} in column "
            f"{owners[column]!r}."
        )
    for name, column in zip(owners, values.T, strict=True):
        check_spread(column, f"Column {name!r} of static")
    spread = values.std(axis=0)
    return (values - values.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0)
