"""LossCurveDisplay: loss and validation score of each epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklstm.inspection._pyplot import pyplot


class LossCurveDisplay:
    """Loss curve visualization.

    It is recommended to use `from_estimator` to create a display.

    Parameters
    ----------
    loss_curve : sequence of float
        Training loss of each epoch.
    validation_scores : sequence of float or None, default=None
        Validation score of each epoch; larger is better.
    estimator_name : str or None, default=None
        Name for the title.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the losses.
    validation_ax_ : matplotlib Axes or None
        Axes with the validation scores, on the right.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    line_ : matplotlib Line2D
        Line of the losses.
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
        """Plot the loss curve of a fitted classifier, regressor or forecaster.

        Parameters
        ----------
        estimator : LSTMClassifier, LSTMRegressor or LSTMForecaster
            A fitted estimator.
        name : str or None, default=None
            Name for the title. If None, the name of the class.
        ax : matplotlib Axes or None, default=None
            Axes to plot on. If None, new axes are created.

        Returns
        -------
        LossCurveDisplay
            The display, already plotted.
        """
        check_is_fitted(estimator)
        display = cls(
            estimator.loss_curve_,
            validation_scores=getattr(estimator, "validation_scores_", None),
            estimator_name=name or type(estimator).__name__,
        )
        return display.plot(ax=ax)

    def plot(self, *, ax: Any = None) -> Self:
        """Plot the loss curve.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Axes to plot on. If None, new axes are created.

        Returns
        -------
        LossCurveDisplay
            The display itself, with the attributes that end in an underscore.
        """
        plt = pyplot(self)

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
