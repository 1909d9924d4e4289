"""Tecator: regression on univariate series of equal length."""

from pathlib import Path
from typing import Literal

import numpy as np
from sklearn.utils import Bunch
from sklearn.utils._param_validation import StrOptions, validate_params

_SUBSETS = {"all": slice(None), "train": slice(172), "test": slice(172, None)}


@validate_params(
    {"return_X_y": ["boolean"], "subset": [StrOptions(set(_SUBSETS))]},
    prefer_skip_nested_validation=True,
)
def load_tecator(
    *, return_X_y: bool = False, subset: Literal["all", "train", "test"] = "all"
) -> Bunch | tuple[np.ndarray, np.ndarray]:
    """Load the Tecator data set (regression, equal lengths).

    The samples are near-infrared absorbance spectra of finely chopped meat, read as series along
    the wavelength. The task is to predict the fat content.

    =================   =========================
    Samples             215 (172 train, 43 test)
    Time steps                                100
    Target              fat content, 0.9 - 49.1 %
    =================   =========================

    Parameters
    ----------
    return_X_y : bool, default=False
        Whether to return `(data, target)` instead of a Bunch.
    subset : {"all", "train", "test"}, default="all"
        The official training samples, the official test samples, or both with the training samples
        first.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : ndarray of shape (n_samples, 100), dtype float64
            The absorbances from 850 to 1050 nm.
        target : ndarray of shape (n_samples,), dtype float64
            The fat content in percent.
        target_names : list of str
            The name of the target.
        feature_names : list of str
            The names of the 100 spectral channels, one for each time step.
        DESCR : str
            Description, permission note and references of the data set.
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
    Some spectra occur twice: eight of the 43 test spectra are also training spectra, with
    the same fat content. Scores on the official split and in cross-validation are therefore
    somewhat optimistic.

    The data are in the public domain and may be redistributed with the permission note in `DESCR`
    [1]_. Publications should mention the instrument and the company Tecator.

    References
    ----------
    .. [1] Thodberg, H. H. Tecator meat sample dataset. StatLib Datasets Archive.
       http://lib.stat.cmu.edu/datasets/tecator

    Examples
    --------
    >>> from sklstm.datasets import load_tecator
    >>> tecator = load_tecator(subset="train")
    >>> tecator.data.shape
    (172, 100)
    >>> tecator.target[:3].tolist()
    [22.5, 40.1, 8.4]
    """
    path = Path(__file__).parent / "data" / "tecator.npz"
    with np.load(path) as archive:
        # The file has float32, which is precise enough to restore the published decimals.
        X = archive["values"][_SUBSETS[subset]].astype(np.float64).round(5)
        y = archive["target"][_SUBSETS[subset]].astype(np.float64).round(1)

    if return_X_y:
        return X, y
    return Bunch(
        data=X,
        target=y,
        target_names=["fat"],
        feature_names=[f"channel_{channel}" for channel in range(1, 101)],
        DESCR=path.with_suffix(".rst").read_text(encoding="utf-8"),
        filename=str(path),
    )
