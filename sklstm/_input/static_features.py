"""Channels that do not change within a sequence: told apart, checked, and read once for each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklstm._input.channel_selection import selected_channels
from sklstm._input.sequences import SequenceDataset

NO_STATIC = np.empty(0, np.int64)


def read_static(estimator: Any, data: SequenceDataset, reset: bool) -> None:
    """Set in fit which channels are static; refuse those that change within a sequence."""
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
        return
    if estimator.is_categorical_ is not None and estimator.is_categorical_[static].any():
        channel = static[estimator.is_categorical_[static].argmax()]
        raise ValueError(
            f"static_features has {_name(estimator, channel)}, which is categorical, and "
            "static categories are not supported yet: leave it out, so that it is read at "
            "every step, or encode it as numbers, for instance by pd.get_dummies."
        )
    if len(static) == data.n_channels:
        raise ValueError(
            f"static_features takes all {data.n_channels} channels of X (n_features="
            f"{data.n_channels}), and leaves none that changes over time."
        )
    _check_constant(estimator, data, static)


def _check_constant(estimator: Any, data: SequenceDataset, static: NDArray[np.int64]) -> None:
    """Refuse a static channel that changes within a sequence."""
    first = first_values(data, static)
    for sample, (begin, end) in enumerate(zip(data.begin, data.end, strict=True)):
        values = data.values[begin:end, static]
        # NaN is not equal to itself: a gap is no change
        changes = (values != first[sample]) & ~np.isnan(values)
        if changes.any():
            step, k = np.argwhere(changes)[0]
            raise ValueError(
                f"static_features has {_name(estimator, static[k])}, which changes in sample "
                f"{sample} of X: it is {first[sample, k]:.6g} before time step {step}, and "
                f"{values[step, k]:.6g} there. Leave it out of static_features, or correct the "
                "values."
            )


def _name(estimator: Any, channel: int) -> str:
    """Return a channel in words."""
    names = getattr(estimator, "feature_names_in_", ())
    if estimator.static_columns_ is None and len(names) > channel:
        return f"the channel {names[channel]!r}"
    return f"the channel {channel}"


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


def wide_static(estimator: Any, X: NDArray, reset: bool) -> tuple[NDArray, NDArray]:
    """Return the columns of a 2-D X that are time steps, and the static ones (n_samples, n)."""
    if reset:
        names = getattr(estimator, "feature_names_in_", None)
        estimator.static_columns_ = selected_channels(
            estimator.static_features, X.shape[1], names, "static_features"
        ).astype(np.int64)
    columns = estimator.static_columns_
    if columns is None or not len(columns):
        return X, X[:, :0]
    if len(columns) == X.shape[1]:
        raise ValueError(
            f"static_features takes all columns of X (n_features={X.shape[1]}), and leaves no "
            "time step."
        )
    return np.delete(X, columns, axis=1), X[:, columns]


def beside(steps: NDArray, static: NDArray) -> NDArray:
    """Return steps (n_samples, n_timesteps, n_channels) with static values as channels behind.

    Steps of padding stay without values in all channels.
    """
    tiled = np.repeat(static[:, np.newaxis].astype(steps.dtype), steps.shape[1], axis=1)
    if steps.dtype.kind == "f":
        tiled[np.isnan(steps).all(axis=2)] = np.nan
    return np.concatenate([steps, tiled], axis=2)
