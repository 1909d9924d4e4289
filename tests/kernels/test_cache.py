"""Stored kernels are used if possible and replaced if damaged, and never make a call fail."""

import ctypes
import errno
import stat
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numba
import numpy as np
import pytest

from sklstm._kernels import cache
from sklstm._kernels.jit import address_of, kernel


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return the folder for kernels in NUMBA_CACHE_DIR, which exists once something is stored."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "chosen"))
    monkeypatch.setattr(cache, "_warned", [])
    return tmp_path / "chosen" / "sklstm"


def doubled(x):
    return x + x


def in_new_process(argument=1.5, function=doubled):
    """Call a kernel that has no variants in memory; return how many it compiles."""
    dispatcher = kernel(function)
    assert dispatcher(argument) == 2 * argument
    return sum(dispatcher.stats.cache_misses.values())


def imported(source):
    namespace = {"__name__": source.stem}
    exec(compile(source.read_text(), str(source), "exec"), namespace)
    return SimpleNamespace(**namespace)


def stored(folder):
    return sorted(folder.iterdir())


def test_a_variant_is_compiled_once(folder):
    for argument in (1.5, np.float32(1.5), 1):
        assert in_new_process(argument) == 1
    for argument in (1.5, np.float32(1.5), 1):
        assert in_new_process(argument) == 0
    assert [path.suffix for path in stored(folder)] == [".nbc"] * 3
    assert kernel(doubled).stats.cache_path == str(folder)


def test_a_function_called_by_its_address_is_compiled_once(folder, monkeypatch):
    signature = numba.float64(numba.float64)
    address_of(doubled, signature)
    monkeypatch.setattr("sklstm._kernels.jit._Compiler.compile_extra", None)
    call = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(address_of(doubled, signature))
    assert call(1.5) == 3.0


def test_everybody_may_read_what_is_stored(folder):
    """The permissions are those of other files: root may build an image for other users."""
    in_new_process()
    other = folder.parent / "other"
    other.touch()
    assert [stat.S_IMODE(path.stat().st_mode) for path in stored(folder)] == [
        stat.S_IMODE(other.stat().st_mode)
    ]


def same_line():
    def first(x):
        return x + x

    def second(x):
        return x * 2

    second.__qualname__ = first.__qualname__
    second.__name__ = first.__name__
    return first, second


def test_functions_of_one_name_are_told_apart(folder):
    for function in same_line():
        assert in_new_process(function=function) == 1


def test_the_file_depends_on_the_source_of_every_kernel(folder, monkeypatch, tmp_path):
    in_new_process()
    for name in ("simd.py", "cells/lstm.py"):  # stand for the kernels
        source = tmp_path / "kernels" / name
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text("# as it was\n")
    monkeypatch.setattr(cache, "__file__", str(tmp_path / "kernels" / "cache.py"))
    monkeypatch.setattr(cache, "_all_kernels", cache._all_kernels.__wrapped__)
    for edit in ("# as it was\n", "# edited\n"):
        source.write_text(edit)
        assert [in_new_process(), in_new_process()] == [1, 0]


def test_an_edit_after_the_import_does_not_count(folder, tmp_path):
    """The code in memory is still the old one."""
    source = tmp_path / "edited.py"
    source.write_text("def doubled(x):\n    return x + x\n")
    before = kernel(imported(source).doubled)
    source.write_text("def doubled(x):\n    return 2 * x + 0\n")
    assert before(1.5) == 3.0
    assert in_new_process(function=imported(source).doubled) == 1


@pytest.mark.parametrize("damage", [
    lambda content: b"",
    lambda content: content[:20],
    lambda content: content[: len(content) // 2],
    lambda content: content[:-1],
    lambda content: content + b"\0",
    lambda content: b"\0" * len(content),
    lambda content: content[:5000] + bytes([content[5000] ^ 1]) + content[5001:],
])  # fmt: skip
def test_a_damaged_file_is_replaced(folder, damage):
    in_new_process()
    [path] = stored(folder)
    sound = path.read_bytes()
    path.write_bytes(damage(sound))
    assert in_new_process() == 1
    assert in_new_process() == 0
    assert stored(folder) == [path]


def test_a_folder_in_place_of_a_file(folder):
    in_new_process()
    [path] = stored(folder)
    path.unlink()
    path.mkdir()
    with pytest.warns(RuntimeWarning, match="cannot store"):
        assert in_new_process() == 1
    assert stored(folder) == [path]


def no_space(path, content):
    """Write to a disk that is full after some bytes."""
    with open(path, "wb") as file:
        file.write(content[:1000])
    raise OSError(errno.ENOSPC, "No space left on device", str(path))


def test_a_full_disk_gives_one_warning(folder, monkeypatch):
    monkeypatch.setattr(Path, "write_bytes", no_space)
    with pytest.warns(RuntimeWarning) as caught:
        assert in_new_process() == 1
        assert in_new_process(1) == 1
    [message] = (str(warning.message) for warning in caught)
    assert "No space left on device" in message
    assert f"NUMBA_CACHE_DIR, {folder.parent}, can be written and is not full" in message
    assert stored(folder) == []


@pytest.mark.parametrize("error", [PermissionError(errno.EACCES, "Permission denied"),
                                   OSError(errno.EROFS, "Read-only file system")])  # fmt: skip
def test_a_folder_that_became_read_only_gives_one_warning(folder, monkeypatch, error):
    in_new_process()

    def refuse(*args, **kwargs):
        raise error

    monkeypatch.setattr(Path, "write_bytes", refuse)
    assert in_new_process() == 0
    with pytest.warns(RuntimeWarning, match=error.strerror) as caught:
        assert in_new_process(1) == 1
        assert in_new_process(np.float32(1)) == 1
    assert len(caught) == 1


def test_a_warning_that_is_an_error_leaves_a_compiled_kernel(folder, monkeypatch):
    monkeypatch.setattr(Path, "write_bytes", no_space)
    dispatcher = kernel(doubled)
    with pytest.raises(RuntimeWarning), warnings.catch_warnings():
        warnings.simplefilter("error")
        dispatcher(1.5)
    assert dispatcher(1.5) == 3.0


def test_another_process_was_faster(folder, monkeypatch):
    """On Windows, a file cannot be replaced while it is read."""
    in_new_process()
    [path] = stored(folder)
    sound = path.read_bytes()

    def stored_meanwhile(*args):
        path.write_bytes(sound)
        raise PermissionError(errno.EACCES, "Permission denied")

    path.unlink()
    monkeypatch.setattr("os.replace", stored_meanwhile)
    assert in_new_process() == 1
    assert stored(folder) == [path]


def test_variants_that_are_stored_at_once_are_not_mixed(folder):
    arguments = [1.5, np.float32(1.5), 2, np.int32(2), np.uint8(2), 2.5j]
    with ThreadPoolExecutor(len(arguments)) as pool:
        assert list(pool.map(in_new_process, arguments)) == [1] * len(arguments)
    assert [in_new_process(argument) for argument in arguments] == [0] * len(arguments)


def test_a_kernel_without_a_source_is_compiled_in_every_process(folder):
    namespace = {"__name__": "nowhere"}
    exec(compile("def doubled(x): return x + x", "<nowhere>", "exec"), namespace)
    with pytest.warns(RuntimeWarning, match="cannot store .*doubled.*<nowhere>"):
        assert in_new_process(function=namespace["doubled"]) == 1
    assert in_new_process(function=namespace["doubled"]) == 1


def test_a_kernel_may_not_depend_on_what_its_file_does_not_say():
    def made(factor):
        return kernel(lambda x: factor * x)

    with pytest.raises(TypeError, match="variables of the enclosing function"):
        made(2.0)


_sqrt = ctypes.CDLL(None).sqrt
_sqrt.argtypes, _sqrt.restype = [ctypes.c_double], ctypes.c_double


def test_a_kernel_may_not_contain_an_address(folder):
    with pytest.raises(TypeError, match="contains an address"):
        kernel(lambda x: _sqrt(x))(4.0)
    assert not folder.exists() or stored(folder) == []
