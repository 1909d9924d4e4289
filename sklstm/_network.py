"""The network in Python: its plan for the kernels, its buffers, and calls chunk by chunk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sklstm._kernels import losses
from sklstm._kernels.attention import BLOCK
from sklstm._kernels.cells import CELLS
from sklstm._kernels.network import ROW_STRIDE, Plan, Workspace
from sklstm._kernels.readout import Attention, Pooled, Steps
from sklstm._kernels.simd import PANEL, gemm_address, lanes_of
from sklstm._parameters import NetworkSpec, ParameterLayout

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


def aligned(size: int, dtype: DTypeLike) -> NDArray:
    """An uninitialised flat array that starts on a cache line."""
    dtype = np.dtype(dtype)
    buffer = np.empty(size * dtype.itemsize + 64, np.uint8)
    start = -buffer.ctypes.data % 64
    return buffer[start : start + size * dtype.itemsize].view(dtype)


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
        self.plan = self._plan(need_dx)
        n_scans = len(self._scans) - 1
        kept = sum(scan[ROW_STRIDE] for scan in self._scans)  # the head's is 0
        kept += n_scans * (self.plan.gate_stride + self.plan.cell.n_kept * self.plan.n_hidden)
        self._kept_per_row = kept * self.dtype.itemsize  # bytes
        self._pack_index = np.concatenate(self._pack_parts)  # (packed size,)
        # theta, and behind it the zero that fills up vectors
        self._extended = np.zeros(self.layout.size + 1, self.dtype)
        self.packed = aligned(self._packed_size, self.dtype)

    def pack(self, theta: NDArray) -> None:
        """Bring the parameters into the layout that the kernels read."""
        self._extended[:-1] = theta
        np.take(self._extended, self._pack_index, out=self.packed, mode="clip")

    def unpack_gradient(self, chunks: NDArray, out: NDArray) -> None:
        """Sum the gradients of the chunks, in their order, into the layout of theta."""
        total = chunks[0] if len(chunks) == 1 else np.add.reduce(chunks, axis=0)
        np.take(total, self._unpack_index, out=out, mode="clip")

    # --- layout ---------------------------------------------------------------------------
    def _plan(self, need_dx: bool) -> Plan:
        spec, width = self.spec, self.lanes
        n_hidden = _filled(spec.hidden_size, width)
        n_pooled = len(spec.pooling) * spec.n_directions * n_hidden
        n_features = n_pooled + _filled(spec.n_static, width)
        cell = CELLS[spec.cell]
        gate_stride = self._odd_lines(cell.n_gates * n_hidden)
        for layer in range(spec.num_layers):
            for suffix in ("", "_reverse")[: spec.n_directions]:
                self._place_scan(layer, suffix, n_hidden, gate_stride, need_dx or layer > 0)
        self._place_head(n_hidden, n_pooled, n_features)
        return Plan(
            product=gemm_address(self.dtype),
            cell=cell,
            readout=self._readout(n_hidden),
            truncated=spec.truncated,
            bptt_steps=spec.bptt_steps,
            n_hidden=n_hidden,
            n_layers=spec.num_layers,
            n_directions=spec.n_directions,
            n_outputs=spec.n_outputs,
            last=int("last" in spec.pooling),
            mean=int("mean" in spec.pooling),
            maximum=int("max" in spec.pooling),
            loss=LOSSES[spec.loss],
            loss_parameter=float(spec.loss_parameter),
            n_pooled=n_pooled,
            n_static=spec.n_static,
            n_features=n_features,
            gate_stride=gate_stride,
            scans=np.array(self._scans),
        )

    def _place_scan(
        self, layer: int, suffix: str, n_hidden: int, gate_stride: int, need_dx: bool
    ) -> None:
        """One direction of one layer: the matrix [W_h; W_x; b] and its transposed parts."""
        spec, width = self.spec, self.lanes
        units = np.arange(spec.hidden_size)
        if layer == 0:
            n_inputs = spec.n_channels
            inputs = np.arange(n_inputs)
        else:
            n_inputs = spec.n_directions * n_hidden
            inputs = np.concatenate([d * n_hidden + units for d in range(spec.n_directions)])
        cell = CELLS[spec.cell]
        n_columns = n_hidden + n_inputs + 1
        matrix = np.full(
            (n_columns + cell.n_extra, cell.n_gates * n_hidden), self.layout.size, np.intp
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
        inputs_transposed = matrix[n_hidden : n_columns - 1].T if need_dx else matrix[:0].T
        self._scans.append(
            [
                n_inputs,
                self._odd_lines(n_columns),
                self._place(self._panels(matrix)),
                self._place(self._panels(matrix[:n_hidden].T)),
                self._place(self._panels(inputs_transposed)),
                self._place_gradient(matrix, gate_stride),
            ]
        )

    def _place_head(self, n_hidden: int, n_pooled: int, n_features: int) -> None:
        """The head as (n_features + 1, outputs), and transposed."""
        spec = self.spec
        n_blocks = n_pooled // n_hidden
        pooled = np.add.outer(np.arange(n_blocks) * n_hidden, np.arange(spec.hidden_size))
        features = np.concatenate([pooled.ravel(), n_pooled + np.arange(spec.n_static)])
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
            ]
        )

    def _readout(self, n_hidden: int) -> Any:
        """The marker of what the head reads; of attention with W, transposed, above b and v."""
        spec = self.spec
        if spec.per_step:
            return Steps()
        if "attention" not in spec.pooling:
            return Pooled()
        units, blocks = np.arange(spec.hidden_size), np.arange(spec.n_directions) * n_hidden
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
        self._shape: tuple[int, int, int, bool] | None = None
        self._work: Workspace

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
        state = (len(plan.scans) - 1) * n_sequences * plan.n_hidden
        for start in (work.h, work.c, work.dh, work.dc)[: 4 if keep else 2]:
            work.flat[start : start + state] = 0.0
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
        pooled_last = plan.last and not (plan.mean or plan.maximum)
        emitting = plan.n_layers - 1 if pooled_last else plan.n_layers
        y = emitting * n_rows * plan.n_directions * plan.n_hidden
        state = n_scans * n_sequences * plan.n_hidden
        n_read = self._network.n_read(n_rows, n_sequences)
        outputs = n_read * _filled(plan.n_outputs, width)
        attention = 0
        if isinstance(plan.readout, Attention):  # its room is behind the features
            projected = n_rows if keep else min(n_rows, BLOCK)
            attention = projected * plan.readout.stride + 2 * _filled(n_rows, width)
        return {
            "rows": n_kept * int(strides.sum() if whole else strides.max()),
            "gates": shares * n_kept * plan.gate_stride,
            "cells": shares * n_kept * plan.cell.n_kept * plan.n_hidden if keep else 0,
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
