"""Losses: what training minimises, and the link from the raw prediction to what it predicts.

A loss is described here, in `distributions.py` or in `survival.py`, and by its branch in
``_kernels/losses.py``, which `Loss.kind` names. To add one, write that branch and its twin in the
tests, and add a class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit, log_softmax, ndtri, softmax

from sklstm._kernels import losses
from sklstm.components.component import INSIDE_UNIT, POSITIVE, parameter
from sklstm.components.distributions import Gamma, Gaussian, Poisson, Tweedie
from sklstm.components.loss import Loss, RegressionLoss, log_mean
from sklstm.components.survival import Survival


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
        return log_mean(log_softmax(raws.astype(np.float64), axis=-1))

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
        return log_mean(log_expit(raws)) - log_mean(log_expit(-raws))

    def through_mean(self, raws: NDArray, slope: NDArray) -> NDArray[np.float64]:
        """Return the gradients by the members' raw predictions (n_members, n_rows, n_outputs)."""
        positive, negative = (softmax(log_expit(z), axis=0) for z in (raws, -raws))
        return np.asarray(slope * (positive * expit(-raws) + negative * expit(raws)))


# --- regression: predictions are in units of the target's scale ------------------------------
@dataclass(repr=False)
class SquaredError(RegressionLoss):
    """Half of the squared error; predicts the mean.

    Examples
    --------
    >>> from sklstm import LSTMRegressor
    >>> from sklstm.components import SquaredError
    >>> model = LSTMRegressor(loss=SquaredError())
    """

    kind = losses.SQUARED


@dataclass(repr=False)
class AbsoluteError(RegressionLoss):
    """Absolute error; predicts the median.

    Examples
    --------
    >>> from sklstm import LSTMRegressor
    >>> from sklstm.components import AbsoluteError
    >>> model = LSTMRegressor(loss=AbsoluteError())
    """

    kind = losses.ABSOLUTE


@dataclass(repr=False)
class Huber(RegressionLoss):
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
    def kernel_parameters(self) -> tuple[float, ...]:
        """Error from which on the loss is linear."""
        return (float(self.delta),)


@dataclass(repr=False)
class Quantile(RegressionLoss):
    """The pinball loss; predicts a quantile, or several by one network [1]_.

    With several levels ``predict`` gives the median, which is learned with them if it is not one
    of them, and ``predict_quantiles`` gives a column for each level. The columns are sorted, so
    that they never cross; that brings them closer to the true quantiles, never further away [2]_.

    Parameters
    ----------
    q : float or tuple of float, default=0.5
        The quantile between 0 and 1, or several in increasing order.

    References
    ----------
    .. [1] R. Koenker and G. Bassett (1978). Regression quantiles. Econometrica 46(1), 33-50.
    .. [2] V. Chernozhukov, I. Fernandez-Val and A. Galichon (2010). Quantile and probability
           curves without crossing. Econometrica 78(3), 1093-1125.

    Examples
    --------
    >>> from sklstm import LSTMRegressor
    >>> from sklstm.components import Quantile
    >>> model = LSTMRegressor(loss=Quantile(0.9))
    >>> model = LSTMRegressor(loss=Quantile((0.05, 0.5, 0.95)))
    """

    q: float | tuple[float, ...] = parameter(0.5, INSIDE_UNIT, tuple, list)

    kind = losses.PINBALL

    def checked(self) -> Self:
        """Return the loss itself; raise an error if its levels are invalid."""
        super().checked()
        if isinstance(self.q, (tuple, list)):
            levels = np.asarray(self.q)
            valid = levels.dtype.kind == "f" and levels.ndim == 1 and levels.size > 0
            if not (valid and (np.diff(levels, prepend=0.0, append=1.0) > 0.0).all()):
                raise ValueError(
                    f"q={self.q!r} of Quantile: pass a number between 0 and 1, or several of them "
                    "in increasing order."
                )
        return self

    @property
    def levels(self) -> tuple[float, ...]:
        """The levels that are asked for."""
        return tuple(map(float, self.q)) if isinstance(self.q, (tuple, list)) else (float(self.q),)

    @property
    def kernel_parameters(self) -> tuple[float, ...]:
        """The levels that are learned: several ones and their median."""
        return tuple(sorted({*self.levels, 0.5})) if self._several else self.levels

    @property
    def n_columns(self) -> int:
        """A column for each level that is learned."""
        return len(self.kernel_parameters)

    @property
    def initial_raw(self) -> tuple[float, ...]:
        """The quantiles of a normal distribution; a single one starts at 0."""
        return tuple(ndtri(self.kernel_parameters).tolist()) if self._several else (0.0,)

    @property
    def _several(self) -> bool:
        """Whether several levels may be asked for."""
        return isinstance(self.q, (tuple, list))

    @property
    def is_linear(self) -> bool:
        """Whether no columns can change places."""
        return self.n_columns == 1

    @property
    def place(self) -> int:
        """The column, once sorted, of what ``predict`` gives: the median, or the only one."""
        return self.kernel_parameters.index(0.5) if self._several else 0

    @property
    def places(self) -> list[int]:
        """The columns, once sorted, of the levels that are asked for."""
        return [self.kernel_parameters.index(level) for level in self.levels]

    def values(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the median, or the only quantile, (n_rows, n_outputs)."""
        return self._sorted(raw)[..., self.place]

    def columns(self, raw: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return which columns of raw the predicted values come from, (n_rows, n_outputs)."""
        own = self._by_output(raw).argsort(axis=-1)[..., self.place]
        return np.asarray(np.arange(own.shape[1]) * self.n_columns + own)

    def spread(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return 1 for each output."""
        return np.ones((len(raw), raw.shape[1] // self.n_columns))

    def band(self, raw: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the lowest and the highest quantile, each (n_rows, n_outputs)."""
        levels = self._sorted(raw)
        return levels[..., 0], levels[..., -1]

    def quantiles(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the quantiles that are asked for, (n_rows, n_outputs, n_levels)."""
        return self._sorted(raw)[..., self.places]

    def _by_output(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the columns of each output, (n_rows, n_outputs, n_columns)."""
        return raw.reshape(len(raw), -1, self.n_columns)

    def _sorted(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the quantiles of each output, which do not cross."""
        return np.sort(self._by_output(raw), axis=-1)


# --- explanation ----------------------------------------------------------------------------
@dataclass(repr=False)
class Linear(Loss):
    """Target times raw prediction, for the gradient of the raw prediction itself.

    Nothing can be learned by it, so it is no hyper-parameter.
    """

    kind = losses.LINEAR


LOSSES: dict[str, type[RegressionLoss]] = {
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
    "huber": Huber,
    "quantile": Quantile,
    "poisson": Poisson,
    "gamma": Gamma,
    "tweedie": Tweedie,
    "gaussian": Gaussian,
    "survival": Survival,
}
LossName = Literal[
    "squared_error", "absolute_error", "huber", "quantile", "poisson", "gamma", "tweedie",
    "gaussian", "survival",
]  # fmt: skip
