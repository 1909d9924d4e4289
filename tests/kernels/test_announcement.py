"""Messages about compilation, in the log and for those who ask for them."""

import contextlib
import logging
import re
import threading

import numba
import numpy as np
import pytest

from sklstm._kernels import cache
from sklstm._kernels.announcement import announced_compilation
from sklstm._kernels.cells.gru import GRU
from sklstm._kernels.jit import kernel


@pytest.fixture
def said(tmp_path, monkeypatch, caplog):
    """Return the messages in the log; the cache is empty at first."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(cache, "_warned", [])
    with announced_compilation():  # what other tests compiled is reported here
        pass
    caplog.set_level(logging.INFO, "sklstm")
    return lambda: [record.getMessage() for record in caplog.records]


def doubled(x):
    return x + x


def first(x):
    return x[0]


def of_cell(cell):
    return cell.n_gates


def broken(x):
    return x.nothing_like_this


def compile_two():
    kernel(first)(np.zeros(1, np.float32))
    kernel(of_cell)(GRU())


def test_two_lines_for_all_that_a_block_compiles(said, tmp_path):
    echoed = []
    with announced_compilation(echoed.append):
        compile_two()
        assert len(said()) == 1
    begin, end = said()
    assert echoed == [begin, end]
    assert "is compiling kernels, first first (float32)." in begin
    assert re.search(r"compiled first \(float32\), of_cell \(GRU\) in \d+\.\d s", end)
    assert f"later processes load them from {tmp_path / 'sklstm'}." in end


def test_nothing_is_said_of_what_is_loaded(said):
    compile_two()
    n_lines = len(said())
    with announced_compilation():
        compile_two()
    assert len(said()) == n_lines > 0


def test_another_variant_is_announced_as_well(said):
    for dtype in np.float32, np.float64:
        with announced_compilation():
            kernel(first)(np.zeros(1, dtype))
    assert ["float32" in line for line in said()] == [True, True, False, False]
    assert ["float64" in line for line in said()] == [False, False, True, True]


def test_outside_of_blocks_each_kernel_is_announced(said):
    compile_two()
    assert ["first (float32)" in line for line in said()] == [True, True, False, False]
    assert ["of_cell (GRU)" in line for line in said()] == [False, False, True, True]


def test_the_end_can_be_reported_before_the_block_ends(said):
    with announced_compilation() as report:
        compile_two()
        report()
        assert len(said()) == 2
        report()
    assert len(said()) == 2


def test_kernels_that_cannot_be_stored(said, monkeypatch):
    def refuse(*args):
        raise PermissionError("Permission denied")

    monkeypatch.setattr(cache, "_write", refuse)
    with pytest.warns(RuntimeWarning, match="cannot store"):
        compile_two()
    assert "; not stored." in said()[-1]


def test_blocks_in_blocks_echo_to_the_innermost_that_listens(said):
    outer, inner = [], []
    with announced_compilation(outer.append):
        with announced_compilation(inner.append), announced_compilation():
            compile_two()
        kernel(doubled)(1.5)
    assert [len(inner), len(outer)] == [2, 2]
    assert said() == inner + outer


@pytest.mark.parametrize("block", [announced_compilation, contextlib.nullcontext])
def test_a_compilation_that_fails_is_not_reported_as_done(said, block):
    with block(), pytest.raises(numba.TypingError):
        kernel(broken)(1.5)
    assert len(said()) == 1
    with block():
        kernel(doubled)(1.5)
    assert len(said()) == 3
    assert "broken" not in said()[-1]


def test_an_echo_that_fails_leaves_everything_in_order(said):
    def fail(line):
        raise BrokenPipeError

    with announced_compilation(fail), pytest.raises(BrokenPipeError):
        kernel(doubled)(1.5)
    with announced_compilation():
        kernel(doubled)(1.5)
    assert [line.split()[1] for line in said()] == ["is", "is", "compiled"]


def test_threads_report_every_kernel_once(said):
    begin = threading.Barrier(4)

    def fit(dtype):
        begin.wait()
        with announced_compilation():
            for function in first, doubled:
                kernel(function)(np.zeros(1, dtype) if function is first else dtype(1))

    dtypes = np.float32, np.float64, np.complex64, np.int64
    threads = [threading.Thread(target=fit, args=(dtype,)) for dtype in dtypes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    compiled = " ".join(line for line in said() if line.startswith("sklstm compiled"))
    assert len(re.findall(r"first \(|doubled \(", compiled)) == 8
    begun = [line for line in said() if line.startswith("sklstm is compiling")]
    assert len(begun) == len(said()) - len(begun)
