"""Quantiles of a regressor, and intervals by its errors on held-out data."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from sklstm._estimator.base import BaseLSTM
from sklstm.components.loss import RegressionLoss
from sklstm.components.losses import Quantile
from sklstm.components.survival import Survival

# The part of a sum of decimals that rounding may add.
_ROUNDING = 1e-9


def _checked(coverage: Any) -> float:
    """Return a coverage, or raise an error if it is no share."""
    share = float(coverage) if isinstance(coverage, Real) else math.nan
    if not 0.0 < share < 1.0:
        raise ValueError(f"coverage={coverage!r}: pass a number between 0 and 1, such as 0.9.")
    return share


class RegressorWithIntervals(BaseLSTM):
    """The methods of a fitted regressor that say how far y may be from a prediction."""

    target_mean_: NDArray[np.float64]
    target_scale_: NDArray[np.float64]
    conformity_scores_: NDArray[np.float64]

    def _loss(self) -> RegressionLoss:
        """Return the loss that the network was trained with."""
        raise NotImplementedError

    def _shaped(self, values: NDArray) -> NDArray[np.float64]:
        """Return values (n_rows, n_outputs, ...) in the shape of the y seen in fit."""
        raise NotImplementedError

    def predict_quantiles(self, X: Any) -> NDArray[np.float64]:
        """Predicted quantiles, with ``loss=Quantile((0.05, 0.5, 0.95))``.

        Parameters
        ----------
        {X}

        Returns
        -------
        ndarray of shape (n_samples, n_levels) or (n_samples, n_outputs, n_levels)
            A column for each level, which never cross.
        """
        check_is_fitted(self)
        self._refuse_survival("predict_quantiles")
        if not isinstance(self._loss(), Quantile):
            raise ValueError(
                "predict_quantiles needs a loss such as Quantile((0.05, 0.5, 0.95)), but this "
                f"network was fitted with {self._loss()!r}: fit with such a loss, or use "
                "predict_interval."
            )
        return self._predict(X, self._quantiles)

    def _quantiles(self, raw: NDArray) -> NDArray[np.float64]:
        """Return the quantiles in the units of y."""
        loss = self._loss()
        assert isinstance(loss, Quantile)
        return self._in_units(loss.quantiles(raw.astype(np.float64)))

    def predict_interval(self, X: Any, coverage: float = 0.9) -> NDArray[np.float64]:
        """Intervals that hold y with a given probability, after `conformalize`.

        Parameters
        ----------
        {X}
        coverage : float, default=0.9
            The probability, between 0 and 1.

        Returns
        -------
        ndarray of shape (n_samples, 2) or (n_samples, n_outputs, 2)
            Lower and upper end.
        """
        check_is_fitted(self)
        self._refuse_survival("predict_interval")
        share = _checked(coverage)
        if not hasattr(self, "conformity_scores_"):
            raise ValueError(
                "predict_interval needs errors on data that fit has not seen, because those on its "
                "own data are too small: call conformalize(X, y) with such data before. What the "
                "network has learned itself, predict(X, return_std=True) gives with "
                "loss='gaussian', and predict_quantiles(X) with a Quantile of several levels."
            )
        margin = self._margin(share)
        return self._predict(X, lambda raw: self._widened(raw, margin))

    def conformalize(self, X: Any, y: Any) -> Self:
        """Set the width of `predict_interval` by the errors on data that fit has not seen [1]_.

        The intervals then hold y with the probability that was asked for, on average over data
        like these, however well the network is fitted. With ``loss="gaussian"`` or a `Quantile` of
        several levels they stay as wide or narrow, relative to each other, as the network says
        [2]_; with "poisson", "gamma" and "tweedie" they grow with the predicted mean.

        Parameters
        ----------
        {X}
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            What was to be predicted, in the form of fit.

        Returns
        -------
        LSTMRegressor
            The estimator, with ``conformity_scores_``; a new fit drops them.

        References
        ----------
        .. [1] J. Lei et al. (2018). Distribution-free predictive inference for regression. Journal
               of the American Statistical Association 113(523), 1094-1111.
        .. [2] Y. Romano, E. Patterson and E. Candes (2019). Conformalized quantile regression.
               NeurIPS 32.
        """
        data = self._known_sequences(X)
        self._refuse_survival("conformalize")
        y, _ = self._aligned(X, y)
        targets = self._targets(y, None, data, reset=False)
        scaled = (targets.values - self.target_mean_) / self.target_scale_
        scaled[targets.weight == 0.0] = np.nan  # steps without a target
        loss, raw = self._loss(), self._raw_prediction(data).astype(np.float64)
        lower, upper = loss.band(raw)
        scores = np.maximum(lower - scaled, scaled - upper) / loss.spread(raw)
        self.conformity_scores_ = np.sort(scores, axis=0)  # NaN come last
        return self

    def _refuse_survival(self, asked: str) -> None:
        """Refuse what is about the errors of a number, if the network predicts a curve."""
        if isinstance(self._loss(), Survival):
            raise ValueError(
                f"{asked} is not for loss='survival', with which some of y are not observed and "
                "the network predicts the whole distribution of the time: use predict_survival."
            )

    def _margin(self, coverage: float) -> NDArray[np.float64]:
        """Return the conformity score (n_outputs,) that a share of at least coverage is within."""
        n_scores = (~np.isnan(self.conformity_scores_)).sum(axis=0)  # (n_outputs,)
        # the new value is one more, whose rank is as likely to be any
        ranks = np.ceil((n_scores + 1) * coverage - _ROUNDING).astype(np.intp)
        short = ranks > n_scores
        if short.any():
            needed = math.ceil(coverage / (1.0 - coverage) - _ROUNDING)
            raise ValueError(
                f"coverage={coverage:g} needs at least {needed} values of y in conformalize, which "
                f"was given {n_scores[short][0]}: pass more of them, or lower coverage."
            )
        return self.conformity_scores_[ranks - 1, np.arange(len(ranks))]

    def _widened(self, raw: NDArray, margin: NDArray) -> NDArray[np.float64]:
        """Return intervals by margins (n_outputs,) on both sides, in the units of y."""
        loss, raw = self._loss(), raw.astype(np.float64)
        lower, upper = loss.band(raw)
        margins = margin * loss.spread(raw)
        ends = np.stack([lower - margins, upper + margins], axis=-1)
        if loss.link == "log":
            ends = np.maximum(ends, 0.0)
        crossed = ends[..., 0] > ends[..., 1]  # margins may be negative: all of it is left out
        ends[crossed] = ends[crossed].mean(axis=-1, keepdims=True)
        return self._in_units(ends)

    def _in_units(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return scaled values (n_rows, n_outputs, n) in the units and the shape of y."""
        scale, mean = self.target_scale_[:, np.newaxis], self.target_mean_[:, np.newaxis]
        return self._shaped(values * scale + mean)
