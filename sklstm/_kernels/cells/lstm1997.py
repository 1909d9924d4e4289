"""The LSTM of Hochreiter & Schmidhuber (1997), without a forget gate.

    i, o = sigmoid(W_x x_t + b + W_h h_{t-1})           g = tanh(W_x x_t + b + W_h h_{t-1})
    c_t = c_{t-1} + i * g                                h_t = o * tanh(c_t)

The derivative of c_t with respect to c_{t-1} is 1: the constant error carousel. (The paper
squashes with g in [-2, 2] and h in [-1, 1]; tanh differs from them in scale only.)
"""

from __future__ import annotations

from typing import NamedTuple

from sklstm._kernels.activations import sigmoid, tanh
from sklstm._kernels.cells.dispatch import register_cell
from sklstm._kernels.jit import inlined
from sklstm._kernels.simd import fma, lanes, load, store


class LSTM1997(NamedTuple):
    """Marks the cell; see `dispatch.py`."""

    n_gates = 3  # i, g, o
    n_kept = 1  # tanh(c_t)
    n_extra = 0
    direct = 0


@inlined
def lstm1997_forward(cell, gates, gate, h_before, share, weight, extra, c, unit, cells, kept, keep):
    """Compute one step of a vector of units, see `dispatch.py`."""
    width = lanes(gates)
    i = sigmoid(load(gates, gate))
    g = tanh(load(gates, gate + width))
    o = sigmoid(load(gates, gate + 2 * width))
    c_now = fma(i, share * g, load(c, unit))
    squashed = tanh(c_now)
    store(c, unit, c_now)
    if keep:
        store(gates, gate, i)
        store(gates, gate + width, g)
        store(gates, gate + 2 * width, o)
        store(cells, kept, squashed)
    return o * squashed


@inlined
def lstm1997_backward(
    cell, gates, gate, h_before, share, weight, extra, cells, kept, truncated, dh_now, dh, dc,
    unit, dweight, dextra,
):  # fmt: skip
    """Gradient of `lstm1997_forward`, see `dispatch.py`."""
    width = lanes(gates)
    i = load(gates, gate)
    g = load(gates, gate + width)
    o = load(gates, gate + 2 * width)
    squashed = load(cells, kept)
    dc_now = fma(dh_now * o, 1.0 - squashed * squashed, load(dc, unit))
    store(dc, unit, dc_now)
    store(gates, gate, dc_now * (share * g) * i * (1.0 - i))
    store(gates, gate + width, dc_now * i * share * (1.0 - g * g))
    store(gates, gate + 2 * width, dh_now * squashed * o * (1.0 - o))


register_cell(LSTM1997, lstm1997_forward, lstm1997_backward)
