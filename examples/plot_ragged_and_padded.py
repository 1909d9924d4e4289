"""
Ragged or padded: the same model, bit for bit
=============================================

Sequences of unequal length can be lists of arrays, arrays padded with NaN, flattened rows, or
long DataFrames. The estimators read the same sequences from all of these and learn exactly the
same parameters, to the last bit.
"""

import time
from typing import Any

import numpy as np
import pandas as pd

from sklstm import LSTMClassifier
from sklstm.datasets import load_japanese_vowels

X_train, y_train = load_japanese_vowels(return_X_y=True, subset="train")
X_test, y_test = load_japanese_vowels(return_X_y=True, subset="test")
longest = max(len(x) for x in X_train + X_test)


def padded(sequences: list[np.ndarray]) -> np.ndarray:
    """Return an array (n_samples, n_timesteps, n_channels), with NaN after each sequence."""
    X = np.full((len(sequences), longest, sequences[0].shape[1]), np.nan, np.float32)
    for row, x in zip(X, sequences, strict=True):
        row[: len(x)] = x
    return X


def flat(sequences: list[np.ndarray]) -> np.ndarray:
    """Return an array (n_samples, n_timesteps * n_channels), one time step after another."""
    return padded(sequences).reshape(len(sequences), -1)


def long(sequences: list[np.ndarray]) -> pd.DataFrame:
    """Return a DataFrame with the index (sample, time) and one column for each channel."""
    frames = [pd.DataFrame(x) for x in sequences]
    return pd.concat(frames, keys=range(len(frames)), names=["sample", "time"])


def zero_padded(
    sequences: list[np.ndarray], n_timesteps: int | None
) -> list[np.ndarray] | np.ndarray:
    """Return an array with zeros after each sequence, which makes the sequences longer."""
    if n_timesteps is None:
        return sequences
    X = np.zeros((len(sequences), n_timesteps, sequences[0].shape[1]))
    for row, x in zip(X, sequences, strict=True):
        row[: len(x)] = x
    return X


# %%
# A 2-D array does not show how many channels there are, so `n_channels` is given.
forms: dict[str, tuple[Any, dict[str, Any]]] = {
    "list of arrays": (lambda sequences: sequences, {}),
    "3-D, padded with NaN": (padded, {}),
    "2-D, flattened": (flat, {"n_channels": 12}),
    "long DataFrame": (long, {}),
}
models = {}
print(f"{'form of X':<24} {'accuracy':>8} {'training':>10}   parameters")
for name, (form, channels) in forms.items():
    start = time.perf_counter()
    model = LSTMClassifier(max_iter=5, random_state=0, **channels).fit(form(X_train), y_train)
    seconds = time.perf_counter() - start
    models[name] = model
    same = np.array_equal(model.theta_, models["list of arrays"].theta_)
    accuracy = model.score(form(X_test), y_test)
    print(f"{name:<24} {accuracy:>8.3f} {seconds:>8.1f} s   {'the same' if same else 'differ'}")
    assert same

# %%
# Padding with zeros is different: zeros are valid numbers, so the network treats them as part of
# the sequence. A network that reads only its last state must then remember the utterance through
# all the zeros. The default, which pools the states of both directions over time, suffers less.
plain: dict[str, Any] = {"pooling": "last", "bidirectional": False}
print(f"\n{'padded with zeros to':<24} {'defaults':>8} {'last state of one direction':>28}")
for n_timesteps in (None, 29, 120):
    accuracies = []
    for settings in ({}, plain):
        model = LSTMClassifier(max_iter=20, random_state=0, **settings)
        model.fit(zero_padded(X_train, n_timesteps), y_train)
        accuracies.append(model.score(zero_padded(X_test, n_timesteps), y_test))
    what = f"{n_timesteps} time steps" if n_timesteps else "no padding"
    print(f"{what:<24} {accuracies[0]:>8.3f} {accuracies[1]:>28.3f}")

# %%
# Plot the results, if matplotlib is installed.
try:
    import matplotlib.pyplot as plt
except ImportError:
    print("For the figure: pip install matplotlib")
else:
    figure, axes = plt.subplots(figsize=(8, 3), layout="constrained")
    axes.hist([len(x) for x in X_train], bins=range(7, 31))
    axes.axvline(longest, color="0.5", linestyle="--", label="padded")
    axes.set(xlabel="time steps", ylabel="utterances", title="Lengths")
    axes.legend()
    plt.show()
