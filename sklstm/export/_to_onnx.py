"""`to_onnx`: a fitted estimator as an ONNX model."""

from __future__ import annotations

import os
from typing import Any


def to_onnx(estimator: Any, path: Any = None, *, target_opset: int = 18) -> Any:
    """Return a fitted estimator as an ONNX model."""
    from sklstm.export._onnx.convert import convert

    model = convert(estimator, target_opset)
    if path is not None:
        with open(os.fspath(path), "wb") as file:
            file.write(model.SerializeToString())
    return model
