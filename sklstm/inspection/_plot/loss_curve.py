"""LossCurveDisplay: loss and validation score of each epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklstm.inspection._plot.drawing import BLUE, GREY, VERMILION, one_axes, pyplot

# Losses that fall by more than this factor are drawn on a logarithmic scale.
_WIDE = 10.0


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
    log_scale : bool or None, default=None
        Whether the axis of the losses is logarithmic. If None, it is if the losses are positive
        and the largest is more than ten times the smallest.

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
    validation_line_ : matplotlib Line2D or None
        Line of the validation scores.
    best_ : matplotlib Line2D or None
        Mark of the best epoch, that with the highest validation score.

    Examples
    --------
    >>> from sklstm import LSTMRegressor
    >>> from sklstm.datasets import load_tecator
    >>> from sklstm.inspection import LossCurveDisplay
    >>> X, y = load_tecator(return_X_y=True, subset="train")
    >>> model = LSTMRegressor(hidden_size=8, max_iter=5, random_state=0).fit(X, y)
    >>> LossCurveDisplay.from_estimator(model)  # doctest: +SKIP
    """

    def __init__(
        self,
        loss_curve: Sequence[float],
        *,
        validation_scores: Sequence[float] | None = None,
        estimator_name: str | None = None,
        log_scale: bool | None = None,
    ) -> None:
        self.loss_curve = loss_curve
        self.validation_scores = validation_scores
        self.estimator_name = estimator_name
        self.log_scale = log_scale

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        name: str | None = None,
        log_scale: bool | None = None,
        ax: Any = None,
    ) -> Self:
        """Plot the loss curve of a fitted classifier, regressor or forecaster.

        Parameters
        ----------
        estimator : LSTMClassifier, LSTMRegressor or LSTMForecaster
            A fitted estimator.
        name : str or None, default=None
            Name for the title. If None, the name of the class.
        log_scale : bool or None, default=None
            Whether the axis of the losses is logarithmic. If None, it depends on the losses.
        ax : matplotlib Axes or None, default=None
            Axes to plot on. If None, new axes are created.

        Returns
        -------
        LossCurveDisplay
            The display, already plotted.
        """
        pyplot()
        check_is_fitted(estimator)
        display = cls(
            estimator.loss_curve_,
            validation_scores=getattr(estimator, "validation_scores_", None),
            estimator_name=name or type(estimator).__name__,
            log_scale=log_scale,
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
        ax = one_axes(ax)
        losses = np.asarray(self.loss_curve, float)
        epochs = np.arange(1, len(losses) + 1)
        # a single epoch is a dot, which no line would show
        marker = "." if len(losses) < 2 else ""
        (self.line_,) = ax.plot(epochs, losses, color=BLUE, marker=marker, label="training loss")
        ax.set(xlabel="epoch", ylabel="training loss", title=self.estimator_name or "")
        if self._is_logarithmic(losses):
            _make_logarithmic(ax)
        ax.xaxis.get_major_locator().set_params(integer=True)
        lines = [self.line_]
        self.validation_ax_: Any = None
        self.validation_line_: Any = None
        self.best_: Any = None
        if self.validation_scores is not None and len(self.validation_scores):
            lines += self._plot_validation(ax)
        ax.legend(handles=lines, loc="upper right" if len(lines) == 1 else "center right")
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _is_logarithmic(self, losses: Any) -> bool:
        """Return whether the axis of the losses is logarithmic."""
        if self.log_scale is not None:
            return self.log_scale
        return bool(len(losses) and losses.min() > 0.0 and losses.max() > _WIDE * losses.min())

    def _plot_validation(self, ax: Any) -> list[Any]:
        """Plot the validation scores on an axis of their own, and mark the best; return both."""
        scores = np.asarray(self.validation_scores, float)
        # scores are those of the last training; losses may have been there before
        first = len(self.loss_curve) - len(scores)
        epochs = first + np.arange(1, len(scores) + 1)
        best = int(epochs[scores.argmax()])
        self.validation_ax_ = ax.twinx()
        self.validation_ax_.set_ylabel("validation score")
        (self.validation_line_,) = self.validation_ax_.plot(
            epochs, scores, "--", color=VERMILION, label="validation score"
        )
        self.best_ = ax.axvline(
            best, color=GREY, linestyle=":", label=f"best epoch, {best}", zorder=1
        )
        return [self.validation_line_, self.best_]


def _make_logarithmic(ax: Any) -> None:
    """Make the axis of the losses logarithmic, with plain numbers."""
    from matplotlib.ticker import LogFormatter

    class Plain(LogFormatter):
        """Labels the same ticks, with 0.05 in place of 5e-02."""

        def __call__(self, x: float, pos: int | None = None) -> str:
            """Return the label of a tick, empty if there is no room for it."""
            return f"{x:g}" if super().__call__(x, pos) else ""

    ax.set_yscale("log")
    ax.yaxis.set_major_formatter(Plain())
    ax.yaxis.set_minor_formatter(Plain(minor_thresholds=(1.5, 0.5)))
