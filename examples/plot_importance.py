"""
Which channels, and when? Permutation importance
================================================

If utterances exchange one of their channels, a network that recognises the speaker makes more
mistakes: the more, the more it relies on the channel. The same can be done with stretches of
time.
"""

import numpy as np

from sklstm import LSTMClassifier
from sklstm.datasets import load_japanese_vowels
from sklstm.inspection import ImportanceDisplay, permutation_importance

X_train, y_train = load_japanese_vowels(return_X_y=True, subset="train")
X_test, y_test = load_japanese_vowels(return_X_y=True, subset="test")
model = LSTMClassifier(branch=None, max_iter=30, random_state=0).fit(X_train, y_train)
print(f"Accuracy on the test set: {model.score(X_test, y_test):.3f}")

# %%
# By channel: what is left of the accuracy without it?
by_channel = permutation_importance(model, X_test, y_test, random_state=0)
for channel in np.argsort(-by_channel.importances_mean)[:3]:
    drop, spread = by_channel.importances_mean[channel], by_channel.importances_std[channel]
    print(f"Without channel {channel} the accuracy drops by {drop:.3f} +- {spread:.3f}")

# %%
# By time: utterances have 7 to 29 steps, so windows of three steps are counted from the start.
by_time = permutation_importance(model, X_test, y_test, by="time", window=3, random_state=0)
first, last = by_time.steps[by_time.importances_mean.argmax()]
print(f"The most important steps are {first} to {last - 1}")

# %%
# Both at once.
both = permutation_importance(
    model, X_test, y_test, by="both", window=3, n_repeats=3, random_state=0
)
window, channel = np.unravel_index(both.importances_mean.argmax(), both.importances_mean.shape)
print(f"The most important of all is channel {channel} from step {both.steps[window, 0]} on")

# %%
# Plot all three, if matplotlib is installed.
try:
    import matplotlib.pyplot as plt
except ImportError:
    print("For the figure: pip install matplotlib")
else:
    _, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
    for ax, result in zip(axes, (by_channel, by_time, both), strict=True):
        ImportanceDisplay.from_importances(result, ax=ax)
    plt.show()
