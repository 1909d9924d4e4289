"""What a fitted network does: raw predictions, attention, streams, parameters by name."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple, Self
from weakref import WeakKeyDictionary

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from sklstm._estimator import settings
from sklstm._estimator.channel_roles import ChannelRoles
from sklstm._estimator.embedding_sizes import embedding_shapes
from sklstm._estimator.hyper_parameters import HyperParameters
from sklstm._estimator.members import Member, fitted_attributes
from sklstm._estimator.read_only import ReadOnlyTheta
from sklstm._estimator.streamable import check_streamable
from sklstm._input.alignment import aligned
from sklstm._input.categories import StepEncoder
from sklstm._input.channel_selection import channel_names
from sklstm._input.column_labels import check_order_of_outputs
from sklstm._input.filling import StepFilling
from sklstm._input.sequences import NO_GAPS, NOT_BY_SIZE, NetworkInput, SequenceDataset
from sklstm._input.static_features import NO_STATIC
from sklstm._input.step_targets import by_sample, rows_of_steps, weight_of_steps
from sklstm._input.times import elapsed_times, usual_gap, with_time_channel
from sklstm._input.validation import as_sequences
from sklstm._input.values import check_predictions
from sklstm._network.network import Network
from sklstm._network.parameters import ParameterLayout
from sklstm._network.spec import NetworkSpec
from sklstm._progress import announced
from sklstm._stream import Stream
from sklstm._training.workers import ROWS_OF_ONE_THREAD, Predictor, Workers
from sklstm.components.attention import ATTENTIONS
from sklstm.components.cells import CELLS
from sklstm.components.component import Component, WithComponents, WithParameters
from sklstm.components.convolutions import Branch, Convolutions
from sklstm.components.loss import Loss
from sklstm.components.schedules import SCHEDULES
from sklstm.components.solvers import SOLVERS


class Embedding(NamedTuple):
    """The vectors of the categories of one channel; of several members stacked."""

    categories: NDArray  # (n_categories,), sorted
    vectors: NDArray  # (n_categories, size)
    unknown: NDArray  # (size,): for what is missing, or was not there in training


class FittedNetwork(HyperParameters, ReadOnlyTheta, WithComponents, WithParameters):
    """The methods of classifier and regressor that need a fitted network.

    `theta_` holds all parameters: (n_parameters,), or a row for each of several members of an
    ensemble. `_architecture` holds the hyper-parameters with which the networks were started, by
    name. They hold until the next fit, whatever is set meanwhile.
    """

    theta_: NDArray
    _members: list[Member]
    dtype_: str
    patch_size_: int
    branch_patch_size_: int
    front_: Convolutions | None
    branch_: Branch | None
    n_channels_in_: int
    n_outputs_: int
    channel_mean_: NDArray[np.float64]
    channel_scale_: NDArray[np.float64]
    size_scaling_: NDArray[np.float64] | None
    gap_channels_: NDArray[np.int64]
    decay_rates_: NDArray[np.float64] | None
    _chain_weights: NDArray[np.float64] | None  # (5 * n_numbers, n_numbers), see `expect`
    static_channels_: NDArray[np.int64]
    static_columns_: NDArray[np.int64] | None
    time_unit_: float
    _time_kind: str
    _architecture: dict[str, Any]
    is_categorical_: NDArray[np.bool_] | None  # (n_channels,)
    categories_: list[NDArray] | None  # of each categorical channel, sorted

    _newer: ClassVar[dict[str, Any]] = {
        "size_scaling_": None, "gap_channels_": NO_GAPS, "decay_rates_": None,
        "_chain_weights": None, "static_channels_": NO_STATIC, "static_columns_": None,
        "time_unit_": 1.0, "is_categorical_": None, "categories_": None,
        "_column_labels": None, "_output_labels": None,
    }  # fmt: skip
    _by_name: ClassVar[dict[str, Mapping[str, type[Component]]]] = {
        "attention": ATTENTIONS,
        "cell": CELLS,
        "solver": SOLVERS,
        "learning_rate": SCHEDULES,
    }

    # --- what a subclass says ---------------------------------------------------------------
    def _loss(self) -> Loss:
        """Return the loss that the network is trained with."""
        raise NotImplementedError

    def _missing(self, y: NDArray) -> NDArray[np.bool_]:
        """Return which rows of y (n_rows,) or (n_rows, n_outputs) have no target."""
        raise NotImplementedError

    def _decoders(self) -> dict[str, Callable[[NDArray], NDArray]]:
        """Return what turns raw predictions into the result of a method, by its name."""
        raise NotImplementedError

    # --- prediction -------------------------------------------------------------------------
    def _predict(self, X: Any, decode: Callable[[NDArray], NDArray]) -> Any:
        """Decode the raw predictions: an array, or a list for the steps of ragged X."""
        data = self._known_sequences(X)
        decoded = decode(self._raw_prediction(data))
        return (
            by_sample(decoded, data.lengths) if self._architecture["return_sequences"] else decoded
        )

    def _known_sequences(self, X: Any) -> SequenceDataset:
        """Return X as sequences like those of fit."""
        if not hasattr(self, "theta_"):
            check_is_fitted(self, "theta_")
        return self._read(X)

    def _read(self, X: Any) -> SequenceDataset:
        """Return X as sequences, read as that of fit was."""
        missing = self._architecture["missing"]
        data = as_sequences(self, X, n_channels=self.n_channels, missing=missing, reset=False)
        return self._with_times(data, X) if self._architecture["time_gaps"] else data

    def _with_times(
        self, data: SequenceDataset, X: Any, weight: NDArray[np.float64] | None = None
    ) -> SequenceDataset:
        """Return a data set, made of X, with the time since the step before as a channel.

        weight (n_samples,): by which the unit of time is set, in a fit
        """
        elapsed, kind = elapsed_times(X, data)
        if weight is not None:
            self.time_unit_, self._time_kind = usual_gap(elapsed, data, weight), kind
        if kind != self._time_kind:
            raise ValueError(
                f"The times of X are {kind}, but {type(self).__name__} was fitted with "
                f"{self._time_kind}: pass times of the same kind."
            )
        return with_time_channel(data, elapsed, self.time_unit_)

    def _input(self, data: SequenceDataset) -> NetworkInput:
        """Return sequences as the network reads them."""
        return self._roles.input(data)

    @property
    def _roles(self) -> ChannelRoles:
        """What each channel is for the network: found out once for each fit."""
        mean, scale, roles = _channel_roles.get(self, (None, None, None))
        if roles is None or mean is not self.channel_mean_ or scale is not self.channel_scale_:
            roles = ChannelRoles.of(self)
            _channel_roles[self] = (self.channel_mean_, self.channel_scale_, roles)
        return roles

    @property
    def _by_size(self) -> NDArray[np.float64]:
        """Width, mean and deviation of each channel that is read by size, (3, n_channels)."""
        n_channels, scaling = len(self.channel_mean_), self.size_scaling_
        return np.repeat(NOT_BY_SIZE, n_channels, axis=1) if scaling is None else scaling

    @property
    def _rates(self) -> NDArray[np.float64]:
        """Rates (n_channels,) at which values decay where there are gaps."""
        rates = self.decay_rates_
        return np.zeros(len(self.channel_mean_)) if rates is None else rates

    @property
    def _categorical(self) -> NDArray[np.intp]:
        """Indices of the categorical channels."""
        return np.flatnonzero([] if self.is_categorical_ is None else self.is_categorical_)

    @property
    def _numbers(self) -> NDArray[np.intp]:
        """Indices of the channels of numbers that change within a sequence."""
        return self._numbers_among(len(self.channel_mean_))

    def _numbers_among(self, n_channels: int) -> NDArray[np.intp]:
        """Return the indices of those of the first `n_channels`."""
        others = np.concatenate([self.static_channels_, self._categorical])
        return np.setdiff1d(np.arange(n_channels), others)

    @property
    def _categorical_names(self) -> list[Any]:
        """Names of the categorical channels, or indices of those that have none."""
        if self.is_categorical_ is None:
            return []
        names = channel_names(self)
        return [names[channel] for channel in self._categorical]

    def _raw_prediction(self, data: SequenceDataset) -> NDArray:
        """Return raw predictions (n_rows, n_outputs)."""
        inputs, every = self._input(data), np.arange(data.n_samples)
        n_rows = data.lengths if self._architecture["return_sequences"] else None

        def predict(workers: Workers) -> NDArray:
            raw = workers.predict(inputs, every)
            check_predictions(raw, data, self.channel_mean_, self.channel_scale_, n_rows)
            return raw

        return self._mean_raw(self._of_each(data.n_samples, predict))

    def _mean_raw(self, raws: Sequence[NDArray]) -> NDArray:
        """Return the raw prediction of the ensemble from those of its members."""
        return raws[0] if len(raws) == 1 else self._loss().mean(np.stack(raws))

    def _aligned(self, X: Any, y: Any, sample_weight: Any = None) -> tuple[Any, Any]:
        """Return y and weights in the order of the samples of X; refuse columns in another one."""
        check_order_of_outputs(self, y, reset=False)
        steps = self.return_sequences
        y, sample_weight = aligned(X, steps=steps, y=y, sample_weight=sample_weight)
        return y, sample_weight

    def _steps_to_score(self, X: Any, y: Any, weight: Any) -> tuple[NDArray, NDArray, NDArray]:
        """Return y, raw predictions and weights of the steps that have a target."""
        data = self._known_sequences(X)
        y, weight = self._aligned(X, y, weight)
        rows = rows_of_steps(y, data, self._missing)
        given = ~self._missing(rows)
        raw = self._raw_prediction(data)[given]
        return rows[given], raw, weight_of_steps(weight, data)[given]

    def _of_each(self, n_samples: int, result: Callable[[Workers], NDArray]) -> list[NDArray]:
        """Return what `result` gives of the workers with each member."""
        with self._predictor(n_samples) as predictor:
            return [result(workers) for workers in predictor.each()]

    @contextmanager
    def _predictor(self, n_samples: int) -> Iterator[Predictor]:
        """Yield workers with the packed parameters, kept from call to call."""
        predictor, is_new = self._take_predictor(n_samples)
        try:
            with announced(self.verbose) if is_new else nullcontext():
                yield predictor
        finally:
            _predictors[self] = (self.theta_, predictor)

    def _take_predictor(self, n_samples: int) -> tuple[Predictor, bool]:
        """Take the workers out while they are in use; return them, and whether they are new.

        A second thread that predicts with the same estimator makes its own.
        """
        # few rows need one thread: no look-up of joblib's settings for a single row
        shared = n_samples > ROWS_OF_ONE_THREAD
        n_threads = joblib.effective_n_jobs(self.n_jobs) if shared else None
        theta, predictor = _predictors.pop(self, (None, None))
        if (
            predictor is not None
            and theta is self.theta_
            and n_threads in (None, predictor.workers.n_threads)
        ):
            return predictor, False
        network = Network(self._spec, self.dtype_)
        return Predictor(network, self._thetas(), n_threads or 1), True

    @property
    def _spec(self) -> NetworkSpec:
        """The network, as it was started."""
        started, loss, roles = copy.copy(self), self._loss(), self._roles
        started.__dict__.update(self._architecture)
        return settings.network_spec(
            started,
            n_channels=len(roles.reading.center),
            n_gaps=len(roles.reading.gaps),
            n_constant=roles.n_constant,
            embeddings=embedding_shapes(
                started.embedding_size, self.categories_, self._categorical_names
            ),
            patch_sizes=(self.patch_size_, self.branch_patch_size_),
            front=self.front_,
            branch=self.branch_,
            n_outputs=self.n_outputs_ * loss.n_columns,
            loss=loss,
        )

    # --- members ----------------------------------------------------------------------------
    @property
    def estimators_(self) -> list[Self]:
        """The members of an ensemble as estimators; to train one leaves the ensemble as it is."""
        check_is_fitted(self, "theta_")
        if self.n_estimators == 1 and len(self._members) == 1:
            # tools that look for estimators inside of estimators would find it in itself
            raise AttributeError(
                f"This {type(self).__name__} is a single network and has no estimators_: set "
                "n_estimators to at least 2."
            )
        return [self._alone(*each) for each in zip(self._thetas(), self._members, strict=True)]

    def _alone(self, theta: NDArray, member: Member) -> Self:
        """Return a member as an estimator, which shares all arrays with the ensemble."""
        alone = copy.copy(self)
        alone.__dict__.update(fitted_attributes([theta], [member]))
        alone.n_estimators = 1
        if member["seed"] is not None:
            alone.random_state = member["seed"]
        return alone

    def _thetas(self) -> NDArray:
        """Return the parameters of the members (n_members, n_parameters)."""
        return np.atleast_2d(self.theta_)

    def _merged_steps(
        self, lengths: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return of sequences (n_samples,) how many steps each has past patches and strides.

        And, of all these steps in turn, how many time steps of X each stands for.
        """
        merged = self.branch_patch_size_ * self._spec.stride
        n_merged = -(-lengths // merged)
        n_steps = np.full(int(n_merged.sum()), merged)
        # the first one of a sequence is the one that may stand for fewer
        n_steps[np.cumsum(n_merged) - n_merged] = lengths - (n_merged - 1) * merged
        return n_merged, n_steps

    # --- attention, streams, parameters -----------------------------------------------------
    def attention_weights(self, X: Any) -> NDArray[np.float64] | list[NDArray[np.float64]]:
        """Return how much each time step counts in ``pooling="attention"``.

        Parameters
        ----------
        {X}

        Returns
        -------
        ndarray of shape (n_samples, n_timesteps), or list of ndarray of shape (n_timesteps_i,)
            Positive weights, which sum to 1 over each sequence; a list if lengths differ.
        """
        data = self._known_sequences(X)
        if self._architecture["pooling"] != "attention":
            raise ValueError(
                "attention_weights needs pooling='attention', but this network was fitted with "
                f"pooling={self._architecture['pooling']!r}."
            )
        inputs, every = self._input(data), np.arange(data.n_samples)
        of_each = self._of_each(data.n_samples, lambda workers: workers.attention(inputs, every))
        weights: NDArray[np.float64] = np.stack(of_each).mean(axis=0, dtype=np.float64)
        lengths, n_steps = self._merged_steps(data.lengths)
        check_predictions(
            weights[:, np.newaxis], data, self.channel_mean_, self.channel_scale_, lengths
        )
        first = np.cumsum(lengths) - lengths
        weights /= np.repeat(np.add.reduceat(weights, first), lengths)
        return by_sample(np.repeat(weights / n_steps, n_steps), data.lengths)

    def stream(self, n_streams: int = 1, method: str = "predict") -> Stream:
        """Predict step by step; an error for networks that read whole sequences or patches.

        Parameters
        ----------
        n_streams : int, default=1
            Sequences that are fed side by side.
        method : str, default="predict"
            What each step gives: also "predict_proba" and "decision_function", or of a loss with
            several quantiles "predict_quantiles".

        Returns
        -------
        Stream
            Its ``step(x)`` takes one time step of each stream, and predicts.
        """
        check_is_fitted(self, "theta_")
        if not isinstance(n_streams, (int, np.integer)) or n_streams < 1:
            raise ValueError(f"n_streams={n_streams!r}: pass a whole number of at least 1.")
        spec = self._spec
        check_streamable(self, spec)
        twin = copy.copy(self)  # a later fit does not reach the stream
        decoders = twin._decoders()
        if method not in decoders:
            raise ValueError(f"method={method!r}: choose one of {', '.join(sorted(decoders))}.")
        # one step at a time, the state of the step is the last one
        spec = replace(spec, pooling=("last",)) if spec.per_step else spec
        reading, encode, fill = self._roles.reading_now(), None, None
        center, deviation = reading.center.copy(), reading.deviation.copy()
        if self.is_categorical_ is not None and self.categories_:
            encode = StepEncoder(self.is_categorical_, self.categories_, channel_names(self))
        if self._architecture["missing"] != "error":
            fill = StepFilling(center, reading.gaps, reading.rates)
            center = np.nan_to_num(center)  # without values in training: not read
        if self._architecture["scale"] is None:
            center, deviation = np.zeros_like(center), np.ones_like(deviation)
        with announced(self.verbose):
            network = Network(spec, self.dtype_)
            packed = network.pack_each(self._thetas())
            return Stream(
                network, packed, int(n_streams), center, deviation, decoders[method],
                twin._mean_raw, encode, fill, channel_names(self),
            )  # fmt: skip

    @property
    def embeddings_(self) -> dict[Any, Embedding]:
        """The vectors of each categorical channel, by its name, or its index if it has none."""
        check_is_fitted(self, "theta_")
        if self.is_categorical_ is None or not self.categories_:
            raise AttributeError(
                f"This {type(self).__name__} was fitted without categorical channels and has no "
                "embeddings_: set categorical_features."
            )
        parameters, found = self.parameters_, {}
        channels = zip(self._categorical_names, self.categories_, strict=True)
        for k, (channel, known) in enumerate(channels):
            table = parameters[f"embedding_{k}"]  # (..., n_categories + 1, size)
            found[channel] = Embedding(known, table[..., 1:, :], table[..., 0, :])
        return found

    @property
    def parameters_(self) -> dict[str, NDArray]:
        """The trained parameters by torch's names, read-only; of several members stacked."""
        check_is_fitted(self, "theta_")
        layout = ParameterLayout(self._spec)
        of_each = [layout.views(theta) for theta in self._thetas()]
        views = of_each[0]
        if len(of_each) > 1:
            views = {name: np.stack([views[name] for views in of_each]) for name in views}
        for view in views.values():
            view.flags.writeable = False
        return views

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "theta_")

    def _incomplete(self) -> str | None:
        """Return what the loaded estimator lacks; None if it is as this version would fit it."""
        if not hasattr(self, "dtype_"):
            return None  # it is not fitted
        fitted = [name for name in FittedNetwork.__annotations__ if name.endswith("_")]
        needed = (*fitted, "_architecture", "_members")
        missing = [name for name in needed if not hasattr(self, name)]
        if missing:
            return f"it lacks {', '.join(missing)}"
        size = ParameterLayout(self._spec).size
        n = self._thetas().shape[1]
        if n != size:
            return f"its network has {n} parameters, where it would have {size}"
        return None

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = self.missing != "error"
        if self.categorical_features is not None and len(self.categorical_features):
            tags.input_tags.categorical = tags.input_tags.string = True
            # a missing category is an unknown one, but X may hold none of them
            tags.input_tags.allow_nan |= not isinstance(self.categorical_features, str)
        return tags


# Not attributes: prediction leaves an estimator's __dict__ as it is, and threads and
# buffers cannot be pickled. What channels are is in the fitted attributes already.
_predictors: WeakKeyDictionary[FittedNetwork, tuple[NDArray, Predictor]] = WeakKeyDictionary()
_channel_roles: WeakKeyDictionary[FittedNetwork, tuple[NDArray, NDArray, ChannelRoles]]
_channel_roles = WeakKeyDictionary()
if hasattr(os, "register_at_fork"):  # a forked process has the pools, but not their threads
    os.register_at_fork(after_in_child=_predictors.clear)
