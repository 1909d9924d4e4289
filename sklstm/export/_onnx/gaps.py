"""Gaps in a graph: filled as `gather` fills them, with what the network reads of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from sklstm._kernels.gather import GAP
from sklstm.export._fitted import FittedModel
from sklstm.export._onnx.graph import Graph
from sklstm.export._onnx.steps import Steps


@dataclass(frozen=True)
class Filled:
    """Channels (n_timesteps, n_samples, n_numeric) without gaps; the fields are names."""

    values: str  # double, NaN where there is nothing to fill with
    there: str  # bool: where there is a value in x
    columns: str  # float32 (n_timesteps, n_samples, 2 * n_gaps): what is read of gaps; "" if none


@dataclass(frozen=True)
class _Side:
    """The last or the next value of each channel around a step; the fields are names."""

    value: str  # double
    there: str  # bool: whether there is one
    away: str  # double: the time between


def filled(graph: Graph, model: FittedModel, steps: Steps, x: str, clock: str) -> Filled:
    """Return x, double, with its gaps filled: by the last value, or by all that is known.

    x: the values of the steps; clock: the times of the steps, "" if they are counted
    """
    there = graph.add("Not", graph.add("IsNaN", x))
    # a channel without a mean has no value in training, and counts as missing
    observed = graph.add("And", there, ~np.isnan(model.center[model.numeric]))
    n_timesteps = graph.size(x, 0)
    step = graph.cast(graph.reshape(graph.range(n_timesteps), -1, 1, 1), TensorProto.INT64)
    last = _running(graph, "Max", graph.add("Where", observed, step, np.int64(-1)))
    if clock:
        clock = graph.add("Expand", clock, graph.add("Shape", x))
    now = clock or _time_of(graph, clock, step)
    has_last = graph.add("GreaterOrEqual", last, np.int64(0))
    place = graph.add("Max", last, np.int64(0))
    value, then = graph.add("GatherElements", x, place, axis=0), _time_of(graph, clock, place)
    ago = graph.add("Sub", now, graph.add("Where", has_last, then, np.float64(0.0)))
    sides = [_Side(value, has_last, ago)]
    has_any, filling = has_last, value
    if model.fills_ahead:
        after = _running(graph, "Min", graph.add("Where", observed, step, n_timesteps))
        has_next = graph.add("Less", after, n_timesteps)
        place = graph.add("Min", after, graph.add("Sub", n_timesteps, np.int64(1)))
        ahead, then = graph.add("GatherElements", x, place, axis=0), _time_of(graph, clock, place)
        sides.append(_Side(ahead, has_next, graph.add("Sub", then, now)))
        has_any, filling = graph.add("Or", has_last, has_next), _on_line(graph, *sides)
    if model.rates.any():
        decayed = _decayed(graph, model, sides)
        filling = graph.add("Where", model.rates > 0.0, decayed, filling)
    value = graph.add("Where", has_any, filling, np.float64(np.nan))
    value = graph.add("Where", observed, x, value)
    if model.chain[0].size:
        value = graph.add("Where", observed, x, _expected(graph, model, steps, value, observed))
    return Filled(value, there, _columns(graph, model, observed, ago))


def _time_of(graph: Graph, clock: str, steps: str) -> str:
    """Return the times, double, of steps with these numbers; the first step is at 1.

    clock (n_timesteps, n_samples, n_numeric), "" if steps are counted; steps int64
    """
    if clock:
        return graph.add("GatherElements", clock, steps, axis=0)
    return graph.cast(graph.add("Add", steps, np.int64(1)), TensorProto.DOUBLE)


def _on_line(graph: Graph, before: _Side, after: _Side) -> str:
    """Return what lies on the line between two values; with one of them only, that."""
    between = graph.add("Add", before.away, after.away)
    rise = graph.add("Sub", after.value, before.value)
    line = graph.add("Mul", rise, graph.add("Div", before.away, between))
    line = graph.add("Add", before.value, line)
    # without time between them: the next value
    both = graph.add("And", before.there, graph.add("Greater", between, np.float64(0.0)))
    to_next = graph.add("Where", both, line, after.value)
    return graph.add("Where", after.there, to_next, before.value)


def _decayed(graph: Graph, model: FittedModel, sides: list[_Side]) -> str:
    """Return values that decay to the mean on their way from those around, see `_expected` there.

    sides: before, and after if it is known
    """
    center, rates = model.center[model.numeric], model.rates
    # a value that is not there is infinitely far away
    aways = [graph.add("Where", s.there, s.away, np.float64(np.inf)) for s in sides]
    parts = []
    for k, side in enumerate(sides):
        deviation = graph.add("Sub", side.value, center)
        deviation = graph.add("Where", side.there, deviation, np.float64(0.0))
        share = graph.add("Exp", graph.add("Mul", aways[k], -rates))
        if len(sides) == 2:  # of what decays from here, the part that the other side leaves
            between = graph.add("Add", *aways)
            left, of_all = (
                graph.add("Sub", np.float64(1.0), graph.add("Exp", graph.add("Mul", x, -2 * rates)))
                for x in (aways[1 - k], between)
            )
            share = graph.add("Div", graph.add("Mul", share, left), of_all)
            # without time between them: the next value
            is_apart = graph.add("Greater", of_all, np.float64(0.0))
            share = graph.add("Where", is_apart, share, np.float64(k))
        parts.append(graph.add("Mul", share, deviation))
    return graph.add("Add", parts[0] if len(parts) == 1 else graph.add("Add", *parts), center)


def _expected(graph: Graph, model: FittedModel, steps: Steps, lines: str, observed: str) -> str:
    """Return values with gaps as all channels let expect them, see `expect`.

    lines: the values with gaps on lines, NaN for a channel without values
    """
    center, deviation = model.center[model.numeric], model.deviation[model.numeric]
    unit = graph.add("Div", graph.add("Sub", lines, center), deviation)
    there = graph.add("And", steps.valid, graph.add("Not", graph.add("IsNaN", unit)))
    start = graph.add("Where", there, unit, np.float64(0.0))
    gap = graph.add("And", steps.valid, graph.add("Not", observed))
    gap = graph.cast(graph.add("And", gap, ~np.isnan(center)), TensorProto.DOUBLE)
    step = graph.reshape(graph.range(graph.size(lines, 0)), -1, 1, 1)
    last = graph.add("Sub", graph.reshape(steps.lengths, 1, -1, 1), np.int32(1))
    ends = [
        graph.cast(graph.add("Equal", step, place), TensorProto.DOUBLE)
        for place in (np.int32(0), last)
    ]
    _, found = graph.add_all(
        "Scan", graph.add("Mul", start, np.float64(0.0)), start, model.chain[1],
        names=(graph.name("change"), graph.name("expected")),
        body=_sweep(graph, model.chain[0], gap, ends),
        num_scan_inputs=1,
    )  # fmt: skip
    # a channel that is not read stays NaN
    return graph.add("Add", graph.add("Mul", found, deviation), center)


def _sweep(
    graph: Graph, weights: NDArray[np.float64], gap: str, ends: list[str]
) -> onnx.GraphProto:
    """Return the body of a loop: last change, steps, what is kept and taken, to the next two.

    gap: 1 where a gap is to be filled; ends: 1 in the first steps, and in the last ones
    """
    body = Graph(outer=graph)
    names = [body.name(name) for name in ("change", "z", "sweep", "next_change", "next_z")]
    change, z, sweep, next_change, next_z = names
    time, behind = np.array([0]), np.array([np.iinfo(np.int64).max])
    around = body.add("Pad", z, np.array([1, 0, 0, 1, 0, 0]))
    before = body.add("Slice", around, np.array([0]), np.array([-2]), time)
    after = body.add("Slice", around, np.array([2]), behind, time)
    at_ends = [body.add("Mul", z, end) for end in ends]
    product = body.add("MatMul", body.add("Concat", before, z, after, *at_ends, axis=2), weights)
    kept, share = (body.add("Gather", sweep, np.int64(k), axis=0) for k in (0, 1))
    taken = body.add("Mul", body.add("Mul", product, share), gap)
    body.add("Sub", body.add("Mul", change, kept), taken, name=next_change)
    body.add("Add", z, next_change, name=next_z)
    described = [
        helper.make_tensor_value_info(name, TensorProto.DOUBLE, [None] * n_axes)
        for name, n_axes in zip(names, (3, 3, 1, 3, 3), strict=True)
    ]
    return helper.make_graph(body.nodes, graph.name("sweep"), described[:3], described[3:])


def _columns(graph: Graph, model: FittedModel, observed: str, ago: str) -> str:
    """Return whether each channel with gaps was observed, and how long ago, side by side."""
    gaps = model.number_gaps
    if not len(gaps):
        return ""
    logarithm = graph.add("Log", graph.add("Add", ago, np.float64(1.0)))
    both = [
        graph.reshape(graph.add("Gather", column, gaps, axis=2), 0, 0, len(gaps), 1)
        for column in (graph.cast(observed, TensorProto.DOUBLE), logarithm)
    ]
    scaled = graph.add("Mul", graph.add("Concat", *both, axis=3), np.float64(GAP))
    return graph.cast(graph.reshape(scaled, 0, 0, 2 * len(gaps)), TensorProto.FLOAT)


def _running(graph: Graph, operator: str, x: str) -> str:
    """Return the largest value so far, or from the end the smallest one; x int64, with 3 axes."""
    body = Graph(outer=graph)
    before, now, out = (body.name(name) for name in ("before", "now", "out"))
    after = body.add(operator, before, now)
    body.add("Identity", after, name=out)
    described = [
        helper.make_tensor_value_info(name, TensorProto.INT64, [None, None])
        for name in (before, now, after, out)
    ]
    direction = int(operator == "Min")
    end = -1 if direction else 0
    start = graph.add("Gather", x, np.int64(end), axis=0)
    _, running = graph.add_all(
        "Scan", start, x, names=(graph.name("end"), graph.name("running")),
        body=helper.make_graph(body.nodes, graph.name("step"), described[:2], described[2:]),
        num_scan_inputs=1, scan_input_directions=[direction], scan_output_directions=[direction],
    )  # fmt: skip
    return running
