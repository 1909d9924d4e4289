"""Draw the two figures of docs/explanation/hochreiter1997.md.

python -m examples.hochreiter1997.pictures
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np

from examples.hochreiter1997 import results
from examples.hochreiter1997.experiments import BEYOND, LSTM, READINGS
from examples.hochreiter1997.tables import PAGE, by_row

matplotlib.use("svg")
matplotlib.rcParams |= {"svg.hashsalt": "sklstm", "svg.fonttype": "none", "font.size": 9}
from matplotlib import pyplot as plt  # noqa: E402 (the back end comes first)

N_UNITS, N_STEPS = 16, 1000


def error_flow() -> dict[str, np.ndarray]:
    """Return the size of an error k steps back, k = 0 ... N_STEPS, in untrained networks.

    For memory cells this is the part that stays inside the carousel: the product of the forget
    gates, or 1 without forget gates. For Elman's network it is the norm of the Jacobian of the
    hidden state.
    """
    rng = np.random.RandomState(0)
    x = rng.standard_normal((N_STEPS, 1))

    def gate(bias: np.ndarray | float) -> np.ndarray:
        """Return the activations of forget gates with random weights."""
        w = rng.uniform(-0.25, 0.25, (N_UNITS, 1))
        return 1.0 / (1.0 + np.exp(-(x @ w.T + bias)))  # (N_STEPS, N_UNITS)

    def carousel(kept: np.ndarray) -> np.ndarray:
        """Return the root mean square over units of the product of the last k gates."""
        back = np.cumprod(kept[::-1], axis=0)
        return np.concatenate([[1.0], np.sqrt((back**2).mean(axis=1))])

    chrono = np.log(rng.uniform(1.0, N_STEPS - 1.0, N_UNITS))
    w = np.linalg.qr(rng.standard_normal((N_UNITS, N_UNITS)))[0]
    v = rng.uniform(-0.25, 0.25, (N_UNITS, 1))
    h, hidden = np.zeros(N_UNITS), []
    for x_t in x:
        h = np.tanh(w @ h + v @ x_t)
        hidden.append(h)
    jacobian, elman = np.eye(N_UNITS), [1.0]
    for h in reversed(hidden):
        jacobian = jacobian @ ((1.0 - h**2)[:, np.newaxis] * w)
        elman.append(np.linalg.norm(jacobian) / np.sqrt(N_UNITS))
    return {
        "memory cell of 1997": carousel(np.ones((N_STEPS, N_UNITS))),
        "forget gate, chrono biases": carousel(gate(chrono)),
        "forget gate, bias 1": carousel(gate(1.0)),
        "Elman network": np.array(elman),
    }


def draw_error_flow(path: Path) -> None:
    """Plot the error that remains after k steps back."""
    figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
    for label, size in error_flow().items():
        axes.semilogy(size, label=label)
    axes.set(xlabel="steps back", ylabel="error that is left", ylim=(1e-12, 10), xlim=(0, N_STEPS))
    axes.legend(frameon=False, loc="center right")
    figure.savefig(path, metadata={"Date": None})


def draw_lags(path: Path) -> None:
    """Plot sequences to success against the minimal lag, for 2c with p = q and for 4."""
    lines = by_row(results.read())
    figure, panels = plt.subplots(ncols=2, figsize=(7, 3), layout="constrained", sharey=True)
    experiments = [(experiment, experiment.criteria[0].name) for experiment in [*LSTM, *BEYOND]]
    experiments += [(experiment, experiment.criteria[-1].name) for experiment in READINGS]
    for panel, name, methods in (
        (
            panels[0],
            "2c",
            {
                "LSTM": "by the equations",
                "no recurrence": "no recurrence",
                "no recurrence, weights in ±0.02": "the same, smaller weights",
            },
        ),
        (panels[1], "4", {"LSTM": "errors² below 0.04", "linear output": "linear output"}),
    ):
        points: dict[str, list[tuple[float, float]]] = {method: [] for method in methods}
        paper = set()
        for experiment, criterion in experiments:
            if experiment.name != name:
                continue
            numbers = [int(part.split("=")[1]) for part in experiment.row.split(", ")]
            if len(set(numbers)) > 1:
                continue
            lag = numbers[0] + 1 if name == "2c" else numbers[0] / 2
            if criterion in experiment.paper:
                paper.add((lag, experiment.paper[criterion]))
            for line in lines.get((name, experiment.row, experiment.method, criterion), []):
                if line.success and experiment.method in methods:
                    points[experiment.method].append((lag, line.sequences))
        panel.loglog(*np.transpose(sorted(paper)), "s-", color="C7", label="paper, mean")
        for (method, label), color, side in zip(
            methods.items(), ("C0", "C1", "C2"), (0.94, 1.06, 1.0), strict=False
        ):
            at, needed = np.transpose(points[method]) if points[method] else ([], [])
            x = np.asarray(at) * side  # so that they do not hide each other
            panel.loglog(x, needed, "o", color=color, ms=3, alpha=0.5, label=label)
        lags = sorted({lag for lag, _ in paper.union(*points.values())})
        panel.set_xticks(lags, [f"{lag:.0f}" for lag in lags], minor=False)
        panel.minorticks_off()
        panel.set(xlabel="minimal lag", title=f"experiment {name}")
        panel.legend(frameon=False)
    panels[0].set(ylabel="sequences to success")
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    draw_error_flow(PAGE.with_name("hochreiter1997_error_flow.svg"))
    draw_lags(PAGE.with_name("hochreiter1997_lags.svg"))
