"""Windows of a series and the values after them, for a regressor of your own."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklstm._forecasting.arguments import whole_number
from sklstm._forecasting.columns import as_numbers, refuse_list_of_series
from sklstm._forecasting.long_index import rows_by_series
from sklstm._forecasting.tables import check_not_a_table
from sklstm._forecasting.time_index import as_times, is_time_dtype
from sklstm._input.containers import as_array

_ADVICE = "Convert it, for example with pd.to_numeric."


class Windows(NamedTuple):
    """What `windows` returns."""

    X: NDArray  # (n_windows, window, n_channels)
    y: NDArray  # (n_windows, horizon) or (n_windows, horizon, n_targets)
    index: Any  # (n_windows, horizon): position or index entry of each target


def windows(
    values: Any,
    window: int,
    horizon: int = 1,
    *,
    exogenous: Any = None,
    gap: int = 0,
    step: int = 1,
) -> Windows:
    """Cut a series into windows, with the values that come after each.

    Parameters
    ----------
    values : Series, DataFrame or array of shape (n,) or (n, n_channels)
        The series, in order of time. A pandas object with the index (series, time) holds several
        series; no window reaches over two. Windows count rows: missing ones are not noticed.
    window : int
        Number of time steps in a window.
    horizon : int, default=1
        Number of time steps in a target; 0 for windows without targets, up to the last step.
    exogenous : DataFrame, array of shape (n, k) or None, default=None
        Further channels of the windows, at the same times, which are not targets.
    gap : int, default=0
        Number of time steps between a window and its target.
    step : int, default=1
        Number of time steps between the starts of two windows.

    Returns
    -------
    X : ndarray of shape (n_windows, window, n_channels)
        The windows, as the estimators read them. For one series without `exogenous` they are a
        read-only view, also of a memory map, and take no memory.
    y : ndarray of shape (n_windows, horizon) or (n_windows, horizon, n_channels)
        The targets, as a view of one series; without the last axis if `values` has one dimension.
    index : ndarray of shape (n_windows, horizon), or Index
        The position of each target in an array, or its entry in the index of a pandas object.
        With a horizon of 1 the latter are an Index of n_windows entries.

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
    window = whole_number("window", window)
    horizon, gap = whole_number("horizon", horizon, 0), whole_number("gap", gap, 0)
    step = whole_number("step", step)
    series = _as_array(values, "values")
    channels = series if series.ndim == 2 else series[:, np.newaxis]
    if exogenous is not None:
        more = _exogenous_channels(exogenous, values, len(series))
        channels = np.concatenate([channels, more], axis=1)
    order = np.arange(len(series))
    groups = [order]
    if _has_index(values) and values.index.nlevels > 1:
        groups = rows_by_series(values.index, "values")[1]
        order = np.concatenate(groups)
        series, channels = series[order], channels[order]
    starts = _starts([len(rows) for rows in groups], window + gap + horizon, step)
    if not len(starts):
        raise ValueError(
            f"{len(series)} time steps hold no window of {window}, a gap of {gap} and a target of "
            f"{horizon}{'' if len(groups) == 1 else ' within one series'}."
        )
    # a slice gives views, but only positions can leave out windows over two series
    picked = slice(0, starts[-1] + 1, step) if len(groups) == 1 else starts
    # sliding_window_view puts the time of a window last
    view = np.lib.stride_tricks.sliding_window_view
    X = view(channels, window, axis=0)[picked].transpose(0, 2, 1)
    entries = values.index.to_numpy() if _has_index(values) else np.arange(len(order))
    if horizon == 0:
        y = np.empty((len(starts), 0, *series.shape[1:]), series.dtype)
        return Windows(X, y, np.empty((len(starts), 0), entries.dtype))
    first = window + gap
    y = np.moveaxis(view(series[first:], horizon, axis=0)[picked], -1, 1)
    if horizon == 1 and _has_index(values):
        return Windows(X, y, values.index[order[first:][picked]])
    return Windows(X, y, view(entries[order][first:], horizon)[picked])


def _starts(lengths: list[int], total: int, step: int) -> NDArray[np.intp]:
    """Return where windows begin in series one after the other, none of them over two series."""
    begins = np.cumsum([0, *lengths[:-1]])
    parts = [
        np.arange(begin, begin + n - total + 1, step)
        for begin, n in zip(begins, lengths, strict=True)
    ]
    return np.concatenate(parts).astype(np.intp)


def _exogenous_channels(exogenous: Any, values: Any, n_timesteps: int) -> NDArray:
    """Return further channels (n_timesteps, k), at the same times as the values."""
    more = _as_array(exogenous, "exogenous")
    if len(more) != n_timesteps:
        raise ValueError(f"exogenous has {len(more)} time steps, values have {n_timesteps}.")
    if _has_index(values) and _has_index(exogenous) and not exogenous.index.equals(values.index):
        raise ValueError("exogenous and values have different indexes: align them first.")
    return more if more.ndim == 2 else more[:, np.newaxis]


def _has_index(values: Any) -> bool:
    return hasattr(values, "index") and hasattr(values, "to_numpy")


def _as_array(values: Any, name: str) -> NDArray:
    """Return numbers (n,) or (n, n_channels); without a copy where the dtype allows it."""
    refuse_list_of_series(values, name)
    if not _has_index(values):
        array = np.asanyarray(as_array(values))
    else:
        if values.ndim == 2:
            check_not_a_table(values, name, reader=None)
        _check_in_order(values.index, name)
        array = values.to_numpy()
        if array.dtype.kind not in "iufb":
            array = as_numbers(values, name, _ADVICE).reshape(array.shape)
    if array.ndim not in (1, 2) or array.dtype.kind not in "iufb":
        raise ValueError(
            f"{name} must hold numbers in one or two dimensions; it has the dtype {array.dtype} "
            f"and {array.ndim} dimensions."
        )
    return array


def _check_in_order(index: Any, name: str) -> None:
    """Refuse times that go back, also those within a series."""
    if index.nlevels == 1:
        groups = [np.arange(len(index))]
        times = as_times(index)
        if not is_time_dtype(times.dtype):
            return  # numbers and labels need not be times
    else:
        groups = rows_by_series(index, name)[1]
        times = as_times(index.get_level_values(-1))
    for rows in groups:
        own = times[rows]
        if not own.is_monotonic_increasing or not own.is_unique:
            back = int(np.flatnonzero(own[1:] <= own[:-1])[0])
            raise ValueError(
                f"The times of {name} go from {own[back]!s} to {own[back + 1]!s}: sort them, or "
                "give rows of several series the index (series, time)."
            )
