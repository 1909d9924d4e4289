"""LSTMRegressor: one or several numbers for each sequence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin, _fit_context
from sklearn.metrics import r2_score
from sklearn.utils import Tags, check_array
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_y

from sklstm._estimator.base import BaseLSTM, documented, pair
from sklstm._estimator.callbacks import with_callbacks
from sklstm._input.sequences import unit_of
from sklstm.components.losses import REGRESSION_LOSSES


@documented
@dataclass(kw_only=True, eq=False, repr=False)
class LSTMRegressor(RegressorMixin, BaseLSTM):
    """Regressor on sequences: a long short-term memory network [1]_ [2]_.

    Sequences may be of any length and have any number of channels. They and y are
    standardised, shortened by a convolution [11]_, read by a recurrent layer in both
    directions, and y is predicted from the final states.

    Parameters
    ----------
    {shared_parameters}
    loss : {"squared_error", "absolute_error", "huber", "quantile"}, default="squared_error"
        Loss; "quantile" is the pinball loss of `quantile`.
    quantile : float, default=0.5
        Quantile that the loss "quantile" predicts, between 0 and 1.
    huber_delta : float, default=1.35
        Error from which on the loss "huber" is linear, in standard deviations of y.

    Attributes
    ----------
    theta_ : ndarray of shape (n_parameters,)
        All trained parameters; `parameters_` has them by name.
    n_features_in_ : int
        Columns of a 2-D X seen in fit, else channels.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names of a DataFrame seen in fit, where all are strings.
    n_channels_in_ : int
        Channels of the sequences seen in fit.
    n_iter_ : int
        Epochs that were run.
    loss_ : float
        Mean loss of the last epoch, of the standardised y.
    loss_curve_ : list of float
        Mean loss of every epoch.
    validation_scores_ : list of float or None
        R2 on the validation set after every epoch.
    best_validation_score_ : float or None
        The highest of them.
    n_outputs_ : int
        Columns of y.
    out_activation_ : "identity"
        The prediction is the output of the network, in the units of y.
    channel_mean_, channel_scale_ : ndarray of shape (n_channels_in_,)
        Mean and standard deviation of the training data.
    target_mean_, target_scale_ : ndarray of shape (n_outputs_,)
        Mean and standard deviation of y.
    patch_size_ : int
        Time steps that are read as one.
    conv_channels_, fcn_channels_ : int, tuple of int or None
        Filters of the convolutions before the recurrent layers and beside them.

    See Also
    --------
    LSTMClassifier : The same network for labels.

    References
    ----------
    {references}

    Examples
    --------
    >>> from sklstm import LSTMRegressor
    >>> from sklstm.datasets import load_tecator
    >>> X, y = load_tecator(return_X_y=True, subset="train")
    >>> model = LSTMRegressor(max_iter=5, random_state=0).fit(X, y)
    >>> model.predict(X[:3]).shape
    (3,)
    """

    loss: str = "squared_error"
    quantile: float = 0.5
    huber_delta: float = 1.35

    _fewest_validation_samples = 2  # R2 of one sample is not defined
    _auto_conv = 64

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseLSTM._parameter_constraints,
        "loss": [StrOptions(set(REGRESSION_LOSSES))],
        "quantile": [Interval(Real, 0, 1, closed="neither")],
        "huber_delta": [Interval(Real, 0, None, closed="neither")],
    }

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
    ) -> Self:
        """Train the network.

        Parameters
        ----------
        {X}
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values.
            {y_of_steps}
            NaN means that there is no target at a step.
        {sample_weight}
        X_val, y_val : as X and y, default=None
            Validation set; if given, `early_stopping` uses it whatever it is set to.

        Returns
        -------
        LSTMRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If X holds NaN or infinity inside a sequence, an empty sequence, or differing
            channels, if X and y do not fit together, or if the training diverges at once.
        """
        return self._fit(X, y, sample_weight, pair(X_val, y_val))

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train one more epoch, on these samples, at a constant learning rate.

        The scale of y is that of the first call.

        Parameters
        ----------
        {X}
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values, as in `fit`.
        {sample_weight}

        Returns
        -------
        LSTMRegressor
            The estimator.
        """
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Predicted values.

        Parameters
        ----------
        {X}

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            In the shape and the units of the y seen in fit.
            {predicted_steps}
        """
        return self._predict(X, self._values)

    def _values(self, raw: NDArray) -> NDArray[np.float64]:
        values = self._unscale(raw)
        return values if self._two_d_target else values[:, 0]

    def _unscale(self, raw: NDArray) -> NDArray[np.float64]:
        return raw.astype(np.float64) * self.target_scale_ + self.target_mean_

    def _decoders(self) -> dict[str, Callable[[NDArray], NDArray]]:
        return {"predict": self._values}

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R2, the mean over outputs; with ``return_sequences=True`` over the steps with a target.

        Parameters
        ----------
        {X}
        y : as in `fit`
            True values.
        {sample_weight}

        Returns
        -------
        float
            Coefficient of determination; 1 is the best.
        """
        if self.return_sequences:
            y, raw, sample_weight = self._steps_to_score(X, y, sample_weight)
            return self._score_raw(raw, y.reshape(len(y), -1).astype(np.float64), sample_weight)
        return super().score(X, y, sample_weight)

    # --- what y means ---------------------------------------------------------------------
    def _encode(self, y: Any, reset: bool) -> NDArray:
        if self.return_sequences:  # a step may lack some of the outputs
            y = check_array(
                y, dtype=np.float64, ensure_2d=False, ensure_all_finite="allow-nan", input_name="y"
            )
        else:
            y = _check_y(y, multi_output=True, y_numeric=True, estimator=self).astype(np.float64)
        if reset:
            self._two_d_target = y.ndim == 2
            self.n_outputs_ = y.shape[1] if y.ndim == 2 else 1
            self.out_activation_ = "identity"
        y = y.reshape(len(y), -1)
        if y.shape[1] != self.n_outputs_:
            raise ValueError(
                f"y has {y.shape[1]} columns, but {type(self).__name__} was fitted with "
                f"{self.n_outputs_}."
            )
        return y

    def _missing(self, y: NDArray) -> NDArray[np.bool_]:
        missing = np.isnan(y.astype(np.float64))
        return np.asarray(missing.all(axis=tuple(range(1, y.ndim))))

    def _head(self) -> tuple[int, str, float]:
        parameter = {"huber": self.huber_delta, "quantile": self.quantile}.get(self.loss, 0.0)
        return self.n_outputs_, self.loss, float(parameter)

    def _scale_target(self, target: NDArray, weight: NDArray, reset: bool) -> NDArray:
        if reset:
            given = np.where(np.isnan(target), 0.0, weight[:, np.newaxis])
            if not given.any(axis=0).all():
                raise ValueError(
                    f"Output {np.argmin(given.any(axis=0))} of y has no target at any step: leave "
                    "it out."
                )
            known = np.nan_to_num(target)
            self.target_mean_ = np.average(known, axis=0, weights=given)
            variance = np.average((known - self.target_mean_) ** 2, axis=0, weights=given)
            self.target_scale_ = unit_of(np.sqrt(variance), self.target_mean_)
        return (target - self.target_mean_) / self.target_scale_

    def _score_raw(self, raw: NDArray, target: NDArray, weight: NDArray) -> float:
        scores = []
        for truth, prediction in zip(target.T, self._unscale(raw).T, strict=True):
            given = ~np.isnan(truth)
            scores.append(r2_score(truth[given], prediction[given], sample_weight=weight[given]))
        return float(np.mean(scores))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
