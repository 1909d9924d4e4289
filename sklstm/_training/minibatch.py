"""A minibatch before its kernels: which samples are in which chunk, and what the network reads.

None of this depends on the parameters, so that the next minibatch can be made before the last one
has changed them.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from sklstm._input.sequences import NO_GAPS, NetworkInput, PackedBatch, packed_rows
from sklstm._network.chunk import Masks
from sklstm._network.network import Network
from sklstm._training.drawing import draw_minibatch
from sklstm._training.threads import pays
from sklstm._training.unknown import some_unknown
from sklstm._training.warping import warped
from sklstm.components.augmentation import Warping

# Chunks that wait for each other are worth it from so many times this work on.
_MEETING = 50.0
_MAX_CHUNKS = 8
# The chunks of a minibatch of up to so many sequences are normalised together.
_NORMALISED_TOGETHER = 32
# So many minibatches are made in a row, unless one has more than so many time steps: all of them
# are kept.
_ROW, _LARGE = 8, 8_000

T = TypeVar("T")


def n_chunks_of(n_sequences: int, work: float, normalised: bool = False) -> int:
    """Return the number of chunks of a minibatch: of 32 rows each, fewer in a small minibatch.

    It never depends on the number of threads. With little work (rows times parameters) a chunk
    has at least 16 rows, because each chunk costs some Python. Chunks that are normalised together
    keep all activations of the minibatch and wait for each other, so they are two at most.
    """
    if normalised and n_sequences <= _NORMALISED_TOGETHER:
        return 2 if n_sequences > 1 and pays(work, _MEETING) else 1
    rows = 32 if n_sequences >= 64 else 16
    if n_sequences < 32 and pays(work, 2.0):
        rows = 8
    return max(1, min(_MAX_CHUNKS, n_sequences // rows))


class Part(NamedTuple):
    """A chunk of a minibatch as the network reads it."""

    batch: PackedBatch
    target: NDArray  # (n_read, n_targets)
    weight: NDArray  # (n_read,)
    masks: Masks


class Minibatch:
    """A minibatch, split into chunks."""

    def __init__(
        self,
        network: Network,
        inputs: NetworkInput,
        samples: NDArray[np.int64],
        target: NDArray,
        weight: NDArray,
        dropout: float,
        rng: np.random.Generator,
        warping: Warping | None = None,
        lenders: NDArray[np.int64] = NO_GAPS,
    ) -> None:
        """Draw what is random, and read the chunks if one thread needs all of them.

        target (n_rows, n_targets) and weight (n_rows,) are those of samples (n,), in their
        order: a row for each, or one for each time step. The loss is the sum of weight * loss.
        warping: how the sequences are changed; None for not at all
        lenders (n,): whose gaps the samples have too, see `SequenceDataset.borrowing`
        """
        self._network, self._inputs, self._samples = network, inputs, samples
        self._target, self._weight = target, weight
        lengths = inputs.lengths[samples]
        order = np.argsort(-lengths, kind="stable")
        self.n_steps = int(lengths.sum())
        self.work = float(self.n_steps) * network.layout.n_packed
        self.n_chunks = n = n_chunks_of(len(samples), self.work, network.n_statistics > 0)
        # every n-th row, so that all chunks hold sequences of similar lengths
        self._chunks = [order[k::n] for k in range(n)]
        self._steps = -(-lengths // network.spec.stride)
        self._drawn = draw_minibatch(
            network, [lengths[chunk] for chunk in self._chunks],
            [self._steps[chunk] for chunk in self._chunks],
            dropout, warping, bool(inputs.unknown_rates), rng,
        )  # fmt: skip
        self._lenders = lenders
        self.warps = warping is not None
        self.reads_codes = inputs.codes is not None
        # whether the chunks are normalised by the same statistics
        self.shares = network.n_statistics > 0 and len(samples) <= _NORMALISED_TOGETHER
        self._parts = [self._read(k) for k in range(n)] if self.shares else []

    def part(self, k: int) -> Part:
        """Return the k-th chunk as the network reads it."""
        return self._parts[k] if self._parts else self._read(k)

    def _read(self, k: int) -> Part:
        """Gather the samples of the k-th chunk, and change them as it was drawn."""
        network, inputs, chunk, drawn = self._network, self._inputs, self._chunks[k], self._drawn
        lenders = self._lenders[chunk] if len(self._lenders) else self._lenders
        batch = inputs.pack(self._samples[chunk], network.dtype, lenders)
        batch = warped(batch, drawn.warps[k], inputs.reading.n_values)
        if batch.codes is not None and drawn.unknown:
            codes = some_unknown(batch.codes, inputs.unknown_rates, drawn.unknown[k])
            batch = batch._replace(codes=codes)
        rows = chunk
        if network.spec.per_step:
            first = np.cumsum(self._steps) - self._steps
            rows = packed_rows(first[chunk], self._steps[chunk])
        return Part(batch, self._target[rows], self._weight[rows], drawn.masks[k])


class Ahead(Generic[T]):
    """Minibatches in turn. Some are made in a row, and the next can be prepared ahead of time.

    The first of a row takes several times as long as the next ones: the kernels before it have
    filled the caches of the processor.
    """

    def __init__(
        self, minibatches: Iterator[tuple[Minibatch, float]], prepare: Callable[[Minibatch], T]
    ) -> None:
        """Take an iterator that makes each minibatch, with its weight, when it is asked."""
        self._minibatches, self._prepare = minibatches, prepare
        self._made: deque[tuple[Minibatch, float]] = deque()
        self._prepared: list[tuple[T, float]] = []  # at most one

    @property
    def is_prepared(self) -> bool:
        """Whether the next minibatch is."""
        return len(self._prepared) > 0

    def prepare(self, is_waiting: Callable[[], bool]) -> None:
        """Prepare the next minibatch, if there is one; make others while this thread waits."""
        if not self._made:
            self._make()
        self._prepare_next()
        while is_waiting() and self._make():
            pass

    def _make(self) -> bool:
        """Make one more, unless there are enough; return whether it was made."""
        enough = 1 if self._made and self._made[-1][0].n_steps > _LARGE else _ROW
        made = list(itertools.islice(self._minibatches, 1 if len(self._made) < enough else 0))
        self._made += made
        return len(made) > 0

    def _prepare_next(self) -> None:
        """Prepare the first one that is made, unless the next is prepared already."""
        if self._made and not self._prepared:
            minibatch, weight_sum = self._made.popleft()
            self._prepared.append((self._prepare(minibatch), weight_sum))

    def __iter__(self) -> Iterator[tuple[T, float]]:
        return self

    def __next__(self) -> tuple[T, float]:
        if not self._prepared and not self._made:
            while self._make():
                pass
        self._prepare_next()
        if not self._prepared:
            raise StopIteration
        return self._prepared.pop()
