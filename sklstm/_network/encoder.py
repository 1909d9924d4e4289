"""Encoder layers: their parameters packed for the kernels, and the weights of their heads."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sklstm._kernels.encoder import Encoder
from sklstm._network.packing import Packing, filled
from sklstm._network.parameters import ParameterLayout
from sklstm._network.spec import NetworkSpec

Indices = NDArray[np.intp]


def place_encoder(spec: NetworkSpec, layout: ParameterLayout, packing: Packing) -> Encoder | None:
    """Place the parameters of the encoder layers, if there are any."""
    if spec.encoder is None:
        return None
    lanes, n_heads = packing.lanes, int(spec.encoder.n_heads)
    n_hidden, size = filled(spec.n_units, lanes), spec.n_states // n_heads
    wide = spec.encoder.n_wide(spec.n_states)
    n_states, n_wide = spec.n_directions * n_hidden, filled(wide, lanes)
    n_attended = n_heads * filled(size, lanes)
    # where states and heads are in rows of whole vectors
    states = _blocks(spec.n_directions, n_hidden, np.arange(spec.n_units))
    attended = _blocks(n_heads, n_attended // n_heads, np.arange(size))
    qkv, active = _blocks(3, n_attended, attended), np.arange(wide)
    maps = [
        (states, n_states, qkv, 3 * n_attended),
        (attended, n_attended, states, n_states),
        (states, n_states, active, n_wide),
        (active, n_wide, states, n_states),
    ]

    def layer(k: int) -> list[int]:
        """Place a layer; return its row of ``Encoder.layers``."""
        places = [layout.places(parameter) for parameter in layout.group(f"encoder_l{k}")]
        table: list[int] = []
        for (rows, n_rows, columns, n_columns), weight, bias in zip(
            maps, places[:8:2], places[1:8:2], strict=True
        ):
            matrix = packing.empty(n_rows + 1, n_columns)
            matrix[np.ix_(rows, columns)] = weight.T
            matrix[-1, columns] = bias
            table += [
                packing.place_panels(matrix),
                packing.place_panels(matrix[:-1].T),
                packing.place_gradient(matrix, n_columns),
            ]
        norms = packing.empty(4, n_states)
        norms[:, states] = places[8:]
        return [*table, packing.place(norms), packing.place_gradient(norms, n_states)]

    return Encoder(
        n_units=spec.n_units,
        n_hidden=n_hidden,
        n_heads=n_heads,
        size=size,
        scale=1.0 / math.sqrt(size),
        causal=spec.causal,
        n_states=n_states,
        n_attended=n_attended,
        n_wide=n_wide,
        stride=packing.odd_lines(n_states + 1),
        attended_stride=packing.odd_lines(n_attended + 1),
        qkv_stride=packing.odd_lines(3 * n_attended),
        wide_stride=packing.odd_lines(n_wide + 1),
        layers=np.array([layer(k) for k in range(spec.encoder.n_layers)]),
    )


def _blocks(n_blocks: int, apart: int, inside: Indices) -> Indices:
    """Return the places inside of each block, where blocks are so far apart."""
    return np.add.outer(np.arange(n_blocks) * apart, inside).ravel()


def attention_of_heads(encoder: Encoder, qkv: NDArray) -> NDArray[np.float64]:
    """Return the weights (n_heads, n_rows, n_rows) of the heads of a layer for one sequence.

    qkv (n_rows, qkv_stride): its queries, keys and values, as the kernels write them
    """
    n_rows = len(qkv)
    parts = qkv[:, : 3 * encoder.n_attended].astype(np.float64)
    queries, keys, _ = parts.reshape(n_rows, 3, encoder.n_heads, -1).transpose(1, 2, 0, 3)
    scores = queries @ keys.transpose(0, 2, 1) * encoder.scale
    if encoder.causal:
        scores[:, ~np.tri(n_rows, dtype=bool)] = -np.inf
    powers = np.exp(scores - scores.max(axis=2, keepdims=True))
    return powers / powers.sum(axis=2, keepdims=True)
