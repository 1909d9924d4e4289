"""Losses: what training minimises, and the link from the raw prediction to what it predicts.

A loss is described here and by its branch in ``_kernels/losses.py``, which `Loss.kind` names. To
add one, write that branch and its twin in the tests, and add a class here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit, log_softmax, ndtri, softmax
from sklearn.utils._param_validation import Interval

from sklstm._kernels import losses
from sklstm.components.component import INSIDE_UNIT, POSITIVE, Component, parameter


@dataclass(repr=False)
class Loss(Component):
    """Base of the losses; a raw prediction has the shape (n_rows, n_outputs * n_columns)."""

    kind: ClassVar[int]  # of the kernel
    target_range: ClassVar[tuple[float, float]] = (-math.inf, math.inf)  # of what it can learn
    range_is_open: ClassVar[bool] = False  # whether the lower end is out of range
    instead: ClassVar[str] = "Choose another loss, or transform y."

    @property
    def n_columns(self) -> int:
        """Raw predictions for each output of y."""
        return 1

    @property
    def kernel_parameters(self) -> tuple[float, ...]:
        """What the kernel takes beside raw prediction and target."""
        return (0.0,)

    @property
    def initial_raw(self) -> tuple[float, ...]:
        """The raw predictions (n_columns,) from which training starts."""
        return (0.0,) * self.n_columns

    def check_target(self, target: NDArray) -> None:
        """Refuse a target (n_rows, n_outputs) out of range; NaN stands for no target."""
        low, high = self.target_range
        outside = (target < low) | (target > high) | (self.range_is_open & (target == low))
        if outside.any():
            row, output = np.argwhere(outside)[0]
            wanted = f"from {low:g} to {high:g}"
            if high == math.inf:
                wanted = f"above {low:g}" if self.range_is_open else f"of at least {low:g}"
            raise ValueError(
                f"{type(self).__name__} needs targets {wanted}: y is "
                f"{target[row, output]:g} in row {row}, output {output}. {self.instead}"
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


# --- regression: predictions are in units of the target's scale ------------------------------
class RegressionLoss(Loss):
    """Base of the losses of numbers; their raw prediction is the predicted value itself."""

    link: ClassVar[Literal["identity", "log"]] = "identity"  # scikit-learn's name

    @property
    def head(self) -> tuple[Any, ...]:
        """What the raw predictions mean: the same for losses that one network can be trained by."""
        return self.link, self.n_columns, type(self) if self.n_columns > 1 else None

    @property
    def is_linear(self) -> bool:
        """Whether the predicted values are raw predictions, always the same ones."""
        return self.link == "identity"

    def values(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the predicted values (n_rows, n_outputs)."""
        return raw

    def columns(self, raw: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return which columns of raw the predicted values come from, (n_rows, n_outputs)."""
        return np.broadcast_to(np.arange(raw.shape[1]), raw.shape)

    def spread(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what errors of the values are in proportion to, (n_rows, n_outputs)."""
        return np.ones(raw.shape)

    def band(self, raw: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return between what an interval lies before it is widened, each (n_rows, n_outputs)."""
        values = self.values(raw)
        return values, values


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


class LogLink(RegressionLoss):
    """Base of the losses whose raw prediction is the logarithm of the mean."""

    link = "log"

    @property
    def variance_power(self) -> float:
        """The power of the mean that the variance is in proportion to."""
        raise NotImplementedError

    def values(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the means (n_rows, n_outputs), which are positive."""
        return np.exp(raw)

    def spread(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what the deviation of y is in proportion to, (n_rows, n_outputs)."""
        return np.exp(0.5 * self.variance_power * raw)

    def mean(self, raws: NDArray) -> NDArray[np.float64]:
        """Return the logarithms of the mean predictions."""
        return _log_mean(raws.astype(np.float64))

    def through_mean(self, raws: NDArray, slope: NDArray) -> NDArray[np.float64]:
        """Return the gradients by the members' raw predictions (n_members, n_rows, n_outputs)."""
        return np.asarray(softmax(raws, axis=0) * slope)


@dataclass(repr=False)
class Poisson(LogLink):
    """Half of the Poisson deviance, of counts; predicts a positive mean.

    Examples
    --------
    >>> from sklstm import LSTMRegressor
    >>> from sklstm.components import Poisson
    >>> model = LSTMRegressor(loss=Poisson())
    """

    kind = losses.POISSON
    target_range = (0.0, math.inf)
    instead = "For negative values choose loss='squared_error' or 'gaussian'."
    variance_power = 1.0


@dataclass(repr=False)
class Gamma(LogLink):
    """Half of the gamma deviance, of positive values; predicts a positive mean.

    Errors count relative to the mean.

    Examples
    --------
    >>> from sklstm import LSTMRegressor
    >>> from sklstm.components import Gamma
    >>> model = LSTMRegressor(loss=Gamma())
    """

    kind = losses.GAMMA
    target_range = (0.0, math.inf)
    range_is_open = True
    instead = (
        "For zeros choose loss='tweedie' or 'poisson', for negative values 'squared_error' or "
        "'gaussian'."
    )
    variance_power = 2.0


@dataclass(repr=False)
class Tweedie(LogLink):
    """Half of the Tweedie deviance, of amounts that may be 0; predicts a positive mean [1]_.

    The distribution is that of a sum of a random number of gamma variables, rain in a day or
    claims in a year.

    Parameters
    ----------
    power : float, default=1.5
        The variance is in proportion to the mean to this power, between 1 (`Poisson`) and 2
        (`Gamma`).

    References
    ----------
    .. [1] B. Jorgensen (1987). Exponential dispersion models. Journal of the Royal Statistical
           Society B 49(2), 127-162.

    Examples
    --------
    >>> from sklstm import LSTMRegressor
    >>> from sklstm.components import Tweedie
    >>> model = LSTMRegressor(loss=Tweedie(power=1.2))
    """

    power: float = parameter(1.5, Interval(Real, 1, 2, closed="neither"))

    kind = losses.TWEEDIE
    target_range = (0.0, math.inf)
    instead = "For negative values choose loss='squared_error' or 'gaussian'."

    @property
    def variance_power(self) -> float:
        """The power of the mean that the variance is in proportion to."""
        return float(self.power)

    @property
    def kernel_parameters(self) -> tuple[float, ...]:
        """The power of the variance."""
        return (float(self.power),)


@dataclass(repr=False)
class Gaussian(RegressionLoss):
    """Negative logarithm of a normal density; predicts mean and standard deviation [1]_.

    In training the gradient of each sample is multiplied by its predicted variance [2]_: the mean
    is learned as by squared error, and the deviation from its errors. The deviation is never less
    than a hundredth of that of y. An ensemble predicts mean and deviation of the mixture of its
    members [3]_.

    References
    ----------
    .. [1] D. Nix and A. Weigend (1994). Estimating the mean and variance of the target probability
           distribution. IEEE International Conference on Neural Networks, 55-60.
    .. [2] M. Seitzer et al. (2022). On the pitfalls of heteroscedastic uncertainty estimation with
           probabilistic neural networks. ICLR. With a beta of 1.
    .. [3] B. Lakshminarayanan, A. Pritzel and C. Blundell (2017). Simple and scalable predictive
           uncertainty estimation using deep ensembles. NeurIPS 30.

    Examples
    --------
    >>> from sklstm import LSTMRegressor
    >>> from sklstm.components import Gaussian
    >>> model = LSTMRegressor(loss=Gaussian())
    """

    kind = losses.GAUSSIAN

    @property
    def n_columns(self) -> int:
        """A mean and the logarithm of a deviation."""
        return 2

    def values(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the means (n_rows, n_outputs)."""
        return raw[:, 0::2]

    def columns(self, raw: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return which columns of raw the means are, (n_rows, n_outputs)."""
        return np.broadcast_to(np.arange(0, raw.shape[1], 2), (len(raw), raw.shape[1] // 2))

    def spread(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the standard deviations (n_rows, n_outputs)."""
        return np.sqrt(np.exp(2.0 * raw[:, 1::2]) + losses.SMALLEST_VARIANCE)

    def mean(self, raws: NDArray) -> NDArray[np.float64]:
        """Return the mean and the log-deviation of the mixture of the members."""
        raw = raws.mean(axis=0, dtype=np.float64)
        raw[:, 1::2] = 0.5 * np.log(self._variance(raws, raw[:, 0::2]))
        return np.asarray(raw)

    def _variance(self, raws: NDArray, mean: NDArray) -> NDArray[np.float64]:
        """Return the variance (n_rows, n_outputs) of the mixture, without the smallest one."""
        variances = np.exp(2.0 * raws[..., 1::2].astype(np.float64)) + (raws[..., 0::2] - mean) ** 2
        return np.asarray(variances.mean(axis=0))

    def through_mean(self, raws: NDArray, slope: NDArray) -> NDArray[np.float64]:
        """Return the gradients by the members' raw predictions (n_members, n_rows, n_columns)."""
        mean = raws[..., 0::2].mean(axis=0)
        by_variance = slope[:, 1::2] / (2.0 * self._variance(raws, mean)) / len(raws)
        slopes = np.empty(raws.shape)
        by_mean = 2.0 * (raws[..., 0::2] - mean) * by_variance
        slopes[..., 0::2] = slope[:, 0::2] / len(raws) + by_mean
        slopes[..., 1::2] = 2.0 * np.exp(2.0 * raws[..., 1::2]) * by_variance
        return slopes


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
}
LossName = Literal[
    "squared_error", "absolute_error", "huber", "quantile", "poisson", "gamma", "tweedie",
    "gaussian",
]  # fmt: skip
