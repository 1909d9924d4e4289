"""ImportanceDisplay: how much the score drops without a channel or a stretch of time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from sklstm.inspection._importance import permutation_importance
from sklstm.inspection._plot.drawing import (
    BLUE,
    GREY,
    SEQUENTIAL,
    names_of_channels,
    one_axes,
    pyplot,
)


class ImportanceDisplay:
    """Permutation importance: bars of channels or of windows of time, or a map of both.

    It is recommended to use `from_estimator` or `from_importances` to create a display.

    Parameters
    ----------
    result : Bunch
        What `permutation_importance` returns, for one score.
    channels : sequence of str or None, default=None
        Names of the channels. If None, their numbers.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the plot.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    bars_ : matplotlib BarContainer or None
        Means, if there are bars.
    image_ : matplotlib QuadMesh or None
        The map, if there is one.

    See Also
    --------
    permutation_importance : The importances.

    Examples
    --------
    >>> from sklstm import LSTMClassifier
    >>> from sklstm.datasets import load_japanese_vowels
    >>> from sklstm.inspection import ImportanceDisplay
    >>> X, y = load_japanese_vowels(return_X_y=True, subset="train")
    >>> model = LSTMClassifier(hidden_size=8, branch=None, max_iter=5, random_state=0).fit(X, y)
    >>> ImportanceDisplay.from_estimator(model, X, y)  # doctest: +SKIP
    """

    def __init__(self, result: Any, *, channels: Sequence[str] | None = None) -> None:
        self.result = result
        self.channels = channels

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        channels: Sequence[str] | None = None,
        ax: Any = None,
        **arguments: Any,
    ) -> Self:
        """Compute permutation importances and plot them.

        Parameters
        ----------
        estimator : LSTMClassifier or LSTMRegressor
            A fitted estimator.
        X, y : as for `permutation_importance`
            Samples and their targets; better not those of training.
        channels : sequence of str or None, default=None
            Names of the channels. If None, those of a table, else numbers.
        ax : matplotlib Axes or None, default=None
            Axes to plot on. If None, new axes are created.
        **arguments : dict
            Further arguments of `permutation_importance`, such as `by`; one score.

        Returns
        -------
        ImportanceDisplay
            The display, already plotted.
        """
        pyplot()
        result = permutation_importance(estimator, X, y, **arguments)
        channels = names_of_channels(estimator) if channels is None else channels
        return cls(result, channels=channels).plot(ax=ax)

    @classmethod
    def from_importances(
        cls, result: Any, *, channels: Sequence[str] | None = None, ax: Any = None
    ) -> Self:
        """Plot given importances.

        Parameters
        ----------
        result : Bunch
            What `permutation_importance` returns, for one score.
        channels : sequence of str or None, default=None
            Names of the channels. If None, their numbers.
        ax : matplotlib Axes or None, default=None
            Axes to plot on. If None, new axes are created.

        Returns
        -------
        ImportanceDisplay
            The display, already plotted.
        """
        return cls(result, channels=channels).plot(ax=ax)

    def plot(self, *, ax: Any = None) -> Self:
        """Plot the importances.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Axes to plot on. If None, new axes are created.

        Returns
        -------
        ImportanceDisplay
            The display itself, with the attributes that end in an underscore.
        """
        if not hasattr(self.result, "importances"):
            raise ValueError(
                f"The result holds several scores, {list(self.result)}: pass one of them."
            )
        self.ax_ = one_axes(ax)
        self.figure_ = self.ax_.figure
        self.bars_ = self.image_ = None
        steps = getattr(self.result, "steps", None)
        if steps is None:
            self._plot_channels()
        elif self.result.importances.ndim == 2:
            self._plot_windows(np.asarray(steps))
        else:
            self._plot_map(np.asarray(steps))
        return self

    def _names(self, n_channels: int) -> list[str]:
        """Return the names of the channels."""
        if self.channels is None:
            return [f"channel {k}" for k in range(n_channels)]
        if len(self.channels) != n_channels:
            raise ValueError(f"{len(self.channels)} names for {n_channels} channels.")
        return [str(name) for name in self.channels]

    def _plot_channels(self) -> None:
        """Draw a bar for each channel, the most important one on top, and a dot for each repeat."""
        mean, importances = self.result.importances_mean, self.result.importances
        order = np.argsort(mean, kind="stable")
        names = self._names(len(mean))
        places = np.arange(len(mean))
        self.bars_ = self.ax_.barh(places, mean[order], color=BLUE, alpha=0.6)
        for place, own in zip(places, importances[order], strict=True):
            self.ax_.plot(own, np.full(len(own), place), ".", color=GREY, markersize=4)
        self.ax_.set_yticks(places, [names[k] for k in order])
        self.ax_.axvline(0.0, color=GREY, linewidth=0.8)
        self.ax_.set_xlabel("drop of the score")

    def _plot_windows(self, steps: Any) -> None:
        """Draw a bar for each window of time, and a dot for each repeat."""
        mean, importances = self.result.importances_mean, self.result.importances
        width = steps[:, 1] - steps[:, 0]
        # a bar reaches from half a step before the first step to half a step after the last
        self.bars_ = self.ax_.bar(
            steps[:, 0] - 0.5, mean, width, align="edge", color=BLUE, alpha=0.6, edgecolor="white"
        )
        for middle, own in zip(steps.mean(axis=1) - 0.5, importances, strict=True):
            self.ax_.plot(np.full(len(own), middle), own, ".", color=GREY, markersize=4)
        self.ax_.axhline(0.0, color=GREY, linewidth=0.8)
        self.ax_.set_ylabel("drop of the score")
        self._label_time(steps)

    def _plot_map(self, steps: Any) -> None:
        """Draw a map of channels over windows of time."""
        mean = self.result.importances_mean.T
        names = self._names(len(mean))
        edges = np.append(steps[:, 0], steps[-1, 1]) - 0.5
        self.image_ = self.ax_.pcolormesh(
            edges, np.arange(len(mean) + 1) - 0.5, mean, cmap=SEQUENTIAL
        )
        self.ax_.set_yticks(range(len(mean)), names)
        self.ax_.invert_yaxis()
        self.figure_.colorbar(self.image_, ax=self.ax_, label="drop of the score")
        self._label_time(steps)

    def _label_time(self, steps: Any) -> None:
        """Label the axis of time; steps that are counted from the end run to the left."""
        self.ax_.set_xlim(steps[0, 0] - 0.5, steps[-1, 1] - 0.5)
        self.ax_.xaxis.get_major_locator().set_params(integer=True)
        if self.result.get("count_from", "start") == "end":
            self.ax_.invert_xaxis()
            self.ax_.set_xlabel("steps before the last one")
        else:
            self.ax_.set_xlabel("time step")
