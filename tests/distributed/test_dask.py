"""Dask: searches, pieces of an array, groups of a table."""

import joblib
import numpy as np
import pytest

from sklstm import LSTMClassifier
from tests.distributed.work import WORK, assert_same_bits, forecast_group, routes

distributed = pytest.importorskip("dask.distributed")
da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")


@pytest.fixture(scope="module")
def client():
    """Two processes of one thread each."""
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.mark.parametrize("work", WORK, ids=lambda work: work.__name__)
def test_backend(client, work):
    expected = work()
    with joblib.parallel_config(backend="dask"):
        assert_same_bits(work(), expected)


def test_the_work_is_done_in_other_processes(client):
    import os

    with joblib.parallel_config(backend="dask"):
        pids = joblib.Parallel(n_jobs=2)(joblib.delayed(os.getpid)() for _ in range(4))
    assert os.getpid() not in pids


def test_partial_fit_over_pieces_of_an_array(client, tmp_path):
    rng = np.random.default_rng(0)
    X = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", np.float32, shape=(60, 20, 2))
    y = np.arange(60) % 2
    X[:] = rng.standard_normal(X.shape) + y[:, np.newaxis, np.newaxis]
    settings = {"batch_size": 10, "dtype": "float32", "max_iter": 1, "random_state": 0}
    plain, pieces = LSTMClassifier(**settings), LSTMClassifier(**settings)
    for first in range(0, 60, 20):
        plain.partial_fit(X[first : first + 20], y[first : first + 20], classes=[0, 1])
    lazy = da.from_array(X, chunks=(20, 20, 2))
    for k, piece in enumerate(lazy.blocks):
        pieces.partial_fit(piece.compute(), y[20 * k : 20 * (k + 1)], classes=[0, 1])
    np.testing.assert_array_equal(pieces.theta_, plain.theta_)


def test_groups_of_a_table(client):
    table, expected = routes()
    lazy = dd.from_pandas(table, npartitions=2)
    meta = {"month": "datetime64[ns]", "forecast": "float64"}
    found = lazy.groupby("route")[["month", "passengers"]].apply(forecast_group, meta=meta)
    found = found.compute().sort_index()
    assert list(found.index.get_level_values(0)) == list(expected["route"])
    np.testing.assert_array_equal(found["forecast"].to_numpy(), expected["forecast"].to_numpy())
