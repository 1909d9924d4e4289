"""The one number of each sample that is explained, as a function of its raw prediction."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from sklstm._input.alignment import aligned
from sklstm._input.containers import is_pandas
from sklstm.components.loss import RegressionLoss

RAW, PROBABILITY = "raw", "probability"


def target_in_order(X: Any, target: Any) -> Any:
    """Return the target of each sample in the order of X, if it has an index."""
    return aligned(X, target=target)[0] if is_pandas(target) else target


class Response:
    """A score, a probability or a predicted value of each sample, and its slope.

    columns, signs (n_samples,): the output that is explained; the log-odds of the first of two
        classes are those of the second with the other sign
    """

    def __init__(self, estimator: Any, kind: str, target: Any, raw: NDArray) -> None:
        self._is_classifier = hasattr(estimator, "classes_")
        if kind not in (RAW, PROBABILITY):
            raise ValueError(f"response={kind!r}: choose {RAW!r} or {PROBABILITY!r}.")
        if kind == PROBABILITY and not self._is_classifier:
            raise ValueError(
                f"response={PROBABILITY!r} is for classifiers; {type(estimator).__name__} predicts "
                f"values: leave response at {RAW!r}."
            )
        self._link = estimator.out_activation_ if kind == PROBABILITY else "identity"
        # whether the slope is the same everywhere; the score of an ensemble is no mean
        if self._is_classifier:
            self.is_linear = self._link == "identity" and len(estimator._members) == 1
            self.columns, self._signs = _outputs(estimator, target, raw)
        else:  # in the units of y
            self._loss: RegressionLoss = estimator._loss()
            self.is_linear = self._loss.is_linear
            self.columns, self._signs = _outputs(estimator, target, self._loss.values(raw))
            self._scale = estimator.target_scale_[self.columns]
            self._mean = estimator.target_mean_[self.columns]

    def values(self, raw: NDArray, samples: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the responses (n,) of raw predictions (n, n_outputs) of samples (n,)."""
        place = np.arange(len(raw)), self.columns[samples]
        if not self._is_classifier:
            value = self._loss.values(raw)[place]
            return value * self._scale[samples] + self._mean[samples]
        if self._link == "softmax":
            return softmax(raw, axis=1)[place]
        score = self._signs[samples] * raw[place]
        return expit(score) if self._link == "logistic" else score

    def slopes(self, raw: NDArray, samples: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the gradient of the responses by the raw predictions, (n, n_outputs)."""
        if not self._is_classifier:
            slopes = self._loss.slopes(raw, self.columns[samples])
            return slopes * self._scale[samples][:, np.newaxis]
        own = np.zeros(raw.shape)
        rows = np.arange(len(raw))
        own[rows, self.columns[samples]] = self._signs[samples]
        if self._link == "softmax":
            probability = softmax(raw, axis=1)
            return probability[rows, self.columns[samples]][:, np.newaxis] * (own - probability)
        if self._link == "logistic":
            probability = self.values(raw, samples)
            return own * (probability * (1.0 - probability))[:, np.newaxis]
        return own


def _outputs(
    estimator: Any, target: Any, raw: NDArray
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the output that each sample's target names, and the sign with which it counts."""
    n_samples, n_outputs = raw.shape
    signs = np.ones(n_samples)
    labels = getattr(estimator, "classes_", np.arange(n_outputs))
    one_of_two = n_outputs == 1 and len(labels) == 2
    if target is None:
        if n_outputs == 1:
            return np.zeros(n_samples, np.intp), signs
        if getattr(estimator, "out_activation_", None) == "softmax":
            return raw.argmax(axis=1), signs
        raise ValueError(
            f"{type(estimator).__name__} has {n_outputs} outputs: choose the one to explain with "
            f"target=, from {labels.tolist()}."
        )
    given = np.asarray(target)
    targets = np.broadcast_to(given, (n_samples,)) if given.ndim == 0 else given
    if targets.shape != (n_samples,):
        raise ValueError(
            f"target has the shape {given.shape}. Pass one for all samples, or one for each of "
            f"{n_samples}."
        )
    matches = targets[:, np.newaxis] == labels  # (n_samples, n_labels)
    if np.shape(matches) != (n_samples, len(labels)) or not matches.any(axis=1).all():
        unknown = next(t for t in targets.tolist() if t not in labels.tolist())
        raise ValueError(f"target={unknown!r} is none of {labels.tolist()}.")
    places = matches.argmax(axis=1)
    if one_of_two:
        return np.zeros(n_samples, np.intp), np.where(places == 1, 1.0, -1.0)
    return places, signs
