"""Recurrent layers: a standard operator for a whole layer where one fits, else loops by Scan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from sklstm._kernels.layer_norm import EPSILON
from sklstm.components.cells import Cell
from sklstm.export._fitted import FittedModel
from sklstm.export._onnx.cells import OPERATORS, STEPS, Operator
from sklstm.export._onnx.graph import Graph, Input
from sklstm.export._onnx.steps import Steps


def layers(graph: Graph, model: FittedModel, steps: Steps) -> tuple[Steps, str]:
    """Return the states of the last layer at all steps, and the final ones (n_samples, n)."""
    cell = model.spec.cell
    plain = not cell.normalised and max(cell.zoneout_rates) == 0.0
    final = ""
    for layer in range(model.spec.num_layers):
        suffixes = [suffix for number, suffix in model.spec.scans if number == layer]
        scans = [_Scan(model, f"l{layer}{suffix}") for suffix in suffixes]
        if plain and type(cell) in OPERATORS:
            steps, final = _by_operator(graph, OPERATORS[type(cell)], scans, steps)
        elif type(cell) in STEPS:
            steps, final = _by_loops(graph, cell, scans, steps)
        else:
            raise ValueError(f"The cell {type(cell).__name__} cannot be exported to ONNX.")
    return steps, final


class _Scan:
    """The parameters of one direction of one layer, in blocks by column."""

    def __init__(self, model: FittedModel, group: str) -> None:
        spec, cell = model.spec, model.spec.cell
        self.n_units = n = spec.hidden_size
        self._group, self._parameters = group, model.parameters
        self.of_input = self._blocks("weight_ih", cell.input_columns, n)
        self.of_state = self._blocks("weight_hh", cell.state_columns, n)
        self.bias = self._blocks("bias", cell.columns, n)
        self.gain = self._blocks("gain", cell.columns if cell.normalised else (), n)
        self.peepholes: dict[str, NDArray] = {}
        for name, columns in cell.extra.items():
            self.peepholes |= self._blocks(name, columns, 1)

    def _blocks(self, kind: str, columns: tuple[str, ...], n_rows: int) -> dict[str, NDArray]:
        """Return the float32 blocks of n_rows of an array, by column."""
        if not columns:
            return {}
        array = self._parameters[f"{kind}_{self._group}"].astype(np.float32)
        return {column: array[k * n_rows : (k + 1) * n_rows] for k, column in enumerate(columns)}


# --- a standard operator for all directions of a layer --------------------------------------
def _by_operator(
    graph: Graph, operator: Operator, scans: list[_Scan], steps: Steps
) -> tuple[Steps, str]:
    """Return all states and the final ones of one layer."""
    n, n_directions = scans[0].n_units, len(scans)
    each = [_gates(operator, scan) for scan in scans]
    weights = [np.stack([gates[k] for gates in each]) for k in range(3)]
    inputs: list[Input] = [steps.values, *weights, steps.lengths]
    if scans[0].peepholes:
        of_gates = [gate for gate in operator.gates if gate in scans[0].peepholes]
        peepholes = [np.concatenate([s.peepholes[g].ravel() for g in of_gates]) for s in scans]
        inputs += ["", "", np.stack(peepholes)]
    states, last = graph.add_all(
        operator.name, *inputs, names=(graph.name("states"), graph.name("last")), hidden_size=n,
        direction="bidirectional" if n_directions == 2 else "forward", **operator.attributes,
    )  # fmt: skip
    # (n_timesteps, n_directions, n_samples, n), (n_directions, n_samples, n)
    if n_directions == 1:
        return (
            steps.with_values(graph.add("Squeeze", states, np.array([1]))),
            graph.add("Squeeze", last, np.array([0])),
        )
    beside = graph.add("Transpose", states, perm=[0, 2, 1, 3])
    final = graph.add("Transpose", last, perm=[1, 0, 2])
    return (
        steps.with_values(graph.reshape(beside, 0, 0, n_directions * n)),
        graph.reshape(final, 0, n_directions * n),
    )


def _gates(operator: Operator, scan: _Scan) -> tuple[NDArray, NDArray, NDArray]:
    """Return W, R and B of one direction, with the gates in the operator's order."""
    n = scan.n_units
    of_input, of_state, biases, state_biases = [], [], [], []
    nothing = np.zeros(n, np.float32)
    for gate in operator.gates:
        if isinstance(gate, float):
            of_input.append(np.zeros_like(next(iter(scan.of_input.values()))))
            of_state.append(np.zeros((n, n), np.float32))
            biases.append(nothing + np.float32(gate))
            state_biases.append(nothing)
            continue
        reads_input, reads_state = (gate, gate) if isinstance(gate, str) else gate
        of_input.append(scan.of_input[reads_input])
        of_state.append(scan.of_state[reads_state])
        biases.append(scan.bias[reads_input])
        state_biases.append(nothing if reads_state == reads_input else scan.bias[reads_state])
    return np.concatenate(of_input), np.concatenate(of_state), np.concatenate(biases + state_biases)


# --- a loop for each direction --------------------------------------------------------------
def _by_loops(graph: Graph, cell: Cell, scans: list[_Scan], steps: Steps) -> tuple[Steps, str]:
    """Return all states and the final ones of one layer."""
    each = [
        _loop(graph, cell, scan, steps, backwards=direction == 1)
        for direction, scan in enumerate(scans)
    ]
    if len(each) == 1:
        states, final = each[0]
    else:
        states = graph.add("Concat", *(states for states, _ in each), axis=2)
        final = graph.add("Concat", *(final for _, final in each), axis=1)
    return steps.with_values(states), final


def _loop(graph: Graph, cell: Cell, scan: _Scan, steps: Steps, backwards: bool) -> tuple[str, str]:
    """Return the states (n_timesteps, n_samples, n) and the final one of one direction."""
    weight = _side_by_side(scan.of_input[column] for column in cell.input_columns)
    from_input = graph.add("MatMul", steps.values, weight)
    n_samples = graph.size(steps.values, 1)
    zeros = graph.zeros(graph.add("Concat", n_samples, np.array([scan.n_units]), axis=0))
    body = Graph(outer=graph)
    names = {name: body.name(name) for name in ("h", "c", "from_input", "valid", "state")}
    h, c = _step(body, cell, scan, names)
    after = [body.add("Identity", value) for value in (h, c)]
    body.add("Identity", after[0], name=names["state"])
    kinds = {"valid": TensorProto.BOOL}
    inputs = [
        helper.make_tensor_value_info(names[name], kinds.get(name, TensorProto.FLOAT), None)
        for name in ("h", "c", "from_input", "valid")
    ]
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
        for name in (*after, names["state"])
    ]
    direction = int(backwards)
    final, _, states = graph.add_all(
        "Scan", zeros, zeros, from_input, steps.valid,
        names=(graph.name("last"), graph.name("memory"), graph.name("states")),
        body=helper.make_graph(body.nodes, graph.name("step"), inputs, outputs),
        num_scan_inputs=2, scan_input_directions=[direction] * 2,
        scan_output_directions=[direction],
    )  # fmt: skip
    return states, final


def _step(graph: Graph, cell: Cell, scan: _Scan, names: Mapping[str, str]) -> tuple[str, str]:
    """Return h and c after a step; behind the end of a sequence they stay as they are."""
    before = names["h"], names["c"]
    weight = _side_by_side(scan.of_state[column] for column in cell.state_columns)
    z = _pre_activations(
        graph, cell, scan, names["from_input"], graph.add("MatMul", before[0], weight)
    )
    peepholes = {column: graph.constant(row) for column, row in scan.peepholes.items()}
    after = STEPS[type(cell)](graph, z, *before, peepholes)
    kept = []
    for old, new, rate in zip(before, after, cell.zoneout_rates, strict=True):
        if rate > 0.0:  # the share of the previous state
            moved = graph.add("Mul", graph.add("Sub", new, old), np.float32(1.0 - rate))
            new = graph.add("Add", old, moved)
        kept.append(graph.add("Where", names["valid"], new, old))
    return kept[0], kept[1]


def _pre_activations(
    graph: Graph, cell: Cell, scan: _Scan, from_input: str, from_state: str
) -> dict[str, str]:
    """Return the pre-activations (n_samples, n) by column, normalised if the cell is."""
    of_input = _columns(graph, from_input, cell.input_columns)
    of_state = _columns(graph, from_state, cell.state_columns)
    z = {}
    for column in cell.columns:
        parts = [of[column] for of in (of_input, of_state) if column in of]
        total = parts[0] if len(parts) == 1 else graph.add("Add", *parts)
        if cell.normalised:
            z[column] = graph.add(
                "LayerNormalization", total, scan.gain[column], scan.bias[column], axis=-1,
                epsilon=EPSILON,
            )  # fmt: skip
        else:
            z[column] = graph.add("Add", total, scan.bias[column])
    return z


def _columns(graph: Graph, blocks: str, columns: tuple[str, ...]) -> dict[str, str]:
    """Return the blocks (n_samples, n) that lie side by side, by column."""
    if len(columns) == 1:
        return {columns[0]: blocks}
    names = tuple(graph.name("block") for _ in columns)
    graph.add_all("Split", blocks, names=names, axis=1, num_outputs=len(columns))
    return dict(zip(columns, names, strict=True))


def _side_by_side(blocks: Iterable[NDArray]) -> NDArray:
    """Return the weights of some columns, (n_inputs, n_columns * n)."""
    return np.ascontiguousarray(np.concatenate(list(blocks)).T)
