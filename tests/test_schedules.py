"""The learning rate at the points that define a schedule."""

import numpy as np
import pytest

from sklstm.components.schedules import SCHEDULES, learning_rate

N = 100
POINTS = {
    "constant": {0: 1.0, 50: 1.0, 99: 1.0},
    "adaptive": {0: 1.0, 50: 1.0, 99: 1.0},  # falls between epochs
    "invscaling": {0: 1.0, 3: 0.5, 99: 0.1},
    # a tenth of the steps up in a line, the rest down as half a cosine
    "cosine": {0: 0.1, 4: 0.5, 9: 1.0, 10: 1.0, 55: 0.5, 100: 0.0},
    # 30% up from 1/25, the rest down to 1/10,000
    "one_cycle": {0: 0.04, 15: 0.52, 30: 1.0, 65: 0.50005, 100: 1e-4},
}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_known_points(schedule):
    for step, expected in POINTS[schedule].items():
        rate = learning_rate(schedule, 0.3, step, N, 0.5)
        assert rate == pytest.approx(0.3 * expected, abs=1e-12)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("n_steps", [1, 2, 3, 10, 1000])
def test_every_step_has_a_rate(schedule, n_steps):
    rates = [learning_rate(schedule, 0.3, step, n_steps, 0.5) for step in range(n_steps)]
    assert np.isfinite(rates).all()
    assert min(rates) > 0
    assert max(rates) <= 0.3
    assert max(rates) > 0.29 or (schedule == "one_cycle" and n_steps < 10)


def test_power():
    assert learning_rate("invscaling", 1.0, 7, N, 1.0) == 1 / 8
    assert learning_rate("invscaling", 1.0, 7, N, 0.0) == 1.0


def test_rise_and_fall():
    for schedule, top in [("cosine", 9), ("one_cycle", 30)]:
        rates = np.array([learning_rate(schedule, 1.0, step, N, 0.5) for step in range(N)])
        assert rates.argmax() == top
        assert (np.diff(rates[: top + 1]) > 0).all()
        assert (np.diff(rates[top:]) <= 0).all()
