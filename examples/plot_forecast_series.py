"""
Forecast one series, with intervals and a backtest
==================================================

`LSTMForecaster` takes a pandas Series and returns forecasts as a Series. It also returns
prediction intervals, and `backtest` shows how good they would have been in the past.
"""

from sklstm import LSTMForecaster
from sklstm.datasets import load_air_passengers
from sklstm.inspection import ForecastDisplay

y = load_air_passengers()
known, came = y[:-12], y[-12:]

# %%
# Fit and forecast. The season of twelve months follows from the frequency of the index.
forecaster = LSTMForecaster(horizon=12, random_state=0).fit(known)
print(forecaster.predict(3))
print(forecaster.describe())
print(f"MASE of the last year: {-forecaster.score(came):.2f}")

# %%
# Five forecasts of one year each, from different origins in the past, each with a new fit.
table = LSTMForecaster(random_state=0).backtest(y, horizon=12, n_origins=5)
inside = table["actual"].between(table["lower"], table["upper"])
print(f"{inside.mean():.0%} of the actual values are inside the 90% intervals")

# %%
# Plot the results, if matplotlib is installed: history, forecast, two intervals and actual values
# on the left, the backtest on the right.
try:
    import matplotlib.pyplot as plt
except ImportError:
    print("For the figure: pip install matplotlib")
else:
    _, (left, right) = plt.subplots(1, 2, figsize=(11, 4))
    ForecastDisplay.from_estimator(forecaster, came, ax=left)
    y.to_timestamp()[-84:].plot(ax=right, color="0.3", label="actual")
    for cutoff, part in table.groupby("cutoff"):
        times = part["time"].dt.to_timestamp()
        right.plot(times, part["prediction"], color="C0")
        right.fill_between(times, part["lower"], part["upper"], color="C0", alpha=0.2, linewidth=0)
        right.axvline(cutoff.to_timestamp(), color="0.8", zorder=0)
    right.set_title("Backtest")
    plt.show()
