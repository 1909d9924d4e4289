"""
Live predictions: who is speaking?
==================================

A stream takes one time step at a time and predicts after each step. The cost of a step does not
depend on how long the sequence already is. Here utterances arrive frame by frame, and after each
frame the network predicts which of nine speakers it hears.
"""

import time

import numpy as np

from sklstm import LSTMClassifier
from sklstm.datasets import load_japanese_vowels

X_train, y_train = load_japanese_vowels(return_X_y=True, subset="train")
X_test, y_test = load_japanese_vowels(return_X_y=True, subset="test")

# %%
# The network should be able to predict at any time. So it is trained at every step: the label of
# an utterance is the target of all its frames. A stream needs a network that reads in one
# direction and scales each channel by the training set.
targets = [np.full(len(x), label) for x, label in zip(X_train, y_train, strict=True)]
model = LSTMClassifier(
    return_sequences=True, bidirectional=False, scale="channel", hidden_size=32, max_iter=40,
    random_state=0,
).fit(X_train, targets)  # fmt: skip

# %%
# One utterance, frame by frame: the first one whose prediction is wrong at the start and right
# at the end.
predictions = model.predict(X_test)
mistaken = [p[0] != label == p[-1] for p, label in zip(predictions, y_test, strict=True)]
utterance, speaker = X_test[np.argmax(mistaken)], y_test[np.argmax(mistaken)]
stream = model.stream(method="predict_proba")
probabilities = []
for n_heard, x in enumerate(utterance, start=1):
    probability = stream.step(x)[0]
    probabilities.append(probability)
    best = model.classes_[probability.argmax()]
    print(f"frame {n_heard:>2}: speaker {best} with probability {probability.max():.2f}")
heard = np.array(probabilities)  # (n_frames, n_classes)
np.testing.assert_allclose(heard, model.predict_proba([utterance])[0], rtol=1e-3, atol=1e-4)
print(f"It was speaker {speaker}.")

# %%
# All test utterances at once, with a stream for each: how many frames does the network need?
# Utterances that have ended are not counted.
n_frames = np.array([len(x) for x in X_test])
streams = model.stream(len(X_test))
frame = np.zeros((len(X_test), 12))
accuracy = []
start = time.perf_counter()
for t in range(n_frames.max()):
    alive = n_frames > t
    frame[alive] = [X_test[n][t] for n in np.nonzero(alive)[0]]
    predicted = streams.step(frame)
    accuracy.append(np.mean(predicted[alive] == y_test[alive]))
seconds = time.perf_counter() - start
for t in (1, 2, 4, 8, 16):
    print(f"after {t:>2} frames: {accuracy[t - 1]:.1%} of the utterances right")
print(f"{1e6 * seconds / n_frames.max() / len(X_test):.2f} microseconds per frame and stream")

# %%
# Plot the results, if matplotlib is installed.
try:
    import matplotlib.pyplot as plt
except ImportError:
    print("For the figure: pip install matplotlib")
else:
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    for label, of_speaker in zip(model.classes_, heard.T, strict=True):
        is_true = label == speaker
        left.plot(
            range(1, len(heard) + 1), of_speaker, color="C3" if is_true else "0.7",
            label=f"speaker {label}" if is_true else None,
        )  # fmt: skip
    left.set(xlabel="frames heard", ylabel="probability", title="One utterance")
    left.legend()
    # few utterances are longer than 20 frames
    right.plot(range(1, 21), accuracy[:20], marker="o")
    right.set(xlabel="frames heard", ylabel="accuracy", title="All test utterances")
    plt.show()
