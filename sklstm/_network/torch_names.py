"""Parameters by torch's names: its two biases, and the one of this package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklstm._network.parameters import ParameterLayout
from sklstm._network.spec import NetworkSpec

# The recurrent arrays of torch's nn.LSTM, nn.GRU and nn.RNN, but for the biases.
_WEIGHTS = ("weight_ih", "weight_hh")
_BIASES = ("bias_ih", "bias_hh")


def of_members(given: Mapping[str, Any], n_members: int) -> list[Mapping[str, Any]]:
    """Return the arrays of each member of an ensemble, which are stacked if there are several."""
    if n_members == 1:
        return [given]
    arrays = {name: np.asarray(array) for name, array in given.items()}
    for name, array in arrays.items():
        if array.shape[:1] != (n_members,):
            raise ValueError(
                f"{name} has the shape {array.shape}, but its first axis must be that of the "
                f"{n_members} members, as in parameters_."
            )
    return [{name: array[i] for name, array in arrays.items()} for i in range(n_members)]


def _numbers(name: str, array: Any) -> NDArray[np.float64]:
    """Return one of the given arrays, or refuse it by its name."""
    array = np.asarray(array)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{name} holds no numbers, its dtype is {array.dtype}.")
    return array.astype(np.float64)


def loaded(spec: NetworkSpec, theta: NDArray, given: Mapping[str, Any]) -> NDArray:
    """Return theta (n_parameters,) with the arrays that are given by name, ours or torch's."""
    arrays = {name: _numbers(name, array) for name, array in given.items()}
    for group in _groups(spec):
        _merge_biases(spec, group, arrays)
    theta = theta.copy()
    views = ParameterLayout(spec).views(theta)
    unknown = sorted(set(arrays) - set(views))
    if unknown:
        raise ValueError(
            f"The network has no parameters named {', '.join(unknown)}; it has "
            f"{', '.join(views)}, and the biases bias_ih_l0, bias_hh_l0, ... of torch. If the "
            "names have a prefix, as in the state dict of a larger module, strip it."
        )
    for name, array in arrays.items():
        if array.shape != views[name].shape:
            raise ValueError(
                f"{name} has the shape {array.shape}, but this network needs {views[name].shape}: "
                "its cell, hidden_size, num_layers, bidirectional and channels must be those of "
                "the network that the parameters come from. (scale='both' doubles the channels "
                "that a layer reads.)"
            )
        if not np.isfinite(array).all():
            raise ValueError(f"{name} holds NaN or infinity.")
        views[name][...] = array
    return theta


def state_dict(spec: NetworkSpec, theta: NDArray) -> dict[str, NDArray]:
    """Return the recurrent layers as the state dict of torch's nn.LSTM, nn.GRU or nn.RNN.

    What the one bias of a column holds is in ``bias_ih``, unless only the state reads the column.
    """
    views = ParameterLayout(spec).views(theta)
    state = {}
    for group in _groups(spec):
        columns = np.split(views[f"bias_{group}"], len(spec.cell.columns))
        blocks = dict(zip(spec.cell.columns, columns, strict=True))
        nothing = np.zeros(spec.hidden_size, theta.dtype)
        read_by_input = spec.cell.input_columns
        of_state = [
            nothing if column in read_by_input else blocks[column]
            for column in spec.cell.state_columns
        ]
        for kind in _WEIGHTS:
            state[f"{kind}_{group}"] = views[f"{kind}_{group}"].copy()
        state[f"bias_ih_{group}"] = np.concatenate([blocks[column] for column in read_by_input])
        state[f"bias_hh_{group}"] = np.concatenate(of_state)
    return state


def _groups(spec: NetworkSpec) -> list[str]:
    """Return the endings of the names of the scans."""
    return [f"l{layer}{suffix}" for layer, suffix in spec.scans]


def _merge_biases(spec: NetworkSpec, group: str, arrays: dict[str, NDArray]) -> None:
    """Replace torch's biases of a scan by the one bias of this package."""
    cell, n = spec.cell, spec.hidden_size
    names = [f"{kind}_{group}" for kind in _BIASES]
    given = [name for name in names if name in arrays]
    if not given:
        weights = [f"{kind}_{group}" for kind in _WEIGHTS if f"{kind}_{group}" in arrays]
        if weights and f"bias_{group}" not in arrays:
            raise ValueError(
                f"{weights[0]} comes without a bias: pass {names[0]} and {names[1]} too, or "
                f"bias_{group}; zeros if the network has no bias."
            )
        return
    if len(given) == 1 or f"bias_{group}" in arrays:
        raise ValueError(
            f"{given[0]} must come with {names[1] if given[0] == names[0] else names[0]}, and "
            f"without bias_{group}, which is their sum."
        )
    blocks = {column: np.zeros(n) for column in cell.columns}
    for name, columns in zip(names, (cell.input_columns, cell.state_columns), strict=True):
        bias = arrays.pop(name)
        if bias.shape != (len(columns) * n,):
            raise ValueError(
                f"{name} has the shape {bias.shape}, but this network needs "
                f"({len(columns) * n},): its cell and hidden_size must be those of the network "
                "that the parameters come from."
            )
        for column, block in zip(columns, np.split(bias, len(columns)), strict=True):
            blocks[column] = blocks[column] + block
    arrays[f"bias_{group}"] = np.concatenate(list(blocks.values()))
