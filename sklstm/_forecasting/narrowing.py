"""Intervals with drivers: narrowed at each step by as much as the drivers' network is better there.

Intervals come from past errors of the anchors, which do not know what that network knows. Each step
has its own factor: a driver that is known only in the past often helps the first ones alone. The
gain is measured on the hold-out, where few origins know the last steps and their forecasts overlap;
and the rounds of training were chosen there. So it is shrunken by the share of its square that is
noise (James & Stein 1961), as the seasons of short series are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sklstm._forecasting.candidates import DRIVERS
from sklstm._forecasting.hold_out import HoldOut

_NEAR = 1.4  # steps whose ratio is at most this are neighbours
_MOST_ALIKE = 0.95  # largest autocorrelation that is believed


def narrowing_by_network(
    hold_out: HoldOut, errors: dict[str, NDArray[np.float64]], weights: dict[str, NDArray]
) -> NDArray[np.float64]:
    """Return errors with the drivers' network as fractions (n_series, horizon) of those without.

    errors: by candidate, (n_origins, horizon) on the hold-out, 0 or NaN where nothing is known;
    weights: by candidate, (n_series,).
    """
    errors = {name: np.nan_to_num(table) for name, table in errors.items()}
    own = {name: weights[name][hold_out.series, np.newaxis] for name in errors}
    with_x = np.sum([own[name] * table for name, table in errors.items()], axis=0)
    gain = own[DRIVERS] * (errors["trend"] - errors[DRIVERS])
    size = np.bincount(hold_out.series, (with_x + np.abs(gain)).sum(axis=1))
    unit = np.where(size > 0.0, size, 1.0)[hold_out.series, np.newaxis]
    with_x, gain = with_x / unit, gain / unit  # so that no square overflows or vanishes
    out = np.ones((len(weights[DRIVERS]), gain.shape[1]))
    targets, place = np.unique(hold_out.positions, return_inverse=True)
    place = place.reshape(gain.shape)
    steps = np.arange(1, gain.shape[1] + 1)
    for k in steps:  # few origins know the last steps: neighbours count with each
        some = hold_out.known & (steps <= _NEAR * k) & (k <= _NEAR * steps)
        series = np.broadcast_to(hold_out.series[:, np.newaxis], some.shape)[some]
        total = np.bincount(series, gain[some], len(out))
        left = np.bincount(series, with_x[some], len(out))
        noise = _variance_of_sums(gain[some], place[some], series, len(targets), len(out))
        better = total > 0.0
        kept = np.maximum(1.0 - noise[better] / total[better] ** 2, 0.0)
        out[better, k - 1] = 1.0 - kept * total[better] / (left + total)[better]
    return out


def _variance_of_sums(
    values: NDArray[np.float64], place: NDArray, series: NDArray, n_targets: int, n_series: int
) -> NDArray[np.float64]:
    """Return the variance (n_series,) of the sums of values (n,) of each series.

    Values of the same target, the time at `place` (n,), are one; neighbouring targets depend on
    each other as an autoregression of order one. series (n,): which series a value belongs to.
    """
    counts = np.bincount(place, minlength=n_targets)
    known = counts > 0
    owner = np.zeros(n_targets, np.int64)
    owner[place] = series
    owner, counts = owner[known], counts[known]
    sums = np.bincount(place, values, n_targets)[known]
    n = np.bincount(owner, minlength=n_series)
    n_values = np.maximum(np.bincount(series, minlength=n_series), 1)
    mean = np.bincount(series, values, n_series) / n_values
    off = sums - counts * mean[owner]
    power = np.bincount(owner, off**2, n_series)
    next_ = owner[1:] == owner[:-1]
    product = np.bincount(owner[1:][next_], (off[1:] * off[:-1])[next_], n_series)
    alike = np.divide(product, power, out=np.zeros(n_series), where=power > 0.0)
    alike = np.clip(alike, 0.0, _MOST_ALIKE)
    variance = power * n / np.maximum(n - 1.0, 1.0) * (1.0 + alike) / (1.0 - alike)
    return np.where(n > 1, variance, np.inf)  # a single target shows nothing
