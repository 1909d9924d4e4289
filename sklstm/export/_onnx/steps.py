"""Sequences in a graph: padded at their end, in time-major order as the operators want them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from onnx import TensorProto

from sklstm.export._onnx.graph import Graph


@dataclass(frozen=True)
class Steps:
    """Sequences of one graph; the fields are names in it."""

    values: str  # (n_timesteps, n_samples, n_features), 0 behind the end of a sequence
    lengths: str  # int32 (n_samples,)
    valid: str  # bool (n_timesteps, n_samples, 1): False behind the end of a sequence

    def masked(self, graph: Graph, values: str, fill: float = 0.0) -> str:
        """Return values of the shape of these with `fill` behind the end of a sequence."""
        return graph.add("Where", self.valid, values, np.float32(fill))

    def with_values(self, values: str) -> Steps:
        """Return other values of the same lengths."""
        return replace(self, values=values)

    def merged(self, graph: Graph, values: str, n_merged: int, time_axis: int = 0) -> Steps:
        """Return values that stand for `n_merged` steps each, the last ones of a sequence first.

        values (ceil(n_timesteps / n_merged), n_samples, n_features), or with time on another axis
        """
        if n_merged == 1:
            return self.with_values(values)
        rounded_up = graph.add("Add", self.lengths, np.int32(n_merged - 1))
        lengths = graph.add("Div", rounded_up, np.int32(n_merged))
        return Steps(values, lengths, valid_steps(graph, graph.size(values, time_axis), lengths))

    def reversed(self, graph: Graph) -> Steps:
        """Return each sequence from its last step to its first, padded at its end as before."""
        lengths = graph.cast(self.lengths, TensorProto.INT64)
        return self.with_values(
            graph.add("ReverseSequence", self.values, lengths, time_axis=0, batch_axis=1)
        )

    def n_steps(self, graph: Graph) -> str:
        """Return the lengths as float32 (n_samples, 1)."""
        return graph.reshape(graph.cast(self.lengths, TensorProto.FLOAT), -1, 1)


def valid_steps(graph: Graph, n_timesteps: str, lengths: str) -> str:
    """Return which steps are in a sequence, bool (n_timesteps, n_samples, 1)."""
    step = graph.reshape(graph.range(n_timesteps), -1, 1, 1)
    return graph.add("Less", step, graph.reshape(lengths, 1, -1, 1))
