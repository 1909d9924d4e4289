"""Convolutions over time: before the recurrent layers, or beside them.

The sequences of a chunk are laid out as one long *series*, one after the other with zeros
between them. A window of a convolution is then a contiguous stretch of memory, and the windows
of all steps are the rows of a matrix, which overlap: a layer is one matrix product, and nothing
is copied. Between the sequences the product gives rows that nobody reads.

With a stride the last window of a sequence ends with its last step, as the last patch does. So
sequences are placed by their last rows: multiples of all strides, so that the series of a later
layer is the same with fewer rows. By how many times fewer is called `shrink`.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from sklstm._kernels.jit import FALSE, ONE, TRUE, device, kernel
from sklstm._kernels.simd import (
    PANEL,
    add,
    address,
    copy,
    fill,
    fma,
    gemm,
    lanes,
    load,
    matrix,
    not_below,
    span,
    spread,
    store,
    tanh,
    where_equal,
)

# Rows of a block in the backward pass: its operands stay in the first-level cache.
_BLOCK_ROWS = 96
# Added to the variance, as in torch.
_EPSILON = 1e-5


class Stack(NamedTuple):
    """Convolutions one upon the other: shapes, and where their parts are in the flat vectors."""

    product: int  # address of the matrix product
    pooled: bool  # the output is the mean over time of each sequence, else every step
    layers: Any  # int64 (n_layers, 12): the columns below


# Columns of Stack.layers
N_INPUTS = 0  # columns of the input: channels of x, then whole vectors
N_FILTERS = 1  # columns of the output, in whole vectors
WIDTH = 2  # steps in a window
BEFORE = 3  # of them, steps before the one that the window is for
STRIDE = 4
SQUASHED = 5  # 1 for tanh, 0 for ReLU
NORMALISED = 6  # whether batch normalisation stands between product and activation
PACKED = 7  # of weight, transposed weight and `learned` in the packed parameters
GRADIENT = 10  # of weight and `learned` in the packed gradient

# Columns of `places` (n_layers + 1, 4): where the arrays of a layer begin in the flat workspace;
# row 0 is the input's.
Y = 0  # (n, n_filters): output
DY = 1  # its gradient
Z = 2  # (n, n_filters): what the product gives
AFFINE = 3  # (4, n_filters): see `batch_norm_forward`


@device
def _rows(lengths, last, shrink, r):
    """First row of a sequence in a series that is shorter by `shrink`, and the row after it."""
    end = last[r] // shrink + 1
    return end - (lengths[r] + shrink - 1) // shrink, end


@device
def _lay_out(x, starts, lengths, last, shrink, series):
    """series (n, n_columns) = x (n_rows, >= n_columns) of a packed batch, zeros between."""
    n = series.shape[1]
    before = 0
    for r in range(lengths.size + 1):
        first, end = series.shape[0], 0
        if r < lengths.size:
            first, end = _rows(lengths, last, shrink, r)
        between = span(series, before * n, (first - before) * n)
        for j in range(between.size):
            between[j] = 0.0
        for t in range(end - first):
            source = span(x, (starts[t] + r) * x.shape[1], n)
            row = span(series, (first + t) * n, n)
            for j in range(n):
                row[j] = source[j]
        before = end


@device
def _collect(series, starts, lengths, last, shrink, x):
    """x (n_rows, n_columns) of a packed batch = series (n, n_columns), in whole vectors."""
    n = series.shape[1]
    for r in range(lengths.size):
        first, end = _rows(lengths, last, shrink, r)
        for t in range(end - first):
            copy(series, (first + t) * n, x, (starts[t] + r) * n, n)


@device
def _clear_between(lengths, last, shrink, series):
    """Zeros between the sequences: series (n, n_columns), in whole vectors."""
    n = series.shape[1]
    before = 0
    for r in range(lengths.size):
        first, end = _rows(lengths, last, shrink, r)
        fill(series, before * n, (first - before) * n, 0.0)
        before = end
    fill(series, before * n, (series.shape[0] - before) * n, 0.0)


@device
def convolution_forward(product, before, stride, width, lengths, last, shrink, x, weight, z):
    """
    (in) product: `gemm_address` of the dtype
    (in) before, stride, width: window i is rows i * stride - before to ... + width of x
    (in) lengths, last (n_sequences,): steps and last rows at the input of the stack
    (in) shrink: of the output
    (in) x (n, n_inputs): series, zeros between the sequences
    (in) weight: panels of a matrix (width * n_inputs, n_filters)
    (out) z (n / stride, n_filters): series; between the sequences there is anything
    """
    n_inputs, n_filters, lane = x.shape[1], z.shape[1], lanes(z)
    first, _ = _rows(lengths, last, shrink, 0)
    _, end = _rows(lengths, last, shrink, lengths.size - 1)
    gemm(
        product, address(x, (first * stride - before) * n_inputs), stride * n_inputs, ONE,
        address(weight, 0), width * n_inputs * PANEL * lane, PANEL * lane,
        address(z, first * n_filters), n_filters,
        end - first, n_filters // lane, width * n_inputs, FALSE,
    )  # fmt: skip


@device
def convolution_backward(
    product, before, stride, width, lengths, last, shrink, x, transposed, dz, need_dx, dx, dweight
):
    """Gradient of `convolution_forward`.

    (in) transposed: for each step of the window panels of a matrix (n_filters, n_inputs)
    (in) dz (n / stride, n_filters): series, zeros between the sequences
    (out) dx (n, n_inputs in whole vectors), if `need_dx`; between the sequences anything
    (accum) dweight (width * n_inputs, n_filters)
    """
    n_inputs, n_filters, n_dx, lane = x.shape[1], dz.shape[1], dx.shape[1], lanes(dz)
    panels = (n_dx + PANEL * lane - 1) // (PANEL * lane)
    first, _ = _rows(lengths, last, shrink, 0)
    _, end = _rows(lengths, last, shrink, lengths.size - 1)
    if need_dx:
        fill(dx, 0, dx.size, 0.0)
    for top in range(first, end, _BLOCK_ROWS):
        n = min(_BLOCK_ROWS, end - top)
        window = top * stride - before
        gemm(
            product, address(x, window * n_inputs), ONE, stride * n_inputs,
            address(dz, top * n_filters), PANEL * lane, n_filters,
            address(dweight, 0), n_filters,
            width * n_inputs, n_filters // lane, n, TRUE,
        )  # fmt: skip
        for step in range(width if need_dx else 0):
            gemm(
                product, address(dz, top * n_filters), n_filters, ONE,
                address(transposed, step * panels * n_filters * PANEL * lane),
                n_filters * PANEL * lane, PANEL * lane,
                address(dx, (window + step) * n_dx), stride * n_dx,
                n, n_dx // lane, n_filters, TRUE,
            )  # fmt: skip


@device
def _weight_of_steps(row_weight, lengths, shrink):
    """Sum of the weights of all steps."""
    total = 0.0
    for r in range(lengths.size):
        total += float(row_weight[r]) * ((lengths[r] + shrink - 1) // shrink)
    return total


@device
def batch_norm_forward(row_weight, lengths, last, shrink, z, learned, batch, affine, statistics):
    """What batch normalisation does to every step, as scale and shift of each channel.

    (in) row_weight (n_sequences,): weight of each step of a sequence in the statistics
    (in) z (n, n_filters): series
    (in) learned (4, n_filters): shift, scale, running mean and running variance
    (in) batch: normalise by the statistics of z, over the sequences' steps, else by the
         running ones
    (out) affine (4, n_filters): scale and shift, so that the result is z * scale + shift; mean
          and inverse deviation
    (out) statistics (2, n_filters), if `batch`: mean and variance of z
    """
    n, lane = z.shape[1], lanes(z)
    total = _weight_of_steps(row_weight, lengths, shrink) if batch else 1.0
    for j in range(0, n if batch else 0, lane):
        mean, variance = spread(z, 0.0), spread(z, 0.0)
        for r in range(lengths.size):
            first, end = _rows(lengths, last, shrink, r)
            of_sequence = spread(z, 0.0)
            for at in range(first * n + j, end * n, n):
                of_sequence = of_sequence + load(z, at)
            mean = fma(of_sequence, spread(z, row_weight[r] / total), mean)
        for r in range(lengths.size):
            first, end = _rows(lengths, last, shrink, r)
            of_sequence = spread(z, 0.0)
            for at in range(first * n + j, end * n, n):
                deviation = load(z, at) - mean
                of_sequence = fma(deviation, deviation, of_sequence)
            variance = fma(of_sequence, spread(z, row_weight[r] / total), variance)
        store(statistics, j, mean)
        store(statistics, n + j, variance)
    for j in range(n):
        mean_j, variance_j = learned[2, j], learned[3, j]
        if batch:
            mean_j, variance_j = statistics[0, j], statistics[1, j]
        inverse = 1.0 / math.sqrt(variance_j + _EPSILON)
        affine[0, j] = learned[1, j] * inverse
        affine[1, j] = learned[0, j] - mean_j * affine[0, j]
        affine[2, j] = mean_j
        affine[3, j] = inverse


@device
def batch_norm_backward(row_weight, lengths, last, shrink, z, affine, dy, dlearned):
    """Gradient of `batch_norm_forward` by the statistics of z, and of what it learns.

    (in) row_weight, lengths, last, shrink, z, affine: as the forward pass had and left them
    (accum) dy (n, n_filters): gradient of z * scale + shift, then of z
    (accum) dlearned (4, n_filters): of shift and scale
    """
    n, lane = z.shape[1], lanes(z)
    total = _weight_of_steps(row_weight, lengths, shrink)
    for j in range(0, n, lane):
        scale, mean, inverse = load(affine, j), load(affine, 2 * n + j), load(affine, 3 * n + j)
        of_shift, of_scale = spread(z, 0.0), spread(z, 0.0)
        for r in range(lengths.size):
            first, end = _rows(lengths, last, shrink, r)
            for at in range(first * n + j, end * n, n):
                slope = load(dy, at)
                of_shift = of_shift + slope
                of_scale = fma(slope, (load(z, at) - mean) * inverse, of_scale)
        store(dlearned, j, load(dlearned, j) + of_shift)
        store(dlearned, n + j, load(dlearned, n + j) + of_scale)
        for r in range(lengths.size):
            first, end = _rows(lengths, last, shrink, r)
            share = spread(z, row_weight[r] / total)
            for at in range(first * n + j, end * n, n):
                unit = (load(z, at) - mean) * inverse
                by_statistics = fma(unit, of_scale, of_shift) * share
                store(dy, at, scale * (load(dy, at) - by_statistics))


@device
def _activate(squashed, lengths, last, shrink, z, affine, y):
    """y = activation(z * scale + shift), zeros between the sequences."""
    n, lane = z.shape[1], lanes(z)
    _clear_between(lengths, last, shrink, y)
    zero = spread(z, 0.0)
    for r in range(lengths.size):
        first, end = _rows(lengths, last, shrink, r)
        for row in range(first * n, end * n, n):
            for j in range(0, n, lane):
                value = fma(load(z, row + j), load(affine, j), load(affine, n + j))
                if squashed:
                    store(y, row + j, tanh(value))
                else:
                    store(y, row + j, not_below(zero, value))


@device
def _activate_backward(squashed, lengths, last, shrink, y, dy):
    """(accum) dy: gradient of y, then of what was activated; zeros between the sequences."""
    n = y.shape[1]
    _clear_between(lengths, last, shrink, dy)
    zero = spread(y, 0.0)
    for r in range(lengths.size):
        first, end = _rows(lengths, last, shrink, r)
        for at in range(first * n, end * n, lanes(y)):
            now, slope = load(y, at), load(dy, at)
            if squashed:
                store(dy, at, slope * (1.0 - now * now))
            else:
                store(dy, at, where_equal(now, zero, zero, slope))


@device
def _series(stack, flat, places, n_rows, layer, kind):
    """Y, DY or Z of a layer as (rows, columns), and by how much it is shorter than the input."""
    shrink = 1
    for k in range(layer):
        shrink *= stack.layers[k, STRIDE]
    n = stack.layers[0, N_INPUTS]
    if layer > 0:
        n = stack.layers[layer - 1, N_FILTERS]
    elif kind == DY:
        n = (n + lanes(flat) - 1) // lanes(flat) * lanes(flat)
    return matrix(flat, places[layer, kind], n_rows // shrink, n), shrink


@kernel
def convolutions_forward(
    stack, x, starts, lengths, row_weight, batch, last, n_rows, packed, places, out_starts,
    flat, statistics, out,
):  # fmt: skip
    """All layers of a stack.

    (in) x (n_steps, n_channels), starts (n_timesteps + 1,), lengths (n_sequences,): packed
    (in) row_weight (n_sequences,), batch: see `batch_norm_forward`
    (in) last (n_sequences,): last row of each sequence in the series of the input
    (in) n_rows: of this series, the zeros before, between and behind the sequences included
    (in) packed: parameters
    (in) places (n_layers + 1, 4): where the layers' arrays begin in flat
    (in) out_starts: starts of the packed output, if not pooled
    (out) flat: workspace
    (out) statistics: (2, n_filters) of each normalised layer, one behind the other, if `batch`
    (out) out: (n_sequences, n_filters) if pooled, else (n_steps, n_filters)
    """
    y, shrink = _series(stack, flat, places, n_rows, 0, Y)
    _lay_out(x, starts, lengths, last, shrink, y)
    at = 0
    for layer in range(stack.layers.shape[0]):
        shape = stack.layers[layer]
        source = y
        y, shrink = _series(stack, flat, places, n_rows, layer + 1, Y)
        z, _ = _series(stack, flat, places, n_rows, layer + 1, Z)
        n = z.shape[1]
        convolution_forward(
            stack.product, shape[BEFORE], shape[STRIDE], shape[WIDTH], lengths, last, shrink,
            source, span(packed, shape[PACKED], 0), z,
        )  # fmt: skip
        learned = matrix(packed, shape[PACKED + 2], 4 if shape[NORMALISED] else 1, n)
        affine = matrix(flat, places[layer + 1, AFFINE], 4, n)
        if shape[NORMALISED]:
            of_layer = matrix(statistics, at, 2, n)
            batch_norm_forward(
                row_weight, lengths, last, shrink, z, learned, batch, affine, of_layer
            )
            at += 2 * n
        else:
            fill(affine, 0, n, 1.0)
            copy(learned, 0, affine, n, n)
        _activate(shape[SQUASHED] != 0, lengths, last, shrink, z, affine, y)
    if not stack.pooled:
        _collect(y, out_starts, lengths, last, shrink, out)
        return
    n = y.shape[1]
    for r in range(lengths.size):
        first, end = _rows(lengths, last, shrink, r)
        share = spread(y, 1.0 / (end - first))
        for j in range(0, n, lanes(y)):
            total = spread(y, 0.0)
            for row in range(first * n + j, end * n, n):
                total = total + load(y, row)
            store(out, r * n + j, total * share)


@kernel
def convolutions_backward(
    stack, starts, lengths, row_weight, last, n_rows, packed, places, out_starts, need_dx,
    flat, dout, dx, dw,
):  # fmt: skip
    """Gradient of `convolutions_forward` by the statistics of the batch.

    (in) stack, starts, lengths, row_weight, last, n_rows, packed, places, out_starts: as before
    (accum) flat: as the forward pass left it
    (in) dout: gradient of out
    (out) dx (n_steps, n_channels in whole vectors), if need_dx;  (accum) dw
    """
    n_layers = stack.layers.shape[0]
    dy, shrink = _series(stack, flat, places, n_rows, n_layers, DY)
    n = dy.shape[1]
    if stack.pooled:
        for r in range(lengths.size):
            first, end = _rows(lengths, last, shrink, r)
            share = spread(dy, 1.0 / (end - first))
            for row in range(first * n, end * n, n):
                for j in range(0, n, lanes(dy)):
                    store(dy, row + j, load(dout, r * n + j) * share)
    else:
        _lay_out(dout, out_starts, lengths, last, shrink, dy)
    for layer in range(n_layers - 1, -1, -1):
        shape = stack.layers[layer]
        y, shrink = _series(stack, flat, places, n_rows, layer + 1, Y)
        z, _ = _series(stack, flat, places, n_rows, layer + 1, Z)
        source, _ = _series(stack, flat, places, n_rows, layer, Y)
        dsource, _ = _series(stack, flat, places, n_rows, layer, DY)
        n = z.shape[1]
        _activate_backward(shape[SQUASHED] != 0, lengths, last, shrink, y, dy)
        dlearned = matrix(dw, shape[GRADIENT + 1], 4 if shape[NORMALISED] else 1, n)
        if shape[NORMALISED]:
            affine = matrix(flat, places[layer + 1, AFFINE], 4, n)
            batch_norm_backward(row_weight, lengths, last, shrink, z, affine, dy, dlearned)
        else:
            for row in range(0, dy.size, n):
                add(dlearned, 0, dy, row, n)
        window = shape[WIDTH] * source.shape[1]
        convolution_backward(
            stack.product, shape[BEFORE], shape[STRIDE], shape[WIDTH], lengths, last, shrink,
            source, span(packed, shape[PACKED + 1], 0), dy, need_dx or layer > 0, dsource,
            matrix(dw, shape[GRADIENT], window, n),
        )  # fmt: skip
        dy = dsource
    if need_dx:
        _collect(dy, starts, lengths, last, 1, dx)
