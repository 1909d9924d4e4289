"""Gradients of a prediction by the input."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklstm._input.form import in_form_of
from sklstm._input.sequences import packed_rows
from sklstm._input.static_features import first_values
from sklstm._network.chunk import Chunk
from sklstm.inspection._opened import Opened
from sklstm.inspection._response import Response, target_in_order


def input_gradients(
    estimator: Any, X: Any, *, target: Any = None, response: str = "raw", step: int = -1
) -> Any:
    """Gradient of a prediction by every value of X.

    The gradient is exact, and includes scaling, patches, convolutions, and all layers. It is
    computed in double precision, on the threads of ``estimator.n_jobs``. The times that
    ``time_gaps=True`` reads are held fixed.

    Parameters
    ----------
    estimator : LSTMClassifier or LSTMRegressor
        A fitted estimator.
    X : array-like, list, DataFrame or Sequences
        Samples, in any form that the estimator predicts from.
    target : label, int, array-like of shape (n_samples,) or None, default=None
        The class, or the output of a regressor with several. One for all samples, or one for
        each; a Series is matched with X by its index, as y is. None: the only output, or the
        class that is predicted for the sample; of two classes always the second, whose score and
        probability rise together.
    response : {"raw", "probability"}, default="raw"
        What to differentiate: the raw score as of ``decision_function``, or the value as of
        ``predict`` of a regressor; or the probability of the class.
    step : int, default=-1
        With ``return_sequences=True``, the time step whose prediction to differentiate; negative
        numbers count from the end of each sequence.

    Returns
    -------
    array, list, DataFrame or Sequences
        In the form of X; 0 in the place of padding. The gradient by a static feature stands at
        the first time step.

    See Also
    --------
    integrated_gradients : Attributions that add up to the prediction.

    Examples
    --------
    >>> import numpy as np
    >>> from sklstm import LSTMRegressor
    >>> from sklstm.inspection import input_gradients
    >>> X = np.random.default_rng(0).standard_normal((30, 8, 2))
    >>> model = LSTMRegressor(hidden_size=8, max_iter=5, random_state=0).fit(X, X[:, 3, 0])
    >>> input_gradients(model, X[:4]).shape
    (4, 8, 2)
    """
    opened = Opened(estimator, X, step)
    if estimator.categories_:
        raise ValueError(
            "There is no gradient by a category, and this network reads categories: "
            "integrated_gradients says how much each adds to a prediction."
        )
    inputs = opened.inputs
    explained = Response(estimator, response, target_in_order(X, target), opened.raw())
    rows = np.empty((int(inputs.lengths.sum()), inputs.width()))

    def differentiate(samples: NDArray[np.int64], chunk: Chunk) -> None:
        batch = inputs.pack(samples, np.float64)
        places = packed_rows(opened.first[samples], batch.lengths)
        rows[places] = opened.gradient(chunk, batch, samples, explained)

    opened.run(differentiate)
    static = estimator._roles.static
    of_static = inputs.by_constant(rows)[:, : len(static)] / estimator.channel_scale_[static]
    of_static[np.isnan(first_values(opened.data, static))] = 0.0  # gaps
    gradient = opened.of_channels(inputs.gradient_by_values(rows), of_static)
    opened.check_finite(gradient, opened.data.lengths)
    return in_form_of(X, opened.data, gradient, static_columns=estimator.static_columns_)
