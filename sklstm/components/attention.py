"""Attention of the time steps to each other, after the recurrent layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sklstm.components.component import COUNT, Component, parameter


@dataclass(repr=False)
class SelfAttention(Component):
    """Transformer encoder layers *after* the recurrent layers [1]_.

    In each layer, every time step reads all steps of its sequence, weighted by several heads, and
    goes through two linear maps with a ReLU between them. Both parts are added to the states, and
    normalise what they read [2]_: the layer is ``torch.nn.TransformerEncoderLayer`` with
    ``norm_first=True`` and without dropout. There is no positional encoding, because the recurrent
    layers know the order of the steps.

    With ``return_sequences=True`` and one direction, a step reads only the steps up to it.

    Parameters
    ----------
    n_layers : int, default=1
        Layers, one upon the other.
    n_heads : int, default=4
        Heads of each layer. Their number must divide the states of a time step, which are
        ``hidden_size``, or twice as many if bidirectional.
    feed_forward_size : int or None, default=None
        Units between the two linear maps. None: twice the states of a time step.

    References
    ----------
    .. [1] A. Vaswani et al. (2017). Attention is all you need. NeurIPS.
    .. [2] R. Xiong et al. (2020). On layer normalization in the transformer architecture. ICML.

    Examples
    --------
    >>> from sklstm import LSTMClassifier
    >>> from sklstm.components import SelfAttention
    >>> model = LSTMClassifier(attention=SelfAttention(n_heads=8))
    """

    n_layers: int = parameter(1, COUNT)
    n_heads: int = parameter(4, COUNT)
    feed_forward_size: int | None = parameter(None, COUNT, None)

    def n_wide(self, n_states: int) -> int:
        """Return the units between the linear maps."""
        return 2 * n_states if self.feed_forward_size is None else int(self.feed_forward_size)

    def misfit(self, n_states: int, origin: str) -> str:
        """Return the sentence that says why the heads cannot share so many states.

        origin: where their number comes from
        """
        return (
            f"attention: n_heads={self.n_heads} does not divide the {n_states} states of a time "
            f"step ({origin}), of which each head has an equal share: change one of them."
        )


# By the strings that stand for them.
ATTENTIONS = {"self": SelfAttention}
AttentionName = Literal["self"]
