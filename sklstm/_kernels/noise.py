"""Noise inside a recurrent layer, which regularises training.

Recurrent dropout (Semeniuta et al. 2016) drops units of the update, with a new mask at each
step. The memory of a cell is never dropped:

    c_t = f * c_{t-1} + i * (m_t * g) / (1 - rate)

Variational dropout (Gal & Ghahramani 2016) drops units of the h_{t-1} that the weights read,
with the same mask at every step of a sequence.

Zoneout (Krueger et al. 2017) keeps the previous state of random units. In prediction, z_c and z_h
are replaced by their expectation. With h', c' for the result of the cell:

    c_t = z_c * c_{t-1} + (1 - z_c) * c'                 h_t = z_h * h_{t-1} + (1 - z_h) * h'

A mask is a function of its position (sequence, step, unit) and a seed, and is computed where it
is needed. So it takes no memory, the backward pass and checkpoints reproduce it, and it does not
depend on how the work is split.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from sklstm._kernels.cells.dispatch import step_backward, step_forward
from sklstm._kernels.jit import inlined
from sklstm._kernels.simd import Vector, fma, lanes, load, spread, store


class Noise(NamedTuple):
    """The noise of one chunk; a rate of 0 switches a kind off. Without noise there is None.

    It keeps one vector in `cells`, after those of the cell: h_{t-1}, then the part of its
    gradient that bypasses the weights.
    """

    seed: int
    drawn: bool  # whether zoneout draws masks, as in training; else it uses their expectation
    update: float  # recurrent dropout
    state: float  # variational dropout of h_{t-1}
    zoneout_h: float
    zoneout_c: float
    n_units: int  # hidden size without padding, so that masks do not depend on the padding


# Masks of different kinds and scans start far apart from each other: multiples of 2^32 divided
# by the golden ratio are spread evenly over the 2^32 positions.
_UPDATE, _STATE, _ZONEOUT_H, _ZONEOUT_C, _N_KINDS = 0, 1, 2, 3, 4
_APART = 0x9E3779B9


@intrinsic
def kept(typingctx: Any, array: Any, place: Any, rate: Any) -> Any:
    """``kept(array, place, rate)``: a vector of ones, each replaced by 0 with probability `rate`.

    Lane j is a hash of the low 32 bits of place + j: the last rounds of MurmurHash3 (Appleby
    2011), after which every bit depends on every other.
    """
    vector = Vector(array.dtype)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        word = ir.IntType(32)
        wide = ir.VectorType(word, vector.lanes)

        def constant(value: int) -> ir.Constant:
            return ir.Constant(wide, [value] * vector.lanes)

        def in_all_lanes(scalar: Any) -> Any:
            one = builder.insert_element(constant(0), scalar, word(0))
            return builder.shuffle_vector(one, constant(0), constant(0))

        bits = builder.add(
            in_all_lanes(builder.trunc(args[1], word)), ir.Constant(wide, list(range(vector.lanes)))
        )
        for shift, factor in [(16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, None)]:
            bits = builder.xor(bits, builder.lshr(bits, constant(shift)))
            if factor is not None:
                bits = builder.mul(bits, constant(factor))
        limit = builder.fptoui(builder.fmul(args[2], ir.Constant(args[2].type, 2.0**32)), word)
        is_kept = builder.icmp_unsigned(">=", bits, in_all_lanes(limit))
        real = context.get_value_type(vector)
        one, zero = (ir.Constant(real, [v] * vector.lanes) for v in (1.0, 0.0))
        return builder.select(is_kept, one, zero)

    return vector(array, types.intp, types.float64), codegen


@inlined
def _kept(noise, array, rate, kind, scan, place):
    """Return the mask of one kind of noise: 1 for the units that are kept, else 0."""
    return kept(array, noise.seed + _APART * (_N_KINDS * scan + kind) + place, rate)


@inlined
def _dropout(noise, array, rate, kind, scan, place):
    """Return a dropout mask, scaled so that its expectation is 1."""
    if rate > 0.0:
        return _kept(noise, array, rate, kind, scan, place) * (1.0 / (1.0 - rate))
    return spread(array, 1.0)


@inlined
def _zoneout(noise, array, rate, kind, scan, place):
    """Return the weight of the previous state."""
    if noise.drawn and rate > 0.0:
        return 1.0 - _kept(noise, array, rate, kind, scan, place)
    return spread(array, rate)


@inlined
def noisy_forward(
    cell, noise, scan, gates, gate, weight, extra, h, c, unit, place, cells, kept, keep
):
    """Compute `step_forward` with recurrent dropout and zoneout; return the vector h_t.

    (in) scan: number of this scan in the network
    (in) h at unit (lanes,): h_{t-1}
    (in) place: offset of this vector of units in (n_rows, n_units)
    (out) cells at kept (cell.n_kept + 1, lanes), if `keep`
    """
    h_before, c_before = load(h, unit), load(c, unit)
    if keep:
        store(cells, kept + cell.n_kept * lanes(cells), h_before)
    share = _dropout(noise, gates, noise.update, _UPDATE, scan, place)
    h_now = step_forward(
        cell, gates, gate, h_before, share, weight, extra, c, unit, cells, kept, keep
    )
    zoned_h = _zoneout(noise, gates, noise.zoneout_h, _ZONEOUT_H, scan, place)
    zoned_c = _zoneout(noise, gates, noise.zoneout_c, _ZONEOUT_C, scan, place)
    store(c, unit, fma(zoned_c, c_before, (1.0 - zoned_c) * load(c, unit)))
    return fma(zoned_h, h_before, (1.0 - zoned_h) * h_now)


@inlined
def noisy_backward(
    cell, noise, scan, gates, gate, weight, extra, place, cells, kept, truncated, dh_now, dh, dc,
    unit, dweight, dextra,
):  # fmt: skip
    """Gradient of `noisy_forward`.

    (accum) cells at kept: as the forward step left them; h_{t-1} is overwritten by the part of
            its gradient that bypasses the weights
    """
    slot = kept + cell.n_kept * lanes(cells)
    share = _dropout(noise, gates, noise.update, _UPDATE, scan, place)
    zoned_h = _zoneout(noise, gates, noise.zoneout_h, _ZONEOUT_H, scan, place)
    zoned_c = _zoneout(noise, gates, noise.zoneout_c, _ZONEOUT_C, scan, place)
    dc_now = load(dc, unit)
    store(dc, unit, (1.0 - zoned_c) * dc_now)
    step_backward(
        cell, gates, gate, load(cells, slot), share, weight, extra, cells, kept, truncated,
        (1.0 - zoned_h) * dh_now, dh, dc, unit, dweight, dextra,
    )  # fmt: skip
    store(dc, unit, fma(zoned_c, dc_now, load(dc, unit)))
    past = zoned_h * dh_now
    if cell.direct:
        past = past + load(dh, unit)
    store(cells, slot, past)


@inlined
def variational_forward(noise, scan, h, sequence, rows, row):
    """Apply variational dropout to the h_{t-1} that the weights read.

    (in) h (n_sequences, n_hidden), sequence: row to read
    (out) rows at `row` (n_hidden,)
    """
    n_hidden = h.shape[1]
    for j in range(0, n_hidden, lanes(h)):
        share = _dropout(noise, h, noise.state, _STATE, scan, sequence * noise.n_units + j)
        store(rows, row + j, load(h, sequence * n_hidden + j) * share)


@inlined
def variational_backward(cell, noise, scan, cells, first, n_kept, n_live, dh):
    """Gradient of `variational_forward`, plus the part that `noisy_backward` left in cells.

    (in) cells at `first` (n_live, n_vectors, n_kept, lanes)
    (accum) dh (n_sequences, n_hidden): gradient of what the weights read, then of h_{t-1}
    """
    n_hidden = dh.shape[1]
    for r in range(n_live):
        for j in range(0, n_hidden, lanes(dh)):
            unit = r * n_hidden + j
            past = load(cells, first + unit * n_kept + cell.n_kept * lanes(dh))
            share = _dropout(noise, dh, noise.state, _STATE, scan, r * noise.n_units + j)
            store(dh, unit, fma(share, load(dh, unit), past))
