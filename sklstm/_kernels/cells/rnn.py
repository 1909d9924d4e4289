"""The simple recurrent network (Elman 1990).

h_t = tanh(W_x x_t + b + W_h h_{t-1})
"""

from __future__ import annotations

from typing import NamedTuple

from sklstm._kernels.activations import tanh
from sklstm._kernels.cells.dispatch import register_cell
from sklstm._kernels.jit import inlined
from sklstm._kernels.simd import load, store


class RNN(NamedTuple):
    """Marks the cell; see `dispatch.py`."""

    n_gates = 1
    n_kept = 0
    n_extra = 0
    direct = 0


@inlined
def rnn_forward(cell, gates, gate, h_before, share, weight, extra, c, unit, cells, kept, keep):
    """Compute one step of a vector of units, see `dispatch.py`."""
    h_now = tanh(load(gates, gate))
    if keep:
        store(gates, gate, h_now)
    return h_now


@inlined
def rnn_backward(
    cell, gates, gate, h_before, share, weight, extra, cells, kept, truncated, dh_now, dh, dc,
    unit, dweight, dextra,
):  # fmt: skip
    """Gradient of `rnn_forward`, see `dispatch.py`."""
    h_now = load(gates, gate)
    store(gates, gate, dh_now * (1.0 - h_now * h_now))


register_cell(RNN, rnn_forward, rnn_backward)
