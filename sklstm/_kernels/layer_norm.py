"""Layer normalisation of the pre-activations of the gates (Ba et al. 2016).

The pre-activations a = W_x x_t + W_h h_{t-1} of each gate become, over the units of one row,

    z = gain * (a - mean(a)) / sqrt(variance(a) + 1e-5) + b

The gains are stored as one more row of the weights, below the bias; the matrix product reads
neither. The padding units of the last vector are left out: their gains and biases are 0.
"""

from __future__ import annotations

from typing import NamedTuple

from sklstm._kernels.gemm import PANEL
from sklstm._kernels.jit import device
from sklstm._kernels.simd import below, fma, lanes, load, span, spread, sqrt, store, total

EPSILON = 1e-5


class LayerNorm(NamedTuple):
    """Marks a network with layer normalisation; a network without it uses None.

    It keeps one vector for each gate in `cells`: deviations from the mean.
    """

    hidden_size: int  # without the padding units


@device
def layer_norm_forward(norm, cell, weight, n_rows, gates, gate, cells, kept, stride, keep):
    """Normalise the pre-activations of a step.

    (in) weight: its last two rows are bias and gain, see `scan_forward`
    (accum) gates at gate (n_rows, odd_lines): a row is (n_vectors, n_gates, lanes)
    (out) cells at kept (n_rows, ...), if `keep`: a - mean(a); a row is (n_vectors, n_gates,
          lanes), with its vectors of units `stride` apart
    """
    width = lanes(gates)
    n_gates, n_units = cell.n_gates, norm.hidden_size
    n_vectors = (n_units + width - 1) // width
    share = 1.0 / n_units
    panel = weight.shape[1] * PANEL * width
    for r in range(n_rows):
        row, saved = gate + r * gates.shape[1], kept + r * cells.shape[1]
        for k in range(n_gates):
            # mean and variance in one pass: the shift avoids cancellation in their difference
            shift = spread(gates, span(gates, row + k * width, 1)[0])
            sums, squares = spread(gates, 0.0), spread(gates, 0.0)
            for p in range(n_vectors):
                shifted = load(gates, row + (p * n_gates + k) * width) - shift
                shifted = shifted * below(gates, n_units - p * width)
                sums = sums + shifted
                squares = fma(shifted, shifted, squares)
            mean = total(sums) * share
            variance = total(squares) * share - mean * mean
            mean = mean + shift
            to_unit = 1.0 / sqrt(variance + EPSILON)
            for p in range(n_vectors):
                v = p * n_gates + k
                deviation = load(gates, row + v * width) - mean
                deviation = deviation * below(gates, n_units - p * width)
                if keep:
                    store(cells, saved + p * stride + k * width, deviation)
                bias = v // PANEL * panel + panel - 2 * PANEL * width + v % PANEL * width
                gain = load(weight, bias + PANEL * width)
                store(gates, row + v * width, fma(deviation * to_unit, gain, load(weight, bias)))


@device
def layer_norm_backward(norm, cell, weight, n_rows, cells, kept, stride, gates, gate, dweight):
    """Gradient of `layer_norm_forward`.

    (in) cells at kept: as the forward pass left them
    (accum) gates at gate (n_rows, odd_lines): gradient of z, then of a
    (accum) dweight (n_rows of weight, odd_lines): added to the last two rows
    """
    width = lanes(gates)
    n_gates, n_units = cell.n_gates, norm.hidden_size
    n_vectors = (n_units + width - 1) // width
    share = 1.0 / n_units
    panel = weight.shape[1] * PANEL * width
    dgain = (dweight.shape[0] - 1) * dweight.shape[1]
    dbias = dgain - dweight.shape[1]
    for r in range(n_rows):
        row, saved = gate + r * gates.shape[1], kept + r * cells.shape[1]
        for k in range(n_gates):
            sums, products, squares = spread(gates, 0.0), spread(gates, 0.0), spread(gates, 0.0)
            for p in range(n_vectors):
                v = p * n_gates + k
                gain = load(weight, v // PANEL * panel + panel - PANEL * width + v % PANEL * width)
                slope = load(gates, row + v * width) * gain
                deviation = load(cells, saved + p * stride + k * width)
                sums = sums + slope
                products = fma(slope, deviation, products)
                squares = fma(deviation, deviation, squares)
            variance = total(squares) * share
            to_unit = 1.0 / sqrt(variance + EPSILON)
            mean = total(sums) * share
            along = total(products) * share / (variance + EPSILON)
            for p in range(n_vectors):
                v = p * n_gates + k
                gain = load(weight, v // PANEL * panel + panel - PANEL * width + v % PANEL * width)
                dz = load(gates, row + v * width)
                deviation = load(cells, saved + p * stride + k * width)
                da = (dz * gain - mean - deviation * along) * to_unit
                store(gates, row + v * width, da * below(gates, n_units - p * width))
                at = dgain + v * width
                store(dweight, at, fma(dz, deviation * to_unit, load(dweight, at)))
                at = dbias + v * width
                store(dweight, at, load(dweight, at) + dz)
