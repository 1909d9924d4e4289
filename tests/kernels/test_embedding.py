"""Vectors of categories against the twins, and the rows that a minibatch reads."""

import numpy as np
import pytest

from sklstm._kernels.embedding import (
    DECAYS,
    NUMBER,
    embedding_backward,
    embedding_forward,
    embedding_rows,
    gather_codes,
)
from tests import reference

SIZES = [(4, 3), (2, 5)]  # vectors and their length, of two tables
STEPS = 2  # side by side in a row
N_NUMERIC = 3
WIDTH = N_NUMERIC + STEPS * 8
PLACES = np.array(
    [
        row
        for step in range(STEPS)
        for row in ([0, 3, N_NUMERIC + 8 * step, 0], [12, 5, N_NUMERIC + 8 * step + 3, 4])
    ],
    np.int64,
)


@pytest.fixture
def problem():
    """Tables, codes (7, 4) of which some are no category, and a gradient wider than x."""
    rng = np.random.default_rng(0)
    tables = [rng.standard_normal(size) for size in SIZES]
    codes = np.stack([rng.integers(-1, SIZES[k % 2][0], 7) for k in range(2 * STEPS)], axis=1)
    assert (codes == -1).any()
    return tables, codes.astype(np.int32), rng.standard_normal((7, WIDTH + 5))


def flat(tables, dtype=np.float64):
    return np.concatenate([table.ravel() for table in tables]).astype(dtype)


def read(codes):
    """Return the rows that codes read, and where the gradient of each row begins."""
    offsets = np.full(6, -1)
    rows, counts = np.empty((codes.size, 5), np.int64), np.zeros(2, np.int64)
    embedding_rows(codes, PLACES, offsets, rows, counts)
    return rows[: counts[0]], offsets, counts


@pytest.mark.parametrize("patch_size", [1, 3])
def test_codes_are_gathered(patch_size):
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 9, (30, 2)).astype(np.int32)
    begin, end = np.array([2, 9, 20]), np.array([9, 19, 24])
    samples = np.array([1, 0, 2])  # the longest first
    lengths = -(-(end - begin)[samples] // patch_size)
    starts = np.concatenate([[0], np.cumsum([(lengths > t).sum() for t in range(lengths[0])])])
    packed = np.empty((lengths.sum(), 2 * patch_size), np.int32)
    gather_codes(codes, begin, end, samples, lengths, starts, patch_size, packed)
    sequences = [codes[begin[n] : end[n]] for n in samples]
    for r, expected in enumerate(reference.gather_codes(sequences, patch_size)):
        np.testing.assert_array_equal(packed[starts[: lengths[r]] + r], expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_forward(problem, dtype):
    tables, codes, _ = problem
    x = np.full((7, WIDTH), 9.0, dtype)
    embedding_forward(codes, PLACES, flat(tables, dtype), x)
    vectors = reference.embedding_forward(codes, [table.astype(dtype) for table in tables])
    np.testing.assert_array_equal(x[:, N_NUMERIC:], vectors)
    assert (x[:, :N_NUMERIC] == 9.0).all()


def test_rows(problem):
    _, codes, _ = problem
    rows, offsets, counts = read(codes)
    expected = reference.embedding_rows(codes, 2)
    starts = {0: 0, 1: 12}
    assert [tuple(row[:2]) for row in rows.tolist()] == [
        (starts[table] + code * SIZES[table][1], SIZES[table][1]) for table, code in expected
    ]
    assert rows[:, 2].tolist() == np.cumsum([0, *rows[:-1, 1]]).tolist()
    assert counts.tolist() == [len(expected), rows[:, 1].sum()]
    np.testing.assert_array_equal(offsets[rows[:, NUMBER]], rows[:, 2])
    assert (offsets >= 0).sum() == len(rows)
    assert (rows[:, DECAYS] == 1).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_backward(problem, dtype):
    tables, codes, dx = problem
    dx = dx.astype(dtype)
    rows, offsets, counts = read(codes)
    gradient = np.ones(counts[1], dtype)
    embedding_backward(codes, PLACES, offsets, dx, gradient)
    of_tables = reference.embedding_backward(codes, tables, dx[:, N_NUMERIC:WIDTH].astype(float))
    expected = np.concatenate([flat(of_tables)[first : first + n] for first, n, *_ in rows])
    np.testing.assert_allclose(
        gradient, 1.0 + expected, rtol=1e-5 if dtype == np.float32 else 1e-13
    )


def test_twin_by_finite_differences(problem):
    tables, codes, slope = problem
    slope = slope[:, : 8 * STEPS]
    gradient = reference.embedding_backward(codes, tables, slope)
    before = reference.embedding_forward(codes, tables)
    for k, of_table in enumerate(gradient):
        for place in np.ndindex(of_table.shape):
            moved = [table.copy() for table in tables]
            moved[k][place] += 1.0
            change = reference.embedding_forward(codes, moved) - before
            np.testing.assert_allclose(of_table[place], (slope * change).sum(), atol=1e-12)
