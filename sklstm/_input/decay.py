"""How fast the values of a channel are forgotten: the rates of `missing="decay"`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklstm._input.sequences import SequenceDataset, evenly_spaced

_MOST_SAMPLES = 500  # that are looked at, evenly spaced
_LAGS = 4  # values before one that are compared with it
# rates to choose from, for each unit of time
_RATES = np.concatenate([[0.0], np.geomspace(0.01, 10.0, 61)])


def decay_rates(
    estimator: Any,
    data: SequenceDataset,
    samples: NDArray[np.int64],
    weight: NDArray[np.float64],
) -> NDArray[np.float64] | None:
    """Return the rate of each channel (n_channels,) that best predicts values from those before.

    The deviation of an earlier value from the mean, times exp(-rate * time between), then has the
    least squared error. 0 for a channel of which there are no two values; None without decay.
    samples, weight (n,): the sequences to look at, and how much each counts
    """
    if estimator.missing != "decay":
        return None
    errors = np.zeros((len(_RATES), data.n_channels))
    looked_at = (evenly_spaced(each, _MOST_SAMPLES) for each in (samples, weight))
    for sample, of_sample in zip(*looked_at, strict=True):
        values = data.values[data.begin[sample] : data.end[sample]].astype(np.float64)
        clock = (
            np.cumsum(np.expm1(values[:, -1])) if estimator.time_gaps else np.arange(len(values))
        )
        for channel, column in enumerate((values - estimator.channel_mean_).T):
            (there,) = np.nonzero(~np.isnan(column))
            for lag in range(1, min(_LAGS, len(there) - 1) + 1):
                first, later = there[:-lag], there[lag:]
                decay = np.exp(-_RATES[:, np.newaxis] * (clock[later] - clock[first]))
                squares = (column[later] - decay * column[first]) ** 2
                errors[:, channel] += of_sample * squares.sum(axis=1)
    return _RATES[errors.argmin(axis=0)]
