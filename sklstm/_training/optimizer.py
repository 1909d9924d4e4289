"""A solver at work: its running moments, and the settings that all solvers share."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sklstm._kernels.optimizers import sum_of_squares
from sklstm._network.embeddings import Touched
from sklstm._network.parameters import ParameterLayout
from sklstm.components.solvers import Solver, Step


@dataclass
class Optimizer:
    """Updates theta in place, from one gradient a step."""

    solver: Solver
    layout: ParameterLayout
    dtype: DTypeLike
    alpha: float
    clip_norm: float | None
    n_steps: int = field(default=0, init=False)
    first: NDArray = field(init=False)  # running mean of the gradient, or the velocity
    second: NDArray = field(init=False)  # running mean of the squared gradient

    def __post_init__(self) -> None:
        self.first, self.second = (np.zeros(self.layout.size, self.dtype) for _ in range(2))
        self._runs = self.layout.runs()

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
        step = Step(gradient, self._runs, scale, self.alpha, learning_rate)
        self.solver.step(step, self.n_steps, *changing)
        if touched is not None:
            n = self.layout.n_packed
            step = step._replace(gradient=gradient[n:], runs=touched.rows)
            self.solver.step(step, self.n_steps, *(array[n:] for array in changing))
        return norm
