"""Regular time axes: the frequency of a pandas index, its gaps, and its continuation.

Three kinds of index can be continued: time stamps (DatetimeIndex), periods (PeriodIndex) and
whole numbers at a constant step (RangeIndex, or an Index of integers such as years). The *step*
of an axis is an offset for the first two kinds and an int for the third.
"""

from __future__ import annotations

from typing import Any

import numpy as np

# With gaps, a frequency is inferred from stretches of so many consecutive time stamps, which
# begin at so many different positions.
_STRETCHES = (12, 5, 3)
_N_STRETCHES = 64


def regular(index: Any, freq: Any = None, where: str = "y") -> tuple[Any, Any]:
    """Return the gapless axis from the first to the last entry of an index, and its step.

    Raises a ValueError that says what to do if entries are NaN, repeated, unsorted, or not on a
    common frequency.
    """
    import pandas as pd

    if isinstance(index, pd.MultiIndex):
        raise ValueError(f"{where} needs a single index here, not one of {index.nlevels} levels.")
    if len(index) == 0:
        raise ValueError(f"{where} has no observations.")
    if index.hasnans:
        raise ValueError(
            f"The index of {where} holds missing values (NaT or NaN): drop those rows."
        )
    if not index.is_unique:
        twice = index[index.duplicated()][0]
        raise ValueError(
            f"The index of {where} holds {twice!s} more than once. Aggregate first, for example "
            f"with {where}.groupby(level=0).mean()."
        )
    if not index.is_monotonic_increasing:
        raise ValueError(f"The index of {where} is not sorted in time: use {where}.sort_index().")
    if isinstance(index, pd.PeriodIndex):
        return pd.period_range(index[0], index[-1], freq=index.freq, name=index.name), index.freq
    if isinstance(index, pd.DatetimeIndex):
        return _regular_times(index, freq, where)
    if pd.api.types.is_integer_dtype(index.dtype):
        return _regular_integers(index, freq, where)
    raise ValueError(
        f"{where} has an index of type {type(index).__name__} ({index.dtype}), which has no "
        "frequency. Use a DatetimeIndex (pd.to_datetime), a PeriodIndex or whole numbers."
    )


def _regular_integers(index: Any, freq: Any, where: str) -> tuple[Any, int]:
    import pandas as pd

    step = int(np.diff(index.to_numpy()).min()) if len(index) > 1 else 1
    step = getattr(index, "step", step) if freq is None else int(freq)
    full = pd.RangeIndex(int(index[0]), int(index[-1]) + step, step, name=index.name)
    _check_on_frequency(index, full, step, where)
    return full, step


def _regular_times(index: Any, freq: Any, where: str) -> tuple[Any, Any]:
    import pandas as pd

    offset = pd.tseries.frequencies.to_offset(freq) if freq is not None else index.freq
    if offset is None:
        offset = _guess(index)
    if offset is None:
        few = "It takes three time stamps to find it. " if len(index) < 3 else ""
        raise ValueError(
            f"The frequency of {where} cannot be found from its index. {few}Set it with "
            f"{where}.asfreq('D'), for example, or pass freq='D' to the estimator."
        )
    full = pd.date_range(index[0], index[-1], freq=offset, name=index.name, unit=index.unit)
    _check_on_frequency(index, full, offset.freqstr, where)
    return full, offset


def _check_on_frequency(index: Any, full: Any, step: Any, where: str) -> None:
    """Refuse an index with entries between those of its gapless axis."""
    strange = index.difference(full)
    if len(strange):
        raise ValueError(
            f"{strange[0]!s} in the index of {where} does not lie on its frequency, {step}. "
            "Resample the series first, or pass the right freq to the estimator."
        )


def _guess(index: Any) -> Any:
    """Infer the frequency as pandas does; with gaps, from stretches without any."""
    import pandas as pd

    if len(index) < 3:
        return None
    offset = _inferred(index)
    if offset is not None:
        return offset
    for length in _STRETCHES:
        last = len(index) - length
        for first in sorted(set(np.linspace(0, max(last, 0), _N_STRETCHES).astype(int))):
            offset = _inferred(index[first : first + length]) if last >= 0 else None
            if offset is None:
                continue
            if index.isin(pd.date_range(index[0], index[-1], freq=offset)).all():
                return offset
    return None


def _inferred(index: Any) -> Any:
    import pandas as pd

    try:
        # pandas 3.1 announces that it will return offsets where it returned strings
        with pd.option_context("future.infer_freq_returns_offset", True):
            name = pd.infer_freq(index)
    except KeyError:  # pandas.errors.OptionError: an older pandas
        name = pd.infer_freq(index)
    return None if name is None else pd.tseries.frequencies.to_offset(name)


def future(index: Any, step: Any, horizon: int) -> Any:
    """Return the next `horizon` entries after the last one of an index."""
    import pandas as pd

    last = index[-1]
    if isinstance(index, pd.PeriodIndex):
        return pd.period_range(last + step, periods=horizon, freq=step, name=index.name)
    if isinstance(index, pd.DatetimeIndex):
        times = pd.date_range(last, periods=horizon + 1, freq=step, unit=index.unit)
        return times[1:].rename(index.name)
    first = int(last) + step
    return pd.RangeIndex(first, first + horizon * step, step, name=index.name)


def steps_until(index: Any, step: Any, last: Any, guess: int) -> int:
    """Return how many steps after the end of an index a later entry is; a guess saves time."""
    steps = guess
    axis = future(index, step, steps)
    while axis[-1] < last:
        steps *= 2
        axis = future(index, step, steps)
    position = int(axis.get_indexer([last])[0])
    if position < 0:
        raise ValueError(f"{last!s} does not lie on the frequency of the series of fit.")
    return position + 1


def join(first: Any, second: Any, step: Any) -> Any:
    """Join two neighbouring stretches of an axis."""
    import pandas as pd

    if isinstance(first, pd.RangeIndex):
        return pd.RangeIndex(first[0], int(second[-1]) + step, step, name=first.name)
    if isinstance(first, pd.PeriodIndex):
        return pd.period_range(first[0], second[-1], freq=step, name=first.name)
    return pd.DatetimeIndex(first.append(second), freq=step, name=first.name)
