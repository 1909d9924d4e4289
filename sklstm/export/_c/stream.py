"""Networks that are fed step by step, in C: a state of fixed size, `init`, `step`, `predict`."""

from __future__ import annotations

from sklstm.export._c import categories, cells, inputs, numbers, readout
from sklstm.export._c.source import Source
from sklstm.export._fitted import FittedModel

_ADVANCE = """
static void advance(@NAME@_state *state, const float *x)
{
    float seen[N_SEEN];
@READ@
@STEPS@
}
"""
_FROM_LAST = """
static void give(const @NAME@_state *state, float *out)
{
    head(state->h[N_LAYERS - 1], out);
}
"""
_FROM_POOL = """
static void give(const @NAME@_state *state, float *out)
{
    float features[N_FEATURES];
    pool_features(&state->pool, state->h[N_LAYERS - 1], features);
    head(features, out);
}
"""
_INIT = """
void @NAME@_init(@NAME@_state *state)
{
    for (size_t layer = 0; layer < N_LAYERS; layer++) {
        for (size_t u = 0; u < HIDDEN; u++) {
@ZEROS@
        }
    }
@NOTHING_SEEN@@NO_STEPS@@NOT_STARTED@}
"""
_NOTHING_SEEN = """\
    for (size_t channel = 0; channel < N_CHANNELS; channel++) {
        state->last[channel] = (float)NAN;
        state->ago[channel] = 0.0;
    }
"""
_STEP = """
void @NAME@_step(@NAME@_state *state, const float *x, float *out)
{
    advance(state, x);
    give(state, out);
}
"""
_PREDICT = """
void @NAME@_predict(const float *x, size_t n_timesteps, float *workspace, float *out)
{
    @NAME@_state state;
    (void)workspace;
    @NAME@_init(&state);
    for (size_t t = 0; t < n_timesteps; t++)
        advance(&state, x + t * X_CHANNELS);
    give(&state, out);
}
"""
_PREDICT_EVERY_STEP = """
void @NAME@_predict(const float *x, size_t n_timesteps, float *workspace, float *out)
{
    @NAME@_state state;
    (void)workspace;
    @NAME@_init(&state);
    for (size_t t = 0; t < n_timesteps; t++)
        @NAME@_step(&state, x + t * X_CHANNELS, out + t * N_OUTPUTS);
}
"""


def add_stream(source: Source, model: FittedModel, name: str) -> None:
    """Add `init` and `step`, and `predict` by way of them."""
    spec = model.spec
    source.define(N_LAYERS=spec.num_layers, N_STATES=spec.n_units, N_SEEN=spec.n_channels)
    read = _read_step(source, model)
    cells.add_cell(source, model)
    scans = [cells.add_scan(source, model, f"l{layer}") for layer in range(spec.num_layers)]
    if not spec.per_step:
        readout.add_pooling(source, model, f"{name}_pool")
    readout.add_head(source, model)
    steps = []
    for layer, scan in enumerate(scans):
        x = f"state->h[{layer - 1}]" if layer else "seen"
        states = ", ".join(f"state->{part}[{layer}]" for part in _parts(model))
        steps.append(f"    step_of_scan(&{scan}, {x}, {states});")
    if not spec.per_step:
        steps.append("    pool_add(&state->pool, state->h[N_LAYERS - 1]);")
    zeros = [f"            state->{part}[layer][u] = 0.0f;" for part in _parts(model)]
    texts = {
        "NAME": name,
        "STEPS": "\n".join(steps),
        "ZEROS": "\n".join(zeros),
        "READ": "\n".join(f"    {line}" for line in read),
        "NOTHING_SEEN": _NOTHING_SEEN if _remembers_values(model) else "",
        "NO_STEPS": "" if spec.per_step else "    state->pool.n_steps = 0;\n",
        "NOT_STARTED": "    state->is_started = 0;\n" if model.time_unit else "",
    }
    give, predict = (_FROM_LAST, _PREDICT_EVERY_STEP) if spec.per_step else (_FROM_POOL, _PREDICT)
    for function in (_ADVANCE, give, _INIT, _STEP, predict):
        for key, text in texts.items():
            function = function.replace(f"@{key}@", text)
        source.function(function)


def _read_step(source: Source, model: FittedModel) -> list[str]:
    """Add what a step is read by; return the calls, which write `seen`."""
    lines, read, passed = [], "x", "1.0"
    if len(model.categorical):
        source.define(ROW_STEPS=1, ROW="N_SEEN")
        categories.add_tables(source, model)
        lines.append("embed(x, 1, 0, seen);")
    if not len(model.numeric):
        return lines
    inputs.add_step_input(source, model)
    if numbers.stand_apart(model):
        numbers.add_numbers(source, model)
        is_first, read = "!state->is_started" if model.time_unit else "0", "numbers"
        lines += ["float numbers[N_CHANNELS];", f"take_numbers(x, {is_first}, numbers);"]
    if model.time_unit:
        passed = "time_to(numbers, !state->is_started)"
    memory = f"state->last, state->ago, {passed}, " if model.reads_gaps else ""
    lines.append(f"read_row({memory}{read}, seen);")
    return [*lines, "state->is_started = 1;"] if model.time_unit else lines


def state_type(model: FittedModel, name: str) -> str:
    """Return the types of what a stream remembers."""
    spec = model.spec
    pool = "" if spec.per_step else readout.pool_type(model, f"{name}_pool")
    fields = [f"    float {part}[{spec.num_layers}][{spec.hidden_size}];" for part in _parts(model)]
    if _remembers_values(model):  # the last values, and how long ago they were
        fields.append(f"    float last[{len(model.numeric)}];")
        fields.append(f"    double ago[{len(model.numeric)}];")
    if model.time_unit:
        fields.append("    int is_started;")
    if pool:
        fields.append(f"    {name}_pool pool;")
    return f"{pool}\ntypedef struct {{\n{chr(10).join(fields)}\n}} {name}_state;\n"


def _remembers_values(model: FittedModel) -> bool:
    """Whether the last values fill gaps."""
    return model.reads_gaps and len(model.numeric) > 0


def _parts(model: FittedModel) -> str:
    """Return the names of the states of a layer."""
    return "hc" if model.spec.cell.has_memory else "h"
