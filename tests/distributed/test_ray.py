"""Ray, as a backend of joblib."""

import joblib
import pytest

from tests.distributed.work import WORK, assert_same_bits

ray = pytest.importorskip("ray")
# Ray leaves sockets and processes to the garbage collector when it stops
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture(scope="module", autouse=True)
def cluster():
    """Two processes."""
    from ray.util.joblib import register_ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    register_ray()
    yield
    ray.shutdown()


@pytest.mark.parametrize("work", WORK, ids=lambda work: work.__name__)
def test_backend(work):
    expected = work()
    with joblib.parallel_config(backend="ray"):
        assert_same_bits(work(), expected)
