"""Self-attention of the time steps to each other: encoder layers after the recurrent ones."""

from __future__ import annotations

import math

import numpy as np

from sklstm._kernels.layer_norm import EPSILON
from sklstm.export._fitted import FittedModel
from sklstm.export._onnx.graph import Graph
from sklstm.export._onnx.steps import Steps


def layers(graph: Graph, model: FittedModel, states: Steps) -> Steps:
    """Return the states after all encoder layers."""
    encoder = model.spec.encoder
    assert encoder is not None
    # which steps are read: bool (n_samples, 1, 1 or n_timesteps, n_timesteps)
    read = graph.reshape(graph.add("Transpose", states.valid, perm=[1, 2, 0]), 0, 1, 1, -1)
    if model.spec.causal:
        step = graph.range(graph.size(states.values, 0))
        is_later = graph.add("Greater", step, graph.reshape(step, -1, 1))
        read = graph.add("And", read, graph.add("Not", is_later))
    s = graph.add("Transpose", states.values, perm=[1, 0, 2])
    for k in range(encoder.n_layers):
        z = _normalised(graph, model, f"norm1_{{}}_l{k}", s)
        attended = _attended(graph, model, k, z, read)
        s = graph.add("Add", s, _linear(graph, model, f"self_attn_out_proj_{{}}_l{k}", attended))
        z = _normalised(graph, model, f"norm2_{{}}_l{k}", s)
        active = graph.add("Relu", _linear(graph, model, f"linear1_{{}}_l{k}", z))
        s = graph.add("Add", s, _linear(graph, model, f"linear2_{{}}_l{k}", active))
    return states.with_values(graph.add("Transpose", s, perm=[1, 0, 2]))


def _attended(graph: Graph, model: FittedModel, k: int, z: str, read: str) -> str:
    """Return what all heads of layer k read, (n_samples, n_timesteps, n_states)."""
    assert model.spec.encoder is not None
    n_states, n_heads = model.spec.n_states, int(model.spec.encoder.n_heads)
    size = n_states // n_heads
    qkv = _linear(graph, model, f"self_attn_in_proj_{{}}_l{k}", z)
    parts = tuple(graph.name("part") for _ in range(3))
    graph.add_all("Split", qkv, names=parts, axis=2, num_outputs=3)
    q, keys, v = (
        graph.add("Transpose", graph.reshape(part, 0, 0, n_heads, size), perm=perm)
        for part, perm in zip(parts, ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]), strict=True)
    )
    scores = graph.add("Mul", graph.add("MatMul", q, keys), np.float32(1.0 / math.sqrt(size)))
    scores = graph.add("Where", read, scores, np.float32(-np.inf))
    of_heads = graph.add("MatMul", graph.add("Softmax", scores, axis=-1), v)
    return graph.reshape(graph.add("Transpose", of_heads, perm=[0, 2, 1, 3]), 0, 0, n_states)


def _linear(graph: Graph, model: FittedModel, names: str, x: str) -> str:
    """Return x through a linear map; names: of weight and bias, with a place for the kind."""
    weight, bias = (
        model.parameters[names.format(kind)].astype(np.float32) for kind in ("weight", "bias")
    )
    return graph.add("Add", graph.add("MatMul", x, weight.T), bias)


def _normalised(graph: Graph, model: FittedModel, names: str, x: str) -> str:
    """Return each row of x normalised."""
    gain, bias = (
        model.parameters[names.format(kind)].astype(np.float32) for kind in ("weight", "bias")
    )
    return graph.add("LayerNormalization", x, gain, bias, axis=-1, epsilon=EPSILON)
