"""The columns of a long table: which is what, checked, and how its rows are put in order."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Names:
    """Which column is what."""

    sample: list[str]
    time: str | None
    target: list[str]
    several_outputs: bool
    group: str | None
    return_sequences: bool
    columns: list[str] = field(init=False)

    def __post_init__(self) -> None:
        more = [name for name in (self.time, self.group) if name is not None]
        columns = [*self.sample, *more, *self.target]
        object.__setattr__(self, "columns", list(dict.fromkeys(columns)))


def refuse_lazy(values: Any, what: str) -> None:
    """Refuse a table that is not computed yet, as a LazyFrame of polars."""
    if hasattr(values, "collect") and not hasattr(values, "to_numpy"):
        raise TypeError(
            f"{what} is a {type(values).__name__}, which is not computed yet: pass what its "
            "collect() returns."
        )


def as_frame(frame: Any) -> Any:
    """Return a table as a DataFrame of pandas."""
    import pandas as pd

    if isinstance(frame, pd.DataFrame):
        return frame
    if isinstance(frame, pd.Series):
        return frame.to_frame()
    refuse_lazy(frame, "The table")
    if hasattr(frame, "columns") and hasattr(frame, "to_numpy"):  # polars
        columns = {name: frame[name].to_numpy() for name in frame.columns}
        return pd.DataFrame({n: c if c.ndim == 1 else list(c) for n, c in columns.items()})
    if hasattr(frame, "to_pandas"):  # pyarrow
        return frame.to_pandas()
    try:
        return pd.DataFrame(frame)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"The table is a {type(frame).__name__}, which is no DataFrame and no dict of columns: "
            f"{error}"
        ) from error


def kind_of(values: Any) -> str:
    """Return what the values that are not missing are, by the names of ``infer_dtype``."""
    from pandas import isna
    from pandas.api.types import infer_dtype

    kind = infer_dtype(values, skipna=True)
    if kind.startswith("mixed"):  # it does not skip NaT beside values that are no times
        values = np.asarray(values, object)
        kind = infer_dtype(values[~isna(values)])
    return str(kind)


def time_stamps(index: Any) -> Any:
    """Return an Index of dates or times as a DatetimeIndex, in UTC if their zones differ."""
    import pandas as pd

    try:
        return pd.DatetimeIndex(index)
    except ValueError:
        naive = {getattr(time, "tzinfo", None) is None for time in index.dropna()}
        if len(naive) == 2:
            raise ValueError(
                "Some times have a time zone and others have none: give all of them one, or none."
            ) from None
        if naive == {True}:
            raise
        return pd.to_datetime(index, utc=True)


def times_of(values: Any) -> Any:
    """Return times as an Index of pandas; Python objects and arrow's times in its own dtypes."""
    import pandas as pd

    index = pd.Index(values)
    if isinstance(index, pd.CategoricalIndex):  # read as what they are
        index = index.astype(index.categories.dtype)
    if index.dtype != object and not isinstance(index.dtype, pd.ArrowDtype):
        return index
    kind = kind_of(index)
    if kind in ("date", "datetime", "datetime64"):
        return time_stamps(index)
    if kind in ("timedelta", "timedelta64"):
        return pd.TimedeltaIndex(index)
    return index.astype(np.float64) if kind == "decimal" else index.infer_objects()


def with_times(table: Any, name: str | None) -> Any:
    """Return a table whose column of times has a dtype of times or numbers if it can have one."""
    if name is None:
        return table
    times = times_of(table[name])
    if times.dtype == table[name].dtype:
        return table
    table = table.copy(deep=False)
    table[name] = times.array
    return table


def listed(frame: Any, names: Any) -> tuple[list[Any], bool]:
    """Return the columns that an argument names, and whether it may name several.

    A tuple is one name in a table that has such names.
    """
    if names is None:
        return [], False
    several = isinstance(names, (list, tuple)) or getattr(names, "ndim", 0) == 1
    if isinstance(names, tuple) and names in [*frame.columns, *frame.index.names]:
        several = False
    return (list(names), True) if several else ([names], False)


def with_columns(frame: Any, needed: list[Any]) -> Any:
    """Return the table with the columns `needed`, of which some may be levels of its index."""
    if not len(frame.columns) and frame.index.nlevels == 1:
        raise ValueError("The table has no columns.")
    levels = [name for name in frame.index.names if name is not None and name not in frame.columns]
    if set(needed) & set(levels):
        frame = frame.reset_index(levels)
    columns = list(frame.columns)
    for name in needed:
        if columns.count(name) != 1:
            raise ValueError(
                f"The table has {columns.count(name) or 'no'} columns {name!r}; it has "
                f"{', '.join(map(repr, columns[:20]))}."
            )
    if not len(frame):
        raise ValueError("The table has no rows.")
    return frame


def check_channels(table: Any, channels: list[Any], names: Names) -> None:
    """Refuse channels that are neither numbers nor strings, not there, or named twice."""
    if not channels:
        raise ValueError(
            f"No column is left for the channels: the table has {list(table.columns)}, of which "
            f"{names.columns} are named in other arguments, and channels=[] means none."
        )
    for name in channels:
        column = table[name]
        if getattr(column, "ndim", 1) != 1:
            raise ValueError(f"The table has several columns {name!r}: rename them.")
        if channels.count(name) > 1:
            raise ValueError(f"channels has the column {name!r} {channels.count(name)} times.")
        if not (_holds_numbers(column) or _holds_words(column)):
            convert = "convert categories, for instance with astype(str)"
            if getattr(column.dtype, "kind", "O") == "m":
                convert = "convert durations, for instance with .dt.total_seconds()"
            raise ValueError(
                f"Column {name!r} holds neither only numbers nor only strings, its dtype is "
                f"{column.dtype}. Say which columns are the channels with channels=[...], or what "
                f"else it is with time=, target= or group=; {convert}."
            )
        if name in names.columns and name not in names.target:
            raise ValueError(f"Column {name!r} cannot be a channel and name samples or times too.")


def _holds_numbers(column: Any) -> bool:
    """Return whether a column holds numbers, also as Python objects, as databases give them."""
    kind = getattr(column.dtype, "kind", "O")
    if kind != "O" or column.dtype != object:
        return kind in "fiub" or str(column.dtype).startswith("decimal")  # of arrow
    return kind_of(column) in {
        "floating",
        "integer",
        "mixed-integer-float",
        "decimal",
        "boolean",
        "empty",
    }


def _holds_words(column: Any) -> bool:
    """Return whether a column holds strings, or is one of pandas categories."""
    if str(column.dtype) == "category":
        column = column.cat.categories
        return _holds_numbers(column) or kind_of(column) == "string"
    return kind_of(column) == "string"


def read_channels(table: Any, channels: list[Any]) -> tuple[NDArray, dict[int, NDArray | None]]:
    """Return the values (n_rows, n_channels) of a table, and its words by channel, sorted.

    The values of a channel of words are their positions, NaN where there is none. A channel of
    pandas categories that are numbers holds these, and None instead of words.
    """
    words: dict[int, NDArray | None] = {}
    numbers = table[channels].copy(deep=False)
    for c, name in enumerate(channels):
        column = table[name]
        if str(column.dtype) == "category" and _holds_numbers(column.cat.categories):
            words[c] = None
            numbers.isetitem(c, column.astype(np.float64))
        elif not _holds_numbers(column):
            positions, words[c] = positions_of_words(column.to_numpy(object))
            numbers.isetitem(c, positions)
        elif column.dtype == object:
            numbers.isetitem(c, column.where(column.notna(), np.nan).astype(np.float64))
    plain = [dtype for c, dtype in enumerate(numbers.dtypes) if c not in words]
    all_float32 = plain and all(dtype == np.float32 for dtype in plain)
    values: NDArray = numbers.to_numpy(np.float32 if all_float32 else np.float64, na_value=np.nan)
    return values, words


def positions_of_words(values: NDArray) -> tuple[NDArray[np.float64], NDArray]:
    """Return the position of each word among the sorted words, NaN if missing, and these."""
    from pandas import factorize

    position, words = factorize(values.ravel(), sort=True)
    numbers = np.where(position < 0, np.nan, position).reshape(values.shape)
    return numbers, np.asarray(words, object)


def words_at(positions: NDArray, words: NDArray) -> NDArray:
    """Return the words at some positions, None where there is none: an array of objects."""
    there = np.nan_to_num(positions, nan=len(words)).astype(np.intp)
    return np.array([*words, None], object)[there]


def codes_of_samples(table: Any, names: Names) -> NDArray[np.int64]:
    """Number of the sample of every row (n_rows,), in the order of their first rows."""
    import pandas as pd

    for name in [*names.sample, *([] if names.time is None else [names.time])]:
        gone = table[name].isna().to_numpy()
        if gone.any():
            raise ValueError(
                f"Column {name!r} is missing in row {int(gone.argmax())} of the table "
                f"({gone.sum()} such rows)."
            )
    try:
        if len(names.sample) == 1:
            return pd.factorize(table[names.sample[0]])[0]
        return pd.MultiIndex.from_frame(table[names.sample]).factorize()[0]
    except TypeError as error:
        raise TypeError(
            f"{', '.join(map(repr, names.sample))} cannot name samples: {error}. Convert them to "
            "text, for instance with astype(str)."
        ) from error


def order_of_rows(table: Any, codes: NDArray[np.int64], names: Names) -> NDArray[np.int64]:
    """Rows (n_rows,) sorted by sample, and by time where there is a column for it."""
    if names.time is None:
        return np.argsort(codes, kind="stable")
    time = table[names.time]
    if getattr(time.dtype, "kind", "O") not in "fiuMm" and not hasattr(time.dtype, "freq"):
        raise ValueError(
            f"Column {names.time!r} holds neither numbers nor times, its dtype is {time.dtype}: "
            f"convert it, for instance with {_conversion(time, f'table[{names.time!r}]')}."
        )
    by_time = time.array.argsort(kind="stable")
    return by_time[np.argsort(codes[by_time], kind="stable")]


def _conversion(time: Any, column: str) -> str:
    """Return the call of pandas that turns a column of times into numbers or times."""
    import pandas as pd

    if time.dtype == bool:
        return f"{column}.astype(int)"
    if pd.to_numeric(time.astype(object), errors="coerce").notna().all():
        return f"pd.to_numeric({column})"
    kind, durations = kind_of(time), False
    if kind == "time":
        return f"pd.to_timedelta({column}.astype(str))"
    if kind == "string":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the format of what may be no dates
            no_dates = pd.to_datetime(time, errors="coerce").isna().any()
        durations = no_dates and pd.to_timedelta(time, errors="coerce").notna().all()
    return f"pd.{'to_timedelta' if durations else 'to_datetime'}({column})"
