"""Classifier, regressor and forecaster for sktime."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sktime.classification.base import BaseClassifier
from sktime.forecasting.base import BaseForecaster
from sktime.regression.base import BaseRegressor

from sklstm._classifier import LSTMClassifier
from sklstm._forecaster import LSTMForecaster
from sklstm._regressor import LSTMRegressor

_OF_SEQUENCES = {
    "authors": ["The sklstm developers"],
    "X_inner_mtype": "df-list",  # rows are time steps, as in sklstm
    "y_inner_mtype": "numpy1D",
    "capability:multivariate": True,
    "capability:unequal_length": True,
    "capability:categorical_in_X": False,
}


def _arrays(X: list[pd.DataFrame]) -> list[NDArray]:
    """Return the values (n_timesteps, n_channels) of each table."""
    return [x.to_numpy(dtype=np.float64) for x in X]


class SktimeClassifier(BaseClassifier):
    """`LSTMClassifier` as a classifier of sktime.

    Parameters
    ----------
    estimator : LSTMClassifier or None, default=None
        The classifier, which is not changed. None: one with default parameters.

    Attributes
    ----------
    estimator_ : LSTMClassifier
        The fitted classifier.

    Examples
    --------
    >>> import numpy as np
    >>> from sklstm import LSTMClassifier
    >>> from sklstm.adapters.sktime import SktimeClassifier
    >>> X = np.random.default_rng(0).standard_normal((10, 3, 20))  # channels first
    >>> y = np.arange(10) % 2
    >>> SktimeClassifier(LSTMClassifier(max_iter=2, random_state=0)).fit(X, y).predict(X).shape
    (10,)
    """

    _tags: ClassVar[dict[str, Any]] = {**_OF_SEQUENCES, "capability:predict_proba": True}

    def __init__(self, estimator: LSTMClassifier | None = None) -> None:
        self.estimator = estimator
        super().__init__()

    def _fit(self, X: list[pd.DataFrame], y: NDArray) -> Self:
        estimator = LSTMClassifier() if self.estimator is None else clone(self.estimator)
        self.estimator_ = estimator.fit(_arrays(X), y)
        return self

    def _predict(self, X: list[pd.DataFrame]) -> NDArray:
        return self.estimator_.predict(_arrays(X))

    def _predict_proba(self, X: list[pd.DataFrame]) -> NDArray:
        return self.estimator_.predict_proba(_arrays(X))

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Return parameters for the test suite of sktime."""
        small: Any = {"hidden_size": 4, "max_iter": 2, "random_state": 0}
        return [
            {"estimator": LSTMClassifier(**small)},
            {"estimator": LSTMClassifier(cell="gru", branch=None, **small)},
        ]


class SktimeRegressor(BaseRegressor):
    """`LSTMRegressor` as a regressor of sktime.

    Parameters
    ----------
    estimator : LSTMRegressor or None, default=None
        The regressor, which is not changed. None: one with default parameters.

    Attributes
    ----------
    estimator_ : LSTMRegressor
        The fitted regressor.

    Examples
    --------
    >>> import numpy as np
    >>> from sklstm import LSTMRegressor
    >>> from sklstm.adapters.sktime import SktimeRegressor
    >>> X = np.random.default_rng(0).standard_normal((10, 3, 20))  # channels first
    >>> y = X[:, 0].mean(axis=1)
    >>> SktimeRegressor(LSTMRegressor(max_iter=2, random_state=0)).fit(X, y).predict(X).shape
    (10,)
    """

    _tags = _OF_SEQUENCES

    def __init__(self, estimator: LSTMRegressor | None = None) -> None:
        self.estimator = estimator
        super().__init__()

    def _fit(self, X: list[pd.DataFrame], y: NDArray) -> Self:
        estimator = LSTMRegressor() if self.estimator is None else clone(self.estimator)
        self.estimator_ = estimator.fit(_arrays(X), y)
        return self

    def _predict(self, X: list[pd.DataFrame]) -> NDArray:
        return self.estimator_.predict(_arrays(X))

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Return parameters for the test suite of sktime."""
        small: Any = {"hidden_size": 4, "max_iter": 2, "random_state": 0}
        return [
            {"estimator": LSTMRegressor(**small)},
            {"estimator": LSTMRegressor(cell="gru", front=None, **small)},
        ]


class SktimeForecaster(BaseForecaster):
    """`LSTMForecaster` as a forecaster of sktime, with intervals.

    It takes a single series without exogenous variables. sktime fits one forecaster for each series
    of a panel; for one model of all series, and for exogenous variables, use `LSTMForecaster`.

    Parameters
    ----------
    estimator : LSTMForecaster or None, default=None
        The forecaster, which is not changed. None: one with default parameters.

    Attributes
    ----------
    estimator_ : LSTMForecaster
        The fitted forecaster.

    Examples
    --------
    >>> from sklstm import LSTMForecaster
    >>> from sklstm.adapters.sktime import SktimeForecaster
    >>> from sklstm.datasets import load_air_passengers
    >>> forecaster = SktimeForecaster(LSTMForecaster(max_steps=20, random_state=0))
    >>> forecaster.fit(load_air_passengers()).predict(fh=[1, 2, 3]).shape
    (3,)
    """

    _tags: ClassVar[dict[str, Any]] = {
        "authors": ["The sklstm developers"],
        "y_inner_mtype": "pd.Series",
        "capability:exogenous": False,
        "capability:insample": False,
        "capability:pred_int": True,
        "capability:update": True,
        "capability:pred_int:insample": False,
        "capability:categorical_in_X": False,
        "requires-fh-in-fit": False,
    }

    def __init__(self, estimator: LSTMForecaster | None = None) -> None:
        self.estimator = estimator
        super().__init__()

    def _fit(self, y: pd.Series, X: Any, fh: Any) -> Self:
        estimator = LSTMForecaster() if self.estimator is None else clone(self.estimator)
        self.estimator_ = estimator.fit(y)
        self._last_seen = y.index[-1]
        return self

    def _update(self, y: pd.Series, X: Any = None, update_params: bool = True) -> Self:
        new = y[y.index > self._last_seen]  # sktime may hand over known observations again
        if len(new):
            self.estimator_.update(new, refit=update_params)
            self._last_seen = new.index[-1]
        return self

    def _steps(self, fh: Any) -> NDArray[np.int64]:
        """Return the steps of a horizon, from 0 for the first after the series."""
        return np.asarray(fh.to_relative(self.cutoff).to_numpy(), dtype=np.int64) - 1

    def _predict(self, fh: Any, X: Any) -> pd.Series:
        steps = self._steps(fh)
        return self.estimator_.predict(int(steps.max()) + 1).iloc[steps]

    def _predict_interval(self, fh: Any, X: Any, coverage: list[float]) -> pd.DataFrame:
        steps = self._steps(fh)
        bounds = self.estimator_.predict_interval(int(steps.max()) + 1, coverage=coverage)
        bounds = bounds.iloc[steps]
        names = [(variable, *column) for variable in self._get_varnames() for column in bounds]
        bounds.columns = pd.MultiIndex.from_tuples(names)
        return bounds

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Return parameters for the test suite of sktime."""
        return [
            {"estimator": LSTMForecaster(max_steps=5, random_state=0)},
            {"estimator": LSTMForecaster(max_steps=0, season_length=None, log=False)},
        ]
