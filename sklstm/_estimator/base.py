"""The fit that classifier and regressor share: from X and y to trained parameters."""

from __future__ import annotations

import copy
import dataclasses
import math
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight

from sklstm._estimator import settings
from sklstm._estimator.callbacks import CallbackSupportMixin
from sklstm._estimator.combinations import check_combinations, warn_of_combinations
from sklstm._estimator.members import (
    member_seeds,
    new_member,
)
from sklstm._estimator.report import report
from sklstm._estimator.scoring import score_of_estimator
from sklstm._estimator.trained_members import TrainedMembers
from sklstm._input.alignment import aligned
from sklstm._input.categories import decoded, kept_categories
from sklstm._input.chain import chain_weights
from sklstm._input.channel_selection import channel_names
from sklstm._input.column_labels import check_order_of_outputs
from sklstm._input.decay import decay_rates
from sklstm._input.moments import ChannelMoments
from sklstm._input.sequences import NO_GAPS, NetworkInput, SequenceDataset, Targets
from sklstm._input.sizes import size_scaling
from sklstm._input.step_targets import of_step, rows_of_steps, weight_of_steps
from sklstm._input.targets import check_total, check_weight, split_off
from sklstm._input.validation import as_sequences
from sklstm._input.values import refuse_far_value
from sklstm._network.chunk import loss_of
from sklstm._training.borrowed_gaps import Lenders
from sklstm._training.training import TrainingSet
from sklstm._training.unknown import with_unknown
from sklstm._training.workers import Workers
from sklstm.components.component import is_same
from sklstm.components.convolutions import Branch, Convolutions
from sklstm.components.loss import TargetError


class _HeldOut(NamedTuple):
    """What early stopping looks at."""

    data: SequenceDataset
    samples: NDArray[np.int64]  # (n,): positions in the data
    targets: Targets  # of these samples
    name: str  # of the argument that the data come from
    X: Any = None  # X_val itself


class BaseLSTM(CallbackSupportMixin, TrainedMembers):
    """Base of classifier and regressor.

    Conventions: `target` (n_rows, n_targets) is what the loss compares with the raw
    prediction (n_rows, n_outputs), a row for each sample, or for each time step of the samples
    in turn. Subclasses say what their y means: they encode it, name the loss and decode.
    """

    _fewest_validation_samples: ClassVar[int] = 1
    # what front="auto" and branch="auto" add to a network that reads whole sequences
    _auto_front: ClassVar[Convolutions | None] = None
    _auto_branch: ClassVar[Branch | None] = None

    # --- what a subclass says ---------------------------------------------------------------
    def _encode(self, y: Any, reset: bool) -> NDArray:
        """Return y as the loss wants it, (n_rows, n_targets); set what fit must remember."""
        raise NotImplementedError

    def _strata(self, target: NDArray) -> NDArray | None:
        """Return the classes (n_samples,) whose shares a validation split keeps."""
        return None

    def _score_raw(self, raw: NDArray, target: NDArray, weight: NDArray) -> float:
        """Return the score of raw predictions; larger is better."""
        raise NotImplementedError

    def _decoded(self, target: NDArray) -> NDArray:
        """Return y as the user has it, of what `_encode` made of it."""
        raise NotImplementedError

    def _weigh(self, target: NDArray, weight: NDArray) -> NDArray:
        """Return the weights of rows times those of their classes."""
        return weight

    def _scale_target(self, target: NDArray, weight: NDArray, reset: bool) -> NDArray:
        """Return the target in the units in which the network works."""
        return target

    # --- fit --------------------------------------------------------------------------------
    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation: tuple[Any, Any] | None = None,
        *,
        incremental: bool = False,
    ) -> Self:
        """Train the network: from the start, or on from the last fit."""
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y "
                "is None."
            )
        given = y
        y, sample_weight = aligned(X, steps=self.return_sequences, y=y, sample_weight=sample_weight)
        check_combinations(self)
        fresh = not (hasattr(self, "theta_") and (incremental or self.warm_start))
        self._begin(fresh, incremental)
        check_order_of_outputs(self, given, reset=fresh)
        data = as_sequences(self, X, n_channels=self.n_channels, missing=self.missing, reset=fresh)
        if not incremental:
            warn_of_combinations(
                self,
                validated=self.early_stopping or validation is not None,
                scaled=len(self._numbers_among(data.n_channels)) > 0,
            )
        targets = self._targets(y, sample_weight, data, reset=fresh)
        by_class = self._weigh(targets.values, targets.weight)
        check_total(by_class)
        targets = replace(targets, weight=by_class)
        weight = targets.sample_weight
        rng = check_random_state(self.random_state)
        seeds = member_seeds(rng, self.n_estimators)
        (samples,) = np.nonzero(weight > 0)
        if self.time_gaps:
            data = self._with_times(data, X, weight if fresh else None)
        held_out = None
        if validation is None and self.early_stopping and not incremental:
            samples, held_out = self._split(data, samples, targets, rng)
        if fresh and self.is_categorical_ is not None:
            data = kept_categories(self, data, samples)
            held_out = held_out and held_out._replace(data=data)
        if validation is not None:
            held_out = self._validation_data(validation)
        self._check_held_out(held_out)
        targets = targets.of(samples)
        if fresh or incremental:
            self._fit_scaling(data, samples, weight[samples], fresh)
        scaled = self._scale_target(targets.values, targets.weight, reset=fresh)
        one_batch = settings.is_one_batch(data, samples, targets, self.branch_)
        if fresh:
            self.dtype_ = settings.precision(self, one_batch)
        targets = replace(targets, values=scaled.astype(self.dtype_))
        inputs = self._input(data)
        if not one_batch:
            inputs = with_unknown(inputs, samples, self._spec.embeddings)
        lenders = None if one_batch else self._lenders(inputs, samples, targets)
        training_set = TrainingSet(inputs, samples, targets, lenders)
        there = [] if fresh else list(zip(self._thetas(), self._members, strict=True))
        kept, jobs = self._members_to_train(there, data, samples, rng, seeds)
        lengths = data.lengths[samples]
        plan = settings.training_settings(self, lengths, one_batch, self.branch_, incremental)
        score = None if held_out is None else self._scorer(held_out)
        histories = self._train(training_set, score, kept, jobs, plan, incremental, X, y)
        report(histories, len(self._members))
        return self

    def _begin(self, fresh: bool, incremental: bool) -> None:
        """Set what the meaning of the parameters depends on, or check that it is as it was."""
        if not fresh:
            self._check_architecture()
            self._check_n_members(incremental)
            return
        self.__dict__.pop("theta_", None)  # a fit that fails must not leave half of the last one
        self._architecture = self._fixed_parameters()
        # copies: a component that is changed later does not reach the fitted network
        self.front_, self.branch_ = copy.deepcopy(
            settings.convolutions(self, self._auto_front, self._auto_branch)
        )

    def _fixed_parameters(self) -> dict[str, Any]:
        """Return a copy of the hyper-parameters that the meaning of `theta_` depends on."""
        fields = dataclasses.fields(self)
        names = [field.name for field in fields if field.metadata.get("fixed")]
        return {name: copy.deepcopy(getattr(self, name)) for name in names}

    def _check_architecture(self) -> None:
        """Raise an error if a network that is to go on would have to be another one."""
        for name, started in self._architecture.items():
            now = self._component(name, getattr(self, name))
            if not is_same(now, self._component(name, started)):
                raise ValueError(
                    f"{name}={getattr(self, name)!r}, but the network was started with "
                    f"{started!r}, and warm_start and partial_fit go on with it. To start "
                    "anew, set warm_start=False and call fit."
                )

    def _check_n_members(self, incremental: bool) -> None:
        """Raise an error if the members that there are cannot become so many."""
        n_members = len(self._members)
        if self.n_estimators < n_members or (incremental and self.n_estimators > n_members):
            raise ValueError(
                f"n_estimators={self.n_estimators}, but there are {n_members} fitted members: "
                "warm_start goes on with all of them, or adds some, and partial_fit goes on with "
                f"all. Set n_estimators={n_members}, or set warm_start=False and call fit."
            )

    # --- targets ----------------------------------------------------------------------------
    def _targets(self, y: Any, sample_weight: Any, data: SequenceDataset, reset: bool) -> Targets:
        """Return y and its weights, checked."""
        if self.return_sequences:
            return self._targets_of_steps(y, sample_weight, data, reset)
        target = self._encode(y, reset)
        if len(target) != data.n_samples:
            raise ValueError(
                "Found input variables with inconsistent numbers of samples: X has "
                f"{data.n_samples}, y has {len(target)}."
            )
        check_weight(sample_weight)
        # scikit-learn counts the rows of what it is given: the samples, not their steps
        weight = _check_sample_weight(
            sample_weight, data.begin, dtype=np.float64, ensure_non_negative=True
        )
        return Targets.one_each(target, weight)

    def _targets_of_steps(
        self, y: Any, sample_weight: Any, data: SequenceDataset, reset: bool
    ) -> Targets:
        """Return the targets of all steps and their weights, 0 where there is no target."""
        rows = rows_of_steps(y, data, self._missing)
        given = ~self._missing(rows)
        if not given.any():
            raise ValueError("y has no target at any step: there is nothing to learn from.")
        try:
            encoded = self._encode(rows[given], reset)
        except TargetError as error:
            raise of_step(error, np.flatnonzero(given)[error.row], data) from None
        target = np.zeros((len(rows), encoded.shape[1]))
        target[given] = encoded
        indptr = np.concatenate([[0], np.cumsum(data.lengths)])
        return Targets(target, weight_of_steps(sample_weight, data) * given, indptr)

    def _validation_data(self, validation: tuple[Any, Any]) -> _HeldOut:
        """Return the validation set that the user passed, checked."""
        X, y = validation
        try:
            data = self._read(X)
            y, _ = self._aligned(X, y)
            targets = self._targets(y, None, data, reset=False)
        except ValueError as error:
            raise ValueError(f"Of X_val and y_val: {error}") from error
        return _HeldOut(data, np.arange(data.n_samples), targets, "X_val", X)

    def _split(
        self,
        data: SequenceDataset,
        samples: NDArray,
        targets: Targets,
        rng: np.random.RandomState,
    ) -> tuple[NDArray, _HeldOut]:
        """Return the samples to train on, and those that are held out."""
        strata = None if self.return_sequences else self._strata(targets.values[samples])
        labels = getattr(self, "classes_", None)
        samples, out = split_off(samples, self.validation_fraction, rng, strata, labels)
        return samples, _HeldOut(data, out, targets.of(out), "X")

    def _lenders(self, inputs: NetworkInput, samples: NDArray, targets: Targets) -> Lenders | None:
        """Return whose gaps others have too in training; None without gaps."""
        if not len(inputs.reading.gaps) or self.return_sequences:
            return None
        classes = self._strata(targets.values) if hasattr(self, "classes_") else None
        return Lenders.of(samples, targets.values, classes, inputs.data.n_samples)

    def _check_held_out(self, held_out: _HeldOut | None) -> None:
        """Raise an error if the validation set is too small for its score."""
        if held_out is not None and len(held_out.samples) < self._fewest_validation_samples:
            raise ValueError(
                f"The validation set has {len(held_out.samples)} samples, its score needs at least "
                f"{self._fewest_validation_samples}. Raise validation_fraction, pass a larger "
                "X_val, or set early_stopping=False."
            )

    # --- the network ------------------------------------------------------------------------
    def _fit_scaling(
        self, data: SequenceDataset, samples: NDArray, weight: NDArray, fresh: bool
    ) -> None:
        """Set mean and deviation of the channels, and on a fresh start the patches."""
        if fresh:
            moments = ChannelMoments.empty(data.n_channels)
            self.patch_size_, self.branch_patch_size_ = settings.patch_sizes(
                self, data.lengths[samples], self.front_, self.branch_
            )
        else:
            seen = (self._seen_weight, np.nan_to_num(self.channel_mean_), self._channel_m2)
            moments = ChannelMoments(*(array.copy() for array in seen))
        names = [*channel_names(self), "time since the step before"]
        moments.add(data, samples, weight, names, self.static_channels_)
        # without values there is no mean; such a channel is not read
        self.channel_mean_ = np.where(moments.count > 0.0, moments.mean, np.nan)
        if fresh and np.isnan(self.channel_mean_).any():
            name = names[int(np.isnan(self.channel_mean_).argmax())]
            warnings.warn(
                f"Channel {name!r} of X has no value in the training data. The network does not "
                "read it, in predictions neither, until partial_fit gets values of it.",
                UserWarning,
                stacklevel=4,
            )
        self.channel_scale_ = moments.deviation
        self.channel_mean_[self._categorical] = 0.0  # codes are not scaled
        self.channel_scale_[self._categorical] = 1.0
        if fresh:
            self.gap_channels_ = self._channels_with_gaps(data, samples, moments.count)
            self.decay_rates_ = decay_rates(self, data, samples, weight)
            self.size_scaling_ = size_scaling(self, data, samples, weight)
            self._chain_weights = chain_weights(self, data, samples, weight)
        self._seen_weight: NDArray[np.float64] = moments.count
        self._channel_m2: NDArray[np.float64] = moments.m2

    def _channels_with_gaps(
        self, data: SequenceDataset, samples: NDArray, count: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """Return the channels with gaps in some samples, of which there are values too.

        count (n_channels,): sum of the weights of the values
        """
        if self.missing == "error":
            return NO_GAPS
        gaps = np.zeros(data.n_channels, bool)
        static = np.isin(np.arange(data.n_channels), self.static_channels_)
        for sample in samples:
            missing = np.isnan(data.values[data.begin[sample] : data.end[sample]])
            # of a static channel one value is enough
            gaps |= np.where(static, missing.all(axis=0), missing.any(axis=0))
        return np.flatnonzero(gaps & (count > 0.0))

    # --- the score of a validation set ------------------------------------------------------
    def _scorer(self, held_out: _HeldOut) -> Callable[[Workers, NDArray], float]:
        """Return what gives the score of parameters theta on the validation set."""
        data, samples, targets = held_out.data, held_out.samples, held_out.targets
        held_input, X = self._input(data), held_out.X
        if X is None and self.scoring not in (None, "loss"):
            ends = zip(data.begin[samples], data.end[samples], strict=True)
            # without the channel of the time, if there is one, and with categories, not codes
            n = self.n_channels_in_
            X = [decoded(self, data.values[first:end, :n]) for first, end in ends]

        def score(workers: Workers, theta: NDArray) -> float:
            raw = workers.predict(held_input, samples)
            if not np.isfinite(raw).all():
                center, deviation = self.channel_mean_, self.channel_scale_
                refuse_far_value(data, samples, center, deviation, held_out.name)
                return -math.inf  # the training diverged
            if self.scoring is None:
                return self._score_raw(raw, targets.values, targets.weight)
            if self.scoring == "loss":
                scaled = self._scale_target(targets.values, targets.weight, reset=False)
                shares = targets.weight / targets.weight.sum()
                return -loss_of(workers.network, raw, scaled, shares)
            given = targets.weight > 0.0
            return score_of_estimator(
                self.scoring, self._so_far(theta, named=held_out.X is not None), raw[given],
                X, self._decoded(targets.values[given]), targets.weight[given],
            )  # fmt: skip

        return score

    def _so_far(self, theta: NDArray, named: bool) -> Self:
        """Return an estimator with the parameters theta of a training that goes on.

        named: whether its X has the names of the features, if fit was given any
        """
        estimator = self._alone(theta.copy(), new_member(None))
        if not named:
            estimator.__dict__.pop("feature_names_in_", None)
        return estimator


def pair(X_val: Any, y_val: Any) -> tuple[Any, Any] | None:
    """Return the validation set that fit was given, if any."""
    if (X_val is None) != (y_val is None):
        raise ValueError("X_val and y_val belong together: pass both or neither.")
    return None if X_val is None else (X_val, y_val)
