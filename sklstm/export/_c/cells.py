"""Recurrent cells in C: the step of each, and what all of them share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sklstm._kernels.layer_norm import EPSILON
from sklstm.components.cells import GRU, LSTM, LSTM1997, RNN, Cell, Coupled, Peephole
from sklstm.export._c.source import ADD_PRODUCT, SIGMOID, Source, literal
from sklstm.export._fitted import FittedModel

# Statements of a step of unit u: {i} is the pre-activation of the column i, {h} and {c} the states
# before, {p:i} the peephole of i. They set h_now and, in cells with a memory, c_now.
STEPS: dict[type[Cell], str] = {
    LSTM: """
        const float c_now = sigmoid({f}) * c[u] + sigmoid({i}) * tanhf({g});
        const float h_now = sigmoid({o}) * tanhf(c_now);""",
    LSTM1997: """
        const float c_now = c[u] + sigmoid({i}) * tanhf({g});
        const float h_now = sigmoid({o}) * tanhf(c_now);""",
    Peephole: """
        const float i = sigmoid({i} + p->peepholes[u] * c[u]);
        const float f = sigmoid({f} + p->peepholes[HIDDEN + u] * c[u]);
        const float c_now = f * c[u] + i * tanhf({g});
        const float o = sigmoid({o} + p->peepholes[2 * HIDDEN + u] * c_now);
        const float h_now = o * tanhf(c_now);""",
    Coupled: """
        const float c_now = c[u] + sigmoid({i}) * (tanhf({g}) - c[u]);
        const float h_now = sigmoid({o}) * tanhf(c_now);""",
    GRU: """
        const float n = tanhf({n of input} + sigmoid({r}) * {n of state});
        const float h_now = n + sigmoid({z}) * (h[u] - n);""",
    RNN: """
        const float h_now = tanhf({h});""",
}

_SCAN = """
typedef struct {
    size_t n_inputs;
    const float *weight_ih; /* (n_inputs, pre-activations that read the input) */
    const float *weight_hh; /* (HIDDEN, pre-activations that read the state) */
    const float *bias;@FURTHER@
} scan;
"""

_ADD_BIAS = """
static void finish(const scan *p, float *z)
{
    for (size_t k = 0; k < N_COLUMNS * HIDDEN; k++)
        z[k] += p->bias[k];
}
"""

_NORMALISE = """
/* layer normalisation of each block of pre-activations */
static void finish(const scan *p, float *z)
{
    for (size_t first = 0; first < N_COLUMNS * HIDDEN; first += HIDDEN) {
        float mean = 0.0f, squares = 0.0f;
        for (size_t u = first; u < first + HIDDEN; u++)
            mean += z[u];
        mean /= HIDDEN;
        for (size_t u = first; u < first + HIDDEN; u++)
            squares += (z[u] - mean) * (z[u] - mean);
        const float inverse = 1.0f / sqrtf(squares / HIDDEN + NORM_EPSILON);
        for (size_t u = first; u < first + HIDDEN; u++)
            z[u] = (z[u] - mean) * inverse * p->gain[u] + p->bias[u];
    }
}
"""

_STEP = """
/* one time step of one direction of one layer: h@AND_C@ before, then after */
static void step_of_scan(const scan *p, const float *x, float *h@ARGUMENT@)
{
    float z[N_COLUMNS * HIDDEN] = {0.0f};
    add_product(h, HIDDEN, p->weight_hh, N_OF_STATE * HIDDEN, z + FIRST_OF_STATE * HIDDEN);
    add_product(x, p->n_inputs, p->weight_ih, N_OF_INPUT * HIDDEN, z);
    finish(p, z);
    for (size_t u = 0; u < HIDDEN; u++) {@STEP@
    }
}
"""


def add_cell(source: Source, model: FittedModel) -> None:
    """Add the step of the cell, and the constants that it reads."""
    cell = model.spec.cell
    if type(cell) not in STEPS:
        raise ValueError(f"The cell {type(cell).__name__} cannot be exported to C.")
    columns = _columns(cell)
    source.define(
        HIDDEN=model.spec.hidden_size,
        N_COLUMNS=len(columns),
        N_OF_INPUT=len(cell.input_columns),
        N_OF_STATE=len(cell.state_columns),
        FIRST_OF_STATE=columns.index(next(c for c in columns if c in cell.state_columns)),
    )
    further = ""
    if cell.normalised:
        source.define(NORM_EPSILON=literal(np.float32(EPSILON)))
        further += "\n    const float *gain;"
    if cell.extra:
        further += "\n    const float *peepholes;"
    source.declare(_SCAN.replace("@FURTHER@", further))
    source.function(ADD_PRODUCT)
    source.function(SIGMOID if "sigmoid" in STEPS[type(cell)] else "")
    source.function(_NORMALISE if cell.normalised else _ADD_BIAS)
    step = STEPS[type(cell)]
    for k, column in enumerate(columns):
        step = step.replace(f"{{{column}}}", f"z[{k} * HIDDEN + u]" if k else "z[u]")
    for state, rate in zip("hc"[: 1 + cell.has_memory], cell.zoneout_rates, strict=False):
        new = f"{state}_now"
        if rate > 0.0:  # the share of the previous state
            new = f"{state}[u] + {literal(np.float32(1.0 - rate))} * ({state}_now - {state}[u])"
        step += f"\n        {state}[u] = {new};"
    text = _STEP.replace("@STEP@", step)
    text = text.replace("@ARGUMENT@", ", float *c" if cell.has_memory else "")
    source.function(text.replace("@AND_C@", " and c" if cell.has_memory else ""))


def add_scan(source: Source, model: FittedModel, group: str) -> str:
    """Add the parameters of one direction of one layer, and return the name of their record."""
    cell, parameters, n = model.spec.cell, model.parameters, model.spec.hidden_size
    order = _columns(cell)

    def sorted_blocks(kind: str, columns: tuple[str, ...]) -> NDArray:
        blocks = parameters[f"{kind}_{group}"].reshape(len(columns), n, -1)
        return np.concatenate([blocks[columns.index(c)] for c in order if c in columns])

    of_input = sorted_blocks("weight_ih", cell.input_columns)
    arrays = [
        source.array(f"weight_ih_{group}", of_input.T),
        source.array(f"weight_hh_{group}", sorted_blocks("weight_hh", cell.state_columns).T),
        source.array(f"bias_{group}", sorted_blocks("bias", cell.columns)[:, 0]),
    ]
    if cell.normalised:
        arrays.append(source.array(f"gain_{group}", sorted_blocks("gain", cell.columns)[:, 0]))
    for kind in cell.extra:
        arrays.append(source.array(f"{kind}_{group}", parameters[f"{kind}_{group}"]))
    return source.record("scan", f"scan_{group}", of_input.shape[1], *arrays)


def _columns(cell: Cell) -> list[str]:
    """Return the columns such that those that read the input, or the state, lie side by side."""
    return sorted(
        cell.columns, key=lambda c: (c in cell.state_columns, c not in cell.input_columns)
    )
