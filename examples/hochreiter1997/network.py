"""The network of 1997 and its learning rule, for several trials at once.

Each number of the paper is a vector here, with one lane for each of 8 trials (fewer where
registers are narrower). The trials have their own weights and sequences and are independent.
Letters and equation numbers are those of the paper's Section 4 and Appendix A.1.

NAMES
    H hidden units: B input gates, then B output gates, then C = B * S memory cells
    M sources of a hidden unit other than the inputs: the H hidden units, and 1 for the bias
    I inputs, O outputs, L lanes; all arrays are (..., L)

FORWARD, at each time step
    net_l = sum_m w_lm y_m + w_l x      y_m: hidden activations of the previous step
    y_in = f(net_in)     y_out = f(net_out)     f(x) = 1 / (1 + e^-x)       (3, 7, 8)
    s_v <- s_v + y_in g(net_v)                  g(x) = 2 (2 f(x) - 1)       (5, 9)
    y_v = y_out h(s_v)                          h(x) = 2 f(x) - 1           (4, 9)
    y_k = f(sum_v w_kv y_v)                     v: the cells, at this step

LEARNING RULE: errors that arrive at the net input of a gate or a cell change its weights and flow
no further back. The truncated gradient can be computed at each step without looking back.
    e_k = f'(net_k) (t_k - y_k)                                             (19)
    e_out = f'(net_out) sum_v h(s_v) sum_k w_kv e_k                         (21)
    e_s,v = y_out h'(s_v) sum_k w_kv e_k                                    (23)
    ds_v/dw_in,m <- ds_v/dw_in,m + g(net_v) f'(net_in) y_m                  (25)
    ds_v/dw_v,m  <- ds_v/dw_v,m + g'(net_v) y_in y_m                        (27)
    dw_lm = a e_l y_m   (outputs and output gates)                          (22)
    dw_in,m = a sum_v e_s,v ds_v/dw_in,m        dw_v,m = a e_s,v ds_v/dw_v,m    (26, 28)

Other readings of the paper: no weights between hidden units; linear outputs, y_k = net_k; and
errors e_k = t_k - y_k, for the log loss or for linear outputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from examples.hochreiter1997.jit import kernel
from sklstm._kernels.activations import (
    sigmoid,
)
from sklstm._kernels.jit import inlined
from sklstm._kernels.simd import (
    aligned,
    fma,
    lanes,
    lanes_of,
    load,
    spread,
    store,
)

LANES = lanes_of(np.float64)


@dataclass(frozen=True)
class Architecture:
    """Sizes and initial values of a network. Biases are given for each unit."""

    n_inputs: int
    n_outputs: int
    n_blocks: int
    block_size: int = 1
    input_gate_bias: tuple[float, ...] | str | None = None  # numbers, "random", or no bias
    output_gate_bias: tuple[float, ...] | str | None = None
    cell_bias: str | None = None
    output_bias: str | None = None
    init_range: float = 0.1
    g_range: float = 2.0  # g is in [-2, 2]
    h_range: float = 1.0
    recurrent: bool = True  # whether hidden units see each other
    output: Literal["logistic", "logistic, log loss", "linear"] = "logistic"
    # Experiments 2a and 2b: cells and gates see only the inputs, outputs see the inputs too,
    # there is no output gate, and the cell is y = s, s += y_in f(net).
    layered: bool = False

    def network(self) -> Network:
        """Return a network with this architecture."""
        return Network(self)

    @property
    def n_cells(self) -> int:
        """Number of memory cells, C."""
        return self.n_blocks * self.block_size

    @property
    def n_hidden(self) -> int:
        """Number of hidden units, H."""
        return self.n_blocks * (1 if self.layered else 2) + self.n_cells

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """Shape (targets, sources) of each part of the parameter vector."""
        n_sources = 0 if self.layered else self.n_hidden + 1
        return {
            "w_input": (self.n_hidden, self.n_inputs),
            "w_hidden": (self.n_hidden, n_sources),
            "w_output": (self.n_outputs, self.n_cells + 1),
            "w_skip": (self.n_outputs, self.n_inputs if self.layered else 0),
        }

    def views(self, theta: np.ndarray) -> dict[str, np.ndarray]:
        """Return views (targets, sources, ...) of the parts of a vector (n_parameters, ...)."""
        views, begin = {}, 0
        for name, (n_targets, n_sources) in self.shapes.items():
            end = begin + n_targets * n_sources
            views[name] = theta[begin:end].reshape(n_targets, n_sources, *theta.shape[1:])
            begin = end
        return views

    @property
    def n_parameters(self) -> int:
        """Size of the parameter vector, including the parameters that are never trained."""
        return sum(n_targets * n_sources for n_targets, n_sources in self.shapes.values())

    def trainable(self) -> np.ndarray:
        """Return a mask (n_parameters,): 0 for parameters that do not exist, else 1."""
        mask = np.ones(self.n_parameters)
        views = self.views(mask)
        if not self.layered:
            views["w_hidden"][:, :-1] = self.recurrent
            views["w_hidden"][:, -1] = [bias is not None for bias in self._hidden_biases()]
        views["w_output"][:, -1] = self.output_bias is not None
        return mask

    def initial(self, rng: np.random.RandomState) -> np.ndarray:
        """Return initial parameters (n_parameters,): uniform weights, and the biases."""
        theta = rng.uniform(-self.init_range, self.init_range, self.n_parameters)
        if not self.layered:
            bias = self.views(theta)["w_hidden"][:, -1]
            for unit, value in enumerate(self._hidden_biases()):
                if isinstance(value, float):
                    bias[unit] = value
        return theta * self.trainable()

    def _hidden_biases(self) -> list[float | str | None]:
        """Return the bias of each hidden unit: a number, "random", or None."""

        def by_unit(bias: tuple[float, ...] | str | None, n: int) -> list[float | str | None]:
            return list(map(float, bias)) if isinstance(bias, tuple) else [bias] * n

        return [
            *by_unit(self.input_gate_bias, self.n_blocks),
            *by_unit(self.output_gate_bias, self.n_blocks),
            *by_unit(self.cell_bias, self.n_cells),
        ]


class Sequences(NamedTuple):
    """Sequences, one after another. Inputs and targets that are not listed are 0."""

    length: np.ndarray  # (n_sequences,)
    input_index: np.ndarray  # (n_steps, K): inputs that are not 0 at a step
    input_value: np.ndarray  # (n_steps, K)
    target_index: np.ndarray  # (n_steps, J): outputs whose target is not 0; -1: none
    target_value: np.ndarray  # (n_steps, J)
    has_target: np.ndarray  # (n_steps,)


class Weights(NamedTuple):
    """The parts of a parameter vector (n_parameters, L) or of its gradient."""

    w_input: np.ndarray  # (H, I, L)
    w_hidden: np.ndarray  # (H, M, L); M = 0 in the layered network
    w_output: np.ndarray  # (O, C + 1, L), the bias last
    w_skip: np.ndarray  # (O, I, L) in the layered network, else (O, 0, L)


class State(NamedTuple):
    """The state of the network from step to step, and workspace."""

    y: np.ndarray  # (H + 1, L): activations of the previous step, and 1
    s: np.ndarray  # (C, L): internal states
    ds_input: np.ndarray  # (C, 2, I, L): ds/dw for the weights of the input gate and of the cell
    ds_hidden: np.ndarray  # (C, 2, M, L)
    f: np.ndarray  # (H, L): f(net)
    h: np.ndarray  # (C, L): h(s)
    y_cell: np.ndarray  # (C + 1, L): outputs of the cells, and 1
    y_output: np.ndarray  # (O, L)
    e_cell: np.ndarray  # (C, L): error that arrives at y_cell
    x: np.ndarray  # (I, L)
    active: np.ndarray  # (I,): inputs that are not 0 in at least one lane
    target: np.ndarray  # (O, L)
    graded: np.ndarray  # (1, L): 1 where there are targets, else 0


def vectors(*shape: int) -> np.ndarray:
    """Return zeros (*shape, L), aligned to the size of a vector."""
    flat = aligned(int(np.prod(shape)) * LANES, np.float64)
    flat[:] = 0.0
    return flat.reshape(*shape, LANES)


class Network:
    """The weights and states of several trials, one in each lane."""

    def __init__(self, architecture: Architecture) -> None:
        self.architecture = architecture
        n_parameters = architecture.n_parameters
        self.theta = vectors(n_parameters)
        self.gradient = vectors(n_parameters)
        self.rate = vectors(n_parameters)  # learning rates; 0 for fixed parameters
        n_hidden, n_cells = architecture.n_hidden, architecture.n_cells
        n_inputs, n_outputs = architecture.n_inputs, architecture.n_outputs
        n_sources = architecture.shapes["w_hidden"][1]
        self.state = State(
            y=vectors(n_hidden + 1),
            s=vectors(n_cells),
            ds_input=vectors(n_cells, 2, n_inputs),
            ds_hidden=vectors(n_cells, 2, n_sources),
            f=vectors(n_hidden),
            h=vectors(n_cells),
            y_cell=vectors(n_cells + 1),
            y_output=vectors(n_outputs),
            e_cell=vectors(n_cells),
            x=vectors(n_inputs),
            active=np.zeros(n_inputs, dtype=np.int64),
            target=vectors(n_outputs),
            graded=vectors(1),
        )
        self.state.y[-1] = 1.0
        self.state.y_cell[-1] = 1.0
        self._weights = Weights(**architecture.views(self.theta))
        self._dweights = Weights(**architecture.views(self.gradient))

    def run(
        self,
        of_lanes: list[Sequences],
        *,
        learn: bool = True,
        every_step: bool = False,
        outputs: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Run the sequences of each lane and return their errors.

        Each lane has the same number of sequences. If `learn`, weights change after each sequence,
        or, with `every_step`, after each time step that has a target. All output activations are
        written to `outputs` (n_steps of all lanes, O), if given.

        Returns the largest and the mean absolute error over the targets of each sequence, two
        arrays (n_sequences, L).
        """
        length = np.stack([sequences.length for sequences in of_lanes], axis=1)
        ends = np.cumsum(length.T.ravel()).reshape(length.T.shape).T
        together = Sequences(length, *map(np.concatenate, list(zip(*of_lanes, strict=True))[1:]))
        largest, mean = np.empty(length.shape), np.empty(length.shape)
        if outputs is None:
            outputs = np.empty((0, self.architecture.n_outputs))
        run_sequences(
            self._weights, self._dweights, self.theta, self.gradient, self.rate, self.state,
            together, np.ascontiguousarray(ends - length), self.architecture.block_size,
            self.architecture.g_range, self.architecture.h_range, self.architecture.layered,
            self.architecture.output == "linear", self.architecture.output == "logistic",
            learn, every_step, largest, mean, outputs,
        )  # fmt: skip
        return largest, mean


@inlined
def at(array, i, j):
    """Return the offset of the vector (i, j) of an array (.., n, L)."""
    return (i * array.shape[-2] + j) * lanes(array)


@inlined
def row(array, i):
    """Return the offset of the vector i of an array (n, L)."""
    return i * lanes(array)


@inlined
def add(array, offset, value):
    """Add to the vector at an offset."""
    store(array, offset, load(array, offset) + value)


@kernel
def run_sequences(
    weights, dweights, theta, gradient, rate, state, sequences, begin, block_size, g_range, h_range,
    layered, linear, sloped, learn, every_step, largest, mean, outputs,
):  # fmt: skip
    """Run and train all lanes on their sequences; see `Network.run`."""
    for n in range(len(begin)):
        # Sequences end together: a short one begins later, and its lane is idle until then.
        longest = sequences.length[n].max()
        largest[n] = 0.0
        mean[n] = 0.0
        n_targets = np.zeros(begin.shape[1])
        for t in range(longest):
            n_active = set_inputs_and_targets(state, sequences, n, longest - t, begin)
            forward(weights, state, n_active, block_size, g_range, h_range, layered, linear)
            if learn:
                carry_derivatives(state, n_active, block_size, g_range, layered)
            if state.graded.max() > 0.0:
                measure(state, largest[n], mean[n])
                n_targets += state.graded[0]
                if learn:
                    backward(
                        weights, dweights, state, n_active, block_size, h_range, layered, sloped
                    )
                    if every_step:
                        change_weights(theta, gradient, rate)
            finish_step(state, n_active)
            if len(outputs):
                record(state, outputs, begin[n], sequences.length[n], longest - t)
        if learn and not every_step:
            change_weights(theta, gradient, rate)
        mean[n] /= n_targets * len(state.y_output)


@inlined
def set_inputs_and_targets(state, sequences, n, steps_left, begin):
    """Set inputs and targets of each lane; return the number of inputs active in any lane."""
    n_active = 0
    for lane in range(begin.shape[1]):
        position = sequences.length[n, lane] - steps_left
        if position == 0:
            reset(state, lane)
        state.graded[0, lane] = 0.0
        if position < 0:
            continue
        step = begin[n, lane] + position
        for k in range(sequences.input_index.shape[1]):
            index = sequences.input_index[step, k]
            seen = False
            for a in range(n_active):
                seen |= state.active[a] == index
            if not seen:
                state.active[n_active] = index
                n_active += 1
            state.x[index, lane] = sequences.input_value[step, k]
        if sequences.has_target[step]:
            state.graded[0, lane] = 1.0
            for k in range(len(state.target)):
                state.target[k, lane] = 0.0
            for j in range(sequences.target_index.shape[1]):
                k = sequences.target_index[step, j]
                if k >= 0:
                    state.target[k, lane] = sequences.target_value[step, j]
    return n_active


@inlined
def reset(state, lane):
    """Clear the state of a lane before a new sequence."""
    state.y[:-1, lane] = 0.0
    state.s[:, lane] = 0.0
    state.ds_input[..., lane] = 0.0
    state.ds_hidden[..., lane] = 0.0


@inlined
def forward(weights, state, n_active, block_size, g_range, h_range, layered, linear):
    """Compute one time step; leave f(net) in `state.f` and the last activations in `state.y`."""
    w_input, w_hidden, w_output, w_skip = weights
    n_cells = len(state.s)
    first_cell = len(state.f) - n_cells
    n_blocks = n_cells // block_size

    for unit in range(len(state.f)):
        net = spread(state.f, 0.0)
        for a in range(n_active):
            m = state.active[a]
            net = fma(load(w_input, at(w_input, unit, m)), load(state.x, row(state.x, m)), net)
        for m in range(w_hidden.shape[1]):
            net = fma(load(w_hidden, at(w_hidden, unit, m)), load(state.y, row(state.y, m)), net)
        store(state.f, row(state.f, unit), sigmoid(net))

    for v in range(n_cells):
        block = v // block_size
        f_v = load(state.f, row(state.f, first_cell + v))
        y_in = load(state.f, row(state.f, block))
        if layered:
            s = fma(y_in, f_v, load(state.s, row(state.s, v)))
            h = s
            y_cell = s
        else:
            y_out = load(state.f, row(state.f, n_blocks + block))
            g = g_range * (2.0 * f_v - 1.0)
            s = fma(y_in, g, load(state.s, row(state.s, v)))
            h = h_range * (2.0 * sigmoid(s) - 1.0)
            y_cell = y_out * h
        store(state.s, row(state.s, v), s)
        store(state.h, row(state.h, v), h)
        store(state.y_cell, row(state.y_cell, v), y_cell)

    for k in range(len(state.y_output)):
        net = spread(state.y_output, 0.0)
        for v in range(n_cells + 1):
            net = fma(
                load(w_output, at(w_output, k, v)), load(state.y_cell, row(state.y_cell, v)), net
            )
        if layered:
            for a in range(n_active):
                m = state.active[a]
                net = fma(load(w_skip, at(w_skip, k, m)), load(state.x, row(state.x, m)), net)
        store(state.y_output, row(state.y_output, k), net if linear else sigmoid(net))


@inlined
def carry_derivatives(state, n_active, block_size, g_range, layered):
    """Update ds/dw, the only memory of the learning rule: 2 C (I + M) numbers."""
    ds_input, ds_hidden = state.ds_input, state.ds_hidden
    n_sources = ds_hidden.shape[2]
    n_cells = len(state.s)
    first_cell = len(state.f) - n_cells
    for v in range(n_cells):
        f_v = load(state.f, row(state.f, first_cell + v))
        f_in = load(state.f, row(state.f, v // block_size))
        if layered:
            g = f_v
            dg = f_v * (1.0 - f_v)
        else:
            g = g_range * (2.0 * f_v - 1.0)
            dg = g_range * 2.0 * f_v * (1.0 - f_v)
        by_gate = g * f_in * (1.0 - f_in)
        by_cell = dg * f_in
        for a in range(n_active):
            m = state.active[a]
            x = load(state.x, row(state.x, m))
            gate = at(ds_input, 2 * v, m)
            cell = at(ds_input, 2 * v + 1, m)
            store(ds_input, gate, fma(by_gate, x, load(ds_input, gate)))
            store(ds_input, cell, fma(by_cell, x, load(ds_input, cell)))
        for m in range(n_sources):
            y = load(state.y, row(state.y, m))
            gate = at(ds_hidden, 2 * v, m)
            cell = at(ds_hidden, 2 * v + 1, m)
            store(ds_hidden, gate, fma(by_gate, y, load(ds_hidden, gate)))
            store(ds_hidden, cell, fma(by_cell, y, load(ds_hidden, cell)))


@inlined
def measure(state, largest, mean):
    """Add the errors of this step to those of the sequence."""
    for k in range(len(state.y_output)):
        for lane in range(len(largest)):
            error = abs(state.target[k, lane] - state.y_output[k, lane]) * state.graded[0, lane]
            largest[lane] = max(largest[lane], error)
            mean[lane] += error


@inlined
def backward(weights, dweights, state, n_active, block_size, h_range, layered, sloped):
    """Add the contribution of this step to the gradient, with the sign that reduces the error."""
    w_output = weights.w_output
    d_input, d_hidden, d_output, d_skip = dweights
    n_cells = len(state.s)
    n_blocks = n_cells // block_size

    for v in range(n_cells):
        store(state.e_cell, row(state.e_cell, v), spread(state.e_cell, 0.0))
    graded = load(state.graded, row(state.graded, 0))
    for k in range(len(state.y_output)):
        y = load(state.y_output, row(state.y_output, k))
        target = load(state.target, row(state.target, k))
        e_k = graded * (target - y)
        if sloped:
            e_k = y * (1.0 - y) * e_k
        for v in range(n_cells + 1):
            offset = at(w_output, k, v)
            add(d_output, offset, e_k * load(state.y_cell, row(state.y_cell, v)))
            if v < n_cells:
                add(state.e_cell, row(state.e_cell, v), e_k * load(w_output, offset))
        if layered:
            for a in range(n_active):
                m = state.active[a]
                add(d_skip, at(d_skip, k, m), e_k * load(state.x, row(state.x, m)))

    for block in range(n_blocks):
        e_out = spread(state.e_cell, 0.0)
        f_out = load(state.f, row(state.f, (0 if layered else n_blocks) + block))
        for v in range(block * block_size, (block + 1) * block_size):
            e_cell = load(state.e_cell, row(state.e_cell, v))
            h = load(state.h, row(state.h, v))
            e_out = fma(h, e_cell, e_out)
            # h = r (2 f - 1), hence h' = 2 r f (1 - f) = (r r - h h) / (2 r)
            slope = (h_range * h_range - h * h) / (2.0 * h_range)
            e_s = e_cell if layered else e_cell * f_out * slope
            cell = len(state.f) - n_cells + v
            for m in range(d_input.shape[1]):
                by_gate = load(state.ds_input, at(state.ds_input, 2 * v, m))
                by_cell = load(state.ds_input, at(state.ds_input, 2 * v + 1, m))
                add(d_input, at(d_input, block, m), e_s * by_gate)
                add(d_input, at(d_input, cell, m), e_s * by_cell)
            for m in range(d_hidden.shape[1]):
                by_gate = load(state.ds_hidden, at(state.ds_hidden, 2 * v, m))
                by_cell = load(state.ds_hidden, at(state.ds_hidden, 2 * v + 1, m))
                add(d_hidden, at(d_hidden, block, m), e_s * by_gate)
                add(d_hidden, at(d_hidden, cell, m), e_s * by_cell)
        if layered:
            continue
        e_out = e_out * f_out * (1.0 - f_out)
        gate = n_blocks + block
        for a in range(n_active):
            m = state.active[a]
            add(d_input, at(d_input, gate, m), e_out * load(state.x, row(state.x, m)))
        for m in range(d_hidden.shape[1]):
            add(d_hidden, at(d_hidden, gate, m), e_out * load(state.y, row(state.y, m)))


@inlined
def finish_step(state, n_active):
    """Store the activations for the next step and set all inputs to 0."""
    n_gates = len(state.f) - len(state.s)
    for unit in range(n_gates):
        store(state.y, row(state.y, unit), load(state.f, row(state.f, unit)))
    for v in range(len(state.s)):
        store(state.y, row(state.y, n_gates + v), load(state.y_cell, row(state.y_cell, v)))
    for a in range(n_active):
        m = state.active[a]
        store(state.x, row(state.x, m), spread(state.x, 0.0))


@inlined
def change_weights(theta, gradient, rate):
    """Add the gradient times the learning rate to the weights, and clear the gradient."""
    for i in range(len(theta)):
        offset = row(theta, i)
        step = load(rate, offset) * load(gradient, offset)
        store(theta, offset, load(theta, offset) + step)
        store(gradient, offset, spread(gradient, 0.0))


@inlined
def record(state, outputs, begin, length, steps_left):
    """Copy the outputs of all lanes whose sequences have begun."""
    for lane in range(len(begin)):
        position = length[lane] - steps_left
        if position >= 0:
            for k in range(outputs.shape[1]):
                outputs[begin[lane] + position, k] = state.y_output[k, lane]
