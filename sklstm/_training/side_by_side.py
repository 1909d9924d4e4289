"""Several trainings side by side on threads, and what ends them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")

# Seconds after which the main thread looks whether Ctrl-C came: on Windows it cannot be woken.
_PATIENCE = 0.5


def side_by_side(
    tasks: Sequence[Callable[[], T]], n_threads: int, interrupt: threading.Event
) -> list[T]:
    """Return the results of tasks, in their order.

    Ctrl-C, which comes to the main thread only, and an error in one of the tasks set `interrupt`,
    at which all tasks should end soon. The error is raised when they have.
    """
    if len(tasks) == 1:
        return [tasks[0]()]

    def guarded(task: Callable[[], T]) -> T:
        try:
            return task()
        except BaseException:
            interrupt.set()
            raise

    with ThreadPoolExecutor(min(n_threads, len(tasks))) as pool:
        futures = [pool.submit(guarded, task) for task in tasks]
        try:
            while wait(futures, timeout=_PATIENCE).not_done:
                pass
        except KeyboardInterrupt:
            interrupt.set()
    return [future.result() for future in futures]
