"""AttributionDisplay: a sequence, coloured by what each value adds to the prediction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sklstm._input.containers import is_pandas, without_na
from sklstm._input.table import Sequences
from sklstm._input.table_columns import positions_of_words
from sklstm.inspection._integrated import integrated_gradients
from sklstm.inspection._opened import of_one
from sklstm.inspection._plot.drawing import (
    DIVERGING,
    axes_below_each_other,
    edges,
    names_of_channels,
    pyplot,
    symmetric,
)

_MOST_WORDS = 12  # that are written beside the axis of a channel


class AttributionDisplay:
    """Attributions of one sequence: a line for each channel, coloured by what it adds.

    Purple steps raise the prediction, orange ones lower it, compared with the baseline.
    It is recommended to use `from_estimator` or `from_attributions` to create a display.

    Parameters
    ----------
    x : array-like of shape (n_timesteps, n_channels) or (n_timesteps,)
        The sequence.
    attributions : array-like of the same shape
        What each value adds to the prediction.
    channels : sequence of str or None, default=None
        Names of the channels. If None, their numbers.
    times : array-like of shape (n_timesteps,) or None, default=None
        Numbers for the axis of time. If None, the numbers of the steps.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes, of shape (n_channels,)
        Axes with the channels.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    lines_ : list of matplotlib LineCollection
        The coloured line of each channel.
    colorbar_ : matplotlib Colorbar
        What the colours mean.

    See Also
    --------
    integrated_gradients : The attributions.

    Examples
    --------
    >>> from sklstm import LSTMClassifier
    >>> from sklstm.datasets import load_japanese_vowels
    >>> from sklstm.inspection import AttributionDisplay
    >>> X, y = load_japanese_vowels(return_X_y=True, subset="train")
    >>> model = LSTMClassifier(hidden_size=8, branch=None, max_iter=5, random_state=0).fit(X, y)
    >>> AttributionDisplay.from_estimator(model, X[0])  # doctest: +SKIP
    """

    def __init__(
        self,
        x: ArrayLike,
        attributions: ArrayLike,
        *,
        channels: Sequence[str] | None = None,
        times: ArrayLike | None = None,
    ) -> None:
        self.x = x
        self.attributions = attributions
        self.channels = channels
        self.times = times

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        x: Any,
        *,
        target: Any = None,
        baseline: Any = None,
        response: str = "raw",
        step: int = -1,
        tol: float = 1e-4,
        channels: Sequence[str] | None = None,
        times: ArrayLike | None = None,
        ax: Any = None,
    ) -> Self:
        """Compute the attributions of one sequence and plot them.

        Parameters
        ----------
        estimator : LSTMClassifier or LSTMRegressor
            A fitted estimator.
        x : array-like of shape (n_timesteps, n_channels) or (n_timesteps,), or table
            One sequence, as in `state_traces`.
        target, baseline, response, step, tol
            As in `integrated_gradients`; a baseline may also have the shape of x.
        channels : sequence of str or None, default=None
            Names of the channels. If None, those of a table in fit, else numbers.
        times : array-like of shape (n_timesteps,) or None, default=None
            Numbers for the axis of time. If None, the numbers of the steps.
        ax : matplotlib Axes, array of Axes of shape (n_channels,), or None, default=None
            Axes to plot on, or whose place to take. If None, a new figure.

        Returns
        -------
        AttributionDisplay
            The display, already plotted.
        """
        pyplot()
        X = of_one(estimator, x)
        values = x if X is x and is_pandas(x) else X[0]
        alike = baseline is not None and not isinstance(baseline, Sequences)
        if alike and np.ndim(baseline) and np.shape(baseline) in (np.shape(x), np.shape(values)):
            baseline = of_one(estimator, baseline)
        of_values = integrated_gradients(
            estimator, X, target=target, baseline=baseline, response=response, step=step, tol=tol
        )
        attributions = of_values if X is x and X is values else of_values[0]
        channels = names_of_channels(estimator) if channels is None else channels
        return cls(np.asarray(values), attributions, channels=channels, times=times).plot(ax=ax)

    @classmethod
    def from_attributions(
        cls,
        x: ArrayLike,
        attributions: ArrayLike,
        *,
        channels: Sequence[str] | None = None,
        times: ArrayLike | None = None,
        ax: Any = None,
    ) -> Self:
        """Plot given attributions.

        Parameters
        ----------
        x : array-like of shape (n_timesteps, n_channels) or (n_timesteps,)
            The sequence.
        attributions : array-like of the same shape
            What each value adds to the prediction.
        channels : sequence of str or None, default=None
            Names of the channels. If None, their numbers.
        times : array-like of shape (n_timesteps,) or None, default=None
            Numbers for the axis of time. If None, the numbers of the steps.
        ax : matplotlib Axes, array of Axes of shape (n_channels,), or None, default=None
            Axes to plot on, or whose place to take. If None, a new figure.

        Returns
        -------
        AttributionDisplay
            The display, already plotted.
        """
        return cls(x, attributions, channels=channels, times=times).plot(ax=ax)

    def plot(self, *, ax: Any = None) -> Self:
        """Plot the attributions.

        Parameters
        ----------
        ax : matplotlib Axes, array of Axes of shape (n_channels,), or None, default=None
            Axes to plot on, or whose place to take. If None, a new figure.

        Returns
        -------
        AttributionDisplay
            The display itself, with the attributes that end in an underscore.
        """
        pyplot()
        x, words = self._values()
        colours = self._two_d("attributions", self.attributions)
        if x.shape != colours.shape:
            raise ValueError(f"x has the shape {x.shape}, but attributions {colours.shape}.")
        names = range(x.shape[1]) if self.channels is None else self.channels
        if len(names) != x.shape[1]:
            raise ValueError(f"{len(names)} names for {x.shape[1]} channels.")
        times = np.arange(len(x)) if self.times is None else np.asarray(self.times, float)
        if times.shape != (len(x),):
            raise ValueError(f"times has the shape {times.shape}, but x {len(x)} steps.")
        self.axes_ = axes_below_each_other(ax, x.shape[1])
        self.figure_ = self.axes_[0].figure
        limits = symmetric(colours)
        self.lines_ = [
            _coloured_line(ax, times, values, colour, limits)
            for ax, values, colour in zip(self.axes_, x.T, colours.T, strict=True)
        ]
        for ax, name in zip(self.axes_, names, strict=True):
            ax.set_ylabel(name if self.channels is not None else f"channel {name}")
        for c, found in words.items():
            if len(found) <= _MOST_WORDS:
                self.axes_[c].set_yticks(range(len(found)), found)
        self.figure_.align_ylabels(self.axes_)
        if self.times is None:
            self.axes_[-1].set_xlabel("time step")
            self.axes_[-1].xaxis.get_major_locator().set_params(integer=True)
        self.colorbar_ = self.figure_.colorbar(
            self.lines_[0], ax=list(self.axes_), label="adds to the prediction",
            aspect=10 + 8 * len(self.axes_), pad=0.02,
        )  # fmt: skip
        return self

    def _values(self) -> tuple[NDArray[np.float64], dict[int, NDArray]]:
        """Return x (n_timesteps, n_channels) with words numbered, and those of each channel."""
        x, words = np.asarray(self.x), {}
        if x.dtype.kind in "OUST":
            columns = x.reshape(len(x), -1).astype(object)
            for c, column in enumerate(columns.T):
                if any(isinstance(value, str) for value in column):
                    columns[:, c], words[c] = positions_of_words(column)
            x = without_na(columns)
        return self._two_d("x", x), words

    def _two_d(self, name: str, array: ArrayLike) -> NDArray[np.float64]:
        """Return an array of the display as (n_timesteps, n_channels)."""
        values = np.asarray(array, np.float64)
        if values.ndim not in (1, 2) or not values.size:
            raise ValueError(
                f"{name} has the shape {values.shape}: pass one sequence, "
                "(n_timesteps, n_channels) or (n_timesteps,)."
            )
        return values.reshape(len(values), -1)


def _coloured_line(
    ax: Any, times: NDArray, values: NDArray, colours: NDArray, limits: dict[str, float]
) -> Any:
    """Draw a line (n_timesteps,), each step in its colour and with a thin dark edge."""
    from matplotlib.collections import LineCollection

    ends = edges(times)
    ends[[0, -1]] = times[[0, -1]]
    middle = np.concatenate([values[:1], (values[:-1] + values[1:]) / 2.0, values[-1:]])
    pieces: Any = np.stack(
        [
            np.column_stack([ends[:-1], middle[:-1]]),
            np.column_stack([times, values]),
            np.column_stack([ends[1:], middle[1:]]),
        ],
        axis=1,
    )  # (n_timesteps, 3, 2): from half a step before to half a step after
    # of white steps only the edge is seen
    ax.add_collection(
        LineCollection(pieces, colors="0.35", linewidths=5.0, capstyle="round", zorder=2)
    )
    line = LineCollection(pieces, cmap=DIVERGING, linewidths=3.6, capstyle="round", zorder=3)
    line.set_array(colours)
    line.set_clim(limits["vmin"], limits["vmax"])
    ax.add_collection(line)
    ax.autoscale_view()
    ax.margins(y=0.15)
    return line
