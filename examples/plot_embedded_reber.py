"""
The embedded Reber grammar: a prediction at every step
======================================================

Experiment 1 of Hochreiter and Schmidhuber (1997). A grammar generates strings of B, T, P, S, X, V
and E. At every step the network must predict which symbols may come next. Usually this depends on
the last few symbols only. But the last symbol but one, T or P, repeats the second symbol, many
steps later.

With `return_sequences=True` there is a target at every step; here each target has several labels.
"""

import numpy as np

from sklstm import LSTMClassifier
from sklstm.datasets import make_embedded_reber

SYMBOLS = np.array(list("BTPSXVE"))
X, y = make_embedded_reber(512, unique=True, random_state=0)
X_train, X_test, y_train, y_test = X[:256], X[256:], y[:256], y[256:]
print("".join(SYMBOLS[X[0].argmax(axis=1)]), X[0].shape, y[0].shape)

# %%
# The cell of 1997, in one direction because future symbols are not known. One-hot symbols need no
# scaling.
model = LSTMClassifier(
    return_sequences=True, cell="lstm1997", hidden_size=32, bidirectional=False, scale=None,
    dropout=0.0, alpha=0.0, learning_rate_init=0.01, max_iter=200, random_state=0,
)  # fmt: skip
print(f"{'seed':>4} {'strings right at every step':>28} {'steps':>7}")
for seed in range(3):
    model.set_params(random_state=seed).fit(X_train, y_train)
    right = [np.array_equal(p, t) for p, t in zip(model.predict(X_test), y_test, strict=True)]
    print(f"{seed:>4} {np.mean(right):>28.1%} {model.score(X_test, y_test):>7.1%}")

# %%
# The predictions at each step, for two strings that differ in their second symbol.
second = np.array([SYMBOLS[x[1].argmax()] for x in X_test])
shown = [X_test[np.argmax(second == symbol)] for symbol in "TP"]
for x in shown:
    print()
    for symbol, legal in zip(SYMBOLS[x.argmax(axis=1)], model.predict([x])[0], strict=True):
        print(f"{symbol} -> {' or '.join(SYMBOLS[legal == 1])}")

# %%
# Plot the results, if matplotlib is installed.
try:
    import matplotlib.pyplot as plt
except ImportError:
    print("For the figure: pip install matplotlib")
else:
    figure, plots = plt.subplots(2, 1, figsize=(8, 5), layout="constrained")
    for axes, x in zip(plots, shown, strict=True):
        image = axes.imshow(model.predict_proba([x])[0].T, vmin=0, vmax=1, cmap="Blues")
        axes.set(xticks=range(len(x)), xticklabels=SYMBOLS[x.argmax(axis=1)])
        axes.set(yticks=range(7), yticklabels=SYMBOLS, ylabel="next")
    plots[1].set(xlabel="read")
    plots[0].set(title="Probability of being legal next")
    figure.colorbar(image, ax=plots)
    plt.show()
