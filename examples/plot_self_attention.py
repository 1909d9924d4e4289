"""
Self-attention: when steps have to be compared
==============================================

`attention="self"` adds a transformer layer after the recurrent layers: every time step reads all
others, weighted by several heads. It helps where one step says what to look for, and another has
the answer. Pooling by attention cannot compare steps: it asks every sequence the same question.
"""

import time

import numpy as np
from sklearn.base import clone

from sklstm import LSTMClassifier, LSTMRegressor
from sklstm.components import SelfAttention
from sklstm.datasets import make_embedded_reber
from sklstm.inspection import self_attention_weights

N_SYMBOLS = 12


# %%
# Associative recall: every step has a symbol and a value, the last step repeats one of the symbols,
# and the target is its value. Sequences have 7 to 13 steps.
def recall(n_samples: int, seed: int) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Return sequences of one-hot symbols with values, targets, and the step that has each."""
    rng = np.random.default_rng(seed)
    X, answers = [], []
    for _ in range(n_samples):
        symbols = rng.permutation(N_SYMBOLS)[: rng.integers(6, N_SYMBOLS + 1)]
        answers.append(rng.integers(len(symbols)))
        x = np.zeros((len(symbols) + 1, N_SYMBOLS + 1))
        x[np.arange(len(x)), [*symbols, symbols[answers[-1]]]] = 1.0
        x[:-1, -1] = rng.uniform(-1.0, 1.0, len(symbols))
        X.append(x)
    y = np.array([x[k, -1] for x, k in zip(X, answers, strict=True)])
    return X, y, np.array(answers)


X_train, y_train, _ = recall(2000, seed=0)
X_test, y_test, answers = recall(500, seed=1)
plain = LSTMRegressor(
    hidden_size=32, bidirectional=False, scale=None, dropout=0.0, learning_rate_init=0.01,
    random_state=0,
)  # fmt: skip
models = {
    "last state": plain,
    "pooling by attention": clone(plain).set_params(pooling="attention"),
    "self-attention": clone(plain).set_params(attention=SelfAttention(n_heads=4)),
}
print(f"{'recall':<22} {'R2':>6} {'training':>10}")
for name, model in models.items():
    model.set_params(max_iter=1).fit(X_train[:100], y_train[:100])  # compile, or read the cache
    start = time.perf_counter()
    model.set_params(max_iter=25).fit(X_train, y_train)
    seconds = time.perf_counter() - start
    print(f"{name:<22} {model.score(X_test, y_test):>6.3f} {seconds:>8.1f} s")

# %%
# What does the last step read? `self_attention_weights` has the weights of each head: one matrix
# for each sequence, from the reading step to the step that is read.
weights = self_attention_weights(models["self-attention"], X_test)
of_last = [w[:, -1] for w in weights]  # (n_heads, n_timesteps)
found = np.array([w.argmax(axis=1) for w in of_last])  # (n_samples, n_heads)
shares = (found == answers[:, np.newaxis]).mean(axis=0)
print("\nThe last step reads most of the step that has the answer, by head:")
print(", ".join(f"{share:.0%}" for share in shares))

# %%
# The embedded Reber grammar: which symbols may come next? The last symbol but one repeats the
# second one. With a prediction at each step and one direction, a step reads no later step.
X, y = make_embedded_reber(512, unique=True, random_state=0)
grammarian = LSTMClassifier(
    return_sequences=True, hidden_size=8, bidirectional=False, scale=None, dropout=0.0,
    learning_rate_init=0.01, max_iter=60, random_state=0,
)  # fmt: skip
print("\nembedded Reber grammar: strings that are right at every step")
for attention in (None, "self"):
    grammarian.set_params(attention=attention).fit(X[:256], y[:256])
    predicted = grammarian.predict(X[256:])
    right = [np.array_equal(p, t) for p, t in zip(predicted, y[256:], strict=True)]
    print(f"attention={attention!r:<8} {np.mean(right):>6.1%}")

# %%
# Plot the results, if matplotlib is installed: the weights of the best head in one sequence.
try:
    import matplotlib.pyplot as plt
except ImportError:
    print("For the figure: pip install matplotlib")
else:
    n, head = max(range(len(X_test)), key=lambda k: len(X_test[k])), int(shares.argmax())
    figure, axes = plt.subplots(figsize=(6, 5), layout="constrained")
    image = axes.imshow(weights[n][head], vmin=0.0, cmap="Blues")
    symbols = np.array(list("ABCDEFGHIJKL"))[X_test[n][:, :N_SYMBOLS].argmax(axis=1)]
    axes.set(xticks=range(len(symbols)), xticklabels=symbols, xlabel="is read")
    axes.set(yticks=range(len(symbols)), yticklabels=symbols, ylabel="reads")
    axes.set(title=f"Weights of head {head}: the last step looks for {symbols[-1]}")
    figure.colorbar(image, ax=axes)
    plt.show()
