"""The methods that the paper compares LSTM with: RTRL, BPTT, Elman's network, time windows.

Plain loops for one trial at a time. The classes have the interface of those in `network.py`, so
that trials, criteria and results are the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp

import numpy as np

from examples.hochreiter1997.jit import kernel
from examples.hochreiter1997.network import LANES, Sequences
from sklstm._kernels.jit import device


@dataclass(frozen=True)
class Recurrent:
    """A recurrent network: hidden units see inputs and each other, outputs see hidden units.

    With `full_gradient` the gradient goes back to the start of the sequence (RTRL and BPTT, which
    give the same gradient); else it treats the hidden activations of the previous step as
    constants (Elman's procedure). With `skip`, outputs see the inputs too.
    """

    n_inputs: int
    n_outputs: int
    n_hidden: int
    full_gradient: bool = True
    skip: bool = False
    init_range: float = 0.2
    layered: bool = False  # no sequential construction

    @property
    def n_parameters(self) -> int:
        """Number of weights."""
        n_in = self.n_hidden * (self.n_inputs + self.n_hidden)
        return n_in + self.n_outputs * (self.n_hidden + self.skip * self.n_inputs)

    def trainable(self) -> np.ndarray:
        """Return a mask (n_parameters,): all weights are trained."""
        return np.ones(self.n_parameters)

    def initial(self, rng: np.random.RandomState) -> np.ndarray:
        """Draw initial weights (n_parameters,)."""
        return rng.uniform(-self.init_range, self.init_range, self.n_parameters)

    def network(self) -> RecurrentNetwork:
        """Return a network with this architecture."""
        return RecurrentNetwork(self)


class _OneByOne:
    """A network that runs its lanes one after another."""

    def __init__(self, architecture: Recurrent | FullyRecurrent | Window) -> None:
        self.architecture: Recurrent | FullyRecurrent | Window = architecture
        self.theta = np.zeros((architecture.n_parameters, LANES))
        self.rate = np.zeros((architecture.n_parameters, LANES))

    def run(
        self,
        of_lanes: list[Sequences],
        *,
        learn: bool = True,
        every_step: bool = False,
        outputs: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Run the sequences of each lane; see `network.Network.run`."""
        n_outputs = self.architecture.n_outputs
        largest, mean = [], []
        n_before = 0
        for lane, sequences in enumerate(of_lanes):
            theta = np.ascontiguousarray(self.theta[:, lane])
            rate = self.rate[:, lane] * learn
            n_steps = len(sequences.input_index)
            y = np.zeros((n_steps, n_outputs))
            if rate.any() or not learn:  # else the lane is idle
                self._run(sequences, theta, rate, y, every_step)
            self.theta[:, lane] = theta
            if outputs is not None:
                outputs[n_before : n_before + n_steps] = y
            n_before += n_steps
            errors = _errors(sequences, y)
            largest.append(errors[0])
            mean.append(errors[1])
        return np.stack(largest, axis=1), np.stack(mean, axis=1)

    def _run(self, sequences, theta, rate, outputs, every_step):
        """Run and train one lane."""
        raise NotImplementedError


def _errors(sequences: Sequences, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest and the mean absolute error of each sequence."""
    target = np.zeros((len(y), y.shape[1] + 1))  # the last column collects index -1, no target
    np.put_along_axis(target, sequences.target_index, sequences.target_value, axis=1)
    graded = sequences.has_target.astype(float)
    ends = np.cumsum(sequences.length)
    error = np.abs(target[:, :-1] - y) * graded[:, np.newaxis]
    begins = ends - sequences.length
    total = np.add.reduceat(error.sum(axis=1), begins)
    n = np.add.reduceat(graded, begins) * y.shape[1]
    return np.maximum.reduceat(error.max(axis=1), begins), total / n


class RecurrentNetwork(_OneByOne):
    """See `Recurrent`."""

    architecture: Recurrent

    def _run(self, sequences, theta, rate, outputs, every_step):
        """Run and train one lane."""
        a = self.architecture
        n_in = a.n_hidden * (a.n_inputs + a.n_hidden)
        run_recurrent(
            *sequences, theta[:n_in].reshape(a.n_hidden, -1), rate[:n_in].reshape(a.n_hidden, -1),
            theta[n_in:].reshape(a.n_outputs, -1), rate[n_in:].reshape(a.n_outputs, -1),
            outputs, a.n_inputs, a.full_gradient, every_step,
        )  # fmt: skip


@device
def logistic(x):
    """Return 1 / (1 + exp(-x))."""
    return 1.0 / (1.0 + exp(-x))


@device
def change(w, dw):
    """Add dw to w and set dw to zero."""
    for i in range(w.shape[0]):
        for j in range(w.shape[1]):
            w[i, j] += dw[i, j]
            dw[i, j] = 0.0


@kernel
def run_recurrent(
    length, input_index, input_value, target_index, target_value, has_target,
    w, rate, w_output, rate_output, outputs, n_inputs, full_gradient, every_step,
):  # fmt: skip
    """Run and train on-line: y_t = f(W [x_t, y_{t-1}]), outputs = f(V [y_t, x_t])."""
    n_hidden, n_sources = w.shape
    n_outputs, n_seen = w_output.shape
    x = np.zeros(n_inputs)
    y, y_new = np.zeros(n_hidden), np.zeros(n_hidden)
    target = np.zeros(n_outputs)
    # dy_i/dw_jm, for hidden units i and j and sources m
    p, p_new = np.zeros((n_hidden, n_hidden, n_sources)), np.zeros((n_hidden, n_hidden, n_sources))
    dw, dw_output = np.zeros(w.shape), np.zeros(w_output.shape)
    learn = rate.max() > 0.0
    step = 0
    for n in range(len(length)):
        y[:] = 0.0
        p[:] = 0.0
        for _ in range(length[n]):
            for k in range(input_index.shape[1]):
                x[input_index[step, k]] = input_value[step, k]
            for i in range(n_hidden):
                net = 0.0
                for k in range(input_index.shape[1]):
                    m = input_index[step, k]
                    net += w[i, m] * x[m]
                for m in range(n_hidden):
                    net += w[i, n_inputs + m] * y[m]
                y_new[i] = logistic(net)
            if learn:
                for i in range(n_hidden):
                    slope = y_new[i] * (1.0 - y_new[i])
                    for j in range(n_hidden):
                        for m in range(n_sources):
                            back = 0.0
                            if full_gradient:
                                for l in range(n_hidden):  # noqa: E741 (the paper's letter)
                                    back += w[i, n_inputs + l] * p[l, j, m]
                            if i == j:
                                back += x[m] if m < n_inputs else y[m - n_inputs]
                            p_new[i, j, m] = slope * back
                p[:] = p_new
            y[:] = y_new
            for k in range(n_outputs):
                net = 0.0
                for i in range(n_hidden):
                    net += w_output[k, i] * y[i]
                if n_seen > n_hidden:
                    for a in range(input_index.shape[1]):
                        m = input_index[step, a]
                        net += w_output[k, n_hidden + m] * x[m]
                outputs[step, k] = logistic(net)
            if learn and has_target[step]:
                target[:] = 0.0
                for a in range(target_index.shape[1]):
                    if target_index[step, a] >= 0:
                        target[target_index[step, a]] = target_value[step, a]
                for k in range(n_outputs):
                    out = outputs[step, k]
                    e = out * (1.0 - out) * (target[k] - out)
                    for i in range(n_hidden):
                        dw_output[k, i] += rate_output[k, i] * e * y[i]
                        for j in range(n_hidden):
                            for m in range(n_sources):
                                dw[j, m] += rate[j, m] * e * w_output[k, i] * p[i, j, m]
                    if n_seen > n_hidden:
                        for a in range(input_index.shape[1]):
                            m = input_index[step, a]
                            dw_output[k, n_hidden + m] += rate_output[k, n_hidden + m] * e * x[m]
                if every_step:
                    change(w, dw)
                    change(w_output, dw_output)
            for k in range(input_index.shape[1]):
                x[input_index[step, k]] = 0.0
            step += 1
        if learn and not every_step:
            change(w, dw)
            change(w_output, dw_output)


@dataclass(frozen=True)
class FullyRecurrent:
    """RTRL as in Williams and Zipser: all units see inputs and units, and some are outputs."""

    n_inputs: int
    n_outputs: int
    n_hidden: int
    init_range: float = 0.2
    layered: bool = False

    @property
    def n_units(self) -> int:
        """Number of outputs and hidden units."""
        return self.n_outputs + self.n_hidden

    @property
    def n_parameters(self) -> int:
        """Number of weights."""
        return self.n_units * (self.n_inputs + self.n_units)

    def trainable(self) -> np.ndarray:
        """Return a mask (n_parameters,): all weights are trained."""
        return np.ones(self.n_parameters)

    def initial(self, rng: np.random.RandomState) -> np.ndarray:
        """Draw initial weights (n_parameters,)."""
        return rng.uniform(-self.init_range, self.init_range, self.n_parameters)

    def network(self) -> FullyRecurrentNetwork:
        """Return a network with this architecture."""
        return FullyRecurrentNetwork(self)


class FullyRecurrentNetwork(_OneByOne):
    """See `FullyRecurrent`."""

    architecture: FullyRecurrent

    def _run(self, sequences, theta, rate, outputs, every_step):
        """Run and train one lane."""
        n = self.architecture.n_units
        run_fully_recurrent(*sequences, theta.reshape(n, -1), rate.max(), outputs, every_step)


@kernel
def run_fully_recurrent(
    length, input_index, input_value, target_index, target_value, has_target,
    w, rate, outputs, every_step,
):  # fmt: skip
    """Run and train on-line by RTRL.

    p^k_ij <- f'(net_k) [sum_l w_kl p^l_ij + delta_ik z_j];  dw_ij = a sum_k e_k p^k_ij
    """
    n_units, n_sources = w.shape
    n_outputs = outputs.shape[1]
    n_inputs = n_sources - n_units
    z = np.zeros(n_sources)
    y = np.zeros(n_units)
    target = np.zeros(n_outputs)
    p, p_new = np.zeros((n_units, n_units, n_sources)), np.zeros((n_units, n_units, n_sources))
    dw = np.zeros(w.shape)
    step = 0
    for n in range(len(length)):
        y[:] = 0.0
        p[:] = 0.0
        for _ in range(length[n]):
            z[:n_inputs] = 0.0
            for k in range(input_index.shape[1]):
                z[input_index[step, k]] = input_value[step, k]
            z[n_inputs:] = y
            for k in range(n_units):
                net = 0.0
                for m in range(n_sources):
                    net += w[k, m] * z[m]
                y[k] = logistic(net)
            outputs[step] = y[:n_outputs]
            if rate > 0.0:
                for k in range(n_units):
                    slope = y[k] * (1.0 - y[k])
                    for i in range(n_units):
                        for j in range(n_sources):
                            back = z[j] if i == k else 0.0
                            for l in range(n_units):  # noqa: E741 (the paper's letter)
                                back += w[k, n_inputs + l] * p[l, i, j]
                            p_new[k, i, j] = slope * back
                p[:] = p_new
                if has_target[step]:
                    target[:] = 0.0
                    for a in range(target_index.shape[1]):
                        if target_index[step, a] >= 0:
                            target[target_index[step, a]] = target_value[step, a]
                    for k in range(n_outputs):
                        e = rate * (target[k] - y[k])
                        for i in range(n_units):
                            for j in range(n_sources):
                                dw[i, j] += e * p[k, i, j]
                    if every_step:
                        change(w, dw)
            step += 1
        if not every_step:
            change(w, dw)


@dataclass(frozen=True)
class Window:
    """A time-delay network: one hidden layer that sees the inputs of the last `width` steps."""

    n_inputs: int
    n_outputs: int
    n_hidden: int
    width: int
    init_range: float = 0.2
    layered: bool = False

    @property
    def n_parameters(self) -> int:
        """Number of weights."""
        return self.n_hidden * self.n_inputs * self.width + self.n_outputs * (self.n_hidden + 1)

    def trainable(self) -> np.ndarray:
        """Return a mask (n_parameters,): all weights are trained."""
        return np.ones(self.n_parameters)

    def initial(self, rng: np.random.RandomState) -> np.ndarray:
        """Draw initial weights (n_parameters,)."""
        return rng.uniform(-self.init_range, self.init_range, self.n_parameters)

    def network(self) -> WindowNetwork:
        """Return a network with this architecture."""
        return WindowNetwork(self)


class WindowNetwork(_OneByOne):
    """See `Window`."""

    architecture: Window

    def _run(self, sequences, theta, rate, outputs, every_step):
        """Run and train one lane."""
        a = self.architecture
        n = a.n_hidden * a.n_inputs * a.width
        run_window(
            *sequences, theta[:n].reshape(a.n_hidden, a.width, a.n_inputs),
            theta[n:].reshape(a.n_outputs, a.n_hidden + 1), rate.max(), outputs,
        )  # fmt: skip


@kernel
def run_window(
    length, input_index, input_value, target_index, target_value, has_target,
    w, w_output, rate, outputs,
):  # fmt: skip
    """Run and train a network without memory by back-propagation; weights change at each target."""
    n_hidden, width, _ = w.shape
    n_outputs = len(w_output)
    y, e_hidden = np.ones(n_hidden + 1), np.zeros(n_hidden)
    target = np.zeros(n_outputs)
    begin = 0
    for n in range(len(length)):
        for step in range(begin, begin + length[n]):
            if not has_target[step]:
                continue
            n_seen = min(width, step - begin + 1)
            for i in range(n_hidden):
                net = 0.0
                for d in range(n_seen):
                    for k in range(input_index.shape[1]):
                        net += w[i, d, input_index[step - d, k]] * input_value[step - d, k]
                y[i] = logistic(net)
            for k in range(n_outputs):
                net = 0.0
                for i in range(n_hidden + 1):
                    net += w_output[k, i] * y[i]
                outputs[step, k] = logistic(net)
            if rate == 0.0:
                continue
            target[:] = 0.0
            for a in range(target_index.shape[1]):
                if target_index[step, a] >= 0:
                    target[target_index[step, a]] = target_value[step, a]
            e_hidden[:] = 0.0
            for k in range(n_outputs):
                out = outputs[step, k]
                e = out * (1.0 - out) * (target[k] - out)
                for i in range(n_hidden):
                    e_hidden[i] += e * w_output[k, i]
                for i in range(n_hidden + 1):
                    w_output[k, i] += rate * e * y[i]
            for i in range(n_hidden):
                e = rate * e_hidden[i] * y[i] * (1.0 - y[i])
                for d in range(n_seen):
                    for k in range(input_index.shape[1]):
                        w[i, d, input_index[step - d, k]] += e * input_value[step - d, k]
        begin += length[n]
