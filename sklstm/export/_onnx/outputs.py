"""What the graph gives: labels and probabilities, or values, by the names of skl2onnx."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from sklstm.export._fitted import FittedModel
from sklstm.export._onnx.graph import Graph
from sklstm.export._onnx.steps import Steps


def decoded(graph: Graph, model: FittedModel, raw: str, X: Steps) -> dict[str, str]:
    """Return the outputs by name; per step, floats behind the end of a sequence are NaN.

    raw (n_samples, n_outputs), with a time axis in the middle if the network predicts every step
    X: the sequences, whose steps these are
    """
    if model.classes is None:
        scale, mean = model.estimator.target_scale_, model.estimator.target_mean_
        scaled = graph.add("Mul", raw, scale.astype(np.float32))
        values = graph.add("Add", scaled, mean.astype(np.float32))
        return {"variable": _blank(graph, model, values, X)}
    probabilities = _blank(graph, model, _probabilities(graph, model, raw), X)
    return {"label": _labels(graph, model, raw), "probabilities": probabilities}


def type_and_shape(model: FittedModel, name: str) -> tuple[int, list[str | int]]:
    """Return the type of an output, one of TensorProto, and its shape."""
    rows: list[str | int] = ["n_samples", "n_timesteps"] if model.spec.per_step else ["n_samples"]
    if model.classes is None:
        return TensorProto.FLOAT, [*rows, model.spec.n_outputs]
    n_classes = len(model.classes)
    if name == "probabilities":
        return TensorProto.FLOAT, [*rows, n_classes]
    if model.is_multilabel:
        return TensorProto.INT64, [*rows, n_classes]
    kinds = {"i": TensorProto.INT64, "f": TensorProto.DOUBLE, "b": TensorProto.BOOL}
    return kinds.get(_classes(model).dtype.kind, TensorProto.STRING), rows


def _probabilities(graph: Graph, model: FittedModel, raw: str) -> str:
    if model.estimator.out_activation_ == "softmax":
        return graph.add("Softmax", raw, axis=-1)
    positive = graph.add("Sigmoid", raw)
    if model.is_multilabel:
        return positive
    negative = graph.add("Sigmoid", graph.add("Neg", raw))
    return graph.add("Concat", negative, positive, axis=-1)


def _labels(graph: Graph, model: FittedModel, raw: str) -> str:
    if model.estimator.out_activation_ == "softmax":
        place = graph.add("ArgMax", raw, axis=-1, keepdims=0)
    else:
        place = graph.cast(graph.add("Greater", raw, np.float32(0.0)), TensorProto.INT64)
        if model.is_multilabel:
            return place
        place = graph.add("Squeeze", place, np.array([-1]))
    return graph.add("Gather", _classes(model), place)


def _classes(model: FittedModel) -> NDArray:
    """Return the labels in a type that ONNX has."""
    classes = np.asarray(model.classes)
    kind = classes.dtype.kind
    if kind in "iu":
        return classes.astype(np.int64)
    if kind == "f":
        return classes.astype(np.float64)
    if kind == "b":
        return classes
    if kind == "U" or all(isinstance(label, str) for label in classes):
        return classes.astype(object)
    raise ValueError(
        f"The labels {classes.tolist()!r} cannot be exported to ONNX, which has numbers, booleans "
        "and strings: fit with labels of one of these types."
    )


def _blank(graph: Graph, model: FittedModel, values: str, X: Steps) -> str:
    """Return values of every step as NaN where there is no step; others as they are."""
    if not model.spec.per_step:
        return values
    valid = graph.add("Transpose", X.valid, perm=[1, 0, 2])
    return graph.add("Where", valid, values, np.float32(np.nan))
