"""Minibatches, epochs, early stopping and history; knows nothing of scikit-learn."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sklstm._input.sequences import NO_GAPS, NetworkInput, Targets
from sklstm._network.network import Network
from sklstm._training.borrowed_gaps import Lenders
from sklstm._training.minibatch import Ahead, Minibatch
from sklstm._training.optimizer import Optimizer
from sklstm._training.workers import Prepared, Workers
from sklstm.components.augmentation import Warping
from sklstm.components.schedules import Adaptive, Schedule

# Parameters that no further loss will see are tried on a few samples. Targets are scaled to a
# deviation of 1, so that a larger loss comes of a training that diverged.
_SAMPLES_TRIED, _LARGEST_LOSS = 8, 1e12
# What share of the first epoch's loss is left after a third of the epochs decides. Above _SLOW the
# loss has fallen slowly. The epochs become _LONGER times this share as many, if that is more.
_SLOW, _LONGER = 0.5, 6.0


class _NotFiniteError(ArithmeticError):
    """A gradient has no finite norm."""


@dataclass(frozen=True)
class TrainingSet:
    """Samples of a data set with what the network should say of them."""

    inputs: NetworkInput
    samples: NDArray[np.int64]  # (n,): positions in the data set
    targets: Targets  # of these samples, each of positive weight
    lenders: Lenders | None = None  # whose gaps others have too, if there are gaps


@dataclass(frozen=True)
class TrainingSettings:
    """How long and how to train."""

    batch_size: int
    n_epochs: int
    most_epochs: int  # if the loss falls slowly; as many as n_epochs: it does not decide
    schedule: Schedule
    learning_rate_init: float
    shuffle: bool
    dropout: float
    tol: float
    n_iter_no_change: int
    warping: Warping | None = None  # how sequences are changed

    @property
    def decides_at(self) -> int:
        """The epoch after which the loss decides how many there are."""
        return self.n_epochs // 3


@dataclass
class History:
    """What happened, epoch by epoch."""

    n_planned: int  # epochs
    slow: bool = False  # whether the loss falls slowly
    loss_curve: list[float] = field(default_factory=list)
    validation_scores: list[float] = field(default_factory=list)
    diverged: bool = False
    interrupted: bool = False

    @property
    def n_epochs(self) -> int:
        """Epochs that ran to their end."""
        return len(self.loss_curve)

    @property
    def share_left(self) -> float:
        """What is left of the first loss; 0 if that is not positive, as of a density."""
        first, last = self.loss_curve[0], self.loss_curve[-1]
        return last / first if first > 0.0 else 0.0

    def decide(self, settings: TrainingSettings) -> None:
        """Set how many epochs there are by how far the loss has fallen."""
        self.slow = self.share_left > _SLOW
        wanted = int(max(1.0, _LONGER * self.share_left) * settings.n_epochs)
        self.n_planned = min(wanted, settings.most_epochs)


class _Best:
    """The best epoch so far. Its parameters are copied when they are about to change."""

    def __init__(self, initial: Callable[[], NDArray], tol: float) -> None:
        self.value = math.inf
        self.epochs_without_progress = 0
        self._initial = initial
        self._theta: NDArray | None = None  # a copy (n_parameters,); None: the initial ones
        self._is_current = False  # whether the parameters in training are the best
        self._tol = tol

    def update(self, value: float) -> None:
        """Smaller is better; progress is an improvement by more than tol."""
        progress = value < self.value - self._tol
        self.epochs_without_progress = 0 if progress else self.epochs_without_progress + 1
        if value < self.value:
            self.value, self._is_current = value, True

    def keep(self, theta: NDArray) -> None:
        """Copy the parameters theta, which are about to change, if they are the best."""
        if self._is_current:
            if self._theta is None:
                self._theta = np.empty_like(theta)
            self._theta[:] = theta
            self._is_current = False

    def restore(self, theta: NDArray) -> None:
        """Write the best parameters to theta."""
        if not self._is_current:
            theta[:] = self._initial() if self._theta is None else self._theta


def train(
    workers: Workers,
    theta: NDArray,
    optimizer: Optimizer,
    data: TrainingSet,
    settings: TrainingSettings,
    rng: np.random.Generator,
    initial: Callable[[], NDArray],
    validate: Callable[[], float] | None = None,
    after_epoch: Callable[[History], bool] = lambda history: False,
    is_final: bool = True,
) -> History:
    """Train theta (n_parameters,) in place. `initial` returns what theta is before.

    With `validate`, a score of the current parameters, the training stops after
    n_iter_no_change epochs without a better score and the best epoch's parameters are
    restored. Without it, schedules that have no planned end stop likewise by the loss.
    After a loss that is not finite, or Ctrl-C, the best parameters so far are restored and
    the history says so. `after_epoch` may stop the training by returning True.
    `is_final`: whether no further training follows, whose losses would see what the last update
    did.
    """
    history = History(settings.n_epochs)
    best = _Best(initial, settings.tol)
    workers.network.pack(theta)
    n_batches = -(-len(data.samples) // settings.batch_size)
    schedule, rate_init = settings.schedule, settings.learning_rate_init
    try:
        while history.n_epochs < history.n_planned:

            def rate(batch: int, initial: float = rate_init) -> float:
                step, n_steps = history.n_epochs * n_batches + batch, history.n_planned * n_batches
                return schedule.rate(initial, step, n_steps)

            # first the sequences as they are: a network that hardly learns those needs no others
            early = history.n_epochs < settings.decides_at
            warping = None if early or history.slow else settings.warping
            best.keep(theta)
            loss = _epoch(workers, theta, optimizer, data, settings, warping, rng, rate)
            # the last update of an epoch may overflow, which no loss has seen
            history.diverged = not (math.isfinite(loss) and np.isfinite(theta).all())
            is_last = history.n_epochs + 1 == history.n_planned
            if is_final and is_last and not history.diverged:
                history.diverged = not _is_sane(workers, theta, data, rng)
            score = math.nan if validate is None or history.diverged else validate()
            history.diverged |= score == -math.inf
            if history.diverged:
                break
            history.loss_curve.append(loss)
            if history.n_epochs == settings.decides_at:
                history.decide(settings)
            if validate is not None:
                history.validation_scores.append(score)
                best.update(-score)
            else:
                best.update(loss)
            if after_epoch(history):
                break
            stalled = best.epochs_without_progress
            if isinstance(schedule, Adaptive) and validate is None:
                if stalled >= schedule.patience:
                    best.epochs_without_progress = 0
                    rate_init /= schedule.factor
                    if rate_init < schedule.floor:
                        break
            elif stalled >= settings.n_iter_no_change and (
                validate is not None or not schedule.planned
            ):
                break
    except KeyboardInterrupt:
        history.interrupted = True
    if validate is not None or history.diverged or history.interrupted:
        best.restore(theta)
        workers.network.pack(theta)
    # an update of an earlier epoch may have been the one
    if history.diverged and not _is_sane(workers, theta, data, rng):
        theta[:] = initial()
        workers.network.pack(theta)
    return history


def _is_sane(workers: Workers, theta: NDArray, data: TrainingSet, rng: np.random.Generator) -> bool:
    """Return whether the loss on some training samples is finite and in a sensible range."""
    some = np.arange(min(len(data.samples), _SAMPLES_TRIED))
    minibatch, _ = _minibatch(workers.network, data, some, 0.0, None, rng)
    return abs(workers.compute(workers.prepare(minibatch))) < _LARGEST_LOSS


def _minibatch(
    network: Network,
    data: TrainingSet,
    part: NDArray[np.int64],
    dropout: float,
    warping: Warping | None,
    rng: np.random.Generator,
) -> tuple[Minibatch, float]:
    """Return a minibatch, the weights of which sum up to 1, and the sum of those it was given."""
    rows = data.targets.rows(part)
    weight = data.targets.weight[rows]
    weight_sum = float(weight.sum(dtype=np.float64))
    samples = data.samples[part]
    lenders = NO_GAPS if data.lenders is None else data.lenders.draw(samples, rng)
    minibatch = Minibatch(
        network, data.inputs, samples, data.targets.values[rows],
        (weight / weight_sum).astype(network.dtype), dropout, rng, warping, lenders,
    )  # fmt: skip
    return minibatch, weight_sum


def _epoch(
    workers: Workers,
    theta: NDArray,
    optimizer: Optimizer,
    data: TrainingSet,
    settings: TrainingSettings,
    warping: Warping | None,
    rng: np.random.Generator,
    rate: Callable[[int], float],
) -> float:
    """One pass over the data; the mean loss, NaN as soon as anything is not finite."""
    n_samples, gradient = len(data.samples), np.empty_like(theta)
    order = rng.permutation(n_samples) if settings.shuffle else np.arange(n_samples)
    n_batches = -(-n_samples // settings.batch_size)
    minibatches = (
        _minibatch(workers.network, data, part, settings.dropout, warping, rng)
        # of equal size, to one sample: a short last one would count too much
        for part in np.array_split(order, n_batches)
    )
    ready = Ahead(minibatches, workers.prepare)

    def update(prepared: Prepared, rate: float, begun: NDArray[np.int64]) -> None:
        """Move the parameters by the gradient of a minibatch, see `Workers.finish`."""
        touched = workers.network.touched(prepared.of_vectors, gradient)
        norm = optimizer.update(
            workers.network, theta, prepared.gradients, prepared.statistics, rate,
            gradient[: touched.size], touched.rows, begun,
        )  # fmt: skip
        if not math.isfinite(norm):
            raise _NotFiniteError

    total, last = 0.0, None  # the last update, if it was not made
    try:
        for k, (prepared, weight_sum) in enumerate(ready):
            if workers.interrupt.is_set():  # Ctrl-C came to another thread
                raise KeyboardInterrupt
            total += weight_sum * workers.compute(prepared, last, ready.prepare)
            if not math.isfinite(total):
                return math.nan
            updating = functools.partial(update, prepared, rate(k))
            last = functools.partial(workers.finish, prepared, updating, ready.prepare)
            if not ready.is_prepared:  # else another thread gets ready in this time
                last()
                last = None
    except _NotFiniteError:
        return math.nan
    return total / float(data.targets.weight.sum(dtype=np.float64))
