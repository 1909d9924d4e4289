"""A target at every time step: its documented forms as one row for each step of X, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import _check_sample_weight

from sklstm._input.containers import as_array, is_long_frame, is_sequence, rows_of_samples
from sklstm._input.sequences import SequenceDataset
from sklstm._input.targets import check_weight, plain
from sklstm.components.loss import TargetError

FORM = (
    "With return_sequences=True it is an array (n_samples, n_timesteps) or (n_samples, "
    "n_timesteps, n_outputs), a list of arrays (n_timesteps_i,) or (n_timesteps_i, n_outputs), "
    "or a long DataFrame like X."
)


def rows_of_steps(
    values: Any, data: SequenceDataset, missing: Callable[[NDArray], NDArray], name: str = "y"
) -> NDArray:
    """Rows (total_steps,) or (total_steps, n_outputs), one sample's steps after the other.

    Behind the end of a sequence there may be more, if all of it is `missing`.
    """
    if is_long_frame(values):
        begin, end = rows_of_samples(values.index, name)
        rows_of_frame = plain(values)
        values = [rows_of_frame[a:b] for a, b in zip(begin, end, strict=True)]
    n_samples = len(values) if hasattr(values, "__len__") else 0
    if n_samples != data.n_samples:
        raise ValueError(
            "Found input variables with inconsistent numbers of samples: X has "
            f"{data.n_samples}, {name} has {n_samples}."
        )
    if not isinstance(values, (list, tuple)):
        values = np.asarray(plain(as_array(values)))
    rows = []
    for i, (value, length) in enumerate(zip(values, data.lengths, strict=True)):
        value = np.asarray(plain(as_array(value)))
        if value.ndim not in (1, 2):
            raise ValueError(f"{name} of sample {i} has the shape {value.shape}. {FORM}")
        if len(value) < length or not missing(value[length:]).all():
            raise ValueError(
                f"{name} of sample {i} has {len(value)} time steps, X has {length}. {FORM} What "
                "it has behind the end of a sequence must be marked as missing: by NaN, or in a "
                "classifier by missing_label, where np.nan stands for None too."
            )
        rows.append(value[:length])
    shapes = {value.shape[1:] for value in rows}
    if len(shapes) > 1:
        raise ValueError(f"{name} has rows of the shapes {sorted(shapes)}. {FORM}")
    if len({value.dtype.kind == "U" for value in rows}) > 1:
        # NumPy would make text of numbers
        rows = [value.astype(object) for value in rows]
    return np.concatenate(rows)


def weight_of_steps(sample_weight: Any, data: SequenceDataset) -> NDArray[np.float64]:
    """Weights (total_steps,), given for each sample or for each step."""
    by_step = is_long_frame(sample_weight) or getattr(sample_weight, "ndim", 1) > 1
    if isinstance(sample_weight, (list, tuple)):
        by_step = any(is_sequence(weight) for weight in sample_weight)
    if not by_step:
        check_weight(sample_weight)
        weight = _check_sample_weight(
            sample_weight, data.begin, dtype=np.float64, ensure_non_negative=True
        )
        return np.repeat(weight, data.lengths)
    rows = rows_of_steps(sample_weight, data, _nothing, "sample_weight")
    rows = rows[:, 0] if rows.shape[1:] == (1,) else rows
    try:
        check_weight(rows)
    except TargetError as error:
        raise of_step(error, error.row, data) from None
    return _check_sample_weight(rows, rows, dtype=np.float64, ensure_non_negative=True)


def of_step(error: TargetError, row: int, data: SequenceDataset) -> ValueError:
    """Return the error of a row, counted over all time steps, with its sample and time step."""
    last = np.cumsum(data.lengths)
    sample = int(np.searchsorted(last, row, side="right"))
    step = row - int(last[sample] - data.lengths[sample])
    return ValueError(f"{error} This is time step {step} of sample {sample}.")


def _nothing(weight: NDArray) -> NDArray:
    return np.isnan(weight) | (weight == 0)


def by_sample(rows: NDArray, lengths: NDArray) -> NDArray | list[NDArray]:
    """Rows of steps as (n_samples, n_timesteps, ...), or a list where the lengths differ."""
    if (lengths == lengths[0]).all():
        return rows.reshape(len(lengths), lengths[0], *rows.shape[1:])
    return np.split(rows, np.cumsum(lengths)[:-1])
