"""Additive attention over time (Bahdanau et al. 2015): a weighted mean of a sequence's states.

    u_t = tanh(W y_t + b)      e_t = v . u_t      a = softmax(e)      features = sum_t a_t y_t

The softmax is over the time steps of each sequence. W y_t is computed for a block of rows at a
time; these rows may belong to any sequences and steps.
"""

from __future__ import annotations

import math

from sklstm._kernels.activations import tanh
from sklstm._kernels.gemm import PANEL, gemm
from sklstm._kernels.jit import FALSE, ONE, TRUE, device
from sklstm._kernels.simd import address, copy, fill, fma, lane_sum, lanes, load, spread, store

# Rows per matrix product: few enough that the next loop finds their projections in the cache.
BLOCK = 96


@device
def _scores(product, y, weight, bias, score_weight, keep, projected, scores):
    """Compute e for every row of y; projected holds u_t of all rows if `keep`, else of a block."""
    width = lanes(y)
    n_rows, wide = y.shape
    n_units, stride = bias.size, projected.shape[1]
    for first in range(0, n_rows, BLOCK):
        n = min(BLOCK, n_rows - first)
        top = first if keep else 0
        for r in range(top, top + n):
            copy(address(bias, 0), address(projected, r * stride), n_units)
        gemm(
            product, address(y, first * wide), wide, ONE,
            address(weight, 0), wide * PANEL * width, PANEL * width,
            address(projected, top * stride), stride,
            n, n_units // width, wide, TRUE,
        )  # fmt: skip
        for r in range(n):
            score = spread(y, 0.0)
            for j in range(0, n_units, width):
                place = (top + r) * stride + j
                u = tanh(load(projected, place))
                store(projected, place, u)
                score = fma(u, load(score_weight, j), score)
            scores[first + r] = lane_sum(score)


@device
def attention_forward(
    product, starts, lengths, y, weight, bias, score_weight, keep, projected, scores, features
):
    """Average the states of each sequence with attention weights.

    (in) product: `gemm_address` of the dtype
    (in) starts (n_timesteps + 1,), lengths (n_sequences,): of the packed batch
    (in) y (n_rows, n_states): all states
    (in) weight (panels of 4 vectors, n_states, 4 * lanes): W, transposed
    (in) bias, score_weight (n_units,): b and v
    (in) keep: whether `attention_backward` follows
    (out) projected (n_rows, odd_lines): u_t, if `keep`; else (>= min(BLOCK, n_rows), odd_lines)
    (out) scores (n_rows,): the weights a_t
    (out) features (n_sequences, >= n_states): written to the first n_states columns
    """
    width = lanes(y)
    n_states, stride = y.shape[1], features.shape[1]
    _scores(product, y, weight, bias, score_weight, keep, projected, scores)
    for r in range(lengths.size):
        highest = scores[r]
        for t in range(1, lengths[r]):
            highest = max(highest, scores[starts[t] + r])
        total = 0.0
        for t in range(lengths[r]):
            power = math.exp(scores[starts[t] + r] - highest)
            scores[starts[t] + r] = power
            total += power
        fill(address(features, r * stride), n_states, 0.0)
        for t in range(lengths[r]):
            row = starts[t] + r
            scores[row] /= total
            share = spread(y, scores[row])
            for j in range(0, n_states, width):
                state, place = load(y, row * n_states + j), r * stride + j
                store(features, place, fma(share, state, load(features, place)))


@device
def attention_backward(
    product, starts, lengths, y, weight, score_weight, scores, dfeatures, projected, dscores, dy,
    dweight,
):  # fmt: skip
    """Gradient of `attention_forward`.

    (in) product, starts, lengths, y, score_weight, scores: as the forward pass left them
    (in) weight (panels of 4 vectors, n_units, 4 * lanes): W
    (in) dfeatures (n_sequences, >= n_states)
    (in) projected (n_rows, odd_lines): u_t; overwritten by the gradient before tanh
    (out) dscores (n_rows,): gradient of e
    (out) dy (n_rows, n_states)
    (accum) dweight (n_states + 2, odd_lines): gradient of W transposed; below it those of b and v
    """
    width = lanes(y)
    n_rows, n_states = y.shape
    n_units, stride = score_weight.size, projected.shape[1]
    dstride = dfeatures.shape[1]
    for r in range(lengths.size):
        mean = 0.0
        for t in range(lengths[r]):
            row = starts[t] + r
            share, slope = spread(y, scores[row]), spread(y, 0.0)
            for j in range(0, n_states, width):
                of_feature = load(dfeatures, r * dstride + j)
                slope = fma(of_feature, load(y, row * n_states + j), slope)
                store(dy, row * n_states + j, share * of_feature)
            dscores[row] = lane_sum(slope)
            mean += scores[row] * dscores[row]
        for t in range(lengths[r]):
            row = starts[t] + r
            dscores[row] = scores[row] * (dscores[row] - mean)
    for first in range(0, n_rows, BLOCK):
        n = min(BLOCK, n_rows - first)
        for j in range(0, n_units, width):
            of_unit = load(score_weight, j)
            dbias, dscore_weight = spread(y, 0.0), spread(y, 0.0)
            for row in range(first, first + n):
                u, slope = load(projected, row * stride + j), spread(y, dscores[row])
                du = slope * of_unit * (1.0 - u * u)
                dbias, dscore_weight = dbias + du, fma(slope, u, dscore_weight)
                store(projected, row * stride + j, du)
            place = n_states * dweight.shape[1] + j
            store(dweight, place, load(dweight, place) + dbias)
            place += dweight.shape[1]
            store(dweight, place, load(dweight, place) + dscore_weight)
        gemm(
            product, address(projected, first * stride), stride, ONE,
            address(weight, 0), n_units * PANEL * width, PANEL * width,
            address(dy, first * n_states), n_states,
            n, n_states // width, n_units, TRUE,
        )  # fmt: skip
        gemm(
            product, address(y, first * n_states), ONE, n_states,
            address(projected, first * stride), PANEL * width, stride,
            address(dweight, 0), dweight.shape[1],
            n_states, n_units // width, n, TRUE,
        )  # fmt: skip


@device
def attention_step(
    product, h, weight, bias, score_weight, n_seen, projected, scores, average, log_total, features
):
    """Update the attention features of each stream with the states of one more step.

    (in) product, weight, bias, score_weight: as in `attention_forward`
    (in) h (n_streams, n_states): states of this step
    (in) n_seen (n_streams,): number of steps so far, including this one
    (out) projected, scores: workspace, as in `attention_forward` without `keep`
    (accum) average (n_streams, n_states): mean of the states, weighted by exp(e_t)
    (accum) log_total (n_streams, >= 1): logarithm of the sum of these weights, in column 0
    (out) features (n_streams, >= n_states): written to the first n_states columns
    """
    width = lanes(h)
    n_states = h.shape[1]
    _scores(product, h, weight, bias, score_weight, FALSE, projected, scores)
    for r in range(n_seen.size):
        log_before, score = log_total[r, 0], scores[r]
        if n_seen[r] == 1:
            log_total[r, 0] = score
        else:  # log(exp(log_before) + exp(score)), without overflow
            below = min(log_before, score) - max(log_before, score)
            log_total[r, 0] = max(log_before, score) + math.log1p(math.exp(below))
        share = spread(h, math.exp(score - log_total[r, 0]))
        for j in range(0, n_states, width):
            before = load(average, r * n_states + j)
            now = fma(share, load(h, r * n_states + j) - before, before)
            store(average, r * n_states + j, now)
            store(features, r * features.shape[1] + j, now)
