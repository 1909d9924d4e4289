"""From the gradients of chunks to packed parameters in one call, against the twin."""

import numpy as np
import pytest

from sklstm._kernels.update import AdamRule, Places, RMSPropRule, SGDRule, update_parameters
from tests import reference

N_DENSE, N_TABLES, N_SLOPES, N_PACKED = 9, 12, 14, 16
ALPHA, RATE = 0.1, 0.01
RULES = {
    "adamw": AdamRule(True, 3, 0.9, 0.99, 1e-8),
    "sgd": SGDRule(0.9, True),
    "rmsprop": RMSPropRule(0.9, 1e-8),
}
RNG = np.random.RandomState(0)
# two running statistics behind the number of minibatches, and rows of tables that are read
PLACES = Places(
    slopes=RNG.permutation(N_SLOPES)[:N_DENSE].astype(np.uint32),
    runs=np.array([[0, 4, 0, 1], [4, 2, 4, 0]]),
    sources=RNG.randint(0, N_DENSE + 1, N_PACKED).astype(np.uint32),
    running=np.array([7, 8]),
    used=np.array([0, 3]),
    n_batches=6,
)
ROWS = np.array([[6, 3, 0, 0, 2], [0, 3, 3, 0, 0]])


def move(kind):
    """Return the twin of an optimiser as the twin of `update_parameters` calls it."""

    def adamw(gradient, runs, scale, theta, first, second):
        return reference.adam_step(
            gradient, runs, scale, ALPHA, RATE, *RULES["adamw"], theta, first, second
        )

    def sgd(gradient, runs, scale, theta, first, second):
        moved = reference.sgd_step(gradient, runs, scale, ALPHA, RATE, 0.9, True, theta, first)
        return *moved, second

    def rmsprop(gradient, runs, scale, theta, first, second):
        theta, second = reference.rmsprop_step(
            gradient, runs, scale, ALPHA, RATE, 0.9, 1e-8, theta, second
        )
        return theta, first, second

    return {"adamw": adamw, "sgd": sgd, "rmsprop": rmsprop}[kind]


@pytest.mark.parametrize("poison", [0.0, np.nan])
@pytest.mark.parametrize("clip_norm", [0.5, np.inf])
@pytest.mark.parametrize("rows", [ROWS, ROWS[:0]])
@pytest.mark.parametrize("kind", sorted(RULES))
def test_equals_the_twin(kind, rows, clip_norm, poison):
    rng = np.random.RandomState(1)
    chunks, statistics = rng.standard_normal((2, N_SLOPES)), rng.standard_normal(4)
    of_tables = rng.standard_normal(3 * len(rows))
    chunks[1, PLACES.slopes[2]] += poison
    changing = np.abs(rng.standard_normal((3, N_DENSE + N_TABLES)))
    changing[0, PLACES.n_batches] = 3.0
    expected = reference.update_parameters(
        move(kind), PLACES, clip_norm, chunks, of_tables, rows, statistics, *changing
    )
    gradient = np.concatenate([np.full(N_DENSE, np.nan), of_tables])
    extended, packed, begun = np.zeros(N_DENSE + 1), np.full(N_PACKED, np.nan), np.zeros(1, int)
    before = changing.copy()
    norm = update_parameters(
        RULES[kind], PLACES, clip_norm, ALPHA, RATE, chunks, rows, statistics, begun,
        gradient, *changing, extended, packed,
    )  # fmt: skip
    assert begun[0] == 1
    if poison:
        assert np.isnan(norm) and np.isnan(expected[-1])
        np.testing.assert_array_equal(changing, before)
        return
    assert norm == pytest.approx(expected[-1], rel=1e-14)
    assert (norm > clip_norm) == (clip_norm == 0.5)
    for found, right in zip([*changing, packed], expected[:-1], strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-12, atol=1e-15)
    assert changing[0, PLACES.n_batches] == 4.0
    assert (changing[0] != before[0]).sum() >= 9 + 3 * len(rows)
