"""
Finance: what can be forecast, and what cannot
==============================================

The forecast of a price looks impressive in a plot, because its line follows the line of the price,
one step late. What counts is whether it beats forecasts that cost nothing. This example asks that
for the economy of the United States by the quarter, and for the price of oil by the week.
"""

import numpy as np
import pandas as pd

from sklstm import LSTMForecaster
from sklstm.datasets import load_oil_price, load_us_economy


# %%
# From every time after `last_known` the forecaster forecasts four steps, without fitting again.
# Four simple forecasts know the same: the last value; the last value plus the mean change so far;
# the mean so far; and exponential smoothing, with a factor that was not tuned.
def mean_errors(panel: pd.DataFrame, last_known: str) -> pd.DataFrame:
    """Return the mean absolute errors, a row for each series and step, a column per forecast."""
    forecaster = LSTMForecaster(horizon=4, season_length=1, random_state=0)
    predicted = forecaster.fit(panel[:last_known]).predict_at(panel)
    rows = {}
    for name in panel:
        y = panel[name]
        drift = (y - y.iloc[0]) / np.maximum(np.arange(len(y)), 1)
        for step in (1, 4):
            simple = pd.DataFrame(
                {
                    "last value": y,
                    "last + drift": y + step * drift,
                    "mean": y.expanding().mean(),
                    "smoothed": y.ewm(alpha=0.2).mean(),
                    "LSTMForecaster": predicted.loc[name, step],
                }
            )
            errors = simple.sub(y.shift(-step), axis=0).abs()
            rows[name, step] = errors[last_known:].dropna().mean()
    return pd.DataFrame(rows).T


economy = load_us_economy()
names = {
    "realgdp": "product",
    "realcons": "consumption",
    "realinv": "investment",
    "realdpi": "income",
    "cpi": "prices",
    "m1": "money",
}
levels = 100 * np.log(economy[list(names)].rename(columns=names))
growth = levels.diff().iloc[1:].add_suffix(", growth")
rates = economy[["tbilrate", "unemp"]].set_axis(["interest", "unemployment"], axis=1)

price = load_oil_price()
change = 100 * np.log(price).diff().iloc[1:]
weeks = change.index.to_period("W")
root_mean_square = np.sqrt((change**2).groupby(weeks).mean())
oil = {
    "oil, price": 100 * np.log(price.iloc[1:].groupby(weeks).last()),
    "oil, change": change.groupby(weeks).sum(),
    "oil, volatility": 100 * np.log(root_mean_square),
}

tables = [mean_errors(panel, "1994Q4") for panel in (levels, rates, growth)]
tables += [mean_errors(series.to_frame(name), "2005") for name, series in oil.items()]
errors = pd.concat(tables)
print("Mean absolute error, where that of the last value is 1:")
print(errors.div(errors["last value"], axis=0).round(2).to_string())

# %%
# Beside the last value the forecaster looks good nearly everywhere: for the product of the next
# year, its error is less than half. But the product grows, and the last value plus its mean change
# knows that too. Beside the best of the four simple forecasts little is left:
#
# - **Levels.** Product, consumption, prices, interest and unemployment of the next quarter are
#   forecast 10 to 30% better than by the best simple forecast: such series go on as they went.
# - **Growth.** A year ahead, no better than simple forecasts. For the growth of prices, smoothing
#   is better than the forecaster, at both steps.
# - **The price of oil.** Not at all: the last value is best. Of its change, nothing is known but
#   the mean, which is close to zero. What could be known is in the price already.
# - **The volatility of oil.** A fifth better than the last value, since calm weeks and wild weeks
#   come in rows. Plain smoothing does the same.
#
# The best simple forecast was chosen after the fact, which favours it. With 60 quarters, of which
# some are those of the crisis of 2008, a difference of a few percent is no proof.
best = errors.drop(columns="LSTMForecaster").min(axis=1)
ratio = pd.DataFrame(
    {
        "the last value": errors["LSTMForecaster"] / errors["last value"],
        "the best simple forecast": errors["LSTMForecaster"] / best,
    }
)
print(ratio.groupby(level=1).median().round(2).to_string())

try:
    import matplotlib.pyplot as plt
except ImportError:
    print("For the figure: pip install matplotlib")
else:
    figure, axes = plt.subplots(ncols=2, figsize=(11, 6), sharey=True, layout="constrained")
    for ax, step, title in zip(axes, (1, 4), ("Next quarter or week", "The fourth"), strict=True):
        part = ratio.xs(step, level=1)
        rows = np.arange(len(part))
        naive, hard = part["the last value"], part["the best simple forecast"]
        ax.hlines(rows, naive, hard, color="0.8", zorder=1)
        ax.plot(naive, rows, "o", color="#56B4E9", label="beside the last value")
        ax.plot(hard, rows, "o", color="#D55E00", label="beside the best simple forecast")
        ax.axvline(1.0, color="k", lw=1)
        for border in (7.5, 13.5):
            ax.axhline(border, color="0.9", lw=1)
        ax.set(title=title, xlabel="error of LSTMForecaster, relative", xlim=(0.3, 1.25))
        ax.text(1.01, -0.9, "worse", va="center")
        ax.text(0.99, -0.9, "better", va="center", ha="right")
        ax.set_yticks(rows, part.index)
    axes[0].set_ylim(len(rows) - 0.5, -1.4)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    plt.show()
