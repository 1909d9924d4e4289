"""The six tasks: sequences from `sklstm.datasets` in the form that the kernels read."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from examples.hochreiter1997.network import Sequences
from sklstm.datasets import (
    make_adding,
    make_embedded_reber,
    make_long_lag,
    make_multiplication,
    make_temporal_order,
    make_two_sequence,
)

# Draws sequences: draw(n_sequences, rng).
Draw = Callable[[int, np.random.RandomState], Sequences]


def _with_final_target(
    length: np.ndarray,
    input_index: np.ndarray,
    input_value: np.ndarray,
    target_index: np.ndarray,
    target_value: np.ndarray,
) -> Sequences:
    """Return sequences with one target each, at their last step; targets are (n_sequences,)."""
    n_steps = len(input_index)
    index = np.zeros((n_steps, 1), dtype=int)
    value = np.zeros((n_steps, 1))
    has_target = np.zeros(n_steps, dtype=bool)
    last = np.cumsum(length) - 1
    index[last, 0] = target_index
    value[last, 0] = target_value
    has_target[last] = True
    return Sequences(length, input_index, input_value, index, value, has_target)


def _symbols(symbols: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return lengths, indices and values of inputs: one input is 1 at each step."""
    index = np.concatenate(symbols)[:, np.newaxis]
    return _lengths(symbols), index, np.ones(index.shape)


def _lengths(X: list[np.ndarray]) -> np.ndarray:
    """Return the length of each sequence."""
    return np.array([len(x) for x in X])


def _channels(X: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return lengths, indices and values of inputs: all channels at each step."""
    value = np.concatenate(X)
    return _lengths(X), np.broadcast_to(np.arange(value.shape[1]), value.shape), value


def reber_strings(rng: np.random.RandomState) -> tuple[Sequences, list[np.ndarray]]:
    """Return 512 strings, and for each the legal next symbols, (n_steps, 7).

    The first 256 are the training set, drawn from the grammar; none of the others is in it. The
    targets are the symbols that follow.
    """
    seed = rng.randint(2**31 - 1)
    X, y = make_embedded_reber(4096, targets="next", random_state=seed)
    _, legal = make_embedded_reber(4096, targets="legal", random_state=seed)
    trained = {x.tobytes() for x in X[:256]}
    fresh = [i for i in range(256, len(X)) if X[i].tobytes() not in trained]
    chosen = [*range(256), *fresh[:256]]
    index = np.concatenate([y[i] for i in chosen]).argmax(axis=1)[:, np.newaxis]
    symbols = _symbols([X[i].argmax(axis=1) for i in chosen])
    sequences = Sequences(*symbols, index, np.ones(index.shape), np.ones(len(index), bool))
    return sequences, [legal[i] for i in chosen]


def pick(sequences: Sequences, chosen: np.ndarray) -> Sequences:
    """Return the chosen sequences, one after another."""
    end = np.cumsum(sequences.length)
    begin = end - sequences.length
    steps = np.concatenate([np.arange(begin[i], end[i]) for i in chosen])
    return Sequences(sequences.length[chosen], *(part[steps] for part in sequences[1:]))


def split(sequences: Sequences, n: int) -> list[Sequences]:
    """Split into n parts with equal numbers of sequences."""
    lengths = np.split(sequences.length, n)
    ends = np.cumsum([length.sum() for length in lengths])[:-1]
    parts = zip(*(np.split(part, ends) for part in sequences[1:]), strict=True)
    return [Sequences(length, *part) for length, part in zip(lengths, parts, strict=True)]


def _prediction(n: int, rng: np.random.RandomState, *, variant: str, p: int) -> Sequences:
    """Draw sequences of experiment 2a or 2b."""
    X, y = make_long_lag(n, variant=variant, lag=p, one_hot=False, random_state=rng)
    if variant == "2b":
        return _with_final_target(*_symbols(list(X)), y[:, -1], np.ones(n))
    y = y.reshape(-1, 1)
    return Sequences(*_symbols(list(X)), y, np.ones(y.shape), np.ones(len(y), dtype=bool))


def prediction(variant: str, p: int) -> Draw:
    """Experiments 2a and 2b: predict every next symbol (2a), or only the last one (2b)."""
    return partial(_prediction, variant=variant, p=p)


def _trigger(n: int, rng: np.random.RandomState, *, q: int, p: int) -> Sequences:
    """Draw sequences of experiment 2c."""
    X, y = make_long_lag(n, variant="2c", lag=q, n_distractors=p, one_hot=False, random_state=rng)
    return _with_final_target(*_symbols(X), y, np.ones(n))


def trigger(q: int, p: int) -> Draw:
    """Experiment 2c: after the trigger, repeat the x or y of the second step."""
    return partial(_trigger, q=q, p=p)


def _two_sequence(n: int, rng: np.random.RandomState, **settings: object) -> Sequences:
    """Draw sequences of experiment 3."""
    X, y = make_two_sequence(n, **settings, random_state=rng)
    return _with_final_target(*_channels(X), np.zeros(n, dtype=int), y)


def two_sequence(variant: str, T: int, N: int, *, noisy_targets: bool = True) -> Draw:
    """Experiment 3: signal and noise on the same channel."""
    return partial(
        _two_sequence, variant=variant, min_length=T, n_informative=N,
        target_variance=0.1 if noisy_targets else 0.0,
    )  # fmt: skip


def _marked_pairs(n: int, rng: np.random.RandomState, *, make: Callable, T: int) -> Sequences:
    """Draw sequences of experiment 4 or 5."""
    X, y = make(n, min_length=T, random_state=rng)
    return _with_final_target(*_channels(X), np.zeros(n, dtype=int), y)


def adding(T: int) -> Draw:
    """Experiment 4: add two marked values."""
    return partial(_marked_pairs, make=make_adding, T=T)


def multiplication(T: int) -> Draw:
    """Experiment 5: multiply two marked values."""
    return partial(_marked_pairs, make=make_multiplication, T=T)


def _temporal_order(n: int, rng: np.random.RandomState, *, n_markers: int, T: int) -> Sequences:
    """Draw sequences of experiment 6."""
    X, y = make_temporal_order(n, n_markers=n_markers, min_length=T, random_state=rng)
    symbols = [x.argmax(axis=1) for x in X]
    return _with_final_target(*_symbols(symbols), y, np.ones(n))


def temporal_order(n_markers: int, T: int = 100) -> Draw:
    """Experiment 6: classify the order of two or three symbols."""
    return partial(_temporal_order, n_markers=n_markers, T=T)
