"""Series for the tests, made by seeded generators."""

import numpy as np
import pandas as pd


def monthly(n=72, seed=0, level=100.0):
    """Trend, season of 12 and noise, above zero."""
    rng = np.random.default_rng(seed)
    t = np.arange(n)
    season = 1.0 + 0.2 * np.sin(2 * np.pi * (t + seed) / 12)
    values = level * (1.0 + 0.01 * t) * season * np.exp(0.03 * rng.standard_normal(n))
    index = pd.date_range("2015-01", periods=n, freq="MS", name="month")
    return pd.Series(values, index, name="sales")


def wide(n_series=3, n=60):
    return pd.DataFrame({f"s{k}": monthly(n, k, 10.0 ** (k + 1)) for k in range(n_series)})


def long(lengths=(60, 48, 40)):
    parts = {f"s{k}": monthly(n, k, 10.0 ** (k + 1)) for k, n in enumerate(lengths)}
    return pd.concat(parts, names=["shop", "month"])
