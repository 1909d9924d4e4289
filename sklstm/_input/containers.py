"""Containers of sequences opened: lists, tables, and whatever can be made an array."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Number
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklstm._input.table_columns import as_frame, refuse_lazy

FLOATS = np.dtype(np.float32), np.dtype(np.float64)  # what the kernels read as it is


def opened(X: Any) -> tuple[Any, Any]:
    """Containers with an array for each sample, or in each cell, as lists of arrays.

    And, if each sample is a frame or X one with arrays in its cells, what has its columns.
    """
    if isinstance(X, (list, tuple)):
        return X, _with_common_columns(X)
    check_container(X, "X")
    if isinstance(X, Sequence):
        return list(X), _with_common_columns(X)
    named = None
    if not is_pandas(X) and _has_cells(X):
        X = as_frame(X)
    if is_pandas(X) and X.ndim == 2 and X.columns.nlevels > 1:
        raise ValueError(
            f"The columns of X have {X.columns.nlevels} levels. If they are channel and time, "
            "X.stack(level=1, future_stack=True) makes a long DataFrame of it, with the index "
            "(sample, time); if they are time and channel, the same with level=0. If together "
            "they are the time, pass X.to_numpy()."
        )
    if is_pandas(X) and not is_long_frame(X) and holds_sequences(X):
        named = X if X.ndim == 2 else None
        X = X.to_numpy()
    if isinstance(X, np.ndarray) and X.dtype == object and X.size and X.ndim < 3:
        if X.ndim == 1:
            return list(X), named
        if any(map(is_sequence, X[0])):  # a row for each sample, a column for each channel
            return [_side_by_side(i, row, named) for i, row in enumerate(X)], named
    return X, named


def check_container(values: Any, name: str) -> None:
    """Refuse what is no array, list or table, without printing what it holds."""
    refuse_lazy(values, name)
    found = f"{name} is a {type(values).__name__}"
    if isinstance(values, Mapping):
        keys = ", ".join(as_text(key) for key in list(values)[:3])
        keys += ", ..." if len(values) > 3 else ""
        otherwise = f", which go by position, or pd.Series({name}), which goes by names of samples"
        if name == "X":
            otherwise = ", or, if each is a channel, np.stack(list(X.values()), axis=-1)"
        raise ValueError(
            f"{found} with {len(values)} keys ({keys}): pass its values, list({name}.values())"
            f"{otherwise}."
        )
    if isinstance(values, (str, bytes)):
        raise ValueError(f"{found}: pass an array or a list.")
    if is_pandas(values) and not hasattr(values, "to_numpy"):  # a groupby
        raise ValueError(f"{found}: pass [group for _, group in {name}], or the table itself.")
    readable = ("__array__", "__array_interface__", "__getitem__", "shape", "toarray")
    if not any(hasattr(values, way) for way in readable) and not isinstance(values, Number):
        hint = f": pass list({name})" if hasattr(values, "__iter__") else ""
        raise ValueError(f"{found}, which is no array, list or DataFrame{hint}.")
    if name != "y":  # which may be an event and a time
        refuse_fields(values, name)
    if is_pandas(values) and values.ndim == 2 and not values.columns.is_unique:
        twice = values.columns[values.columns.duplicated()][0]
        raise ValueError(
            f"{name} has several columns {as_text(twice)}: rename them, or pass {name}.to_numpy()."
        )


def refuse_fields(values: Any, name: str) -> None:
    """Refuse a structured array."""
    names = getattr(getattr(values, "dtype", None), "names", None)
    if not names:
        return
    found = f"{name} is a structured array with the fields {', '.join(names)}"
    kinds = {values.dtype[field].kind for field in names}
    if name == "y" and len(names) == 2 and "b" in kinds and kinds & set("iuf"):
        raise ValueError(
            f"{found}. If it holds events and the times until them, use LSTMRegressor with "
            "loss='survival'; otherwise pass an array of numbers."
        )
    raise ValueError(f"{found}: pass an array of numbers, or for a table pd.DataFrame({name}).")


def refuse_columns_of_words(X: Any) -> None:
    """Refuse a DataFrame with a column that holds no numbers, by the first such column."""
    columns = getattr(X, "columns", ())
    if is_pandas(X):
        if not hasattr(X, "to_numpy") or (holds_sequences(X) and not is_long_frame(X)):
            return
    elif not all(isinstance(name, str) for name in columns):  # columns themselves, of pyarrow
        return
    for name in columns:
        if is_long_frame(X) and any(map(is_sequence, X[name])):
            raise ValueError(
                f"Column {as_text(name)} of X holds sequences, but in a table with a row for each "
                "time step a cell is a number. Make a column of each of their elements."
            )
        try:
            as_numbers(X[name]).astype(np.float64, casting="same_kind")
        except (TypeError, ValueError):
            durations = getattr(X[name].dtype, "kind", "O") == "m"
            raise ValueError(
                f"Column {as_text(name)} of X holds no numbers, its dtype is {X[name].dtype}. "
                f"{'Convert it with .dt.total_seconds(), leave' if durations else 'Leave'} "
                "it out, or select it by categorical_features if its values are categories. "
                "If it says to which sample or time a row belongs, make it a level of the index, "
                "or see sklstm.Sequences.from_frame."
            ) from None


def refuse_elements(X: Any) -> None:
    """Refuse a list of what is neither a sequence nor a number, by its first such element."""
    if not len(X):
        raise ValueError("X holds 0 samples, at least 1 is needed.")
    mixed = any(is_sequence(x) for x in X)
    for i, x in enumerate(X):
        if is_sequence(x):
            continue
        if mixed and (x is None or isinstance(x, Number) or type(x).__name__ == "NAType"):
            raise ValueError(
                f"Sample {i} of X is {as_text(x)}, and others are sequences. If it is missing, "
                "leave the sample out, and its y."
            )
        if not isinstance(x, Number):
            with_keys = f" with {len(x)} keys" if isinstance(x, Mapping) else ""
            text = ""
            if isinstance(x, str):
                text = (
                    " Text is a list of words, x.split(), with categorical_features='from_dtype'."
                )
            raise ValueError(
                f"Sample {i} of X is a {type(x).__name__}{with_keys}. A list X holds one "
                f"(n_timesteps,) or (n_timesteps, n_channels) array for each sample.{text}"
            )


def holds_sequences(X: Any) -> bool:
    """Whether a cell of a Series, or in the first row of a DataFrame, is a sequence."""
    if not X.size:
        return False
    if X.ndim == 1:
        return getattr(X.dtype, "kind", "O") == "O" and any(map(is_sequence, X))
    objects = [c for c, dtype in enumerate(X.dtypes) if getattr(dtype, "kind", "O") == "O"]
    return any(is_sequence(X.iat[0, c]) for c in objects)


def _has_cells(X: Any) -> bool:
    """Whether a cell in the first row of a table of another package is a sequence."""
    names = [name for name in names_of_columns(X) or () if isinstance(name, str)]
    cells = [X[name][0] for name in names if len(X[name]) > 0]
    # those of pyarrow are objects of its own
    return any(is_sequence(cell.as_py() if hasattr(cell, "as_py") else cell) for cell in cells)


def dense(X: Any) -> Any:
    """A pandas object with dense columns in place of sparse ones, a masked array or Index as one.

    Anything else as it is.
    """
    if isinstance(X, np.ma.MaskedArray):
        return as_array(X)
    if not is_pandas(X) or not hasattr(X, "to_numpy"):
        return X
    if not hasattr(X, "iloc"):
        return X.to_numpy()
    dtypes = [X.dtype] if X.ndim == 1 else list(X.dtypes)
    sparse = [c for c, dtype in enumerate(dtypes) if type(dtype).__name__ == "SparseDtype"]
    if not sparse or X.ndim == 1:
        return X.sparse.to_dense() if sparse else X
    X = X.copy(deep=False)
    for c in sparse:
        X.isetitem(c, X.iloc[:, c].sparse.to_dense())
    return X


def refuse_single_values(i: int, cells: NDArray, names: Sequence[Any]) -> None:
    """Refuse a cell of one sample that is no sequence."""
    for name, cell in zip(names, cells, strict=True):
        if not is_sequence(cell):
            raise ValueError(
                f"Sample {i} of X holds {as_text(cell)} in column {as_text(name)}, where a "
                "sequence is needed, as in other cells. Leave the column out or, if the value "
                "is a fact about the sample, repeat it at each time step and see static_features."
            )


def _side_by_side(i: int, cells: NDArray, named: Any) -> NDArray:
    """The cells of one sample, each the time steps of a channel, as columns of an array."""
    names = list(range(len(cells))) if named is None else list(named.columns)
    refuse_single_values(i, cells, names)
    columns = [one_sequence(i, cell) for cell in cells]
    lengths = [len(column) for column in columns]
    if len(set(lengths)) > 1 or any(column.shape[1] != 1 for column in columns):
        found = ", ".join(
            f"{name}: {column.shape[0]}" for name, column in zip(names, columns, strict=True)
        )
        raise ValueError(
            f"Sample {i} of X does not have one value of each channel at each time step; time "
            f"steps of its channels are {found}. Fill up shorter channels, or resample."
        )
    return np.hstack(columns)


def names_of_columns(table: Any) -> list[Any] | None:
    """The names of the columns of a table of any package; None if it is no table."""
    # those of pyarrow have names, and their columns are arrays
    names = getattr(table, "column_names", getattr(table, "columns", None))
    return None if names is None else list(names)


def _with_common_columns(X: Any) -> Any:
    """The first frame of a list of frames, all of which must have its columns; or None."""
    if not len(X) or not hasattr(X[0], "columns"):
        return None
    columns = names_of_columns(X[0])
    for i, x in enumerate(X):
        names = names_of_columns(x)
        if names and columns and names != columns and len(names) == len(columns):
            raise ValueError(
                f"Sample {i} of X has the columns {names}, sample 0 has {columns}: they "
                f"must be the same in the same order. Pass [x[{columns}] for x in X]."
            )
    return X[0]


def as_text(label: Any) -> str:
    """A label as Python writes it, without the name of a NumPy type."""
    if isinstance(label, tuple):
        return f"({', '.join(map(as_text, label))})"
    return repr(label.item() if isinstance(label, np.generic) else label)


# --- one sample ---------------------------------------------------------------------------
def is_sequence(x: Any) -> bool:
    """An array, a frame or a nested list, not a number or a string."""
    if type(x) is np.ndarray:
        return x.ndim > 0
    if isinstance(x, Sequence):
        return not isinstance(x, (str, bytes))
    return len(shape_of(x)) > 0 if hasattr(x, "__array__") or hasattr(x, "to_numpy") else False


def shape_of(x: Any) -> tuple[int, ...]:
    """Shape of an array, of anything that can be made one, or of a nested list."""
    if type(x) is np.ndarray:
        return x.shape
    shape = getattr(x, "shape", None)
    if shape is None:
        shape = x.to_numpy().shape if hasattr(x, "to_numpy") else np.asarray(x, object).shape
    return tuple(shape)


def shapes_of(X: Any) -> set[tuple[int, ...]]:
    """Shapes of the sequences of a list; () if it holds anything else."""
    return {x.shape if type(x) is np.ndarray else shape_of(x) if is_sequence(x) else () for x in X}


def refuse_uneven(i: int, x: Any) -> None:
    """Refuse a sample that holds arrays of different shapes, as a sequence and its label."""
    try:
        np.asarray(x)
    except ValueError:
        hint = ""
        if len(x) == 2 and is_sequence(x[0]) and not is_sequence(x[1]):
            hint = (
                " If it is a sequence and its label, pass them as two arguments, "
                "[x for x, y in X] and [y for x, y in X]."
            )
        raise ValueError(
            f"Sample {i} of X is no array of numbers, (n_timesteps,) or (n_timesteps, n_channels): "
            f"it is a {type(x).__name__} of {len(x)} elements that do not fit together.{hint}"
        ) from None


# What an array, a table or a mapping has, and a mere list of samples does not have.
_OTHER_FORMS = (
    "__array__",
    "__array_interface__",
    "shape",
    "columns",
    "keys",
    "to_numpy",
    "toarray",
)


def of_dataset(X: Any) -> Any:
    """The samples of an object that gives them by number, as a list; anything else as it is."""
    by_number = hasattr(X, "__len__") and hasattr(X, "__getitem__")
    if isinstance(X, Sequence) or not by_number or any(hasattr(X, name) for name in _OTHER_FORMS):
        return X
    return [X[i] for i in range(len(X))]


def as_array(values: Any) -> Any:
    """An array in place of a sparse or masked one, or one of another package; else as it is.

    Masked values become NaN, or None among objects, also those of arrays in a list.
    """
    if isinstance(values, (list, tuple)):
        masked = [isinstance(value, np.ma.MaskedArray) for value in values]
        if not any(masked):
            return values
        return [as_array(v) if m else v for v, m in zip(values, masked, strict=True)]
    if values is np.ma.masked:  # one of a list
        return np.nan
    if isinstance(values, np.ma.MaskedArray):
        if not values.mask.any():
            return values.data
        numbers = values.dtype.kind in "fiub"
        array = values.data.astype(np.float64 if numbers else object)  # a copy
        array[values.mask] = np.nan if numbers else None
        return array
    if isinstance(values, np.ndarray) or is_pandas(values):
        return values
    if hasattr(values, "toarray"):
        return values.toarray()
    if not hasattr(values, "__array__"):
        return values
    try:
        return np.asarray(values)
    except ValueError:  # ragged, as those of awkward may be
        return list(values)


def as_numbers(x: Any) -> NDArray:
    """An array of numbers, with NaN for what is masked or missing."""
    if type(x) is np.ndarray and x.dtype in FLOATS:
        return x
    if isinstance(x, (np.ma.MaskedArray, list, tuple)):
        x = as_array(x)
    array = np.asarray(x if hasattr(x, "__array__") or not hasattr(x, "to_numpy") else x.to_numpy())
    if array.dtype == object and array.size and is_sequence(array.flat[0]):  # a column of lists
        array = np.stack([as_numbers(row) for row in array])
    if array.dtype == object:
        if array.size and isinstance(array.flat[0], Mapping):
            raise TypeError("its time steps are dicts: pass pd.DataFrame(x)")
        array = without_na(array).astype(np.float64)
    if array.dtype.names:
        raise TypeError(f"it has the fields {', '.join(array.dtype.names)}: pass pd.DataFrame(x)")
    if array.dtype.kind == "S":
        raise TypeError("it holds bytes: decode them, [word.decode() for word in x]")
    if array.dtype.kind not in "fiub":
        raise TypeError(f"its dtype is {array.dtype}")
    return array


def without_na(array: NDArray) -> NDArray:
    """An array; where it is one of objects with NaN in place of None and of the NA of pandas."""
    if array.dtype != object:
        return array
    import pandas as pd

    return np.where(pd.isna(array), np.nan, array)


def one_sequence(i: int, x: Any) -> NDArray:
    """One sample as an array (n_timesteps, n_channels) of floats."""
    if type(x) is np.ndarray and x.ndim == 2 and x.dtype in FLOATS:  # most of all: a call less
        return x
    try:
        x = as_numbers(x)
    except (TypeError, ValueError, OverflowError) as error:
        refuse_uneven(i, x)
        refuse_columns_of_words(x)
        kind = getattr(getattr(x, "dtype", None), "kind", "O")
        advice = {
            "c": "Pass real and imaginary parts as channels, np.column_stack([x.real, x.imag]).",
            "m": "Encode durations, for instance by x / np.timedelta64(1, 's').",
            "M": "Encode times, for instance as the seconds since the first one.",
        }
        words = "If it holds words or other categories, set categorical_features='from_dtype'."
        raise ValueError(
            f"Sample {i} of X is no array of numbers: {error}. A list X holds one (n_timesteps,) "
            f"or (n_timesteps, n_channels) array for each sample. {advice.get(kind, words)}"
        ) from error
    x = x if x.dtype in FLOATS else x.astype(np.float64)
    if x.ndim == 1:
        return x[:, np.newaxis]
    if x.ndim != 2:
        raise ValueError(
            f"Sample {i} of X has {x.ndim} dimensions, its shape is {x.shape}. A list X "
            "holds one (n_timesteps,) or (n_timesteps, n_channels) array for each sample."
        )
    return x


# --- pandas -------------------------------------------------------------------------------
def is_pandas(X: Any) -> bool:
    """A pandas object; told by its module so that pandas need not be imported."""
    return type(X).__module__.split(".")[0] == "pandas"


def is_long_frame(X: Any) -> bool:
    return getattr(getattr(X, "index", None), "nlevels", 1) > 1 and is_pandas(X)


def in_words(index: Any) -> str:
    """The two levels of an index in words."""
    named = None not in index.names
    return f"({index.names[0]}, {index.names[1]})" if named else "of two levels"


def rows_of_samples(index: Any, name: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First row of each sample, and the row behind its last one, by an index (sample, time).

    Rows of a sample must stand together and in the order of time.
    """
    sample = index.codes[0]
    if (sample < 0).any():
        raise ValueError(
            f"Row {int(np.argmin(sample))} of {name} belongs to no sample: the first level of the "
            "index is missing there."
        )
    changes = np.nonzero(np.diff(sample))[0] + 1
    begin = np.concatenate([[0], changes]).astype(np.int64)
    end = np.append(changes, len(sample)).astype(np.int64)
    if len(np.unique(sample[begin])) < len(begin):
        raise ValueError(
            f"The rows of a sample of {name} do not stand together. Sort it: {name}.sort_index()."
        )
    if (index.codes[1] < 0).any():
        row = int(np.argmin(index.codes[1]))
        raise ValueError(
            f"Row {row} of {name} has no time: the second level of the index is missing there."
        )
    time = index.get_level_values(1)
    if time.dtype == "category" and not time.ordered:  # read as what they are
        time = time.astype(time.categories.dtype)
    rising = np.asarray(time[1:] > time[:-1])
    rising[changes - 1] = True
    if not rising.all():
        row = int(np.argmin(rising)) + 1
        found = f"The time of {name} does not rise at row {row}, {as_text(index[row])}"
        if time.inferred_type == "string":  # whose order is not that of time
            raise ValueError(
                f"{found}, and is text: convert it first, for instance with pd.to_datetime, then "
                f"sort {name} with {name}.sort_index()."
            )
        raise ValueError(
            f"{found}: a sample's time steps must be in order, each once. Sort {name} with "
            f"{name}.sort_index() and drop duplicates."
        )
    return begin, end
