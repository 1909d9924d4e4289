"""One flat parameter vector, its layout with named views, and the initial values."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import DTypeLike, NDArray

# Gates in the order of their blocks in weights and biases.
GATES = {
    "lstm": ("i", "f", "g", "o"),
    "lstm1997": ("i", "g", "o"),
    "peephole": ("i", "f", "g", "o"),
    "coupled": ("i", "g", "o"),
    "gru": ("r", "z", "n"),
    "rnn": ("h",),
}
# The gate whose bias says how much of the state is kept: the GRU's z plays the forget gate's
# part, and the coupled cell keeps 1 - i.
FORGETS = {
    "lstm": "f", "lstm1997": None, "peephole": "f", "coupled": "i", "gru": "z", "rnn": None,
}  # fmt: skip


@dataclass(frozen=True)
class ConvolutionSpec:
    """One convolution over time."""

    n_filters: int
    width: int
    stride: int = 1
    activation: str = "relu"
    causal: bool = True  # a window ends with the step that it is for; else this is its middle
    normalised: bool = False  # batch normalisation before the activation


@dataclass(frozen=True)
class NetworkSpec:
    """Everything that fixes the shape of a network and the loss it is trained with."""

    n_channels: int
    hidden_size: int
    num_layers: int
    bidirectional: bool
    pooling: tuple[str, ...]  # of last, mean and max; or attention; or steps: none, see per_step
    n_outputs: int
    loss: str
    loss_parameter: float = 0.0
    n_static: int = 0  # features of a sequence that go straight to the head
    cell: str = "lstm"
    truncated: bool = False  # the gradient: errors leave a step through the cell alone
    bptt_steps: int = 0  # steps after which errors of state are cut; 0 for none
    front: tuple[ConvolutionSpec, ...] = ()  # before the recurrent layers
    branch: tuple[ConvolutionSpec, ...] = ()  # beside them; its mean over time goes to the head
    layer_norm: bool = False
    # rates of the noise in training, see _kernels/noise.py; zoneout's are needed to predict too
    recurrent_dropout: float = 0.0
    variational_dropout: float = 0.0
    zoneout_h: float = 0.0
    zoneout_c: float = 0.0

    @property
    def n_directions(self) -> int:
        return 2 if self.bidirectional and self.num_layers > 0 else 1

    @property
    def n_inputs(self) -> int:
        """Channels that reach the first recurrent layer."""
        return self.front[-1].n_filters if self.front else self.n_channels

    @property
    def n_units(self) -> int:
        """States of one direction that pooling reads: without recurrent layers the filters."""
        return self.hidden_size if self.num_layers > 0 else self.n_inputs

    @property
    def n_beside(self) -> int:
        """What goes to the head beside pooled states: static features, then the branch's."""
        return self.n_static + (self.branch[-1].n_filters if self.branch else 0)

    @property
    def per_step(self) -> bool:
        """Whether the head reads the state of each time step, and predicts as often."""
        return self.pooling == ("steps",)

    @property
    def n_features(self) -> int:
        """What the head sees of a sequence or a step: states, then what is beside them."""
        return len(self.pooling) * self.n_directions * self.n_units + self.n_beside

    @property
    def stride(self) -> int:
        """Time steps that become one before the recurrent layers."""
        return math.prod(layer.stride for layer in self.front)


def _of_convolutions(
    name: str, layers: tuple[ConvolutionSpec, ...], n_inputs: int
) -> dict[str, tuple[int, ...]]:
    """Shapes of the parameters of convolutions one upon the other."""
    shapes: dict[str, tuple[int, ...]] = {}
    for k, layer in enumerate(layers):
        shapes[f"{name}_weight_l{k}"] = (layer.n_filters, n_inputs, layer.width)
        learned = ("shift", "scale", "mean", "variance") if layer.normalised else ("bias",)
        shapes |= {f"{name}_{kind}_l{k}": (layer.n_filters,) for kind in learned}
        n_inputs = layer.n_filters
    if any(layer.normalised for layer in layers):
        shapes[f"{name}_batches"] = (1,)
    return shapes


@dataclass(frozen=True)
class ParameterLayout:
    """Where each named parameter stands in the flat vector theta.

    Names, shapes and the order of the gates are torch's, with one bias where torch has two
    (its ``bias_ih + bias_hh``), and ``head_weight``, ``head_bias`` at the end. The GRU's bias
    has four blocks: r, z, and the two of n, which do not add up: torch's ``b_in``, ``b_hn``.
    ``weight_ch`` (3, hidden_size) holds the peepholes of i, f and o, and ``gain``, of the shape of
    the bias, the gains of layer normalisation. ``attention_weight``, ``attention_bias`` and
    ``score_weight`` are W, b and v of additive attention.

    Convolutions are ``conv_`` before the recurrent layers and ``fcn_`` beside them, with weights
    (n_filters, n_inputs, width). Batch normalisation has scale, shift, and the running mean and
    variance, as torch's state has them: the latter and ``fcn_batches``, the number of
    minibatches that they are from, are no parameters, and their gradient is zero.
    """

    spec: NetworkSpec
    shapes: dict[str, tuple[int, ...]] = field(init=False)
    offsets: dict[str, int] = field(init=False)
    size: int = field(init=False)

    def __post_init__(self) -> None:
        spec = self.spec
        shapes: dict[str, tuple[int, ...]] = {}
        n_gates = len(GATES[spec.cell]) * spec.hidden_size
        n_biases = n_gates + (spec.hidden_size if spec.cell == "gru" else 0)
        shapes |= _of_convolutions("conv", spec.front, spec.n_channels)
        n_inputs = spec.n_inputs
        for layer in range(spec.num_layers):
            for suffix in ("", "_reverse")[: spec.n_directions]:
                shapes[f"weight_ih_l{layer}{suffix}"] = (n_gates, n_inputs)
                shapes[f"weight_hh_l{layer}{suffix}"] = (n_gates, spec.hidden_size)
                shapes[f"bias_l{layer}{suffix}"] = (n_biases,)
                if spec.layer_norm:
                    shapes[f"gain_l{layer}{suffix}"] = (n_biases,)
                if spec.cell == "peephole":
                    shapes[f"weight_ch_l{layer}{suffix}"] = (3, spec.hidden_size)
            n_inputs = spec.n_directions * spec.hidden_size
        shapes |= _of_convolutions("fcn", spec.branch, spec.n_channels)
        if "attention" in spec.pooling:
            shapes["attention_weight"] = (spec.n_units, spec.n_directions * spec.n_units)
            shapes["attention_bias"] = (spec.n_units,)
            shapes["score_weight"] = (spec.n_units,)
        shapes["head_weight"] = (spec.n_outputs, spec.n_features)
        shapes["head_bias"] = (spec.n_outputs,)
        offsets, size = {}, 0
        for name, shape in shapes.items():
            offsets[name] = size
            size += math.prod(shape)
        object.__setattr__(self, "shapes", shapes)
        object.__setattr__(self, "offsets", offsets)
        object.__setattr__(self, "size", size)

    def views(self, theta: NDArray) -> dict[str, NDArray]:
        """The parameters by name, as views into theta or into a gradient."""
        return {
            name: theta[self.offsets[name] : self.offsets[name] + math.prod(shape)].reshape(shape)
            for name, shape in self.shapes.items()
        }

    def decays(self, dtype: DTypeLike) -> NDArray:
        """1 for the parameters that weight decay acts on: weights, not biases."""
        decays = np.zeros(self.size, dtype)
        for name, view in self.views(decays).items():
            view[...] = "weight" in name
        return decays

    def initial(
        self,
        rng: np.random.RandomState,
        forget_bias: float | str | None = None,
        input_bias: float | None = None,
        output_bias: float | None = None,
        recurrent_init: str = "orthogonal",
        longest_lag: int = 2,
    ) -> NDArray[np.float64]:
        """Random initial parameters.

        Recurrent weights are orthogonal, a square matrix for each gate (Saxe et al. 2013), or
        uniform in +-1/sqrt(hidden_size), as input weights and peepholes are; those of attention
        and of the head uniform in +-1/sqrt(columns), of convolutions in
        +-1/sqrt(n_inputs * width). Biases are zero but the forget gate's, 1 unless given
        (Jozefowicz et al. 2015), or by "chrono" the logarithm of a lag up to `longest_lag`, the
        input gate's its negative (Tallec & Ollivier 2018). Gains of layer normalisation are 1.
        """
        theta = np.zeros(self.size)
        hidden_size = self.spec.hidden_size
        bound = 1.0 / math.sqrt(hidden_size)
        gates = GATES[self.spec.cell]
        for name, view in self.views(theta).items():
            if name.startswith("weight_hh") and recurrent_init == "orthogonal":
                for block in view.reshape(-1, hidden_size, hidden_size):
                    q, r = np.linalg.qr(rng.standard_normal((hidden_size, hidden_size)))
                    # the signs make the distribution uniform over orthogonal matrices
                    block[...] = q * np.sign(np.diag(r))
            elif name.startswith("weight"):
                view[...] = rng.uniform(-bound, bound, view.shape)
            elif name.startswith("gain"):
                view[...] = 1.0
            elif name.startswith("bias"):
                # a gate's name and its block; the GRU has one more
                blocks = dict(zip(gates, view.reshape(-1, hidden_size), strict=False))
                if forget_bias == "chrono":
                    kept = np.log(rng.uniform(1.0, max(longest_lag - 1.0, 1.0), hidden_size))
                else:
                    kept = np.full(hidden_size, 1.0 if forget_bias is None else forget_bias)
                keeps = FORGETS[self.spec.cell]
                if keeps == "i":
                    blocks["i"][...] = -kept
                elif keeps is not None:
                    blocks[keeps][...] = kept
                    if forget_bias == "chrono" and "i" in blocks:
                        blocks["i"][...] = -kept
                for gate, value in (("i", input_bias), ("o", output_bias)):
                    if value is not None:
                        blocks[gate][...] = value
            elif name.startswith(("conv_weight", "fcn_weight")):
                n_read = math.prod(view.shape[1:])
                view[...] = rng.uniform(-1.0, 1.0, view.shape) / math.sqrt(n_read)
            elif name.startswith(("fcn_scale", "fcn_variance")):
                view[...] = 1.0
            elif name in ("attention_weight", "score_weight", "head_weight"):
                outermost = 1.0 / math.sqrt(view.shape[-1])
                view[...] = rng.uniform(-outermost, outermost, view.shape)
        return theta
