"""A solver at work: its running moments, and the settings that all solvers share."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklstm._kernels.optimizers import sum_of_squares
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
        squares: float | None = None,
    ) -> float:
        """Return the gradient's norm; if it is not finite, nothing was changed.

        touched: which parameters there is a gradient of, in their order; others wait, with their
            moments, for a minibatch that reads them
        squares: the sum of the squares of the gradient, if it is known

        Clipping by the global norm: Pascanu et al. (2013).
        """
        self.n_steps += 1
        if touched is not None:
            gradient = gradient[: touched.size]
        norm = math.sqrt(sum_of_squares(gradient, 0.0) if squares is None else squares)
        if not math.isfinite(norm):
            return norm
        scale = self.clip_norm / norm if self.clip_norm and norm > self.clip_norm else 1.0
        changing = theta, self.first, self.second
        if touched is None:
            step = Step(gradient, self.decays, scale, self.alpha, learning_rate)
            self.solver.step(step, self.n_steps, *changing)
            return norm
        step = Step(gradient, touched.decays(self.decays), scale, self.alpha, learning_rate)
        taken = [touched.taken(array) for array in changing]
        self.solver.step(step, self.n_steps, *taken)
        for values, array in zip(taken, changing, strict=True):
            touched.put(values, array)
        return norm
