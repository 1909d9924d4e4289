"""Gaps of a sequence as a Gaussian chain expects them, from all channels of the steps around."""

from __future__ import annotations

from sklstm._kernels.jit import device, kernel


@device
def _on_lines(values, first, last, channel, center, to_unit, z):
    """Write a channel, standardised, with its gaps on lines; return whether there are any.

    Before the first value and after the last one there is that value; without a value the mean.
    """
    before, n_observed = -1, 0
    for t in range(last - first):
        value = (float(values[first + t, channel]) - center) * to_unit
        if value == value:
            n_observed += 1
            rise = (value - z[before, channel]) / (t - before) if before >= 0 else 0.0
            for k in range(before + 1, t + 1):
                z[k, channel] = value - (t - k) * rise
            before = t
    for t in range(before + 1, last - first):
        z[t, channel] = z[before, channel] if before >= 0 else 0.0
    return n_observed < last - first


@device
def _add_product(weights, block, z, t, left, row):
    """Add the product of a block of weights and the channels of step t to a row of `left`."""
    n_channels = z.shape[1]
    for source in range(n_channels):
        value = z[t, source]
        for channel in range(n_channels):
            left[row, channel] += weights[block * n_channels + source, channel] * value


@device
def _product(weights, z, n_steps, t, left):
    """Write the product of the precision matrix and z in step t."""
    for channel in range(z.shape[1]):
        left[t, channel] = 0.0
    _add_product(weights, 1, z, t, left, t)
    if t > 0:
        _add_product(weights, 0, z, t - 1, left, t)
    else:
        _add_product(weights, 3, z, t, left, t)
    if t < n_steps - 1:
        _add_product(weights, 2, z, t + 1, left, t)
    else:
        _add_product(weights, 4, z, t, left, t)


@device
def _fill(values, first, last, center, scale, weights, sweeps, z, change, left):
    """Fill the gaps of one sequence; see `expect`. z, change, left: (n_timesteps, n_channels)."""
    n_steps, n_channels, has_gaps = last - first, values.shape[1], False
    for channel in range(n_channels):
        to_unit = 1.0 / scale[channel]
        has_gaps |= _on_lines(values, first, last, channel, center[channel], to_unit, z)
    if not has_gaps:
        return
    for t in range(n_steps):
        for channel in range(n_channels):
            change[t, channel] = 0.0
    for k in range(sweeps.shape[0]):
        for t in range(n_steps):
            _product(weights, z, n_steps, t, left)
        for t in range(n_steps):
            for channel in range(n_channels):
                value = float(values[first + t, channel])
                if value != value and center[channel] == center[channel]:
                    change[t, channel] *= sweeps[k, 0]
                    change[t, channel] -= sweeps[k, 1] * left[t, channel]
                    z[t, channel] += change[t, channel]


@kernel
def expect(values, begin, end, samples, center, scale, weights, sweeps, work, expected):
    """Fill the gaps of some samples with what is expected, given their values.

    In a chain, a step depends on those beside it only. Where the gaps have their expectation, the
    product of the precision matrix and the sequence vanishes in them. Chebyshev's iteration goes
    there from values on lines.

    It is a kernel of its own, beside `gather`, so that only those who have gaps compile it.

    (in) values (total_steps, n_channels), begin, end: see `gather`; NaN is a gap
    (in) samples (n_sequences,)
    (in) center, scale (n_channels,): a channel with the mean NaN is left at 0
    (in) weights (5 * n_channels, n_channels): blocks of the precision matrix, transposed, by
         which the step before, the step itself and that after count, and what the second is
         changed by in the first and in the last step; divided by the diagonal
    (in) sweeps (n_sweeps, 2): what is kept of the last change, and the share of the product
    (out) work (2, at least the steps of the longest, n_channels): space
    (out) expected (steps of all of them, n_channels): the sequences, one after another,
          standardised and filled
    """
    row = 0
    for r in range(samples.size):
        first, last = begin[samples[r]], end[samples[r]]
        z = expected[row : row + last - first]
        _fill(values, first, last, center, scale, weights, sweeps, z, work[0], work[1])
        row += last - first
