"""Season lengths: those that a frequency suggests, a test for them, and their removal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

# The units of pandas' frequencies (the part of the name before a dash) and the seasons that a
# series with one observation per unit may have; other units are counted.
_SEASONS = {
    "YE": (), "YS": (), "BYE": (), "BYS": (), "Y": (), "A": (),
    "QE": (4,), "QS": (4,), "BQE": (4,), "BQS": (4,), "Q": (4,),
    "ME": (12,), "MS": (12,), "BME": (12,), "BMS": (12,), "M": (12,), "BM": (12,),
    "CBME": (12,), "CBMS": (12,),
    "SME": (24,), "SMS": (24,),
    "W": (52,), "B": (5,), "C": (5,), "D": (7,),
}  # fmt: skip
_SECONDS = {"h": 3600.0, "min": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "D": 86400.0}
_HOUR, _DAY, _WEEK = 3600.0, 86400.0, 604800.0
_SIGNIFICANT = 1.645  # two-sided 90%
_ROUNDING = 1e-24  # variance beside the squared level below which a series is a constant
_MANY_PRODUCTS = 10**9  # above this, sums of products are computed by Fourier transforms


def season_candidates(given: Any, step: Any) -> tuple[tuple[int, ...], bool]:
    """Return season lengths, the shortest first, and whether they must still be tested.

    given: the parameter `season_length`; step: that of the time axis.
    """
    if isinstance(given, str):
        return seasons_of_frequency(step), True
    if given is None:
        return (), False
    lengths = np.unique(np.atleast_1d(given))
    if lengths.dtype.kind not in "iu" or (lengths < 1).any():
        raise ValueError(f"season_length must hold whole numbers of at least 1, not {given!r}.")
    return tuple(int(m) for m in lengths if m > 1), False


def seasons_of_frequency(step: Any) -> tuple[int, ...]:
    """Return the season lengths that a frequency suggests, the shortest first."""
    if isinstance(step, int):
        return ()
    unit = step.freqstr.lstrip("0123456789").split("-")[0]
    spacing = _fixed_spacing(step, unit)
    if spacing is not None:
        if spacing < 1.0:  # the hour of a record of milliseconds has millions of steps
            return ()
        if spacing % _WEEK == 0.0:
            return _divided(52, int(spacing // _WEEK))
        periods = (_DAY, _WEEK) if spacing >= 60.0 else (_HOUR, _DAY)
        lengths = [round(period / spacing) for period in periods if period % spacing < 1e-9]
        return tuple(length for length in lengths if length > 1)
    if unit in _SEASONS:
        return tuple(length for m in _SEASONS[unit] for length in _divided(m, step.n))
    return _counted(step)


def _divided(m: int, n: int) -> tuple[int, ...]:
    """Return a season of m units in steps of n units, if that is a whole number above 1."""
    return (m // n,) if m % n == 0 and m // n > 1 else ()


def _fixed_spacing(step: Any, unit: str) -> float | None:
    """Return the seconds of a step; None if they are not always the same."""
    import pandas as pd

    if unit in _SECONDS:
        return _SECONDS[unit] * float(step.n)
    if type(step) is pd.DateOffset:
        try:
            return pd.Timedelta(**step.kwds).total_seconds() * step.n or None
        except (TypeError, ValueError):  # months, years, or a day of the month
            return None
    return None


def _counted(step: Any) -> tuple[int, ...]:
    """Return the steps in a day and in a week or, for longer steps, in a year."""
    import pandas as pd

    n_weeks, n_years = 8, 28  # after 28 years the calendar repeats
    begin = pd.Timestamp("2001-01-01")  # a Monday
    end = begin + pd.Timedelta(weeks=n_weeks) - pd.Timedelta(1, "ns")
    times = pd.date_range(begin, end, freq=step)
    in_a_week, rest = divmod(len(times), n_weeks)
    if in_a_week > 1:
        in_a_day = len(times) / times.normalize().nunique()
        lengths = (in_a_day, in_a_week) if rest == 0 else (in_a_day,)
        return tuple(int(m) for m in lengths if m > 1 and float(m).is_integer())
    years = pd.date_range(begin, begin + pd.DateOffset(years=n_years), freq=step, inclusive="left")
    in_a_year = len(years) / n_years
    near = round(in_a_year)
    return (near,) if near > 1 and abs(in_a_year - near) < 0.02 * near else ()


def is_seasonal(x: NDArray[np.float64], season_length: int) -> bool:
    """Return whether the autocorrelation at the season is significant at 90%."""
    m = season_length
    if len(x) < 3 * m:
        return False
    centered = x - x.mean()
    power = float(centered @ centered)
    return is_significant(autocovariances(centered, m), power, float(x @ x), len(x))


def is_significant(products: NDArray[np.float64], power: float, energy: float, n: int) -> bool:
    """Return whether the last of the autocorrelations of a series (n,) is significant at 90%.

    products (m,): autocovariances at the lags 1 to m, times n; power and energy are the sums of
    squares of the centred series and of the series.

    This is the test of the Theta method in the M3 and M4 competitions (Assimakopoulos &
    Nikolopoulos 2000); the limit is Bartlett's, from the autocorrelations at shorter lags.
    """
    if power <= _ROUNDING * energy:
        return False
    acf = products / power
    limit = _SIGNIFICANT * np.sqrt((1.0 + 2.0 * float(acf[:-1] @ acf[:-1])) / n)
    return bool(abs(acf[-1]) > limit)


def autocovariances(centered: NDArray[np.float64], m: int) -> NDArray[np.float64]:
    """Return the sums of products (m,) of a centred series with itself at lags 1 to m."""
    n = len(centered)
    if n * m <= _MANY_PRODUCTS:
        return np.array([centered[k:] @ centered[: n - k] for k in range(1, m + 1)])
    from scipy.fft import irfft, next_fast_len, rfft

    size = next_fast_len(n + m, real=True)
    return np.asarray(irfft(np.abs(rfft(centered, size)) ** 2, size)[1 : m + 1], np.float64)


def moving_average(x: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weighted sums (n - n_weights + 1,) of neighbouring values."""
    if len(x) * len(weights) <= _MANY_PRODUCTS:
        return np.convolve(x, weights, mode="valid")
    from scipy.signal import oaconvolve

    return np.asarray(oaconvolve(x, weights, mode="valid"), np.float64)


def seasonal_indices(x: NDArray[np.float64], season_length: int) -> NDArray[np.float64]:
    """Return additive seasonal indices (season_length,), from that of x[0] on; their mean is 0.

    This is classical decomposition: subtract a centred moving average of one season, and average
    what remains over the years.
    """
    m = season_length
    rest, first = without_trend(x, m)
    phase = (first + np.arange(len(rest))) % m
    sums = np.bincount(phase, rest, minlength=m)
    counts = np.bincount(phase, minlength=m)
    indices = sums / np.maximum(counts, 1)
    return indices - indices.mean()


def without_trend(x: NDArray[np.float64], m: int) -> tuple[NDArray[np.float64], int]:
    """Return a series without its centred moving average of m values, and where that begins.

    The moving average is not known for half a season at either end.
    """
    weights = np.full(m, 1.0 / m)
    if m % 2 == 0:  # 2 x m average, so that it is centred
        weights = np.concatenate([[0.5 / m], np.full(m - 1, 1.0 / m), [0.5 / m]])
    trend = moving_average(x, weights)
    first = len(weights) // 2
    return x[first : first + len(trend)] - trend, first


def season_profile(
    x: NDArray[np.float64],
    season_lengths: tuple[int, ...],
    indices_of: Callable[[NDArray[np.float64], int], NDArray[np.float64]] = seasonal_indices,
) -> dict[int, NDArray[np.float64]]:
    """Return indices by season; each season is removed before the next longer one is measured."""
    profile = {}
    for m in sorted(season_lengths):
        profile[m] = indices_of(x, m)
        x = x - profile[m][np.arange(len(x)) % m]
    return profile


def seasonal_part(
    profile: dict[int, NDArray[np.float64]], positions: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the sum of the seasonal indices at positions counted from the start of the series."""
    total = np.zeros(positions.shape)
    for m, indices in profile.items():
        total += indices[positions % m]
    return total
