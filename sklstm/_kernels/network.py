"""The whole network over one chunk: recurrent layers, encoder, pooling, head, loss and back.

One call a chunk, so that Python costs microseconds a minibatch and the threads that work
on different chunks do not wait for each other.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sklstm._kernels.encoder import begin_backward, encode, encode_backward
from sklstm._kernels.gemm import PANEL, gemm
from sklstm._kernels.jit import FALSE, ONE, TRUE, device, kernel, part
from sklstm._kernels.losses import loss_gradient
from sklstm._kernels.meeting import all_arrived, arrive
from sklstm._kernels.readout import n_read, read_backward, read_forward, read_step
from sklstm._kernels.scan import scan_backward, scan_forward
from sklstm._kernels.simd import address, copy, cube, fill, lanes, matrix, multiply, span


class Plan(NamedTuple):
    """Shape of a network, and where its parts begin in the flat vectors.

    A *scan* is one direction of one layer; scan = layer * n_directions + direction.
    """

    product: int  # address of the matrix product
    cell: Any  # marker of the recurrent cell, see cells/dispatch.py
    norm: Any  # layer normalisation, see layer_norm.py, or None
    noise: Any  # see noise.py, or None
    encoder: Any  # see encoder.py, or None
    readout: Any  # marker of what the head reads, see readout.py
    truncated: bool  # errors leave a step through c alone
    bptt_steps: int  # steps after which errors of state are cut; 0 for none
    n_hidden: int  # hidden size filled up to whole vectors
    n_layers: int
    n_directions: int
    n_outputs: int
    last: int
    mean: int
    maximum: int
    reads_all: bool  # whether encoder or readout read all states of the last layer
    loss: int
    loss_parameters: Any  # float64, see `loss_gradient`; None in a stream
    n_pooled: int  # pooled states, in whole vectors
    n_static: int  # further features of a sequence that go straight to the head
    n_features: int  # both, in whole vectors, without the 1 for the bias
    feature_stride: int  # the features and a vector that begins with the 1
    gate_stride: int
    cell_stride: int  # of what is kept for the backward pass beside rows and gates
    scans: Any  # int64 (n_scans + 1, 8): the columns below; the last row is the head's


# Columns of Plan.scans
N_INPUTS = 0  # columns of the layer's input
ROW_STRIDE = 1  # of [h, x, 1]
PACKED = 2  # of weight, weight_h and weight_x in the packed parameters; the head, transposed
GRADIENT = 5  # in the packed gradient
N_ROWS = 6  # of weight
ROWS_BEFORE = 7  # row strides of the scans before it, added up


class Workspace(NamedTuple):
    """Buffers of one worker in one flat array, and the offset at which each begins."""

    flat: Any
    rows: int
    gates: int
    cells: int
    y: int  # states of every layer, (n_layers, n_rows, n_directions * n_hidden)
    dy: int
    h: int  # (n_scans, n_sequences, n_hidden)
    c: int
    dh: int
    dc: int
    # (n_scans, n_segments, 4, n_sequences, n_hidden): of every segment h and c before it, on the
    # way back those after it; and what is left of their gradients before it
    checkpoints: int
    features: int
    dropped: int
    dfeatures: int
    raw: int
    draw: int
    ends: int  # final states that the readout reads, (n_directions, n_sequences, n_hidden)
    dends: int
    encoder: Any  # a `Room`, or None


# These take single fields: a plan or a workspace as an argument is dozens of them.
@device
def _panels(packed, scans, scan, n_hidden, n_gates, need_dx):
    """weight, weight_h and weight_x of a scan, views into the packed parameters."""
    n_rows = scans[scan, N_ROWS]
    wide = PANEL * lanes(packed)
    n_wide = (n_gates + wide - 1) // wide
    weight = cube(packed, scans[scan, PACKED], n_wide, n_rows, wide)
    n_wide = (n_hidden + wide - 1) // wide
    weight_h = cube(packed, scans[scan, PACKED + 1], n_wide, n_gates, wide)
    n_wide = (scans[scan, N_INPUTS] + wide - 1) // wide if need_dx else 0
    return weight, weight_h, cube(packed, scans[scan, PACKED + 2], n_wide, n_gates, wide)


@device
def _head(packed, scans, n_features, n_outputs):
    """The head as (n_features + 1, outputs) and transposed, in whole vectors."""
    width = lanes(packed)
    places = scans[scans.shape[0] - 1]
    n_columns = (n_outputs + width - 1) // width * width
    forward = matrix(packed, places[PACKED], n_features + 1, n_columns)
    return forward, matrix(packed, places[PACKED + 1], n_outputs, n_features)


@device
def _kept(flat, rows, gates, cells, scans, gate_stride, cell_stride, own, scan, n_kept):
    """rows, gates and cells of a scan, each (n_kept, ...).

    (in) rows, gates, cells: where those of the first scan begin
    (in) own: the scan, or 0 if all take turns in the buffers of the first
    """
    before = scans[own, ROWS_BEFORE] * n_kept
    return (
        matrix(flat, rows + before, n_kept, scans[scan, ROW_STRIDE]),
        matrix(flat, gates + own * n_kept * gate_stride, n_kept, gate_stride),
        matrix(flat, cells + own * n_kept * cell_stride, n_kept, cell_stride),
    )


@part
def _recurrent_forward(plan, x, starts, packed, layer_mask, segment, keep, work):
    """All recurrent layers; the final states are left in work.h and work.c.

    (in) segment: time steps between two kept states; n_timesteps or more keeps them all
    """
    n_rows, n_sequences = x.shape[0], starts[1]
    n_timesteps = starts.size - 1
    wide = plan.n_directions * plan.n_hidden
    whole = keep and segment >= n_timesteps
    n_kept = n_rows if whole else n_sequences
    n_segments = (n_timesteps + segment - 1) // segment
    state_size = n_sequences * plan.n_hidden
    n_gates = plan.cell.n_gates * plan.n_hidden
    source = x
    for layer in range(plan.n_layers):
        emit = layer < plan.n_layers - 1 or plan.reads_all
        y = matrix(work.flat, work.y + layer * n_rows * wide, n_rows if emit else 0, wide)
        for direction in range(plan.n_directions):
            scan = layer * plan.n_directions + direction
            weight, _, _ = _panels(packed, plan.scans, scan, plan.n_hidden, n_gates, FALSE)
            h = matrix(work.flat, work.h + scan * state_size, n_sequences, plan.n_hidden)
            c = matrix(work.flat, work.c + scan * state_size, n_sequences, plan.n_hidden)
            rows, gates, cells = _kept(
                work.flat, work.rows, work.gates, work.cells, plan.scans, plan.gate_stride,
                plan.cell_stride, scan if whole else 0, scan, n_kept,
            )  # fmt: skip
            for k in range(n_segments):
                first, last = k * segment, min((k + 1) * segment, n_timesteps)
                if keep and not whole:
                    place = (scan * n_segments + k) * 4
                    saved = cube(
                        work.flat,
                        work.checkpoints + place * state_size,
                        4,
                        n_sequences,
                        plan.n_hidden,
                    )
                    copy(address(h, 0), address(saved, 0), state_size)
                    copy(address(c, 0), address(saved, state_size), state_size)
                scan_forward(
                    plan.product, plan.cell, plan.norm, plan.noise, scan, source, starts,
                    direction == 1, first, last, weight, h, c, rows, gates, cells,
                    y, direction * plan.n_hidden, whole, emit,
                )  # fmt: skip
        if layer < plan.n_layers - 1 and layer_mask.size > 0:
            multiply(address(y, 0), address(layer_mask, layer * n_rows * wide), n_rows * wide)
        source = y


@part
def _recurrent_backward(
    plan, x, starts, packed, layer_mask, segment, need_dx, need_dw, work, dx, dw
):  # fmt: skip
    """Gradients of `_recurrent_forward`.

    (in) work.dy: gradient of the last layer's states, if pooling reads them
    (accum) work.dh, work.dc (n_scans, n_sequences, n_hidden): gradients of the final
            states, then of the initial states
    (in) need_dw: see `network_gradient`
    (out) dx: gradient of x, if `need_dx`;  (accum) dw
    """
    n_rows, n_sequences = x.shape[0], starts[1]
    n_timesteps = starts.size - 1
    wide = plan.n_directions * plan.n_hidden
    whole = segment >= n_timesteps
    n_kept = n_rows if whole else min(n_rows, segment * n_sequences)
    n_segments = (n_timesteps + segment - 1) // segment
    state_size = n_sequences * plan.n_hidden
    n_gates = plan.cell.n_gates * plan.n_hidden
    nothing = matrix(work.flat, work.y, 0, wide)
    for layer in range(plan.n_layers - 1, -1, -1):
        emit = layer < plan.n_layers - 1 or plan.reads_all
        dy = matrix(work.flat, work.dy + layer * n_rows * wide, n_rows if emit else 0, wide)
        if layer < plan.n_layers - 1 and layer_mask.size > 0:
            multiply(address(dy, 0), address(layer_mask, layer * n_rows * wide), n_rows * wide)
        source, dsource = x, dx
        if layer > 0:
            source = matrix(work.flat, work.y + (layer - 1) * n_rows * wide, n_rows, wide)
            dsource = matrix(work.flat, work.dy + (layer - 1) * n_rows * wide, n_rows, wide)
        for direction in range(plan.n_directions):
            scan = layer * plan.n_directions + direction
            weight, weight_h, weight_x = _panels(
                packed, plan.scans, scan, plan.n_hidden, n_gates, need_dx or layer > 0
            )
            dh = matrix(work.flat, work.dh + scan * state_size, n_sequences, plan.n_hidden)
            dc = matrix(work.flat, work.dc + scan * state_size, n_sequences, plan.n_hidden)
            rows, gates, cells = _kept(
                work.flat, work.rows, work.gates, work.cells, plan.scans, plan.gate_stride,
                plan.cell_stride, scan if whole else 0, scan, n_kept,
            )  # fmt: skip
            dweight = matrix(dw, plan.scans[scan, GRADIENT], weight.shape[1], plan.gate_stride)
            for k in range(n_segments - 1, -1, -1):
                first, last = k * segment, min((k + 1) * segment, n_timesteps)
                if not whole:
                    place = (scan * n_segments + k) * 4
                    saved = cube(
                        work.flat,
                        work.checkpoints + place * state_size,
                        4,
                        n_sequences,
                        plan.n_hidden,
                    )
                    scan_forward(
                        plan.product, plan.cell, plan.norm, plan.noise, scan, source, starts,
                        direction == 1, first, last, weight, saved[0], saved[1], rows, gates, cells,
                        nothing, direction, TRUE, FALSE,
                    )  # fmt: skip
                scan_backward(
                    plan.product, plan.cell, plan.norm, plan.noise, scan, plan.truncated,
                    plan.bptt_steps, starts, direction == 1, first, last, rows, gates, cells,
                    dy, direction * plan.n_hidden, emit,
                    weight, weight_h, weight_x, dh, dc, dsource, need_dx or layer > 0,
                    direction == 1, need_dw, dweight,
                )  # fmt: skip
                if not whole:
                    left = work.checkpoints + ((scan * n_segments + k) * 4 + 2) * state_size
                    copy(address(dh, 0), address(work.flat, left), state_size)
                    copy(address(dc, 0), address(work.flat, left + state_size), state_size)


@part
def _head_forward(plan, starts, lengths, static, packed, feature_mask, keep, work):
    """Features and raw predictions; returns features, what the head saw, and raw.

    A row of features is [what the readout gives | static | 1], each in whole vectors. There is
    one for each sequence, or without static features one for each time step.
    """
    width = lanes(packed)
    n_rows, n_sequences = starts[starts.size - 1], starts[1]
    n_read_rows = n_read(plan.readout, starts)
    wide = plan.n_directions * plan.n_hidden
    top = max(plan.n_layers - 1, 0)  # without recurrent layers the caller fills in its place
    h = cube(work.flat, work.ends, plan.n_directions, n_sequences, plan.n_hidden)
    emit = plan.reads_all
    before = top * n_rows * wide
    y = matrix(work.flat, work.y + before, n_rows if emit else 1, wide)
    encode(plan.encoder, plan, starts, lengths, packed, work, keep, y, h)
    features = matrix(work.flat, work.features, n_read_rows, plan.feature_stride)
    read_forward(plan.readout, plan, starts, lengths, packed, work, h, y, keep, features)
    for r in range(n_read_rows):
        place = r * features.shape[1] + plan.n_pooled
        fill(address(features, place), features.shape[1] - plan.n_pooled, 0.0)
        for j in range(plan.n_static):
            features[r, plan.n_pooled + j] = static[r, j]
        features[r, plan.n_features] = 1.0
    seen = features
    if feature_mask.size > 0:
        seen = matrix(work.flat, work.dropped, n_read_rows, plan.feature_stride)
        copy(address(features, 0), address(seen, 0), features.size)
        for r in range(n_read_rows):
            multiply(
                address(seen, r * seen.shape[1]),
                address(feature_mask, r * plan.n_pooled),
                plan.n_pooled,
            )
    head, _ = _head(packed, plan.scans, plan.n_features, plan.n_outputs)
    raw = matrix(work.flat, work.raw, n_read_rows, head.shape[1])
    gemm(
        plan.product, address(seen, 0), seen.shape[1], ONE,
        address(head, 0), PANEL * width, head.shape[1],
        address(raw, 0), raw.shape[1],
        n_read_rows, raw.shape[1] // width, plan.n_features + 1, FALSE,
    )  # fmt: skip
    return features, seen, raw


@part
def _head_backward(plan, starts, lengths, packed, feature_mask, features, seen, draw, work, dw):
    """Gradients of the head and of the states that the readout read."""
    width = lanes(packed)
    n_rows, n_sequences = starts[starts.size - 1], starts[1]
    n_scans = plan.n_layers * plan.n_directions
    _, transposed = _head(packed, plan.scans, plan.n_features, plan.n_outputs)
    n_read_rows = draw.shape[0]
    dfeatures = matrix(work.flat, work.dfeatures, n_read_rows, plan.n_features)
    gemm(
        plan.product, address(draw, 0), draw.shape[1], ONE,
        address(transposed, 0), PANEL * width, plan.n_features,
        address(dfeatures, 0), plan.n_features,
        n_read_rows, plan.n_features // width, plan.n_outputs, FALSE,
    )  # fmt: skip
    dhead = matrix(dw, plan.scans[n_scans, GRADIENT], plan.n_features + 1, draw.shape[1])
    gemm(
        plan.product, address(seen, 0), ONE, seen.shape[1],
        address(draw, 0), PANEL * width, draw.shape[1],
        address(dhead, 0), dhead.shape[1],
        plan.n_features + 1, dhead.shape[1] // width, n_read_rows, TRUE,
    )  # fmt: skip
    if feature_mask.size > 0:
        for r in range(n_read_rows):
            multiply(
                address(dfeatures, r * plan.n_features),
                address(feature_mask, r * plan.n_pooled),
                plan.n_pooled,
            )
    wide = plan.n_directions * plan.n_hidden
    top = max(plan.n_layers - 1, 0)  # without recurrent layers the caller fills in its place
    dh = cube(work.flat, work.dends, plan.n_directions, n_sequences, plan.n_hidden)
    emit = plan.reads_all
    before = top * n_rows * wide
    y = matrix(work.flat, work.y + before, n_rows if emit else 0, wide)
    dy = matrix(work.flat, work.dy + before, n_rows if emit else 0, wide)
    begin_backward(plan.encoder, dh, dy)
    read_backward(
        plan.readout, plan, starts, lengths, packed, work, y, features, dfeatures, dh, dy, dw
    )
    encode_backward(plan.encoder, plan, starts, lengths, packed, work, dh, dy, dw)


@kernel
def network_gradient(
    plan, x, starts, lengths, static, target, row_weight, layer_mask, feature_mask, segment,
    need_dx, need_dw, packed, work, dx, dw, arrived, patience, waiting,
):  # fmt: skip
    """Loss of a chunk and its gradient by every parameter, or as much as it can without `static`.

    (in) x (n_rows, n_channels), starts (n_timesteps + 1,), lengths (n_sequences,): packed
    (in) static (n_sequences, n_static)
    (in) target (n_read, n_targets), row_weight (n_read,): see `loss_gradient`; a row for each
         sequence, or for each time step in the packed order
    (in) layer_mask (n_layers - 1, n_rows, n_directions * n_hidden), flat, and feature_mask
         (n_read, n_pooled): 0 or 1 / (1 - dropout); of size 0 for no dropout
    (in) segment: time steps between two kept states (gradient checkpointing)
    (in) need_dw: whether dw is wanted; else it is scratch, and its large products are left out
    (accum) work.h, work.c: initial, then final states; work.dh, work.dc: gradient of the
            final states beyond what pooling adds, then of the initial states
    (accum) arrived int64 (2,): this kernel arrives at the first when static is needed, and when
            `work.dfeatures` are there; another thread at the second when it has written static.
            Of size 0: static is there
    (in) patience: how many times to look for static
    (in) waiting: whether the last call ended for want of static
    (out) work.raw, dx (if need_dx);  (accum) dw
    returns whether it waits for static, and the sum over the chunk of row_weight * loss
    """
    if not waiting:
        _recurrent_forward(plan, x, starts, packed, layer_mask, segment, TRUE, work)
        if arrived.size > 0:
            arrive(arrived, 0)
    if arrived.size > 0 and not all_arrived(arrived, 0, patience):
        return True, 0.0
    features, seen, raw = _head_forward(
        plan, starts, lengths, static, packed, feature_mask, TRUE, work
    )
    draw = matrix(work.flat, work.draw, raw.shape[0], raw.shape[1])
    loss = loss_gradient(
        plan.loss, plan.loss_parameters, raw, target, row_weight, plan.n_outputs, draw
    )
    _head_backward(plan, starts, lengths, packed, feature_mask, features, seen, draw, work, dw)
    if arrived.size > 0:
        arrive(arrived, 0)
    _recurrent_backward(
        plan, x, starts, packed, layer_mask, segment, need_dx, need_dw, work, dx, dw
    )
    return False, float(loss)


@kernel
def network_predict(plan, x, starts, lengths, static, packed, work):
    """Raw predictions of a chunk into work.raw, from the initial states in work.h, work.c.

    No activation outlives its time step but the states that a later layer or pooling reads.
    """
    n_timesteps = starts.size - 1
    layer_mask = work.flat[:0]
    _recurrent_forward(plan, x, starts, packed, layer_mask, n_timesteps, FALSE, work)
    feature_mask = matrix(work.flat, 0, 0, 0)
    _head_forward(plan, starts, lengths, static, packed, feature_mask, FALSE, work)


@kernel
def network_trace(plan, x, starts, packed, work):
    """Gates and states of all recurrent layers at every step of a chunk.

    (accum) work.h, work.c: initial, then final states
    (out) work.rows, work.gates, work.cells: of all scans and steps, see `scan_forward`
    """
    layer_mask = work.flat[:0]
    n_timesteps = starts.size - 1
    _recurrent_forward(plan, x, starts, packed, layer_mask, n_timesteps, TRUE, work)


class StreamPlace(NamedTuple):
    """Where a stream keeps what a workspace does not have, behind it in the same flat array."""

    scaled: int  # (n_streams, n_channels)
    total: int  # (n_streams, n_hidden): sum of the last layer's states
    highest: int  # (n_streams, n_hidden): their maximum
    largest: float  # of the scaled values that the network is fed


@kernel
def network_step(
    cell, norm, noise, readout, settings, scans, starts, packed, flat, x, scaling, n_seen
):
    """One time step of several streams: their states go on, raw predictions into work.raw.

    The plan and the workspace come as one record: as tuples they would cost more to hand over
    than the step costs.

    (in) cell, norm, noise, readout, scans: of the plan
    (in) settings (1,): a record of the other fields of Plan, Workspace and StreamPlace
    (in) starts (2,): 0 and n_streams
    (in) packed: parameters
    (accum) flat: the workspace, then `StreamPlace`; features are 0 but for the last column, 1
    (in) x (n_streams, n_channels): float64
    (in) scaling (2, n_channels): what to subtract, and what to multiply by
    (accum) n_seen (n_streams,): steps so far
    returns whether x, scaled, was within s.largest; if not, or NaN, nothing has happened
    """
    s = settings[0]
    plan = Plan(
        product=s.product, cell=cell, norm=norm, noise=noise, encoder=None, readout=readout,
        truncated=s.truncated != 0, bptt_steps=s.bptt_steps, n_hidden=s.n_hidden,
        n_layers=s.n_layers, n_directions=s.n_directions, n_outputs=s.n_outputs, last=s.last,
        mean=s.mean, maximum=s.maximum, reads_all=s.reads_all != 0, loss=s.loss,
        loss_parameters=None, n_pooled=s.n_pooled, n_static=s.n_static,
        n_features=s.n_features, feature_stride=s.feature_stride, gate_stride=s.gate_stride,
        cell_stride=s.cell_stride, scans=scans,
    )  # fmt: skip
    work = Workspace(
        flat=flat, rows=s.rows, gates=s.gates, cells=s.cells, y=s.y, dy=s.dy, h=s.h, c=s.c,
        dh=s.dh, dc=s.dc, checkpoints=s.checkpoints, features=s.features, dropped=s.dropped,
        dfeatures=s.dfeatures, raw=s.raw, draw=s.draw, ends=s.ends,
        dends=s.dends, encoder=None,
    )  # fmt: skip
    n_streams, n_channels = x.shape
    scaled = matrix(flat, s.scaled, n_streams, n_channels)
    for r in range(n_streams):
        for j in range(n_channels):
            standardised = (x[r, j] - scaling[0, j]) * scaling[1, j]
            if not abs(standardised) <= s.largest:
                return False
            scaled[r, j] = standardised
    _recurrent_forward(plan, scaled, starts, packed, span(flat, 0, 0), ONE, FALSE, work)
    for r in range(n_streams):
        n_seen[r] += 1
    read_step(plan.readout, plan, packed, work, s.total, s.highest, n_seen)
    head, _ = _head(packed, plan.scans, plan.n_features, plan.n_outputs)
    gemm(
        plan.product, address(flat, work.features), plan.feature_stride, ONE,
        address(head, 0), PANEL * lanes(flat), head.shape[1],
        address(flat, work.raw), head.shape[1],
        n_streams, head.shape[1] // lanes(flat), plan.n_features + 1, FALSE,
    )  # fmt: skip
    return True
