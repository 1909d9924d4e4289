"""The paper's criteria for when a trial has learned its task.

After every round of `every` sequences, a criterion looks at the errors of the training sequences
so far, or at a test set. It returns the number of sequences that were needed, or None.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from examples.hochreiter1997.tasks import Draw

if TYPE_CHECKING:
    from examples.hochreiter1997.trials import Trial


class Criterion(Protocol):
    """Decides whether a trial has succeeded."""

    @property
    def name(self) -> str: ...

    def reached(self, trial: Trial) -> int | None:
        """Return the number of sequences that were needed, or None."""
        ...


@dataclass(frozen=True)
class Streak:
    """Experiment 2: `n` training sequences in a row with all errors below `tolerance`.

    These sequences are not counted as needed: they are the test.
    """

    tolerance: float
    n: int = 10_000
    name: str = ""

    def reached(self, trial: Trial) -> int | None:
        return trial.n_sequences - trial.streak if trial.streak >= self.n else None


@dataclass(frozen=True)
class Recent:
    """Experiments 4, 5 and 6: few of the last `n` training sequences have a large error."""

    tolerance: float
    mean: float = np.inf
    n_wrong: int = 0
    n: int = 2000
    name: str = ""

    def reached(self, trial: Trial) -> int | None:
        if trial.n_sequences < self.n:
            return None
        largest, mean = trial.last(self.n)
        right = np.sum(largest >= self.tolerance) <= self.n_wrong and mean.mean() < self.mean
        return trial.n_sequences if right else None


@dataclass(frozen=True)
class Tested:
    """Experiment 3: few errors on a test set, which is drawn again each time."""

    draw: Draw
    tolerance: float
    n_wrong: int = 0
    mean: float = np.inf
    n: int = 256
    name: str = ""

    def reached(self, trial: Trial) -> int | None:
        largest, mean = trial.errors_on_test_set(self.draw, self.n)
        right = np.sum(largest > self.tolerance) <= self.n_wrong and mean.mean() < self.mean
        return trial.n_sequences if right else None


@dataclass(frozen=True)
class LegalSymbols:
    """Experiment 1: legal symbols have the highest outputs in all training and test strings."""

    name: str = ""

    def reached(self, trial: Trial) -> int | None:
        return trial.n_sequences if trial.fraction_illegal() == 0.0 else None
