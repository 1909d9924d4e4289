import numpy as np
import pytest

from sklstm._kernels.packing import pack_parameters, unpack_gradient
from tests import reference


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_packing_equals_the_twin(dtype):
    rng = np.random.RandomState(0)
    extended = np.append(rng.standard_normal(20), 0.0).astype(dtype)
    sources = rng.randint(0, 21, 33).astype(np.uint32)
    packed = np.empty(33, dtype)
    pack_parameters(extended, sources, packed)
    np.testing.assert_array_equal(packed, reference.pack_parameters(extended, sources))


@pytest.mark.parametrize("n_chunks", [1, 2, 5])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_unpacking_equals_the_twin(dtype, n_chunks):
    rng = np.random.RandomState(0)
    chunks = rng.standard_normal((n_chunks, 32)).astype(dtype)
    places = rng.permutation(32)[:20].astype(np.uint32)
    gradient = np.full(23, 7.0, dtype)  # behind are those of embeddings
    unpack_gradient(chunks, places, gradient)
    expected = reference.unpack_gradient(chunks, places)
    np.testing.assert_allclose(gradient[:20], expected, rtol=1e-5 if dtype == "float32" else 1e-14)
    np.testing.assert_array_equal(gradient[20:], 7.0)
