"""Convolutions over time: before the recurrent layers, or beside them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np
from sklearn.utils._param_validation import StrOptions

from sklstm.components.component import COUNT, Component, parameter


@dataclass(frozen=True)
class ConvolutionLayer:
    """One convolution over time, as the network has it."""

    n_filters: int
    width: int
    stride: int = 1
    activation: str = "relu"
    causal: bool = True  # a window ends with the step that it is for; else this is its middle
    normalised: bool = False  # batch normalisation before the activation
    # widths of further groups of filters; all groups have equally many
    narrower: tuple[int, ...] = ()
    # 0: a filter reads all inputs at consecutive steps; else the input of its own number alone,
    # at steps that are so far apart (a depthwise convolution)
    dilation: int = 0

    @property
    def before(self) -> int:
        """Steps from the first one of a window to the one that it is for."""
        span = (self.width - 1) * max(1, self.dilation)
        return span if self.causal else span // 2

    def first_of(self, width: int) -> int:
        """Return the step of the widest window with which a window of another width begins."""
        return self.before - replace(self, width=width).before


class ConvolutionStack(Component):
    """Convolutions one upon the other; a subclass says which layers its hyper-parameters mean."""

    def checked(self) -> Self:
        """Return the component itself; raise an error if a hyper-parameter is invalid."""
        super().checked()
        self.layers()
        return self

    def layers(self) -> tuple[ConvolutionLayer, ...]:
        """Return the layers, one upon the other."""
        raise NotImplementedError


class Branch(ConvolutionStack):
    """Base of the convolutions beside the recurrent layers."""


@dataclass(repr=False)
class Convolutions(ConvolutionStack):
    """Causal convolutions *before* the recurrent layers [1]_.

    The output at a step depends only on steps up to it. The last window of a sequence ends with its
    last step. Each hyper-parameter is one number for all layers, or a tuple with one for each
    layer.

    Parameters
    ----------
    channels : int or tuple of int, default=64
        Filters of each layer.
    width : int or tuple of int, default=7
        Steps that a filter sees.
    stride : int or tuple of int, default=1
        Stride of the convolution; 2 halves the sequence length.
    activation : {"relu", "tanh"}, default="relu"
        Activation of all layers.

    References
    ----------
    .. [1] A. Waibel et al. (1989). Phoneme recognition using time-delay neural networks. IEEE
           Transactions on Acoustics, Speech, and Signal Processing 37(3), 328-339.

    Examples
    --------
    >>> from sklstm import LSTMClassifier
    >>> from sklstm.components import Convolutions
    >>> model = LSTMClassifier(front=Convolutions((32, 64), width=5, stride=(1, 2)))
    """

    channels: int | tuple[int, ...] = parameter(64, COUNT, tuple)
    width: int | tuple[int, ...] = parameter(7, COUNT, tuple)
    stride: int | tuple[int, ...] = parameter(1, COUNT, tuple)
    activation: Literal["relu", "tanh"] = parameter("relu", StrOptions({"relu", "tanh"}))

    def layers(self) -> tuple[ConvolutionLayer, ...]:
        """Return the layers, one upon the other."""
        numbers = _by_layer(channels=self.channels, width=self.width, stride=self.stride)
        return tuple(
            ConvolutionLayer(n, width, stride, activation=self.activation)
            for n, width, stride in numbers
        )


@dataclass(repr=False)
class FCN(Branch):
    """A fully convolutional network *beside* the recurrent layers [1]_.

    Convolutions with batch normalisation [2]_ and ReLU. Their mean over time goes to the
    output layer together with the pooled states.

    Parameters
    ----------
    channels : int or tuple of int, default=(32, 64, 32)
        Filters of each layer.
    width : int, tuple of int or None, default=None
        Steps that a filter sees, around the one that it is for: a number for all layers, or a
        tuple with one for each. None: 7, 5, and 3 for all further layers.

    References
    ----------
    .. [1] F. Karim et al. (2018). LSTM fully convolutional networks for time series
           classification. IEEE Access 6, 1662-1669.
    .. [2] S. Ioffe and C. Szegedy (2015). Batch normalization: accelerating deep network
           training by reducing internal covariate shift. ICML.

    Examples
    --------
    >>> from sklstm import LSTMClassifier
    >>> from sklstm.components import FCN
    >>> model = LSTMClassifier(branch=FCN((64, 128, 64)))
    """

    channels: int | tuple[int, ...] = parameter((32, 64, 32), COUNT, tuple)
    width: int | tuple[int, ...] | None = parameter(None, COUNT, tuple, None)

    def layers(self) -> tuple[ConvolutionLayer, ...]:
        """Return the layers, one upon the other."""
        width = self.width
        if width is None:
            n_layers = len(self.channels) if isinstance(self.channels, tuple) else 1
            width = (7, 5, *[3] * n_layers)[:n_layers]
        return tuple(
            ConvolutionLayer(n, steps, causal=False, normalised=True)
            for n, steps in _by_layer(channels=self.channels, width=width)
        )


@dataclass(repr=False)
class LITE(Branch):
    """A light inception network *beside* the recurrent layers [1]_.

    The first layer has filters of three widths side by side. Two depthwise-separable convolutions
    follow, with filters of half and a quarter of the width at every second and every fourth step.
    All have batch normalisation and ReLU. Their mean over time goes to the output layer together
    with the pooled states.

    Parameters
    ----------
    channels : int, default=32
        Filters of each width in the first layer, and of each later layer.
    width : int, default=40
        Steps that the widest filters of the first layer see; the others see a half and a quarter.

    References
    ----------
    .. [1] A. Ismail-Fawaz et al. (2023). LITE: light inception with boosting techniques for time
           series classification. IEEE International Conference on Data Science and Advanced
           Analytics.

    Examples
    --------
    >>> from sklstm import LSTMClassifier
    >>> from sklstm.components import LITE
    >>> model = LSTMClassifier(branch=LITE(channels=16))
    """

    channels: int = parameter(32, COUNT)
    width: int = parameter(40, COUNT)

    def layers(self) -> tuple[ConvolutionLayer, ...]:
        """Return the layers, one upon the other; a separable convolution is two."""
        n, width = int(self.channels), int(self.width)
        half, quarter = max(1, width // 2), max(1, width // 4)
        return (
            ConvolutionLayer(3 * n, width, narrower=(half, quarter), causal=False, normalised=True),
            *_separable(3 * n, n, half, dilation=2),
            *_separable(n, n, quarter, dilation=4),
        )


def _separable(
    n_inputs: int, n_filters: int, width: int, dilation: int
) -> tuple[ConvolutionLayer, ...]:
    """Return a convolution over time for each input, and one over the inputs at each step."""
    return (
        ConvolutionLayer(n_inputs, width, activation="identity", causal=False, dilation=dilation),
        ConvolutionLayer(n_filters, 1, causal=False, normalised=True),
    )


def _by_layer(*, channels: Any, **further: Any) -> list[tuple[int, ...]]:
    """Return the numbers of every layer; each is given as one for all or layer by layer."""
    n_layers = len(channels) if isinstance(channels, tuple) else 1
    table = []
    for name, value in {"channels": channels, **further}.items():
        numbers = value if isinstance(value, tuple) else (value,) * n_layers
        whole = all(isinstance(n, (int, np.integer)) and n >= 1 for n in numbers)
        if not numbers or len(numbers) != n_layers or not whole:
            raise ValueError(
                f"{name}={value!r} with channels={channels!r}: pass a whole number of at least 1, "
                "or a tuple with one for each layer."
            )
        table.append([int(n) for n in numbers])
    return list(zip(*table, strict=True))
