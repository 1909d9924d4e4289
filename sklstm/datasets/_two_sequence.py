"""The 2-sequence problem: signal and noise on one channel."""

from numbers import Integral, Real
from typing import Literal

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from sklstm.datasets._ragged import draw_lengths, unpad


@validate_params(
    {
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "variant": [StrOptions({"3a", "3b", "3c"})],
        "min_length": [Interval(Integral, 1, None, closed="left")],
        "n_informative": [Interval(Integral, 1, None, closed="left")],
        "noise_variance": [Interval(Real, 0, None, closed="left")],
        "target_variance": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_two_sequence(
    n_samples: int = 100,
    *,
    variant: Literal["3a", "3b", "3c"] = "3a",
    min_length: int = 100,
    n_informative: int = 3,
    noise_variance: float = 0.2,
    target_variance: float = 0.1,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[list[np.ndarray], np.ndarray]:
    """Generate the 2-sequence problem (Experiment 3 of [1]_).

    There is one channel. The first `n_informative` values of a sequence are all 1 (class 1) or all
    -1 (class 2), each with probability 0.5; the others are Gaussian noise with mean 0. The length
    is uniform between T and T + T/10, where T is `min_length`.

    - Variant "3a": classification; the target is 1 for class 1 and 0 for class 2.
    - Variant "3b": like "3a", but the noise is also added to the informative values.
    - Variant "3c": like "3a", but a regression with noisy targets: 0.2 for class 1 and 0.8 for
      class 2, plus Gaussian noise with mean 0.

    Parameters
    ----------
    n_samples : int, default=100
        The number of sequences.
    variant : {"3a", "3b", "3c"}, default="3a"
        The task of the experiment.
    min_length : int, default=100
        The minimal length T. The paper uses 100 and 1000.
    n_informative : int, default=3
        The number N of informative values, at most `min_length`. The paper uses 3 and 1.
    noise_variance : float, default=0.2
        The variance of the noise in `X`.
    target_variance : float, default=0.1
        The variance of the noise in `y` of variant "3c"; the other variants have no such noise.
        With 0 and otherwise the same parameters, `X` is the same and `y` contains the noise-free
        targets, on which the paper evaluates.
    random_state : int, RandomState instance or None, default=None
        Determines the random numbers. Pass an int for the same sequences in every call.

    Returns
    -------
    X : list of ndarray of shape (n_timesteps_i, 1), dtype float64
        The sequences.
    y : ndarray of shape (n_samples,), dtype int, or float64 for variant "3c"
        The targets.

    Raises
    ------
    sklearn.utils._param_validation.InvalidParameterError
        If a parameter has an invalid type or value; it is a `ValueError`.
    ValueError
        If `n_informative` is greater than `min_length`.

    Notes
    -----
    As in Section 5.3 of [1]_, class 1, with the values 1, has the greater target in 3a and 3b but
    the smaller one in 3c. T/10 is rounded down.

    References
    ----------
    .. [1] Hochreiter, S. and Schmidhuber, J. (1997). Long short-term memory. Neural Computation,
       9(8), 1735-1780, Section 5.3. https://doi.org/10.1162/neco.1997.9.8.1735

    Examples
    --------
    >>> from sklstm.datasets import make_two_sequence
    >>> X, y = make_two_sequence(random_state=0)
    >>> X[0].shape, X[0][:3, 0].tolist(), int(y[0])
    ((109, 1), [-1.0, -1.0, -1.0], 0)
    """
    if n_informative > min_length:
        raise ValueError(
            f"n_informative={n_informative} must not be greater than min_length={min_length}."
        )
    rng = check_random_state(random_state)
    in_class_1 = rng.randint(2, size=n_samples)
    lengths = draw_lengths(n_samples, min_length, rng)

    values = rng.normal(scale=np.sqrt(noise_variance), size=(n_samples, lengths.max(), 1))
    if variant != "3b":
        values[:, :n_informative] = 0.0
    values[:, :n_informative] += (2 * in_class_1 - 1)[:, np.newaxis, np.newaxis]
    X = unpad(values, lengths)

    if variant != "3c":
        return X, in_class_1
    noise = rng.normal(scale=np.sqrt(target_variance), size=n_samples)
    return X, np.where(in_class_1, 0.2, 0.8) + noise
