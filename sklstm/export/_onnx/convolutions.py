"""Convolutions before and beside the recurrent layers, by the operator Conv."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sklstm.components.convolutions import ConvolutionLayer
from sklstm.export._fitted import FittedModel, folded
from sklstm.export._onnx.graph import Graph
from sklstm.export._onnx.inputs import is_reversed
from sklstm.export._onnx.steps import Steps

_ACTIVATIONS = {"relu": "Relu", "tanh": "Tanh", "identity": "Identity"}


def front(graph: Graph, model: FittedModel, steps: Steps) -> Steps:
    """Return the output of the convolutions before the recurrent layers, in the order of time."""
    if model.spec.front:
        by_filter = _stack(graph, model, model.spec.front, "conv", steps)
        values = graph.add("Transpose", by_filter.values, perm=[2, 0, 1])
        steps = by_filter.with_values(values)
    return steps.reversed(graph) if is_reversed(model) else steps


def branch(graph: Graph, model: FittedModel, steps: Steps) -> str:
    """Return the mean over time (n_samples, n_filters) of the convolutions beside them."""
    by_filter = _stack(graph, model, model.spec.branch, "fcn", steps)
    total = graph.add("ReduceSum", by_filter.values, np.array([2]), keepdims=0)
    return graph.add("Div", total, steps.n_steps(graph))


def _stack(
    graph: Graph, model: FittedModel, layers: tuple[ConvolutionLayer, ...], name: str, steps: Steps
) -> Steps:
    """Return layers one upon the other, (n_samples, n_filters, n_timesteps) as Conv has it."""
    values = graph.add("Transpose", steps.values, perm=[1, 2, 0])
    for k, layer in enumerate(layers):
        weight, bias = folded(model, layer, f"{name}_{{}}_l{k}")
        apart = max(1, layer.dilation)
        pads = [layer.before, (layer.width - 1) * apart - layer.before]
        if is_reversed(model):
            weight, pads = weight[:, :, ::-1], pads[::-1]
        z = graph.add(
            "Conv", values, weight.astype(np.float32), bias.astype(np.float32), pads=pads,
            strides=[layer.stride], dilations=[apart],
            group=layer.n_filters if layer.dilation else 1,
        )  # fmt: skip
        active = graph.add(_ACTIVATIONS[layer.activation], z)
        steps = steps.merged(graph, active, layer.stride, time_axis=2)
        inside = graph.add("Transpose", steps.valid, perm=[1, 2, 0])
        values = graph.add("Where", inside, active, np.float32(0.0))
    return replace(steps, values=values)
