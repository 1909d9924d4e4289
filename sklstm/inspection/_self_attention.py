"""What each time step reads of the others, in networks with self-attention."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklstm._input.values import check_predictions
from sklstm.inspection._opened import check_network


def self_attention_weights(
    estimator: Any, X: Any, *, layer: int = -1
) -> NDArray[np.float64] | list[NDArray[np.float64]]:
    """How much each time step reads of each other one, with ``attention="self"``.

    Parameters
    ----------
    estimator : LSTMClassifier or LSTMRegressor
        Fitted with `attention`.
    X : sequences, as in `fit`
    layer : int, default=-1
        Layer of the attention; negative numbers count from the last.

    Returns
    -------
    ndarray of shape (n_samples, n_heads, n_timesteps, n_timesteps), or list of ndarray
        The weights of each head, a row for each step that reads, which sums to 1. A list of
        arrays (n_heads, n_timesteps_i, n_timesteps_i) if lengths differ.

    Raises
    ------
    ValueError
        If the network has no such layer, or the estimator is an ensemble.

    Examples
    --------
    >>> from sklstm import LSTMClassifier
    >>> from sklstm.datasets import load_japanese_vowels
    >>> from sklstm.inspection import self_attention_weights
    >>> X, y = load_japanese_vowels(return_X_y=True, subset="train")
    >>> model = LSTMClassifier(attention="self", max_iter=1, random_state=0).fit(X, y)
    >>> self_attention_weights(model, X[:1]).shape
    (1, 4, 20, 20)
    """
    check_network(estimator)
    data, spec = estimator._known_sequences(X), estimator._spec
    _check(estimator, spec, layer)
    inputs, every = estimator._input(data), np.arange(data.n_samples)
    with estimator._predictor(data.n_samples) as predictor:
        (workers,) = predictor.each()
        found = workers.self_attention(inputs, every, int(layer) % spec.encoder.n_layers)
    totals = np.array([[heads.sum()] for heads in found])
    check_predictions(totals, data, estimator.channel_mean_, estimator.channel_scale_)
    n_merged, n_steps_of_all = estimator._merged_steps(data.lengths)
    weights = []
    for heads, n_steps in zip(
        found, np.split(n_steps_of_all, np.cumsum(n_merged)[:-1]), strict=True
    ):
        shares = np.repeat(heads / n_steps, n_steps, axis=2)
        weights.append(np.repeat(shares, n_steps, axis=1))
    return np.stack(weights) if len(set(data.lengths)) == 1 else weights


def _check(estimator: Any, spec: Any, layer: Any) -> None:
    """Raise an error if the estimator does not have one network with this layer."""
    if spec.encoder is None:
        raise ValueError(
            "self_attention_weights needs attention='self' or SelfAttention(...), but this "
            "network was fitted with attention=None."
        )
    n_layers = spec.encoder.n_layers
    if not isinstance(layer, (int, np.integer)) or not -n_layers <= layer < n_layers:
        raise ValueError(f"layer={layer!r}: the network has {n_layers} layer(s) of attention.")
    n_members = len(estimator._members)
    if n_members > 1:
        raise ValueError(
            "The heads of one network are not those of another: pass one of the "
            f"{n_members} estimators_."
        )
