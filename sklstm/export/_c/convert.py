"""The network of an estimator as a C file and its header."""

from __future__ import annotations

import json

from sklstm._version import __version__
from sklstm.export._c.source import Source
from sklstm.export._c.stream import add_stream, state_type
from sklstm.export._c.whole import add_whole, floats_per_step
from sklstm.export._fitted import FittedModel


def convert(model: FittedModel, name: str) -> tuple[str, str]:
    """Return the texts of the C file and of the header; functions begin with `name`."""
    source = Source()
    source.define(N_CHANNELS=f"{name.upper()}_N_CHANNELS", N_OUTPUTS=f"{name.upper()}_N_OUTPUTS")
    streams = can_stream(model)
    (add_stream if streams else add_whole)(source, model, name)
    model.parameters.check_all_read("C")
    title = f"/* {_description(model)}. */\n\n"
    includes = f'#include "{name}.h"\n\n#include <math.h>\n\n'
    classes = _classes(model, name)
    return title + includes + source.text() + classes, title + _header(model, name, streams)


def can_stream(model: FittedModel) -> bool:
    """Whether the network reads a sequence step by step, and remembers a state of fixed size."""
    spec = model.spec
    return (
        model.scale in (None, "channel")
        and model.patch_size == 1
        and spec.n_directions == 1
        and not (spec.front or spec.branch)
    )


# --- the header -----------------------------------------------------------------------------
def _header(model: FittedModel, name: str, streams: bool) -> str:
    """Return the header."""
    upper = name.upper()
    n_rows = f"({name}_predict gives so many for each time step)" if model.spec.per_step else ""
    size = "0"
    workspace = "not read: pass NULL"
    if not streams:
        patch = model.patch_size
        rows = "(n_timesteps)" if patch == 1 else f"(((n_timesteps) + {patch - 1}) / {patch})"
        size = f"({rows} * {floats_per_step(model)})"
        workspace = f"of {upper}_WORKSPACE(n_timesteps) floats"
    classes = ""
    if model.classes is not None:
        classes = f"\n/* the class of each output */\nextern const char *const {name}_classes[{len(model.classes)}];\n"
    stream = ""
    if streams:
        stream = f"""{state_type(model, name)}
/* Start a sequence. */
void {name}_init({name}_state *state);

/* Feed one time step, x ({upper}_N_CHANNELS,), and predict from all steps since the start:
   out ({upper}_N_OUTPUTS,). */
void {name}_step({name}_state *state, const float *x, float *out);
"""
    return f"""#ifndef {upper}_H
#define {upper}_H

#include <stddef.h>

#define {upper}_N_CHANNELS {model.n_channels}
#define {upper}_N_OUTPUTS {n_outputs(model)} /* {_outputs(model)} {n_rows}*/
#define {upper}_WORKSPACE(n_timesteps) {size}
{classes}{stream}
/* Predict from a whole sequence x (n_timesteps, {upper}_N_CHANNELS), time step after time step.
   workspace: {workspace}
   out: {"(n_timesteps, " if model.spec.per_step else "("}{upper}_N_OUTPUTS{")" if model.spec.per_step else ",)"} */
void {name}_predict(const float *x, size_t n_timesteps, float *workspace, float *out);

#endif
"""


def n_outputs(model: FittedModel) -> int:
    """Return the values of a prediction."""
    return model.spec.n_outputs if model.classes is None else len(model.classes)


def _outputs(model: FittedModel) -> str:
    """Return what the values of a prediction are."""
    return "values" if model.classes is None else "probabilities"


def _description(model: FittedModel) -> str:
    """Return where the file comes from."""
    channels = ", ".join(model.channel_names)
    text = f"{type(model.estimator).__name__} of sklstm {__version__}; channels: {channels}"
    return text.replace("*/", "* /")


def _classes(model: FittedModel, name: str) -> str:
    """Return the array of the names of the classes."""
    if model.classes is None:
        return ""
    words = ", ".join(json.dumps(str(label)) for label in model.classes.tolist())
    return f"\nconst char *const {name}_classes[{len(model.classes)}] = {{{words}}};\n"
