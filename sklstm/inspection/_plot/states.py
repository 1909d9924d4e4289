"""StateDisplay: gates and states of a recurrent layer while it reads a sequence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sklstm.inspection._plot.drawing import (
    DIVERGING,
    SEQUENTIAL,
    axes_below_each_other,
    pyplot,
    symmetric,
)
from sklstm.inspection._traces import state_traces

# By the first letter of a trace: what it is called.
_NAMES = {
    "h": "state h", "c": "memory c", "i": "input gate", "f": "forget gate", "g": "candidate g",
    "o": "output gate", "r": "reset gate", "z": "update gate", "n": "candidate n",
}  # fmt: skip


class StateDisplay:
    """Gates and states of one scan: a map for each, units over time.

    Values of both signs, such as the states, are purple or orange. Gates are between 0, dark
    blue, and 1, yellow. It is recommended to use `from_estimator` or `from_traces`.

    Parameters
    ----------
    traces : dict of ndarray of shape (n_timesteps, hidden_size)
        What `state_traces` returns, or some of it.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes, of shape (n_traces,)
        Axes with the maps.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    images_ : list of matplotlib AxesImage
        The maps.

    See Also
    --------
    state_traces : The numbers.

    Examples
    --------
    >>> from sklstm import LSTMClassifier
    >>> from sklstm.datasets import load_japanese_vowels
    >>> from sklstm.inspection import StateDisplay
    >>> X, y = load_japanese_vowels(return_X_y=True, subset="train")
    >>> model = LSTMClassifier(hidden_size=8, branch=None, max_iter=5, random_state=0).fit(X, y)
    >>> StateDisplay.from_estimator(model, X[0])  # doctest: +SKIP
    """

    def __init__(self, traces: Mapping[str, NDArray]) -> None:
        self.traces = traces

    @classmethod
    def from_estimator(
        cls, estimator: Any, x: Any, *, scan: str | None = None, ax: Any = None
    ) -> Self:
        """Plot gates and states of one scan while it reads a sequence.

        Parameters
        ----------
        estimator : LSTMClassifier or LSTMRegressor
            A fitted estimator.
        x : array-like of shape (n_timesteps, n_channels) or (n_timesteps,), or table
            One sequence, as in `state_traces`.
        scan : str or None, default=None
            Layer and direction, such as "l0" or "l1_reverse". If None, the last layer from
            start to end.
        ax : matplotlib Axes, array of Axes of shape (n_traces,), or None, default=None
            Axes to plot on, or whose place to take. If None, a new figure.

        Returns
        -------
        StateDisplay
            The display, already plotted.
        """
        pyplot()
        traces = state_traces(estimator, x)
        scans = list(dict.fromkeys(name.partition("_")[2] for name in traces))
        if scan is None:
            scan = [name for name in scans if not name.endswith("_reverse")][-1]
        if scan not in scans:
            raise ValueError(f"scan={scan!r}: choose one of {', '.join(map(repr, scans))}.")
        own = {name: trace for name, trace in traces.items() if name.partition("_")[2] == scan}
        return cls(own).plot(ax=ax)

    @classmethod
    def from_traces(cls, traces: Mapping[str, NDArray], *, ax: Any = None) -> Self:
        """Plot given traces.

        Parameters
        ----------
        traces : dict of ndarray of shape (n_timesteps, hidden_size)
            What `state_traces` returns, or some of it.
        ax : matplotlib Axes, array of Axes of shape (n_traces,), or None, default=None
            Axes to plot on, or whose place to take. If None, a new figure.

        Returns
        -------
        StateDisplay
            The display, already plotted.
        """
        return cls(traces).plot(ax=ax)

    def plot(self, *, ax: Any = None) -> Self:
        """Plot the traces.

        Parameters
        ----------
        ax : matplotlib Axes, array of Axes of shape (n_traces,), or None, default=None
            Axes to plot on, or whose place to take. If None, a new figure.

        Returns
        -------
        StateDisplay
            The display itself, with the attributes that end in an underscore.
        """
        pyplot()
        if not self.traces:
            raise ValueError("There are no traces to plot.")
        self.axes_ = axes_below_each_other(ax, len(self.traces))
        self.figure_ = self.axes_[0].figure
        self.images_ = []
        several = len({name.partition("_")[2] for name in self.traces}) > 1
        for place, (name, trace) in zip(self.axes_, self.traces.items(), strict=True):
            trace = np.asarray(trace)
            colours: dict[str, Any] = {"cmap": DIVERGING} | symmetric(trace)
            if trace.min() >= 0.0 and trace.max() <= 1.0:  # a gate
                colours = {"cmap": SEQUENTIAL, "vmin": 0.0, "vmax": 1.0}
            image = place.imshow(
                trace.T, aspect="auto", interpolation="nearest", origin="lower", **colours
            )
            self.images_.append(image)
            kind, _, scan = name.partition("_")
            title = _NAMES.get(kind, kind) + (f", {scan}" if several else "")
            place.set_title(title, loc="left", fontsize="medium")
            place.set_ylabel("unit")
            place.yaxis.get_major_locator().set_params(integer=True)
            self.figure_.colorbar(image, ax=place, pad=0.01, aspect=8)
        self.axes_[-1].set_xlabel("time step")
        self.axes_[-1].xaxis.get_major_locator().set_params(integer=True)
        return self
