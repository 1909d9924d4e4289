"""From the states to predictions, in C: poolings, attention, the head and what it gives."""

from __future__ import annotations

import numpy as np

from sklstm._kernels.losses import SMALLEST_VARIANCE
from sklstm.components.distributions import Gaussian
from sklstm.components.losses import Quantile
from sklstm.components.survival import Survival
from sklstm.export._c.source import ADD_PRODUCT, SIGMOID, Source, literal
from sklstm.export._fitted import FittedModel

# For each part of a pooling: what it remembers, its values before the first step, the statements
# that take the states y of one more step (n_steps counts it already), and where the features k come
# from.
_REMEMBERS = {
    "mean": "    float total[{n}];\n",
    "max": "    float highest[{n}];\n",
    "attention": "    float average[{n}], log_total;\n",
}
_BEFORE = {"mean": ", {0.0f}", "max": ", {0.0f}", "attention": ", {0.0f}, 0.0f"}
_TAKES = {
    "last": "",
    "mean": """
    for (size_t k = 0; k < N_STATES; k++)
        p->total[k] = p->n_steps == 1 ? y[k] : p->total[k] + y[k];""",
    "max": """
    for (size_t k = 0; k < N_STATES; k++)
        if (p->n_steps == 1 || y[k] > p->highest[k])
            p->highest[k] = y[k];""",
    "attention": """
    const float now = score(y);
    float share = 1.0f;
    if (p->n_steps == 1) {
        p->log_total = now;
    } else { /* log(exp(before) + exp(now)), without overflow */
        const float before = p->log_total, high = now > before ? now : before;
        p->log_total = high + log1pf(expf(now > before ? before - now : now - before));
        share = expf(now - p->log_total);
    }
    for (size_t k = 0; k < N_STATES; k++)
        p->average[k] = p->n_steps == 1 ? y[k] : p->average[k] + share * (y[k] - p->average[k]);""",
}
_GIVES = {
    "last": "last[k]",
    "mean": "p->total[k] / (float)p->n_steps",
    "max": "p->highest[k]",
    "attention": "p->average[k]",
}

_SCORE = """
/* how much attention a step with the states y gets, before the softmax over time */
static float score(const float *y)
{
    float u[N_UNITS], total = 0.0f;
    for (size_t k = 0; k < N_UNITS; k++)
        u[k] = attention_bias[k];
    add_product(y, N_STATES, attention_weight, N_UNITS, u);
    for (size_t k = 0; k < N_UNITS; k++)
        total += score_weight[k] * tanhf(u[k]);
    return total;
}
"""

_HEAD = """
/* the prediction of one row of features */
static void head(const float *features, float *out)
{
    float raw[N_RAW];
    for (size_t k = 0; k < N_RAW; k++)
        raw[k] = head_bias[k];
    add_product(features, N_FEATURES, head_weight, N_RAW, raw);
    decode(raw, out);
}
"""
_DECODE = """
/* the prediction of raw predictions, which it may change */
static void decode(float *raw, float *out)
{@DECODE@
}
"""
# of a member of an ensemble
_GIVE_RAW = """
    for (size_t k = 0; k < N_RAW; k++)
        out[k] = raw[k];"""
_VALUES = """
    for (size_t k = 0; k < N_RAW; k++)
        out[k] = @VALUE@ * target_scale[k] + target_mean[k];"""
_GAUSSIAN = """
    for (size_t k = 0; 2 * k < N_RAW; k++) { /* of each output its mean and log-deviation */
        const float variance = expf(2.0f * raw[2 * k + 1]) + SMALLEST_VARIANCE;
        out[2 * k] = raw[2 * k] * target_scale[k] + target_mean[k];
        out[2 * k + 1] = sqrtf(variance) * target_scale[k];
    }"""
_QUANTILES = """
    for (size_t k = 0; k * N_SORTED < N_RAW; k++) {
        float *sorted = raw + k * N_SORTED;
        for (size_t i = 1; i < N_SORTED; i++)
            for (size_t j = i; j > 0 && sorted[j] < sorted[j - 1]; j--) {
                const float lower = sorted[j];
                sorted[j] = sorted[j - 1];
                sorted[j - 1] = lower;
            }
        for (size_t j = 0; j < N_GIVEN; j++)
            out[k * N_GIVEN + j] = sorted[given[j]] * target_scale[k] + target_mean[k];
    }"""
_SURVIVAL = """
    out[0] = FIRST_AREA; /* the area under the survival curve, then the curve */
    for (size_t k = 0; k < N_RAW; k++) {
        out[1 + k] = (k > 0 ? out[k] : 1.0f) / (1.0f + expf(raw[k]));
        out[0] += interval[k] * out[1 + k];
    }"""
_SOFTMAX = """
    float highest = raw[0], total = 0.0f;
    for (size_t k = 1; k < N_RAW; k++)
        if (raw[k] > highest)
            highest = raw[k];
    for (size_t k = 0; k < N_RAW; k++) {
        out[k] = expf(raw[k] - highest);
        total += out[k];
    }
    for (size_t k = 0; k < N_RAW; k++)
        out[k] /= total;"""
_BINARY = """
    out[0] = sigmoid(-raw[0]);
    out[1] = sigmoid(raw[0]);"""
_MULTILABEL = """
    for (size_t k = 0; k < N_RAW; k++)
        out[k] = sigmoid(raw[k]);"""


def pool_type(model: FittedModel, name: str) -> str:
    """Return the type of what pooling remembers of a sequence."""
    n_states = model.spec.n_directions * model.spec.n_units
    fields = [_REMEMBERS.get(part, "") for part in model.spec.pooling]
    return f"""
/* what pooling remembers of the time steps so far */
typedef struct {{
    size_t n_steps;
{"".join(fields).format(n=n_states)}}} {name};
"""


def pool_before(model: FittedModel) -> str:
    """Return what pooling remembers before the first step."""
    return f"{{0{''.join(_BEFORE.get(part, '') for part in model.spec.pooling)}}}"


def add_pooling(source: Source, model: FittedModel, kind: str) -> None:
    """Add `pool_add`, which takes one time step, and `pool_features`, which gives the result."""
    parts = model.spec.pooling
    if "attention" in parts:
        weight = model.parameters["attention_weight"]
        source.array("attention_weight", weight.T)
        for name in ("attention_bias", "score_weight"):
            source.array(name, model.parameters[name])
        source.define(N_UNITS=model.spec.n_units)
        source.function(ADD_PRODUCT)
        source.function(_SCORE)
    takes = "".join(_TAKES[part] for part in parts) or "\n    (void)y;"
    source.function(f"""
static void pool_add({kind} *p, const float *y)
{{
    p->n_steps++;{takes}
}}
""")
    gives = "\n".join(
        f"        features[{i} * N_STATES + k] = {_GIVES[part]};" for i, part in enumerate(parts)
    )
    unused = "" if "last" in parts else "\n    (void)last;"
    unused += "" if set(parts) & set(_REMEMBERS) else "\n    (void)p;"
    source.function(f"""
/* last (N_STATES,): the final states */
static void pool_features(const {kind} *p, const float *last, float *features)
{{{unused}
    for (size_t k = 0; k < N_STATES; k++) {{
{gives}
    }}
}}
""")


def add_head(source: Source, model: FittedModel) -> None:
    """Add `head`, from a row of features to a prediction."""
    source.define(N_FEATURES=model.spec.n_features, N_RAW=model.spec.n_outputs)
    source.array("head_weight", model.parameters["head_weight"].T)
    source.array("head_bias", model.parameters["head_bias"])
    source.function(ADD_PRODUCT)
    add_decode(source, model)
    source.function(_HEAD)


def add_decode(source: Source, model: FittedModel) -> None:
    """Add `decode`, from a raw prediction to a prediction."""
    if model.is_member:
        decode = _GIVE_RAW
    elif model.classes is None:
        decode = _values(source, model)
    elif model.estimator.out_activation_ == "softmax":
        decode = _SOFTMAX
    else:
        source.function(SIGMOID)
        decode = _MULTILABEL if model.is_multilabel else _BINARY
    source.function(_DECODE.replace("@DECODE@", decode))


def _values(source: Source, model: FittedModel) -> str:
    """Add the arrays by which raw predictions become values; return the statements."""
    loss = model.regression_loss
    if isinstance(loss, Survival):
        source.define(FIRST_AREA=literal(np.float32(loss.ends[0] / 2.0)))
        source.array("interval", loss.widths)
        return _SURVIVAL
    source.array("target_scale", model.estimator.target_scale_)
    source.array("target_mean", model.estimator.target_mean_)
    if isinstance(loss, Gaussian):
        source.define(SMALLEST_VARIANCE=literal(np.float32(SMALLEST_VARIANCE)))
        return _GAUSSIAN
    if isinstance(loss, Quantile) and loss.n_columns > 1:
        source.define(N_SORTED=loss.n_columns, N_GIVEN=n_numbers(model))
        source.array("given", [loss.place, *loss.places], kind="size_t")
        return _QUANTILES
    return _VALUES.replace("@VALUE@", "expf(raw[k])" if loss.link == "log" else "raw[k]")


def n_numbers(model: FittedModel) -> int:
    """Return how many numbers the prediction of one output of a regressor is."""
    loss = model.regression_loss
    if isinstance(loss, Quantile) and loss.n_columns > 1:
        return 1 + len(loss.places)
    if isinstance(loss, Survival):
        return 1 + loss.n_columns
    return 2 if isinstance(loss, Gaussian) else 1


def kind_of_values(model: FittedModel) -> str:
    """Return what the numbers of a regressor are."""
    loss = model.regression_loss
    if isinstance(loss, Quantile) and loss.n_columns > 1:
        levels = ", ".join(f"{level:g}" for level in loss.levels)
        return f"of each output the value, then the quantiles {levels}"
    if isinstance(loss, Survival):
        ends = ", ".join(f"{end:g}" for end in loss.ends)
        return f"the expected time, then the probability of no event up to {ends}"
    if isinstance(loss, Gaussian):
        return "of each output the value, then its standard deviation"
    return "values"
