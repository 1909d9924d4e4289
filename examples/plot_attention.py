"""
Attention: which part of a series counts
========================================

With `pooling="attention"` the network predicts from a weighted mean of its states. The weights
are learned, and `attention_weights` returns them. The series here are near-infrared spectra of
meat, and the target is the fat content. Where in the spectrum does the network look?
"""

import numpy as np

from sklstm import LSTMRegressor
from sklstm.datasets import load_tecator

X_train, y_train = load_tecator(return_X_y=True, subset="train")
X_test, y_test = load_tecator(return_X_y=True, subset="test")
wavelength = np.linspace(850, 1050, X_train.shape[1])  # nanometres

# %%
# With one direction, the state at a wavelength depends only on this and all shorter wavelengths.
model = LSTMRegressor(pooling="attention", bidirectional=False, random_state=0)
model.fit(X_train, y_train)
weights = model.attention_weights(X_test)  # (n_samples, n_timesteps)
print(f"R2 on the test set: {model.score(X_test, y_test):.3f}")
print(f"The weights of a spectrum sum to {weights[0].sum():.6f}")

# %%
# On average, half of the weight is on a few wavelengths around 930 nm, where fat absorbs light.
mean = np.mean(weights, axis=0)
order = np.argsort(-mean)
half = order[: np.searchsorted(np.cumsum(mean[order]), 0.5) + 1]
low, high = wavelength[half].min(), wavelength[half].max()
print(f"Half of the weight is on {len(half)} of 100 wavelengths, from {low:.0f} to {high:.0f} nm")

# %%
# Plot the results, if matplotlib is installed: some spectra, coloured by the weight of each
# wavelength, and the weights of all test spectra, from lean to fat.
try:
    import matplotlib.pyplot as plt
except ImportError:
    print("For the figure: pip install matplotlib")
else:
    figure, (upper, lower) = plt.subplots(2, 1, figsize=(8, 6), sharex=True, layout="constrained")
    by_fat = np.argsort(y_test)
    for n in by_fat[:: len(by_fat) // 8]:
        upper.plot(wavelength, X_test[n], color="0.8", zorder=1)
        upper.scatter(wavelength, X_test[n], c=weights[n], s=12, cmap="viridis", zorder=2)
    upper.set(ylabel="absorbance", title="Spectra, coloured by weight")
    image = lower.imshow(
        weights[by_fat], aspect="auto", cmap="viridis", extent=(850, 1050, len(by_fat), 0)
    )
    lower.set(xlabel="wavelength in nm", ylabel="test spectra, from lean to fat")
    figure.colorbar(image, ax=(upper, lower), label="weight")
    plt.show()
