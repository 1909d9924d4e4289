"""Tables of embeddings: which of their rows a minibatch reads, and what concerns these alone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklstm._kernels.embedding import (
    NUMBER,
    PLACE_COLUMNS,
    ROW_COLUMNS,
    embedding_backward,
    embedding_forward,
    embedding_rows,
)
from sklstm._network.spec import NetworkSpec


class Touched(NamedTuple):
    """The parameters that a minibatch concerns: all that are in no table, and the rows it reads.

    A gradient of these has the former first.
    """

    size: int
    rows: NDArray[np.int64]  # (n_rows, 5): see `ROW_COLUMNS`, behind the former


class Embeddings:
    """The tables of a network: forward by look-up, backward by adding up."""

    def __init__(self, spec: NetworkSpec, n_dense: int) -> None:
        """Lay out the vectors in a row of x; n_dense: parameters that are in no table."""
        self._n_dense = n_dense
        self._n_numeric = spec.n_numeric
        places, column = [], spec.n_numeric
        for _ in range(spec.embedded_steps):
            start = n_rows = 0
            for n_vectors, size in spec.embeddings:
                places.append([start, size, column, n_rows])
                start += n_vectors * size
                n_rows += n_vectors
                column += size
        self._places = np.array(places, np.int64).reshape(-1, len(PLACE_COLUMNS))
        self._offsets = np.full(sum(n for n, _ in spec.embeddings), -1)  # none is read

    @property
    def n_places(self) -> int:
        """Codes of a row of a batch."""
        return len(self._places)

    def write(self, codes: NDArray[np.int32], tables: NDArray, x: NDArray) -> None:
        """Write the vectors of codes (n_rows, n_places) to the last columns of x."""
        embedding_forward(codes, self._places, tables, x)

    def gradient(self, parts: list[tuple[NDArray[np.int32], NDArray]], out: NDArray) -> Touched:
        """Write the gradient of the rows that are read to out, behind that of other parameters.

        parts: of each chunk in turn the codes (n_rows, n_places), and the gradient of x (n_rows,
            n_channels or more)
        """
        most = sum(codes.size for codes, _ in parts)
        rows, counts = np.empty((most, len(ROW_COLUMNS)), np.int64), np.zeros(2, np.int64)
        for codes, _ in parts:
            embedding_rows(codes, self._places, self._offsets, rows, counts)
        rows = rows[: counts[0]]
        gradient = out[self._n_dense :][: counts[1]]
        gradient[:] = 0.0
        for codes, dx in parts:
            embedding_backward(codes, self._places, self._offsets, dx, gradient)
        self._offsets[rows[:, NUMBER]] = -1
        return Touched(self._n_dense + int(counts[1]), rows)
