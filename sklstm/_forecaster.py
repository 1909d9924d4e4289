"""LSTMForecaster: pandas in, pandas out."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from sklstm._forecasting.accuracy import mean_absolute_scaled_error
from sklstm._forecasting.correction import Settings
from sklstm._forecasting.exogenous import CALENDAR, Exogenous
from sklstm._forecasting.panel import Panel, as_panel
from sklstm._forecasting.panel_model import CANDIDATES, PanelModel, Recipe
from sklstm._forecasting.seasonality import candidate_seasons
from sklstm._forecasting.static_features import static_features
from sklstm._forecasting.transform import from_scale
from sklstm.components.schedules import SCHEDULES

_LARGE = 8  # series from which on a panel has the settings of a global model
_STEPS_A_ROUND = 20


@dataclass(kw_only=True, eq=False, repr=False)
class LSTMForecaster(BaseEstimator):
    """Forecasts of one series or of a panel of many, with intervals.

    Anchors (a smoothed trend with seasons, the last season again, on long series a linear
    autoregression) are corrected by LSTM networks [1]_ [2]_ that read a window of the series.
    The end of each series is held out to decide how long to train, which may be not at all,
    and how much every candidate counts; then everything is fitted on all of the data. Series that
    keep their distance from zero are forecast in logarithms.

    Parameters
    ----------
    horizon : int or None, default=None
        Steps that the networks learn to forecast, and that `predict` gives by default. None:
        a season; two where it is shorter than 12 steps, at most 48 steps, 6 without a
        season. `predict` may ask for fewer or more: beyond the horizon the anchors go on,
        with the corrections of the last season again.
    season_length : "auto", int, sequence of int or None, default="auto"
        Steps of a season, or of several. "auto": those that the frequency suggests, as far as
        the autocorrelation of the data bears them out. None: no season.
    log : bool or "auto", default="auto"
        Whether to forecast logarithms. "auto": for series whose smallest value is above 3% of
        their median.
    calendar : sequence of str, default=()
        Calendar features to add to `X`, of {"month", "dayofweek", "hour", "monthend",
        "trend"}: indicators, but "trend", a straight line.
    missing : {"error", "interpolate"}, default="error"
        What to do about gaps in the index and NaN between observations: refuse them, naming
        the first, or fill them with straight lines.
    freq : str, offset, int or None, default=None
        Frequency of a DatetimeIndex, or step of whole numbers. None: that of the index, or
        found from it.
    global_model : bool, default=True
        Whether one network learns from all series of a panel, or each series has its own.
    window : int or None, default=None
        Observations that the network reads. None: two seasons, and at least 1.25 horizons.
    hidden_size : int or None, default=None
        Units of a recurrent layer. None: 32; 64 for panels of 8 series and more.
    num_layers : int, default=1
        Recurrent layers.
    max_steps : int or None, default=None
        Minibatches of training, at most; 0: no network, the anchors alone. None: 200; 300
        for panels of 8 series and more. Never more than 20 passes over the windows.
    batch_size : int or None, default=None
        Windows in a minibatch. None: 32; 256 for panels of 8 series and more.
    learning_rate_init : float or None, default=None
        Learning rate. None: 2e-3; 4e-3 for panels of 8 series and more.
    learning_rate : {"auto", "constant", "cosine", "one_cycle", "invscaling"}, default="auto"
        Schedule. "auto": "constant"; "cosine" for panels of 8 series and more.
    dropout : float, default=0.0
        Share of the states set to zero in training, between layers and before the head.
    alpha : float, default=0.0
        Weight decay.
    clip_norm : float or None, default=1.0
        Largest norm of the gradient; None: no clipping.
    n_jobs : int or None, default=None
        Threads: over the minibatches of a global model, else over series, and over the origins
        of `backtest`. None is 1 unless in a :obj:`joblib.parallel_config`, -1 all cores. The
        number changes the time, and not one bit of the result.
    random_state : int, RandomState instance or None, default=None
        Seed of the initial parameters and the order of the windows. An int gives the same
        forecast bit for bit.
    verbose : bool or int, default=False
        Whether to show a progress bar.

    Attributes
    ----------
    horizon_ : int
        Steps that the networks forecast.
    season_lengths_ : dict
        Seasons that were found in each series, by the name of the series.
    anchor_weights_ : DataFrame
        What every candidate counts in the combination; a row a series, a column a candidate.
    chosen_steps_ : dict
        Minibatches that the hold-out chose for each branch, of a global model; of models for
        each series a dict of such, by the name of the series.
    holdout_errors_ : DataFrame
        Mean absolute error of every candidate on the hold-out; NaN where there was none.
    log_ : dict
        Whether a series is forecast in logarithms, by its name.
    loss_curve_ : list of float
        Mean loss of the rounds of 20 minibatches of the branch "trend" in the final training.
    n_series_ : int
        Series of the panel.

    See Also
    --------
    LSTMRegressor : For windows that you make yourself, see `sklstm.windows`.

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

    horizon: int | None = None
    season_length: int | Sequence[int] | Literal["auto"] | None = "auto"
    log: bool | Literal["auto"] = "auto"
    calendar: Sequence[str] = ()
    missing: str = "error"
    freq: Any = None
    global_model: bool = True
    window: int | None = None
    hidden_size: int | None = None
    num_layers: int = 1
    max_steps: int | None = None
    batch_size: int | None = None
    learning_rate_init: float | None = None
    learning_rate: str = "auto"
    dropout: float = 0.0
    alpha: float = 0.0
    clip_norm: float | None = 1.0
    n_jobs: int | None = None
    random_state: int | np.random.RandomState | None = None
    verbose: bool | int = False

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "horizon": [Interval(Integral, 1, None, closed="left"), None],
        "season_length": [
            StrOptions({"auto"}), Interval(Integral, 1, None, closed="left"), "array-like", None
        ],
        "log": ["boolean", StrOptions({"auto"})],
        "calendar": [list, tuple],
        "missing": [StrOptions({"error", "interpolate"})],
        "freq": "no_validation",
        "global_model": ["boolean"],
        "window": [Interval(Integral, 2, None, closed="left"), None],
        "hidden_size": [Interval(Integral, 1, None, closed="left"), None],
        "num_layers": [Interval(Integral, 1, None, closed="left")],
        "max_steps": [Interval(Integral, 0, None, closed="left"), None],
        "batch_size": [Interval(Integral, 1, None, closed="left"), None],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither"), None],
        "learning_rate": [StrOptions({"auto", *SCHEDULES} - {"adaptive"})],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "clip_norm": [Interval(Real, 0, None, closed="neither"), None],
        "n_jobs": [None, Integral],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }  # fmt: skip

    # --- fit ------------------------------------------------------------------------------
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, y: Any, X: Any = None, *, static: Any = None) -> Self:
        """Learn a series or a panel.

        Parameters
        ----------
        y : Series, DataFrame or array-like
            One of: a Series with a DatetimeIndex, PeriodIndex or whole numbers; a wide
            DataFrame, a column each series (NaN before a series begins); a long Series, or
            DataFrame of one column, with the index (series, time), of unequal lengths. An
            array is a series, or a column each, at the times 0, 1, 2, ...
        X : DataFrame or None, default=None
            Exogenous variables, known in the future too, at least at the times of y; for a
            long y with the same index (series, time), or with times alone if all series
            share them.
        static : DataFrame or None, default=None
            What is known of each series of a panel whatever the time, a row a series, numbers.
            The network of a global model sees it, standardised; the anchors do not.

        Returns
        -------
        LSTMForecaster
            The fitted estimator.

        Raises
        ------
        ValueError
            If y has repeated, unsorted or missing times, no frequency, no observation or
            values that are not finite; the message says which and what to do.
        """
        panel = as_panel(y, self.missing, self.freq)
        self._static = self._static_features(static, panel)
        self._fit_panel(panel, X)
        self._warn_of_short()
        return self

    def _static_features(self, static: Any, panel: Panel) -> Any:
        if static is None:
            return None
        if not self.global_model:
            raise ValueError(
                "static needs global_model=True: a model of one series has nothing to compare it "
                "with. Leave it out."
            )
        return static_features(static, panel)

    def _fit_panel(self, panel: Panel, X: Any) -> None:
        self._refuse_impossible(panel)
        exogenous = Exogenous.fit(X, tuple(self.calendar), panel)
        seasons, tested = self._season_candidates(panel)
        self.horizon_ = int(self.horizon or _default_horizon(seasons))
        self._panel, self._exogenous = panel, exogenous
        self._fit_models(panel, seasons, tested, check_random_state(self.random_state))

    def _fit_models(
        self,
        panel: Panel,
        seasons: tuple[int, ...],
        tested: bool,
        rng: np.random.RandomState,
    ) -> None:
        values = panel.values
        inputs = self._exogenous.history(panel) if self._exogenous is not None else None
        together = self.global_model or panel.n_series == 1
        recipe = self._recipe(seasons, tested, panel.n_series if together else 1)
        n_jobs = joblib.effective_n_jobs(self.n_jobs)
        if together:
            bar = _progress_bar(None, "LSTMForecaster", "round") if self.verbose else None
            seed = rng.randint(np.iinfo(np.int32).max)
            self._models = [
                PanelModel.fit(
                    values,
                    recipe,
                    seed,
                    n_jobs,
                    inputs,
                    self._static,
                    bar.update if bar is not None else _nothing,
                )
            ]
            if bar is not None:
                bar.close()
            self._owner = np.zeros(panel.n_series, np.int64)
        else:
            seeds = rng.randint(np.iinfo(np.int32).max, size=panel.n_series)
            jobs = (
                joblib.delayed(PanelModel.fit)(
                    [values[i]], recipe, int(seeds[i]), 1, None if inputs is None else [inputs[i]]
                )
                for i in range(panel.n_series)
            )
            results = joblib.Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")(jobs)
            if self.verbose:
                results = _progress_bar(panel.n_series, "LSTMForecaster", "series", results)
            self._models = list(results)
            self._owner = np.arange(panel.n_series)

    def _season_candidates(self, panel: Panel) -> tuple[tuple[int, ...], bool]:
        """Season lengths, shortest first, and whether they are still to be tested."""
        given = self.season_length
        if isinstance(given, str):
            return candidate_seasons(panel.step), True
        if given is None:
            return (), False
        lengths = np.unique(np.atleast_1d(given))
        if lengths.dtype.kind not in "iu" or (lengths < 1).any():
            raise ValueError(f"season_length must hold whole numbers of at least 1, not {given!r}.")
        return tuple(int(m) for m in lengths if m > 1), False

    def _recipe(self, seasons: tuple[int, ...], tested: bool, n_series: int) -> Recipe:
        large = n_series >= _LARGE

        def choose(given: Any, small_value: Any, large_value: Any) -> Any:
            if given is not None and given != "auto":
                return given
            return large_value if large else small_value

        max_steps = int(choose(self.max_steps, 200, 300))
        network = Settings(
            horizon=int(self.horizon_),
            hidden_size=int(choose(self.hidden_size, 32, 64)),
            num_layers=int(self.num_layers),
            batch_size=int(choose(self.batch_size, 32, 256)),
            max_steps=max_steps,
            steps_a_round=min(_STEPS_A_ROUND, max(max_steps, 1)),
            learning_rate_init=float(choose(self.learning_rate_init, 2e-3, 4e-3)),
            learning_rate=choose(self.learning_rate, "constant", "cosine"),
            dropout=float(self.dropout),
            alpha=float(self.alpha),
            clip_norm=self.clip_norm,
        )
        return Recipe(
            season_lengths=seasons,
            test_seasons=tested,
            log=None if isinstance(self.log, str) else bool(self.log),
            network=network,
            window=None if self.window is None else int(self.window),
            skip=large,
            correct=max_steps > 0,
        )

    def _refuse_impossible(self, panel: Panel) -> None:
        unknown = set(self.calendar) - set(CALENDAR)
        if unknown:
            raise ValueError(
                f"Unknown calendar features {sorted(unknown)}: choose from {CALENDAR}."
            )
        if self.log is True:
            for i, y in enumerate(panel.values):
                if y.min() <= 0.0:
                    where = panel.axes[i][int(np.argmin(y))]
                    raise ValueError(
                        f"log=True needs positive values, and y{panel.named(i)} is {y.min():g} at "
                        f"{where!s}. Use log='auto'."
                    )

    def _warn_of_short(self) -> None:
        panel = self._panel
        short = [i for i, n in enumerate(map(len, panel.values)) if n < max(2 * self.horizon_, 12)]
        if short:
            names = ", ".join(repr(panel.labels[i]) for i in short[:5])
            which = "y is" if panel.kind == "series" else f"{len(short)} series ({names}, ...) are"
            warnings.warn(
                f"{which} too short to hold anything out: the shortest has "
                f"{min(len(panel.values[i]) for i in short)} observations, and a hold-out needs "
                f"{max(2 * self.horizon_, 12)}. The forecast is the smoothed trend alone; a "
                "shorter horizon needs fewer.",
                UserWarning,
                stacklevel=5,  # the caller of fit, behind scikit-learn's wrapper
            )

    # --- what was decided -------------------------------------------------------------------
    def _labels(self) -> list[Any]:
        return self._panel.labels

    def _table(self, name: str) -> Any:
        import pandas as pd

        check_is_fitted(self)
        rows = np.concatenate([getattr(model, name) for model in self._models])
        return pd.DataFrame(rows, index=pd.Index(self._labels()), columns=list(CANDIDATES))

    @property
    def anchor_weights_(self) -> Any:
        """Weights of the candidates in the combination, a row a series."""
        return self._table("weights")

    @property
    def holdout_errors_(self) -> Any:
        """Mean absolute errors of the candidates on the hold-out, a row a series."""
        return self._table("errors")

    @property
    def chosen_steps_(self) -> dict[Any, Any]:
        """Minibatches of training that the hold-out chose, by branch."""
        check_is_fitted(self)
        if len(self._models) == 1:
            return dict(self._models[0].chosen_steps)
        steps = [dict(model.chosen_steps) for model in self._models]
        return dict(zip(self._labels(), steps, strict=True))

    @property
    def season_lengths_(self) -> dict[Any, tuple[int, ...]]:
        """Seasons found in each series."""
        check_is_fitted(self)
        found = [seasons for model in self._models for seasons in model.anchored.seasons]
        return dict(zip(self._labels(), found, strict=True))

    @property
    def log_(self) -> dict[Any, bool]:
        """Whether each series is forecast in logarithms."""
        check_is_fitted(self)
        return dict(zip(self._labels(), self._logs(), strict=True))

    @property
    def loss_curve_(self) -> list[float]:
        """Mean loss of the rounds of the final training of the branch "trend"."""
        check_is_fitted(self)
        return list(self._models[0].loss_curves.get("trend", []))

    @property
    def n_series_(self) -> int:
        """Series of the panel."""
        check_is_fitted(self)
        return self._panel.n_series

    def describe(self, series: Any = None) -> str:
        """What the forecaster decided about a series, in words.

        Parameters
        ----------
        series : label or None, default=None
            Which series of a panel; None: the first.

        Returns
        -------
        str
            A few sentences.
        """
        check_is_fitted(self)
        labels = self._labels()
        i = self._place(series)
        n, seasons = len(self._panel.values[i]), self.season_lengths_[labels[i]]
        weights = self.anchor_weights_.iloc[i]
        parts = [
            f"{self._panel.named(i).strip().capitalize() or 'The series'} has {n} observations, "
            f"is forecast {'in logarithms' if self.log_[labels[i]] else 'as it is'} and has "
            + (f"seasons of {' and '.join(map(str, seasons))} steps." if seasons else "no season.")
        ]
        shares = [f"{name} {share:.0%}" for name, share in weights.items() if share >= 0.005]
        parts.append(f"The forecast is made of: {', '.join(shares)}.")
        steps = self._models[self._owner[i]].chosen_steps
        if not steps:
            parts.append("No network was trained.")
        for branch, count in steps.items():
            what = (
                f"trained for {count} minibatches" if count else "left out: training did not help"
            )
            parts.append(f"On the hold-out, the network that corrects the {branch} was {what}.")
        return " ".join(parts)

    # --- forecasts --------------------------------------------------------------------------
    def predict(self, horizon: int | None = None, X: Any = None) -> Any:
        """Forecast what follows each series.

        Parameters
        ----------
        horizon : int or None, default=None
            Steps; None: `horizon_`.
        X : DataFrame or None, default=None
            Exogenous variables at the forecast times, if `fit` had them.

        Returns
        -------
        Series or DataFrame
            Of the kind of the y seen in fit, from the step after the last observation on.
        """
        horizon = self._checked_horizon(horizon)
        points, _ = self._forecast(horizon, X)
        return self._panel.answer(self._panel.futures(horizon), self._in_units(points))

    def predict_interval(
        self,
        horizon: int | None = None,
        X: Any = None,
        coverage: float | Sequence[float] = 0.9,
    ) -> Any:
        """Intervals that hold each coming value with a given probability.

        Parameters
        ----------
        horizon : int or None, default=None
            Steps; None: `horizon_`.
        X : DataFrame or None, default=None
            Exogenous variables at the forecast times, if `fit` had them.
        coverage : float or sequence of float, default=0.9
            Probability, between 0 and 1.

        Returns
        -------
        DataFrame
            Columns "lower" and "upper"; for several coverages the levels (coverage, bound).
            In a wide frame the series come first.

        Notes
        -----
        A wider coverage never gives a narrower interval, and no interval is narrower than one
        of the same series and coverage before it.
        """
        import pandas as pd

        several = np.ndim(coverage) > 0
        coverages = [float(c) for c in np.atleast_1d(coverage)]
        if not coverages or not all(0.0 < c < 1.0 for c in coverages):
            raise ValueError(f"coverage must be between 0 and 1, not {coverage!r}.")
        quantiles = [q for c in coverages for q in (0.5 - 0.5 * c, 0.5 + 0.5 * c)]
        columns: Any = pd.Index(["lower", "upper"])
        if several:
            names = ["coverage", "bound"]
            columns = pd.MultiIndex.from_product([coverages, ["lower", "upper"]], names=names)
        return self._quantile_table(horizon, X, quantiles, columns)

    def predict_quantiles(
        self,
        horizon: int | None = None,
        X: Any = None,
        quantiles: Sequence[float] = (0.05, 0.25, 0.5, 0.75, 0.95),
    ) -> Any:
        """Quantiles of each coming value.

        Parameters
        ----------
        horizon : int or None, default=None
            Steps; None: `horizon_`.
        X : DataFrame or None, default=None
            Exogenous variables at the forecast times, if `fit` had them.
        quantiles : sequence of float, default=(0.05, 0.25, 0.5, 0.75, 0.95)
            Between 0 and 1.

        Returns
        -------
        DataFrame
            A column for each quantile. In a wide frame the series come first.
        """
        import pandas as pd

        values = [float(q) for q in np.atleast_1d(quantiles)]
        if not values or not all(0.0 < q < 1.0 for q in values):
            raise ValueError(f"quantiles must be between 0 and 1, not {quantiles!r}.")
        return self._quantile_table(horizon, X, values, pd.Index(values, name="quantile"))

    def _quantile_table(
        self, horizon: int | None, X: Any, quantiles: list[float], columns: Any
    ) -> Any:
        horizon = self._checked_horizon(horizon)
        points, spreads = self._forecast(horizon, X)
        tables, logs = [], self._logs()
        for k, point in enumerate(points):
            rows = []
            for q in quantiles:
                half = spreads[k].half_width(abs(2.0 * q - 1.0), point)
                rows.append(from_scale(point + np.sign(q - 0.5) * half, logs[k]))
            tables.append(np.stack(rows, axis=1))
        return self._panel.answer_table(self._panel.futures(horizon), tables, columns)

    def _forecast(self, horizon: int, X: Any) -> tuple[list[NDArray[np.float64]], list[Any]]:
        """Forecasts in the scale of the model and the spreads, of every series."""
        inputs = None
        if self._exogenous is not None:
            inputs = self._exogenous.future(X, self._panel, horizon)
        elif X is not None:
            raise ValueError("X was given to predict, but fit had none.")
        points: list[NDArray[np.float64]] = []
        for k, model in enumerate(self._models):
            own = None
            if inputs is not None:
                own = inputs if len(self._models) == 1 else [inputs[k]]
            points += model.forecast(horizon, own)
        return points, [spread for model in self._models for spread in model.spreads]

    def _in_units(self, points: list[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
        return [from_scale(x, log) for x, log in zip(points, self._logs(), strict=True)]

    def _logs(self) -> list[bool]:
        return [bool(log) for model in self._models for log in model.logs]

    def _checked_horizon(self, horizon: Any) -> int:
        check_is_fitted(self)
        if horizon is None:
            return int(self.horizon_)
        whole = isinstance(horizon, int | np.integer) and not isinstance(horizon, bool)
        if not whole or horizon < 1:
            raise ValueError(f"horizon must be a whole number of at least 1, not {horizon!r}.")
        return int(horizon)

    def history(self, series: Any = None) -> Any:
        """The observations known, of one series.

        Parameters
        ----------
        series : label or None, default=None
            Which series of a panel; None: the first.

        Returns
        -------
        Series
            Gaps filled, if `missing` allowed it; its name is that of the series.
        """
        import pandas as pd

        check_is_fitted(self)
        i = self._place(series)
        return pd.Series(self._panel.values[i], self._panel.axes[i], name=self._panel.labels[i])

    def _place(self, series: Any) -> int:
        if series is None:
            return 0
        if series not in self._panel.labels:
            raise ValueError(
                f"There is no series {series!r}: the first are {self._panel.labels[:5]}."
            )
        return self._panel.labels.index(series)

    # --- time goes on -------------------------------------------------------------------------
    def update(self, y: Any, X: Any = None, refit: bool = False) -> Self:
        """Append observations, so that the forecasts begin after them.

        Parameters
        ----------
        y : Series or DataFrame
            What follows the observations known, of the same kind. In a long frame series
            may be missing.
        X : DataFrame or None, default=None
            Exogenous variables at the new times, if `fit` had them.
        refit : bool, default=False
            Whether to fit everything anew on all observations.

        Returns
        -------
        LSTMForecaster
            The estimator.

        Notes
        -----
        Without `refit` the networks, the linear map, the weights of the combination, the
        logarithms and the effects of X stay. Everything else, which is the seasons, the
        smoothing, the level, the drift and the distribution of the errors, is that of a fit
        on all observations.
        """
        check_is_fitted(self)
        panel = self._panel.extended(self._later(y))
        if refit:
            exogenous = self._exogenous.extended(X, panel) if self._exogenous else None
            self._panel, self._exogenous = panel, exogenous
            rng = check_random_state(self.random_state)
            self._fit_models(panel, *self._season_candidates(panel), rng)
        else:
            self._follow(panel, X)
        return self

    def _follow(self, panel: Panel, X: Any) -> None:
        """Go on to a panel that has grown, with the networks as they are."""
        if self._exogenous is not None:
            self._exogenous = self._exogenous.extended(X, panel)
        elif X is not None:
            raise ValueError("X was given to update, but fit had none.")
        self._panel = panel
        inputs = self._exogenous.history(panel) if self._exogenous is not None else None
        if len(self._models) == 1:
            self._models = [self._models[0].followed(panel.values, inputs)]
        else:
            self._models = [
                model.followed([values], None if inputs is None else [inputs[k]])
                for k, (model, values) in enumerate(zip(self._models, panel.values, strict=True))
            ]

    def _later(self, y: Any) -> Panel:
        """What comes after the observations known, as a panel of the same kind."""
        import pandas as pd

        if isinstance(y, np.ndarray | list | tuple) and isinstance(
            self._panel.axes[0], pd.RangeIndex
        ):
            values = np.asarray(y)
            axis = self._panel.futures(len(values))[0]
            y = pd.Series(values, axis) if values.ndim == 1 else pd.DataFrame(values, axis)
        later = as_panel(y, self.missing, self._panel.step, "The new y")
        if later.kind != self._panel.kind:
            raise ValueError(
                f"The new y is a {later.kind} object, but fit had a {self._panel.kind} one."
            )
        if later.kind != "series":
            unknown = [label for label in later.labels if label not in self._panel.labels]
            if unknown:
                raise ValueError(f"Series {unknown[0]!r} was not there in fit.")
        else:
            later = copy.copy(later)
            object.__setattr__(later, "labels", self._panel.labels)
        if type(later.axes[0]) is not type(self._panel.axes[0]):
            raise ValueError(
                f"The new y has a {type(later.axes[0]).__name__}, but fit had a "
                f"{type(self._panel.axes[0]).__name__}."
            )
        return later

    # --- how good it is -----------------------------------------------------------------------
    def score(self, y: Any, X: Any = None) -> float:
        """Negative mean absolute scaled error against what really came; larger is better.

        Parameters
        ----------
        y : Series or DataFrame
            Observations after those of fit, of the same kind.
        X : DataFrame or None, default=None
            Exogenous variables at those times, if `fit` had them.

        Returns
        -------
        float
            The mean over series of the mean absolute error, each divided by the mean absolute
            seasonal difference in the data of fit (Hyndman & Koehler 2006), times -1.
        """
        check_is_fitted(self)
        later = self._later(y)
        horizon = self._horizon_of(later)
        points = self._in_units(self._forecast(horizon, X)[0])
        errors = self._scaled_errors(later, points, horizon)
        return -float(np.mean(errors))

    def _horizon_of(self, later: Panel) -> int:
        """Steps to the last of some later observations."""
        horizon = 1
        for label, axis in zip(later.labels, later.axes, strict=True):
            known = self._panel.axes[self._panel.labels.index(label)]
            if axis[0] <= known[-1]:
                raise ValueError(
                    f"y begins at {axis[0]!s}, which fit has seen: it ends at {known[-1]!s}."
                )
            steps = len(axis)
            while self._position(known, axis[-1], steps) is None:
                steps *= 2
            horizon = max(horizon, int(self._position(known, axis[-1], steps) or 0) + 1)
        return horizon

    def _position(self, known: Any, last: Any, steps: int) -> int | None:
        from sklstm._forecasting.time_index import future

        axis = future(known, self._panel.step, steps)
        if axis[-1] < last:
            return None
        place = int(axis.get_indexer([last])[0])
        if place < 0:
            raise ValueError(f"{last!s} does not lie on the frequency of the series of fit.")
        return place

    def _scaled_errors(
        self, later: Panel, points: list[NDArray[np.float64]], horizon: int
    ) -> list[float]:
        errors = []
        futures = self._panel.futures(horizon)
        for label, axis, came in zip(later.labels, later.axes, later.values, strict=True):
            i = self._panel.labels.index(label)
            model = self._models[self._owner[i]]
            forecast = points[i][futures[i].get_indexer(axis)]
            errors.append(
                mean_absolute_scaled_error(self._panel.values[i], came, forecast, model.recipe.lag)
            )
        return errors

    def backtest(
        self,
        y: Any,
        X: Any = None,
        *,
        horizon: int | None = None,
        n_origins: int = 5,
        step: int | None = None,
        refit: bool | int = True,
        coverage: float = 0.9,
        static: Any = None,
    ) -> Any:
        """Forecasts from several origins in the past, beside what came.

        The estimator itself is not changed; it need not be fitted.

        Parameters
        ----------
        y : Series or DataFrame
            As in `fit`.
        X : DataFrame or None, default=None
            As in `fit`.
        horizon : int or None, default=None
            Steps of each forecast; None: the parameter `horizon`, or its default.
        n_origins : int, default=5
            Forecasts of each series. The last ends with the last observation.
        step : int or None, default=None
            Steps between two origins; None: `horizon`, so that the forecasts do not overlap.
        refit : bool, default=True
            Whether to fit at every origin, or once, at the first, and update.
        coverage : float, default=0.9
            Coverage of the bounds.
        static : DataFrame or None, default=None
            As in `fit`.

        Returns
        -------
        DataFrame
            Columns series, cutoff (the last time known), time, actual, prediction, lower
            and upper; a row for every forecast value.
        """
        import pandas as pd

        panel = as_panel(y, self.missing, self.freq)
        seasons, _ = self._season_candidates(panel)
        horizon = horizon or self.horizon or _default_horizon(seasons)
        step = step or horizon
        shortest = min(len(values) for values in panel.values)
        first = shortest - horizon - (n_origins - 1) * step
        if n_origins < 1 or first < 1:
            raise ValueError(
                f"{n_origins} origins, {step} steps apart, with a horizon of {horizon} need more "
                f"than {horizon + (n_origins - 1) * step} observations; the shortest series has "
                f"{shortest}."
            )
        template = copy.deepcopy(self)
        template._static = self._static_features(static, panel)
        template.horizon = horizon
        template.verbose = False
        if isinstance(self.random_state, np.random.RandomState):
            template.random_state = int(self.random_state.randint(np.iinfo(np.int32).max))
        ends = [horizon + (n_origins - 1 - k) * step for k in range(n_origins)]
        jobs: Any
        if refit:
            template.n_jobs = 1
            jobs = (
                joblib.delayed(_forecast_from)(template, panel, X, [back], horizon, coverage)
                for back in ends
            )
            results = joblib.Parallel(n_jobs=self.n_jobs, prefer="threads", return_as="generator")(
                jobs
            )
        else:
            results = iter([_forecast_from(template, panel, X, ends, horizon, coverage)])
        if self.verbose:
            results = _progress_bar(n_origins if refit else 1, "backtest", "origin", results)
        return pd.concat([frame for frames in results for frame in frames], ignore_index=True)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_models")


def _forecast_from(
    template: LSTMForecaster,
    panel: Panel,
    X: Any,
    ends: list[int],
    horizon: int,
    coverage: float,
) -> list[Any]:
    """Tidy frames of forecasts from origins so many steps before the end; fitted at the first."""
    import pandas as pd

    lengths = np.array([len(values) for values in panel.values])
    frames = []
    forecaster = copy.deepcopy(template)
    for k, back in enumerate(ends):
        past = panel.cut(list(lengths - back))
        if k == 0:
            forecaster._fit_panel(past, X)
        else:
            forecaster._follow(past, X)
        points, spreads = forecaster._forecast(horizon, X)
        values = forecaster._in_units(points)
        for i, label in enumerate(panel.labels):
            last = lengths[i] - back
            half = spreads[i].half_width(coverage, points[i])
            log = forecaster._logs()[i]
            frames.append(
                pd.DataFrame(
                    {
                        "series": label,
                        "cutoff": panel.axes[i][last - 1],
                        "time": panel.axes[i][last : last + horizon],
                        "actual": panel.values[i][last : last + horizon],
                        "prediction": values[i],
                        "lower": from_scale(points[i] - half, log),
                        "upper": from_scale(points[i] + half, log),
                    }
                )
            )
    return frames


def _default_horizon(seasons: tuple[int, ...]) -> int:
    m = seasons[0] if seasons else 1
    if m == 1:
        return 6
    return min(m, 48) if m >= 12 else 2 * m


def _nothing() -> None:
    """Stands in for a progress bar."""


def _progress_bar(total: int | None, name: str, unit: str, iterable: Any = None) -> Any:
    from tqdm.auto import tqdm

    return tqdm(iterable, total=total, desc=name, unit=unit)
