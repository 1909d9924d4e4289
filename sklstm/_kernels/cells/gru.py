"""The gated recurrent unit (Cho et al. 2014), reset after the product as in torch and cuDNN.

    r, z = sigmoid(W_x x_t + b + W_h h_{t-1})
    n = tanh(W_x x_t + b + r * (W_h h_{t-1} + b_h))      h_t = (1 - z) * n + z * h_{t-1}

The parts of n that come from the input and from the state are two columns, so that a step is one
matrix product, as in every other cell. The weights that do not apply to a column are zero.
"""

from __future__ import annotations

from typing import NamedTuple

from sklstm._kernels.activations import sigmoid, tanh
from sklstm._kernels.cells.dispatch import register_cell
from sklstm._kernels.jit import inlined
from sklstm._kernels.simd import fma, lanes, load, store


class GRU(NamedTuple):
    """Marks the cell; see `dispatch.py`."""

    n_gates = 4  # r, z, n from the input, n from the state
    n_kept = 0
    n_extra = 0
    direct = 1  # z * h_{t-1}


@inlined
def gru_forward(cell, gates, gate, h_before, share, weight, extra, c, unit, cells, kept, keep):
    """Compute one step of a vector of units, see `dispatch.py`."""
    width = lanes(gates)
    r = sigmoid(load(gates, gate))
    z = sigmoid(load(gates, gate + width))
    from_state = load(gates, gate + 3 * width)
    n = tanh(fma(r, from_state, load(gates, gate + 2 * width)))
    if keep:
        store(gates, gate, r)
        store(gates, gate + width, z)
        store(gates, gate + 2 * width, n)
    update = share * n
    return fma(z, h_before - update, update)


@inlined
def gru_backward(
    cell, gates, gate, h_before, share, weight, extra, cells, kept, truncated, dh_now, dh, dc,
    unit, dweight, dextra,
):  # fmt: skip
    """Gradient of `gru_forward`, see `dispatch.py`."""
    width = lanes(gates)
    r = load(gates, gate)
    z = load(gates, gate + width)
    n = load(gates, gate + 2 * width)
    from_state = load(gates, gate + 3 * width)
    dn = dh_now * (1.0 - z) * share * (1.0 - n * n)
    store(dh, unit, dh_now * z)
    store(gates, gate, dn * from_state * r * (1.0 - r))
    store(gates, gate + width, dh_now * (h_before - share * n) * z * (1.0 - z))
    store(gates, gate + 2 * width, dn)
    store(gates, gate + 3 * width, dn * r)


register_cell(GRU, gru_forward, gru_backward)
