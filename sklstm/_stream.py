"""Streams: a network that is fed one time step at a time and predicts after each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from sklstm._input.categories import StepEncoder
from sklstm._input.channel_selection import check_labels
from sklstm._input.containers import as_array
from sklstm._input.filling import StepFilling
from sklstm._input.sequences import PackedBatch
from sklstm._kernels.jit import entry_point
from sklstm._kernels.network import StreamPlace, Workspace, network_step
from sklstm._kernels.simd import aligned
from sklstm._network.chunk import Chunk
from sklstm._network.network import Network
from sklstm._network.spec import NetworkSpec


class Stream:
    """Predictions while sequences come in; made by ``estimator.stream``.

    After each step the prediction is what ``predict`` gives for all that the stream has seen
    since its start or `reset`, up to rounding. A stream keeps the parameters with which it
    was made. A step costs the same however long the stream is. It is for one thread at a time. A
    copy, or a stream that was pickled, goes on from the same state.

    Examples
    --------
    >>> import numpy as np
    >>> from sklstm import LSTMRegressor
    >>> X = np.sin(np.arange(400) / 5).reshape(40, 10)
    >>> model = LSTMRegressor(
    ...     bidirectional=False, scale="channel", max_iter=2, random_state=0
    ... ).fit(X, X[:, -1])
    >>> stream = model.stream()
    >>> for x in X[0]:
    ...     prediction = stream.step(x)
    >>> bool(np.allclose(prediction, model.predict(X[:1]), rtol=1e-4))
    True
    """

    def __init__(
        self,
        network: Network,
        packed: Sequence[NDArray],
        n_streams: int,
        center: NDArray[np.float64],
        deviation: NDArray[np.float64],
        decode: Callable[[NDArray], NDArray],
        mean: Callable[[Sequence[NDArray]], NDArray],
        encode: StepEncoder | None = None,
        fill: StepFilling | None = None,
        names: Sequence[Any] = (),
    ) -> None:
        """Begin streams through networks of one shape.

        packed: the parameters of each network
        center, deviation (n_numeric,): of the channels that are numbers
        mean: makes of the networks' raw predictions that of the ensemble
        encode: makes codes of the categories of a step
        fill: fills the gaps of a step
        names (n_channels,): of the channels, or their indices
        """
        spec, n_networks = network.spec, len(packed)
        self.n_streams = n_streams
        self._decode, self._mean = decode, mean
        self._network, self._packed = network, packed
        self._settings = n_streams, center, deviation, decode, mean, encode, fill, names
        self._names = names
        self._encode, self._fill = encode, fill
        self._shape = n_streams, len(encode.is_categorical) if encode else len(center)
        n_unscaled = spec.n_channels - len(center)  # columns of gaps and of embeddings
        scale = np.stack([np.pad(center, (0, n_unscaled)), np.ones(spec.n_channels)])
        scale[1, : len(deviation)] = 1.0 / deviation

        chunk = Chunk(network)
        work = chunk.workspace(n_streams, n_streams, 1, keep=False)
        place, size = _place(network, work.flat.size, n_streams)
        flat = aligned(n_networks * size, network.dtype).reshape(n_networks, size)
        flat[:] = 0.0  # the columns of features that fill up a vector, among others
        stride = network.plan.feature_stride
        features = flat[:, work.features : work.features + n_streams * stride]
        features.reshape(n_networks, n_streams, -1)[..., network.plan.n_features] = 1.0  # the bias
        self._raws = [chunk.raw(work._replace(flat=part), n_streams) for part in flat]

        every = _views(network, flat, n_streams, work, place)
        # the axis of the networks comes first if there are several
        self._states = {
            name: state if n_networks > 1 else state[0] for name, state in every.items()
        }
        if fill is not None:
            self._states["last"], self._states["ago"] = fill.before(n_streams)
        x = np.zeros((n_streams, spec.n_channels))  # one for all, or each has its embeddings
        self._x = [x] if encode is None else [x.copy() for _ in packed]
        self._arguments = self._of_each(
            flat, every["n_steps"], _record(network.plan, work, place), scale
        )
        self._run = entry_point(network_step, *self._arguments[0])
        self.reset()

    def _of_each(
        self, flat: NDArray, n_seen: NDArray[np.int64], sizes: NDArray, scale: NDArray[np.float64]
    ) -> list[tuple[Any, ...]]:
        """Return the arguments of `network_step` for each network.

        flat (n_networks, size): their memory
        n_seen (n_networks, n_streams): steps so far
        scale (2, n_channels): mean and 1 / deviation
        """
        plan = self._network.plan
        xs = self._x if self._encode else self._x * len(flat)
        return [
            (
                plan.cell, plan.norm, plan.noise, plan.readout,
                sizes, plan.scans, np.array([0, self.n_streams]),
                parameters, part, x, scale, seen,
            )
            for parameters, part, x, seen in zip(self._packed, flat, xs, n_seen, strict=True)
        ]  # fmt: skip

    def step(self, x: ArrayLike) -> NDArray:
        """Feed one time step to every stream, and predict.

        Parameters
        ----------
        x : array-like of shape (n_streams, n_channels)
            The values of this step. With one stream also (n_channels,), with one channel also
            (n_streams,), with one of both also a number. NaN is a gap if the network was fitted
            with ``missing="mask"``. If fit was given names of channels, a DataFrame, or a Series
            with one stream, must have them in the same order.

        Returns
        -------
        ndarray of shape (n_streams,) or (n_streams, n_outputs)
            What the method that the stream was made for gives for each stream.

        Raises
        ------
        ValueError
            If x has another shape or other names, or holds NaN, infinity or a value that is too
            large; the streams are then as before.
        """
        if type(x) is not np.ndarray and (self._shape[0] == 1 or hasattr(x, "columns")):
            check_labels(x, self._names, "x")
        try:
            values = np.asarray(as_array(x), np.float64 if self._encode is None else object)
        except (TypeError, ValueError) as error:
            raise ValueError(f"x is no step of numbers: {error}.") from error
        if values.shape != self._shape:
            values = self._shaped(values)
        codes, seen = None, None
        if self._encode is not None:
            values, codes = self._encode(values)
        if self._fill is not None:
            values, *seen = self._fill(values, self._states["last"], self._states["ago"])
        if codes is None:
            self._x[0][...] = values
        else:
            self._embed(values, codes)
        for arguments in self._arguments:
            if not self._run(*arguments):  # the first one: all look at the same values
                self._refuse(values)
        if seen is not None:
            self._states["last"][...], self._states["ago"][...] = seen
        return self._decode(self._mean(self._raws))

    def _embed(self, values: NDArray[np.float64], codes: NDArray[np.int32]) -> None:
        """Write numbers and the vectors of categories for each network.

        values (n_streams, n_numeric), codes (n_streams, n_categorical)
        """
        none = np.empty(0, np.int64)
        batch = PackedBatch(values, none, none, values[:, :0], codes)
        for packed, x in zip(self._packed, self._x, strict=True):
            self._network.read(packed)
            x[...] = self._network.embedded(batch).x

    def _refuse(self, values: NDArray) -> None:
        """Raise the error for a step (n_streams, n_channels) with a value that cannot be read."""
        if not np.isfinite(values).all():
            raise ValueError(
                "x holds NaN or infinity, which an LSTM cannot read: fill it in, for instance "
                "with the last value that was seen, or fit with missing='mask' and pass NaN."
            )
        largest = values.flat[np.abs(values).argmax()]
        raise ValueError(
            f"x holds {largest:.6g}, which is too far from the training data to compute with: "
            "correct the value, or leave the step out."
        )

    def __reduce__(self) -> Any:
        network = self._network
        thetas = np.stack([network.unpacked(packed) for packed in self._packed])
        return _restored, (network.spec, network.dtype, thetas, self._settings, self.state)

    def _shaped(self, values: NDArray) -> NDArray:
        """Return one step of values in the shape of the streams, or raise an error."""
        n_streams, n_channels = self._shape
        same_size = values.size == n_streams * n_channels
        if same_size and values.ndim < 2 and 1 in (n_streams, n_channels):
            return values.reshape(self._shape)
        raise ValueError(
            f"x has the shape {values.shape}; one step of {n_streams} stream(s) of {n_channels} "
            f"channel(s) is ({n_streams}, {n_channels})."
        )

    def reset(self, which: ArrayLike | None = None) -> None:
        """Start anew, as before the first step.

        Parameters
        ----------
        which : array-like of int or bool, or None, default=None
            The streams to reset; None: all.
        """
        chosen: Any = slice(None) if which is None else np.asarray(which)
        if which is not None and chosen.dtype.kind not in "iub":
            raise ValueError(
                f"which={which!r}: pass the numbers of streams, or a mask (n_streams,) of those to "
                "reset."
            )
        for name, state in self._states.items():
            start = -math.inf if name == "highest" else 0
            if name in ("last", "ago"):
                state[chosen] = math.nan if name == "last" else 0.0
            elif name == "n_steps":
                state[..., chosen] = start
            else:
                state[..., chosen, :] = start

    @property
    def state(self) -> dict[str, NDArray]:
        """All that a stream remembers, as a dict of arrays: a copy; assign one to go back."""
        return {name: state.copy() for name, state in self._states.items()}

    @state.setter
    def state(self, saved: Mapping[str, ArrayLike]) -> None:
        if not isinstance(saved, Mapping):
            raise TypeError(
                f"The state of a stream is a dict of arrays, as its attribute state gives it, not "
                f"a {type(saved).__name__}."
            )
        arrays = {name: np.asarray(array) for name, array in saved.items()}
        shapes = {name: array.shape for name, array in arrays.items()}
        expected = {name: state.shape for name, state in self._states.items()}
        if shapes != expected:
            raise ValueError(
                f"This is not the state of a stream like this one: it has the arrays {shapes}, "
                f"needed are {expected}. Make the stream from the same model with the same "
                "n_streams."
            )
        for name, state in self._states.items():
            state[...] = arrays[name]


def _restored(
    spec: NetworkSpec,
    dtype: DTypeLike,
    thetas: NDArray,
    settings: tuple[Any, ...],
    state: Mapping[str, NDArray],
) -> Stream:
    """Return a stream that was pickled; thetas (n_networks, n_parameters)."""
    network = Network(spec, dtype)
    stream = Stream(network, network.pack_each(thetas), *settings)
    stream.state = state
    return stream


def _place(network: Network, n_work: int, n_streams: int) -> tuple[StreamPlace, int]:
    """Return where each state of a stream lies behind `n_work` numbers, and the size of all."""
    line = 64 // network.dtype.itemsize  # numbers in a line of the processor's cache
    first = -(-n_work // line) * line
    n_states = n_streams * network.plan.n_hidden
    place = StreamPlace(
        total=first,
        highest=first + n_states,
        scaled=first + 2 * n_states,
        # its products with parameters, and their sums, stay far from overflow
        largest=math.sqrt(np.finfo(network.dtype).max),
    )
    return place, -(-(place.scaled + n_streams * network.spec.n_channels) // line) * line


def _views(
    network: Network, flat: NDArray, n_streams: int, work: Workspace, place: StreamPlace
) -> dict[str, NDArray]:
    """Return the states of streams by name: views of flat (n_networks, size)."""

    def states(at: int, *n_blocks: int) -> NDArray:
        shape = *n_blocks, n_streams, network.plan.n_hidden
        parts = flat[:, at : at + math.prod(shape)].reshape(len(flat), *shape)
        return parts[..., : network.spec.hidden_size]

    return {
        "h": states(work.h, network.plan.n_layers),
        "c": states(work.c, network.plan.n_layers),
        "total": states(place.total),
        "highest": states(place.highest),
        "n_steps": np.zeros((len(flat), n_streams), np.int64),
    }


def _record(*tuples: Any) -> NDArray:
    """Return the numbers of some named tuples as an array of one record, by their names."""
    values = {
        name: value
        for fields in tuples
        for name, value in fields._asdict().items()
        if isinstance(value, (int, float, np.integer))
    }
    dtype = [(n, np.float64 if isinstance(v, float) else np.int64) for n, v in values.items()]
    return np.array([tuple(values.values())], dtype)
