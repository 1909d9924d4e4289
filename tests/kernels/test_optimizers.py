import numpy as np
import pytest

from sklstm._kernels import optimizers
from sklstm._kernels.optimizers import optimizer_step
from tests import reference

KINDS = {
    "adam": optimizers.ADAM,
    "adamw": optimizers.ADAMW,
    "sgd": optimizers.SGD,
    "rmsprop": optimizers.RMSPROP,
}
N_PARAMETERS = 37


def a_start(seed=0):
    rng = np.random.RandomState(seed)
    theta = rng.standard_normal(N_PARAMETERS)
    decays = rng.randint(0, 2, N_PARAMETERS).astype(float)
    return theta, decays, rng.standard_normal((6, N_PARAMETERS))


def settings(**changed):
    """Arguments between `step` and `theta`, in the kernel's order."""
    values = {
        "learning_rate": 0.01, "alpha": 0.0, "clip_norm": 0.0,
        "beta_1": 0.9, "beta_2": 0.99, "epsilon": 1e-8, "nesterov": False,
    } | changed  # fmt: skip
    return tuple(values.values())


@pytest.mark.parametrize("alpha", [0.0, 0.3])
@pytest.mark.parametrize("clip_norm", [0.0, 2.0, 6.0, 1e6])
@pytest.mark.parametrize(
    ("kind", "nesterov"),
    [("adam", False), ("adamw", False), ("sgd", False), ("sgd", True), ("rmsprop", False)],
)
def test_equals_the_twin(kind, nesterov, clip_norm, alpha):
    theta, decays, gradients = a_start()
    state = theta.copy(), np.zeros_like(theta), np.zeros_like(theta)
    expected = tuple(part.copy() for part in state)
    options = settings(alpha=alpha, clip_norm=clip_norm, nesterov=nesterov)
    norms = []
    for step, gradient in enumerate(gradients, 1):
        before = gradient.copy()
        norm = optimizer_step(KINDS[kind], gradient, decays, step, *options, *state)
        *expected, expected_norm = reference.optimizer_step(
            kind, gradient, decays, step, *options, *expected
        )
        np.testing.assert_array_equal(gradient, before)
        assert norm == pytest.approx(expected_norm, rel=1e-14)
        for part, expected_part in zip(state, expected, strict=True):
            np.testing.assert_allclose(part, expected_part, rtol=1e-12, atol=1e-15)
        norms.append(norm)
    assert min(norms) < 6.0 < max(norms)  # one of the clip_norm acts on some steps only


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_float32_follows_float64(kind):
    theta, decays, gradients = a_start()
    states = {}
    for dtype in (np.float32, np.float64):
        states[dtype] = [part.astype(dtype) for part in (theta, 0 * theta, 0 * theta)]
        for step, gradient in enumerate(gradients.astype(dtype), 1):
            optimizer_step(
                KINDS[kind], gradient, decays.astype(dtype), step,
                *settings(alpha=0.1, clip_norm=2.0, nesterov=True), *states[dtype],
            )  # fmt: skip
    for single, double in zip(*states.values(), strict=True):
        np.testing.assert_allclose(single, double, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("clip_norm", [0.0, 1.0])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_gradient_that_is_not_finite_changes_nothing(kind, clip_norm, poison):
    theta, decays, gradients = a_start()
    state = theta.copy(), np.full_like(theta, 0.1), np.full_like(theta, 0.2)
    before = [part.copy() for part in state]
    gradients[0, 11] = poison
    options = settings(alpha=0.1, clip_norm=clip_norm)
    norm = optimizer_step(KINDS[kind], gradients[0], decays, 1, *options, *state)
    assert not np.isfinite(norm)
    for part, part_before in zip(state, before, strict=True):
        np.testing.assert_array_equal(part, part_before)


def test_a_large_float32_gradient_has_a_finite_norm():
    gradient = np.full(4, 1e30, np.float32)  # its squares are beyond float32
    theta, first, second = np.zeros((3, 4), np.float32)
    options = settings(learning_rate=1.0, clip_norm=1.0, beta_1=0.0)
    norm = optimizer_step(
        KINDS["sgd"], gradient, np.ones(4, np.float32), 1, *options, theta, first, second
    )
    assert norm == pytest.approx(2e30, rel=1e-6)
    np.testing.assert_allclose(theta, -0.5, rtol=1e-6)
