"""Measure a training step of the 93-weight network per trial, and the drawing of its data.

python -m examples.hochreiter1997.speed
"""

from __future__ import annotations

import time

import numpy as np

from examples.hochreiter1997.experiments import add
from examples.hochreiter1997.network import LANES
from examples.hochreiter1997.trials import Trial


def main() -> None:
    """Measure and print the times of drawing and learning."""
    experiment = add(100, 0)
    network = experiment.architecture.network()
    trials = [Trial(experiment, seed) for seed in range(LANES)]
    for lane, trial in enumerate(trials):
        network.theta[:, lane] = trial.theta
        network.rate[:, lane] = trial.rate
    network.run([trial.next_round() for trial in trials])  # compiles
    drawing, learning = [], []
    for _ in range(200):
        start = time.perf_counter()
        rounds = [trial.next_round() for trial in trials]
        middle = time.perf_counter()
        network.run(rounds)
        n_steps = sum(sequences.length.sum() for sequences in rounds)
        drawing.append((middle - start) / n_steps)
        learning.append((time.perf_counter() - middle) / n_steps)
    print(f"{LANES} trials at a time, one core, ns per time step and trial:")
    print(f"learning {1e9 * np.median(learning):.0f}, drawing {1e9 * np.mean(drawing):.0f}")


if __name__ == "__main__":
    main()
