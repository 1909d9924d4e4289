"""`to_onnx`: a fitted estimator as an ONNX model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sklearn.pipeline import Pipeline

if TYPE_CHECKING:
    import os

    from onnx import ModelProto

_OLDEST_OPSET = 18  # the first in which all reductions take their axes as an input


def to_onnx(
    estimator: Any, path: str | os.PathLike[str] | None = None, *, target_opset: int = 18
) -> ModelProto:
    """Return a fitted estimator as an ONNX model.

    The model has one input ``X``, float32 of shape (n_samples, n_timesteps, n_channels), where
    samples and time steps may be as many as one likes. Sequences of different lengths are padded
    with NaN at their end. Scaling, gaps, categories, patches, convolutions, recurrent layers,
    attention and pooling are all in the model. It needs standard operators only and works with
    every runtime of ONNX.

    Static features are channels, behind all others if fit was given columns of a 2-D X.
    Categories must be numbers that differ in single precision. With ``missing="mask"`` or
    ``"decay"`` NaN is a gap, and padding only at the end of a sequence in all channels.
    With ``time_gaps=True`` the last channel of ``X`` is the time since the step before, in seconds
    if fit was given time stamps, or in the numbers of its times; in the first step it is not read.

    Parameters
    ----------
    estimator : LSTMClassifier, LSTMRegressor or Pipeline
        A fitted estimator. A scikit-learn Pipeline whose last step is one needs skl2onnx, and
        its input ``X`` has two axes, as that of the pipeline.
    path : str or path-like, default=None
        File to write. None: no file.
    target_opset : int, default=18
        Version of the operators, at least 18.

    Returns
    -------
    onnx.ModelProto
        Outputs of a classifier: ``label`` (n_samples,) and ``probabilities`` (n_samples,
        n_classes), as skl2onnx names them. Output of a regressor: ``variable`` (n_samples,
        n_outputs); with ``loss="gaussian"`` also ``std`` of this shape, with several quantiles
        also ``quantiles`` (n_samples, n_outputs, n_levels), with ``loss="survival"`` also
        ``survival`` (n_samples, n_intervals). With ``return_sequences=True`` there
        is a time axis after the samples; probabilities and values behind the end of a sequence are
        NaN, and labels there mean nothing. The metadata have the version of sklstm, the names of
        the channels and the classes.

    Raises
    ------
    ImportError
        If onnx, or for a Pipeline skl2onnx, is not installed.
    TypeError, ValueError
        If the estimator, or a part of it, cannot be exported.

    Notes
    -----
    The model computes in single precision, also for an estimator that was fitted in double
    precision. ``predict`` raises an error for infinity inside a sequence, or NaN that is no gap; an
    ONNX model cannot, and gives NaN or a meaningless label. It reads a category that fit did not
    see as unknown, without the warning of ``predict``.

    Examples
    --------
    >>> from sklstm import LSTMClassifier
    >>> from sklstm.datasets import load_japanese_vowels
    >>> from sklstm.export import to_onnx
    >>> X, y = load_japanese_vowels(return_X_y=True, subset="train")
    >>> model = LSTMClassifier(max_iter=5, random_state=0).fit(X, y)
    >>> [output.name for output in to_onnx(model).graph.output]
    ['label', 'probabilities']
    """
    onnx = _required("onnx", "onnx")
    newest = onnx.defs.onnx_opset_version()
    if not _OLDEST_OPSET <= target_opset <= newest:
        raise ValueError(
            f"target_opset={target_opset!r}: pass a number from {_OLDEST_OPSET} to {newest}, the "
            "newest that the installed onnx has."
        )
    model: ModelProto
    if isinstance(estimator, Pipeline):
        _required("skl2onnx", "skl2onnx")
        from sklstm.export._onnx.pipeline import convert_pipeline

        model = convert_pipeline(estimator, target_opset)
    else:
        from sklstm.export._onnx.convert import convert

        model = convert(estimator, target_opset)
    if path is not None:
        Path(path).write_bytes(model.SerializeToString())
    return model


def register_with_skl2onnx() -> None:
    """Let skl2onnx convert the estimators of this package inside other models.

    `to_onnx` calls it for a Pipeline. Call it yourself before ``skl2onnx.to_onnx`` or
    ``skl2onnx.convert_sklearn``.

    Raises
    ------
    ImportError
        If skl2onnx is not installed.

    Examples
    --------
    >>> from sklstm.export import register_with_skl2onnx
    >>> register_with_skl2onnx()
    """
    _required("skl2onnx", "skl2onnx")
    from sklstm.export._onnx.pipeline import register

    register()


def _required(name: str, requirement: str) -> Any:
    """Return a module, or raise an error that says how to install it."""
    try:
        return __import__(name)
    except ImportError as error:
        raise ImportError(
            f"This needs {name}, which is not installed: pip install '{requirement}', or "
            "'sklstm[onnx]' for all that the export to ONNX needs."
        ) from error
