"""The learning rules of the baselines equal numeric gradients."""

import numpy as np
import pytest

from examples.hochreiter1997.baselines import FullyRecurrent, Recurrent, Window
from examples.hochreiter1997.network import LANES, Sequences

ARCHITECTURES = {
    "RTRL": Recurrent(3, 2, 4, init_range=1.0),
    "RTRL with skip": Recurrent(3, 2, 2, skip=True, init_range=1.0),
    "fully recurrent": FullyRecurrent(3, 2, 2, init_range=1.0),
    "TDNN": Window(3, 2, 4, width=3, init_range=1.0),
    "Elman": Recurrent(3, 2, 4, full_gradient=False, init_range=1.0),
}


def sequence(rng, n=7):
    """Draw a sequence with one target at its last step."""
    last = np.arange(n) == n - 1
    return Sequences(
        np.array([n]), np.tile(np.arange(3), (n, 1)), rng.standard_normal((n, 3)),
        np.ones((n, 1), dtype=int), rng.uniform(size=(n, 1)), last,
    )  # fmt: skip


def change_and_output(architecture, theta, s, rate):
    """Return the change of the weights by one sequence, and the last outputs."""
    network = architecture.network()
    network.theta[...] = theta[:, np.newaxis]
    network.rate[...] = rate
    outputs = np.empty((len(s.input_index) * LANES, 2))
    network.run([s] * LANES, learn=rate > 0.0, outputs=outputs)
    return network.theta[:, 0] - theta, outputs[len(s.input_index) - 1]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_rule_is_the_gradient(name):
    architecture = ARCHITECTURES[name]
    rng = np.random.RandomState(3)
    s, theta = sequence(rng), architecture.initial(rng)
    rate = 1e-4  # small, because the window network changes its weights while it back-propagates
    change, _ = change_and_output(architecture, theta, s, rate)
    target = np.array([0.0, s.target_value[-1, 0]])

    def error(theta):
        _, y = change_and_output(architecture, theta, s, 0.0)
        return 0.5 * np.sum((target - y) ** 2)

    step = 1e-5 * np.eye(len(theta))
    numeric = np.array([(error(theta - d) - error(theta + d)) / 2e-5 for d in step])
    if name == "Elman":
        seen = slice(architecture.n_hidden * (3 + architecture.n_hidden), None)  # output weights
        assert np.abs(change / rate - numeric).max() > 1e-3  # the gradient is truncated
        change, numeric = change[seen], numeric[seen]
    np.testing.assert_allclose(change / rate, numeric, rtol=2e-3, atol=1e-7)
