"""Gather a packed batch from the data set: scale, patch and sort in one pass."""

from __future__ import annotations

import math

from sklstm._kernels.jit import device, kernel

# A deviation that is a smaller share of the mean comes from rounding in double precision. It
# holds for float32 values too: what varies among them varies by more, or not at all.
ROUNDING = 1e-13
# What adding up n equal values may be off by, as a share of the sum, is n times this at most.
ROUNDING_OF_A_SUM = 2.0**-52
# Smaller deviations have squares that vanish, so that values are enlarged before.
SMALLEST_DEVIATION = 1e-145
_ENLARGED = 1e150


@device
def _deviation(values, first, last, channel, mean, unit):
    """Standard deviation of one channel of a sequence, times `unit`."""
    squares = 0.0
    for row in range(first, last):
        deviation = (float(values[row, channel]) - mean) * unit
        squares += deviation * deviation
    return math.sqrt(squares / (last - first))


@device
def _mean_and_inverse_deviation(values, first, last, channel):
    """Mean and 1 / deviation of one channel of a sequence, which is 0 for a constant one."""
    total = 0.0
    for row in range(first, last):
        total += float(values[row, channel])
    mean = total / (last - first)
    deviation = _deviation(values, first, last, channel, mean, 1.0)
    if deviation < SMALLEST_DEVIATION:
        deviation = _deviation(values, first, last, channel, mean, _ENLARGED) / _ENLARGED
    rounding = max(ROUNDING, ROUNDING_OF_A_SUM * (last - first)) * abs(mean)
    return mean, 1.0 / deviation if deviation > rounding + 1e-300 else 0.0


@kernel
def gather(
    values, begin, end, samples, lengths, patch_size, center, scale, by_channel, by_sequence,
    starts, x,
):  # fmt: skip
    """Write the sequences of some samples to the rows of a packed batch.

    A patch stacks `patch_size` consecutive steps as channels. The first patch of a
    sequence is padded in front with zeros (the mean), so that the last patch ends with the
    last observation.

    (in) values (total_steps, n_channels), begin, end (n_samples,): the data set, and where the
         rows of each sample begin and end
    (in) samples, lengths (n_sequences,): samples to gather, longest first, and their lengths
         after patching
    (in) center, scale (n_channels,): float64, of the training set
    (in) by_channel, by_sequence: which copies to put side by side: standardised over the
         training set, standardised within the sequence; unscaled values if neither
    (out) starts (longest + 1,)
    (out) x (n_rows, patch_size * n_channels * number of copies)
    """
    n_channels = values.shape[1]
    n_copies = by_channel + by_sequence if by_channel or by_sequence else 1
    starts[0] = 0
    n_live = samples.size
    for t in range(starts.size - 1):
        while lengths[n_live - 1] <= t:
            n_live -= 1
        starts[t + 1] = starts[t] + n_live
    for r in range(samples.size):
        first, last = begin[samples[r]], end[samples[r]]
        missing = lengths[r] * patch_size - (last - first)
        for column in range(missing * n_channels * n_copies):
            x[r, column] = 0.0
        for channel in range(n_channels):
            mean, spread = 0.0, 1.0
            if by_sequence:
                mean, spread = _mean_and_inverse_deviation(values, first, last, channel)
            to_unit = 1.0 / scale[channel]
            column, t = missing, 0
            for row in range(first, last):
                if column == patch_size:
                    column = 0
                    t += 1
                value = float(values[row, channel])
                place = (column * n_channels + channel) * n_copies
                if by_channel:
                    x[starts[t] + r, place] = (value - center[channel]) * to_unit
                    place += 1
                if by_sequence:
                    x[starts[t] + r, place] = (value - mean) * spread
                elif not by_channel:
                    x[starts[t] + r, place] = value
                column += 1
