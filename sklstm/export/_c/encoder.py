"""Self-attention in C: encoder layers over the states of all steps, in their place."""

from __future__ import annotations

import math

import numpy as np

from sklstm._kernels.layer_norm import EPSILON
from sklstm.export._c.source import ADD_PRODUCT, Source, literal
from sklstm.export._fitted import FittedModel

_RECORD = """
/* weights are (inputs, outputs); those of keys and values are side by side */
typedef struct {
    const float *gain1, *shift1, *query_weight, *query_bias, *read_weight, *read_bias;
    const float *out_weight, *out_bias;
    const float *gain2, *shift2, *up_weight, *up_bias, *down_weight, *down_bias;
} encoder;
"""

_NORMALISE = """
/* the states of a step, normalised */
static void normalise_states(const float *s, const float *gain, const float *shift, float *z)
{
    float mean = 0.0f, squares = 0.0f;
    for (size_t k = 0; k < N_STATES; k++)
        mean += s[k];
    mean /= N_STATES;
    for (size_t k = 0; k < N_STATES; k++)
        squares += (s[k] - mean) * (s[k] - mean);
    const float inverse = 1.0f / sqrtf(squares / N_STATES + STATES_EPSILON);
    for (size_t k = 0; k < N_STATES; k++)
        z[k] = (s[k] - mean) * inverse * gain[k] + shift[k];
}
"""

_MAP = """
/* y (n_out,) = x (n_in,) times weight, plus bias */
static void map(const float *x, size_t n_in, const float *weight, const float *bias, size_t n_out,
                float *y)
{
    for (size_t k = 0; k < n_out; k++)
        y[k] = bias[k];
    add_product(x, n_in, weight, n_out, y);
}
"""

_ATTEND = """
/* what a head of a step reads of n steps: query, out (HEAD_SIZE,); keys, behind which are values
   (n, 2 * N_STATES): from the first column of the head on; share (n,): free to use */
static void attend(const float *query, const float *keys, size_t n, float *share, float *out)
{
    float highest = 0.0f, total = 0.0f;
    for (size_t t = 0; t < n; t++) {
        const float *key = keys + t * 2 * N_STATES;
        float score = 0.0f;
        for (size_t k = 0; k < HEAD_SIZE; k++)
            score += query[k] * key[k];
        share[t] = score * HEAD_SCALE;
        highest = t == 0 || share[t] > highest ? share[t] : highest;
    }
    for (size_t t = 0; t < n; t++) {
        share[t] = expf(share[t] - highest);
        total += share[t];
    }
    for (size_t k = 0; k < HEAD_SIZE; k++)
        out[k] = 0.0f;
    for (size_t t = 0; t < n; t++)
        for (size_t k = 0; k < HEAD_SIZE; k++)
            out[k] += share[t] * keys[(t * 2 + 1) * N_STATES + k];
    for (size_t k = 0; k < HEAD_SIZE; k++)
        out[k] /= total;
}
"""

_ENCODE = """
/* the states s (n_steps, N_STATES) after a layer; keys (n_steps, 2 * N_STATES), share (n_steps,):
   free to use */
static void encode(const encoder *p, size_t n_steps, float *s, float *keys, float *share)
{
    float z[N_STATES], query[N_STATES], read[N_STATES], wide[N_WIDE];
    for (size_t t = 0; t < n_steps; t++) {
        normalise_states(s + t * N_STATES, p->gain1, p->shift1, z);
        map(z, N_STATES, p->read_weight, p->read_bias, 2 * N_STATES, keys + t * 2 * N_STATES);
    }
    for (size_t t = 0; t < n_steps; t++, s += N_STATES) {
        normalise_states(s, p->gain1, p->shift1, z);
        map(z, N_STATES, p->query_weight, p->query_bias, N_STATES, query);
        for (size_t first = 0; first < N_STATES; first += HEAD_SIZE)
            attend(query + first, keys + first, @N_READ@, share, read + first);
        map(read, N_STATES, p->out_weight, p->out_bias, N_STATES, z);
        for (size_t k = 0; k < N_STATES; k++)
            s[k] += z[k];
        normalise_states(s, p->gain2, p->shift2, z);
        map(z, N_STATES, p->up_weight, p->up_bias, N_WIDE, wide);
        for (size_t k = 0; k < N_WIDE; k++)
            wide[k] = wide[k] > 0.0f ? wide[k] : 0.0f;
        map(wide, N_WIDE, p->down_weight, p->down_bias, N_STATES, z);
        for (size_t k = 0; k < N_STATES; k++)
            s[k] += z[k];
    }
}
"""


def floats_per_step(model: FittedModel) -> int:
    """Return how much workspace `encode` needs for a step of the layers."""
    return 0 if model.spec.encoder is None else 2 * model.spec.n_states + 1


def add_encoder(source: Source, model: FittedModel) -> list[str]:
    """Add `encode`, and return the names of the records of the layers."""
    spec = model.spec
    assert spec.encoder is not None
    size = spec.n_states // int(spec.encoder.n_heads)
    source.define(
        HEAD_SIZE=size,
        HEAD_SCALE=literal(np.float32(1.0 / math.sqrt(size))),
        N_WIDE=spec.encoder.n_wide(spec.n_states),
        STATES_EPSILON=literal(np.float32(EPSILON)),
    )
    source.declare(_RECORD)
    # without recurrent layers that read later steps, a step reads none either
    encode = _ENCODE.replace("@N_READ@", "t + 1" if spec.causal else "n_steps")
    for function in (ADD_PRODUCT, _NORMALISE, _MAP, _ATTEND, encode):
        source.function(function)
    return [_add_layer(source, model, k) for k in range(spec.encoder.n_layers)]


def _add_layer(source: Source, model: FittedModel, k: int) -> str:
    """Add the parameters of a layer, and return the name of their record."""
    n = model.spec.n_states

    def both(name: str, part: slice = slice(None), title: str = "") -> list[str]:
        """Add a part of the weight and of the bias of a map or a normalisation."""
        return [
            source.array(
                f"{title or name}_{kind}_l{k}", model.parameters[f"{name}_{kind}_l{k}"][part].T
            )
            for kind in ("weight", "bias")
        ]

    of_steps = "self_attn_in_proj"
    return source.record(
        "encoder", f"encoder_l{k}",
        *both("norm1"), *both(of_steps, slice(n), "query"), *both(of_steps, slice(n, None), "read"),
        *both("self_attn_out_proj"), *both("norm2"), *both("linear1"), *both("linear2"),
    )  # fmt: skip
