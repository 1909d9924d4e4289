"""A summary of a backtest: errors and coverage, overall and in groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from sklstm._forecasting.accuracy import (
    mean_absolute_error,
    root_mean_squared_error,
    weighted_absolute_percentage_error,
)

if TYPE_CHECKING:
    import pandas as pd

Group = Literal["horizon", "series", "cutoff"]

_COLUMNS = ("series", "cutoff", "time", "actual", "prediction", "lower", "upper")


def backtest_summary(
    table: pd.DataFrame, by: Sequence[Group] = ("horizon", "series")
) -> pd.DataFrame:
    """Summarise what `LSTMForecaster.backtest` returned.

    Parameters
    ----------
    table : DataFrame
        As `LSTMForecaster.backtest` returns it. Rows without an actual value do not count.
    by : sequence of {"horizon", "series", "cutoff"}, default=("horizon", "series")
        Groups to summarise beside the whole: steps ahead, series, origins.

    Returns
    -------
    DataFrame
        A row for everything, ("all", "all"), and for every group, such as ("horizon", 1). The
        columns are n (number of values), mae, rmse, wape (sum of absolute errors divided by that
        of the absolute values), bias (mean of prediction minus actual), coverage (fraction of
        values within the bounds) and width (mean distance of the bounds).

    Examples
    --------
    >>> from sklstm import LSTMForecaster, backtest_summary
    >>> from sklstm.datasets import load_air_passengers
    >>> forecaster = LSTMForecaster(max_steps=0)
    >>> table = forecaster.backtest(load_air_passengers(), horizon=3, n_origins=4)
    >>> backtest_summary(table, by=["horizon"])["n"].tolist()
    [12, 4, 4, 4]
    """
    import pandas as pd

    groups = ("horizon", "series", "cutoff")
    if isinstance(by, str) or not np.iterable(by) or any(name not in groups for name in by):
        raise ValueError(f"by must be a list of 'horizon', 'series' and 'cutoff', not {by!r}.")
    absent = [name for name in _COLUMNS if name not in getattr(table, "columns", ())]
    if absent:
        raise ValueError(
            f"table lacks the column {absent[0]!r}: pass what LSTMForecaster.backtest returned."
        )
    table = table.assign(horizon=_steps_ahead(table))
    table = table[table["actual"].notna()]
    rows = {("all", "all"): _row(table)}
    for name in by:
        for key, part in table.groupby(name, sort=name != "series", dropna=False):
            rows[name, key] = _row(part)
    index = pd.MultiIndex.from_tuples(rows, names=["by", "group"])
    return pd.DataFrame(list(rows.values()), index)


def _steps_ahead(table: pd.DataFrame) -> NDArray[np.int64]:
    """Return how many steps (n_rows,) after its cutoff each row is; rows may be left out."""
    import pandas as pd

    series = table.groupby("series", sort=False, dropna=False).ngroup().to_numpy()
    order = np.argsort(series, kind="stable")
    steps = np.zeros(len(table), np.int64)
    for rows in np.split(order, np.cumsum(np.bincount(series))[:-1]) if len(table) else ():
        cutoffs, times = (pd.Index(table[name].iloc[rows]) for name in ("cutoff", "time"))
        axis = cutoffs.append(times).unique().sort_values()
        steps[rows] = axis.get_indexer(times) - axis.get_indexer(cutoffs)
    return steps


def _row(table: pd.DataFrame) -> dict[str, float]:
    """Return the measures of some rows of a backtest by name."""
    actual, prediction, lower, upper = (
        table[name].to_numpy(np.float64) for name in ("actual", "prediction", "lower", "upper")
    )
    errors = prediction - actual
    return {
        "n": len(table),
        "mae": mean_absolute_error(errors),
        "rmse": root_mean_squared_error(errors),
        "wape": weighted_absolute_percentage_error(errors, actual),
        "bias": float(errors.mean()),
        "coverage": float(((lower <= actual) & (actual <= upper)).mean()),
        "width": float((upper - lower).mean()),
    }
