"""The shared parts of docstrings: made from the declarations of the hyper-parameters."""

from __future__ import annotations

import dataclasses
import textwrap
from typing import Any, TypeVar

from sklstm._estimator.hyper_parameters import GROUPS

T = TypeVar("T", bound=type)

_START_HERE = """Of the parameters, start with `hidden_size`, `num_layers`, `dropout`, `max_iter`,
    `n_jobs` and `random_state`; then come those of the network, the input, the training and
    the running. What concerns one part of the network stands on its component, see
    `sklstm.components`."""

_REFERENCES = """.. [1] S. Hochreiter and J. Schmidhuber (1997). Long short-term memory. Neural
           Computation 9(8), 1735-1780.
    .. [2] F. Gers, J. Schmidhuber and F. Cummins (2000). Learning to forget: continual
           prediction with LSTM. Neural Computation 12(10), 2451-2471.
    .. [3] D. Bahdanau, K. Cho and Y. Bengio (2015). Neural machine translation by jointly
           learning to align and translate. ICLR.
    .. [4] S. Semeniuta, A. Severyn and E. Barth (2016). Recurrent dropout without memory
           loss. COLING.
    .. [5] Y. Gal and Z. Ghahramani (2016). A theoretically grounded application of dropout
           in recurrent neural networks. NIPS.
    .. [6] F. Karim et al. (2018). LSTM fully convolutional networks for time series
           classification. IEEE Access 6, 1662-1669.
    .. [7] R. Pascanu, T. Mikolov and Y. Bengio (2013). On the difficulty of training
           recurrent neural networks. ICML."""

_ATTRIBUTES = """theta_ : ndarray of shape (n_parameters,)
        All trained parameters; `parameters_` has them by name.
    n_features_in_ : int
        Columns of a 2-D X seen in fit, else channels.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names of a DataFrame seen in fit, where all are strings.
    n_channels_in_ : int
        Channels of the sequences seen in fit.
    n_iter_ : int
        Epochs that were run.
    loss_ : float
        Mean loss of the last epoch.
    loss_curve_ : list of float
        Mean loss of every epoch.
    validation_scores_ : list of float or None
        Score on the validation set after every epoch.
    best_validation_score_ : float or None
        The highest of them.
    n_outputs_ : int
        Outputs of the network.
    channel_mean_, channel_scale_ : ndarray of shape (n_channels_in_,)
        Mean and standard deviation of the training data.
    patch_size_ : int
        Time steps that are read as one.
    front_, branch_ : Convolutions and FCN, or None
        The convolutions before the recurrent layers and beside them."""

_X_OF_FIT = """X : array-like, list of arrays or DataFrame
            Sequences: an array (n_samples, n_timesteps) or (n_samples, n_timesteps,
            n_channels), a list of arrays (n_timesteps_i, n_channels), a wide DataFrame, or a
            long one with the index (sample, time). All forms are in
            docs/how_to/ragged_and_padded_input.md. Steps at the end that are NaN in all
            channels are padding."""

_X = """X : array-like, list of arrays or DataFrame
            Sequences, in any form that `fit` takes."""

_Y_OF_STEPS = """With ``return_sequences=True`` a target for each time step: an array or a
            long DataFrame of the form of X, or a list of arrays (n_timesteps_i,)."""

_WEIGHT = """sample_weight : array-like of shape (n_samples,), or as y, default=None
            Weight of each sample (or step); a whole number counts as so many copies."""

_VALIDATION = """X_val, y_val : as X and y, default=None
            Validation set; if given, `early_stopping` uses it whatever it is set to."""

_STEPS = "With ``return_sequences=True`` for each step; a list if lengths differ."


def parameters_of(cls: type, groups: tuple[str, ...] = GROUPS) -> str:
    """Return the section on parameters of a class that declares them, group by group."""
    fields = dataclasses.fields(cls)
    sections = []
    for group in groups:
        for field in fields:
            declared = field.metadata
            if declared.get("group") == group:
                text = textwrap.fill(declared["text"], 84)
                text = textwrap.indent(text, " " * 8)
                kind = f"{field.name} : {declared['kind']}, default={_shown(field.default)}"
                sections.append(f"{kind}\n{text}")
    return "\n    ".join(sections)


def _shown(default: Any) -> str:
    """Return a default as numpydoc writes it."""
    return f'"{default}"' if isinstance(default, str) else repr(default)


def documented(cls: T) -> T:
    """Fill the shared parts into the docstrings of a class and its methods."""
    parts = {
        "{parameters}": parameters_of(cls),
        "{start_here}": _START_HERE,
        "{references}": _REFERENCES,
        "{attributes}": _ATTRIBUTES,
        "{X_of_fit}": _X_OF_FIT,
        "{X}": _X,
        "{y_of_steps}": _Y_OF_STEPS,
        "{sample_weight}": _WEIGHT,
        "{validation}": _VALIDATION,
        "{steps}": _STEPS,
    }
    ours = [base for base in cls.__mro__ if base.__module__.startswith("sklstm.")]
    for owner in (cls, *(method for base in ours for method in vars(base).values())):
        if callable(owner) and owner.__doc__:
            for mark, text in parts.items():
                owner.__doc__ = owner.__doc__.replace(mark, text)
    return cls
