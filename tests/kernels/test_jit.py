"""Our own compiler class: garbage collection is off and parts are inlined without copies.

Only for our kernels, and afterwards all is as it was.
"""

import gc
import re
import threading
from typing import NamedTuple

import numba
import numpy as np
import pytest
from numba.core import event
from numba.extending import overload

from sklstm._kernels.jit import UNCOUNTED, address_of, kernel, part


class Watch(event.Listener):
    """Record for each thread whether the collector is enabled during the passes of the compiler."""

    def __init__(self):
        self.seen = set()

    def on_start(self, event):
        self.seen.add((threading.get_ident(), gc.isenabled()))

    def on_end(self, event):
        pass


@pytest.fixture
def watch(monkeypatch, tmp_path):
    """Record the compilations of a test; the cache is empty at first."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    watch = Watch()
    with event.install_listener("numba:run_pass", watch):
        yield watch
    gc.enable()


def in_this_thread(*states):
    return {(threading.get_ident(), state) for state in states}


def doubled(x):
    return x + x


def broken(x):
    return x.nothing_like_this


@pytest.mark.parametrize("collects", [True, False])
@pytest.mark.parametrize(("function", "error"), [(doubled, None), (broken, numba.TypingError)])
def test_the_collector_is_as_it_was_after_compiling(function, error, collects, watch):
    (gc.enable if collects else gc.disable)()
    if error is None:
        kernel(function).compile("(float64,)")
    else:
        with pytest.raises(error):
            kernel(function).compile("(float64,)")
    assert gc.isenabled() == collects
    assert watch.seen == in_this_thread(False)


def test_the_collector_works_again_after_an_interruption(watch, monkeypatch):
    def interrupt(event):
        raise KeyboardInterrupt

    watch.on_start = interrupt
    with pytest.raises(KeyboardInterrupt):
        kernel(doubled).compile("(float64,)")
    assert gc.isenabled()


def test_the_collector_rests_for_functions_called_by_address(watch):
    assert address_of(doubled, numba.float64(numba.float64)) > 0
    assert watch.seen == in_this_thread(False)
    assert gc.isenabled()


# --- parts --------------------------------------------------------------------------------
@part
def _plus(x, y):
    total = x
    if y > 0.0:
        total = x + y
    return total


@part
def _sum(x, weight):
    total = 0.0
    for k in range(x.size):
        total = _plus(total, weight * x[k])
    return total


def with_parts(x):
    total = _sum(x, 1.0) + _sum(x, 2.0)
    return _plus(total, x[0])


def test_parts_are_inlined_as_by_numba(watch):
    """With our inliner, LLVM gets the same code as with that of Numba."""
    compiled = {}
    for name, function in (
        ("ours", kernel(with_parts)),
        ("Numba's", numba.njit(**UNCOUNTED)(with_parts)),
    ):
        assert function(np.array([1.0, -2.0, 3.0])) == 13.0
        (signature,) = function.signatures
        (passes,) = function.get_metadata(signature)["pipeline_times"].values()
        assert any("inline_parts" in each for each in passes) == (name == "ours")
        # without numbers of functions and blocks, which go on through a process, what depends on
        # their length, and comments
        code = function.inspect_llvm(signature)
        compiled[name] = re.sub(r"(B\d)?v\d+|\bB\d+|\[\d+ x i8\]| *;.*", "", code)
    same = compiled["ours"] == compiled["Numba's"]
    assert same  # apart: pytest would look for the differences for minutes


# --- code that is not ours ----------------------------------------------------------------
def without_module():
    """Compile a function like those of sympy.lambdify."""
    namespace = {"__name__": None}
    exec("def shifted(x): return x + 1.0", namespace)
    assert namespace["shifted"].__module__ is None
    return numba.njit(namespace["shifted"])(1.0)


def named_like_ours():
    def shifted(x):
        return x + 1.0

    shifted.__module__ = "sklstm._kernels.simd"
    return numba.njit(shifted)(1.0)


def as_callback():
    return numba.cfunc("float64(float64)")(doubled).ctypes(1.0)


def as_ufunc():
    return numba.vectorize(["float64(float64)"])(doubled)(1.0)


def as_generalised_ufunc():
    @numba.guvectorize(["(float64[:], float64[:])"], "(n)->(n)")
    def gdoubled(x, y):
        for k in range(len(x)):
            y[k] = x[k] + x[k]

    return gdoubled(np.array([1.0]))[0]


def by_overload():
    def target(x):
        raise NotImplementedError

    @overload(target)
    def _target(x):
        return lambda x: x + 1.0

    return numba.njit(lambda x: target(x))(1.0)


def nested():
    inner = numba.njit(lambda x: x + 1.0)
    return numba.njit(lambda x: inner(x))(1.0)


def in_object_mode():
    return numba.jit(lambda x: x + 1.0, forceobj=True)(1.0)


def after_an_error():
    with pytest.raises(numba.TypingError):
        numba.njit(broken)(1.0)
    return 2.0


class Switches(NamedTuple):
    """Has fields with the names of the constants of our cells."""

    n_gates: float
    n_kept: float
    n_extra: float
    direct: float


def with_fields_named_like_ours():
    return numba.njit(lambda s: s.n_gates + s.n_kept + s.n_extra + s.direct)(
        Switches(0.25, 0.25, 0.5, 1.0)
    )


@pytest.mark.parametrize(
    "somebody_compiles",
    [
        without_module, named_like_ours, as_callback, as_ufunc, as_generalised_ufunc, by_overload,
        nested, in_object_mode, after_an_error, with_fields_named_like_ours,
    ],
)  # fmt: skip
def test_other_code_compiles_as_without_us(somebody_compiles, watch):
    assert somebody_compiles() == 2.0
    assert watch.seen == in_this_thread(True)
    assert gc.isenabled()


def test_other_code_compiles_while_ours_does(watch):
    """Numba lets one thread compile at a time, so the collector is off for ours alone."""
    begin = threading.Barrier(2)
    threads = {}

    def run(name, compile):
        threads[name] = threading.get_ident()
        begin.wait()
        for dtype in ("int32", "int64", "uint32", "uint64", "float32", "float64"):
            compile(doubled).compile(f"({dtype},)")

    other = threading.Thread(target=run, args=("theirs", numba.njit))
    other.start()
    run("ours", kernel)
    other.join()
    assert watch.seen == {(threads["ours"], False), (threads["theirs"], True)}
    assert gc.isenabled()
