"""
What remains of an error after a thousand steps
===============================================

A network can only learn a long time lag if errors survive it. An error shrinks on its way back
over t steps just as a small change of the first state fades on its way forward. Streams can
measure this: many copies of a network read the same sequence, and each starts with a small change
in a different unit. The differences after t steps are the columns of the matrix of derivatives;
the plot shows its norm.
"""

from typing import Any

import numpy as np

from sklstm import LSTMRegressor
from sklstm.components import GRU, LSTM, LSTM1997
from sklstm.datasets import make_adding

X, y = make_adding(64, random_state=0)
(long,), _ = make_adding(1, min_length=1000, random_state=1)
n_steps, hidden_size, change = 1000, 32, 1e-5

# %%
# One epoch with a learning rate of almost zero leaves the initial parameters unchanged.
# The changed state is the memory c; Elman's network and the GRU only have h.
networks: dict[str, Any] = {
    "lstm1997": LSTM1997(input_bias=-3.0, output_bias=-1.0),
    "lstm, chrono": LSTM(forget_bias="chrono", longest_lag=1000),
    "lstm": LSTM(longest_lag=1000),
    "lstm, bias 1": LSTM(forget_bias=1.0),
    "gru": GRU(longest_lag=1000),
    "rnn (Elman)": "rnn",
}


def error_flow(cell: Any) -> np.ndarray:
    """Return the norm of d state_t / d state_0 after each step t, (n_steps,)."""
    model = LSTMRegressor(
        cell=cell, hidden_size=hidden_size, bidirectional=False, scale="channel",
        dtype="float64", max_iter=1, learning_rate_init=1e-12, random_state=0,
    ).fit(X, y)  # fmt: skip
    streams = model.stream(hidden_size + 1)
    name = "c" if isinstance(cell, LSTM | LSTM1997) else "h"
    state = streams.state
    units = np.arange(hidden_size)
    state[name][0, 1 + units, units] += change  # (n_layers, n_streams, hidden_size)
    streams.state = state
    norms = []
    for x in long[:n_steps]:
        streams.step(np.tile(x, (hidden_size + 1, 1)))
        now = streams.state[name][0]
        norms.append(np.linalg.norm(now[1:] - now[0]) / change)
    return np.array(norms)


flows = {name: error_flow(cell) for name, cell in networks.items()}
print(f"{'':14}" + "".join(f"{f'{t} steps':>12}" for t in (1, 10, 100, 1000)))
for name, flow in flows.items():
    print(f"{name:14}" + "".join(f"{flow[t - 1]:>12.1e}" for t in (1, 10, 100, 1000)))

# %%
# In the cell of 1997 nothing fades: each unit keeps its own change exactly, and the recurrent
# weights add to it. With a forget gate, each step multiplies the change by the activation of the
# gate. With a bias of 1 nothing remains after a thousand steps; with biases spread over the lags in
# all units ("chrono") or in a quarter of them (the default) enough remains to learn from. Elman's
# network forgets within a hundred steps.
assert 1.0 < flows["lstm1997"][-1] < 1e6
assert flows["rnn (Elman)"][-1] < 1e-8

# %%
# Plot the results, if matplotlib is installed. Values below 1e-11 are rounding errors.
try:
    import matplotlib.pyplot as plt
except ImportError:
    print("For the figure: pip install matplotlib")
else:
    figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
    for name, flow in flows.items():
        axes.semilogy(np.arange(1, n_steps + 1), np.maximum(flow, 1e-11), label=name)
    axes.set(xlabel="time steps", ylabel="norm of the derivatives", ylim=(1e-11, None))
    axes.set(title="Derivatives of the state by the first state")
    axes.legend()
    plt.show()
