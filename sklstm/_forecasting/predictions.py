"""The forecasts of a fitted forecaster: points, intervals, quantiles, paths, many origins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state

from sklstm._forecasting.arguments import probabilities, whole_number
from sklstm._forecasting.attributes import FittedAttributes
from sklstm._forecasting.origins import counts_rows
from sklstm._forecasting.reading import as_whole
from sklstm._forecasting.tables import TableColumns

if TYPE_CHECKING:
    import pandas as pd


class Predictions(FittedAttributes):
    """Methods that forecast from what fit left behind."""

    missing: Literal["error", "interpolate"]

    def predict(
        self,
        horizon: int | pd.Index | pd.Series | pd.DataFrame | ArrayLike | None = None,
        X: pd.DataFrame | ArrayLike | None = None,
    ) -> pd.Series | pd.DataFrame:
        """Forecast what follows each series.

        Parameters
        ----------
        horizon : int, Index, Series, DataFrame, array or None, default=None
            Number of steps; None: `horizon_`. An Index holds the times to forecast, as does the
            index of a Series or DataFrame, such as scikit-learn's scorers pass; of an array the
            length says how far.
        X : DataFrame or None, default=None
            Exogenous variables at the forecast times, if `fit` had them. They may be columns of
            `horizon`.

        Returns
        -------
        Series or DataFrame
            The same kind as the y of fit, from the step after the last observation on; or a value
            for each row, at the times asked for.
        """
        import pandas as pd

        state, columns = self._state(), TableColumns.of(self)
        if isinstance(horizon, pd.Index):
            rows = pd.DataFrame(index=horizon)
            return state.forecast_at(rows, rows, columns.exogenous(X))
        if isinstance(horizon, pd.Series | pd.DataFrame):
            return state.forecast_at(horizon, columns.indexed(horizon, "y"), columns.exogenous(X))
        steps = self._n_steps(horizon)
        values = state.forecast(steps, columns.exogenous(X)).values()
        return columns.joined(state.panel.answer(state.panel.futures(steps), values))

    def predict_interval(
        self,
        horizon: int | None = None,
        X: pd.DataFrame | ArrayLike | None = None,
        coverage: float | Sequence[float] = 0.9,
    ) -> pd.DataFrame:
        """Forecast intervals that contain each value with a given probability.

        Parameters
        ----------
        horizon, X
            As in `predict`.
        coverage : float or sequence of float, default=0.9
            Probability, between 0 and 1.

        Returns
        -------
        DataFrame
            Columns "lower" and "upper"; for several coverages the levels (coverage, bound). For
            a wide y the series are the first level.

        Notes
        -----
        A larger coverage never gives a narrower interval. For the same series and coverage, no
        interval is narrower than an earlier one.
        """
        import pandas as pd

        coverages = probabilities("coverage", coverage)
        quantiles = [q for c in coverages for q in (0.5 - 0.5 * c, 0.5 + 0.5 * c)]
        columns: Any = pd.Index(["lower", "upper"])
        if np.ndim(coverage) > 0:
            names = ["coverage", "bound"]
            columns = pd.MultiIndex.from_product([coverages, ["lower", "upper"]], names=names)
        return self._quantile_table(horizon, X, quantiles, columns)

    def predict_quantiles(
        self,
        horizon: int | None = None,
        X: pd.DataFrame | ArrayLike | None = None,
        quantiles: Sequence[float] = (0.05, 0.25, 0.5, 0.75, 0.95),
    ) -> pd.DataFrame:
        """Forecast quantiles of each value.

        Parameters
        ----------
        horizon, X
            As in `predict`.
        quantiles : sequence of float, default=(0.05, 0.25, 0.5, 0.75, 0.95)
            Between 0 and 1.

        Returns
        -------
        DataFrame
            A column per quantile. For a wide y the series are the first level of the columns.
        """
        import pandas as pd

        values = probabilities("quantiles", quantiles)
        return self._quantile_table(horizon, X, values, pd.Index(values, name="quantile"))

    def predict_samples(
        self,
        horizon: int | None = None,
        n_samples: int = 1000,
        random_state: int | np.random.RandomState | None = None,
        X: pd.DataFrame | ArrayLike | None = None,
    ) -> pd.DataFrame:
        """Draw sample paths of what follows each series.

        Parameters
        ----------
        horizon, X
            As in `predict`.
        n_samples : int, default=1000
            Number of paths.
        random_state : int, RandomState instance or None, default=None
            Seed of the draws.

        Returns
        -------
        DataFrame
            A column per path. For a wide y the series are the first level of the columns.

        Notes
        -----
        At each step the paths are distributed as `predict_quantiles` says. From step to step they
        depend on each other as the errors of the anchors in the past did [1]_: a path takes over
        the ranks of a past path of errors. All series take them from the same times, as far as
        they have these in common, so that sums over series are meaningful, too. With fewer than 8
        past paths of that horizon, the steps depend on each other as in a random walk, which is the
        same one for all such series.

        References
        ----------
        .. [1] M. Clark et al. (2004). The Schaake shuffle: a method for reconstructing space-time
               variability in forecasted precipitation and temperature fields. Journal of
               Hydrometeorology 5(1).

        Examples
        --------
        >>> from sklstm import LSTMForecaster
        >>> from sklstm.datasets import load_air_passengers
        >>> forecaster = LSTMForecaster(random_state=0).fit(load_air_passengers())
        >>> paths = forecaster.predict_samples(12, n_samples=500, random_state=0)
        >>> paths.sum().quantile([0.1, 0.9]).shape  # of the sum over a year
        (2,)
        """
        import pandas as pd

        state, steps, table = self._state(), self._n_steps(horizon), TableColumns.of(self)
        n_samples = whole_number("n_samples", n_samples)
        rng = check_random_state(random_state)
        values = state.samples(steps, table.exogenous(X), n_samples, rng)
        columns = pd.RangeIndex(n_samples, name="sample")
        return table.joined(state.panel.answer_table(state.panel.futures(steps), values, columns))

    def predict_at(
        self,
        y: pd.Series | pd.DataFrame | ArrayLike,
        origins: pd.Index | ArrayLike | None = None,
        X: pd.DataFrame | ArrayLike | None = None,
        *,
        horizon: int | None = None,
    ) -> pd.DataFrame:
        """Forecast from many origins in one call, without fitting again.

        Parameters
        ----------
        y : Series, DataFrame or array-like
            The observations that follow those of `fit`, as in `update`, or all observations from
            the first on: what `fit` has seen may stand before the new ones.
        origins : Index, array or None, default=None
            For each forecast the time of the last observation that it knows, from the last one
            of `fit` on; the order is free. For a long y they may be pairs (series, time); times
            alone hold for all series. Whole numbers count the rows of y if its times are not
            whole numbers. None: all.
        X : DataFrame or None, default=None
            Exogenous variables at the new times and at those of the forecasts, if `fit` had them.
            Of a table, those after its last row.
        horizon : int or None, default=None
            Number of steps; None: `horizon_`.

        Returns
        -------
        DataFrame
            A row for each origin, with the index "origin" (for a panel series and origin), and a
            column for each step after it, 1, 2, ...

        Notes
        -----
        Each row is what `update` with the observations up to the origin and then `predict` give,
        but for rounding. The estimator itself does not change. An origin costs about as much as
        reading its series once.

        Examples
        --------
        >>> from sklstm import LSTMForecaster
        >>> from sklstm.datasets import load_air_passengers
        >>> y = load_air_passengers()
        >>> forecaster = LSTMForecaster(horizon=3, random_state=0).fit(y[:-24])
        >>> forecaster.predict_at(y).shape
        (25, 3)
        """
        import pandas as pd

        state, columns = self._state(), TableColumns.of(self)
        if columns.target is None:
            y, X = columns.split(y, X, "y")
        else:  # the table ends where observations do, but the last forecasts need later rows
            y, known = columns.split(y, None, "y")
            X = columns.with_coming(known, X)
        steps = self.horizon_ if horizon is None else whole_number("horizon", horizon)
        panel = as_whole(y, state.panel, self.missing)
        times = y.index if isinstance(y, pd.Series | pd.DataFrame) else None
        if times is not None and counts_rows(origins, times):
            rows = np.asarray(origins)
            if not ((-len(times) <= rows) & (rows < len(times))).all():
                raise ValueError(f"origins counts the rows of y, which has {len(times)}: {rows}.")
            origins = times[rows]
        return columns.joined(state.forecast_from(panel, origins, X, steps))

    def _quantile_table(
        self, horizon: int | None, X: Any, quantiles: list[float], columns: pd.Index
    ) -> pd.DataFrame:
        state, steps, table = self._state(), self._n_steps(horizon), TableColumns.of(self)
        values = state.forecast(steps, table.exogenous(X)).quantiles(quantiles)
        return table.joined(state.panel.answer_table(state.panel.futures(steps), values, columns))

    def _n_steps(self, horizon: Any) -> int:
        if horizon is None:
            return self.horizon_
        from_array = isinstance(horizon, np.ndarray) and self._fitted.panel.from_array
        if np.ndim(horizon) == 2 and not from_array:
            raise ValueError(
                "horizon must be a whole number, the number of steps, not a "
                f"{type(horizon).__name__}: pass exogenous variables as X=."
            )
        if np.ndim(horizon) == 1 and not from_array:
            raise ValueError(
                f"horizon must be a whole number, the number of steps, not a "
                f"{type(horizon).__name__}: pass the steps up to the last time, and choose rows of "
                "the result. Only predict takes an Index of times."
            )
        return whole_number("horizon", len(horizon) if from_array else horizon)
