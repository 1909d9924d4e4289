"""The gradient along straight paths through the input, integrated until it adds up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sklstm._input.sequences import NetworkInput, PackedBatch, packed_rows, steps_and_sequences
from sklstm._network.chunk import Chunk
from sklstm._network.convolutions import starts_of
from sklstm.inspection._opened import Opened
from sklstm.inspection._response import Response

# Gauss-Legendre rule of each piece of a path, on [0, 1]
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(4)
_NODES, _WEIGHTS = (_NODES + 1.0) / 2.0, _WEIGHTS / 2.0
_BEND = np.array([1.0, -1.0, -1.0, 1.0])
# Pieces at a time, 32 sequences: enough to fill the kernels.
_PIECES = 8
# Pieces of a path in the beginning: of one alone the nodes may miss the same on both sides.
_FIRST_PIECES = 2
# By how much two rules may differ, as a share of all attributions: 5% at the default `tol`. Where
# units switch the error of attributions falls with the number of pieces, not with a power of it.
_APART = 5.0  # times the square root of `tol`
# Pieces of a path at most, by their number and by what they take of memory, and the width of those
# that are not halved any more.
_MOST_PIECES = 4096
_KEPT_VALUES = 2**24
_NARROWEST = 2.0**-30
# A difference of predictions cannot be known better than this share of them.
_ROUNDING = 1e-12
_TINY = np.finfo(float).tiny


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
        self._static = start.static[samples].astype(np.float64)
        self._static_change = opened.inputs.static[samples] - self._static
        places = packed_rows(self._first, self.lengths)
        width = opened.network.spec.n_channels
        self._start, end = (np.empty((len(places), width)) for _ in range(2))
        self._start[places] = opened.network.embedded(start.pack(samples, np.float64)).x
        end[places] = opened.network.embedded(opened.inputs.pack(samples, np.float64)).x
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

    def slopes(
        self, chunk: Chunk, paths: NDArray, low: NDArray, high: NDArray
    ) -> Iterator[NDArray[np.float64]]:
        """Yield what is integrated, at the nodes of each piece: (n_nodes, length, width).

        paths, low, high (n_pieces,): the path of each piece, in ascending order, and its ends
        """
        n_nodes = len(_NODES)
        for k in range(0, len(paths), _PIECES):
            part = slice(k, k + _PIECES)
            width = (high - low)[part, np.newaxis]
            share = (low[part, np.newaxis] + width * _NODES).ravel()
            gradients = self._gradients(chunk, np.repeat(paths[part], n_nodes), share)
            first = 0
            for path in paths[part]:
                length = self.lengths[path]
                at_nodes = gradients[first : first + n_nodes * length].reshape(n_nodes, length, -1)
                first += n_nodes * length
                yield at_nodes * self.change[self.rows(path)]

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
        _, point = steps_and_sequences(lengths)
        rows = packed_rows(self._first[paths], lengths)
        x = self._start[rows] + share[point, np.newaxis] * self.change[rows]
        starts = starts_of(lengths)
        static = self._static[paths] + share[:, np.newaxis] * self._static_change[paths]
        batch = PackedBatch(x, starts, lengths, static)
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
    apart: float = 0.0  # by how much a simpler rule differs, over all values
    left: float = 0.0  # what the sum of the part lacks

    def integrate(self, slopes: NDArray[np.float64]) -> None:
        """Set the part from what is integrated, (n_nodes, length, width).

        The change in response is known. The weights of the nodes are corrected until the part adds
        up to it: where a unit switches (ReLU) it does so for all inputs at one share of the
        path, and the weights on its two sides become how much of the piece is there.
        """
        width = self.high - self.low
        sums = slopes.sum(axis=(1, 2))  # (n_nodes,)
        mean = _WEIGHTS @ sums
        deviation, missing = sums - mean, (self.at_high - self.at_low) / width - mean
        variance = _WEIGHTS @ deviation**2
        weights, self.left = _WEIGHTS, width * missing
        if np.abs(missing * deviation).max() < 2.0 * variance:
            weights, self.left = _WEIGHTS * (1.0 + missing * deviation / variance), 0.0
        self.part = np.tensordot(width * weights, slopes, 1)
        # 0 where slopes are straight: what the outer nodes say, less what the inner ones do
        self.apart = width / 4.0 * np.abs(np.tensordot(_BEND, slopes, 1)).sum()

    def halves(self, at_middle: float) -> list[_Piece]:
        """Return the two halves, for the response between them."""
        middle = (self.low + self.high) / 2.0
        return [
            _Piece(self.path, self.low, middle, self.at_low, at_middle),
            _Piece(self.path, middle, self.high, at_middle, self.at_high),
        ]


def integrated(paths: Paths, chunk: Chunk, tol: float) -> tuple[NDArray, NDArray, NDArray]:
    """Integrate the gradient along each path until the parts add up to the change in response.

    The pieces of a path where two rules differ the most are halved, until the rules agree: where
    units switch (ReLU, a maximum over time) or the response is steep, narrow pieces are needed
    there alone.

    Returns
    -------
    attributions (n_rows, width), their sum of each path (n,), and the change in response (n,)
    """
    every = np.arange(len(paths.lengths))
    shares = np.linspace(0.0, 1.0, _FIRST_PIECES + 1)
    at = np.stack([paths.values(chunk, every, np.full(len(every), share)) for share in shares])
    change = at[-1] - at[0]
    allowed = np.maximum(tol * np.abs(change), _ROUNDING * (np.abs(at[-1]) + np.abs(at[0])))
    pieces = [
        [_Piece(k, *ends) for ends in zip(shares, shares[1:], at[:, k], at[1:, k], strict=False)]
        for k in range(len(every))
    ]
    fresh = [piece for own in pieces for piece in own]
    while fresh:
        ends = (np.array([getattr(p, name) for p in fresh]) for name in ("path", "low", "high"))
        for piece, slopes in zip(fresh, paths.slopes(chunk, *ends), strict=True):
            piece.integrate(slopes)
        halved = [p for own in pieces for p in _worst(own, allowed[own[0].path], tol)]
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
    return attributions, change - [sum(p.left for p in own) for own in pieces], change


def _worst(pieces: list[_Piece], allowed: float, tol: float) -> list[_Piece]:
    """Return the pieces that make a third of what a path is off; none if it is right."""
    size = np.abs(sum(piece.part for piece in pieces)).sum()
    apart = np.array([piece.apart for piece in pieces]) / max(_APART * tol**0.5 * size, _TINY)
    left = np.array([piece.left for piece in pieces]) / max(allowed, _TINY)
    most = min(_MOST_PIECES, max(64, _KEPT_VALUES // pieces[0].part.size))
    if (apart.sum() <= 1.0 and abs(left.sum()) <= 1.0) or len(pieces) >= most:
        return []
    off = apart + np.abs(left)
    order = np.argsort(-off, kind="stable")
    until = np.cumsum(off[order])
    worst = order[: 1 + int(np.searchsorted(until, until[-1] / 3.0))]
    return [pieces[k] for k in worst if pieces[k].high - pieces[k].low > _NARROWEST]
