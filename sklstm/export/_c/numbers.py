"""The numbers of each step in C, where x holds more than them: without other channels, with times.

The last channel of x is then the time since the step before, if the network reads it.
"""

from __future__ import annotations

import numpy as np

from sklstm.export._c.source import Source, literal
from sklstm.export._fitted import FittedModel

_TAKE = """
/* the numbers (N_CHANNELS,) of one step x (X_CHANNELS,) */
static void take_numbers(const float *x, int is_first, float *numbers)
{@TIME@
    for (size_t k = 0; k < N_CHANNELS; k++)
        numbers[k] = x[number_channels[k]];@LOGARITHM@
}
"""
_NO_TIME = "\n    (void)is_first;"
# as in fit: none before the first step, and never less than none
_LOGARITHM = """
    /* log(1 + time since the step before), which the first step does not have */
    const double time = (double)x[X_CHANNELS - 1] / TIME_UNIT;
    numbers[N_CHANNELS - 1] = is_first ? 0.0f : (float)log1p(time < 0.0 ? 0.0 : time);"""

TIME_TO = """
/* the time from the step before to a step with these numbers (N_CHANNELS,) */
static double time_to(const float *numbers, int is_first)
{
    return is_first ? 1.0 : expm1((double)numbers[N_CHANNELS - 1]);
}
"""


def stand_apart(model: FittedModel) -> bool:
    """Whether x holds something else than numbers as the network reads them."""
    return 0 < len(model.numeric) < model.n_channels or model.time_unit is not None


def add_numbers(source: Source, model: FittedModel) -> None:
    """Add `take_numbers`."""
    source.array("number_channels", model.numeric, kind="size_t")
    text = _TAKE.replace("@TIME@", "" if model.time_unit else _NO_TIME)
    if model.time_unit:
        source.define(TIME_UNIT=literal(np.float64(model.time_unit)))
    source.function(text.replace("@LOGARITHM@", _LOGARITHM if model.time_unit else ""))
