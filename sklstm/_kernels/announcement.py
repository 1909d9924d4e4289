"""Messages about compilation: one line before the first kernel and one after the last."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_logger = logging.getLogger("sklstm")

Echo = Callable[[str], object]


class _Announcer:
    """Keeps track of what all threads compiled since the last report."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._echoes: list[Echo | None] = []  # of the open blocks, the latest last
        self._running = 0  # kernels that are being compiled, each for the one before
        self._started = 0.0
        self._forget()

    def _forget(self) -> None:
        self._is_announced = False
        self._kernels: list[str] = []
        self._seconds = 0.0
        self._where = ""

    @contextmanager
    def block(self, echo: Echo | None = None) -> Iterator[Callable[[], None]]:
        """Announce in two lines what is compiled inside this block.

        The lines go to the logger "sklstm" at level INFO, and to `echo`. The second line comes
        when the block ends, or earlier if something was compiled and the block calls the
        function that it receives. Outside of blocks, every kernel gets its own two lines.
        """
        with self._lock:
            self._echoes.append(echo)
        try:
            yield self.report
        finally:
            self.report()
            with self._lock:
                self._echoes.remove(echo)

    @contextmanager
    def compiling(self, kernel: str) -> Iterator[None]:
        """Announce a kernel. Numba holds a lock, so only one thread at a time is in this block."""
        with self._lock:
            is_first, self._is_announced = not self._is_announced, True
            self._running += 1
            if self._running == 1:
                self._started = time.perf_counter()
        try:
            if is_first:
                self._say(
                    f"sklstm is compiling kernels, first {kernel}. This takes some seconds, once."
                )
            yield
            with self._lock:
                self._kernels.append(kernel)
        except BaseException:
            with self._lock:  # the next kernel is announced anew
                self._is_announced = bool(self._kernels)
            raise
        finally:
            with self._lock:
                self._running -= 1
                if self._running == 0:
                    self._seconds += time.perf_counter() - self._started

    def stored(self, folder: Path | None) -> None:
        """Note the folder in which the last kernel was stored, or None."""
        with self._lock:
            self._where = f"; later processes load them from {folder}" if folder else "; not stored"
            in_block = bool(self._echoes)
        if not in_block:
            self.report()

    def report(self) -> None:
        """Announce what was compiled since the last report, if anything."""
        if not self._is_announced:  # no lock: this is called after every epoch
            return
        with self._lock:
            if self._running:  # by another thread, which will report
                return
            kernels, seconds, where = self._kernels, self._seconds, self._where
            self._forget()
        if kernels:
            self._say(f"sklstm compiled {', '.join(kernels)} in {seconds:.1f} s{where}.")

    def _say(self, line: str) -> None:
        _logger.info(line)
        with self._lock:
            echoes = [echo for echo in self._echoes if echo is not None]
        if echoes:
            echoes[-1](line)


_announcer = _Announcer()
announced_compilation = _announcer.block
compiling = _announcer.compiling
stored = _announcer.stored
