"""Losses: what training minimises, and the link from the raw prediction to what it predicts.

A loss is described here and by its branch in ``_kernels/losses.py``, which `Loss.kind` names. To
add one, write that branch and its twin in the tests, and add a class here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit, log_softmax, softmax

from sklstm._kernels import losses
from sklstm.components.component import INSIDE_UNIT, POSITIVE, Component, parameter


@dataclass(repr=False)
class Loss(Component):
    """Base of the losses; a raw prediction has the shape (n_rows, n_outputs)."""

    kind: ClassVar[int]  # of the kernel
    target_range: ClassVar[tuple[float, float]] = (-math.inf, math.inf)  # of what it can learn

    @property
    def kernel_parameter(self) -> float:
        """The number that the kernel takes beside raw prediction and target."""
        return 0.0

    def check_target(self, target: NDArray) -> None:
        """Refuse a target (n_rows, n_outputs) out of range; NaN stands for no target."""
        low, high = self.target_range
        outside = (target < low) | (target > high)
        if outside.any():
            row, output = np.argwhere(outside)[0]
            raise ValueError(
                f"{type(self).__name__} needs targets from {low:g} to {high:g}: y is "
                f"{target[row, output]:g} in row {row}, output {output}. Choose another loss, or "
                "transform y."
            )

    def mean(self, raws: NDArray) -> NDArray[np.float64]:
        """Return the raw prediction of an ensemble from those of its members, along axis 0.

        It stands for the mean of what the members predict: of values, or of probabilities.
        """
        return np.asarray(raws.mean(axis=0, dtype=np.float64))

    def through_mean(self, raws: NDArray, slope: NDArray) -> NDArray[np.float64]:
        """Return the gradients by the members' raw predictions (n_members, n_rows, n_outputs).

        slope (n_rows, n_outputs): gradient by the raw prediction of the ensemble, see `mean`
        """
        return np.broadcast_to(slope / len(raws), raws.shape)


# --- classification -------------------------------------------------------------------------
class ClassificationLoss(Loss):
    """Base of the losses whose raw predictions are log-probabilities or log-odds."""

    activation: ClassVar[str]  # scikit-learn's name of the link

    def probabilities(self, raw: NDArray) -> NDArray[np.float64]:
        """Return probabilities (n_rows, n_classes) of raw predictions."""
        raise NotImplementedError


class CrossEntropy(ClassificationLoss):
    """Cross-entropy of one of several classes; its target is the class's position."""

    kind = losses.SOFTMAX
    activation = "softmax"

    def probabilities(self, raw: NDArray) -> NDArray[np.float64]:
        """Return probabilities (n_rows, n_classes), whose rows sum to 1."""
        return softmax(raw.astype(np.float64), axis=1)

    def mean(self, raws: NDArray) -> NDArray[np.float64]:
        """Return the logarithms of the mean probabilities."""
        return _log_mean(log_softmax(raws.astype(np.float64), axis=-1))

    def through_mean(self, raws: NDArray, slope: NDArray) -> NDArray[np.float64]:
        """Return the gradients by the members' raw predictions (n_members, n_rows, n_classes)."""
        logarithms = log_softmax(raws, axis=-1)
        of_logarithms = softmax(logarithms, axis=0) * slope
        of_all = of_logarithms.sum(axis=-1, keepdims=True)
        return np.asarray(of_logarithms - np.exp(logarithms) * of_all)


class BinaryCrossEntropy(ClassificationLoss):
    """Cross-entropy of one class against another, or of each label by itself: 0 or 1."""

    kind = losses.SIGMOID
    target_range = (0.0, 1.0)
    activation = "logistic"

    def probabilities(self, raw: NDArray) -> NDArray[np.float64]:
        """Return probabilities: of both classes if there is one output, else of each label."""
        positive = expit(raw.astype(np.float64))
        if raw.shape[1] > 1:
            return positive
        both = np.empty((len(raw), 2))
        both[:, 1:] = positive
        np.subtract(1.0, positive, out=both[:, :1])
        return both

    def mean(self, raws: NDArray) -> NDArray[np.float64]:
        """Return the log-odds of the mean probabilities."""
        raws = raws.astype(np.float64)
        return _log_mean(log_expit(raws)) - _log_mean(log_expit(-raws))

    def through_mean(self, raws: NDArray, slope: NDArray) -> NDArray[np.float64]:
        """Return the gradients by the members' raw predictions (n_members, n_rows, n_outputs)."""
        positive, negative = (softmax(log_expit(z), axis=0) for z in (raws, -raws))
        return np.asarray(slope * (positive * expit(-raws) + negative * expit(raws)))


def _log_mean(logarithms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logarithm of the mean along axis 0 of what these are the logarithms of."""
    highest = logarithms.max(axis=0)
    return np.asarray(highest + np.log(np.exp(logarithms - highest).mean(axis=0)))


# --- regression: the raw prediction is the value, in units of the target's deviation --------
@dataclass(repr=False)
class SquaredError(Loss):
    """Half of the squared error; predicts the mean.

    Examples
    --------
    >>> from sklstm import LSTMRegressor
    >>> from sklstm.components import SquaredError
    >>> model = LSTMRegressor(loss=SquaredError())
    """

    kind = losses.SQUARED


@dataclass(repr=False)
class AbsoluteError(Loss):
    """Absolute error; predicts the median.

    Examples
    --------
    >>> from sklstm import LSTMRegressor
    >>> from sklstm.components import AbsoluteError
    >>> model = LSTMRegressor(loss=AbsoluteError())
    """

    kind = losses.ABSOLUTE


@dataclass(repr=False)
class Huber(Loss):
    """Squared error of small errors, absolute error of large ones [1]_.

    Parameters
    ----------
    delta : float, default=1.35
        Error from which on the loss is linear, in standard deviations of y.

    References
    ----------
    .. [1] P. Huber (1964). Robust estimation of a location parameter. Annals of Mathematical
           Statistics 35(1), 73-101.

    Examples
    --------
    >>> from sklstm import LSTMRegressor
    >>> from sklstm.components import Huber
    >>> model = LSTMRegressor(loss=Huber(delta=1.0))
    """

    delta: float = parameter(1.35, POSITIVE)

    kind = losses.HUBER

    @property
    def kernel_parameter(self) -> float:
        """Error from which on the loss is linear."""
        return float(self.delta)


@dataclass(repr=False)
class Quantile(Loss):
    """The pinball loss; predicts a quantile [1]_.

    Parameters
    ----------
    q : float, default=0.5
        The quantile, between 0 and 1.

    References
    ----------
    .. [1] R. Koenker and G. Bassett (1978). Regression quantiles. Econometrica 46(1), 33-50.

    Examples
    --------
    >>> from sklstm import LSTMRegressor
    >>> from sklstm.components import Quantile
    >>> model = LSTMRegressor(loss=Quantile(0.9))
    """

    q: float = parameter(0.5, INSIDE_UNIT)

    kind = losses.PINBALL

    @property
    def kernel_parameter(self) -> float:
        """The quantile."""
        return float(self.q)


# --- explanation ----------------------------------------------------------------------------
@dataclass(repr=False)
class Linear(Loss):
    """Target times raw prediction, for the gradient of the raw prediction itself.

    Nothing can be learned by it, so it is no hyper-parameter.
    """

    kind = losses.LINEAR


LOSSES: dict[str, type[Loss]] = {
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
    "huber": Huber,
    "quantile": Quantile,
}
LossName = Literal["squared_error", "absolute_error", "huber", "quantile"]
