"""The hyper-parameters of classifier and regressor: each is declared once, in its group.

A declaration holds the type, the default, the values that validation accepts, and the text for
the docstring. The six of the group "start here" come first: most users need no others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Literal

import numpy as np
from sklearn.utils._param_validation import StrOptions

from sklstm._estimator.scoring import SCORINGS
from sklstm.components.attention import ATTENTIONS, AttentionName, SelfAttention
from sklstm.components.augmentation import Warping
from sklstm.components.cells import CELLS, Cell, CellName
from sklstm.components.component import (
    COUNT,
    COUNT_OR_ZERO,
    FRACTION,
    INSIDE_UNIT,
    NOT_NEGATIVE,
    POSITIVE,
    parameter,
)
from sklstm.components.convolutions import Branch, Convolutions
from sklstm.components.poolings import POOLINGS, PoolingName
from sklstm.components.schedules import SCHEDULES, Schedule, ScheduleName
from sklstm.components.solvers import SOLVERS, Solver, SolverName

GROUPS = ("start here", "network", "input", "training", "running")
_AUTO = StrOptions({"auto"})


def _choices(names: Any) -> str:
    """Return names as numpydoc writes a set of choices."""
    return "{" + ", ".join(f'"{name}"' for name in names) + "}"


def _declare(
    group: str, kind: str, default: Any, *constraints: Any, text: str, fixed: bool = False
) -> Any:
    """Declare a hyper-parameter.

    kind: its type, as the docstring has it
    fixed: whether the shape or the meaning of `theta_` depends on it, so that `warm_start` and
        `partial_fit` need the value of the first fit
    """
    return parameter(default, *constraints, group=group, kind=kind, text=text, fixed=fixed)


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class HyperParameters:
    """The constructor that classifier and regressor share.

    Without a base of scikit-learn, which has no types: a type checker then knows all keywords.
    """

    # --- start here -------------------------------------------------------------------------
    hidden_size: int = _declare(
        "start here", "int", 64, COUNT, fixed=True,
        text="Units in each direction of each recurrent layer.",
    )  # fmt: skip
    num_layers: int = _declare(
        "start here", "int", 1, COUNT_OR_ZERO, fixed=True,
        text="Recurrent layers. 0, with a `front`: a time-delay network.",
    )  # fmt: skip
    dropout: float | Literal["auto"] = _declare(
        "start here", 'float or "auto"', "auto", FRACTION, _AUTO,
        text="Share of states dropped in training, between layers and before the head.",
    )  # fmt: skip
    max_iter: int | Literal["auto"] = _declare(
        "start here", 'int or "auto"', "auto", COUNT, _AUTO,
        text='Epochs. "auto": of 1,500 minibatches, but 40 to 500; more if the loss is slow.',
    )  # fmt: skip
    n_jobs: int | None = _declare(
        "start here", "int or None", None, None, Integral,
        text="Threads; -1 is all cores. It changes the time, and not one bit of the result.",
    )  # fmt: skip
    random_state: int | np.random.RandomState | None = _declare(
        "start here", "int, RandomState instance or None", None, "random_state",
        text="Seed of all that is random. An int gives the same model bit for bit.",
    )  # fmt: skip

    # --- network ----------------------------------------------------------------------------
    cell: CellName | Cell = _declare(
        "network", f"{_choices(CELLS)} or Cell", "lstm", StrOptions(set(CELLS)), Cell, fixed=True,
        text='Recurrent cell, by name or as a component: ``LSTM(forget_bias="chrono")``.',
    )  # fmt: skip
    bidirectional: bool = _declare(
        "network", "bool", True, "boolean", fixed=True,
        text="Whether a second scan reads every sequence from its end to its start.",
    )  # fmt: skip
    pooling: PoolingName = _declare(
        "network", _choices(POOLINGS), "last", StrOptions(set(POOLINGS)), fixed=True,
        text="How the states of the last layer become one row of features.",
    )  # fmt: skip
    return_sequences: bool = _declare(
        "network", "bool", False, "boolean", fixed=True,
        text="Whether `y` has a target for each time step, and predictions too.",
    )  # fmt: skip
    recurrent_dropout: float = _declare(
        "network", "float", 0.0, FRACTION,
        text='Share of the updates of the memory dropped in training. Not for "rnn".',
    )  # fmt: skip
    variational_dropout: float = _declare(
        "network", "float", 0.0, FRACTION,
        text="Share of the states dropped in training, the same ones at every step.",
    )  # fmt: skip
    gradient: Literal["full", "truncated"] = _declare(
        "network", _choices(("full", "truncated")), "full", StrOptions({"full", "truncated"}),
        text='"truncated" is the rule of 1997 [1]_, for cells with a memory.',
    )  # fmt: skip
    bptt_steps: int | None = _declare(
        "network", "int or None", None, COUNT, None,
        text="Steps after which the gradient through time is cut; None: never.",
    )  # fmt: skip
    front: Convolutions | Literal["auto"] | None = _declare(
        "network", 'Convolutions, "auto" or None', "auto", Convolutions, _AUTO, None, fixed=True,
        text='Convolutions before the recurrent layers. "auto": for a regressor.',
    )  # fmt: skip
    branch: Branch | Literal["auto"] | None = _declare(
        "network", 'FCN, LITE, "auto" or None', "auto", Branch, _AUTO, None, fixed=True,
        text='Convolutions beside the recurrent layers. "auto": for a classifier.',
    )  # fmt: skip
    attention: AttentionName | SelfAttention | None = _declare(
        "network", f"{_choices(ATTENTIONS)}, SelfAttention or None", None,
        StrOptions(set(ATTENTIONS)), SelfAttention, None, fixed=True,
        text="Transformer layers after the recurrent layers.",
    )  # fmt: skip

    # --- input ------------------------------------------------------------------------------
    n_channels: int | None = _declare(
        "input", "int or None", None, COUNT, None,
        text="Channels of a 2-D `X`, side by side for each step. None: one channel.",
    )  # fmt: skip
    patch_size: int | Literal["auto"] = _declare(
        "input", 'int or "auto"', "auto", COUNT, _AUTO, fixed=True,
        text='Time steps that recurrent layers read as one. "auto": about 128, or 32, remain.',
    )  # fmt: skip
    scale: Literal["both", "channel", "sequence"] | None = _declare(
        "input", '{"both", "channel", "sequence"} or None', "both",
        StrOptions({"both", "channel", "sequence"}), None, fixed=True,
        text="Standardisation over the training set, within each whole sequence, or both.",
    )  # fmt: skip
    missing: Literal["error", "mask", "decay"] = _declare(
        "input", _choices(("error", "mask", "decay")), "error",
        StrOptions({"error", "mask", "decay"}), fixed=True,
        text='NaN in `X`: refused, or a gap, filled from all channels or its own ("decay").',
    )  # fmt: skip
    static_features: Any = _declare(
        "input", "list of str, int or bool, or None", None, "array-like", None, fixed=True,
        text="Channels of facts that do not change within a sequence, or columns of a 2-D `X`.",
    )  # fmt: skip
    time_gaps: bool = _declare(
        "input", "bool", False, "boolean", fixed=True,
        text="Whether the time since the step before is one more channel.",
    )  # fmt: skip
    categorical_features: Any = _declare(
        "input", 'array-like of str, int or bool, "from_dtype" or None', None,
        "array-like", StrOptions({"from_dtype"}), None, fixed=True,
        text='Channels of categories or words, by name, index or mask, or those of strings.',
    )  # fmt: skip
    embedding_size: int | dict[Any, Any] | Literal["auto"] = _declare(
        "input", 'int, dict or "auto"', "auto", COUNT, dict, _AUTO, fixed=True,
        text='Length of the vector of a category, also by channel. "auto": 1.6 n^0.56, at most 50.',
    )  # fmt: skip

    # --- training ---------------------------------------------------------------------------
    n_estimators: int = _declare(
        "training", "int", 1, COUNT,
        text="Networks of an ensemble, which differ by their seeds and are averaged.",
    )  # fmt: skip
    augmentation: Warping | Literal["auto"] | None = _declare(
        "training", 'Warping, "auto" or None', "auto", Warping, _AUTO, None,
        text='What changes sequences at random in training. "auto": with a `branch`.',
    )  # fmt: skip
    solver: SolverName | Solver = _declare(
        "training", f"{_choices(SOLVERS)} or Solver", "adamw", StrOptions(set(SOLVERS)), Solver,
        text="Optimiser, by name or as a component such as ``SGD(momentum=0.5)``.",
    )  # fmt: skip
    learning_rate_init: float = _declare(
        "training", "float", 3e-3, POSITIVE,
        text="Learning rate; the highest one of a schedule that varies it.",
    )  # fmt: skip
    learning_rate: ScheduleName | Schedule = _declare(
        "training", f"{_choices(SCHEDULES)} or Schedule", "cosine",
        StrOptions(set(SCHEDULES)), Schedule,
        text="Schedule, by name or as a component; `partial_fit` uses a constant rate.",
    )  # fmt: skip
    alpha: float = _declare(
        "training", "float", 0.01, NOT_NEGATIVE,
        text='Weight decay; with "adamw" apart from the gradient, otherwise an L2 penalty.',
    )  # fmt: skip
    clip_norm: float | None = _declare(
        "training", "float or None", 1.0, POSITIVE, None,
        text="Largest norm of the gradient over all parameters. None: no clipping.",
    )  # fmt: skip
    batch_size: int | Literal["auto"] = _declare(
        "training", 'int or "auto"', "auto", COUNT, _AUTO,
        text='Samples in a minibatch. "auto": 16 to 256; small data are one batch.',
    )  # fmt: skip
    shuffle: bool = _declare(
        "training", "bool", True, "boolean",
        text="Whether to shuffle the samples in each epoch.",
    )  # fmt: skip
    tol: float = _declare(
        "training", "float", 1e-4, NOT_NEGATIVE,
        text="Smallest improvement that counts as progress.",
    )  # fmt: skip
    early_stopping: bool = _declare(
        "training", "bool", False, "boolean",
        text="Whether to stop by a validation set and restore the best epoch.",
    )  # fmt: skip
    validation_fraction: float = _declare(
        "training", "float", 0.1, INSIDE_UNIT,
        text="Share of the training data that `early_stopping` sets aside.",
    )  # fmt: skip
    scoring: str | Callable[..., float] | None = _declare(
        "training", "str, callable or None", None, SCORINGS, callable, None,
        text='What `early_stopping` looks at: a scorer or its name, or "loss"; None: `score`.',
    )  # fmt: skip
    n_iter_no_change: int = _declare(
        "training", "int", 10, COUNT,
        text="Epochs without progress after which training stops.",
    )  # fmt: skip
    warm_start: bool = _declare(
        "training", "bool", False, "boolean",
        text="Whether `fit` goes on from the last fit, or adds members if there are to be more.",
    )  # fmt: skip

    # --- running ----------------------------------------------------------------------------
    dtype: Literal["auto", "float32", "float64"] = _declare(
        "running", _choices(("auto", "float32", "float64")), "auto",
        StrOptions({"auto", "float32", "float64"}), fixed=True,
        text='Precision of the network. "auto": float32; float64 if the data are one batch.',
    )  # fmt: skip
    verbose: bool | int = _declare(
        "running", "bool or int", False, "verbose",
        text="Whether to show a progress bar with the loss.",
    )  # fmt: skip
