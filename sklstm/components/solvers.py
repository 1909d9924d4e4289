"""Solvers: how a gradient moves the parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from sklstm._kernels.update import AdamRule, RMSPropRule, SGDRule
from sklstm.components.component import FRACTION, POSITIVE, Component, parameter


@dataclass(repr=False)
class Solver(Component):
    """Base of the solvers."""

    def rule(self, step: int) -> AdamRule | SGDRule | RMSPropRule:
        """Return what the kernel needs in a step; the first one is 1."""
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

    def rule(self, step: int) -> AdamRule:
        """Return what the kernel needs; see `Solver.rule`."""
        decays = float(self.beta_1), float(self.beta_2)
        return AdamRule(self.decoupled, step, *decays, float(self.epsilon))


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

    def rule(self, step: int) -> SGDRule:
        """Return what the kernel needs; see `Solver.rule`."""
        return SGDRule(float(self.momentum), bool(self.nesterov))


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

    def rule(self, step: int) -> RMSPropRule:
        """Return what the kernel needs; see `Solver.rule`."""
        return RMSPropRule(float(self.decay), float(self.epsilon))


SOLVERS: dict[str, type[Solver]] = {
    "adamw": AdamW,
    "adam": Adam,
    "sgd": SGD,
    "rmsprop": RMSProp,
}
SolverName = Literal["adamw", "adam", "sgd", "rmsprop"]
