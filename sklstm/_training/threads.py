"""Threads that stand by: between two minibatches they look for work before they fall asleep.

To wake a thread takes some hundredths of a millisecond, as long as a part of a small minibatch.
"""

from __future__ import annotations

import itertools
import math
import threading
import weakref
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from sklstm._kernels.meeting import NOTHING, hand_over

# Below this much work (rows of all time steps times parameters) a thread costs more time than it
# saves.
_WORTH_A_THREAD = 2e6
# How many times a thread looks before it falls asleep, which takes about a millisecond, ...
_PATIENCE = 20_000
# ... and how many times for another one to get to its first kernel.
_SOON = 2_000
# Every so many tasks one thread computes a task alone, to know what it takes. After so many tasks
# in turn in which several threads took longer it goes on alone for so many, and then for twice as
# many each time, up to a limit.
_TRIED, _IN_TURN, _ALONE, _LONGEST = 128, 3, 20, 640


def pays(work: float, times: float = 1.0) -> bool:
    """Return whether there is work enough for another thread, or so many times as much."""
    return work >= times * _WORTH_A_THREAD


class _Count:
    """A number that one thread raises and one other waits for."""

    def __init__(self) -> None:
        self.value = np.zeros(1, np.int64)
        self._asleep = False
        self._awake = threading.Event()

    def up(self, other: NDArray[np.int64] = NOTHING, least: int = 0, patience: int = 0) -> None:
        """Raise it, and look for a while whether another one is as large as `least`."""
        self._wake()
        hand_over(self.value, other, least, patience)
        self._wake()  # if it fell asleep just before the number was raised

    def wait(self, least: int) -> None:
        """Return when it is as large as `least`."""
        while not hand_over(NOTHING, self.value, least, _PATIENCE):
            self._awake.clear()
            self._asleep = True  # before the last look, because `up` looks after it raised
            if self.value[0] < least:
                self._awake.wait()
            self._asleep = False

    def _wake(self) -> None:
        if self._asleep:
            self._awake.set()


class _Helper:
    """A thread and what it is told. It knows no one who calls it, so that these can go."""

    def __init__(self, number: int) -> None:
        self._number, self._n_tasks = number, 0
        self._begun, self._done = _Count(), _Count()
        self._task: Callable[[int], None] | None = None
        self._error: BaseException | None = None
        self._done.wait(0)  # only one thread compiles the kernel
        threading.Thread(target=self._serve, daemon=True).start()

    def begin(
        self, task: Callable[[int], None] | None, entered: NDArray[np.int64] | None = None
    ) -> None:
        """Let the thread run task(number); None ends it.

        entered (1,): becomes 1 when the thread is in a kernel, and is waited for for a moment
        """
        self._task, self._n_tasks = task, self._n_tasks + 1
        if entered is None:
            self._begun.up()
        else:
            self._begun.up(entered, 1, _SOON)

    def finish(self) -> None:
        """Wait for the end of the task, and raise its error."""
        self._done.wait(self._n_tasks)
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _serve(self) -> None:
        n_tasks = 1
        while True:
            self._begun.wait(n_tasks)
            if self._task is None:
                return
            try:
                self._task(self._number)
            except BaseException as error:
                self._error = error
            self._task = None
            n_tasks += 1
            self._done.up(self._begun.value, n_tasks, _PATIENCE)


class Pace:
    """Whether several threads are faster than one just now: on a busy machine they may not be."""

    def __init__(self) -> None:
        self._n_tasks = 0  # on which several threads could have been
        self._of_one = math.inf  # seconds
        self._n_slower = self._n_faster = 0  # tasks in turn
        self._n_alone, self._rest = 0, _ALONE

    def choose(self, n_threads: int) -> int:
        """Return the threads for the next task, of so many."""
        if n_threads == 1:
            return 1
        if self._n_alone > 0:
            self._n_alone -= 1
            return 1
        self._n_tasks += 1
        return 1 if self._n_tasks % _TRIED == 1 else n_threads

    def took(self, n_threads: int, seconds: float) -> None:
        """Take the seconds of a task, for the same amount of work each time."""
        if n_threads == 1:
            known = math.isfinite(self._of_one)
            self._of_one = (self._of_one + seconds) / 2.0 if known else seconds
            return
        is_slower = seconds > self._of_one
        self._n_slower = self._n_slower + 1 if is_slower else 0
        self._n_faster = 0 if is_slower else self._n_faster + 1
        if self._n_slower == _IN_TURN:
            self._n_slower, self._n_alone = 0, self._rest
            self._rest = min(2 * self._rest, _LONGEST)
        elif self._n_faster == _IN_TURN:
            self._rest = _ALONE


class Threads:
    """Some threads, the first of which is the one that calls."""

    def __init__(self) -> None:
        self._helpers: list[_Helper] = []

    def run(
        self,
        task: Callable[[int], None],
        n_threads: int,
        entered: Sequence[NDArray[np.int64]] = (),
    ) -> None:
        """Run task(0), task(1), ... on so many threads, and return when all are done.

        entered: for each thread but the first a number (1,) that becomes 1 when it is in its first
            kernel, if something says so. Two threads that need the interpreter at the same time
            cost more than to wait.
        """
        while len(self._helpers) < n_threads - 1:
            helper = _Helper(len(self._helpers) + 1)
            weakref.finalize(self, helper.begin, None)
            self._helpers.append(helper)
        helpers = self._helpers[: n_threads - 1]
        for helper, number in itertools.zip_longest(helpers, entered[: len(helpers)]):
            helper.begin(task, number)
        try:
            task(0)
        finally:  # also when Ctrl-C comes here: the others still write to their buffers
            for helper in helpers:
                helper.finish()

    def close(self) -> None:
        """End the threads."""
        for helper in self._helpers:
            helper.begin(None)
        self._helpers.clear()
