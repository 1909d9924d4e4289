"""The temporal order problem: the order of two or three widely separated symbols."""

from numbers import Integral
from typing import Literal

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, Options, validate_params

from sklstm.datasets._ragged import draw_lengths, unpad

_SYMBOLS = "abcdXYEB"


@validate_params(
    {
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "n_markers": [Options(Integral, {2, 3})],
        "min_length": [Interval(Integral, 20, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_temporal_order(
    n_samples: int = 100,
    *,
    n_markers: Literal[2, 3] = 2,
    min_length: int = 100,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[list[np.ndarray], np.ndarray]:
    """Generate the temporal order problem (Experiment 6 of [1]_).

    A sequence starts with E and ends with B. In between are distractors, drawn uniformly from
    a, b, c and d, except for two (task 6a) or three (task 6b) positions with X or Y, each with
    probability 0.5. The task is to say, at the end, which of them came in which order. The length
    is uniform between 100 and 110.

    =========   ==========   ==========   ==========   =======
    n_markers   t_1          t_2          t_3          classes
    =========   ==========   ==========   ==========   =======
    2 (6a)      10 to 20     50 to 60                        4
    3 (6b)      10 to 20     33 to 43     66 to 76           8
    =========   ==========   ==========   ==========   =======

    Parameters
    ----------
    n_samples : int, default=100
        The number of sequences.
    n_markers : {2, 3}, default=2
        The number of positions with X or Y.
    min_length : int, default=100
        The minimal length T, at least 20; the paper uses 100. The numbers above scale with it:
        lengths are from T to T + T/10, and the windows of the positions are T/10 long and start at
        T/10 and T/2, or at T/10, T/3 and 2T/3, all rounded down.
    random_state : int, RandomState instance or None, default=None
        Determines the random numbers. Pass an int for the same sequences in every call.

    Returns
    -------
    X : list of ndarray of shape (n_timesteps_i, 8), dtype float64
        The sequences, one-hot encoded; the columns are a, b, c, d, X, Y, E and B.
    y : ndarray of shape (n_samples,), dtype int
        The classes, numbered in the order of the paper: XX, XY, YX, YY are 0 to 3, and XXX, XXY,
        XYX, XYY, YXX, YXY, YYX, YYY are 0 to 7.

    Raises
    ------
    sklearn.utils._param_validation.InvalidParameterError
        If a parameter has an invalid type or value; it is a `ValueError`.

    Notes
    -----
    Section 5.6 of [1]_ does not say whether positions are counted from 0 or 1. Here they are
    counted from 1, as in Section 5.3 of the paper: t_1 = 10 is `X[i][9]`.

    References
    ----------
    .. [1] Hochreiter, S. and Schmidhuber, J. (1997). Long short-term memory. Neural Computation,
       9(8), 1735-1780, Section 5.6. https://doi.org/10.1162/neco.1997.9.8.1735

    Examples
    --------
    >>> import numpy as np
    >>> from sklstm.datasets import make_temporal_order
    >>> X, y = make_temporal_order(random_state=0)
    >>> string = "".join(np.array(list("abcdXYEB"))[X[0].argmax(axis=1)])
    >>> string[0], string[-1], [symbol for symbol in string if symbol in "XY"], int(y[0])
    ('E', 'B', ['X', 'X'], 0)
    """
    rng = check_random_state(random_state)
    lengths = draw_lengths(n_samples, min_length, rng)
    symbols = rng.randint(4, size=(n_samples, lengths.max()))

    window = min_length // 10
    later = [min_length // 2] if n_markers == 2 else [min_length // 3, 2 * min_length // 3]
    positions = np.array([window, *later]) + rng.randint(window + 1, size=(n_samples, n_markers))
    is_y = rng.randint(2, size=(n_samples, n_markers))

    samples = np.arange(n_samples)
    symbols[samples[:, np.newaxis], positions - 1] = _SYMBOLS.index("X") + is_y
    symbols[:, 0] = _SYMBOLS.index("E")
    symbols[samples, lengths - 1] = _SYMBOLS.index("B")

    one_hot = np.eye(len(_SYMBOLS))
    X = [one_hot[sequence] for sequence in unpad(symbols, lengths)]
    return X, is_y @ (1 << np.arange(n_markers)[::-1])
