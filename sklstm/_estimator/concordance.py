"""Harrell's concordance index: how often the sample that is predicted to have longer has longer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


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
    # by a power of two, so that products of weights neither overflow nor vanish
    weight = np.ldexp(weight, -np.frexp(weight.max())[1])
    happened = target[:, 0] == 1.0
    # at the time of an event, who left then was without it longer
    moments = np.column_stack([target[:, 1], ~happened])
    moment = np.unique(moments, axis=0, return_inverse=True)[1].ravel()
    rank = np.unique(predicted, return_inverse=True)[1].ravel()
    concordant = comparable = 0.0
    for bit in range(int(moment.max()).bit_length()):
        right, pairs = _compared(moment >> bit, rank, weight, weight * happened)
        concordant, comparable = concordant + right, comparable + pairs
    if comparable == 0.0:
        raise ValueError(
            "The concordance index compares a sample that had the event with one that had it "
            f"later, or not yet: there is no such pair among {len(rank)} samples, "
            f"{happened.sum()} of which had it. Score on more samples; early stopping may also use "
            "scoring='loss'."
        )
    return float(concordant / comparable)


def _compared(
    moment: NDArray[np.intp],
    rank: NDArray[np.intp],
    weight: NDArray[np.float64],
    of_events: NDArray[np.float64],
) -> tuple[float, float]:
    """Return the weight of concordant and of all pairs of moments that differ in the last bit only.

    Of two moments the later one has a 1 at the first bit in which they differ; so all pairs are
    found, each once, in O(n log(n)**2) if the last bits are dropped one by one.
    """
    n_ranks = int(rank.max()) + 1
    place = (moment >> 1) * n_ranks + rank
    order = np.argsort(place)
    place, is_later = place[order], (moment[order] & 1).astype(bool)
    later = np.concatenate([[0.0], np.cumsum(weight[order] * is_later)])
    first = place - place % n_ranks
    at = [np.searchsorted(place, p) for p in (first, place, place + 1, first + n_ranks)]
    begin, tied, above, end = (later[k] for k in at)
    events = of_events[order] * ~is_later
    pairs = float(events @ (end - begin))
    return float(events @ (end - above + 0.5 * (above - tied))), pairs
