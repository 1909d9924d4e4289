"""Surnames of eight languages: a small corpus of text, letter by letter."""

from pathlib import Path

import numpy as np
from sklearn.utils import Bunch
from sklearn.utils._param_validation import validate_params

_PATH = Path(__file__).parent / "data" / "surnames.npz"


@validate_params({"return_X_y": ["boolean"]}, prefer_skip_nested_validation=True)
def load_surnames(*, return_X_y: bool = False) -> Bunch | tuple[list[str], np.ndarray]:
    """Load surnames of eight languages (classification of text).

    ===========   =======================================
    Samples       2400, 300 of each language
    Length        2 - 15 characters
    Classes       8 languages
    ===========   =======================================

    Parameters
    ----------
    return_X_y : bool, default=False
        Whether to return `(data, target)` instead of a Bunch.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : list of str
            The surnames, sorted by language.
        target : ndarray of shape (n_samples,), dtype object
            The language of each.
        target_names : list of str
            The languages.
        DESCR : str
            Description and licence of the data set.
        filename : str
            The path of the file that contains the data.

    (X, y) : tuple, if `return_X_y` is True
        `data` and `target` of the Bunch.

    Notes
    -----
    The names are those of the package Faker [1]_, which is under the MIT licence, and were chosen
    at random. Names that occur in two of the languages were left out, as were longer ones.

    References
    ----------
    .. [1] Faraglia, D. and other contributors. Faker. https://github.com/joke2k/faker

    Examples
    --------
    >>> from sklstm.datasets import load_surnames
    >>> names, languages = load_surnames(return_X_y=True)
    >>> len(names), str(languages[0])
    (2400, 'Croatian')
    """
    with np.load(_PATH) as archive:
        names = archive["text"].tobytes().decode("utf-8").split("\n")
        languages = [str(language) for language in archive["languages"]]
        y = np.array(languages, dtype=object)[archive["country"]]
    if return_X_y:
        return names, y
    return Bunch(
        data=names,
        target=y,
        target_names=languages,
        DESCR=_PATH.with_suffix(".rst").read_text(encoding="utf-8"),
        filename=str(_PATH),
    )
