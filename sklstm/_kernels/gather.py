"""Gather a packed batch from the data set: scale, fill, patch and sort in one pass."""

from __future__ import annotations

import math

from sklstm._kernels.jit import device, inlined, kernel

# A deviation that is a smaller share of the mean comes from rounding in double precision. It
# holds for float32 values too: what varies among them varies by more, or not at all.
ROUNDING = 1e-13
# What adding up n equal values may be off by, as a share of the sum, is n times this at most.
ROUNDING_OF_A_SUM = 2.0**-52
# Smaller deviations have squares that vanish, so that values are enlarged before.
SMALLEST_DEVIATION = 1e-145
_ENLARGED = 1e150
# What is read of gaps, as a share: a full one outweighs the values where gaps come at random
# (docs/decisions/gaps.md).
GAP = 0.1


@device
def _deviation(values, first, last, channel, mean, unit):
    """Standard deviation of what a sequence has of one channel, times `unit`."""
    squares, n_observed = 0.0, 0
    for row in range(first, last):
        deviation = (float(values[row, channel]) - mean) * unit
        if deviation == deviation:
            squares += deviation * deviation
            n_observed += 1
    return math.sqrt(squares / n_observed)


@device
def _mean_and_inverse_deviation(values, first, last, channel, center, scale, with_gaps):
    """Mean and 1 / deviation of one channel of a sequence, which is 0 for a constant one.

    They are those of the values that there are; NaN and 0 if there are none. `with_gaps`: gaps
    count as values with mean and deviation of the training set.
    """
    total, n_observed = 0.0, 0
    for row in range(first, last):
        value = float(values[row, channel])
        if value == value:
            total += value
            n_observed += 1
    n_gaps = last - first - n_observed if with_gaps else 0
    if n_observed + n_gaps == 0 or (n_gaps > 0 and center != center):
        return math.nan, 0.0
    mean = total / n_observed if n_observed > 0 else center
    deviation = 0.0
    if n_observed > 0:
        deviation = _deviation(values, first, last, channel, mean, 1.0)
        if deviation < SMALLEST_DEVIATION:
            deviation = _deviation(values, first, last, channel, mean, _ENLARGED) / _ENLARGED
    if n_gaps > 0:
        share = n_gaps / (last - first)
        between = share * (1.0 - share) * (mean - center) ** 2
        mean += share * (center - mean)
        deviation = math.sqrt((1.0 - share) * deviation**2 + share * scale**2 + between)
    rounding = max(ROUNDING, ROUNDING_OF_A_SUM * n_observed) * abs(mean)
    return mean, 1.0 / deviation if deviation > rounding + 1e-300 else 0.0


@device
def _passed(values, row, first, time_channel):
    """Time since the step before; the first step of a sequence is one after its start."""
    if time_channel < 0 or row == first:
        return 1.0
    return math.expm1(float(values[row, time_channel]))


@device
def _next_value(values, row, last, channel, time_channel):
    """Row of the next value of a channel after a row, `last` if none; and the time until then."""
    until = 0.0
    for after in range(row + 1, last):
        until += _passed(values, after, -1, time_channel)
        value = float(values[after, channel])
        if value == value:
            return after, until
    return last, until


@device
def _expected(before, after, ago, until, rate):
    """What is expected between two deviations from the mean that decay at a rate.

    before, after: NaN where there is none. The mean of an Ornstein-Uhlenbeck process that is known
    at two times; past one of them the exponential decay of GRU-D.
    """
    if after != after:
        return before * math.exp(-rate * ago)
    if before != before:
        return after * math.exp(-rate * until)
    between = math.expm1(-2.0 * rate * (ago + until))
    if between == 0.0:  # no time between them
        return after
    of_before = math.exp(-rate * ago) * math.expm1(-2.0 * rate * until) / between
    of_after = math.exp(-rate * until) * math.expm1(-2.0 * rate * ago) / between
    return of_before * before + of_after * after


@device
def _filled(before, following, center, ago, between, rate):
    """What is read in a gap between two values, NaN where there is none; NaN without both.

    ago, between: time since the value before, and between both
    """
    if rate > 0.0:
        return center + _expected(before - center, following - center, ago, between - ago, rate)
    if following != following:
        return before
    if before == before and between > 0.0:
        return before + (following - before) * (ago / between)
    return following


@device
def _write_starts(lengths, starts):
    """Write the first row of each time step.

    lengths (n_sequences,): longest first; starts (longest + 1,)
    """
    starts[0] = 0
    n_live = lengths.size
    for t in range(starts.size - 1):
        while lengths[n_live - 1] <= t:
            n_live -= 1
        starts[t + 1] = starts[t] + n_live


@inlined
def _write_copies(
    x, row, place, value, channel, center, by_size, to_unit, mean, spread, by_channel, by_sequence
):
    """Write the copies of one value of a channel side by side; NaN becomes the mean."""
    filled = value == value
    if by_channel:
        away = value - center[channel]
        if by_size[0, channel] < math.inf:
            away = math.asinh(value / by_size[0, channel]) - by_size[1, channel]
        x[row, place] = away * to_unit if filled else 0.0
        place += 1
    if by_sequence:
        x[row, place] = (value - mean) * spread if filled else 0.0
    elif not by_channel:
        fill = center[channel] if center[channel] == center[channel] else 0.0
        x[row, place] = value if filled else fill


@kernel
def gather(
    values, begin, end, samples, lengths, patch_size, center, scale, by_size, by_channel,
    by_sequence, gaps, rates, time_channel, ahead, expected, starts, x,
):  # fmt: skip
    """Write the sequences of some samples to the rows of a packed batch.

    A patch stacks `patch_size` consecutive steps as channels. The first patch of a
    sequence is padded in front with zeros (the mean), so that the last patch ends with the
    last observation.

    NaN is a gap. It is filled with what lies on the line between the last value and the next one,
    or without `ahead` with the last one; where there is none with the mean. Values of a channel
    with a rate decay to the mean instead, the faster the larger it is. With `expected` a gap is
    filled with what all channels of the steps around let expect, and counts in the mean and the
    deviation of a sequence as a value with those of the training set. A row of x is
    [values of each step | of each step for each of `gaps` GAP * whether it was observed, and
    GAP * log(1 + how long ago) | what the caller adds]. Before the first value of a sequence, how
    long ago is counted from one step before its start.

    (in) values (total_steps, n_channels), begin, end (n_samples,): the data set, and where the
         rows of each sample begin and end
    (in) samples, lengths (n_sequences,): samples to gather, longest first, and their lengths
         after patching
    (in) center, scale (n_channels,): float64, of the training set; a channel with the mean NaN
         has no value in training, and counts as missing
    (in) by_size (3, n_channels): float64; width, mean, deviation; where the width is finite, the
         copy standardised over the training set is (asinh(value / width) - mean) / deviation
    (in) by_channel, by_sequence: which copies to put side by side: standardised over the
         training set, standardised within the sequence; unscaled values if neither
    (in) gaps (n_gaps,): channels of which the network reads whether they were observed, ascending
    (in) rates (n_channels,): float64, at which values decay; 0 for the line
    (in) time_channel: the channel that holds log(1 + time since the step before), by which the
         time is counted; -1: steps are counted
    (in) ahead: whether gaps are filled by the next value too
    (in) expected (steps of all of them, n_channels): float64, see `expect`; (0, n_channels): gaps
         are filled channel by channel
    (out) starts (longest + 1,)
    (out) x (n_rows, at least patch_size * (n_channels * number of copies + 2 * n_gaps))
    """
    n_channels = values.shape[1]
    n_copies = by_channel + by_sequence if by_channel or by_sequence else 1
    first_gap = patch_size * n_channels * n_copies
    in_chain, row_in_chain = expected.shape[0] > 0, 0
    _write_starts(lengths, starts)
    for r in range(samples.size):
        first, last = begin[samples[r]], end[samples[r]]
        missing = lengths[r] * patch_size - (last - first)
        for column in range(missing * n_channels * n_copies):
            x[r, column] = 0.0
        for column in range(first_gap, first_gap + missing * 2 * gaps.size):
            x[r, column] = 0.0
        k = 0  # how many of `gaps` come before the channel
        for channel in range(n_channels):
            mean, spread = 0.0, 1.0
            if by_sequence:
                mean, spread = _mean_and_inverse_deviation(
                    values, first, last, channel, center[channel], scale[channel], in_chain
                )
            to_unit, known = 1.0 / scale[channel], center[channel] == center[channel]
            if by_size[0, channel] < math.inf:
                to_unit = 1.0 / by_size[2, channel]
            has_gaps = k < gaps.size and gaps[k] == channel
            # the last value and the time since then; the row of the next one, the time between both
            before, ago, after, between = math.nan, 0.0, first, 0.0
            column, t = missing, 0
            for row in range(first, last):
                if column == patch_size:
                    column = 0
                    t += 1
                value = float(values[row, channel]) if known else math.nan
                observed = value == value
                if observed:
                    before, ago = value, 0.0
                elif known:
                    ago += _passed(values, row, first, time_channel)
                    if in_chain:
                        unit = expected[row_in_chain + row - first, channel]
                        value = center[channel] + scale[channel] * unit
                    else:
                        if ahead and after <= row:
                            after, until = _next_value(values, row, last, channel, time_channel)
                            between = ago + until
                        following = math.nan
                        if ahead and after < last:
                            following = float(values[after, channel])
                        value = _filled(
                            before, following, center[channel], ago, between, rates[channel]
                        )
                place = (column * n_channels + channel) * n_copies
                _write_copies(
                    x, starts[t] + r, place, value, channel, center, by_size, to_unit, mean,
                    spread, by_channel, by_sequence,
                )  # fmt: skip
                if has_gaps:
                    place = first_gap + (column * gaps.size + k) * 2
                    x[starts[t] + r, place] = GAP if observed else 0.0
                    x[starts[t] + r, place + 1] = GAP * math.log1p(ago)
                column += 1
            k += has_gaps
        row_in_chain += last - first
