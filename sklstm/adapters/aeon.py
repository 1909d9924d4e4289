"""Classifier and regressor for aeon: channels come first there."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from aeon.classification.base import BaseClassifier
from aeon.regression.base import BaseRegressor
from numpy.typing import NDArray
from sklearn.base import clone

from sklstm._classifier import LSTMClassifier
from sklstm._regressor import LSTMRegressor

_TAGS = {
    "X_inner_type": ["np-list", "numpy3D"],
    "capability:multivariate": True,
    "capability:unequal_length": True,
    "algorithm_type": "deeplearning",
}


def _time_first(X: Any) -> Any:
    """Turn collections (n_cases, n_channels, n_timepoints), arrays or lists, for our estimators."""
    if isinstance(X, np.ndarray):
        return np.ascontiguousarray(X.transpose(0, 2, 1))
    return [np.ascontiguousarray(x.T) for x in X]


class AeonClassifier(BaseClassifier):
    """`LSTMClassifier` as a classifier of aeon.

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
    >>> from sklstm.adapters.aeon import AeonClassifier
    >>> X = np.random.default_rng(0).standard_normal((10, 3, 20))  # channels first
    >>> y = np.arange(10) % 2
    >>> AeonClassifier(LSTMClassifier(max_iter=2, random_state=0)).fit(X, y).predict(X).shape
    (10,)
    """

    _tags = _TAGS

    def __init__(self, estimator: LSTMClassifier | None = None) -> None:
        self.estimator = estimator
        super().__init__()

    def _fit(self, X: Any, y: NDArray) -> Self:
        estimator = LSTMClassifier() if self.estimator is None else clone(self.estimator)
        self.estimator_ = estimator.fit(_time_first(X), y)
        return self

    def _predict(self, X: Any) -> NDArray:
        return self.estimator_.predict(_time_first(X))

    def _predict_proba(self, X: Any) -> NDArray:
        return self.estimator_.predict_proba(_time_first(X))

    @classmethod
    def _get_test_params(cls, parameter_set: str = "default") -> dict[str, Any]:
        return {"estimator": LSTMClassifier(hidden_size=4, max_iter=2, random_state=0)}


class AeonRegressor(BaseRegressor):
    """`LSTMRegressor` as a regressor of aeon.

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
    >>> from sklstm.adapters.aeon import AeonRegressor
    >>> X = np.random.default_rng(0).standard_normal((10, 3, 20))  # channels first
    >>> y = X[:, 0].mean(axis=1)
    >>> AeonRegressor(LSTMRegressor(max_iter=2, random_state=0)).fit(X, y).predict(X).shape
    (10,)
    """

    _tags = _TAGS

    def __init__(self, estimator: LSTMRegressor | None = None) -> None:
        self.estimator = estimator
        super().__init__()

    def _fit(self, X: Any, y: NDArray) -> Self:
        estimator = LSTMRegressor() if self.estimator is None else clone(self.estimator)
        self.estimator_ = estimator.fit(_time_first(X), y)
        return self

    def _predict(self, X: Any) -> NDArray:
        return self.estimator_.predict(_time_first(X))

    @classmethod
    def _get_test_params(cls, parameter_set: str = "default") -> dict[str, Any]:
        return {"estimator": LSTMRegressor(hidden_size=4, max_iter=2, random_state=0)}
