"""From X to what the network reads: lengths by the padding, scaling, patches."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from sklstm._kernels.gather import ROUNDING, ROUNDING_OF_A_SUM
from sklstm.export._fitted import FittedModel
from sklstm.export._onnx.graph import Graph
from sklstm.export._onnx.steps import Steps, valid_steps


def network_input(graph: Graph, model: FittedModel, X: str) -> Steps:
    """Return X (n_samples, n_timesteps, n_channels) as the branch reads it, before `patches`.

    The time axis is reversed if patches or strides merge steps: they count from the end of a
    sequence.
    """
    steps = _sequences(graph, graph.add("Transpose", X, perm=[1, 0, 2]))
    steps = _scaled(graph, model, steps)
    if is_reversed(model):
        steps = steps.reversed(graph)
    n = model.branch_patch_size
    return patches(graph, steps, n, model.spec.n_channels // n)


def is_reversed(model: FittedModel) -> bool:
    """Whether the convolutions see each sequence from its end."""
    return model.branch_patch_size * model.spec.stride > 1


def _sequences(graph: Graph, x: str) -> Steps:
    """Return sequences whose steps of nothing but NaN at the end are padding."""
    is_nan = graph.cast(graph.add("IsNaN", x), TensorProto.INT32)
    is_step = graph.add(
        "Sub", np.int32(1), graph.add("ReduceMin", is_nan, np.array([2]), keepdims=0)
    )  # (n_timesteps, n_samples)
    n_timesteps = graph.size(x, 0)
    number = graph.add("Add", graph.reshape(graph.range(n_timesteps), -1, 1), np.int32(1))
    lengths = graph.add(
        "ReduceMax", graph.add("Mul", is_step, number), np.array([0]), keepdims=0
    )  # fmt: skip
    return Steps(x, lengths, valid_steps(graph, n_timesteps, lengths))


def _scaled(graph: Graph, model: FittedModel, steps: Steps) -> Steps:
    """Return the standardised channels; the copies of a channel lie side by side."""
    if model.scale is None:
        return steps.with_values(steps.masked(graph, steps.values))
    # in double precision, as `gather`: a mean may be much larger than the deviation
    x = graph.cast(steps.values, TensorProto.DOUBLE)
    copies = []
    if model.scale in ("both", "channel"):
        deviation = graph.add("Sub", x, model.center)
        copies.append(graph.add("Mul", deviation, 1.0 / model.deviation))
    if model.scale in ("both", "sequence"):
        copies.append(_scaled_within(graph, steps, x))
    scaled = copies[0]
    if len(copies) == 2:
        apart = [graph.reshape(copy, 0, 0, -1, 1) for copy in copies]
        beside = graph.add("Concat", *apart, axis=3)
        scaled = graph.reshape(beside, 0, 0, 2 * model.n_channels)
    return steps.with_values(steps.masked(graph, graph.cast(scaled, TensorProto.FLOAT)))


def _scaled_within(graph: Graph, steps: Steps, x: str) -> str:
    """Return x standardised within each sequence; a constant channel becomes 0."""
    n_steps = graph.reshape(graph.cast(steps.lengths, TensorProto.DOUBLE), 1, -1, 1)
    time = np.array([0])
    x = graph.add("Where", steps.valid, x, np.float64(0.0))
    mean = graph.add("Div", graph.add("ReduceSum", x, time), n_steps)
    deviation = graph.add("Where", steps.valid, graph.add("Sub", x, mean), np.float64(0.0))
    squares = graph.add("ReduceSumSquare", deviation, time)
    spread = graph.add("Sqrt", graph.add("Div", squares, n_steps))
    of_a_sum = graph.add("Mul", n_steps, np.float64(ROUNDING_OF_A_SUM))
    share = graph.add("Max", of_a_sum, np.float64(ROUNDING))
    rounding = graph.add("Mul", share, graph.add("Abs", mean))
    inverse = graph.add(
        "Where", graph.add("Greater", spread, rounding),
        graph.add("Div", np.float64(1.0), spread), np.float64(0.0),
    )  # fmt: skip
    return graph.add("Mul", deviation, inverse)


def patches(graph: Graph, steps: Steps, n: int, width: int) -> Steps:
    """Return n steps stacked as channels, in the order of time; the sequences are reversed.

    width: channels of a step
    """
    if n == 1:
        return steps
    missing = graph.add("Mod", graph.add("Neg", graph.size(steps.values, 0)), np.array([n]))
    pads = graph.add("Concat", np.array([0]), missing, axis=0)
    padded = graph.add("Pad", steps.values, pads, np.float32(0.0), np.array([0]))
    n_samples = graph.size(steps.values, 1)
    shape = graph.add("Concat", np.array([-1, n]), n_samples, np.array([width]), axis=0)
    parted = graph.add("Reshape", padded, shape)  # (n_patches, patch_size, n_samples, width)
    stacked = graph.add("Transpose", graph.flipped(parted, 1), perm=[0, 2, 1, 3])
    return steps.merged(graph, graph.reshape(stacked, 0, 0, n * width), n)
