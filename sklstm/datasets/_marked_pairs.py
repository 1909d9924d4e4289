"""The adding and multiplication problems: combining two marked values of a long sequence."""

from numbers import Integral

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, validate_params

from sklstm.datasets._ragged import draw_lengths, unpad

# The first mark is among the first ten pairs, and the last pair is never marked.
_CONSTRAINTS = {
    "n_samples": [Interval(Integral, 1, None, closed="left")],
    "min_length": [Interval(Integral, 11, None, closed="left")],
    "random_state": ["random_state"],
}


def _draw_marked_pairs(
    n_samples: int, min_length: int, low: float, neutral: float, rng: np.random.RandomState
) -> tuple[list[np.ndarray], np.ndarray]:
    """Draw the sequences of pairs and their two marked values, (n_samples, 2)."""
    lengths = draw_lengths(n_samples, min_length, rng)
    values = rng.uniform(low, 1.0, size=(n_samples, lengths.max()))

    mark_1 = rng.randint(10, size=n_samples)
    mark_2 = rng.randint(min_length // 2 - 1, size=n_samples)
    mark_2 += mark_2 >= mark_1  # The pair that is already marked is not drawn again.
    values[(mark_1 == 0) | (mark_2 == 0), 0] = neutral

    samples = np.arange(n_samples)
    markers = np.zeros_like(values)
    markers[samples, mark_1] = 1.0
    markers[samples, mark_2] = 1.0
    markers[:, 0] = -1.0
    markers[samples, lengths - 1] = -1.0

    X = unpad(np.stack([values, markers], axis=2), lengths)
    return X, np.stack([values[samples, mark_1], values[samples, mark_2]], axis=1)


@validate_params(_CONSTRAINTS, prefer_skip_nested_validation=True)
def make_adding(
    n_samples: int = 100,
    *,
    min_length: int = 100,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[list[np.ndarray], np.ndarray]:
    """Generate the adding problem (Experiment 4 of [1]_).

    A sequence consists of pairs: a value, uniform in [-1, 1], and a marker. Two pairs get the
    marker 1: one of the first ten pairs, with value X1, and then one of the first T/2 - 1 pairs
    that are still unmarked, with value X2. The first and the last marker are -1, the others 0. The
    length is uniform between T and T + T/10, where T is `min_length`. The task is to output, at
    the end, the sum of the marked values scaled to [0, 1]:

    .. math:: y = 0.5 + (X_1 + X_2) / 4

    Parameters
    ----------
    n_samples : int, default=100
        The number of sequences.
    min_length : int, default=100
        The minimal length T, at least 11; the minimal time lag is T/2. The paper uses 100, 500 and
        1000.
    random_state : int, RandomState instance or None, default=None
        Determines the random numbers. Pass an int for the same sequences in every call.

    Returns
    -------
    X : list of ndarray of shape (n_timesteps_i, 2), dtype float64
        The sequences; the columns are the value and the marker.
    y : ndarray of shape (n_samples,), dtype float64
        The scaled sums.

    Raises
    ------
    sklearn.utils._param_validation.InvalidParameterError
        If a parameter has an invalid type or value; it is a `ValueError`.

    See Also
    --------
    make_multiplication : The same problem with a product.

    Notes
    -----
    Section 5.4 of [1]_ sets X1 to zero "in the rare case where the first pair gets marked". It
    does not say which marker that pair has, or what happens if it is drawn for X2. Here its marker
    is always -1, and its value is 0, in `X` and in the sum, whether it is drawn for X1 or X2. So
    `y` is always 0.5 plus a quarter of the sum of the values with marker 1. T/10 and T/2 are
    rounded down.

    References
    ----------
    .. [1] Hochreiter, S. and Schmidhuber, J. (1997). Long short-term memory. Neural Computation,
       9(8), 1735-1780, Section 5.4. https://doi.org/10.1162/neco.1997.9.8.1735

    Examples
    --------
    >>> from sklstm.datasets import make_adding
    >>> X, y = make_adding(random_state=0)
    >>> values, markers = X[0].T
    >>> bool(y[0] == 0.5 + values[markers == 1].sum() / 4)
    True
    """
    rng = check_random_state(random_state)
    X, terms = _draw_marked_pairs(n_samples, min_length, low=-1.0, neutral=0.0, rng=rng)
    return X, 0.5 + terms.sum(axis=1) / 4


@validate_params(_CONSTRAINTS, prefer_skip_nested_validation=True)
def make_multiplication(
    n_samples: int = 100,
    *,
    min_length: int = 100,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[list[np.ndarray], np.ndarray]:
    """Generate the multiplication problem (Experiment 5 of [1]_).

    It is like the adding problem, but the values are uniform in [0, 1] and the target is the
    product of the two marked values:

    .. math:: y = X_1 X_2

    Parameters
    ----------
    n_samples : int, default=100
        The number of sequences.
    min_length : int, default=100
        The minimal length T, at least 11; the minimal time lag is T/2. The paper uses 100.
    random_state : int, RandomState instance or None, default=None
        Determines the random numbers. Pass an int for the same sequences in every call.

    Returns
    -------
    X : list of ndarray of shape (n_timesteps_i, 2), dtype float64
        The sequences; the columns are the value and the marker.
    y : ndarray of shape (n_samples,), dtype float64
        The products.

    Raises
    ------
    sklearn.utils._param_validation.InvalidParameterError
        If a parameter has an invalid type or value; it is a `ValueError`.

    See Also
    --------
    make_adding : The same problem with a sum; describes how the pairs are drawn.

    Notes
    -----
    If the first pair is drawn, its value is 1, in `X` and in the product, and its marker is -1.
    So `y` is always the product of the values with marker 1.

    References
    ----------
    .. [1] Hochreiter, S. and Schmidhuber, J. (1997). Long short-term memory. Neural Computation,
       9(8), 1735-1780, Section 5.5. https://doi.org/10.1162/neco.1997.9.8.1735

    Examples
    --------
    >>> from sklstm.datasets import make_multiplication
    >>> X, y = make_multiplication(random_state=0)
    >>> values, markers = X[0].T
    >>> bool(y[0] == values[markers == 1].prod())
    True
    """
    rng = check_random_state(random_state)
    X, factors = _draw_marked_pairs(n_samples, min_length, low=0.0, neutral=1.0, rng=rng)
    return X, factors.prod(axis=1)
