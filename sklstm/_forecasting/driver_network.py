"""The network that sees exogenous variables.

It reads a window of the series with the drivers beside it, then the drivers at the times to
forecast, and predicts at each of these the error of the anchor there. So the effect of a driver
may bend, have thresholds, depend on other drivers and last for some time. The static features of a
series are read at each step, since the effect of a driver may depend on them, too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sklstm._forecasting.branch import Branch
from sklstm._forecasting.correction import DTYPE, Corrector
from sklstm._forecasting.settings import NetworkSettings
from sklstm._input.sequences import NetworkInput, Reading, SequenceDataset, Targets
from sklstm._network.spec import NetworkSpec
from sklstm._training.training import TrainingSet
from sklstm._training.workers import Workers
from sklstm.components.cells import LSTM
from sklstm.components.losses import AbsoluteError
from sklstm.components.poolings import EVERY_STEP

_LONGEST_WINDOW = 336  # observations
_VALUES_PER_CHUNK = 2**22  # that are in memory at the same time in prediction


class DriverCorrector(Corrector):
    """The network that sees the drivers of a branch."""

    def __init__(
        self, settings: NetworkSettings, window: int, n_features: int, n_drivers: int, seed: int
    ) -> None:
        self._window = min(window, _LONGEST_WINDOW)
        spec = NetworkSpec(
            n_channels=2 + n_drivers + n_features,
            cell=LSTM(forget_bias=1.0),
            hidden_size=settings.hidden_size,
            num_layers=settings.num_layers,
            bidirectional=False,
            pooling=EVERY_STEP,
            n_outputs=1,
            loss=AbsoluteError(),
        )
        self._set_up(settings, spec, seed)

    def _corrections(
        self, workers: Workers, branch: Branch, series: NDArray, origins: NDArray, horizon: int = 0
    ) -> NDArray[np.float64]:
        """Predict with workers that exist, as often as needed while they train."""
        workers.network.pack(self.theta)
        horizon = horizon or self.settings.horizon
        out = np.empty((len(origins), horizon))
        n_rows = (self._window + horizon) * self._spec.n_channels
        n_rows = max(1, _VALUES_PER_CHUNK // n_rows)
        for first in range(0, len(origins), n_rows):
            part = slice(first, first + n_rows)
            inputs, _ = self._input_and_future(branch, series[part], origins[part], horizon)
            raw = workers.predict(inputs, np.arange(inputs.data.n_samples))
            last = np.cumsum(inputs.data.lengths)[:, np.newaxis] + np.arange(-horizon, 0)
            out[part] = raw[last, 0] * branch.amplitude[series[part]][:, np.newaxis]
        return out

    def _training_set(self, branch: Branch, series: NDArray, origins: NDArray) -> TrainingSet:
        """Return the windows of some origins; the future steps have the anchor's errors."""
        horizon = self.settings.horizon
        inputs, in_future = self._input_and_future(branch, series, origins, horizon)
        target = np.zeros(len(in_future))
        target[in_future] = branch.target(series, origins, horizon).ravel()
        counts = in_future & ~np.isnan(target)
        indptr = np.concatenate([[0], np.cumsum(inputs.data.lengths)])
        values = np.where(counts, target, 0.0).astype(DTYPE)[:, np.newaxis]
        targets = Targets(values, counts.astype(np.float64), indptr)
        return TrainingSet(inputs, np.arange(len(origins)), targets)

    def _input_and_future(
        self, branch: Branch, series: NDArray, origins: NDArray, horizon: int
    ) -> tuple[NetworkInput, NDArray[np.bool_]]:
        """Return the sequences of some origins, and which of their steps (n_steps,) are future."""
        assert branch.drivers is not None
        n_past = self._window
        positions = origins[:, np.newaxis] + np.arange(1 - n_past, horizon + 1)
        begun = positions >= branch.begin[series][:, np.newaxis]
        in_future = np.broadcast_to(np.arange(n_past + horizon) >= n_past, positions.shape)
        past = begun & ~in_future
        x = branch.x[np.where(past, positions, 0)] - branch.level[origins][:, np.newaxis]
        x = np.where(past, x / branch.scale[series][:, np.newaxis], 0.0)
        drivers = branch.drivers.at(
            positions, branch.begin[series], branch.last[series], series, n_past
        )
        features = branch.features[series][:, np.newaxis]
        features = np.broadcast_to(features, (*positions.shape, features.shape[2]))
        values = np.concatenate(
            [x[..., np.newaxis], in_future[..., np.newaxis], drivers, features], axis=2
        )
        last = np.cumsum(begun.sum(axis=1))
        data = SequenceDataset(values[begun], np.concatenate([[0], last[:-1]]), last)
        n_channels = values.shape[2]
        inputs = NetworkInput.of(data, Reading.plain(n_channels))
        return inputs, in_future[begun]
