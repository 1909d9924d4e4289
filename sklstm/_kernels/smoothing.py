"""Exponential smoothing of one series, with many sets of parameters to choose from."""

from __future__ import annotations

from sklstm._kernels.jit import kernel
from sklstm._kernels.simd import fma, lanes, load, not_below, spread, store

# Factors side by side are this many vectors: the steps of one factor wait for each other.
VECTORS = 4


@kernel
def smoothing_errors(x, alphas, errors, levels):
    """Smooth a series from its first value on: level += alpha * (x - level).

    (in) x (n,): n >= 1
    (in) alphas (n_factors,): a multiple of `VECTORS` vectors
    (out) errors (n_factors,): sum of the absolute errors of the level, one step ahead
    (out) levels (n_factors,): after the last value
    """
    width = lanes(alphas)
    for j in range(0, alphas.size, VECTORS * width):
        alpha_0, alpha_1 = load(alphas, j), load(alphas, j + width)
        alpha_2, alpha_3 = load(alphas, j + 2 * width), load(alphas, j + 3 * width)
        zero = spread(alphas, 0.0)
        level_0 = level_1 = level_2 = level_3 = spread(alphas, x[0])
        error_0 = error_1 = error_2 = error_3 = zero
        for t in range(1, x.size):
            value = spread(alphas, x[t])
            off_0, off_1 = value - level_0, value - level_1
            off_2, off_3 = value - level_2, value - level_3
            error_0 = error_0 + not_below(off_0, zero - off_0)
            error_1 = error_1 + not_below(off_1, zero - off_1)
            error_2 = error_2 + not_below(off_2, zero - off_2)
            error_3 = error_3 + not_below(off_3, zero - off_3)
            level_0, level_1 = fma(alpha_0, off_0, level_0), fma(alpha_1, off_1, level_1)
            level_2, level_3 = fma(alpha_2, off_2, level_2), fma(alpha_3, off_3, level_3)
        store(errors, j, error_0)
        store(errors, j + width, error_1)
        store(errors, j + 2 * width, error_2)
        store(errors, j + 3 * width, error_3)
        store(levels, j, level_0)
        store(levels, j + width, level_1)
        store(levels, j + 2 * width, level_2)
        store(levels, j + 3 * width, level_3)


@kernel
def damped_trend(x, n_known, first_slope, parameters, errors, level, slope):
    """Smooth level and slope of a series by Holt's method with a damped trend.

    With e the error of level + phi * slope one step ahead:
    level += phi * slope + alpha * e          slope = phi * slope + alpha * beta * e

    (in) x (n,): n >= 1
    (in) n_known: how many of its first values count in the errors
    (in) first_slope: before the first value
    (in) parameters (n_sets, 3): alpha, beta and phi of each set
    (out) errors (n_sets,): sum of the absolute errors one step ahead
    (out) level, slope (n,): after each value, for the set with the smallest error
    """
    best = 0
    for j in range(errors.size):
        alpha, beta, phi = parameters[j, 0], parameters[j, 1], parameters[j, 2]
        current, rise, total = x[0], first_slope, 0.0
        for t in range(1, n_known):
            ahead = current + phi * rise
            error = x[t] - ahead
            total += abs(error)
            current = ahead + alpha * error
            rise = phi * rise + alpha * beta * error
        errors[j] = total
        if total < errors[best]:
            best = j
    alpha, beta, phi = parameters[best, 0], parameters[best, 1], parameters[best, 2]
    level[0], slope[0] = x[0], first_slope
    for t in range(1, x.size):
        ahead = level[t - 1] + phi * slope[t - 1]
        error = x[t] - ahead
        level[t] = ahead + alpha * error
        slope[t] = phi * slope[t - 1] + alpha * beta * error
