"""SIMD vectors for Numba: a vector type with arithmetic, and views of flat arrays.

Loops over the hidden units are too short for LLVM's vectoriser, and a matrix product
written as Python loops reaches less than half the speed of a core. So vectors are explicit:
``load`` returns a value of the type ``Vector``, ``+ - * /`` work on it as on a float (strictly:
only ``fma`` fuses operations, and nothing is reordered), and ``store`` writes it back. One vector
holds ``lanes(array)`` elements, as many as the widest registers of the processor; LLVM splits it
where registers are narrower.

Arrays are addressed by a flat element offset and must be C-contiguous.
"""

from __future__ import annotations

import functools
import operator
from typing import Any

import llvmlite.binding as llvm
import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, lower_cast, models, register_model

from sklstm._kernels.jit import device


# --- the host -----------------------------------------------------------------------------
def _features() -> set[str]:
    """Return the features of the processor, or of the one that NUMBA_CPU_NAME names."""
    forced = numba.config.CPU_NAME
    if forced in (None, "", "host"):
        if llvm.get_process_triple().startswith(("aarch64", "arm64")):
            return {"neon", "fma"}
        return {name for name, present in llvm.get_host_cpu_features().items() if present}
    features = set((numba.config.CPU_FEATURES or "").replace("+", "").split(","))
    if forced in {"haswell", "broadwell", "skylake", "znver1", "znver2", "x86-64-v3"}:
        features |= {"avx2", "fma"}
    if forced in {"skylake-avx512", "cascadelake", "icelake-server", "znver4", "x86-64-v4"}:
        features |= {"avx512f", "fma"}
    return features


def _register_bytes(features: set[str]) -> tuple[int, int]:
    """Return the width of a vector register in bytes, and the number of registers."""
    if "avx512f" in features:
        return 64, 32
    return (32, 16) if "avx2" in features else (16, 32 if "neon" in features else 16)


VECTOR_BYTES, N_REGISTERS = _register_bytes(_features())
# Without this instruction, LLVM would call a C function for every element.
HAS_FMA = "fma" in _features()


def lanes_of(dtype: Any) -> int:
    """Return how many elements of a NumPy dtype fit into one vector."""
    return VECTOR_BYTES // np.dtype(dtype).itemsize


def aligned(size: int, dtype: Any) -> Any:
    """Return an uninitialised flat array that starts on a cache line."""
    dtype = np.dtype(dtype)
    buffer = np.empty(size * dtype.itemsize + 64, np.uint8)
    start = -buffer.ctypes.data % 64
    return buffer[start : start + size * dtype.itemsize].view(dtype)


# --- the type -----------------------------------------------------------------------------
class Vector(types.Type):
    """A SIMD vector of float32 or float64."""

    def __init__(self, dtype: types.Float) -> None:
        self.dtype = dtype
        self.lanes = VECTOR_BYTES * 8 // dtype.bitwidth
        super().__init__(name=f"Vector({dtype}, {self.lanes})")


def _llvm_float(dtype: types.Float) -> ir.Type:
    """Return the LLVM type of a Numba float."""
    return ir.FloatType() if dtype.bitwidth == 32 else ir.DoubleType()


def llvm_vector(vector: Vector) -> ir.VectorType:
    """Return the LLVM type of a `Vector`."""
    return ir.VectorType(_llvm_float(vector.dtype), vector.lanes)


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    """How Numba stores a `Vector`: as the LLVM vector itself."""

    def __init__(self, dmm: Any, fe_type: Vector) -> None:
        super().__init__(dmm, fe_type, llvm_vector(fe_type))


def emit_splat(builder: ir.IRBuilder, scalar: ir.Value, lanes: int) -> ir.Value:
    """Return a vector with the scalar in every lane."""
    vector = ir.VectorType(scalar.type, lanes)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), scalar, ir.IntType(32)(0))
    mask = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
    return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), mask)


@lower_cast(types.Number, Vector)
def _cast_number(context: Any, builder: Any, fromty: Any, toty: Any, value: Any) -> Any:
    """Convert a number to a vector, so that scalars and vectors can be combined."""
    scalar = context.cast(builder, value, fromty, toty.dtype)
    return emit_splat(builder, scalar, toty.lanes)


def _binary(function: Any, instruction: str) -> None:
    """Compile an operator on vectors to an LLVM instruction."""

    @infer_global(function)
    class Template(AbstractTemplate):
        def generic(self, args: Any, kws: Any) -> Any:
            vectors = [a for a in args if isinstance(a, Vector)]
            if len(args) == 2 and vectors and not kws:
                return signature(vectors[0], vectors[0], vectors[0])
            return None

    @lower_builtin(function, Vector, Vector)
    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return getattr(builder, instruction)(*args)


for _function, _instruction in [
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
]:
    _binary(_function, _instruction)


def emit_fma(builder: ir.IRBuilder, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
    """Return a * b + c: fused if the processor can, else a product and a sum."""
    if not HAS_FMA:
        return builder.fadd(builder.fmul(a, b), c)
    bits = 32 if isinstance(a.type.element, ir.FloatType) else 64
    name = f"llvm.fma.v{a.type.count}f{bits}"
    fnty = ir.FunctionType(a.type, [a.type] * 3)
    return builder.call(cgutils.get_or_insert_function(builder.module, fnty, name), [a, b, c])


@intrinsic
def fma(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
    """``fma(a, b, c)``: a * b + c of vectors, rounded once if the processor has FMA."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return emit_fma(builder, *args)

    return a(a, a, a), codegen


# --- memory -------------------------------------------------------------------------------
def _pointer(
    context: Any, builder: Any, array_type: Any, array: Any, offset: Any, to: ir.Type
) -> Any:
    """Return a pointer of type `to` to the element at a flat offset."""
    data = _data(context, builder, array_type, array)
    return builder.bitcast(builder.gep(data, [offset]), to.as_pointer())


def _data(context: Any, builder: Any, array_type: Any, array: Any) -> Any:
    """Return the address of the first element of an array; a pointer is returned as it is."""
    if isinstance(array_type, types.CPointer):
        return array
    return context.data_model_manager[array_type].get(builder, array, "data")


@intrinsic
def lanes(typingctx: Any, array: Any) -> Any:
    """``lanes(array)``: number of elements in one vector, a constant in compiled code."""
    n = Vector(array.dtype).lanes

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return context.get_constant(types.intp, n)

    return types.intp(array), codegen


@intrinsic
def address(typingctx: Any, array: Any, offset: Any) -> Any:
    """``address(array, offset)``: pointer to the element at a flat offset."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        to = _llvm_float(array.dtype)
        return _pointer(context, builder, array, args[0], args[1], to)

    return types.CPointer(array.dtype)(array, types.intp), codegen


def _view(n_dimensions: int) -> Any:
    """Define a C-contiguous view into an array, without the checks of slicing and reshape.

    The view holds no reference: the array that was passed to the kernel outlives the call.
    """

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        flat_type = sig.args[0]
        size = context.get_constant(types.intp, flat_type.dtype.bitwidth // 8)
        shape = list(args[2:])
        strides = [size]
        for extent in reversed(shape[1:]):
            strides.insert(0, builder.mul(extent, strides[0]))
        flat = _data(context, builder, flat_type, args[0])
        model = context.data_model_manager[sig.return_type]
        nothing = context.get_constant_null(types.voidptr)
        fields = {
            "meminfo": nothing,
            "parent": nothing,
            "nitems": functools.reduce(builder.mul, shape),
            "itemsize": size,
            "data": builder.gep(flat, [args[1]]),
            "shape": cgutils.pack_array(builder, shape),
            "strides": cgutils.pack_array(builder, strides),
        }
        view = ir.Constant(model.get_value_type(), ir.Undefined)
        for name, value in fields.items():
            view = model.set(builder, view, value, name)
        return view

    def result(flat: Any) -> Any:
        return types.Array(flat.dtype, n_dimensions, "C")

    return result, codegen


@intrinsic
def span(typingctx: Any, flat: Any, start: Any, size: Any) -> Any:
    """``span(array, start, size)``: a 1-D view that starts at a flat element offset."""
    result, codegen = _view(1)
    return result(flat)(flat, types.intp, types.intp), codegen


@intrinsic
def matrix(typingctx: Any, flat: Any, start: Any, n_rows: Any, n_columns: Any) -> Any:
    """``matrix(flat, start, n_rows, n_columns)``: a 2-D view of a flat array."""
    result, codegen = _view(2)
    intp = types.intp
    return result(flat)(flat, intp, intp, intp), codegen


@intrinsic
def cube(typingctx: Any, flat: Any, start: Any, n_blocks: Any, n_rows: Any, n_columns: Any) -> Any:
    """``cube(flat, start, n_blocks, n_rows, n_columns)``: a 3-D view of a flat array."""
    result, codegen = _view(3)
    intp = types.intp
    return result(flat)(flat, intp, intp, intp, intp), codegen


@intrinsic
def load(typingctx: Any, array: Any, offset: Any) -> Any:
    """``load(array, offset)``: the vector that starts at a flat element offset."""
    vector = Vector(array.dtype)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, array, args[0], args[1], llvm_vector(vector))
        return builder.load(pointer, align=vector.dtype.bitwidth // 8)

    return vector(array, types.intp), codegen


@intrinsic
def store(typingctx: Any, array: Any, offset: Any, value: Any) -> Any:
    """``store(array, offset, vector)``: write a vector at a flat element offset."""
    vector = Vector(array.dtype)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, array, args[0], args[1], llvm_vector(vector))
        builder.store(args[2], pointer, align=vector.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), codegen


@intrinsic
def spread(typingctx: Any, array: Any, value: Any) -> Any:
    """``spread(array, value)``: a vector of the array's type with one value in all lanes."""
    vector = Vector(array.dtype)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return args[1]

    return vector(array, vector), codegen


@intrinsic
def below(typingctx: Any, array: Any, n: Any) -> Any:
    """``below(array, n)``: a vector with 1 in the first n lanes and 0 in the others."""
    vector = Vector(array.dtype)

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        word = ir.IntType(32)
        places = ir.Constant(ir.VectorType(word, vector.lanes), list(range(vector.lanes)))
        limits = emit_splat(builder, builder.trunc(args[1], word), vector.lanes)
        one, zero = (ir.Constant(llvm_vector(vector), [v] * vector.lanes) for v in (1.0, 0.0))
        return builder.select(builder.icmp_signed("<", places, limits), one, zero)

    return vector(array, types.intp), codegen


def _sum_of_lanes(builder: ir.IRBuilder, vector: ir.Value) -> ir.Value:
    """Sum all lanes, into every lane: each lane adds its partner, at first half a vector away."""
    n = vector.type.count
    apart = n // 2
    while apart > 0:
        partners = [lane ^ apart for lane in range(n)]
        order = ir.Constant(ir.VectorType(ir.IntType(32), n), partners)
        vector = builder.fadd(vector, builder.shuffle_vector(vector, vector, order))
        apart //= 2
    return vector


@intrinsic
def total(typingctx: Any, x: Any) -> Any:
    """``total(vector)``: the sum of its lanes, as a vector with the sum in every lane."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _sum_of_lanes(builder, args[0])

    return x(x), codegen


@intrinsic
def lane_sum(typingctx: Any, x: Any) -> Any:
    """``lane_sum(vector)``: the sum of its lanes, as a scalar."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.extract_element(_sum_of_lanes(builder, args[0]), ir.IntType(32)(0))

    return x.dtype(x), codegen


@intrinsic
def not_below(typingctx: Any, a: Any, b: Any) -> Any:
    """``not_below(a, b)``: the larger of a and b, lane by lane; NaN if either is NaN."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        a, b = args
        higher = builder.fcmp_ordered(">", b, a)  # not where a is NaN: it stays
        return builder.select(builder.or_(higher, builder.fcmp_unordered("uno", b, b)), b, a)

    return a(a, a), codegen


@intrinsic
def where_equal(typingctx: Any, a: Any, b: Any, x: Any, y: Any) -> Any:
    """``where_equal(a, b, x, y)``: x where a == b, else y, lane by lane."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.select(builder.fcmp_ordered("==", args[0], args[1]), args[2], args[3])

    return a(a, a, a, a), codegen


@intrinsic
def called(typingctx: Any) -> Any:
    """``called()`` in the body of a function: LLVM never inlines that function."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def sqrt(typingctx: Any, a: Any) -> Any:
    """``sqrt(a)``, lane by lane."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        name = f"llvm.sqrt.v{a.lanes}f{a.dtype.bitwidth}"
        fnty = ir.FunctionType(args[0].type, [args[0].type])
        return builder.call(cgutils.get_or_insert_function(builder.module, fnty, name), args)

    return a(a), codegen


# These loops go over whole vectors, because all rows are whole vectors long: vectorising a loop
# over elements would add a second of compilation for nothing.
# They are not inlined: all arrays of a network are in one workspace, and LLVM would spend two
# seconds to find out which of them overlap.
# They take addresses, so that they are compiled once for arrays of any dimension.
@device
def fill(target, size, value):
    """target[:size] = value."""
    called()
    for j in range(0, size, lanes(target)):
        store(target, j, spread(target, value))


@device
def copy(source, target, size):
    """target[:size] = source[:size]."""
    called()
    for j in range(0, size, lanes(target)):
        store(target, j, load(source, j))


@device
def add(target, other, size):
    """target[:size] += other[:size]."""
    called()
    for j in range(0, size, lanes(target)):
        store(target, j, load(target, j) + load(other, j))


@device
def multiply(target, factor, size):
    """target[:size] *= factor[:size]."""
    called()
    for j in range(0, size, lanes(target)):
        store(target, j, load(target, j) * load(factor, j))
