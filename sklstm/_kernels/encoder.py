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
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import lower_builtin, overload

from sklstm._kernels.attention import BLOCK
from sklstm._kernels.gemm import PANEL, gemm
from sklstm._kernels.jit import FALSE, ONE, TRUE, UNCOUNTED, device
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


class Encoder(NamedTuple):
    """Marks a network with encoder layers, and says how large they are."""

    n_units: int  # states of a direction, without what fills up vectors
    n_hidden: int  # with it
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
# the gradient of the first; of the norms: gain and bias of the first, then of the second, and
# their gradient.
QKV, OUT, UP, DOWN, NORMS = (np.intp(k) for k in (0, 3, 6, 9, 12))
TRANSPOSED, GRADIENT = np.intp(1), np.intp(2)


class Room(NamedTuple):
    """Where the arrays of an encoder begin in the workspace; see `sizes`."""

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
    """Return the sizes of the arrays of an encoder, by their names in `Room` or `Workspace`.

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


# --- a layer, a block of rows at a time ---------------------------------------------------
# (in) layer, encoder, product, packed, room, flat: as in `encoder_forward`
# (in) n_rows: of the batch;  keep: whether arrays hold all rows of all layers, else a block
@device
def _project(layer, encoder, product, n_rows, packed, keep, room, flat):
    """Queries, keys and values, of the normalised states."""
    stride, n_states, qkv_stride = encoder.stride, encoder.n_states, encoder.qkv_stride
    norms = encoder.layers[layer, NORMS]
    for first in range(0, n_rows, BLOCK):
        n, row = min(BLOCK, n_rows - first), layer * n_rows + first
        kept = row if keep else 0
        z = matrix(flat, room.z1 + kept * stride, n, stride)
        row_norm_forward(
            matrix(flat, room.s + first * stride, n, stride),
            span(packed, norms, n_states), span(packed, norms + n_states, n_states),
            encoder.n_units, encoder.n_hidden,
            matrix(flat, room.unit1 + kept * n_states, n, n_states),
            span(flat, room.to_unit1 + kept, n), z,
        )  # fmt: skip
        _linear(
            product, z, packed, encoder.layers[layer, QKV], n_states + 1,
            matrix(flat, room.qkv + row * qkv_stride, n, qkv_stride), 3 * encoder.n_attended, FALSE,
        )  # fmt: skip


@device
def _project_backward(layer, encoder, product, n_rows, packed, room, flat, dw):
    """Gradient of `_project`: from room.dqkv, it is added to room.s and dw."""
    stride, n_states, qkv_stride = encoder.stride, encoder.n_states, encoder.qkv_stride
    norms, dnorms = encoder.layers[layer, NORMS], encoder.layers[layer, NORMS + ONE]
    for first in range(0, n_rows, BLOCK):
        n, row = min(BLOCK, n_rows - first), layer * n_rows + first
        dqkv = matrix(flat, room.dqkv + first * qkv_stride, n, qkv_stride)
        dz = matrix(flat, room.dz, n, stride)
        _linear(
            product, dqkv, packed, encoder.layers[layer, QKV + TRANSPOSED], 3 * encoder.n_attended,
            dz, n_states, FALSE,
        )  # fmt: skip
        _linear_gradient(
            product, matrix(flat, room.z1 + row * stride, n, stride), n_states + 1,
            dqkv, 3 * encoder.n_attended, dw, encoder.layers[layer, QKV + GRADIENT],
        )  # fmt: skip
        row_norm_backward(
            matrix(flat, room.unit1 + row * n_states, n, n_states),
            span(flat, room.to_unit1 + row, n), span(packed, norms, n_states),
            encoder.n_units, encoder.n_hidden, dz,
            matrix(flat, room.s + first * stride, n, stride),
            span(dw, dnorms, n_states), span(dw, dnorms + n_states, n_states),
        )  # fmt: skip


@device
def _feed_forward(layer, encoder, product, n_rows, packed, keep, room, flat):
    """Add what the heads have read to the states, then the two linear maps of the sum."""
    stride, n_states, n_attended = encoder.stride, encoder.n_states, encoder.n_attended
    wide_stride, attended_stride = encoder.wide_stride, encoder.attended_stride
    norms = encoder.layers[layer, NORMS] + 2 * n_states
    for first in range(0, n_rows, BLOCK):
        n, row = min(BLOCK, n_rows - first), layer * n_rows + first
        kept, whole = (row, row) if keep else (0, first)
        s = matrix(flat, room.s + first * stride, n, stride)
        _linear(
            product, matrix(flat, room.attended + whole * attended_stride, n, attended_stride),
            packed, encoder.layers[layer, OUT], n_attended + 1, s, n_states, TRUE,
        )  # fmt: skip
        z = matrix(flat, room.z2 + kept * stride, n, stride)
        row_norm_forward(
            s, span(packed, norms, n_states), span(packed, norms + n_states, n_states),
            encoder.n_units, encoder.n_hidden,
            matrix(flat, room.unit2 + kept * n_states, n, n_states),
            span(flat, room.to_unit2 + kept, n), z,
        )  # fmt: skip
        active = matrix(flat, room.active + kept * wide_stride, n, wide_stride)
        _linear(
            product, z, packed, encoder.layers[layer, UP], n_states + 1,
            active, encoder.n_wide, FALSE,
        )  # fmt: skip
        _relu(active, encoder.n_wide)
        _linear(
            product, active, packed, encoder.layers[layer, DOWN], encoder.n_wide + 1,
            s, n_states, TRUE,
        )  # fmt: skip


@device
def _feed_forward_backward(layer, encoder, product, n_rows, packed, room, flat, dw):
    """Gradient of `_feed_forward`: it is added to room.s and dw, and written to room.dattended."""
    stride, n_states, n_attended = encoder.stride, encoder.n_states, encoder.n_attended
    wide_stride, attended_stride = encoder.wide_stride, encoder.attended_stride
    norms = encoder.layers[layer, NORMS] + 2 * n_states
    dnorms = encoder.layers[layer, NORMS + ONE] + 2 * n_states
    for first in range(0, n_rows, BLOCK):
        n, row = min(BLOCK, n_rows - first), layer * n_rows + first
        ds = matrix(flat, room.s + first * stride, n, stride)
        active = matrix(flat, room.active + row * wide_stride, n, wide_stride)
        dactive = matrix(flat, room.dactive, n, wide_stride)
        _linear(
            product, ds, packed, encoder.layers[layer, DOWN + TRANSPOSED], n_states,
            dactive, encoder.n_wide, FALSE,
        )  # fmt: skip
        _linear_gradient(
            product, active, encoder.n_wide + 1, ds, n_states, dw,
            encoder.layers[layer, DOWN + GRADIENT],
        )  # fmt: skip
        _relu_backward(active, encoder.n_wide, dactive)
        dz = matrix(flat, room.dz, n, stride)
        _linear(
            product, dactive, packed, encoder.layers[layer, UP + TRANSPOSED], encoder.n_wide,
            dz, n_states, FALSE,
        )  # fmt: skip
        _linear_gradient(
            product, matrix(flat, room.z2 + row * stride, n, stride), n_states + 1,
            dactive, encoder.n_wide, dw, encoder.layers[layer, UP + GRADIENT],
        )  # fmt: skip
        row_norm_backward(
            matrix(flat, room.unit2 + row * n_states, n, n_states),
            span(flat, room.to_unit2 + row, n), span(packed, norms, n_states),
            encoder.n_units, encoder.n_hidden, dz, ds,
            span(dw, dnorms, n_states), span(dw, dnorms + n_states, n_states),
        )  # fmt: skip
        _linear(
            product, ds, packed, encoder.layers[layer, OUT + TRANSPOSED], n_states,
            matrix(flat, room.dattended + first * attended_stride, n, attended_stride),
            n_attended, FALSE,
        )  # fmt: skip
        _linear_gradient(
            product, matrix(flat, room.attended + row * attended_stride, n, attended_stride),
            n_attended + 1, ds, n_states, dw, encoder.layers[layer, OUT + GRADIENT],
        )  # fmt: skip


# --- all layers ---------------------------------------------------------------------------
@device
def encoder_forward(encoder, product, starts, lengths, packed, keep, room, flat, y, h):
    """Replace states by what the encoder layers make of them.

    (in) encoder, product: see `Encoder` and `gemm_address`
    (in) starts (n_timesteps + 1,), lengths (n_sequences,): of the packed batch
    (in) packed: parameters
    (in) keep: whether `encoder_backward` follows
    (out) flat: the arrays at `room`
    (accum) y (n_rows, n_states): states of the last recurrent layer, then of the last of these
    (out) h (n_directions, n_sequences, n_hidden): those at the end of each direction
    """
    n_rows, n_columns = y.shape[0], _filled(starts.size - 1, lanes(flat))
    qkv_stride, attended_stride = encoder.qkv_stride, encoder.attended_stride
    s = matrix(flat, room.s, n_rows, encoder.stride)
    _take(starts, lengths, y, s)
    for layer in range(encoder.layers.shape[0]):
        row = layer * n_rows
        kept = row if keep else 0
        _project(layer, encoder, product, n_rows, packed, keep, room, flat)
        self_attention_forward(
            product, lengths, matrix(flat, room.qkv + row * qkv_stride, n_rows, qkv_stride),
            encoder.n_heads, encoder.size, encoder.scale, encoder.causal,
            matrix(flat, room.keys, encoder.size, n_columns),
            matrix(flat, room.scores, QUERIES, n_columns + lanes(flat)),
            matrix(flat, room.softmax + kept * 2 * encoder.n_heads, n_rows, 2 * encoder.n_heads),
            matrix(flat, room.attended + kept * attended_stride, n_rows, attended_stride),
        )  # fmt: skip
        _feed_forward(layer, encoder, product, n_rows, packed, keep, room, flat)
    _give(starts, lengths, s, y)
    n_hidden = encoder.n_hidden
    for direction in range(h.shape[0]):
        row = 0
        for r in range(lengths.size):
            end = row + lengths[r] - 1 if direction == 0 else row
            copy(
                address(s, end * encoder.stride + direction * n_hidden),
                address(h, (direction * lengths.size + r) * n_hidden), n_hidden,
            )  # fmt: skip
            row += lengths[r]


@device
def encoder_backward(encoder, product, starts, lengths, packed, room, flat, dh, dy, dw):
    """Gradient of `encoder_forward`.

    (in) encoder, product, starts, lengths, packed
    (accum) flat: as the forward pass left it
    (in) dh (n_directions, n_sequences, n_hidden): gradient of h
    (accum) dy (n_rows, n_states): gradient of the states after, then before the layers
    (accum) dw: the packed gradient
    """
    n_rows, n_columns = dy.shape[0], _filled(starts.size - 1, lanes(flat))
    qkv_stride, attended_stride = encoder.qkv_stride, encoder.attended_stride
    ds = matrix(flat, room.s, n_rows, encoder.stride)
    _take(starts, lengths, dy, ds)
    n_hidden = encoder.n_hidden
    for direction in range(dh.shape[0]):
        row = 0
        for r in range(lengths.size):
            end = row + lengths[r] - 1 if direction == 0 else row
            add(
                address(ds, end * encoder.stride + direction * n_hidden),
                address(dh, (direction * lengths.size + r) * n_hidden), n_hidden,
            )  # fmt: skip
            row += lengths[r]
    for layer in range(encoder.layers.shape[0] - 1, -1, -1):
        row = layer * n_rows
        _feed_forward_backward(layer, encoder, product, n_rows, packed, room, flat, dw)
        self_attention_backward(
            product, lengths, matrix(flat, room.qkv + row * qkv_stride, n_rows, qkv_stride),
            encoder.n_heads, encoder.size, encoder.scale, encoder.causal,
            matrix(flat, room.softmax + row * 2 * encoder.n_heads, n_rows, 2 * encoder.n_heads),
            matrix(flat, room.dattended, n_rows, attended_stride),
            matrix(flat, room.keys, encoder.size, n_columns),
            matrix(flat, room.values, encoder.size, n_columns),
            matrix(flat, room.scores, QUERIES, n_columns + lanes(flat)),
            matrix(flat, room.dscores, QUERIES, n_columns + lanes(flat)),
            matrix(flat, room.dqkv, n_rows, qkv_stride),
        )  # fmt: skip
        _project_backward(layer, encoder, product, n_rows, packed, room, flat, dw)
    _give(starts, lengths, ds, dy)


@device
def _filled(n, width):
    """Round n up to whole vectors."""
    return (n + width - 1) // width * width


# --- from a marker to what is compiled ----------------------------------------------------
def encode(encoder, plan, starts, lengths, packed, work, keep, y, h):
    """Replace states by those after the encoder, if there is one: see `encoder_forward`."""
    raise NotImplementedError


def begin_backward(encoder, dh, dy):
    """Make the gradients of h and y zero, if there is an encoder: a readout may write neither."""
    raise NotImplementedError


def encode_backward(encoder, plan, starts, lengths, packed, work, dh, dy, dw):
    """Gradient of `encode`."""
    raise NotImplementedError


def _encode(encoder, plan, starts, lengths, packed, work, keep, y, h):
    encoder_forward(
        encoder, plan.product, starts, lengths, packed, keep, work.encoder, work.flat, y, h
    )


def _begin_backward(encoder, dh, dy):
    fill(address(dh, 0), dh.size, 0.0)
    fill(address(dy, 0), dy.size, 0.0)


def _encode_backward(encoder, plan, starts, lengths, packed, work, dh, dy, dw):
    encoder_backward(
        encoder, plan.product, starts, lengths, packed, work.encoder, work.flat, dh, dy, dw
    )


def _skip_without_encoder(function: Any) -> None:
    """Let calls with None for the marker be nothing: to compile an empty function takes time."""

    @infer_global(function)
    class Template(AbstractTemplate):
        def generic(self, args: Any, kws: Any) -> Any:
            return signature(types.none, *args) if isinstance(args[0], types.NoneType) else None

    @lower_builtin(function, types.NoneType, types.VarArg(types.Any))
    def nothing(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return context.get_dummy_value()


for _function in (encode, begin_backward, encode_backward):
    _skip_without_encoder(_function)


@overload(encode, jit_options=UNCOUNTED, strict=True)
def _overload_encode(encoder, plan, starts, lengths, packed, work, keep, y, h):
    return None if isinstance(encoder, types.NoneType) else _encode


@overload(begin_backward, jit_options=UNCOUNTED, strict=True)
def _overload_begin_backward(encoder, dh, dy):
    return None if isinstance(encoder, types.NoneType) else _begin_backward


@overload(encode_backward, jit_options=UNCOUNTED, strict=True)
def _overload_encode_backward(encoder, plan, starts, lengths, packed, work, dh, dy, dw):
    return None if isinstance(encoder, types.NoneType) else _encode_backward
