"""Networks that read whole sequences, in C: `predict` keeps the values of all steps in a workspace.

Each part reads one of the arrays `seen`, `a` and `b`, and writes `a` or `b`.
"""

from __future__ import annotations

import re

from sklstm.export._c import (
    categories,
    cells,
    chain,
    convolutions,
    encoder,
    inputs,
    numbers,
    readout,
    static_features,
)
from sklstm.export._c.source import Source
from sklstm.export._fitted import FittedModel

_RUN = """
/* the states y (n_steps, N_STATES) of one direction of one layer */
static void run(const scan *p, const float *x, size_t n_steps, int backwards, float *y)
{
    float @STATES@;
    for (size_t s = 0; s < n_steps; s++) {
        const size_t t = backwards ? n_steps - 1 - s : s;
        step_of_scan(p, x + t * p->n_inputs, @ARGUMENTS@);
        for (size_t u = 0; u < HIDDEN; u++)
            y[t * N_STATES + u] = h[u];
    }
}
"""


def add_whole(source: Source, model: FittedModel, name: str) -> None:
    """Add `predict`."""
    spec = model.spec
    source.define(
        PATCH=model.patch_size,
        N_COPIES=2 if model.scale == "both" else 1,
        N_SEEN=spec.n_patched,
        N_STATES=spec.n_directions * spec.n_units,
        WIDTH=_width(model),
    )
    lines = [
        "size_t n_steps = (n_timesteps + PATCH - 1) / PATCH;",
        "float *seen = workspace, *a = seen + n_steps * N_SEEN, *b = a + n_steps * WIDTH;",
        "float *more = seen + n_steps * (N_SEEN + 2 * WIDTH);",
        *([] if spec.per_step else ["float features[N_FEATURES];"]),
        *_read_input(source, model),
        *_branch(source, model),
    ]
    calls, at = _layers(source, model)
    lines += [*calls, *_readout(source, model, name, at)]
    _leave_out_unused(lines)
    body = "\n".join(f"    {line}" for line in lines)
    source.function(f"""
void {name}_predict(const float *x, size_t n_timesteps, float *workspace, float *out)
{{
{body}
}}
""")


def _layers(source: Source, model: FittedModel) -> tuple[list[str], str]:
    """Add all between input and readout; return the calls, and the array with the states."""
    spec, at, lines = model.spec, "seen", []
    for record in convolutions.add_convolutions(source, model, "conv", spec.front):
        lines.append(f"n_steps = convolve(&{record}, {at}, n_steps, {_next(at)});")
        at = _next(at)
    if spec.num_layers:
        cells.add_cell(source, model)
        states = "hc" if spec.cell.has_memory else "h"
        run = _RUN.replace("@STATES@", ", ".join(f"{s}[HIDDEN] = {{0.0f}}" for s in states))
        source.function(run.replace("@ARGUMENTS@", ", ".join(states)))
    for layer, suffix in spec.scans:
        scan = cells.add_scan(source, model, f"l{layer}{suffix}")
        backwards = int(suffix == "_reverse")
        out = f"{_next(at)} + HIDDEN" if backwards else _next(at)
        lines.append(f"run(&{scan}, {at}, n_steps, {backwards}, {out});")
        if backwards == spec.n_directions - 1:
            at = _next(at)
    if spec.encoder is not None:
        for record in encoder.add_encoder(source, model):
            room = "more, more + n_steps * 2 * N_STATES"
            lines.append(f"encode(&{record}, n_steps, {at}, {room});")
    return lines, at


def _leave_out_unused(lines: list[str]) -> None:
    """Take arrays that no call names out of the second and the third line, which declare them."""
    calls = " ".join(lines[3:])
    if not re.search(r"\bb\b", calls):
        lines[1] = "float *seen = workspace, *a = seen + n_steps * N_SEEN;"
    if not re.search(r"\bmore\b", calls):
        del lines[2]


def _read_input(source: Source, model: FittedModel) -> list[str]:
    """Add what x is read by; return the calls, which write `seen` and static features."""
    inputs.add_input(source, model)
    read, lines = "x", []
    if numbers.stand_apart(model):
        numbers.add_numbers(source, model)
        read = "more"
        lines += [
            "for (size_t t = 0; t < n_timesteps; t++)",
            "    take_numbers(x + t * X_CHANNELS, t == 0, more + t * N_CHANNELS);",
        ]
    room = ", a, b" if chain.is_read(model) else ""
    lines.append(f"read_input({read}, n_timesteps, seen{room});")
    if len(model.static):
        static_features.add_static(source, model)
        lines += [
            "float constant[N_CONSTANT];",
            "read_static(x, n_timesteps, constant);",
            "put_beside(constant, n_timesteps, n_steps, seen);",
        ]
    if len(model.categorical):
        categories.add_tables(source, model)
        lines.append("embed(x, n_timesteps, n_steps * PATCH - n_timesteps, seen);")
    if model.spec.n_static:
        lines += [
            "for (size_t k = 0; k < N_CONSTANT; k++)",
            f"    features[{model.spec.n_pooled} + k] = constant[k];",
        ]
    return lines


def floats_per_step(model: FittedModel) -> int:
    """Return how much workspace a step after patching needs."""
    apart = model.patch_size * len(model.numeric) if numbers.stand_apart(model) else 0
    more = max(apart, encoder.floats_per_step(model))
    return model.spec.n_patched + 2 * _width(model) + more


def _width(model: FittedModel) -> int:
    """Return the most values that a part gives for a step of the layers."""
    spec = model.spec
    filters = [layer.n_filters for layer in spec.front]
    of_branch = [layer.n_filters * spec.patch_size for layer in spec.branch]
    # where gaps are filled by all channels, x and the last change lie there before
    of_chain = model.patch_size * len(model.numeric) if chain.is_read(model) else 1
    return max(spec.n_directions * spec.n_units, *filters, *of_branch, of_chain)


def _next(array: str) -> str:
    """Return the array to write to, where this one is read."""
    return "b" if array == "a" else "a"


def _branch(source: Source, model: FittedModel) -> list[str]:
    """Add the convolutions beside the layers; return the calls that write their features."""
    spec = model.spec
    if not spec.branch:
        return []
    n_steps, at, lines = "n_steps", "seen", []
    if spec.patch_size > 1:  # its own steps, without those of zeros that complete a patch
        source.define(BRANCH_PATCH=model.branch_patch_size)
        n_steps, at = "n_beside", "beside"
        lines += [
            "const size_t n_beside = (n_timesteps + BRANCH_PATCH - 1) / BRANCH_PATCH;",
            f"const float *beside = seen + n_steps * N_SEEN - n_beside * {spec.n_channels};",
        ]
    for record in convolutions.add_convolutions(source, model, "fcn", spec.branch):
        lines.append(f"convolve(&{record}, {at}, {n_steps}, {_next(at)});")
        at = _next(at)
    convolutions.add_mean(source)
    n_filters, place = spec.branch[-1].n_filters, spec.n_pooled + spec.n_static
    lines.append(f"mean_over_time({at}, {n_steps}, {n_filters}, features + {place});")
    return lines


def _readout(source: Source, model: FittedModel, name: str, at: str) -> list[str]:
    """Add pooling and head; return the calls that turn the states into predictions."""
    spec = model.spec
    if spec.per_step:
        readout.add_head(source, model)
        return [
            "for (size_t t = 0; t < n_steps; t++)",
            f"    head({at} + t * N_STATES, out + t * N_OUTPUTS);",
        ]
    source.declare(readout.pool_type(model, f"{name}_pool"))
    readout.add_pooling(source, model, f"{name}_pool")
    readout.add_head(source, model)
    lines = [
        f"{name}_pool pool = {readout.pool_before(model)};",
        "for (size_t t = 0; t < n_steps; t++)",
        f"    pool_add(&pool, {at} + t * N_STATES);",
    ]
    last = f"{at} + (n_steps - 1) * N_STATES"
    if spec.n_directions == 2 and "last" in spec.pooling:  # backwards, it is the first step
        lines += [
            "float last[N_STATES];",
            "for (size_t u = 0; u < HIDDEN; u++) {",
            f"    last[u] = {at}[(n_steps - 1) * N_STATES + u];",
            f"    last[HIDDEN + u] = {at}[HIDDEN + u];",
            "}",
        ]
        last = "last"
    return [*lines, f"pool_features(&pool, {last}, features);", "head(features, out);"]
