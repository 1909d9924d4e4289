"""One flat parameter vector, its layout with named views, and the initial values."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import DTypeLike, NDArray


@dataclass(frozen=True)
class NetworkSpec:
    """Everything that fixes the shape of a network and the loss it is trained with."""

    n_channels: int
    hidden_size: int
    num_layers: int
    bidirectional: bool
    pooling: tuple[str, ...]
    n_outputs: int
    loss: str
    loss_parameter: float = 0.0
    n_static: int = 0  # features of a sequence that go straight to the head

    @property
    def n_directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def n_features(self) -> int:
        """What the head sees of a sequence: pooled states, then static features."""
        return len(self.pooling) * self.n_directions * self.hidden_size + self.n_static


@dataclass(frozen=True)
class ParameterLayout:
    """Where each named parameter stands in the flat vector theta.

    Names, shapes and the order of the gates (i, f, g, o) are torch's, with one bias where
    torch has two (its ``bias_ih + bias_hh``), and ``head_weight``, ``head_bias`` at the end.
    """

    spec: NetworkSpec
    shapes: dict[str, tuple[int, ...]] = field(init=False)
    offsets: dict[str, int] = field(init=False)
    size: int = field(init=False)

    def __post_init__(self) -> None:
        spec = self.spec
        shapes: dict[str, tuple[int, ...]] = {}
        n_gates = 4 * spec.hidden_size
        n_inputs = spec.n_channels
        for layer in range(spec.num_layers):
            for suffix in ("", "_reverse")[: spec.n_directions]:
                shapes[f"weight_ih_l{layer}{suffix}"] = (n_gates, n_inputs)
                shapes[f"weight_hh_l{layer}{suffix}"] = (n_gates, spec.hidden_size)
                shapes[f"bias_l{layer}{suffix}"] = (n_gates,)
            n_inputs = spec.n_directions * spec.hidden_size
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

    def initial(self, rng: np.random.RandomState, forget_bias: float) -> NDArray[np.float64]:
        """Random initial parameters.

        Recurrent weights are orthogonal, a square matrix for each gate (Saxe et al. 2013);
        input and head weights uniform in +-1/sqrt(hidden_size) and +-1/sqrt(n_features);
        biases zero but the forget gate's (Jozefowicz et al. 2015).
        """
        theta = np.zeros(self.size)
        hidden_size = self.spec.hidden_size
        for name, view in self.views(theta).items():
            if name.startswith("weight_ih"):
                bound = 1.0 / math.sqrt(hidden_size)
                view[...] = rng.uniform(-bound, bound, view.shape)
            elif name.startswith("weight_hh"):
                for gate in range(4):
                    q, r = np.linalg.qr(rng.standard_normal((hidden_size, hidden_size)))
                    # the signs make the distribution uniform over orthogonal matrices
                    view[gate * hidden_size : (gate + 1) * hidden_size] = q * np.sign(np.diag(r))
            elif name.startswith("bias"):
                view[hidden_size : 2 * hidden_size] = forget_bias
            elif name == "head_weight":
                bound = 1.0 / math.sqrt(self.spec.n_features)
                view[...] = rng.uniform(-bound, bound, view.shape)
        return theta
