"""Augmentation: what is changed at random in each sequence whenever it is trained on."""

from __future__ import annotations

from dataclasses import dataclass

from sklstm.components.component import FRACTION, NOT_NEGATIVE, Component, parameter


@dataclass(repr=False)
class Warping(Component):
    """Sequences are played faster and slower, and louder or softer, in training [1]_.

    A share of the sequences of each minibatch is changed. Each of these is cut into four pieces of
    random lengths, which are stretched to equal lengths, with linear interpolation; its length and
    its ends stay. Then all its values, as the network reads them, are multiplied by a random
    factor. Prediction changes nothing.

    In the first third of the epochs, the sequences are not changed. If the loss is then still above
    half of the first one, they are not changed in the other epochs either.

    Parameters
    ----------
    share : float, default=0.5
        Probability that a sequence is changed, whenever it is trained on.
    speed : float, default=0.3
        Standard deviation of the logarithm of the speed of a piece.
    scale : float, default=0.1
        Standard deviation of the logarithm of the factor.

    References
    ----------
    .. [1] T. T. Um et al. (2017). Data augmentation of wearable sensor data for Parkinson's disease
           monitoring using convolutional neural networks. ICMI.

    Examples
    --------
    >>> from sklstm import LSTMClassifier
    >>> from sklstm.components import Warping
    >>> model = LSTMClassifier(augmentation=Warping(speed=0.1))
    """

    share: float = parameter(0.5, FRACTION)
    speed: float = parameter(0.3, NOT_NEGATIVE)
    scale: float = parameter(0.1, NOT_NEGATIVE)
