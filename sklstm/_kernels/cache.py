"""The cache of compiled kernels on disk: one file for each compiled variant of a kernel.

The name of a file depends on everything that its code depends on: the sources of all kernels,
the types of the arguments, the processor, and the versions of Numba and LLVM. A file is
therefore never out of date, and processes that store at the same time cannot mix their results.
Numba's own cache (``cache=True``) depends on one source file only, does not read from folders
that it cannot write to, and raises errors of the disk where a kernel is called.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import os
import pickle
import sys
import tempfile
import uuid
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps
from numba.misc.appdirs import AppDirs

from sklstm._kernels import announcement

_CHECKSUM_BYTES = 32


class KernelCache(NullCache):
    """The stored variants of one kernel, with the methods that Numba calls."""

    def __init__(self, function: Callable[..., Any]) -> None:
        if function.__closure__ is not None:
            raise TypeError(
                f"The kernel {function.__qualname__} uses variables of the enclosing function, "
                "but the name of its file does not depend on them: pass them as arguments."
            )
        code = function.__code__
        self._source = Path(code.co_filename)
        self._name = f"{self._source.stem}.{function.__name__}"
        self._place = function.__qualname__, code.co_firstlineno
        # now: the file may be edited before the kernel is compiled
        self._sources = _digest_of_sources(self._source)

    @property
    def cache_path(self) -> str:
        """The folder for new variants."""
        return str(_folders(self._source)[-1])

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the variant for a signature, or None if it is not stored or damaged."""
        target_context.refresh()
        try:
            paths = self._paths(sig, target_context.codegen())
        except OSError:  # which `save_overload` will report
            return None
        for path in paths:
            content = _read(path)
            if content is not None:
                return CompileResult._rebuild(target_context, *pickle.loads(content))
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Store a variant, or warn that every process will compile it again."""
        if data.library.has_dynamic_globals:
            raise TypeError(f"The kernel {self._name} contains an address, so it cannot be stored: "
                            "pass the address as an argument.")  # fmt: skip
        try:
            paths = self._paths(sig, data.codegen)
            _write(paths[-1], dumps(data._reduce()))
        except OSError as error:
            announcement.stored(None)
            _warn_not_stored(self._name, error)
            return
        announcement.stored(paths[-1].parent)
        if _is_set_by_user() and len(paths) > 1:
            _warn_stored_elsewhere(self._name, paths[-1].parent)

    def _paths(self, sig: Any, codegen: Any) -> list[Path]:
        """Return the files that may hold a variant; the last is the one to write."""
        if self._sources is None:
            raise FileNotFoundError(errno.ENOENT, "No source file", str(self._source))
        depends_on = self._sources, self._place, str(sig), codegen.magic_tuple(), _BUILD
        digest = hashlib.sha256(repr(depends_on).encode()).hexdigest()
        file_name = f"{self._name}-{digest[:32]}.nbc"
        return [folder / file_name for folder in _folders(self._source)]


# Versions that the stored code or its pickled description depends on, and Numba's settings for
# all code of a process.
_BUILD = (
    numba.__version__,
    llvmlite.__version__,
    np.__version__,
    sys.version_info[:2],
    getattr(sys, "abiflags", ""),  # Windows does not have them
    [str(getattr(numba.config, name)) for name in (
        "BOUNDSCHECK", "DEBUGINFO_DEFAULT", "LOOP_VECTORIZE", "OPT", "SLP_VECTORIZE",
    )],
)  # fmt: skip


def _digest_of_sources(source: Path) -> str | None:
    """Return a digest of the file of a kernel and of all kernels, or None if there is no file."""
    if source.is_file():
        return hashlib.sha256(source.read_bytes() + _all_kernels()).hexdigest()
    if getattr(sys, "frozen", False):
        return _modification(sys.executable)
    archive = next((path for path in source.parents if path.is_file()), None)
    return None if archive is None else _modification(archive)


@functools.cache
def _all_kernels() -> bytes:
    return b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.rglob("*.py")))


def _modification(path: str | Path) -> str:
    status = os.stat(path)
    return f"{status.st_mtime_ns} {status.st_size}"


# --- folders ------------------------------------------------------------------------------
def _is_set_by_user() -> bool:
    return bool(numba.config.CACHE_DIR)  # NUMBA_CACHE_DIR


def _candidates(source: Path) -> list[Path]:
    """Return the folders that Numba would use for a source file, best first.

    A user without a home has no folder: it would be below the current one, where anybody may have
    left files, and what is read from a cache is run.
    """
    own = Path(AppDirs("numba", False).user_cache_dir, "sklstm")
    best = source.parent / "__pycache__"
    if _is_set_by_user():
        best = Path(numba.config.CACHE_DIR, "sklstm")
    return [best, own] if own.is_absolute() else [best]


def _folders(source: Path) -> list[Path]:
    """Return the folders to read from; the last is the one to write to.

    If the best folder cannot be written, somebody else may still have filled it.
    """
    candidates = _candidates(source)
    return candidates[:1] if _is_writable(candidates[0]) else candidates


@functools.cache
def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


# --- files --------------------------------------------------------------------------------
def _read(path: Path) -> bytes | None:
    """Return the content that was given to `_write`, or None if the file is missing or damaged."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    checksum, content = content[:_CHECKSUM_BYTES], content[_CHECKSUM_BYTES:]
    return content if hashlib.sha256(content).digest() == checksum else None


def _write(path: Path, content: bytes) -> None:
    """Write a file in one step, so that nobody ever reads a part of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
    try:
        part.write_bytes(hashlib.sha256(content).digest() + content)
        os.replace(part, path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
        if _read(path) is None:  # otherwise another process was faster
            raise


# --- warnings, one in a process -----------------------------------------------------------
_warned: list[bool] = []


def _warn_not_stored(kernel: str, error: OSError) -> None:
    """Warn that every process compiles; say why and what to do."""
    if _is_set_by_user():
        remedy = (
            f"Make sure that the folder of NUMBA_CACHE_DIR, {numba.config.CACHE_DIR}, can be "
            f"written and is not full, or {_AHEAD}"
        )
    else:
        remedy = (
            "Set the environment variable NUMBA_CACHE_DIR to a folder that can be written and is "
            "not full"
        )
    _warn(
        f"sklstm cannot store the compiled kernel {kernel} ({error}), so every new process "
        f"compiles for some seconds. {remedy}."
    )


def _warn_stored_elsewhere(kernel: str, folder: Path) -> None:
    """Warn that the folder chosen by the user was not used for a kernel."""
    _warn(
        f"NUMBA_CACHE_DIR is {numba.config.CACHE_DIR}, which cannot be written and does not hold "
        f"the compiled kernel {kernel}. It was compiled and stored in {folder}. To have it in "
        f"NUMBA_CACHE_DIR, {_AHEAD}."
    )


_AHEAD = "compile where it can be written: sklstm.warmup() takes the dtypes and cells"


def _warn(text: str) -> None:
    if not _warned:
        _warned.append(True)
        warnings.warn(text, RuntimeWarning, stacklevel=2)
