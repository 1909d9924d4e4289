r"""
How an LSTM remembers: the cell of 1997, step by step
=====================================================

A lesson for classes and for self-study. It builds the memory cell of Hochreiter and Schmidhuber
(*Long short-term memory*, Neural Computation 9(8), 1997) in a few lines of NumPy, looks at what
its gates do, at why errors survive in it, and at what a trained network makes of it. Exercises are
at the end. The page can be downloaded as a notebook.

You need to know what a derivative is, and what a layer of a neural network does.
"""

from importlib.util import find_spec

import numpy as np

from sklstm import LSTMClassifier
from sklstm.components import LSTM1997
from sklstm.inspection import state_traces

# %%
# One cell in NumPy
# -----------------
# A cell has a memory c. At each step t it reads an input x and its own last output h. Three small
# neurons, each with weights of its own, read these too:
#
# - the candidate g, between -1 and 1: what could be added to the memory;
# - the input gate i, between 0 and 1: how much of it is added;
# - the output gate o, between 0 and 1: how much of the memory is shown.
#
# The memory is only ever added to: c becomes c + i * g. Then h = o * tanh(c).


def sigmoid(a: np.ndarray) -> np.ndarray:
    """Squash numbers to between 0 and 1."""
    return 1 / (1 + np.exp(-a))


def run_cell(X: np.ndarray, W: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Run one cell over X (n_timesteps, n_inputs); return i, g, o, c and h, (n_timesteps, 5).

    W : (3, n_inputs + 1), b : (3,), the rows in the order i, g, o; the last column is that of h
    """
    c, h, record = 0.0, 0.0, []
    for x in X:
        a = W @ [*x, h] + b
        i, g, o = sigmoid(a[0]), np.tanh(a[1]), sigmoid(a[2])
        c = c + i * g
        h = o * np.tanh(c)
        record.append([i, g, o, c, h])
    return np.array(record)


# %%
# A cell that somebody set by hand
# --------------------------------
# Three inputs: a signal that never stops, a "write" and a "read". The gates are to open when they
# are told to: a bias of -6 keeps a gate shut (sigmoid(-6) is 0.002), a weight of 12 opens it.
n_timesteps, write, read = 40, 6, 30
rng = np.random.default_rng(0)
X = np.zeros((n_timesteps, 3))
X[:, 0] = rng.uniform(-1, 1, n_timesteps)  # signal
X[write, 1] = X[read, 2] = 1.0
X[write, 0] = 0.8

W = np.array([
    # signal, write, read, h
    [0.0, 12.0, 0.0, 0.0],  # input gate
    [1.0, 0.0, 0.0, 0.0],  # candidate
    [0.0, 0.0, 12.0, 0.0],  # output gate
])  # fmt: skip
b = np.array([-6.0, 0.0, -6.0])
by_hand = run_cell(X, W, b)
print(f"signal when it was written: {X[write, 0]:.2f}, tanh of it {np.tanh(X[write, 0]):.2f}")
print(f"memory {read - write} steps later: {by_hand[read, 3]:.2f}")

# %%
# The memory holds what was written, whatever the signal does meanwhile, and nobody sees it until
# the output gate opens.
pictures = find_spec("matplotlib") is not None
if not pictures:
    print("For the figures: pip install matplotlib")
else:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(4, 1, figsize=(8, 6), sharex=True, layout="constrained")
    axes[0].plot(X[:, 0], color="0.5")
    axes[0].set_ylabel("signal")
    axes[1].step(range(n_timesteps), by_hand[:, 0], where="mid", label="input gate")
    axes[1].step(range(n_timesteps), by_hand[:, 2], where="mid", label="output gate")
    axes[1].set_ylabel("gates")
    axes[1].legend(loc="upper center", ncols=2)
    axes[2].plot(by_hand[:, 3], color="C2")
    axes[2].set_ylabel("memory c")
    axes[3].plot(by_hand[:, 4], color="C3")
    axes[3].set(ylabel="output h", xlabel="time step")
    plt.show()

# %%
# Why errors survive
# ------------------
# A network learns from derivatives: how would the error at the end change if something at step t
# had been a little different? On the way back through T steps, the derivative is multiplied once
# per step. In a plain recurrent neuron h = tanh(w h + x) the factor is w (1 - h²). The product of
# many such factors vanishes, or with a large w it may explode. In the cell, c is the old c plus
# something new, so the factor along the memory is 1. The paper calls this the constant error
# carousel.


def factors_of_a_neuron(w: float, x: np.ndarray) -> np.ndarray:
    """Return the derivative of each state of h = tanh(w h + x) by the one before."""
    h, factors = 0.0, []
    for value in x:
        h = np.tanh(w * h + value)
        factors.append(w * (1 - h**2))
    return np.array(factors)


steps_back = np.arange(1, 201)
noise = rng.normal(0, 0.3, len(steps_back))
survival = {f"tanh neuron, w = {w}": np.cumprod(factors_of_a_neuron(w, noise)) for w in (0.8, 1.0)}
survival["cell, with a forget gate of 0.95"] = 0.95**steps_back
survival["cell of 1997"] = np.ones(len(steps_back))
for name, left in survival.items():
    print(f"{name:34} after 10 steps {left[9]:8.2e}, after 100 steps {left[99]:8.2e}")

if pictures:
    figure, ax = plt.subplots(figsize=(8, 3.5), layout="constrained")
    for name, left in survival.items():
        ax.semilogy(steps_back, left, label=name)
    ax.set(xlabel="steps back", ylabel="what is left of an error", ylim=(1e-12, 10))
    ax.legend()
    plt.show()

# %%
# Let it learn
# ------------
# The task: the first value of a sequence is +1 or -1, and noise as large as that follows. A second
# input marks the first step. At the end, which was it? An Elman network (plain tanh neurons) and
# cells of 1997 get the same data and training. The negative bias keeps the input gates nearly shut
# at first, as the paper recommends.


def first_value_task(n_samples: int, lag: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw sequences (n_samples, lag + 1, 2), and the signs of their first values as labels."""
    rng = np.random.default_rng(seed)
    X = np.zeros((n_samples, lag + 1, 2))
    X[:, 1:, 0] = rng.normal(0, 1, (n_samples, lag))
    y = rng.integers(0, 2, n_samples)
    X[:, 0, 0] = 2 * y - 1
    X[:, 0, 1] = 1
    return X, y


for lag in (10, 100):
    X_train, y_train = first_value_task(300, lag, seed=0)
    X_test, y_test = first_value_task(300, lag, seed=1)
    for cell in ("rnn", LSTM1997(input_bias=-2.0)):
        model = LSTMClassifier(
            cell=cell, hidden_size=8, bidirectional=False, branch=None, patch_size=1,
            scale="channel", dropout=0.0, max_iter=30, learning_rate_init=0.01, random_state=0,
        ).fit(X_train, y_train)  # fmt: skip
        print(f"lag {lag:3}: {cell!s:28} accuracy {model.score(X_test, y_test):.2f}")

# %%
# Look inside
# -----------
# `state_traces` returns the gates and the memory of a trained network. Here are the memories of
# the last one for two sequences that differ in their first value alone.
pair = np.repeat(X_test[:1], 2, axis=0)
pair[:, 0, 0] = 1.0, -1.0
plus, minus = (state_traces(model, x) for x in pair)
apart = np.abs(plus["c_l0"] - minus["c_l0"])  # (n_timesteps, hidden_size)
unit = apart[-1].argmax()
print(f"Memory of unit {unit}: {apart[0, unit]:.2f} apart, {apart[-1, unit]:.1f} at the end")

# %%
# The first value makes a small difference, which is never lost. It even grows: the network has
# learned to read its own output, and to write the same sign once more at each step.
if pictures:
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    left.plot(plus["c_l0"][:, unit], label="first value +1")
    left.plot(minus["c_l0"][:, unit], label="first value -1")
    left.set(xlabel="time step", ylabel="memory c", title=f"Memory of unit {unit}")
    left.legend()
    right.plot(plus["i_l0"][:, unit], label="first value +1")
    right.plot(minus["i_l0"][:, unit], label="first value -1")
    right.set(xlabel="time step", ylabel="input gate", title="Its input gate", ylim=(0, 1))
    plt.show()

# %%
# Exercises
# ---------
# 1. Change ``W`` and ``b`` so that the cell counts the writes, whatever the signal is.
# 2. Write twice, first 0.8 and then -0.8, a few steps apart. What does the memory hold? Which gate
#    is missing, and what would its equation be? (Gers, Schmidhuber and Cummins added it in 2000.)
# 3. Set the bias of the input gate to -2 in place of -6. What happens to the memory over 40 steps,
#    and over 4,000? Why does the paper start with negative biases?
# 4. The factor of a forget gate of 0.95 is small after 100 steps. Which value of the gate leaves
#    half of an error after 1,000 steps?
# 5. Replace the cell in "Let it learn" by ``"lstm"`` and by ``"gru"``, and try lags of 100 and 200.
#    Which of them learns, and after how many epochs (``model.loss_curve_``)?
# 6. The paper cuts the derivatives everywhere but along the memory: ``gradient="truncated"``. Does
#    the network still learn the task? What does this say about where the errors travel?
#
# The experiments of the paper, all of them, are in
# :doc:`The 1997 paper, reproduced </explanation/hochreiter1997>`.
