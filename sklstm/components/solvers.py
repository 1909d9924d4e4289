"""Solvers: how a gradient moves the parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklstm._kernels.optimizers import adam_step, rmsprop_step, sgd_step
from sklstm.components.component import FRACTION, POSITIVE, Component, parameter


class Step(NamedTuple):
    """What a solver is told of a step, in the order in which the kernels take it."""

    gradient: NDArray  # (n,)
    runs: NDArray[np.int64]  # (n_runs, at least 4): which parameters change, see the kernels
    scale: float  # of the gradient, which clips it
    alpha: float  # strength of the weight decay
    learning_rate: float


@dataclass(repr=False)
class Solver(Component):
    """Base of the solvers."""

    def step(
        self, step: Step, n_steps: int, theta: NDArray, first: NDArray, second: NDArray
    ) -> None:
        """Update theta (n_parameters,) in place.

        n_steps is 1 at the first step, before which the moments first and second (n_parameters,)
        are zero.
        """
        raise NotImplementedError


@dataclass(repr=False)
class Adam(Solver):
    """Adaptive moments [1]_; weight decay is an L2 penalty.

    Parameters
    ----------
    beta_1 : float, default=0.9
        Decay of the running mean of the gradient.
    beta_2 : float, default=0.999
        Decay of the running mean of its square.
    epsilon : float, default=1e-8
        Added to the denominator.

    References
    ----------
    .. [1] D. Kingma and J. Ba (2015). Adam: a method for stochastic optimization. ICLR.

    Examples
    --------
    >>> from sklstm import LSTMClassifier
    >>> from sklstm.components import Adam
    >>> model = LSTMClassifier(solver=Adam(beta_2=0.99))
    """

    beta_1: float = parameter(0.9, FRACTION)
    beta_2: float = parameter(0.999, FRACTION)
    epsilon: float = parameter(1e-8, POSITIVE)

    decoupled: ClassVar[bool] = False  # whether weight decay stays out of the moments

    def step(
        self, step: Step, n_steps: int, theta: NDArray, first: NDArray, second: NDArray
    ) -> None:
        """Update theta in place; see `Solver.step`."""
        adam_step(
            *step, self.decoupled, n_steps,
            self.beta_1, self.beta_2, self.epsilon, theta, first, second,
        )  # fmt: skip


@dataclass(repr=False)
class AdamW(Adam):
    """Adam with weight decay apart from the gradient [1]_.

    Parameters
    ----------
    beta_1 : float, default=0.9
        Decay of the running mean of the gradient.
    beta_2 : float, default=0.999
        Decay of the running mean of its square.
    epsilon : float, default=1e-8
        Added to the denominator.

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter (2019). Decoupled weight decay regularization. ICLR.

    Examples
    --------
    >>> from sklstm import LSTMClassifier
    >>> from sklstm.components import AdamW
    >>> model = LSTMClassifier(solver=AdamW(beta_1=0.95))
    """

    decoupled = True


@dataclass(repr=False)
class SGD(Solver):
    """Stochastic gradient descent with momentum.

    Parameters
    ----------
    momentum : float, default=0.9
        Share of the last update that is added to the next.
    nesterov : bool, default=True
        Whether to use Nesterov's momentum.

    Examples
    --------
    >>> from sklstm import LSTMClassifier
    >>> from sklstm.components import SGD
    >>> model = LSTMClassifier(solver=SGD(momentum=0.0, nesterov=False))
    """

    momentum: float = parameter(0.9, FRACTION)
    nesterov: bool = parameter(True, "boolean")

    def step(
        self, step: Step, n_steps: int, theta: NDArray, first: NDArray, second: NDArray
    ) -> None:
        """Update theta in place; see `Solver.step`."""
        sgd_step(
            *step, self.momentum, self.nesterov,
            theta, first,
        )  # fmt: skip


@dataclass(repr=False)
class RMSProp(Solver):
    """Steps divided by the root of a running mean of the squared gradient [1]_.

    Parameters
    ----------
    decay : float, default=0.999
        Decay of the running mean.
    epsilon : float, default=1e-8
        Added to the denominator.

    References
    ----------
    .. [1] T. Tieleman and G. Hinton (2012). Lecture 6.5: divide the gradient by a running
           average of its recent magnitude. COURSERA: Neural networks for machine learning.

    Examples
    --------
    >>> from sklstm import LSTMClassifier
    >>> from sklstm.components import RMSProp
    >>> model = LSTMClassifier(solver=RMSProp(decay=0.99))
    """

    decay: float = parameter(0.999, FRACTION)
    epsilon: float = parameter(1e-8, POSITIVE)

    def step(
        self, step: Step, n_steps: int, theta: NDArray, first: NDArray, second: NDArray
    ) -> None:
        """Update theta in place; see `Solver.step`."""
        rmsprop_step(
            *step, self.decay, self.epsilon,
            theta, second,
        )  # fmt: skip


SOLVERS: dict[str, type[Solver]] = {
    "adamw": AdamW,
    "adam": Adam,
    "sgd": SGD,
    "rmsprop": RMSProp,
}
SolverName = Literal["adamw", "adam", "sgd", "rmsprop"]
