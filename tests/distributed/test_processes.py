"""joblib's own backends, which need no further package."""

import joblib
import pytest
from joblib.parallel import LokyBackend

from tests.distributed.work import WORK, assert_same_bits


class WithoutGenerators(LokyBackend):
    """Returns all results at the end, as backends of other packages do."""

    supports_return_generator = False


joblib.register_parallel_backend("without generators", WithoutGenerators)


@pytest.mark.parametrize("backend", ["loky", "threading", "without generators"])
@pytest.mark.parametrize("work", WORK, ids=lambda work: work.__name__)
def test_processes_give_the_same_bits(work, backend):
    expected = work()
    with joblib.parallel_config(backend=backend, n_jobs=2):
        assert_same_bits(work(), expected)
