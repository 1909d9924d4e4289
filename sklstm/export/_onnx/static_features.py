"""Static features in a graph: read once for each sequence, and standardised."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from sklstm.export._fitted import FittedModel
from sklstm.export._onnx.graph import Graph


def constant(graph: Graph, model: FittedModel, x: str) -> str:
    """Return the static features (n_samples, n_constant) as the network reads them.

    x (n_timesteps, n_samples, n_channels)
    """
    center, deviation = model.center[model.static], model.deviation[model.static]
    values = graph.cast(graph.add("Gather", x, model.static, axis=2), TensorProto.DOUBLE)
    row = graph.add("Squeeze", _first(graph, model, values), np.array([0]))
    scaled = graph.add("Div", graph.add("Sub", row, np.nan_to_num(center)), deviation)
    if not model.reads_gaps:
        return graph.cast(scaled, TensorProto.FLOAT)
    is_nan = graph.add("Or", graph.add("IsNaN", row), np.isnan(center))
    scaled = graph.cast(graph.add("Where", is_nan, np.float64(0.0), scaled), TensorProto.FLOAT)
    (with_gaps,) = np.nonzero(np.isin(model.static, model.gaps))
    if not len(with_gaps):
        return scaled
    known = graph.cast(graph.add("Not", is_nan), TensorProto.FLOAT)
    return graph.add("Concat", scaled, graph.add("Gather", known, with_gaps, axis=1), axis=1)


def _first(graph: Graph, model: FittedModel, values: str) -> str:
    """Return the first value of each sequence (1, n_samples, n_static); NaN if there is none."""
    if not model.reads_gaps:
        return graph.add("Gather", values, np.array([0]))
    n_timesteps = graph.size(values, 0)
    step = graph.cast(graph.reshape(graph.range(n_timesteps), -1, 1, 1), TensorProto.INT64)
    last = graph.add("Sub", n_timesteps, np.int64(1))
    number = graph.add("Where", graph.add("IsNaN", values), last, step)
    first = graph.add("ReduceMin", number, np.array([0]))
    return graph.add("GatherElements", values, first, axis=0)


def beside_steps(graph: Graph, model: FittedModel, X: str) -> str:
    """Return columns X (n_samples, n_columns) as (n_samples, n_timesteps, n_channels).

    Columns of static features become channels behind the others; steps of padding stay NaN.
    """
    columns = model.estimator.static_columns_
    if columns is None or not len(columns):
        return graph.reshape(X, 0, -1, model.n_channels)
    others = np.setdiff1d(np.arange(model.estimator.n_features_in_), columns)
    n_changing = model.n_channels - len(columns)
    steps = graph.reshape(graph.add("Gather", X, others, axis=1), 0, -1, n_changing)
    is_nan = graph.cast(graph.add("IsNaN", steps), TensorProto.INT32)
    is_padding = graph.cast(graph.add("ReduceMin", is_nan, np.array([2])), TensorProto.BOOL)
    static = graph.add("Unsqueeze", graph.add("Gather", X, columns, axis=1), np.array([1]))
    tiled = graph.add("Where", is_padding, np.float32(np.nan), static)
    return graph.add("Concat", steps, tiled, axis=2)
