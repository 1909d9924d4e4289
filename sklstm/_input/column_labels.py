"""Labels of columns that are no strings, such as numbers and dates: their order is that of fit."""

from __future__ import annotations

from typing import Any

from sklstm._input.containers import is_pandas
from sklstm._input.table import Sequences


def check_order_of_labels(estimator: Any, X: Any, reset: bool) -> None:
    """Remember the labels of a table in fit, and later refuse the same ones in another order.

    scikit-learn compares names that are strings. Other labels may well be new ones, such as the
    dates of another year, which go by position.
    """
    labels = _labels(X)
    if reset:
        estimator._column_labels = labels
        return
    known = getattr(estimator, "_column_labels", None)  # not in models of older versions
    if not labels or not known or labels == known or sorted(labels) != sorted(known):
        return
    place = next(i for i, label in enumerate(labels) if label != known[i])
    raise ValueError(
        f"X has the columns of fit in another order: column {place} is {labels[place]}, in fit it "
        f"was {known[place]}. Put them in that order, or pass an array to go by position."
    )


def _labels(X: Any) -> list[str] | None:
    """Return the labels of the columns of a table as text; None if all are strings."""
    if isinstance(X, (list, tuple)) and len(X):
        X = X[0]  # all frames of a list have the same columns
    if isinstance(X, Sequences):
        labels = list(X.channels)
    elif is_pandas(X) and getattr(X, "ndim", 1) == 2:
        labels = list(X.columns)
    else:
        return None
    return None if all(isinstance(label, str) for label in labels) else [str(v) for v in labels]
