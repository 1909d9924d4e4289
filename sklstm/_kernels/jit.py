"""The one recipe with which every kernel is compiled."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba.core import compiler

# For calls from kernel to kernel: numba compiles a callee anew for every Python literal
# that it is called with, for NumPy's scalars it does not.
TRUE, FALSE, ONE = np.True_, np.False_, np.intp(1)

# error_model="numpy": the Python model puts a branch into every division, which keeps
# loops from being vectorised (eleven times slower).
# No fastmath: vectors and fused multiply-adds are explicit, so that it would bring nothing;
# and a process that compiles may run another copy of a function than one that loads its
# caller from the cache, optimised in another context. Only strict arithmetic gives both
# the same result to the last bit, and lets a NaN be a NaN.
# No counting of references: kernels allocate nothing, and the arrays outlive the call. It would
# make the code half as long again, which costs seconds of compilation, and slow the loops.
# And no wrapper for callers in C, of whom there are none.
UNCOUNTED: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "_nrt": False,
    "no_cfunc_wrapper": True,
}
INLINED: dict[str, Any] = {**UNCOUNTED, "forceinline": True}


def kernel(function: Callable[..., Any]) -> Any:
    """Compile an entry point: called from Python, kept in Numba's cache on disk.

    Where no folder can be written (a read-only container), the kernel is compiled
    anew in every process, and one warning says so.
    """
    try:
        return numba.njit(cache=True, pipeline_class=_Compiler, **UNCOUNTED)(function)
    except RuntimeError:  # numba: "no locator available"
        _warn_uncached()
        return numba.njit(pipeline_class=_Compiler, **UNCOUNTED)(function)


def device(function: Callable[..., Any]) -> Any:
    """Compile a function that only kernels call: it is stored inside its callers."""
    return numba.njit(no_cpython_wrapper=True, **UNCOUNTED)(function)


def part(function: Callable[..., Any]) -> Any:
    """Compile a function as a part of the kernels that call it, each in one place.

    It is not compiled by itself: that would double what LLVM has to do.
    """
    return numba.njit(inline="always", **UNCOUNTED)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a function into the loops of its callers: a call would cost as much as its body."""
    return numba.njit(no_cpython_wrapper=True, **INLINED)(function)


def address_of(function: Callable[..., Any], signature: Any) -> int:
    """Compile a function by itself and give its address, for kernels that call it by that."""
    try:
        compile = numba.cfunc(signature, cache=True, pipeline_class=_Compiler, **UNCOUNTED)
        compiled = compile(function)
    except RuntimeError:
        _warn_uncached()
        compiled = numba.cfunc(signature, pipeline_class=_Compiler, **UNCOUNTED)(function)
    _kept_alive.append(compiled)
    return compiled.address


def entry_point(function: Callable[..., Any], *arguments: Any) -> Callable[..., Any]:
    """The compiled code of a kernel for arguments like these, to be called again and again.

    Finding the code by the types of the arguments costs some microseconds in each call. Here
    it is done once; nothing checks the types of later calls.
    """
    if not hasattr(function, "compile"):  # NUMBA_DISABLE_JIT=1
        return function
    return function.compile(tuple(numba.typeof(argument) for argument in arguments))


class _Compiler(compiler.Compiler):
    """Compiles a kernel, and all that it calls, without garbage collection.

    The compiler makes millions of objects that live until it is done. The collector would go
    through them again and again, a sixth of the time, and find nothing. Numba holds a lock
    meanwhile: two threads never compile at once.
    """

    def compile_extra(self, func: Callable[..., Any]) -> Any:
        collects = gc.isenabled()
        gc.disable()
        try:
            return super().compile_extra(func)
        finally:
            if collects:
                gc.enable()


_kept_alive: list[Any] = []
_warned: list[bool] = []


def _warn_uncached() -> None:
    if not _warned:
        _warned.append(True)
        warnings.warn(
            "sklstm cannot store compiled kernels: neither its own folder nor the user's cache "
            "folder can be written, so that every new process compiles for some seconds. "
            "Set the environment variable NUMBA_CACHE_DIR to a folder that can be written.",
            RuntimeWarning,
            stacklevel=3,
        )
