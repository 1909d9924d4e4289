"""The network of an estimator as a C file and its header."""

from __future__ import annotations

from collections.abc import Sequence

from sklstm._version import __version__
from sklstm.export._c import categories, readout
from sklstm.export._c.source import Source, in_comment, strings_in, wrapped
from sklstm.export._c.stream import add_stream, state_type
from sklstm.export._c.whole import add_whole, floats_per_step
from sklstm.export._fitted import FittedModel

_HEADER = """#ifndef @UPPER@_H
#define @UPPER@_H

#include <stddef.h>
@MEMBERS@
#ifdef __cplusplus
extern "C" {
#endif

#define @UPPER@_N_CHANNELS @N_CHANNELS@
#define @UPPER@_N_OUTPUTS @N_OUTPUTS@ /* @KIND@ */
#define @UPPER@_WORKSPACE(n_timesteps) @SIZE@
@CLASSES@@CODES@@STREAM@
/* Predict from a whole sequence of at least one time step.
   x (n_timesteps, @UPPER@_N_CHANNELS): one time step after another@GAPS@@TIMES@
   workspace: @WORKSPACE@
   out @SHAPE@ */
void @NAME@_predict(const float *x, size_t n_timesteps, float *workspace, float *out);

#ifdef __cplusplus
}
#endif

#endif
"""
_CLASSES = """
/* the class of each output */
extern const char *const @NAME@_classes[@UPPER@_N_OUTPUTS];
"""
_STREAM = """
/* Start a sequence. */
void @NAME@_init(@NAME@_state *state);

/* Feed one time step, and predict from all steps since the start.
   x (@UPPER@_N_CHANNELS,)@GAPS@@TIMES@
   out (@UPPER@_N_OUTPUTS,) */
void @NAME@_step(@NAME@_state *state, const float *x, float *out);
"""


def convert(model: FittedModel, name: str) -> dict[str, str]:
    """Return the texts of the C file and of the header by name; functions begin with `name`."""
    source = Source()
    source.define(
        X_CHANNELS=f"{name.upper()}_N_CHANNELS",
        N_CHANNELS=len(model.numeric),
        N_OUTPUTS=f"{name.upper()}_N_OUTPUTS",
    )
    streams = _can_stream(model)
    (add_stream if streams else add_whole)(source, model, name)
    if not model.is_member:
        categories.add_codes(source, model, name)
    model.parameters.check_all_read("C")
    return file_and_header(source, model, name)


def file_and_header(
    source: Source, model: FittedModel, name: str, members: Sequence[str] = ()
) -> dict[str, str]:
    """Return the texts of the C file and of the header by name; members: of an ensemble."""
    title = f"/* {_description(model)} */\n\n"
    includes = f'#include "{name}.h"\n\n#include <math.h>\n\n'
    return {
        f"{name}.c": title + includes + source.text() + _classes(model, name),
        f"{name}.h": title + _header(model, name, members),
    }


def _can_stream(model: FittedModel) -> bool:
    """Whether the network reads a sequence step by step, and remembers a state of fixed size."""
    spec = model.spec
    return (
        (model.scale in (None, "channel") or not len(model.numeric))
        and model.patch_size == 1
        and spec.n_directions == 1
        and not len(model.estimator.static_channels_)
        and spec.encoder is None
        and not (spec.front or spec.branch)
    )


# --- the header -----------------------------------------------------------------------------
def _header(model: FittedModel, name: str, members: Sequence[str]) -> str:
    """Return the header; members: of an ensemble, by the names of their files."""
    streams = _can_stream(model)
    upper, per_step = name.upper(), model.spec.per_step
    size, workspace = "0", "not read, may be NULL"
    if not streams:
        patch = model.patch_size
        rows = "(n_timesteps)" if patch == 1 else f"(((n_timesteps) + {patch - 1}) / {patch})"
        size = f"({rows} * {floats_per_step(model)})"
    if members and per_step:
        raws = f"(n_timesteps) * {len(members) * model.spec.n_outputs}"
        size = f"({raws})" if size == "0" else f"({size} + {raws})"
    if size != "0":
        workspace = f"{upper}_WORKSPACE(n_timesteps) floats that are free to use"
    texts = {
        "NAME": name,
        "UPPER": upper,
        "N_CHANNELS": str(model.n_channels),
        "N_OUTPUTS": str(_n_outputs(model)),
        "KIND": _kind(model),
        "MEMBERS": "".join(f'#include "{member}.h"\n' for member in members),
        "SIZE": size,
        "CLASSES": "" if model.classes is None or model.is_member else _CLASSES,
        "STREAM": _state_type(model, name, members) + _STREAM if streams else "",
        "WORKSPACE": workspace,
        "GAPS": "; NaN is a gap" if model.reads_gaps else "",
        "TIMES": _times(model),
        "SHAPE": f"(n_timesteps, {upper}_N_OUTPUTS)" if per_step else f"({upper}_N_OUTPUTS,)",
    }
    texts["CODES"] = "" if model.is_member else categories.declarations(model, name)
    header = _HEADER
    for key in ("CLASSES", "STREAM", *texts):  # those that hold others come first
        header = header.replace(f"@{key}@", texts[key])
    return header


def _times(model: FittedModel) -> str:
    """Return what the header says of the last channel, if it is the time."""
    if not model.time_unit:
        return ""
    unit = "seconds" if model.has_time_stamps else "the numbers of the times of fit"
    return f"""
   The last channel of x is the time since the step before, in {unit}.
   It is needed at every step but the first, where it is not read."""


def _state_type(model: FittedModel, name: str, members: Sequence[str]) -> str:
    """Return the types of what a stream remembers."""
    if not members:
        return state_type(model, name)
    fields = "\n".join(f"    {member}_state member{k};" for k, member in enumerate(members))
    return f"\ntypedef struct {{\n{fields}\n}} {name}_state;\n"


def _kind(model: FittedModel) -> str:
    """Return what the outputs are."""
    if model.is_member:
        return "what the file of the ensemble makes a prediction of"
    return "probabilities" if model.classes is not None else readout.kind_of_values(model)


def _n_outputs(model: FittedModel) -> int:
    """Return the values of a prediction."""
    if model.is_member:
        return model.spec.n_outputs
    if model.classes is not None:
        return len(model.classes)
    return model.estimator.n_outputs_ * readout.n_numbers(model)


def _description(model: FittedModel) -> str:
    """Return where the file comes from."""
    names = wrapped(list(map(in_comment, model.channel_names)))
    first = f"{type(model.estimator).__name__} of sklstm {__version__}; channels:"
    return "\n".join([first, *names])


def _classes(model: FittedModel, name: str) -> str:
    """Return the array of the names of the classes."""
    if model.classes is None or model.is_member:
        return ""
    words = strings_in([str(label) for label in model.classes.tolist()])
    return f"\nconst char *const {name}_classes[{len(model.classes)}] = {words};\n"
