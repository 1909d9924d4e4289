"""
Text, letter by letter: which language is a surname from?
=========================================================

A text is a list of letters or words. Give the lists to `LSTMClassifier` with
`categorical_features="from_dtype"`: each letter gets a vector, which is learned with the network.
Here the texts are surnames, and the question is from which of eight languages they come.
"""

from collections import Counter
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, confusion_matrix
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sklstm import LSTMClassifier
from sklstm.datasets import load_surnames

names, languages = load_surnames(return_X_y=True)
names = [name.lower() for name in names]
train, test, y_train, y_test = train_test_split(
    names, languages, test_size=0.3, stratify=languages, random_state=0
)
print(f"{len(train)} names for training, {len(test)} for testing, such as {', '.join(test[:5])}")

# %%
# A letter that `fit` did not see is read as unknown, with a warning. Here such letters, and those
# that were seen once, become a star, so that the network learns what a rare letter means.
counts = Counter("".join(train))


def letters(names: list[str]) -> list[list[str]]:
    """Split names into letters; rare letters become a star."""
    return [[letter if counts[letter] > 1 else "*" for letter in name] for name in names]


network = LSTMClassifier(
    categorical_features="from_dtype",
    front=None,
    branch=None,
    max_iter=15,
    n_estimators=3,
    random_state=0,
)
network.fit(letters(train), y_train)

# %%
# Baselines: a logistic regression on the counts of the letters, and one on the counts of all pieces
# of one to three letters.
bags = {
    "letters": CountVectorizer(analyzer="char"),
    "pieces of one to three letters": CountVectorizer(analyzer="char_wb", ngram_range=(1, 3)),
}
probabilities = {}
for name, bag in bags.items():
    model = make_pipeline(bag, LogisticRegression(max_iter=1000)).fit(train, y_train)
    probabilities[f"regression, {name}"] = model.predict_proba(test)
probabilities["LSTM"] = network.predict_proba(letters(test))
probabilities["mean of the last two"] = (model.predict_proba(test) + probabilities["LSTM"]) / 2
classes = network.classes_
for name, probability in probabilities.items():
    print(f"{name:<44} {accuracy_score(y_test, classes[probability.argmax(axis=1)]):.3f}")

# %%
# The pieces win. What tells these languages apart are endings such as -nen or -ić, each of which
# is a piece, and 1680 names are few for a network that starts without any knowledge of letters. It
# is far better than the counts of letters, so it has learned their order. For short texts and few
# of them, begin with the bag. The network is for texts in which order matters over a distance.
#
# The figure shows which languages the network confuses, and what it thinks after each letter.
try:
    import matplotlib.pyplot as plt
except ImportError:
    print("For the figure: pip install matplotlib")
else:
    figure = plt.figure(figsize=(11, 5.5), layout="constrained")
    parts: Any = figure.subfigures(ncols=2, width_ratios=[1.1, 1])
    left, right = parts
    ax = left.subplots()
    predicted = classes[probabilities["LSTM"].argmax(axis=1)]
    confusion = confusion_matrix(y_test, predicted, labels=classes)
    ax.imshow(confusion, cmap="Blues")
    for (i, j), count in np.ndenumerate(confusion):
        ax.text(j, i, count, ha="center", va="center", color="w" if count > 45 else "k")
    ticks = range(len(classes))
    ax.set_xticks(ticks, classes, rotation=45, ha="right")
    ax.set_yticks(ticks, classes)
    ax.set(xlabel="predicted by the LSTM", ylabel="language", title="Names that were held out")
    some = [name for name in test if name in ("viljevac", "alanen", "gerlach")]
    for ax, name in zip(right.subplots(len(some)), some, strict=True):
        beginnings = letters([name[:length] for length in range(1, len(name) + 1)])
        ax.imshow(network.predict_proba(beginnings).T, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        ax.set_xticks(range(len(name)), name)
        ax.set_yticks(ticks, classes, fontsize="x-small")
    right.suptitle("Probabilities after each letter")
    plt.show()
