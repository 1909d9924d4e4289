"""Parameters from torch and to torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklstm._network.torch_names import loaded, of_members, state_dict
from sklstm.components.cells import GRU, LSTM, RNN
from sklstm.export._fitted import FittedModel


def load_parameters(estimator: Any, parameters: Mapping[str, Any]) -> Any:
    """Replace trained parameters, for instance by those of a network of torch.

    Parameters
    ----------
    estimator : LSTMClassifier or LSTMRegressor
        A fitted estimator. It is changed in place.
    parameters : mapping of str to array-like
        Arrays by the names of ``estimator.parameters_``, or by torch's names: the state dict of an
        ``nn.LSTM``, ``nn.GRU`` or ``nn.RNN`` of the same shape. Parameters that are not named
        stay as they are. Scaling and y are no parameters and stay too. Arrays of several members
        are stacked along their first axis.

    Returns
    -------
    estimator
        The estimator, whose predictions are those of the new parameters.

    Raises
    ------
    TypeError, ValueError
        If the estimator is not fitted, a name is unknown or a shape does not fit; the parameters
        are then as before.

    Examples
    --------
    >>> import numpy as np
    >>> from sklstm import LSTMRegressor
    >>> from sklstm.datasets import load_tecator
    >>> from sklstm.export import load_parameters
    >>> X, y = load_tecator(return_X_y=True, subset="train")
    >>> model = LSTMRegressor(hidden_size=8, max_iter=1, random_state=0).fit(X, y)
    >>> load_parameters(model, {"head_weight": np.zeros((1, 16)), "head_bias": [0.0]})
    LSTMRegressor(hidden_size=8, max_iter=1, random_state=0)
    >>> bool(np.allclose(model.predict(X), y.mean()))
    True
    """
    spec = FittedModel.of(estimator, "torch").spec
    thetas = estimator._thetas()
    of_each = of_members(parameters, len(thetas))
    loaded_ = [loaded(spec, *each) for each in zip(thetas, of_each, strict=True)]
    # without the moments of partial_fit, which were those of other parameters
    estimator._members = [member | {"optimizer_state": []} for member in estimator._members]
    estimator.theta_ = loaded_[0] if len(loaded_) == 1 else np.stack(loaded_)
    return estimator


def torch_state_dict(estimator: Any) -> dict[str, NDArray]:
    """Return the recurrent layers as the state dict of torch's nn.LSTM, nn.GRU or nn.RNN.

    The other direction is `load_parameters`. Convolutions, attention and the head are
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
