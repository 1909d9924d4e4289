"""Static features in C: read once for each sequence, and put beside the numbers of every step."""

from __future__ import annotations

import numpy as np

from sklstm.export._c.source import Source
from sklstm.export._fitted import FittedModel

_READ = """
/* what does not change in x (n_timesteps, X_CHANNELS), scaled: constant (N_CONSTANT,) */
static void read_static(const float *x, size_t n_timesteps, float *constant)
{
    for (size_t k = 0; k < N_STATIC; k++) {
        const float *value = x + static_channels[k];@FIND@
        constant[k] = (float)(((double)*value - static_center[k]) / static_deviation[k]);@KNOWN@
    }
}
"""
_FIND = """
        for (size_t t = 1; t < n_timesteps && isnan(*value); t++)
            value += X_CHANNELS;"""
_NOTHING_TO_FIND = """
        (void)n_timesteps;"""
_KNOWN = """
        const int is_known = !isnan(constant[k])@IS_READ@;
        constant[k] = is_known ? constant[k] : 0.0f;"""
_TOLD = """
        if (place_of_known[k] > 0)
            constant[place_of_known[k]] = is_known ? 1.0f : 0.0f;"""

_BESIDE = """
/* behind the numbers of each row of steps, of which the last one ends the sequence */
static void put_beside(const float *constant, size_t n_timesteps, size_t n_steps, float *seen)
{
    const size_t n_rows = n_steps * PATCH / ROW_STEPS;
    for (size_t row = n_rows - (n_timesteps + ROW_STEPS - 1) / ROW_STEPS; row < n_rows; row++)
        for (size_t k = 0; k < N_CONSTANT; k++)
            seen[row * ROW + FIRST_CONSTANT + k] = constant[k];
}
"""


def add_static(source: Source, model: FittedModel) -> None:
    """Add `read_static` and `put_beside`."""
    n_static = len(model.static)
    with_gaps = np.isin(model.static, model.gaps)
    n_constant = n_static + int(with_gaps.sum())
    source.define(
        N_STATIC=n_static,
        N_CONSTANT=n_constant,
        FIRST_CONSTANT=model.spec.n_numeric - n_constant,
    )
    source.array("static_channels", model.static, kind="size_t")
    center = model.center[model.static]
    source.array("static_center", np.nan_to_num(center), kind="double")
    source.array("static_deviation", model.deviation[model.static], kind="double")
    find, known = _NOTHING_TO_FIND, ""
    if model.reads_gaps:
        find, is_read = _FIND, ""
        if np.isnan(center).any():  # a channel that had no value in training is not read
            source.array("static_has_mean", ~np.isnan(center), kind="size_t")
            is_read = " && static_has_mean[k]"
        known = _KNOWN.replace("@IS_READ@", is_read)
    if with_gaps.any():
        places = np.where(with_gaps, n_static + np.cumsum(with_gaps) - 1, 0)
        source.array("place_of_known", places, kind="size_t")
        known += _TOLD
    source.function(_READ.replace("@FIND@", find).replace("@KNOWN@", known))
    source.function(_BESIDE)
