from typing import NamedTuple

import numpy as np
import pytest

from sklstm._kernels.optimizers import adam_step, rmsprop_step, sgd_step, sum_of_squares
from sklstm._training.optimizer import Optimizer
from sklstm.components import SGD, Adam, AdamW, RMSProp
from tests import reference

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


class Layout(NamedTuple):
    """What an optimiser asks of a layout, without tables of embeddings."""

    size: int = N_PARAMETERS
    n_packed: int = N_PARAMETERS

    def runs(self):
        return RUNS


def an_optimizer(kind, state, clip_norm=0.0, alpha=0.0):
    """Return the optimiser at work, with the moments of a state."""
    optimizer = Optimizer(SOLVERS[kind], Layout(), np.float64, alpha, clip_norm)
    optimizer.resume([0, *state[1:], state[-1]][:3])
    return optimizer


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
    optimizer, norms = an_optimizer(kind, a_state(kind, theta), clip_norm, 0.3), []
    expected = a_state(kind, theta)
    for step, gradient in enumerate(gradients, 1):
        norm = np.sqrt(np.sum(gradient**2))
        scale = 1.0 if clip_norm is None else min(1.0, clip_norm / norm)
        expected = solver_step(TWINS, kind, step, gradient, expected, scale, 0.3)
        norms.append(optimizer.step(theta, gradient, 0.01))
        assert norms[-1] == pytest.approx(norm, rel=1e-14)
        np.testing.assert_allclose(theta, expected[0], rtol=1e-12, atol=1e-15)
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
    optimizer = an_optimizer(kind, state, clip_norm, alpha=0.1)
    gradients[0, 11] = poison
    before = theta.copy()
    assert not np.isfinite(optimizer.step(theta, gradients[0], 0.01))
    np.testing.assert_array_equal(theta, before)
    np.testing.assert_array_equal(optimizer.first, state[1])
    np.testing.assert_array_equal(optimizer.second, state[-1])


def test_the_sum_of_squares_equals_the_twin():
    values = np.random.RandomState(0).standard_normal(N_PARAMETERS)
    expected = reference.sum_of_squares(values, 2.5)
    assert sum_of_squares(values, 2.5) == pytest.approx(expected, rel=1e-14)


def test_a_large_float32_gradient_has_a_finite_norm():
    gradient = np.full(4, 1e30, np.float32)  # its squares are beyond float32
    theta, runs = np.zeros(4, np.float32), np.array([[0, 4, 0, 1]])
    optimizer = Optimizer(SGD(0.0, nesterov=False), Layout(4, 4), np.float32, 0.0, clip_norm=1.0)
    optimizer._runs = runs
    assert optimizer.step(theta, gradient, 1.0) == pytest.approx(2e30, rel=1e-6)
    np.testing.assert_allclose(theta, -0.5, rtol=1e-6)
