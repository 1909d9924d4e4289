"""The network of 1997 and its rule, transcribed from the paper: one trial at a time, in loops."""

import numpy as np


def f(x):
    """Logistic function."""
    return 1.0 / (1.0 + np.exp(-x))


def df(x):
    """Derivative of f."""
    return f(x) * (1.0 - f(x))


def naive_run(architecture, theta, x, target, has_target, seen=None):
    """Run one sequence; return outputs, the truncated gradient of minus the loss, and `seen`.

    The loss is sum (t - y)^2 / 2, or the log loss.

    x (T, I), target (T, O), has_target (T,). `seen` (T, H) are the hidden activations of the
    previous step that gates and cells read. If given, they replace the network's own activations,
    as constants, which is what the learning rule assumes.
    """
    a = architecture
    w = a.views(theta)
    gradient = np.zeros_like(theta)
    d = a.views(gradient)
    B, S, C, H = a.n_blocks, a.block_size, a.n_cells, a.n_hidden
    first_out, first_cell = B, H - C
    if a.layered:
        g, dg, h, dh = f, df, lambda s: s, lambda s: 1.0
    else:
        r, q = a.g_range, a.h_range
        g, dg = lambda x: r * (2 * f(x) - 1), lambda x: r * 2 * df(x)
        h, dh = lambda s: q * (2 * f(s) - 1), lambda s: q * 2 * df(s)
    y, s = np.zeros(H), np.zeros(C)
    ds = {name: np.zeros((C, 2, w[name].shape[1])) for name in ("w_input", "w_hidden")}
    outputs, kept = [], []
    for t in range(len(x)):
        y_seen = y if seen is None else seen[t]
        kept.append(y_seen)
        source = np.append(y_seen, 1.0)[: w["w_hidden"].shape[1]] if not a.layered else np.empty(0)
        net = w["w_input"] @ x[t] + w["w_hidden"] @ source
        y_new = f(net)
        y_out = np.array([1.0 if a.layered else f(net[first_out + b]) for b in range(B)])
        for v in range(C):
            b, unit = v // S, first_cell + v
            s[v] += f(net[b]) * g(net[unit])
            y_new[unit] = y_out[b] * h(s[v])
            for name, y_m in (("w_input", x[t]), ("w_hidden", source)):
                ds[name][v, 0] += g(net[unit]) * df(net[b]) * y_m
                ds[name][v, 1] += dg(net[unit]) * f(net[b]) * y_m
        y = y_new
        y_cell = np.append(y[first_cell:], 1.0)
        net_k = w["w_output"] @ y_cell
        if a.layered:
            net_k = net_k + w["w_skip"] @ x[t]
        y_k = net_k if a.output == "linear" else f(net_k)
        outputs.append(y_k)
        if not has_target[t]:
            continue
        e_k = target[t] - y_k
        if a.output == "logistic":
            e_k = df(net_k) * e_k
        d["w_output"][...] += np.outer(e_k, y_cell)
        if a.layered:
            d["w_skip"][...] += np.outer(e_k, x[t])
        for b in range(B):
            e_out = 0.0
            for v in range(b * S, (b + 1) * S):
                e_v = sum(w["w_output"][k, v] * e_k[k] for k in range(a.n_outputs))
                e_out += h(s[v]) * e_v
                e_s = y_out[b] * dh(s[v]) * e_v
                for name in ("w_input", "w_hidden"):
                    d[name][b] += e_s * ds[name][v, 0]
                    d[name][first_cell + v] += e_s * ds[name][v, 1]
            if not a.layered:
                e_out *= df(net[first_out + b])
                d["w_input"][first_out + b] += e_out * x[t]
                d["w_hidden"][first_out + b] += e_out * source
    return np.array(outputs), gradient, np.array(kept)
