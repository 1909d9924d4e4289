"""Naive NumPy twins of the compiled kernels: the same names and the same mathematics.

Nothing here is fast, packed, sorted or padded. A network runs one sequence and one time step at a
time, in float64, on parameters with torch's names and shapes (with one bias in place of torch's
sum of two). The package is never imported, so that a mistake in it cannot hide here.

The backward pass runs through the same steps from the last to the first. All gradients follow
from `dz`, the gradient of the pre-activations: those of W_x, W_h and b are the sums over
time of dz x_t', dz h_{t-1}' and dz, and those of x_t and h_{t-1} are W_x' dz and W_h' dz
(Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000; full gradient through
time as in Graves & Schmidhuber 2005).
"""

from types import SimpleNamespace

import numpy as np


# --- activations and matrix product -------------------------------------------------------
def exp(x):
    """Return exp(x), with x clipped to the range of float64."""
    return np.exp(np.clip(x, -708.0, 708.0))


def sigmoid(x):
    """Return 1 / (1 + exp(-x))."""
    return 1.0 / (1.0 + exp(-x))


def tanh(x):
    """Return tanh(x)."""
    return np.tanh(x)


def gemm(a, b, c, accumulate):
    """Return A B, or C + A B if `accumulate`."""
    return c + a @ b if accumulate else a @ b


# --- exponential smoothing ----------------------------------------------------------------
def smoothing_errors(x, alphas):
    """Return for each alpha the sum of absolute errors one step ahead, and the last level."""
    errors, levels = [], []
    for alpha in np.asarray(alphas, float):
        level, error = float(x[0]), 0.0
        for value in np.asarray(x[1:], float):
            error += abs(value - level)
            level += alpha * (value - level)
        errors.append(error)
        levels.append(level)
    return np.array(errors), np.array(levels)


def damped_trend(x, n_known, first_slope, parameters):
    """Return the errors of each set (alpha, beta, phi), and level and slope with the best one."""
    runs = []
    for alpha, beta, phi in np.asarray(parameters, float):
        level, slope, errors = [float(x[0])], [float(first_slope)], []
        for value in np.asarray(x[1:], float):
            ahead = level[-1] + phi * slope[-1]
            errors.append(value - ahead)
            level.append(ahead + alpha * errors[-1])
            slope.append(phi * slope[-1] + alpha * beta * errors[-1])
        runs.append((np.abs(errors[: n_known - 1]).sum(), np.array(level), np.array(slope)))
    errors = np.array([run[0] for run in runs])
    return errors, *runs[int(np.argmin(errors))][1:]


# --- regularisers -------------------------------------------------------------------------
def kept(places, rate):
    """Return 1 where a hash of the position (last 32 bits) is at least rate * 2^32, else 0."""
    bits = np.asarray(places).astype(np.uint32)
    bits = (bits ^ (bits >> 16)) * np.uint32(0x85EBCA6B)
    bits = (bits ^ (bits >> 13)) * np.uint32(0xC2B2AE35)
    return (bits ^ (bits >> 16) >= np.uint32(int(rate * 2**32))).astype(float)


def layer_norm_forward(a, gain, bias):
    """Normalise each row of a (n_gates, hidden_size); also return what the backward pass needs."""
    deviation = a - a.mean(axis=1, keepdims=True)
    to_unit = 1.0 / np.sqrt((deviation**2).mean(axis=1, keepdims=True) + 1e-5)
    return gain * deviation * to_unit + bias, (deviation * to_unit, to_unit)


def layer_norm_backward(step, gain, dz):
    """Return the gradients of a and gain; that of the bias is dz."""
    unit, to_unit = step
    dunit = dz * gain
    along = (dunit * unit).mean(axis=1, keepdims=True)
    return to_unit * (dunit - dunit.mean(axis=1, keepdims=True) - along * unit), dz * unit


# --- one step of every cell ---------------------------------------------------------------
# forward: (from_input, from_state, h, c, peepholes, share) -> h, c and the values of the step,
# where from_input + from_state = W_x x_t + W_h h_{t-1} + b, each with one block for each gate, and
# share is the factor of the update (of g, or the GRU's n) from recurrent dropout.
# backward: (step, dh, dc, peepholes, truncated) -> gradients of from_input, of from_state, of
# h_{t-1} past the gates, of c_{t-1} and of the peepholes. If `truncated`, no error flows from a
# gate into the cell.
def lstm_forward(from_input, from_state, h, c, peepholes, share=1.0):
    """Compute one step of the LSTM with a forget gate."""
    i, f, g, o = np.split(from_input + from_state, 4)
    i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
    after = f * c + i * share * g
    return o * tanh(after), after, (c, i, f, g, o, share)


def lstm_backward(step, dh, dc, peepholes, truncated):
    """Return the gradients of `lstm_forward`."""
    c, i, f, g, o, share = step
    squashed = tanh(f * c + i * share * g)
    dc = dc + dh * o * (1.0 - squashed**2)
    dz = np.concatenate(
        [
            dc * share * g * i * (1.0 - i),
            dc * c * f * (1.0 - f),
            dc * i * share * (1.0 - g**2),
            dh * squashed * o * (1.0 - o),
        ]
    )
    return dz, dz, 0.0, dc * f, None


def lstm1997_forward(from_input, from_state, h, c, peepholes, share=1.0):
    """Compute one step of the LSTM without a forget gate."""
    i, g, o = np.split(from_input + from_state, 3)
    i, g, o = sigmoid(i), tanh(g), sigmoid(o)
    after = c + i * share * g
    return o * tanh(after), after, (after, i, g, o, share)


def lstm1997_backward(step, dh, dc, peepholes, truncated):
    """Return the gradients of `lstm1997_forward`."""
    after, i, g, o, share = step
    dc = dc + dh * o * (1.0 - tanh(after) ** 2)
    dz = np.concatenate(
        [
            dc * share * g * i * (1.0 - i),
            dc * i * share * (1.0 - g**2),
            dh * tanh(after) * o * (1.0 - o),
        ]
    )
    return dz, dz, 0.0, dc, None


def coupled_forward(from_input, from_state, h, c, peepholes, share=1.0):
    """Compute one step of the LSTM with coupled input and forget gates."""
    i, g, o = np.split(from_input + from_state, 3)
    i, g, o = sigmoid(i), tanh(g), sigmoid(o)
    after = (1.0 - i) * c + i * share * g
    return o * tanh(after), after, (c, i, g, o, share)


def coupled_backward(step, dh, dc, peepholes, truncated):
    """Return the gradients of `coupled_forward`."""
    c, i, g, o, share = step
    squashed = tanh((1.0 - i) * c + i * share * g)
    dc = dc + dh * o * (1.0 - squashed**2)
    dz = np.concatenate(
        [
            dc * (share * g - c) * i * (1.0 - i),
            dc * i * share * (1.0 - g**2),
            dh * squashed * o * (1.0 - o),
        ]
    )
    return dz, dz, 0.0, dc * (1.0 - i), None


def peephole_forward(from_input, from_state, h, c, peepholes, share=1.0):
    """Compute one step of the LSTM with peepholes."""
    i, f, g, o = np.split(from_input + from_state, 4)
    i, f, g = sigmoid(i + peepholes[0] * c), sigmoid(f + peepholes[1] * c), tanh(g)
    after = f * c + i * share * g
    o = sigmoid(o + peepholes[2] * after)
    return o * tanh(after), after, (c, after, i, f, g, o, share)


def peephole_backward(step, dh, dc, peepholes, truncated):
    """Return the gradients of `peephole_forward`."""
    c, after, i, f, g, o, share = step
    through = 0.0 if truncated else 1.0
    do = dh * tanh(after) * o * (1.0 - o)
    dc = dc + dh * o * (1.0 - tanh(after) ** 2) + through * do * peepholes[2]
    di, df = dc * share * g * i * (1.0 - i), dc * c * f * (1.0 - f)
    dz = np.concatenate([di, df, dc * i * share * (1.0 - g**2), do])
    dc = dc * f + through * (di * peepholes[0] + df * peepholes[1])
    return dz, dz, 0.0, dc, np.stack([di * c, df * c, do * after])


def gru_forward(from_input, from_state, h, c, peepholes, share=1.0):
    """Compute one step of the GRU."""
    (r_x, z_x, n_x), (r_h, z_h, n_h) = np.split(from_input, 3), np.split(from_state, 3)
    r, z = sigmoid(r_x + r_h), sigmoid(z_x + z_h)
    n = tanh(n_x + r * n_h)
    return (1.0 - z) * share * n + z * h, c, (h, r, z, n, n_h, share)


def gru_backward(step, dh, dc, peepholes, truncated):
    """Return the gradients of `gru_forward`."""
    h, r, z, n, n_h, share = step
    dn = dh * (1.0 - z) * share * (1.0 - n**2)
    dr, dz = dn * n_h * r * (1.0 - r), dh * (h - share * n) * z * (1.0 - z)
    from_input, from_state = np.concatenate([dr, dz, dn]), np.concatenate([dr, dz, dn * r])
    return from_input, from_state, dh * z, dc, None


def rnn_forward(from_input, from_state, h, c, peepholes, share=1.0):
    """Compute one step of the simple recurrent network."""
    h = tanh(from_input + from_state)
    return h, c, h


def rnn_backward(step, dh, dc, peepholes, truncated):
    """Return the gradients of `rnn_forward`."""
    dz = dh * (1.0 - step**2)
    return dz, dz, 0.0, dc, None


STEPS = {
    "lstm": (lstm_forward, lstm_backward),
    "lstm1997": (lstm1997_forward, lstm1997_backward),
    "peephole": (peephole_forward, peephole_backward),
    "coupled": (coupled_forward, coupled_backward),
    "gru": (gru_forward, gru_backward),
    "rnn": (rnn_forward, rnn_backward),
}


# --- one layer in one direction -----------------------------------------------------------
# noise of one sequence in one scan: update, zoneout_h, zoneout_c (n_timesteps, hidden_size) and
# state (hidden_size,) are the factors of the update, of the previous h and c, and of the h that
# the weights read
def noisy_forward(cell, noise, t, from_input, from_state, h, c, peepholes):
    """Compute a step with recurrent dropout and zoneout: h, c and the values of the step."""
    share, zoned_h, zoned_c = noise.update[t], noise.zoneout_h[t], noise.zoneout_c[t]
    h_cell, c_cell, step = STEPS[cell][0](from_input, from_state, h, c, peepholes, share)
    return zoned_h * h + (1.0 - zoned_h) * h_cell, zoned_c * c + (1.0 - zoned_c) * c_cell, step


def noisy_backward(cell, noise, t, step, dh, dc, peepholes, truncated):
    """Return the gradients of `noisy_forward`: those of the cell, plus those through zoneout."""
    zoned_h, zoned_c = noise.zoneout_h[t], noise.zoneout_c[t]
    of_input, of_state, past_gates, dc_cell, of_peepholes = STEPS[cell][1](
        step, (1.0 - zoned_h) * dh, (1.0 - zoned_c) * dc, peepholes, truncated
    )
    return of_input, of_state, past_gates + zoned_h * dh, dc_cell + zoned_c * dc, of_peepholes


def variational_forward(noise, h):
    """Return the h that the weights read."""
    return noise.state * h


def variational_backward(noise, through, past):
    """Return the gradient of h, from the one through the weights and the one past them."""
    return noise.state * through + past


def _no_noise(n_timesteps, hidden_size):
    """Return noise that changes nothing."""
    nothing, everything = np.zeros((n_timesteps, hidden_size)), np.ones((n_timesteps, hidden_size))
    return SimpleNamespace(
        update=everything, state=everything[0], zoneout_h=nothing, zoneout_c=nothing
    )


def scan_forward(
    cell, x, weight_ih, weight_hh, bias, weight_ch, gain, h, c, reverse=False, noise=None
):
    """Run all steps of one sequence.

    x (n_timesteps, n_inputs); h, c (hidden_size,): initial state; weight_ch: peepholes or None;
    gain: of layer normalisation, or None
    returns y (n_timesteps, hidden_size), the final h and c, and the values of each step
    """
    n_timesteps, n_gates, hidden_size = len(x), len(weight_ih), h.size
    noise = noise or _no_noise(n_timesteps, hidden_size)
    # the part of the GRU's n that comes from the state is a separate block with its own bias
    alone = len(bias) > n_gates
    y = np.zeros((n_timesteps, hidden_size))
    steps = []
    for t in reversed(range(n_timesteps)) if reverse else range(n_timesteps):
        seen = variational_forward(noise, h)
        from_input, from_state = weight_ih @ x[t], weight_hh @ seen
        a = from_input + from_state
        if alone:
            a[-hidden_size:] = from_input[-hidden_size:]
            a = np.concatenate([a, from_state[-hidden_size:]])
        z, normal = a + bias, None
        if gain is not None:
            blocks = (v.reshape(-1, hidden_size) for v in (a, gain, bias))
            z, normal = layer_norm_forward(*blocks)
            z = z.ravel()
        from_state = np.zeros(n_gates)
        if alone:
            from_state[-hidden_size:] = z[n_gates:]
        h, c, step = noisy_forward(cell, noise, t, z[:n_gates], from_state, h, c, weight_ch)
        steps.append((t, seen, normal, step))
        y[t] = h
    return y, h, c, steps


def scan_backward(
    cell, x, weight_ih, weight_hh, bias, weight_ch, gain, steps, dy, dh, dc, truncated=False,
    bptt_steps=0, noise=None,
):  # fmt: skip
    """Return the gradients of `scan_forward`, given those of y and of the final h and c.

    truncated: the h_{t-1} that the weights read, and the c that peepholes read, are constants
    bptt_steps: the state passed between time steps t - 1 and t is a constant if bptt_steps
        divides t
    returns the gradients of x, weight_ih, weight_hh, bias, weight_ch, gain, and of the initial h
        and c
    """
    n_gates, hidden_size = len(weight_ih), len(dh)
    noise = noise or _no_noise(len(x), hidden_size)
    alone = len(bias) > n_gates
    dx = np.zeros_like(x)
    dweight_ih, dweight_hh = np.zeros_like(weight_ih), np.zeros_like(weight_hh)
    dbias = np.zeros(len(bias))
    dweight_ch = None if weight_ch is None else np.zeros_like(weight_ch)
    dgain = None if gain is None else np.zeros_like(gain)
    for k in reversed(range(len(steps))):
        t, seen, normal, step = steps[k]
        of_input, of_state, past_weights, dc, of_peepholes = noisy_backward(
            cell, noise, t, step, dh + dy[t], dc, weight_ch, truncated
        )
        dz = np.concatenate([of_input, of_state[-hidden_size:]]) if alone else of_input
        dbias += dz
        if weight_ch is not None:
            dweight_ch += of_peepholes
        if gain is not None:
            blocks = (v.reshape(-1, hidden_size) for v in (gain, dz))
            da, dgains = layer_norm_backward(normal, *blocks)
            dz, dgain = da.ravel(), dgain + dgains.ravel()
        of_input, of_state = dz[:n_gates], dz[:n_gates].copy()
        if alone:
            of_state[-hidden_size:] = dz[n_gates:]
        dweight_ih += np.outer(of_input, x[t])
        dweight_hh += np.outer(of_state, seen)
        dx[t] = weight_ih.T @ of_input
        through = np.zeros(hidden_size) if truncated else weight_hh.T @ of_state
        dh = variational_backward(noise, through, past_weights)
        if bptt_steps and k > 0 and max(t, steps[k - 1][0]) % bptt_steps == 0:
            dh, dc = np.zeros(hidden_size), np.zeros(hidden_size)
    return dx, dweight_ih, dweight_hh, dbias, dweight_ch, dgain, dh, dc


# --- pooling ------------------------------------------------------------------------------
def final_forward(h):
    """Return the features of one sequence: the final state of each direction, (n_states,)."""
    return h.copy()


def final_backward(dfeatures):
    """Return the gradient of the final states."""
    return dfeatures.copy()


def pool_forward(pooling, y, h):
    """Return the features of one sequence: those of last, mean and max in `pooling`, in this order.

    y (n_timesteps, n_states): all states; h (n_states,): final state of each direction
    """
    pooled = {"last": final_forward(h), "mean": y.mean(axis=0), "max": y.max(axis=0)}
    return np.concatenate([pooled[kind] for kind in pooled if kind in pooling])


def pool_backward(pooling, y, dfeatures):
    """Return the gradients of y and h; of several equal maxima, the first gets the gradient."""
    n_timesteps, n_states = y.shape
    dy, dh = np.zeros_like(y), np.zeros(n_states)
    kinds = [kind for kind in ("last", "mean", "max") if kind in pooling]
    for kind, slope in zip(kinds, np.split(dfeatures, len(kinds)), strict=True):
        if kind == "last":
            dh += final_backward(slope)
        elif kind == "mean":
            dy += slope / n_timesteps
        else:
            dy[y.argmax(axis=0), np.arange(n_states)] += slope
    return dy, dh


# --- convolutions -------------------------------------------------------------------------
def _windows(n_timesteps, width, stride, causal, dilation=1):
    """Yield (output step, position in the window, input step) for steps inside the sequence."""
    n_out = -(-n_timesteps // stride)
    span = (width - 1) * dilation
    before = span if causal else span // 2
    for i in range(n_out):
        t = n_timesteps - 1 - stride * (n_out - 1 - i)  # the last window belongs to the last step
        for k in range(width):
            if 0 <= t - before + k * dilation < n_timesteps:
                yield i, k, t - before + k * dilation


def convolution_forward(x, weight, stride, causal):
    """Convolve a sequence x (n_timesteps, n_inputs) with weight (n_filters, n_inputs, width)."""
    z = np.zeros((-(-len(x) // stride), len(weight)))
    for i, k, t in _windows(len(x), weight.shape[2], stride, causal):
        z[i] += weight[:, :, k] @ x[t]
    return z


def convolution_backward(x, weight, stride, causal, dz):
    """Return the gradients of x and weight."""
    dx, dweight = np.zeros_like(x), np.zeros_like(weight)
    for i, k, t in _windows(len(x), weight.shape[2], stride, causal):
        dx[t] += weight[:, :, k].T @ dz[i]
        dweight[:, :, k] += np.outer(dz[i], x[t])
    return dx, dweight


def depthwise_forward(x, weight, dilation, causal):
    """Convolve each column of x (n_timesteps, n) with its row of weight (n, 1, width)."""
    z = np.zeros(x.shape)
    for i, k, t in _windows(len(x), weight.shape[2], 1, causal, dilation):
        z[i] += weight[:, 0, k] * x[t]
    return z


def depthwise_backward(x, weight, dilation, causal, dz):
    """Return the gradients of x and weight."""
    dx, dweight = np.zeros_like(x), np.zeros_like(weight)
    for i, k, t in _windows(len(x), weight.shape[2], 1, causal, dilation):
        dx[t] += weight[:, 0, k] * dz[i]
        dweight[:, 0, k] += dz[i] * x[t]
    return dx, dweight


def _layer_forward(params, name, k, layer, x):
    """Return a layer of convolutions before its normalisation and activation."""
    if layer.dilation:
        return depthwise_forward(x, params[f"{name}_weight_l{k}"], layer.dilation, layer.causal)
    groups = [
        convolution_forward(x, params[weight], layer.stride, layer.causal)
        for weight in _weights(name, k, layer)
    ]
    return np.hstack(groups)


def _layer_backward(params, name, k, layer, x, dz):
    """Return the gradients of x, and of the weights by name."""
    if layer.dilation:
        weight = f"{name}_weight_l{k}"
        dx, dweight = depthwise_backward(x, params[weight], layer.dilation, layer.causal, dz)
        return dx, {weight: dweight}
    dx, gradient = 0.0, {}
    weights = _weights(name, k, layer)
    for weight, of_group in zip(weights, np.hsplit(dz, len(weights)), strict=True):
        further, gradient[weight] = convolution_backward(
            x, params[weight], layer.stride, layer.causal, of_group
        )
        dx = dx + further
    return dx, gradient


def _weights(name, k, layer):
    """Return the names of the weights of a layer, one for each width."""
    return [f"{name}_weight_l{k}" + (f"_{j}" if j else "") for j in range(1 + len(layer.narrower))]


def batch_norm_moments(z, row_weight):
    """Return mean and variance over all steps of the sequences z, weighted by sequence."""
    weights = np.repeat(row_weight, [len(steps) for steps in z])
    mean = np.average(np.concatenate(z), axis=0, weights=weights)
    return mean, np.average((np.concatenate(z) - mean) ** 2, axis=0, weights=weights)


def batch_norm_forward(z, params, name, k, row_weight):
    """Return mean, variance, and the normalised sequences z; row_weight None: running ones."""
    mean, variance = params[f"{name}_mean_l{k}"], params[f"{name}_variance_l{k}"]
    if row_weight is not None:
        mean, variance = batch_norm_moments(z, row_weight)
    scale = params[f"{name}_scale_l{k}"] / np.sqrt(variance + 1e-5)
    return mean, variance, [(steps - mean) * scale + params[f"{name}_shift_l{k}"] for steps in z]


def batch_norm_slopes(z, mean, variance, dy):
    """Return the gradients of shift and scale; y = scale (z - mean) / deviation + shift."""
    slopes, steps = np.concatenate(dy), np.concatenate(z)
    units = (steps - mean) / np.sqrt(variance + 1e-5)
    return slopes.sum(axis=0), (slopes * units).sum(axis=0)


def batch_norm_backward(z, row_weight, scale, mean, variance, dy):
    """Return the gradients of z, shift and scale.

    row_weight: as in `batch_norm_forward`; None if mean and variance are constants
    """
    deviation = np.sqrt(variance + 1e-5)
    slopes, steps = np.concatenate(dy), np.concatenate(z)
    units = (steps - mean) / deviation
    dshift, dscale = batch_norm_slopes(z, mean, variance, dy)
    dz = scale / deviation * slopes
    if row_weight is not None:
        weights = np.repeat(row_weight, [len(steps) for steps in z])[:, None]
        dz -= scale / deviation * weights / weights.sum() * (dshift + units * dscale)
    return np.split(dz, np.cumsum([len(steps) for steps in z])[:-1]), dshift, dscale


_ACTIVATIONS = {"relu": lambda a: np.maximum(a, 0.0), "tanh": np.tanh, "identity": lambda a: a}


def convolutions_forward(params, name, layers, sequences, row_weight=None):
    """Return the output of the last layer for each sequence, and the values of every layer.

    layers: see `sklstm.components.convolutions.ConvolutionLayer`
    row_weight (n_sequences,): weights of the batch statistics; None uses the running statistics
    """
    y, trace = sequences, []
    for k, layer in enumerate(layers):
        x = y
        z = [_layer_forward(params, name, k, layer, steps) for steps in x]
        mean = variance = None
        if layer.normalised:
            mean, variance, active = batch_norm_forward(z, params, name, k, row_weight)
        else:
            active = [steps + params.get(f"{name}_bias_l{k}", 0.0) for steps in z]
        y = [_ACTIVATIONS[layer.activation](a) for a in active]
        trace.append((x, z, mean, variance, y))
    return y, trace


def convolutions_backward(params, name, layers, trace, row_weight, dy):
    """Return the gradients of the sequences, and of the parameters by name."""
    gradient = {}
    for k, layer in reversed(list(enumerate(layers))):
        x, z, mean, variance, y = trace[k]
        if layer.activation == "tanh":
            dy = [slope * (1.0 - steps**2) for slope, steps in zip(dy, y, strict=True)]
        elif layer.activation == "relu":
            dy = [slope * (steps > 0.0) for slope, steps in zip(dy, y, strict=True)]
        if layer.normalised:
            dy, gradient[f"{name}_shift_l{k}"], gradient[f"{name}_scale_l{k}"] = (
                batch_norm_backward(z, row_weight, params[f"{name}_scale_l{k}"], mean, variance, dy)
            )
        elif f"{name}_bias_l{k}" in params:
            gradient[f"{name}_bias_l{k}"] = np.concatenate(dy).sum(axis=0)
        both = [
            _layer_backward(params, name, k, layer, steps, slope)
            for steps, slope in zip(x, dy, strict=True)
        ]
        dy = [dx for dx, _ in both]
        for weight in both[0][1]:
            gradient[weight] = sum(dweights[weight] for _, dweights in both)
    return dy, gradient


def lay_out_series(lengths, shrinks, gap):
    """Return on each level the steps of each sequence, the first row of each, and the rows."""
    n_steps, first, n_rows = [], [], []
    for shrink in shrinks:
        place, ends = 0, []
        for length in lengths:
            place += -(-length // shrinks[-1]) + gap
            ends.append((place - 1) * shrinks[-1] // shrink)
        n_steps.append([-(-length // shrink) for length in lengths])
        first.append([end + 1 - n for end, n in zip(ends, n_steps[-1], strict=True)])
        n_rows.append((place + gap) * shrinks[-1] // shrink)
    return np.array(n_steps), np.array(first), np.array(n_rows)


# --- chunks on several threads -------------------------------------------------------------
def arrive(arrived, chunk):
    """Count the place that a chunk has come to."""
    arrived[chunk] += 1


def reached(numbers, place, least):
    """Return whether a number is as large as `least`."""
    return bool(numbers[place] >= least)


def all_arrived(arrived, chunk):
    """Return whether all chunks have come to the place of this one."""
    return bool((arrived >= arrived[chunk]).all())


def hand_over(mine, other, least):
    """Raise a number, and return whether another one is as large as `least`."""
    mine += 1
    return reached(other, 0, least)


# --- augmentation -------------------------------------------------------------------------
def warp(x, ends, factor, n_values):
    """Return a sequence x (n_timesteps, n_columns) played at varying speed, and the nearest steps.

    ends (n_pieces + 1,), factor: see the kernel
    """
    step, last = np.arange(len(x)), len(x) - 1
    place = np.interp(step, np.linspace(0, last, len(ends)), ends * last)
    played = np.stack([np.interp(place, step, column) for column in x.T], axis=1)
    played[:, :n_values] *= factor
    return played, np.floor(place + 0.5).astype(int)


# --- attention ----------------------------------------------------------------------------
def attention_forward(y, weight, bias, score_weight):
    """Return the weighted mean of the states y (n_timesteps, n_states), the weights, and u."""
    u = tanh(y @ weight.T + bias)
    scores = u @ score_weight
    powers = np.exp(scores - scores.max())
    weights = powers / powers.sum()
    return weights @ y, weights, u


def attention_backward(y, weight, bias, score_weight, dfeatures):
    """Return the gradients of y, weight, bias and score_weight."""
    _, weights, u = attention_forward(y, weight, bias, score_weight)
    dweights = y @ dfeatures
    dscores = (np.diag(weights) - np.outer(weights, weights)) @ dweights
    dz = np.outer(dscores, score_weight) * (1.0 - u**2)
    dy = np.outer(weights, dfeatures) + dz @ weight
    return dy, dz.T @ y, dz.sum(axis=0), u.T @ dscores


def attention_step(y, weight, bias, score_weight):
    """Return the features after each step of a stream: those of all steps so far."""
    seen = [y[: t + 1] for t in range(len(y))]
    return np.array([attention_forward(s, weight, bias, score_weight)[0] for s in seen])


# --- encoder ------------------------------------------------------------------------------
def row_norm_forward(x, gain, bias):
    """Normalise each row of x (n_timesteps, n_states); also return what the backward pass needs."""
    return layer_norm_forward(x, gain, bias)


def row_norm_backward(step, gain, dz):
    """Return the gradients of x, gain and bias."""
    dx, dgain = layer_norm_backward(step, gain, dz)
    return dx, dgain.sum(axis=0), dz.sum(axis=0)


def self_attention_forward(qkv, n_heads, causal):
    """Return what each step reads (n_timesteps, n_states), and the weights of each head.

    qkv (n_timesteps, 3 * n_states): queries, keys and values, the heads side by side
    causal: whether a step reads only the steps up to it
    """
    n_timesteps = len(qkv)
    read, weights = [], []
    parts = [np.split(part, n_heads, axis=1) for part in np.split(qkv, 3, axis=1)]
    for q, k, v in zip(*parts, strict=True):
        scores = q @ k.T / np.sqrt(q.shape[1])
        if causal:
            scores = np.where(np.tri(n_timesteps, dtype=bool), scores, -np.inf)
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        weights.append(powers / powers.sum(axis=1, keepdims=True))
        read.append(weights[-1] @ v)
    return np.concatenate(read, axis=1), np.array(weights)


def self_attention_backward(qkv, n_heads, causal, dout):
    """Return the gradient of qkv."""
    _, weights = self_attention_forward(qkv, n_heads, causal)
    parts = [np.split(part, n_heads, axis=1) for part in np.split(qkv, 3, axis=1)]
    dparts = [[], [], []]
    for q, k, v, a, slope in zip(*parts, weights, np.split(dout, n_heads, axis=1), strict=True):
        da = slope @ v.T
        dscores = a * (da - (a * da).sum(axis=1, keepdims=True)) / np.sqrt(q.shape[1])
        for dpart, part in zip(dparts, (dscores @ k, dscores.T @ q, a.T @ slope), strict=True):
            dpart.append(part)
    return np.concatenate([part for dpart in dparts for part in dpart], axis=1)


def encoder_forward(params, encoder, causal, s):
    """Return the states after the encoder layers, and the values of every layer.

    encoder: has the fields n_layers and n_heads;  s (n_timesteps, n_states)
    """
    trace = []
    for k in range(encoder.n_layers):
        p = _of_encoder(params, k)
        z1, step1 = row_norm_forward(s, *p["norm1"])
        qkv = z1 @ p["self_attn_in_proj"][0].T + p["self_attn_in_proj"][1]
        read, _ = self_attention_forward(qkv, encoder.n_heads, causal)
        s = s + read @ p["self_attn_out_proj"][0].T + p["self_attn_out_proj"][1]
        z2, step2 = row_norm_forward(s, *p["norm2"])
        active = np.maximum(z2 @ p["linear1"][0].T + p["linear1"][1], 0.0)
        s = s + active @ p["linear2"][0].T + p["linear2"][1]
        trace.append((z1, step1, qkv, read, z2, step2, active))
    return s, trace


def encoder_backward(params, encoder, causal, trace, ds):
    """Return the gradients of the states before the layers, and of the parameters by name."""
    gradient = {}
    for k in reversed(range(encoder.n_layers)):
        p, (z1, step1, qkv, read, z2, step2, active) = _of_encoder(params, k), trace[k]
        slopes = {"linear2": (ds.T @ active, ds.sum(axis=0))}
        dactive = ds @ p["linear2"][0] * (active > 0.0)
        slopes["linear1"] = dactive.T @ z2, dactive.sum(axis=0)
        dx, *slopes["norm2"] = row_norm_backward(step2, p["norm2"][0], dactive @ p["linear1"][0])
        ds = ds + dx
        slopes["self_attn_out_proj"] = ds.T @ read, ds.sum(axis=0)
        dread = ds @ p["self_attn_out_proj"][0]
        dqkv = self_attention_backward(qkv, encoder.n_heads, causal, dread)
        slopes["self_attn_in_proj"] = dqkv.T @ z1, dqkv.sum(axis=0)
        dx, *slopes["norm1"] = row_norm_backward(
            step1, p["norm1"][0], dqkv @ p["self_attn_in_proj"][0]
        )
        ds = ds + dx
        for name, (dweight, dbias) in slopes.items():
            gradient |= {f"{name}_weight_l{k}": dweight, f"{name}_bias_l{k}": dbias}
    return ds, gradient


# --- losses -------------------------------------------------------------------------------
def loss_gradient(loss, parameters, raw, target, row_weight):
    """Return the weighted sum of the losses of all rows, and its gradient (n_rows, n_outputs).

    The loss of a row is the mean over its outputs. target is (n_rows, n_targets), for softmax
    (n_rows, 1) with the index of the class. Other losses are 0 where the target is NaN.
    Each target has columns of raw next to each other: quantiles one for each of parameters,
    gaussian a mean and a log-deviation, survival one for each interval, the others one.
    """
    if loss == "softmax":
        shifted = raw - raw.max(axis=1, keepdims=True)
        total = np.exp(shifted).sum(axis=1, keepdims=True)
        chosen = np.arange(raw.shape[1]) == target  # (n_rows, n_outputs)
        losses = np.log(total[:, 0]) - shifted[chosen]
        slopes = np.exp(shifted) / total - chosen
        return row_weight @ losses, row_weight[:, None] * slopes
    if loss == "gaussian":
        return _gaussian_gradient(raw, target, row_weight)
    if loss == "survival":
        return _hazard_gradient(raw, target, row_weight)
    target = np.repeat(target, raw.shape[1] // target.shape[1], axis=1)
    parameter = np.resize(parameters, raw.shape[1])  # (n_outputs,)
    error = raw - target
    if loss == "sigmoid":
        log_total = np.maximum(raw, 0.0) + np.log1p(np.exp(-np.abs(raw)))  # log(1 + e^raw)
        losses = log_total - target * raw
        slopes = sigmoid(raw) - target
    elif loss == "linear":
        losses, slopes = target * raw, target
    elif loss == "squared_error":
        losses, slopes = 0.5 * error**2, error
    elif loss == "absolute_error":
        losses, slopes = np.abs(error), np.sign(error)
    elif loss == "huber":
        far = np.abs(error) > parameter
        losses = np.where(far, parameter * (np.abs(error) - 0.5 * parameter), 0.5 * error**2)
        slopes = np.where(far, parameter * np.sign(error), error)
    elif loss in ("poisson", "gamma", "tweedie"):
        power = {"poisson": 1.0, "gamma": 2.0}.get(loss, parameter)
        losses, slopes = _half_deviance(power, raw, target)
    else:  # quantile: the slope is -parameter below the target, 1 - parameter above it
        slopes = np.where(error > 0, 1.0 - parameter, np.where(error < 0, -parameter, error))
        losses = slopes * error
    given = ~np.isnan(target)
    losses, slopes = np.where(given, losses, 0.0), np.where(given, slopes, 0.0)
    share = row_weight[:, None] / raw.shape[1]
    return (share * losses).sum(), share * slopes


def loss_value(loss, parameters, raw, target, row_weight):
    """Return the weighted sum of the losses of all rows."""
    return loss_gradient(loss, parameters, raw, target, row_weight)[0]


def _growth(z):
    """Return exp(z), from 30 on its tangent there, and the slope."""
    slope = np.exp(np.minimum(z, 30.0))
    return slope * (1.0 + np.maximum(z - 30.0, 0.0)), slope


def _half_deviance(power, raw, target):
    """Return half of the Tweedie deviance of exp(raw) from target, and its slope by raw."""
    y = np.where(np.isnan(target), 1.0, target)
    (of_mean, dmean), (of_y, dy) = _growth((2.0 - power) * raw), _growth((1.0 - power) * raw)
    slopes = dmean - y * dy
    if np.all(power == 1.0):
        return of_mean - y * raw - y + y * np.log(np.where(y > 0.0, y, 1.0)), slopes
    if np.all(power == 2.0):
        return raw + y * of_y - 1.0 - np.log(y), slopes
    constant = y ** (2.0 - power) / ((1.0 - power) * (2.0 - power))
    return of_mean / (2.0 - power) - y * of_y / (1.0 - power) + constant, slopes


def _gaussian_gradient(raw, target, row_weight):
    """Return `loss_gradient` of pairs of a mean and the logarithm of a deviation.

    The gradient is that of the loss times the variance of each pair.
    """
    mean, log_deviation = raw[:, 0::2], raw[:, 1::2]
    spread, slope = _growth(2.0 * log_deviation)
    variance, error = spread + 1e-4, mean - target
    losses = 0.5 * (np.log(variance) + error**2 / variance)
    slopes = np.stack([error, slope * (1.0 - error**2 / variance)], axis=2)  # times the variance
    given = ~np.isnan(target)
    share = row_weight[:, None] / target.shape[1]
    slopes = np.where(given[:, :, None], slopes, 0.0) * share[:, :, None]
    return (share * np.where(given, losses, 0.0)).sum(), slopes.reshape(raw.shape)


def _hazard_gradient(raw, target, row_weight):
    """Return `loss_gradient` of the log-odds of an event in each of some intervals, one by one.

    target: k if the event happens in interval k, k - 0.5 if it is known that it does not before
    """
    total, slopes = 0.0, np.zeros(raw.shape)
    n_targets = target.shape[1]
    n_intervals = raw.shape[1] // n_targets
    for (row, output), last in np.ndenumerate(target):
        share = row_weight[row] / n_targets
        for k in range(n_intervals):
            z, column = raw[row, output * n_intervals + k], output * n_intervals + k
            if k < last:  # no event: - log(1 - hazard)
                total += share * np.logaddexp(0.0, z)
                slopes[row, column] = share * sigmoid(z)
            elif k == last:  # - log(hazard)
                total += share * np.logaddexp(0.0, -z)
                slopes[row, column] = share * (sigmoid(z) - 1.0)
    return total, slopes


# --- the network --------------------------------------------------------------------------
def network_predict(
    params, sequences, pooling, h=None, c=None, static=None, layer_masks=None, feature_mask=None,
    cell="lstm", front=(), branch=(), row_weight=None, noise=None, encoder=None, patch_size=1,
):  # fmt: skip
    """Return raw predictions, states and everything that the backward pass needs.

    params: arrays by torch's names, and head_weight, head_bias
    sequences: arrays (n_timesteps, n_channels)
    h, c (n_scans, n_sequences, hidden_size): initial states, zero if None; a scan is one direction
        of one layer, in torch's order
    layer_masks: dropout for each sequence, (num_layers - 1, n_timesteps, n_states)
    static (n_sequences, n_static): additional features, only for the head
    feature_mask: dropout of the pooled features for each sequence, (n_pooled,); with "steps"
        (n_timesteps, n_pooled)
    front, branch: convolutions before the layers and parallel to them; row_weight as in
        `convolutions_forward`
    noise: list of lists, for each sequence and scan, as in `scan_forward`
    encoder: layers after the recurrent ones, as in `encoder_forward`, or None
    patch_size: steps that become one before the front and the layers, but not before the branch
    returns a namespace of raw (n_sequences, n_outputs), with "steps" (total_steps, n_outputs), the
    final h and c, features and traces of each sequence, and the traces of the convolutions
    """
    suffixes = _directions(params)
    num_layers = sum(name.startswith("weight_hh_l") for name in params) // len(suffixes)
    hidden_size = params["weight_hh_l0"].shape[1] if num_layers else 0
    of_branch, of_front = [], []
    if branch:
        steps, of_branch = convolutions_forward(params, "fcn", branch, sequences, row_weight)
        means = np.array([step.mean(axis=0) for step in steps])
        static = means if static is None else np.concatenate([static, means], axis=1)
    sequences = [patch_forward(sequence, patch_size) for sequence in sequences]
    if front:
        sequences, of_front = convolutions_forward(params, "conv", front, sequences, row_weight)
    states = (num_layers * len(suffixes), len(sequences), hidden_size)
    h = np.zeros(states) if h is None else h.copy()
    c = np.zeros(states) if c is None else c.copy()
    raw, features, traces = [], [], []
    for n, sequence in enumerate(sequences):
        x, trace = sequence, []
        for layer in range(num_layers):
            outputs = []
            for direction, suffix in enumerate(suffixes):
                scan = layer * len(suffixes) + direction
                y, h[scan, n], c[scan, n], steps = scan_forward(
                    cell,
                    x,
                    *_of_scan(params, layer, suffix),
                    h[scan, n].copy(),
                    c[scan, n].copy(),
                    reverse=suffix == "_reverse",
                    noise=None if noise is None else noise[n][scan],
                )
                outputs.append(y)
                trace.append((x, steps))
            x = np.concatenate(outputs, axis=1)
            if layer_masks is not None and layer < num_layers - 1:
                x = x * layer_masks[n][layer]
        final = h[-len(suffixes) :, n].ravel() if num_layers else x[-1]
        encoded = []
        if encoder is not None:
            x, encoded = encoder_forward(params, encoder, _is_causal(pooling, suffixes), x)
            final = np.concatenate([block[end] for block, end in _ends(x, suffixes)])
        if pooling == ("steps",):
            pooled = x
        elif pooling == ("attention",):
            pooled = attention_forward(x, *_of_attention(params))[0]
        else:
            pooled = pool_forward(pooling, x, final)
        if feature_mask is not None:
            pooled = pooled * feature_mask[n]
        per_step = pooling == ("steps",)
        seen = pooled if static is None or per_step else np.concatenate([pooled, static[n]])
        raw.append(np.atleast_2d(seen @ params["head_weight"].T + params["head_bias"]))
        features.append(seen)
        traces.append((trace, x, encoded))
    return SimpleNamespace(
        raw=np.concatenate(raw), h=h, c=c, features=features, traces=traces, front=of_front,
        branch=of_branch,
    )  # fmt: skip


def network_step(params, sequences, pooling, cell="lstm", noise=None):
    """Return raw predictions of streams after these sequences, whether read in steps or at once."""
    return network_predict(params, sequences, pooling, cell=cell, noise=noise).raw


def network_trace(params, sequences, pooling, cell="lstm", noise=None):
    """Return the values of each step as the cell gives them: by sequence, scan and scan step."""
    traces = network_predict(params, sequences, pooling, cell=cell, noise=noise).traces
    return [[[step[3] for step in steps] for _, steps in trace] for trace, _, _ in traces]


def _add(gradient, dparams):
    """Add gradients of some parameters, where there are any, to those of all; by name."""
    for name, dparam in dparams.items():
        if dparam is not None:
            gradient[name] += dparam


def _readout_backward(params, pooling, encoder, suffixes, y, encoded, dfeatures):
    """Return the gradient of the states of one sequence: of all, of the final ones alone; by name.

    y (n_timesteps, n_states): what is pooled, after the encoder
    dfeatures (1, n_pooled), with "steps" (n_timesteps, n_states)
    """
    dlast, dparams = np.zeros(y.shape[1]), {}
    if pooling == ("steps",):
        dy = dfeatures
    elif pooling == ("attention",):
        dy, *slopes = attention_backward(y, *_of_attention(params), dfeatures[0])
        dparams |= zip(_OF_ATTENTION, slopes, strict=True)
    else:
        dy, dlast = pool_backward(pooling, y, dfeatures[0])
    if encoder is not None:
        slopes = np.split(dlast, len(suffixes))
        for (dblock, end), slope in zip(_ends(dy, suffixes), slopes, strict=True):
            dblock[end] += slope
        causal = _is_causal(pooling, suffixes)
        dy, of_encoder = encoder_backward(params, encoder, causal, encoded, dy)
        dlast, dparams = np.zeros(y.shape[1]), dparams | of_encoder
    return dy, dlast, dparams


def _layers_backward(
    params, trace, dy, dh, dc, layer_masks, cell, truncated, bptt_steps, noise
):  # fmt: skip
    """Return the gradient of what the first layer reads of one sequence, and of parameters by name.

    dh, dc (n_scans, hidden_size): gradient of the final states; becomes that of the initial ones
    """
    suffixes, dparams = _directions(params), {}
    num_layers = len(trace) // len(suffixes)
    for layer in reversed(range(num_layers)):
        if layer_masks is not None and layer < num_layers - 1:
            dy = dy * layer_masks[layer]
        dinput = 0.0
        for direction, suffix in enumerate(suffixes):
            scan = layer * len(suffixes) + direction
            x, steps = trace[scan]
            ds, *slopes, dh[scan], dc[scan] = scan_backward(
                cell,
                x,
                *_of_scan(params, layer, suffix),
                steps,
                np.split(dy, len(suffixes), axis=1)[direction],
                dh[scan].copy(),
                dc[scan].copy(),
                truncated,
                bptt_steps,
                None if noise is None else noise[scan],
            )
            names = [f"{kind}_l{layer}{suffix}" for kind in _OF_SCAN]
            dparams |= zip(names, slopes, strict=True)
            dinput = dinput + ds
        dy = dinput
    return dy, dparams


def network_gradient(
    params, sequences, target, row_weight, pooling, loss, loss_parameters=(0.0,),
    h=None, c=None, dh=None, dc=None, static=None, layer_masks=None, feature_mask=None,
    cell="lstm", truncated=False, bptt_steps=0, front=(), branch=(), noise=None, encoder=None,
    patch_size=1, running=False,
):  # fmt: skip
    """Return the loss of a batch, and its gradient with respect to everything it depends on.

    running: normalise by the running statistics, not by those of the batch
    dh, dc (n_scans, n_sequences, hidden_size): gradient of the final states from elsewhere (a
        later segment of the same sequences); zero if None
    returns a namespace of loss, raw, the final h and c; gradient, by the names of params; dx,
        by sequence; dh, dc, of the initial states
    """
    in_batch = None if running else row_weight
    forward = network_predict(
        params, sequences, pooling, h, c, static, layer_masks, feature_mask, cell, front, branch,
        in_batch, noise, encoder, patch_size,
    )  # fmt: skip
    total, draw = loss_gradient(loss, loss_parameters, forward.raw, target, row_weight)
    suffixes = _directions(params)
    num_layers = len(forward.h) // len(suffixes)
    n_static = 0 if static is None else static.shape[1]
    n_beside = n_static + (branch[-1].n_filters if branch else 0)
    dbranch = []
    gradient = {name: np.zeros_like(parameter) for name, parameter in params.items()}
    dh = np.zeros_like(forward.h) if dh is None else dh.copy()
    dc = np.zeros_like(forward.c) if dc is None else dc.copy()
    dx = []
    per_step = pooling == ("steps",)
    ends = np.cumsum([len(sequence) if per_step else 1 for sequence in sequences])
    for n, (trace, y, encoded) in enumerate(forward.traces):
        draw_n = np.split(draw, ends[:-1])[n]  # (1, n_outputs) or (n_timesteps, n_outputs)
        gradient["head_weight"] += draw_n.T @ np.atleast_2d(forward.features[n])
        gradient["head_bias"] += draw_n.sum(axis=0)
        dfeatures = draw_n @ params["head_weight"]
        n_pooled = dfeatures.shape[1] - n_beside
        if branch:
            n_steps = len(sequences[n])
            dbranch.append(np.tile(dfeatures[0, n_pooled + n_static :] / n_steps, (n_steps, 1)))
        dfeatures = dfeatures[:, :n_pooled]
        if feature_mask is not None:
            dfeatures = dfeatures * feature_mask[n]
        dy, dlast, dparams = _readout_backward(
            params, pooling, encoder, suffixes, y, encoded, dfeatures
        )
        _add(gradient, dparams)
        if num_layers:
            dh[-len(suffixes) :, n] += dlast.reshape(len(suffixes), -1)
        else:
            dy[-1] += dlast
        dy, dparams = _layers_backward(
            params, trace, dy, dh[:, n], dc[:, n],
            None if layer_masks is None else layer_masks[n], cell, truncated, bptt_steps,
            None if noise is None else noise[n],
        )  # fmt: skip
        _add(gradient, dparams)
        dx.append(dy)
    if front:
        dx, of_front = convolutions_backward(params, "conv", front, forward.front, in_batch, dx)
        gradient |= of_front
    dx = [
        d.reshape(-1, sequence.shape[1])[-len(sequence) :]
        for d, sequence in zip(dx, sequences, strict=True)
    ]
    if branch:
        further, of_branch = convolutions_backward(
            params, "fcn", branch, forward.branch, in_batch, dbranch
        )
        gradient |= of_branch
        dx = [one + other for one, other in zip(dx, further, strict=True)]
    return SimpleNamespace(
        loss=total, raw=forward.raw, h=forward.h, c=forward.c,
        gradient=gradient, dx=dx, dh=dh, dc=dc,
    )  # fmt: skip


_OF_SCAN = ("weight_ih", "weight_hh", "bias", "weight_ch", "gain")


def _of_scan(params, layer, suffix):
    """Return weight_ih, weight_hh, bias, and peepholes and gains (or None)."""
    return [params.get(f"{kind}_l{layer}{suffix}") for kind in _OF_SCAN]


_OF_ATTENTION = ("attention_weight", "attention_bias", "score_weight")


def _of_attention(params):
    """Return weight, bias and score weight of attention."""
    return [params[name] for name in _OF_ATTENTION]


def _of_encoder(params, k):
    """Return weight and bias of each part of an encoder layer, by torch's names."""
    names = ("self_attn_in_proj", "self_attn_out_proj", "linear1", "linear2", "norm1", "norm2")
    return {name: [params[f"{name}_{kind}_l{k}"] for kind in ("weight", "bias")] for name in names}


def _is_causal(pooling, suffixes):
    """Whether no step of an encoder reads a later one."""
    return pooling == ("steps",) and len(suffixes) == 1


def _ends(y, suffixes):
    """Return the states of each direction, as views into y, and the step at which it ends."""
    return list(zip(np.split(y, len(suffixes), axis=1), (-1, 0)[: len(suffixes)], strict=True))


def _directions(params):
    """Return the suffixes of the directions in the parameter names."""
    return ("", "_reverse") if "weight_hh_l0_reverse" in params else ("",)


# --- data ---------------------------------------------------------------------------------
def gather(
    sequences, patch_size, center, scale, by_size, by_channel, by_sequence, gaps=(), rates=None,
    time_channel=-1, ahead=False, weights=None, sweeps=None,
):  # fmt: skip
    """Scale and patch each sequence, to (n_patches, patch_size * n_channels * copies).

    NaN is filled by the last value, or `ahead` on the line to the next one, and where there is
    none by the mean. For each channel of `gaps` a patch has two more columns for each step: 0.1 if
    it was observed, and 0.1 log(1 + how long ago); in steps, or by the times in time_channel.
    With a rate the value is that expected of a Gaussian process, given all that is known; with
    weights see `expect`.
    Where by_size (width, mean, deviation; each for every channel) has a width, it is asinh(value /
    width) that is standardised over the training set.
    """
    rates, seen = np.zeros(len(center)) if rates is None else rates, []
    for sequence in sequences:
        time = np.arange(1.0, len(sequence) + 1.0)
        if time_channel >= 0:
            time[1:] = 1.0 + np.cumsum(np.expm1(sequence[1:, time_channel]))
        observed = ~np.isnan(sequence) & ~np.isnan(center)
        filled, ago = np.full(sequence.shape, np.nan), np.zeros(sequence.shape)
        for channel, there in enumerate(observed.T):
            for t in range(len(sequence)):
                seen_so_far = np.flatnonzero(there[: t + 1])
                last = seen_so_far[-1] if len(seen_so_far) else -1
                ago[t, channel] = time[t] - (time[last] if last >= 0 else 0.0)
                known = there if ahead else there & (np.arange(len(there)) <= t)
                if rates[channel] > 0.0 and known.any():
                    deviations = sequence[known, channel] - center[channel]
                    shares = _weights_of_values(time[known], time[t], rates[channel])
                    filled[t, channel] = center[channel] + shares @ deviations
                elif ahead and there.any():
                    filled[t, channel] = np.interp(time[t], time[there], sequence[there, channel])
                elif last >= 0:
                    filled[t, channel] = sequence[last, channel]
        if weights is not None:
            expected = center + scale * expect(sequence, center, scale, weights, sweeps)
            filled = np.where(observed, sequence, expected)
        copies = []
        if by_channel:
            width, mean, deviation = by_size
            sizes = (np.arcsinh(filled / width) - mean) / deviation
            copies.append(np.where(np.isfinite(width), sizes, (filled - center) / scale))
        if by_sequence:
            copies.append(
                _standardised(filled, sequence)
                if weights is None
                else _standardised_with_gaps(filled, observed, center, scale)
            )
        raw = np.where(np.isnan(filled), np.nan_to_num(center), filled)
        steps = np.stack(copies or [raw], axis=2)  # (n_timesteps, n_channels, copies)
        more = 0.1 * np.stack([observed, np.log1p(ago)], axis=2)[:, list(gaps)]
        parts = [patch_forward(np.nan_to_num(steps), patch_size), patch_forward(more, patch_size)]
        seen.append(np.concatenate(parts, axis=1))
    return seen


def _weights_of_values(times, time, rate):
    """Weights of values at some times in the expectation at another, of covariance exp(-rate d)."""
    among = np.exp(-rate * np.abs(times[:, np.newaxis] - times))
    return np.linalg.solve(among, np.exp(-rate * np.abs(times - time)))


def expect(sequence, center, scale, weights, sweeps):
    """Return a sequence, standardised, with its gaps as a Gaussian chain expects them.

    By the precision matrix of all steps and channels at once. Begins from values on lines.
    """
    n_steps, n_channels = sequence.shape
    before, itself, after, in_first, in_last = (b.T for b in np.split(weights, 5))
    precision = np.zeros((n_steps, n_channels, n_steps, n_channels))
    for t in range(n_steps):
        precision[t, :, t] = itself + (t == 0) * in_first + (t == n_steps - 1) * in_last
        if t > 0:
            precision[t, :, t - 1] = before
            precision[t - 1, :, t] = after
    precision = precision.reshape(n_steps * n_channels, -1)
    z = (sequence - center) / scale
    gap = np.isnan(z) & ~np.isnan(center)
    for channel, column in enumerate(z.T):
        (there,) = np.nonzero(~np.isnan(column))
        line = np.interp(np.arange(n_steps), there, column[there]) if len(there) else 0.0
        z[:, channel] = line
    z, gap, change = z.ravel(), gap.ravel(), np.zeros(z.size)
    for kept, share in sweeps:
        change = kept * change - share * np.where(gap, precision @ z, 0.0)
        z = z + change
    return z.reshape(sequence.shape)


def _standardised(values, observed):
    """Standardise each channel by what was observed; 0 for a constant channel."""
    out = np.zeros_like(values)
    for channel, column in enumerate(observed.T):
        there = column[~np.isnan(column)]
        if len(there) and np.ptp(there) > 0.0:
            out[:, channel] = (values[:, channel] - there.mean()) / there.std()
    return out


def _standardised_with_gaps(values, observed, center, scale):
    """Standardise each channel; a gap counts as a value with moments of the training set."""
    if observed.all():
        return _standardised(values, values)
    out = np.zeros_like(values)
    for channel, column in enumerate(values.T):
        gap = ~observed[:, channel]
        if np.isnan(center[channel]) or (not gap.any() and np.ptp(column) == 0.0):
            continue
        means = np.where(gap, center[channel], column)
        mean = means.mean()
        variance = ((means - mean) ** 2 + gap * scale[channel] ** 2).mean()
        out[:, channel] = (values[:, channel] - mean) / np.sqrt(variance)
    return out


def patch_forward(steps, size):
    """Stack `size` consecutive steps as channels, zeros before the first."""
    missing = -len(steps) % size
    steps = np.concatenate([np.zeros((missing, *steps.shape[1:])), steps])
    return steps.reshape(len(steps) // size, -1)


# --- embeddings ---------------------------------------------------------------------------
def patch_backward(dpatches, n_steps, size):
    """Gradient of `patch_forward` by the steps of a sequence."""
    return dpatches.reshape(len(dpatches) * size, -1)[-n_steps:]


def gather_codes(sequences, patch_size):
    """Patch the codes (n_timesteps, n_categorical) of each sequence; -1 before the first step."""
    seen = []
    for codes in sequences:
        before = np.full((-len(codes) % patch_size, codes.shape[1]), -1)
        steps = np.concatenate([before, codes])
        seen.append(steps.reshape(len(steps) // patch_size, -1))
    return seen


def embedding_forward(codes, tables):
    """Return the vectors (n_rows, their lengths added up) of codes (n_rows, n_places).

    The tables belong to the places in turn. A code of -1 has a vector of zeros.
    """
    vectors = []
    for row in codes:
        of_row = []
        for place, code in enumerate(row):
            table = tables[place % len(tables)]
            of_row.append(table[code] if code >= 0 else np.zeros(table.shape[1]))
        vectors.append(np.concatenate(of_row))
    return np.array(vectors)


def embedding_rows(codes, n_tables):
    """Return the rows (table, code) that are read, in the order in which they are met."""
    met = [(place % n_tables, int(c)) for row in codes for place, c in enumerate(row) if c >= 0]
    return list(dict.fromkeys(met))


def embedding_backward(codes, tables, dvectors):
    """Return the gradients of the tables, from that of the vectors."""
    gradients = [np.zeros(table.shape) for table in tables]
    for row, dvector in zip(codes, dvectors, strict=True):
        first = 0
        for place, code in enumerate(row):
            gradient = gradients[place % len(tables)]
            size = gradient.shape[1]
            if code >= 0:
                gradient[code] += dvector[first : first + size]
            first += size
    return gradients


# --- packing ------------------------------------------------------------------------------
def pack_parameters(extended, sources):
    """Return parameters in the order of sources, the places that they come from."""
    return extended[sources]


def unpack_gradient(chunks, places):
    """Return the sum of the gradients of chunks at some places."""
    return chunks.sum(axis=0)[places]


# --- optimisers ---------------------------------------------------------------------------
# All return what they update, as the kernels update parameters and moments in place.
def sum_of_squares(values, before):
    """Add the squares of values to a sum."""
    return before + np.sum(values.astype(np.float64) ** 2)


def update_statistics(running, used, n_batches, statistics, theta):
    """Return theta after a minibatch of batch normalisation."""
    theta = theta.copy()
    if len(running):
        theta[n_batches] += 1
        share = max(0.1, 1.0 / theta[n_batches])
        theta[running] += share * (statistics[used] - theta[running])
    return theta


def update_parameters(
    move, places, clip_norm, chunks, of_tables, rows, statistics, theta, first, second
):  # fmt: skip
    """Return theta, its moments, what is packed, and the norm of the gradient.

    move(gradient, runs, scale, theta, first, second): by one of the optimisers below
    of_tables (n_values,): gradient of what stands in rows
    """
    gradient = unpack_gradient(chunks, places.slopes)
    norm = np.sqrt(sum_of_squares(np.concatenate([gradient, of_tables]), 0.0))
    extended = np.append(theta[: len(gradient)], 0.0)
    if not np.isfinite(norm):
        return theta, first, second, pack_parameters(extended, places.sources), norm
    scale = min(1.0, clip_norm / norm)
    dense, tables = slice(None, len(gradient)), slice(len(gradient), None)
    changing = theta, first, second
    parts = (
        move(slope, runs, scale, *(array[part] for array in changing))
        for slope, runs, part in ((gradient, places.runs, dense), (of_tables, rows, tables))
    )
    theta, first, second = map(np.concatenate, zip(*parts, strict=True))
    theta = update_statistics(places.running, places.used, places.n_batches, statistics, theta)
    extended[:-1] = theta[dense]
    return theta, first, second, pack_parameters(extended, places.sources), norm


def _by_runs(runs, gradient, theta):
    """Return the gradient, whether weight decay acts, and whether there is any, for each of theta.

    runs (n_runs, 4): where a run begins in theta, its length, where it begins in the gradient, and
        whether weight decay acts
    """
    slope, decays, moves = (np.zeros(len(theta)) for _ in range(3))
    for start, length, offset, decay, *_ in runs:
        slope[start : start + length] = gradient[offset : offset + length]
        decays[start : start + length] = decay
        moves[start : start + length] = 1.0
    return slope, decays, moves > 0


def adam_step(
    gradient, runs, scale, alpha, learning_rate, decoupled, step, beta_1, beta_2, epsilon,
    theta, first, second,
):  # fmt: skip
    """Update by Adam, or by AdamW if `decoupled`."""
    slope, decays, moves = _by_runs(runs, gradient, theta)
    slope, shrunk = scale * slope, theta
    if decoupled:
        shrunk = theta - learning_rate * alpha * decays * theta
    else:
        slope = slope + alpha * decays * theta
    first = np.where(moves, beta_1 * first + (1.0 - beta_1) * slope, first)
    second = np.where(moves, beta_2 * second + (1.0 - beta_2) * slope**2, second)
    unbiased_first = first / (1.0 - beta_1**step)
    unbiased_second = second / (1.0 - beta_2**step)
    moved = shrunk - learning_rate * unbiased_first / (np.sqrt(unbiased_second) + epsilon)
    return np.where(moves, moved, theta), first, second


def sgd_step(
    gradient, runs, scale, alpha, learning_rate, momentum, nesterov, theta, velocity
):  # fmt: skip
    """Update by stochastic gradient descent with momentum."""
    slope, decays, moves = _by_runs(runs, gradient, theta)
    slope = scale * slope + alpha * decays * theta
    velocity = np.where(moves, momentum * velocity - learning_rate * slope, velocity)
    change = momentum * velocity - learning_rate * slope if nesterov else velocity
    return np.where(moves, theta + change, theta), velocity


def rmsprop_step(
    gradient, runs, scale, alpha, learning_rate, decay, epsilon, theta, second
):  # fmt: skip
    """Update by RMSProp."""
    slope, decays, moves = _by_runs(runs, gradient, theta)
    slope = scale * slope + alpha * decays * theta
    second = np.where(moves, decay * second + (1.0 - decay) * slope**2, second)
    moved = theta - learning_rate * slope / (np.sqrt(second) + epsilon)
    return np.where(moves, moved, theta), second
