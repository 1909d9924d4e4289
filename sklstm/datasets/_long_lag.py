"""Long time lags: the last symbol of a sequence repeats one of its first two symbols."""

from numbers import Integral
from typing import Literal

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from sklstm.datasets._ragged import unpad


@validate_params(
    {
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "variant": [StrOptions({"2a", "2b", "2c"})],
        "lag": [Interval(Integral, 2, None, closed="left")],
        "n_distractors": [Interval(Integral, 1, None, closed="left"), None],
        "one_hot": ["boolean"],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_long_lag(
    n_samples: int = 100,
    *,
    variant: Literal["2a", "2b", "2c"] = "2a",
    lag: int = 100,
    n_distractors: int | None = None,
    one_hot: bool = True,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[np.ndarray | list[np.ndarray], np.ndarray]:
    """Generate noise-free and noisy sequences with long time lags (Experiment 2 of [1]_).

    Variants "2a" and "2b": a sequence consists of x or y, each with probability 0.5, then
    `lag - 1` distractors, then the first symbol again. The task is to predict every next symbol.
    In "2a" the distractors are a_1, a_2, ..., a_{lag-1} in this order; in "2b" each distractor is
    drawn uniformly from these, so that only the last symbol can be predicted.

    Variant "2c": a sequence consists of b, then x or y, then `lag` random distractors. After them,
    each symbol is the trigger e with probability 1/10, else another distractor; e is followed by
    the second symbol again. The task is to predict the symbol after e.

    Parameters
    ----------
    n_samples : int, default=100
        The number of sequences.
    variant : {"2a", "2b", "2c"}, default="2a"
        The task of the experiment.
    lag : int, default=100
        How many steps the network must remember the informative symbol, at least 2: `p` in tasks
        2a and 2b of the paper, `q` in task 2c, where the minimal time lag is `q + 1`.
    n_distractors : int or None, default=None
        The number of different distractor symbols in variant "2c", the paper's `p`. None means
        `lag`. It must be None in the other variants, which have `lag - 1` different distractors.
    one_hot : bool, default=True
        Whether `X` has a column for each symbol. If False, `X` contains the column numbers
        instead, which saves memory: with 10,000 steps and 10,000 symbols, a one-hot sequence
        takes 800 MB.
    random_state : int, RandomState instance or None, default=None
        Determines the random numbers. Pass an int for the same sequences in every call.

    Returns
    -------
    X : ndarray of shape (n_samples, lag, lag + 1), or list of ndarray of shape \
            (n_timesteps_i, n_distractors + 4) for variant "2c", dtype float64
        The sequences without their last symbol, one-hot encoded. The columns are the distractors
        in their order, then x and y; in variant "2c" the distractors, then e, b, x and y.
        Sequences of variant "2c" have at least `lag + 3` time steps and end in e. With
        `one_hot=False` there is no last axis, and the dtype is int.
    y : ndarray of shape (n_samples, lag), or (n_samples,) for variant "2c", dtype int
        Variants "2a" and "2b": the column of the next symbol, for each time step. Variant "2c":
        the last symbol of each sequence, 0 for x and 1 for y.

    Raises
    ------
    sklearn.utils._param_validation.InvalidParameterError
        If a parameter has an invalid type or value; it is a `ValueError`.
    ValueError
        If `n_distractors` is given for a variant other than "2c".

    Notes
    -----
    In task 2c, Section 5.2 of [1]_ bounds the index of a distractor by `q`, although the alphabet
    has `p` distractors. Here all `p` are equally likely, as the paper assumes for the expected
    number of occurrences of a distractor. The paper's expected sequence length is q + 14; the rule
    above gives q + 13: b, x or y, q + 9 distractors, e, and the last symbol.

    References
    ----------
    .. [1] Hochreiter, S. and Schmidhuber, J. (1997). Long short-term memory. Neural Computation,
       9(8), 1735-1780, Section 5.2. https://doi.org/10.1162/neco.1997.9.8.1735

    Examples
    --------
    >>> from sklstm.datasets import make_long_lag
    >>> X, y = make_long_lag(variant="2b", random_state=0)
    >>> X.shape, y.shape
    ((100, 100, 101), (100, 100))
    >>> X, y = make_long_lag(variant="2c", lag=50, random_state=0)
    >>> len(X), X[0].shape[1], y.shape
    (100, 54, (100,))
    """
    rng = check_random_state(random_state)
    if variant == "2c":
        return _make_trigger_task(n_samples, lag, n_distractors or lag, one_hot, rng)
    if n_distractors is not None:
        raise ValueError(
            f"n_distractors={n_distractors} is only supported with variant='2c'; variant "
            f"{variant!r} has lag - 1 distractors. Set n_distractors=None, or change lag."
        )

    n_distractors = lag - 1
    sequences = np.empty((n_samples, lag + 1), dtype=np.int64)
    sequences[:, 0] = n_distractors + rng.randint(2, size=n_samples)
    if variant == "2a":
        sequences[:, 1:-1] = np.arange(n_distractors)
    else:
        sequences[:, 1:-1] = rng.randint(n_distractors, size=(n_samples, n_distractors))
    sequences[:, -1] = sequences[:, 0]
    symbols = sequences[:, :-1]
    return np.eye(n_distractors + 2)[symbols] if one_hot else symbols, sequences[:, 1:]


def _make_trigger_task(
    n_samples: int,
    n_leading: int,
    n_distractors: int,
    one_hot: bool,
    rng: np.random.RandomState,
) -> tuple[list[np.ndarray], np.ndarray]:
    """Generate task 2c: q leading distractors, a random number of others, and the trigger e."""
    e, b, x = n_distractors, n_distractors + 1, n_distractors + 2
    y = rng.randint(2, size=n_samples)
    n_further = rng.geometric(0.1, size=n_samples) - 1
    lengths = n_leading + n_further + 3

    symbols = rng.randint(n_distractors, size=(n_samples, lengths.max()))
    symbols[:, 0] = b
    symbols[:, 1] = x + y
    symbols[np.arange(n_samples), lengths - 1] = e

    sequences = unpad(symbols, lengths)
    if not one_hot:
        return sequences, y
    columns = np.eye(n_distractors + 4)
    return [columns[sequence] for sequence in sequences], y
