"""Integrated gradients: attributions that add up to a prediction."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from sklstm._input.alignment import order_of_samples
from sklstm._input.channel_selection import channel_names, check_labels
from sklstm._input.containers import as_array, is_pandas
from sklstm._input.form import in_form_of
from sklstm._input.sequences import NetworkInput, SequenceDataset, steps_of
from sklstm._network.chunk import Chunk
from sklstm.inspection._opened import Opened
from sklstm.inspection._path import Paths, integrated
from sklstm.inspection._response import Response, target_in_order

# Samples of a task: few, so that some rows are enough for all threads.
_SAMPLES = 4


def integrated_gradients(
    estimator: Any,
    X: Any,
    *,
    target: Any = None,
    baseline: Any = None,
    response: str = "raw",
    step: int = -1,
    tol: float = 1e-4,
) -> Any:
    """How much every value of X adds to a prediction, compared with a baseline [1]_.

    The attributions of a sample add up to its prediction minus that of the baseline. They are the
    gradients along the straight path from the baseline to the sample, averaged, times the
    difference. The path is straight in what the network reads, after scaling, and includes patches,
    convolutions and all layers. Pieces of the path are halved until two rules of integration agree.

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
    baseline : float, array-like of shape (n_channels,), samples like X, or None, default=None
        What the samples are compared with, in the units of X: a value of all channels, one of
        each, or a sample of the same length for each of X; samples of the names of X are matched
        by them. None: the mean of each channel in the training data, and unknown categories. Its
        times are those of X.
    response : {"raw", "probability"}, default="raw"
        What to explain: the raw score as of ``decision_function``, or the value as of
        ``predict`` of a regressor; or the probability of the class.
    step : int, default=-1
        With ``return_sequences=True``, the time step whose prediction to explain; negative
        numbers count from the end of each sequence.
    tol : float, default=1e-4
        By how much the sum of the attributions may differ from the difference of the
        predictions, as a share of this difference. At 1e-4 single attributions are right to about
        1% of the largest, and at 1e-6 to 0.2%.

    Returns
    -------
    array, list, DataFrame or Sequences
        In the form of X, in the units of the prediction; 0 in the place of padding. What a static
        feature adds stands at the first time step.

    Warns
    -----
    ConvergenceWarning
        If the sum of a sample is not as close as `tol` asks for.

    See Also
    --------
    input_gradients : The gradient at the sample itself.
    AttributionDisplay : A picture of attributions.

    References
    ----------
    .. [1] M. Sundararajan, A. Taly and Q. Yan (2017). Axiomatic attribution for deep networks.
           ICML, PMLR 70, 3319-3328.

    Examples
    --------
    >>> import numpy as np
    >>> from sklstm import LSTMRegressor
    >>> from sklstm.inspection import integrated_gradients
    >>> X = np.random.default_rng(0).standard_normal((30, 8, 2))
    >>> model = LSTMRegressor(hidden_size=8, max_iter=5, random_state=0).fit(X, X[:, 3, 0])
    >>> attributions = integrated_gradients(model, X[:4], baseline=0.0)
    >>> attributions.shape
    (4, 8, 2)
    >>> change = model.predict(X[:4]) - model.predict(np.zeros((4, 8, 2)))
    >>> np.allclose(attributions.sum(axis=(1, 2)), change, rtol=1e-3)
    True
    """
    if not isinstance(tol, (int, float, np.number)) or not tol > 0.0:
        raise ValueError(f"tol={tol!r}: pass a number above 0.")
    opened = Opened(estimator, X, step)
    if estimator.categories_ and len(estimator._members) > 1:
        raise ValueError(
            "Each network of an ensemble has vectors of its own for categories, between which "
            "there is no common path: explain each of estimators_."
        )
    inputs, data = opened.inputs, opened.data
    start = _start(estimator, baseline, X, data)
    explained = Response(estimator, response, target_in_order(X, target), opened.raw())
    rows = np.empty((int(inputs.lengths.sum()), opened.network.spec.n_channels))
    total, change = np.empty(data.n_samples), np.empty(data.n_samples)

    def integrate(samples: NDArray[np.int64], chunk: Chunk) -> None:
        paths = Paths(opened, start, explained, samples)
        attributions, total[samples], change[samples] = integrated(paths, chunk, tol)
        for path, sample in enumerate(samples):
            first = opened.first[sample]
            rows[first : first + paths.lengths[path]] = attributions[paths.rows(path)]

    opened.run(integrate, _SAMPLES)
    attributions = _by_channel(opened, rows)
    opened.check_finite(attributions, data.lengths)
    _warn(total, change, tol)
    return in_form_of(X, data, attributions, static_columns=estimator.static_columns_)


def _by_channel(opened: Opened, rows: NDArray) -> NDArray[np.float64]:
    """Return the attributions of the values of X (total_steps, n_channels).

    rows (total_rows, width): of what the network reads; those of a vector are its category's
    """
    inputs, spec = opened.inputs, opened.network.spec
    of_numbers = inputs.by_channel(rows[:, : spec.n_numeric])
    static, gaps = opened.estimator._roles.static, opened.estimator.gap_channels_
    of_constants = inputs.by_constant(rows)  # of the values, and of whether they are known
    of_static = of_constants[:, : len(static)]
    of_static[:, np.isin(static, gaps)] += of_constants[:, len(static) :]
    if not spec.embeddings:
        return opened.of_channels(of_numbers, of_static)
    sizes = [size for _, size in spec.embeddings]
    vectors = rows[:, spec.n_numeric :].reshape(len(rows) * inputs.reading.patch_size, -1)
    of_categories = np.add.reduceat(vectors, np.cumsum([0, *sizes[:-1]]), axis=1)
    of_steps = inputs.of_steps(of_categories.reshape(len(rows), -1), len(sizes))
    return opened.of_channels(of_numbers, of_static, of_steps[..., 0])


def _start(estimator: Any, baseline: Any, X: Any, data: SequenceDataset) -> NetworkInput:
    """Return the baseline of each sample, as the network reads it."""
    if baseline is None:
        # NaN: a channel that is not read
        baseline = np.nan_to_num(estimator.channel_mean_[: estimator.n_channels_in_])
    elif estimator.categories_ and _is_constant(baseline):
        raise ValueError(
            f"baseline={baseline!r} does not say which categories to compare with: pass samples "
            "like X, or None for unknown categories and mean values."
        )
    if not _is_constant(baseline):
        try:
            samples = estimator._known_sequences(baseline)
        except ValueError as error:
            raise ValueError(f"Of baseline: {error}") from error
        if samples.n_samples != data.n_samples:
            raise ValueError(
                f"baseline has {samples.n_samples} samples and X {data.n_samples}: pass one for "
                "each sample of X, or one number for each channel."
            )
        order = order_of_samples(X, baseline, "baseline")
        samples = samples if order is None else samples.of(order)
        differs = samples.lengths != data.lengths
        if differs.any():
            sample = int(differs.argmax())
            raise ValueError(
                f"Sample {sample} of baseline has {samples.lengths[sample]} time steps, but in X "
                f"it has {data.lengths[sample]}: pass baselines of the same lengths."
            )
        return estimator._input(_at_times_of(data, estimator, samples))
    check_labels(baseline, channel_names(estimator), "baseline")
    values = np.asarray(as_array(baseline), np.float64)
    n_channels = estimator.n_channels_in_
    if values.ndim == 1 and len(values) != n_channels:
        raise ValueError(
            f"baseline has {len(values)} values, but X {n_channels} channels: pass one number "
            "for all channels, one for each, or samples like X."
        )
    if not np.isfinite(values).all():
        raise ValueError(f"baseline={baseline!r} has values that are not finite.")
    rows = np.zeros((int(data.lengths.max()), data.n_channels))
    rows[:, :n_channels] = values
    constant = SequenceDataset(rows, np.zeros_like(data.lengths), data.lengths)
    return estimator._input(_at_times_of(data, estimator, constant))


def _at_times_of(
    data: SequenceDataset, estimator: Any, baseline: SequenceDataset
) -> SequenceDataset:
    """Return the baseline with the times of the samples, if there are any: they are no values."""
    if data.n_channels == estimator.n_channels_in_:
        return baseline
    rows, last = baseline.values[steps_of(baseline)].astype(np.float64), np.cumsum(data.lengths)
    rows[:, -1] = data.values[steps_of(data), -1]
    return SequenceDataset(rows, last - data.lengths, last)


def _is_constant(baseline: Any) -> bool:
    """Return whether a baseline is one number, or one for each channel."""
    if isinstance(baseline, (list, tuple)) or (is_pandas(baseline) and baseline.ndim == 1):
        return all(np.isscalar(value) for value in baseline)
    if isinstance(baseline, np.ndarray):
        return baseline.ndim == 0 or (baseline.ndim == 1 and baseline.dtype.kind != "O")
    return bool(np.isscalar(baseline))


def _warn(total: NDArray, change: NDArray, tol: float) -> None:
    """Warn of samples whose attributions do not add up."""
    off = np.abs(total - change)
    (samples,) = np.nonzero(~(off <= np.maximum(tol * np.abs(change), 1e-9)))
    if len(samples):
        worst = samples[off[samples].argmax()]
        warnings.warn(
            f"The attributions of sample {worst} add up to {total[worst]:.6g}, but its prediction "
            f"minus that of the baseline is {change[worst]:.6g} ({len(samples)} such samples). The "
            "prediction jumps on the path between them: compare with a baseline that is more like "
            "the data, or raise tol.",
            ConvergenceWarning,
            stacklevel=3,
        )
