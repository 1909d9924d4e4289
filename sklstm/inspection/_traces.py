"""What happens inside: gates and states at every step, and the error on its way back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklstm._network.chunk import Chunk
from sklstm.inspection._opened import Opened, of_one
from sklstm.inspection._response import Response


def state_traces(estimator: Any, x: Any) -> dict[str, NDArray[np.float64]]:
    """Gates and states of every recurrent layer while it reads a sequence.

    Parameters
    ----------
    estimator : LSTMClassifier or LSTMRegressor
        A fitted estimator.
    x : array-like of shape (n_timesteps, n_channels) or (n_timesteps,), DataFrame or Sequences
        One sequence, or an X of one sample, such as a row of a wide DataFrame; for
        ``time_gaps=True`` a long DataFrame or `Sequences`.

    Returns
    -------
    dict of ndarray of shape (n_timesteps, hidden_size)
        By names like those of ``parameters_``: "h_l0" is the state of the first layer, "c_l0" its
        memory, and "i_l0", "f_l0", "g_l0", "o_l0" its gates; the GRU has "r", "z" and "n". Layers
        count up, and "_reverse" marks the scan from the end to the start. Everything is in
        the order of time. Where patches or strides make one step of several, there are as many
        steps as the layers see.

    See Also
    --------
    error_flow : How far back errors reach.

    Examples
    --------
    >>> import numpy as np
    >>> from sklstm import LSTMRegressor
    >>> from sklstm.inspection import state_traces
    >>> X = np.random.default_rng(0).standard_normal((30, 8))
    >>> model = LSTMRegressor(
    ...     hidden_size=5, bidirectional=False, max_iter=5, random_state=0
    ... ).fit(X, X[:, 3])
    >>> traces = state_traces(model, X[0])
    >>> list(traces)
    ['h_l0', 'c_l0', 'i_l0', 'f_l0', 'g_l0', 'o_l0']
    >>> traces["f_l0"].shape
    (8, 5)
    """
    opened = _opened(estimator, x, -1)
    spec = opened.network.spec
    states = _states(opened, np.zeros((1, spec.n_outputs)))
    n_timesteps = states.shape[1]
    batch = opened.inputs.pack(np.zeros(1, np.int64), np.float64)
    gates = Chunk(opened.network, n_timesteps).gates(batch)
    traces = {}
    for scan, (layer, suffix) in enumerate(spec.scans):
        of_scan = states[scan, ::-1] if suffix else states[scan]
        name = f"l{layer}{suffix}"
        traces[f"h_{name}"] = of_scan[:, 0]
        if spec.cell.has_memory:
            traces[f"c_{name}"] = of_scan[:, 1]
        # the GRU keeps n in the first of its two columns; Elman's only column is the state
        for k, column in enumerate(spec.cell.columns):
            traces.setdefault(f"{column.split()[0]}_{name}", gates[scan, :, k])
    return {name: np.array(trace) for name, trace in traces.items()}


def error_flow(
    estimator: Any, x: Any, *, target: Any = None, response: str = "raw", step: int = -1
) -> dict[str, NDArray[np.float64]]:
    """How much of the gradient of a prediction is left at each number of steps back.

    An error that has vanished cannot teach what happened before [1]_.

    Parameters
    ----------
    estimator : LSTMClassifier or LSTMRegressor
        A fitted estimator.
    x : array-like of shape (n_timesteps, n_channels) or (n_timesteps,), DataFrame or Sequences
        One sequence, or an X of one sample, such as a row of a wide DataFrame; for
        ``time_gaps=True`` a long DataFrame or `Sequences`.
    target, response, step
        The prediction, as in `input_gradients`.

    Returns
    -------
    dict of ndarray of shape (n_timesteps,)
        For each scan, "l0" or "l0_reverse" for the first layer: the norm of the gradient by the
        state, h and c together, before the last step that the scan reads, before the one that
        it reads before it, and so on. Unless the network reads the last state alone, errors
        enter at every step.

    References
    ----------
    .. [1] S. Hochreiter and J. Schmidhuber (1997). Long short-term memory. Neural
           Computation 9(8), 1735-1780.

    Examples
    --------
    >>> import numpy as np
    >>> from sklstm import LSTMRegressor
    >>> from sklstm.inspection import error_flow
    >>> X = np.random.default_rng(0).standard_normal((30, 8))
    >>> model = LSTMRegressor(
    ...     hidden_size=5, bidirectional=False, max_iter=5, random_state=0
    ... ).fit(X, X[:, 3])
    >>> flow = error_flow(model, X[0])
    >>> flow["l0"].shape
    (8,)
    """
    opened = _opened(estimator, x, step)
    raw = opened.raw()
    every = np.arange(1)
    states = _states(opened, Response(estimator, response, target, raw).slopes(raw, every))
    norms = np.sqrt((states[:, ::-1, 2:] ** 2).sum(axis=(2, 3)))
    names = [f"l{layer}{suffix}" for layer, suffix in opened.network.spec.scans]
    return dict(zip(names, norms, strict=True))


def _opened(estimator: Any, x: Any, step: int) -> Opened:
    """Open an estimator for one sequence."""
    opened = Opened(estimator, of_one(estimator, x), step)
    n_members = len(estimator._members)
    if n_members > 1:
        raise ValueError(
            f"An ensemble of {n_members} networks has as many states: pass one of estimators_."
        )
    if opened.network.spec.num_layers == 0:
        raise ValueError("num_layers=0: a network without recurrent layers has no states.")
    return opened


def _states(opened: Opened, slope: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return h, c and their gradients of one sequence, (n_scans, n_timesteps, 4, hidden_size).

    The steps are in the order in which a scan reads them.
    """
    sample = np.zeros(1, np.int64)
    batch = opened.inputs.pack(sample, np.float64)
    chunk = Chunk(opened.network, segment=1)
    opened.gradient_of_raw(chunk, batch, sample, slope)
    n_timesteps = -(-len(batch.x) // opened.network.spec.stride)
    return chunk.states(1, n_timesteps)[:, :, :, 0]
