"""Gaps in C that all channels of the steps around fill, as `expect` does."""

from __future__ import annotations

from sklstm.export._c.source import Source
from sklstm.export._fitted import FittedModel

_WEIGHTED = """
/* the product of a step (N_CHANNELS,) and a column of a block of the precision matrix */
static double weighted(const float *step, size_t block, size_t column)
{
    double product = 0.0;
    for (size_t k = 0; k < N_CHANNELS; k++)
        product += (double)step[k] *
                   (double)precision[(block * N_CHANNELS + k) * N_CHANNELS + column];
    return product;
}
"""

_EXPECT = """
/* z (n_timesteps, N_CHANNELS): x, standardised, with gaps as all channels of the steps around let
   expect them; change: of the same size, free to use */
static void expect(const float *x, size_t n_timesteps, float *z, float *change)
{
    float earlier[N_CHANNELS] = {0.0f}, now[N_CHANNELS];
    for (size_t channel = 0; channel < N_CHANNELS; channel++) {
        around known = {(double)NAN, 0.0, 0.0, 0};
        for (size_t t = 0; t < n_timesteps; t++) { /* from values on lines */
            const double value = read_value(&known, x, n_timesteps, t, channel);
            const double unit = (value - mean_of(channel)) * to_unit[channel];
            z[t * N_CHANNELS + channel] = isnan(unit) ? 0.0f : (float)unit;
            change[t * N_CHANNELS + channel] = 0.0f;
        }
    }
    for (size_t sweep = 0; sweep < N_SWEEPS; sweep++) { /* of Chebyshev's iteration */
        for (size_t t = 0; t < n_timesteps; t++) {
            float *row = z + t * N_CHANNELS;
            const int is_last = t + 1 == n_timesteps;
            for (size_t k = 0; k < N_CHANNELS; k++)
                now[k] = row[k];
            for (size_t k = 0; k < N_CHANNELS; k++) {
                if (!isnan(x[t * N_CHANNELS + k]) || isnan(mean_of(k)))
                    continue;
                const double product =
                    weighted(now, 1, k) + (t > 0 ? weighted(earlier, 0, k) : weighted(now, 3, k)) +
                    (is_last ? weighted(now, 4, k) : weighted(row + N_CHANNELS, 2, k));
                float *moved = change + t * N_CHANNELS + k;
                *moved = (float)(sweeps[2 * sweep] * (double)*moved -
                                 sweeps[2 * sweep + 1] * product);
                row[k] += *moved;
            }
            for (size_t k = 0; k < N_CHANNELS; k++)
                earlier[k] = now[k];
        }
    }
}
"""


def is_read(model: FittedModel) -> bool:
    """Whether gaps are filled by all channels."""
    return bool(model.chain[0].size)


def add_expect(source: Source, model: FittedModel) -> None:
    """Add `expect`, which calls `read_value`."""
    weights, sweeps = model.chain
    source.define(N_SWEEPS=len(sweeps))
    source.array("precision", weights)
    source.array("sweeps", sweeps, kind="double")
    source.function(_WEIGHTED)
    source.function(_EXPECT)
