"""How chunks of a minibatch that are on several threads wait for each other inside a kernel."""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from sklstm._kernels.jit import device, kernel

_IS_X86 = llvm.get_process_triple().startswith(("x86", "i686"))


@intrinsic
def _publish(typingctx: Any, array: Any, place: Any, value: Any) -> Any:
    """Write an integer; who reads it by `_published` sees all that was written before."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        data = context.data_model_manager[sig.args[0]].get(builder, args[0], "data")
        builder.store_atomic(args[2], builder.gep(data, [args[1]]), "release", 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.int64), codegen


@intrinsic
def _published(typingctx: Any, array: Any, place: Any) -> Any:
    """Read an integer that another thread may write."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        data = context.data_model_manager[sig.args[0]].get(builder, args[0], "data")
        return builder.load_atomic(builder.gep(data, [args[1]]), "acquire", 8)

    return types.int64(array, types.intp), codegen


@intrinsic
def _relax(typingctx: Any) -> Any:
    """Leave the processor to its other hardware thread for some cycles."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        if _IS_X86:
            fnty = ir.FunctionType(ir.VoidType(), [])
            builder.call(builder.module.declare_intrinsic("llvm.x86.sse2.pause", (), fnty), [])
        return context.get_dummy_value()

    return types.void(), codegen


@device
def arrive(arrived, chunk):
    """Tell the others that a chunk has come to the next place where all need each other.

    (accum) arrived int64 (n_chunks,): the places that each chunk has come to
    """
    _publish(arrived, chunk, arrived[chunk] + 1)


@device
def reached(numbers, place, least, patience):
    """Return whether a number that another thread raises has become as large as `least`.

    (in) numbers int64 (n,), place: of the number
    (in) patience: how many times to look, at least once
    """
    for _ in range(max(patience, 1)):
        if _published(numbers, place) >= least:
            return True
        _relax()
    return False


@device
def all_arrived(arrived, chunk, patience):
    """Return whether all chunks have come to the place of this one.

    (in) arrived (n_chunks,): see `arrive`
    (in) patience: how many times to look for each chunk
    """
    n_arrived = 0
    while n_arrived < arrived.size and reached(arrived, n_arrived, arrived[chunk], patience):
        n_arrived += 1
    return n_arrived == arrived.size


NOTHING = np.empty(0, np.int64)  # no number


@kernel
def hand_over(mine, other, least, patience):
    """Raise a number, and return whether another one has become as large as `least`.

    It comes in a compiled call so that who waits for `mine` finds the interpreter lock free:
    between two threads that want it at once the lock takes as long as to wake a thread.

    (accum) mine int64 (1,): another thread looks at it; of size 0: there is none
    (in) other int64 (1,): which another thread raises; of size 0: there is none to look at
    (in) patience: see `reached`
    """
    if mine.size > 0:
        _publish(mine, 0, mine[0] + 1)
    return other.size > 0 and reached(other, 0, least, patience)
