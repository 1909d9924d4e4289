"""The gradient along straight paths through the input, integrated until it adds up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sklstm._input.sequences import NetworkInput, PackedBatch, packed_rows
from sklstm._network.chunk import Chunk
from sklstm.inspection._opened import Opened
from sklstm.inspection._response import Response

# Gauss-Legendre rule of each piece of a path, on [0, 1]
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(4)
_NODES, _WEIGHTS = (_NODES + 1.0) / 2.0, _WEIGHTS / 2.0
# Pieces at a time, 32 sequences: enough to fill the kernels.
_PIECES = 8
# Pieces of a path at most, by their number and by what they take of memory, and the width of those
# that are not halved any more.
_MOST_PIECES = 4096
_KEPT_VALUES = 2**24
_NARROWEST = 2.0**-30
# A difference of predictions cannot be known better than this share of them.
_ROUNDING = 1e-12


class Paths:
    """Straight lines from baselines to samples, in what the network reads: scaled and patched.

    rows are those of the samples in turn, as the network reads them
    """

    def __init__(
        self, opened: Opened, start: NetworkInput, explained: Response, samples: NDArray[np.int64]
    ) -> None:
        """Read some samples (n,), the longest first, and their baselines."""
        self._opened, self._explained, self._samples = opened, explained, samples
        self.lengths = opened.inputs.lengths[samples]
        self._first = np.cumsum(self.lengths) - self.lengths
        self._static = opened.inputs.static[samples]
        places = packed_rows(self._first, self.lengths)
        self._start, end = (np.empty((len(places), start.width())) for _ in range(2))
        self._start[places] = start.pack(samples, np.float64).x
        end[places] = opened.inputs.pack(samples, np.float64).x
        self.change = end - self._start  # (n_rows, width)

    def rows(self, path: int) -> slice:
        """Return where a path has its rows."""
        return slice(self._first[path], self._first[path] + self.lengths[path])

    def values(self, chunk: Chunk, paths: NDArray, share: NDArray) -> NDArray[np.float64]:
        """Return the responses (n,) at shares (n,) of paths (n,), in ascending order."""
        out = np.empty(len(paths))
        most = _PIECES * len(_NODES)
        for k in range(0, len(paths), most):
            part = slice(k, k + most)
            batch, samples = self._points(paths[part], share[part])
            out[part] = self._explained.values(self._opened.predict(chunk, batch, samples), samples)
        return out

    def integrals(
        self, chunk: Chunk, paths: NDArray, low: NDArray, high: NDArray
    ) -> Iterator[NDArray[np.float64]]:
        """Yield the part (length, width) that each piece adds to the attributions.

        paths, low, high (n_pieces,): the path of each piece, in ascending order, and its ends
        """
        n_nodes = len(_NODES)
        for k in range(0, len(paths), _PIECES):
            part = slice(k, k + _PIECES)
            width = (high - low)[part]
            share = (low[part, np.newaxis] + width[:, np.newaxis] * _NODES).ravel()
            gradients = self._gradients(chunk, np.repeat(paths[part], n_nodes), share)
            first = 0
            for path, scale in zip(paths[part], width, strict=True):
                length = self.lengths[path]
                at_nodes = gradients[first : first + n_nodes * length].reshape(n_nodes, length, -1)
                first += n_nodes * length
                yield np.tensordot(scale * _WEIGHTS, at_nodes, 1) * self.change[self.rows(path)]

    def _gradients(self, chunk: Chunk, paths: NDArray, share: NDArray) -> NDArray[np.float64]:
        """Return the gradients of the responses (n_rows, width) at points, one after another."""
        batch, samples = self._points(paths, share)
        lengths = batch.lengths
        out = np.empty(batch.x.shape)
        places = packed_rows(np.cumsum(lengths) - lengths, lengths)
        out[places] = self._opened.gradient(chunk, batch, samples, self._explained)
        return out

    def _points(self, paths: NDArray, share: NDArray) -> tuple[PackedBatch, NDArray[np.int64]]:
        """Return points at shares (n,) of paths (n,) as a batch, and their samples (n,)."""
        lengths = self.lengths[paths]
        alive = np.arange(lengths[0])[:, np.newaxis] < lengths  # (n_timesteps, n)
        _, point = np.nonzero(alive)
        rows = packed_rows(self._first[paths], lengths)
        x = self._start[rows] + share[point, np.newaxis] * self.change[rows]
        starts = np.concatenate([[0], np.cumsum(alive.sum(axis=1))])
        batch = PackedBatch(x, starts, lengths, self._static[paths].astype(np.float64))
        return batch, self._samples[paths]


@dataclass(eq=False)
class _Piece:
    """A piece of a path, from one share of the change to another."""

    path: int
    low: float
    high: float
    at_low: float  # the response there
    at_high: float
    part: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))  # (length, width)
    error: float = 0.0

    def halves(self, at_middle: float) -> list[_Piece]:
        """Return the two halves, for the response between them."""
        middle = (self.low + self.high) / 2.0
        return [
            _Piece(self.path, self.low, middle, self.at_low, at_middle),
            _Piece(self.path, middle, self.high, at_middle, self.at_high),
        ]


def integrated(paths: Paths, chunk: Chunk, tol: float) -> tuple[NDArray, NDArray, NDArray]:
    """Integrate the gradient along each path until the parts add up to the change in response.

    The pieces of a path that make a third of its error are halved, until its sum is right: where
    units switch (ReLU, a maximum over time) many small errors cancel, and a steep place needs
    narrow pieces there alone.

    Returns
    -------
    attributions (n_rows, width), their sum of each path (n,), and the change in response (n,)
    """
    every = np.arange(len(paths.lengths))
    at_start = paths.values(chunk, every, np.zeros(len(every)))
    at_end = paths.values(chunk, every, np.ones(len(every)))
    change = at_end - at_start
    allowed = np.maximum(tol * np.abs(change), _ROUNDING * (np.abs(at_start) + np.abs(at_end)))
    pieces = [
        [_Piece(k, 0.0, 1.0, *ends)] for k, ends in enumerate(zip(at_start, at_end, strict=True))
    ]
    fresh = [piece for own in pieces for piece in own]
    while fresh:
        ends = (np.array([getattr(p, name) for p in fresh]) for name in ("path", "low", "high"))
        for piece, part in zip(fresh, paths.integrals(chunk, *ends), strict=True):
            piece.part, piece.error = part, part.sum() - (piece.at_high - piece.at_low)
        halved = [p for own in pieces for p in _worst(own, allowed[own[0].path])]
        middle = np.array([(p.low + p.high) / 2.0 for p in halved])
        at_middle = paths.values(chunk, np.array([p.path for p in halved], np.int64), middle)
        fresh = []
        for piece, value in zip(halved, at_middle, strict=True):
            halves = piece.halves(value)
            fresh += halves
            own = pieces[piece.path]
            own.remove(piece)
            own += halves
    attributions = np.empty(paths.change.shape)
    for path, own in enumerate(pieces):
        attributions[paths.rows(path)] = sum(piece.part for piece in own)
    return attributions, change + [sum(p.error for p in own) for own in pieces], change


def _worst(pieces: list[_Piece], allowed: float) -> list[_Piece]:
    """Return the pieces of a path that make a third of its error; none if the sum is right."""
    most = min(_MOST_PIECES, max(64, _KEPT_VALUES // pieces[0].part.size))
    if abs(sum(piece.error for piece in pieces)) <= allowed or len(pieces) >= most:
        return []
    large = sorted(pieces, key=lambda piece: -abs(piece.error))
    until = np.cumsum([abs(piece.error) for piece in large])
    worst = large[: 1 + int(np.searchsorted(until, until[-1] / 3.0))]
    return [piece for piece in worst if piece.high - piece.low > _NARROWEST]
