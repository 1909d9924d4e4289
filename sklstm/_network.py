"""The network in Python: its plan for the kernels, its buffers, and calls chunk by chunk."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sklstm._kernels import losses
from sklstm._kernels.network import (
    ROW_STRIDE,
    Plan,
    Workspace,
    network_gradient,
    network_pack,
    network_predict,
    network_unpack,
)
from sklstm._kernels.simd import PANEL, lanes_of
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
    """A network of one shape and dtype; parameters come and go as the flat vector theta."""

    def __init__(self, spec: NetworkSpec, dtype: DTypeLike, need_dx: bool = False) -> None:
        self.spec = spec
        self.dtype = np.dtype(dtype)
        self.need_dx = need_dx
        self.layout = ParameterLayout(spec)
        self.plan, packed_size, self.gradient_size = self._plan()
        self.head_outputs = _filled(spec.n_outputs, lanes_of(self.dtype))
        self.packed = aligned(packed_size, self.dtype)  # (packed_size,)

    def _odd_lines(self, n: int) -> int:
        """n elements filled up to an odd number of cache lines."""
        lines = -(-n * self.dtype.itemsize // 64)
        return (lines + 1 - lines % 2) * 64 // self.dtype.itemsize

    def _plan(self) -> tuple[Plan, int, int]:
        spec, width = self.spec, lanes_of(self.dtype)
        line = 64 // self.dtype.itemsize
        wide = PANEL * width
        n_hidden = _filled(spec.hidden_size, width)
        n_pooled = len(spec.pooling) * spec.n_directions * n_hidden
        n_features = n_pooled + _filled(spec.n_static, width)
        head_outputs = _filled(spec.n_outputs, width)
        gate_stride = self._odd_lines(4 * n_hidden)
        scans = []
        packed_size = gradient_size = 0

        def take(size: int) -> int:
            nonlocal packed_size
            start = packed_size
            packed_size += _filled(size, line)
            return start

        for layer in range(spec.num_layers):
            inputs = spec.n_directions * n_hidden if layer else spec.n_channels
            n_columns = n_hidden + inputs + 1
            backward = 4 * n_hidden * wide  # one panel of the transposed weights
            for suffix in ("", "_reverse")[: spec.n_directions]:
                names = [f"{kind}_l{layer}{suffix}" for kind in ("weight_ih", "weight_hh", "bias")]
                scans.append(
                    [
                        inputs,
                        self._odd_lines(n_columns),
                        *(self.layout.offsets[name] for name in names),
                        take(n_hidden // width * n_columns * wide),
                        take(-(-n_hidden // wide) * backward),
                        take(-(-inputs // wide) * backward if layer or self.need_dx else 0),
                        gradient_size,
                    ]
                )
                gradient_size += n_columns * gate_stride
        head = [self.layout.offsets["head_weight"], self.layout.offsets["head_bias"], 0]
        head += [take((n_features + 1) * head_outputs), take(spec.n_outputs * n_features), 0]
        scans.append([n_features, 0, *head, gradient_size])
        gradient_size += _filled((n_features + 1) * head_outputs, line)
        plan = Plan(
            hidden_size=spec.hidden_size,
            n_hidden=n_hidden,
            n_layers=spec.num_layers,
            n_directions=spec.n_directions,
            n_channels=spec.n_channels,
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
            scans=np.array(scans),
        )
        return plan, packed_size, gradient_size

    def pack(self, theta: NDArray) -> None:
        """Bring the parameters into the layout that the kernels read."""
        network_pack(self.plan, theta, self.need_dx, self.packed)

    def unpack_gradient(self, chunks: NDArray, n_chunks: int, gradient: NDArray) -> None:
        """Sum the gradients of the chunks, in their order, into the layout of theta."""
        network_unpack(self.plan, chunks, n_chunks, gradient)

    def segment(self, n_rows: int, n_timesteps: int) -> int:
        """Time steps between two kept states: all of them while the activations fit."""
        plan = self.plan
        n_scans = len(plan.scans) - 1
        per_row = int(plan.scans[:, ROW_STRIDE].sum())  # the head's is 0
        per_row += n_scans * (plan.gate_stride + 2 * plan.n_hidden)
        kept = n_rows * per_row * self.dtype.itemsize
        if kept <= _KEPT_BYTES:
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

    def _sizes(
        self, n_rows: int, n_sequences: int, n_timesteps: int, keep: bool
    ) -> dict[str, int]:
        plan = self._network.plan
        width = lanes_of(self._network.dtype)
        segment = self._network.segment(n_rows, n_timesteps)
        whole = keep and segment >= n_timesteps
        n_scans = len(plan.scans) - 1
        # without activations to keep, the scans take turns in one step's buffers
        n_kept = n_rows if whole else n_sequences * (segment if keep else 1)
        shares = n_scans if whole else 1
        strides = plan.scans[:, ROW_STRIDE]
        emitting = plan.n_layers if plan.mean or plan.maximum else plan.n_layers - 1
        y = emitting * n_rows * plan.n_directions * plan.n_hidden
        state = n_scans * n_sequences * plan.n_hidden
        outputs = n_sequences * _filled(plan.n_outputs, width)
        return {
            "rows": n_kept * int(strides.sum() if whole else strides.max()),
            "gates": shares * n_kept * plan.gate_stride,
            "cells": shares * n_kept * 2 * plan.n_hidden if keep else 0,
            "y": y,
            "dy": y if keep else 0,
            "h": state,
            "c": state,
            "dh": state if keep else 0,
            "dc": state if keep else 0,
            "checkpoints": 0 if whole or not keep else 2 * state * -(-n_timesteps // segment),
            "features": n_sequences * (plan.n_features + width),
            "dropped": n_sequences * (plan.n_features + width),
            "dfeatures": n_sequences * plan.n_features if keep else 0,
            "raw": outputs,
            "draw": outputs if keep else 0,
        }
