"""Batch normalisation of a series, by statistics that the chunks of a minibatch share.

Each chunk writes what its own rows contribute. When all chunks have, each adds up what all have
written, in the same order, so all use the same statistics to the last bit. On the way back it is
the same with the sums of slopes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sklstm._kernels.jit import device, part
from sklstm._kernels.simd import add, address, called, fill, fma, lanes, load, spread, sqrt, store

# Added to the variance, as in torch.
EPSILON = 1e-5


class Together(NamedTuple):
    """The chunks that are normalised by the same statistics, as one of them sees them.

    Of each normalised layer, the statistics are (2, n_filters): mean and variance. `place` is
    where in n_statistics they begin.
    """

    chunk: int  # the number of this one
    weights: Any  # float64 (n_chunks, n_statistics): of all rows, at the place of each layer;
    # without chunks a layer is normalised by its running statistics
    parts: Any  # (n_chunks, 2, n_statistics): moments of its rows, and sums of their slopes; one
    # part at least
    statistics: Any  # (n_statistics,): of all chunks, once they are known
    arrived: Any  # int64 (n_chunks,): see `all_arrived`
    ready: Any  # int64 (1,): becomes 1 when the parameters are those to begin with
    patience: int


@device
def _weight_of_chunks(weights, place):
    """Sum the weights of the rows of all chunks."""
    total = 0.0
    for k in range(weights.shape[0]):
        total += weights[k, place]
    return total


@part
def batch_norm_moments(row_weight, first, n_steps, z, place, together):
    """Mean and variance of each channel over the sequences of this chunk.

    (in) row_weight (n_sequences,): weight of each step of a sequence in the statistics
    (in) first, n_steps (n_sequences,): first row and number of rows of each sequence
    (in) z (n_rows, n_filters)
    (out) together: weight and moments of this chunk
    """
    called()
    n, lane = z.shape[1], lanes(z)
    total = 0.0
    for r in range(first.size):
        total += float(row_weight[r]) * n_steps[r]
    together.weights[together.chunk, place] = total
    total = total if total > 0.0 else 1.0  # next to those of other chunks they may be too small
    parts, at = together.parts, 2 * together.chunk * together.statistics.size + place
    fill(address(parts, at), 2 * n, 0.0)
    for r in range(first.size):
        share = spread(z, row_weight[r] / total)
        for i in range(first[r], first[r] + n_steps[r]):
            for j in range(0, n, lane):
                store(parts, at + j, fma(load(z, i * n + j), share, load(parts, at + j)))
    for r in range(first.size):
        share = spread(z, row_weight[r] / total)
        for i in range(first[r], first[r] + n_steps[r]):
            for j in range(0, n, lane):
                deviation = load(z, i * n + j) - load(parts, at + j)
                variance = fma(deviation * deviation, share, load(parts, at + n + j))
                store(parts, at + n + j, variance)


@part
def batch_norm_forward(learned, place, together, affine):
    """Express batch normalisation as a scale and a shift of each channel.

    (in) learned (4, n_filters): shift, scale, running mean and running variance
    (in) together: weights and moments of all chunks;  (out) together.statistics
    (out) affine (4, n_filters): scale and shift, so that the result is z * scale + shift; then
          mean and inverse standard deviation
    """
    called()
    n, lane = learned.shape[1], lanes(learned)
    n_chunks, size = together.weights.shape[0], together.statistics.size
    total = _weight_of_chunks(together.weights, place)
    for j in range(0, n, lane):
        mean, variance = load(learned, 2 * n + j), load(learned, 3 * n + j)
        if n_chunks > 0:
            mean, variance = spread(learned, 0.0), spread(learned, 0.0)
            for k in range(n_chunks):
                share = spread(learned, together.weights[k, place] / total)
                mean = fma(load(together.parts, 2 * k * size + place + j), share, mean)
            for k in range(n_chunks):
                share = spread(learned, together.weights[k, place] / total)
                deviation = load(together.parts, 2 * k * size + place + j) - mean
                within = load(together.parts, 2 * k * size + place + n + j)
                variance = fma(fma(deviation, deviation, within), share, variance)
            store(together.statistics, place + j, mean)
            store(together.statistics, place + n + j, variance)
        inverse = 1.0 / sqrt(variance + EPSILON)
        scale = load(learned, n + j) * inverse
        store(affine, j, scale)
        store(affine, n + j, load(learned, j) - mean * scale)
        store(affine, 2 * n + j, mean)
        store(affine, 3 * n + j, inverse)


@part
def batch_norm_slopes(first, n_steps, z, affine, dy, place, together, dlearned):
    """Gradients of shift and scale, summed over the rows of this chunk.

    (in) first, n_steps, z, affine: as the forward pass read and left them
    (in) dy (n_rows, n_filters): gradient of z * scale + shift
    (out) together: the sums of this chunk
    (accum) dlearned (4, n_filters): gradients of shift and scale, in the first two rows
    """
    called()
    n, lane = z.shape[1], lanes(z)
    parts, at = together.parts, (2 * together.chunk + 1) * together.statistics.size + place
    fill(address(parts, at), 2 * n, 0.0)
    for r in range(first.size):
        for i in range(first[r], first[r] + n_steps[r]):
            for j in range(0, n, lane):
                slope = load(dy, i * n + j)
                unit = (load(z, i * n + j) - load(affine, 2 * n + j)) * load(affine, 3 * n + j)
                store(parts, at + j, load(parts, at + j) + slope)
                store(parts, at + n + j, fma(slope, unit, load(parts, at + n + j)))
    add(address(dlearned, 0), address(parts, at), 2 * n)


@part
def batch_norm_backward(row_weight, first, n_steps, z, affine, place, together, dy):
    """Gradient of `batch_norm_forward` by z, through the scale and through the statistics.

    (in) row_weight, first, n_steps, z, affine: as in the forward pass
    (in) together: weights and sums of all chunks
    (accum) dy (n_rows, n_filters): gradient of z * scale + shift, then of z
    """
    called()
    n, lane = z.shape[1], lanes(z)
    n_chunks, size = together.weights.shape[0], together.statistics.size
    total = _weight_of_chunks(together.weights, place)
    for j in range(0, n, lane):
        scale, mean, inverse = load(affine, j), load(affine, 2 * n + j), load(affine, 3 * n + j)
        of_shift, of_scale = spread(z, 0.0), spread(z, 0.0)
        for k in range(n_chunks):
            at = (2 * k + 1) * size + place + j
            of_shift = of_shift + load(together.parts, at)
            of_scale = of_scale + load(together.parts, at + n)
        for r in range(first.size):
            share = spread(z, row_weight[r] / total if n_chunks > 0 else 0.0)
            for i in range(first[r], first[r] + n_steps[r]):
                unit = (load(z, i * n + j) - mean) * inverse
                by_statistics = fma(unit, of_scale, of_shift) * share
                store(dy, i * n + j, scale * (load(dy, i * n + j) - by_statistics))
