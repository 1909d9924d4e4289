"""The LSTM with a forget gate (Hochreiter & Schmidhuber 1997; Gers et al. 2000).

    i, f, o = sigmoid(W_x x_t + b + W_h h_{t-1})        g = tanh(W_x x_t + b + W_h h_{t-1})
    c_t = f * c_{t-1} + i * g                            h_t = o * tanh(c_t)

This is the LSTM of torch and Keras.
"""

from __future__ import annotations

from typing import NamedTuple

from sklstm._kernels.activations import sigmoid, tanh
from sklstm._kernels.cells.dispatch import register_cell
from sklstm._kernels.jit import inlined
from sklstm._kernels.simd import fma, lanes, load, store


class LSTM(NamedTuple):
    """Marks the cell; see `dispatch.py`."""

    n_gates = 4  # i, f, g, o
    n_kept = 2  # c_{t-1}, tanh(c_t)
    n_extra = 0
    direct = 0


@inlined
def lstm_forward(cell, gates, gate, h_before, share, weight, extra, c, unit, cells, kept, keep):
    """Compute one step of a vector of units, see `dispatch.py`."""
    width = lanes(gates)
    i = sigmoid(load(gates, gate))
    f = sigmoid(load(gates, gate + width))
    g = tanh(load(gates, gate + 2 * width))
    o = sigmoid(load(gates, gate + 3 * width))
    c_before = load(c, unit)
    c_now = fma(f, c_before, i * (share * g))
    squashed = tanh(c_now)
    store(c, unit, c_now)
    if keep:
        store(gates, gate, i)
        store(gates, gate + width, f)
        store(gates, gate + 2 * width, g)
        store(gates, gate + 3 * width, o)
        store(cells, kept, c_before)
        store(cells, kept + width, squashed)
    return o * squashed


@inlined
def lstm_backward(
    cell, gates, gate, h_before, share, weight, extra, cells, kept, truncated, dh_now, dh, dc,
    unit, dweight, dextra,
):  # fmt: skip
    """Gradient of `lstm_forward`, see `dispatch.py`."""
    width = lanes(gates)
    i = load(gates, gate)
    f = load(gates, gate + width)
    g = load(gates, gate + 2 * width)
    o = load(gates, gate + 3 * width)
    c_before = load(cells, kept)
    squashed = load(cells, kept + width)
    dc_now = fma(dh_now * o, 1.0 - squashed * squashed, load(dc, unit))
    store(dc, unit, dc_now * f)
    store(gates, gate, dc_now * (share * g) * i * (1.0 - i))
    store(gates, gate + width, dc_now * c_before * f * (1.0 - f))
    store(gates, gate + 2 * width, dc_now * i * share * (1.0 - g * g))
    store(gates, gate + 3 * width, dh_now * squashed * o * (1.0 - o))


register_cell(LSTM, lstm_forward, lstm_backward)
