"""The network in Python: its plan for the kernels, its buffers, and calls chunk by chunk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sklstm._input.sequences import PackedBatch
from sklstm._kernels import losses
from sklstm._kernels.attention import BLOCK
from sklstm._kernels.cells import CELLS
from sklstm._kernels.convolution import Stack
from sklstm._kernels.layer_norm import LayerNorm
from sklstm._kernels.network import ROW_STRIDE, Plan, Workspace
from sklstm._kernels.noise import Noise
from sklstm._kernels.readout import Attention, Final, Pooled, Steps
from sklstm._kernels.simd import PANEL, aligned, gemm_address, lanes_of
from sklstm._network.convolutions import Convolutions, kept_per_row
from sklstm._network.parameters import ConvolutionSpec, NetworkSpec, ParameterLayout

LOSSES = {
    "softmax": losses.SOFTMAX,
    "sigmoid": losses.SIGMOID,
    "squared_error": losses.SQUARED,
    "absolute_error": losses.ABSOLUTE,
    "huber": losses.HUBER,
    "quantile": losses.PINBALL,
}

# Bytes of activations that one chunk may keep for its backward pass. Beyond it the states
# of every k-th step are kept and the steps between are computed again.
_KEPT_BYTES = 256 * 2**20
# What a minibatch counts in the running statistics of batch normalisation, as in torch.
_RUNNING_SHARE = 0.1


def _filled(n: int, width: int) -> int:
    return -(-n // width) * width


class Network:
    """A network of one shape and dtype; parameters come and go as the flat vector theta.

    The kernels read the parameters in panels, filled up to whole vectors with zeros. The
    packed layout is an array of indices into theta, and so is the way back for gradients.
    """

    def __init__(self, spec: NetworkSpec, dtype: DTypeLike, need_dx: bool = False) -> None:
        self.spec = spec
        self.dtype = np.dtype(dtype)
        self.layout = ParameterLayout(spec)
        self.lanes = lanes_of(self.dtype)
        self.head_outputs = _filled(spec.n_outputs, self.lanes)
        self._scans: list[list[int]] = []
        self._pack_parts: list[NDArray[np.intp]] = []
        self._packed_size = self.gradient_size = 0
        # of every parameter, its place in the packed gradient; (n_parameters,)
        self._unpack_index = np.empty(self.layout.size, np.intp)
        # of every statistic of a batch, the place in theta of its running mean; (n_statistics,)
        self._running = np.empty(0, np.intp)
        self.front = self._place_convolutions("conv", spec.front, False, need_dx)
        self.branch = self._place_convolutions("fcn", spec.branch, True, need_dx)
        self.plan = self._plan(need_dx or self.front is not None)
        n_scans = len(self._scans) - 1
        kept = sum(scan[ROW_STRIDE] for scan in self._scans)  # the head's is 0
        kept += n_scans * (self.plan.gate_stride + self.plan.cell_stride)
        for stack in (self.front, self.branch):
            kept += 0 if stack is None else spec.stride * kept_per_row(stack)
        self._kept_per_row = kept * self.dtype.itemsize  # bytes
        self._pack_index = np.concatenate(self._pack_parts)  # (packed size,)
        # theta, and behind it the zero that fills up vectors
        self._extended = np.zeros(self.layout.size + 1, self.dtype)
        self.packed = aligned(self._packed_size, self.dtype)

    @property
    def _rates(self) -> tuple[float, float, float, float]:
        spec = self.spec
        return (
            spec.recurrent_dropout, spec.variational_dropout, spec.zoneout_h, spec.zoneout_c,
        )  # fmt: skip

    @property
    def noisy(self) -> bool:
        """Whether training draws masks inside the layers."""
        return max(self._rates) > 0.0

    def training_plan(self, seed: int) -> Plan:
        """The plan with the noise of a chunk in training."""
        if not self.noisy:
            return self.plan
        return self.plan._replace(noise=Noise(seed, True, *self._rates, self.spec.hidden_size))

    def pack(self, theta: NDArray) -> None:
        """Bring the parameters into the layout that the kernels read."""
        self._extended[:-1] = theta
        np.take(self._extended, self._pack_index, out=self.packed, mode="clip")

    def unpack_gradient(self, chunks: NDArray, out: NDArray) -> None:
        """Sum the gradients of the chunks, in their order, into the layout of theta."""
        total = chunks[0] if len(chunks) == 1 else np.add.reduce(chunks, axis=0)
        np.take(total, self._unpack_index, out=out, mode="clip")

    @property
    def n_statistics(self) -> int:
        """Means and variances of batch normalisation, those that fill up vectors included."""
        return len(self._running)

    def update_statistics(self, theta: NDArray, chunks: NDArray) -> None:
        """Move the running statistics, which are part of theta, towards those of a minibatch.

        chunks (n_chunks, n_statistics): of the minibatch's chunks. Each of the first ten
        minibatches counts alike, later ones for a tenth.
        """
        if not self.n_statistics:
            return
        n_batches = self.layout.views(theta)["fcn_batches"]
        n_batches += 1
        share = max(_RUNNING_SHARE, 1.0 / float(n_batches[0]))
        used = self._running < self.layout.size
        running = self._running[used]
        batch = chunks.mean(axis=0)[used]
        theta[running] += (share * (batch - theta[running])).astype(theta.dtype)

    # --- layout ---------------------------------------------------------------------------
    def _plan(self, need_dx: bool) -> Plan:
        spec, width = self.spec, self.lanes
        n_hidden = _filled(spec.n_units, width)
        n_pooled = len(spec.pooling) * spec.n_directions * n_hidden
        n_features = n_pooled + _filled(spec.n_beside, width)
        cell = CELLS[spec.cell]
        gate_stride = self._odd_lines(cell.n_gates * n_hidden)
        n_kept = cell.n_kept + int(self.noisy) + spec.layer_norm * cell.n_gates
        # what prediction needs of zoneout; dropout is scaled so that it needs nothing
        zoneout = spec.zoneout_h, spec.zoneout_c
        expected = Noise(0, False, 0.0, 0.0, *zoneout, spec.hidden_size)
        for layer in range(spec.num_layers):
            for suffix in ("", "_reverse")[: spec.n_directions]:
                self._place_scan(layer, suffix, n_hidden, gate_stride, need_dx or layer > 0)
        self._place_head(n_hidden, n_pooled, n_features)
        readout = self._readout(n_hidden)
        scans = np.array(self._scans)
        return Plan(
            product=gemm_address(self.dtype),
            cell=cell,
            norm=LayerNorm(spec.hidden_size) if spec.layer_norm else None,
            noise=expected if max(zoneout) > 0.0 else None,
            readout=readout,
            truncated=spec.truncated,
            bptt_steps=spec.bptt_steps,
            n_hidden=n_hidden,
            n_layers=spec.num_layers,
            n_directions=spec.n_directions,
            n_outputs=spec.n_outputs,
            last=int("last" in spec.pooling),
            mean=int("mean" in spec.pooling),
            maximum=int("max" in spec.pooling),
            reads_all=not isinstance(readout, Final),
            loss=LOSSES[spec.loss],
            loss_parameter=float(spec.loss_parameter),
            n_pooled=n_pooled,
            n_static=spec.n_beside,
            n_features=n_features,
            gate_stride=gate_stride,
            cell_stride=n_kept * n_hidden,
            scans=np.column_stack([scans, np.cumsum(scans[:, ROW_STRIDE]) - scans[:, ROW_STRIDE]]),
        )

    def _place_scan(
        self, layer: int, suffix: str, n_hidden: int, gate_stride: int, need_dx: bool
    ) -> None:
        """One direction of one layer: the matrix [W_h; W_x; b] and its transposed parts."""
        spec, width = self.spec, self.lanes
        units = np.arange(spec.hidden_size)
        if layer == 0:
            n_inputs = spec.n_inputs
            inputs = np.arange(n_inputs)
        else:
            n_inputs = spec.n_directions * n_hidden
            inputs = np.concatenate([d * n_hidden + units for d in range(spec.n_directions)])
        cell = CELLS[spec.cell]
        n_columns = n_hidden + n_inputs + 1
        matrix = np.full(
            (n_columns + cell.n_extra + spec.layer_norm, cell.n_gates * n_hidden),
            self.layout.size,
            np.intp,
        )

        def columns(gates: Sequence[int]) -> NDArray[np.intp]:
            """Of some gates; those of one vector of units stand side by side."""
            of_units = units // width * cell.n_gates * width + units % width
            return np.add.outer(np.asarray(gates) * width, of_units).ravel()

        every = range(cell.n_gates)
        # the GRU's n reads input and state in columns of their own
        read_input, read_state = ((0, 1, 2), (0, 1, 3)) if spec.cell == "gru" else (every, every)
        state_weight = self._places(f"weight_hh_l{layer}{suffix}")
        matrix[np.ix_(units, columns(read_state))] = state_weight.T
        input_weight = self._places(f"weight_ih_l{layer}{suffix}")
        matrix[np.ix_(n_hidden + inputs, columns(read_input))] = input_weight.T
        matrix[n_columns - 1, columns(every)] = self._places(f"bias_l{layer}{suffix}")
        if spec.cell == "peephole":  # of i, f and o
            peepholes = self._places(f"weight_ch_l{layer}{suffix}")
            matrix[n_columns, columns((0, 1, 3))] = peepholes.ravel()
        if spec.layer_norm:
            matrix[n_columns, columns(every)] = self._places(f"gain_l{layer}{suffix}")
        inputs_transposed = matrix[n_hidden : n_columns - 1].T if need_dx else matrix[:0].T
        self._scans.append(
            [
                n_inputs,
                self._odd_lines(n_columns),
                self._place(self._panels(matrix)),
                self._place(self._panels(matrix[:n_hidden].T)),
                self._place(self._panels(inputs_transposed)),
                self._place_gradient(matrix, gate_stride),
                len(matrix),
            ]
        )

    def _place_head(self, n_hidden: int, n_pooled: int, n_features: int) -> None:
        """The head as (n_features + 1, outputs), and transposed."""
        spec = self.spec
        n_blocks = n_pooled // n_hidden
        pooled = np.add.outer(np.arange(n_blocks) * n_hidden, np.arange(spec.n_units))
        features = np.concatenate([pooled.ravel(), n_pooled + np.arange(spec.n_beside)])
        matrix = np.full((n_features + 1, self.head_outputs), self.layout.size, np.intp)
        matrix[features, : spec.n_outputs] = self._places("head_weight").T
        matrix[-1, : spec.n_outputs] = self._places("head_bias")
        transposed = matrix[:-1, : spec.n_outputs].T
        self._scans.append(
            [
                n_features,
                0,
                self._place(matrix),
                self._place(transposed),
                0,
                self._place_gradient(matrix, self.head_outputs),
                len(matrix),
            ]
        )

    def _place_convolutions(
        self, name: str, layers: tuple[ConvolutionSpec, ...], pooled: bool, need_dx: bool
    ) -> Stack | None:
        """Of each layer a matrix (width * inputs, filters), its steps transposed, and the rest."""
        if not layers:
            return None
        n_inputs = n_columns = self.spec.n_channels  # the latter once filled up
        table, nothing = [], self.layout.size
        for k, layer in enumerate(layers):
            n_filters = _filled(layer.n_filters, self.lanes)
            weight = self._places(f"{name}_weight_l{k}")  # (n_filters, n_inputs, width)
            matrix = np.full((layer.width, n_columns, n_filters), nothing, np.intp)
            matrix[:, :n_inputs, : layer.n_filters] = weight.transpose(2, 1, 0)
            kinds = ("shift", "scale", "mean", "variance") if layer.normalised else ("bias",)
            learned = np.full((len(kinds), n_filters), nothing, np.intp)
            for row, kind in zip(learned, kinds, strict=True):
                row[: layer.n_filters] = self._places(f"{name}_{kind}_l{k}")
            if layer.normalised:
                self._running = np.concatenate([self._running, learned[2:].ravel()])
            window = matrix.reshape(-1, n_filters)
            steps = matrix if need_dx or k > 0 else matrix[:0]
            transposed = np.array([self._panels(step.T) for step in steps], np.intp)
            table.append(
                [
                    n_columns,
                    n_filters,
                    layer.width,
                    layer.width - 1 if layer.causal else (layer.width - 1) // 2,
                    layer.stride,
                    int(layer.activation == "tanh"),
                    int(layer.normalised),
                    self._place(self._panels(window)),
                    self._place(transposed),
                    self._place(learned),
                    self._place_gradient(window, n_filters),
                    self._place_gradient(learned, n_filters),
                ]
            )
            n_inputs, n_columns = layer.n_filters, n_filters
        if f"{name}_batches" in self.layout.shapes:
            self._place_gradient(self._places(f"{name}_batches")[np.newaxis], 1)
        return Stack(gemm_address(self.dtype), pooled, np.array(table))

    def _readout(self, n_hidden: int) -> Any:
        """The marker of what the head reads; of attention with W, transposed, above b and v."""
        spec = self.spec
        if spec.per_step:
            return Steps()
        if "attention" not in spec.pooling:
            return Final() if spec.pooling == ("last",) else Pooled()
        units, blocks = np.arange(spec.n_units), np.arange(spec.n_directions) * n_hidden
        n_states = spec.n_directions * n_hidden
        matrix = np.full((n_states + 2, n_hidden), self.layout.size, np.intp)
        states = np.add.outer(blocks, units).ravel()
        matrix[np.ix_(states, units)] = self._places("attention_weight").T
        matrix[n_states, units] = self._places("attention_bias")
        matrix[n_states + 1, units] = self._places("score_weight")
        stride = self._odd_lines(n_hidden)
        return Attention(
            stride=stride,
            weight=self._place(self._panels(matrix[:n_states])),
            transposed=self._place(self._panels(matrix[:n_states].T)),
            vectors=self._place(matrix[n_states:]),
            gradient=self._place_gradient(matrix, stride),
        )

    def _places(self, name: str) -> NDArray[np.intp]:
        """Where the elements of a parameter stand in theta, in the parameter's shape."""
        shape = self.layout.shapes[name]
        return self.layout.offsets[name] + np.arange(math.prod(shape)).reshape(shape)

    def _place(self, indices: NDArray[np.intp]) -> int:
        """Add a block to the packed parameters, from a cache line on; returns where."""
        start = self._packed_size
        size = _filled(indices.size, 64 // self.dtype.itemsize)
        fill = np.full(size - indices.size, self.layout.size, np.intp)
        self._pack_parts += [indices.ravel(), fill]
        self._packed_size += size
        return start

    def _place_gradient(self, matrix: NDArray[np.intp], stride: int) -> int:
        """Where the gradient of a matrix begins, whose rows are a stride apart."""
        start = self.gradient_size
        rows, columns = np.nonzero(matrix < self.layout.size)
        self._unpack_index[matrix[rows, columns]] = start + rows * stride + columns
        self.gradient_size += _filled(len(matrix) * stride, 64 // self.dtype.itemsize)
        return start

    def _panels(self, matrix: NDArray[np.intp]) -> NDArray[np.intp]:
        """Columns in panels (n_panels, rows, 4 vectors), the last one filled up."""
        rows, columns = matrix.shape
        wide = PANEL * self.lanes
        n_panels = -(-columns // wide)
        filled = np.full((rows, n_panels * wide), self.layout.size, np.intp)
        filled[:, :columns] = matrix
        return filled.reshape(rows, n_panels, wide).transpose(1, 0, 2)

    def _odd_lines(self, n: int) -> int:
        """n elements filled up to an odd number of cache lines."""
        lines = -(-n * self.dtype.itemsize // 64)
        return (lines + 1 - lines % 2) * 64 // self.dtype.itemsize

    def n_read(self, n_rows: int, n_sequences: int) -> int:
        """Rows that the head reads: one for each sequence, or one for each time step."""
        return n_rows if self.spec.per_step else n_sequences

    def attention(self, work: Workspace, n_rows: int, n_sequences: int) -> NDArray:
        """Weights (n_rows, 1) of attention that `network_predict` has left in a workspace."""
        start = work.features + n_sequences * (self.plan.n_features + self.lanes)
        start += min(n_rows, BLOCK) * self.plan.readout.stride
        return work.flat[start : start + n_rows, np.newaxis]

    def segment(self, n_rows: int, n_timesteps: int) -> int:
        """Time steps between two kept states: all of them while the activations fit."""
        if n_rows * self._kept_per_row <= _KEPT_BYTES:
            return n_timesteps
        return max(1, math.isqrt(n_timesteps - 1) + 1)


class Buffers:
    """The workspace of one worker; it grows to the largest chunk it has seen."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._flat = aligned(0, network.dtype)
        n_channels, dtype = network.spec.n_channels, network.dtype
        self._front, self._branch = (
            None if stack is None else Convolutions(stack, n_channels, dtype)
            for stack in (network.front, network.branch)
        )
        self._dx = aligned(0, dtype)
        self._shape: tuple[int, int, int, bool] | None = None
        self._work: Workspace

    def convolve(
        self, batch: PackedBatch, weight: NDArray, statistics: NDArray | None = None
    ) -> PackedBatch:
        """A batch as the recurrent layers and the head see it.

        weight, statistics: see `Convolutions.forward`
        """
        x, starts, lengths, static = batch
        packed = self._network.packed
        if self._branch is not None:
            of_branch, _, _ = self._branch.forward(batch, weight, packed, statistics)
            n_filters = self._network.spec.branch[-1].n_filters
            static = np.concatenate([static, of_branch[:, :n_filters]], axis=1)
        if self._front is not None:
            x, starts, lengths = self._front.forward(batch, weight, packed, statistics)
        return PackedBatch(x, starts, lengths, static)

    def room_for_dx(self, x: NDArray) -> NDArray:
        """Where the network writes the gradient of the input that the front end gave it."""
        if self._front is None:
            return x
        if self._dx.size < x.size:
            self._dx = aligned(x.size, x.dtype)
        return self._dx[: x.size].reshape(x.shape)

    def convolve_backward(
        self, work: Workspace, batch: PackedBatch, dx: NDArray, dw: NDArray, need_dx: bool = False
    ) -> NDArray:
        """Add the gradients of the convolutions to dw; returns that of x, if needed.

        batch: what `convolve` gave;  work, dx: as the network left them
        """
        network, spec = self._network, self._network.spec
        if spec.num_layers == 0:
            y, h = _in_place_of_layers(network, batch, work, backward=True)
            dx[...] = 0.0
            dx[: len(y)] = y
            dx[_last_rows(batch)] += h
        if self._front is not None:
            dx = self._front.backward(dx, network.packed, need_dx, dw)
        if self._branch is not None:
            plan, n_sequences = network.plan, len(batch.lengths)
            dfeatures = work.flat[work.dfeatures : work.dfeatures + n_sequences * plan.n_features]
            first, n_filters = plan.n_pooled + spec.n_static, spec.branch[-1].n_filters
            dout = np.zeros((n_sequences, _filled(n_filters, network.lanes)), network.dtype)
            dout[:, :n_filters] = dfeatures.reshape(n_sequences, -1)[:, first : first + n_filters]
            further = self._branch.backward(dout, network.packed, need_dx, dw)
            if need_dx:
                dx += further
        return dx

    def fit(self, n_rows: int, n_sequences: int, n_timesteps: int, keep: bool) -> Workspace:
        """A workspace for a chunk of this size, its states zero."""
        plan = self._network.plan
        shape = (n_rows, n_sequences, n_timesteps, keep)
        if shape != self._shape:
            sizes = self._sizes(*shape)
            line = 64 // self._network.dtype.itemsize
            offsets, total = {}, 0
            for name, size in sizes.items():
                offsets[name] = total
                total += _filled(size, line)
            if total > self._flat.size:
                self._flat = aligned(total, self._network.dtype)
            self._shape, self._work = shape, Workspace(flat=self._flat, **offsets)
        work = self._work
        state = max(len(plan.scans) - 1, 1) * n_sequences * plan.n_hidden
        for start in (work.h, work.c, work.dh, work.dc)[: 4 if keep else 2]:
            work.flat[start : start + state] = 0.0
        return work

    def fit_to(self, batch: PackedBatch, keep: bool) -> Workspace:
        """`fit` for a batch that `convolve` gave."""
        work = self.fit(len(batch.x), len(batch.lengths), len(batch.starts) - 1, keep)
        if self._network.spec.num_layers == 0:
            y, h = _in_place_of_layers(self._network, batch, work)
            y[...] = batch.x[: len(y)]
            h[...] = batch.x[_last_rows(batch)]
        return work

    def _sizes(self, n_rows: int, n_sequences: int, n_timesteps: int, keep: bool) -> dict[str, int]:
        plan = self._network.plan
        width = lanes_of(self._network.dtype)
        segment = self._network.segment(n_rows, n_timesteps)
        whole = keep and segment >= n_timesteps
        n_scans = len(plan.scans) - 1
        # without activations to keep, the scans take turns in one step's buffers
        n_kept = n_rows if whole else n_sequences * (segment if keep else 1)
        shares = n_scans if whole else 1
        strides = plan.scans[:, ROW_STRIDE]
        # without recurrent layers what came of the convolutions takes the place of one
        n_layers = max(plan.n_layers, 1)
        emitting = n_layers if plan.reads_all else n_layers - 1
        y = emitting * n_rows * plan.n_directions * plan.n_hidden
        state = max(n_scans, 1) * n_sequences * plan.n_hidden
        n_read = self._network.n_read(n_rows, n_sequences)
        outputs = n_read * _filled(plan.n_outputs, width)
        attention = 0
        if isinstance(plan.readout, Attention):  # its room is behind the features
            projected = n_rows if keep else min(n_rows, BLOCK)
            attention = projected * plan.readout.stride + 2 * _filled(n_rows, width)
        return {
            "rows": n_kept * int(strides.sum() if whole else strides.max()),
            "gates": shares * n_kept * plan.gate_stride,
            "cells": shares * n_kept * plan.cell_stride if keep else 0,
            "y": y,
            "dy": y if keep else 0,
            "h": state,
            "c": state,
            "dh": state if keep else 0,
            "dc": state if keep else 0,
            "checkpoints": 0 if whole or not keep else 2 * state * -(-n_timesteps // segment),
            "features": n_read * (plan.n_features + width) + attention,
            "dropped": n_read * (plan.n_features + width) if keep else 0,
            "dfeatures": n_read * plan.n_features if keep else 0,
            "raw": outputs,
            "draw": outputs if keep else 0,
        }


def _in_place_of_layers(
    network: Network, batch: PackedBatch, work: Workspace, backward: bool = False
) -> tuple[NDArray, NDArray]:
    """Where pooling reads states and final states of a network without recurrent layers.

    (n_rows or 0 if it reads the final ones only, n_hidden) and (n_sequences, n_hidden)
    """
    plan = network.plan
    n_rows = len(batch.x) if plan.reads_all else 0
    n_sequences, n = len(batch.lengths), plan.n_hidden
    y, h = (work.dy, work.dh) if backward else (work.y, work.h)
    states = work.flat[y : y + n_rows * n].reshape(n_rows, n)
    return states, work.flat[h : h + n_sequences * n].reshape(n_sequences, n)


def _last_rows(batch: PackedBatch) -> NDArray[np.int64]:
    """Row of the last step of every sequence."""
    return batch.starts[batch.lengths - 1] + np.arange(len(batch.lengths))
