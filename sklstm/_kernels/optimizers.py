"""One optimiser step on the flat parameter vector: scale the gradient, decay, update.

Each optimiser is a kernel, so that a model compiles only the one that it uses. All have these
arguments:

(in) gradient (n,)
(in) runs int64 (n_runs, at least 4): the parameters that change, see `RUN_COLUMNS`
(in) scale: of the gradient, which clips it; alpha: strength of the L2 penalty; learning_rate
(accum) theta (n_parameters,) and running moments of its shape
"""

from __future__ import annotations

import math

import numpy as np

from sklstm._kernels.jit import inlined, kernel
from sklstm._kernels.simd import span

# A run is parameters side by side. Columns of `runs`: where it begins in theta, its length, where
# it begins in the gradient, and whether weight decay acts on it.
RUN_COLUMNS = START, LENGTH, OFFSET, DECAYS = range(4)


@inlined
def _square(value):
    """Return the square in float64."""
    wide = np.float64(value)  # float() of a float32 would stay float32
    return wide * wide


@kernel
def sum_of_squares(values, before):
    """Add the squares of values to a sum, in float64.

    Four sums take turns, because each addition waits for the one before in its sum.

    (in) values (n,), before: the sum of what stands before them
    """
    n_whole = values.size - values.size % 4
    first, second, third, fourth = before, 0.0, 0.0, 0.0
    for j in range(0, n_whole, 4):
        first += _square(values[j])
        second += _square(values[j + 1])
        third += _square(values[j + 2])
        fourth += _square(values[j + 3])
    for j in range(n_whole, values.size):
        first += _square(values[j])
    return (first + second) + (third + fourth)


# Scalars are cast to the dtype of theta: a single float64 would make the whole loop float64.
@kernel
def adam_step(
    gradient, runs, scale, alpha, learning_rate, decoupled, step, beta_1, beta_2, epsilon,
    theta, first, second,
):  # fmt: skip
    """Update by Adam (Kingma & Ba 2015), or by AdamW (Loshchilov & Hutter 2019) if `decoupled`.

    (in) step: 1 at the first call
    """
    typed = theta.dtype.type
    one, shrink = typed(1.0), typed(scale)
    penalty = typed(0.0 if decoupled else alpha)
    keep = typed(learning_rate * alpha if decoupled else 0.0)
    b1, b2, tiny = typed(beta_1), typed(beta_2), typed(epsilon)
    unbias_1 = typed(learning_rate / (1.0 - beta_1**step))
    unbias_2 = typed(1.0 / math.sqrt(1.0 - beta_2**step))
    for run in range(runs.shape[0]):
        size, start = runs[run, LENGTH], runs[run, START]
        decays, slope = typed(runs[run, DECAYS]), span(gradient, runs[run, OFFSET], size)
        w, f, s = span(theta, start, size), span(first, start, size), span(second, start, size)
        for j in range(size):
            g = slope[j] * shrink + penalty * decays * w[j]
            f[j] = b1 * f[j] + (one - b1) * g
            s[j] = b2 * s[j] + (one - b2) * g * g
            update = unbias_1 * f[j] / (math.sqrt(s[j]) * unbias_2 + tiny)
            w[j] = w[j] * (one - keep * decays) - update


@kernel
def sgd_step(
    gradient, runs, scale, alpha, learning_rate, momentum, nesterov, theta, velocity
):  # fmt: skip
    """Update by stochastic gradient descent with momentum, Nesterov's if `nesterov`."""
    typed = theta.dtype.type
    shrink, penalty = typed(scale), typed(alpha)
    rate, keep = typed(learning_rate), typed(momentum)
    for run in range(runs.shape[0]):
        size, start = runs[run, LENGTH], runs[run, START]
        decays, slope = typed(runs[run, DECAYS]), span(gradient, runs[run, OFFSET], size)
        w, v = span(theta, start, size), span(velocity, start, size)
        for j in range(size):
            g = slope[j] * shrink + penalty * decays * w[j]
            v[j] = keep * v[j] - rate * g
            w[j] += keep * v[j] - rate * g if nesterov else v[j]


@kernel
def rmsprop_step(
    gradient, runs, scale, alpha, learning_rate, decay, epsilon, theta, second
):  # fmt: skip
    """Update by RMSProp (Tieleman & Hinton 2012)."""
    typed = theta.dtype.type
    one, shrink, penalty = typed(1.0), typed(scale), typed(alpha)
    rate, keep, tiny = typed(learning_rate), typed(decay), typed(epsilon)
    for run in range(runs.shape[0]):
        size, start = runs[run, LENGTH], runs[run, START]
        decays, slope = typed(runs[run, DECAYS]), span(gradient, runs[run, OFFSET], size)
        w, s = span(theta, start, size), span(second, start, size)
        for j in range(size):
            g = slope[j] * shrink + penalty * decays * w[j]
            s[j] = keep * s[j] + (one - keep) * g * g
            w[j] -= rate * g / (math.sqrt(s[j]) + tiny)
