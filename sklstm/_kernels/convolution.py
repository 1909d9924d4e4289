"""Convolutions over time, before the recurrent layers or parallel to them.

The sequences of a chunk are laid out as one long *series*, one after another, with rows of zeros
between them. Each window of a convolution is then a contiguous piece of memory, and the windows
of all steps of a sequence form a matrix with overlapping rows, so a layer is one matrix product for
each sequence, and nothing is copied.

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
from sklstm._kernels.meeting import all_arrived, arrive, reached
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
    """Layout of the series of a chunk. A level is the input, or the output of a layer."""

    n_steps: Any  # int64 (n_levels, n_sequences): steps of each sequence, ...
    first: Any  # int64 (n_levels, n_sequences): ... and the row of the first of them
    starts: Any  # int64 (n_timesteps + 1,): of the packed batch that is the input, ...
    out_starts: Any  # ... and that is the output, if it is not pooled
    places: Any  # int64 (n_levels, 5): the columns below


# Columns of Series.places: offsets of a layer's arrays in the flat workspace, ...
Y = np.intp(0)  # (n_rows, n_filters): output
DY = np.intp(1)  # its gradient
Z = np.intp(2)  # (n_rows, n_filters): result of the matrix product
AFFINE = np.intp(3)  # (4, n_filters): see `batch_norm_forward`
N_ROWS = np.intp(4)  # ... and the number of rows


@kernel
def lay_out_series(
    lengths, shrinks, gap, columns, of_affine, line, keep, n_steps, first, places
):  # fmt: skip
    """Lay the sequences of a chunk out as one long series on each level, with a gap after each.

    A sequence ends at a row that is a multiple of all strides. Without `keep`, input and output
    of a layer take turns in two places, and of z and affine there is one.

    (in) lengths (n_sequences,): of the input, the longest first
    (in) shrinks int64 (n_levels,): by how much the input is longer than each level
    (in) gap: rows of zeros between two sequences, at least, on every level
    (in) columns, of_affine int64 (n_levels,): columns of each level, and the size of its affine
    (in) line: values of a cache line, where each array begins
    (out) n_steps, first, places: see `Series`
    returns the size of the workspace
    """
    n_levels, stride = shrinks.size, shrinks[shrinks.size - 1]
    last = 0
    for r in range(lengths.size):
        n_last = (lengths[r] + stride - 1) // stride
        last += stride * (n_last + gap - (1 if r == 0 else 0))
        for level in range(n_levels):
            n_steps[level, r] = (lengths[r] + shrinks[level] - 1) // shrinks[level]
            first[level, r] = last // shrinks[level] + 1 - n_steps[level, r]
    total = largest = widest = 0
    for level in range(n_levels):
        places[level, N_ROWS] = (last + stride * (1 + gap)) // shrinks[level]
        size = (places[level, N_ROWS] * columns[level] + line - 1) // line * line
        largest, widest = max(largest, size), max(widest, of_affine[level])
        for array in (Y, DY, Z):
            places[level, array] = total + array * size
        places[level, AFFINE] = total + 3 * size
        total += 3 * size + of_affine[level]
    if keep:
        return total
    for level in range(n_levels):
        places[level, Y], places[level, DY] = level % 2 * largest, 0
        places[level, Z], places[level, AFFINE] = 2 * largest, 3 * largest
    return 3 * largest + widest


@part
def _write_series(packed_batch, starts, first, series):
    """Write a packed batch to a series, with zeros between the sequences."""
    called()
    fill(address(series, 0), series.size, 0.0)
    for t in range(starts.size - 1):
        for r in range(starts[t + 1] - starts[t]):
            for j in range(packed_batch.shape[1]):
                series[first[r] + t, j] = packed_batch[starts[t] + r, j]


@part
def _read_series(series, starts, first, packed_batch):
    """Write the sequences of a series to a packed batch."""
    called()
    for t in range(starts.size - 1):
        for r in range(starts[t + 1] - starts[t]):
            for j in range(packed_batch.shape[1]):
                packed_batch[starts[t] + r, j] = series[first[r] + t, j]


@part
def _clear_between(first, n_steps, series):
    """Set the rows of a series to zero that belong to no sequence."""
    called()
    n, row = series.shape[1], 0
    for r in range(first.size):
        fill(address(series, row * n), (first[r] - row) * n, 0.0)
        row = first[r] + n_steps[r]
    fill(address(series, row * n), (series.shape[0] - row) * n, 0.0)


@part
def _mean(series, first, n_steps, out):
    """Write the mean over the rows of each sequence to out (n_sequences, n_columns)."""
    called()
    n = series.shape[1]
    for r in range(first.size):
        share = spread(out, 1.0 / n_steps[r])
        for j in range(0, n, lanes(out)):
            mean = spread(out, 0.0)
            for i in range(first[r], first[r] + n_steps[r]):
                mean = fma(load(series, i * n + j), share, mean)
            store(out, r * n + j, mean)


@part
def _mean_backward(dout, first, n_steps, dseries):
    """Gradient of `_mean`; rows between sequences are undefined."""
    called()
    n = dseries.shape[1]
    for r in range(first.size):
        share = spread(dout, 1.0 / n_steps[r])
        for i in range(first[r], first[r] + n_steps[r]):
            for j in range(0, n, lanes(dout)):
                store(dseries, i * n + j, load(dout, r * n + j) * share)


@part
def convolution_forward(product, before, stride, width, first, n_rows, x, weight, z):
    """Convolve a series over time, as one matrix product.

    (in) product: `gemm_address` of the dtype
    (in) before, stride, width: row i of z reads `width` rows of x from i * stride - before on
    (in) first, n_rows: row of z of the first step of a sequence, and its steps
    (in) x (n, n_inputs): series, zero between sequences
    (in) weight: panels of a matrix (width * n_inputs, n_filters)
    (out) z (n / stride, n_filters): series, the rows of the sequence
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
    (in) dz (n / stride, n_filters): series
    (accum) dx (n, n_inputs in whole vectors), if `need_dx`; also rows between sequences
    (accum) dweight (width * n_inputs, n_filters), if `need_dw`
    """
    n_inputs, n_filters, n_dx, lane = x.shape[1], dz.shape[1], dx.shape[1], lanes(dz)
    n_panels = (n_dx + PANEL * lane - 1) // (PANEL * lane)
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
    (in) first, n_rows: row of z of the first step of a sequence, and its steps
    (in) x (n, n_columns): series, zero between sequences
    (in) weight (width, n_columns)
    (out) z (n, n_columns): series, the rows of the sequence
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
    (out) dx (n, n_columns), if `need_dx`: the rows of the sequence
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
def _activate(activation, first, n_steps, z, affine, y):
    """y = activation(z * scale + shift), zero between sequences."""
    called()
    n = z.shape[1]
    zero = spread(z, 0.0)
    for r in range(first.size):
        for i in range(first[r], first[r] + n_steps[r]):
            for j in range(0, n, lanes(z)):
                value = fma(load(z, i * n + j), load(affine, j), load(affine, n + j))
                if activation == RELU:
                    value = not_below(zero, value)
                elif activation == TANH:
                    value = tanh(value)
                store(y, i * n + j, value)


@part
def _activate_backward(activation, first, n_steps, y, dy):
    """Turn dy from the gradient of y into that before the activation."""
    called()
    n = y.shape[1]
    zero = spread(y, 0.0)
    for r in range(first.size):
        for at in range(first[r] * n, (first[r] + n_steps[r]) * n, lanes(y)):
            now, slope = load(y, at), load(dy, at)
            if activation == RELU:
                slope = where_equal(now, zero, zero, slope)
            elif activation == TANH:
                slope = slope * (1.0 - now * now)
            store(dy, at, slope)


@device
def _arrays(flat, series, level, n):
    """Return first rows, steps, y, dy, z and affine of a level with n columns, as views."""
    p = series.places
    y = matrix(flat, p[level, Y], p[level, N_ROWS], n)
    dy = matrix(flat, p[level, DY], p[level, N_ROWS], n)
    z = matrix(flat, p[level, Z], p[level, N_ROWS], n)
    affine = matrix(flat, p[level, AFFINE], 4, n)
    n_sequences = series.first.shape[1]
    first = span(series.first, level * n_sequences, n_sequences)
    n_steps = span(series.n_steps, level * n_sequences, n_sequences)
    return first, n_steps, y, dy, z, affine


@kernel
def convolutions_forward(stack, series, x, row_weight, together, packed, flat, out, waiting):
    """Compute all layers of a stack, or as many as this chunk can without the others.

    (in) x (n_rows, n_inputs): packed batch
    (in) row_weight (n_sequences,): see `batch_norm_moments`
    (in) packed: parameters
    (in) waiting: the layer that the last call returned, at first -1
    (accum) together: where the chunk arrives when it begins, too, so that others see it
    (accum) flat: workspace
    (out) out: the output as a packed batch (n_rows, n_filters); if pooled, its mean over time
          (n_sequences, n_filters)
    returns the layer that waits for the moments of other chunks, with which to call again; the
            number of layers if the first waits for the parameters; or -1 at the end
    """
    places, n_chunks, n_layers = series.places, together.weights.shape[0], stack.layers.shape[0]
    if waiting < 0 and n_chunks > 0:
        arrive(together.arrived, together.chunk)
    begins = waiting < 0 or waiting == n_layers
    if begins and not reached(together.ready, 0, 1, together.patience):
        return n_layers
    for layer in range(0 if begins else waiting, n_layers):
        shape = stack.layers[layer]
        n = shape[N_FILTERS]
        first, n_steps, y, _, z, affine = _arrays(flat, series, layer + 1, n)
        if layer != waiting:
            source = matrix(flat, places[layer, Y], places[layer, N_ROWS], shape[N_INPUTS])
            if layer == 0:
                _write_series(x, series.starts, series.first[0], source)
            weight = matrix(packed, shape[PACKED], shape[WIDTH], n)
            for r in range(first.size):
                if shape[DILATION] > 0:
                    depthwise_forward(
                        shape[BEFORE], shape[DILATION], FALSE, first[r], n_steps[r],
                        source, weight, z,
                    )  # fmt: skip
                else:
                    convolution_forward(
                        stack.product, shape[BEFORE], shape[STRIDE], shape[WIDTH],
                        first[r], n_steps[r], source, weight, z,
                    )  # fmt: skip
            if shape[NORMALISED] and n_chunks > 0:
                batch_norm_moments(row_weight, first, n_steps, z, shape[PLACE], together)
                arrive(together.arrived, together.chunk)
        if shape[NORMALISED] and not all_arrived(
            together.arrived, together.chunk, together.patience
        ):
            return layer
        learned = matrix(packed, shape[PACKED + 2], 4 if shape[NORMALISED] else 1, n)
        if shape[NORMALISED]:
            batch_norm_forward(learned, shape[PLACE], together, affine)
        else:
            fill(address(affine, 0), n, 1.0)
            fill(address(affine, n), n, 0.0)
            if shape[ACTIVATION] != IDENTITY:  # which has no bias
                copy(address(learned, 0), address(affine, n), n)
        _activate(shape[ACTIVATION], first, n_steps, z, affine, y)
        _clear_between(first, n_steps, y)
        if layer == n_layers - 1 and stack.pooled:
            _mean(y, first, n_steps, out)
        elif layer == n_layers - 1:
            _read_series(y, series.out_starts, first, out)
    return -1


@kernel
def convolutions_backward(
    stack, series, row_weight, together, packed, need_dx, need_dw, flat, dout, dx, dw, waiting
):  # fmt: skip
    """Gradient of `convolutions_forward`, or as much of it as this chunk can without the others.

    (in) stack, series, row_weight, packed: as in the forward pass
    (in) waiting: the layer that the last call returned, at first -1
    (accum) together, flat: as the forward pass left them
    (in) dout: gradient of out
    (in) need_dw: whether dw is wanted; else it is scratch, and its large products are left out
    (out) dx (n_rows, n_inputs in whole vectors): gradient of x, if `need_dx`
    (accum) dw: packed gradient
    returns the layer that waits for the slopes of other chunks, or -1 at the end
    """
    places, n_chunks, n_layers = series.places, together.weights.shape[0], stack.layers.shape[0]
    for layer in range(waiting if waiting >= 0 else n_layers - 1, -1, -1):
        shape = stack.layers[layer]
        n = shape[N_FILTERS]
        first, n_steps, y, dz, z, affine = _arrays(flat, series, layer + 1, n)
        if layer != waiting:
            if layer == n_layers - 1 and stack.pooled:
                _mean_backward(dout, first, n_steps, dz)
            elif layer == n_layers - 1:
                _write_series(dout, series.out_starts, first, dz)
            _activate_backward(shape[ACTIVATION], first, n_steps, y, dz)
            dlearned = matrix(dw, shape[GRADIENT + 1], 4 if shape[NORMALISED] else 1, n)
            if shape[NORMALISED]:
                batch_norm_slopes(first, n_steps, z, affine, dz, shape[PLACE], together, dlearned)
                if n_chunks > 0:
                    arrive(together.arrived, together.chunk)
            elif shape[ACTIVATION] != IDENTITY:
                for r in range(first.size):
                    for i in range(first[r], first[r] + n_steps[r]):
                        add(address(dlearned, 0), address(dz, i * n), n)
        if shape[NORMALISED]:
            if not all_arrived(together.arrived, together.chunk, together.patience):
                return layer
            batch_norm_backward(row_weight, first, n_steps, z, affine, shape[PLACE], together, dz)
        n_inputs, further = shape[N_INPUTS], need_dx or layer > 0
        n_wide = (n_inputs + lanes(flat) - 1) // lanes(flat) * lanes(flat)
        source = matrix(flat, places[layer, Y], places[layer, N_ROWS], n_inputs)
        dsource = matrix(flat, places[layer, DY], places[layer, N_ROWS], n_wide)
        weight = matrix(packed, shape[PACKED], shape[WIDTH], n)
        transposed = span(packed, shape[PACKED + 1], 0)
        if shape[DILATION] > 0:
            _clear_between(first, n_steps, dz)
        elif further:
            fill(address(dsource, 0), dsource.size, 0.0)
        for r in range(first.size):
            if shape[DILATION] > 0:
                dweight = matrix(dw, shape[GRADIENT], shape[WIDTH], n)
                depthwise_backward(
                    shape[BEFORE], shape[DILATION], first[r], n_steps[r],
                    source, weight, dz, further, need_dw, dsource, dweight,
                )  # fmt: skip
            else:
                dweight = matrix(dw, shape[GRADIENT], shape[WIDTH] * n_inputs, n)
                convolution_backward(
                    stack.product, shape[BEFORE], shape[STRIDE], shape[WIDTH],
                    first[r], n_steps[r], source, transposed, dz, further, need_dw,
                    dsource, dweight,
                )  # fmt: skip
    if need_dx:
        n_wide = dx.shape[1]
        dsource = matrix(flat, places[0, DY], places[0, N_ROWS], n_wide)
        _read_series(dsource, series.starts, series.first[0], dx)
    return -1
