"""Chunks that wait for each other inside a kernel, against the twin."""

import threading

import numpy as np
import pytest

from sklstm._kernels import meeting
from sklstm._kernels.jit import kernel
from tests import reference


@kernel
def meet(arrived, chunk, patience):
    """Arrive, and return whether the others have."""
    meeting.arrive(arrived, chunk)
    return meeting.all_arrived(arrived, chunk, patience)


@pytest.mark.parametrize("others", [(), (0,), (1,), (2,), (1, 0), (2, 1)])
def test_meet(others):
    arrived, expected = np.array([0, *others]), np.array([0, *others])
    reference.arrive(expected, 0)
    assert meet(arrived, 0, 3) == reference.all_arrived(expected, 0)
    np.testing.assert_array_equal(arrived, expected)


def test_two_threads_meet():
    """Neither goes on before the other has come, however often they meet."""
    arrived, found = np.zeros(2, np.int64), []

    def other():
        found.extend(meet(arrived, 1, 10**9) for _ in range(1000))

    thread = threading.Thread(target=other)
    meet(np.zeros(1, np.int64), 0, 1)  # compiled
    thread.start()
    assert all(meet(arrived, 0, 10**9) for _ in range(1000))
    thread.join()
    assert found == [True] * 1000
    np.testing.assert_array_equal(arrived, [1000, 1000])


def test_hand_over():
    """A number is raised, if there is one, and another one looked at."""
    mine, other, nothing = np.array([3]), np.array([5]), np.empty(0, np.int64)
    for number in (mine, nothing):
        expected = number.copy()
        for least in (4, 5, 6):
            found = reference.hand_over(expected, other, least)
            assert meeting.hand_over(number, other, least, least % 2) == found
            np.testing.assert_array_equal(number, expected)
    assert not meeting.hand_over(nothing, nothing, 0, 3)  # there is nothing to look at


def test_two_threads_hand_over():
    """One goes on when the other has raised its number, however often."""
    mine, other, turns, seen = np.zeros(1, np.int64), np.zeros(1, np.int64), 500, []

    def serve():
        for turn in range(1, turns + 1):
            seen.append(meeting.hand_over(other, mine, turn, 10**9))

    meeting.hand_over(np.zeros(1, np.int64), mine, 0, 1)  # compiled
    thread = threading.Thread(target=serve)
    thread.start()
    assert all(meeting.hand_over(mine, other, turn, 10**9) for turn in range(1, turns + 1))
    thread.join()
    assert seen == [True] * turns
