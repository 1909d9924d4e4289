"""From x to what the network reads, in C: scaling and patches."""

from __future__ import annotations

import numpy as np

from sklstm._kernels.gather import ROUNDING, ROUNDING_OF_A_SUM
from sklstm.export._c import chain, gaps
from sklstm.export._c.source import Source
from sklstm.export._fitted import FittedModel

_WITHIN = """
/* mean and 1 / deviation of a channel of one sequence, which is 0 for a constant channel */
static void moments(const float *x, size_t n_timesteps, size_t channel, double *mean,
                    double *spread)
{
    double total = 0.0, squares = 0.0;
    for (size_t t = 0; t < n_timesteps; t++)
        total += (double)x[t * N_CHANNELS + channel];
    *mean = total / (double)n_timesteps;
    for (size_t t = 0; t < n_timesteps; t++) {
        const double deviation = (double)x[t * N_CHANNELS + channel] - *mean;
        squares += deviation * deviation;
    }
    const double of_a_sum = ROUNDING_OF_A_SUM * (double)n_timesteps;
    const double rounding = (of_a_sum > ROUNDING ? of_a_sum : ROUNDING) * fabs(*mean);
    const double deviation = sqrt(squares / (double)n_timesteps);
    *spread = deviation > rounding ? 1.0 / deviation : 0.0;
}
"""

# the numbers of so many steps lie side by side, and behind them what else is read of these steps
_PLACE = """
/* where the copies of a channel of a step are */
static float *place_in(float *seen, size_t step, size_t channel)
{
    return seen + step / ROW_STEPS * ROW + (step % ROW_STEPS * N_CHANNELS + channel) * N_COPIES;
}
"""

_INPUT = """
/* x (n_timesteps, N_CHANNELS), @DONE@, behind zeros that make the first patch
   whole@ROOM@ */
static void read_input(const float *x, size_t n_timesteps, float *seen@ARGUMENTS@)
{
    const size_t missing = (PATCH - n_timesteps % PATCH) % PATCH;
    for (size_t k = 0; missing > 0 && k < N_SEEN; k++)
        seen[k] = 0.0f;@EXPECT@
    for (size_t channel = 0; channel < N_CHANNELS; channel++) {@MOMENTS@@KNOWN@
        for (size_t t = 0; t < n_timesteps; t++) {
            const double value = @VALUE@;
            float *place = place_in(seen, missing + t, channel);
@COPIES@
        }
    }@GAPS@
}
"""
_WITHOUT_GAPS = {
    "DONE": "scaled",
    "ROOM": "",
    "ARGUMENTS": "",
    "EXPECT": "",
    "KNOWN": "",
    "VALUE": "(double)x[t * N_CHANNELS + channel]",
    "GAPS": "",
}
_MOMENTS = """
        double mean, spread;
        moments(x, n_timesteps, channel, &mean, &spread);"""

_NO_NUMBERS = """
/* zeros that make the first patch whole */
static void read_input(const float *x, size_t n_timesteps, float *seen)
{
    (void)x;
    for (size_t k = 0; n_timesteps % PATCH > 0 && k < N_SEEN; k++)
        seen[k] = 0.0f;
}
"""

_OF_CHANNEL = "(float)((value - center[channel]) * to_unit[channel])"
_OF_SIZE = "(float)((asinh(value / width[channel]) - mean_size[channel]) * to_unit_size[channel])"
_OF_SEQUENCE = "(float)((value - mean) * spread)"


def add_input(source: Source, model: FittedModel) -> None:
    """Add `read_input`, for whole sequences."""
    source.define(ROW_STEPS=model.branch_patch_size, ROW=model.spec.n_channels)
    if not len(model.numeric):
        source.function(_NO_NUMBERS)
        return
    source.function(_PLACE)
    copies, texts = _copies(source, model), dict(_WITHOUT_GAPS)
    within = model.scale in ("both", "sequence")
    if within:
        source.define(ROUNDING=ROUNDING, ROUNDING_OF_A_SUM=ROUNDING_OF_A_SUM)
    if model.reads_gaps:
        texts |= gaps.add_whole(source, model)
        copies = [f"isnan(value) ? {_nothing(model)} : {copy}" for copy in copies]
    elif within:
        source.function(_WITHIN)
    texts["MOMENTS"] = _MOMENTS if within else ""
    texts["COPIES"] = "\n".join(
        f"            place[{k}] = {copy};" for k, copy in enumerate(copies)
    )
    function = _INPUT
    for key, text in texts.items():
        function = function.replace(f"@{key}@", text)
    source.function(function)


def add_step_input(source: Source, model: FittedModel) -> None:
    """Add `read_row`, for one time step of a stream."""
    (copy,) = _copies(source, model)
    if model.reads_gaps:
        gaps.add_step(source, model, copy, _nothing(model))
        return
    source.function(f"""
/* one time step (N_CHANNELS,), scaled */
static void read_row(const float *x, float *seen)
{{
    for (size_t channel = 0; channel < N_CHANNELS; channel++) {{
        const double value = (double)x[channel];
        seen[channel] = {copy};
    }}
}}
""")


def _nothing(model: FittedModel) -> str:
    """Return the expression of what is read of a channel of which nothing is known: its mean."""
    if model.scale is not None:
        return "0.0f"
    return "(isnan(mean_of(channel)) ? 0.0f : (float)mean_of(channel))"


def _copies(source: Source, model: FittedModel) -> list[str]:
    """Return the expressions of the copies of a channel; add the arrays that they read."""
    of_channel, by_channel = _OF_CHANNEL, model.scale in ("both", "channel")
    center, unit = model.center[model.numeric], model.deviation[model.numeric]
    if by_channel or model.reads_gaps:
        source.array("center", np.nan_to_num(center), kind="double")
    if by_channel or chain.is_read(model):
        source.array("to_unit", 1.0 / unit, kind="double")
    width, mean, deviation = model.by_size[:, model.numeric]
    by_size = np.isfinite(width)
    if by_channel and by_size.any():
        source.array("width", np.where(by_size, width, 0.0), kind="double")
        source.array("mean_size", mean, kind="double")
        source.array("to_unit_size", 1.0 / deviation, kind="double")
        of_channel = f"width[channel] > 0.0 ? {_OF_SIZE} : {_OF_CHANNEL}"
        of_channel = f"({of_channel})" if model.reads_gaps else of_channel
    return {
        "both": [of_channel, _OF_SEQUENCE],
        "channel": [of_channel],
        "sequence": [_OF_SEQUENCE],
        None: ["(float)value"],
    }[model.scale]
