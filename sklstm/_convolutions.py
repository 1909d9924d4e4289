"""A stack of convolutions over packed batches: its buffers, and the calls of its kernels."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sklstm._kernels.convolution import (
    BEFORE,
    N_FILTERS,
    NORMALISED,
    STRIDE,
    WIDTH,
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
        self._stack, self._n_inputs, self._dtype = stack, n_inputs, np.dtype(dtype)
        layers = stack.layers
        after = layers[:, WIDTH] - 1 - layers[:, BEFORE]
        # rows of zeros between two sequences, at every layer
        self._gap = max(1, int(layers[:, BEFORE].max()), int(after.max()))
        self._stride = int(math.prod(layers[:, STRIDE]))
        normalised = layers[:, NORMALISED] == 1
        self.n_statistics = 2 * int(layers[normalised, N_FILTERS].sum())
        self._flat = self._out = self._dx = aligned(0, dtype)

    def forward(
        self, batch: PackedBatch, weight: NDArray, packed: NDArray, statistics: NDArray | None
    ) -> tuple[NDArray, NDArray[np.int64], NDArray[np.int64]]:
        """The output, and starts and lengths if it is a packed batch.

        weight (n_sequences,): in the statistics of the batch
        statistics (n_statistics,): where to write those of the batch, by which it is then
            normalised; None to normalise by the running ones and keep nothing for `backward`
        """
        stack, lengths = self._stack, batch.lengths
        n_out = -(-lengths // self._stride)
        # the last row of each sequence in one long series, see the kernels
        last = self._stride * (np.cumsum(n_out + self._gap) - 1)
        n_rows = int(last[-1]) + 1 + self._stride * self._gap + self._stride - 1
        places = self._places(n_rows, keep=statistics is not None)
        starts = batch.starts
        if not stack.pooled:
            starts = starts_of(n_out) if self._stride > 1 else starts
        n = int(stack.layers[-1, N_FILTERS])
        shape = (len(lengths) if stack.pooled else int(n_out.sum()), n)
        self._out = _at_least(self._out, math.prod(shape))
        out = self._out[: math.prod(shape)].reshape(shape)
        self._ran = batch, weight, last, n_rows, places, starts
        convolutions_forward(
            stack, batch.x, batch.starts, lengths, weight, statistics is not None,
            last, n_rows, packed, places, starts,
            self._flat, self._dx[:0] if statistics is None else statistics, out,
        )  # fmt: skip
        return out, starts, n_out

    def backward(self, dout: NDArray, packed: NDArray, need_dx: bool, dw: NDArray) -> NDArray:
        """Add the gradient of the last `forward` to dw; the gradient of its input, if needed."""
        batch, weight, last, n_rows, places, starts = self._ran
        width = lanes_of(self._dtype)
        shape = (len(batch.x) if need_dx else 0, -(-self._n_inputs // width) * width)
        self._dx = _at_least(self._dx, math.prod(shape))
        dx = self._dx[: math.prod(shape)].reshape(shape)
        convolutions_backward(
            self._stack, batch.starts, batch.lengths, weight, last, n_rows, packed, places,
            starts, need_dx, self._flat, dout, dx, dw,
        )  # fmt: skip
        return dx

    def _places(self, n_rows: int, keep: bool) -> NDArray[np.int64]:
        """Where the arrays of every layer begin in the workspace; see the kernels."""
        layers, width = self._stack.layers, lanes_of(self._dtype)
        columns = np.array([-(-self._n_inputs // width) * width, *layers[:, N_FILTERS]])
        rows = n_rows // np.cumprod([1, *layers[:, STRIDE]])
        sizes = np.stack([rows * columns] * 3 + [4 * columns], axis=1)  # y, dy, z, affine
        line = 64 // self._dtype.itemsize
        sizes = -(-sizes // line) * line
        places = np.zeros(sizes.shape, np.int64)
        if keep:
            places.ravel()[1:] = np.cumsum(sizes)[:-1]
            total = int(sizes.sum())
        else:  # input and output of a layer take turns; the others have one place for all
            largest = sizes.max(axis=0)
            places[1::2, 0] = largest[0]
            places[:, 2], places[:, 3] = 2 * largest[0], 2 * largest[0] + largest[2]
            total = int(2 * largest[0] + largest[2] + largest[3])
        self._flat = _at_least(self._flat, total)
        return places


def _at_least(array: NDArray, size: int) -> NDArray:
    return array if array.size >= size else aligned(size, array.dtype)
