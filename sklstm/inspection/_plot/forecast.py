"""ForecastDisplay: history, forecast, prediction intervals and actual values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklstm._forecasting.arguments import probabilities, whole_number
from sklstm.inspection._plot.drawing import BLUE, GREY, VERMILION, one_axes, pyplot


class ForecastDisplay:
    """Forecast visualization.

    It is recommended to use `from_estimator` or `from_predictions` to create a display.

    Parameters
    ----------
    history : Series
        Observations before the forecast.
    prediction : Series
        The forecast.
    intervals : dict of float to DataFrame, default=None
        Prediction intervals by coverage, with the columns "lower" and "upper".
    actual : Series or None, default=None
        Actual values at the forecast times.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the plot.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    history_line_, prediction_line_, actual_line_ : matplotlib Line2D or None
        Lines of the plot.
    joints_ : list of matplotlib Line2D
        What joins the history to forecast and actual values.
    bands_ : list
        Bands of the intervals, the highest coverage first.

    Examples
    --------
    >>> from sklstm import LSTMForecaster
    >>> from sklstm.datasets import load_air_passengers
    >>> from sklstm.inspection import ForecastDisplay
    >>> y = load_air_passengers()
    >>> forecaster = LSTMForecaster(max_steps=0).fit(y[:-12])
    >>> display = ForecastDisplay.from_estimator(forecaster, y[-12:])  # doctest: +SKIP
    """

    def __init__(
        self,
        history: Any,
        prediction: Any,
        *,
        intervals: dict[float, Any] | None = None,
        actual: Any = None,
    ) -> None:
        self.history = history
        self.prediction = prediction
        self.intervals = intervals or {}
        self.actual = actual

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        y: Any = None,
        *,
        X: Any = None,
        horizon: int | None = None,
        coverage: float | Sequence[float] = (0.5, 0.9),
        series: Any = None,
        n_history: int | None = None,
        ax: Any = None,
    ) -> Self:
        """Plot the forecast of a fitted forecaster.

        Parameters
        ----------
        estimator : LSTMForecaster
            A fitted forecaster.
        y : Series, DataFrame, int or None, default=None
            The values that were observed later, of the same kind as the y of fit. A whole number
            is taken as `horizon`.
        X : DataFrame or None, default=None
            Exogenous variables at the forecast times, if the forecaster was fitted with them.
        horizon : int or None, default=None
            Number of steps; None: as many as y covers, else `horizon_`.
        coverage : float or sequence of float, default=(0.5, 0.9)
            Coverage of the intervals.
        series : label or None, default=None
            Series of a panel to plot. If None, the first one.
        n_history : int or None, default=None
            Number of past observations to plot. If None, five horizons, but at least 30.
        ax : matplotlib Axes or None, default=None
            Axes to plot on. If None, new axes are created.

        Returns
        -------
        ForecastDisplay
            The display, already plotted.
        """
        pyplot()
        check_is_fitted(estimator)
        if isinstance(y, int | np.integer):
            if horizon is not None:
                raise ValueError(f"Two horizons were given, y={y!r} and horizon={horizon!r}.")
            y, horizon = None, int(y)
        if n_history is not None:
            n_history = whole_number("n_history", n_history)
        history, actual = estimator.history(series), None
        label = history.name
        if y is not None:
            actual = _one_of(_indexed(estimator, y), label)
            horizon = len(actual) if horizon is None else horizon
        prediction = _one_of(_indexed(estimator, estimator.predict(horizon, X)), label)
        intervals = {}
        for level in probabilities("coverage", coverage):
            table = estimator.predict_interval(horizon, X, level)
            intervals[level] = _one_of(_indexed(estimator, table), label)
        if n_history is None:
            n_history = max(30, 5 * len(prediction))
        return cls(history.iloc[-n_history:], prediction, intervals=intervals, actual=actual).plot(
            ax=ax
        )

    @classmethod
    def from_predictions(
        cls,
        history: Any,
        prediction: Any,
        *,
        interval: Any = None,
        coverage: float = 0.9,
        actual: Any = None,
        ax: Any = None,
    ) -> Self:
        """Plot given forecasts.

        Parameters
        ----------
        history : Series
            Observations before the forecast.
        prediction : Series
            The forecast.
        interval : DataFrame or None, default=None
            Prediction interval as returned by `predict_interval`, with the columns "lower" and
            "upper".
        coverage : float, default=0.9
            Coverage of the interval, for the legend.
        actual : Series or None, default=None
            Actual values at the forecast times.
        ax : matplotlib Axes or None, default=None
            Axes to plot on. If None, new axes are created.

        Returns
        -------
        ForecastDisplay
            The display, already plotted.
        """
        intervals = None if interval is None else {float(coverage): interval}
        return cls(history, prediction, intervals=intervals, actual=actual).plot(ax=ax)

    def plot(self, *, ax: Any = None) -> Self:
        """Plot the forecast.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Axes to plot on. If None, new axes are created.

        Returns
        -------
        ForecastDisplay
            The display itself, with the attributes that end in an underscore.
        """
        ax = one_axes(ax)
        (self.history_line_,) = _line(ax, self.history, color=GREY, label="history")
        self.bands_: list[Any] = []
        self.joints_: list[Any] = []
        coverages = sorted(self.intervals, reverse=True)
        # the wider an interval, the lighter
        for coverage, share in zip(coverages, np.linspace(0.8, 0.55, len(coverages)), strict=True):
            table = self.intervals[coverage]
            lower, upper = (_after(self.history, table[name]) for name in ("lower", "upper"))
            band = ax.fill_between(
                lower[0], lower[1], upper[1], color=_tint(share),
                linewidth=0, label=f"{coverage:.0%} interval",
            )  # fmt: skip
            self.bands_.append(band)
        (self.prediction_line_,) = _line(ax, self.prediction, color=BLUE, label="forecast")
        self._join(ax, self.prediction, BLUE)
        self.actual_line_ = None
        if self.actual is not None:
            self._join(ax, self.actual, VERMILION)
            (self.actual_line_,) = _line(
                ax, self.actual, color=VERMILION, marker=".", linestyle="--", label="actual"
            )
        ax.set_ylabel("" if self.history.name is None else str(self.history.name))
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _join(self, ax: Any, series: Any, color: str) -> None:
        """Draw a line from the last value of the history to the first of a series."""
        times, values = _after(self.history, series)
        if len(times) > len(series):
            (joint,) = ax.plot(times[:2], values[:2], color=color, linestyle="--", linewidth=1.0)
            self.joints_.append(joint)


def _line(ax: Any, series: Any, **style: Any) -> Any:
    """Draw a series."""
    return ax.plot(_times(series), series.to_numpy(float), **style)


def _after(history: Any, series: Any) -> tuple[Any, Any]:
    """Return times and values of a series, after the last known one of the history."""
    times, values = _times(series), series.to_numpy(float)
    known = history.dropna()
    if not len(known):
        return times, values
    return _times(known[-1:]).append(times), np.append(known.to_numpy(float)[-1], values)


def _tint(share: float) -> Any:
    """Return blue with some share of white: opaque, so that bands do not mix."""
    from matplotlib.colors import to_rgb

    return tuple(share + (1.0 - share) * np.array(to_rgb(BLUE)))


def _indexed(estimator: Any, answer: Any) -> Any:
    """Return an answer with series and times in its index, also if it is a table."""
    if estimator.time_col is None:
        if estimator.target_col is not None and _has_column(answer, estimator.target_col):
            return answer[estimator.target_col]
        return answer
    keys = [name for name in (estimator.id_col, estimator.time_col) if name is not None]
    answer = answer.set_index(keys)
    has_target = _has_column(answer, estimator.target_col)
    return answer[estimator.target_col] if has_target else answer


def _has_column(answer: Any, name: Any) -> bool:
    return answer.ndim == 2 and name in answer.columns


def _one_of(answer: Any, label: Any) -> Any:
    """Return the part of a forecaster's result that belongs to one series."""
    if answer.index.nlevels == 2:
        own = [series == label for series in answer.index.get_level_values(0)]
        answer = answer[own].droplevel(0)
        return answer.iloc[:, 0] if _is_values(answer) else answer
    if answer.ndim == 2 and not (answer.columns.nlevels == 1 and "lower" in answer.columns):
        return answer[label]
    return answer


def _is_values(answer: Any) -> bool:
    """Return whether a table contains values, not bounds of intervals."""
    return answer.ndim == 2 and "lower" not in answer.columns


def _times(series: Any) -> Any:
    """Return the index in a form that matplotlib can plot."""
    index = series.index
    return index.to_timestamp() if hasattr(index, "to_timestamp") else index
