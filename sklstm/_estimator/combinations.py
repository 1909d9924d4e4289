"""Which hyper-parameters do not go together, and the sentence that says so."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator

from sklstm._estimator.hyper_parameters import HyperParameters
from sklstm.components.attention import ATTENTIONS
from sklstm.components.cells import CELLS, Cell
from sklstm.components.component import Component, resolve
from sklstm.components.convolutions import Convolutions
from sklstm.components.schedules import SCHEDULES
from sklstm.components.solvers import SOLVERS
from sklstm.components.survival import Survival

# What concerns recurrent layers alone.
_OF_LAYERS = ("cell", "gradient", "bptt_steps", "recurrent_dropout", "variational_dropout")


def check_combinations(parameters: HyperParameters) -> None:
    """Raise an error if components are invalid, or valid hyper-parameters contradict each other."""
    cell = resolve(parameters.cell, CELLS)
    resolve(parameters.solver, SOLVERS)
    resolve(parameters.learning_rate, SCHEDULES)
    for part in (parameters.front, parameters.branch, parameters.augmentation):
        if isinstance(part, Component):
            part.checked()
    for sentence in (
        *_with_cell(parameters, cell), *_without_layers(parameters), *_of_steps(parameters),
        *_with_attention(parameters), *_of_survival(parameters),
    ):  # fmt: skip
        raise ValueError(sentence)


def warn_of_combinations(parameters: HyperParameters, validated: bool, scaled: bool) -> None:
    """Warn of valid hyper-parameters that together do not do what they say.

    validated: whether there is a validation set; scaled: whether there are numbers to standardise,
    not only categories
    """
    if parameters.scoring is not None and not validated:
        warnings.warn(
            f"scoring={parameters.scoring!r} has no effect without a validation set: set "
            "early_stopping=True, pass X_val and y_val to fit, or leave scoring at None.",
            UserWarning,
            stacklevel=4,
        )
    forward = parameters.return_sequences and not parameters.bidirectional
    if forward and scaled and parameters.scale in ("both", "sequence"):
        warnings.warn(
            "With return_sequences=True and bidirectional=False each prediction should depend on "
            f"no later step, but scale={parameters.scale!r} standardises each sequence by all of "
            "its steps. Set scale='channel', or bidirectional=True if later steps may count.",
            UserWarning,
            stacklevel=4,
        )


def _with_cell(parameters: HyperParameters, cell: Cell) -> Iterator[str]:
    """Yield what this cell does not support."""
    name = type(cell).__name__
    if parameters.gradient == "truncated" and not cell.has_memory:
        yield (
            f"gradient='truncated' keeps errors inside memory cells, which the cell {name} does "
            "not have: set gradient='full', or choose a cell with a memory such as 'lstm'; "
            "bptt_steps cuts the gradient of every cell."
        )
    if parameters.recurrent_dropout > 0.0 and not cell.adds_to_state:
        yield (
            f"recurrent_dropout drops what is added to a state, but the cell {name} replaces its "
            "state: set variational_dropout or the cell's zoneout, or choose another cell."
        )
    if cell.normalised and parameters.hidden_size == 1:
        yield (
            "layer_norm=True compares the units of a layer with each other, but hidden_size=1: "
            "raise hidden_size, or set layer_norm=False."
        )


def _without_layers(parameters: HyperParameters) -> Iterator[str]:
    """Yield what has no effect without recurrent layers."""
    if parameters.num_layers > 0:
        return
    if not isinstance(parameters.front, Convolutions):
        yield (
            "num_layers=0 leaves nothing between the sequences and the head: set front to "
            "Convolutions(...), or num_layers to at least 1."
        )
    defaults = {field.name: field.default for field in dataclasses.fields(HyperParameters)}
    for name in _OF_LAYERS:
        value, default = getattr(parameters, name), defaults[name]
        if value != default:
            yield (
                f"num_layers=0 is a network without recurrent layers, on which {name}={value!r} "
                f"has no effect: leave {name} at {default!r}, or set num_layers to at least 1."
            )


def _of_steps(parameters: HyperParameters) -> Iterator[str]:
    """Yield what is for one prediction of a whole sequence."""
    if not parameters.return_sequences:
        return
    if parameters.pooling != "last":
        yield (
            "return_sequences=True predicts at every step from the state there, without pooling: "
            "leave pooling at 'last', or set return_sequences=False."
        )
    if parameters.patch_size not in ("auto", 1):
        yield (
            "return_sequences=True predicts at every step, which patches would merge: set "
            "patch_size=1 or 'auto'."
        )
    front = parameters.front
    if isinstance(front, Convolutions) and any(layer.stride > 1 for layer in front.layers()):
        yield (
            "return_sequences=True predicts at every step, but a stride leaves steps out: set "
            "the stride of front to 1."
        )
    if parameters.branch not in (None, "auto"):
        yield (
            "return_sequences=True predicts at every step, but a branch gives features of whole "
            "sequences: set branch=None."
        )
    if parameters.augmentation not in (None, "auto"):
        yield (
            "return_sequences=True has targets for the steps as they are, which augmentation "
            "would move: set augmentation=None."
        )


def _of_survival(parameters: HyperParameters) -> Iterator[str]:
    """Yield what is for a y of numbers."""
    loss = getattr(parameters, "loss", None)  # of a regressor
    if loss != "survival" and not isinstance(loss, Survival):
        return
    if parameters.return_sequences:
        yield (
            "return_sequences=True predicts at every step, but loss='survival' is for one time "
            "until an event after the whole sequence: set return_sequences=False."
        )
    if isinstance(parameters.scoring, str) and parameters.scoring != "loss":
        yield (
            f"scoring={parameters.scoring!r} compares numbers or classes, but with loss='survival' "
            "y holds events and times: leave scoring at None for the concordance index, set it to "
            "'loss', or pass a callable with the signature scorer(estimator, X, y)."
        )


def _with_attention(parameters: HyperParameters) -> Iterator[str]:
    """Yield what keeps the heads of self-attention from sharing the states of a time step."""
    if parameters.attention is None:
        return
    attention = resolve(parameters.attention, ATTENTIONS)
    if parameters.num_layers > 0:
        directions = 2 if parameters.bidirectional else 1
        n_states = directions * parameters.hidden_size
        origin = f"hidden_size={parameters.hidden_size}" + " in two directions" * (directions - 1)
    else:
        front = parameters.front
        assert isinstance(front, Convolutions)
        n_states, origin = front.layers()[-1].n_filters, "the filters of front"
    if n_states % attention.n_heads:
        yield attention.misfit(n_states, origin)
