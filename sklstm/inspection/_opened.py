"""The network of a fitted estimator, opened: in double precision, differentiated as it predicts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from sklstm._estimator.fitted import FittedNetwork
from sklstm._input.categories import decoded
from sklstm._input.containers import is_long_frame, is_pandas, shape_of
from sklstm._input.sequences import NetworkInput, PackedBatch, SequenceDataset
from sklstm._input.table import Sequences
from sklstm._input.values import check_predictions
from sklstm._network.chunk import Chunk
from sklstm._network.network import Network
from sklstm._progress import announced
from sklstm._training.workers import Workers
from sklstm.components.losses import Linear
from sklstm.inspection._response import Response

# Sequences that are explained at a time.
_ROWS = 32


def check_network(estimator: Any) -> None:
    """Refuse what is not one of the networks that are explained here."""
    if not isinstance(estimator, FittedNetwork):
        raise TypeError(
            f"{type(estimator).__name__} is not explained here, only LSTMClassifier and "
            "LSTMRegressor are. Of a pipeline or a search, pass the network in it, and X as it "
            "reaches the network."
        )


def of_one(estimator: Any, x: Any) -> Any:
    """Return one sequence as an X; one that brings its times stays as it is."""
    check_network(estimator)
    check_is_fitted(estimator)
    if isinstance(x, Sequences):
        if len(x) != 1:
            raise ValueError(f"x holds {len(x)} sequences: pass one of them, such as x[[0]].")
        return x
    # levels of another meaning than (sample, time) are those of one sequence too
    is_long = is_long_frame(x) and x.index.nlevels == 2
    if is_long and x.index.get_level_values(0).nunique() == 1:
        return x
    row = _row(estimator, x)
    if row is not None:
        data = estimator._known_sequences(row)
        return [decoded(estimator, data.values[data.begin[0] : data.end[0]])]
    n_dimensions = 2 if estimator.n_channels_in_ == 1 and shape_of(x)[1:] != (1,) else 3
    several = isinstance(x, (np.ndarray, list, tuple)) and len(x) == 1
    return x if several and len(shape_of(x)) == n_dimensions else [x]


def _row(estimator: Any, x: Any) -> Any:
    """Return a row of the 2-D X that an estimator was fitted on, as such an X; None if it is none.

    A row of one channel is a sequence as it is.
    """
    n_columns, shape = estimator.n_features_in_, shape_of(x)
    if n_columns == estimator.n_channels_in_:  # X was sequences
        return None
    if shape == (1, n_columns):
        return x
    if shape != (n_columns,) or estimator.n_channels_in_ == 1:
        return None
    return x.to_frame().T.infer_objects() if is_pandas(x) else [list(x)]


def opened_networks(estimator: Any) -> list[Network]:
    """Return the trained network of each member, for exact gradients of its raw prediction."""
    spec = replace(
        estimator._spec, loss=Linear(), truncated=False, bptt_steps=0,
        recurrent_dropout=0.0, variational_dropout=0.0,
    )  # fmt: skip
    networks = []
    for theta in estimator._thetas():
        network = Network(spec, np.float64, need_dx=True)
        network.pack(theta.astype(np.float64))
        networks.append(network)
    return networks


class Opened:
    """A fitted estimator and the samples of X that are to be explained."""

    def __init__(self, estimator: Any, X: Any, step: int) -> None:
        check_network(estimator)
        self.estimator = estimator
        self.data: SequenceDataset = estimator._known_sequences(X)
        self.inputs: NetworkInput = estimator._input(self.data)
        self._networks = opened_networks(estimator)
        self.network = self._networks[0]
        self._others: dict[Chunk, list[Chunk]] = {}  # of the other members, for each thread's chunk
        self._steps = _steps(estimator, self.data.lengths, step)
        lengths = self.inputs.lengths
        self.first = np.cumsum(lengths) - lengths  # row of each sample's first step

    def run(self, task: Callable[[NDArray[np.int64], Chunk], None], n_rows: int = _ROWS) -> None:
        """Run a task over chunks of n_rows samples, on the threads of the estimator."""
        workers = Workers(self.network, joblib.effective_n_jobs(self.estimator.n_jobs))
        try:
            with announced(self.estimator.verbose):
                workers.over_chunks(self.inputs, task, n_rows)
        finally:
            workers.close()

    def raw(self) -> NDArray[np.float64]:
        """Return the raw predictions that are explained, (n_samples, n_outputs)."""
        raw = np.empty((self.data.n_samples, self.network.spec.n_outputs))

        def predict(samples: NDArray[np.int64], chunk: Chunk) -> None:
            raw[samples] = self.predict(chunk, self.inputs.pack(samples, np.float64), samples)

        self.run(predict)
        self.check_finite(raw, None)
        return raw

    def predict(
        self, chunk: Chunk, batch: PackedBatch, samples: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return the raw predictions (n, n_outputs) of a batch of samples (n,)."""
        return self.estimator._mean_raw(self._raws(chunk, batch, samples))

    def gradient(
        self, chunk: Chunk, batch: PackedBatch, samples: NDArray[np.int64], explained: Response
    ) -> NDArray[np.float64]:
        """Return the gradient of the responses by x, (n_rows, n_channels)."""
        members = self._members(chunk)
        raws = np.zeros((len(members), len(samples), self.network.spec.n_outputs))
        if not explained.is_linear:
            raws[:] = self._raws(chunk, batch, samples)
        slope = explained.slopes(self.estimator._mean_raw(raws), samples)
        slopes = self.estimator._loss().through_mean(raws, slope) if len(members) > 1 else [slope]
        gradient = np.zeros(batch.x.shape)
        for member, of_member in zip(members, slopes, strict=True):
            gradient += self.gradient_of_raw(member, batch, samples, of_member)
        return gradient

    def gradient_of_raw(
        self, member: Chunk, batch: PackedBatch, samples: NDArray[np.int64], slope: NDArray
    ) -> NDArray[np.float64]:
        """Return the gradient of slope (n, n_outputs) * a member's raw prediction by x: a view."""
        n_read = self.network.n_read(len(batch.x), len(samples))
        of_rows = np.zeros((n_read, slope.shape[1]))
        of_rows[self._rows(batch, samples)] = slope
        return member.input_gradient(batch, of_rows)

    def _raws(
        self, chunk: Chunk, batch: PackedBatch, samples: NDArray[np.int64]
    ) -> list[NDArray[np.float64]]:
        """Return the raw predictions (n, n_outputs) of each member."""
        rows = self._rows(batch, samples)
        return [member.predict(batch)[rows] for member in self._members(chunk)]

    def _members(self, chunk: Chunk) -> list[Chunk]:
        """Return the chunk of a thread, which is that of the first member, and those of others."""
        if chunk not in self._others:
            self._others[chunk] = [Chunk(network) for network in self._networks[1:]]
        return [chunk, *self._others[chunk]]

    def _rows(self, batch: PackedBatch, samples: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the row of raw predictions that is explained, of each sample of a batch."""
        rows = np.arange(len(samples))
        return rows if self._steps is None else batch.starts[self._steps[samples]] + rows

    def of_channels(
        self, changing: NDArray, static: NDArray, categorical: NDArray | None = None
    ) -> NDArray[np.float64]:
        """Return what belongs to each value of X, (total_steps, n_channels).

        changing (total_steps, n_changing), static (n_samples, n_static): of the numbers that
            change over time and that do not; the latter stand at the first step of a sample
        categorical (total_steps, n_categorical): of the categories
        """
        estimator, roles, lengths = self.estimator, self.estimator._roles, self.data.lengths
        values = np.zeros((len(changing), self.data.n_channels))
        values[:, slice(None) if roles.changing is None else roles.changing] = changing
        values[np.ix_(np.cumsum(lengths) - lengths, roles.static)] = static
        if categorical is not None:
            values[:, estimator._categorical] = categorical
        return values[:, : estimator.n_channels_in_]  # times are no values

    def check_finite(self, values: NDArray, n_rows: NDArray[np.int64] | None) -> None:
        """Refuse what is not finite, by sample and value."""
        center, deviation = self.estimator.channel_mean_, self.estimator.channel_scale_
        check_predictions(values, self.data, center, deviation, n_rows)


def _steps(estimator: Any, lengths: NDArray[np.int64], step: int) -> NDArray[np.int64] | None:
    """Return the time step of each sample whose prediction is explained; None if there is one."""
    if not estimator._architecture["return_sequences"]:
        if step != -1:
            raise ValueError(
                f"step={step!r} is for networks with return_sequences=True; this one predicts once "
                "for each sequence: leave step at -1."
            )
        return None
    if not isinstance(step, (int, np.integer)):
        raise ValueError(f"step={step!r}: pass a whole number; negative ones count from the end.")
    steps = lengths + step if step < 0 else np.full(len(lengths), step)
    outside = (steps < 0) | (steps >= lengths)
    if outside.any():
        sample = int(outside.argmax())
        raise ValueError(
            f"step={step}, but sample {sample} of X has {lengths[sample]} time steps "
            f"({outside.sum()} such samples)."
        )
    return steps
