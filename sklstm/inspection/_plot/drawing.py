"""What all displays share: matplotlib if it is there, colours, and axes below each other.

Colours are those of Okabe and Ito (2008), which people who are colour-blind can tell apart too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

BLUE, VERMILION, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#4D4D4D"
DIVERGING, SEQUENTIAL = "PuOr", "cividis"
# Inches of one of several axes below each other.
_HEIGHT = 1.3


def pyplot() -> Any:
    """Return matplotlib.pyplot, or say how to get it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            "The displays of sklstm.inspection need matplotlib: pip install sklstm[plots]"
        ) from error
    return plt


def names_of_channels(estimator: Any) -> list[str] | None:
    """Return the names that the channels had in fit, or None."""
    names = [str(name) for name in getattr(estimator, "feature_names_in_", ())]
    return names if len(names) == estimator.n_channels_in_ else None


def one_axes(ax: Any) -> Any:
    """Return the axes to plot on: new ones if ax is None."""
    plt = pyplot()
    return plt.subplots(layout="constrained")[1] if ax is None else ax


def axes_below_each_other(ax: Any, n_axes: int) -> NDArray:
    """Return n_axes axes, as an array, that share the axis of time.

    ax: None for a new figure; axes whose place they take; or as many axes
    """
    plt = pyplot()
    if ax is None:
        height = 1.2 + _HEIGHT * n_axes
        _, axes = plt.subplots(
            n_axes, 1, figsize=(7.5, height), sharex=True, squeeze=False, layout="constrained"
        )
        return axes[:, 0]
    given = np.ravel(np.asarray(ax, dtype=object))
    if len(given) == n_axes:
        return given
    if len(given) != 1:
        raise ValueError(f"ax has {len(given)} axes: pass one, or {n_axes}.")
    (place,) = given
    if place.get_subplotspec() is None:
        raise ValueError(
            "ax was not made by subplots, so that it has no room for several axes: pass "
            f"{n_axes} axes."
        )
    place.set_axis_off()
    grid = place.get_subplotspec().subgridspec(n_axes, 1)
    return np.array(grid.subplots(sharex=True, squeeze=False)[:, 0])


def symmetric(values: ArrayLike) -> dict[str, float]:
    """Return the limits of colours between which 0 is in the middle."""
    largest = float(np.abs(np.asarray(values)).max(initial=0.0)) or 1.0
    return {"vmin": -largest, "vmax": largest}


def edges(times: NDArray) -> NDArray:
    """Return the edges (n + 1,) of cells with the given middles (n,)."""
    if len(times) == 1:
        return np.array([times[0] - 0.5, times[0] + 0.5])
    middle = (times[:-1] + times[1:]) / 2.0
    first, last = 2.0 * times[0] - middle[0], 2.0 * times[-1] - middle[-1]
    return np.concatenate([[first], middle, [last]])
