"""What the raw prediction of the network means: losses for training, links for prediction."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

REGRESSION_LOSSES = ("squared_error", "absolute_error", "huber", "quantile")


def probabilities(raw: NDArray, activation: str) -> NDArray[np.float64]:
    """Class probabilities of the raw prediction (n, n_outputs).

    "softmax": rows sum to 1. "logistic" with one output: columns of the negative and the
    positive class; with several: one probability for each label.
    """
    raw = raw.astype(np.float64)
    if activation == "softmax":
        return softmax(raw, axis=1)
    positive = expit(raw)
    if raw.shape[1] > 1:
        return positive
    both = np.empty((len(raw), 2))
    both[:, 1:] = positive
    np.subtract(1.0, positive, out=both[:, :1])
    return both
