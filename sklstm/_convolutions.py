"""A stack of convolutions over packed batches: its buffers, and the calls of its kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sklstm._kernels.convolution import (
    BEFORE,
    N_FILTERS,
    STRIDE,
    WIDTH,
    Series,
    Stack,
    convolutions_backward,
    convolutions_forward,
)
from sklstm._kernels.simd import aligned, lanes_of
from sklstm._sequences import PackedBatch


def starts_of(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """First row of every time step of a packed batch (n_timesteps + 1,), lengths descending."""
    n_live = np.searchsorted(-lengths, -np.arange(lengths[0]))  # longer than t
    starts = np.zeros(len(n_live) + 1, np.int64)
    np.cumsum(n_live, out=starts[1:])
    return starts


def kept_per_row(stack: Stack) -> int:
    """Elements that a stack keeps for each row of its input."""
    shrinks = np.cumprod(stack.layers[:, STRIDE])
    return int((3 * stack.layers[:, N_FILTERS] // shrinks).sum())


class Convolutions:
    """A stack in the hands of one worker; its buffers grow to the largest chunk they have seen."""

    def __init__(self, stack: Stack, n_inputs: int, dtype: DTypeLike) -> None:
        self._stack, self._dtype = stack, np.dtype(dtype)
        self._width = lanes_of(self._dtype)
        self._n_inputs = _filled(n_inputs, self._width)
        layers = stack.layers
        after = layers[:, WIDTH] - 1 - layers[:, BEFORE]
        # rows of zeros between two sequences, at every layer
        self._gap = max(1, int(layers[:, BEFORE].max()), int(after.max()))
        self._shrinks = np.cumprod([1, *layers[:, STRIDE]])  # (n_layers + 1,)
        self._flat = self._out = self._dx = aligned(0, dtype)
        self._chunk: tuple[NDArray, bool] | None = None

    def forward(
        self, batch: PackedBatch, weight: NDArray, packed: NDArray, statistics: NDArray | None
    ) -> tuple[NDArray, NDArray[np.int64], NDArray[np.int64]]:
        """The output, and starts and lengths if it is a packed batch.

        weight (n_sequences,): in the statistics of the batch
        statistics (n_statistics,): where to write those of the batch, by which it is then
            normalised; None to normalise by the running ones and keep nothing for `backward`
        """
        keep, stack = statistics is not None, self._stack
        if (
            self._chunk is None
            or self._chunk[1] != keep
            or not np.array_equal(self._chunk[0], batch.lengths)
        ):
            self._chunk = batch.lengths, keep
            self._series, self._starts = self._lay_out(batch, keep)
        lengths = self._series.n_steps
        n_out = len(lengths) if stack.pooled else self._starts[-1]
        self._out, out = _room(self._out, n_out, stack.layers[-1, N_FILTERS])
        self._weight = weight
        convolutions_forward(
            stack, self._series, batch.x, weight, keep, packed, self._flat,
            self._dx[:0] if statistics is None else statistics, out,
        )  # fmt: skip
        return out, self._starts, lengths

    def backward(self, dout: NDArray, packed: NDArray, need_dx: bool, dw: NDArray) -> NDArray:
        """Add the gradient of the last `forward` to dw; the gradient of its input, if needed."""
        n_rows = int(self._series.source.max()) + 1 if need_dx else 0
        self._dx, dx = _room(self._dx, n_rows, self._n_inputs)
        convolutions_backward(
            self._stack, self._series, self._weight, packed, need_dx, self._flat, dout, dx, dw
        )
        return dx

    def _lay_out(self, batch: PackedBatch, keep: bool) -> tuple[Series, NDArray[np.int64]]:
        """The series of a chunk, and the starts of the packed output."""
        stride = int(self._shrinks[-1])
        n_steps = -(-batch.lengths // stride)
        # the last row of each sequence at the input: a multiple of all strides
        last = stride * (np.cumsum(n_steps + self._gap) - 1)
        n_rows = int(last[-1]) + stride * (1 + self._gap)
        starts = batch.starts if stride == 1 else starts_of(n_steps)
        places = np.zeros((len(self._shrinks), 8), np.int64)
        owners: list[NDArray[np.int64]] = []
        for level, shrink in enumerate(self._shrinks):
            if level > 0 and shrink == self._shrinks[level - 1]:
                places[level, 4:] = places[level - 1, 4:]
                continue
            steps = -(-batch.lengths // shrink)
            r = np.repeat(np.arange(len(steps)), steps)
            t = np.arange(len(r)) - (np.cumsum(steps) - steps)[r]
            rows = (last // shrink + 1 - steps)[r] + t
            if level == 0:
                source = _scattered(rows, batch.starts[t] + r, n_rows)
            places[level, 4:] = (
                sum(map(len, owners)),
                n_rows // shrink,
                rows[0],
                rows[-1] + 1 - rows[0],
            )
            owners.append(_scattered(rows, r, n_rows // shrink))
        target = _scattered(rows, starts[t] + r, n_rows // stride)
        places[:, :4] = self._place(places[:, 5], keep)
        return Series(n_steps, np.concatenate(owners), source, target, places), starts

    def _place(self, n_rows: NDArray[np.int64], keep: bool) -> NDArray[np.int64]:
        """Where y, dy, z and affine of every layer begin in the workspace."""
        columns = np.array([self._n_inputs, *self._stack.layers[:, N_FILTERS]])
        sizes = np.stack([n_rows * columns] * 3 + [4 * columns], axis=1)
        sizes = _filled(sizes, 64 // self._dtype.itemsize)
        if keep:
            places = np.cumsum(sizes) - sizes.ravel()
            total = int(sizes.sum())
        else:  # input and output of a layer take turns; of the others there is one
            y, _, z, affine = sizes.max(axis=0)
            odd = np.arange(len(sizes)) % 2
            places = np.stack([odd * y, 0 * odd, 0 * odd + 2 * y, 0 * odd + 2 * y + z], axis=1)
            total = int(2 * y + z + affine)
        if self._flat.size < total:
            self._flat = aligned(total, self._dtype)
        return places.reshape(sizes.shape)


def _filled(n: Any, width: int) -> Any:
    return -(-n // width) * width


def _scattered(
    rows: NDArray[np.int64], values: NDArray[np.int64], n_rows: int
) -> NDArray[np.int64]:
    """(n_rows,): values at some rows, -1 at the others."""
    out = np.full(n_rows, -1)
    out[rows] = values
    return out


def _room(array: NDArray, n_rows: int, n_columns: int) -> tuple[NDArray, NDArray]:
    """The array, or a larger one, and a view (n_rows, n_columns) of it."""
    size = int(n_rows) * int(n_columns)
    if array.size < size:
        array = aligned(size, array.dtype)
    return array, array[:size].reshape(n_rows, n_columns)
