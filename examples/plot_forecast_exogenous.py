"""
Exogenous variables: sales with promotions and prices
=====================================================

Variables whose future is known, such as promotions, prices or holidays, go into `X`. It is
aligned with y by its index, so one DataFrame can hold past and future. Calendar features are
added on request. The series here is generated with a fixed seed: daily sales that rise by a half
with a promotion, fall with the price, and rise on the last day of a month.
"""

from typing import Any

import numpy as np
import pandas as pd

from sklstm import LSTMForecaster
from sklstm.inspection import ForecastDisplay

rng = np.random.default_rng(0)
days = pd.date_range("2023-01-01", periods=500, freq="D", name="day")
X = pd.DataFrame(
    {
        "promotion": (rng.random(500) < 0.12).astype(int),
        "price": 10.0 + rng.choice([0.0, 0.5, 1.0], 50).repeat(10),
    },
    index=days,
)
week = np.tile([0.0, -0.1, -0.1, 0.0, 0.1, 0.4, 0.3], 72)[:500]
month_end = 0.3 * days.is_month_end
effect = 0.4 * X["promotion"] - 0.15 * (X["price"] - 10.0)
walk = rng.normal(0.0, 0.02, 500).cumsum()
y = np.exp(5.0 + week + month_end + effect + walk + rng.normal(0.0, 0.05, 500)).rename("sales")
known, came = y[:-28], y[-28:]

# %%
# Compare forecasts without these variables, with them, and with the end of the month as a
# calendar feature.
settings: dict[str, Any] = {"horizon": 28, "random_state": 0}
alone = LSTMForecaster(**settings).fit(known)
print(f"MASE without X:                  {-alone.score(came):.2f}")
with_x = LSTMForecaster(**settings).fit(known, X)
print(f"MASE with promotions and prices: {-with_x.score(came, X):.2f}")
forecaster = LSTMForecaster(**settings, calendar=["monthend"]).fit(known, X)
print(f"MASE with the calendar as well:  {-forecaster.score(came, X):.2f}")

# %%
# If X lacks a future row, the error names it.
try:
    forecaster.predict(28, X[:-10])
except ValueError as error:
    print(error)

try:
    import matplotlib.pyplot as plt
except ImportError:
    print("For the figure: pip install matplotlib")
else:
    _, axes = plt.subplots(1, 2, figsize=(11, 4), sharey=True)
    ForecastDisplay.from_estimator(alone, came, n_history=60, ax=axes[0])
    ForecastDisplay.from_estimator(forecaster, came, X=X, n_history=60, ax=axes[1])
    plt.show()
