"""Labels of columns in the order of fit, where scikit-learn does not compare them.

It compares names of features that are strings: not numbers and dates, and not the columns of y.
"""

from __future__ import annotations

from typing import Any

from sklstm._input.containers import names_of_columns
from sklstm._input.table import Sequences


def check_order_of_labels(estimator: Any, X: Any, reset: bool) -> None:
    """Remember the labels of a table in fit, and later refuse the same ones in another order.

    Other labels may well be new ones, such as the dates of another year, which go by position.
    """
    labels = _labels(X)
    if labels is not None and all(isinstance(label, str) for label in labels):
        labels = None
    _check_order(estimator, "_column_labels", labels, "X", reset)


def check_order_of_outputs(estimator: Any, y: Any, reset: bool) -> None:
    """The same for the columns of y, also those that are strings."""
    _check_order(estimator, "_output_labels", _labels(y), "y", reset)


def _check_order(estimator: Any, known_as: str, labels: Any, name: str, reset: bool) -> None:
    """Compare labels with those of an attribute of the estimator, or set it."""
    labels = None if labels is None else [str(label) for label in labels]
    if reset:
        setattr(estimator, known_as, labels)
        return
    known = getattr(estimator, known_as)
    if not labels or not known or labels == known or sorted(labels) != sorted(known):
        return
    place = next(i for i, label in enumerate(labels) if label != known[i])
    raise ValueError(
        f"{name} has the columns of fit in another order: column {place} is {labels[place]}, in "
        f"fit it was {known[place]}. Put them in that order, or pass an array to go by position."
    )


def _labels(values: Any) -> list[Any] | None:
    """Return the labels of the columns of a table, or None."""
    if isinstance(values, (list, tuple)) and len(values):
        values = values[0]  # all frames of a list have the same columns
    if isinstance(values, Sequences):
        return list(values.channels)
    return names_of_columns(values)
