"""Recurrent cells: the operator that computes each of them, and its step where none does.

A cell has an entry in `OPERATORS` if a standard operator computes it, and in `STEPS` the step for
the body of a loop, which layer normalisation and zoneout need.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sklstm.components.cells import GRU, LSTM, LSTM1997, RNN, Cell, Coupled, Peephole
from sklstm.export._onnx.graph import Graph

# A gate's bias that holds it at 1 in single precision.
_OPEN = 100.0


@dataclass(frozen=True)
class Operator:
    """A standard operator, and which column of the cell each of its gates is."""

    name: str
    # in the operator's order: the columns that read the input and the state, a column that does
    # both, or a bias in place of a column
    gates: tuple[str | tuple[str, str] | float, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)


OPERATORS: dict[type[Cell], Operator] = {
    LSTM: Operator("LSTM", ("i", "o", "f", "g")),
    LSTM1997: Operator("LSTM", ("i", "o", _OPEN, "g")),
    Peephole: Operator("LSTM", ("i", "o", "f", "g")),
    # the operator does not read its forget gate
    Coupled: Operator("LSTM", ("i", "o", 0.0, "g"), {"input_forget": 1}),
    GRU: Operator("GRU", ("z", "r", ("n of input", "n of state")), {"linear_before_reset": 1}),
    RNN: Operator("RNN", ("h",)),
}

# What a step is given: the graph, the pre-activations by column, h and c before the step, and the
# peepholes by column, if the cell has any; it returns h and c after it.
Names = Mapping[str, str]
Step = Callable[[Graph, Names, str, str, Names], tuple[str, str]]


def _lstm(graph: Graph, z: Names, h: str, c: str, peepholes: Names) -> tuple[str, str]:
    """Compute a step of the LSTM with a forget gate."""
    kept = graph.add("Mul", graph.add("Sigmoid", z["f"]), c)
    return _opened(graph, z, graph.add("Add", kept, _written(graph, z)))


def _lstm1997(graph: Graph, z: Names, h: str, c: str, peepholes: Names) -> tuple[str, str]:
    """Compute a step of the LSTM that forgets nothing."""
    return _opened(graph, z, graph.add("Add", c, _written(graph, z)))


def _peephole(graph: Graph, z: Names, h: str, c: str, peepholes: Names) -> tuple[str, str]:
    """Compute a step of the LSTM whose gates see the memory."""

    def seen(column: str, c: str) -> str:
        """Return what a gate reads, with the memory through its peephole."""
        return graph.add("Add", z[column], graph.add("Mul", peepholes[column], c))

    z = {**z, "i": seen("i", c), "f": seen("f", c)}
    kept = graph.add("Mul", graph.add("Sigmoid", z["f"]), c)
    c = graph.add("Add", kept, _written(graph, z))
    return _opened(graph, {**z, "o": seen("o", c)}, c)


def _coupled(graph: Graph, z: Names, h: str, c: str, peepholes: Names) -> tuple[str, str]:
    """Compute a step of the LSTM whose forget gate is 1 minus its input gate."""
    i, g = graph.add("Sigmoid", z["i"]), graph.add("Tanh", z["g"])
    moved = graph.add("Mul", i, graph.add("Sub", g, c))
    return _opened(graph, z, graph.add("Add", c, moved))


def _gru(graph: Graph, z: Names, h: str, c: str, peepholes: Names) -> tuple[str, str]:
    """Compute a step of the gated recurrent unit."""
    r, kept = graph.add("Sigmoid", z["r"]), graph.add("Sigmoid", z["z"])
    reset = graph.add("Mul", r, z["n of state"])
    n = graph.add("Tanh", graph.add("Add", z["n of input"], reset))
    return graph.add("Add", n, graph.add("Mul", kept, graph.add("Sub", h, n))), c


def _rnn(graph: Graph, z: Names, h: str, c: str, peepholes: Names) -> tuple[str, str]:
    """Compute a step of Elman's network."""
    return graph.add("Tanh", z["h"]), c


def _written(graph: Graph, z: Names) -> str:
    """Return what the input gate lets into the memory."""
    return graph.add("Mul", graph.add("Sigmoid", z["i"]), graph.add("Tanh", z["g"]))


def _opened(graph: Graph, z: Names, c: str) -> tuple[str, str]:
    """Return what the output gate lets out of the memory, and the memory."""
    return graph.add("Mul", graph.add("Sigmoid", z["o"]), graph.add("Tanh", c)), c


STEPS: dict[type[Cell], Step] = {
    LSTM: _lstm, LSTM1997: _lstm1997, Peephole: _peephole, Coupled: _coupled, GRU: _gru, RNN: _rnn,
}  # fmt: skip
