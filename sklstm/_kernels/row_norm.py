"""Layer normalisation of rows of states (Ba et al. 2016): over all states of one time step.

    unit = (x - mean(x)) / sqrt(variance(x) + 1e-5)      z = gain * unit + bias

A row has a block of whole vectors for each direction; what fills it up is 0, and is left out.
"""

from __future__ import annotations

import math

from sklstm._kernels.jit import device
from sklstm._kernels.layer_norm import EPSILON
from sklstm._kernels.simd import below, fma, lane_sum, lanes, load, spread, store


@device
def row_norm_forward(x, gain, bias, n_units, n_hidden, unit, to_unit, z):
    """Normalise rows.

    (in) x (n_rows, stride): in the first columns blocks of n_hidden, n_units of them used
    (in) gain, bias (n_states,): as the blocks, filled up with 0
    (out) unit (n_rows, n_states), to_unit (n_rows,): 1 / deviation, for `row_norm_backward`
    (out) z (n_rows, > n_states): the result and a column of 1, for the bias of a linear map
    """
    width = lanes(x)
    n_rows, stride = x.shape
    n_states, z_stride = gain.size, z.shape[1]
    share = 1.0 / (n_states // n_hidden * n_units)
    for r in range(n_rows):
        sums, squares = spread(x, 0.0), spread(x, 0.0)
        for j in range(0, n_states, width):
            sums = sums + load(x, r * stride + j)
        mean = spread(x, lane_sum(sums) * share)
        for j in range(0, n_states, width):
            deviation = (load(x, r * stride + j) - mean) * below(x, n_units - j % n_hidden)
            squares = fma(deviation, deviation, squares)
            store(unit, r * n_states + j, deviation)
        to_unit[r] = 1.0 / math.sqrt(lane_sum(squares) * share + EPSILON)
        factor = spread(x, to_unit[r])
        for j in range(0, n_states, width):
            normal = load(unit, r * n_states + j) * factor
            store(unit, r * n_states + j, normal)
            store(z, r * z_stride + j, fma(normal, load(gain, j), load(bias, j)))
        z[r, n_states] = 1.0


@device
def row_norm_backward(unit, to_unit, gain, n_units, n_hidden, dz, dx, dgain, dbias):
    """Gradient of `row_norm_forward`.

    (in) unit (n_rows, n_states), to_unit (n_rows,): as the forward pass left them
    (in) gain (n_states,), n_units, n_hidden
    (in) dz (n_rows, >= n_states)
    (accum) dx (n_rows, >= n_states), dgain, dbias (n_states,)
    """
    width = lanes(dz)
    n_rows, n_states = unit.shape
    stride, x_stride = dz.shape[1], dx.shape[1]
    share = 1.0 / (n_states // n_hidden * n_units)
    for r in range(n_rows):
        sums, products = spread(dz, 0.0), spread(dz, 0.0)
        for j in range(0, n_states, width):
            slope = load(dz, r * stride + j) * load(gain, j)
            sums = sums + slope
            products = fma(slope, load(unit, r * n_states + j), products)
        mean = spread(dz, lane_sum(sums) * share)
        along = spread(dz, lane_sum(products) * share)
        factor = spread(dz, to_unit[r])
        for j in range(0, n_states, width):
            of_z, normal = load(dz, r * stride + j), load(unit, r * n_states + j)
            slope = (of_z * load(gain, j) - mean - normal * along) * factor
            slope = slope * below(dz, n_units - j % n_hidden)
            store(dx, r * x_stride + j, load(dx, r * x_stride + j) + slope)
            store(dgain, j, fma(of_z, normal, load(dgain, j)))
            store(dbias, j, load(dbias, j) + of_z)
