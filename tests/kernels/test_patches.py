"""Patches of packed batches against the twin, which takes a sequence at a time."""

import numpy as np
import pytest

from sklstm._kernels.patches import patch_backward, patch_forward
from tests import reference
from tests.kernels.problem import PackedBatch


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [2, 3, 20])
def test_equals_the_twin(size, dtype):
    rng, lengths = np.random.RandomState(0), (9, 6, 6, 1)
    sequences = [rng.standard_normal((n, 2)) for n in lengths]
    expected = [reference.patch_forward(sequence, size) for sequence in sequences]
    batch, patched = PackedBatch(sequences), PackedBatch(expected)
    x = batch.pack(sequences, np.empty((batch.n_rows, 2), dtype))
    starts = np.full(len(patched.starts), -1)
    patches = np.full((patched.n_rows, 2 * size), np.nan, dtype)
    patch_forward(x, batch.starts, batch.lengths, size, starts, patches)
    np.testing.assert_array_equal(starts, patched.starts)
    for n, right in enumerate(expected):
        np.testing.assert_array_equal(patches[patched.rows(n)], right.astype(dtype))

    slopes = [rng.standard_normal(right.shape) for right in expected]
    wide = np.full((patched.n_rows, 2 * size + 1), np.nan, dtype)  # filled up
    wide[:, :-1] = patched.pack(slopes, np.empty((patched.n_rows, 2 * size), dtype))
    dx = np.full((batch.n_rows, 3), 7.0, dtype)
    patch_backward(wide, batch.starts, batch.lengths, size, starts, 2, dx)
    np.testing.assert_array_equal(dx[:, 2], 7.0)
    for n, slope in enumerate(slopes):
        right = reference.patch_backward(slope, lengths[n], size)
        np.testing.assert_array_equal(dx[batch.rows(n), :2], right.astype(dtype))
