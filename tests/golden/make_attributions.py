"""Make golden values of gradients and attributions with torch's autograd, in float64.

Run by hand where torch is installed; the tests only read attributions.npz:

    python tests/golden/make_attributions.py
"""

from pathlib import Path

import numpy as np
import torch
from make_golden import CELLS, parameters

N_SAMPLES, N_TIMESTEPS, N_CHANNELS, HIDDEN_SIZE, N_OUTPUTS = 5, 9, 3, 4, 3
N_POINTS = 400  # of a midpoint rule, with an error of the order of 1e-8 after extrapolation


def response(network, head, x, target, kind):
    """Return the sum of the raw scores, or of the probabilities, of the targets."""
    _, states = network(x)
    h = states[0] if isinstance(states, tuple) else states
    raw = head(torch.cat([h[-2], h[-1]], dim=1))
    scores = raw.softmax(dim=1) if kind == "probability" else raw
    return scores[torch.arange(len(x)), target]


def midpoint_rule(gradient, x, baseline, n_points):
    """Return (x - baseline) * mean gradient along the straight path."""
    shares = (torch.arange(n_points) + 0.5) / n_points
    total = sum(gradient(baseline + share * (x - baseline)) for share in shares)
    return (x - baseline) * total / n_points


def make(cell):
    """Return inputs, parameters, gradients and attributions of one kind of network."""
    torch.manual_seed(1)
    torch.set_default_dtype(torch.float64)
    network = CELLS[cell](N_CHANNELS, HIDDEN_SIZE, 2, bidirectional=True, batch_first=True)
    head = torch.nn.Linear(2 * HIDDEN_SIZE, N_OUTPUTS)
    for name, parameter in network.named_parameters():
        if name.startswith("bias_hh"):  # see make_golden.py
            parameter.data[: 2 * HIDDEN_SIZE if cell == "gru" else None] = 0.0
            parameter.requires_grad_(cell == "gru")
    x = torch.randn(N_SAMPLES, N_TIMESTEPS, N_CHANNELS)
    baseline, target = torch.tensor([0.5, -1.0, 0.0]), torch.arange(N_SAMPLES) % N_OUTPUTS
    golden = {"x": x, "baseline": baseline, "target": target}
    for kind in "raw", "probability":

        def gradient(points, kind=kind):
            points = points.clone().requires_grad_()
            value = response(network, head, points, target, kind).sum()
            return torch.autograd.grad(value, points)[0]

        golden[f"{kind}/gradient"] = gradient(x)
        coarse, fine = (midpoint_rule(gradient, x, baseline, n) for n in (N_POINTS, 2 * N_POINTS))
        golden[f"{kind}/attribution"] = (4.0 * fine - coarse) / 3.0
        golden[f"{kind}/value"] = response(network, head, x, target, kind)
    golden = {name: tensor.detach().numpy().copy() for name, tensor in golden.items()}
    theta = parameters(network, head)
    return golden | {f"theta/{name}": array for name, array in theta.items()}


if __name__ == "__main__":
    made = {f"{cell}/{name}": array for cell in CELLS for name, array in make(cell).items()}
    path = Path(__file__).parent / "attributions.npz"
    np.savez_compressed(path, **made)
    print(f"{path.name}: {path.stat().st_size // 1024} KiB")
