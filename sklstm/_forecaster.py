"""LSTMForecaster: pandas in, pandas out."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike

from sklstm._estimator.callbacks import with_valid_parameters
from sklstm._estimator.saved import Saved
from sklstm._forecasting.accuracy import METRICS, Metric
from sklstm._forecasting.anchored import seasons_warning
from sklstm._forecasting.arguments import flag, probabilities, probability, whole_number
from sklstm._forecasting.backtest import backtest, ends_of_origins, too_short_warning
from sklstm._forecasting.fitted import Fitted
from sklstm._forecasting.hold_out import hold_out_warning
from sklstm._forecasting.plain import step_as_plain, step_from_plain
from sklstm._forecasting.predictions import Predictions
from sklstm._forecasting.reading import (
    as_continuation,
    as_panel,
    check_all_continue,
    left_out_warning,
)
from sklstm._forecasting.seasonality import season_candidates
from sklstm._forecasting.settings import CONSTRAINTS, default_horizon
from sklstm._forecasting.tables import TableColumns
from sklstm.components.attention import ATTENTIONS, AttentionName, SelfAttention
from sklstm.components.component import WithComponents

if TYPE_CHECKING:
    import pandas as pd


@dataclass(kw_only=True, eq=False, repr=False)
class ForecasterParameters:
    """The constructor of the forecaster.

    Without a base of scikit-learn, which has no types: a type checker then knows all keywords.
    """

    horizon: int | None = None
    season_length: int | Sequence[int] | Literal["auto"] | None = "auto"
    log: bool | Literal["auto"] = "auto"
    calendar: Sequence[Literal["month", "dayofweek", "hour", "monthend", "trend"]] = ()
    past_columns: Sequence[Any] = ()
    missing: Literal["error", "interpolate"] = "error"
    freq: str | int | pd.tseries.offsets.BaseOffset | None = None
    non_negative: bool = False
    id_col: Any = None
    time_col: Any = None
    target_col: Any = None
    global_model: bool = True
    window: int | None = None
    hidden_size: int | None = None
    num_layers: int = 1
    attention: AttentionName | SelfAttention | None = None
    max_steps: int | None = None
    batch_size: int | None = None
    learning_rate_init: float | None = None
    learning_rate: Literal["auto", "constant", "cosine", "one_cycle", "invscaling"] = "auto"
    dropout: float = 0.0
    alpha: float = 0.0
    clip_norm: float | None = 1.0
    n_jobs: int | None = None
    random_state: int | np.random.RandomState | None = None
    verbose: bool | int = False


class LSTMForecaster(ForecasterParameters, Predictions, Saved, WithComponents):
    """Forecasts of one series or of a panel of many, with intervals.

    Simple forecasts, the anchors, are corrected by LSTM networks [1]_ [2]_ that read a window of
    the series. The anchors are a smoothed trend with seasons [3]_, the last season repeated, on
    short series a damped trend and a drift and, on long ones, a linear autoregression. The end of
    each series is held out to choose how long to train the networks, if at all, and the weight of
    each candidate; then everything is fitted to all of the data. Series that stay away from zero
    are forecast in logarithms.

    Parameters
    ----------
    horizon : int or None, default=None
        Number of steps that the networks learn to forecast, and the default of `predict`. None:
        one season; two seasons if it is shorter than 12 steps, at most 48 steps, 6 without a
        season. `predict` may ask for fewer or more: beyond the horizon the anchors continue, with
        the corrections of the last season repeated.
    season_length : "auto", int, sequence of int or None, default="auto"
        Length of the season, or of several, in steps. "auto": those that the frequency suggests
        and the autocorrelation of the data confirms; on short series those that the frequency
        suggests, as far as they are more than noise. None: no season.
    log : bool or "auto", default="auto"
        Whether to forecast logarithms. "auto": for series whose smallest value is above 3% of
        their median.
    calendar : sequence of str, default=()
        Calendar features to add to `X`, out of {"month", "dayofweek", "hour", "monthend",
        "trend"}: indicator columns, except for "trend", which is a straight line.
    past_columns : sequence of column labels, default=()
        Columns of `X`, or of a table, that are known only in the past, such as measurements. A
        network sees them in its window; `predict` does not ask for them.
    missing : {"error", "interpolate"}, default="error"
        What to do about missing rows and NaN between observations: refuse them, naming the
        first, or fill them by linear interpolation. No error is measured in a gap, and a forecast
        from within one knows nothing of what follows: the last observation is repeated.
    freq : str, offset, int or None, default=None
        Frequency of a DatetimeIndex, or step of an index of whole numbers. None: that of the
        index, or inferred from it.
    non_negative : bool, default=False
        Whether forecasts, quantiles and bounds below zero are raised to zero, as for counts.
    id_col, time_col, target_col : column labels or None, default=None
        Columns of a table with the series, the times and the values. With them y is such a table,
        its other columns are the exogenous variables, and forecasts come back as such a table.
        Without `id_col` it is a single series. With `target_col` alone the times are the index.
    global_model : bool, default=True
        Whether one model learns from all series of a panel, or each series has its own model.
    window : int or None, default=None
        Number of observations that a network reads. None: two seasons, and at least 1.25
        horizons, or one horizon if the season is longer than 12 steps; without a season at
        least 8.
    hidden_size : int or None, default=None
        Number of units in each recurrent layer. None: 32; 64 for panels of at least 8 series.
    num_layers : int, default=1
        Number of recurrent layers.
    attention : {"self"}, SelfAttention or None, default=None
        Transformer layers after the recurrent layers of each network, over the window.
    max_steps : int or None, default=None
        Largest number of training minibatches; 0: no networks, only the anchors. None: 200; 300
        for panels of at least 8 series. Training goes by rounds of 20, and takes no more than
        about 20 passes over the data.
    batch_size : int or None, default=None
        Number of windows in a minibatch. None: 32; 256 for panels of at least 8 series.
    learning_rate_init : float or None, default=None
        Learning rate. None: 2e-3; 4e-3 for panels of at least 8 series.
    learning_rate : {"auto", "constant", "cosine", "one_cycle", "invscaling"}, default="auto"
        Schedule of the learning rate. "auto": "constant"; "cosine" for panels of at least 8
        series.
    dropout : float, default=0.0
        Fraction of the states set to zero in training, between layers and before the head.
    alpha : float, default=0.0
        Weight decay.
    clip_norm : float or None, default=1.0
        Largest norm of the gradient; None: no clipping.
    n_jobs : int or None, default=None
        Number of threads: over the minibatches of a global model, otherwise over the series, and
        over the origins of `backtest`. None is 1 unless in a :obj:`joblib.parallel_config`, -1
        all cores. The forecasts do not depend on it.
    random_state : int, RandomState instance or None, default=None
        Seed of the initial parameters and of the order of the windows. With an int, forecasts are
        the same bit for bit.
    verbose : bool or int, default=False
        Whether to show a progress bar.

    Attributes
    ----------
    horizon_ : int
        Number of steps that the networks forecast.
    season_lengths_ : dict
        Seasons found in each series, by its name.
    anchor_weights_ : DataFrame
        Weight of every candidate in the forecast; a row per series, a column per candidate.
    chosen_steps_ : dict
        Number of minibatches chosen by the hold-out, by the branch that a network corrects. With
        a model for each series: a dict of such, by the name of the series.
    holdout_errors_ : DataFrame
        Mean absolute error of every candidate on the hold-out; NaN if there was none.
    log_ : dict
        Whether each series is forecast in logarithms, by its name.
    loss_curve_ : list of float
        Mean loss of each round of 20 minibatches, in the last training of the branch "trend".
    n_series_ : int
        Number of series.

    See Also
    --------
    LSTMRegressor : For windows that you cut yourself, see `sklstm.windows`.

    References
    ----------
    .. [1] S. Hochreiter and J. Schmidhuber (1997). Long short-term memory. Neural
           Computation 9(8), 1735-1780.
    .. [2] S. Smyl (2020). A hybrid method of exponential smoothing and recurrent neural
           networks for time series forecasting. International Journal of Forecasting 36(1).
    .. [3] V. Assimakopoulos and K. Nikolopoulos (2000). The theta model: a decomposition
           approach to forecasting. International Journal of Forecasting 16(4).

    Examples
    --------
    >>> from sklstm import LSTMForecaster
    >>> from sklstm.datasets import load_air_passengers
    >>> y = load_air_passengers()
    >>> forecaster = LSTMForecaster(random_state=0).fit(y)
    >>> forecaster.predict(3).index
    PeriodIndex(['1961-01', '1961-02', '1961-03'], dtype='period[M]')
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = CONSTRAINTS
    _by_name: ClassVar[dict[str, Any]] = {"attention": ATTENTIONS}

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"freq": step_as_plain(self.freq)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state | {"freq": step_from_plain(state["freq"])})

    # --- fit ------------------------------------------------------------------------------
    @with_valid_parameters
    def fit(
        self,
        y: pd.Series | pd.DataFrame | ArrayLike,
        X: pd.DataFrame | ArrayLike | None = None,
        *,
        static: pd.DataFrame | None = None,
    ) -> Self:
        """Fit a series or a panel.

        Parameters
        ----------
        y : Series, DataFrame or array-like
            One of: a Series with a DatetimeIndex, PeriodIndex or whole numbers; a wide
            DataFrame, one column per series (NaN before a series begins); a long Series, or
            DataFrame of one column, with the index (series, time), of unequal lengths. An array
            is one series, or one per column, at the times 0, 1, 2, ...
        X : DataFrame or None, default=None
            Exogenous variables, at least at the times of y. They must be known in the future too,
            except for `past_columns`. Their linear effect is subtracted, and a network sees them,
            which learns the rest. For a long y they have the same index (series, time), or times
            alone if all series share them. Strings and pandas' categories become indicator
            columns, one for each category in fit. y again, which scikit-learn's scorers need, is
            the same as None.
        static : DataFrame or None, default=None
            Numbers or categories known for each series, constant in time, a row per series: its
            index, or the column `id_col`, names them. The networks of a global model read them,
            standardised; the anchors do not.

        Returns
        -------
        LSTMForecaster
            The fitted estimator.

        Raises
        ------
        ValueError
            If y has repeated, unsorted or missing times, no frequency, no observation or
            infinite values; the message says which and what to do.
        """
        y, X = TableColumns.of(self).split(y, X, "y")
        panel = as_panel(y, self.missing, self.freq, empty="leave out")
        self._fitted = Fitted.to(self, panel, X, static)
        longest = max(map(len, panel.values))
        for text in (
            left_out_warning(panel),
            hold_out_warning(panel, self.horizon_),
            seasons_warning(self.season_length, panel.step, longest),
        ):
            if text:
                warnings.warn(text, UserWarning, stacklevel=3)  # above scikit-learn's wrapper
        return self

    # --- new observations -------------------------------------------------------------------
    def update(
        self,
        y: pd.Series | pd.DataFrame | ArrayLike,
        X: pd.DataFrame | ArrayLike | None = None,
        refit: bool = False,
    ) -> Self:
        """Append observations, so that the forecasts begin after them.

        Parameters
        ----------
        y : Series or DataFrame
            The observations that follow the known ones, of the same kind. In a long frame some
            series may be missing, in a wide one none.
        X : DataFrame or None, default=None
            Exogenous variables at the new times, if `fit` had them.
        refit : bool, default=False
            Whether to fit everything again to all observations.

        Returns
        -------
        LSTMForecaster
            The estimator.

        Notes
        -----
        Without `refit` the networks, the linear maps, the weights of the candidates, the choice
        of logarithms, the effects of X, and whether the series count as short (fewer
        observations than 8 windows) stay the same. All else, that is the seasons, the smoothing,
        the level, the drift and the spread of the errors, is what a fit to all observations would
        give.
        """
        state, refit = self._state(), flag("refit", refit)
        y, X = TableColumns.of(self).split(y, X, "The new y")
        later = as_continuation(y, state.panel, self.missing)
        check_all_continue(later, state.panel)
        panel = state.panel.extended(later)
        self._fitted = state.refitted(self, panel, X) if refit else state.followed(panel, X)
        return self

    # --- accuracy ---------------------------------------------------------------------------
    def score(
        self,
        y: pd.Series | pd.DataFrame | ArrayLike,
        X: pd.DataFrame | ArrayLike | None = None,
        *,
        metric: Metric = "mase",
        quantiles: Sequence[float] = (0.1, 0.5, 0.9),
    ) -> float:
        """Return the negative error of a forecast; larger is better.

        Parameters
        ----------
        y : Series or DataFrame
            Observations after those of fit, of the same kind.
        X : DataFrame or None, default=None
            As in `predict`; y again is the same as None.
        metric : {"mase", "mae", "rmse", "wape", "pinball"}, default="mase"
            "mase": the mean over series of the mean absolute error, each divided by the mean
            absolute seasonal difference in the data of fit (Hyndman & Koehler 2006). The others
            are over all values: mean absolute error, root mean squared error, sum of absolute
            errors divided by that of the absolute values, and mean pinball loss.
        quantiles : sequence of float, default=(0.1, 0.5, 0.9)
            For "pinball".

        Returns
        -------
        float
            The error times -1.
        """
        state = self._state()
        if metric not in METRICS:
            raise ValueError(f"metric must be one of {METRICS}, not {metric!r}.")
        y, X = TableColumns.of(self).split(y, X, "y")
        later = as_continuation(y, state.panel, self.missing).without(state.panel.left_out)
        error = state.error(later, X, metric, probabilities("quantiles", quantiles))
        return -error

    def backtest(
        self,
        y: pd.Series | pd.DataFrame | ArrayLike,
        X: pd.DataFrame | ArrayLike | None = None,
        *,
        horizon: int | None = None,
        n_origins: int = 5,
        step: int | None = None,
        refit: bool = True,
        coverage: float = 0.9,
        static: pd.DataFrame | None = None,
    ) -> pd.DataFrame:
        """Forecast from several origins in the past and compare with what was observed.

        The estimator itself is not changed and does not have to be fitted.

        Parameters
        ----------
        y, X, static
            As in `fit`.
        horizon : int or None, default=None
            Number of steps of each forecast; None: the parameter `horizon`, or its default.
        n_origins : int, default=5
            Number of forecasts of each series. The last one ends with the last observation.
        step : int or None, default=None
            Number of steps between two origins; None: `horizon`, so that forecasts do not
            overlap.
        refit : bool, default=True
            Whether to fit at every origin, or only at the first one and follow, as `predict_at`
            does. The spread of the errors is then measured again whenever the shortest series has
            grown by a hundredth.
        coverage : float, default=0.9
            Coverage of the bounds.

        Returns
        -------
        DataFrame
            Columns series, cutoff (the last known time), time, actual, prediction, lower and
            upper; a row for every forecast value. `actual` is NaN in a gap of y.
        """
        y, X = TableColumns.of(self).split(y, X, "y")
        panel = as_panel(y, self.missing, self.freq, empty="leave out")
        if horizon is None:
            lengths, _ = season_candidates(self.season_length, panel.step)
            horizon = self.horizon or default_horizon(lengths)
        horizon = whole_number("horizon", horizon)
        step = horizon if step is None else whole_number("step", step)
        ends = ends_of_origins(panel, horizon, whole_number("n_origins", n_origins), step)
        refit, coverage = flag("refit", refit), probability("coverage", coverage)
        if text := too_short_warning(panel, ends, refit):
            warnings.warn(text, UserWarning, stacklevel=2)
        return backtest(self, panel, X, static, ends, horizon, refit, coverage)
