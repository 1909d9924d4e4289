"""A stack of convolutions over packed batches: its buffers, and the calls of its kernels."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sklstm._input.sequences import PackedBatch
from sklstm._kernels.batch_norm import Together
from sklstm._kernels.convolution import (
    BEFORE,
    DILATION,
    N_FILTERS,
    STRIDE,
    WIDTH,
    Series,
    Stack,
    convolutions_backward,
    convolutions_forward,
    lay_out_series,
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
        self._stack, self._dtype = stack, np.dtype(dtype)
        layers, line = stack.layers, 64 // self._dtype.itemsize
        span = (layers[:, WIDTH] - 1) * np.maximum(layers[:, DILATION], 1)
        after = span - layers[:, BEFORE]
        # rows of zeros between two sequences, at every layer
        self._gap = max(1, int(layers[:, BEFORE].max()), int(after.max()))
        # by how much the input is longer than each level, (n_levels,)
        self._shrinks = np.cumprod([1, *layers[:, STRIDE]])
        self._n_inputs = filled(n_inputs, lanes_of(dtype))
        self._columns = np.array([self._n_inputs, *layers[:, N_FILTERS]])  # of each level
        self._of_affine = filled(4 * self._columns, line)
        self._line = line
        self._flat = self._out = self._dx = aligned(0, dtype)
        self._laid_out = b"", False  # the lengths and `keep` for which the series below is
        self._forward: tuple[Any, ...]  # arguments of the kernels
        self._backward: tuple[Any, ...]

    def prepare(
        self,
        batch: PackedBatch,
        weight: NDArray,
        packed: NDArray,
        together: Together,
        keep: bool,
    ) -> tuple[NDArray, NDArray[np.int64], NDArray[np.int64]]:
        """Return what `forward` will write, and starts and lengths if it is a packed batch.

        weight (n_sequences,): in the statistics of the batch
        keep: whether `backward` follows
        """
        laid_out = batch.lengths.tobytes(), keep
        if laid_out != self._laid_out:
            self._lay_out(batch, keep)
            self._laid_out = laid_out
        stack, series, lengths = self._stack, self._series, self._series.n_steps[-1]
        n_out = len(lengths) if stack.pooled else int(series.out_starts[-1])
        self._out, out = _room(self._out, n_out, stack.layers[-1, N_FILTERS])
        self._weight, self._together, self._packed = weight, together, packed
        self._forward = stack, series, batch.x, weight, together, packed, self._flat, out
        return out, series.out_starts, lengths

    def forward(self) -> Generator[None, None, None]:
        """Compute what `prepare` gave; pause where it needs the statistics of the other chunks."""
        waiting = -1
        while (waiting := convolutions_forward(*self._forward, waiting)) >= 0:
            yield

    def prepare_backward(self, dout: NDArray, need_dx: bool, need_dw: bool, dw: NDArray) -> NDArray:
        """Return where `backward` writes the gradient of the input, if needed.

        dout: of what `prepare` gave, read by `backward`
        need_dw: whether dw is wanted; else it is scratch
        """
        n_rows = int(self._series.starts[-1]) if need_dx else 0
        self._dx, dx = _room(self._dx, n_rows, self._n_inputs)
        self._backward = (
            self._stack, self._series, self._weight, self._together, self._packed,
            need_dx, need_dw, self._flat, dout, dx, dw,
        )  # fmt: skip
        return dx

    def backward(self) -> Generator[None, None, None]:
        """Add the gradients of the last `forward` to those prepared; pause as `forward` does."""
        waiting = -1
        while (waiting := convolutions_backward(*self._backward, waiting)) >= 0:
            yield

    def _lay_out(self, batch: PackedBatch, keep: bool) -> None:
        """Lay the sequences out as one long series, see the kernel."""
        n_levels, n_sequences = len(self._shrinks), len(batch.lengths)
        n_steps, first = np.empty((2, n_levels, n_sequences), np.int64)
        places = np.empty((n_levels, 5), np.int64)
        total = lay_out_series(
            batch.lengths, self._shrinks, self._gap, self._columns, self._of_affine, self._line,
            keep, n_steps, first, places,
        )  # fmt: skip
        if self._flat.size < total:
            self._flat = aligned(total, self._dtype)
        out_starts = batch.starts if self._shrinks[-1] == 1 else starts_of(n_steps[-1])
        self._series = Series(n_steps, first, batch.starts, out_starts, places)


def _room(array: NDArray, n_rows: int, n_columns: int) -> tuple[NDArray, NDArray]:
    """Return the array, or a larger one, and a view (n_rows, n_columns) of it."""
    size = int(n_rows) * int(n_columns)
    if array.size < size:
        array = aligned(size, array.dtype)
    return array, array[:size].reshape(n_rows, n_columns)
