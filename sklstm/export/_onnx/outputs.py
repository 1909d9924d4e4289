"""What the graph gives: labels and probabilities, or values, by the names of skl2onnx."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from sklstm.export._fitted import FittedModel
from sklstm.export._onnx.graph import Graph
from sklstm.export._onnx.steps import Steps
from sklstm.export._onnx.values import mean_of, values


def decoded(graph: Graph, model: FittedModel, raws: list[str], steps: Steps) -> dict[str, str]:
    """Return the outputs by name; per step, floats behind the end of a sequence are NaN.

    raws: for each member (n_samples, n_outputs), with a time axis in the middle if the network
        predicts every step
    steps: the sequences, whose steps these are
    """
    if model.classes is None:
        given = values(graph, model, raws)
        n_axes = {"quantiles": 4}
        return {
            name: _blank(graph, model, value, steps, n_axes.get(name, 3))
            for name, value in given.items()
        }
    if model.estimator.out_activation_ == "softmax":
        probabilities = mean_of(graph, [graph.add("Softmax", raw, axis=-1) for raw in raws])
        # a raw prediction says more than a probability that was rounded to 1
        evidence = raws[0] if len(raws) == 1 else probabilities
        place = graph.add("ArgMax", evidence, axis=-1, keepdims=0)
        label = graph.add("Gather", _classes(model), place)
    else:
        label, probabilities = _logistic(graph, model, raws)
    return {"label": label, "probabilities": _blank(graph, model, probabilities, steps)}


def _logistic(graph: Graph, model: FittedModel, raws: list[str]) -> tuple[str, str]:
    """Return labels and probabilities of two classes, or of several labels."""
    positive = mean_of(graph, [graph.add("Sigmoid", raw) for raw in raws])
    negative = mean_of(graph, [graph.add("Sigmoid", graph.add("Neg", raw)) for raw in raws])
    evidence = raws[0] if len(raws) == 1 else graph.add("Sub", positive, negative)
    place = graph.cast(graph.add("Greater", evidence, np.float32(0.0)), TensorProto.INT64)
    if model.is_multilabel:
        return place, positive
    label = graph.add("Gather", _classes(model), graph.add("Squeeze", place, np.array([-1])))
    return label, graph.add("Concat", negative, positive, axis=-1)


def type_and_shape(model: FittedModel, name: str) -> tuple[int, list[str | int]]:
    """Return the type of an output, one of TensorProto, and its shape."""
    rows: list[str | int] = ["n_samples", "n_timesteps"] if model.spec.per_step else ["n_samples"]
    if model.classes is None:
        if name == "survival":
            return TensorProto.FLOAT, [*rows, model.spec.n_outputs]
        levels = [len(model.regression_loss.levels)] if name == "quantiles" else []
        return TensorProto.FLOAT, [*rows, model.estimator.n_outputs_, *levels]
    n_classes = len(model.classes)
    if name == "probabilities":
        return TensorProto.FLOAT, [*rows, n_classes]
    if model.is_multilabel:
        return TensorProto.INT64, [*rows, n_classes]
    kinds = {"i": TensorProto.INT64, "f": TensorProto.DOUBLE, "b": TensorProto.BOOL}
    return kinds.get(_classes(model).dtype.kind, TensorProto.STRING), rows


def _classes(model: FittedModel) -> NDArray:
    """Return the labels in a type that ONNX has."""
    classes = np.asarray(model.classes)
    kind = classes.dtype.kind
    if kind in "iu":
        largest = np.iinfo(np.int64).max
        if int(classes.max()) > largest:
            raise ValueError(
                f"The label {classes.max()} cannot be exported to ONNX, whose labels are at most "
                f"{largest}: fit with smaller labels, or with strings."
            )
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


def _blank(graph: Graph, model: FittedModel, values: str, steps: Steps, n_axes: int = 3) -> str:
    """Return values of every step as NaN where there is no step; others as they are."""
    if not model.spec.per_step:
        return values
    valid = graph.add("Transpose", steps.valid, perm=[1, 0, 2])
    if n_axes == 4:
        valid = graph.add("Unsqueeze", valid, np.array([-1]))
    return graph.add("Where", valid, values, np.float32(np.nan))
