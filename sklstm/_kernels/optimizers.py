"""One optimiser step on the flat parameter vector: clip, decay, update."""

from __future__ import annotations

import math

import numpy as np

from sklstm._kernels.jit import kernel

ADAM, ADAMW, SGD, RMSPROP = range(4)


@kernel
def optimizer_step(
    kind, gradient, decays, step, learning_rate, alpha, clip_norm, beta_1, beta_2, epsilon,
    nesterov, theta, first, second,
):  # fmt: skip
    """Update theta once.

    (in) kind: ADAM, ADAMW, SGD (beta_1 is the momentum) or RMSPROP (beta_2 is the decay)
    (in) gradient, decays (n_parameters,): decays is 1 where weight decay acts, else 0
    (in) step: 1 at the first call; clip_norm: 0 for no clipping
    (accum) theta, first, second (n_parameters,): parameters and running moments
    returns the norm of the gradient before clipping, which is not finite if any of it is not

    Clipping by the global norm: Pascanu et al. (2013). Decoupled decay: Loshchilov &
    Hutter (2019); for the other kinds alpha is added to the gradient as an L2 penalty.
    """
    squares = 0.0
    for j in range(gradient.size):
        slope = np.float64(gradient[j])  # float() of a float32 would stay float32
        squares += slope * slope
    norm = math.sqrt(squares)
    shrink = clip_norm / norm if 0.0 < clip_norm < norm else 1.0
    if not math.isfinite(norm):
        return norm
    # typed as theta is: a float64 scalar would turn the whole loop to float64
    one = theta.dtype.type(1.0)
    scale = theta.dtype.type(shrink)
    rate = theta.dtype.type(learning_rate)
    penalty = theta.dtype.type(0.0 if kind == ADAMW else alpha)
    keep = theta.dtype.type(learning_rate * alpha if kind == ADAMW else 0.0)
    b1, b2 = theta.dtype.type(beta_1), theta.dtype.type(beta_2)
    tiny = theta.dtype.type(epsilon)
    if kind == ADAM or kind == ADAMW:
        unbias_1 = theta.dtype.type(learning_rate / (1.0 - beta_1**step))
        unbias_2 = theta.dtype.type(1.0 / math.sqrt(1.0 - beta_2**step))
        for j in range(theta.size):
            g = gradient[j] * scale + penalty * decays[j] * theta[j]
            first[j] = b1 * first[j] + (one - b1) * g
            second[j] = b2 * second[j] + (one - b2) * g * g
            update = unbias_1 * first[j] / (math.sqrt(second[j]) * unbias_2 + tiny)
            theta[j] = theta[j] * (one - keep * decays[j]) - update
    elif kind == SGD:
        for j in range(theta.size):
            g = gradient[j] * scale + penalty * decays[j] * theta[j]
            first[j] = b1 * first[j] - rate * g
            theta[j] += b1 * first[j] - rate * g if nesterov else first[j]
    else:
        for j in range(theta.size):
            g = gradient[j] * scale + penalty * decays[j] * theta[j]
            second[j] = b2 * second[j] + (one - b2) * g * g
            theta[j] -= rate * g / (math.sqrt(second[j]) + tiny)
    return norm
