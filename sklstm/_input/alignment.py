"""y, weights and the like in the order of the samples of X: by their index, if they have one."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklstm._input.containers import (
    as_array,
    as_text,
    check_container,
    in_words,
    is_long_frame,
    is_pandas,
    is_sequence,
    names_of_columns,
    rows_of_samples,
)
from sklstm._input.table import Sequences
from sklstm._input.table_columns import as_frame
from sklstm._input.targets import plain


class _Known(NamedTuple):
    """An index with which others are compared."""

    name: str
    index: Any  # of the samples or rows, or None
    movable: bool  # whether what is compared is brought into its order
    splittable: bool  # whether scikit-learn may have chosen some of the rows
    places: NDArray | None = None  # (n_samples,): of Sequences, in the order of the table


# Fewer labels may be in order by chance.
_ENOUGH_TO_TELL = 8


def aligned(X: Any, *, steps: bool = False, **others: Any) -> tuple[Any, ...]:
    """The values in `others`, by their names, in the order of the samples of X.

    What carries a pandas index is aligned with X by it, or refused by the labels that differ.
    What carries none goes by position, and so does a default RangeIndex, unless its labels are
    those of the samples. Where X is wide the order is never changed, because scikit-learn pairs
    its rows by position: other orders are refused. With `steps` the values may be targets of time
    steps; those of a long DataFrame are aligned row by row.
    """
    for name, values in others.items():
        if values is not None:
            check_container(values, name)
            _refuse_rows_in_place_of_samples(X, values, name, steps)
    others = {name: as_array(_with_kinds(values)) for name, values in others.items()}
    known = []
    if any(map(_has_index, others.values())):
        places = X.places() if isinstance(X, Sequences) else None
        known.append(_Known("X", _sample_index(X), _has_names(X), not is_long_frame(X), places))
    return tuple(_in_order(X, values, name, steps, known) for name, values in others.items())


def order_of_samples(X: Any, others: Any, name: str) -> NDArray[np.intp] | None:
    """Positions that bring samples of the names of X into its order; None if they are to stay.

    Samples of other names, or of none, belong to those of X by their position.
    """
    ids, index = _sample_index(X), _sample_index(others)
    if ids is None or index is None or len(ids) != len(index):
        return None
    if not (ids.is_unique and index.is_unique and index.isin(ids).all()):
        return None
    return _order(index, name, _Known("X", ids, _has_names(X), False))


def _in_order(X: Any, values: Any, name: str, steps: bool, known: list[_Known]) -> Any:
    """One of the values in the order of X; its index is known from then on."""
    if steps and _is_list(values):
        return _lists_of_steps_aligned(X, values, name)
    if not _has_index(values):
        return values
    index = values.index
    if steps and is_long_frame(values):
        if _has_names(X):
            return _rows_aligned(X, values, name)
        begin, _ = rows_of_samples(index, name)
        index = index[begin].get_level_values(0)
    elif index.nlevels > 1 and known[0].index is not None and known[0].index.nlevels == 1:
        index = index.get_level_values(0)  # one row for each sample, with its time
    for other in known:
        order = _order(index, name, other)
        if order is not None:
            index, values = index[order], values.iloc[order]
    known.append(_Known(name, index, False, True))
    if steps and is_pandas(X):
        _check_columns(X, values, name)
    return values


def _with_kinds(values: Any) -> Any:
    """A table of another package as one of pandas, if it has booleans, which an array loses."""
    if is_pandas(values) or names_of_columns(values) is None:
        return values
    frame = as_frame(values)
    kinds = {getattr(dtype, "kind", "O") for dtype in frame.dtypes}
    return frame if "b" in kinds and len(kinds) > 1 else values


def _is_list(values: Any) -> bool:
    return isinstance(values, (list, tuple)) or (
        isinstance(values, np.ndarray) and values.dtype == object and values.ndim == 1
    )


def _has_index(values: Any) -> bool:
    return is_pandas(values) and hasattr(values, "iloc")


def _has_names(X: Any) -> bool:
    """Whether samples of X have names of their own; rows of a wide DataFrame go by position."""
    return is_long_frame(X) or isinstance(X, Sequences)


# --- samples ------------------------------------------------------------------------------
def _sample_index(X: Any) -> Any:
    """The samples of X as a pandas Index, or None."""
    if isinstance(X, Sequences):
        return X.sample_index()
    if is_long_frame(X):
        return X.index.get_level_values(0).unique()
    return X.index if _has_index(X) else None


def _order(index: Any, name: str, known: _Known) -> NDArray[np.intp] | None:
    """Positions that bring `index` into the order of a known one; None if it is to stay."""
    ids, other = known.index, known.name
    if ids is None or index.equals(ids):
        return None
    distinct = index.is_unique and ids.is_unique
    permuted = distinct and len(index) == len(ids) and (index.get_indexer(ids) >= 0).all()
    if len(index) == len(ids) and not permuted and _says_nothing(index, known):
        return None
    if not distinct:
        _refuse_twice(ids, index, name, other)
    if not permuted:
        _refuse_other_labels(ids, index, name, other)
    order = index.get_indexer(ids)
    if not known.movable:
        row = int((order != np.arange(len(order))).argmax())
        raise ValueError(
            f"{name} has the row labels of {other} in another order: row {row} of {other} is "
            f"{as_text(ids[row])}, of {name} {as_text(index[row])}. Pass {name}.loc[{other}.index] "
            f"to go by the labels, {name}.to_numpy() to go by position."
        )
    return order


def _says_nothing(index: Any, known: _Known) -> bool:
    """Whether one of two indexes is a default one, or what a splitter has left of it."""
    ids = known.index
    if _is_default(index) or (not known.movable and _is_default(ids)):
        return True
    numbers = index.dtype.kind in "iu" or ids.dtype.kind in "iu"
    left = known.splittable and numbers and not index.isin(ids).any()
    return left and not _reordered(index, known)


def _reordered(index: Any, known: _Known) -> bool:
    """Whether one of two indexes is in another order, in which no splitter leaves both.

    One of them has whole numbers: what a splitter has left of a default index rises with the
    places of the other one.
    """
    if known.places is not None and index.dtype.kind in "iu":
        ranks = (np.unique(each, return_inverse=True)[1] for each in (index, known.places))
        return not np.array_equal(next(ranks), next(ranks))
    if len(index) < _ENOUGH_TO_TELL:
        return False
    numbers, names = index, known.index
    if index.dtype.kind not in "iu":
        numbers, names = names, numbers
    return bool(names.is_monotonic_increasing and not numbers.is_monotonic_increasing)


def _is_default(index: Any) -> bool:
    """Whether it is the RangeIndex that pandas gives to what has no labels."""
    default = type(index).__name__ == "RangeIndex" and index.name is None
    return default and index.start == 0 and index.step == 1


def _refuse_twice(ids: Any, index: Any, name: str, other: str) -> None:
    """Raise the error for labels that come more than once."""
    whose, labels = (other, ids) if index.is_unique else (name, index)
    label = as_text(labels[labels.duplicated()][0])
    raise ValueError(
        f"{name} cannot be aligned with {other} by its index: {label} comes more than once in "
        f"{whose}. Leave one entry of each, or pass {name}.to_numpy() to go by position."
    )


def _refuse_other_labels(ids: Any, index: Any, name: str, other: str) -> None:
    """Raise the error for labels that one side lacks."""
    lacking, unknown = ids[~ids.isin(index)], index[~index.isin(ids)]
    found = []
    if len(lacking):
        found.append(f"has no entry for {_some(lacking)} of {other}")
    if len(unknown):
        found.append(f"has entries for {_some(unknown)}, which {other} does not have")
    raise ValueError(
        f"{name} {' and '.join(found)}. {name} is aligned with {other} by its index: choose its "
        f"entries with {name}.loc[...], or pass {name}.to_numpy() to go by position. Where "
        f"scikit-learn splits them, in a search for instance, {name} must be in the order of "
        f"{other} before."
    )


def _some(labels: Any) -> str:
    """The first labels, and how many there are."""
    shown = ", ".join(as_text(label) for label in labels[:3])
    return shown if len(labels) <= 3 else f"{shown}, ... ({len(labels)} labels)"


def _refuse_rows_in_place_of_samples(X: Any, values: Any, name: str, steps: bool) -> None:
    """Refuse as many values as a long X has rows, where one for each sample is asked."""
    if steps or not is_long_frame(X) or not hasattr(values, "__len__") or X.index.nlevels > 2:
        return
    n_samples = X.index.get_level_values(0).nunique()
    second = X.index.get_level_values(1).unique()
    if len(values) == len(second) != n_samples and _may_be_of(second, values):
        raise ValueError(
            f"X was read as long, by its index {in_words(X.index)}: {n_samples} samples. {name} "
            f"has {len(values)} entries, as many as there are values in the second level. If this "
            "is the level of the samples, pass X.swaplevel().sort_index()."
        )
    if len(values) == len(X) != n_samples:
        raise ValueError(
            f"X was read as long, by its index {in_words(X.index)}: {n_samples} samples, and a row "
            f"for each of {len(X)} time steps. {name} has {len(values)} entries, one for each row. "
            "If each row of X is a sequence, pass X.reset_index(drop=True). If each time step has "
            "a target, set return_sequences=True. Otherwise pass one entry for each sample, for "
            "instance y.groupby(level=0).last()."
        )


def _may_be_of(labels: Any, values: Any) -> bool:
    """Whether values have no index, or one of these labels."""
    if not _has_index(values):
        return True
    return bool(values.index.nlevels == 1 and values.index.isin(labels).all())


# --- time steps ---------------------------------------------------------------------------
def _rows_aligned(X: Any, values: Any, name: str) -> list[NDArray]:
    """The rows of a long DataFrame or Series of each sample of X, in the order of X."""
    rows = X.row_index() if isinstance(X, Sequences) else X.index
    index = values.index
    if None not in rows.names and sorted(map(str, index.names)) == sorted(map(str, rows.names)):
        index = index.reorder_levels(rows.names)
    order = _order(index, name, _Known("X", rows, True, False))
    array = plain(values if order is None else values.iloc[order])
    return np.split(array, np.cumsum(_lengths(X))[:-1])


def _lengths(X: Any) -> NDArray[np.int64]:
    """Rows of each sample of X, which has names."""
    if isinstance(X, Sequences):
        return X.lengths
    begin, end = rows_of_samples(X.index, "X")
    return end - begin


def _lists_of_steps_aligned(X: Any, values: Any, name: str) -> list[Any]:
    """The targets of each sample in the order of its time steps, where both have an index."""
    if not len(values) or not _has_index(values[0]):
        return values
    aligned_values = []
    for i, (value, times) in enumerate(zip(values, _time_indexes(X, len(values)), strict=True)):
        if _has_index(value) and times is not None:
            order = _order(value.index, f"{name}[{i}]", _Known(f"X[{i}]", times, True, False))
            value = value if order is None else value.iloc[order]
        aligned_values.append(value)
    return aligned_values


def _time_indexes(X: Any, n_samples: int) -> list[Any]:
    """Of each sample the index of its time steps, or None."""
    if _has_names(X):
        rows = X.row_index() if isinstance(X, Sequences) else X.index
        times, end = rows.get_level_values(-1), np.cumsum(_lengths(X))
        indexes = [times[b - n : b] for b, n in zip(end, _lengths(X), strict=True)]
    elif isinstance(X, (list, tuple, np.ndarray)) or (_has_index(X) and is_sequence(X.iloc[0])):
        samples = X if not is_pandas(X) else X.to_numpy()
        indexes = [x.index if _has_index(x) else None for x in samples]
    else:
        indexes = [None] * n_samples
    return indexes if len(indexes) == n_samples else [None] * n_samples


def _check_columns(X: Any, values: Any, name: str) -> None:
    """Refuse targets of time steps whose columns are those of a wide X in another order."""
    if is_long_frame(X) or X.ndim != 2 or values.ndim != 2:
        return
    if set(values.columns) == set(X.columns) and list(values.columns) != list(X.columns):
        raise ValueError(
            f"{name} has the columns of X, which are its time steps, in another order. Pass "
            f"{name}[X.columns]."
        )
