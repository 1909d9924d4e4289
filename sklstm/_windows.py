"""Windows of a series and what follows them, for those who feed a regressor themselves."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Windows(NamedTuple):
    """What `windows` returns."""

    X: NDArray  # (n_windows, window, n_channels)
    y: NDArray  # (n_windows, horizon) or (n_windows, horizon, n_targets)
    index: Any  # (n_windows, horizon): where each target stands


def windows(
    values: Any,
    window: int,
    horizon: int = 1,
    *,
    exogenous: Any = None,
    gap: int = 0,
    step: int = 1,
) -> Windows:
    """Cut a series into windows, and what comes after each.

    Parameters
    ----------
    values : Series, DataFrame or array of shape (n,) or (n, n_channels)
        The series, in order of time.
    window : int
        Time steps of a window.
    horizon : int, default=1
        Time steps of a target; 0 for windows without targets, up to the last step.
    exogenous : DataFrame, array of shape (n, k) or None, default=None
        Further channels of the windows, which are no targets, at the same times.
    gap : int, default=0
        Time steps between a window and its target.
    step : int, default=1
        Time steps between the starts of two windows.

    Returns
    -------
    X : ndarray of shape (n_windows, window, n_channels)
        The windows, as the estimators read them. Without `exogenous` a read-only view, which
        takes no memory: of a memory map as well.
    y : ndarray of shape (n_windows, horizon) or (n_windows, horizon, n_channels)
        The targets, a read-only view; without the last axis if `values` has one dimension.
    index : ndarray of shape (n_windows, horizon), or Index
        Where in `values` each target stands: positions for an array, entries of the index for
        a pandas object; with a horizon of 1 those are an Index of n_windows entries.

    Examples
    --------
    >>> from sklstm import windows
    >>> X, y, index = windows([1.0, 2.0, 3.0, 4.0, 5.0], window=3, horizon=1)
    >>> X[:, :, 0]
    array([[1., 2., 3.],
           [2., 3., 4.]])
    >>> y[:, 0]
    array([4., 5.])
    >>> index[:, 0]
    array([3, 4])
    """
    for name, value, least in (
        ("window", window, 1), ("horizon", horizon, 0), ("gap", gap, 0), ("step", step, 1)
    ):  # fmt: skip
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
            raise ValueError(f"{name} must be a whole number of at least {least}, not {value!r}.")
    series = _as_array(values, "values")
    table = series if series.ndim == 2 else series[:, np.newaxis]
    n = len(table)
    n_windows = (n - window - gap - horizon) // step + 1
    if n_windows < 1:
        raise ValueError(
            f"{n} time steps hold no window of {window}, a gap of {gap} and a target of {horizon}."
        )
    channels = table
    if exogenous is not None:
        more = _as_array(exogenous, "exogenous")
        more = more if more.ndim == 2 else more[:, np.newaxis]
        if len(more) != n:
            raise ValueError(f"exogenous has {len(more)} time steps, values have {n}.")
        if (
            _has_index(values)
            and _has_index(exogenous)
            and not exogenous.index.equals(values.index)
        ):
            raise ValueError("exogenous and values have different indexes: align them first.")
        channels = np.concatenate([table, more], axis=1)
    # sliding_window_view puts the time of a window last
    view = np.lib.stride_tricks.sliding_window_view
    X = view(channels, window, axis=0)[::step][:n_windows].transpose(0, 2, 1)
    first = window + gap
    if horizon == 0:
        y = np.empty((n_windows, 0, *series.shape[1:]), series.dtype)
        places = np.empty((n_windows, 0), np.intp)
    else:
        targets = view(table[first:], horizon, axis=0)[::step][:n_windows].transpose(0, 2, 1)
        y = targets if series.ndim == 2 else targets[:, :, 0]
        places = view(np.arange(first, n), horizon)[::step][:n_windows]
    if not _has_index(values):
        return Windows(X, y, places)
    if horizon == 1:
        return Windows(X, y, values.index[places[:, 0]])
    return Windows(X, y, values.index.to_numpy()[places])


def _has_index(values: Any) -> bool:
    return hasattr(values, "index") and hasattr(values, "to_numpy")


def _as_array(values: Any, name: str) -> NDArray:
    array = values.to_numpy() if _has_index(values) else np.asanyarray(values)
    if array.ndim not in (1, 2) or array.dtype.kind not in "iufb":
        raise ValueError(
            f"{name} must hold numbers in one or two dimensions; it has the dtype {array.dtype} "
            f"and {array.ndim} dimensions."
        )
    return array
