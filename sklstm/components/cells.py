"""Recurrent cells: their hyper-parameters, and all that a network must know of them.

A cell is described here and nowhere else. Parameter layout, packing, initial biases, checks and
benchmarks derive from the class attributes of `Cell`; the two functions that compute a step are
in the file of ``_kernels/cells`` that `Cell.kernel` comes from. To add a cell, write that file
and its twin in the tests, and add a class here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from sklstm._kernels.cells import coupled, gru, lstm, lstm1997, peephole, rnn
from sklstm.components.component import ANY_NUMBER, FRACTION, Component, parameter

Biases = dict[str, float | NDArray[np.float64]]


@dataclass(kw_only=True, repr=False)
class Cell(Component):
    """Base of the recurrent cells.

    A *column* is one of the pre-activations of a unit. Bias and gains of layer normalisation
    have a block of ``hidden_size`` values for each column; the rows of a weight matrix are
    blocks for some of the columns, in torch's order.
    """

    recurrent_init: Literal["orthogonal", "uniform"] = parameter(
        "orthogonal", StrOptions({"orthogonal", "uniform"})
    )
    zoneout: float = parameter(0.0, FRACTION)

    kernel: ClassVar[Any]  # type of the marker that picks the compiled step
    columns: ClassVar[tuple[str, ...]]  # as the kernel has them
    input_columns: ClassVar[tuple[str, ...]]  # those that read the input: blocks of weight_ih
    state_columns: ClassVar[tuple[str, ...]]  # those that read the state: blocks of weight_hh
    # further arrays (n_columns, hidden_size) below the bias: name -> the columns that read them
    extra: ClassVar[dict[str, tuple[str, ...]]] = {}
    has_memory: ClassVar[bool] = False  # whether there is a cell state c beside h
    adds_to_state: ClassVar[bool] = True  # False: each step replaces the state

    def __init_subclass__(cls, **options: Any) -> None:
        """Let all columns read input and state, unless a cell says otherwise."""
        super().__init_subclass__(**options)
        if "columns" in vars(cls):
            cls.input_columns = vars(cls).get("input_columns", cls.columns)
            cls.state_columns = vars(cls).get("state_columns", cls.columns)

    @property
    def normalised(self) -> bool:
        """Whether the pre-activations go through layer normalisation."""
        return bool(getattr(self, "layer_norm", False))

    @property
    def zoneout_rates(self) -> tuple[float, float]:
        """Rates of zoneout of h and of c."""
        return float(self.zoneout), 0.0

    def initial_bias(self, rng: np.random.RandomState, hidden_size: int) -> NDArray[np.float64]:
        """Draw the initial bias, (n_columns * hidden_size,)."""
        blocks = {column: np.zeros(hidden_size) for column in self.columns}
        for column, value in self._biases(rng, hidden_size).items():
            blocks[column][:] = value
        return np.concatenate(list(blocks.values()))

    def _biases(self, rng: np.random.RandomState, hidden_size: int) -> Biases:
        """Return the initial biases that are not zero, by column."""
        return {}

    def expecting(self, longest: int) -> Self:
        """Return the cell for training sequences of at most so many steps."""
        return self


@dataclass(kw_only=True, repr=False)
class _MemoryCell(Cell):
    """Base of the cells with a state c beside h, which zoneout may keep at another rate."""

    zoneout: float | tuple[float, float] = parameter(0.0, FRACTION, tuple)  # type: ignore[assignment]

    has_memory = True

    def checked(self) -> Self:
        """Return the cell itself; raise an error if a hyper-parameter is invalid."""
        super().checked()
        pair = self.zoneout if isinstance(self.zoneout, tuple) else (0.0, 0.0)
        if len(pair) != 2 or not all(map(FRACTION.is_satisfied_by, pair)):
            raise ValueError(
                f"zoneout={self.zoneout!r}: pass a number, or two as (of h, of c), from 0 to "
                "below 1."
            )
        return self

    @property
    def zoneout_rates(self) -> tuple[float, float]:
        """Rates of zoneout of h and of c."""
        rates = self.zoneout if isinstance(self.zoneout, tuple) else (self.zoneout, self.zoneout)
        return float(rates[0]), float(rates[1])


@dataclass(kw_only=True, repr=False)
class _LayerNorm(Component):
    """The hyper-parameter of cells whose pre-activations may be normalised."""

    layer_norm: bool = parameter(False, "boolean")


@dataclass(kw_only=True, repr=False)
class _ForgetBias(Component):
    """The hyper-parameters of cells with a gate that keeps the state, held open at first."""

    forget_bias: float | Literal["auto", "chrono"] = parameter(
        "auto", ANY_NUMBER, StrOptions({"auto", "chrono"})
    )
    longest_lag: int | None = parameter(None, Interval(Integral, 2, None, closed="left"), None)

    keeps: ClassVar[str]  # column of the gate that keeps the state

    def checked(self) -> Self:
        """Return the cell itself; raise an error if a hyper-parameter is invalid."""
        super().checked()
        if self.longest_lag is not None and not isinstance(self.forget_bias, str):
            raise ValueError(
                f"longest_lag={self.longest_lag!r} is for forget_bias='auto' or 'chrono', but "
                f"forget_bias is {self.forget_bias!r}: set one of these, or leave longest_lag at "
                "None."
            )
        return self

    def expecting(self, longest: int) -> Self:
        """Return the cell with a longest lag: that of the training sequences if none is set."""
        if not isinstance(self.forget_bias, str) or self.longest_lag is not None:
            return self
        return replace(self, longest_lag=max(longest, 2))

    def _n_spread(self, hidden_size: int) -> int:
        """Return how many units, the first ones, remember for lags drawn for each."""
        if self.forget_bias == "chrono":
            return hidden_size
        return hidden_size // 4 if self.forget_bias == "auto" else 0

    def _kept(self, rng: np.random.RandomState, hidden_size: int) -> NDArray[np.float64]:
        """Bias that keeps the state: the logarithm of the lag of a unit, 1 for those without."""
        n = self._n_spread(hidden_size)
        others = 1.0 if isinstance(self.forget_bias, str) else float(self.forget_bias)
        lags = rng.uniform(1.0, max((self.longest_lag or 2) - 1.0, 1.0), n)
        return np.concatenate([np.log(lags), np.full(hidden_size - n, others)])

    def _biases(self, rng: np.random.RandomState, hidden_size: int) -> Biases:
        return {self.keeps: self._kept(rng, hidden_size)}


@dataclass(kw_only=True, repr=False)
class _GateBiases(_ForgetBias):
    """The hyper-parameters of cells with separate input, forget and output gates."""

    input_bias: float | None = parameter(None, ANY_NUMBER, None)
    output_bias: float = parameter(0.0, ANY_NUMBER)

    keeps = "f"

    def _biases(self, rng: np.random.RandomState, hidden_size: int) -> Biases:
        kept = self._kept(rng, hidden_size)
        written = np.zeros(hidden_size)
        n = self._n_spread(hidden_size)
        written[:n] = -kept[:n]
        if self.input_bias is not None:
            written[:] = self.input_bias
        return {"i": written, "f": kept, "o": float(self.output_bias)}


@dataclass(kw_only=True, repr=False)
class LSTM(_GateBiases, _LayerNorm, _MemoryCell):
    """Long short-term memory with a forget gate [1]_ [2]_, as torch and Keras have it.

    Parameters
    ----------
    forget_bias : float, "auto" or "chrono", default="auto"
        Initial bias of the forget gate; 1 keeps the state at first [3]_. "chrono": draw a lag
        up to `longest_lag` for each unit, set its forget bias to the logarithm and its input
        bias to the negative [4]_. "auto": a quarter of the units as with "chrono", which lets
        the network learn long lags; 1 for the others.
    longest_lag : int or None, default=None
        Longest lag that "auto" and "chrono" expect, in steps of the recurrent layers (after
        patches and strides). None: the longest training sequence.
    input_bias : float or None, default=None
        Initial bias of the input gate. None: 0; in units with a lag, the negative of the forget
        bias. Negative values, as in 1997, keep the state from drifting [1]_.
    output_bias : float, default=0.0
        Initial bias of the output gate. Negative values, as in 1997, keep cells from acting as
        biases early in training [1]_.
    recurrent_init : {"orthogonal", "uniform"}, default="orthogonal"
        Initial recurrent weights: an orthogonal matrix for each gate, or uniform in
        +-1/sqrt(hidden_size) as in torch.
    layer_norm : bool, default=False
        Whether to normalise what each gate reads over the units, with a gain for each unit
        [5]_.
    zoneout : float or tuple of two floats, default=0.0
        Probability that a unit keeps its previous state in a step of training; in prediction,
        the share of the previous state [6]_. Two numbers: for h and for the memory c.

    References
    ----------
    .. [1] S. Hochreiter and J. Schmidhuber (1997). Long short-term memory. Neural
           Computation 9(8), 1735-1780.
    .. [2] F. Gers, J. Schmidhuber and F. Cummins (2000). Learning to forget: continual
           prediction with LSTM. Neural Computation 12(10), 2451-2471.
    .. [3] R. Jozefowicz, W. Zaremba and I. Sutskever (2015). An empirical exploration of
           recurrent network architectures. ICML.
    .. [4] C. Tallec and Y. Ollivier (2018). Can recurrent neural networks warp time? ICLR.
    .. [5] J. Ba, J. Kiros and G. Hinton (2016). Layer normalization. arXiv:1607.06450.
    .. [6] D. Krueger et al. (2017). Zoneout: regularizing RNNs by randomly preserving hidden
           activations. ICLR.

    Examples
    --------
    >>> from sklstm import LSTMClassifier
    >>> from sklstm.components import LSTM
    >>> model = LSTMClassifier(cell=LSTM(forget_bias="chrono", longest_lag=200))
    >>> model.get_params()["cell__longest_lag"]
    200
    """

    kernel = lstm.LSTM
    columns = ("i", "f", "g", "o")


@dataclass(kw_only=True, repr=False)
class LSTM1997(_LayerNorm, _MemoryCell):
    """The memory cell of Hochreiter and Schmidhuber (1997), which forgets nothing [1]_.

    Parameters
    ----------
    input_bias, output_bias : float, default=0.0
        Initial biases of input and output gate. The paper's remedies are negative: an input
        bias against a state that drifts, an output bias against cells that act as biases early
        in training.
    recurrent_init : {"orthogonal", "uniform"}, default="orthogonal"
        Initial recurrent weights, as in `LSTM`.
    layer_norm : bool, default=False
        Whether to normalise what each gate reads, as in `LSTM`.
    zoneout : float or tuple of two floats, default=0.0
        Probability that a unit keeps its previous state, as in `LSTM`.

    References
    ----------
    .. [1] S. Hochreiter and J. Schmidhuber (1997). Long short-term memory. Neural
           Computation 9(8), 1735-1780.

    Examples
    --------
    >>> from sklstm import LSTMClassifier
    >>> from sklstm.components import LSTM1997
    >>> model = LSTMClassifier(cell=LSTM1997(input_bias=-3.0, output_bias=-1.0))
    """

    input_bias: float = parameter(0.0, ANY_NUMBER)
    output_bias: float = parameter(0.0, ANY_NUMBER)

    kernel = lstm1997.LSTM1997
    columns = ("i", "g", "o")

    def _biases(self, rng: np.random.RandomState, hidden_size: int) -> Biases:
        return {"i": float(self.input_bias), "o": float(self.output_bias)}


@dataclass(kw_only=True, repr=False)
class Peephole(_GateBiases, _MemoryCell):
    """LSTM whose gates see the cell state [1]_.

    Layer normalisation is not offered: the peepholes would stay outside of it.

    Parameters
    ----------
    forget_bias : float, "auto" or "chrono", default="auto"
        Initial bias of the forget gate, as in `LSTM`.
    longest_lag : int or None, default=None
        Longest lag that is expected, as in `LSTM`.
    input_bias : float or None, default=None
        Initial bias of the input gate, as in `LSTM`.
    output_bias : float, default=0.0
        Initial bias of the output gate.
    recurrent_init : {"orthogonal", "uniform"}, default="orthogonal"
        Initial recurrent weights, as in `LSTM`.
    zoneout : float or tuple of two floats, default=0.0
        Probability that a unit keeps its previous state, as in `LSTM`.

    References
    ----------
    .. [1] F. Gers, N. Schraudolph and J. Schmidhuber (2002). Learning precise timing with
           LSTM recurrent networks. JMLR 3, 115-143.

    Examples
    --------
    >>> from sklstm import LSTMRegressor
    >>> from sklstm.components import Peephole
    >>> model = LSTMRegressor(cell=Peephole(forget_bias=2.0))
    """

    kernel = peephole.Peephole
    columns = ("i", "f", "g", "o")
    extra: ClassVar[dict[str, tuple[str, ...]]] = {"weight_ch": ("i", "f", "o")}


@dataclass(kw_only=True, repr=False)
class Coupled(_ForgetBias, _LayerNorm, _MemoryCell):
    """LSTM whose forget gate is 1 minus its input gate [1]_.

    Parameters
    ----------
    forget_bias : float, "auto" or "chrono", default="auto"
        Initial bias of forgetting, as in `LSTM`: the input gate gets its negative.
    longest_lag : int or None, default=None
        Longest lag that is expected, as in `LSTM`.
    output_bias : float, default=0.0
        Initial bias of the output gate.
    recurrent_init : {"orthogonal", "uniform"}, default="orthogonal"
        Initial recurrent weights, as in `LSTM`.
    layer_norm : bool, default=False
        Whether to normalise what each gate reads, as in `LSTM`.
    zoneout : float or tuple of two floats, default=0.0
        Probability that a unit keeps its previous state, as in `LSTM`.

    References
    ----------
    .. [1] K. Greff et al. (2017). LSTM: a search space odyssey. IEEE Transactions on Neural
           Networks and Learning Systems 28(10), 2222-2232.

    Examples
    --------
    >>> from sklstm import LSTMClassifier
    >>> from sklstm.components import Coupled
    >>> model = LSTMClassifier(cell=Coupled(layer_norm=True))
    """

    output_bias: float = parameter(0.0, ANY_NUMBER)

    kernel = coupled.Coupled
    columns = ("i", "g", "o")
    keeps = "i"  # by its negative

    def _biases(self, rng: np.random.RandomState, hidden_size: int) -> Biases:
        return {"i": -self._kept(rng, hidden_size), "o": float(self.output_bias)}


@dataclass(kw_only=True, repr=False)
class GRU(_ForgetBias, _LayerNorm, Cell):
    """Gated recurrent unit [1]_, reset after the product as in torch and cuDNN.

    Parameters
    ----------
    forget_bias : float, "auto" or "chrono", default="auto"
        Initial bias of z, the gate that keeps the state. "auto", "chrono": as in `LSTM`.
    longest_lag : int or None, default=None
        Longest lag that is expected, as in `LSTM`.
    recurrent_init : {"orthogonal", "uniform"}, default="orthogonal"
        Initial recurrent weights, as in `LSTM`.
    layer_norm : bool, default=False
        Whether to normalise what each gate reads, as in `LSTM`.
    zoneout : float, default=0.0
        Probability that a unit keeps its previous state, as in `LSTM`.

    References
    ----------
    .. [1] K. Cho et al. (2014). Learning phrase representations using RNN encoder-decoder for
           statistical machine translation. EMNLP.

    Examples
    --------
    >>> from sklstm import LSTMClassifier
    >>> from sklstm.components import GRU
    >>> model = LSTMClassifier(cell=GRU(forget_bias=0.0))
    """

    kernel = gru.GRU
    columns = ("r", "z", "n of input", "n of state")
    input_columns = ("r", "z", "n of input")
    state_columns = ("r", "z", "n of state")
    keeps = "z"


@dataclass(kw_only=True, repr=False)
class RNN(_LayerNorm, Cell):
    """Elman's network, with tanh [1]_.

    Parameters
    ----------
    recurrent_init : {"orthogonal", "uniform"}, default="orthogonal"
        Initial recurrent weights, as in `LSTM`.
    layer_norm : bool, default=False
        Whether to normalise what each unit reads, as in `LSTM`.
    zoneout : float, default=0.0
        Probability that a unit keeps its previous state, as in `LSTM`.

    References
    ----------
    .. [1] J. Elman (1990). Finding structure in time. Cognitive Science 14(2), 179-211.

    Examples
    --------
    >>> from sklstm import LSTMClassifier
    >>> from sklstm.components import RNN
    >>> model = LSTMClassifier(cell=RNN(recurrent_init="uniform"))
    """

    kernel = rnn.RNN
    columns = ("h",)
    adds_to_state = False


CELLS: dict[str, type[Cell]] = {
    "lstm": LSTM,
    "lstm1997": LSTM1997,
    "peephole": Peephole,
    "coupled": Coupled,
    "gru": GRU,
    "rnn": RNN,
}
CellName = Literal["lstm", "lstm1997", "peephole", "coupled", "gru", "rnn"]
