"""What the head reads of the last layer's states, and the way from a marker to what is compiled.

As with the cells, the *type* of a marker in the plan picks the functions while Numba compiles:
a network is compiled with its own readout only.

- Final: one row for each sequence, of the final state.
- Pooled: one row for each sequence, of the final state, the mean and the maximum.
- Attention: one row for each sequence, the states' mean with learned weights.
- Steps: one row for each time step, its state.
"""

from __future__ import annotations

from typing import NamedTuple

from numba.extending import overload

from sklstm._kernels.attention import BLOCK, attention_backward, attention_forward, attention_step
from sklstm._kernels.gemm import PANEL
from sklstm._kernels.jit import FALSE, INLINED, TRUE, UNCOUNTED, device
from sklstm._kernels.pooling import final_backward, final_forward, pool_backward, pool_forward
from sklstm._kernels.simd import (
    address,
    copy,
    cube,
    lanes,
    load,
    matrix,
    not_below,
    span,
    spread,
    store,
)


class Final(NamedTuple):
    """Marks that the head reads the final states; the others need not be kept for it."""


class Pooled(NamedTuple):
    """Marks pooling by mean or maximum, with or without the final states."""


class Steps(NamedTuple):
    """Marks a prediction for each time step."""


class Attention(NamedTuple):
    """Marks pooling by attention, and says where its parameters and its buffers stand."""

    stride: int  # of projections and of the gradient
    weight: int  # packed: W transposed, in panels
    transposed: int  # W, in panels
    vectors: int  # b, v
    gradient: int  # in the packed gradient: (n_states + 2, stride)


def n_read(readout, starts):
    """Rows that the head reads of a packed batch."""
    raise NotImplementedError


def read_forward(readout, plan, starts, lengths, packed, work, h, y, keep, features):
    """Write the features that the head reads of the states.

    (in) readout: marker; plan, packed, work: of the network
    (in) starts (n_timesteps + 1,), lengths (n_sequences,): of the packed batch
    (in) h (n_directions, n_sequences, n_hidden): final states
    (in) y (n_rows, n_directions * n_hidden): all states; of no rows if only h is read
    (in) keep: whether `read_backward` follows
    (out) features (n_read, >= n_pooled): the first columns
    """
    raise NotImplementedError


def read_backward(
    readout, plan, starts, lengths, packed, work, y, features, dfeatures, dh, dy, dw
):  # fmt: skip
    """Gradient of `read_forward`.

    (in) readout, plan, starts, lengths, packed, y, dfeatures
    (in) work, features: as the forward pass left them; may be overwritten
    (accum) dh (n_directions, n_sequences, n_hidden), dw: the packed gradient
    (out) dy (n_rows, n_directions * n_hidden), if there are rows
    """
    raise NotImplementedError


def read_step(readout, plan, packed, work, total_at, highest_at, n_seen):
    """Features of each stream, brought up to date by the state of one more step.

    (in) readout, plan, packed;  (accum) work
    (accum) work.flat from total_at and highest_at on, (n_streams, n_hidden) each: for the mean
            and the maximum; for attention the weighted mean and the total weight
    (in) n_seen (n_streams,): steps so far, this one included
    """
    raise NotImplementedError


# --- Final --------------------------------------------------------------------------------
def _final_forward(readout, plan, starts, lengths, packed, work, h, y, keep, features):
    """`read_forward` of the final states."""
    final_forward(h, features)


def _final_backward(
    readout, plan, starts, lengths, packed, work, y, features, dfeatures, dh, dy, dw
):  # fmt: skip
    """Gradient of `_final_forward`."""
    final_backward(dfeatures, dh)


def _final_step(readout, plan, packed, work, total_at, highest_at, n_seen):
    """`read_step` of the final states."""
    n_streams, n = n_seen.size, plan.n_hidden
    h = cube(work.flat, work.h + (plan.n_layers - 1) * n_streams * n, 1, n_streams, n)
    final_forward(h, matrix(work.flat, work.features, n_streams, plan.feature_stride))


# --- Pooled -------------------------------------------------------------------------------
def _pooled_forward(readout, plan, starts, lengths, packed, work, h, y, keep, features):
    """`read_forward` of final states, means and maxima."""
    pool_forward(plan.last, plan.mean, plan.maximum, starts, lengths, h, y, features)


def _pooled_backward(
    readout, plan, starts, lengths, packed, work, y, features, dfeatures, dh, dy, dw
):  # fmt: skip
    """Gradient of `_pooled_forward`."""
    pool_backward(
        plan.last, plan.mean, plan.maximum, starts, lengths, y, features, dfeatures, dh, dy
    )


def _pooled_step(readout, plan, packed, work, total_at, highest_at, n_seen):
    """`read_step` of final states, means and maxima."""
    width = lanes(work.flat)
    n_streams, n_hidden = n_seen.size, plan.n_hidden
    before = (plan.n_layers - 1) * n_streams * n_hidden
    stride = plan.feature_stride
    for r in range(n_streams):
        share = 1.0 / n_seen[r]
        for j in range(r * n_hidden, (r + 1) * n_hidden, width):
            at = work.features + r * stride + j - r * n_hidden
            if plan.last:
                store(work.flat, at, load(work.flat, work.h + before + j))
                at += n_hidden
            if plan.mean:
                y = load(work.flat, work.y + before + j)
                total = load(work.flat, total_at + j) + y
                store(work.flat, total_at + j, total)
                store(work.flat, at, total * spread(work.flat, share))
                at += n_hidden
            if plan.maximum:
                y = load(work.flat, work.y + before + j)
                highest = not_below(load(work.flat, highest_at + j), y)
                store(work.flat, highest_at + j, highest)
                store(work.flat, at, highest)


# --- Steps --------------------------------------------------------------------------------
def _steps_forward(readout, plan, starts, lengths, packed, work, h, y, keep, features):
    """`read_forward` of the state of every time step."""
    n_rows, wide = y.shape
    for row in range(n_rows):
        copy(address(y, row * wide), address(features, row * features.shape[1]), wide)


def _steps_backward(
    readout, plan, starts, lengths, packed, work, y, features, dfeatures, dh, dy, dw
):  # fmt: skip
    """Gradient of `_steps_forward`."""
    n_rows, wide = y.shape
    for row in range(n_rows):
        copy(address(dfeatures, row * dfeatures.shape[1]), address(dy, row * wide), wide)


# --- Attention ----------------------------------------------------------------------------
@device
def _attention_parameters(readout, plan, packed):
    """W transposed and W, in panels, and b and v."""
    wide = PANEL * lanes(packed)
    n_units, n_states = plan.n_hidden, plan.n_directions * plan.n_hidden
    n_wide = (n_units + wide - 1) // wide
    weight = cube(packed, readout.weight, n_wide, n_states, wide)
    n_wide = (n_states + wide - 1) // wide
    transposed = cube(packed, readout.transposed, n_wide, n_units, wide)
    bias = span(packed, readout.vectors, n_units)
    return weight, transposed, bias, span(packed, readout.vectors + n_units, n_units)


@device
def _attention_room(readout, plan, work, n_sequences, n_rows, keep):
    """projected, scores and dscores, behind the features."""
    width = lanes(work.flat)
    start = work.features + n_sequences * plan.feature_stride
    projected = matrix(work.flat, start, n_rows if keep else min(n_rows, BLOCK), readout.stride)
    start += projected.size
    scores = span(work.flat, start, n_rows)
    start += (n_rows + width - 1) // width * width
    return projected, scores, span(work.flat, start, n_rows if keep else 0)


def _attention_forward(readout, plan, starts, lengths, packed, work, h, y, keep, features):
    """`read_forward` of the mean with learned weights."""
    weight, _, bias, score_weight = _attention_parameters(readout, plan, packed)
    projected, scores, _ = _attention_room(readout, plan, work, lengths.size, y.shape[0], keep)
    attention_forward(
        plan.product, starts, lengths, y, weight, bias, score_weight, keep,
        projected, scores, features,
    )  # fmt: skip


def _attention_backward(
    readout, plan, starts, lengths, packed, work, y, features, dfeatures, dh, dy, dw
):  # fmt: skip
    """Gradient of `_attention_forward`."""
    _, transposed, _, score_weight = _attention_parameters(readout, plan, packed)
    projected, scores, dscores = _attention_room(
        readout, plan, work, lengths.size, y.shape[0], TRUE
    )
    dweight = matrix(dw, readout.gradient, y.shape[1] + 2, readout.stride)
    attention_backward(
        plan.product, starts, lengths, y, transposed, score_weight, scores, dfeatures,
        projected, dscores, dy, dweight,
    )  # fmt: skip


def _attention_step(readout, plan, packed, work, total_at, highest_at, n_seen):
    """`read_step` of the mean with learned weights."""
    n_streams, n_hidden = n_seen.size, plan.n_hidden
    weight, _, bias, score_weight = _attention_parameters(readout, plan, packed)
    projected, scores, _ = _attention_room(readout, plan, work, n_streams, n_streams, FALSE)
    before = (plan.n_layers - 1) * n_streams * n_hidden
    attention_step(
        plan.product, matrix(work.flat, work.h + before, n_streams, n_hidden),
        weight, bias, score_weight, n_seen, projected, scores,
        matrix(work.flat, total_at, n_streams, n_hidden),
        matrix(work.flat, highest_at, n_streams, n_hidden),
        matrix(work.flat, work.features, n_streams, plan.feature_stride),
    )  # fmt: skip


# --- from a marker to its functions -------------------------------------------------------
@overload(n_read, jit_options=INLINED, strict=True)
def _n_read(readout, starts):
    if readout.instance_class is Steps:
        return lambda readout, starts: starts[starts.size - 1]
    return lambda readout, starts: starts[1]


_FORWARD = {
    Final: _final_forward,
    Pooled: _pooled_forward,
    Steps: _steps_forward,
    Attention: _attention_forward,
}
_BACKWARD = {
    Final: _final_backward,
    Pooled: _pooled_backward,
    Steps: _steps_backward,
    Attention: _attention_backward,
}
# a stream of a network with `Steps` is one that reads the last state: see `_stream.py`
_STEP = {Final: _final_step, Pooled: _pooled_step, Attention: _attention_step}


@overload(read_forward, jit_options=UNCOUNTED, strict=True)
def _read_forward(readout, plan, starts, lengths, packed, work, h, y, keep, features):
    return _FORWARD[readout.instance_class]


@overload(read_backward, jit_options=UNCOUNTED, strict=True)
def _read_backward(
    readout, plan, starts, lengths, packed, work, y, features, dfeatures, dh, dy, dw
):  # fmt: skip
    return _BACKWARD[readout.instance_class]


@overload(read_step, jit_options=UNCOUNTED, strict=True)
def _read_step(readout, plan, packed, work, total_at, highest_at, n_seen):
    return _STEP[readout.instance_class]
