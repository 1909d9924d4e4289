"""Tables with columns of series, time and target, as other forecasting packages have them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklstm._forecasting.columns import is_number, pandas_needed
from sklstm._forecasting.date_words import is_date_in_words, reading
from sklstm._forecasting.exogenous import without_y
from sklstm._forecasting.time_advice import how_to_convert, in_code
from sklstm._forecasting.time_index import as_times, is_time_dtype


@dataclass(frozen=True)
class TableColumns:
    """The parameters `id_col`, `time_col` and `target_col` of an LSTMForecaster."""

    series: Any
    time: Any
    target: Any  # None: y is no table, and everything is passed on as it is

    @classmethod
    def of(cls, parameters: Any) -> TableColumns:
        """Take the columns from the parameters of an LSTMForecaster."""
        columns = cls(parameters.id_col, parameters.time_col, parameters.target_col)
        for name in ("id_col", "time_col", "target_col"):
            if isinstance(getattr(parameters, name), list):
                raise ValueError(
                    f"{name} is a list of columns, but one column is needed. Make one of them, for "
                    "example with table['shop'] + ' ' + table['item']."
                )
        if columns.target is None and (columns.series, columns.time) != (None, None):
            raise ValueError("id_col and time_col need target_col, the column to forecast.")
        if columns.series is not None and columns.time is None:
            raise ValueError("id_col needs time_col, the column of the times.")
        return columns

    def split(self, y: Any, X: Any, where: str) -> tuple[Any, Any]:
        """Return y and the exogenous variables, which are all other columns of a table."""
        if self.target is None:
            return y, without_y(y, X)
        frame = self._sorted(self.indexed(y, where), where)
        if self.target not in frame.columns:
            raise ValueError(
                f"{where} lacks the column {self.target!r}, target_col; it has {[*y.columns]}."
            )
        if X is not None and without_y(y[self.target], X) is not None:
            raise ValueError(
                "With target_col the exogenous variables are the other columns of y: leave X out."
            )
        return frame[self.target], self._without_target(frame)

    def exogenous(self, X: Any) -> Any:
        """Return the exogenous variables with the index of y; a table may lack the target."""
        if self.target is None or X is None:
            return X
        return self._without_target(self.indexed(X, "X"))

    def with_coming(self, known: Any, X: Any) -> Any:
        """Return the exogenous variables in a table with those of later rows, X, if it is given."""
        import pandas as pd

        later = self.exogenous(X)
        if known is None or later is None:
            return later if known is None else known
        return pd.concat([known, later[~later.index.isin(known.index)]])

    def _without_target(self, frame: Any) -> Any:
        """Return the other columns of an indexed table, or None if there are none."""
        frame = frame.drop(columns=self.target, errors="ignore")
        return frame if frame.shape[1] else None

    def indexed(self, table: Any, where: str) -> Any:
        """Return a table with the index (series, time) or time."""
        import pandas as pd

        keys = [name for name in (self.series, self.time) if name is not None]
        if self.target is None and self.time is None:
            return table
        if not isinstance(table, pd.DataFrame):
            named = keys if self.target is None else [*keys, self.target]
            raise pandas_needed(in_code(where), table, f"DataFrame with the columns {named}")
        absent = [name for name in keys if name not in table.columns]
        if absent:
            raise ValueError(f"{where} lacks the column {absent[0]!r}; it has {[*table.columns]}.")
        if self.time is None:
            return table
        times = table[self.time]
        whole = pd.api.types.is_integer_dtype(times.dtype)
        if not (whole or is_time_dtype(_times(times).dtype)):
            raise ValueError(
                f"Column {self.time!r} of {where} has the dtype {times.dtype}; needed are time "
                f"stamps, periods or whole numbers. "
                f"{how_to_convert(_times(times), f'table[{self.time!r}]')}"
            )
        return table.set_index(keys)

    def _sorted(self, frame: Any, where: str) -> Any:
        """Return an indexed table with the rows of each series in order of time."""
        if self.time is None:
            return frame
        index = frame.index
        if index.has_duplicates:
            raise ValueError(self._two_rows(frame, where))
        order = _order_of_rows(index)
        return frame if order is None else frame.iloc[order]

    def _two_rows(self, frame: Any, where: str) -> str:
        """Say that an indexed table has two rows for one time of a series, and what to do."""
        index, keys, code = frame.index, list(frame.index.names), in_code(where)
        twice = index.duplicated()
        found = index[twice.argmax()]
        found = ", ".join(map(str, found)) if index.nlevels > 1 else str(found)
        several = "" if self.series is not None else "If they are of several series, pass id_col. "
        advice = f"Drop one of them, with {code}.drop_duplicates({keys!r})"
        if all(is_number(dtype) for dtype in frame.dtypes):
            advice += f", or take their mean, with {code}.groupby({keys!r}, as_index=False).mean()"
        return f"{where} has two rows for {found} ({twice.sum()} such rows). {several}{advice}."

    def joined(self, answer: Any) -> Any:
        """Return an answer as a table if y was one."""
        import pandas as pd

        if self.time is None:
            return answer
        if isinstance(answer, pd.DataFrame):
            if answer.columns.nlevels > 1:  # (coverage, bound)
                answer.columns = [f"{bound}-{c:g}" for c, bound in answer.columns]
            answer.columns.name = None
        return answer.reset_index()


def _order_of_rows(index: Any) -> NDArray[np.intp] | None:
    """Return the positions of the rows by series and time; None if they may stay as they are.

    Series are in order of appearance. If the rows are shuffled, as a query may give them, they are
    in the order of their names: networks are trained in that order, and a seed gives one forecast.
    """
    times = index.get_level_values(-1)
    if times.hasnans:
        return None
    time, in_order = times.factorize(sort=True)[0], times.is_monotonic_increasing
    if index.nlevels == 1:
        return None if in_order else np.argsort(time)
    labels = index.droplevel(-1)
    series, names = labels.factorize()
    if (series < 0).any():  # an error that names the row comes later
        return None
    if in_order:
        same_time = np.diff(time) == 0
        if (np.diff(series)[same_time] > 0).all():
            return None
        by_name = labels.factorize(sort=True)[0]
        if (np.diff(by_name)[same_time] > 0).all():
            return None
        series = by_name
    elif np.count_nonzero(np.diff(series)) >= len(names):  # no series is in one block
        series = labels.factorize(sort=True)[0]
    return np.lexsort([time, series])


def check_not_a_table(y: Any, where: str, reader: str | None = "LSTMForecaster") -> None:
    """Refuse a frame with a column of times or series, and say how to index it.

    reader: the class whose parameters id_col, time_col and target_col could name the columns.
    """
    time = _time_column(y)
    series = _series_column(y, time)
    if time is None and series is None:
        return
    others = [name for name in y.columns if name not in (time, series)]
    others = [name for name in others if not str(name).startswith("Unnamed: ")]  # rows of a file
    target = "y" if "y" in others else next((n for n in others if is_number(y[n].dtype)), "y")
    by_name = ""
    if time is None:
        line = f"set_index({series!r}, append=True).swaplevel().sort_index()[{target!r}]"
    else:
        keys = time if series is None else [series, time]
        numbers = [name for name in others if is_number(y[name].dtype)]
        several = series is None and target != "y" and len(numbers) > 1  # a series in each
        line = f"set_index({keys!r})" + ("" if several else f"[{target!r}]")
        of_series = "" if series is None else f"id_col={series!r}, "
        if reader is not None:
            of_target = f", target_col={target!r}" if reader == "LSTMForecaster" else ""
            by_name = f", or name the columns: {reader}({of_series}time_col={time!r}{of_target})"
    found = " and ".join(repr(name) for name in (series, time) if name is not None)
    text = time is not None and not (
        is_number(y[time].dtype) or is_time_dtype(_times(y[time]).dtype)
    )
    first = ""
    if text:
        code = reading(f"y[{time!r}]", y[time])
        first = f"Make the times time stamps first, with {code}. "
    raise ValueError(
        f"{where} has series or times in columns, {found}; they belong into its index. "
        f"{first}Use {in_code(where)}.{line}{by_name}."
    )


def _time_column(y: Any) -> Any:
    """Return the name of a column of times, if there is one."""
    for name in y.columns:
        if not is_number(y[name].dtype) and is_time_dtype(_times(y[name]).dtype):
            return name
    for name in y.columns:
        if _holds_dates_in_words(y[name]):
            return name
    return "ds" if "ds" in y.columns and {"y", "unique_id"} & {*y.columns} else None


def _holds_dates_in_words(column: Any) -> bool:
    """Return whether a column holds text like 2020-01-31, by its first and last value."""
    if is_number(column.dtype):
        return False
    words = column.dropna().iloc[[0, -1]] if column.notna().any() else []
    return len(words) > 0 and all(map(is_date_in_words, words))


def _series_column(y: Any, time: Any) -> Any:
    """Return the name of a column that names series, if there is one."""
    if "unique_id" in y.columns and (time is not None or "y" in y.columns):
        return "unique_id"
    if time is None:
        return None
    text = (name for name in y.columns if name != time and not is_number(y[name].dtype))
    return next(text, None)


def _times(column: Any) -> Any:
    import pandas as pd

    return as_times(pd.Index(column))
