"""The matrix product: register tiles over panels of columns."""

from __future__ import annotations

import functools
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from sklstm._kernels.jit import address_of
from sklstm._kernels.simd import N_REGISTERS, Vector, emit_fma, emit_splat, lanes, llvm_vector

# Rows in a register tile of `gemm`, which is four vectors wide: 6 x 4 accumulators,
# 4 vectors of B and one of A fit into 32 registers; 3 x 4 accumulators fit into 16.
TILE_ROWS = 6 if N_REGISTERS == 32 else 3
PANEL = 4  # vectors in a panel of B: the number of gates of an LSTM


def _tile(rows: int, vectors: int) -> Any:
    """Define a register tile: C (rows, vectors) (+)= A (rows, k) B (k, vectors)."""

    @intrinsic
    def tile(typingctx, a, a0, a_row, a_k, b, b0, b_k, c, c0, c_row, k, accumulate):
        intp = types.intp
        sig = types.void(a, intp, intp, intp, b, intp, intp, c, intp, intp, intp, types.boolean)
        vector = Vector(c.dtype)
        align = vector.dtype.bitwidth // 8

        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            av, a0v, a_rowv, a_kv, bv, b0v, b_kv, cv, c0v, c_rowv, kv, accv = args
            wide = llvm_vector(vector)
            word = c0v.type
            entry_a = builder.gep(av, [a0v])
            entry_b = builder.gep(bv, [b0v])
            entry_c = builder.gep(cv, [c0v])

            def c_pointer(i: int, j: int) -> Any:
                offset = builder.add(builder.mul(c_rowv, word(i)), word(j * vector.lanes))
                return builder.bitcast(builder.gep(entry_c, [offset]), wide.as_pointer())

            places = [(i, j) for i in range(rows) for j in range(vectors)]
            before = builder.block
            read = builder.append_basic_block("tile.read")
            head = builder.append_basic_block("tile.k")
            done = builder.append_basic_block("tile.done")
            zero = ir.Constant(wide, [0.0] * vector.lanes)
            skip = builder.append_basic_block("tile.zero")
            builder.cbranch(accv, read, skip)
            builder.position_at_end(read)
            old = [builder.load(c_pointer(i, j), align=align) for i, j in places]
            builder.branch(skip)
            builder.position_at_end(skip)
            start = []
            for value in old:
                phi = builder.phi(wide)
                phi.add_incoming(zero, before)
                phi.add_incoming(value, read)
                start.append(phi)
            builder.cbranch(builder.icmp_signed(">", kv, word(0)), head, done)

            builder.position_at_end(head)
            count = builder.phi(word)
            count.add_incoming(word(0), skip)
            a_at = builder.phi(entry_a.type)
            a_at.add_incoming(entry_a, skip)
            b_at = builder.phi(entry_b.type)
            b_at.add_incoming(entry_b, skip)
            sums = []
            for value in start:
                phi = builder.phi(wide)
                phi.add_incoming(value, skip)
                sums.append(phi)
            b_row = [
                builder.load(
                    builder.bitcast(builder.gep(b_at, [word(j * vector.lanes)]), wide.as_pointer()),
                    align=align,
                )
                for j in range(vectors)
            ]
            fresh = list(sums)
            for i in range(rows):
                element = builder.load(builder.gep(a_at, [builder.mul(a_rowv, word(i))]))
                spread = emit_splat(builder, element, vector.lanes)
                for j in range(vectors):
                    fresh[i * vectors + j] = emit_fma(
                        builder, spread, b_row[j], fresh[i * vectors + j]
                    )
            following = builder.add(count, word(1))
            for phi, value in zip(sums, fresh, strict=True):
                phi.add_incoming(value, head)
            count.add_incoming(following, head)
            a_at.add_incoming(builder.gep(a_at, [a_kv]), head)
            b_at.add_incoming(builder.gep(b_at, [b_kv]), head)
            builder.cbranch(builder.icmp_signed("<", following, kv), head, done)

            builder.position_at_end(done)
            results = []
            for before_k, after_k in zip(start, fresh, strict=True):
                phi = builder.phi(wide)
                phi.add_incoming(before_k, skip)
                phi.add_incoming(after_k, head)
                results.append(phi)
            for (i, j), value in zip(places, results, strict=True):
                builder.store(value, c_pointer(i, j), align=align)
            return context.get_dummy_value()

        return sig, codegen

    return tile


_tile_full_4, _tile_full_2, _tile_full_1 = (_tile(TILE_ROWS, v) for v in (4, 2, 1))
_tile_2_4, _tile_2_2, _tile_2_1 = (_tile(2, v) for v in (4, 2, 1))
_tile_1_4, _tile_1_2, _tile_1_1 = (_tile(1, v) for v in (4, 2, 1))


def _gemm(a, a_row, a_k, b, b_panel, b_k, c, c_row, m, n_vectors, k, accumulate):
    """Compute `gemm` in register tiles; the last rows and vectors in smaller tiles."""
    width = lanes(c)
    v = 0
    while v < n_vectors:
        b0 = v // PANEL * b_panel + v % PANEL * width
        c0 = v * width
        left = n_vectors - v
        i = 0
        if left >= 4:
            while i + TILE_ROWS <= m:
                _tile_full_4(a, i * a_row, a_row, a_k, b, b0, b_k, c, c0, c_row, k, accumulate)
                i += TILE_ROWS
                c0 += TILE_ROWS * c_row
            while i + 2 <= m:
                _tile_2_4(a, i * a_row, a_row, a_k, b, b0, b_k, c, c0, c_row, k, accumulate)
                i += 2
                c0 += 2 * c_row
            if i < m:
                _tile_1_4(a, i * a_row, a_row, a_k, b, b0, b_k, c, c0, c_row, k, accumulate)
            v += 4
        elif left >= 2:
            while i + TILE_ROWS <= m:
                _tile_full_2(a, i * a_row, a_row, a_k, b, b0, b_k, c, c0, c_row, k, accumulate)
                i += TILE_ROWS
                c0 += TILE_ROWS * c_row
            while i + 2 <= m:
                _tile_2_2(a, i * a_row, a_row, a_k, b, b0, b_k, c, c0, c_row, k, accumulate)
                i += 2
                c0 += 2 * c_row
            if i < m:
                _tile_1_2(a, i * a_row, a_row, a_k, b, b0, b_k, c, c0, c_row, k, accumulate)
            v += 2
        else:
            while i + TILE_ROWS <= m:
                _tile_full_1(a, i * a_row, a_row, a_k, b, b0, b_k, c, c0, c_row, k, accumulate)
                i += TILE_ROWS
                c0 += TILE_ROWS * c_row
            while i + 2 <= m:
                _tile_2_1(a, i * a_row, a_row, a_k, b, b0, b_k, c, c0, c_row, k, accumulate)
                i += 2
                c0 += 2 * c_row
            if i < m:
                _tile_1_1(a, i * a_row, a_row, a_k, b, b0, b_k, c, c0, c_row, k, accumulate)
            v += 1


def _gemm_signature(dtype: types.Float) -> Any:
    """Return the types of the arguments of `_gemm`."""
    pointer, intp = types.CPointer(dtype), types.intp
    return types.void(
        pointer, intp, intp, pointer, intp, intp, pointer, intp, intp, intp, intp, types.boolean
    )


@functools.cache
def gemm_address(dtype: Any) -> int:
    """Return the address of the matrix product for a NumPy dtype, to be passed to `gemm`.

    The product is compiled separately: as a part of every function that calls it, LLVM would
    compile it seven times, which is a quarter of the time of a first fit.
    """
    return address_of(_gemm, _gemm_signature(numba.from_dtype(np.dtype(dtype))))


@intrinsic
def gemm(
    typingctx, function, a, a_row, a_k, b, b_panel, b_k, c, c_row, m, n_vectors, k, accumulate
):
    """C (m, n) = A (m, k) B (k, n), or += with `accumulate`; n is counted in vectors.

    (in) function: `gemm_address` of the dtype; a, b and c are pointers made by `address`
    (in) a: element (i, j) at i * a_row + j * a_k
    (in) b: panels of four vectors; vector v of row j at
         (v // 4) * b_panel + j * b_k + (v % 4) * lanes
    (out) c: element (i, j) at i * c_row + j
    """
    inner = _gemm_signature(c.dtype)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        # convert to C types: a boolean is a byte
        values = [
            context.get_value_as_data(builder, t, value)
            for t, value in zip(inner.args, args[1:], strict=True)
        ]
        fnty = ir.FunctionType(ir.VoidType(), [value.type for value in values])
        builder.call(builder.inttoptr(args[0], fnty.as_pointer()), values)
        return context.get_dummy_value()

    return types.void(types.intp, *inner.args), codegen
