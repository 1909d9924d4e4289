"""Compilation switches garbage collection off for our functions, and restores it afterwards."""

import gc

import numba
import pytest
from numba.core import event

from sklstm._kernels import simd
from sklstm._kernels.jit import UNCOUNTED


class Watch(event.Listener):
    """Record whether the collector is enabled during the passes of the compiler."""

    def __init__(self):
        self.seen = set()

    def on_start(self, event):
        self.seen.add(gc.isenabled())

    def on_end(self, event):
        pass


def compiled(function, module):
    """Compile a function as if it were defined in a module."""
    function.__module__ = module
    numba.njit(**UNCOUNTED)(function).compile("(float64,)")


def doubled(x):
    return x + x


def broken(x):
    return x.nothing_like_this


@pytest.mark.parametrize("collects", [True, False])
@pytest.mark.parametrize(("function", "error"), [(doubled, None), (broken, numba.TypingError)])
def test_the_collector_is_as_it_was_after_compiling(function, error, collects):
    (gc.enable if collects else gc.disable)()
    try:
        if error is None:
            compiled(function, simd.__name__)
        else:
            with pytest.raises(error):
                compiled(function, simd.__name__)
        assert gc.isenabled() == collects
    finally:
        gc.enable()


@pytest.mark.parametrize(("module", "collects"), [(simd.__name__, False), ("elsewhere", True)])
def test_the_collector_rests_for_our_functions_alone(module, collects):
    watch = Watch()
    with event.install_listener("numba:run_pass", watch):
        compiled(doubled, module)
    assert watch.seen == {collects}
