"""The copying memory problem: repeating a sequence after a long delay."""

from numbers import Integral

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, validate_params


@validate_params(
    {
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "delay": [Interval(Integral, 1, None, closed="left")],
        "n_copied": [Interval(Integral, 1, None, closed="left")],
        "n_symbols": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_copy_memory(
    n_samples: int = 100,
    *,
    delay: int = 100,
    n_copied: int = 10,
    n_symbols: int = 8,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Generate the copying memory problem of [1]_.

    A sequence consists of `n_copied` symbols, drawn uniformly and independently, then
    `delay - 1` blanks, a delimiter, and `n_copied` blanks. The task is to output blanks up to and
    including the delimiter, and after it the symbols in their order.

    Parameters
    ----------
    n_samples : int, default=100
        The number of sequences.
    delay : int, default=100
        The delay T between the last symbol and the delimiter. [1]_ uses 100, 200, 300 and 500.
    n_copied : int, default=10
        The number of symbols to remember.
    n_symbols : int, default=8
        The number of different symbols, not counting the blank and the delimiter.
    random_state : int, RandomState instance or None, default=None
        Determines the random numbers. Pass an int for the same sequences in every call.

    Returns
    -------
    X : ndarray of shape (n_samples, delay + 2 * n_copied, n_symbols + 2), dtype float64
        The sequences, one-hot. The columns are the symbols, then the blank, then the delimiter.
    y : ndarray of shape (n_samples, delay + 2 * n_copied), dtype int
        For each time step, the column of the symbol to output: one of the symbols or the blank.

    Raises
    ------
    sklearn.utils._param_validation.InvalidParameterError
        If a parameter has an invalid type or value; it is a `ValueError`.

    Notes
    -----
    A model without memory can do no better than to output blanks and then guess, which gives an
    average cross-entropy of `n_copied * log(n_symbols) / (delay + 2 * n_copied)`. The set-up
    follows the long time lag problems of [2]_.

    References
    ----------
    .. [1] Arjovsky, M., Shah, A. and Bengio, Y. (2016). Unitary evolution recurrent neural
       networks. ICML, PMLR 48, 1120-1128. https://arxiv.org/abs/1511.06464
    .. [2] Hochreiter, S. and Schmidhuber, J. (1997). Long short-term memory. Neural Computation,
       9(8), 1735-1780. https://doi.org/10.1162/neco.1997.9.8.1735

    Examples
    --------
    >>> from sklstm.datasets import make_copy_memory
    >>> X, y = make_copy_memory(delay=3, n_copied=2, n_symbols=4, random_state=0)
    >>> X[0].argmax(axis=1).tolist()
    [0, 3, 4, 4, 5, 4, 4]
    >>> y[0].tolist()
    [4, 4, 4, 4, 4, 0, 3]
    """
    rng = check_random_state(random_state)
    blank, delimiter = n_symbols, n_symbols + 1
    copied = rng.randint(n_symbols, size=(n_samples, n_copied))

    symbols = np.full((n_samples, delay + 2 * n_copied), blank)
    symbols[:, :n_copied] = copied
    symbols[:, n_copied + delay - 1] = delimiter

    y = np.full_like(symbols, blank)
    y[:, -n_copied:] = copied
    return np.eye(n_symbols + 2)[symbols], y
