"""Channels that do not change within a sequence: told apart, checked, and read once for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklstm._input.channel_selection import channel_names, selected_channels
from sklstm._input.places import PlacedError
from sklstm._input.sequences import SequenceDataset, steps_of

NO_STATIC = np.empty(0, np.int64)


def read_static(estimator: Any, data: SequenceDataset, reset: bool) -> SequenceDataset:
    """Set in fit which channels are static; refuse those that change within a sequence.

    Return the data with the category of a static channel at all steps of a sequence.
    """
    names = getattr(estimator, "feature_names_in_", None)
    if reset and estimator.static_columns_ is not None:  # they were put behind the others
        n_static = len(estimator.static_columns_)
        estimator.static_channels_ = np.arange(data.n_channels - n_static, data.n_channels)
    elif reset:
        estimator.static_channels_ = selected_channels(
            estimator.static_features, data.n_channels, names, "static_features"
        ).astype(np.int64)
    static = estimator.static_channels_
    if not len(static):
        return data
    if len(static) == data.n_channels:
        raise ValueError(
            f"static_features takes all {data.n_channels} channels of X (n_features="
            f"{data.n_channels}), and leaves none that changes over time."
        )
    categories = _static_categories(estimator)
    _check_constant(estimator, data, [k for k in static if k not in categories])
    for channel, known in categories.items():
        data = _with_one_category(estimator, data, channel, known)
    return data


def _static_categories(estimator: Any) -> dict[int, NDArray]:
    """Return the categories of the static channels that are categorical, by channel."""
    if estimator.is_categorical_ is None:
        return {}
    channels = np.flatnonzero(estimator.is_categorical_).tolist()
    of_channels = dict(zip(channels, estimator.categories_, strict=True))
    return {k: known for k, known in of_channels.items() if k in estimator.static_channels_}


def _with_one_category(
    estimator: Any, data: SequenceDataset, channel: int, known: NDArray
) -> SequenceDataset:
    """Return data with one code of a static channel at all steps of a sequence.

    known (n_categories,): the categories. The code 0 stands for a missing one, which is no change.
    """
    rows = steps_of(data)
    codes = data.values[rows, [channel]].astype(np.intp)
    sample = np.repeat(np.arange(data.n_samples), data.lengths)
    of_sample = np.zeros(data.n_samples, np.intp)
    of_sample[sample[codes > 0][::-1]] = codes[codes > 0][::-1]  # the first one is written last
    changes = (codes > 0) & (codes != of_sample[sample])
    if changes.any():
        first = int(changes.argmax())
        step = int(rows[first] - data.begin[sample[first]])
        before, after = known[[of_sample[sample[first]] - 1, codes[first] - 1]].tolist()
        _refuse_change(estimator, channel, sample[first], step, repr(before), repr(after))
    if (codes == of_sample[sample]).all():
        return data
    values = data.values.copy()
    values[rows, channel] = of_sample[sample]
    return replace(data, values=values)


def _check_constant(estimator: Any, data: SequenceDataset, static: list[int]) -> None:
    """Refuse a static channel of numbers that changes within a sequence."""
    first = first_values(data, np.array(static, np.int64))
    for sample, (begin, end) in enumerate(zip(data.begin, data.end, strict=True)):
        values = data.values[begin:end, static]
        # NaN is not equal to itself: a gap is no change
        changes = (values != first[sample]) & ~np.isnan(values)
        if changes.any():
            step, k = np.argwhere(changes)[0]
            before, after = f"{first[sample, k]:.6g}", f"{values[step, k]:.6g}"
            _refuse_change(estimator, static[k], sample, int(step), before, after)


def _refuse_change(
    estimator: Any, channel: int, sample: int, step: int, before: str, after: str
) -> None:
    """Raise the error for a static channel that changes at a time step of a sample."""
    message = (
        f"static_features has the channel {channel_names(estimator)[channel]!r}, which changes in "
        f"sample {sample} of X: it is {before} before time step {step}, and {after} there. Leave "
        "it out of static_features, or correct the values."
    )
    raise PlacedError(message, sample, step, channel)


def first_values(data: SequenceDataset, static: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the first value of each static channel, (n_samples, n_static); NaN if none."""
    first = data.values[data.begin][:, static].astype(np.float64)
    for sample in np.flatnonzero(np.isnan(first).any(axis=1)):
        values = data.values[data.begin[sample] : data.end[sample], static]
        row = (~np.isnan(values)).argmax(axis=0)
        first[sample] = values[row, np.arange(len(static))]
    return first


def split_static(
    data: SequenceDataset,
    static: NDArray[np.int64],
    gaps: NDArray[np.int64],
    center: NDArray[np.float64],
    deviation: NDArray[np.float64],
) -> tuple[SequenceDataset, NDArray[np.float64]]:
    """Return the channels that change, and the static ones as the network reads them.

    static, gaps: the channels that are static, and those of which is read whether they are known
    center, deviation (n_channels,): by which static ones are standardised
    (n_samples, n_static + n_gaps): 0 (the mean) for what is not known, and for each static
        channel with gaps whether it is known
    """
    values = first_values(data, static)
    known = ~np.isnan(values) & ~np.isnan(center[static])
    scaled = np.where(known, (values - center[static]) / deviation[static], 0.0)
    constant = np.concatenate([scaled, known[:, np.isin(static, gaps)]], axis=1)
    changing = np.ascontiguousarray(np.delete(data.values, static, axis=1))
    return replace(data, values=changing), constant


def wide_static(estimator: Any, X: NDArray, reset: bool) -> tuple[NDArray, NDArray | None]:
    """Return the columns of a 2-D X that are time steps, and the static ones (n_samples, n)."""
    if reset:
        names = getattr(estimator, "feature_names_in_", None)
        columns = static_columns(estimator, X.shape[1], names)
        estimator.static_columns_ = columns if len(columns) else None  # each prediction asks
    columns = estimator.static_columns_
    if columns is None or not len(columns):
        return X, None
    if len(columns) == X.shape[1]:
        raise ValueError(
            f"static_features takes all columns of X (n_features={X.shape[1]}), and leaves no "
            "time step."
        )
    return np.delete(X, columns, axis=1), X[:, columns]


def static_columns(
    estimator: Any, n_columns: int, names: Sequence[str] | None
) -> NDArray[np.int64]:
    """Return the indices of the columns of a 2-D X that static_features selects."""
    selected = selected_channels(estimator.static_features, n_columns, names, "static_features")
    return selected.astype(np.int64)


def beside(steps: NDArray, static: NDArray) -> NDArray:
    """Return steps (n_samples, n_timesteps, n_channels) with static values as channels behind.

    Steps of padding stay without values in all channels.
    """
    tiled = np.repeat(static[:, np.newaxis].astype(steps.dtype), steps.shape[1], axis=1)
    if steps.dtype.kind == "f":
        tiled[np.isnan(steps).all(axis=2)] = np.nan
    return np.concatenate([steps, tiled], axis=2)
