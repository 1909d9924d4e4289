"""What a regressor with ``loss="survival"`` makes of y, and predicts."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklstm._estimator.concordance import concordance_index
from sklstm._estimator.intervals import RegressorWithIntervals
from sklstm._input.containers import as_text
from sklstm._input.survival_targets import as_floats, check_events, is_numeric, survival_target
from sklstm.components.component import resolve
from sklstm.components.loss import RegressionLoss
from sklstm.components.losses import LOSSES
from sklstm.components.survival import Survival

# The share of later events from which on a network that goes on is told of them.
_FEW = 0.1


def _is_of_survival(estimator: Any) -> bool:
    """Return whether a regressor predicts survival; the error says what it needs."""
    if isinstance(estimator._loss(), Survival):
        return True
    raise AttributeError(
        f"predict_survival needs loss='survival', but this {type(estimator).__name__} has "
        f"loss={estimator.loss!r}."
    )


class SurvivalRegressor(RegressorWithIntervals):
    """The methods of a regressor for times until an event.

    Conventions: `target` (n_rows, 2) holds whether the event was observed, 1 or 0, and the time.
    """

    interval_ends_: NDArray[np.float64]
    _initial_raw: NDArray[np.float64]  # (n_intervals,): the log-odds of all training samples
    _architecture: dict[str, Any]
    loss: Any

    def _loss(self) -> RegressionLoss:
        """Return the loss of the last fit, whatever is set meanwhile."""
        started = getattr(self, "_architecture", {}).get("loss", self.loss)
        loss: RegressionLoss = resolve(started, LOSSES)
        if isinstance(loss, Survival) and hasattr(self, "interval_ends_"):
            return loss.on(self.interval_ends_, self._initial_raw)
        return loss

    @available_if(_is_of_survival)
    def predict_survival(self, X: Any, times: Any = None) -> NDArray[np.float64]:
        """Probability that the event has not happened until each time, with ``loss="survival"``.

        Between the ends of intervals the probability falls in a straight line.

        Parameters
        ----------
        {X}
        times : array-like of shape (n_times,), default=None
            Times in the units of y, from 0 up to the last of ``interval_ends_``. None:
            ``interval_ends_``.

        Returns
        -------
        ndarray of shape (n_samples, n_times)
            Probabilities, which fall with time.
        """
        check_is_fitted(self)
        loss = self._loss()
        assert isinstance(loss, Survival)
        at = loss.ends if times is None else _checked_times(times, loss.ends[-1])
        return self._predict(X, lambda raw: loss.survival_at(raw.astype(np.float64), at))

    # --- what y means -------------------------------------------------------------------------
    def _encode_survival(self, y: Any, reset: bool) -> NDArray[np.float64]:
        """Return events and times (n_samples, 2); set what fit remembers."""
        target = survival_target(y)
        if reset:
            self._two_d_target, self.n_outputs_, self.out_activation_ = False, 1, "logistic"
        return target

    def _scale_survival(
        self, target: NDArray, weight: NDArray, loss: Survival, reset: bool
    ) -> NDArray[np.float64]:
        """Return what the kernel compares with (n_rows, 1); set the intervals on a fresh start."""
        if reset:
            check_events(target, weight)
            loss = loss.fitted(target, weight)
            self.interval_ends_ = loss.ends
            self._initial_raw = np.array(loss.initial_raw)
            self.target_mean_, self.target_scale_ = np.zeros(1), np.ones(1)
        else:
            _warn_of_later_events(target, weight, loss.ends[-1])
        return loss.encoded(target)

    def _concordance(self, raw: NDArray, target: NDArray, weight: NDArray) -> float:
        """Return the concordance index of raw predictions."""
        predicted = self._loss().values(raw.astype(np.float64))[:, 0]
        return concordance_index(target, predicted, weight)


def _checked_times(times: Any, last: float) -> NDArray[np.float64]:
    """Return times (n_times,) at which there is a survival curve."""
    try:
        given = np.atleast_1d(np.asarray(times))
    except ValueError:  # entries of different lengths
        given = np.array(["?"])
    if np.ma.is_masked(times) or not is_numeric(given.ravel()):
        raise ValueError(
            f"times={as_text(times)}: pass numbers, in the units of y. If those are days, "
            "t / pd.Timedelta('1D') makes them of a timedelta."
        )
    at = as_floats(given)
    if at.ndim != 1 or not at.size:
        raise ValueError(
            f"times has the shape {np.shape(times)}: pass one time or several in a row."
        )
    outside = ~((at >= 0.0) & (at <= last))
    if outside.any():
        raise ValueError(
            f"times holds {at[outside][0]}, and the survival curves go from 0 to {last}, the "
            "last time in the training data: choose times within."
        )
    return at


def _warn_of_later_events(target: NDArray, weight: NDArray, last: float) -> None:
    """Warn if many events come after the intervals of an earlier fit."""
    happened = weight * target[:, 0]
    later = happened[target[:, 1] > last].sum()
    if later > _FEW * happened.sum():
        warnings.warn(
            f"{later / happened.sum():.0%} of the events come after {last:g}, the last time of the "
            "first fit or partial_fit, whose intervals stay: the network learns only that they "
            "come later. Start anew, with first samples that were followed as long as others.",
            UserWarning,
            stacklevel=2,
        )
