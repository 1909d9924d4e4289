"""The activations: exp, tanh and the logistic function of vectors."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.extending import intrinsic

from sklstm._kernels.jit import device
from sklstm._kernels.simd import HAS_FMA, emit_fma, llvm_vector

# 2^r = 1 + r q(r) for |r| <= 1/2, with q interpolated at Chebyshev nodes: relative error
# 2.0e-7 (degree 5) and 8.5e-18 (degree 11). The 1 is exact, and so exp(0) = 1, tanh(0) = 0.
_EXP2_SERIES = {
    32: (
        1.0,
        0.6931471805599453,
        0.2402234903802036,
        0.05550381013796457,
        0.009666368515385448,
        0.0013381302537320797,
    ),
    64: (
        1.0,
        0.6931471805599453,
        0.24022650695910097,
        0.0555041086648216,
        0.009618129107606888,
        0.0013333558146416936,
        0.0001540353044173605,
        1.525273382983612e-05,
        1.321544258792169e-06,
        1.0178062445845774e-07,
        7.072585949269223e-09,
        4.4549605981865186e-10,
    ),
}


@intrinsic
def exp(typingctx: Any, x: Any) -> Any:
    """``exp(vector)``, relative error 2e-16 in float64; in float32 3e-7 near 0, 1.4e-6 at +-87.

    exp(x) = 2^(n + r) with n an integer and |r| <= 1/2: a polynomial gives 2^r, and n is added
    to the bits of the exponent. NaN stays NaN; arguments beyond the range of the type are
    clipped to it, so that the result is finite.
    """
    bits = x.dtype.bitwidth
    mantissa = {32: 23, 64: 52}[bits]
    limit = {32: 87.0, 64: 708.0}[bits]
    log2_e = 1.4426950408889634
    log2_e_rest = 2.0355273740931033e-17  # log2(e) minus its float64 value
    log_2 = (0.693145751953125, 1.4286068203094172e-06)  # 16 bits, and the remainder

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        vector = llvm_vector(x)
        whole = ir.VectorType(ir.IntType(bits), x.lanes)

        def constant(value: float) -> ir.Constant:
            return ir.Constant(vector, [value] * x.lanes)

        v = args[0]
        for bound, relation in [(limit, ">"), (-limit, "<")]:  # ordered: a NaN passes
            beyond = builder.fcmp_ordered(relation, v, constant(bound))
            v = builder.select(beyond, constant(bound), v)
        # adding 1.5 * 2^mantissa rounds to an integer, which is then in the low bits
        magic = constant(1.5 * 2.0**mantissa)
        shifted = emit_fma(builder, v, constant(log2_e), magic)
        n = builder.fsub(shifted, magic)
        if HAS_FMA:
            r = emit_fma(builder, v, constant(log2_e), builder.fneg(n))
            if bits == 64:
                r = emit_fma(builder, v, constant(log2_e_rest), r)
        else:  # n times the upper part of log(2) is exact (Cody & Waite 1980)
            r = v
            for part in log_2:
                r = builder.fsub(r, builder.fmul(n, constant(part)))
            r = builder.fmul(r, constant(log2_e))
        series = _EXP2_SERIES[bits]
        p = constant(series[-1])
        for coefficient in reversed(series[:-1]):
            p = emit_fma(builder, p, r, constant(coefficient))
        shift = ir.Constant(whole, [mantissa] * x.lanes)
        exponent = builder.shl(builder.bitcast(shifted, whole), shift)
        return builder.bitcast(builder.add(builder.bitcast(p, whole), exponent), vector)

    return x(x), codegen


@device
def sigmoid(x):
    """1 / (1 + exp(-x)), of a vector."""
    return 1.0 / (1.0 + exp(0.0 - x))


@device
def tanh(x):
    """2 sigmoid(2x) - 1, of a vector; the absolute error is that of rounding once."""
    return 2.0 / (1.0 + exp(-2.0 * x)) - 1.0
