"""Minibatches on threads: chunks of rows, each through the whole network in one kernel call.

How a minibatch is split depends on its size alone, and the chunks' gradients are summed in
their order. So the number of threads changes the time, and not one bit of the result.

Batch normalisation needs statistics of all sequences of a small minibatch. There its chunks wait
for each other: on several threads for a moment inside the kernel, then by pausing.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklstm._input.sequences import NetworkInput, PackedBatch, packed_rows
from sklstm._kernels.batch_norm import Together
from sklstm._kernels.meeting import NOTHING, hand_over
from sklstm._kernels.simd import aligned
from sklstm._network.chunk import NOBODY, Beside, Chunk, alone
from sklstm._network.network import READY, Network
from sklstm._training.minibatch import Minibatch
from sklstm._training.threads import Pace, Threads, pays

# Most rows of a chunk in prediction: many, so that Python takes little of the time. Long sequences
# come in smaller chunks, of about this many time steps.
_PREDICTED_ROWS = 96
_PREDICTED_STEPS = 2**18
# Up to this many sequences are predicted by one thread.
ROWS_OF_ONE_THREAD = _PREDICTED_ROWS // 2
# A branch is worth a thread of its own from so many times this work on.
_SPLITTING = 5.0
# How many times a chunk looks for another one inside a kernel, which takes one or two milliseconds,
# and the seconds of its pause after that.
_PATIENCE, _PAUSE = 40_000, 1e-4
# The variants of kernels that this process has run.
_compiled: set[tuple[Any, ...]] = set()


def _variant(network: Network) -> tuple[Any, ...]:
    """Return what distinguishes the compiled kernels of networks."""
    parts = network.front is None, network.branch is None, network.noisy
    return (network.dtype, *parts, len(network.spec.embeddings) > 0, *map(type, network.plan))


class _Team(NamedTuple):
    """How the chunks of a minibatch are computed."""

    together: list[Together]  # of each chunk
    beside: Beside = NOBODY  # how the branch of the only chunk is computed beside the rest
    ready: NDArray[np.int64] = READY  # (1,): becomes 1 when the branch can begin
    most: int = 1  # threads that could be of use
    n_threads: int = 1


class Prepared:
    """A minibatch that is ready to be computed, and then its gradient."""

    statistics: NDArray  # of batch normalisation, (n_statistics,): once it is computed

    def __init__(
        self, minibatch: Minibatch, team: _Team, chunks: list[Chunk], gradients: NDArray
    ) -> None:
        """Prepare the chunks of a team, with room for their gradients (n_chunks or more, size)."""
        self.minibatch, self.team, self.chunks = minibatch, team, chunks
        n_chunks = minibatch.n_chunks
        self.room, self.gradients = gradients, gradients[:n_chunks]
        self.losses = [0.0] * n_chunks
        self.of_vectors: list[Any] = [None] * n_chunks  # codes, and the gradient of x
        if minibatch.shares:
            self.tasks = list(map(self.task, range(n_chunks), chunks))
            if self.beside:
                self.tasks.append(chunks[0].branch_gradient(team.beside))

    @property
    def beside(self) -> bool:
        """Whether another thread computes the branch."""
        return self.team.beside is not NOBODY

    def task(self, k: int, chunk: Chunk) -> Generator[None, None, None]:
        """Prepare the k-th chunk; return what computes its gradient, as `Chunk.gradient` does."""
        part, out = self.minibatch.part(k), self.gradients[k]
        out[:] = 0.0
        gradient = chunk.gradient(
            *part, self.team.together[k], out, self.minibatch.reads_codes, beside=self.team.beside
        )

        def compute() -> Generator[None, None, None]:
            self.losses[k] = yield from gradient
            if part.batch.codes is not None:
                self.of_vectors[k] = part.batch.codes, chunk.dx.copy()

        return compute()


class Workers:
    """Threads that compute gradients and predictions of one network."""

    def __init__(
        self, network: Network, n_threads: int = 1, interrupt: threading.Event | None = None
    ) -> None:
        self.network = network
        self.n_threads = n_threads
        self.interrupt = interrupt or threading.Event()  # set: training should end
        self._chunks = [Chunk(network) for _ in range(n_threads)]
        # of no prepared minibatch; others are made when one is prepared before the last is done
        self._free_chunks, self._free_gradients = [self._chunks], [self._room(0)]
        self._threads = Threads()  # starts none before it is needed
        self._variant = _variant(network)
        self._pace = Pace()

    def close(self) -> None:
        """End the threads."""
        self._threads.close()

    def prepare(self, minibatch: Minibatch) -> Prepared:
        """Choose how a minibatch is computed, and prepare it; this may be done ahead of time.

        But not if it has categories: their vectors are read here.
        """
        team, n_chunks = self._team(minibatch), minibatch.n_chunks
        chunks = self._free_chunks.pop() if self._free_chunks else []
        while len(chunks) < (n_chunks if minibatch.shares else 0):
            chunks.append(Chunk(self.network))
        gradients = self._free_gradients.pop() if self._free_gradients else self._room(0)
        if len(gradients) < n_chunks:
            gradients = self._room(n_chunks)
        return Prepared(minibatch, team, chunks, gradients)

    def compute(
        self,
        prepared: Prepared,
        before: Callable[[], None] | None = None,
        meanwhile: Callable[[Callable[[], bool]], None] = lambda is_waiting: None,
    ) -> float:
        """Compute a minibatch, whose gradient is `prepared.gradients` then; return its loss.

        before: what brings the parameters up to date, if that is to be done
        meanwhile: what this thread may do while it waits for another one, as a function tells
        """
        minibatch, team = prepared.minibatch, prepared.team
        if before is not None and not prepared.beside:
            before()
        if minibatch.shares:
            self._run_team(prepared, before, meanwhile)
            prepared.statistics = team.together[0].statistics
        else:
            kind = "gradient with warping" if minibatch.warps else "gradient"
            self._run(
                kind, lambda k, chunk: alone(prepared.task(k, chunk)),
                minibatch.n_chunks, minibatch.work,
            )  # fmt: skip
            of_chunks = [chunk.statistics for chunk in team.together]
            prepared.statistics = np.mean(of_chunks, axis=0) if len(of_chunks) > 1 else of_chunks[0]
        self._free_chunks.append(prepared.chunks)
        return sum(prepared.losses)

    def finish(
        self,
        prepared: Prepared,
        update: Callable[[NDArray[np.int64]], None],
        meanwhile: Callable[[Callable[[], bool]], None],
    ) -> None:
        """Update the parameters by the gradient of a minibatch, which is then no longer needed.

        If another thread is there, it does so, and this one does something else meanwhile.
        update: sets the number that it is given, (1,), when it needs no more Python
        """
        begun, is_done = np.zeros(1, np.int64), []

        def either(worker: int) -> None:
            if worker == 1:
                update(begun)
                is_done.append(True)
            else:
                meanwhile(lambda: not is_done)

        others = prepared.team.n_threads > 1 and not prepared.beside
        if others and not prepared.minibatch.reads_codes:  # see `prepare`
            self._threads.run(either, 2, [begun])
        else:
            update(begun)
        self._free_gradients.append(prepared.room)

    def _room(self, n_chunks: int) -> NDArray:
        """Return room for the gradients of so many chunks, (n_chunks, gradient_size)."""
        size = self.network.gradient_size
        return aligned(n_chunks * size, self.network.dtype).reshape(n_chunks, size)

    def _team(self, minibatch: Minibatch) -> _Team:
        """Return how the chunks of a minibatch are computed."""
        n_chunks, work = minibatch.n_chunks, minibatch.work
        if not minibatch.shares:
            return _Team([self.network.together(1)[0] for _ in range(n_chunks)])
        enough = n_chunks == 1 and pays(work, _SPLITTING)
        splits = enough and self._chunks[0].splits and not minibatch.reads_codes
        n_tasks = 2 if splits else n_chunks
        most = self._n_threads_together(n_tasks, work, splits, minibatch.warps)
        n_threads = self._pace.choose(most)
        if n_threads == 1:
            return _Team(self.network.together(n_chunks), most=most)
        if not splits:
            return _Team(self.network.together(n_chunks, _PATIENCE), NOBODY, READY, most, n_threads)
        ready = np.zeros(1, np.int64)
        together = self.network.together(n_chunks, _PATIENCE, ready)
        return _Team(together, Beside(np.zeros(2, np.int64), _PATIENCE), ready, most, n_threads)

    def predict(self, inputs: NetworkInput, samples: NDArray[np.int64]) -> NDArray:
        """Return raw predictions (n, n_outputs) of samples (n,), or of all their steps in turn."""
        spec = self.network.spec
        return self._forward(inputs, samples, Chunk.predict, spec.n_outputs, spec.per_step)

    def features(self, inputs: NetworkInput, samples: NDArray[np.int64]) -> NDArray:
        """Return what the head reads of samples (n,), or of all their steps; (n, n_features)."""
        spec = self.network.spec
        return self._forward(inputs, samples, Chunk.features, spec.n_features, spec.per_step)

    def attention(self, inputs: NetworkInput, samples: NDArray[np.int64]) -> NDArray:
        """Return the weights (total_steps,) that attention gives to the steps of samples (n,)."""
        return self._forward(inputs, samples, Chunk.attention, 1, True)[:, 0]

    def self_attention(
        self, inputs: NetworkInput, samples: NDArray[np.int64], layer: int
    ) -> list[NDArray[np.float64]]:
        """Return the weights (n_heads, n_steps, n_steps) in a layer of the encoder, by sample."""
        chunk, dtype = self._chunks[0], self.network.dtype
        return [
            chunk.self_attention(inputs.pack(sample, dtype), layer) for sample in samples[:, None]
        ]

    def over_chunks(
        self,
        inputs: NetworkInput,
        task: Callable[[NDArray[np.int64], Chunk], None],
        n_rows: int,
    ) -> None:
        """Run `task(samples, chunk)` over all samples, `n_rows` at a time, the longest first.

        How they are split does not depend on the number of threads, so the results do not either.
        A task calls the same kernels for all samples.
        """
        lengths = inputs.lengths
        order = np.argsort(-lengths, kind="stable")
        parts = [order[k : k + n_rows] for k in range(0, len(order), n_rows)]
        work = float(lengths.sum()) * self.network.layout.n_packed
        self._run(task.__name__, lambda k, chunk: task(parts[k], chunk), len(parts), work)

    def _forward(
        self,
        inputs: NetworkInput,
        samples: NDArray[np.int64],
        result: Callable[[Chunk, PackedBatch], NDArray],
        n_columns: int,
        per_step: bool,
    ) -> NDArray:
        """Return what `result` gives of each chunk, in the order of the samples."""
        network = self.network
        lengths = inputs.lengths[samples]
        order = np.argsort(-lengths, kind="stable")
        steps = -(-lengths // network.spec.stride)
        first = np.cumsum(steps) - steps if per_step else steps
        out = np.empty((steps.sum() if per_step else len(samples), n_columns), network.dtype)
        most = min(_PREDICTED_ROWS, max(1, _PREDICTED_STEPS // int(lengths.max())))
        n_chunks = -(-len(samples) // most)
        if len(samples) > ROWS_OF_ONE_THREAD:  # as many for each thread
            n_chunks = -(-n_chunks // self.n_threads) * self.n_threads
        parts = np.array_split(order, n_chunks) if n_chunks > 1 else [order]

        def predict(k: int, chunk: Chunk) -> None:
            part = parts[k]
            rows = packed_rows(first[part], steps[part]) if per_step else part
            out[rows] = result(chunk, inputs.pack(samples[part], network.dtype))

        work = float(lengths.sum()) * network.layout.n_packed
        self._run(result.__name__, predict, n_chunks, work)
        return out

    def _run(
        self, kind: str, task: Callable[[int, Chunk], None], n_tasks: int, work: float
    ) -> None:
        """Run tasks 0 .. n_tasks - 1, every n-th on each thread.

        The first task of a variant of kernels runs by itself, because it may compile. A thread
        that waited for another one to compile could be interrupted between getting Numba's lock
        and being able to release it; then all others would wait for ever.
        """
        n_threads = min(self.n_threads, n_tasks) if pays(work) else 1
        if n_threads == 1:  # a prediction of one row asks no more
            for k in range(n_tasks):
                task(k, self._chunks[0])
            return
        variant = (kind, *self._variant)
        first = 0 if variant in _compiled else 1
        if first:
            task(0, self._chunks[0])
            _compiled.add(variant)

        def some(worker: int) -> None:
            for k in range(first + worker, n_tasks, n_threads):
                task(k, self._chunks[worker])

        self._threads.run(some, n_threads)

    def _n_threads_together(self, n_tasks: int, work: float, splits: bool, warps: bool) -> int:
        """Return the threads of `_run_together`: one for new kernels, see `_run`."""
        if not pays(work):
            return 1
        variant = ("together", splits, warps, *self._variant)
        if variant not in _compiled:
            _compiled.add(variant)
            return 1
        return min(self.n_threads, n_tasks)

    def _run_team(
        self,
        prepared: Prepared,
        before: Callable[[], None] | None,
        meanwhile: Callable[[Callable[[], bool]], None],
    ) -> None:
        """Compute the chunks of a team, which are prepared, on its threads."""
        team, n_chunks = prepared.team, prepared.minibatch.n_chunks
        if team.beside is NOBODY:
            start = time.perf_counter()
            arrived = team.together[0].arrived
            entered = [arrived[k : k + 1] for k in range(1, n_chunks)]
            self._run_together(prepared.tasks, team.n_threads, entered)
            seconds = time.perf_counter() - start
        else:
            seconds = self._run_beside(prepared, before, meanwhile)
        if team.most > 1:
            self._pace.took(team.n_threads, seconds / prepared.minibatch.work)

    def _run_beside(
        self,
        prepared: Prepared,
        before: Callable[[], None] | None,
        meanwhile: Callable[[Callable[[], bool]], None],
    ) -> float:
        """Compute the branch of the only chunk on another thread than the rest.

        That thread gets as far as its first kernel during `before`. The rest is shorter on most
        sets, so this thread has time for `meanwhile`. Return the seconds of both, without those in
        which this one did what it would have to do anyway.
        """
        team, (of_rest, of_branch) = prepared.team, prepared.tasks
        start, ended = 0.0, [0.0] * 3  # of the rest, of the branch, and of `meanwhile`

        def rest() -> Generator[None, None, None]:
            nonlocal start
            if before is not None:
                before()
            start = time.perf_counter()
            hand_over(team.ready, NOTHING, 0, 0)
            yield from of_rest
            ended[0] = time.perf_counter()
            meanwhile(lambda: ended[1] == 0.0)
            ended[2] = time.perf_counter()

        def beside() -> Generator[None, None, None]:
            yield from of_branch
            ended[1] = time.perf_counter()

        entered = [team.together[0].arrived] if before is None else []
        self._run_together([rest(), beside()], 2, entered)
        return max(ended[:2]) - start - max(min(ended[1:]) - ended[0], 0.0)

    def _run_together(
        self,
        tasks: list[Generator[None, None, None]],
        n_threads: int,
        entered: list[NDArray[np.int64]],
    ) -> None:
        """Run tasks that pause when they need another one that is not so far.

        entered: see `Threads.run`
        """
        failed: list[int] = []  # the threads

        def some(worker: int) -> None:
            try:
                for _ in itertools.zip_longest(*tasks[worker::n_threads]):
                    if failed:  # another thread raises the error
                        return
                    if n_threads > 1:
                        time.sleep(_PAUSE)
            except BaseException:
                failed.append(worker)
                raise

        self._threads.run(some, n_threads, entered)


class Predictor:
    """Workers that predict with several networks of one shape in turn: those of an ensemble."""

    def __init__(self, network: Network, thetas: NDArray, n_threads: int) -> None:
        """Pack the parameters thetas (n_networks, n_parameters)."""
        self.workers = Workers(network, n_threads)
        self._packed = network.pack_each(thetas)

    def each(self) -> Iterator[Workers]:
        """Yield the workers with each network."""
        for packed in self._packed:
            self.workers.network.read(packed)
            yield self.workers
