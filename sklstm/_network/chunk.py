"""The one door to the kernels: a chunk of sequences through the whole network, and back."""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from sklstm._input.sequences import PackedBatch
from sklstm._kernels.attention import BLOCK
from sklstm._kernels.batch_norm import Together
from sklstm._kernels.losses import loss_value
from sklstm._kernels.meeting import NOTHING, hand_over
from sklstm._kernels.network import (
    Workspace,
    network_gradient,
    network_predict,
    network_trace,
)
from sklstm._kernels.simd import aligned
from sklstm._network.convolutions import ConvolutionBuffers
from sklstm._network.encoder import attention_of_heads
from sklstm._network.network import Network
from sklstm._network.packing import filled
from sklstm._network.patches import Patches
from sklstm._network.workspaces import Workspaces

T = TypeVar("T")


class Masks(NamedTuple):
    """Dropout of a chunk: each value is 0 or 1 / (1 - rate); arrays of size 0 drop nothing."""

    layers: NDArray  # (n_layers - 1, n_rows, n_directions * n_hidden), flat: between layers
    features: NDArray  # (n_read, n_pooled): before the head
    seed: int = 0  # of the noise inside the layers


class Beside(NamedTuple):
    """How the branch of a chunk and the rest, on two threads, see how far the other is."""

    arrived: NDArray[np.int64]  # (2,): of the rest and of the branch, see `network_gradient`
    patience: int


NOBODY = Beside(NOTHING, 0)


class Chunk:
    """The buffers of one worker, and the order in which the kernels are called.

    The buffers grow to the largest chunk that they have seen.
    """

    def __init__(self, network: Network, segment: int | None = None) -> None:
        """Make room when a chunk comes; `segment`: time steps between two kept states."""
        self.network = network
        self._workspaces = Workspaces(network, segment)
        spec, dtype = network.spec, network.dtype
        self._alone = network.together(0)[0]  # normalised by the running statistics
        self._front, self._branch = (
            None if stack is None else ConvolutionBuffers(stack, n_inputs, dtype)
            for stack, n_inputs in (
                (network.front, spec.n_patched),
                (network.branch, spec.n_channels),
            )
        )
        self._patches = (
            Patches(spec.patch_size, spec.n_channels, network.lanes)
            if spec.patch_size > 1
            else None
        )
        # columns of what comes of the branch, and as its kernels have them
        self._n_filters = spec.branch[-1].n_filters if spec.branch else 0
        self._n_beside = filled(self._n_filters, network.lanes)
        parts = self._front, self._branch, self._patches
        # whether something comes before the recurrent layers, or in their place
        self._convolves = any(part is not None for part in parts) or spec.num_layers == 0
        self._of_branch = self._dbranch = self._dx = aligned(0, dtype)
        self._by_parameters = aligned(0, dtype)  # a gradient that nobody asks for
        self._work: Workspace  # of the last gradient
        # of the last gradient, if asked for: by the input, (n_rows, n_channels in whole vectors)
        self.dx = aligned(0, dtype).reshape(0, 0)

    # --- what a chunk goes through ----------------------------------------------------------
    def gradient(
        self,
        batch: PackedBatch,
        target: NDArray,
        weight: NDArray,
        masks: Masks,
        together: Together | None,
        out: NDArray,
        need_dx: bool = False,
        need_dw: bool = True,
        beside: Beside = NOBODY,
    ) -> Generator[None, None, float]:
        """Prepare a chunk. Return what computes its loss, and adds its gradient to out.

        It pauses where it needs the statistics of chunks that have not come so far: go on when
        they may have. If there is no other chunk it does not pause. What is prepared before it
        begins costs less there than on another thread, whose processor has not seen it.

        target (n_read, n_targets), weight (n_read,): in the order of the packed batch; the
            loss is the sum of weight * loss
        together: the chunks; None: the gradient of the network as it predicts, by the running
            statistics and expected zoneout
        out (gradient_size,)
        need_dx: whether to leave the gradient of the input in `dx`
        need_dw: whether the gradient in out is wanted; else it is scratch
        beside: whether another thread computes the branch, by `branch_gradient`
        """
        network, branch, front = self.network, self._branch, self._front
        seen = self._prepare(batch, weight, together, keep=True)
        work = self.workspace(len(seen.x), len(seen.lengths), len(seen.starts) - 1, keep=True)
        self._work = work
        dx = self._room_for_dx(seen.x, need_dx)
        arguments = (
            target, weight, masks.layers, masks.features,
            self._workspaces.segment(len(seen.x), len(seen.starts) - 1),
            need_dx or front is not None, need_dw, network.packed, work, dx, out,
        )  # fmt: skip
        plan = network.plan if together is None else network.training_plan(masks.seed)
        before, dx_branch, back = dx, dx, None
        if front is not None:
            before = front.prepare_backward(dx, need_dx, need_dw, out)
        if branch is not None:
            self._dbranch = np.zeros((len(seen.lengths), self._n_beside), network.dtype)
            dx_branch = branch.prepare_backward(self._dbranch, need_dx, need_dw, out)
            back = None if beside is not NOBODY else self._branch_backward(branch)

        def compute() -> Generator[None, None, float]:
            """Call the kernels, with as little as possible between them."""
            splits = beside is not NOBODY
            static = self._of_branch if splits else (yield from self._convolve(seen, work))
            begun, waits = False, True
            while waits:
                waits, loss = network_gradient(
                    plan, seen.x, seen.starts, seen.lengths, static, *arguments, *beside, begun
                )
                begun = True
                if waits:
                    yield
            if network.spec.num_layers == 0:
                self._out_of_layers(seen, work, dx)
            if front is not None:
                yield from front.backward()
            self.dx = before
            if self._patches is not None and need_dx:
                self.dx = self._patches.backward(before)
            if back is not None:
                yield from back
                if need_dx:
                    self.dx += dx_branch
            return float(loss)

        return compute()

    @property
    def splits(self) -> bool:
        """Whether the branch can be computed beside the rest: the head reads it as it is."""
        spec = self.network.spec
        whole = self._n_filters == self._n_beside and spec.n_static == 0
        return self._branch is not None and self._front is None and spec.num_layers > 0 and whole

    def branch_gradient(self, beside: Beside) -> Generator[None, None, None]:
        """Return what computes the branch of a chunk that `gradient` has prepared, and back.

        It pauses when the rest has not come so far.
        """
        assert self._branch is not None
        branch, rest, mine = self._branch, beside.arrived[:1], beside.arrived[1:]
        backward = self._branch_backward(branch)

        def compute() -> Generator[None, None, None]:
            """Call the kernels, with as little as possible between them."""
            yield from branch.forward()
            number = mine  # raised once
            while not hand_over(number, rest, 2, beside.patience):
                number = NOTHING
                yield
            yield from backward

        return compute()

    def input_gradient(self, batch: PackedBatch, slope: NDArray) -> NDArray:
        """Return the gradient of sum(slope * raw prediction) by x, (n_rows, n_channels): a view.

        slope (n_read, n_outputs): in the order of the packed batch
        The network, which has the loss `Linear`, is the one that predicts. Static features also
        reach the head past the steps: their slopes there are added to those of the first step.
        """
        n_read, n_outputs = slope.shape
        nothing = Masks(np.empty(0, slope.dtype), np.empty((0, 0), slope.dtype))
        if self._by_parameters.size != self.network.gradient_size:
            self._by_parameters = aligned(self.network.gradient_size, self.network.dtype)
        self._by_parameters[:] = 0.0
        # of a row the loss is the mean over its outputs
        weight = np.full(n_read, float(n_outputs))
        gradient = self.gradient(
            batch, slope, weight, nothing, None, self._by_parameters, need_dx=True, need_dw=False
        )
        alone(gradient)
        spec, n_sequences = self.network.spec, len(batch.lengths)
        if spec.n_static:
            plan, work = self.network.plan, self._work
            of_head = work.flat[work.dfeatures : work.dfeatures + n_sequences * plan.n_features]
            of_head = of_head.reshape(n_sequences, -1)[:, plan.n_pooled :][:, : spec.n_static]
            self.dx[:n_sequences, spec.n_numeric - spec.n_static : spec.n_numeric] += of_head
        return self.dx[:, : spec.n_channels]

    def predict(self, batch: PackedBatch) -> NDArray:
        """Return raw predictions (n_read, n_outputs) of a chunk: a view, until the next call."""
        work, n_rows, n_sequences = self._forward(batch)
        return self.raw(work, self.network.n_read(n_rows, n_sequences))

    def features(self, batch: PackedBatch) -> NDArray:
        """Return what the head reads, (n_read, n_features)."""
        work, n_rows, n_sequences = self._forward(batch)
        n_read, stride = self.network.n_read(n_rows, n_sequences), self.network.plan.feature_stride
        rows = work.flat[work.features : work.features + n_read * stride].reshape(n_read, stride)
        return rows[:, self.network.features]

    def attention(self, batch: PackedBatch) -> NDArray:
        """Return the weights (n_rows, 1) that attention gives to the steps of a chunk: a view."""
        work, n_rows, n_sequences = self._forward(batch)
        plan = self.network.plan
        start = work.features + n_sequences * plan.feature_stride
        start += min(n_rows, BLOCK) * plan.readout.stride
        return work.flat[start : start + n_rows, np.newaxis]

    def self_attention(self, batch: PackedBatch, layer: int) -> NDArray[np.float64]:
        """Return the weights (n_heads, n_rows, n_rows) in an encoder layer, of one sequence."""
        work, n_rows, _ = self._forward(batch)
        encoder, room = self.network.plan.encoder, work.encoder
        size = n_rows * encoder.qkv_stride
        start = room.qkv + layer * size
        qkv = work.flat[start : start + size].reshape(n_rows, encoder.qkv_stride)
        return attention_of_heads(encoder, qkv)

    def gates(self, batch: PackedBatch) -> NDArray:
        """Return the gates (n_scans, n_rows, n_gates, hidden_size) of all steps, in packed order.

        A cell keeps them after their activation, in the order of its columns. The chunk must
        have been made for segments of all steps.
        """
        network, plan = self.network, self.network.plan
        seen = self._prepare(batch)
        work = self.workspace(len(seen.x), len(seen.lengths), len(seen.starts) - 1, keep=True)
        alone(self._convolve(seen, work))
        network_trace(plan, seen.x, seen.starts, network.packed, work)
        n_scans, n_rows = len(plan.scans) - 1, len(seen.x)
        n_gates, lanes = plan.cell.n_gates, network.lanes
        size = n_scans * n_rows * plan.gate_stride
        rows = work.flat[work.gates : work.gates + size].reshape(n_scans, n_rows, -1)
        vectors = rows[..., : n_gates * plan.n_hidden].reshape(n_scans, n_rows, -1, n_gates, lanes)
        units = vectors.swapaxes(2, 3).reshape(n_scans, n_rows, n_gates, plan.n_hidden)
        return units[..., : network.spec.hidden_size]

    def states(self, n_sequences: int, n_timesteps: int) -> NDArray:
        """Return h, c and their gradients, (n_scans, n_timesteps, 4, n_sequences, hidden_size).

        Those of the last gradient, for a chunk that was made for segments of one step: h and c
        after each scan step, and what is left before it of their gradients.
        """
        plan, work = self.network.plan, self._work
        n_scans = len(plan.scans) - 1
        shape = (n_scans, n_timesteps, 4, n_sequences, plan.n_hidden)
        if n_timesteps > 1:
            states = work.flat[work.checkpoints :][: math.prod(shape)].reshape(shape)
        else:  # one segment of all steps has no checkpoint
            size = n_scans * n_sequences * plan.n_hidden
            places = (work.h, work.c, work.dh, work.dc)
            states = np.stack([work.flat[at : at + size] for at in places])
            states = states.reshape(4, n_scans, 1, n_sequences, -1).transpose(1, 2, 0, 3, 4)
        return states[..., : self.network.spec.hidden_size]

    def raw(self, work: Workspace, n_read: int) -> NDArray:
        """Return the raw predictions (n_read, n_outputs) in a workspace, as a view."""
        wide = self.network.head_outputs
        rows = work.flat[work.raw : work.raw + n_read * wide].reshape(n_read, wide)
        return rows[:, : self.network.spec.n_outputs]

    def _forward(self, batch: PackedBatch) -> tuple[Workspace, int, int]:
        """Predict; return the workspace, and the rows and sequences that the layers saw."""
        network = self.network
        seen = self._prepare(batch) if self._convolves else network.embedded(batch)
        work = self.workspace(len(seen.x), len(seen.lengths), len(seen.starts) - 1, keep=False)
        static = alone(self._convolve(seen, work)) if self._convolves else seen.static
        network_predict(
            network.plan, seen.x, seen.starts, seen.lengths, static, network.packed, work
        )
        return work, len(seen.x), len(seen.lengths)

    # --- convolutions -----------------------------------------------------------------------
    def _prepare(
        self,
        batch: PackedBatch,
        weight: NDArray | None = None,
        together: Together | None = None,
        keep: bool = False,
    ) -> PackedBatch:
        """Return a batch as the recurrent layers see it, once `_convolve` is done.

        weight, together, keep: see `ConvolutionBuffers.prepare`; by default as in prediction
        """
        packed = self.network.packed
        weight = packed[:0] if weight is None else weight
        together = together or self._alone
        batch = seen = self.network.embedded(batch)
        if self._branch is not None:
            self._of_branch, _, _ = self._branch.prepare(batch, weight, packed, together, keep)
        if self._patches is not None:
            seen = self._patches.forward(seen)
        if self._front is not None:
            front = self._front.prepare(seen, weight, packed, together, keep)
            seen = PackedBatch(*front, seen.static)
        return seen

    def _convolve(self, seen: PackedBatch, work: Workspace) -> Generator[None, None, NDArray]:
        """Compute the convolutions; return what the head reads beside the states.

        work: where what came of them takes the place of recurrent layers, if there are none
        """
        static = seen.static
        if self._branch is not None:
            yield from self._branch.forward()
            static = self._of_branch
            if self._n_filters < self._n_beside:  # filled up
                static = np.ascontiguousarray(static[:, : self._n_filters])
            if self.network.spec.n_static:
                static = np.concatenate([seen.static, static], axis=1)
        if self._front is not None:
            yield from self._front.forward()
        if self.network.spec.num_layers == 0:
            y, h = self._in_place_of_layers(seen, work)
            y[...] = seen.x[: len(y)]
            h[...] = seen.x[_last_rows(seen)]
        return static

    def _out_of_layers(self, seen: PackedBatch, work: Workspace, dx: NDArray) -> None:
        """Write the gradient of what takes the place of recurrent layers."""
        y, h = self._in_place_of_layers(seen, work, backward=True)
        dx[...] = 0.0
        dx[: len(y)] = y
        dx[_last_rows(seen)] += h

    def _branch_backward(self, branch: ConvolutionBuffers) -> Generator[None, None, None]:
        """Return what takes the gradient of what the head reads of the branch back through it."""
        plan, work, n_sequences = self.network.plan, self._work, len(self._dbranch)
        dfeatures = work.flat[work.dfeatures : work.dfeatures + n_sequences * plan.n_features]
        first = plan.n_pooled + self.network.spec.n_static
        of_branch = dfeatures.reshape(n_sequences, -1)[:, first : first + self._n_filters]
        dbranch = self._dbranch[:, : self._n_filters]

        def compute() -> Generator[None, None, None]:
            np.copyto(dbranch, of_branch)
            yield from branch.backward()

        return compute()

    def _room_for_dx(self, x: NDArray, need_dx: bool) -> NDArray:
        """Return where the network writes the gradient of x, if something reads it."""
        if self._front is not None:
            shape = x.shape
        elif need_dx:
            shape = len(x), filled(x.shape[1], self.network.lanes)
        else:
            return x
        size = math.prod(shape)
        if self._dx.size < size:
            self._dx = aligned(size, x.dtype)
        return self._dx[:size].reshape(shape)

    # --- the workspace ----------------------------------------------------------------------
    def workspace(self, n_rows: int, n_sequences: int, n_timesteps: int, keep: bool) -> Workspace:
        """Return a workspace for a chunk of this size, its states zero."""
        return self._workspaces.of(n_rows, n_sequences, n_timesteps, keep)

    def _in_place_of_layers(
        self, seen: PackedBatch, work: Workspace, backward: bool = False
    ) -> tuple[NDArray, NDArray]:
        """Return where pooling reads states of a network without recurrent layers.

        All states (n_rows, or 0 if only the final ones are read, n_hidden), and the final
        states (n_sequences, n_hidden).
        """
        plan = self.network.plan
        n_rows = len(seen.x) if plan.reads_all else 0
        n_sequences, n = len(seen.lengths), plan.n_hidden
        y, h = (work.dy, work.dh) if backward else (work.y, work.h)
        states = work.flat[y : y + n_rows * n].reshape(n_rows, n)
        return states, work.flat[h : h + n_sequences * n].reshape(n_sequences, n)


def alone(chunk: Generator[None, None, T]) -> T:
    """Return the result of a chunk that has no other one to wait for."""
    try:
        next(chunk)
    except StopIteration as end:
        result: T = end.value
        return result
    raise RuntimeError("The chunk waits for another one.")


def loss_of(network: Network, raw: NDArray, target: NDArray, weight: NDArray) -> float:
    """Return the loss of raw predictions (n_rows, n_outputs): the sum of weight * loss.

    target (n_rows, n_targets), weight (n_rows,)
    """
    plan, (n_rows, n_outputs) = network.plan, raw.shape
    both = aligned(2 * n_rows * network.head_outputs, network.dtype)
    wide, slopes = both.reshape(2, n_rows, network.head_outputs)
    wide[:] = 0.0
    wide[:, :n_outputs] = raw
    target, weight = (np.ascontiguousarray(array, network.dtype) for array in (target, weight))
    return float(
        loss_value(plan.loss, plan.loss_parameters, wide, target, weight, n_outputs, slopes)
    )


def _last_rows(batch: PackedBatch) -> NDArray[np.int64]:
    """Return the row of the last step of every sequence."""
    return batch.starts[batch.lengths - 1] + np.arange(len(batch.lengths))
