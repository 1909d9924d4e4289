"""The training of the networks of an estimator, each with random numbers of its own."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray

from sklstm._estimator.callbacks import FitCallbacks
from sklstm._estimator.features import FeaturesOfNetwork
from sklstm._estimator.members import Member, fitted_attributes, new_member, trained_member
from sklstm._estimator.report import AGAINST_DIVERGENCE, show
from sklstm._input.sequences import SequenceDataset
from sklstm._network.network import Network
from sklstm._network.parameters import ParameterLayout
from sklstm._progress import announced, progress_bar
from sklstm._training.optimizer import Optimizer
from sklstm._training.side_by_side import side_by_side
from sklstm._training.training import History, TrainingSet, TrainingSettings, train
from sklstm._training.workers import Workers
from sklstm.components.component import resolve
from sklstm.components.solvers import SOLVERS

_Network = tuple[NDArray, Member]  # its parameters (n_parameters,), and what else is kept of it
_Start = Callable[[np.random.RandomState], NDArray]  # draws the parameters before a training
_Job = tuple[_Start, Member, np.random.RandomState]  # a network to train, its random numbers
_Score = Callable[[Workers, NDArray], float]  # of parameters, on a validation set


@dataclass
class _Run:
    """What the trainings of all members share."""

    data: TrainingSet
    plan: TrainingSettings
    incremental: bool
    score: _Score | None  # on the validation set
    n_threads: int  # of each member
    callbacks: FitCallbacks
    bar: Any  # of the progress, or None
    report_compilation: Callable[[], None]
    lock: threading.Lock = field(default_factory=threading.Lock)  # on the last three
    interrupt: threading.Event = field(default_factory=threading.Event)


class TrainedMembers(FeaturesOfNetwork):
    """An estimator that trains one network or several."""

    def _members_to_train(
        self,
        there: list[_Network],
        data: SequenceDataset,
        samples: NDArray,
        rng: np.random.RandomState,
        seeds: list[int | None],
    ) -> tuple[list[_Network], list[_Job]]:
        """Return the networks that stay as they are, and those to train: all, or those to add."""
        rngs = [rng if seed is None else np.random.RandomState(seed) for seed in seeds]
        if len(there) == len(seeds):
            return [], [
                (partial(self._as_it_was, theta), member, rng)
                for (theta, member), rng in zip(there, rngs, strict=True)
            ]
        start = partial(self._initial, int(data.lengths[samples].max()))
        new = range(len(there), len(seeds))
        return there, [(start, new_member(seeds[k]), rngs[k]) for k in new]

    def _as_it_was(self, theta: NDArray, rng: np.random.RandomState) -> NDArray:
        """Return a copy of the parameters (n_parameters,) of a network whose training goes on."""
        return theta.astype(self.dtype_)

    def _initial(self, n_timesteps: int, rng: np.random.RandomState) -> NDArray:
        """Draw the initial parameters (n_parameters,) of a network for up to so many steps."""
        spec = self._spec
        longest = -(-n_timesteps // (self.branch_patch_size_ * spec.stride))
        expecting = replace(spec, cell=spec.cell.expecting(longest))
        return ParameterLayout(expecting).initial(rng, self.dtype_)

    def _train(
        self,
        training_set: TrainingSet,
        score: _Score | None,
        kept: list[_Network],
        jobs: list[_Job],
        plan: TrainingSettings,
        incremental: bool,
        X: Any,
        y: Any,
    ) -> list[History]:
        """Train networks, and set the fitted attributes by those kept and these."""
        n_threads, name = joblib.effective_n_jobs(self.n_jobs), type(self).__name__
        n_epochs = plan.n_epochs * len(jobs)
        callbacks = FitCallbacks(self, len(jobs), plan.most_epochs, X, y)
        with (
            announced(self.verbose) as report_compilation,
            progress_bar(n_epochs, name, "epoch") if self.verbose else nullcontext() as bar,
        ):
            run = _Run(
                training_set, plan, incremental,
                score=score,
                n_threads=max(1, n_threads // len(jobs)),
                callbacks=callbacks, bar=bar, report_compilation=report_compilation,
            )  # fmt: skip
            tasks = [partial(self._train_member, run, k, *job) for k, job in enumerate(jobs)]
            results = side_by_side(tasks, n_threads, run.interrupt)
        if any(history.diverged and not member["t"] for (_, member), history in results):
            raise ValueError(f"The training diverged in its first epoch. {AGAINST_DIVERGENCE}")
        # new members that Ctrl-C left at their initial parameters would spoil the mean
        begun = [network for network, _ in results if network[1]["t"]]
        thetas, members = zip(*(kept + begun or [results[0][0]]), strict=True)
        self.__dict__.update(fitted_attributes(thetas, list(members)))
        callbacks.end_fit()
        return [history for _, history in results]

    def _train_member(
        self, run: _Run, k: int, start: _Start, member: Member, rng: np.random.RandomState
    ) -> tuple[_Network, History]:
        """Train the k-th network of those to train; return it, and what happened."""
        before = copy.deepcopy(rng)  # takes less memory than a copy of the parameters
        theta = start(rng)
        network, plan = Network(self._spec, self.dtype_), run.plan
        workers = Workers(network, run.n_threads, run.interrupt)
        optimizer = self._optimizer(network)
        if run.incremental and member["optimizer_state"]:
            optimizer.resume(member["optimizer_state"])
        n_batches = -(-len(run.data.samples) // plan.batch_size)
        with run.lock:
            callbacks = run.callbacks.of_member(k)

        def so_far(history: History) -> Member:
            return trained_member(member, history, n_batches, run.incremental)

        def after_epoch(history: History) -> bool:
            with run.lock:
                run.report_compilation()
                if run.bar is not None:
                    show(run.bar, history)
                    if history.n_epochs == plan.decides_at:
                        run.bar.total += history.n_planned - plan.n_epochs
                return callbacks.end_epoch(
                    lambda: fitted_attributes([theta.copy()], [so_far(history)]),
                    last=history.n_epochs == history.n_planned,
                )

        seed = int(rng.randint(np.iinfo(np.int32).max))
        # an int random_state gives every partial_fit the same seed, but not the same masks
        generator = np.random.default_rng([seed, member["t"]] if run.incremental else seed)
        validate = None if run.score is None else partial(run.score, workers, theta)
        try:
            history = train(
                workers, theta, optimizer, run.data, plan, generator,
                lambda: start(copy.deepcopy(before)), validate, after_epoch,
            )  # fmt: skip
        finally:
            workers.close()
        trained = so_far(history)
        if run.incremental:
            trained["optimizer_state"] = optimizer.state
        with run.lock:
            callbacks.end(lambda: fitted_attributes([theta], [trained]))
        return (theta, trained), history

    def _optimizer(self, network: Network) -> Optimizer:
        """Return the optimiser of a network, before its first step."""
        return Optimizer(
            solver=resolve(self.solver, SOLVERS),
            n_parameters=network.layout.size,
            dtype=network.dtype,
            alpha=self.alpha,
            clip_norm=self.clip_norm,
        )
