"""Ensembles in C: each member is a file of its own, and one more makes a prediction of all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sklstm.components.distributions import Gaussian, LogLink
from sklstm.components.loss import Loss
from sklstm.components.losses import BinaryCrossEntropy, CrossEntropy
from sklstm.components.survival import Survival
from sklstm.export._c import categories, readout
from sklstm.export._c.convert import convert, file_and_header
from sklstm.export._c.source import SIGMOID, Source
from sklstm.export._fitted import FittedModel

_COMBINE = """
/* the raw prediction (N_RAW,) of the ensemble, of those of its members, so far apart */
static void combine(const float *raws, size_t apart, float *raw)
{@STATEMENTS@
}
"""
_MEAN = """
    for (size_t k = 0; k < N_RAW; k++) {
        float total = 0.0f;
        for (size_t m = 0; m < N_MEMBERS; m++)
            total += raws[m * apart + k];
        raw[k] = total / N_MEMBERS;
    }"""
_OF_EXPONENTIALS = """
    for (size_t k = 0; k < N_RAW; k++) {
        float total = 0.0f;
        for (size_t m = 0; m < N_MEMBERS; m++)
            total += expf(raws[m * apart + k]);
        raw[k] = logf(total / N_MEMBERS);
    }"""
_OF_SIGMOIDS = """
    for (size_t k = 0; k < N_RAW; k++) {
        float positive = 0.0f, negative = 0.0f;
        for (size_t m = 0; m < N_MEMBERS; m++) {
            positive += sigmoid(raws[m * apart + k]);
            negative += sigmoid(-raws[m * apart + k]);
        }
        raw[k] = logf(positive / negative);
    }"""
_OF_SOFTMAX = """
    for (size_t k = 0; k < N_RAW; k++)
        raw[k] = 0.0f;
    for (size_t m = 0; m < N_MEMBERS; m++) {
        const float *own = raws + m * apart;
        float highest = own[0], total = 0.0f;
        for (size_t k = 1; k < N_RAW; k++)
            highest = own[k] > highest ? own[k] : highest;
        for (size_t k = 0; k < N_RAW; k++)
            total += expf(own[k] - highest);
        for (size_t k = 0; k < N_RAW; k++)
            raw[k] += expf(own[k] - highest) / total;
    }
    for (size_t k = 0; k < N_RAW; k++)
        raw[k] = logf(raw[k] / N_MEMBERS);"""
_OF_MIXTURE = """
    for (size_t k = 0; k < N_RAW; k += 2) { /* mean and log-deviation */
        float mean = 0.0f, variance = 0.0f;
        for (size_t m = 0; m < N_MEMBERS; m++)
            mean += raws[m * apart + k];
        mean /= N_MEMBERS;
        for (size_t m = 0; m < N_MEMBERS; m++) {
            const float away = raws[m * apart + k] - mean;
            variance += expf(2.0f * raws[m * apart + k + 1]) + away * away;
        }
        raw[k] = mean;
        raw[k + 1] = 0.5f * logf(variance / N_MEMBERS);
    }"""
_OF_HAZARDS = """
    float before[N_MEMBERS]; /* survival of each member up to an interval */
    for (size_t m = 0; m < N_MEMBERS; m++)
        before[m] = 1.0f;
    for (size_t k = 0; k < N_RAW; k++) {
        float events = 0.0f, survivors = 0.0f;
        for (size_t m = 0; m < N_MEMBERS; m++) {
            events += before[m] * sigmoid(raws[m * apart + k]);
            before[m] *= sigmoid(-raws[m * apart + k]);
            survivors += before[m];
        }
        raw[k] = events + survivors > 0.0f ? logf(events / survivors) : 0.0f;
    }"""
# by the rule of the loss; its result is a raw prediction, whose prediction is that of the ensemble
_COMBINATIONS: dict[Callable[..., Any], str] = {
    Loss.mean: _MEAN,
    LogLink.mean: _OF_EXPONENTIALS,
    BinaryCrossEntropy.mean: _OF_SIGMOIDS,
    CrossEntropy.mean: _OF_SOFTMAX,
    Gaussian.mean: _OF_MIXTURE,
    Survival.mean: _OF_HAZARDS,
}

_PREDICT = """
void @NAME@_predict(const float *x, size_t n_timesteps, float *workspace, float *out)
{
    float raws[N_MEMBERS * N_RAW], raw[N_RAW];
@PREDICT@
    combine(raws, N_RAW, raw);
    decode(raw, out);
}
"""
_PREDICT_EVERY_STEP = """
void @NAME@_predict(const float *x, size_t n_timesteps, float *workspace, float *out)
{
    float *raws = workspace, raw[N_RAW];
    const size_t apart = n_timesteps * N_RAW;
    workspace += N_MEMBERS * apart;
@PREDICT@
    for (size_t t = 0; t < n_timesteps; t++) {
        combine(raws + t * N_RAW, apart, raw);
        decode(raw, out + t * N_OUTPUTS);
    }
}
"""
_STREAM = """
void @NAME@_init(@NAME@_state *state)
{
@INIT@
}

void @NAME@_step(@NAME@_state *state, const float *x, float *out)
{
    float raws[N_MEMBERS * N_RAW], raw[N_RAW];
@STEP@
    combine(raws, N_RAW, raw);
    decode(raw, out);
}
"""


def convert_ensemble(model: FittedModel, name: str) -> dict[str, str]:
    """Return the texts of all files by their names; functions begin with `name`."""
    members = {f"{name}_member{k}": member for k, member in enumerate(model.members)}
    names, files = list(members), dict[str, str]()
    for own, member in members.items():
        files |= convert(replace(member, is_member=True), own)
    source = Source()
    source.define(
        N_OUTPUTS=f"{name.upper()}_N_OUTPUTS", N_RAW=model.spec.n_outputs, N_MEMBERS=len(names)
    )
    loss = model.estimator._loss()
    if type(loss).mean not in _COMBINATIONS:
        raise ValueError(f"An ensemble with the loss {loss!r} cannot be exported to C.")
    statements = _COMBINATIONS[type(loss).mean]
    source.function(SIGMOID if "sigmoid" in statements else "")
    source.function(_COMBINE.replace("@STATEMENTS@", statements))
    readout.add_decode(source, model)
    per_step, streams = model.spec.per_step, f"{names[0]}_step" in files[f"{names[0]}.h"]
    apart = "apart" if per_step else "N_RAW"
    calls = {
        "PREDICT": f"{{}}_predict(x, n_timesteps, workspace, raws + {{}} * {apart});",
        "INIT": "{}_init(&state->member{});",
        "STEP": "{}_step(&state->member{}, x, raws + {} * N_RAW);",
    }
    text = (_PREDICT_EVERY_STEP if per_step else _PREDICT) + (_STREAM if streams else "")
    for key, call in calls.items():
        lines = [f"    {call.format(own, k, k)}" for k, own in enumerate(names)]
        text = text.replace(f"@{key}@", "\n".join(lines))
    source.function(text.replace("@NAME@", name))
    categories.add_codes(source, model, name)
    return files | file_and_header(source, model, name, names)
