"""A stack of convolutions over packed batches: its buffers, and the calls of its kernels."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sklstm._input.sequences import PackedBatch
from sklstm._kernels.batch_norm import Together
from sklstm._kernels.convolution import (
    BEFORE,
    DILATION,
    DY,
    N_FILTERS,
    N_ROWS,
    OWNER,
    STRIDE,
    WIDTH,
    Series,
    Stack,
    Y,
    convolutions_backward,
    convolutions_forward,
)
from sklstm._kernels.simd import aligned, lanes_of
from sklstm._network.packing import filled


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


class ConvolutionBuffers:
    """A stack in the hands of one worker; its buffers grow to the largest chunk they have seen."""

    def __init__(self, stack: Stack, n_inputs: int, dtype: DTypeLike) -> None:
        self._stack, self._n_inputs, self._dtype = stack, n_inputs, np.dtype(dtype)
        layers = stack.layers
        span = (layers[:, WIDTH] - 1) * np.maximum(layers[:, DILATION], 1)
        after = span - layers[:, BEFORE]
        # rows of zeros between two sequences, at every layer
        self._gap = max(1, int(layers[:, BEFORE].max()), int(after.max()))
        self._shrinks = np.cumprod([1, *layers[:, STRIDE]])  # (n_layers + 1,)
        self._flat = self._out = self._dx = aligned(0, dtype)
        # for which the series below is laid out
        self._lengths, self._keeps = np.empty(0, np.int64), False

    def forward(
        self,
        batch: PackedBatch,
        weight: NDArray,
        packed: NDArray,
        together: Together,
        keep: bool,
    ) -> Generator[None, None, tuple[NDArray, NDArray[np.int64], NDArray[np.int64]]]:
        """Return the output, and starts and lengths if it is a packed batch.

        It pauses where it needs the statistics of the other chunks.

        weight (n_sequences,): in the statistics of the batch
        keep: whether `backward` follows
        """
        if keep != self._keeps or not np.array_equal(self._lengths, batch.lengths):
            self._lay_out(batch, keep)
            self._lengths, self._keeps = batch.lengths, keep
        stack, lengths = self._stack, self._series.n_steps
        x = self._array(0, Y, self._n_inputs)
        x[:] = 0.0
        x[self._input_rows] = batch.x
        n_out = len(lengths) if stack.pooled else len(self._output_rows)
        self._out, out = _room(self._out, n_out, stack.layers[-1, N_FILTERS])
        self._weight, self._together = weight, together
        waiting = -1
        while (
            waiting := convolutions_forward(
                stack, self._series, weight, together, packed, self._flat, out, waiting
            )
        ) >= 0:
            yield
        if not stack.pooled:
            y = self._array(-1, Y, out.shape[1])
            np.take(y, self._output_rows, axis=0, out=out, mode="clip")
        return out, self._starts, lengths

    def backward(
        self, dout: NDArray, packed: NDArray, need_dx: bool, need_dw: bool, dw: NDArray
    ) -> Generator[None, None, NDArray]:
        """Add the gradient of the last `forward` to dw; return that of its input, if needed.

        It pauses as `forward` does.

        need_dw: whether dw is wanted; else it is scratch
        """
        if not self._stack.pooled:
            self._array(-1, DY, dout.shape[1])[self._output_rows] = dout
        waiting = -1
        while (
            waiting := convolutions_backward(
                self._stack, self._series, self._weight, self._together, packed, need_dx,
                need_dw, self._flat, dout, dw, waiting,
            )
        ) >= 0:  # fmt: skip
            yield
        dx = self._array(0, DY, filled(self._n_inputs, lanes_of(self._dtype)))
        return dx[self._input_rows] if need_dx else dx[:0]

    def _array(self, layer: int, kind: np.intp, n_columns: int) -> NDArray:
        """y or dy of a layer, (n_rows, n_columns)."""
        n_rows = self._series.places[layer, N_ROWS]
        start = self._series.places[layer, kind]
        return self._flat[start : start + n_rows * n_columns].reshape(n_rows, n_columns)

    def _lay_out(self, batch: PackedBatch, keep: bool) -> None:
        """Lay the sequences out as one long series, see the kernels."""
        stride = int(self._shrinks[-1])
        n_steps = -(-batch.lengths // stride)
        # the last row of each sequence at the input: a multiple of all strides
        last = stride * (np.cumsum(n_steps + self._gap) - 1)
        n_rows = int(last[-1]) + stride * (1 + self._gap)
        self._starts = batch.starts if stride == 1 else starts_of(n_steps)
        places = np.zeros((len(self._shrinks), 8), np.int64)
        owners: list[NDArray[np.int64]] = []
        for level, shrink in enumerate(self._shrinks):
            if level > 0 and shrink == self._shrinks[level - 1]:
                places[level, OWNER:] = places[level - 1, OWNER:]
                continue
            steps = -(-batch.lengths // shrink)
            r = np.repeat(np.arange(len(steps)), steps)
            t = np.arange(len(r)) - (np.cumsum(steps) - steps)[r]
            rows = (last // shrink + 1 - steps)[r] + t
            if level == 0:
                self._input_rows = _inverse(batch.starts[t] + r, rows)
            owner = np.full(n_rows // shrink, -1)
            owner[rows] = r
            n_before = sum(map(len, owners))
            places[level, OWNER:] = n_before, len(owner), rows[0], rows[-1] + 1 - rows[0]
            owners.append(owner)
        self._output_rows = _inverse(self._starts[t] + r, rows)
        places[:, :OWNER] = self._place(places[:, N_ROWS], keep)
        self._series = Series(n_steps, np.concatenate(owners), places)

    def _place(self, n_rows: NDArray[np.int64], keep: bool) -> NDArray[np.int64]:
        """Where y, dy, z and affine of every layer begin in the workspace."""
        n_inputs = filled(self._n_inputs, lanes_of(self._dtype))
        columns = np.array([n_inputs, *self._stack.layers[:, N_FILTERS]])
        sizes = np.stack([n_rows * columns] * 3 + [4 * columns], axis=1)
        sizes = filled(sizes, 64 // self._dtype.itemsize)
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


def _inverse(places: NDArray[np.int64], values: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,): each value at its place, of which there is one."""
    out = np.empty_like(values)
    out[places] = values
    return out


def _room(array: NDArray, n_rows: int, n_columns: int) -> tuple[NDArray, NDArray]:
    """The array, or a larger one, and a view (n_rows, n_columns) of it."""
    size = int(n_rows) * int(n_columns)
    if array.size < size:
        array = aligned(size, array.dtype)
    return array, array[:size].reshape(n_rows, n_columns)
