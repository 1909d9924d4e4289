"""`transform`: what the head reads of each sequence, for other estimators."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils._set_output import _get_output_config

from sklstm._estimator.fitted import FittedNetwork
from sklstm._input.containers import is_long_frame, rows_of_samples
from sklstm._input.step_targets import by_sample
from sklstm._input.table import Sequences
from sklstm._input.values import check_predictions
from sklstm._training.workers import Workers


class FeaturesOfNetwork(ClassNamePrefixFeaturesOutMixin, TransformerMixin, FittedNetwork):
    """A fitted network as a transformer."""

    def transform(self, X: Any) -> Any:
        """Return what the output layer reads of each sequence, for other estimators.

        Parameters
        ----------
        {X}

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Pooled states, static features and the means of a branch; members side by side.
        """
        data = self._known_sequences(X)
        inputs, every = self._input(data), np.arange(data.n_samples)
        per_step = self._architecture["return_sequences"]
        n_rows = data.lengths if per_step else None

        def features(workers: Workers) -> NDArray:
            of_member = workers.features(inputs, every)
            check_predictions(of_member, data, self.channel_mean_, self.channel_scale_, n_rows)
            return of_member

        rows = np.hstack(self._of_each(data.n_samples, features)).astype(np.float64)
        container = _get_output_config("transform", self)["dense"]
        named_samples = isinstance(X, Sequences) and not per_step
        if container == "pandas" and (is_long_frame(X) or named_samples):
            return _frame(X, rows, per_step)
        if per_step and container != "default":
            raise ValueError(
                "With return_sequences=True there are features for each time step, and a table "
                f"for them (set_output(transform={container!r})) only for a long DataFrame X in "
                "pandas: call set_output(transform='default')."
            )
        return by_sample(rows, data.lengths) if per_step else rows

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """Fit, then transform the same X."""
        return super().fit_transform(X, y, **fit_params)

    def set_output(self, *, transform: Any = None) -> Self:
        """Choose what `transform` returns: "default", "pandas" or "polars"."""
        return super().set_output(transform=transform)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray:
        """Return the names of the columns of `transform`."""
        return super().get_feature_names_out(input_features)

    @property
    def _n_features_out(self) -> int:
        """Columns of `transform`; missing, as scikit-learn wants it, before the fit."""
        if not hasattr(self, "theta_"):
            raise AttributeError("The network is not fitted.")
        return self._spec.n_features * len(self._members)


def _frame(X: Any, rows: NDArray, per_step: bool) -> Any:
    """Return rows (n_rows, n_features) as a DataFrame, by the samples or the steps of X."""
    import pandas as pd

    if isinstance(X, Sequences):
        index = pd.Index(X.ids)
    elif per_step:
        index = X.index
    else:
        begin, _ = rows_of_samples(X.index, "X")
        index = X.index.get_level_values(0)[begin]
    return pd.DataFrame(rows, index=index)
