"""Gaps in a graph: filled as `gather` fills them, with what the network reads of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from onnx import TensorProto, helper

from sklstm._kernels.gather import GAP
from sklstm.export._fitted import FittedModel
from sklstm.export._onnx.graph import Graph


@dataclass(frozen=True)
class Filled:
    """Channels (n_timesteps, n_samples, n_numeric) without gaps; the fields are names."""

    values: str  # double, NaN where there is nothing to fill with
    there: str  # bool: where there is a value in x
    columns: str  # float32 (n_timesteps, n_samples, 2 * n_gaps): what is read of gaps; "" if none


def filled(graph: Graph, model: FittedModel, x: str) -> Filled:
    """Return x, double, with its gaps filled: by the last value, or on the line to the next one."""
    there = graph.add("Not", graph.add("IsNaN", x))
    # a channel without a mean has no value in training, and counts as missing
    observed = graph.add("And", there, ~np.isnan(model.center[model.numeric]))
    n_timesteps = graph.size(x, 0)
    step = graph.cast(graph.reshape(graph.range(n_timesteps), -1, 1, 1), TensorProto.INT64)
    last = _running(graph, "Max", graph.add("Where", observed, step, np.int64(-1)))
    ago = graph.cast(graph.add("Sub", step, last), TensorProto.DOUBLE)
    has_last = graph.add("GreaterOrEqual", last, np.int64(0))
    value = graph.add("GatherElements", x, graph.add("Max", last, np.int64(0)), axis=0)
    has_any = has_last
    if model.fills_ahead:
        after = _running(graph, "Min", graph.add("Where", observed, step, n_timesteps))
        has_next = graph.add("Less", after, n_timesteps)
        place = graph.add("Min", after, graph.add("Sub", n_timesteps, np.int64(1)))
        ahead = graph.add("GatherElements", x, place, axis=0)
        between = graph.cast(graph.add("Sub", after, last), TensorProto.DOUBLE)
        share = graph.add("Div", ago, between)
        line = graph.add("Add", value, graph.add("Mul", graph.add("Sub", ahead, value), share))
        value = graph.add("Where", has_next, graph.add("Where", has_last, line, ahead), value)
        has_any = graph.add("Or", has_last, has_next)
    value = graph.add("Where", has_any, value, np.float64(np.nan))
    value = graph.add("Where", observed, x, value)
    return Filled(value, there, _columns(graph, model, observed, ago))


def _columns(graph: Graph, model: FittedModel, observed: str, ago: str) -> str:
    """Return whether each channel with gaps was observed, and how long ago, side by side."""
    (gaps,) = np.nonzero(np.isin(model.numeric, model.gaps))
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
