"""Packing: from theta to the panels that the kernels read, and from their gradient back.

Both ways are arrays of indices into theta. A packed block is filled up to whole vectors with
zeros, which stand behind theta at the index `Packing.nothing`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sklstm._kernels.gemm import PANEL
from sklstm._kernels.packing import pack_parameters
from sklstm._kernels.simd import aligned, lanes_of
from sklstm._network.parameters import ParameterLayout


def filled(n: Any, width: int) -> Any:
    """Round a number, or each of an array, up to a multiple of width."""
    return -(-n // width) * width


class Packing:
    """The packed parameters of one network in one precision, grown block by block."""

    def __init__(self, layout: ParameterLayout, dtype: DTypeLike) -> None:
        self.dtype = np.dtype(dtype)
        self.lanes = lanes_of(self.dtype)
        self.line = 64 // self.dtype.itemsize  # values of a cache line
        self.nothing = layout.n_packed
        self.gradient_size = 0
        self._parts: list[NDArray[np.intp]] = []
        self._size = 0
        # the place in the packed gradient of every parameter, (n_parameters,)
        self.slopes = np.empty(layout.n_packed, np.uint32)
        # theta, and behind it the zero that fills up vectors
        self.extended = np.zeros(layout.n_packed + 1, self.dtype)

    # --- growing --------------------------------------------------------------------------
    def empty(self, *shape: int) -> NDArray[np.intp]:
        """Return a matrix that holds nothing yet."""
        return np.full(shape, self.nothing, np.intp)

    def place(self, indices: NDArray[np.intp]) -> int:
        """Add a block to the packed parameters at the next cache line; return its start."""
        start = self._size
        size = filled(indices.size, self.line)
        self._parts += [indices.ravel(), self.empty(size - indices.size)]
        self._size += size
        return start

    def place_panels(self, matrix: NDArray[np.intp]) -> int:
        """Add a matrix in panels of columns; return its start."""
        return self.place(self.panels(matrix))

    def place_gradient(self, matrix: NDArray[np.intp], stride: int) -> int:
        """Add the gradient of a matrix, whose rows are a stride apart; return its start."""
        start = self.gradient_size
        rows, columns = np.nonzero(matrix < self.nothing)
        self.slopes[matrix[rows, columns]] = start + rows * stride + columns
        self.gradient_size += filled(len(matrix) * stride, self.line)
        return start

    def panels(self, matrix: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return columns in panels (n_panels, n_rows, 4 vectors), the last one filled up."""
        n_rows, n_columns = matrix.shape
        wide = PANEL * self.lanes
        n_panels = -(-n_columns // wide)
        full = self.empty(n_rows, n_panels * wide)
        full[:, :n_columns] = matrix
        return full.reshape(n_rows, n_panels, wide).transpose(1, 0, 2)

    def odd_lines(self, n: int) -> int:
        """Round n values up to an odd number of cache lines."""
        lines = math.ceil(n / self.line)
        return (lines + 1 - lines % 2) * self.line

    def close(self) -> None:
        """Make the index of what was placed, and the array that the kernels read."""
        self.sources = np.concatenate(self._parts).astype(np.uint32)  # (packed size,)
        self._parts = []
        self.packed = aligned(self._size, self.dtype)

    def tables(self, packed: NDArray) -> NDArray:
        """Return the tables of embeddings in what `pack_anew` gave, one after another: a view."""
        return packed[self._size :]

    # --- packing --------------------------------------------------------------------------
    def pack(self, theta: NDArray) -> None:
        """Bring the parameters (n_parameters,) into the packed array, but no tables."""
        self.extended[:-1] = theta[: self.nothing]
        pack_parameters(self.extended, self.sources, self.packed)

    def pack_anew(self, theta: NDArray) -> NDArray:
        """Pack parameters into a new array, the tables of embeddings behind them; return it."""
        self.packed = aligned(self._size + len(theta) - self.nothing, self.dtype)
        self.tables(self.packed)[:] = theta[self.nothing :]
        self.pack(theta)
        return self.packed

    def unpacked(self, packed: NDArray) -> NDArray:
        """Return the parameters (n_parameters,) in a packed array; 0 if they are not there."""
        theta = np.zeros_like(self.extended)
        theta[self.sources] = packed[: self._size]
        return np.concatenate([theta[:-1], self.tables(packed)])
