"""The shared parts of docstrings: made from the declarations of the hyper-parameters."""

from __future__ import annotations

import dataclasses
import inspect
import textwrap
from typing import Any, TypeVar

from sklstm._estimator.hyper_parameters import GROUPS

T = TypeVar("T", bound=type)

_START_HERE = """Start with the first six
parameters; docs/reference/estimators.md says more about each. With ``return_sequences=True``
y and all predictions are for each time step: an array, or a list of arrays."""

_REFERENCES = """.. [1] S. Hochreiter and J. Schmidhuber (1997). Long short-term memory. Neural
       Computation 9(8), 1735-1780.
.. [2] F. Gers, J. Schmidhuber and F. Cummins (2000). Learning to forget: continual
       prediction with LSTM. Neural Computation 12(10), 2451-2471."""

_ATTRIBUTES = """theta_ : ndarray of shape (n_parameters,) or (n_estimators, n_parameters)
    All trained parameters; `parameters_` has them by name, `estimators_` by member.
n_iter_, loss_, loss_curve_, validation_scores_, best_validation_score_
    Epochs that were run, their mean loss, and scores on the validation set or None.
n_features_in_, n_channels_in_, channel_mean_, channel_scale_, patch_size_, front_, branch_
    The form of X, its scaling, and what "auto" became; see docs/reference/estimators.md."""

_X_OF_FIT = """X : array-like, list of arrays or DataFrame
    Sequences in any form of docs/how_to/ragged_and_padded_input.md."""

_X = "X : sequences, as in `fit`"

_WEIGHT = """sample_weight : array-like of shape (n_samples,), or as y, default=None
    Weights; a whole number counts as so many copies."""

_VALIDATION = """X_val, y_val : as X and y, default=None
    Validation set, which switches `early_stopping` on."""


def parameters_of(cls: type, groups: tuple[str, ...] = GROUPS) -> str:
    """Return the section on parameters of a class that declares them, group by group."""
    fields = dataclasses.fields(cls)
    sections = []
    for group in groups:
        for field in fields:
            declared = field.metadata
            if declared.get("group") == group:
                text = textwrap.fill(declared["text"], 84)
                text = textwrap.indent(text, " " * 4)
                kind = f"{field.name} : {declared['kind']}, default={_shown(field.default)}"
                sections.append(f"{kind}\n{text}")
    return "\n".join(sections)


def _shown(default: Any) -> str:
    """Return a default as numpydoc writes it."""
    return f'"{default}"' if isinstance(default, str) else repr(default)


class _Brief:
    """A method of scikit-learn's metadata routing, with one line instead of forty in the help."""

    def __init__(self, method: Any) -> None:
        self._method = method

    def __get__(self, instance: Any, owner: Any) -> Any:
        method = self._method.__get__(instance, owner)
        method.__doc__ = "Request metadata; see scikit-learn's user guide on metadata routing."
        return method


def documented(cls: T) -> T:
    """Fill the shared parts into the docstrings of a class and its methods.

    Python 3.13 takes the indentation out of docstrings. Here it is taken out before, too.
    """
    parts = {
        "{parameters}": parameters_of(cls),
        "{start_here}": _START_HERE,
        "{references}": _REFERENCES,
        "{attributes}": _ATTRIBUTES,
        "{X_of_fit}": _X_OF_FIT,
        "{X}": _X,
        "{sample_weight}": _WEIGHT,
        "{validation}": _VALIDATION,
    }
    ours = [base for base in cls.__mro__ if base.__module__.startswith("sklstm.")]
    for owner in (cls, *(method for base in ours for method in vars(base).values())):
        owner = getattr(owner, "fn", owner)  # of a method that is available with some settings
        if callable(owner) and owner.__doc__:
            filled = inspect.cleandoc(owner.__doc__)
            for mark, text in parts.items():
                filled = filled.replace(mark, text)
            owner.__doc__ = filled
    for name, method in list(vars(cls).items()):
        if name.startswith("set_") and name.endswith("_request"):
            setattr(cls, name, _Brief(method))
    # the defaults stand in the signature and in the docstring; as attributes of the class, which
    # nothing reads, the help would list them once more
    for field in dataclasses.fields(cls):
        for base in ours:
            if field.name in vars(base):
                delattr(base, field.name)
    return cls
