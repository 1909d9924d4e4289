import numpy as np
import pytest

from sklstm._kernels.optimizers import adam_step, rmsprop_step, sgd_step, sum_of_squares
from sklstm._training.optimizer import Optimizer
from sklstm.components import SGD, Adam, AdamW, RMSProp
from tests import reference
from tests.kernels.problem import as_theta_is

KINDS = ["adam", "adamw", "sgd", "nesterov", "rmsprop"]
N_PARAMETERS = 37
BETA_1, BETA_2, EPSILON = 0.9, 0.99, 1e-8


# parameters side by side, some with weight decay; the first run has the last of the gradient, and
# two parameters between the runs do not change
RUNS = np.array([[0, 9, 26, 1], [11, 20, 0, 0], [31, 6, 20, 1]])
N_SLOPES = 35


def a_start(seed=0):
    """Draw parameters and six gradients."""
    rng = np.random.RandomState(seed)
    return rng.standard_normal(N_PARAMETERS), rng.standard_normal((6, N_SLOPES))


def a_state(kind, theta):
    """Return theta and the moments that the optimiser keeps."""
    n_moments = 2 if kind in ("adam", "adamw") else 1
    return [theta.copy()] + [np.zeros_like(theta) for _ in range(n_moments)]


KERNELS = adam_step, sgd_step, rmsprop_step
TWINS = reference.adam_step, reference.sgd_step, reference.rmsprop_step
SOLVERS = {
    "adam": Adam(BETA_1, BETA_2),
    "adamw": AdamW(BETA_1, BETA_2),
    "sgd": SGD(BETA_1, nesterov=False),
    "nesterov": SGD(BETA_1),
    "rmsprop": RMSProp(BETA_2),
}


def solver_step(of, kind, step, gradient, state, scale=1.0, alpha=0.0):
    """Call one of the kernels or of the twins, and return its result."""
    adam, sgd, rmsprop = of
    common = gradient, RUNS, scale, alpha, 0.01
    if kind in ("sgd", "nesterov"):
        return sgd(*common, BETA_1, kind == "nesterov", *state)
    if kind == "rmsprop":
        return rmsprop(*common, BETA_2, EPSILON, *state)
    return adam(*common, kind == "adamw", step, BETA_1, BETA_2, EPSILON, *state)


class Updates:
    """An optimiser at work, on parameters that a network packs as they are."""

    def __init__(self, kind, state, clip_norm=0.0, alpha=0.0, runs=RUNS):
        dtype, n = state[0].dtype, len(state[0])
        self.optimizer = Optimizer(SOLVERS[kind], n, dtype, alpha, clip_norm)
        self.optimizer.resume([0, *state[1:], state[-1]][:3])
        self.network = as_theta_is(runs, n, dtype)

    def __call__(self, theta, slopes, learning_rate=0.01):
        """Update theta by the gradient (n_slopes,) in place; return its norm."""
        chunks = np.zeros((1, len(theta)), theta.dtype)
        chunks[0, : len(slopes)] = slopes  # no run reads the others
        return self.optimizer.update(
            self.network, theta, chunks, chunks[0, :0], learning_rate, np.empty_like(theta)
        )


@pytest.mark.parametrize("alpha", [0.0, 0.3])
@pytest.mark.parametrize("scale", [1.0, 0.4])
@pytest.mark.parametrize("kind", KINDS)
def test_equals_the_twin(kind, scale, alpha):
    theta, gradients = a_start()
    state, expected = a_state(kind, theta), a_state(kind, theta)
    for step, gradient in enumerate(gradients, 1):
        before = gradient.copy()
        arguments = kind, step, gradient
        solver_step(KERNELS, *arguments, state, scale, alpha)
        expected = solver_step(TWINS, *arguments, expected, scale, alpha)
        np.testing.assert_array_equal(gradient, before)
        for part, expected_part in zip(state, expected, strict=True):
            np.testing.assert_allclose(part, expected_part, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("clip_norm", [None, 2.0, 6.0, 1e6])
@pytest.mark.parametrize("kind", KINDS)
def test_clips_by_the_norm(kind, clip_norm):
    theta, gradients = a_start()
    update, norms = Updates(kind, a_state(kind, theta), clip_norm, 0.3), []
    expected = a_state(kind, theta)
    for step, gradient in enumerate(gradients, 1):
        norm = np.sqrt(np.sum(gradient**2))
        scale = 1.0 if clip_norm is None else min(1.0, clip_norm / norm)
        expected = solver_step(TWINS, kind, step, gradient, expected, scale, 0.3)
        norms.append(update(theta, gradient))
        assert norms[-1] == pytest.approx(norm, rel=1e-14)
        np.testing.assert_allclose(theta, expected[0], rtol=1e-12, atol=1e-15)
        np.testing.assert_array_equal(update.network.room[1], theta)  # the network reads it
    assert min(norms) < 6.0 < max(norms)  # clip_norm=6 clips some steps and not others


@pytest.mark.parametrize("kind", KINDS)
def test_float32_follows_float64(kind):
    theta, gradients = a_start()
    states = {}
    for dtype in (np.float32, np.float64):
        states[dtype] = a_state(kind, theta.astype(dtype))
        for step, gradient in enumerate(gradients.astype(dtype), 1):
            arguments = kind, step, gradient
            solver_step(KERNELS, *arguments, states[dtype], scale=0.4, alpha=0.1)
    for single, double in zip(*states.values(), strict=True):
        np.testing.assert_allclose(single, double, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("clip_norm", [None, 1.0])
@pytest.mark.parametrize("kind", KINDS)
def test_a_gradient_that_is_not_finite_changes_nothing(kind, clip_norm, poison):
    theta, gradients = a_start()
    state = [part + 0.1 for part in a_state(kind, theta)]
    update = Updates(kind, state, clip_norm, alpha=0.1)
    gradients[0, 11] = poison
    before = theta.copy()
    assert not np.isfinite(update(theta, gradients[0]))
    np.testing.assert_array_equal(theta, before)
    np.testing.assert_array_equal(update.optimizer.first, state[1])
    np.testing.assert_array_equal(update.optimizer.second, state[-1])


def test_the_sum_of_squares_equals_the_twin():
    values = np.random.RandomState(0).standard_normal(N_PARAMETERS)
    expected = reference.sum_of_squares(values, 2.5)
    assert sum_of_squares(values, 2.5) == pytest.approx(expected, rel=1e-14)


def test_a_large_float32_gradient_has_a_finite_norm():
    gradient = np.full(4, 1e30, np.float32)  # its squares are beyond float32
    theta = np.zeros(4, np.float32)
    update = Updates("sgd", a_state("sgd", theta), 1.0, runs=np.array([[0, 4, 0, 1]]))
    assert update(theta, gradient, 1.0) == pytest.approx(2e30, rel=1e-6)
    np.testing.assert_allclose(theta, -0.5, rtol=1e-6)
