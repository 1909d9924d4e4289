"""
Why this speaker? Attributions of a prediction
==============================================

Nine men uttered the same two vowels, and a network recognises the speaker. Which moments of an
utterance, and which of its 12 channels, speak for the one that it names? Integrated gradients
share the score out among all values, and the shares add up.
"""

import numpy as np

from sklstm import LSTMClassifier
from sklstm.datasets import load_japanese_vowels
from sklstm.inspection import AttributionDisplay, integrated_gradients

X_train, y_train = load_japanese_vowels(return_X_y=True, subset="train")
X_test, y_test = load_japanese_vowels(return_X_y=True, subset="test")
model = LSTMClassifier(scale="channel", branch=None, max_iter=30, random_state=0)
model.fit(X_train, y_train)
print(f"Accuracy on the test set: {model.score(X_test, y_test):.3f}")

# %%
# The baseline is an utterance of which every channel is the mean of the training data. What the
# values of an utterance add to its score is the difference between the two scores.
attributions = integrated_gradients(model, X_test[:50])  # one array (n_timesteps_i, 12) for each
utterance = X_test[0]
mean = np.broadcast_to(model.channel_mean_, utterance.shape)
label = model.predict([utterance])[0]
scores = model.decision_function([utterance, mean])[:, list(model.classes_).index(label)]
print(f"Score of speaker {label}: {scores[0]:.3f}, of the baseline: {scores[1]:.3f}")
print(f"The attributions add up to {attributions[0].sum():.3f}: {scores[0] - scores[1]:.3f}")

# %%
# Over these utterances, the channels with the largest attributions:
share = sum(np.abs(attribution).sum(axis=0) for attribution in attributions)
share /= share.sum()
order = np.argsort(-share)[:4]
for channel in order:
    print(f"Channel {channel:2d} has {share[channel]:.0%} of all attributions")

# %%
# Plot the utterance, if matplotlib is installed. Purple values speak for the speaker, orange ones
# against him.
try:
    import matplotlib.pyplot as plt
except ImportError:
    print("For the figure: pip install matplotlib")
else:
    channels = np.sort(order)
    display = AttributionDisplay.from_attributions(
        utterance[:, channels], attributions[0][:, channels],
        channels=[f"channel {channel}" for channel in channels],
    )  # fmt: skip
    display.axes_[0].set_title(f"What speaks for speaker {label}")
    plt.show()
