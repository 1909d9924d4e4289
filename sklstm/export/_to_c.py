"""`to_c`: a fitted estimator as C source."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from sklstm.export._c.convert import convert
from sklstm.export._fitted import FittedModel


def to_c(estimator: Any, path: str | os.PathLike[str]) -> None:
    """Write a fitted estimator as a C99 file and its header."""
    file = Path(path)
    name = file.stem
    if file.suffix != ".c" or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError(
            f"path={str(path)!r}: the functions are named after the file, so that its name must be "
            "an identifier of C and end in .c, for instance 'model.c'."
        )
    source, header = convert(FittedModel.of(estimator, "C"), name)
    file.write_text(source, "utf-8")
    file.with_suffix(".h").write_text(header, "utf-8")
