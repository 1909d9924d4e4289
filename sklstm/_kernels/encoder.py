"""Transformer encoder layers over the states of the last recurrent layer (Vaswani et al. 2017).

A layer normalises before each of its parts (Xiong et al. 2020), as torch's
``nn.TransformerEncoderLayer(norm_first=True)``:

    s += W_o attention(W_qkv norm1(s))      s += W_2 relu(W_1 norm2(s))

The rows of a sequence stand together here, so the states of a packed batch are copied, and the
result is copied back in their place. A network without an encoder has None for the marker
`Encoder`: then all functions of this file that it calls are empty.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import types
from numba.extending import overload

from sklstm._kernels.gemm import PANEL, gemm
from sklstm._kernels.jit import FALSE, INLINED, ONE, TRUE, UNCOUNTED, device, part
from sklstm._kernels.row_norm import row_norm_backward, row_norm_forward
from sklstm._kernels.self_attention import (
    QUERIES,
    self_attention_backward,
    self_attention_forward,
)
from sklstm._kernels.simd import (
    add,
    address,
    copy,
    fill,
    lanes,
    load,
    matrix,
    not_below,
    span,
    spread,
    store,
    where_equal,
)

# Rows per matrix product, as in attention.py.
BLOCK = 96


class Encoder(NamedTuple):
    """Marks a network with encoder layers, and says how large they are."""

    n_units: int  # states of a direction, without what fills up vectors
    n_heads: int
    size: int  # of a head: n_directions * n_units / n_heads
    scale: float  # 1 / sqrt(size)
    causal: bool  # a step reads only steps up to it
    n_states: int  # in whole vectors; so are the next two
    n_attended: int  # of all heads
    n_wide: int  # of the feed-forward part
    # strides of rows, odd_lines
    stride: int  # of states and a 1
    attended_stride: int  # of n_attended and a 1
    qkv_stride: int  # of 3 * n_attended
    wide_stride: int  # of n_wide and a 1
    layers: Any  # int64 (n_layers, 14): the columns below


# Columns of Encoder.layers. Of each linear map: [W, transposed; b] in panels, W in panels, and
# the gradient of the first. Of the norms: gain and bias of the first, then of the second.
QKV, OUT, UP, DOWN, NORMS = (np.intp(k) for k in (0, 3, 6, 9, 12))
TRANSPOSED, GRADIENT = np.intp(1), np.intp(2)
NORMS_GRADIENT = np.intp(13)


class Room(NamedTuple):
    """Where the arrays of an encoder begin in the workspace; see `sizes`."""

    ends: int
    dends: int
    s: int
    unit1: int
    to_unit1: int
    z1: int
    qkv: int
    softmax: int
    attended: int
    unit2: int
    to_unit2: int
    z2: int
    active: int
    keys: int
    values: int
    scores: int
    dscores: int
    dqkv: int
    dattended: int
    dactive: int
    dz: int


def sizes(
    encoder: Encoder, lanes: int, n_rows: int, n_sequences: int, n_timesteps: int, keep: bool
) -> dict[str, int]:
    """Return the sizes of the arrays of an encoder, by their names in `Room`.

    keep: whether the backward pass follows; else layers take turns in most arrays
    """
    n_layers, n_block = len(encoder.layers), min(n_rows, BLOCK)
    n_kept = n_layers * n_rows if keep else n_block  # rows of what is needed for a block of rows
    n_whole = n_layers * n_rows if keep else n_rows  # and for whole sequences
    n_back, n_columns = n_rows if keep else 0, -(-n_timesteps // lanes) * lanes
    n_scores = QUERIES * (n_columns + lanes)
    return {
        "ends": n_sequences * encoder.n_states,  # (n_directions, n_sequences, n_hidden)
        "dends": n_sequences * encoder.n_states if keep else 0,
        "s": n_rows * encoder.stride,  # states; then their gradient
        "unit1": n_kept * encoder.n_states,
        "to_unit1": n_kept,
        "z1": n_kept * encoder.stride,
        "qkv": n_layers * n_rows * encoder.qkv_stride,  # of all layers: see `Chunk`
        "softmax": n_whole * 2 * encoder.n_heads,
        "attended": n_whole * encoder.attended_stride,
        "unit2": n_kept * encoder.n_states,
        "to_unit2": n_kept,
        "z2": n_kept * encoder.stride,
        "active": n_kept * encoder.wide_stride,
        "keys": encoder.size * n_columns,
        "values": encoder.size * n_columns if keep else 0,
        "scores": n_scores,
        "dscores": n_scores if keep else 0,
        "dqkv": n_back * encoder.qkv_stride,
        "dattended": n_back * encoder.attended_stride,
        "dactive": n_block * encoder.wide_stride if keep else 0,
        "dz": n_block * encoder.stride if keep else 0,
    }


# --- parts of a layer ---------------------------------------------------------------------
@device
def _linear(product, x, packed, start, n_inputs, y, n_outputs, accumulate):
    """y = x W, or += with `accumulate`.

    (in) x (n_rows, >= n_inputs);  packed at start: W (n_inputs, n_outputs) in panels
    (out) y (n_rows, >= n_outputs)
    """
    width = lanes(packed)
    gemm(
        product, address(x, 0), x.shape[1], ONE,
        address(packed, start), n_inputs * PANEL * width, PANEL * width,
        address(y, 0), y.shape[1],
        x.shape[0], n_outputs // width, n_inputs, accumulate,
    )  # fmt: skip


@device
def _linear_gradient(product, x, n_inputs, dy, n_outputs, dw, start):
    """dw at start (n_inputs, n_outputs) += x' dy."""
    width = lanes(dw)
    gemm(
        product, address(x, 0), ONE, x.shape[1],
        address(dy, 0), PANEL * width, dy.shape[1],
        address(dw, start), n_outputs,
        n_inputs, n_outputs // width, x.shape[0], TRUE,
    )  # fmt: skip


@device
def _relu(x, n):
    """Make the first n columns of x 0 where they are negative; write a column of 1 behind them."""
    width, stride = lanes(x), x.shape[1]
    zero = spread(x, 0.0)
    for r in range(x.shape[0]):
        for j in range(r * stride, r * stride + n, width):
            store(x, j, not_below(zero, load(x, j)))
        x[r, n] = 1.0


@device
def _relu_backward(y, n, dy):
    """Make the first n columns of dy 0 where those of y are."""
    width, stride = lanes(y), y.shape[1]
    zero = spread(y, 0.0)
    for r in range(y.shape[0]):
        for j in range(r * stride, r * stride + n, width):
            store(dy, j, where_equal(load(y, j), zero, zero, load(dy, j)))


@part
def _rows(flat, start, first, n, stride):
    """Rows first to first + n of an array that begins at start."""
    return matrix(flat, start + first * stride, n, stride)


# --- a packed batch and its sequences -----------------------------------------------------
@device
def _take(starts, lengths, y, s):
    """Copy the states of a packed batch, sequence by sequence."""
    n_states, stride, row = y.shape[1], s.shape[1], 0
    for r in range(lengths.size):
        for t in range(lengths[r]):
            copy(address(y, (starts[t] + r) * n_states), address(s, row * stride), n_states)
            row += 1


@device
def _give(starts, lengths, s, y):
    """Copy the states back."""
    n_states, stride, row = y.shape[1], s.shape[1], 0
    for r in range(lengths.size):
        for t in range(lengths[r]):
            copy(address(s, row * stride), address(y, (starts[t] + r) * n_states), n_states)
            row += 1


# --- all layers ---------------------------------------------------------------------------
@device
def encoder_forward(
    encoder, product, n_hidden, starts, lengths, packed, keep, room, flat, y
):  # fmt: skip
    """Replace states by what the encoder layers make of them.

    (in) encoder, product: see `Encoder` and `gemm_address`;  n_hidden: of a direction, filled up
    (in) starts (n_timesteps + 1,), lengths (n_sequences,): of the packed batch
    (in) packed: parameters
    (in) keep: whether `encoder_backward` follows
    (out) flat: arrays at `room`; the states at the end of each direction at room.ends
    (accum) y (n_rows, n_states): states of the last recurrent layer, then of the last of these
    """
    n_rows, n_states = y.shape
    n_sequences, n_columns = lengths.size, _n_columns(starts, packed)
    keys = matrix(flat, room.keys, encoder.size, n_columns)
    scores = matrix(flat, room.scores, QUERIES, n_columns + lanes(flat))
    s = matrix(flat, room.s, n_rows, encoder.stride)
    _take(starts, lengths, y, s)
    for layer in range(encoder.layers.shape[0]):
        place = encoder.layers[layer]
        before = layer * n_rows
        norms = matrix(packed, place[NORMS], 4, n_states)
        qkv = _rows(flat, room.qkv, before, n_rows, encoder.qkv_stride)
        whole = before if keep else 0
        softmax = _rows(flat, room.softmax, whole, n_rows, 2 * encoder.n_heads)
        attended = _rows(flat, room.attended, whole, n_rows, encoder.attended_stride)
        for first in range(0, n_rows, BLOCK):
            n = min(BLOCK, n_rows - first)
            top = before + first if keep else 0
            z = _rows(flat, room.z1, top, n, encoder.stride)
            row_norm_forward(
                _rows(flat, room.s, first, n, encoder.stride),
                span(norms, 0, n_states), span(norms, n_states, n_states),
                encoder.n_units, n_hidden,
                _rows(flat, room.unit1, top, n, n_states), span(flat, room.to_unit1 + top, n), z,
            )  # fmt: skip
            _linear(
                product, z, packed, place[QKV], n_states + 1,
                _rows(flat, room.qkv, before + first, n, encoder.qkv_stride),
                3 * encoder.n_attended, FALSE,
            )  # fmt: skip
        self_attention_forward(
            product, lengths, qkv, encoder.n_heads, encoder.size, encoder.scale, encoder.causal,
            keys, scores, softmax, attended,
        )  # fmt: skip
        for first in range(0, n_rows, BLOCK):
            n = min(BLOCK, n_rows - first)
            top = before + first if keep else 0
            now = _rows(flat, room.s, first, n, encoder.stride)
            z = _rows(flat, room.z2, top, n, encoder.stride)
            active = _rows(flat, room.active, top, n, encoder.wide_stride)
            _linear(
                product, _rows(flat, room.attended, whole + first, n, encoder.attended_stride),
                packed, place[OUT], encoder.n_attended + 1, now, n_states, TRUE,
            )  # fmt: skip
            row_norm_forward(
                now, span(norms, 2 * n_states, n_states), span(norms, 3 * n_states, n_states),
                encoder.n_units, n_hidden,
                _rows(flat, room.unit2, top, n, n_states), span(flat, room.to_unit2 + top, n), z,
            )  # fmt: skip
            _linear(product, z, packed, place[UP], n_states + 1, active, encoder.n_wide, FALSE)
            _relu(active, encoder.n_wide)
            _linear(product, active, packed, place[DOWN], encoder.n_wide + 1, now, n_states, TRUE)
    _give(starts, lengths, s, y)
    for direction in range(n_states // n_hidden):
        row = 0
        for r in range(n_sequences):
            end = row + lengths[r] - 1 if direction == 0 else row
            copy(
                address(s, end * encoder.stride + direction * n_hidden),
                address(flat, room.ends + (direction * n_sequences + r) * n_hidden),
                n_hidden,
            )
            row += lengths[r]


@device
def encoder_backward(
    encoder, product, n_hidden, starts, lengths, packed, room, flat, dy, dw
):  # fmt: skip
    """Gradient of `encoder_forward`.

    (in) encoder, product, n_hidden, starts, lengths, packed
    (accum) flat: as the forward pass left it, with the gradient of the final states at room.dends
    (accum) dy (n_rows, n_states): gradient of the states after, then before the layers
    (accum) dw: the packed gradient
    """
    n_rows, n_states = dy.shape
    n_sequences, n_columns = lengths.size, _n_columns(starts, packed)
    score_stride = n_columns + lanes(flat)
    ds = matrix(flat, room.s, n_rows, encoder.stride)
    _take(starts, lengths, dy, ds)
    for direction in range(n_states // n_hidden):
        row = 0
        for r in range(n_sequences):
            end = row + lengths[r] - 1 if direction == 0 else row
            add(
                address(ds, end * encoder.stride + direction * n_hidden),
                address(flat, room.dends + (direction * n_sequences + r) * n_hidden),
                n_hidden,
            )
            row += lengths[r]
    dqkv = matrix(flat, room.dqkv, n_rows, encoder.qkv_stride)
    dattended = matrix(flat, room.dattended, n_rows, encoder.attended_stride)
    for layer in range(encoder.layers.shape[0] - 1, -1, -1):
        place, before = encoder.layers[layer], layer * n_rows
        norms = matrix(packed, place[NORMS], 4, n_states)
        dnorms = matrix(dw, place[NORMS_GRADIENT], 4, n_states)
        for first in range(0, n_rows, BLOCK):
            n, top = min(BLOCK, n_rows - first), before + first
            dnow = _rows(flat, room.s, first, n, encoder.stride)
            dz = matrix(flat, room.dz, n, encoder.stride)
            dactive = matrix(flat, room.dactive, n, encoder.wide_stride)
            active = _rows(flat, room.active, top, n, encoder.wide_stride)
            attended = _rows(flat, room.attended, top, n, encoder.attended_stride)
            _linear(
                product, dnow, packed, place[DOWN + TRANSPOSED], n_states,
                dactive, encoder.n_wide, FALSE,
            )  # fmt: skip
            _linear_gradient(
                product, active, encoder.n_wide + 1, dnow, n_states, dw, place[DOWN + GRADIENT]
            )
            _relu_backward(active, encoder.n_wide, dactive)
            _linear(
                product, dactive, packed, place[UP + TRANSPOSED], encoder.n_wide,
                dz, n_states, FALSE,
            )  # fmt: skip
            _linear_gradient(
                product, _rows(flat, room.z2, top, n, encoder.stride), n_states + 1,
                dactive, encoder.n_wide, dw, place[UP + GRADIENT],
            )  # fmt: skip
            row_norm_backward(
                _rows(flat, room.unit2, top, n, n_states), span(flat, room.to_unit2 + top, n),
                span(norms, 2 * n_states, n_states), encoder.n_units, n_hidden, dz, dnow,
                span(dnorms, 2 * n_states, n_states), span(dnorms, 3 * n_states, n_states),
            )  # fmt: skip
            _linear(
                product, dnow, packed, place[OUT + TRANSPOSED], n_states,
                _rows(flat, room.dattended, first, n, encoder.attended_stride),
                encoder.n_attended, FALSE,
            )  # fmt: skip
            _linear_gradient(
                product, attended, encoder.n_attended + 1, dnow, n_states, dw,
                place[OUT + GRADIENT],
            )  # fmt: skip
        self_attention_backward(
            product, lengths, _rows(flat, room.qkv, before, n_rows, encoder.qkv_stride),
            encoder.n_heads, encoder.size, encoder.scale, encoder.causal,
            _rows(flat, room.softmax, before, n_rows, 2 * encoder.n_heads), dattended,
            matrix(flat, room.keys, encoder.size, n_columns),
            matrix(flat, room.values, encoder.size, n_columns),
            matrix(flat, room.scores, QUERIES, score_stride),
            matrix(flat, room.dscores, QUERIES, score_stride), dqkv,
        )  # fmt: skip
        for first in range(0, n_rows, BLOCK):
            n, top = min(BLOCK, n_rows - first), before + first
            of_block = _rows(flat, room.dqkv, first, n, encoder.qkv_stride)
            dz = matrix(flat, room.dz, n, encoder.stride)
            _linear(
                product, of_block, packed, place[QKV + TRANSPOSED], 3 * encoder.n_attended,
                dz, n_states, FALSE,
            )  # fmt: skip
            _linear_gradient(
                product, _rows(flat, room.z1, top, n, encoder.stride), n_states + 1,
                of_block, 3 * encoder.n_attended, dw, place[QKV + GRADIENT],
            )  # fmt: skip
            row_norm_backward(
                _rows(flat, room.unit1, top, n, n_states), span(flat, room.to_unit1 + top, n),
                span(norms, 0, n_states), encoder.n_units, n_hidden, dz,
                _rows(flat, room.s, first, n, encoder.stride),
                span(dnorms, 0, n_states), span(dnorms, n_states, n_states),
            )  # fmt: skip
    _give(starts, lengths, ds, dy)


@device
def _n_columns(starts, packed):
    """Steps of the longest sequence, in whole vectors."""
    width = lanes(packed)
    return (starts.size - 1 + width - 1) // width * width


# --- from a marker to what is compiled ----------------------------------------------------
def encode(encoder, plan, starts, lengths, packed, work, y, dy, keep):
    """Replace the states y of a packed batch by those after the encoder, if there is one.

    (in) keep: whether `encode_backward` follows
    (out) dy, gradient of the final states: 0 with `keep`; the readout then adds to them or not
    """
    raise NotImplementedError


def encode_backward(encoder, plan, starts, lengths, packed, work, dy, dw):
    """Gradient of `encode`."""
    raise NotImplementedError


def ends_of(encoder, work, h):
    """Where the readout finds the final states: h, where the recurrent layer left them, or ours."""
    raise NotImplementedError


def dends_of(encoder, work, dh):
    """Where the readout adds to the gradient of the final states."""
    raise NotImplementedError


def _encode(encoder, plan, starts, lengths, packed, work, y, dy, keep):
    encoder_forward(
        encoder, plan.product, plan.n_hidden, starts, lengths, packed, keep, work.encoder,
        work.flat, y,
    )  # fmt: skip
    if keep:
        fill(address(dy, 0), dy.size, 0.0)
        fill(address(work.flat, work.encoder.dends), lengths.size * encoder.n_states, 0.0)


def _encode_backward(encoder, plan, starts, lengths, packed, work, dy, dw):
    encoder_backward(
        encoder, plan.product, plan.n_hidden, starts, lengths, packed, work.encoder, work.flat,
        dy, dw,
    )  # fmt: skip


@overload(encode, jit_options=UNCOUNTED, strict=True)
def _overload_encode(encoder, plan, starts, lengths, packed, work, y, dy, keep):
    if _is_none(encoder):
        return lambda encoder, plan, starts, lengths, packed, work, y, dy, keep: None
    return _encode


@overload(encode_backward, jit_options=UNCOUNTED, strict=True)
def _overload_encode_backward(encoder, plan, starts, lengths, packed, work, dy, dw):
    if _is_none(encoder):
        return lambda encoder, plan, starts, lengths, packed, work, dy, dw: None
    return _encode_backward


@overload(ends_of, jit_options=INLINED, strict=True)
def _overload_ends_of(encoder, work, h):
    if _is_none(encoder):
        return lambda encoder, work, h: h
    return lambda encoder, work, h: work.encoder.ends


@overload(dends_of, jit_options=INLINED, strict=True)
def _overload_dends_of(encoder, work, dh):
    if _is_none(encoder):
        return lambda encoder, work, dh: dh
    return lambda encoder, work, dh: work.encoder.dends


def _is_none(encoder: Any) -> bool:
    """Whether the type of a marker is that of None."""
    return isinstance(encoder, types.NoneType)
