"""Network and learning rule against a transcription of the paper and finite differences."""

import numpy as np
import pytest

from examples.hochreiter1997.network import LANES, Architecture, Network, Sequences

from .reference import naive_run

RECURRENT = Architecture(3, 2, 2, 2, (-1, -2), "random", "random", "random", init_range=0.8)
ARCHITECTURES = {
    "blocks": RECURRENT,
    "no biases": Architecture(3, 2, 2, 1, init_range=0.8),
    "other ranges": Architecture(3, 2, 1, 3, init_range=0.8, g_range=1.0, h_range=2.0),
    "layered": Architecture(3, 2, 2, 1, init_range=0.8, layered=True),
    "linear": Architecture(3, 2, 2, 1, init_range=0.8, output="linear", recurrent=False),
    "log loss": Architecture(3, 2, 2, 1, init_range=0.8, output="logistic, log loss"),
}


def sequences(rng, lengths, targets="all"):
    """Draw random sequences in which every input is active at every step."""
    n = sum(lengths)
    has_target = np.ones(n, dtype=bool) if targets == "all" else np.zeros(n, dtype=bool)
    has_target[np.cumsum(lengths) - 1] = True
    return Sequences(
        np.array(lengths),
        np.tile(np.arange(3), (n, 1)),
        rng.standard_normal((n, 3)),
        rng.randint(2, size=(n, 1)),
        rng.uniform(size=(n, 1)),
        has_target,
    )


def dense(s):
    """Return x (T, I), target (T, O) and has_target (T,) of each sequence."""
    target = np.zeros((len(s.target_index), 2))
    np.put_along_axis(target, s.target_index, s.target_value, axis=1)
    cuts = np.cumsum(s.length)[:-1]
    return list(
        zip(*(np.split(a, cuts) for a in (s.input_value, target, s.has_target)), strict=True)
    )


@pytest.mark.parametrize("targets", ["all", "last"])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_training_is_the_paper_s(name, targets):
    """Each lane runs three sequences of different lengths; weights change between them."""
    architecture = ARCHITECTURES[name]
    rng = np.random.RandomState(0)
    of_lanes = [sequences(rng, [5 + lane, 3, 9 - lane], targets) for lane in range(LANES)]
    network = Network(architecture)
    theta = np.stack([architecture.initial(rng) for _ in range(LANES)], axis=1)
    network.theta[...] = theta
    network.rate[...] = 0.3 * architecture.trainable()[:, np.newaxis]
    outputs = np.empty((sum(s.length.sum() for s in of_lanes), 2))
    largest, mean = network.run(of_lanes, outputs=outputs)

    expected_outputs = []
    for lane, own in enumerate(of_lanes):
        now = theta[:, lane].copy()
        for n, (x, target, has_target) in enumerate(dense(own)):
            y, gradient, _ = naive_run(architecture, now, x, target, has_target)
            now += 0.3 * architecture.trainable() * gradient
            error = np.abs(target - y)[has_target]
            np.testing.assert_allclose(largest[n, lane], error.max(), rtol=1e-12)
            np.testing.assert_allclose(mean[n, lane], error.mean(), rtol=1e-12)
            expected_outputs.append(y)
        np.testing.assert_allclose(network.theta[:, lane], now, rtol=0, atol=1e-12)
    np.testing.assert_allclose(outputs, np.concatenate(expected_outputs), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_rule_is_the_gradient_with_its_cuts(name):
    """The rule is the gradient if gates and cells read the previous step as constants."""
    architecture = ARCHITECTURES[name]
    rng = np.random.RandomState(1)
    ((x, target, has_target),) = dense(sequences(rng, [12]))
    theta = architecture.initial(rng)
    _, gradient, seen = naive_run(architecture, theta, x, target, has_target)

    def loss(theta):
        y, _, _ = naive_run(architecture, theta, x, target, has_target, seen)
        if architecture.output == "logistic, log loss":
            return np.sum(target * np.log(y) + (1.0 - target) * np.log(1.0 - y))
        return -0.5 * np.sum((target - y) ** 2)

    for i in range(len(theta)):
        step = np.zeros_like(theta)
        step[i] = 1e-6
        numeric = (loss(theta + step) - loss(theta - step)) / 2e-6
        np.testing.assert_allclose(gradient[i], numeric, rtol=1e-6, atol=1e-9)
