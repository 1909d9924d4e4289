"""
Ragged or padded: the same model, bit for bit
=============================================

Sequences of unequal length come as lists of arrays, as arrays filled up with NaN, flattened
into rows, or as long DataFrames. The estimators see the same sequences in all of them, and
learn the same parameters, to the last bit. Padding is never read, so it costs no accuracy.
"""

import time

import numpy as np
import pandas as pd

from sklstm import LSTMClassifier
from sklstm.datasets import load_japanese_vowels

X_train, y_train = load_japanese_vowels(return_X_y=True, subset="train")
X_test, y_test = load_japanese_vowels(return_X_y=True, subset="test")
longest = max(len(x) for x in X_train + X_test)


def padded(sequences):
    """An array (n_samples, n_timesteps, n_channels), NaN behind the end of each sequence."""
    X = np.full((len(sequences), longest, sequences[0].shape[1]), np.nan, np.float32)
    for row, x in zip(X, sequences, strict=True):
        row[: len(x)] = x
    return X


def flat(sequences):
    """An array (n_samples, n_timesteps * n_channels): all channels of a step side by side."""
    return padded(sequences).reshape(len(sequences), -1)


def long(sequences):
    """A DataFrame: a row for each time step, an index (sample, time), a column a channel."""
    frames = [pd.DataFrame(x) for x in sequences]
    return pd.concat(frames, keys=range(len(frames)), names=["sample", "time"])


# %%
# A 2-D array says nothing of channels: `n_channels` does.
forms = {
    "list of arrays": (lambda sequences: sequences, {}),
    "3-D, NaN behind the end": (padded, {}),
    "2-D, flattened": (flat, {"n_channels": 12}),
    "long DataFrame": (long, {}),
}
models = {}
print(f"{'form of X':<24} {'accuracy':>8} {'training':>10}   parameters")
for name, (form, channels) in forms.items():
    start = time.perf_counter()
    model = LSTMClassifier(max_iter=40, random_state=0, **channels).fit(form(X_train), y_train)
    seconds = time.perf_counter() - start
    models[name] = model
    same = np.array_equal(model.theta_, models["list of arrays"].theta_)
    accuracy = model.score(form(X_test), y_test)
    print(f"{name:<24} {accuracy:>8.3f} {seconds:>8.1f} s   {'the same' if same else 'differ'}")
    assert same

# %%
# What to avoid is padding with numbers, which the network takes for part of the sequence. A
# network that reads only the state at the end, as one often does, suffers most from it.
print()
for pooling in ("concat", "last"):
    model = LSTMClassifier(pooling=pooling, bidirectional=False, max_iter=40, random_state=0)
    ragged = model.fit(X_train, y_train).score(X_test, y_test)
    zeros = model.fit(np.nan_to_num(padded(X_train)), y_train)
    zeros = zeros.score(np.nan_to_num(padded(X_test)), y_test)
    print(f"pooling={pooling!r}: accuracy {ragged:.3f}; filled up with zeros {zeros:.3f}")

# %%
# A figure, if matplotlib is there.
try:
    import matplotlib.pyplot as plt
except ImportError:
    print("For the figure: pip install matplotlib")
else:
    figure, axes = plt.subplots(figsize=(8, 3), layout="constrained")
    axes.hist([len(x) for x in X_train], bins=range(7, 31))
    axes.axvline(longest, color="0.5", linestyle="--")
    axes.set(xlabel="time steps", ylabel="utterances", title="Padding would add the rest")
    plt.show()
