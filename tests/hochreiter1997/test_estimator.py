"""The rule of 1997, which runs forward in time, equals the estimators' `gradient="truncated"`."""

import numpy as np
import pytest

from examples.hochreiter1997.network import LANES, Architecture, Sequences
from sklstm import LSTMClassifier
from sklstm._network.parameters import ParameterLayout
from sklstm.components import SGD
from tests.kernels.problem import network_spec

N_INPUTS, N_CELLS, N_STEPS = 3, 4, 15


def forward_in_time(weights, x, target):
    """Return the gradient of a sequence by the rule of 1997, and the output."""
    architecture = Architecture(N_INPUTS, 1, N_CELLS, 1, "random", "random", "random", "random")
    network = architecture.network()
    theta = np.zeros(architecture.n_parameters)
    for name, value in weights.items():
        architecture.views(theta)[name][...] = value
    network.theta[...] = theta[:, np.newaxis]
    network.rate[...] = 1.0
    has_target = np.arange(N_STEPS) == N_STEPS - 1
    index = np.zeros((N_STEPS, 1), dtype=int)
    channels = np.tile(np.arange(N_INPUTS), (N_STEPS, 1))
    sequence = Sequences(
        np.array([N_STEPS]), channels, x, index, np.full((N_STEPS, 1), target), has_target
    )
    outputs = np.empty((N_STEPS * LANES, 1))
    network.run([sequence] * LANES, outputs=outputs)
    return architecture.views(network.theta[:, 0] - theta), outputs[N_STEPS - 1, 0]


def back_in_time(theta_of, x, target, gradient):
    """Return the estimator's gradient of the log loss, from one step of gradient descent."""
    model = LSTMClassifier(
        hidden_size=N_CELLS, cell="lstm1997", gradient=gradient, bidirectional=False,
        pooling="last", dropout=0.0, patch_size=1, scale=None,
        solver=SGD(momentum=0.0, nesterov=False), alpha=0.0, clip_norm=None, learning_rate_init=1.0,
        dtype="float64", random_state=0,
    )  # fmt: skip
    model.partial_fit([x], [target], classes=[0, 1])
    layout = ParameterLayout(
        network_spec(N_INPUTS, N_CELLS, 1, False, ("last",), 1, "sigmoid", cell="lstm1997")
    )
    theta = np.empty(layout.size)
    for name, view in layout.views(theta).items():
        view[...] = theta_of[name]
    model.theta_ = theta.copy()
    model.partial_fit([x], [target])
    return layout.views(theta - model.theta_)


@pytest.mark.parametrize("target", [0, 1])
def test_both_are_one(target):
    rng = np.random.RandomState(target)
    x = rng.standard_normal((N_STEPS, N_INPUTS))
    ih, bias = rng.uniform(-1, 1, (3, N_CELLS, N_INPUTS)), rng.uniform(-1, 1, (3, N_CELLS))
    hh = rng.uniform(-1, 1, (3, N_CELLS, N_CELLS))
    head, head_bias = rng.uniform(-1, 1, (1, N_CELLS)), rng.uniform(-1, 1, 1)
    theta_of = {
        "weight_ih_l0": ih.reshape(-1, N_INPUTS), "weight_hh_l0": hh.reshape(-1, N_CELLS),
        "bias_l0": bias.ravel(), "head_weight": head, "head_bias": head_bias,
    }  # fmt: skip

    # The gates i, g, o become i, o, g, and weights from gates are 0. 4 f(x) - 2 = 2 tanh(x / 2) and
    # 2 f(s) - 1 = tanh(s / 2), so with twice the weights into g, s is 2 c and all else is equal.
    order, scale = [0, 2, 1], np.array([1.0, 1.0, 2.0])

    def arranged(part):
        return (scale.reshape(3, *[1] * (part.ndim - 1)) * part[order]).reshape(3 * N_CELLS, -1)

    no_gates = np.zeros((3 * N_CELLS, 2 * N_CELLS))
    weights = {
        "w_input": arranged(ih),
        "w_hidden": np.hstack([no_gates, arranged(hh), arranged(bias)]),
        "w_output": np.column_stack([head, head_bias]),
    }
    steps, output = forward_in_time(weights, x, float(target))
    gradient = back_in_time(theta_of, x, target, "truncated")

    # The squared error has the slope of the output unit as a factor, the log loss does not. The
    # sign is negative because the rule adds its gradient.
    slope = -output * (1.0 - output)

    def as_rule(name):
        part = gradient[name].reshape(3, N_CELLS, -1)[order] / scale[:, np.newaxis, np.newaxis]
        return slope * part.reshape(3 * N_CELLS, -1)

    close = {"rtol": 0, "atol": 1e-10}
    np.testing.assert_allclose(steps["w_input"], as_rule("weight_ih_l0"), **close)
    np.testing.assert_allclose(
        steps["w_hidden"][:, 2 * N_CELLS : -1], as_rule("weight_hh_l0"), **close
    )
    np.testing.assert_allclose(steps["w_hidden"][:, -1:], as_rule("bias_l0"), **close)
    np.testing.assert_allclose(steps["w_output"][:, :-1], slope * gradient["head_weight"], **close)
    np.testing.assert_allclose(steps["w_output"][:, -1], slope * gradient["head_bias"], **close)

    full = back_in_time(theta_of, x, target, "full")["weight_ih_l0"]
    assert np.abs(full - gradient["weight_ih_l0"]).max() > 1e-3  # truncation makes a difference
