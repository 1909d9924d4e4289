"""The one recipe with which every kernel is compiled."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numba
import numpy as np
from numba import types
from numba.core import compiler, sigutils
from numba.core.ccallback import CFunc

from sklstm._kernels import announcement
from sklstm._kernels.cache import KernelCache
from sklstm._kernels.passes import for_kernels

if numba.config.DISABLE_JIT:
    raise ImportError(
        "sklstm does not work with NUMBA_DISABLE_JIT=1: its kernels need to be compiled. Unset "
        "this environment variable. To debug a function of your own without compiling it, call "
        "function.py_func(...)."
    )

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
    """Compile an entry point, which Python calls and which is stored on disk."""
    dispatcher = numba.njit(pipeline_class=_Compiler, **UNCOUNTED)(function)
    dispatcher._cache = KernelCache(function)
    return dispatcher


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
    compiled: Any = CFunc(
        function, sigutils.normalize_signature(signature), {}, UNCOUNTED, _Compiler
    )
    compiled._cache = KernelCache(function)
    compiled.compile()
    _kept_alive.append(compiled)
    return compiled.address


_kept_alive: list[Any] = []


def entry_point(function: Any, *arguments: Any) -> Callable[..., Any]:
    """The compiled code of a kernel for arguments like these, to be called again and again.

    Finding the code by the types of the arguments costs some microseconds in each call. Here
    it is done once; nothing checks the types of later calls.
    """
    return function.compile(tuple(numba.typeof(argument) for argument in arguments))


class _Compiler(compiler.Compiler):
    """Compiles a kernel, and everything that it calls, without garbage collection.

    The compiler creates millions of objects that live until it has finished. The collector would
    take a sixth of the time to look through them again and again, and find nothing. Numba's lock
    ensures that only one thread compiles at a time.
    """

    def compile_extra(self, func: Callable[..., Any]) -> Any:
        collects = gc.isenabled()
        gc.disable()
        try:
            with announcement.compiling(_name_of_variant(func, self.state.args)):
                return super().compile_extra(func)
        finally:
            if collects:
                gc.enable()

    def define_pipelines(self) -> list[Any]:
        return [for_kernels(passes) for passes in super().define_pipelines()]


def _name_of_variant(function: Callable[..., Any], arguments: Iterable[Any]) -> str:
    """Name a kernel with the precisions and markers that distinguish its variants."""
    return f"{function.__name__} ({', '.join(sorted(set(_traits(arguments))))})"


def _traits(arguments: Iterable[Any], nested: bool = False) -> Iterator[str]:
    for argument in arguments:
        if isinstance(argument, types.BaseNamedTuple):
            if nested or len(argument) == 0:  # a marker in a plan, or by itself
                yield argument.instance_class.__name__
            yield from _traits(argument, nested=True)
        elif isinstance(getattr(argument, "dtype", None), types.Float):
            yield str(argument.dtype)
