"""Pool the states of the last recurrent layer to one row of features for each sequence.

A row of features begins with those of ``[last | mean | max]`` that are switched on, each
(n_directions, n_hidden).
"""

from __future__ import annotations

import math

from sklstm._kernels.jit import part
from sklstm._kernels.simd import (
    add,
    address,
    copy,
    fill,
    fma,
    lanes,
    load,
    not_below,
    spread,
    store,
    where_equal,
)


@part
def final_forward(h, features):
    """Copy the final states of each sequence to its features.

    (in) h (n_directions, n_sequences, n_hidden): final states
    (out) features (n_sequences, >= n_directions * n_hidden): written to the first columns
    """
    n_directions, n_sequences, n_hidden = h.shape
    for r in range(n_sequences):
        for d in range(n_directions):
            state = (d * n_sequences + r) * n_hidden
            copy(
                address(h, state), address(features, r * features.shape[1] + d * n_hidden), n_hidden
            )


@part
def final_backward(dfeatures, dh):
    """Gradient of `final_forward`: (in) dfeatures, (accum) dh."""
    n_directions, n_sequences, n_hidden = dh.shape
    for r in range(n_sequences):
        for d in range(n_directions):
            state = (d * n_sequences + r) * n_hidden
            add(
                address(dh, state),
                address(dfeatures, r * dfeatures.shape[1] + d * n_hidden),
                n_hidden,
            )


@part
def pool_forward(last, mean, maximum, starts, lengths, h, y, features):
    """Compute final state, mean and maximum over time of each sequence.

    (in) last, mean, maximum: which of the three to compute
    (in) starts (n_timesteps + 1,), lengths (n_sequences,): of the packed batch
    (in) h (n_directions, n_sequences, n_hidden): final states
    (in) y (n_rows, n_directions * n_hidden): all states; read only for mean and maximum
    (out) features (n_sequences, >= kinds * n_directions * n_hidden): written to the first columns
    """
    width = lanes(h)
    n_directions, n_sequences, n_hidden = h.shape
    wide = n_directions * n_hidden
    stride = features.shape[1]
    at_mean = wide if last else 0
    at_max = at_mean + (wide if mean else 0)
    if last:
        final_forward(h, features)
    for r in range(n_sequences):
        if mean:
            fill(address(features, r * stride + at_mean), wide, 0.0)
        if maximum:
            fill(address(features, r * stride + at_max), wide, -math.inf)
    for t in range(starts.size - 1 if mean or maximum else 0):
        for r in range(starts[t + 1] - starts[t]):
            row, out = (starts[t] + r) * wide, r * stride
            share = spread(h, 1.0 / lengths[r])
            for j in range(0, wide, width):
                state = load(y, row + j)
                if mean:
                    place = out + at_mean + j
                    store(features, place, fma(state, share, load(features, place)))
                if maximum:
                    place = out + at_max + j
                    store(features, place, not_below(load(features, place), state))


@part
def pool_backward(last, mean, maximum, starts, lengths, y, features, dfeatures, dh, dy):
    """Gradient of `pool_forward`; of several equal maxima, the first step gets the gradient.

    (in) last, mean, maximum, starts, lengths, y, dfeatures
    (in) features: the columns of the maximum are overwritten
    (accum) dh (n_directions, n_sequences, n_hidden)
    (out) dy (n_rows, n_directions * n_hidden), if mean or maximum
    """
    width = lanes(dh)
    n_directions, _, n_hidden = dh.shape
    wide = n_directions * n_hidden
    stride, dstride = features.shape[1], dfeatures.shape[1]
    at_mean = wide if last else 0
    at_max = at_mean + (wide if mean else 0)
    zero = spread(dh, 0.0)
    # infinity marks a maximum that an earlier step has claimed: no later state equals it
    claimed = spread(dh, math.inf)
    if last:
        final_backward(dfeatures, dh)
    for t in range(starts.size - 1 if mean or maximum else 0):
        for r in range(starts[t + 1] - starts[t]):
            row = (starts[t] + r) * wide
            share = spread(dh, 1.0 / lengths[r])
            for j in range(0, wide, width):
                slope = zero
                if mean:
                    slope = load(dfeatures, r * dstride + at_mean + j) * share
                if maximum:
                    state, place = load(y, row + j), r * stride + at_max + j
                    highest = load(features, place)
                    gain = load(dfeatures, r * dstride + at_max + j)
                    slope = slope + where_equal(state, highest, gain, zero)
                    store(features, place, where_equal(state, highest, claimed, highest))
                store(dy, row + j, slope)
