"""What early stopping scores the validation set by: a scorer of scikit-learn, or the loss."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from numbers import Real
from typing import Any

from numpy.typing import NDArray
from sklearn.metrics import get_scorer, get_scorer_names
from sklearn.utils._param_validation import StrOptions

SCORINGS = StrOptions({"loss", *get_scorer_names()})


def score_of_estimator(
    scoring: str | Callable[..., float],
    estimator: Any,
    raw: NDArray,
    X: Any,
    y: NDArray,
    weight: NDArray,
) -> float:
    """Return the score that a scorer gives an estimator on the validation set.

    estimator: a copy for the scorer alone, fitted as far as the training is
    raw (n_rows, n_outputs): its raw predictions for X, so that they are not computed again
    y (n_rows, ...), weight (n_rows,): what it is compared with; the weights, unless all are the
        same, go to scorers that take them
    """
    predict = estimator._predict

    def known(asked: Any, decode: Callable[[NDArray], NDArray]) -> Any:
        return decode(raw) if asked is X else predict(asked, decode)

    estimator.__dict__["_predict"] = known
    scorer: Any = get_scorer(scoring) if isinstance(scoring, str) else scoring
    weighted = (weight != weight[0]).any() and _takes_weights(scorer)
    try:
        score = scorer(estimator, X, y, **({"sample_weight": weight} if weighted else {}))
    except (TypeError, ValueError) as error:
        if not isinstance(scoring, str):
            raise  # of the user's own function
        raise ValueError(
            f"scoring={scoring!r} does not fit the validation set or the estimator: {error}"
        ) from error
    if not isinstance(score, Real) or not math.isfinite(score):
        raise ValueError(
            f"scoring={scoring!r} gives {score!r} on the validation set, where a finite number is "
            "needed: choose another scorer, or a larger validation set."
        )
    return float(score)


def _takes_weights(scorer: Callable[..., float]) -> bool:
    """Return whether a scorer, or the metric that it is made of, has sample weights."""
    return "sample_weight" in inspect.signature(getattr(scorer, "_score_func", scorer)).parameters
