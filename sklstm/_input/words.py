"""Words in X replaced by numbers, so that categories go the way of all other values.

Every form of X that holds strings or pandas categories becomes the same form with a number in place
of each: its position among the sorted words of the channel, NaN where none is given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from numbers import Number
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklstm._input.containers import (
    as_array,
    as_text,
    holds_sequences,
    is_long_frame,
    is_pandas,
    is_sequence,
    refuse_single_values,
    without_na,
)
from sklstm._input.table import Sequences
from sklstm._input.table_columns import as_frame, kind_of, positions_of_words

# Says which channels are categorical: of so many channels, of which these hold words or pandas
# categories, with these names (None: no names).
Choose = Callable[[int, list[int], Sequence[str] | None], NDArray[np.intp]]

# In place of names: the columns are time steps.
WIDE = ("columns of a wide frame",)

_NUMBERS = {"integer", "floating", "mixed-integer-float", "boolean", "decimal", "empty"}
_SPLIT = (
    "X holds a string for each sample, {!r} for instance. Split each into words, "
    "[x.split() for x in X], or into characters, [list(x) for x in X]."
)


@dataclass
class Numbered:
    """X with numbers only, and what the numbers of categorical channels stand for."""

    X: Any
    channels: NDArray[np.intp]  # those that are categorical
    words: dict[int, NDArray] = field(default_factory=dict)  # by channel: sorted, (n_words,)


def numbered(X: Any, choose: Choose, n_channels: int | None) -> Numbered:
    """Return X in the same form with numbers in place of words."""
    if isinstance(X, Sequences):
        names = X.channels if all(isinstance(name, str) for name in X.channels) else None
        channels = choose(len(X.channels), list(X.words), names)
        words = {c: found for c, found in X.words.items() if found is not None}
        _refuse_words(list(words), channels, names)
        return Numbered(X, channels, words)
    if is_pandas(X) and (is_long_frame(X) or not holds_sequences(X)):
        return _in_frame(X, choose, n_channels)
    if is_pandas(X):
        return _in_cells(X, choose) if X.ndim == 2 else _in_samples(list(X), choose, n_channels)
    if hasattr(X, "__array__"):
        X = as_array(X)
    if isinstance(X, (list, tuple)):
        return _in_samples(X, choose, n_channels)
    if not isinstance(X, np.ndarray):  # a sparse one, for instance, which is refused later
        return Numbered(X, choose(n_channels or 1, [], None))
    return _in_array(X, choose, n_channels)


# --- the forms of X -----------------------------------------------------------------------
def _in_array(X: NDArray, choose: Choose, n_channels: int | None) -> Numbered:
    """An array of two or three dimensions, or with a sequence in each cell."""
    if X.ndim in (1, 2) and X.size and X.dtype == object and is_sequence(X.flat[0]):
        samples = list(X) if X.ndim == 1 else _side_by_side(X, range(X.shape[1]))
        return _in_samples(samples, choose, n_channels)
    if X.ndim == 1:
        _refuse_strings(X)
    width = X.shape[-1] if X.ndim == 3 else n_channels or 1
    if X.dtype.kind not in "OUST" or X.ndim not in (2, 3) or not X.size or X.shape[-1] % width:
        return Numbered(X, choose(width, [], None))
    rows = X.astype(object).reshape(-1, width)
    found = _in_rows(rows, choose, None, None)
    return Numbered(found.X.reshape(X.shape) if found.words else X, found.channels, found.words)


def _in_samples(X: Any, choose: Choose, n_channels: int | None) -> Numbered:
    """A list with a sequence for each sample: of words, of rows of values, or a frame."""
    words = _words_of_lists(X)
    if words is not None:
        channels = choose(1, [0], None)
        _refuse_words([0], channels, None)
        rows = _positions_in_lists(X, words)
        return Numbered(_split(rows, list(map(len, X))), channels, {0: np.array(words, object)})
    if len(X):
        _refuse_strings(X)
    if not all(map(is_sequence, X)):
        return Numbered(X, choose(n_channels or 1, [], None))
    X = [x if is_pandas(x) or not hasattr(x, "columns") else as_frame(x) for x in X]
    arrays = [_objects(x) for x in X]
    shapes = {array.shape[1:] for array in arrays}
    names = _names_of(X[0]) if len(X) and hasattr(X[0], "columns") else None
    plain = all(array.dtype.kind in "fiub" for array in arrays)
    if plain or len(shapes) != 1 or len(min(shapes)) > 1:
        width = n_channels or next((shape[0] for shape in shapes if shape), 1)
        return Numbered(X, choose(width, [], names))
    width = next(iter(shapes))[0] if () not in shapes else 1
    rows = np.concatenate([array.reshape(len(array), width) for array in arrays])
    rows = rows.astype(object, copy=False)
    found = _in_rows(rows, choose, names, n_channels)
    if not found.words:
        return Numbered(X, found.channels)
    # what is missing at the end may be a gap in a list, but in an array it would be padding
    stack = names is None and not np.isnan(found.X).any()
    samples = _split(found.X, list(map(len, arrays)), stack)
    if names is not None:
        samples = [type(x)(s, columns=x.columns) for x, s in zip(X, samples, strict=True)]
    return Numbered(samples, found.channels, found.words)


def _words_of_lists(X: Any) -> list[str] | None:
    """Return the sorted words of samples that are lists of strings; None if any is not."""
    if not len(X) or not {*map(type, X)} <= {list, tuple}:
        return None
    if not isinstance(next(chain.from_iterable(X), None), str):
        return None
    try:
        words = {*chain.from_iterable(X)}
    except TypeError:  # there are lists among the strings
        return None
    return sorted(words) if {*map(type, words)} == {str} else None


def _positions_in_lists(X: Any, words: list[str]) -> NDArray:
    """Return the position (n_words, 1) of each word of X among the sorted words.

    No list of all of them is made: it would take several times the memory of their positions.
    """
    position = dict(zip(words, range(len(words)), strict=True))
    n_words = sum(map(len, X))
    positions = map(position.__getitem__, chain.from_iterable(X))
    return np.fromiter(positions, _dtype_of_positions(n_words), n_words)[:, np.newaxis]


def _dtype_of_positions(n_words: int) -> type[np.floating]:
    """Return a dtype for positions: they have no more digits than float32 if they are few."""
    return np.float32 if n_words < 2**24 else np.float64


def _split(rows: NDArray, lengths: list[int], stack: bool = True) -> Any:
    """Return the rows of each sample, as one array if all have the same number of them."""
    if stack and min(lengths) == max(lengths) > 0:
        return rows.reshape(len(lengths), -1, rows.shape[1])
    return np.split(rows, np.cumsum(lengths)[:-1])


def _in_cells(X: Any, choose: Choose) -> Numbered:
    """A frame whose cells are sequences: a row for each sample, a column for each channel."""
    samples = _side_by_side(X.to_numpy(), list(X.columns))
    names = _names_of(X)
    found = _in_samples(samples, lambda n, words, _: choose(n, words, names), None)
    if not found.words:
        return Numbered(X, found.channels)
    cells = np.empty(X.shape, object)
    for i, sample in enumerate(found.X):
        for c, column in enumerate(sample.T):
            cells[i, c] = column
    return Numbered(type(X)(cells, index=X.index, columns=X.columns), found.channels, found.words)


def _in_frame(X: Any, choose: Choose, n_channels: int | None) -> Numbered:
    """A frame with a value in each cell: long, or with a sample in each row."""
    frame = X.to_frame() if X.ndim == 1 else X
    is_long = is_long_frame(X)
    width = frame.shape[1] if is_long else n_channels or 1
    if X.ndim == 1 and not is_long:
        _refuse_strings(X.to_numpy())
    names = _names_of(frame)
    if frame.shape[1] % width:
        return Numbered(X, choose(width, [], names))
    named = is_long or frame.shape[1] == width  # a channel is one column
    if not named:
        for c in range(width):
            _check_one_kind(frame.iloc[:, c::width])
    kinds = [_has_words(frame.iloc[:, c::width], _name_of(c, names, named)) for c in range(width)]
    is_category = [
        any(str(dtype) == "category" for dtype in frame.dtypes.iloc[c::width]) for c in range(width)
    ]
    by_dtype = [c for c in range(width) if kinds[c] or is_category[c]]
    channels = choose(width, by_dtype, names if is_long else WIDE)
    out, words = frame.copy(deep=False), {}
    for c in channels:
        plain = all(getattr(d, "kind", "O") in "fiub" for d in frame.dtypes.iloc[c::width])
        if plain:
            continue
        values = frame.iloc[:, c::width].to_numpy(object)
        _check_categories(values, _name_of(c, names, named))
        if kinds[c]:
            numbers, words[int(c)] = positions_of_words(values)
        else:
            numbers = without_na(values).astype(np.float64)
        for j, column in zip(range(c, frame.shape[1], width), numbers.T, strict=True):
            out.isetitem(j, column)
    _refuse_words([c for c in range(width) if kinds[c]], channels, names if named else None)
    return Numbered(out, channels, words)


def _in_rows(
    rows: NDArray, choose: Choose, names: Sequence[str] | None, n_channels: int | None
) -> Numbered:
    """Rows (n_rows, n_channels) of objects, as an array of numbers if there are words.

    n_channels: of numbers that stand in one column
    """
    width = rows.shape[1]
    kinds = [_has_words(rows[:, c], _name_of(c, names)) for c in range(width)]
    with_words = [c for c in range(width) if kinds[c]]
    several = width == 1 and not with_words
    channels = choose((n_channels or 1) if several else width, with_words, names)
    _refuse_words(with_words, channels, names)
    for c in channels[channels < width]:
        _check_categories(rows[:, c], _name_of(c, names))
    dtype = _dtype_of_positions(len(rows)) if all(kinds) else np.float64
    numbers, words = np.empty(rows.shape, dtype), {}
    for c in range(width):
        if kinds[c]:
            numbers[:, c], words[c] = positions_of_words(rows[:, c])
        elif with_words:
            numbers[:, c] = without_na(rows[:, c]).astype(np.float64)
    return Numbered(numbers, channels, words)


# --- names of channels, columns of a 2-D X --------------------------------------------------
def named_channels(X: Any) -> Any:
    """Return a table whose columns are the channels of X; None if X has no such names."""
    if isinstance(X, Sequences):
        return X.without_rows()
    if isinstance(X, (list, tuple)):
        return X[0] if len(X) and hasattr(X[0], "columns") else None
    of_channels = is_pandas(X) and X.ndim == 2 and (is_long_frame(X) or holds_sequences(X))
    return X if of_channels else None


def as_wide(X: Any) -> tuple[Any, Sequence[str] | None]:
    """Return X as a frame or array with a sample in each row, and its names; None if it is none."""
    if not isinstance(X, Sequences) and not is_pandas(X) and hasattr(X, "__array__"):
        X = np.asarray(X)
    if is_pandas(X):
        if X.ndim == 1 or is_long_frame(X) or holds_sequences(X):
            return None, None
        return X, _names_of(X)
    if isinstance(X, (list, tuple)) and len(X) and isinstance(X[0], (list, tuple)):
        X = _objects(X)
    is_table = isinstance(X, np.ndarray) and X.ndim == 2 and X.size > 0
    return (X, None) if is_table and not is_sequence(X[0, 0]) else (None, None)


def taken_columns(X: Any, columns: NDArray[np.intp]) -> Any:
    """Return some columns of a frame or array."""
    return X.iloc[:, columns] if is_pandas(X) else X[:, columns]


def joined_columns(X: Any, parts: list[tuple[Any, NDArray[np.intp]]]) -> Any:
    """Return a frame or array like X, of the parts and the positions of their columns."""
    if is_pandas(X):
        out = X.copy(deep=False)
        for part, columns in parts:
            for j, column in enumerate(columns):
                out.isetitem(column, part.iloc[:, j])
        return out
    kinds = [np.float64 if part.dtype == object else part.dtype for part, _ in parts]
    out = np.empty(X.shape, np.result_type(*kinds))
    for part, columns in parts:
        out[:, columns] = without_na(part) if part.dtype == object else part
    return out


# --- values -------------------------------------------------------------------------------
def _has_words(values: Any, name: str) -> bool:
    """Return whether values are strings; an error if only some are."""
    if is_pandas(values):
        if all(getattr(dtype, "kind", "O") in "fiub" for dtype in values.dtypes):
            return False
        values = values.to_numpy(object)
    values = values.ravel()
    kind = kind_of(values)
    if kind == "string" or kind in _NUMBERS:
        return kind == "string"
    kinds = _kinds(values)
    if "str" in kinds:
        other = next(kind for kind in kinds if kind != "str")
        raise ValueError(
            f"{name} holds {' and '.join(list(kinds)[:3])}, {kinds[other]!r} for instance. The "
            "categories of a channel are all strings or all numbers: convert them, for instance by "
            "[str(x) for x in sequence], and pass None where one is missing."
        )
    return False


def _check_one_kind(columns: Any) -> None:
    """Refuse time steps of one channel, each a column of a frame, of which a few hold strings."""
    holds_numbers = [getattr(dtype, "kind", "O") in "fiub" for dtype in columns.dtypes]
    if all(holds_numbers) or not columns.loc[:, holds_numbers].notna().to_numpy().any():
        return
    for name, plain in zip(columns.columns, holds_numbers, strict=True):
        if not plain and kind_of(columns[name]) == "string":
            raise ValueError(
                f"Column {as_text(name)} of X holds strings and others numbers, but the columns of "
                "a wide X are time steps of the same channels. If it is a fact about the whole "
                "sample, select it by static_features and categorical_features; if the rows of X "
                "are time steps, see sklstm.Sequences.from_frame."
            )


def _kinds(values: NDArray) -> dict[str, Any]:
    """Return the names of the types in an array of objects, with the first value of each."""
    from pandas import isna

    kinds: dict[str, Any] = {}
    for value in values.ravel():
        if is_sequence(value) or not isna(value):
            kinds.setdefault(type(value).__name__, value)
    return kinds


def _check_categories(values: NDArray, name: str) -> None:
    """Refuse categories that are neither strings nor numbers."""
    if kind_of(values.ravel()) in {"string", *_NUMBERS}:
        return
    for kind, first in _kinds(values).items():
        if isinstance(first, (Number, np.bool_)):  # True among 0 and 1, for instance
            continue
        raise TypeError(
            f"{name} holds a {kind}, {first!r}. Categories are strings, numbers or booleans: "
            "convert them by str; and encode times as numbers."
        )


def _objects(x: Any) -> NDArray:
    """Return one sample as an array, of objects if it holds anything but numbers."""
    x = as_array(x)
    if isinstance(x, np.ndarray):
        return x
    if is_pandas(x):
        dtypes = [x.dtype] if x.ndim == 1 else list(x.dtypes)
        numbers = all(getattr(dtype, "kind", "O") in "fiub" for dtype in dtypes)
        return x.to_numpy() if numbers else x.to_numpy(object)
    if isinstance(x, (list, tuple)):
        try:
            return np.array(x, dtype=object)
        except ValueError:  # cells of different shapes
            return np.empty((len(x), 0, 0), object)
    return np.asarray(x)


def _side_by_side(X: NDArray, names: Sequence[Any]) -> list[NDArray]:
    """Return the samples of an array (n_samples, n_channels) with a sequence in each cell."""
    for i, cells in enumerate(X):
        refuse_single_values(i, cells, names)
    return [_columns_of(i, cells) for i, cells in enumerate(X)]


def _columns_of(i: int, cells: NDArray) -> NDArray:
    """Return the cells of sample i, each the steps of a channel, as (n_timesteps, n_channels)."""
    columns = [np.asarray(_objects(cell), object) for cell in cells]
    if len({column.shape for column in columns}) != 1 or columns[0].ndim != 1:
        found = ", ".join(str(len(column)) for column in columns)
        raise ValueError(
            f"Sample {i} of X does not have one value of each channel at each time step; time "
            f"steps of its channels are {found}. Fill up shorter channels, or resample."
        )
    return np.stack(columns, axis=1)


# --- names and errors ---------------------------------------------------------------------
def _names_of(frame: Any) -> Sequence[str] | None:
    """Return the names of columns if all of them are strings, as scikit-learn has it."""
    names = list(frame.columns)
    return names if all(isinstance(name, str) for name in names) else None


def _name_of(c: int, names: Sequence[str] | None, named: bool = True) -> str:
    """Return a channel in words, at the start of a sentence."""
    return f"Channel {c} of X" if names is None or not named else f"Channel {names[c]!r} of X"


def _refuse_strings(X: Any) -> None:
    """Refuse samples that are strings."""
    if isinstance(X[0], str):
        raise ValueError(_SPLIT.format(X[0][:40]))


def _refuse_words(
    with_words: list[int], channels: NDArray[np.intp], names: Sequence[str] | None
) -> None:
    """Refuse words in a channel that is not categorical."""
    for c in with_words:
        if c not in channels:
            raise ValueError(
                f"{_name_of(c, names)} holds strings, but categorical_features does not select "
                "it. In fit, add it or leave the channel out; in predictions, pass the channels of "
                "fit in their order."
            )
