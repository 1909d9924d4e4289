"""The LSTM: it reads a window of a series and says how far the anchor will be off.

Its head begins at zero, so that before the first step the forecast is the anchor's. It runs
through the same network, kernels and training as the other estimators; an origin is a sample,
its window a sequence, and the anchor's errors over the horizon its targets. Targets beyond
the end of what is known are NaN: they have no loss.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sklstm._input.sequences import NetworkInput, SequenceDataset, Targets
from sklstm._network.network import Network
from sklstm._network.parameters import ParameterLayout
from sklstm._network.spec import NetworkSpec
from sklstm._training.optimizer import Optimizer
from sklstm._training.training import TrainingSet, TrainingSettings, train
from sklstm._training.workers import Workers
from sklstm.components.cells import LSTM
from sklstm.components.losses import AbsoluteError
from sklstm.components.schedules import SCHEDULES, Constant
from sklstm.components.solvers import AdamW

_DTYPE = np.dtype(np.float32)
_ORIGINS_A_CHUNK = 4096  # windows that exist at the same time in prediction

# series (n,), origins (n,), horizon -> forecasts (n, horizon)
AnchorForecast = Callable[[NDArray[np.int64], NDArray[np.int64], int], NDArray[np.float64]]


@dataclass(frozen=True)
class Branch:
    """An anchor and what the network sees of the series, all series one behind the other.

    total is the number of observations of the panel. Origins are positions in it, the last
    observation that a forecast knows; `series` (n,) says which series an origin belongs to.
    """

    x: NDArray[np.float64]  # (total,): what the windows are cut from
    level: NDArray[np.float64]  # (total,): what a window that ends there is relative to
    anchor: AnchorForecast  # of x
    scale: NDArray[np.float64]  # (n_series,)
    begin: NDArray[np.int64]  # (n_series,): first observation
    first: NDArray[np.int64]  # (n_series,): first origin to learn from
    end: NDArray[np.int64]  # (n_series,): behind the last observation to learn from
    window: int
    features: NDArray[np.float64]  # (n_series, k): what does not change with time

    def windows(self, series: NDArray, origins: NDArray) -> SequenceDataset:
        """One window for each origin, shorter near the beginning of its series."""
        lengths = np.minimum(self.window, origins - self.begin[series] + 1)
        last = np.cumsum(lengths)
        first = last - lengths
        owner = np.repeat(np.arange(len(origins)), lengths)
        positions = np.arange(int(last[-1])) - first[owner] + (origins - lengths + 1)[owner]
        values = (self.x[positions] - self.level[origins][owner]) / self.scale[series][owner]
        return SequenceDataset(values[:, np.newaxis], first, last)

    def target(self, series: NDArray, origins: NDArray, horizon: int) -> NDArray[np.float64]:
        """Errors of the anchor (n, horizon) in units of the series' scale; NaN: not known yet."""
        positions = origins[:, np.newaxis] + np.arange(1, horizon + 1)
        known = positions < self.end[series][:, np.newaxis]
        came = self.x[np.where(known, positions, 0)]
        errors = (came - self.anchor(series, origins, horizon)) / self.scale[series][:, np.newaxis]
        return np.where(known, errors, np.nan)

    def filled_windows(self, series: NDArray, origins: NDArray, window: int) -> NDArray[np.float64]:
        """Windows of full length (n, window), zeros before the series begins."""
        positions = origins[:, np.newaxis] + np.arange(1 - window, 1)
        known = positions >= self.begin[series][:, np.newaxis]
        values = self.x[np.where(known, positions, 0)] - self.level[origins][:, np.newaxis]
        return np.where(known, values / self.scale[series][:, np.newaxis], 0.0)


@dataclass(frozen=True)
class Settings:
    """How the network is built and trained."""

    horizon: int
    hidden_size: int
    num_layers: int
    batch_size: int
    max_steps: int
    steps_a_round: int  # steps between two looks at the hold-out
    learning_rate_init: float
    learning_rate: str
    dropout: float
    alpha: float
    clip_norm: float | None


class Corrector:
    """A network for one branch: its shape and parameters. Scratch space is made when it is used."""

    def __init__(
        self, settings: Settings, skip: bool, window: int, n_features: int, seed: int
    ) -> None:
        self.settings = settings
        self.skip = skip
        self._seed = seed
        self._spec = NetworkSpec(
            n_channels=1,
            cell=LSTM(),
            hidden_size=settings.hidden_size,
            num_layers=settings.num_layers,
            bidirectional=False,
            pooling=("last",),
            n_outputs=settings.horizon,
            loss=AbsoluteError(),
            n_static=n_features + (window if skip else 0),
        )
        self.theta = np.zeros(ParameterLayout(self._spec).size, _DTYPE)
        self.loss_curve: list[float] = []

    def fit(
        self,
        branch: Branch,
        n_rounds: int,
        n_threads: int = 1,
        after_round: Callable[[Workers], object] = lambda workers: None,
    ) -> Corrector:
        """Train from the start for so many rounds; the rate is that of a full training."""
        workers = Workers(Network(self._spec, _DTYPE), n_threads)
        try:
            self._train(branch, n_rounds, workers, after_round)
        finally:
            workers.close()
        return self

    def _train(
        self,
        branch: Branch,
        n_rounds: int,
        workers: Workers,
        after_round: Callable[[Workers], object],
    ) -> None:
        settings, layout = self.settings, workers.network.layout
        theta = layout.initial(np.random.RandomState(self._seed))
        for name, view in layout.views(theta).items():
            if name.startswith("head"):
                view[...] = 0.0
        self.theta = theta.astype(_DTYPE)
        optimizer = Optimizer(
            solver=AdamW(),
            decays=layout.decays(_DTYPE),
            alpha=settings.alpha,
            clip_norm=settings.clip_norm,
        )
        rng = np.random.default_rng(self._seed)
        self.loss_curve = []
        draws = _Draws(branch, rng)
        for round_ in range(n_rounds):
            series, origins = draws.take(settings.batch_size * settings.steps_a_round)
            history = train(
                workers, self.theta, optimizer, self._training_set(branch, series, origins),
                self._recipe(round_, len(origins)), rng,
            )  # fmt: skip
            if history.diverged:
                break
            self.loss_curve += history.loss_curve
            after_round(workers)

    def predict(
        self,
        branch: Branch,
        series: NDArray,
        origins: NDArray,
        workers: Workers | None = None,
    ) -> NDArray[np.float64]:
        """Corrections (n, horizon), in the units of the series."""
        workers = workers or Workers(Network(self._spec, _DTYPE))
        workers.network.pack(self.theta)
        out = np.empty((len(origins), self.settings.horizon))
        for first in range(0, len(origins), _ORIGINS_A_CHUNK):
            part = slice(first, first + _ORIGINS_A_CHUNK)
            inputs = self._input(branch, series[part], origins[part])
            raw = workers.predict(inputs, np.arange(inputs.data.n_samples))
            out[part] = raw * branch.scale[series[part]][:, np.newaxis]
        return out

    def _training_set(self, branch: Branch, series: NDArray, origins: NDArray) -> TrainingSet:
        target = branch.target(series, origins, self.settings.horizon)
        return TrainingSet(
            self._input(branch, series, origins),
            np.arange(len(origins)),
            Targets.one_each(target.astype(_DTYPE), np.ones(len(origins))),
        )

    def _input(self, branch: Branch, series: NDArray, origins: NDArray) -> NetworkInput:
        data = branch.windows(series, origins)
        static = branch.features[series]
        if self.skip:
            filled = branch.filled_windows(series, origins, branch.window)
            static = np.hstack([static, filled])
        static = static.astype(_DTYPE)
        return NetworkInput.of(
            data, 1, None, np.zeros(data.n_channels), np.ones(data.n_channels), static
        )

    def _recipe(self, round_: int, n_origins: int) -> TrainingSettings:
        settings = self.settings
        first = round_ * settings.steps_a_round
        middle = first + settings.steps_a_round // 2
        return TrainingSettings(
            batch_size=settings.batch_size,
            n_epochs=1,
            schedule=Constant(),
            learning_rate_init=SCHEDULES[settings.learning_rate]().rate(
                settings.learning_rate_init, middle, settings.max_steps
            ),
            shuffle=True,
            dropout=settings.dropout,
            tol=0.0,
            n_iter_no_change=1,
        )


class _Draws:
    """Origins in random order, all of them before any comes again."""

    def __init__(self, branch: Branch, rng: np.random.Generator) -> None:
        counts = np.maximum(branch.end - 1 - branch.first, 0)  # at least one target each
        self._series = np.repeat(np.arange(len(counts)), counts)
        before = np.cumsum(counts) - counts
        self._origins = np.arange(len(self._series)) - before[self._series]
        self._origins += branch.first[self._series]
        self._rng = rng
        self._left = np.empty(0, np.int64)

    def take(self, n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Series and origins (n,)."""
        while len(self._left) < n:
            self._left = np.concatenate([self._left, self._rng.permutation(len(self._origins))])
        chosen, self._left = self._left[:n], self._left[n:]
        return self._series[chosen], self._origins[chosen]
