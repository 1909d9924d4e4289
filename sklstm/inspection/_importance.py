"""Permutation importance of channels and of stretches of time."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Literal

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import check_scoring
from sklearn.utils import Bunch, check_random_state

from sklstm._input.categories import decoded
from sklstm._input.containers import of_dataset
from sklstm._input.form import in_form_of
from sklstm._input.sequences import SequenceDataset
from sklstm.inspection._opened import check_network

_BY = ("channel", "time", "both")
_COUNT_FROM = ("start", "end")


def permutation_importance(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    by: Literal["channel", "time", "both"] = "channel",
    window: int | None = None,
    count_from: Literal["start", "end"] = "start",
    scoring: Any = None,
    n_repeats: int = 5,
    n_jobs: int | None = None,
    random_state: int | np.random.RandomState | None = None,
    sample_weight: Any = None,
) -> Any:
    """How much the score drops when samples exchange a channel, or a stretch of time [1]_.

    What is exchanged keeps its order in time: a channel, or all channels in a window of steps.
    A sample whose stretch is longer or shorter than that of the sample from which it gets its
    values takes them at proportional times. Padding stays where it is, and so do static features
    where windows are exchanged.

    Parameters
    ----------
    estimator : LSTMClassifier or LSTMRegressor
        A fitted estimator.
    X : array-like, list, DataFrame or Sequences
        Samples, in any form that the estimator predicts from; better not those of training.
    y : array-like
        Targets, as for ``estimator.score``.
    by : {"channel", "time", "both"}, default="channel"
        What to exchange: one channel over the whole sequence, all channels in one window, or
        one channel in one window.
    window : int or None, default=None
        Steps of a window. None: a tenth of the longest sequence.
    count_from : {"start", "end"}, default="start"
        Where windows are counted from. From the end, window 0 holds the last steps of every
        sequence, whatever its length.
    scoring : str, callable, list, tuple, dict or None, default=None
        As in scikit-learn; several scores give a dict of results. None: ``estimator.score``.
    n_repeats : int, default=5
        Permutations of each channel or window.
    n_jobs : int or None, default=None
        Threads. The result does not depend on it.
    random_state : int, RandomState instance or None, default=None
        Seed of the permutations.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights in the score.

    Returns
    -------
    Bunch, or dict of Bunch
        With ``importances_mean``, ``importances_std`` of the shape (n_channels,), (n_windows,) or
        (n_windows, n_channels), and ``importances`` with one more axis, (n_repeats,). For windows,
        ``steps`` (n_windows, 2) has the first step and the one behind the last, counted as
        ``count_from`` says.

    References
    ----------
    .. [1] L. Breiman (2001). Random forests. Machine Learning 45(1), 5-32.

    Examples
    --------
    >>> import numpy as np
    >>> from sklstm import LSTMClassifier
    >>> from sklstm.inspection import permutation_importance
    >>> X = np.random.default_rng(0).standard_normal((200, 8, 3))
    >>> y = X[:, :, 1].sum(axis=1) > 0
    >>> model = LSTMClassifier(hidden_size=8, max_iter=10, random_state=0).fit(X, y)
    >>> result = permutation_importance(model, X, y, random_state=0)
    >>> int(result.importances_mean.argmax())
    1
    """
    check_network(estimator)
    _check(by, window, count_from, n_repeats)
    X = of_dataset(X)
    data = estimator._known_sequences(X)
    # the channel of the times, if there is one, is read off X again
    data = replace(data, values=data.values[:, : estimator.n_channels_in_])
    y, sample_weight = estimator._aligned(X, y, sample_weight)
    scorer = check_scoring(estimator, scoring=scoring)
    weights = {} if sample_weight is None else {"sample_weight": sample_weight}

    def score(of: Any) -> NDArray[np.float64]:
        """Return the scores (n_scores,), one unless there are several scorers."""
        scores = scorer(estimator, of, y, **weights)
        return np.array(list(scores.values()) if isinstance(scores, dict) else [scores], float)

    windows = _windows(data, window, by)
    channels = _channels(data.n_channels, by, estimator.static_channels_)
    parts = [(first, last, channel) for first, last in windows for channel in channels]
    seed = check_random_state(random_state).randint(np.iinfo(np.int32).max)

    def permuted(k: int, repeat: int) -> NDArray[np.float64]:
        """Return the scores after one permutation."""
        rng = np.random.default_rng([seed, k, repeat])
        first, last, channel = parts[k]
        begin, end = _stretches(data, first, last, count_from)
        rows = decoded(estimator, _exchanged(data, begin, end, channel, rng))
        samples = in_form_of(X, data, rows, np.nan, estimator.static_columns_)
        if isinstance(X, (list, tuple)) and isinstance(samples, np.ndarray):
            samples = samples.tolist()  # a gap at the end would be padding in an array
        return score(samples)

    baseline = score(X)
    tasks = [(k, repeat) for k in range(len(parts)) for repeat in range(n_repeats)]
    scores = joblib.Parallel(n_jobs, prefer="threads")(
        joblib.delayed(permuted)(*task) for task in tasks
    )
    shape = {"channel": (-1,), "time": (-1,), "both": (len(windows), -1)}[by]
    drops = (baseline - np.array(scores)).T.reshape(len(baseline), *shape, n_repeats)
    of_windows = {"steps": np.array(windows, np.int64), "count_from": count_from}
    results = [_result(drop, {} if by == "channel" else of_windows) for drop in drops]
    names = getattr(scorer, "_scorers", None)
    return results[0] if names is None else dict(zip(names, results, strict=True))


def _result(drop: NDArray[np.float64], of_windows: dict[str, Any]) -> Bunch:
    """Return how much one score dropped; drop (..., n_repeats)."""
    return Bunch(
        importances_mean=drop.mean(axis=-1),
        importances_std=drop.std(axis=-1),
        importances=drop,
        **of_windows,
    )


def _check(by: str, window: int | None, count_from: str, n_repeats: int) -> None:
    """Raise an error if an argument is invalid."""
    if by not in _BY:
        raise ValueError(f"by={by!r}: choose one of {', '.join(map(repr, _BY))}.")
    if count_from not in _COUNT_FROM:
        raise ValueError(f"count_from={count_from!r}: choose 'start' or 'end'.")
    if window is not None and by == "channel":
        raise ValueError(
            f"window={window!r} is for by='time' and by='both'; by='channel' exchanges whole "
            "channels: leave window at None."
        )
    for name, value in (("window", window), ("n_repeats", n_repeats)):
        if value is not None and (not isinstance(value, (int, np.integer)) or value < 1):
            raise ValueError(f"{name}={value!r}: pass a whole number of at least 1.")


def _windows(data: SequenceDataset, window: int | None, by: str) -> list[tuple[int, int]]:
    """Return the first step of each window and the one behind its last."""
    longest = int(data.lengths.max())
    if by == "channel":
        return [(0, longest)]
    size = max(1, math.ceil(longest / 10)) if window is None else int(window)
    return [(first, min(first + size, longest)) for first in range(0, longest, size)]


def _channels(n_channels: int, by: str, static: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Return the channels that are exchanged together; static ones have no windows."""
    every = np.arange(n_channels)
    channels = [every] if by == "time" else list(every[:, np.newaxis])
    return channels if by == "channel" else [np.setdiff1d(part, static) for part in channels]


def _stretches(
    data: SequenceDataset, first: int, last: int, count_from: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where a window begins and ends in each sample, in the rows of all samples in turn."""
    lengths = data.lengths
    end_of_sample = np.cumsum(lengths)
    inner = np.minimum(lengths, first), np.minimum(lengths, last)
    if count_from == "end":
        return end_of_sample - inner[1], end_of_sample - inner[0]
    return end_of_sample - lengths + inner[0], end_of_sample - lengths + inner[1]


def _exchanged(
    data: SequenceDataset,
    begin: NDArray[np.int64],
    end: NDArray[np.int64],
    channels: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return the rows of all samples in turn, after those with a stretch have exchanged it."""
    rows = np.concatenate(
        [data.values[a:b] for a, b in zip(data.begin, data.end, strict=True)], dtype=np.float64
    )
    source = np.arange(len(rows))
    (having,) = np.nonzero(end > begin)
    for sample, donor in zip(having, rng.permutation(having), strict=True):
        n, n_donor = end[sample] - begin[sample], end[donor] - begin[donor]
        source[begin[sample] : end[sample]] = begin[donor] + np.arange(n) * n_donor // n
    rows[:, channels] = rows[np.ix_(source, channels)]
    return rows
