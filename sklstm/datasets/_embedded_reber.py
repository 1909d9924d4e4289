"""The embedded Reber grammar: predicting the legal next symbols of a string."""

from numbers import Integral
from typing import Literal

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from sklstm.datasets._ragged import unpad

_SYMBOLS = "BTPSXVE"

# The arcs (symbol, successor) of each node of the Reber grammar, after its opening B.
_REBER_ARCS = (
    (("T", 1), ("P", 2)),
    (("S", 1), ("X", 3)),
    (("T", 2), ("V", 4)),
    (("X", 2), ("S", 5)),
    (("P", 3), ("V", 5)),
    (("E", 6),),
)


def _embed_reber_grammar() -> list[list[tuple[str, int]]]:
    """Return the arcs of each node: two copies of the Reber grammar between B, T|P and T|P, E."""
    nodes_per_copy = len(_REBER_ARCS) + 2
    final = 2 + 2 * nodes_per_copy
    arcs = [[("B", 1)], [("T", 2), ("P", 2 + nodes_per_copy)]]
    for outer_symbol in "TP":
        begin = len(arcs) + 1
        arcs.append([("B", begin)])
        for inner_arcs in _REBER_ARCS:
            arcs.append([(symbol, begin + node) for symbol, node in inner_arcs])
        arcs.append([(outer_symbol, final)])
    arcs.append([("E", final + 1)])
    return arcs


def _tabulate(arcs: list[list[tuple[str, int]]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the symbols of each node's arcs, their successors, and the multi-hot symbols.

    A node with one arc lists it twice, so that a fair coin selects the arc at every node. The end
    node has no arcs and is its own successor: finished walks stay there until all are finished.
    """
    end = len(arcs)
    emitted = np.zeros((end + 1, 2), dtype=np.int64)
    successor = np.full((end + 1, 2), end)
    legal = np.zeros((end + 1, len(_SYMBOLS)), dtype=np.int64)
    for node, node_arcs in enumerate(arcs):
        emitted[node] = [_SYMBOLS.index(symbol) for symbol, _ in node_arcs]
        successor[node] = [next_node for _, next_node in node_arcs]
        legal[node, emitted[node]] = 1
    return emitted, successor, legal


_EMITTED, _SUCCESSOR, _LEGAL = _tabulate(_embed_reber_grammar())
_END = len(_LEGAL) - 1


def _walk(n_samples: int, rng: np.random.RandomState) -> list[tuple[np.ndarray, np.ndarray]]:
    """Walk through the grammar; return the symbols of each walk and the nodes they led to."""
    node = np.zeros(n_samples, dtype=np.int64)
    symbols, nodes = [], []
    while np.any(node != _END):
        branch = rng.randint(2, size=n_samples)
        symbols.append(_EMITTED[node, branch])
        node = _SUCCESSOR[node, branch]
        nodes.append(node)
    lengths = np.argmax(np.stack(nodes) == _END, axis=0) + 1
    return list(
        zip(
            unpad(np.stack(symbols, axis=1), lengths),
            unpad(np.stack(nodes, axis=1), lengths),
            strict=True,
        )
    )


def _walk_distinct(
    n_samples: int, rng: np.random.RandomState
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Walk until there are enough distinct strings; keep the first walk of each."""
    distinct: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}
    while len(distinct) < n_samples:
        for symbols, nodes in _walk(n_samples, rng):
            distinct.setdefault(symbols.tobytes(), (symbols, nodes))
    return list(distinct.values())[:n_samples]


@validate_params(
    {
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "unique": ["boolean"],
        "targets": [StrOptions({"legal", "next"})],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_embedded_reber(
    n_samples: int = 100,
    *,
    unique: bool = False,
    targets: Literal["legal", "next"] = "legal",
    random_state: int | np.random.RandomState | None = None,
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Generate strings of the embedded Reber grammar (Experiment 1 of [1]_).

    A string consists of B, then T or P, then a string of the Reber grammar, then the same T or P
    again, then E. Where the grammar allows two continuations, each has probability 0.5. The task
    is to predict, at every step, which symbols may come next; the last symbol but one depends on
    the second. The shortest strings have 9 symbols.

    Parameters
    ----------
    n_samples : int, default=100
        The number of strings.
    unique : bool, default=False
        Whether all strings are distinct, so that any split of them gives disjoint training and
        test sets.
    targets : {"legal", "next"}, default="legal"
        What `y` marks: all symbols that the grammar allows next ("legal"), or the symbol that
        follows in this string ("next").
    random_state : int, RandomState instance or None, default=None
        Determines the random numbers. Pass an int for the same strings in every call.

    Returns
    -------
    X : list of ndarray of shape (n_timesteps_i, 7), dtype float64
        The strings, one-hot encoded; the columns are B, T, P, S, X, V and E. The closing E is a
        target but not an input, so a string of n symbols has n - 1 time steps.
    y : list of ndarray of shape (n_timesteps_i, 7), dtype int
        For each time step, 1 for the symbols to predict and 0 for the others.

    Raises
    ------
    sklearn.utils._param_validation.InvalidParameterError
        If a parameter has an invalid type or value; it is a `ValueError`.

    Notes
    -----
    Section 5.1 of [1]_ trains on 256 strings and tests on 256 others. It does not say whether
    strings may repeat within a set, or whether the network is trained on the legal symbols or on
    the symbol that follows; it evaluates by the legal symbols. With `unique=True` no string
    repeats, so long strings are more frequent than in the grammar.

    References
    ----------
    .. [1] Hochreiter, S. and Schmidhuber, J. (1997). Long short-term memory. Neural Computation,
       9(8), 1735-1780, Section 5.1. https://doi.org/10.1162/neco.1997.9.8.1735

    Examples
    --------
    The experiment's disjoint training and test sets:

    >>> from sklstm.datasets import make_embedded_reber
    >>> X, y = make_embedded_reber(512, unique=True, random_state=0)
    >>> X_train, X_test, y_train, y_test = X[:256], X[256:], y[:256], y[256:]

    After the opening B, T and P are legal:

    >>> X[0][0].astype(int).tolist(), y[0][0].tolist()
    ([1, 0, 0, 0, 0, 0, 0], [0, 1, 1, 0, 0, 0, 0])
    """
    rng = check_random_state(random_state)
    walks = _walk_distinct(n_samples, rng) if unique else _walk(n_samples, rng)

    one_hot = np.eye(len(_SYMBOLS))
    X = [one_hot[symbols[:-1]] for symbols, _ in walks]
    if targets == "legal":
        y = [_LEGAL[nodes[:-1]] for _, nodes in walks]
    else:
        y = [one_hot[symbols[1:]].astype(np.int64) for symbols, _ in walks]
    return X, y
