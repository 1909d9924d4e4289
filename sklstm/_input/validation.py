"""Everything a user may pass as X, made a SequenceDataset, or an error that says what to do."""

from __future__ import annotations

import calendar
import re
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import _check_feature_names, check_array, validate_data

from sklstm._input.categories import encoded, has_categories, read_words
from sklstm._input.column_labels import check_order_of_labels
from sklstm._input.containers import (
    FLOATS,
    as_array,
    as_numbers,
    as_text,
    dense,
    in_words,
    is_long_frame,
    is_pandas,
    is_sequence,
    names_of_columns,
    of_dataset,
    one_sequence,
    opened,
    refuse_columns_of_words,
    refuse_elements,
    refuse_uneven,
    rows_of_samples,
    shape_of,
    shapes_of,
)
from sklstm._input.order_of_time import (
    warn_of_falling_times,
    warn_of_order_of_columns,
    warn_of_order_of_times,
)
from sklstm._input.places import PlacedError, with_names
from sklstm._input.sequences import SequenceDataset
from sklstm._input.static_features import beside, read_static, wide_static
from sklstm._input.table import Sequences
from sklstm._input.table_columns import refuse_lazy
from sklstm._input.values import check_values

# A 2-D X of so few columns and so many rows for each is more likely one of channels.
_FEW_COLUMNS, _MANY_ROWS = 3, 1000
_FEW_NAMED_COLUMNS, _MANY_ROWS_A_COLUMN = 20, 20


def as_sequences(
    estimator: Any, X: Any, *, n_channels: int | None, missing: str = "error", reset: bool
) -> SequenceDataset:
    """Sequences from any of the documented forms of X.

    Unless missing="error" NaN is a gap. At the end of a sequence it is padding in arrays, in all
    channels, but not in lists and long tables, which have none.
    With `reset` (in fit) the estimator's ``n_features_in_``, ``n_channels_in_`` and, for a
    DataFrame with string columns, ``feature_names_in_`` are set; else X must agree with them.
    """
    if reset:
        estimator.static_columns_ = None  # of a 2-D X
        estimator.is_categorical_ = estimator.categories_ = None
    if reset or type(X) is not np.ndarray:
        check_order_of_labels(estimator, X, reset)
    if type(X) is not np.ndarray:
        refuse_lazy(X, "X")
        X = of_dataset(dense(X))
    if reset:
        with_categories = has_categories(estimator, reset)
    else:  # without a further call: each prediction asks
        with_categories = estimator.is_categorical_ is not None
    if with_categories:
        found = read_words(estimator, X, n_channels, reset)
        X = found.X
    if type(X) is np.ndarray and X.dtype.kind in "fiub":
        data = _from_array(estimator, X, n_channels, reset)
    else:
        data = _from_container(estimator, X, n_channels, missing, reset)
    _check_channels(estimator, data, n_channels, reset)
    if with_categories:
        data = encoded(estimator, data, found, reset)
    try:
        if reset or len(estimator.static_channels_):
            data = read_static(estimator, data, reset)
        if not isinstance(X, Sequences) or X.may_have_gaps:  # others were looked at when made
            check_values(data, missing=missing)
    except PlacedError as error:
        raise with_names(error, estimator, X) from None
    return data


def _from_container(
    estimator: Any, X: Any, n_channels: int | None, missing: str, reset: bool
) -> SequenceDataset:
    """Lists, tables, and what can be made an array."""
    if _is_column(X):
        X = as_array(X)
    try:
        return _from_opened(estimator, *opened(X), n_channels, missing, reset)
    except (TypeError, ValueError):
        refuse_columns_of_words(X)
        raise


def _is_column(X: Any) -> bool:
    """An array or column of another package, which may hold a sequence in each cell."""
    own = isinstance(X, (np.ndarray, Sequences)) or is_pandas(X)
    return not own and hasattr(X, "__array__") and not hasattr(X, "columns")


def _from_opened(
    estimator: Any, X: Any, named: Any, n_channels: int | None, missing: str, reset: bool
) -> SequenceDataset:
    """What `opened` gave."""
    if isinstance(X, Sequences):
        data = _from_table(estimator, X, reset)
    elif is_long_frame(X):
        data = _from_long_frame(estimator, X, missing, reset)
    elif isinstance(X, (list, tuple)):
        data = _from_sequences(estimator, X, n_channels, missing, reset)
    else:
        data = _from_array(estimator, X, n_channels, reset)
    if named is not None:  # its columns are the channels
        _check_feature_names(estimator, named, reset=reset)
    return data


def _from_table(estimator: Any, X: Sequences, reset: bool) -> SequenceDataset:
    """Sequences of a table, which bring the names of their channels."""
    if not len(X):
        raise ValueError("X holds 0 samples, at least 1 is needed.")
    if not has_categories(estimator, reset):
        _refuse_words_of_table(X)
    _set_features(estimator, len(X.channels), reset)
    known = getattr(estimator, "feature_names_in_", None)
    if reset or known is None or list(known) != list(X.channels):
        _check_feature_names(estimator, X.without_rows(), reset=reset)
    return X.dataset()


def _refuse_words_of_table(X: Sequences) -> None:
    """Refuse a table with a channel of strings."""
    for c, words in X.words.items():
        if words is not None:
            raise ValueError(
                f"Channel {X.channels[c]!r} of X holds strings, {as_text(words[0])} for instance. "
                "If they are categories, set categorical_features='from_dtype'; if they are "
                "numbers as text, convert the column with pd.to_numeric; if neither, leave it out "
                "by Sequences.from_frame(..., channels=[...])."
            )


# --- arrays -------------------------------------------------------------------------------
def _was_wide(estimator: Any) -> bool:
    """Return whether X had static columns in fit, so that columns are no channels."""
    return estimator.static_columns_ is not None and len(estimator.static_columns_) > 0


def _from_array(
    estimator: Any, X: Any, n_channels: int | None, reset: bool, padded: bool = True
) -> SequenceDataset:
    """A 2-D or 3-D array, or what scikit-learn can make one.

    padded: whether NaN in all channels at the end of a sequence are padding, or gaps
    """
    # a NumPy array of floats, as a server passes it row by row: scikit-learn's checks would
    # take longer than the network, and find nothing that is not checked below
    plain = type(X) is np.ndarray and X.dtype in FLOATS and X.size > 0
    if isinstance(X, (list, tuple)):
        refuse_uneven(0, X[0])
    if not plain and isinstance(X, (np.ndarray, list, tuple)):
        _refuse_kind(X.dtype if isinstance(X, np.ndarray) else np.asarray(X[0]).dtype)
    if getattr(X, "ndim", None) == 1 or (isinstance(X, (list, tuple)) and not is_sequence(X[0])):
        raise ValueError(
            f"Expected a 2D or 3D array or a list of sequences, got a 1D array of {len(X)} values. "
            "Reshape your data: if it is a single sequence of one channel, pass [X]; if it has one "
            "value for each sample, pass X.reshape(-1, 1)."
        )
    if getattr(X, "ndim", 2) > 3:
        raise ValueError(
            f"X has {X.ndim} dimensions, its shape is {X.shape}. An array X has three at most, "
            "(n_samples, n_timesteps, n_channels)."
        )
    if getattr(X, "ndim", 2) == 3:
        if not plain:
            X = check_array(
                X, allow_nd=True, dtype="numeric", ensure_all_finite=False, estimator=estimator
            )
        _refuse_channel_first(estimator, X.shape, n_channels, reset)
        _set_features(estimator, X.shape[2], reset)
    else:
        X = _unflattened(estimator, X, n_channels, reset, plain)
    X = _as_floats(X)
    n_samples, n_timesteps, n_channels = X.shape
    if n_timesteps == 0 or n_channels == 0:
        raise ValueError(
            f"X has the shape {X.shape}: every sequence needs at least one time step and one "
            "channel."
        )
    lengths = _lengths_without_padding(X) if padded else np.full(n_samples, n_timesteps, np.int64)
    begin = np.arange(n_samples, dtype=np.int64) * n_timesteps
    values = np.ascontiguousarray(X.reshape(n_samples * n_timesteps, n_channels))
    return SequenceDataset(values, begin, begin + lengths)


def _unflattened(
    estimator: Any, X: Any, n_channels: int | None, reset: bool, plain: bool
) -> NDArray:
    """Of a 2-D X (n_samples, n_timesteps * n_channels) an array with three dimensions."""
    if reset and (columns := names_of_columns(X)) is not None:
        warn_of_order_of_columns(X.columns if is_pandas(X) else columns, n_channels or 1)
    named = hasattr(estimator, "feature_names_in_")
    if plain and not reset and not named and X.shape[1:] == (estimator.n_features_in_,):
        pass
    elif reset or estimator.n_features_in_ != estimator.n_channels_in_ or _was_wide(estimator):
        X = validate_data(estimator, X, reset=reset, dtype="numeric", ensure_all_finite=False)
    else:  # fitted on sequences, whose number of steps is free
        X = check_array(X, dtype="numeric", ensure_all_finite=False, estimator=estimator)
    if reset and n_channels is None:
        _warn_of_columns_like_channels(estimator, X.shape)
    channels = n_channels or 1
    static = None
    if reset or estimator.static_columns_ is not None:
        X, static = wide_static(estimator, X, reset)
    if X.shape[1] % channels:
        raise ValueError(
            f"X has {X.shape[1]} columns, which is no multiple of n_channels={channels}. "
            "A 2-D X holds one sample a row, time step after time step, all channels of a "
            "step side by side."
        )
    steps = X.reshape(len(X), -1, channels)
    return steps if static is None else beside(steps, static)


def _warn_of_columns_like_channels(estimator: Any, shape: tuple[int, ...]) -> None:
    """Warn of a 2-D X whose columns look like channels: a few, with words for names."""
    n_rows, n_columns = shape
    names = [str(name).lower() for name in getattr(estimator, "feature_names_in_", ())]
    by_name = (
        1 < n_columns <= _FEW_NAMED_COLUMNS
        and n_rows >= _MANY_ROWS_A_COLUMN * n_columns
        and _are_words(names)
    )
    if by_name or (1 < n_columns <= _FEW_COLUMNS and n_rows >= _MANY_ROWS):
        found = f" ({', '.join(map(repr, names[:6]))})" if names else ""
        warnings.warn(
            f"X was read as {n_rows} sequences of {n_columns} time steps, and its columns{found} "
            "look like channels. If its rows are time steps, say which of them belong together: "
            "with sklstm.Sequences.from_frame(table, sample=..., time=...), or by an index "
            "(sample, time). If its columns are time steps, set n_channels=1.",
            UserWarning,
            stacklevel=2,
        )


def _are_words(names: list[str]) -> bool:
    """Whether most names differ by more than a number or a date."""
    stems = {re.sub(r"[\W\d_]", "", name) for name in names}
    dates = {name.lower() for name in [*calendar.month_abbr, *calendar.day_abbr]}
    return 2 * len(stems) > len(names) > 0 and not {stem[:3] for stem in stems} <= dates


def _lengths_without_padding(X: NDArray) -> NDArray[np.int64]:
    """Steps of every sample of a 3-D array before the NaN that fill it up at its end."""
    lengths = np.full(len(X), X.shape[1], np.int64)
    if X.dtype.kind != "f":
        return lengths
    # only samples that end in NaN can be padded: one column is read, not the array
    ends = np.isnan(X[:, -1, :])
    if not ends.any():
        return lengths
    for i in np.nonzero(ends.all(axis=1))[0]:
        (valid,) = np.nonzero(~np.isnan(X[i]).all(axis=1))
        lengths[i] = valid[-1] + 1 if len(valid) else 0
    _refuse_empty(lengths, "holds nothing but NaN, which in an array is padding")
    return lengths


def _as_floats(values: NDArray) -> NDArray:
    """Of a dtype that the kernels read; memory-mapped numbers as they are where possible."""
    kind = values.dtype.kind
    if values.dtype in FLOATS:
        return values
    _refuse_kind(values.dtype)
    if _is_memory_mapped(values) and values.dtype.isnative:
        if kind == "b":
            return values.view(np.uint8)
        if kind in "iu":
            return values
    # what has no more digits than float32 needs no more memory
    short = kind == "f" and values.dtype.itemsize <= 4
    return as_numbers(values).astype(np.float32 if short else np.float64)


def _refuse_kind(dtype: Any) -> None:
    """Refuse arrays that hold no real numbers, without printing them."""
    kind = getattr(dtype, "kind", "O")
    if kind in "fiubO":
        return
    if kind == "c":
        raise ValueError(
            f"Complex data not supported: X has the dtype {dtype}. Pass real and imaginary parts "
            "as channels, for instance np.stack([X.real, X.imag], axis=-1)."
        )
    advice = "Encode it: durations, for instance, by X / np.timedelta64(1, 's')."
    if kind in "UST":
        advice = (
            "Convert it, with X.astype(float) if it holds numbers as text. If it holds words or "
            "other categories, set categorical_features='from_dtype'."
        )
    raise ValueError(f"X holds no numbers, its dtype is {dtype}. {advice}")


def _is_memory_mapped(array: Any) -> bool:
    while array is not None:
        if isinstance(array, np.memmap):
            return True
        array = getattr(array, "base", None)
    return False


# --- lists --------------------------------------------------------------------------------
def _from_sequences(
    estimator: Any, X: list | tuple, n_channels: int | None, missing: str, reset: bool
) -> SequenceDataset:
    """A list of sequences of any lengths, or one that is an array in all but name.

    Python lists of equal lengths are a table, as for all of scikit-learn; so are arrays of
    equal lengths where a row holds several channels. Gaps at the end are gaps in either case, so
    that no sample is read in another way because of the lengths of others.
    """
    shapes = shapes_of(X)
    if () in shapes or not X:
        refuse_elements(X)  # numbers are left
    elif (0,) in shapes and len(shapes) == 1:
        _refuse_empty(np.zeros(len(X), np.int64), "has no time step")
    arrays = not isinstance(X[0], (list, tuple))
    univariate = arrays and n_channels in (None, 1)
    unpadded = arrays and missing != "error" and len(min(shapes)) == 2
    warn_of_falling_times(X)
    if () not in shapes and (len(shapes) > 1 or unpadded or (univariate and len(min(shapes)) == 1)):
        data = _from_list(X, missing)
        _set_features(estimator, data.n_channels, reset)
        return data
    return _from_array(estimator, _stacked(X), n_channels, reset, padded=missing == "error")


def _stacked(X: list | tuple) -> Any:
    """A list of 2-D arrays of one shape as a 3-D array; anything else as it is."""
    n_dimensions = len(shape_of(X[0])) if is_sequence(X[0]) else 0
    if n_dimensions == 2:
        sequences = [one_sequence(i, x) for i, x in enumerate(X)]
        # as a server has it: a single one is not copied
        return sequences[0][np.newaxis] if len(X) == 1 else np.stack(sequences)
    if n_dimensions == 3:
        hint = " If X is an array within a list, pass X[0]." if len(X) == 1 else ""
        raise ValueError(
            f"Sample 0 of X has 3 dimensions, its shape is {shape_of(X[0])}; a sample has two, "
            f"(n_timesteps, n_channels).{hint}"
        )
    return X


def _from_list(X: Any, missing: str) -> SequenceDataset:
    """One array for each sample."""
    arrays = [one_sequence(i, x) for i, x in enumerate(X)]
    widths = np.array([x.shape[1] for x in arrays])
    lengths = np.array([len(x) for x in arrays], np.int64)
    _refuse_empty(lengths, "has no time step")
    if (widths != widths[0]).any():
        i = int(np.argmax(widths != widths[0]))
        hint = ""
        if (lengths == lengths[0]).all():
            hint = (
                f" All samples have {lengths[0]} rows: they look channel-first, "
                "(n_channels, n_timesteps); pass [x.T for x in X]."
            )
        raise ValueError(
            f"Sample {i} of X has {widths[i]} channels, sample 0 has {widths[0]}. Each sample "
            f"must be an array (n_timesteps, n_channels) with the same channels.{hint}"
        )
    # float64 if any of them is, as np.concatenate decides
    return _consecutive(np.ascontiguousarray(np.concatenate(arrays)), lengths, missing)


def _consecutive(values: NDArray, lengths: NDArray[np.int64], missing: str) -> SequenceDataset:
    """Consecutive sequences; NaN at the end of one are padding, unless they are gaps."""
    end = np.cumsum(lengths)
    begin = end - lengths
    if missing != "error":
        return SequenceDataset(values, begin, end)
    for i in np.nonzero(np.isnan(values[end - 1]).all(axis=1))[0]:
        (valid,) = np.nonzero(~np.isnan(values[begin[i] : end[i]]).all(axis=1))
        end[i] = begin[i] + (valid[-1] + 1 if len(valid) else 0)
    _refuse_empty(end - begin, "holds nothing but NaN")
    return SequenceDataset(values, begin, end)


def _refuse_empty(lengths: NDArray[np.int64], what: str) -> None:
    if (lengths == 0).any():
        empty = np.nonzero(lengths == 0)[0]
        raise ValueError(
            f"Sample {empty[0]} of X {what} ({len(empty)} of {len(lengths)} samples). Leave out "
            "empty sequences, and their y."
        )


# --- pandas -------------------------------------------------------------------------------
def _from_long_frame(estimator: Any, X: Any, missing: str, reset: bool) -> SequenceDataset:
    """Rows indexed by (sample, time): a column is a channel.

    Samples come in the order of their first row. Rows of a sample must stand together and
    in the order of time.
    """
    if X.index.nlevels != 2:
        raise ValueError(
            f"X has an index of {X.index.nlevels} levels. A long DataFrame has two: (sample, time)."
        )
    if X.ndim == 1:
        X = X.to_frame()
    values = validate_data(
        estimator, X, reset=reset, dtype="numeric", ensure_all_finite=False, ensure_min_samples=1
    )
    begin, end = rows_of_samples(X.index, "X")
    if reset:
        warn_of_order_of_times(X.index.get_level_values(1))
    if reset and len(begin) == len(X) > 1:
        warnings.warn(
            f"X was read as long, by its index {in_words(X.index)}: {len(X)} samples of one time "
            "step each, whose columns are channels. If each row is a sequence, pass "
            "X.reset_index(drop=True).",
            UserWarning,
            stacklevel=2,
        )
    return _consecutive(np.ascontiguousarray(_as_floats(values)), end - begin, missing)


# --- checks -------------------------------------------------------------------------------
def _set_features(estimator: Any, n_channels: int, reset: bool) -> None:
    """A sequence has any length, so that its features are its channels."""
    if reset:
        estimator.n_features_in_ = n_channels
        if hasattr(estimator, "feature_names_in_"):
            del estimator.feature_names_in_


def _refuse_channel_first(
    estimator: Any, shape: tuple[int, ...], n_channels: int | None, reset: bool
) -> None:
    expected = n_channels if reset else estimator.n_channels_in_
    if expected is not None and shape[2] != expected and shape[1] == expected:
        raise ValueError(
            f"X has the shape {shape}, with {shape[2]} channels where {expected} are expected, "
            f"and {expected} time steps: it looks channel-first, (n_samples, n_channels, "
            "n_timesteps). Pass X.transpose(0, 2, 1)."
        )


def _check_channels(
    estimator: Any, data: SequenceDataset, n_channels: int | None, reset: bool
) -> None:
    columns = estimator.static_columns_
    n_read = data.n_channels - (0 if columns is None else len(columns))
    if n_channels is not None and n_read != n_channels:
        raise ValueError(
            f"X has {data.n_channels} channels, but n_channels={n_channels}. The last axis of X "
            "holds the channels; for a 3-D, a ragged or a long X leave n_channels=None."
        )
    if reset:
        estimator.n_channels_in_ = data.n_channels
    elif data.n_channels != estimator.n_channels_in_:
        hint = ""
        if data.n_channels == 1 and (data.lengths == estimator.n_channels_in_).all():
            hint = " If X is a single sequence, (n_timesteps, n_channels), pass [X]."
        raise ValueError(
            f"X has {data.n_channels} channels, but {type(estimator).__name__} was fitted with "
            f"{estimator.n_channels_in_}. The last axis of X holds the channels; a 2-D X holds "
            f"univariate series unless n_channels is set.{hint}"
        )
