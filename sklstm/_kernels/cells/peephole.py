"""The LSTM with forget gate and peepholes (Gers & Schmidhuber 2000; Gers et al. 2002).

    i, f = sigmoid(W_x x_t + b + W_h h_{t-1} + p * c_{t-1})
    g = tanh(W_x x_t + b + W_h h_{t-1})                  c_t = f * c_{t-1} + i * g
    o = sigmoid(W_x x_t + b + W_h h_{t-1} + p_o * c_t)   h_t = o * tanh(c_t)

The peepholes are stored as one more row of the weights, below the bias. The matrix product does
not read that row.
"""

from __future__ import annotations

from typing import NamedTuple

from sklstm._kernels.activations import sigmoid, tanh
from sklstm._kernels.cells.dispatch import register_cell
from sklstm._kernels.jit import inlined
from sklstm._kernels.simd import fma, lanes, load, store


class Peephole(NamedTuple):
    """Marks the cell; see `dispatch.py`."""

    n_gates = 4  # i, f, g, o
    n_kept = 2  # c_{t-1}, tanh(c_t)
    n_extra = 1  # the peepholes of i, f and o
    direct = 0


@inlined
def peephole_forward(cell, gates, gate, h_before, share, weight, extra, c, unit, cells, kept, keep):
    """Compute one step of a vector of units, see `dispatch.py`."""
    width = lanes(gates)
    c_before = load(c, unit)
    i = sigmoid(fma(load(weight, extra), c_before, load(gates, gate)))
    f = sigmoid(fma(load(weight, extra + width), c_before, load(gates, gate + width)))
    g = tanh(load(gates, gate + 2 * width))
    c_now = fma(f, c_before, i * (share * g))
    o = sigmoid(fma(load(weight, extra + 3 * width), c_now, load(gates, gate + 3 * width)))
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
def peephole_backward(
    cell, gates, gate, h_before, share, weight, extra, cells, kept, truncated, dh_now, dh, dc,
    unit, dweight, dextra,
):  # fmt: skip
    """Gradient of `peephole_forward`, see `dispatch.py`.

    If `truncated`, no error flows from a gate through its peephole into the cell (Gers et al.
    2002).
    """
    width = lanes(gates)
    i = load(gates, gate)
    f = load(gates, gate + width)
    g = load(gates, gate + 2 * width)
    o = load(gates, gate + 3 * width)
    c_before = load(cells, kept)
    squashed = load(cells, kept + width)
    c_now = fma(f, c_before, i * (share * g))
    do = dh_now * squashed * o * (1.0 - o)
    dc_now = fma(dh_now * o, 1.0 - squashed * squashed, load(dc, unit))
    if not truncated:
        dc_now = fma(do, load(weight, extra + 3 * width), dc_now)
    di = dc_now * (share * g) * i * (1.0 - i)
    df = dc_now * c_before * f * (1.0 - f)
    dc_before = dc_now * f
    if not truncated:
        dc_before = fma(di, load(weight, extra), dc_before)
        dc_before = fma(df, load(weight, extra + width), dc_before)
    store(dc, unit, dc_before)
    store(gates, gate, di)
    store(gates, gate + width, df)
    store(gates, gate + 2 * width, dc_now * i * share * (1.0 - g * g))
    store(gates, gate + 3 * width, do)
    store(dweight, dextra, fma(di, c_before, load(dweight, dextra)))
    store(dweight, dextra + width, fma(df, c_before, load(dweight, dextra + width)))
    store(dweight, dextra + 3 * width, fma(do, c_now, load(dweight, dextra + 3 * width)))


register_cell(Peephole, peephole_forward, peephole_backward)
