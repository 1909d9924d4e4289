"""A solver at work: its running moments, and the settings that all solvers share."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sklstm._kernels.embedding import NO_ROWS
from sklstm._kernels.update import update_parameters
from sklstm._network.network import Network
from sklstm.components.solvers import Solver


@dataclass
class Optimizer:
    """Updates theta in place, from one gradient a step."""

    solver: Solver
    n_parameters: int
    dtype: DTypeLike
    alpha: float
    clip_norm: float | None
    n_steps: int = field(default=0, init=False)
    first: NDArray = field(init=False)  # running mean of the gradient, or the velocity
    second: NDArray = field(init=False)  # running mean of the squared gradient

    def __post_init__(self) -> None:
        self.first, self.second = (np.zeros(self.n_parameters, self.dtype) for _ in range(2))

    @property
    def state(self) -> list[Any]:
        """What `resume` needs to go on from here."""
        return [self.n_steps, self.first, self.second]

    def resume(self, state: list[Any]) -> None:
        """Go on where another optimiser was."""
        n_steps, first, second = state
        self.n_steps, self.first, self.second = n_steps, first.copy(), second.copy()

    def update(
        self,
        network: Network,
        theta: NDArray,
        chunks: NDArray,
        statistics: NDArray,
        learning_rate: float,
        gradient: NDArray,
        rows: NDArray[np.int64] = NO_ROWS,
        begun: NDArray[np.int64] | None = None,
    ) -> float:
        """Update theta, and let the network read it; return the gradient's norm.

        If that is not finite, nothing was changed. For the other arguments see
        `update_parameters`. Parameters in tables that are not in rows wait, with their moments,
        for a minibatch that reads them.
        """
        self.n_steps += 1
        norm: float = update_parameters(
            self.solver.rule(self.n_steps), network.places, self.clip_norm or math.inf,
            float(self.alpha), float(learning_rate), chunks, rows, statistics,
            np.zeros(1, np.int64) if begun is None else begun,
            gradient, theta, self.first, self.second, *network.room,
        )  # fmt: skip
        return norm
