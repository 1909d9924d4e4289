"""Losses and their gradients with respect to the raw prediction, row by row.

A loss is selected by an integer, because a kernel with a function as argument cannot be cached.
"""

from __future__ import annotations

import math

import numpy as np

from sklstm._kernels.activations import exp
from sklstm._kernels.jit import part
from sklstm._kernels.simd import address, fill, lanes, load, store

SOFTMAX, SIGMOID, SQUARED, ABSOLUTE, HUBER, PINBALL, LINEAR = range(7)


@part
def loss_gradient(kind, parameter, raw, target, row_weight, n_outputs, draw):
    """Return the weighted loss of a chunk and write its gradient with respect to raw.

    (in) kind: one of the integers above; parameter: Huber's delta or the quantile
    (in) raw (n_rows, n_outputs in whole vectors)
    (in) target (n_rows, n_targets): the class index for SOFTMAX, else one column per output;
         NaN where there is no target
    (in) row_weight (n_rows,): sample weight divided by the total weight of the minibatch
    (out) draw: gradient, of the shape of raw; zero in the padding columns
    returns the sum over rows of row_weight * loss; the loss of a row is the mean over its outputs
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
        else:
            share = row_weight[r] / n_outputs
            for j in range(n_outputs):
                loss, slope = _point(kind, parameter, raw[r, j], target[r, j])
                total += share * loss
                draw[r, j] = share * slope
    return total


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
    if kind == SQUARED:
        return 0.5 * error * error, error
    if kind == ABSOLUTE:
        # a NaN has no sign, and must not look like an error of zero
        return abs(error), error if error == 0.0 or error != error else math.copysign(1.0, error)
    if kind == HUBER:
        if abs(error) > parameter:
            return parameter * (abs(error) - 0.5 * parameter), math.copysign(parameter, error)
        return 0.5 * error * error, error
    if error != error or error == 0.0:
        return error, error
    if error > 0.0:  # predicted too much
        return (1.0 - parameter) * error, 1.0 - parameter
    return -parameter * error, -parameter
