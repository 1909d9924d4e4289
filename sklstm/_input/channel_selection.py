"""Channels by name: which of them an argument means, and what those of an estimator are called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklstm._input.containers import names_of_columns

_MOST_NAMES = 20  # that an error lists


def selected_channels(
    selection: Any, n_channels: int, names: Sequence[str] | None, argument: str
) -> NDArray[np.intp]:
    """Return the sorted indices (n_selected,) of the channels that an argument selects.

    Parameters
    ----------
    selection : None, or array-like of str, int or bool
        Names, indices, or a mask (n_channels,); a Series of booleans goes by its index if that and
        the channels have names. None selects nothing.
    n_channels : int
        Channels of X.
    names : sequence of str or None
        Names of the channels, ``feature_names_in_``; None if X brings none.
    argument : str
        Name of the argument, for errors.
    """
    listed = _listed(names_in_mask(selection, names), argument)
    if all(isinstance(item, str) for item in listed):
        return _by_name(listed, names, argument)
    if all(isinstance(item, (bool, np.bool_)) for item in listed):
        return _by_mask(listed, n_channels, argument)
    for item in listed:
        if not isinstance(item, (int, np.integer)) or isinstance(item, (bool, np.bool_)):
            raise ValueError(
                f"{argument} holds {item!r} among others. Pass only names, only indices, or a mask "
                "of booleans."
            )
    return _by_index(listed, n_channels, argument)


def channel_names(estimator: Any) -> list[Any]:
    """Return the names of the channels (n_channels,), or the index of one that has none.

    Static columns of a 2-D X are channels behind the others.
    """
    n_channels, columns = estimator.n_channels_in_, estimator.static_columns_
    names = getattr(estimator, "feature_names_in_", None)
    if columns is not None and len(columns):
        n_steps = n_channels - len(columns)
        of_static = range(n_steps, n_channels) if names is None else names[columns]
        return [*range(n_steps), *of_static]
    if names is None or len(names) != n_channels:
        return list(range(n_channels))
    return list(names)


def check_labels(values: Any, names: Sequence[Any], where: str) -> None:
    """Refuse values of a time step that are labelled as other channels, or in another order.

    values: a row of pandas, or a table of pandas or polars with a column for each channel
    names (n_channels,): what the channels are called, or their indices
    """
    labels = names_of_columns(values) or []
    if not labels and hasattr(values, "to_numpy") and len(names) > 1:
        labels = list(getattr(values, "index", ()))
    if not labels and sorted(fields := getattr(values, "_fields", ())) == sorted(map(str, names)):
        labels = list(fields)  # of a row of itertuples, where pandas replaces some names
    known = list(names)
    named = labels and len(known) and all(isinstance(label, str) for label in [*labels, *known])
    reordered = len(labels) == len(known) and set(labels) == set(known)  # numbers, for instance
    if (named or reordered) and labels != known:
        raise ValueError(
            f"{where} has the channels {labels}, fit had {known}: pass these, in this order."
        )


def _listed(selection: Any, argument: str) -> list[Any]:
    """Return what a selection holds, or raise an error if it is no list."""
    if selection is None:
        return []
    if isinstance(selection, (str, bool, np.bool_, int, np.integer)):
        raise ValueError(f"{argument}={selection!r}: pass a list, {argument}=[{selection!r}].")
    if np.ndim(selection) != 1 and not isinstance(selection, (set, frozenset)):
        raise ValueError(
            f"{argument} is a {type(selection).__name__} of {np.ndim(selection)} dimensions: pass "
            "a list of names or indices, or a mask of booleans."
        )
    return list(selection)


def names_in_mask(selection: Any, names: Sequence[str] | None) -> Any:
    """Return the names where a mask with names is True, as of ``table.dtypes == "str"``."""
    labels: Any = getattr(selection, "index", None)
    is_mask = hasattr(labels, "is_unique") and str(selection.dtype) in ("bool", "boolean")
    if names is None or not is_mask or not all(isinstance(label, str) for label in labels):
        return selection
    return list(labels[selection.to_numpy(bool)])


def _by_name(listed: list[str], names: Sequence[str] | None, argument: str) -> NDArray[np.intp]:
    """Return the indices of channels by their names."""
    if not listed:
        return np.empty(0, np.intp)
    if names is None:
        raise ValueError(
            f"{argument} holds names, {listed[0]!r} for instance, but the channels of X have none. "
            "Pass a DataFrame, or the indices of the channels."
        )
    known = {name: i for i, name in enumerate(names)}
    unknown = [name for name in dict.fromkeys(listed) if name not in known]
    if unknown:
        there = ", ".join(map(repr, names[:_MOST_NAMES]))
        there += f", ... ({len(names)} in all)" if len(names) > _MOST_NAMES else ""
        raise ValueError(
            f"{argument} holds {', '.join(map(repr, unknown))}, which X does not have; its "
            f"channels are {there}."
        )
    return np.unique([known[name] for name in listed]).astype(np.intp)


def _by_mask(listed: list[bool], n_channels: int, argument: str) -> NDArray[np.intp]:
    """Return the indices of the channels where a mask is True."""
    if len(listed) != n_channels:
        raise ValueError(
            f"{argument} is a mask of {len(listed)} booleans, but X has {n_channels} channels: "
            "pass one for each channel."
        )
    return np.flatnonzero(listed)


def _by_index(listed: list[int], n_channels: int, argument: str) -> NDArray[np.intp]:
    """Return the indices, each checked."""
    for i in listed:
        if not 0 <= i < n_channels:
            raise ValueError(
                f"{argument} holds the index {i}, but X has {n_channels} channels: indices go "
                f"from 0 to {n_channels - 1}."
            )
    return np.unique(listed).astype(np.intp)
