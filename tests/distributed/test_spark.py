"""Spark: the function that Dask and pandas apply to groups."""

import shutil
import sys

import numpy as np
import pytest

from tests.distributed.work import forecast_group, routes

pyspark_sql = pytest.importorskip("pyspark.sql")
pytestmark = [
    pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java"),
    pytest.mark.filterwarnings("ignore"),  # Spark's own
]


@pytest.fixture
def session(monkeypatch):
    """Two workers of this Python."""
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    session = (
        pyspark_sql.SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    yield session
    session.stop()


def forecast_of_route(key, table):
    """Return the forecasts of a group with its key."""
    return forecast_group(table.sort_values("month")).assign(route=key[0])


def test_groups_of_a_table(session):
    table, expected = routes()
    groups = session.createDataFrame(table).groupby("route")
    schema = "month timestamp, forecast double, route string"
    found = groups.applyInPandas(forecast_of_route, schema).toPandas()
    found = found.sort_values(["route", "month"])
    assert list(found["route"]) == list(expected["route"])
    np.testing.assert_array_equal(found["forecast"].to_numpy(), expected["forecast"].to_numpy())
