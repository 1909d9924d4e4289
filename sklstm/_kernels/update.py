"""What follows the gradients of chunks: one call to the parameters that the next ones read.

The call needs nothing of Python between its parts, so that another thread may use the interpreter.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from numba.extending import overload

from sklstm._kernels.jit import UNCOUNTED, device, kernel
from sklstm._kernels.meeting import arrive
from sklstm._kernels.optimizers import adam_step, rmsprop_step, sgd_step, sum_of_squares
from sklstm._kernels.packing import pack_parameters, unpack_gradient
from sklstm._kernels.simd import span

# What a minibatch counts in the running statistics of batch normalisation, as in torch.
RUNNING_SHARE = 0.1


class Places(NamedTuple):
    """Where the parameters of a network stand, those in tables of embeddings aside."""

    slopes: Any  # uint32 (n_dense,): of each parameter in the gradient of a chunk
    runs: Any  # int64 (n_runs, 4): in theta, see the optimisers
    sources: Any  # uint32 (n_packed,): of each packed value in theta; n_dense: of a zero
    running: Any  # int64 (n_used,): of running statistics in theta
    used: Any  # int64 (n_used,): of these in the statistics of a minibatch
    n_batches: int  # of the number of minibatches in theta


# The type of a rule picks the optimiser while Numba compiles.
class AdamRule(NamedTuple):
    """Arguments of `adam_step` that are its own."""

    decoupled: bool
    step: int
    beta_1: float
    beta_2: float
    epsilon: float


class SGDRule(NamedTuple):
    """Arguments of `sgd_step` that are its own."""

    momentum: float
    nesterov: bool


class RMSPropRule(NamedTuple):
    """Arguments of `rmsprop_step` that are its own."""

    decay: float
    epsilon: float


def _move(rule, gradient, runs, scale, alpha, learning_rate, theta, first, second):
    """Update some parameters by a rule, see the optimisers."""
    raise NotImplementedError


def _adam(rule, gradient, runs, scale, alpha, learning_rate, theta, first, second):
    """`_move` by Adam or AdamW."""
    adam_step(
        gradient, runs, scale, alpha, learning_rate, rule.decoupled, rule.step, rule.beta_1,
        rule.beta_2, rule.epsilon, theta, first, second,
    )  # fmt: skip


def _sgd(rule, gradient, runs, scale, alpha, learning_rate, theta, first, second):
    """`_move` by stochastic gradient descent."""
    sgd_step(
        gradient, runs, scale, alpha, learning_rate, rule.momentum, rule.nesterov, theta, first
    )


def _rmsprop(rule, gradient, runs, scale, alpha, learning_rate, theta, first, second):
    """`_move` by RMSProp."""
    rmsprop_step(
        gradient, runs, scale, alpha, learning_rate, rule.decay, rule.epsilon, theta, second
    )


_MOVES = {AdamRule: _adam, SGDRule: _sgd, RMSPropRule: _rmsprop}


@overload(_move, jit_options=UNCOUNTED, strict=True)
def _overload_move(rule, gradient, runs, scale, alpha, learning_rate, theta, first, second):
    return _MOVES[rule.instance_class]


@device
def update_statistics(running, used, n_batches, statistics, theta):
    """Move the running statistics towards those of a minibatch.

    The first ten minibatches count alike, later ones a tenth each.

    (in) running, used, n_batches: see `Places`
    (in) statistics (n_statistics,): of the minibatch
    (accum) theta (n_parameters,)
    """
    if running.size == 0:
        return
    typed = theta.dtype.type
    theta[n_batches] += typed(1.0)
    share = typed(max(RUNNING_SHARE, 1.0 / theta[n_batches]))
    for j in range(running.size):
        theta[running[j]] += share * (statistics[used[j]] - theta[running[j]])


@kernel
def update_parameters(
    rule, places, clip_norm, alpha, learning_rate, chunks, rows, statistics, begun,
    gradient, theta, first, second, extended, packed,
):  # fmt: skip
    """Add up gradients, clip, move the parameters and running statistics, and pack them.

    Clipping by the global norm: Pascanu et al. (2013).

    (in) rule: marker of the optimiser, with what it needs
    (in) places, clip_norm, alpha, learning_rate
    (in) chunks (n_chunks, n_values): gradients, see `unpack_gradient`
    (in) rows int64 (n_rows, at least 4): runs of tables that change, counted from the first table
    (in) statistics (n_statistics,): of the minibatch
    (out) begun int64 (1,): one is added, so that other threads see that it has begun
    (accum) gradient (n_dense + values of rows,): behind those of chunks it holds those of tables
    (accum) theta (n_parameters,), and the moments first and second of its shape
    (out) extended (n_dense + 1,), packed (n_packed,): see `pack_parameters`
    returns the norm of the gradient; if it is not finite, nothing was changed
    """
    arrive(begun, 0)
    n_dense = places.slopes.size
    unpack_gradient(chunks, places.slopes, gradient)
    norm = math.sqrt(sum_of_squares(gradient, 0.0))
    if not math.isfinite(norm):
        return norm
    scale = clip_norm / norm if norm > clip_norm else 1.0
    _move(rule, gradient, places.runs, scale, alpha, learning_rate, theta, first, second)
    if rows.shape[0] > 0:
        n, of_tables = theta.size - n_dense, span(gradient, n_dense, gradient.size - n_dense)
        _move(
            rule, of_tables, rows, scale, alpha, learning_rate,
            span(theta, n_dense, n), span(first, n_dense, n), span(second, n_dense, n),
        )  # fmt: skip
    update_statistics(places.running, places.used, places.n_batches, statistics, theta)
    for j in range(n_dense):
        extended[j] = theta[j]
    pack_parameters(extended, places.sources, packed)
    return norm
