"""
Regression: the fat content of meat from its spectrum
=====================================================

A near-infrared spectrum is read as a series along the wavelength: 100 steps of one channel.
`LSTMRegressor` standardises each spectrum and the fat content itself.
"""

import time

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import RidgeCV
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import LSTMRegressor
from sklstm.components import Quantile
from sklstm.datasets import load_tecator

X_train, y_train = load_tecator(return_X_y=True, subset="train")
X_test, y_test = load_tecator(return_X_y=True, subset="test")
print(f"{len(X_train)} spectra for training, {len(X_test)} for testing\n")
LSTMRegressor(max_iter=1).fit(X_train, y_train)  # compiles the kernels, once per machine

# %%
# `patch_size=4` reads four neighbouring wavelengths as one step, which takes a quarter of the
# time.
models = {
    "LSTMRegressor": LSTMRegressor(random_state=0),
    "LSTMRegressor, patch_size=4": LSTMRegressor(patch_size=4, random_state=0),
    "RandomForest": RandomForestRegressor(random_state=0),
    "MLP": TransformedTargetRegressor(
        make_pipeline(StandardScaler(), MLPRegressor(max_iter=1000, random_state=0)),
        transformer=StandardScaler(),
    ),
    "Ridge": make_pipeline(StandardScaler(), RidgeCV(np.logspace(-6, 2, 9))),
}
predictions = {}
print(f"{'model':<28} {'R2':>6} {'mean error':>12} {'training':>10}")
for name, model in models.items():
    start = time.perf_counter()
    model.fit(X_train, y_train)
    seconds = time.perf_counter() - start
    predictions[name] = model.predict(X_test)
    r2 = r2_score(y_test, predictions[name])
    error = mean_absolute_error(y_test, predictions[name])
    print(f"{name:<28} {r2:>6.3f} {error:>10.2f} % {seconds:>8.1f} s")

# %%
# Two quantile models give an interval that should contain 80% of the spectra. The test set is
# small: chance alone changes the percentage by 6 points.
low, high = (
    LSTMRegressor(loss=Quantile(q), patch_size=4, max_iter=40, random_state=0).fit(X_train, y_train)
    for q in (0.1, 0.9)
)
print("\nBetween the predicted 10% and 90% quantiles:")
for part, X, y in [("training", X_train, y_train), ("test", X_test, y_test)]:
    inside = np.mean((low.predict(X) <= y) & (y <= high.predict(X)))
    print(f"{inside:.0%} of the {part} spectra")

# %%
# Plot the results, if matplotlib is installed.
try:
    import matplotlib.pyplot as plt
except ImportError:
    print("For the figure: pip install matplotlib")
else:
    figure, (left, right) = plt.subplots(ncols=2, figsize=(10, 4), layout="constrained")
    left.plot(np.linspace(850, 1050, 100), X_test[:10].T)
    left.set(xlabel="wavelength in nm", ylabel="absorbance", title="Ten spectra")
    right.plot([0, 50], [0, 50], color="0.7")
    for name in ("RandomForest", "LSTMRegressor"):
        right.plot(y_test, predictions[name], "o", label=name)
    right.set(xlabel="fat in %", ylabel="predicted", title="Test spectra")
    right.legend()
    plt.show()
