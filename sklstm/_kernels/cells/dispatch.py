"""The way from a cell's marker to the step that is compiled.

A cell is two functions on one vector of units, and a marker: a NamedTuple that tells the scan
how much room the cell needs. The *type* of the marker picks the functions while Numba
compiles, so that a network is compiled with its own cell only, the calls are inlined, and the
result is found in the cache again, which it would not be with functions as arguments. The file
of a cell calls `register_cell`.

A marker has no fields, which would be handed over in every call, but these constants of its
class, in whole vectors for each vector of units:

- n_gates: columns of pre-activations; they lie side by side.
- n_kept: what the forward step keeps for the backward step in `cells`.
- n_extra: rows of the weights below the bias, for the cell's own use.
- direct: 1 if h_{t-1} reaches h_t past the gates too: the backward step then writes this
  part of its gradient into dh, and the scan adds the part that comes through the gates.

A cell without memory leaves c and dc as they are.
"""

from __future__ import annotations

from typing import Any

from numba import typeof, types
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import lower_getattr, overload

from sklstm._kernels.jit import INLINED

# type of a marker -> its forward and its backward step
_STEPS: dict[type, tuple[Any, Any]] = {}


def step_forward(cell, gates, gate, h_before, share, weight, extra, c, unit, cells, kept, keep):
    """One step of one vector of units of one row; returns the vector h_t.

    Offsets are flat; an offset follows the array that it belongs to.

    (in) cell: marker
    (accum) gates at gate (n_gates, lanes): pre-activations; with `keep`, then what
            `step_backward` reads
    (in) h_before: h_{t-1}, a vector
    (in) share: factor of the update (of g, the GRU's n), a vector: 1, or a dropout mask
    (in) weight at extra (n_gates, lanes): the first row below the bias, if n_extra
    (accum) c at unit (lanes,): c_{t-1}, then c_t
    (out) cells at kept (n_kept, lanes), if `keep`
    """
    raise NotImplementedError


def step_backward(
    cell, gates, gate, h_before, share, weight, extra, cells, kept, truncated, dh_now, dh, dc,
    unit, dweight, dextra,
):  # fmt: skip
    """Gradient of `step_forward`.

    (in) cell, h_before, share, weight, cells: as the forward step had them
    (accum) gates at gate (n_gates, lanes): as the forward step left them, then the gradient
            of the pre-activations
    (in) truncated: no error goes from a gate into the cell
    (in) dh_now: gradient of h_t, a vector
    (out) dh at unit (lanes,): what of the gradient of h_{t-1} comes past the gates, if direct
    (accum) dc at unit (lanes,): gradient of c_t, then of c_{t-1}
    (accum) dweight at dextra (n_gates, lanes): of the row below the bias, if n_extra
    """
    raise NotImplementedError


_CONSTANTS = ("n_gates", "n_kept", "n_extra", "direct")


def register_cell(marker: type, forward: Any, backward: Any) -> None:
    """Let kernels find the steps and constants of a cell by the type of its marker."""
    _STEPS[marker] = forward, backward
    _declare_constants(typeof(marker()))


def _declare_constants(marker: types.NamedTuple) -> None:
    """Let kernels read the constants of a marker's class, without compiling anything for them.

    Only for the type of this marker: named tuples of other packages may have fields with the
    same names.
    """

    @infer_getattr
    class Constants(AttributeTemplate):
        key = marker

        def generic_resolve(self, marker: Any, name: str) -> Any:
            return types.intp if name in _CONSTANTS else None

    def declare(name: str) -> None:
        @lower_getattr(marker, name)
        def constant(context: Any, builder: Any, marker: Any, value: Any) -> Any:
            return context.get_constant(types.intp, getattr(marker.instance_class, name))

    for name in _CONSTANTS:
        declare(name)


# Numba takes the names of the arguments from the Python function, so every cell has the same.
@overload(step_forward, jit_options=INLINED, strict=True)
def _step_forward(cell, gates, gate, h_before, share, weight, extra, c, unit, cells, kept, keep):
    return _STEPS[cell.instance_class][0].py_func


@overload(step_backward, jit_options=INLINED, strict=True)
def _step_backward(
    cell, gates, gate, h_before, share, weight, extra, cells, kept, truncated, dh_now, dh, dc,
    unit, dweight, dextra,
):  # fmt: skip
    return _STEPS[cell.instance_class][1].py_func
