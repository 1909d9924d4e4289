import itertools

import numpy as np
import pytest

from sklstm._kernels.activations import (
    exp,
    sigmoid,
    tanh,
)
from sklstm._kernels.gemm import (
    PANEL,
    TILE_ROWS,
    gemm,
    gemm_address,
)
from sklstm._kernels.jit import kernel
from sklstm._kernels.simd import (
    address,
    lanes,
    lanes_of,
    load,
    store,
)
from tests import reference

DTYPES = [np.float32, np.float64]
LIMIT = {np.float32: 87.0, np.float64: 708.0}


@kernel
def _activations(x, exps, sigmoids, tanhs):
    for at in range(0, x.size, lanes(x)):
        store(exps, at, exp(load(x, at)))
        store(sigmoids, at, sigmoid(load(x, at)))
        store(tanhs, at, tanh(load(x, at)))


def activations(x):
    """Return exp, sigmoid and tanh of every element, computed by the kernels."""
    width = lanes_of(x.dtype)
    filled = np.resize(x, -(-x.size // width) * width)
    out = np.empty((3, filled.size), x.dtype)
    _activations(filled, *out)
    return out[:, : x.size]


def whole_range(dtype):
    """Return arguments over the whole range of exp."""
    limit = LIMIT[dtype]
    parts = [np.linspace(-limit, limit, 20001), np.linspace(-20, 20, 20001)]
    parts += [sign * np.geomspace(1e-30, limit, 5001) for sign in (-1, 1)]
    halves = (np.arange(-60, 60) + 0.5) * np.log(2)  # where the power of two changes
    return np.concatenate([*parts, halves]).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_activations_over_the_whole_range(dtype):
    x = whole_range(dtype)
    exps, sigmoids, tanhs = activations(x).astype(float)
    x = x.astype(float)
    if dtype == np.float32:  # exp magnifies the rounding of its argument to 24 bits
        exp_bound, sigmoid_bound, tanh_bound = 2.5e-7 + 1.5e-8 * np.abs(x), 1.2e-7, 2.4e-7
    else:
        exp_bound, sigmoid_bound, tanh_bound = 3e-16, 3e-16, 5e-16
    assert (np.abs(exps / reference.exp(x) - 1.0) < exp_bound).all()
    assert np.abs(sigmoids - reference.sigmoid(x)).max() < sigmoid_bound
    assert np.abs(tanhs - reference.tanh(x)).max() < tanh_bound
    assert np.abs(tanhs).max() == 1.0
    assert sigmoids.max() == 1.0
    assert 0.0 < sigmoids.min() < 1e-37


@pytest.mark.parametrize("dtype", DTYPES)
def test_activations_at_special_points(dtype):
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e30, -1e30], dtype)
    exps, sigmoids, tanhs = activations(x)
    assert np.isnan([exps[0], sigmoids[0], tanhs[0]]).all()
    largest = np.exp(LIMIT[dtype])
    np.testing.assert_allclose(exps[[1, 5]], largest, rtol=2e-6)
    np.testing.assert_allclose(exps[[2, 6]], 1.0 / largest, rtol=2e-6)
    np.testing.assert_array_equal(exps[3:5], 1.0)
    np.testing.assert_allclose(sigmoids[[2, 6]], 0.0, atol=1e-37)
    np.testing.assert_array_equal(sigmoids[[1, 3, 4, 5]], [1.0, 0.5, 0.5, 1.0])
    np.testing.assert_array_equal(tanhs[1:], [1.0, -1.0, 0.0, 0.0, 1.0, -1.0])


@kernel
def _gemm(product, a, a_row, a_k, b, b_panel, b_k, c, c_row, m, n_vectors, k, accumulate):
    gemm(
        product, address(a, 0), a_row, a_k, address(b, 0), b_panel, b_k,
        address(c, c_row + 1), c_row, m, n_vectors, k, accumulate,
    )  # fmt: skip


def check_gemm(dtype, m, n_vectors, k, accumulate, transposed, in_panels, rng):
    """Compare with NumPy on integers, whose sums are exact in any order."""
    width = lanes_of(dtype)
    n = n_vectors * width
    a = rng.randint(-9, 10, (m, k)).astype(dtype)
    b = rng.randint(-9, 10, (k, n)).astype(dtype)
    c = np.full((m + 2, n + 3), np.nan, dtype)  # the margins must not be written
    c[1:-1, 1:-2] = before = rng.randint(-9, 10, (m, n)).astype(dtype)
    a_buffer = np.full((k, m + 2) if transposed else (m, k + 1), np.nan, dtype)
    (a_buffer.T if transposed else a_buffer)[:m, :k] = a
    a_row, a_k = (1, m + 2) if transposed else (k + 1, 1)
    wide = PANEL * width
    if in_panels:
        n_panels = -(-n_vectors // PANEL)
        b_buffer = np.full((n_panels, k, wide), np.nan, dtype)
        for j in range(n):
            b_buffer[j // wide, :, j % wide] = b[:, j]
        b_panel, b_k = k * wide, wide
    else:
        b_buffer, b_panel, b_k = b, wide, n
    _gemm(
        gemm_address(dtype), a_buffer.ravel(), a_row, a_k, b_buffer.ravel(), b_panel, b_k,
        c.ravel(), n + 3, m, n_vectors, k, accumulate,
    )  # fmt: skip
    np.testing.assert_array_equal(c[1:-1, 1:-2], reference.gemm(a, b, before, accumulate))
    c[1:-1, 1:-2] = np.nan
    assert np.isnan(c).all()


@pytest.mark.parametrize("k", [0, 1, 2, 17])
@pytest.mark.parametrize("n_vectors", range(1, 10))
def test_gemm(n_vectors, k):
    rng = np.random.RandomState(0)
    for m in range(2 * TILE_ROWS + 2):
        for options in itertools.product([False, True], repeat=3):
            check_gemm(np.float64, m, n_vectors, k, *options, rng)


@pytest.mark.parametrize("m", [1, TILE_ROWS + 3])
def test_gemm_in_float32(m):
    rng = np.random.RandomState(0)
    for options in itertools.product([False, True], repeat=3):
        check_gemm(np.float32, m, 7, 5, *options, rng)


def test_gemm_lets_nan_pass():
    a, b, c = np.array([[0.0, np.nan]]), np.ones((2, lanes_of(np.float64))), np.zeros((3, 64))
    _gemm(
        gemm_address(np.float64), a.ravel(), 2, 1, b.ravel(), 0, b.shape[1], c.ravel(), 64,
        1, 1, 2, False,
    )  # fmt: skip
    assert np.isnan(c[1, 1 : 1 + b.shape[1]]).all()
