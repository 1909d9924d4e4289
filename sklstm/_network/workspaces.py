"""Where the arrays of a chunk lie: one workspace, and how much of the past it keeps."""

from __future__ import annotations

import math

from sklstm._kernels.attention import BLOCK
from sklstm._kernels.encoder import Room, sizes
from sklstm._kernels.network import ROW_STRIDE, Workspace
from sklstm._kernels.readout import Attention
from sklstm._kernels.simd import aligned
from sklstm._network.convolutions import kept_per_row
from sklstm._network.network import Network
from sklstm._network.packing import filled

# Bytes of activations that one chunk may keep for its backward pass. Beyond it the states
# of every k-th step are kept and the steps between are computed again.
_KEPT_BYTES = 256 * 2**20


class Workspaces:
    """The workspace of one worker: it grows to the largest chunk that it has seen."""

    def __init__(self, network: Network, segment: int | None = None) -> None:
        """Make room when a chunk comes; `segment`: time steps between two kept states."""
        self.network = network
        self._segment = segment
        self.kept_per_row = _kept_per_row(network)  # bytes
        self._flat = aligned(0, network.dtype)
        self._shape: tuple[int, int, int, bool] | None = None
        self._work: Workspace

    def of(self, n_rows: int, n_sequences: int, n_timesteps: int, keep: bool) -> Workspace:
        """Return a workspace for a chunk of this size, its states zero."""
        plan = self.network.plan
        shape = (n_rows, n_sequences, n_timesteps, keep)
        if shape != self._shape:
            line = 64 // self.network.dtype.itemsize
            offsets, total = _laid_out(self._sizes(*shape), 0, line)
            room, last = None, max(plan.n_layers - 1, 0) * plan.n_directions
            before = last * n_sequences * plan.n_hidden
            offsets |= {"ends": offsets["h"] + before, "dends": offsets["dh"] + before}
            if plan.encoder is not None:
                of_encoder = sizes(plan.encoder, self.network.lanes, *shape)
                places, total = _laid_out(of_encoder, total, line)
                offsets |= {name: places.pop(name) for name in ("ends", "dends")}
                room = Room(**places)
            if total > self._flat.size:
                self._flat = aligned(total, self.network.dtype)
            self._shape, self._work = shape, Workspace(self._flat, **offsets, encoder=room)
        work = self._work
        state = max(len(plan.scans) - 1, 1) * n_sequences * plan.n_hidden
        for start in (work.h, work.c, work.dh, work.dc)[: 4 if keep else 2]:
            work.flat[start : start + state] = 0.0
        return work

    def segment(self, n_rows: int, n_timesteps: int) -> int:
        """Return the time steps between two kept states: all while the activations fit.

        Unless the chunk was made for another number.
        """
        if self._segment is not None:
            return self._segment
        if n_rows * self.kept_per_row <= _KEPT_BYTES:
            return n_timesteps
        return max(1, math.isqrt(n_timesteps - 1) + 1)

    def _sizes(self, n_rows: int, n_sequences: int, n_timesteps: int, keep: bool) -> dict[str, int]:
        """Return the sizes of the arrays in a workspace, by their names there."""
        plan, lanes = self.network.plan, self.network.lanes
        segment = self.segment(n_rows, n_timesteps)
        whole = keep and segment >= n_timesteps
        n_scans = len(plan.scans) - 1
        # without activations to keep, the scans take turns in one step's buffers
        n_kept = n_rows if whole else n_sequences * (segment if keep else 1)
        n_owners = n_scans if whole else 1
        strides = plan.scans[:, ROW_STRIDE]
        # without recurrent layers what came of the convolutions takes the place of one
        n_layers = max(plan.n_layers, 1)
        emitting = n_layers if plan.reads_all else n_layers - 1
        y = emitting * n_rows * plan.n_directions * plan.n_hidden
        state = max(n_scans, 1) * n_sequences * plan.n_hidden
        n_read = self.network.n_read(n_rows, n_sequences)
        outputs = n_read * filled(plan.n_outputs, lanes)
        attention = 0
        if isinstance(plan.readout, Attention):  # its arrays are behind the features
            projected = n_rows if keep else min(n_rows, BLOCK)
            attention = projected * plan.readout.stride + 2 * filled(n_rows, lanes)
        return {
            "rows": n_kept * int(strides.sum() if whole else strides.max()),
            "gates": n_owners * n_kept * plan.gate_stride,
            "cells": n_owners * n_kept * plan.cell_stride if keep else 0,
            "y": y,
            "dy": y if keep else 0,
            "h": state,
            "c": state,
            "dh": state if keep else 0,
            "dc": state if keep else 0,
            "checkpoints": 0 if whole or not keep else 4 * state * -(-n_timesteps // segment),
            "features": n_read * plan.feature_stride + attention,
            "dropped": n_read * plan.feature_stride if keep else 0,
            "dfeatures": n_read * plan.n_features if keep else 0,
            "raw": outputs,
            "draw": outputs if keep else 0,
        }


def _laid_out(sizes: dict[str, int], start: int, line: int) -> tuple[dict[str, int], int]:
    """Return where arrays begin that lie one behind the other, and where the last one ends."""
    offsets = {}
    for name, size in sizes.items():
        offsets[name] = start
        start += filled(size, line)
    return offsets, start


def _kept_per_row(network: Network) -> int:
    """Return the bytes that a gradient keeps for each row of a chunk."""
    plan = network.plan
    kept = int(plan.scans[:, ROW_STRIDE].sum())  # the head's is 0
    kept += (len(plan.scans) - 1) * (plan.gate_stride + plan.cell_stride)
    stride = network.spec.stride
    if network.front is not None:
        kept += stride // network.spec.patch_size * kept_per_row(network.front)
    if network.branch is not None:
        kept += stride * kept_per_row(network.branch)
    return kept * network.dtype.itemsize
