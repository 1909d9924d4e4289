"""Schedules: the learning rate over the course of a training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from sklstm.components.component import NOT_NEGATIVE, Component, parameter


@dataclass(repr=False)
class Schedule(Component):
    """Base of the schedules."""

    # whether it ends at a planned step, before which it would leave the rate high
    planned: ClassVar[bool] = False

    def rate(self, initial: float, step: int, n_steps: int) -> float:
        """Return the learning rate of a step (0, 1, ..., n_steps - 1)."""
        raise NotImplementedError


@dataclass(repr=False)
class Constant(Schedule):
    """The same rate at every step.

    Examples
    --------
    >>> from sklstm.components import Constant
    >>> Constant().rate(0.1, step=7, n_steps=10)
    0.1
    """

    def rate(self, initial: float, step: int, n_steps: int) -> float:
        """Return the learning rate of a step."""
        return initial


@dataclass(repr=False)
class Cosine(Schedule):
    """Increase in the first tenth of the steps, then decrease to 0 as half a cosine [1]_.

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter (2017). SGDR: stochastic gradient descent with warm
           restarts. ICLR. (Here without restarts.)

    Examples
    --------
    >>> from sklstm.components import Cosine
    >>> [round(Cosine().rate(1.0, step, n_steps=100), 2) for step in (0, 9, 55, 99)]
    [0.1, 1.0, 0.5, 0.0]
    """

    planned = True
    _warm_up = 0.1  # share of the steps in which the rate rises

    def rate(self, initial: float, step: int, n_steps: int) -> float:
        """Return the learning rate of a step."""
        warm = max(1.0, self._warm_up * n_steps)
        if step < warm:
            return initial * (step + 1) / warm if warm > 1.0 else initial
        return initial * 0.5 * (1.0 + math.cos(math.pi * (step - warm) / max(n_steps - warm, 1.0)))


@dataclass(repr=False)
class OneCycle(Schedule):
    """Increase from 1/25 in the first 30% of the steps, then decrease to 1/10,000 [1]_.

    References
    ----------
    .. [1] L. Smith and N. Topin (2018). Super-convergence: very fast training of neural
           networks using large learning rates. arXiv:1708.07120.

    Examples
    --------
    >>> from sklstm.components import OneCycle
    >>> [OneCycle().rate(1.0, step, n_steps=100) for step in (0, 30)]
    [0.04, 1.0]
    """

    planned = True
    _rise = 0.3  # share of the steps in which the rate rises

    def rate(self, initial: float, step: int, n_steps: int) -> float:
        """Return the learning rate of a step."""
        top = self._rise * n_steps
        if step < top:
            low, high, share = initial / 25.0, initial, step / top
        else:
            low, high, share = initial, initial / 1e4, (step - top) / max(n_steps - top, 1.0)
        return low + (high - low) * 0.5 * (1.0 - math.cos(math.pi * share))


@dataclass(repr=False)
class InverseScaling(Schedule):
    """The rate divided by ``(step + 1) ** power``.

    Parameters
    ----------
    power : float, default=0.5
        Exponent of the step.

    Examples
    --------
    >>> from sklstm.components import InverseScaling
    >>> InverseScaling(power=1.0).rate(1.0, step=3, n_steps=10)
    0.25
    """

    power: float = parameter(0.5, NOT_NEGATIVE)

    def rate(self, initial: float, step: int, n_steps: int) -> float:
        """Return the learning rate of a step."""
        return initial / (step + 1) ** self.power


@dataclass(repr=False)
class Adaptive(Constant):
    """Constant, but divided by 5 whenever two epochs in a row bring no progress.

    Training ends when the rate falls below 1e-6, as in scikit-learn's MLP.

    Examples
    --------
    >>> from sklstm import LSTMClassifier
    >>> from sklstm.components import Adaptive
    >>> model = LSTMClassifier(learning_rate=Adaptive())
    """

    factor: ClassVar[float] = 5.0
    patience: ClassVar[int] = 2  # epochs without progress after which the rate falls
    floor: ClassVar[float] = 1e-6


SCHEDULES: dict[str, type[Schedule]] = {
    "cosine": Cosine,
    "constant": Constant,
    "one_cycle": OneCycle,
    "invscaling": InverseScaling,
    "adaptive": Adaptive,
}
ScheduleName = Literal["cosine", "constant", "one_cycle", "invscaling", "adaptive"]
