"""
sklstm at a glance: classify, explain, forecast
===============================================

Three tasks with bundled data and default estimators: who is speaking, where in a spectrum the
network looks, and what comes next in a series.
"""

import numpy as np

from sklstm import LSTMClassifier, LSTMForecaster, LSTMRegressor
from sklstm.datasets import load_air_passengers, load_japanese_vowels, load_tecator

# %%
# **Classify** sequences of unequal length, also while they arrive: the probability of each of nine
# speakers after each frame of an utterance.
X_train, y_train = load_japanese_vowels(return_X_y=True, subset="train")
X_test, y_test = load_japanese_vowels(return_X_y=True, subset="test")
classifier = LSTMClassifier(random_state=0).fit(X_train, y_train)
print(f"Accuracy: {classifier.score(X_test, y_test):.3f}")

utterance, speaker = X_test[70], y_test[70]
heard = [utterance[:n] for n in range(1, len(utterance) + 1)]
probabilities = classifier.predict_proba(heard)  # (n_frames, 9)

# %%
# **Explain**: with `pooling="attention"` the network says which wavelengths of a spectrum its
# prediction of the fat content comes from.
spectra, fat = load_tecator(return_X_y=True, subset="train")
spectra_test, fat_test = load_tecator(return_X_y=True, subset="test")
wavelength = np.linspace(850, 1050, spectra.shape[1])  # nanometres
regressor = LSTMRegressor(pooling="attention", bidirectional=False, random_state=0)
regressor.fit(spectra, fat)
print(f"R2: {regressor.score(spectra_test, fat_test):.3f}")
weights = regressor.attention_weights(spectra_test)  # (n_samples, n_timesteps)

# %%
# **Forecast** a year, with 90% intervals.
series = load_air_passengers()
forecaster = LSTMForecaster(horizon=12, random_state=0).fit(series[:-12])
print(f"MASE: {-forecaster.score(series[-12:]):.2f}")
forecast = forecaster.predict()
interval = forecaster.predict_interval(coverage=0.9)

# %%
# Plot the results, if matplotlib is installed.
try:
    import matplotlib.pyplot as plt
    from matplotlib.colors import ListedColormap
except ImportError:
    print("For the figure: pip install matplotlib")
else:
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.2), layout="constrained")
    axes[0].set(title="Who is speaking?", xlabel="frames heard", ylabel="probability")
    for label, probability in zip(classifier.classes_, probabilities.T, strict=True):
        colour = "C1" if label == speaker else "0.55"
        axes[0].plot(range(1, len(heard) + 1), probability, color=colour)
    axes[0].text(len(heard), 0.9, f"speaker {speaker}", color="C1", ha="right")

    axes[1].set(title="Which wavelengths tell the fat?", xlabel="nm", ylabel="absorbance")
    by_fat = np.argsort(fat_test)
    # without the ends, which are hard to see on dark or on light pages
    colours = ListedColormap(plt.get_cmap("plasma")(np.linspace(0.25, 0.92, 256)))
    for n in by_fat[:: len(by_fat) // 8]:
        points = axes[1].scatter(wavelength, spectra_test[n], c=weights[n], s=9, cmap=colours)
    figure.colorbar(points, ax=axes[1], label="attention")

    axes[2].set(title="How many passengers next year?", ylabel="thousands")
    known, future = series[-84:].to_timestamp(), forecast.to_timestamp()
    axes[2].plot(known.index, known, color="0.55", label="series")
    axes[2].plot(future.index, future, color="C0", label="forecast")
    axes[2].fill_between(
        future.index, interval["lower"], interval["upper"], color="C0", alpha=0.3, linewidth=0
    )
    axes[2].legend(loc="upper left", frameon=False)
    plt.show()
