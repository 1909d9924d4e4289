"""The LSTM: it reads a window of a series and predicts the errors of an anchor.

Its head starts at zero, so that before training the forecast is that of the anchor. It uses the
same network, kernels and training as the other estimators: an origin is a sample, its window is
the sequence, and the anchor's errors over the horizon are the targets. Targets after the last
known observation are NaN and have no loss.

Nothing else in this folder knows the classes of the network.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sklstm._forecasting.branch import Branch
from sklstm._forecasting.settings import NetworkSettings
from sklstm._input.sequences import NetworkInput, Reading, Targets
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

# series (n,), origins (n,) -> corrections (n, horizon) in the scale of the model
Correction = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float64]]

DTYPE = np.dtype(np.float32)
_MAX_TIMESTEPS = 576  # in a longer window some observations are read as channels of one step
# windows, and values of windows, that are in memory at the same time in prediction
_ORIGINS_PER_CHUNK, _VALUES_PER_CHUNK = 4096, 2**22


class Corrector:
    """Shape and parameters of the network of a branch; memory to compute in is temporary."""

    def __init__(
        self,
        settings: NetworkSettings,
        skip_connection: bool,
        window: int,
        n_features: int,
        seed: int,
    ) -> None:
        self._skip_connection = skip_connection
        self._patch_size = -(-window // _MAX_TIMESTEPS)
        spec = NetworkSpec(
            n_channels=self._patch_size,
            cell=LSTM(forget_bias=1.0),
            hidden_size=settings.hidden_size,
            num_layers=settings.num_layers,
            bidirectional=False,
            pooling=("last",),
            n_outputs=settings.horizon,
            loss=AbsoluteError(),
            encoder=settings.attention,
            n_static=n_features + (window if skip_connection else 0),
        )
        self._set_up(settings, spec, seed)

    def _set_up(self, settings: NetworkSettings, spec: NetworkSpec, seed: int) -> None:
        """Keep what every corrector has."""
        self.settings = settings
        self._spec = spec
        self._seed = seed
        self.theta = np.zeros(ParameterLayout(spec).size, DTYPE)
        self.loss_curve: list[float] = []

    def fit(
        self,
        branch: Branch,
        n_rounds: int,
        n_threads: int = 1,
        after_round: Callable[[Correction], object] = lambda correction: None,
    ) -> Corrector:
        """Train from the start for n_rounds; the learning rate is that of a full training."""
        workers = Workers(Network(self._spec, DTYPE), n_threads)
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
        after_round: Callable[[Correction], object],
    ) -> None:
        """Draw origins and take training steps, round by round."""
        settings, layout = self.settings, workers.network.layout
        self.theta = layout.initial(np.random.RandomState(self._seed), DTYPE)
        for name, view in layout.views(self.theta).items():
            if name.startswith("head"):
                view[...] = 0.0
        optimizer = Optimizer(
            solver=AdamW(),
            n_parameters=layout.size,
            dtype=DTYPE,
            alpha=settings.alpha,
            clip_norm=settings.clip_norm,
        )
        rng = np.random.default_rng(self._seed)
        self.loss_curve = []
        draws = _Draws(branch, rng)
        for round_ in range(n_rounds):
            series, origins = draws.take(settings.batch_size * settings.steps_per_round)
            history = train(
                workers, self.theta, optimizer, self._training_set(branch, series, origins),
                self._training_settings(round_), rng, self.theta.copy().copy,
                is_final=round_ == n_rounds - 1,
            )  # fmt: skip
            if history.interrupted:  # half of the networks would be of no use
                raise KeyboardInterrupt
            if history.diverged:
                break
            self.loss_curve += history.loss_curve
            after_round(partial(self._corrections, workers, branch))

    def predict(
        self, branch: Branch, series: NDArray, origins: NDArray, horizon: int
    ) -> NDArray[np.float64]:
        """Return corrections (n, horizon), or of the learnt horizon, in the scale of the model."""
        workers = Workers(Network(self._spec, DTYPE))
        return self._corrections(workers, branch, series, origins, horizon)

    def _corrections(
        self, workers: Workers, branch: Branch, series: NDArray, origins: NDArray, horizon: int = 0
    ) -> NDArray[np.float64]:
        """Predict with workers that exist, as often as needed while they train.

        The horizon is always the one that the network learnt; see `DriverCorrector`.
        """
        workers.network.pack(self.theta)
        out = np.empty((len(origins), self.settings.horizon))
        n_rows = max(1, min(_ORIGINS_PER_CHUNK, _VALUES_PER_CHUNK // branch.window))
        for first in range(0, len(origins), n_rows):
            part = slice(first, first + n_rows)
            inputs = self._input(branch, series[part], origins[part])
            raw = workers.predict(inputs, np.arange(inputs.data.n_samples))
            out[part] = raw * branch.amplitude[series[part]][:, np.newaxis]
        return out

    def _training_set(self, branch: Branch, series: NDArray, origins: NDArray) -> TrainingSet:
        """Return the windows of some origins with the anchor's errors as targets."""
        target = branch.target(series, origins, self.settings.horizon)
        return TrainingSet(
            self._input(branch, series, origins),
            np.arange(len(origins)),
            Targets.one_each(target.astype(DTYPE), np.ones(len(origins))),
        )

    def _input(self, branch: Branch, series: NDArray, origins: NDArray) -> NetworkInput:
        """Return the windows, and beside them what goes straight to the head."""
        data = branch.windows(series, origins)
        static = branch.features[series]
        if self._skip_connection:
            padded = branch.padded_windows(series, origins, branch.window)
            static = np.hstack([static, padded])
        static = static.astype(DTYPE)
        return NetworkInput.of(data, Reading.plain(1, self._patch_size), static)

    def _training_settings(self, round_: int) -> TrainingSettings:
        """Return how one round is trained: once over its origins, at one learning rate."""
        settings = self.settings
        first = round_ * settings.steps_per_round
        middle = first + settings.steps_per_round // 2
        return TrainingSettings(
            batch_size=settings.batch_size,
            n_epochs=1,
            most_epochs=1,
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
    """Origins in random order; each is drawn once before any is drawn again."""

    def __init__(self, branch: Branch, rng: np.random.Generator) -> None:
        counts = branch.n_origins()
        self._series = np.repeat(np.arange(len(counts)), counts)
        before = np.cumsum(counts) - counts
        self._origins = np.arange(len(self._series)) - before[self._series]
        self._origins += branch.first[self._series]
        self._rng = rng
        self._left = np.empty(0, np.int64)

    def take(self, n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Draw n origins; return their series (n,) and positions (n,)."""
        while len(self._left) < n:
            self._left = np.concatenate([self._left, self._rng.permutation(len(self._origins))])
        chosen, self._left = self._left[:n], self._left[n:]
        return self._series[chosen], self._origins[chosen]
