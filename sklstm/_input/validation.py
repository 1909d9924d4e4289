"""Everything a user may pass as X, made a SequenceDataset, or an error that says what to do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_array, validate_data

from sklstm._input.sequences import SequenceDataset

# Values looked at in one go, so that a memory-mapped array is read piece by piece.
_BLOCK_VALUES = 1 << 18


def as_sequences(estimator: Any, X: Any, *, n_channels: int | None, reset: bool) -> SequenceDataset:
    """Sequences from any of the documented forms of X.

    With `reset` (in fit) the estimator's ``n_features_in_``, ``n_channels_in_`` and, for a
    DataFrame with string columns, ``feature_names_in_`` are set; else X must agree with them.
    """
    if isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1:
        X = list(X)
    if is_long_frame(X):
        data = _from_long_frame(estimator, X, reset)
    elif _is_list_of_sequences(X, n_channels):
        data = _from_list(X)
        _set_features(estimator, data.n_channels, reset)
    else:
        data = _from_array(estimator, X, n_channels, reset)
    _check_channels(estimator, data, n_channels, reset)
    _check_finite(data)
    return data


# --- arrays -------------------------------------------------------------------------------
def _from_array(estimator: Any, X: Any, n_channels: int | None, reset: bool) -> SequenceDataset:
    X = _stacked(X)
    # a NumPy array of floats, as a server passes it row by row: scikit-learn's checks would
    # take longer than the network, and find nothing that is not checked below
    plain = type(X) is np.ndarray and X.dtype in (np.float32, np.float64) and X.size > 0
    if getattr(X, "ndim", 2) == 3:
        if not plain:
            X = check_array(
                X, allow_nd=True, dtype="numeric", ensure_all_finite=False, estimator=estimator
            )
        _refuse_channel_first(estimator, X.shape, n_channels, reset)
        _set_features(estimator, X.shape[2], reset)
    else:  # (n_samples, n_timesteps * n_channels)
        named = hasattr(estimator, "feature_names_in_")
        if plain and not reset and not named and X.shape[1:] == (estimator.n_features_in_,):
            pass
        elif reset or estimator.n_features_in_ != estimator.n_channels_in_:
            X = validate_data(estimator, X, reset=reset, dtype="numeric", ensure_all_finite=False)
        else:  # fitted on sequences, whose number of steps is free
            X = check_array(X, dtype="numeric", ensure_all_finite=False, estimator=estimator)
        channels = n_channels or 1
        if X.shape[1] % channels:
            raise ValueError(
                f"X has {X.shape[1]} columns, which is no multiple of n_channels={channels}. "
                "A 2-D X holds one sample a row, time step after time step, all channels of a "
                "step side by side."
            )
        X = X.reshape(len(X), -1, channels)
    n_samples, n_timesteps, n_channels = X.shape
    if n_timesteps == 0 or n_channels == 0:
        raise ValueError(
            f"X has the shape {X.shape}: every sequence needs at least one time step and one "
            "channel."
        )
    lengths = _lengths_without_padding(X)
    begin = np.arange(n_samples, dtype=np.int64) * n_timesteps
    values = _numeric(X.reshape(n_samples * n_timesteps, n_channels))
    return SequenceDataset(values, begin, begin + lengths)


def _stacked(X: Any) -> Any:
    """A list of 2-D arrays of one shape as a 3-D array; anything else as it is."""
    if isinstance(X, (list, tuple)) and len(X) and is_sequence(X[0]) and len(_shape(X[0])) == 2:
        return np.stack([np.asarray(x) for x in X])
    return X


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
    _refuse_empty(lengths, "holds nothing but NaN")
    return lengths


def _numeric(values: NDArray) -> NDArray:
    """C-contiguous; small integers and the like as float64, unless they are memory-mapped."""
    if values.dtype not in (np.float32, np.float64) and not _is_memory_mapped(values):
        values = values.astype(np.float64)
    return np.ascontiguousarray(values)


def _is_memory_mapped(array: Any) -> bool:
    while array is not None:
        if isinstance(array, np.memmap):
            return True
        array = getattr(array, "base", None)
    return False


# --- ragged lists -------------------------------------------------------------------------
def _is_list_of_sequences(X: Any, n_channels: int | None) -> bool:
    """Sequences of differing lengths, or univariate ones, each an array of its own.

    Python lists of equal lengths are a table, as for all of scikit-learn; so are arrays of
    equal lengths where a row holds several channels.
    """
    if not isinstance(X, (list, tuple)) or not X or not all(is_sequence(x) for x in X):
        return False
    shapes = {_shape(x) for x in X}
    if len(shapes) > 1:
        return True
    univariate = len(shapes.pop()) == 1 and n_channels in (None, 1)
    return univariate and not isinstance(X[0], (list, tuple))


def is_sequence(x: Any) -> bool:
    """An array, a pandas object or a nested list, not a number or a string."""
    if isinstance(x, Sequence):
        return not isinstance(x, (str, bytes))
    return getattr(x, "ndim", 0) > 0


def _shape(x: Any) -> tuple[int, ...]:
    return tuple(getattr(x, "shape", None) or np.asarray(x, dtype=object).shape)


def _from_list(X: Any) -> SequenceDataset:
    arrays = []
    for i, x in enumerate(X):
        try:
            x = np.asarray(x)
            if x.dtype.kind not in "fiubO":
                raise TypeError(f"its dtype is {x.dtype}")
            x = x.astype(np.float64) if x.dtype not in (np.float32, np.float64) else x
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"Sample {i} of X is no array of numbers: {error}. A list X holds one "
                "(n_timesteps,) or (n_timesteps, n_channels) array for each sample."
            ) from error
        if x.ndim == 1:
            x = x[:, np.newaxis]
        if x.ndim != 2:
            raise ValueError(
                f"Sample {i} of X has {x.ndim} dimensions, its shape is {x.shape}. A list X "
                "holds one (n_timesteps,) or (n_timesteps, n_channels) array for each sample."
            )
        arrays.append(x)
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
    return _trimmed(np.ascontiguousarray(np.concatenate(arrays)), lengths)


def _trimmed(values: NDArray, lengths: NDArray[np.int64]) -> SequenceDataset:
    """Consecutive sequences; NaN at the end of one are padding there too."""
    end = np.cumsum(lengths)
    begin = end - lengths
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
def _is_frame(X: Any) -> bool:
    """A pandas object; told by its module so that pandas need not be imported."""
    return type(X).__module__.split(".")[0] == "pandas"


def is_long_frame(X: Any) -> bool:
    return _is_frame(X) and getattr(getattr(X, "index", None), "nlevels", 1) > 1


def _from_long_frame(estimator: Any, X: Any, reset: bool) -> SequenceDataset:
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
    sample = X.index.codes[0]
    changes = np.nonzero(np.diff(sample))[0] + 1
    begin = np.concatenate([[0], changes]).astype(np.int64)
    end = np.append(changes, len(sample)).astype(np.int64)
    if len(np.unique(sample[begin])) < len(begin):
        raise ValueError(
            "The rows of a sample of X do not stand together. Sort it: X.sort_index()."
        )
    time = X.index.get_level_values(1)
    rising = np.asarray(time[1:] > time[:-1])
    rising[changes - 1] = True
    if not rising.all():
        row = int(np.argmin(rising)) + 1
        raise ValueError(
            f"The time of X does not rise at row {row}, {X.index[row]!r}: a sample's time "
            "steps must be in order, each once. Sort X with X.sort_index() and drop duplicates."
        )
    values = _numeric(values)
    return _trimmed(values, end - begin)


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
    if n_channels is not None and data.n_channels != n_channels:
        raise ValueError(
            f"X has {data.n_channels} channels, but n_channels={n_channels}. The last axis of X "
            "holds the channels; for a 3-D, a ragged or a long X leave n_channels=None."
        )
    if reset:
        estimator.n_channels_in_ = data.n_channels
    elif data.n_channels != estimator.n_channels_in_:
        raise ValueError(
            f"X has {data.n_channels} channels, but {type(estimator).__name__} was fitted with "
            f"{estimator.n_channels_in_}. The last axis of X holds the channels; a 2-D X holds "
            "univariate series unless n_channels is set."
        )


def _check_finite(data: SequenceDataset) -> None:
    """Refuse NaN and infinity inside a sequence, and say where the first one stands."""
    if data.values.dtype.kind != "f":
        return
    n_rows = max(1, _BLOCK_VALUES // data.n_channels)
    for first in range(0, len(data.values), n_rows):
        values = data.values[first : first + n_rows]
        with np.errstate(over="ignore", invalid="ignore"):
            if math.isfinite(values.sum(dtype=np.float64)):
                continue
        rows = np.nonzero(~np.isfinite(values).all(axis=1))[0] + first
        samples = np.searchsorted(data.begin, rows, side="right") - 1
        inside = rows < data.end[samples]  # the others are padding
        if inside.any():
            row = rows[inside][0]
            channel = int(np.argmin(np.isfinite(data.values[row])))
            _raise_not_finite(data, int(samples[inside][0]), int(row), channel)


def _raise_not_finite(data: SequenceDataset, sample: int, row: int, channel: int) -> None:
    value = data.values[row, channel]
    what = "NaN" if np.isnan(value) else "infinity"
    raise ValueError(
        f"Input X contains {what}: sample {sample}, time step {row - data.begin[sample]}, channel "
        f"{channel}. Only steps at the end of a sequence may be NaN, in all channels: they are "
        "padding. Fill gaps before, for instance by interpolation."
    )
