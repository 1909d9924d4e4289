"""From the states of the last recurrent layer to one row of features for each sequence.

A row of features is ``[last | mean | max]``, of those that are switched on, each
(n_directions, n_hidden), and a 1 for the bias of the head.
"""

from __future__ import annotations

import math

from sklstm._kernels.jit import device


@device
def pool_forward(last, mean, maximum, starts, lengths, h, y, features):
    """
    (in) last, mean, maximum: which of the three are wanted
    (in) starts (n_timesteps + 1,), lengths (n_sequences,): of the packed batch
    (in) h (n_directions, n_sequences, n_hidden): final states
    (in) y (n_rows, n_directions * n_hidden): all states; read for mean and maximum only
    (out) features (n_sequences, >= kinds * n_directions * n_hidden + 1)
    """
    n_directions, n_sequences, n_hidden = h.shape
    wide = n_directions * n_hidden
    at_mean = wide if last else 0
    at_max = at_mean + (wide if mean else 0)
    n_features = at_max + (wide if maximum else 0)
    for r in range(n_sequences):
        if last:
            for d in range(n_directions):
                part = features[r, d * n_hidden : (d + 1) * n_hidden]
                state = h[d, r]
                for j in range(n_hidden):
                    part[j] = state[j]
        features[r, at_mean:at_max] = 0.0
        features[r, at_max:n_features] = -math.inf
        features[r, n_features] = 1.0
        features[r, n_features + 1 :] = 0.0
    if not (mean or maximum):
        return
    for t in range(starts.size - 1):
        for r in range(starts[t + 1] - starts[t]):
            state = y[starts[t] + r]
            if mean:
                part = features[r, at_mean : at_mean + wide]
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
            slope = dfeatures[r, d * n_hidden : (d + 1) * n_hidden]
            state = dh[d, r]
            for j in range(n_hidden):
                state[j] += slope[j]
    if not (mean or maximum):
        return
    for t in range(starts.size - 1):
        for r in range(starts[t + 1] - starts[t]):
            state, slope = y[starts[t] + r], dy[starts[t] + r]
            if mean:
                part = dfeatures[r, at_mean : at_mean + wide]
                share = dfeatures.dtype.type(1.0 / lengths[r])
                for j in range(wide):
                    slope[j] = part[j] * share
            else:
                slope[:] = 0.0
            if maximum:
                highest = features[r, at_max : at_max + wide]
                part = dfeatures[r, at_max : at_max + wide]
                for j in range(wide):
                    hit = state[j] == highest[j]
                    slope[j] += part[j] if hit else zero
                    # states are below 1: no later step can equal a claimed maximum
                    highest[j] = claimed if hit else highest[j]
