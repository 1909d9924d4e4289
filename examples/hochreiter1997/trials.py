"""Trials of one experiment, one in each lane, from initial weights to the last criterion."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from examples.hochreiter1997.network import LANES, Architecture, Sequences
from examples.hochreiter1997.stopping import Criterion
from examples.hochreiter1997.tasks import Draw, pick, reber_strings, split


@dataclass(frozen=True)
class Experiment:
    """A row of the paper's tables: the task, the network, and when training ends."""

    name: str  # "4"
    row: str  # "T=100"
    architecture: Architecture
    learning_rate: float
    criteria: tuple[Criterion, ...]  # each is at least as strict as the previous one
    draw: Draw | None  # None: the strings of experiment 1
    tolerance: float  # a sequence with a larger error counts as wrong
    n_trials: int
    cap: int  # sequences after which a trial has failed
    draw_test: Draw | None = None  # None: as in training
    n_test: int = 2560
    every: int = 100  # sequences between two checks of the criteria
    every_step: bool = False  # whether weights change after each step; else after each sequence
    paper: dict[str, float] = field(default_factory=dict)  # criterion: sequences in the paper
    method: str = "LSTM"


class Result(NamedTuple):
    """A line of the results file: one trial and one criterion."""

    experiment: str
    row: str
    method: str
    criterion: str
    seed: int
    success: int
    sequences: int
    n_test: int
    n_wrong: int
    mean_error: float
    cpu_seconds: float


class Trial:
    """One trial: its random numbers, sequences, errors and criteria."""

    def __init__(self, experiment: Experiment, seed: int) -> None:
        self.experiment = experiment
        self.seed = seed
        self.rng = np.random.RandomState(seed)
        self.theta = experiment.architecture.initial(self.rng)  # (n_parameters,)
        self.rate = experiment.learning_rate * experiment.architecture.trainable()
        self.n_sequences = 0
        self.streak = 0
        self.seconds = 0.0
        self.criteria = deque(experiment.criteria)
        self._errors: deque[tuple[np.ndarray, np.ndarray]] = deque(maxlen=200)
        self._waiting: deque[Sequences] = deque()
        self._rng_of_tests = np.random.RandomState([seed, 1])
        self._construction = Construction(self) if experiment.architecture.layered else None
        if experiment.draw is None:
            # there are three data sets, with ten trials each
            self._strings, legal = reber_strings(np.random.RandomState(seed // 10))
            self._legal = np.concatenate(legal).astype(bool)

    def next_round(self) -> Sequences:
        """Return the next sequences to train on."""
        experiment, n = self.experiment, self.experiment.every
        if experiment.draw is None:
            return pick(self._strings, self.rng.randint(256, size=n))
        if not self._waiting:  # drawing several rounds at once is faster
            n_rounds = max(1, min(10, 1000 // n))
            many = experiment.draw(n * n_rounds, self.rng)
            self._waiting.extend(split(many, n_rounds))
        return self._waiting.popleft()

    def observe(self, largest: np.ndarray, mean: np.ndarray) -> None:
        """Record the errors of a round, (every,) each."""
        self.n_sequences += len(largest)
        self._errors.append((largest, mean))
        right = largest < self.experiment.tolerance
        self.streak = self.streak + len(right) if right.all() else int(right[::-1].argmin())
        if self._construction:
            self._construction.observe(mean.mean())

    def last(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the errors of the last n training sequences; n is a multiple of `every`."""
        rounds = list(self._errors)[-n // self.experiment.every :]
        largest, mean = zip(*rounds, strict=True)
        return np.concatenate(largest), np.concatenate(mean)

    def errors_on_test_set(self, draw: Draw, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the errors on a new test set."""
        return run_frozen(self.experiment, self.theta, draw(n, self._rng_of_tests))

    def fraction_illegal(self) -> float:
        """Return the fraction of the 512 strings in which the network fails (experiment 1).

        It fails if at any step the output of an illegal symbol is at least that of a legal one.
        """
        outputs = np.empty((len(self._legal), 7))
        run_frozen(self.experiment, self.theta, self._strings, outputs)
        worst_legal = np.where(self._legal, outputs, np.inf).min(axis=1)
        best_illegal = np.where(self._legal, -np.inf, outputs).max(axis=1)
        begin = np.cumsum(self._strings.length) - self._strings.length
        return float(np.logical_or.reduceat(best_illegal >= worst_legal, begin).mean())

    def results(self) -> Iterator[Result]:
        """Yield a line for each criterion that has been reached since the last call, or failed."""
        experiment = self.experiment
        while self.criteria:
            needed = self.criteria[0].reached(self)
            if needed is None and self.n_sequences < experiment.cap:
                return
            yield self._result(self.criteria.popleft(), needed)

    def _result(self, criterion: Criterion, needed: int | None) -> Result:
        """Return the line of a criterion, with the errors on a new test set."""
        experiment = self.experiment
        if experiment.draw is None:
            n_test, n_wrong = 512, round(512 * self.fraction_illegal())
            mean_error = np.nan
        else:
            n_test = experiment.n_test
            draw = experiment.draw_test or experiment.draw
            fresh = draw(n_test, np.random.RandomState([self.seed, 2]))
            largest, mean = run_frozen(experiment, self.theta, fresh)
            n_wrong, mean_error = int(np.sum(largest > experiment.tolerance)), mean.mean()
        return Result(
            experiment.name, experiment.row, experiment.method, criterion.name, self.seed,
            int(needed is not None), self.n_sequences if needed is None else needed,
            n_test, n_wrong, float(f"{mean_error:.4g}"), round(self.seconds, 2),
        )  # fmt: skip


class Construction:
    """Sequential construction (experiments 2a, 2b): add the cell when errors stop falling."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self._before = np.inf
        self._weights_out = trial.experiment.architecture.views(trial.theta)["w_output"].copy()
        self._set(0.0)

    def _set(self, present: float) -> None:
        """Switch the cell on (1) or off (0), by its output weights and learning rates."""
        architecture = self._trial.experiment.architecture
        architecture.views(self._trial.theta)["w_output"][...] = present * self._weights_out
        rate = architecture.views(self._trial.rate)
        for name in ("w_input", "w_output"):
            rate[name][...] = present * self._trial.experiment.learning_rate
        rate["w_output"][:, -1] = 0.0  # there are no biases

    def observe(self, error: float) -> None:
        """Add the cell if the mean error of a round is not 1% below that of the last round."""
        if self._before < np.inf and error > 0.99 * self._before:
            self._set(1.0)
            self._before = np.inf
            self._trial._construction = None
        self._before = error


def run_frozen(
    experiment: Experiment,
    theta: np.ndarray,
    sequences: Sequences,
    outputs: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the errors of one trial on some sequences, split over all lanes, without learning."""
    network = experiment.architecture.network()
    network.theta[...] = theta[:, np.newaxis]
    largest, mean = network.run(split(sequences, LANES), learn=False, outputs=outputs)
    return largest.T.ravel(), mean.T.ravel()


def run_trials(
    experiment: Experiment,
    seeds: Iterable[int],
    on_progress: Callable[[list[Trial]], None] = lambda trials: None,
) -> Iterator[Result]:
    """Run a trial for each seed, one in each lane at a time."""
    network = experiment.architecture.network()
    waiting = deque(seeds)
    running: dict[int, Trial] = {}
    while waiting or running:
        for lane in range(LANES):
            if lane not in running and waiting:
                running[lane] = Trial(experiment, waiting.popleft())
                network.theta[:, lane] = running[lane].theta
                network.rate[:, lane] = running[lane].rate
        start = time.process_time()
        rounds = {lane: trial.next_round() for lane, trial in running.items()}
        idle = next(iter(rounds.values()))  # lanes without a trial repeat the sequences of another
        largest, mean = network.run(
            [rounds.get(lane, idle) for lane in range(LANES)],
            every_step=experiment.every_step,
        )
        for lane, trial in running.items():
            trial.theta[...] = network.theta[:, lane]
            trial.observe(largest[:, lane], mean[:, lane])
            network.theta[:, lane] = trial.theta
            network.rate[:, lane] = trial.rate
        seconds = (time.process_time() - start) / len(running)
        for lane, trial in list(running.items()):
            start = time.process_time()
            trial.seconds += seconds
            results = list(trial.results())
            trial.seconds += time.process_time() - start
            yield from results
            if not trial.criteria:
                del running[lane]
                network.rate[:, lane] = 0.0
        on_progress(list(running.values()))
