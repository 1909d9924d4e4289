"""Losses that are likelihoods of a distribution: of counts, amounts, and numbers with a spread."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.utils._param_validation import Interval

from sklstm._kernels import losses
from sklstm.components.component import parameter
from sklstm.components.loss import RegressionLoss, log_mean


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
        return log_mean(raws.astype(np.float64))

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
