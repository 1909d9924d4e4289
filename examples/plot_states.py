"""
Inside the network: gates and states
====================================

A network reads near-infrared spectra of meat, wavelength by wavelength, and predicts the fat
content. What do its gates do meanwhile, and how far back does the error reach from which it learns?
"""

import numpy as np

from sklstm import LSTMRegressor
from sklstm.datasets import load_tecator
from sklstm.inspection import StateDisplay, error_flow, state_traces

X_train, y_train = load_tecator(return_X_y=True, subset="train")
X_test, y_test = load_tecator(return_X_y=True, subset="test")
model = LSTMRegressor(
    hidden_size=16, bidirectional=False, front=None, patch_size=1, random_state=0
).fit(X_train, y_train)
print(f"R2 on the test set: {model.score(X_test, y_test):.3f}")

# %%
# Everything has a name, as in `parameters_`: "f_l0" is the forget gate of the first layer. A gate
# of 1 keeps the whole memory c, one of 0 deletes it.
traces = state_traces(model, X_test[0])
print(f"Traces: {', '.join(traces)}")
forget = traces["f_l0"]  # (n_timesteps, hidden_size)
print(f"Forget gates are between {forget.min():.2f} and {forget.max():.2f}")

# %%
# Where do the states change most, the first steps left aside?
wavelength = np.linspace(850, 1050, len(forget))  # nanometres
change = np.abs(np.diff(traces["h_l0"], axis=0)).mean(axis=1)
print(f"They change most at {wavelength[10 + change[10:].argmax()]:.0f} nm")

# %%
# The gradient of the prediction by the state: how much of it is left so many steps back.
flow = error_flow(model, X_test[0])["l0"]
for steps in (1, 10, 50, len(flow) - 1):
    print(f"{steps:3d} steps back, {flow[steps] / flow[0]:8.2%} of the error is left")

# %%
# Plot the traces, if matplotlib is installed.
try:
    import matplotlib.pyplot as plt
except ImportError:
    print("For the figure: pip install matplotlib")
else:
    StateDisplay.from_traces(traces)
    plt.show()
