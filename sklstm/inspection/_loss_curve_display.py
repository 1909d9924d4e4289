"""LossCurveDisplay: the loss of a training, epoch by epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted


class LossCurveDisplay:
    """Picture of a training.

    It is recommended to use `from_estimator` to create one.

    Parameters
    ----------
    loss_curve : sequence of float
        Training loss of every epoch.
    validation_scores : sequence of float or None, default=None
        Validation score of every epoch, larger is better.
    estimator_name : str or None, default=None
        Name for the title.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the losses.
    validation_ax_ : matplotlib Axes or None
        Axes with the validation scores, on the right.
    figure_ : matplotlib Figure
        Figure that contains them.
    line_ : matplotlib Line2D
        The losses.
    """

    def __init__(
        self,
        loss_curve: Sequence[float],
        *,
        validation_scores: Sequence[float] | None = None,
        estimator_name: str | None = None,
    ) -> None:
        self.loss_curve = loss_curve
        self.validation_scores = validation_scores
        self.estimator_name = estimator_name

    @classmethod
    def from_estimator(cls, estimator: Any, *, name: str | None = None, ax: Any = None) -> Self:
        """Draw the training of a fitted classifier, regressor or forecaster.

        Parameters
        ----------
        estimator : LSTMClassifier, LSTMRegressor or LSTMForecaster
            A fitted estimator.
        name : str or None, default=None
            Name for the title; None: that of the class.
        ax : matplotlib Axes or None, default=None
            Where to draw; None: new axes.

        Returns
        -------
        LossCurveDisplay
            With the picture drawn.
        """
        check_is_fitted(estimator)
        display = cls(
            estimator.loss_curve_,
            validation_scores=getattr(estimator, "validation_scores_", None),
            estimator_name=name or type(estimator).__name__,
        )
        return display.plot(ax=ax)

    def plot(self, *, ax: Any = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None: new axes.

        Returns
        -------
        LossCurveDisplay
            With the attributes that end in an underscore.
        """
        import matplotlib.pyplot as plt

        if ax is None:
            _, ax = plt.subplots()
        epochs = np.arange(1, len(self.loss_curve) + 1)
        (self.line_,) = ax.plot(epochs, self.loss_curve, color="C0", label="training loss")
        ax.set(xlabel="epoch", ylabel="training loss", title=self.estimator_name or "")
        self.validation_ax_ = None
        if self.validation_scores:
            self.validation_ax_ = ax.twinx()
            self.validation_ax_.plot(
                np.arange(1, len(self.validation_scores) + 1), self.validation_scores,
                color="C1", label="validation score",
            )  # fmt: skip
            self.validation_ax_.set_ylabel("validation score")
        self.ax_, self.figure_ = ax, ax.figure
        return self
