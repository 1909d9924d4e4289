"""LSTMRegressor: one or several numbers for each sequence."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self, overload

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import Tags
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from sklstm._estimator.base import BaseLSTM, pair
from sklstm._estimator.callbacks import validated
from sklstm._estimator.documentation import documented
from sklstm._estimator.hyper_parameters import HyperParameters
from sklstm._estimator.members import Member
from sklstm._estimator.survival import SurvivalRegressor
from sklstm._input.survival_targets import as_survival_target
from sklstm._input.targets import (
    refuse_words,
    target_means,
    target_moments,
    target_values,
    warn_of_far_targets,
)
from sklstm.components.component import parameter, resolve
from sklstm.components.convolutions import Convolutions
from sklstm.components.distributions import Gaussian, LogLink
from sklstm.components.loss import Loss, RegressionLoss
from sklstm.components.losses import LOSSES, LossName, Quantile
from sklstm.components.survival import Survival


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class RegressorParameters(HyperParameters):
    """The constructor of the regressor."""

    loss: LossName | Loss = parameter(
        "squared_error", StrOptions(set(LOSSES)), RegressionLoss, group="training",
        kind="{" + ", ".join(f'"{name}"' for name in LOSSES) + "} or Loss",
        text="Loss, by name or as a component: ``Quantile(0.9)``, ``Quantile((0.1, 0.9))``.",
    )  # fmt: skip


@documented
class LSTMRegressor(RegressorMixin, RegressorParameters, SurvivalRegressor):
    """Regressor on sequences: a long short-term memory network [1]_ [2]_.

    Sequences of any length and number of channels, and y, are standardised; a convolution shortens
    the sequences, a recurrent layer reads them in both directions, and y is predicted from the
    final states. The defaults are meant to work without tuning. {start_here}

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    out_activation_ : {"identity", "exp", "logistic"}
        What turns raw predictions into values: exp for "poisson", "gamma" and "tweedie"; logistic,
        into the hazards of intervals, for "survival".
    target_mean_, target_scale_ : ndarray of shape (n_outputs,)
        What is added to values, after they are multiplied by the scale: mean and standard
        deviation of y, or with "exp" 0 and the mean, with "logistic" 0 and 1.
    interval_ends_ : ndarray of shape (n_intervals,)
        With ``loss="survival"``, the end of each interval of time, in the units of y.
    {attributes}

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

    _fewest_validation_samples = 2  # R2 of one sample is not defined
    _by_name: ClassVar = {**BaseLSTM._by_name, "loss": LOSSES}
    _auto_front = Convolutions(64, stride=2)

    @validated
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
        {X_of_fit}
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values. With ``loss="survival"`` a DataFrame of a boolean and a numeric column,
            whether the event was observed and the time of it or of the last observation; or a
            structured array of two such fields.
            NaN means that there is no target at a step.
        {sample_weight}
        {validation}

        Returns
        -------
        LSTMRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If X or y are not as above, or if the training diverges at once.
        """
        return self._fit(X, y, sample_weight, pair(X_val, y_val))

    @validated
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train one more epoch, on these samples, at a constant learning rate.

        The scale of y is that of the first call.

        Parameters
        ----------
        {X}
        y, sample_weight : as in `fit`

        Returns
        -------
        LSTMRegressor
            The estimator.
        """
        return self._fit(X, y, sample_weight, incremental=True)

    @overload
    def predict(self, X: Any, return_std: Literal[False] = False) -> NDArray[np.float64]: ...
    @overload
    def predict(
        self, X: Any, return_std: Literal[True]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Predicted values, with ``return_std`` and ``loss="gaussian"`` also their deviations.

        Parameters
        ----------
        {X}
        return_std : bool, default=False
            Whether to return also the standard deviation of y about the predicted value.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs), or two of them
            In the shape and the units of the y seen in fit. With ``loss="survival"`` the expected
            time until the event, up to the last of ``interval_ends_``.
        """
        if not return_std:
            return self._predict(X, self._values)
        check_is_fitted(self)
        self._refuse_survival("return_std=True")
        if not isinstance(self._loss(), Gaussian):
            raise ValueError(
                "return_std=True needs loss='gaussian', but this network was fitted with "
                f"loss={self.loss!r}: fit with loss='gaussian', or use predict_interval."
            )
        both = self._predict(X, self._values_and_deviations)
        if isinstance(both, list):  # the steps of ragged X
            return [steps[..., 0] for steps in both], [steps[..., 1] for steps in both]
        return both[..., 0], both[..., 1]

    def _values(self, raw: NDArray) -> NDArray[np.float64]:
        """Return predictions in the shape of the y seen in fit."""
        return self._shaped(self._unscale(raw))

    def _values_and_deviations(self, raw: NDArray) -> NDArray[np.float64]:
        """Return predictions and their standard deviations, in a last axis."""
        with np.errstate(over="ignore"):
            deviations = self._loss().spread(raw.astype(np.float64)) * self.target_scale_
        _refuse_infinite(deviations)
        return self._shaped(np.stack([self._unscale(raw), deviations], axis=-1))

    def _shaped(self, values: NDArray) -> NDArray[np.float64]:
        """Return values (n_rows, n_outputs, ...) without the second axis if y had none."""
        return values if self._two_d_target else values[:, 0]

    def _unscale(self, raw: NDArray) -> NDArray[np.float64]:
        """Return the values of raw predictions in the units of y, (n_rows, n_outputs)."""
        loss = self._loss()
        if loss.link != "log":  # finite raw predictions give finite values
            return loss.values(raw.astype(np.float64)) * self.target_scale_ + self.target_mean_
        with np.errstate(over="ignore"):
            values = loss.values(raw.astype(np.float64)) * self.target_scale_ + self.target_mean_
        _refuse_infinite(values)
        return values

    def _decoders(self) -> dict[str, Callable[[NDArray], NDArray]]:
        """Return what turns raw predictions into the result of a method, by its name."""
        return {"predict": self._values} | (
            {"predict_quantiles": self._quantiles} if isinstance(self._loss(), Quantile) else {}
        )

    def _alone(self, theta: NDArray, member: Member) -> Self:
        """Return a member as an estimator, whose errors are not those of the ensemble."""
        alone = super()._alone(theta, member)
        alone.__dict__.pop("conformity_scores_", None)
        return alone

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R2, the mean over outputs; with ``return_sequences=True`` over the steps with a target.

        With ``loss="survival"`` Harrell's concordance index: the share of pairs, of which it is
        known who had the event first, that are predicted in the right order.

        Parameters
        ----------
        {X}
        y, sample_weight : as in `fit`

        Returns
        -------
        float
            Coefficient of determination, or the concordance index; 1 is the best.
        """
        if self.return_sequences:
            y, raw, sample_weight = self._steps_to_score(X, y, sample_weight)
            return self._score_raw(raw, y.reshape(len(y), -1).astype(np.float64), sample_weight)
        y, sample_weight = self._aligned(X, y, sample_weight)
        if isinstance(self._loss(), Survival):
            data = self._known_sequences(X)
            targets = self._targets(y, sample_weight, data, reset=False)
            return self._score_raw(self._raw_prediction(data), targets.values, targets.weight)
        return super().score(X, target_values(y, self, steps=False), sample_weight)

    # --- what y means ---------------------------------------------------------------------
    def _encode(self, y: Any, reset: bool) -> NDArray:
        """Return y with a column for each output; set what fit remembers."""
        if isinstance(self._loss(), Survival):
            return self._encode_survival(y, reset)
        y = target_values(y, self, steps=self.return_sequences)
        loss = self._loss()
        if reset:
            self._two_d_target = y.ndim == 2
            self.n_outputs_ = y.shape[1] if y.ndim == 2 else 1
            self.out_activation_ = "exp" if loss.link == "log" else "identity"
        y = y.reshape(len(y), -1)
        if y.shape[1] != self.n_outputs_:
            raise ValueError(
                f"y has {y.shape[1]} columns, but {type(self).__name__} was fitted with "
                f"{self.n_outputs_}."
            )
        loss.check_target(y)
        return y

    def _decoded(self, target: NDArray) -> NDArray:
        """Return y as the user has it, of what `_encode` made of it."""
        if isinstance(self._loss(), Survival):
            return as_survival_target(target)
        return self._shaped(target)

    def _strata(self, target: NDArray) -> NDArray | None:
        """Return whether events were observed, the share of which a validation split keeps."""
        return target[:, 0] if isinstance(self._loss(), Survival) else None

    def _missing(self, y: NDArray) -> NDArray[np.bool_]:
        """Return which rows of y are NaN in all outputs."""
        refuse_words(y)
        missing = np.isnan(y.astype(np.float64))
        return np.asarray(missing.all(axis=tuple(range(1, y.ndim))))

    def _fixed_parameters(self) -> dict[str, Any]:
        """Return a copy of the hyper-parameters that the meaning of `theta_` depends on."""
        return super()._fixed_parameters() | {"loss": copy.deepcopy(self.loss)}

    def _check_architecture(self) -> None:
        """Raise an error if a network that is to go on would have to be another one."""
        chosen, started = resolve(self.loss, LOSSES), self._loss()
        if chosen.head != started.head:
            raise ValueError(
                f"loss={self.loss!r}, but the network was started with {started!r}, whose raw "
                "predictions mean something else, and warm_start and partial_fit go on with them. "
                "To start anew, set warm_start=False and call fit."
            )
        self._architecture = self._architecture | {"loss": copy.deepcopy(self.loss)}
        super()._check_architecture()

    def _scale_target(self, target: NDArray, weight: NDArray, reset: bool) -> NDArray:
        """Return the scaled target; set its scale on a fresh start.

        It is standardised, or for a logarithmic link divided by its mean: a network whose raw
        prediction is 0 predicts the mean of y.
        """
        self.__dict__.pop("conformity_scores_", None)  # of the network before this fit
        if reset:
            for name in ("interval_ends_", "_initial_raw"):  # with another loss there are none
                self.__dict__.pop(name, None)
        loss = self._loss()
        if isinstance(loss, Survival):
            return self._scale_survival(target, weight, loss, reset)
        if reset and loss.link == "log":
            self.target_mean_ = np.zeros(self.n_outputs_)
            self.target_scale_ = target_means(target, weight, type(loss).__name__)
        elif reset:
            self.target_mean_, self.target_scale_ = target_moments(target, weight)
        scaled = (target - self.target_mean_) / self.target_scale_
        if not reset:
            warn_of_far_targets(scaled, weight)
        return np.asarray(scaled)

    def _score_raw(self, raw: NDArray, target: NDArray, weight: NDArray) -> float:
        """Return R2 of raw predictions, the mean over outputs; of survival the concordance."""
        if isinstance(self._loss(), Survival):
            return self._concordance(raw, target, weight)
        scores = []
        for truth, prediction in zip(target.T, self._unscale(raw).T, strict=True):
            given = ~np.isnan(truth)
            scores.append(r2_score(truth[given], prediction[given], sample_weight=weight[given]))
        return float(np.mean(scores))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        loss = self._component("loss", self.loss)
        tags.target_tags.multi_output = not isinstance(loss, Survival)
        tags.target_tags.positive_only = isinstance(loss, LogLink)
        return tags


def _refuse_infinite(values: NDArray[np.float64]) -> None:
    """Refuse predictions (n_rows, n_outputs) that are infinite in the units of y."""
    if not np.isfinite(values).all():
        row = int(np.argmin(np.isfinite(values.reshape(len(values), -1)).all(axis=1)))
        raise ValueError(
            f"The prediction in row {row} is infinite in the units of y: the values of X there are "
            "too far from those of the training data. Correct them, or leave the sample out."
        )
