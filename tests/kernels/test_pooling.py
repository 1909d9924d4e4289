import itertools

import numpy as np
import pytest

from sklstm._kernels.jit import kernel
from sklstm._kernels.pooling import pool_backward, pool_forward
from sklstm._kernels.simd import (
    lanes_of,
)
from tests import reference
from tests.kernels.problem import LENGTHS, PackedBatch, assert_close

POOLINGS = [
    pooling
    for n_kinds in (1, 2, 3)
    for pooling in itertools.combinations(("last", "mean", "max"), n_kinds)
]
LANES = lanes_of(np.float64)
N_DIRECTIONS, N_HIDDEN = 2, 3 * LANES  # whole vectors, like all states in a network
N_STATES = N_DIRECTIONS * N_HIDDEN


@kernel
def _forward(last, mean, maximum, starts, lengths, h, y, features):
    pool_forward(last, mean, maximum, starts, lengths, h, y, features)


@kernel
def _backward(last, mean, maximum, starts, lengths, y, features, dfeatures, dh, dy):
    pool_backward(last, mean, maximum, starts, lengths, y, features, dfeatures, dh, dy)


class Pooled:
    """Pooling by the kernels, forward and backward."""

    def __init__(self, pooling, states, h):
        """Pool the states (n_timesteps, N_STATES) of each sequence; h: the final ones."""
        self.batch = batch = PackedBatch(states)
        self.kinds = [int(kind in pooling) for kind in ("last", "mean", "max")]
        self.y = batch.pack(states, np.empty((batch.n_rows, N_STATES)))
        by_direction = h[batch.order].reshape(-1, N_DIRECTIONS, N_HIDDEN).transpose(1, 0, 2)
        self.features = np.full((len(states), len(pooling) * N_STATES + LANES), np.nan)
        _forward(
            *self.kinds, batch.starts, batch.lengths, by_direction.copy(), self.y, self.features
        )

    def backward(self, dfeatures, dh):
        """Return dy of each sequence, and dh plus the gradient of the final states."""
        batch = self.batch
        state = dh[batch.order].reshape(-1, N_DIRECTIONS, N_HIDDEN).transpose(1, 0, 2).copy()
        dy = np.full_like(self.y, np.nan)
        slopes = dfeatures[batch.order]
        _backward(
            *self.kinds, batch.starts, batch.lengths, self.y, self.features, slopes, state, dy
        )
        dh = state.transpose(1, 0, 2).reshape(-1, N_STATES)[batch.rank]
        return [dy[batch.rows(n)] for n in range(len(batch.order))], dh


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("pooling", POOLINGS, ids="-".join)
def test_equals_the_twin(pooling, ties):
    rng = np.random.RandomState(0)
    states = [rng.uniform(-1, 1, (length, N_STATES)) for length in LENGTHS]
    if ties:
        states = [state.round() for state in states]
    h = rng.uniform(-1, 1, (len(LENGTHS), N_STATES))
    dfeatures = rng.standard_normal((len(LENGTHS), len(pooling) * N_STATES))
    dh_before = rng.standard_normal(h.shape)
    pooled = Pooled(pooling, states, h)
    features = pooled.features[pooled.batch.rank]
    assert np.isnan(features[:, -LANES:]).all()  # pooling must not write these columns
    dy, dh = pooled.backward(dfeatures, dh_before)
    for n, state in enumerate(states):
        assert_close(features[n, :-LANES], reference.pool_forward(pooling, state, h[n]), 1e-15)
        expected_dy, expected_dh = reference.pool_backward(pooling, state, dfeatures[n])
        assert_close(dh[n], dh_before[n] + expected_dh, 1e-15)
        if "mean" in pooling or "max" in pooling:
            assert_close(dy[n], expected_dy, 1e-15)
        else:
            assert np.isnan(dy[n]).all()  # neither read nor written


@pytest.mark.parametrize("step", [0, 3, 5])
def test_a_nan_at_any_step_is_seen(step):
    states = [np.zeros((6, N_STATES)), np.zeros((4, N_STATES))]
    states[0][step] = np.nan
    pooled = Pooled(("mean", "max"), states, np.zeros((2, N_STATES)))
    assert np.isnan(pooled.features[0, : 2 * N_STATES]).all()
    assert not pooled.features[1, : 2 * N_STATES].any()
