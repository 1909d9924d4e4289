"""Losses and their gradients with respect to the raw prediction, row by row.

A loss is selected by an integer, because a kernel with a function as argument cannot be cached.
"""

from __future__ import annotations

import math

import numpy as np

from sklstm._kernels.activations import exp
from sklstm._kernels.jit import kernel, part
from sklstm._kernels.simd import address, fill, lanes, load, store

SOFTMAX, SIGMOID, SQUARED, ABSOLUTE, HUBER, PINBALL, LINEAR = range(7)
POISSON, GAMMA, TWEEDIE, GAUSSIAN, HAZARD = range(7, 12)

# Of a normal distribution, in units of the variance of y. Samples that a network has learned by
# heart have no errors; without it new ones would be infinitely unlikely.
SMALLEST_VARIANCE = 1e-4

# From here on `_growth` goes on as a straight line: a factor of 1e13 to the mean of y.
_LARGEST_EXPONENT = 30.0


@part
def loss_gradient(kind, parameters, raw, target, row_weight, n_outputs, draw):
    """Return the weighted loss of a chunk and write its gradient with respect to raw.

    (in) kind: one of the integers above
    (in) parameters (n_columns,): Huber's delta, the power of TWEEDIE, or for each of the columns of
         a target a quantile, or 0, 1, ... for HAZARD
    (in) raw (n_rows, n_outputs in whole vectors): for each target in turn its columns
    (in) target (n_rows, n_targets): the class index for SOFTMAX, else one for each column, or for
         GAUSSIAN one for a mean and a log-deviation; NaN where there is no target. For HAZARD one
         for the log-odds of all intervals that an event happens there if not before: k if it
         happens in interval k, k - 0.5 if all that is known is that it does not before k
    (in) row_weight (n_rows,): sample weight divided by the total weight of the minibatch
    (out) draw: gradient, of the shape of raw; zero in the padding columns
    returns the sum over rows of row_weight * loss; the loss of a row is the mean over its outputs,
         for HAZARD over its targets
    """
    total = 0.0
    fill(address(draw, 0), draw.size, 0.0)
    for r in range(raw.shape[0]):
        if kind == SOFTMAX:
            label = np.intp(target[r, 0])
            total += row_weight[r] * _softmax_row(raw, r, n_outputs, draw, label)
            for j in range(n_outputs):
                draw[r, j] *= row_weight[r]
            draw[r, label] -= row_weight[r]
        elif kind == GAUSSIAN:
            share = row_weight[r] / target.shape[1]
            for j in range(target.shape[1]):
                k = 2 * j
                loss, by_mean, by_log = _gaussian(raw[r, k], raw[r, k + 1], target[r, j])
                total += share * loss
                draw[r, k] = share * by_mean
                draw[r, k + 1] = share * by_log
        else:
            share = row_weight[r] / (target.shape[1] if kind == HAZARD else n_outputs)
            n_columns = n_outputs // target.shape[1]
            for j in range(n_outputs):
                parameter = parameters[j % n_columns]
                loss, slope = _point(kind, parameter, raw[r, j], target[r, j // n_columns])
                total += share * loss
                draw[r, j] = share * slope
    return total


@kernel
def loss_value(kind, parameters, raw, target, row_weight, n_outputs, draw):
    """Return the weighted loss of rows; see `loss_gradient`."""
    return loss_gradient(kind, parameters, raw, target, row_weight, n_outputs, draw)


@part
def _softmax_row(raw, r, n_outputs, out, label):
    """Write the probabilities of row r to out and return the cross-entropy of its label."""
    width = lanes(raw)
    stride = raw.shape[1]
    highest = raw[r, 0]
    for j in range(1, n_outputs):
        if raw[r, j] > highest:
            highest = raw[r, j]
    for j in range(0, stride, width):
        store(out, r * stride + j, exp(load(raw, r * stride + j) - highest))
    total = 0.0
    for j in range(n_outputs):
        total += out[r, j]
    for j in range(stride):
        out[r, j] = out[r, j] / total if j < n_outputs else 0.0
    return math.log(total) + highest - raw[r, label]


@part
def _point(kind, parameter, z, y):
    """Return loss and slope of one output z with target y; both are 0 if the target is NaN."""
    if y != y:
        return 0.0, 0.0
    error = z - y
    if kind == LINEAR:  # a NaN is not to look like a number
        return y * z, y if z == z else z
    if kind == SIGMOID:  # log(1 + e^z) - y z, without overflow
        small = math.exp(-abs(z))
        probability = 1.0 / (1.0 + small) if z >= 0.0 else small / (1.0 + small)
        return (z if z > 0.0 else 0.0) - y * z + math.log1p(small), probability - y
    if kind == HAZARD:  # of the interval `parameter`, which does not matter after the target
        if parameter > y:
            return 0.0, 0.0
        sign = 1.0 if parameter < y else -1.0
        x = sign * np.float64(z)
        loss = (x if x > 0.0 else 0.0) + math.log1p(math.exp(-abs(x)))
        return loss, sign / (1.0 + math.exp(-x))
    if kind == SQUARED:
        return 0.5 * error * error, error
    if kind == ABSOLUTE:
        # a NaN has no sign, and must not look like an error of zero
        return abs(error), error if error == 0.0 or error != error else math.copysign(1.0, error)
    if kind == HUBER:
        if abs(error) > parameter:
            return parameter * (abs(error) - 0.5 * parameter), math.copysign(parameter, error)
        return 0.5 * error * error, error
    if kind == POISSON or kind == GAMMA or kind == TWEEDIE:
        return _deviance(kind, parameter, np.float64(z), np.float64(y))
    if error != error or error == 0.0:
        return error, error
    if error > 0.0:  # predicted too much
        return (1.0 - parameter) * error, 1.0 - parameter
    return -parameter * error, -parameter


@part
def _deviance(kind, power, z, y):
    """Return half of the deviance of a mean exp(z) from y, and its slope; 0 at exp(z) = y."""
    if kind == POISSON:
        value, slope = _growth(z)
        constant = y * math.log(y) - y if y > 0.0 else 0.0
        return value - y * z + constant, slope - y
    if kind == GAMMA:
        value, slope = _growth(-z)
        constant = 1.0 + math.log(y) if y > 0.0 else 0.0  # 0 stands at steps of weight 0
        return z + y * value - constant, 1.0 - y * slope
    value, slope = _growth((2.0 - power) * z)
    of_y, slope_of_y = _growth((1.0 - power) * z)
    constant = y ** (2.0 - power) / ((1.0 - power) * (2.0 - power))
    loss = value / (2.0 - power) - y * of_y / (1.0 - power) + constant
    return loss, slope - y * slope_of_y


@part
def _gaussian(mean, log_deviation, y):
    """Return half of the squared error in deviations plus the log-deviation, and both slopes.

    The slopes are those of the loss times the predicted variance (Seitzer et al. 2022, with a beta
    of 1): the mean is learned as by squared error, however small a deviation becomes.
    log_deviation: without the smallest variance, which is added
    """
    if y != y:
        return 0.0, 0.0, 0.0
    error = np.float64(mean) - np.float64(y)
    spread, slope = _growth(2.0 * np.float64(log_deviation))
    variance = spread + SMALLEST_VARIANCE
    squared = error * error / variance
    loss = 0.5 * (math.log(variance) + squared)
    return loss, error, slope * (1.0 - squared)


@part
def _growth(z):
    """Return exp(z) and its slope; a straight line goes on where it would overflow."""
    if z > _LARGEST_EXPONENT:
        slope = math.exp(_LARGEST_EXPONENT)
        return slope * (1.0 + z - _LARGEST_EXPONENT), slope
    value = math.exp(z)
    return value, value
