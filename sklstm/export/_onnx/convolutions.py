"""Convolutions before and beside the recurrent layers, by the operator Conv."""

from __future__ import annotations

import numpy as np

from sklstm.components.convolutions import ConvolutionLayer
from sklstm.export._fitted import FittedModel, folded
from sklstm.export._onnx.graph import Graph
from sklstm.export._onnx.inputs import is_reversed
from sklstm.export._onnx.steps import Steps


def front(graph: Graph, model: FittedModel, steps: Steps) -> Steps:
    """Return the output of the convolutions before the recurrent layers, in the order of time."""
    for k, layer in enumerate(model.spec.front):
        steps = _convolution(graph, model, layer, f"conv_{{}}_l{k}", steps)
    return steps.reversed(graph) if is_reversed(model) else steps


def branch(graph: Graph, model: FittedModel, steps: Steps) -> str:
    """Return the mean over time (n_samples, n_filters) of the convolutions beside them."""
    for k, layer in enumerate(model.spec.branch):
        steps = _convolution(graph, model, layer, f"fcn_{{}}_l{k}", steps)
    total = graph.add("ReduceSum", steps.values, np.array([0]), keepdims=0)
    return graph.add("Div", total, steps.n_steps(graph))


def _convolution(
    graph: Graph, model: FittedModel, layer: ConvolutionLayer, names: str, steps: Steps
) -> Steps:
    """Return one layer's output; `names` makes the name of an array of its parameters."""
    weight, bias = folded(model, layer, names)
    before = layer.width - 1 if layer.causal else (layer.width - 1) // 2
    pads = [before, layer.width - 1 - before]
    if is_reversed(model):
        weight, pads = weight[:, :, ::-1], pads[::-1]
    z = graph.add(
        "Conv", graph.add("Transpose", steps.values, perm=[1, 2, 0]),
        weight.astype(np.float32), bias.astype(np.float32), pads=pads, strides=[layer.stride],
    )  # fmt: skip
    active = graph.add({"relu": "Relu", "tanh": "Tanh"}[layer.activation], z)
    after = steps.merged(graph, graph.add("Transpose", active, perm=[2, 0, 1]), layer.stride)
    return after.with_values(after.masked(graph, after.values))
