"""The fit that classifier and regressor share: from X and y to trained parameters."""

from __future__ import annotations

import copy
import dataclasses
import math
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple, Self

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight

from sklstm._estimator import settings
from sklstm._estimator.callbacks import CallbackSupportMixin, EpochCallbacks
from sklstm._estimator.combinations import check_combinations
from sklstm._estimator.fitted import FittedNetwork
from sklstm._estimator.interruption import is_one_fit_of_several
from sklstm._input.alignment import aligned
from sklstm._input.sequences import ChannelMoments, SequenceDataset, Targets, typical_length
from sklstm._input.step_targets import rows_of_steps, weight_of_steps
from sklstm._input.targets import check_total, split_off
from sklstm._input.validation import as_sequences
from sklstm._input.values import refuse_far_value
from sklstm._network.network import Network
from sklstm._network.parameters import ParameterLayout
from sklstm._progress import announced, progress_bar
from sklstm._training.optimizer import Optimizer
from sklstm._training.training import History, TrainingSet, train
from sklstm._training.workers import Workers
from sklstm.components.component import resolve
from sklstm.components.convolutions import FCN, Convolutions
from sklstm.components.solvers import SOLVERS


class _HeldOut(NamedTuple):
    """What early stopping looks at."""

    data: SequenceDataset
    samples: NDArray[np.int64]  # (n,): positions in the data
    targets: Targets  # of these samples
    name: str  # of the argument that the data come from


class BaseLSTM(CallbackSupportMixin, FittedNetwork):
    """Base of classifier and regressor.

    Conventions: `target` (n_rows, n_targets) is what the loss compares with the raw
    prediction (n_rows, n_outputs), a row for each sample, or for each time step of the samples
    in turn. Subclasses say what their y means: they encode it, name the loss and decode.
    """

    n_iter_: int
    t_: int
    loss_curve_: list[float]
    _optimizer_state: list[Any]

    _fewest_validation_samples: ClassVar[int] = 1
    # what front="auto" and branch="auto" add to a network that reads whole sequences
    _auto_front: ClassVar[Convolutions | None] = None
    _auto_branch: ClassVar[FCN | None] = None

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
        y, sample_weight = aligned(X, steps=self.return_sequences, y=y, sample_weight=sample_weight)
        check_combinations(self)
        fresh = not (hasattr(self, "theta_") and (incremental or self.warm_start))
        if fresh:  # a fit that fails must not leave half of the last one
            self.__dict__.pop("theta_", None)
            self._architecture = self._fixed_parameters()
            # copies: a component that is changed later does not reach the fitted network
            self.front_, self.branch_ = copy.deepcopy(
                settings.convolutions(self, self._auto_front, self._auto_branch)
            )
        else:
            self._check_architecture()
        data = as_sequences(self, X, n_channels=self.n_channels, reset=fresh)
        targets = self._targets(y, sample_weight, data, reset=fresh)
        by_class = self._weigh(targets.values, targets.weight)
        check_total(by_class)
        targets = replace(targets, weight=by_class)
        weight = targets.sample_weight
        rng = check_random_state(self.random_state)
        (samples,) = np.nonzero(weight > 0)
        held_out = None
        if validation is not None:
            held_out = self._validation_data(validation)
        elif self.early_stopping and not incremental:
            samples, held_out = self._split(data, samples, targets, rng)
        self._check_held_out(held_out)
        targets = targets.of(samples)
        if fresh or incremental:
            self._fit_scaling(data, samples, weight[samples], fresh)
        scaled = self._scale_target(targets.values, targets.weight, reset=fresh)
        if fresh:
            self._start(data, samples, rng)
        targets = replace(targets, values=scaled.astype(self.dtype_))
        training_set = TrainingSet(self._input(data), samples, targets)
        with announced(self.verbose) as report_compilation:
            history = self._train(
                training_set, held_out, rng, incremental, X, y, report_compilation
            )
        self._report(history, fresh)
        return self

    def _fixed_parameters(self) -> dict[str, Any]:
        """Return a copy of the hyper-parameters that the meaning of `theta_` depends on."""
        fields = dataclasses.fields(self)
        names = [field.name for field in fields if field.metadata.get("fixed")]
        return {name: copy.deepcopy(getattr(self, name)) for name in names}

    def _check_architecture(self) -> None:
        """Raise an error if a network that is to go on would have to be another one."""
        for name, started in self._architecture.items():
            if self._component(name, getattr(self, name)) != self._component(name, started):
                raise ValueError(
                    f"{name}={getattr(self, name)!r}, but the network was started with "
                    f"{started!r}, and warm_start and partial_fit go on with it. To start "
                    "anew, set warm_start=False and call fit."
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
        encoded = self._encode(rows[given], reset)
        target = np.zeros((len(rows), encoded.shape[1]))
        target[given] = encoded
        indptr = np.concatenate([[0], np.cumsum(data.lengths)])
        return Targets(target, weight_of_steps(sample_weight, data) * given, indptr)

    def _validation_data(self, validation: tuple[Any, Any]) -> _HeldOut:
        """Return the validation set that the user passed, checked."""
        X, y = validation
        data = as_sequences(self, X, n_channels=self.n_channels, reset=False)
        try:
            (y,) = aligned(X, steps=self.return_sequences, y=y)
            targets = self._targets(y, None, data, reset=False)
        except ValueError as error:
            raise ValueError(f"X_val and y_val do not match: {error}") from error
        return _HeldOut(data, np.arange(data.n_samples), targets, "X_val")

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
            longest = typical_length(data.lengths[samples])
            self.patch_size_ = settings.patch_size(self, longest, self.front_)
        else:
            seen = (self._seen_weight, self.channel_mean_, self._channel_m2)
            moments = ChannelMoments(*(array.copy() for array in seen))
        moments.add(data, samples, weight)
        self.channel_mean_ = moments.mean
        self.channel_scale_ = moments.deviation
        self._seen_weight: NDArray[np.float64] = moments.count
        self._channel_m2: NDArray[np.float64] = moments.m2

    def _start(self, data: SequenceDataset, samples: NDArray, rng: np.random.RandomState) -> None:
        """Draw the initial parameters of a network for this data."""
        self.dtype_ = settings.precision(self, len(samples))
        spec = self._spec
        longest = -(-int(data.lengths[samples].max()) // (self.patch_size_ * spec.stride))
        expecting = replace(spec, cell=spec.cell.expecting(longest))
        self.theta_ = ParameterLayout(expecting).initial(rng)
        self.n_iter_ = 0
        self.t_ = 0
        self.loss_curve_ = []
        self._optimizer_state = []

    # --- training ---------------------------------------------------------------------------
    def _train(
        self,
        training_set: TrainingSet,
        held_out: _HeldOut | None,
        rng: np.random.RandomState,
        incremental: bool,
        X: Any,
        y: Any,
        report_compilation: Callable[[], None],
    ) -> History:
        """Train a copy of `theta_`, and set the fitted attributes."""
        network = Network(self._spec, self.dtype_)
        n_samples = len(training_set.samples)
        plan = settings.training_settings(self, n_samples, self.branch_, incremental)
        theta = self.theta_.astype(network.dtype)  # a copy: it is trained in place
        workers = Workers(network, joblib.effective_n_jobs(self.n_jobs))
        optimizer = self._optimizer(network)
        if incremental and self._optimizer_state:
            optimizer.resume(self._optimizer_state)
        callbacks = EpochCallbacks(self, plan.n_epochs, X, y)
        progress = (
            progress_bar(plan.n_epochs, type(self).__name__, "epoch") if self.verbose else None
        )

        def after_epoch(history: History) -> bool:
            report_compilation()
            if progress is not None:
                _show(progress, history)
            last = history.n_epochs == plan.n_epochs
            return callbacks.end_epoch(
                lambda: self._fitted_by(history, theta.copy(), incremental), last
            )

        seed = int(rng.randint(np.iinfo(np.int32).max))
        # an int random_state gives every partial_fit the same seed, but not the same masks
        generator = np.random.default_rng([seed, self.t_] if incremental else seed)
        validate = None if held_out is None else self._validator(workers, held_out)
        try:
            history = train(
                workers, theta, optimizer, training_set, plan, generator, validate, after_epoch
            )
        finally:
            workers.close()
            if progress is not None:
                progress.close()
        self.__dict__.update(self._fitted_by(history, theta, incremental))
        self._optimizer_state = optimizer.state if incremental else []
        callbacks.end_fit()
        self.t_ += history.n_epochs * -(-n_samples // plan.batch_size)
        return history

    def _optimizer(self, network: Network) -> Optimizer:
        """Return the optimiser of a network, before its first step."""
        return Optimizer(
            solver=resolve(self.solver, SOLVERS),
            decays=network.layout.decays(network.dtype),
            alpha=self.alpha,
            clip_norm=self.clip_norm,
        )

    def _validator(self, workers: Workers, held_out: _HeldOut) -> Callable[[], float]:
        """Return what gives the score of the current parameters on the validation set."""
        held_input, targets = self._input(held_out.data), held_out.targets

        def validate() -> float:
            raw = workers.predict(held_input, held_out.samples)
            if not np.isfinite(raw).all():
                refuse_far_value(
                    held_out.data, held_out.samples, self.channel_mean_, self.channel_scale_,
                    held_out.name,
                )  # fmt: skip
                return -math.inf  # the training diverged
            return self._score_raw(raw, targets.values, targets.weight)

        return validate

    def _fitted_by(self, history: History, theta: NDArray, incremental: bool) -> dict[str, Any]:
        """Return the parameters and the history as fitted attributes."""
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
        """Raise an error or a warning about a training that went wrong or was interrupted."""
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
            if is_one_fit_of_several():
                raise KeyboardInterrupt
            warnings.warn(
                f"Training interrupted by user after {history.n_epochs} epochs; the best "
                "parameters so far are kept.",
                UserWarning,
                stacklevel=4,
            )


def _show(progress: Any, history: History) -> None:
    """Bring a progress bar up to date."""
    scores = {"loss": f"{history.loss_curve[-1]:.4g}"}
    if history.validation_scores:
        scores["validation"] = f"{history.validation_scores[-1]:.4g}"
    progress.set_postfix(scores)
    progress.update()


def pair(X_val: Any, y_val: Any) -> tuple[Any, Any] | None:
    """Return the validation set that fit was given, if any."""
    if (X_val is None) != (y_val is None):
        raise ValueError("X_val and y_val belong together: pass both or neither.")
    return None if X_val is None else (X_val, y_val)
