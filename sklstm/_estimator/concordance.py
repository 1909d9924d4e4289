"""Harrell's concordance index: how often the sample that is predicted to have longer has longer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_CELLS = 2**22  # of the pairs that are compared at a time


def concordance_index(
    target: NDArray[np.float64], predicted: NDArray[np.float64], weight: NDArray[np.float64]
) -> float:
    """Return the share of comparable pairs that are predicted in the right order.

    A pair is comparable if one has an observed event, and the other had none up to that time. A
    pair that is predicted to have equally long counts half (Harrell et al. 1982). A pair has the
    product of its weights.

    target (n, 2): whether the event was observed, 1 or 0, and the time; predicted (n,): the larger,
        the longer; weight (n,)
    """
    happened, time = target[:, 0] == 1.0, target[:, 1]
    (events,) = np.nonzero(happened & (weight > 0.0))
    size = max(1, _CELLS // len(time))
    concordant = comparable = 0.0
    for block in (events[k : k + size, np.newaxis] for k in range(0, len(events), size)):
        longer = (time > time[block]) | ((time == time[block]) & ~happened)
        pairs = longer * weight * weight[block]
        right = (predicted > predicted[block]) + 0.5 * (predicted == predicted[block])
        comparable += pairs.sum()
        concordant += (pairs * right).sum()
    if comparable == 0.0:
        raise ValueError(
            "The concordance index compares a sample that had the event with one that had it "
            f"later, or not yet: there is no such pair among {len(time)} samples, {len(events)} of "
            "which had it. Score on more samples; early stopping may also use scoring='loss'."
        )
    return float(concordant / comparable)
