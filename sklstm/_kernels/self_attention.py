"""Attention of the steps of a sequence to each other, with several heads (Vaswani et al. 2017).

    S = Q K' / sqrt(size of a head)      A = softmax(S), by rows      out = A V

The rows of a sequence stand together, one for each step, so that each head of each sequence is a
few matrix products, and none attends to a step outside its sequence. A is computed for a block
of rows at a time, and again in the backward pass, so that memory does not grow with the square of
the length (Dao et al. 2022).
"""

from __future__ import annotations

import math

from sklstm._kernels.activations import exp
from sklstm._kernels.gemm import PANEL, gemm
from sklstm._kernels.jit import FALSE, ONE, TRUE, device
from sklstm._kernels.simd import (
    address,
    below,
    fill,
    fma,
    lane_sum,
    lanes,
    load,
    not_below,
    spread,
    store,
)

# Steps whose weights are computed at a time.
QUERIES = 48


@device
def _transpose(source, first, at, n, size, out):
    """Write n rows from `first` on, of `size` values from column `at` on, as the columns of out.

    Columns that fill up the last vector are 0.
    """
    width = lanes(out)
    n_wide = (n + width - 1) // width * width
    for i in range(size):
        for j in range(n):
            out[i, j] = source[first + j, at + i]
        for j in range(n, n_wide):
            out[i, j] = 0.0


@device
def _by_columns(product, rows, start, columns, m, n_wide, scores):
    """Write the products of m rows of one head with the columns of `_transpose`.

    (in) rows (n_rows, n_columns): the head's values of the first row are at `start`, flat
    (in) columns (size, >= n_wide)
    (out) scores (>= m, >= n_wide)
    """
    width = lanes(rows)
    gemm(
        product, address(rows, start), rows.shape[1], ONE,
        address(columns, 0), PANEL * width, columns.shape[1],
        address(scores, 0), scores.shape[1],
        m, n_wide // width, columns.shape[0], FALSE,
    )  # fmt: skip


@device
def _softmax(scores, r, n, n_wide, scale, kept, row_of_kept, head):
    """Turn a row of scores into weights, 0 from column n on; keep its maximum and its share."""
    width, row = lanes(scores), r * scores.shape[1]
    for j in range(n, n_wide):
        scores[r, j] = -math.inf
    tops = spread(scores, -math.inf)
    for j in range(0, n_wide, width):
        tops = not_below(tops, load(scores, row + j))
    store(scores, row + n_wide, tops)  # there is room for one vector more
    highest = scores[r, n_wide]
    for j in range(n_wide + 1, n_wide + width):
        highest = max(highest, scores[r, j])
    kept[row_of_kept, 2 * head] = highest
    kept[row_of_kept, 2 * head + 1] = 1.0
    _weights(scores, r, n, n_wide, scale, kept, row_of_kept, head)
    sums = spread(scores, 0.0)
    for j in range(0, n_wide, width):
        sums = sums + load(scores, row + j)
    kept[row_of_kept, 2 * head + 1] = 1.0 / lane_sum(sums)
    share = spread(scores, kept[row_of_kept, 2 * head + 1])
    for j in range(0, n_wide, width):
        store(scores, row + j, load(scores, row + j) * share)


@device
def _weights(scores, r, n, n_wide, scale, kept, row_of_kept, head):
    """Turn a row of scores into weights by the maximum and the share that `_softmax` found."""
    width, row = lanes(scores), r * scores.shape[1]
    highest = spread(scores, kept[row_of_kept, 2 * head])
    share = spread(scores, kept[row_of_kept, 2 * head + 1])
    factor = spread(scores, scale)
    for j in range(0, n_wide, width):
        power = exp((load(scores, row + j) - highest) * factor) * share
        store(scores, row + j, power * below(scores, n - j))


@device
def self_attention_forward(
    product, lengths, qkv, n_heads, size, scale, causal, keys, scores, softmax, out
):
    """Let every step of a sequence read the values of all steps, or of those up to it.

    (in) product: `gemm_address` of the dtype
    (in) lengths (n_sequences,): rows of each sequence; they stand one after another
    (in) qkv (n_rows, odd_lines): queries, keys and values (3, n_heads, head_width)
    (in) size: of a head, without what fills up its head_width
    (in) scale: 1 / sqrt(size);  causal: whether a step reads only steps up to it
    (out) keys (size, n_timesteps in whole vectors), scores (QUERIES, at least a vector more):
          workspace
    (out) softmax (n_rows, n_heads, 2), flat in a row: for the backward pass
    (out) out (n_rows, > n_heads * head_width): the result and a column of 1, as `row_norm_forward`
    """
    width = lanes(qkv)
    stride, score_stride, out_stride = qkv.shape[1], scores.shape[1], out.shape[1]
    head_width = (size + width - 1) // width * width
    n_attended = n_heads * head_width
    begin = 0
    for s in range(lengths.size):
        n = lengths[s]
        for r in range(begin, begin + n):
            out[r, n_attended] = 1.0
        for head in range(n_heads):
            at = head * head_width
            _transpose(qkv, begin, n_attended + at, n, size, keys)
            for first in range(0, n, QUERIES):
                m = min(QUERIES, n - first)
                seen = first + m if causal else n
                n_wide = (seen + width - 1) // width * width
                top = begin + first
                _by_columns(product, qkv, top * stride + at, keys, m, n_wide, scores)
                for r in range(m):
                    n_read = first + r + 1 if causal else n
                    _softmax(scores, r, n_read, n_wide, scale, softmax, top + r, head)
                gemm(
                    product, address(scores, 0), score_stride, ONE,
                    address(qkv, begin * stride + 2 * n_attended + at), PANEL * width, stride,
                    address(out, top * out_stride + at), out_stride,
                    m, head_width // width, seen, FALSE,
                )  # fmt: skip
        begin += n


@device
def self_attention_backward(
    product, lengths, qkv, n_heads, size, scale, causal, softmax, dout, keys, values, scores,
    dscores, dqkv,
):  # fmt: skip
    """Gradient of `self_attention_forward`.

    (in) product, lengths, qkv, n_heads, size, scale, causal, softmax: as the forward pass had them
    (in) dout (n_rows, >= n_heads * head_width)
    (out) keys, values (size, n_timesteps in whole vectors), scores, dscores (QUERIES, at least a
          vector more): workspace
    (out) dqkv (n_rows, odd_lines)
    """
    width = lanes(qkv)
    stride, score_stride, out_stride = qkv.shape[1], scores.shape[1], dout.shape[1]
    head_width = (size + width - 1) // width * width
    n_attended = n_heads * head_width
    fill(address(dqkv, 0), dqkv.size, 0.0)
    begin = 0
    for s in range(lengths.size):
        n = lengths[s]
        for head in range(n_heads):
            at = head * head_width
            _transpose(qkv, begin, n_attended + at, n, size, keys)
            _transpose(qkv, begin, 2 * n_attended + at, n, size, values)
            for first in range(0, n, QUERIES):
                m = min(QUERIES, n - first)
                seen = first + m if causal else n
                n_wide = (seen + width - 1) // width * width
                top = begin + first
                _by_columns(product, qkv, top * stride + at, keys, m, n_wide, scores)
                _by_columns(product, dout, top * out_stride + at, values, m, n_wide, dscores)
                for r in range(m):
                    n_read = first + r + 1 if causal else n
                    _weights(scores, r, n_read, n_wide, scale, softmax, top + r, head)
                    _softmax_backward(scores, r, n_wide, scale, dscores)
                gemm(
                    product, address(dscores, 0), score_stride, ONE,
                    address(qkv, begin * stride + n_attended + at), PANEL * width, stride,
                    address(dqkv, top * stride + at), stride,
                    m, head_width // width, seen, FALSE,
                )  # fmt: skip
                gemm(
                    product, address(dscores, 0), ONE, score_stride,
                    address(qkv, top * stride + at), PANEL * width, stride,
                    address(dqkv, begin * stride + n_attended + at), stride,
                    seen, head_width // width, m, TRUE,
                )  # fmt: skip
                gemm(
                    product, address(scores, 0), ONE, score_stride,
                    address(dout, top * out_stride + at), PANEL * width, out_stride,
                    address(dqkv, begin * stride + 2 * n_attended + at), stride,
                    seen, head_width // width, m, TRUE,
                )  # fmt: skip
        begin += n


@device
def _softmax_backward(weights, r, n_wide, scale, dscores):
    """Turn a row of the gradient of the weights into that of the products of Q and K."""
    width, row = lanes(weights), r * weights.shape[1]
    along = spread(weights, 0.0)
    for j in range(0, n_wide, width):
        along = fma(load(weights, row + j), load(dscores, row + j), along)
    mean, factor = spread(weights, lane_sum(along)), spread(weights, scale)
    for j in range(0, n_wide, width):
        slope = load(weights, row + j) * (load(dscores, row + j) - mean)
        store(dscores, row + j, slope * factor)
