"""From the states of the last recurrent layer to one row of features for each sequence.

A row of features begins with ``[last | mean | max]``, of those that are switched on, each
(n_directions, n_hidden).
"""

from __future__ import annotations

import math

from sklstm._kernels.jit import device
from sklstm._kernels.simd import fill, span


@device
def pool_forward(last, mean, maximum, starts, lengths, h, y, features):
    """
    (in) last, mean, maximum: which of the three are wanted
    (in) starts (n_timesteps + 1,), lengths (n_sequences,): of the packed batch
    (in) h (n_directions, n_sequences, n_hidden): final states
    (in) y (n_rows, n_directions * n_hidden): all states; read for mean and maximum only
    (out) features (n_sequences, >= kinds * n_directions * n_hidden): the first columns
    """
    n_directions, n_sequences, n_hidden = h.shape
    wide = n_directions * n_hidden
    at_mean = wide if last else 0
    at_max = at_mean + (wide if mean else 0)
    stride = features.shape[1]
    for r in range(n_sequences):
        if last:
            for d in range(n_directions):
                for j in range(n_hidden):
                    features[r, d * n_hidden + j] = h[d, r, j]
        fill(span(features, r * stride + at_mean, wide if mean else 0), 0.0)
        fill(span(features, r * stride + at_max, wide if maximum else 0), -math.inf)
    if not (mean or maximum):
        return
    for t in range(starts.size - 1):
        for r in range(starts[t + 1] - starts[t]):
            state = span(y, (starts[t] + r) * wide, wide)
            if mean:
                part = span(features, r * stride + at_mean, wide)
                share = features.dtype.type(1.0 / lengths[r])
                for j in range(wide):
                    part[j] += state[j] * share
            if maximum:
                part = features[r, at_max : at_max + wide]
                for j in range(wide):  # a NaN wins, and is not overwritten
                    higher = state[j] > part[j] or state[j] != state[j]
                    part[j] = state[j] if higher else part[j]


@device
def pool_backward(last, mean, maximum, starts, lengths, y, features, dfeatures, dh, dy):
    """Gradient of `pool_forward`; where several steps share the maximum the first gets it.

    (in) last, mean, maximum, starts, lengths, y, dfeatures
    (in) features: overwritten where the maximum stood
    (accum) dh (n_directions, n_sequences, n_hidden)
    (out) dy (n_rows, n_directions * n_hidden), if mean or maximum
    """
    n_directions, n_sequences, n_hidden = dh.shape
    wide = n_directions * n_hidden
    at_mean = wide if last else 0
    at_max = at_mean + (wide if mean else 0)
    zero, claimed = dfeatures.dtype.type(0.0), dfeatures.dtype.type(2.0)
    for r in range(n_sequences if last else 0):
        for d in range(n_directions):
            for j in range(n_hidden):
                dh[d, r, j] += dfeatures[r, d * n_hidden + j]
    if not (mean or maximum):
        return
    for t in range(starts.size - 1):
        for r in range(starts[t + 1] - starts[t]):
            state = span(y, (starts[t] + r) * wide, wide)
            slope = span(dy, (starts[t] + r) * wide, wide)
            if mean:
                part = span(dfeatures, r * dfeatures.shape[1] + at_mean, wide)
                share = dfeatures.dtype.type(1.0 / lengths[r])
                for j in range(wide):
                    slope[j] = part[j] * share
            else:
                fill(slope, 0.0)
            if maximum:
                highest = span(features, r * features.shape[1] + at_max, wide)
                part = span(dfeatures, r * dfeatures.shape[1] + at_max, wide)
                for j in range(wide):
                    hit = state[j] == highest[j]
                    slope[j] += part[j] if hit else zero
                    # states are below 1: no later step can equal a claimed maximum
                    highest[j] = claimed if hit else highest[j]
