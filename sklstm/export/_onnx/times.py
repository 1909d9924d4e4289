"""The time since the step before in a graph: the last channel of X, in the units of fit."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from sklstm.export._fitted import FittedModel
from sklstm.export._onnx.graph import Graph
from sklstm.export._onnx.steps import Steps


def with_times(graph: Graph, model: FittedModel, x: Steps) -> tuple[Steps, str]:
    """Return X with its last channel as the network reads it, and the time of each step.

    The time, double (n_timesteps, n_samples, 1), begins at one unit; "" if times are not read.
    """
    if not model.time_unit:
        return x, ""
    n = model.n_channels - 1
    elapsed = graph.cast(graph.add("Gather", x.values, np.array([n]), axis=2), TensorProto.DOUBLE)
    elapsed = graph.add("Mul", elapsed, np.float64(1.0 / model.time_unit))
    step = graph.reshape(graph.range(graph.size(x.values, 0)), -1, 1, 1)
    # as in fit: none before the first step, and never less than none
    is_later = graph.add("And", x.valid, graph.add("Greater", step, np.int32(0)))
    is_before = graph.add("Less", elapsed, np.float64(0.0))
    no_time = graph.add("Or", graph.add("Not", is_later), is_before)
    elapsed = graph.add("Where", no_time, np.float64(0.0), elapsed)
    logarithm = graph.add("Log", graph.add("Add", elapsed, np.float64(1.0)))
    channel = x.masked(graph, graph.cast(logarithm, TensorProto.FLOAT), np.nan)
    others = graph.add("Gather", x.values, np.arange(n), axis=2)
    clock = graph.add("Add", graph.add("CumSum", elapsed, np.int64(0)), np.float64(1.0))
    return x.with_values(graph.add("Concat", others, channel, axis=2)), clock
