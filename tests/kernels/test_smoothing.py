import numpy as np
import pytest

from sklstm._kernels.simd import lanes_of
from sklstm._kernels.smoothing import VECTORS, damped_trend, smoothing_errors
from tests import reference
from tests.kernels.problem import assert_close


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n", [1, 2, 37])
def test_smoothing_is_that_of_the_twin(n, dtype):
    x = np.random.default_rng(n).standard_normal(n).cumsum().astype(dtype)
    alphas = np.linspace(0.0, 1.0, 2 * VECTORS * lanes_of(dtype), dtype=dtype)
    errors, levels = np.empty_like(alphas), np.empty_like(alphas)
    smoothing_errors(x, alphas, errors, levels)
    expected_errors, expected_levels = reference.smoothing_errors(x, alphas)
    rtol = 1e-5 if dtype == np.float32 else 1e-13
    assert_close(errors, expected_errors, rtol)
    assert_close(levels, expected_levels, rtol)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("n", "n_known"), [(1, 1), (2, 2), (37, 30)])
def test_a_damped_trend_is_that_of_the_twin(n, n_known, dtype):
    rng = np.random.default_rng(n)
    x = rng.standard_normal(n).cumsum().astype(dtype)
    parameters = rng.uniform(0.1, 1.0, (9, 3)).astype(dtype)
    errors = np.empty(len(parameters), dtype)
    level, slope = np.empty_like(x), np.empty_like(x)
    damped_trend(x, n_known, dtype(0.3), parameters, errors, level, slope)
    twin = reference.damped_trend(x, n_known, dtype(0.3), parameters)
    rtol = 1e-5 if dtype == np.float32 else 1e-13
    for actual, expected in zip((errors, level, slope), twin, strict=True):
        assert_close(actual, expected, rtol)
