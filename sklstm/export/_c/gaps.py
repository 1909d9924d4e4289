"""Gaps in C: NaN in x is filled as `gather` fills it, and the network is told of it."""

from __future__ import annotations

import numpy as np

from sklstm._kernels.gather import GAP
from sklstm.export._c import chain, numbers
from sklstm.export._c.source import Source, guard_of_nan
from sklstm.export._fitted import FittedModel

_IS_OBSERVED = """
/* the mean of a channel, NaN for one that had no value in training */
static double mean_of(size_t channel)
{
    return @MEAN@;
}

/* a channel without a mean is not read */
static int is_observed(const float *step, size_t channel)
{
    return !isnan(step[channel]) && !isnan(mean_of(channel));
}
"""

_FILLED = """
/* what is read in a gap `ago` steps after a value and `until` before the next, NaN for none */
static double filled(size_t channel, double before, double ago, double next, double until)
{@DECAYED@
    if (isnan(next))
        return before;
    const int are_apart = !isnan(before) && ago + until > 0.0;
    return are_apart ? before + (next - before) * (ago / (ago + until)) : next;
}
"""

# the mean of an Ornstein-Uhlenbeck process, see `_expected` in `gather`
_DECAYED = """
    const double rate = rates[channel], mean = mean_of(channel);
    if (rate > 0.0) { /* values decay to the mean */
        const double past = exp(-rate * ago), future = exp(-rate * until);
        if (isnan(next))
            return mean + (before - mean) * past;
        if (isnan(before))
            return mean + (next - mean) * future;
        const double all = expm1(-2.0 * rate * (ago + until));
        if (!(all < 0.0)) /* no time between them */
            return next;
        const double of_before = past * expm1(-2.0 * rate * until) / all;
        const double of_next = future * expm1(-2.0 * rate * ago) / all;
        return mean + of_before * (before - mean) + of_next * (next - mean);
    }"""

_AROUND = """
/* what is known around the steps of a channel: the last value, how long ago it was, the step of the
   next value, and the time between both */
typedef struct {
    double before, ago, between;
    size_t after;
} around;
"""

_READ_VALUE = """
/* the value of a channel in step t, or what fills its gap; NaN where nothing is known */
static double read_value(around *known, const float *x, size_t n_timesteps, size_t t,
                         size_t channel)
{
    double next = (double)NAN;
    if (is_observed(x + t * N_CHANNELS, channel)) {
        known->ago = 0.0;
        return known->before = (double)x[t * N_CHANNELS + channel];
    }
    known->ago += @TIME@;
@AHEAD@
    return filled(channel, known->before, known->ago, next, known->between - known->ago);
}
"""
_LOOK_AHEAD = """\
    if (known->after <= t) {
        double until = 0.0;
        for (known->after = t + 1; known->after < n_timesteps; known->after++) {
            until += @TIME_AFTER@;
            if (is_observed(x + known->after * N_CHANNELS, channel))
                break;
        }
        known->between = known->ago + until;
    }
    if (known->after < n_timesteps)
        next = (double)x[known->after * N_CHANNELS + channel];"""
_DO_NOT_LOOK_AHEAD = """\
    (void)n_timesteps;"""

_READ_GAPS = """
/* of each channel with gaps whether it was observed, and how long ago */
static void read_gaps(const float *x, size_t n_timesteps, size_t missing, float *seen)
{
    for (size_t k = 0; k < N_GAPS; k++) {
        double ago = 0.0;
        for (size_t t = 0; t < n_timesteps; t++) {
            const int there = is_observed(x + t * N_CHANNELS, gap_channels[k]);
            float *row = seen + (missing + t) / ROW_STEPS * ROW + ROW_STEPS * N_CHANNELS * N_COPIES;
            float *place = row + ((missing + t) % ROW_STEPS * N_GAPS + k) * 2;
            ago = there ? 0.0 : ago + @TIME@;
            place[0] = there ? (float)GAP : 0.0f;
            place[1] = (float)(GAP * log1p(ago));
        }
    }
}
"""

_READ_STEP = """
/* one time step (N_CHANNELS,), filled and scaled; last, ago (N_CHANNELS,): the last value, and how
   long ago it was; passed: time since the step before */
static void read_row(float *last, double *ago, double passed, const float *x, float *seen)
{
    for (size_t channel = 0; channel < N_CHANNELS; channel++) {
        const int there = is_observed(x, channel);
        last[channel] = there ? x[channel] : last[channel];
        ago[channel] = there ? 0.0 : ago[channel] + passed;
        const double known = (double)last[channel];
        const double value = there ? known : filled(channel, known, ago[channel], (double)NAN, 0.0);
        seen[channel] = isnan(value) ? @NOTHING@ : @COPY@;
    }@GAPS@
}
"""
_GAPS_OF_STEP = """
    for (size_t k = 0; k < N_GAPS; k++) {
        float *place = seen + N_CHANNELS + 2 * k;
        place[0] = is_observed(x, gap_channels[k]) ? (float)GAP : 0.0f;
        place[1] = (float)(GAP * log1p(ago[gap_channels[k]]));
    }"""

_MOMENTS = """
/* mean and 1 / deviation of what a sequence has of a channel, which is 0 for a constant channel */
static void moments(const float *x, size_t n_timesteps, size_t channel, double *mean,
                    double *spread)
{
    double total = 0.0, squares = 0.0;
    size_t n = 0;
    for (size_t t = 0; t < n_timesteps; t++) {
        if (isnan(x[t * N_CHANNELS + channel]))
            continue;
        total += (double)x[t * N_CHANNELS + channel];
        n++;
    }
    *mean = n > 0 ? total / (double)n : mean_of(channel);
    for (size_t t = 0; t < n_timesteps; t++) {
        const double deviation = (double)x[t * N_CHANNELS + channel] - *mean;
        squares += isnan(deviation) ? 0.0 : deviation * deviation;
    }
    double variance = n > 0 ? squares / (double)n : 0.0;@OF_GAPS@
    const double of_a_sum = ROUNDING_OF_A_SUM * (double)n;
    const double rounding = (of_a_sum > ROUNDING ? of_a_sum : ROUNDING) * fabs(*mean);
    *spread = sqrt(variance) > rounding ? 1.0 / sqrt(variance) : 0.0;
}
"""
_OF_GAPS = """
    /* gaps count as values with mean and deviation of the training set */
    const double share = (double)(n_timesteps - n) / (double)n_timesteps;
    const double away = *mean - mean_of(channel), unit = 1.0 / to_unit[channel];
    variance = (1.0 - share) * variance + share * (unit * unit + (1.0 - share) * away * away);
    *mean -= share * away;"""

_OF_CHANNEL_ALONE = {
    "KNOWN": "\n        around known = {(double)NAN, 0.0, 0.0, 0};",
    "VALUE": "read_value(&known, x, n_timesteps, t, channel)",
}
_OF_ALL_CHANNELS = {
    "ROOM": "; z, change (n_timesteps, N_CHANNELS): free to use",
    "ARGUMENTS": ", float *z, float *change",
    "EXPECT": "\n    expect(x, n_timesteps, z, change);",
    "VALUE": """is_observed(x + t * N_CHANNELS, channel)
                                     ? (double)x[t * N_CHANNELS + channel]
                                     : mean_of(channel) + (double)z[t * N_CHANNELS + channel] /
                                                              to_unit[channel]""",
}


def add_filling(source: Source, model: FittedModel) -> None:
    """Add `filled`, and the arrays that it and its callers read."""
    guard_of_nan(source, "is a gap")
    decays = bool(model.rates.any())
    if decays:
        source.array("rates", model.rates, kind="double")
    if len(model.number_gaps):
        source.define(N_GAPS=len(model.number_gaps), GAP=GAP)
        source.array("gap_channels", model.number_gaps, kind="size_t")
    has_mean, mean = ~np.isnan(model.center[model.numeric]), "center[channel]"
    if not has_mean.all():  # NAN is no constant expression everywhere, so not in the array
        source.array("has_mean", has_mean, kind="size_t")
        mean = f"has_mean[channel] ? {mean} : (double)NAN"
    source.function(_IS_OBSERVED.replace("@MEAN@", mean))
    source.function(numbers.TIME_TO if model.time_unit else "")
    unused = "\n    (void)channel;"
    source.function(_FILLED.replace("@DECAYED@", _DECAYED if decays else unused))


def add_whole(source: Source, model: FittedModel) -> dict[str, str]:
    """Add what fills the gaps of a whole sequence; return the texts of `read_input` that use it."""
    add_filling(source, model)
    source.declare(_AROUND)
    ahead = _LOOK_AHEAD if model.fills_ahead else _DO_NOT_LOOK_AHEAD
    source.function(_with_times(model, _READ_VALUE.replace("@AHEAD@", ahead)))
    texts = {"DONE": "filled and scaled"}
    if chain.is_read(model):
        chain.add_expect(source, model)
        texts |= _OF_ALL_CHANNELS
    else:
        texts |= _OF_CHANNEL_ALONE
    if model.scale in ("both", "sequence"):
        source.function(_MOMENTS.replace("@OF_GAPS@", _OF_GAPS if chain.is_read(model) else ""))
    if len(model.number_gaps):
        source.function(_with_times(model, _READ_GAPS))
        texts["GAPS"] = "\n    read_gaps(x, n_timesteps, missing, seen);"
    return texts


def add_step(source: Source, model: FittedModel, copy: str, nothing: str) -> None:
    """Add `read_row`, for one time step of a stream.

    copy: the scaled value; nothing: what is read where nothing is known
    """
    add_filling(source, model)
    text = _READ_STEP.replace("@COPY@", copy).replace("@NOTHING@", nothing)
    source.function(text.replace("@GAPS@", _GAPS_OF_STEP if len(model.number_gaps) else ""))


def _with_times(model: FittedModel, text: str) -> str:
    """Return a function that counts times, or steps if they are not read."""
    for key, step in {"TIME": "t", "TIME_AFTER": "known->after"}.items():
        passed = f"time_to(x + {step} * N_CHANNELS, {step} == 0)" if model.time_unit else "1.0"
        text = text.replace(f"@{key}@", passed)
    return text
