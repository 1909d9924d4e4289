"""Categories in a graph: numbers of X become codes, and codes the vectors of a member."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from sklstm.export._fitted import FittedModel
from sklstm.export._onnx.graph import Graph


def codes(graph: Graph, model: FittedModel, x: str) -> list[str]:
    """Return the codes of each categorical channel, int64 (n_timesteps, n_samples).

    x (n_timesteps, n_samples, n_channels)
    """
    found = []
    for channel, known in zip(model.categorical, model.estimator.categories_ or (), strict=True):
        keys = _keys(model, int(channel), known)
        code = _code(graph, keys, graph.add("Gather", x, np.int64(channel), axis=2))
        if channel in model.estimator.static_channels_:  # at some steps it may be missing
            code = graph.add("Max", code, graph.add("ReduceMax", code, np.array([0])))
        found.append(code)
    return found


def vectors(graph: Graph, model: FittedModel, codes: list[str]) -> str:
    """Return the vectors of all channels side by side, (n_timesteps, n_samples, n)."""
    each = [
        graph.add("Gather", model.parameters[f"embedding_{k}"].astype(np.float32), of_channel)
        for k, of_channel in enumerate(codes)
    ]
    return each[0] if len(each) == 1 else graph.add("Concat", *each, axis=2)


def _code(graph: Graph, keys: NDArray[np.float32], x: str) -> str:
    """Return 1 + the position of each value among the sorted keys; 0 if it is none of them.

    By a binary search, so that a table may be large.
    """
    n_halvings = len(keys).bit_length()
    filled = np.full(2**n_halvings - 1, np.inf, np.float32)
    filled[: len(keys)] = keys
    place = graph.add("Mul", graph.cast(graph.add("IsNaN", x), TensorProto.INT64), np.int64(0))
    for step in (2**k for k in reversed(range(n_halvings))):  # place: keys that are not above x
        key = graph.add("Gather", filled, graph.add("Add", place, np.int64(step - 1)))
        passed = graph.cast(graph.add("LessOrEqual", key, x), TensorProto.INT64)
        place = graph.add("Add", place, graph.add("Mul", passed, np.int64(step)))
    by_code = np.concatenate([[np.float32(np.nan)], filled])
    is_known = graph.add("Equal", graph.add("Gather", by_code, place), x)
    is_finite = graph.add("Less", place, np.int64(len(keys) + 1))
    return graph.add("Where", graph.add("And", is_known, is_finite), place, np.int64(0))


def _keys(model: FittedModel, channel: int, known: NDArray) -> NDArray[np.float32]:
    """Return the sorted categories of a channel as values of X, or refuse those that are none."""
    name = model.channel_names[channel]
    if known.dtype == object:
        raise ValueError(
            f"The categories of channel {name!r} are strings, {known[0]!r} for instance, and X of "
            "an ONNX model holds numbers: fit with whole numbers in their place, as "
            "sklearn.preprocessing.OrdinalEncoder makes them."
        )
    keys = known.astype(np.float32)
    if len(np.unique(keys)) < len(known):
        same = known[1:][keys[1:] == keys[:-1]][0]
        raise ValueError(
            f"X of an ONNX model is float32, in which the category {same!s} of channel {name!r} "
            "equals another: fit with smaller whole numbers in their place."
        )
    return keys
