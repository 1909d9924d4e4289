"""A solver at work: its running moments, and the settings that all solvers share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklstm._network.embeddings import Touched
from sklstm.components.solvers import Solver, Step


@dataclass
class Optimizer:
    """Updates theta in place, from one gradient a step."""

    solver: Solver
    decays: NDArray  # (n_parameters,): 1 where weight decay acts, else 0
    alpha: float
    clip_norm: float | None
    n_steps: int = field(default=0, init=False)
    first: NDArray = field(init=False)  # running mean of the gradient, or the velocity
    second: NDArray = field(init=False)  # running mean of the squared gradient

    def __post_init__(self) -> None:
        self.first = np.zeros_like(self.decays)
        self.second = np.zeros_like(self.decays)

    @property
    def state(self) -> list[Any]:
        """What `resume` needs to go on from here."""
        return [self.n_steps, self.first, self.second]

    def resume(self, state: list[Any]) -> None:
        """Go on where another optimiser was."""
        n_steps, first, second = state
        self.n_steps, self.first, self.second = n_steps, first.copy(), second.copy()

    def step(
        self,
        theta: NDArray,
        gradient: NDArray,
        learning_rate: float,
        touched: Touched | None = None,
    ) -> float:
        """Return the gradient's norm; if it is not finite, nothing was changed.

        touched: which parameters there is a gradient of, in their order; others wait, with their
            moments, for a minibatch that reads them
        """
        self.n_steps += 1
        changing = theta, self.first, self.second
        if touched is None:
            return self._step(gradient, self.decays, learning_rate, *changing)
        taken = [touched.taken(array) for array in changing]
        decays = touched.decays(self.decays)
        norm = self._step(gradient[: touched.size], decays, learning_rate, *taken)
        for values, array in zip(taken, changing, strict=True):
            touched.put(values, array)
        return norm

    def _step(
        self, gradient: NDArray, decays: NDArray, learning_rate: float, *changing: NDArray
    ) -> float:
        """Update parameters and their moments in place; return the gradient's norm."""
        step = Step(gradient, decays, self.clip_norm or 0.0, self.alpha, learning_rate)
        return self.solver.step(step, self.n_steps, *changing)
