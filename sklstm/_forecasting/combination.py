"""Weights of the candidates, from their errors on the hold-out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sklstm._forecasting.candidates import BRANCHES, CANDIDATES, DRIVERS, with_network

_ENOUGH_FOR_NETWORKS = 100  # observations
_POWER = 3.0
_FLOOR = 0.1  # errors below this fraction of the largest one count as equal to it


def weights_of_candidates(
    errors: dict[str, NDArray[np.float64]], long: bool, n_observations: int
) -> dict[str, NDArray[np.float64]]:
    """Return weights (n_series,) by candidate, from hold-out errors (n_series,) by candidate.

    The networks of a model of few observations count less, however they did on the hold-out.
    """
    prior = {name: prior.long if long else prior.short for name, prior in CANDIDATES.items()}
    for name in (*map(with_network, BRANCHES), DRIVERS):
        prior[name] *= min(1.0, n_observations / _ENOUGH_FOR_NETWORKS)
    table = np.column_stack([errors[name] for name in CANDIDATES])
    weights = weights_by_error(table, np.array(list(prior.values())))
    return dict(zip(CANDIDATES, weights.T, strict=True))


def weights_by_error(
    errors: NDArray[np.float64], prior: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return weights (n_series, n_candidates) that sum to 1, from errors of that shape.

    NaN marks a candidate that a series does not have. `prior` (n_candidates,) holds the weights
    where all errors are equal.
    """
    worst = np.nanmax(errors, axis=1, keepdims=True)
    floored = np.maximum(errors, np.maximum(_FLOOR * worst, np.finfo(float).tiny))
    ratio = np.where(worst > 0.0, floored / np.where(worst > 0.0, worst, 1.0), 1.0)
    weights = np.where(np.isnan(errors), 0.0, prior * ratio**-_POWER)
    return weights / weights.sum(axis=1, keepdims=True)
