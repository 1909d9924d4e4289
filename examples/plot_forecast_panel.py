"""
Forecast a panel of series with one model
=========================================

A panel is a wide DataFrame, or a long Series with the index (series, time), whose series may have
unequal lengths. One network learns from all series; the weight of each candidate forecast is
chosen for each series. The series here are generated with a fixed seed and resemble those of the
M3 competition: trends and seasons of different strength, and levels from tens to thousands.
"""

import time

import numpy as np
import pandas as pd

from sklstm import LSTMForecaster
from sklstm.inspection import ForecastDisplay


def make_series(rng: np.random.Generator) -> pd.Series:
    """Generate one monthly series."""
    n = int(rng.integers(60, 127))
    t = np.arange(n)
    level = 10 ** rng.uniform(1, 3.5)
    trend = rng.normal(0.0, 0.004) * t
    season = np.tile(rng.normal(0.0, rng.uniform(0.0, 0.2), 12), n // 12 + 1)[:n]
    walk = rng.normal(0.0, 0.02, n).cumsum()
    noise = rng.normal(0.0, 0.03, n)
    index = pd.date_range("2010-01", periods=n, freq="MS")
    return pd.Series(level * np.exp(trend + season + walk + noise), index)


rng = np.random.default_rng(0)
y = pd.concat({f"product {k}": make_series(rng) for k in range(40)}, names=["product", "month"])

# %%
# The last year of each series is held out to test the forecast.
place = y.groupby("product").cumcount(ascending=False)
known, came = y[place >= 12], y[place < 12]
start = time.perf_counter()
forecaster = LSTMForecaster(horizon=12, random_state=0).fit(known)
print(f"{forecaster.n_series_} series in {time.perf_counter() - start:.1f} s")
print(forecaster.predict(2).head(4))
print(f"mean MASE: {-forecaster.score(came):.2f}")

last_year = known.groupby("product").tail(12).to_numpy()
scale = known.groupby("product").apply(lambda s: s.diff(12).abs().mean())
error = (came - last_year).abs().groupby("product").mean()
print(f"mean MASE of the last year again: {(error / scale).mean():.2f}")

# %%
# The weights of the candidates for each series.
print(forecaster.anchor_weights_.head().round(2).to_string())

try:
    import matplotlib.pyplot as plt
except ImportError:
    print("For the figure: pip install matplotlib")
else:
    _, axes = plt.subplots(1, 2, figsize=(11, 4))
    for ax, name in zip(axes, ["product 3", "product 7"], strict=True):
        ForecastDisplay.from_estimator(forecaster, came, series=name, ax=ax)
    plt.show()
