"""`torch_state_dict`: the recurrent layers for a module of torch."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from sklstm._network.torch_names import state_dict
from sklstm.components.cells import GRU, LSTM, RNN
from sklstm.export._fitted import FittedModel


def torch_state_dict(estimator: Any) -> dict[str, NDArray]:
    """Return the recurrent layers as the state dict of torch's nn.LSTM, nn.GRU or nn.RNN.

    The other direction is ``estimator.load_parameters``. Convolutions, attention and the head are
    in ``estimator.parameters_``, in torch's layout too.

    Parameters
    ----------
    estimator : LSTMClassifier or LSTMRegressor
        A fitted estimator with the cell "lstm", "gru" or "rnn", without layer normalisation and
        zoneout.

    Returns
    -------
    dict of str to ndarray
        ``weight_ih_l0``, ``weight_hh_l0``, ``bias_ih_l0``, ``bias_hh_l0``, ..., copies. What torch
        adds up from two biases is in the first of them.

    Raises
    ------
    TypeError, ValueError
        If the estimator is not fitted, or torch has no module for its cell.

    Examples
    --------
    >>> from sklstm import LSTMRegressor
    >>> from sklstm.datasets import load_tecator
    >>> from sklstm.export import torch_state_dict
    >>> X, y = load_tecator(return_X_y=True, subset="train")
    >>> model = LSTMRegressor(hidden_size=8, max_iter=1, random_state=0).fit(X, y)
    >>> state = torch_state_dict(model)
    >>> state["weight_hh_l0_reverse"].shape
    (32, 8)

    With torch: ``layers.load_state_dict({k: torch.from_numpy(v) for k, v in state.items()})``.
    """
    model = FittedModel.of(estimator, "torch")
    model.check_single("torch")
    spec, cell = model.spec, model.spec.cell
    plain = not cell.normalised and max(cell.zoneout_rates) == 0.0
    if type(cell) not in (LSTM, GRU, RNN) or not plain or spec.num_layers == 0:
        layers = f"num_layers={spec.num_layers} and cell={cell!r}"
        raise ValueError(
            f"torch has no module for {layers}: it has LSTM, GRU and RNN, without layer "
            "normalisation and zoneout. parameters_ has the arrays of every network."
        )
    return state_dict(spec, estimator.theta_)
