"""
Grid search over a forecaster
=============================

`LSTMForecaster` is a scikit-learn estimator: `fit` takes the series in place of X, and `score`
takes the actual values. So scikit-learn's searches and cross-validation work, with splits that
respect time.
"""

import pandas as pd
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit

from sklstm import LSTMForecaster
from sklstm.datasets import load_sunspots
from sklstm.inspection import ForecastDisplay

y = load_sunspots()
known, came = y[:-11], y[-11:]

# %%
# The sunspots have no fixed season, but a cycle of about eleven years. The search varies how much
# of the past the network sees and how long it is trained.
search = GridSearchCV(
    LSTMForecaster(horizon=11, random_state=0),
    {"window": [11, 22, 33], "max_steps": [0, 200]},
    cv=TimeSeriesSplit(4, test_size=11),
)
search.fit(known)
results = pd.DataFrame(search.cv_results_)
print(results[["param_window", "param_max_steps", "mean_test_score"]].round(3).to_string())

# %%
# The best forecaster was refitted on all known years.
print(search.best_params_)
print(f"MASE of the eleven years that followed: {-search.score(came):.2f}")
try:
    import matplotlib.pyplot as plt
except ImportError:
    print("For the figure: pip install matplotlib")
else:
    ForecastDisplay.from_estimator(search.best_estimator_, came, n_history=100)
    plt.show()
