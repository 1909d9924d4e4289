"""
A grid search over the network and its training
===============================================

Every hyper-parameter of the network is a constructor argument, so scikit-learn's searches work.
Here the width of the network and the learning rate are chosen by cross-validation, in two
processes.
"""

import numpy as np
from sklearn.model_selection import GridSearchCV, StratifiedKFold

from sklstm import LSTMClassifier
from sklstm.datasets import load_japanese_vowels

X_train, y_train = load_japanese_vowels(return_X_y=True, subset="train")
X_test, y_test = load_japanese_vowels(return_X_y=True, subset="test")

# %%
# A search only compares settings with each other; 10 epochs are enough for that here. The
# search uses two processes, so each estimator uses one thread (`n_jobs=None`).
widths, rates = [8, 16, 32], [1e-3, 3e-3, 1e-2]
search = GridSearchCV(
    LSTMClassifier(max_iter=10, random_state=0),
    {"hidden_size": widths, "learning_rate_init": rates},
    cv=StratifiedKFold(3, shuffle=True, random_state=0),
    n_jobs=2,
)
search.fit(X_train, y_train)

# %%
# Mean accuracy over the folds, and the mean time of one fit in seconds:
scores = search.cv_results_["mean_test_score"].reshape(len(widths), len(rates))
seconds = search.cv_results_["mean_fit_time"].reshape(len(widths), len(rates))
print("accuracy (seconds)" + "".join(f"{f'learning rate {rate}':>22}" for rate in rates))
for width, accuracies, times in zip(widths, scores, seconds, strict=True):
    cells = (f"{a:.3f} ({s:.1f} s)" for a, s in zip(accuracies, times, strict=True))
    print(f"{f'hidden_size {width}':<18}" + "".join(f"{cell:>22}" for cell in cells))
print(f"\nBest: {search.best_params_}")

# %%
# The search has refitted the best setting on all training utterances. Beside it, the defaults
# (`hidden_size=64`, and a number of epochs that depends on the data):
print(f"Accuracy on the test set, best of the search: {search.score(X_test, y_test):.3f}")
default = LSTMClassifier(random_state=0).fit(X_train, y_train)
print(f"Accuracy on the test set, defaults:           {default.score(X_test, y_test):.3f}")

# %%
# Plot the results, if matplotlib is installed.
try:
    import matplotlib.pyplot as plt
except ImportError:
    print("For the figure: pip install matplotlib")
else:
    figure, axes = plt.subplots(layout="constrained")
    image = axes.imshow(scores, cmap="viridis")
    for (i, j), score in np.ndenumerate(scores):
        axes.text(j, i, f"{score:.3f}", ha="center", va="center", color="w")
    axes.set(xlabel="learning_rate_init", ylabel="hidden_size", title="Accuracy over three folds")
    axes.set(xticks=range(len(rates)), xticklabels=rates)
    axes.set(yticks=range(len(widths)), yticklabels=widths)
    figure.colorbar(image)
    plt.show()
