"""A graph that is written node by node, each of which is named by what it gives."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Input = str | NDArray | np.generic

# Operators that need not write all of their outputs.
_OPTIONAL_OUTPUTS = {"LSTM", "GRU", "RNN"}


class Graph:
    """Nodes and constants of an ONNX graph, or of the body of a loop in one.

    The methods take names of earlier outputs, or NumPy arrays, which become constants.
    """

    def __init__(self, prefix: str = "", outer: Graph | None = None) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[tuple[str, tuple[int, ...], bytes], onnx.TensorProto] = {}
        self._prefix = prefix
        self._outer = outer
        self._n_names = 0

    def name(self, stem: str) -> str:
        """Return a name that nothing else has."""
        if self._outer is not None:
            return self._outer.name(stem)
        self._n_names += 1
        return f"{self._prefix}{stem}_{self._n_names}"

    def add(self, operator: str, *inputs: Input, name: str | None = None, **attributes: Any) -> str:
        """Add a node with one output, and return its name."""
        (output,) = self.add_all(operator, *inputs, names=(name or self.name(operator),),
                                 **attributes)  # fmt: skip
        return output

    def add_all(
        self, operator: str, *inputs: Input, names: tuple[str, ...], **attributes: Any
    ) -> tuple[str, ...]:
        """Add a node with several outputs; an empty name leaves one out."""
        sources = [i if isinstance(i, str) else self.constant(np.asarray(i)) for i in inputs]
        self.nodes.append(helper.make_node(operator, sources, names, **attributes))
        return names

    def constant(self, array: NDArray) -> str:
        """Return the name of a constant; equal ones are stored once."""
        if self._outer is not None:  # the body of a loop reads those around it
            return self._outer.constant(array)
        if array.dtype.kind in "UO":
            array = array.astype(object)
            key = ("str", array.shape, "\0".join(array.ravel()).encode())
        else:
            array = np.ascontiguousarray(array).reshape(array.shape)  # a scalar stays one
            key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self.constants:
            self.constants[key] = numpy_helper.from_array(array, self.name("constant"))
        return self.constants[key].name

    def prune(self, outputs: Iterable[str]) -> None:
        """Leave out what does not lead to these outputs."""
        used, kept = set(outputs), []
        for node in reversed(self.nodes):
            if not used & set(node.output):
                continue
            if node.op_type in _OPTIONAL_OUTPUTS:
                node.output[:] = [name if name in used else "" for name in node.output]
            used |= set(node.input)
            for attribute in node.attribute:  # the body of a loop reads constants around it
                used |= {name for inner in attribute.g.node for name in inner.input}
            kept.append(node)
        self.nodes = kept[::-1]
        self.constants = {k: tensor for k, tensor in self.constants.items() if tensor.name in used}

    # --- small expressions ------------------------------------------------------------------
    def cast(self, x: Input, to: int) -> str:
        """Return x in another type, one of TensorProto."""
        return self.add("Cast", x, to=to)

    def zeros(self, shape: Input) -> str:
        """Return float32 zeros of a shape known when the graph runs."""
        return self.add("Expand", np.zeros((), np.float32), shape)

    def size(self, x: str, axis: int) -> str:
        """Return the length of an axis, (1,)."""
        return self.add("Shape", x, start=axis, end=axis + 1)

    def reshape(self, x: Input, *shape: int) -> str:
        """Return x in a shape in which 0 keeps an axis."""
        return self.add("Reshape", x, np.array(shape, np.int64))

    def flipped(self, x: str, axis: int) -> str:
        """Return x in reverse order along an axis."""
        first, last, step = (np.array([n], np.int64) for n in (-1, np.iinfo(np.int64).min, -1))
        return self.add("Slice", x, first, last, np.array([axis], np.int64), step)

    def range(self, n: str) -> str:
        """Return 0, 1, ..., n - 1 as int32 (n,), for n (1,)."""
        end = self.cast(self.add("Squeeze", n), TensorProto.INT32)
        return self.add("Range", np.int32(0), end, np.int32(1))
