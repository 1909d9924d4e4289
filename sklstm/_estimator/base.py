"""What the classifier and the regressor share: hyper-parameters, fit, prediction, tags."""

from __future__ import annotations

import copy
import math
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self
from weakref import WeakKeyDictionary

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import Tags, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from sklstm._estimator.callbacks import CallbackSupportMixin, EpochCallbacks
from sklstm._input.sequences import (
    ChannelMoments,
    NetworkInput,
    SequenceDataset,
    Targets,
    network_channels,
)
from sklstm._input.step_targets import by_sample, rows_of_steps, weight_of_steps
from sklstm._input.validation import as_sequences
from sklstm._network.network import Network
from sklstm._network.parameters import FORGETS, GATES, ConvolutionSpec, NetworkSpec
from sklstm._stream import Stream
from sklstm._training.optimizers import SOLVERS, Optimizer
from sklstm._training.training import History, Recipe, TrainingSet, train
from sklstm._training.workers import ROWS_OF_ONE_THREAD, Workers
from sklstm.components.schedules import SCHEDULES

POOLINGS = {
    "last": ("last",),
    "mean": ("mean",),
    "max": ("max",),
    "concat": ("last", "mean", "max"),
    "attention": ("attention",),
}

# "auto" settings; docs/decisions/defaults.md has the measurements.
_AUTO_TIMESTEPS = 128  # patch_size="auto" keeps a series within about so many steps
_AUTO_STEPS, _AUTO_EPOCHS, _AUTO_MAX_EPOCHS = 1500, 40, 500  # max_iter="auto"
_AUTO_BATCH, _AUTO_MAX_BATCH, _AUTO_BATCHES = 16, 256, 256
_AUTO_DROPOUT, _AUTO_DROPOUT_BESIDE_FCN = 0.2, 0.5
# Samples up to which the whole set is one batch, in double precision, without dropout:
# there a sample weight equals so many copies of the sample to 1e-7.
_TINY = 32

# What the shape and the meaning of `theta_` depend on: the values of the fit that started
# the network hold until the next one.
_ARCHITECTURE = (
    "cell", "hidden_size", "num_layers", "bidirectional", "pooling", "return_sequences",
    "patch_size", "scale", "dtype", "conv_channels", "conv_width", "conv_stride",
    "conv_activation", "fcn_channels", "fcn_width", "layer_norm", "zoneout",
)  # fmt: skip

SHARED_PARAMETERS = """hidden_size : int, default=64
        Units in each direction of each recurrent layer.
    num_layers : int, default=1
        Recurrent layers; each reads the states of the one below. 0, with `conv_channels`: a
        time-delay network [11]_; pooling reads what the convolutions give, and what is said
        of recurrent layers has no meaning.
    cell : {"lstm", "lstm1997", "peephole", "coupled", "gru", "rnn"}, default="lstm"
        Recurrent cell. "lstm": with forget gate [2]_. "lstm1997": the memory cell of 1997
        [1]_, which forgets nothing. "peephole": forget gate, and gates that see the cell
        [6]_. "coupled": the forget gate is 1 minus the input gate [7]_. "gru": gated
        recurrent unit [8]_, as torch has it. "rnn": Elman's network [9]_, with tanh.
    bidirectional : bool, default=True
        Whether a second scan reads every sequence from its end to its start.
    pooling : {"last", "mean", "max", "concat", "attention"}, default="last"
        How the states of the last layer become one row of features: the final state, the
        mean or the maximum over time, all three side by side, or a mean with learned weights
        [14]_, which `attention_weights` shows.
    return_sequences : bool, default=False
        Whether `y` has a target for each time step, and predictions have one too. The head
        then reads the state of each step; there is neither pooling nor patching.
    dropout : float or "auto", default="auto"
        Share of the states set to zero in training, between layers and before the head.
        "auto": 0.2, with `fcn_channels` 0.5, but 0 for up to 32 samples.
    recurrent_dropout : float, default=0.0
        Share of the updates set to zero in training, at each step anew: of what a cell
        writes to its memory, of the GRU's new state [15]_. What is remembered is never
        dropped. Not for "rnn".
    variational_dropout : float, default=0.0
        Share of the states set to zero in training where recurrent weights read them, and
        between layers: in a sequence the same ones at every step [16]_.
    zoneout : float or tuple of two floats, default=0.0
        Probability with which a unit keeps its previous state in a step of training; in
        prediction, the share of the previous state [17]_. Two numbers: of h and of the
        memory c, which "gru" and "rnn" have not.
    layer_norm : bool, default=False
        Whether to normalise what each gate reads, over the units, with a gain for each
        unit [18]_. Not for "peephole".
    forget_bias : float, "chrono" or None, default=None
        Initial bias of the gate that keeps the state: the forget gate, the GRU's z; of
        "coupled" the input gate gets its negative. None: 1 [3]_. "chrono": logarithms of
        lags drawn up to `longest_lag`, and their negatives for the input gate [10]_.
        "lstm1997" and "rnn" have no such gate.
    longest_lag : int or None, default=None
        Longest lag that "chrono" expects, in steps of the recurrent layers (after patches
        and strides). None: the longest training sequence.
    input_bias, output_bias : float or None, default=None
        Initial biases of input and output gates; None: 0, but as `forget_bias` says. The
        remedies of 1997 are negative: of the input gate against a state that drifts off, of
        the output gate against cells that are abused as biases early on [1]_.
    recurrent_init : {"orthogonal", "uniform"}, default="orthogonal"
        Initial recurrent weights: an orthogonal matrix for each gate, or uniform in
        +-1/sqrt(hidden_size) as in torch.
    gradient : {"full", "truncated"}, default="full"
        "full": exact. "truncated": the rule of 1997 [1]_; errors that would leave a memory
        cell through recurrent connections (peepholes too) are cut, and go back in time
        inside the cell alone. Faster, and an approximation. Not for "gru" and "rnn".
    bptt_steps : int or None, default=None
        Steps of the network after which the gradient through time is cut, while the state
        is carried on; None: never.
    conv_channels : int, tuple of int, "auto" or None, default="auto"
        Convolutions over time *before* the recurrent layers [11]_: the filters of each. They
        are causal: what a step gives depends on steps up to it. None: the recurrent layers
        read the sequences themselves. "auto": 64 filters in a bidirectional regressor, None in
        a classifier, in one direction alone and with `return_sequences`.
    conv_width : int or tuple of int, default=7
        Steps that a filter of `conv_channels` sees; a tuple has a number for each layer.
    conv_stride : int, tuple of int or "auto", default="auto"
        Every how many steps it looks; 2 halves the sequences. The last window of a sequence
        ends with its last step. "auto": 1, and 2 for what ``conv_channels="auto"`` chooses.
    conv_activation : {"relu", "tanh"}, default="relu"
        Activation of `conv_channels`.
    fcn_channels : tuple of int, "auto" or None, default="auto"
        Convolutions over time *beside* the recurrent layers, a fully convolutional network
        [12]_: the filters of each, with batch normalisation [13]_ and ReLU. Their mean over
        time goes to the head together with the pooled states. None: no such branch. "auto":
        (32, 64, 32) in a bidirectional classifier, None in a regressor, in one direction
        alone and with `return_sequences`.
    fcn_width : int or tuple of int, default=(7, 5, 3)
        Steps that a filter of `fcn_channels` sees, around the one that it is for.
    n_channels : int or None, default=None
        Channels of a 2-D `X`, whose rows are then ``n_timesteps * n_channels`` values, all
        channels of a time step side by side. None: a 2-D `X` holds univariate series.
    patch_size : int or "auto", default="auto"
        Consecutive time steps stacked as channels, before all layers. 1 is off; "auto" is
        the smallest with which the recurrent layers see at most about 128 steps of the longest
        training series; `conv_stride` counts.
    scale : {"both", "channel", "sequence"} or None, default="both"
        Standardisation inside the estimator, over valid steps: of each channel over the
        training set, of each channel within each sequence, or both copies side by side as
        channels. None: off.
    solver : {"adamw", "adam", "sgd", "rmsprop"}, default="adamw"
        Optimiser. "adamw" decays the weights apart from the gradient [4]_.
    learning_rate_init : float, default=3e-3
        Learning rate; the highest one of a schedule that varies it.
    learning_rate : {"cosine", "constant", "one_cycle", "invscaling", "adaptive"}, \
default="cosine"
        Schedule. "cosine": up in the first tenth of the steps, then down to 0 as a cosine.
        "one_cycle": up in the first 30%, then down to 1/10,000. "invscaling" divides by
        ``step ** power_t``. "adaptive" divides by 5 when two epochs in a row bring no
        progress. ``partial_fit`` always uses "constant".
    power_t : float, default=0.5
        Exponent of "invscaling".
    alpha : float, default=0.01
        Weight decay; biases are left alone. For solvers other than "adamw" an L2 penalty.
    momentum : float, default=0.9
        Momentum of "sgd".
    nesterovs_momentum : bool, default=True
        Whether "sgd" uses Nesterov's momentum.
    beta_1, beta_2 : float, default=0.9, 0.999
        Decay of the running means of "adam" and "adamw"; beta_2 also of "rmsprop".
    epsilon : float, default=1e-8
        Added to the denominator of "adam", "adamw" and "rmsprop".
    clip_norm : float or None, default=1.0
        Largest norm of the gradient over all parameters [5]_; None: no clipping.
    batch_size : int or "auto", default="auto"
        Samples in a minibatch. "auto": 16, more from 4,096 samples on, at most 256; up to
        32 samples the whole set.
    max_iter : int or "auto", default="auto"
        Epochs. "auto": as many as 1,500 minibatches take, at least 40 and at most 500.
    shuffle : bool, default=True
        Whether to shuffle the samples in each epoch.
    tol : float, default=1e-4
        Smallest improvement that counts as progress.
    early_stopping : bool, default=False
        Whether to set aside a validation set, stop when its score brings no progress for
        `n_iter_no_change` epochs, and restore the best epoch's parameters. It measured
        worse than training to the end of the schedule.
    validation_fraction : float, default=0.1
        Share of the training data set aside by `early_stopping`.
    n_iter_no_change : int, default=10
        Epochs without progress before the training stops: of the validation score, or,
        with a schedule that has no planned end ("constant", "invscaling"), of the loss.
    warm_start : bool, default=False
        Whether `fit` starts from the parameters and the scaling of the last one.
    n_jobs : int or None, default=None
        Threads; None is 1 unless in a :obj:`joblib.parallel_config`, -1 all cores. The
        number changes the time, and not one bit of the result.
    dtype : {"auto", "float32", "float64"}, default="auto"
        Precision of the network. "auto": float32, but float64 for up to 32 samples, where
        it costs nothing.
    random_state : int, RandomState instance or None, default=None
        Seed of the initial parameters, the order of samples, the masks of dropout and
        zoneout, and the validation split. An int gives the same model bit for bit.
    verbose : bool or int, default=False
        Whether to show a progress bar with the loss."""

REFERENCES = """.. [1] S. Hochreiter and J. Schmidhuber (1997). Long short-term memory. Neural
           Computation 9(8), 1735-1780.
    .. [2] F. Gers, J. Schmidhuber and F. Cummins (2000). Learning to forget: continual
           prediction with LSTM. Neural Computation 12(10), 2451-2471.
    .. [3] R. Jozefowicz, W. Zaremba and I. Sutskever (2015). An empirical exploration of
           recurrent network architectures. ICML.
    .. [4] I. Loshchilov and F. Hutter (2019). Decoupled weight decay regularization. ICLR.
    .. [5] R. Pascanu, T. Mikolov and Y. Bengio (2013). On the difficulty of training
           recurrent neural networks. ICML.
    .. [6] F. Gers, N. Schraudolph and J. Schmidhuber (2002). Learning precise timing with
           LSTM recurrent networks. JMLR 3, 115-143.
    .. [7] K. Greff et al. (2017). LSTM: a search space odyssey. IEEE Transactions on Neural
           Networks and Learning Systems 28(10), 2222-2232.
    .. [8] K. Cho et al. (2014). Learning phrase representations using RNN encoder-decoder
           for statistical machine translation. EMNLP.
    .. [9] J. Elman (1990). Finding structure in time. Cognitive Science 14(2), 179-211.
    .. [10] C. Tallec and Y. Ollivier (2018). Can recurrent neural networks warp time? ICLR.
    .. [11] A. Waibel et al. (1989). Phoneme recognition using time-delay neural networks. IEEE
           Transactions on Acoustics, Speech, and Signal Processing 37(3), 328-339.
    .. [12] F. Karim et al. (2018). LSTM fully convolutional networks for time series
           classification. IEEE Access 6, 1662-1669.
    .. [13] S. Ioffe and C. Szegedy (2015). Batch normalization: accelerating deep network
           training by reducing internal covariate shift. ICML.
    .. [14] D. Bahdanau, K. Cho and Y. Bengio (2015). Neural machine translation by jointly
           learning to align and translate. ICLR.
    .. [15] S. Semeniuta, A. Severyn and E. Barth (2016). Recurrent dropout without memory
           loss. COLING.
    .. [16] Y. Gal and Z. Ghahramani (2016). A theoretically grounded application of dropout
           in recurrent neural networks. NIPS.
    .. [17] D. Krueger et al. (2017). Zoneout: regularizing RNNs by randomly preserving hidden
           activations. ICLR.
    .. [18] J. Ba, J. Kiros and G. Hinton (2016). Layer normalization. arXiv:1607.06450."""

X_FORMS = """X : array-like, list of arrays or DataFrame
            Sequences, one of: (n_samples, n_timesteps), univariate; (n_samples,
            n_timesteps * n_channels) if `n_channels` is set; (n_samples, n_timesteps,
            n_channels); a list of (n_timesteps_i, n_channels) or (n_timesteps_i,) arrays;
            a wide DataFrame, a row each; a long DataFrame with the index (sample, time).
            Steps at the end that are NaN in all channels are padding."""

Y_OF_STEPS = """With ``return_sequences=True`` a target for each time step: an array
            (n_samples, n_timesteps) or (n_samples, n_timesteps, n_outputs), a list of arrays
            (n_timesteps_i,) or (n_timesteps_i, n_outputs), or a long DataFrame or Series."""

WEIGHT_FORMS = """sample_weight : array-like of shape (n_samples,), or of steps, default=None
            Weight of each sample; a whole number counts as so many copies. With
            ``return_sequences=True`` also of each step, in the form of y."""

PREDICTED_STEPS = """With ``return_sequences=True`` the same for each step: an array (n_samples,
            n_timesteps, ...), or a list of arrays (n_timesteps_i, ...) if lengths differ."""


def _zoneout_of(zoneout: Any) -> tuple[float, float]:
    """Of h and of c."""
    rates = zoneout if isinstance(zoneout, tuple) else (zoneout, zoneout)
    if len(rates) != 2 or not all(isinstance(v, Real) and 0 <= float(v) < 1 for v in rates):
        raise ValueError(
            f"zoneout={zoneout!r}: pass a number, or two as (of h, of c), from 0 to below 1."
        )
    return float(rates[0]), float(rates[1])


def documented(cls: type) -> type:
    """Fill what all estimators share into the docstrings of a class and its methods."""
    parts = {
        "{shared_parameters}": SHARED_PARAMETERS,
        "{references}": REFERENCES,
        "{X}": X_FORMS,
        "{y_of_steps}": Y_OF_STEPS,
        "{sample_weight}": WEIGHT_FORMS,
        "{predicted_steps}": PREDICTED_STEPS,
    }
    for owner in (cls, *(m for m in vars(cls).values() if callable(m))):
        if owner.__doc__:
            for mark, text in parts.items():
                owner.__doc__ = owner.__doc__.replace(mark, text)
    return cls


@dataclass(kw_only=True, eq=False, repr=False)
class BaseLSTM(CallbackSupportMixin, BaseEstimator):
    """Base of the estimators.

    Conventions: `target` (n_rows, n_targets) is what the loss compares with the raw
    prediction (n_rows, n_outputs), a row for each sample, or for each time step of the samples
    in turn; `theta_` (n_parameters,) holds all parameters. Subclasses say what their y means:
    they encode it, name the loss and decode.
    """

    hidden_size: int = 64
    num_layers: int = 1
    cell: str = "lstm"
    bidirectional: bool = True
    pooling: str = "last"
    return_sequences: bool = False
    dropout: float | Literal["auto"] = "auto"
    recurrent_dropout: float = 0.0
    variational_dropout: float = 0.0
    zoneout: float | tuple[float, float] = 0.0
    layer_norm: bool = False
    forget_bias: float | str | None = None
    longest_lag: int | None = None
    input_bias: float | None = None
    output_bias: float | None = None
    recurrent_init: str = "orthogonal"
    gradient: str = "full"
    bptt_steps: int | None = None
    conv_channels: int | tuple[int, ...] | str | None = "auto"
    conv_width: int | tuple[int, ...] = 7
    conv_stride: int | tuple[int, ...] | str = "auto"
    conv_activation: str = "relu"
    fcn_channels: tuple[int, ...] | str | None = "auto"
    fcn_width: int | tuple[int, ...] = (7, 5, 3)
    n_channels: int | None = None
    patch_size: int | Literal["auto"] = "auto"
    scale: str | None = "both"
    solver: str = "adamw"
    learning_rate_init: float = 3e-3
    learning_rate: str = "cosine"
    power_t: float = 0.5
    alpha: float = 0.01
    momentum: float = 0.9
    nesterovs_momentum: bool = True
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    clip_norm: float | None = 1.0
    batch_size: int | Literal["auto"] = "auto"
    max_iter: int | Literal["auto"] = "auto"
    shuffle: bool = True
    tol: float = 1e-4
    early_stopping: bool = False
    validation_fraction: float = 0.1
    n_iter_no_change: int = 10
    warm_start: bool = False
    n_jobs: int | None = None
    dtype: str = "auto"
    random_state: int | np.random.RandomState | None = None
    verbose: bool | int = False

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "hidden_size": [Interval(Integral, 1, None, closed="left")],
        "num_layers": [Interval(Integral, 0, None, closed="left")],
        "cell": [StrOptions(set(GATES))],
        "bidirectional": ["boolean"],
        "pooling": [StrOptions(set(POOLINGS))],
        "return_sequences": ["boolean"],
        "dropout": [Interval(Real, 0, 1, closed="left"), StrOptions({"auto"})],
        "recurrent_dropout": [Interval(Real, 0, 1, closed="left")],
        "variational_dropout": [Interval(Real, 0, 1, closed="left")],
        "zoneout": [Interval(Real, 0, 1, closed="left"), tuple],
        "layer_norm": ["boolean"],
        "forget_bias": [
            Interval(Real, None, None, closed="neither"),
            StrOptions({"chrono"}),
            None,
        ],
        "longest_lag": [Interval(Integral, 2, None, closed="left"), None],
        "input_bias": [Interval(Real, None, None, closed="neither"), None],
        "output_bias": [Interval(Real, None, None, closed="neither"), None],
        "recurrent_init": [StrOptions({"orthogonal", "uniform"})],
        "gradient": [StrOptions({"full", "truncated"})],
        "bptt_steps": [Interval(Integral, 1, None, closed="left"), None],
        "conv_channels": [
            Interval(Integral, 1, None, closed="left"),
            tuple,
            StrOptions({"auto"}),
            None,
        ],
        "conv_width": [Interval(Integral, 1, None, closed="left"), tuple],
        "conv_stride": [
            Interval(Integral, 1, None, closed="left"),
            tuple,
            StrOptions({"auto"}),
        ],
        "conv_activation": [StrOptions({"relu", "tanh"})],
        "fcn_channels": [tuple, StrOptions({"auto"}), None],
        "fcn_width": [Interval(Integral, 1, None, closed="left"), tuple],
        "n_channels": [Interval(Integral, 1, None, closed="left"), None],
        "patch_size": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "scale": [StrOptions({"both", "channel", "sequence"}), None],
        "solver": [StrOptions(set(SOLVERS))],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "learning_rate": [StrOptions(set(SCHEDULES))],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "momentum": [Interval(Real, 0, 1, closed="left")],
        "nesterovs_momentum": ["boolean"],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "clip_norm": [Interval(Real, 0, None, closed="neither"), None],
        "batch_size": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "max_iter": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "shuffle": ["boolean"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "warm_start": ["boolean"],
        "n_jobs": [None, Integral],
        "dtype": [StrOptions({"auto", "float32", "float64"})],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    _fewest_validation_samples: ClassVar[int] = 1
    _auto_conv: ClassVar[int | None] = None
    _auto_fcn: ClassVar[tuple[int, ...] | None] = None

    _doc_link_module = "sklstm"
    _doc_link_template = ""

    # --- what a subclass says -------------------------------------------------------------
    def _encode(self, y: Any, reset: bool) -> NDArray:
        """y as the loss wants it, (n_rows, n_targets); sets what fit must remember."""
        raise NotImplementedError

    def _head(self) -> tuple[int, str, float]:
        """Outputs of the network, the loss by name, and the loss's parameter."""
        raise NotImplementedError

    def _missing(self, y: NDArray) -> NDArray[np.bool_]:
        """Which rows of y (n_rows,) or (n_rows, n_outputs) say that there is no target."""
        raise NotImplementedError

    def _strata(self, target: NDArray) -> NDArray | None:
        """Classes whose shares a validation split keeps, (n_samples,)."""
        return None

    def _score_raw(self, raw: NDArray, target: NDArray, weight: NDArray) -> float:
        """Score of raw predictions, larger is better."""
        raise NotImplementedError

    def _weigh(self, target: NDArray, weight: NDArray) -> NDArray:
        """Weights of rows, times those of the classes."""
        return weight

    def _decoders(self) -> dict[str, Callable[[NDArray], NDArray]]:
        """By the name of a method, what makes its result of raw predictions."""
        raise NotImplementedError

    def _scale_target(self, target: NDArray, weight: NDArray, reset: bool) -> NDArray:
        """Target in the units in which the network works."""
        return target

    # --- fit ------------------------------------------------------------------------------
    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation: tuple[Any, Any] | None = None,
        *,
        incremental: bool = False,
    ) -> Self:
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y "
                "is None."
            )
        self._refuse_what_the_cell_has_not()
        self._refuse_what_needs_layers()
        self._refuse_what_steps_have_not()
        fresh = not (hasattr(self, "theta_") and (incremental or self.warm_start))
        if fresh:  # a fit that fails must not leave half of the last one
            self.__dict__.pop("theta_", None)
            self._architecture = {name: getattr(self, name) for name in _ARCHITECTURE}
            self._choose_convolutions()
        else:
            self._refuse_other_architecture()
        data = as_sequences(self, X, n_channels=self.n_channels, reset=fresh)
        targets = self._targets(y, sample_weight, data, reset=fresh)
        by_class = self._weigh(targets.values, targets.weight)
        if not by_class.sum() > 0:
            raise ValueError("All sample weights are zero: there is nothing to learn from.")
        targets = replace(targets, weight=by_class)
        weight = targets.sample_weight
        held_out = self._validation_data(validation) if validation is not None else None
        rng = check_random_state(self.random_state)
        (samples,) = np.nonzero(weight > 0)
        if held_out is None and self.early_stopping and not incremental:
            strata = None if self.return_sequences else self._strata(targets.values[samples])
            samples, out = train_test_split(
                samples, test_size=self.validation_fraction, random_state=rng, stratify=strata
            )
            held_out = (data, out, targets.of(out))
        if held_out is not None and len(held_out[1]) < self._fewest_validation_samples:
            raise ValueError(
                f"The validation set has {len(held_out[1])} samples, its score needs at least "
                f"{self._fewest_validation_samples}. Raise validation_fraction, pass a larger "
                "X_val, or set early_stopping=False."
            )
        targets = targets.of(samples)
        if fresh or incremental:
            self._fit_scaling(data, samples, weight[samples], fresh)
        scaled = self._scale_target(targets.values, targets.weight, reset=fresh)
        if fresh:
            self._start(data, samples, rng)
        network = self._build_network()
        theta = self.theta_.astype(network.dtype)  # a copy: it is trained in place
        targets = replace(targets, values=scaled.astype(network.dtype))
        history = self._train(
            network, theta, data, samples, targets, held_out, rng, incremental, X, y
        )
        self._report(history, fresh)
        return self

    def _refuse_what_the_cell_has_not(self) -> None:
        """Settings that would have no effect with this cell, or no meaning."""
        cell, gates = self.cell, GATES[self.cell]
        with_memory = "o" in gates
        if self.gradient == "truncated" and not with_memory:
            raise ValueError(
                f"gradient='truncated' keeps errors inside memory cells, and cell={cell!r} has "
                "none: set gradient='full', or choose a cell with memory such as 'lstm'; "
                "bptt_steps cuts the gradient of every cell."
            )
        for name in ("input_bias", "output_bias"):
            if getattr(self, name) is not None and not with_memory:
                raise ValueError(
                    f"cell={cell!r} has no {name.removesuffix('_bias')} gate: leave {name} at "
                    "None, or choose a cell that has one, such as 'lstm'."
                )
        if self.forget_bias is not None and FORGETS[cell] is None:
            raise ValueError(
                f"cell={cell!r} has no gate that forgets: leave forget_bias at None, or choose a "
                "cell that has one, such as 'lstm'."
            )
        if cell == "coupled" and self.forget_bias is not None and self.input_bias is not None:
            raise ValueError(
                "cell='coupled' has one gate for input and forgetting: set forget_bias or "
                "input_bias, not both."
            )
        if self.longest_lag is not None and self.forget_bias != "chrono":
            raise ValueError(
                "longest_lag is what forget_bias='chrono' expects: set this, or leave "
                "longest_lag at None."
            )
        if self.recurrent_dropout > 0.0 and cell == "rnn":
            raise ValueError(
                "recurrent_dropout drops what is added to a state, and cell='rnn' replaces its "
                "state: set variational_dropout or zoneout, or choose another cell."
            )
        zoneout_h, zoneout_c = _zoneout_of(self.zoneout)
        if isinstance(self.zoneout, tuple) and zoneout_c > 0.0 and not with_memory:
            raise ValueError(
                f"zoneout={self.zoneout!r} is for h and c, and cell={cell!r} has no c: set "
                f"zoneout={zoneout_h!r}."
            )
        if self.layer_norm and cell == "peephole":
            raise ValueError(
                "cell='peephole' has gates that see the cell apart from what layer_norm "
                "normalises: set layer_norm=False, or choose another cell, such as 'lstm'."
            )
        if self.layer_norm and self.hidden_size == 1:
            raise ValueError(
                "layer_norm=True compares the units of a layer with each other, and "
                "hidden_size=1 has one: raise hidden_size, or set layer_norm=False."
            )

    def _refuse_what_needs_layers(self) -> None:
        """Settings that would have no effect without recurrent layers."""
        if self.num_layers > 0:
            return
        if self.conv_channels in (None, "auto"):
            raise ValueError(
                "num_layers=0 leaves nothing between the sequences and the head: set "
                "conv_channels, or num_layers to at least 1."
            )
        for name in (
            "cell", "recurrent_init", "gradient", "forget_bias", "input_bias", "output_bias",
            "bptt_steps", "recurrent_dropout", "variational_dropout", "zoneout", "layer_norm",
        ):  # fmt: skip
            default = getattr(BaseLSTM, name)
            if getattr(self, name) != default:
                raise ValueError(
                    f"num_layers=0 is a network without recurrent layers, on which "
                    f"{name}={getattr(self, name)!r} has no effect: leave {name} at "
                    f"{default!r}, or set num_layers to at least 1."
                )

    def _refuse_what_steps_have_not(self) -> None:
        """Settings that are for one prediction a sequence."""
        if not self.return_sequences:
            return
        if self.pooling != type(self).pooling:
            raise ValueError(
                "return_sequences=True predicts at every step from the state there, without "
                f"pooling: leave pooling at {type(self).pooling!r}, or set return_sequences=False."
            )
        if self.patch_size not in ("auto", 1):
            raise ValueError(
                "return_sequences=True predicts at every step, which patches would merge: set "
                "patch_size=1 or 'auto'."
            )
        strided = self.conv_stride != "auto" and np.any(np.asarray(self.conv_stride) != 1)
        if strided and self.conv_channels not in (None, "auto"):
            raise ValueError(
                "return_sequences=True predicts at every step, and a stride leaves steps out: set "
                "conv_stride=1."
            )
        if self.fcn_channels not in (None, "auto"):
            raise ValueError(
                "return_sequences=True predicts at every step, and fcn_channels gives features of "
                "whole sequences: set fcn_channels=None."
            )

    def _refuse_other_architecture(self) -> None:
        for name, started in self._architecture.items():
            if getattr(self, name) != started:
                raise ValueError(
                    f"{name}={getattr(self, name)!r}, but the network was started with "
                    f"{started!r}, and warm_start and partial_fit go on with it. To start "
                    "anew, set warm_start=False and call fit."
                )

    def _targets(self, y: Any, sample_weight: Any, data: SequenceDataset, reset: bool) -> Targets:
        """y and its weights, checked."""
        if self.return_sequences:
            return self._targets_of_steps(y, sample_weight, data, reset)
        target = self._encode(y, reset)
        if len(target) != data.n_samples:
            raise ValueError(
                "Found input variables with inconsistent numbers of samples: X has "
                f"{data.n_samples}, y has {len(target)}."
            )
        # scikit-learn counts the rows of what it is given: the samples, not their steps
        weight = _check_sample_weight(
            sample_weight, data.begin, dtype=np.float64, ensure_non_negative=True
        )
        return Targets.one_each(target, weight)

    def _targets_of_steps(
        self, y: Any, sample_weight: Any, data: SequenceDataset, reset: bool
    ) -> Targets:
        rows = rows_of_steps(y, data, self._missing)
        given = ~self._missing(rows)
        if not given.any():
            raise ValueError("y has no target at any step: there is nothing to learn from.")
        encoded = self._encode(rows[given], reset)
        target = np.zeros((len(rows), encoded.shape[1]))
        target[given] = encoded
        indptr = np.concatenate([[0], np.cumsum(data.lengths)])
        return Targets(target, weight_of_steps(sample_weight, data) * given, indptr)

    def _validation_data(
        self, validation: tuple[Any, Any]
    ) -> tuple[SequenceDataset, NDArray, Targets]:
        X, y = validation
        data = as_sequences(self, X, n_channels=self.n_channels, reset=False)
        try:
            targets = self._targets(y, None, data, reset=False)
        except ValueError as error:
            raise ValueError(f"X_val and y_val do not fit together: {error}") from error
        return data, np.arange(data.n_samples), targets

    def _fit_scaling(
        self, data: SequenceDataset, samples: NDArray, weight: NDArray, fresh: bool
    ) -> None:
        if fresh:
            moments = ChannelMoments.empty(data.n_channels)
            longest = int(data.lengths[samples].max())
            stride = math.prod(layer.stride for layer in self._convolutions()[0])
            auto = max(1, -(-longest // (_AUTO_TIMESTEPS * stride)))
            auto = 1 if self.return_sequences else auto
            self.patch_size_ = auto if self.patch_size == "auto" else int(self.patch_size)
        else:
            seen = (self._seen_weight, self.channel_mean_, self._channel_m2)
            moments = ChannelMoments(*(array.copy() for array in seen))
        moments.add(data, samples, weight)
        self.channel_mean_: NDArray[np.float64] = moments.mean
        self.channel_scale_ = moments.deviation
        self._seen_weight: NDArray[np.float64] = moments.count
        self._channel_m2: NDArray[np.float64] = moments.m2

    def _start(self, data: SequenceDataset, samples: NDArray, rng: np.random.RandomState) -> None:
        """Initial parameters of a network for this data."""
        tiny = len(samples) <= _TINY
        self.dtype_ = ("float64" if tiny else "float32") if self.dtype == "auto" else self.dtype
        network = self._build_network()
        layout, stride = network.layout, network.spec.stride
        longest = -(-int(data.lengths[samples].max()) // (self.patch_size_ * stride))
        self.theta_ = layout.initial(
            rng,
            forget_bias=self.forget_bias,
            input_bias=self.input_bias,
            output_bias=self.output_bias,
            recurrent_init=self.recurrent_init,
            longest_lag=longest if self.longest_lag is None else int(self.longest_lag),
        )
        self.n_iter_ = 0
        self.t_ = 0
        self.loss_curve_: list[float] = []
        self._optimizer_state: list[Any] = []

    def _build_network(self, pooling: tuple[str, ...] | None = None) -> Network:
        """The network with the pooling it was started with, or another one of equal size."""
        n_outputs, loss, parameter = self._head()
        fixed = self._architecture
        front, branch = self._convolutions()
        if pooling is None:
            pooling = ("steps",) if fixed["return_sequences"] else POOLINGS[fixed["pooling"]]
        zoneout_h, zoneout_c = _zoneout_of(fixed["zoneout"])
        spec = NetworkSpec(
            n_channels=network_channels(self.n_channels_in_, self.patch_size_, fixed["scale"]),
            hidden_size=int(fixed["hidden_size"]),
            num_layers=int(fixed["num_layers"]),
            bidirectional=bool(fixed["bidirectional"]),
            pooling=pooling,
            n_outputs=n_outputs,
            loss=loss,
            loss_parameter=parameter,
            cell=fixed["cell"],
            truncated=self.gradient == "truncated",
            bptt_steps=0 if self.bptt_steps is None else int(self.bptt_steps),
            front=front,
            branch=branch,
            layer_norm=bool(fixed["layer_norm"]),
            recurrent_dropout=float(self.recurrent_dropout),
            variational_dropout=float(self.variational_dropout),
            zoneout_h=zoneout_h,
            zoneout_c=zoneout_c if "o" in GATES[fixed["cell"]] else 0.0,
        )
        return Network(spec, self.dtype_)

    def _choose_convolutions(self) -> None:
        """What "auto" stands for: a network that reads whole sequences, each for one prediction,
        has them; one that may be streamed, or predicts every step, has not.
        """
        whole = self.bidirectional and self.num_layers > 0 and not self.return_sequences
        self.conv_channels_, self.fcn_channels_ = self.conv_channels, self.fcn_channels
        if self.conv_channels == "auto":
            self.conv_channels_ = self._auto_conv if whole else None
        if self.fcn_channels == "auto":
            self.fcn_channels_ = self._auto_fcn if whole else None

    def _convolutions(self) -> tuple[tuple[ConvolutionSpec, ...], tuple[ConvolutionSpec, ...]]:
        """Those before the recurrent layers, and those beside them."""
        fixed = self._architecture
        stride = fixed["conv_stride"]
        if stride == "auto":
            stride = 2 if fixed["conv_channels"] == "auto" else 1
        of_front = {
            "conv_channels": self.conv_channels_,
            "conv_width": fixed["conv_width"],
            "conv_stride": stride,
        }
        of_branch = {"fcn_channels": self.fcn_channels_, "fcn_width": fixed["fcn_width"]}
        front = (
            ConvolutionSpec(n, width, stride, activation=fixed["conv_activation"])
            for n, width, stride in _by_layer(of_front)
        )
        branch = (
            ConvolutionSpec(n, width, causal=False, normalised=True)
            for n, width in _by_layer(of_branch)
        )
        return tuple(front), tuple(branch)

    def _input(self, data: SequenceDataset) -> NetworkInput:
        scale = self._architecture["scale"]
        return NetworkInput.of(
            data, self.patch_size_, scale, self.channel_mean_, self.channel_scale_
        )

    def _recipe(self, n_samples: int, incremental: bool) -> Recipe:
        if self.batch_size == "auto":
            # a power of two that keeps an epoch within about 256 minibatches
            wanted = 2 ** math.ceil(math.log2(max(n_samples / _AUTO_BATCHES, 1)))
            batch_size = min(max(_AUTO_BATCH, wanted), _AUTO_MAX_BATCH)
            batch_size = n_samples if n_samples <= _TINY else batch_size
        else:
            batch_size = int(self.batch_size)
        batch_size = min(batch_size, n_samples)
        if self.max_iter == "auto":
            enough = -(-_AUTO_STEPS // -(-n_samples // batch_size))
            n_epochs = max(_AUTO_EPOCHS, min(enough, _AUTO_MAX_EPOCHS))
        else:
            n_epochs = int(self.max_iter)
        dropout = self.dropout
        if dropout == "auto":
            dropout = _AUTO_DROPOUT if self.fcn_channels_ is None else _AUTO_DROPOUT_BESIDE_FCN
            dropout = 0.0 if n_samples <= _TINY else dropout
        return Recipe(
            batch_size=batch_size,
            n_epochs=1 if incremental else n_epochs,
            schedule="constant" if incremental else self.learning_rate,
            learning_rate_init=self.learning_rate_init,
            power_t=self.power_t,
            shuffle=self.shuffle,
            dropout=float(dropout),
            tol=self.tol,
            n_iter_no_change=self.n_iter_no_change,
        )

    def _train(
        self,
        network: Network,
        theta: NDArray,
        data: SequenceDataset,
        samples: NDArray,
        targets: Targets,
        held_out: tuple[SequenceDataset, NDArray, Targets] | None,
        rng: np.random.RandomState,
        incremental: bool,
        X: Any,
        y: Any,
    ) -> History:
        recipe = self._recipe(len(samples), incremental)
        workers = Workers(network, joblib.effective_n_jobs(self.n_jobs))
        training_set = TrainingSet(self._input(data), samples, targets)
        optimizer = self._new_optimizer(network)
        if incremental and self._optimizer_state:
            optimizer.resume(self._optimizer_state)
        validate = None
        if held_out is not None:
            held_data, held_samples, held_targets = held_out
            held_input = self._input(held_data)

            def validate() -> float:
                raw = workers.predict(held_input, held_samples)
                if not np.isfinite(raw).all():  # the next loss will say so
                    return -math.inf
                return self._score_raw(raw, held_targets.values, held_targets.weight)

        callbacks = EpochCallbacks(self, recipe.n_epochs, X, y)
        progress = _progress_bar(recipe.n_epochs, type(self).__name__) if self.verbose else None

        def after_epoch(history: History) -> bool:
            if progress is not None:
                scores = {"loss": f"{history.loss_curve[-1]:.4g}"}
                if history.validation_scores:
                    scores["validation"] = f"{history.validation_scores[-1]:.4g}"
                progress.set_postfix(scores)
                progress.update()
            last = history.n_epochs == recipe.n_epochs
            return callbacks.end_epoch(
                lambda: self._fitted_by(history, theta.copy(), incremental), last
            )

        seed = int(rng.randint(np.iinfo(np.int32).max))
        # an int random_state gives every partial_fit the same seed, but not the same masks
        generator = np.random.default_rng([seed, self.t_] if incremental else seed)
        try:
            history = train(
                workers, theta, optimizer, training_set, recipe, generator, validate, after_epoch
            )
        finally:
            workers.close()
            if progress is not None:
                progress.close()
        self.__dict__.update(self._fitted_by(history, theta, incremental))
        self._optimizer_state = optimizer.state if incremental else []
        callbacks.end_fit()
        self.t_ += history.n_epochs * -(-len(samples) // recipe.batch_size)
        return history

    def _new_optimizer(self, network: Network) -> Optimizer:
        return Optimizer(
            solver=self.solver,
            decays=network.layout.decays(network.dtype),
            alpha=self.alpha,
            clip_norm=self.clip_norm,
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            epsilon=self.epsilon,
            momentum=self.momentum,
            nesterovs_momentum=self.nesterovs_momentum,
        )

    def _fitted_by(self, history: History, theta: NDArray, incremental: bool) -> dict[str, Any]:
        """The parameters and the history as fitted attributes."""
        loss_curve = (self.loss_curve_ if incremental else []) + history.loss_curve
        return {
            "theta_": theta,
            "n_iter_": history.n_epochs + (self.n_iter_ if incremental else 0),
            "loss_": loss_curve[-1] if loss_curve else math.nan,
            "loss_curve_": loss_curve,
            "validation_scores_": list(history.validation_scores) or None,
            "best_validation_score_": max(history.validation_scores, default=None),
        }

    def _report(self, history: History, fresh: bool) -> None:
        """A word on a training that went wrong."""
        advice = (
            "Lower learning_rate_init, set clip_norm, or leave scale='both' on if it was "
            "switched off."
        )
        if history.diverged and fresh and not history.loss_curve:
            del self.theta_
            raise ValueError(f"The training diverged in its first epoch. {advice}")
        if history.diverged:
            warnings.warn(
                f"The training diverged in epoch {history.n_epochs + 1}: its loss is not finite. "
                f"The best parameters before it were restored. {advice}",
                ConvergenceWarning,
                stacklevel=4,
            )
        if history.interrupted:
            warnings.warn(
                f"Training interrupted by user after {history.n_epochs} epochs; the best "
                "parameters so far are kept.",
                UserWarning,
                stacklevel=4,
            )

    # --- prediction -----------------------------------------------------------------------
    def _predict(self, X: Any, decode: Callable[[NDArray], NDArray]) -> Any:
        """What `decode` makes of raw predictions: an array, or a list for steps of ragged X."""
        data = self._known_sequences(X)
        decoded = decode(self._raw_prediction(data))
        return (
            by_sample(decoded, data.lengths) if self._architecture["return_sequences"] else decoded
        )

    def _known_sequences(self, X: Any) -> SequenceDataset:
        if not hasattr(self, "theta_"):
            check_is_fitted(self, "theta_")
        return as_sequences(self, X, n_channels=self.n_channels, reset=False)

    def _raw_prediction(self, data: SequenceDataset) -> NDArray:
        """(n_rows, n_outputs)."""
        with self._predictor(data.n_samples) as predictor:
            return predictor.predict(self._input(data), np.arange(data.n_samples))

    def _steps_to_score(self, X: Any, y: Any, weight: Any) -> tuple[NDArray, NDArray, NDArray]:
        """Of the steps that have a target: y, raw predictions and weights."""
        data = self._known_sequences(X)
        rows = rows_of_steps(y, data, self._missing)
        given = ~self._missing(rows)
        raw = self._raw_prediction(data)[given]
        return rows[given], raw, weight_of_steps(weight, data)[given]

    def attention_weights(self, X: Any) -> NDArray[np.float64] | list[NDArray[np.float64]]:
        """How much each time step counts in ``pooling="attention"``.

        Steps that become one, as a patch or by a convolution's stride, share its weight equally.

        Parameters
        ----------
        {X}

        Returns
        -------
        ndarray of shape (n_samples, n_timesteps), or list of ndarray of shape (n_timesteps_i,)
            Positive weights, which sum to 1 over each sequence; a list if lengths differ.

        Raises
        ------
        ValueError
            If the network pools in another way.
        """
        data = self._known_sequences(X)
        if self._architecture["pooling"] != "attention":
            raise ValueError(
                f"attention_weights are of pooling='attention', and this network was fitted with "
                f"pooling={self._architecture['pooling']!r}."
            )
        with self._predictor(data.n_samples) as predictor:
            every = np.arange(data.n_samples)
            weights = predictor.attention(self._input(data), every).astype(np.float64)
            merged = self.patch_size_ * predictor.network.spec.stride
        lengths = -(-data.lengths // merged)
        first = np.cumsum(lengths) - lengths
        weights /= np.repeat(np.add.reduceat(weights, first), lengths)
        # the first stretch of a sequence is the one that may hold fewer steps
        n_steps = np.full(len(weights), merged)
        n_steps[first] = data.lengths - (lengths - 1) * merged
        return by_sample(np.repeat(weights / n_steps, n_steps), data.lengths)

    @contextmanager
    def _predictor(self, n_samples: int) -> Iterator[Workers]:
        """Workers with the packed parameters, kept from call to call."""
        predictor = self._take_predictor(n_samples)
        try:
            yield predictor
        finally:
            _predictors[self] = (self.theta_, predictor)

    def _take_predictor(self, n_samples: int) -> Workers:
        """They are taken out while in use: a second thread that predicts with the same
        estimator builds its own.
        """
        # few rows need one thread: no look-up of joblib's settings for a single row
        shared = n_samples > ROWS_OF_ONE_THREAD
        n_threads = joblib.effective_n_jobs(self.n_jobs) if shared else None
        theta, predictor = _predictors.pop(self, (None, None))
        fits = predictor is not None and n_threads in (None, predictor.n_threads)
        if predictor is None or not fits or theta is not self.theta_:
            network = self._build_network()
            network.pack(np.ascontiguousarray(self.theta_, network.dtype))
            predictor = Workers(network, n_threads or 1)
        return predictor

    def stream(self, n_streams: int = 1, method: str = "predict") -> Stream:
        """Predict while sequences come in, one time step after another.

        Parameters
        ----------
        n_streams : int, default=1
            Sequences that are fed side by side.
        method : str, default="predict"
            What each step gives: "predict", or of a classifier "predict_proba" or
            "decision_function".

        Returns
        -------
        Stream
            Its ``step(x)`` takes one time step of each stream and gives the prediction for
            all that the stream has seen.

        Raises
        ------
        ValueError
            If the network reads whole sequences: if it is bidirectional, scales within each
            sequence, stacks several steps as one, or has convolutions.
        """
        check_is_fitted(self, "theta_")
        fixed = self._architecture
        if not isinstance(n_streams, (int, np.integer)) or n_streams < 1:
            raise ValueError(f"n_streams={n_streams!r}: pass a whole number of at least 1.")
        if fixed["bidirectional"]:
            raise ValueError(
                "A bidirectional network reads every sequence from its end, which a stream has "
                "not seen: fit with bidirectional=False."
            )
        if fixed["scale"] in ("both", "sequence"):
            raise ValueError(
                f"scale={fixed['scale']!r} standardises by the whole sequence, which a stream "
                "has not seen: fit with scale='channel' or scale=None."
            )
        if self.patch_size_ != 1:
            raise ValueError(
                f"The network reads patches of {self.patch_size_} steps, a stream has one at a "
                "time: fit with patch_size=1."
            )
        if self.conv_channels_ is not None or self.fcn_channels_ is not None:
            raise ValueError(
                "Convolutions read several steps at a time, a stream has one: fit with "
                "conv_channels=None and fcn_channels=None."
            )
        decoders = copy.copy(self)._decoders()  # a later fit does not reach the stream
        if method not in decoders:
            raise ValueError(f"method={method!r}: choose one of {', '.join(sorted(decoders))}.")
        # one step at a time, the state of the step is the last one
        network = self._build_network(("last",) if fixed["return_sequences"] else None)
        network.pack(np.ascontiguousarray(self.theta_, network.dtype))
        center, deviation = self.channel_mean_, self.channel_scale_
        if fixed["scale"] is None:
            center, deviation = np.zeros_like(center), np.ones_like(deviation)
        return Stream(network, int(n_streams), center, deviation, decoders[method])

    @property
    def parameters_(self) -> dict[str, NDArray]:
        """The trained parameters by torch's names, read-only; assign ``theta_`` to change them."""
        check_is_fitted(self, "theta_")
        views = self._build_network().layout.views(self.theta_)
        for view in views.values():
            view.flags.writeable = False
        return views

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "theta_")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


# Not an attribute: prediction leaves an estimator's __dict__ as it is, and threads and
# buffers cannot be pickled.
_predictors: WeakKeyDictionary[BaseLSTM, tuple[NDArray, Workers]] = WeakKeyDictionary()
if hasattr(os, "register_at_fork"):  # a forked process has the pools, but not their threads
    os.register_at_fork(after_in_child=_predictors.clear)


def _progress_bar(n_epochs: int, name: str) -> Any:
    from tqdm.auto import tqdm

    return tqdm(total=n_epochs, desc=name, unit="epoch")


def _by_layer(settings: dict[str, Any]) -> list[tuple[int, ...]]:
    """Of every convolution its numbers; each is given as one for all or layer by layer.

    settings: by the names of the parameters; the first is None if there are no layers
    """
    first, channels = next(iter(settings.items()))
    if channels is None:
        return []
    n_layers = len(channels) if isinstance(channels, tuple) else 1
    columns = []
    for name, value in settings.items():
        numbers = value if isinstance(value, tuple) else (value,) * n_layers
        whole = all(isinstance(n, (int, np.integer)) and n >= 1 for n in numbers)
        if not numbers or len(numbers) != n_layers or not whole:
            raise ValueError(
                f"{name}={value!r} with {first}={channels!r}: needed is a whole number of at "
                "least 1, or a tuple with one for each layer."
            )
        columns.append([int(n) for n in numbers])
    return list(zip(*columns, strict=True))


def pair(X_val: Any, y_val: Any) -> tuple[Any, Any] | None:
    """The validation set that fit was given, if any."""
    if (X_val is None) != (y_val is None):
        raise ValueError("X_val and y_val belong together: pass both or neither.")
    return None if X_val is None else (X_val, y_val)
