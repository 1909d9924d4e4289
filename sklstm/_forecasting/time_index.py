"""Regular time axes: the frequency of a pandas index, its gaps, and how it goes on.

Three kinds of index have a future: time stamps (DatetimeIndex), periods (PeriodIndex) and
whole numbers at a constant step (RangeIndex, or an Index of integers such as years).
The *step* of an axis is an offset for the first two and an int for the third.
"""

from __future__ import annotations

from typing import Any

import numpy as np

# How many consecutive time stamps a frequency is guessed from where there are gaps, and at
# how many places.
_STRETCHES = (12, 5, 3)
_PLACES = 64


def regular(index: Any, freq: Any = None, where: str = "y") -> tuple[Any, Any]:
    """The gapless axis from the first to the last entry of an index, and its step.

    Raises a ValueError that says what to do if entries are missing, repeated, unsorted, or
    on no common frequency.
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
    _refuse_strangers(index, full, step, where)
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
    _refuse_strangers(index, full, offset.freqstr, where)
    return full, offset


def _refuse_strangers(index: Any, full: Any, step: Any, where: str) -> None:
    strange = index.difference(full)
    if len(strange):
        raise ValueError(
            f"{strange[0]!s} in the index of {where} does not lie on its frequency, {step}. "
            "Resample the series first, or pass the right freq to the estimator."
        )


def _guess(index: Any) -> Any:
    """The frequency as pandas infers it; where there are gaps, from stretches without."""
    import pandas as pd

    if len(index) < 3:
        return None
    offset = _inferred(index)
    if offset is not None:
        return offset
    for length in _STRETCHES:
        last = len(index) - length
        for first in sorted(set(np.linspace(0, max(last, 0), _PLACES).astype(int))):
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
    """The next `horizon` entries after the last one of an index."""
    import pandas as pd

    last = index[-1]
    if isinstance(index, pd.PeriodIndex):
        return pd.period_range(last + step, periods=horizon, freq=step, name=index.name)
    if isinstance(index, pd.DatetimeIndex):
        times = pd.date_range(last, periods=horizon + 1, freq=step, unit=index.unit)
        return times[1:].rename(index.name)
    first = int(last) + step
    return pd.RangeIndex(first, first + horizon * step, step, name=index.name)


def join(first: Any, second: Any, step: Any) -> Any:
    """Two neighbouring stretches of one axis as one."""
    import pandas as pd

    if isinstance(first, pd.RangeIndex):
        return pd.RangeIndex(first[0], int(second[-1]) + step, step, name=first.name)
    if isinstance(first, pd.PeriodIndex):
        return pd.period_range(first[0], second[-1], freq=step, name=first.name)
    return pd.DatetimeIndex(first.append(second), freq=step, name=first.name)
