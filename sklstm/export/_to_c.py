"""`to_c`: a fitted estimator as C source."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from sklstm.export._c.convert import convert
from sklstm.export._c.ensemble import convert_ensemble
from sklstm.export._fitted import FittedModel


def to_c(estimator: Any, path: str | os.PathLike[str]) -> None:
    """Write a fitted estimator as a C99 file and its header.

    The file needs nothing but ``math.h``: no library, no allocation, no files. Parameters are
    constant arrays, so that they may stay in the flash memory of a device. Functions begin with
    the name of the file; the header says what each takes and gives:

    - ``model_predict(x, n_timesteps, workspace, out)`` predicts from one whole sequence:
      probabilities of a classifier (in the order of ``model_classes``), values of a regressor,
      with ``return_sequences=True`` for every time step. Behind each value is its standard
      deviation with ``loss="gaussian"``, its quantiles with several of them, and the survival curve
      at ``interval_ends_`` with ``loss="survival"``. ``workspace``
      has ``MODEL_WORKSPACE(n_timesteps)`` floats.
    - ``model_init(state)`` and ``model_step(state, x, out)`` predict while a sequence comes in, of
      estimators that have `stream`: those with ``bidirectional=False``, ``scale="channel"`` or
      None, ``patch_size=1`` and no convolutions. Their ``predict`` needs no workspace.
    - ``model_code_2(category)`` returns the code of a category of channel 2, or -1. Channels of
      categories hold such codes in x; all else, as NaN, is unknown. The header lists the codes.

    An ensemble is several files: "model_member0.c" and so on, to be compiled with "model.c".

    Parameters
    ----------
    estimator : LSTMClassifier or LSTMRegressor
        A fitted estimator.
    path : str or path-like
        The C file; its name must be an identifier of C. The header is written beside it.

    Raises
    ------
    TypeError, ValueError
        If the estimator cannot be exported, as a forecaster, or if the name of the file is none for
        a function.

    Notes
    -----
    The network computes in single precision. Only the standardisation of x is in double precision,
    as in ``predict``. Static features are channels of x, behind all others if fit was given
    columns of a 2-D X. With ``missing="mask"`` or ``"decay"`` NaN in x is a gap; else the functions
    check nothing, and it gives NaN. A sequence must have at least one time step.

    With ``time_gaps=True`` x has one more channel, the last one: the time since the step before, in
    seconds if fit was given time stamps, or in the numbers of its times; in the first step it is
    not read. Such a network may have ``init`` and ``step`` too: each step comes with its time.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> from sklstm import LSTMClassifier
    >>> from sklstm.datasets import load_japanese_vowels
    >>> from sklstm.export import to_c
    >>> X, y = load_japanese_vowels(return_X_y=True, subset="train")
    >>> model = LSTMClassifier(
    ...     bidirectional=False, scale="channel", max_iter=5, random_state=0
    ... ).fit(X, y)
    >>> folder = Path(mkdtemp())
    >>> to_c(model, folder / "vowels.c")
    >>> sorted(file.name for file in folder.iterdir())
    ['vowels.c', 'vowels.h']
    """
    file = Path(path)
    name = file.stem
    if file.suffix != ".c" or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError(
            f"path={str(path)!r}: the functions are named after the file, so that its name must be "
            "an identifier of C and end in .c, for instance 'model.c'."
        )
    model = FittedModel.of(estimator, "C")
    files = (convert_ensemble if len(model.members) > 1 else convert)(model, name)
    for own, text in files.items():
        file.with_name(own).write_text(text, "utf-8")
