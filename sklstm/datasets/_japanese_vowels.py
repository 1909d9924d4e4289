"""The Japanese vowels: speaker recognition from multivariate series of unequal length."""

from pathlib import Path
from typing import Literal

import numpy as np
from sklearn.utils import Bunch
from sklearn.utils._param_validation import StrOptions, validate_params

_SUBSETS = {"all": slice(None), "train": slice(270), "test": slice(270, None)}


@validate_params(
    {"return_X_y": ["boolean"], "subset": [StrOptions(set(_SUBSETS))]},
    prefer_skip_nested_validation=True,
)
def load_japanese_vowels(
    *, return_X_y: bool = False, subset: Literal["all", "train", "test"] = "all"
) -> Bunch | tuple[list[np.ndarray], np.ndarray]:
    """Load the Japanese vowels data set (classification, unequal lengths).

    Nine male speakers uttered the vowels /ae/. Each utterance is a series of 7 to 29 frames of
    12 LPC cepstrum coefficients. The task is to recognise the speaker.

    =================   ===========================
    Classes                                       9
    Samples             640 (270 train, 370 test)
    Channels                                     12
    Time steps                      7 - 29, unequal
    =================   ===========================

    Parameters
    ----------
    return_X_y : bool, default=False
        Whether to return `(data, target)` instead of a Bunch.
    subset : {"all", "train", "test"}, default="all"
        The training samples, the test samples, or both with the training samples first. The split
        is that of the donors.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : list of ndarray of shape (n_timesteps_i, 12), dtype float32
            The utterances.
        target : ndarray of shape (n_samples,), dtype int
            The speaker of each utterance, 0 to 8.
        target_names : ndarray of shape (9,)
            The names of the speakers.
        feature_names : list of str
            The names of the 12 channels.
        DESCR : str
            Description, licence and references of the data set.
        filename : str
            The path of the file that contains the data.

    (X, y) : tuple, if `return_X_y` is True
        `data` and `target` of the Bunch.

    Raises
    ------
    sklearn.utils._param_validation.InvalidParameterError
        If `subset` is not one of the three names; it is a `ValueError`.

    Notes
    -----
    The samples are sorted by speaker. The data are licensed under CC BY 4.0; `DESCR` says what
    to cite [1]_.

    References
    ----------
    .. [1] Kudo, M., Toyama, J. and Shimbo, M. (1999). Multidimensional curve classification using
       passing-through regions. Pattern Recognition Letters, 20(11-13), 1103-1111.
       https://doi.org/10.24432/C5NS47

    Examples
    --------
    >>> from sklstm.datasets import load_japanese_vowels
    >>> X_train, y_train = load_japanese_vowels(subset="train", return_X_y=True)
    >>> X_test, y_test = load_japanese_vowels(subset="test", return_X_y=True)
    >>> len(X_train), len(X_test)
    (270, 370)
    >>> X_train[0].shape, X_train[1].shape
    ((20, 12), (26, 12))
    """
    path = Path(__file__).parent / "data" / "japanese_vowels.npz"
    with np.load(path) as archive:
        sequences = np.split(archive["values"], archive["indptr"][1:-1])
        target = archive["target"].astype(np.int64)

    X, y = sequences[_SUBSETS[subset]], target[_SUBSETS[subset]]
    if return_X_y:
        return X, y
    return Bunch(
        data=X,
        target=y,
        target_names=np.array([f"speaker_{speaker}" for speaker in range(1, 10)]),
        feature_names=[f"cepstrum_{coefficient}" for coefficient in range(1, 13)],
        DESCR=path.with_suffix(".rst").read_text(encoding="utf-8"),
        filename=str(path),
    )
