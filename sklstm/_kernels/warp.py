"""Sequences of a packed batch that are played at varying speed, and made louder or softer."""

from __future__ import annotations

from sklstm._kernels.jit import kernel


@kernel
def warp(x, starts, ends, factor, n_values, nearest, out):
    """Read the steps of each sequence where they come at another speed, between two steps.

    (in) x (n_rows, n_columns), starts (n_timesteps + 1,): packed batch
    (in) ends (n_sequences, n_pieces + 1): of the pieces of a sequence that are stretched to equal
         lengths, as shares of its length
    (in) factor (n_sequences,): of the first `n_values` columns
    (out) nearest (n_rows,): the row of x that each row of out is nearest to
    (out) out (n_rows, n_columns)
    """
    typed, n_pieces = x.dtype.type, ends.shape[1] - 1
    n_timesteps = starts.size - 1
    for r in range(ends.shape[0]):
        while starts[n_timesteps] - starts[n_timesteps - 1] <= r:
            n_timesteps -= 1  # the longest sequence is the first
        last, louder = max(n_timesteps - 1, 1), typed(factor[r])
        for t in range(n_timesteps):
            along = t * (n_pieces / last)
            piece = min(int(along), n_pieces - 1)
            first, end = ends[r, piece], ends[r, piece + 1]
            place = (first + (along - piece) * (end - first)) * last
            before = min(int(place), last - 1)
            after = min(before + 1, n_timesteps - 1)
            share = typed(place - before)
            row, lower, upper = starts[t] + r, starts[before] + r, starts[after] + r
            nearest[row] = lower if place - before < 0.5 else upper
            for j in range(x.shape[1]):
                value = x[lower, j] + share * (x[upper, j] - x[lower, j])
                out[row, j] = value * louder if j < n_values else value
