"""Everything that fixes the shape of a network and the loss it is trained with."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sklstm.components.attention import SelfAttention
from sklstm.components.cells import Cell
from sklstm.components.convolutions import ConvolutionLayer
from sklstm.components.loss import Loss
from sklstm.components.poolings import EVERY_STEP


@dataclass(frozen=True, kw_only=True)
class NetworkSpec:
    """The hyper-parameters of a network, as far as they are known before it is trained."""

    n_channels: int
    cell: Cell
    hidden_size: int
    num_layers: int
    bidirectional: bool
    pooling: tuple[str, ...]  # a value of POOLINGS, or EVERY_STEP
    n_outputs: int
    loss: Loss
    n_static: int = 0  # features of a sequence that go straight to the head
    truncated: bool = False  # the gradient: errors leave a step through the cell state alone
    bptt_steps: int = 0  # steps after which errors of state are cut; 0 for none
    # consecutive steps that become one before `front` and the recurrent layers; not for `branch`
    patch_size: int = 1
    front: tuple[ConvolutionLayer, ...] = ()  # before the recurrent layers
    branch: tuple[ConvolutionLayer, ...] = ()  # beside them; its mean over time goes to the head
    encoder: SelfAttention | None = None  # layers over the states of the last recurrent layer
    # vectors of the table of each categorical channel, and their length; the vectors are the last
    # of n_channels, those of so many time steps side by side
    embeddings: tuple[tuple[int, int], ...] = ()
    embedded_steps: int = 1
    # rates of dropout inside the recurrent layers, in training
    recurrent_dropout: float = 0.0
    variational_dropout: float = 0.0

    @property
    def n_directions(self) -> int:
        """Scans of each recurrent layer."""
        return 2 if self.bidirectional and self.num_layers > 0 else 1

    @property
    def scans(self) -> list[tuple[int, str]]:
        """Layer and suffix of the name of each scan, in the order in which they run."""
        suffixes = ("", "_reverse")[: self.n_directions]
        return [(layer, suffix) for layer in range(self.num_layers) for suffix in suffixes]

    @property
    def n_numeric(self) -> int:
        """Channels that are no embeddings; they come first."""
        return self.n_channels - self.embedded_steps * sum(size for _, size in self.embeddings)

    @property
    def n_patched(self) -> int:
        """Channels of a patch."""
        return self.n_channels * self.patch_size

    @property
    def n_inputs(self) -> int:
        """Channels that reach the first recurrent layer."""
        return self.front[-1].n_filters if self.front else self.n_patched

    @property
    def n_units(self) -> int:
        """States of one direction that pooling reads: without recurrent layers the filters."""
        return self.hidden_size if self.num_layers > 0 else self.n_inputs

    @property
    def n_states(self) -> int:
        """States of a time step that pooling reads, of all directions."""
        return self.n_directions * self.n_units

    @property
    def causal(self) -> bool:
        """Whether no step of the encoder reads a later one: if no recurrent layer does."""
        return self.per_step and self.n_directions == 1

    @property
    def n_pooled(self) -> int:
        """Features that pooling makes of the states."""
        return len(self.pooling) * self.n_states

    @property
    def n_beside(self) -> int:
        """Features that reach the head past the states: the static ones, then the branch's."""
        return self.n_static + (self.branch[-1].n_filters if self.branch else 0)

    @property
    def n_features(self) -> int:
        """Features of a sequence or a step that the head reads."""
        return self.n_pooled + self.n_beside

    @property
    def per_step(self) -> bool:
        """Whether the head reads the state of each time step, and predicts as often."""
        return self.pooling == EVERY_STEP

    @property
    def stride(self) -> int:
        """Time steps that become one before the recurrent layers."""
        return self.patch_size * math.prod(layer.stride for layer in self.front)

    @property
    def noise_rates(self) -> tuple[float, float, float, float]:
        """Rates of recurrent and variational dropout and of zoneout of h and of c."""
        return (self.recurrent_dropout, self.variational_dropout, *self.cell.zoneout_rates)
