"""Values of time steps in the form in which X came: the way back from a SequenceDataset."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklstm._input.containers import (
    as_array,
    is_long_frame,
    is_pandas,
    is_sequence,
    of_dataset,
    rows_of_samples,
    shape_of,
)
from sklstm._input.sequences import SequenceDataset
from sklstm._input.table import Sequences


def in_form_of(
    X: Any,
    data: SequenceDataset,
    rows: NDArray,
    fill: float = 0.0,
    static_columns: NDArray[np.int64] | None = None,
) -> Any:
    """Return an array, list, frame or Sequences like X, with other values.

    data: X as sequences
    rows (total_steps, n_channels): the values, one sample after another
    fill: what stands where X has padding
    static_columns: of a 2-D X, whose values are those of the last channels
    """
    X = of_dataset(X)
    if isinstance(X, Sequences):
        return X.with_values(rows)
    if is_long_frame(X):
        begin, end = rows_of_samples(X.index, "X")
        values = np.concatenate(_filled(data, rows, end - begin, fill))
        return _frame_like(X, values)
    if isinstance(X, (list, tuple)) and not _is_table(X):
        shapes = [shape_of(x) for x in X]
        lengths = np.array([shape[0] for shape in shapes])
        samples = _filled(data, rows, lengths, fill)
        return [sample.reshape(shape) for sample, shape in zip(samples, shapes, strict=True)]
    if is_pandas(X) and not is_sequence(X.iat[0] if X.ndim == 1 else X.iat[0, 0]):
        return _frame_like(X, _stacked(data, rows, X.shape, fill, static_columns))
    array = np.asarray(as_array(X))
    if array.dtype.kind == "O" and is_sequence(array.flat[0]):
        return _filled(data, rows, data.lengths, fill)
    return _stacked(data, rows, array.shape, fill, static_columns)


def _is_table(X: Any) -> bool:
    """Return whether a list holds rows of numbers, all of one length."""
    return isinstance(X[0], (list, tuple)) and len({shape_of(x) for x in X}) == 1


def _filled(
    data: SequenceDataset, rows: NDArray, lengths: NDArray[np.int64], fill: float
) -> list[NDArray]:
    """Return an array (lengths[i], n_channels) for each sample."""
    samples = []
    for sample, length in zip(np.split(rows, np.cumsum(data.lengths)[:-1]), lengths, strict=True):
        out = np.full((length, rows.shape[1]), fill, rows.dtype)
        out[: len(sample)] = sample
        samples.append(out)
    return samples


def _stacked(
    data: SequenceDataset,
    rows: NDArray,
    shape: tuple[int, ...],
    fill: float,
    static_columns: NDArray[np.int64] | None,
) -> NDArray:
    """Return an array of the shape (n_samples, n_timesteps, n_channels), or the last two as one."""
    columns = np.empty(0, np.int64)
    if static_columns is not None and len(shape) == 2:
        columns = static_columns
    n_changing = data.n_channels - len(columns)
    n_timesteps = (int(np.prod(shape[1:])) - len(columns)) // n_changing
    steps = np.full((data.n_samples, n_timesteps, n_changing), fill, rows.dtype)
    alive = np.arange(n_timesteps) < data.lengths[:, np.newaxis]
    steps[alive] = rows[:, :n_changing]
    if not len(columns):
        return steps.reshape(shape)
    out = np.empty(shape, rows.dtype)
    out[:, columns] = rows[np.cumsum(data.lengths) - data.lengths, n_changing:]
    out[:, np.setdiff1d(np.arange(shape[1]), columns)] = steps.reshape(data.n_samples, -1)
    return out


def _frame_like(X: Any, values: NDArray) -> Any:
    """Return a frame or series with the labels of X."""
    if X.ndim == 1:
        return type(X)(values[:, 0], index=X.index, name=X.name)
    return type(X)(values, index=X.index, columns=X.columns)
