"""
Who is speaking? Classification of sequences of unequal length
==============================================================

Nine men uttered the same two vowels. An utterance is a series of 7 to 29 frames with 12
channels, and the task is to recognise the speaker. `LSTMClassifier` takes the list of utterances
directly. scikit-learn's own classifiers need rows of equal length, so their utterances are padded
with zeros and flattened.
"""

import time

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklstm import LSTMClassifier
from sklstm.datasets import load_japanese_vowels

X_train, y_train = load_japanese_vowels(return_X_y=True, subset="train")
X_test, y_test = load_japanese_vowels(return_X_y=True, subset="test")
lengths = [len(x) for x in X_train + X_test]
print(f"{len(X_train)} utterances for training, {len(X_test)} for testing")
print(f"{min(lengths)} to {max(lengths)} time steps of {X_train[0].shape[1]} channels")

# %%
# The first fit on a machine compiles the kernels and caches them. One epoch is enough for that.
# The times in the table below then contain training only.
start = time.perf_counter()
LSTMClassifier(max_iter=1).fit(X_train, y_train)
print(f"Kernels compiled, or read from the cache, in {time.perf_counter() - start:.1f} s\n")


# %%
# Steps of a pipeline may take lists of sequences too, if they also return lists.
# Speech recognition often adds the change from frame to frame as further channels:
def with_differences(utterances: list[np.ndarray]) -> list[np.ndarray]:
    """Add the changes of all channels as further channels."""
    return [np.hstack([x, np.gradient(x, axis=0)]) for x in utterances]


longest = max(lengths)


def flattened(utterances: list[np.ndarray]) -> np.ndarray:
    """Pad each utterance with zeros and flatten it into one row."""
    rows = np.zeros((len(utterances), longest, utterances[0].shape[1]))
    for row, x in zip(rows, utterances, strict=True):
        row[: len(x)] = x
    return rows.reshape(len(rows), -1)


flatten = FunctionTransformer(flattened)
models = {
    "LSTMClassifier": LSTMClassifier(random_state=0),
    "differences, then LSTMClassifier": make_pipeline(
        FunctionTransformer(with_differences), LSTMClassifier(random_state=0)
    ),
    "RandomForest": make_pipeline(flatten, RandomForestClassifier(random_state=0)),
    "MLP": make_pipeline(flatten, StandardScaler(), MLPClassifier(max_iter=500, random_state=0)),
    "LogisticRegression": make_pipeline(
        flatten, StandardScaler(), LogisticRegression(max_iter=1000)
    ),
}

print(f"{'model':<34} {'accuracy':>8} {'training':>10}")
for name, model in models.items():
    start = time.perf_counter()
    model.fit(X_train, y_train)
    seconds = time.perf_counter() - start
    print(f"{name:<34} {model.score(X_test, y_test):>8.3f} {seconds:>8.1f} s")

# %%
# Which speakers does the network confuse?
lstm = models["LSTMClassifier"]
confusion = confusion_matrix(y_test, lstm.predict(X_test))
for i, j in zip(*np.nonzero(confusion - np.diag(np.diag(confusion))), strict=True):
    print(f"Speaker {i + 1} taken for speaker {j + 1}: {confusion[i, j]} of {confusion[i].sum()}")

# %%
# Plot the results, if matplotlib is installed.
try:
    import matplotlib.pyplot as plt
except ImportError:
    print("For the figure: pip install matplotlib")
else:
    figure, (left, right) = plt.subplots(ncols=2, figsize=(10, 4), layout="constrained")
    left.plot(lstm.loss_curve_)
    left.set(xlabel="epoch", ylabel="mean loss", yscale="log", title="Training")
    right.imshow(np.log1p(confusion), cmap="Blues")
    for (i, j), count in np.ndenumerate(confusion):
        if count:
            right.text(j, i, count, ha="center", va="center", color="w" if i == j else "k")
    right.set(xlabel="predicted speaker", ylabel="speaker", title="Test utterances")
    right.set(xticks=range(9), xticklabels=range(1, 10), yticks=range(9), yticklabels=range(1, 10))
    plt.show()
