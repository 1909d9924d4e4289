"""Convolutions over time, before the recurrent layers or parallel to them.

The sequences of a chunk are laid out as one long *series*, one after another, with rows of zeros
between them. Each window of a convolution is then a contiguous piece of memory, and the windows
of all steps form a matrix with overlapping rows, so a layer is one matrix product and nothing is
copied. `owner` holds the sequence that each row of a series belongs to, -1 for none.

With a stride, the last window of a sequence ends at its last step, as the last patch does. The
last row of every sequence is therefore placed at a multiple of all strides, so that the series of
a later layer is the same series with fewer rows.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from sklstm._kernels.activations import tanh
from sklstm._kernels.batch_norm import (
    batch_norm_backward,
    batch_norm_forward,
    batch_norm_moments,
    batch_norm_slopes,
)
from sklstm._kernels.gemm import PANEL, gemm
from sklstm._kernels.jit import FALSE, ONE, TRUE, device, kernel, part
from sklstm._kernels.simd import (
    add,
    address,
    called,
    copy,
    fill,
    fma,
    lanes,
    load,
    matrix,
    not_below,
    span,
    spread,
    store,
    where_equal,
)

# Rows per block in the backward pass: the operands of a block stay in the first-level cache.
_BLOCK_ROWS = 96
# Names of the activations; a layer has the index of one.
ACTIVATIONS = ("relu", "tanh", "identity")
RELU, TANH, IDENTITY = range(3)


class Stack(NamedTuple):
    """Shapes of stacked convolutions, and offsets of their parameters in the flat vectors."""

    product: int  # address of the matrix product
    pooled: bool  # the output is the mean over time of each sequence; else all time steps
    layers: Any  # int64 (n_layers, 14): the columns below


# Columns of Stack.layers
N_INPUTS = 0  # columns of the input: channels of x, then whole vectors
N_FILTERS = 1  # columns of the output, in whole vectors
WIDTH = 2  # steps in a window
BEFORE = 3  # how many of these precede the step that the window belongs to
STRIDE = 4
ACTIVATION = 5  # index into ACTIVATIONS
NORMALISED = 6  # whether there is batch normalisation between product and activation
DILATION = 7  # 0, or of a depthwise convolution the steps between two that a filter reads
PACKED = 8  # offsets of weight, transposed weight and `learned` in the packed parameters
GRADIENT = 11  # offsets of weight and `learned` in the packed gradient
PLACE = 13  # of its statistics, see `Together`


class Series(NamedTuple):
    """Layout of the series of a chunk: the input and the output of each layer."""

    n_steps: Any  # int64 (n_sequences,): steps in the output
    owner: Any  # int64, flat: sequence of each row of a series, -1 between sequences
    places: Any  # int64 (n_layers + 1, 8): the columns below; row 0 is the input


# Columns of Series.places: offsets of a layer's arrays in the flat workspace, ...
Y = np.intp(0)  # (n_rows, n_filters): output
DY = np.intp(1)  # its gradient
Z = np.intp(2)  # (n_rows, n_filters): result of the matrix product
AFFINE = np.intp(3)  # (4, n_filters): see `batch_norm_forward`
OWNER = np.intp(4)  # ... offset of its rows in owner and their number, ...
N_ROWS = np.intp(5)
FIRST = np.intp(6)  # ... first row of a sequence, and number of rows from there to the last one
N_LIVE = np.intp(7)


@part
def _mean(series, owner, n_steps, out):
    """Write the mean over the rows of each sequence to out (n_sequences, n_columns)."""
    called()
    n = series.shape[1]
    fill(address(out, 0), out.size, 0.0)
    for i in range(owner.size):
        r = owner[i]
        if r >= 0:
            share = spread(out, 1.0 / n_steps[r])
            for j in range(0, n, lanes(out)):
                store(out, r * n + j, fma(load(series, i * n + j), share, load(out, r * n + j)))


@part
def _mean_backward(dout, owner, n_steps, dseries):
    """Gradient of `_mean`; rows between sequences are undefined."""
    called()
    n = dseries.shape[1]
    for i in range(owner.size):
        r = owner[i] if owner[i] > 0 else 0
        share = spread(dout, 1.0 / n_steps[r])
        for j in range(0, n, lanes(dout)):
            store(dseries, i * n + j, load(dout, r * n + j) * share)


@part
def convolution_forward(product, before, stride, width, first, n_rows, x, weight, z):
    """Convolve a series over time, as one matrix product.

    (in) product: `gemm_address` of the dtype
    (in) before, stride, width: row i of z reads `width` rows of x from i * stride - before on
    (in) first, n_rows: first row of z to compute, and number of rows
    (in) x (n, n_inputs): series, zero between sequences
    (in) weight: panels of a matrix (width * n_inputs, n_filters)
    (out) z (n / stride, n_filters): series; rows between sequences are undefined
    """
    n_inputs, n_filters, lane = x.shape[1], z.shape[1], lanes(z)
    gemm(
        product, address(x, (first * stride - before) * n_inputs), stride * n_inputs, ONE,
        address(weight, 0), width * n_inputs * PANEL * lane, PANEL * lane,
        address(z, first * n_filters), n_filters,
        n_rows, n_filters // lane, width * n_inputs, FALSE,
    )  # fmt: skip


@part
def convolution_backward(
    product, before, stride, width, first, n_rows, x, transposed, dz, need_dx, need_dw, dx, dweight
):
    """Gradient of `convolution_forward`.

    (in) transposed: panels of a matrix (n_filters, n_inputs) for each step of the window
    (in) dz (n / stride, n_filters): series, zero between sequences
    (out) dx (n, n_inputs in whole vectors), if `need_dx`; rows between sequences are undefined
    (accum) dweight (width * n_inputs, n_filters), if `need_dw`
    """
    n_inputs, n_filters, n_dx, lane = x.shape[1], dz.shape[1], dx.shape[1], lanes(dz)
    n_panels = (n_dx + PANEL * lane - 1) // (PANEL * lane)
    if need_dx:
        fill(address(dx, 0), dx.size, 0.0)
    for top in range(first, first + n_rows, _BLOCK_ROWS):
        n = min(_BLOCK_ROWS, first + n_rows - top)
        window = top * stride - before
        if need_dw:
            gemm(
                product, address(x, window * n_inputs), ONE, stride * n_inputs,
                address(dz, top * n_filters), PANEL * lane, n_filters,
                address(dweight, 0), n_filters,
                width * n_inputs, n_filters // lane, n, TRUE,
            )  # fmt: skip
        for step in range(width if need_dx else 0):
            gemm(
                product, address(dz, top * n_filters), n_filters, ONE,
                address(transposed, step * n_panels * n_filters * PANEL * lane),
                n_filters * PANEL * lane, PANEL * lane,
                address(dx, (window + step) * n_dx), stride * n_dx,
                n, n_dx // lane, n_filters, TRUE,
            )  # fmt: skip


@part
def depthwise_forward(before, dilation, reverse, first, n_rows, x, weight, z):
    """Convolve each column of a series over time with a filter of its own.

    (in) before, dilation: row i of z reads the rows i - before, i - before + dilation, ... of x
    (in) reverse: whether the last row of weight comes first, as in the gradient of x
    (in) first, n_rows: first row of z to compute, and number of rows
    (in) x (n, n_columns): series, zero between sequences
    (in) weight (width, n_columns)
    (out) z (n, n_columns): series; rows between sequences are undefined
    """
    called()
    width, n, lane = weight.shape[0], z.shape[1], lanes(z)
    last = first + n_rows - 1
    for top in range(first, first + n_rows, 4):
        # a row behind the last is computed as the last one is
        places = (top, min(top + 1, last), min(top + 2, last), min(top + 3, last))
        for j in range(0, n, lane):
            a = b = c = d = spread(z, 0.0)
            for k in range(width):
                w = load(weight, ((width - 1 - k) if reverse else k) * n + j)
                shift = (k * dilation - before) * n + j
                a = fma(w, load(x, places[0] * n + shift), a)
                b = fma(w, load(x, places[1] * n + shift), b)
                c = fma(w, load(x, places[2] * n + shift), c)
                d = fma(w, load(x, places[3] * n + shift), d)
            store(z, places[0] * n + j, a)
            store(z, places[1] * n + j, b)
            store(z, places[2] * n + j, c)
            store(z, places[3] * n + j, d)


@part
def depthwise_backward(
    before, dilation, first, n_rows, x, weight, dz, need_dx, need_dw, dx, dweight
):  # fmt: skip
    """Gradient of `depthwise_forward`.

    (in) dz (n, n_columns): series, zero between sequences
    (out) dx (n, n_columns), if `need_dx`; rows between sequences are undefined
    (accum) dweight (width, n_columns), if `need_dw`
    """
    called()
    width, n, lane = weight.shape[0], dz.shape[1], lanes(dz)
    for k in range(0, width if need_dw else 0, 4):
        # a step behind the last is read as the last one is, and thrown away
        steps = (k, min(k + 1, width - 1), min(k + 2, width - 1), min(k + 3, width - 1))
        for j in range(0, n, lane):
            a, b = load(dweight, steps[0] * n + j), load(dweight, steps[1] * n + j)
            c, d = load(dweight, steps[2] * n + j), load(dweight, steps[3] * n + j)
            for i in range(first, first + n_rows):
                slope = load(dz, i * n + j)
                row = i - before
                a = fma(slope, load(x, (row + steps[0] * dilation) * n + j), a)
                b = fma(slope, load(x, (row + steps[1] * dilation) * n + j), b)
                c = fma(slope, load(x, (row + steps[2] * dilation) * n + j), c)
                d = fma(slope, load(x, (row + steps[3] * dilation) * n + j), d)
            store(dweight, steps[3] * n + j, d)
            store(dweight, steps[2] * n + j, c)
            store(dweight, steps[1] * n + j, b)
            store(dweight, steps[0] * n + j, a)
    if need_dx:
        behind = (width - 1) * dilation - before
        depthwise_forward(behind, dilation, TRUE, first, n_rows, dz, weight, dx)


@part
def _activate(activation, owner, z, affine, y):
    """y = activation(z * scale + shift), zero between sequences."""
    called()
    n = z.shape[1]
    zero = spread(z, 0.0)
    for i in range(owner.size):
        for j in range(0, n, lanes(z)):
            value = zero
            if owner[i] >= 0:
                value = fma(load(z, i * n + j), load(affine, j), load(affine, n + j))
                if activation == RELU:
                    value = not_below(zero, value)
                elif activation == TANH:
                    value = tanh(value)
            store(y, i * n + j, value)


@part
def _activate_backward(activation, owner, y, dy):
    """Turn dy from the gradient of y into that before the activation; zero between sequences."""
    called()
    n = y.shape[1]
    zero = spread(y, 0.0)
    for i in range(owner.size):
        for at in range(i * n, (i + 1) * n, lanes(y)):
            now, slope = load(y, at), zero
            if owner[i] >= 0:
                slope = load(dy, at)
                if activation == RELU:
                    slope = where_equal(now, zero, zero, slope)
                elif activation == TANH:
                    slope = slope * (1.0 - now * now)
            store(dy, at, slope)


@device
def _arrays(flat, series, layer, n):
    """Return owner, y, dy, z and affine of a layer with n columns, as views."""
    p = series.places
    owner = span(series.owner, p[layer, OWNER], p[layer, N_ROWS])
    y = matrix(flat, p[layer, Y], p[layer, N_ROWS], n)
    dy = matrix(flat, p[layer, DY], p[layer, N_ROWS], n)
    z = matrix(flat, p[layer, Z], p[layer, N_ROWS], n)
    return owner, y, dy, z, matrix(flat, p[layer, AFFINE], 4, n)


@kernel
def convolutions_forward(stack, series, row_weight, together, packed, flat, out, waiting):
    """Compute all layers of a stack, or as many as this chunk can without the others.

    (in) row_weight (n_sequences,): see `batch_norm_moments`
    (in) packed: parameters
    (in) waiting: the layer that the last call returned, at first -1
    (accum) together
    (accum) flat: workspace; y of row 0 of places is the input, zero between sequences, and
            y of the last row becomes the output
    (out) out (n_sequences, n_filters): mean over time of the output, if pooled
    returns the layer that waits for the moments of the other chunks: call again when all chunks
            have returned; or -1 at the end
    """
    places, n_chunks = series.places, together.weights.shape[0]
    for layer in range(max(waiting, 0), stack.layers.shape[0]):
        shape = stack.layers[layer]
        n = shape[N_FILTERS]
        owner, y, _, z, affine = _arrays(flat, series, layer + 1, n)
        first, n_rows = places[layer + 1, FIRST], places[layer + 1, N_LIVE]
        if layer != waiting:
            source = matrix(flat, places[layer, Y], places[layer, N_ROWS], shape[N_INPUTS])
            if shape[DILATION] > 0:
                weight = matrix(packed, shape[PACKED], shape[WIDTH], n)
                depthwise_forward(
                    shape[BEFORE], shape[DILATION], FALSE, first, n_rows, source, weight, z
                )
            else:
                convolution_forward(
                    stack.product, shape[BEFORE], shape[STRIDE], shape[WIDTH], first, n_rows,
                    source, span(packed, shape[PACKED], 0), z,
                )  # fmt: skip
            if shape[NORMALISED] and n_chunks > 0:
                batch_norm_moments(row_weight, owner, z, shape[PLACE], together)
                if n_chunks > 1:
                    return layer
        learned = matrix(packed, shape[PACKED + 2], 4 if shape[NORMALISED] else 1, n)
        if shape[NORMALISED]:
            batch_norm_forward(learned, shape[PLACE], together, affine)
        else:
            fill(address(affine, 0), n, 1.0)
            fill(address(affine, n), n, 0.0)
            if shape[ACTIVATION] != IDENTITY:  # which has no bias
                copy(address(learned, 0), address(affine, n), n)
        _activate(shape[ACTIVATION], owner, z, affine, y)
        if stack.pooled and layer == stack.layers.shape[0] - 1:
            _mean(y, owner, series.n_steps, out)
    return -1


@kernel
def convolutions_backward(
    stack, series, row_weight, together, packed, need_dx, need_dw, flat, dout, dw, waiting
):  # fmt: skip
    """Gradient of `convolutions_forward`, or as much of it as this chunk can without the others.

    (in) stack, series, row_weight, packed: as in the forward pass
    (in) waiting: the layer that the last call returned, at first -1
    (accum) together: as the forward pass left it
    (accum) flat: as the forward pass left it. If the output is not pooled, dy of the last row of
            places is its gradient. If `need_dx`, dy of row 0 becomes the gradient of the input;
            rows between sequences are undefined.
    (in) dout (n_sequences, n_filters): gradient of out, if pooled
    (in) need_dw: whether dw is wanted; else it is scratch, and its large products are left out
    (accum) dw: packed gradient
    returns the layer that waits for the slopes of the other chunks, or -1 at the end
    """
    places, n_chunks = series.places, together.weights.shape[0]
    top = stack.layers.shape[0] - 1
    for layer in range(waiting if waiting >= 0 else top, -1, -1):
        shape = stack.layers[layer]
        n = shape[N_FILTERS]
        owner, y, dz, z, affine = _arrays(flat, series, layer + 1, n)
        if layer != waiting:
            if stack.pooled and layer == top:
                _mean_backward(dout, owner, series.n_steps, dz)
            _activate_backward(shape[ACTIVATION], owner, y, dz)
            dlearned = matrix(dw, shape[GRADIENT + 1], 4 if shape[NORMALISED] else 1, n)
            if shape[NORMALISED]:
                batch_norm_slopes(owner, z, affine, dz, shape[PLACE], together, dlearned)
                if n_chunks > 1:
                    return layer
            elif shape[ACTIVATION] != IDENTITY:
                for i in range(owner.size):
                    add(address(dlearned, 0), address(dz, i * n), n)
        if shape[NORMALISED]:
            batch_norm_backward(row_weight, owner, z, affine, shape[PLACE], together, dz)
        n_inputs = shape[N_INPUTS]
        source = matrix(flat, places[layer, Y], places[layer, N_ROWS], n_inputs)
        n_wide = (n_inputs + lanes(flat) - 1) // lanes(flat) * lanes(flat)
        dsource = matrix(flat, places[layer, DY], places[layer, N_ROWS], n_wide)
        first, n_rows = places[layer + 1, FIRST], places[layer + 1, N_LIVE]
        if shape[DILATION] > 0:
            weight = matrix(packed, shape[PACKED], shape[WIDTH], n)
            dweight = matrix(dw, shape[GRADIENT], shape[WIDTH], n)
            depthwise_backward(
                shape[BEFORE], shape[DILATION], first, n_rows,
                source, weight, dz, need_dx or layer > 0, need_dw, dsource, dweight,
            )  # fmt: skip
        else:
            dweight = matrix(dw, shape[GRADIENT], shape[WIDTH] * n_inputs, n)
            convolution_backward(
                stack.product, shape[BEFORE], shape[STRIDE], shape[WIDTH], first, n_rows,
                source, span(packed, shape[PACKED + 1], 0), dz, need_dx or layer > 0, need_dw,
                dsource, dweight,
            )  # fmt: skip
    return -1
