"""From X to what the network reads: lengths by the padding, scaling, patches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from onnx import TensorProto

from sklstm._kernels.gather import ROUNDING, ROUNDING_OF_A_SUM
from sklstm.export._fitted import FittedModel
from sklstm.export._onnx import categories, static_features
from sklstm.export._onnx.gaps import filled
from sklstm.export._onnx.graph import Graph
from sklstm.export._onnx.steps import Steps, valid_steps
from sklstm.export._onnx.times import with_times


@dataclass(frozen=True)
class NetworkInput:
    """What all members read of X; the fields are names in the graph."""

    steps: Steps  # numbers that the branch reads, before the vectors of categories
    codes: list[str]  # int64 (n_timesteps, n_samples) of each categorical channel, in X's order
    source: Steps  # X itself
    static: list[str]  # (n_samples, n_constant), if there are static features


def network_input(graph: Graph, model: FittedModel, X: str) -> NetworkInput:
    """Return X (n_samples, n_timesteps, n_channels) as the branch reads it, before `patches`.

    The time axis is reversed if patches or strides merge steps: they count from the end of a
    sequence.
    """
    x, clock = with_times(
        graph, model, _sequences(graph, graph.add("Transpose", X, perm=[1, 0, 2]))
    )
    numbers = x
    if len(model.numeric) < model.n_channels:
        numbers = x.with_values(graph.add("Gather", x.values, model.numeric, axis=2))
    parts = [
        _in_branch_order(graph, model, *part) for part in _scaled(graph, model, numbers, clock)
    ]
    static = []
    if len(model.static):
        static = [static_features.constant(graph, model, x.values)]
        # a row for each patch, all of which are alike
        parts.append(parts[0].with_values(parts[0].masked(graph, static[0])))
    codes = categories.codes(graph, model, x.values)
    return NetworkInput(_side_by_side(graph, parts), codes, x, static)


def with_vectors(graph: Graph, model: FittedModel, given: NetworkInput) -> Steps:
    """Return what the branch of a member reads: the numbers, then the vectors of categories."""
    if not given.codes:
        return given.steps
    vectors = categories.vectors(graph, model, given.codes)
    steps = given.source.with_values(given.source.masked(graph, vectors))
    width = sum(size for _, size in model.spec.embeddings)
    return _side_by_side(graph, [given.steps, _in_branch_order(graph, model, steps, width)])


def _in_branch_order(graph: Graph, model: FittedModel, steps: Steps, width: int) -> Steps:
    """Return some channels in the patches of the branch, and in its order of time."""
    if is_reversed(model):
        steps = steps.reversed(graph)
    return patches(graph, steps, model.branch_patch_size, width)


def _side_by_side(graph: Graph, parts: list[Steps]) -> Steps:
    """Return the channels of some parts one after the other."""
    if len(parts) == 1:
        return parts[0]
    return parts[0].with_values(graph.add("Concat", *(part.values for part in parts), axis=2))


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


def _scaled(graph: Graph, model: FittedModel, steps: Steps, clock: str) -> list[tuple[Steps, int]]:
    """Return the standardised channels, and what is read of gaps, each with its channels a step.

    The copies of a channel lie side by side.
    clock: see `with_times`
    """
    center = model.center[model.numeric]
    if model.scale is None and not model.reads_gaps:
        return [(steps.with_values(steps.masked(graph, steps.values)), len(center))]
    # in double precision, as `gather`: a mean may be much larger than the deviation
    x = graph.cast(steps.values, TensorProto.DOUBLE)
    there, values, columns = steps.valid, x, ""
    if model.reads_gaps:
        found = filled(graph, model, steps, x, clock)
        there, values, columns = found.there, found.values, found.columns
    copies = []
    if model.scale in ("both", "channel"):
        copies.append(_scaled_by_channel(graph, model, values))
    if model.scale in ("both", "sequence"):
        copies.append(_scaled_within(graph, model, steps, x, values, there))
    if not copies:
        copies.append(values)
    if model.reads_gaps:
        means = np.nan_to_num(center) if model.scale is None else np.zeros(len(center))
        is_nan = graph.add("IsNaN", values)
        copies = [graph.add("Where", is_nan, means, copy) for copy in copies]
    scaled = copies[0]
    if len(copies) == 2:
        apart = [graph.reshape(copy, 0, 0, -1, 1) for copy in copies]
        beside = graph.add("Concat", *apart, axis=3)
        scaled = graph.reshape(beside, 0, 0, 2 * len(center))
    parts = [(graph.cast(scaled, TensorProto.FLOAT), len(copies) * len(center))]
    if columns:
        parts.append((columns, 2 * len(model.number_gaps)))
    return [(steps.with_values(steps.masked(graph, part)), width) for part, width in parts]


def _scaled_by_channel(graph: Graph, model: FittedModel, values: str) -> str:
    """Return values standardised over the training set; some channels by their size."""
    center, deviation = model.center[model.numeric], model.deviation[model.numeric]
    width, mean, of_size = model.by_size[:, model.numeric]
    straight = graph.add("Mul", graph.add("Sub", values, center), 1.0 / deviation)
    by_size = np.isfinite(width)
    if not by_size.any():
        return straight
    # the inverse hyperbolic sine of the absolute value, for which runtimes have only float32
    share = graph.add("Div", graph.add("Abs", values), np.where(by_size, width, 1.0))
    root = graph.add("Sqrt", graph.add("Add", graph.add("Mul", share, share), np.float64(1.0)))
    size = graph.add("Log", graph.add("Add", share, root))
    signed = graph.add("Mul", graph.add("Sign", values), size)
    scaled = graph.add("Mul", graph.add("Sub", signed, mean), 1.0 / of_size)
    return graph.add("Where", by_size, scaled, straight)


def _scaled_within(
    graph: Graph, model: FittedModel, steps: Steps, x: str, values: str, there: str
) -> str:
    """Return values standardised by what there is of x in each sequence; a constant one is 0.

    Gaps that a chain fills count as values with mean and deviation of the training set.
    """
    time = np.array([0])
    n = graph.add("ReduceSum", graph.cast(there, TensorProto.DOUBLE), time)
    n_steps = graph.add("Max", n, np.float64(1.0))
    x = graph.add("Where", there, x, np.float64(0.0))
    of_gaps: str | None = None  # the sum of their variances
    if model.chain[0].size:
        gap = graph.add("And", steps.valid, graph.add("Not", there))
        x = graph.add("Where", gap, np.nan_to_num(model.center[model.numeric]), x)
        n_steps = graph.cast(graph.reshape(steps.lengths, 1, -1, 1), TensorProto.DOUBLE)
        n_gaps = graph.add("ReduceSum", graph.cast(gap, TensorProto.DOUBLE), time)
        of_gaps = graph.add("Mul", n_gaps, model.deviation[model.numeric] ** 2)
        there = steps.valid
    mean = graph.add("Div", graph.add("ReduceSum", x, time), n_steps)
    apart = graph.add("Where", there, graph.add("Sub", x, mean), np.float64(0.0))
    squares = graph.add("ReduceSumSquare", apart, time)
    if of_gaps is not None:
        squares = graph.add("Add", squares, of_gaps)
    spread = graph.add("Sqrt", graph.add("Div", squares, n_steps))
    share = graph.add(
        "Max", graph.add("Mul", n, np.float64(ROUNDING_OF_A_SUM)), np.float64(ROUNDING)
    )
    rounding = graph.add("Mul", share, graph.add("Abs", mean))
    inverse = graph.add(
        "Where", graph.add("Greater", spread, rounding),
        graph.add("Div", np.float64(1.0), spread), np.float64(0.0),
    )  # fmt: skip
    return graph.add("Mul", graph.add("Sub", values, mean), inverse)


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
