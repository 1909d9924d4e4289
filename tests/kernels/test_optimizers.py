import numpy as np
import pytest

from sklstm._kernels.optimizers import adam_step, rmsprop_step, sgd_step
from tests import reference

KINDS = ["adam", "adamw", "sgd", "nesterov", "rmsprop"]
N_PARAMETERS = 37
BETA_1, BETA_2, EPSILON = 0.9, 0.99, 1e-8


def a_start(seed=0):
    """Draw parameters, decays and six gradients."""
    rng = np.random.RandomState(seed)
    theta = rng.standard_normal(N_PARAMETERS)
    decays = rng.randint(0, 2, N_PARAMETERS).astype(float)
    return theta, decays, rng.standard_normal((6, N_PARAMETERS))


def a_state(kind, theta):
    """Return theta and the moments that the optimiser keeps."""
    n_moments = 2 if kind in ("adam", "adamw") else 1
    return [theta.copy()] + [np.zeros_like(theta) for _ in range(n_moments)]


KERNELS = adam_step, sgd_step, rmsprop_step
TWINS = reference.adam_step, reference.sgd_step, reference.rmsprop_step


def optimizer_step(of, kind, step, gradient, decays, state, clip_norm=0.0, alpha=0.0):
    """Call one of the kernels or of the twins, and return its result."""
    adam, sgd, rmsprop = of
    common = gradient, decays, clip_norm, alpha, 0.01
    if kind in ("sgd", "nesterov"):
        return sgd(*common, BETA_1, kind == "nesterov", *state)
    if kind == "rmsprop":
        return rmsprop(*common, BETA_2, EPSILON, *state)
    return adam(*common, kind == "adamw", step, BETA_1, BETA_2, EPSILON, *state)


@pytest.mark.parametrize("alpha", [0.0, 0.3])
@pytest.mark.parametrize("clip_norm", [0.0, 2.0, 6.0, 1e6])
@pytest.mark.parametrize("kind", KINDS)
def test_equals_the_twin(kind, clip_norm, alpha):
    theta, decays, gradients = a_start()
    state, expected = a_state(kind, theta), a_state(kind, theta)
    norms = []
    for step, gradient in enumerate(gradients, 1):
        before = gradient.copy()
        arguments = kind, step, gradient, decays
        norm = optimizer_step(KERNELS, *arguments, state, clip_norm, alpha)
        *expected, expected_norm = optimizer_step(TWINS, *arguments, expected, clip_norm, alpha)
        np.testing.assert_array_equal(gradient, before)
        assert norm == pytest.approx(expected_norm, rel=1e-14)
        for part, expected_part in zip(state, expected, strict=True):
            np.testing.assert_allclose(part, expected_part, rtol=1e-12, atol=1e-15)
        norms.append(norm)
    assert min(norms) < 6.0 < max(norms)  # clip_norm=6 clips some steps and not others


@pytest.mark.parametrize("kind", KINDS)
def test_float32_follows_float64(kind):
    theta, decays, gradients = a_start()
    states = {}
    for dtype in (np.float32, np.float64):
        states[dtype] = a_state(kind, theta.astype(dtype))
        for step, gradient in enumerate(gradients.astype(dtype), 1):
            arguments = kind, step, gradient, decays.astype(dtype)
            optimizer_step(KERNELS, *arguments, states[dtype], clip_norm=2.0, alpha=0.1)
    for single, double in zip(*states.values(), strict=True):
        np.testing.assert_allclose(single, double, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("clip_norm", [0.0, 1.0])
@pytest.mark.parametrize("kind", KINDS)
def test_a_gradient_that_is_not_finite_changes_nothing(kind, clip_norm, poison):
    theta, decays, gradients = a_start()
    state = [part + 0.1 for part in a_state(kind, theta)]
    before = [part.copy() for part in state]
    gradients[0, 11] = poison
    norm = optimizer_step(KERNELS, kind, 1, gradients[0], decays, state, clip_norm, alpha=0.1)
    assert not np.isfinite(norm)
    for part, part_before in zip(state, before, strict=True):
        np.testing.assert_array_equal(part, part_before)


def test_a_large_float32_gradient_has_a_finite_norm():
    gradient = np.full(4, 1e30, np.float32)  # its squares are beyond float32
    theta, velocity = np.zeros((2, 4), np.float32)
    norm = sgd_step(gradient, np.ones(4, np.float32), 1.0, 0.0, 1.0, 0.0, False, theta, velocity)
    assert norm == pytest.approx(2e30, rel=1e-6)
    np.testing.assert_allclose(theta, -0.5, rtol=1e-6)
