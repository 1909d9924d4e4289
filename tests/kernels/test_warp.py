"""Sequences at varying speed, against the twin."""

import numpy as np
import pytest

from sklstm._kernels.warp import warp
from tests import reference
from tests.kernels.problem import PackedBatch

LENGTHS = (9, 1, 30, 2, 12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_warp(dtype):
    rng = np.random.default_rng(0)
    sequences = [rng.normal(size=(n, 3)) for n in LENGTHS]
    batch = PackedBatch(sequences)
    x = batch.pack(sequences, np.empty((batch.n_rows, 3), dtype))
    out, nearest = np.full_like(x, np.nan), np.full(batch.n_rows, -1)
    ends = np.sort(np.column_stack([np.zeros(5), rng.random((5, 3)), np.ones(5)]))
    factor = rng.uniform(0.5, 2.0, 5)
    warp(x, batch.starts, ends, factor, 2, nearest, out)
    for n, sequence in enumerate(sequences):
        rows, r = batch.rows(n), batch.rank[n]
        expected, steps = reference.warp(sequence, ends[r], factor[r], 2)
        # the place between two steps is rounded at its size, which is up to the length
        bound = 4 * max(LENGTHS) * np.finfo(dtype).eps
        np.testing.assert_allclose(out[rows], expected, rtol=0, atol=bound)
        np.testing.assert_array_equal(nearest[rows], rows[steps])
