"""Draws the two pictures of docs/explanation/hochreiter1997.md.

python -m examples.hochreiter1997.pictures
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np

from examples.hochreiter1997 import results
from examples.hochreiter1997.experiments import BEYOND, LSTM
from examples.hochreiter1997.tables import PAGE, by_row

matplotlib.use("svg")
matplotlib.rcParams |= {"svg.hashsalt": "sklstm", "svg.fonttype": "none", "font.size": 9}
from matplotlib import pyplot as plt  # noqa: E402 (the back end comes first)

N_UNITS, N_STEPS = 16, 1000


def error_flow() -> dict[str, np.ndarray]:
    """Size of an error after k steps back, for k = 0 ... N_STEPS, in networks not yet trained.

    For memory cells that is what stays inside the carousel: the product of the forget gates, or 1
    where there are none. For Elman's network it is the whole Jacobian of the hidden state.
    """
    rng = np.random.RandomState(0)
    x = rng.standard_normal((N_STEPS, 1))

    def gate(bias: np.ndarray | float) -> np.ndarray:
        w = rng.uniform(-0.25, 0.25, (N_UNITS, 1))
        return 1.0 / (1.0 + np.exp(-(x @ w.T + bias)))  # (N_STEPS, N_UNITS)

    def carousel(kept: np.ndarray) -> np.ndarray:
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
    figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
    for label, size in error_flow().items():
        axes.semilogy(size, label=label)
    axes.set(xlabel="steps back", ylabel="error that is left", ylim=(1e-12, 10), xlim=(0, N_STEPS))
    axes.legend(frameon=False, loc="center right")
    figure.savefig(path, metadata={"Date": None})


def draw_lags(path: Path) -> None:
    """Sequences to success by minimal lag: 2c with as many distractors as steps, and 4."""
    rows = by_row(results.read())
    figure, panels = plt.subplots(ncols=2, figsize=(7, 3), layout="constrained", sharey=True)
    title = {"2c": "experiment 2c", "4": "experiment 4, squared errors below 0.04"}
    lag_of = {"2c": lambda row: _numbers(row)[0] + 1, "4": lambda row: _numbers(row)[0] / 2}
    for panel, (name, lag) in zip(panels, lag_of.items(), strict=True):
        paper, ours = [], []
        for experiment in [*LSTM, *BEYOND]:
            row = experiment.row
            if experiment.name != name or (name == "2c" and len(set(_numbers(row))) > 1):
                continue
            criterion = experiment.criteria[0].name
            if criterion in experiment.paper:
                paper.append((lag(row), experiment.paper[criterion]))
            lines = rows.get((name, row, "LSTM", criterion), [])
            ours += [(lag(row), line.sequences) for line in lines if line.success]
        panel.loglog(*np.transpose(paper), "s-", color="C7", label="paper, mean")
        if ours:
            panel.loglog(
                *np.transpose(ours), "o", color="C0", ms=3, alpha=0.5, label="ours, trials"
            )
        lags = sorted({lag for lag, _ in paper + ours})
        panel.set_xticks(lags, [f"{lag:.0f}" for lag in lags], minor=False)
        panel.minorticks_off()
        panel.set(xlabel="minimal lag", title=title[name])
    panels[0].set(ylabel="sequences to success")
    panels[0].legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})


def _numbers(row: str) -> list[int]:
    """Q and p of "q=50, p=50"."""
    return [int(part.split("=")[1]) for part in row.split(", ")]


if __name__ == "__main__":
    draw_error_flow(PAGE.with_name("hochreiter1997_error_flow.svg"))
    draw_lags(PAGE.with_name("hochreiter1997_lags.svg"))
