"""From the states to raw predictions: poolings, attention, the head."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sklstm.export._fitted import FittedModel
from sklstm.export._onnx.graph import Graph
from sklstm.export._onnx.steps import Steps

# What a pooling is given: the graph, the model, all states, and the final ones.
Pooling = Callable[[Graph, FittedModel, Steps, str], str]


def raw_prediction(
    graph: Graph, model: FittedModel, states: Steps, final: str, beside: list[str]
) -> str:
    """Return (n_samples, n_outputs); (n_samples, n_timesteps, n_outputs) if per step.

    beside: features that go straight to the head, each (n_samples, n): static ones, the branch's
    """
    weight, bias = (
        model.parameters[name].astype(np.float32) for name in ("head_weight", "head_bias")
    )
    if model.spec.per_step:
        by_sample = graph.add("Transpose", states.values, perm=[1, 0, 2])
        return graph.add("Add", graph.add("MatMul", by_sample, weight.T), bias)
    features = [POOLINGS[part](graph, model, states, final) for part in model.spec.pooling]
    features += beside
    row = features[0] if len(features) == 1 else graph.add("Concat", *features, axis=1)
    return graph.add("Gemm", row, weight, bias, transB=1)


def _last(graph: Graph, model: FittedModel, states: Steps, final: str) -> str:
    """Return the final states (n_samples, n_states)."""
    if final:
        return final
    # after other layers than recurrent ones: the step that ends the sequence
    number = graph.add("Add", graph.range(graph.size(states.values, 0)), np.int32(1))
    number, lengths = graph.reshape(number, -1, 1, 1), graph.reshape(states.lengths, 1, -1, 1)
    is_last = graph.add("Equal", number, lengths)
    chosen = graph.add("Where", is_last, states.values, np.float32(0.0))
    end = graph.add("ReduceSum", chosen, np.array([0]), keepdims=0)
    if model.spec.n_directions == 1:
        return end
    is_forward = np.arange(model.spec.n_states) < model.spec.n_units
    start = graph.add("Gather", states.values, np.array([0]))
    return graph.add("Where", is_forward, end, graph.add("Squeeze", start, np.array([0])))


def _mean(graph: Graph, model: FittedModel, states: Steps, final: str) -> str:
    """Return the mean of the states over time."""
    total = graph.add("ReduceSum", states.masked(graph, states.values), np.array([0]), keepdims=0)
    return graph.add("Div", total, states.n_steps(graph))


def _max(graph: Graph, model: FittedModel, states: Steps, final: str) -> str:
    """Return the largest value of each state over time."""
    lowest = states.masked(graph, states.values, -np.inf)
    return graph.add("ReduceMax", lowest, np.array([0]), keepdims=0)


def _attention(graph: Graph, model: FittedModel, states: Steps, final: str) -> str:
    """Return the mean of the states, weighted by additive attention."""
    weight, bias, score_weight = (
        model.parameters[name].astype(np.float32)
        for name in ("attention_weight", "attention_bias", "score_weight")
    )
    projected = graph.add("Add", graph.add("MatMul", states.values, weight.T), bias)
    scores = graph.add("MatMul", graph.add("Tanh", projected), score_weight[:, np.newaxis])
    shares = graph.add("Softmax", states.masked(graph, scores, -np.inf), axis=0)
    shared = graph.add("Mul", shares, states.masked(graph, states.values))
    return graph.add("ReduceSum", shared, np.array([0]), keepdims=0)


POOLINGS: dict[str, Pooling] = {
    "last": _last, "mean": _mean, "max": _max, "attention": _attention,
}  # fmt: skip
