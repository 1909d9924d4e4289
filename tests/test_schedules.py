"""The learning rate at some points of each schedule."""

import numpy as np
import pytest

from sklstm.components import InverseScaling
from sklstm.components.schedules import SCHEDULES

N = 100
POINTS = {
    "constant": {0: 1.0, 50: 1.0, 99: 1.0},
    "adaptive": {0: 1.0, 50: 1.0, 99: 1.0},  # only changes between epochs
    "invscaling": {0: 1.0, 3: 0.5, 99: 0.1},
    # rises linearly in a tenth of the steps, then falls as half a cosine
    "cosine": {0: 0.1, 4: 0.5, 9: 1.0, 10: 1.0, 55: 0.5, 100: 0.0},
    # rises from 1/25 in 30% of the steps, then falls to 1/10,000
    "one_cycle": {0: 0.04, 15: 0.52, 30: 1.0, 65: 0.50005, 100: 1e-4},
}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_known_points(schedule):
    for step, expected in POINTS[schedule].items():
        rate = SCHEDULES[schedule]().rate(0.3, step, N)
        assert rate == pytest.approx(0.3 * expected, abs=1e-12)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("n_steps", [1, 2, 3, 10, 1000])
def test_every_step_has_a_rate(schedule, n_steps):
    rates = [SCHEDULES[schedule]().rate(0.3, step, n_steps) for step in range(n_steps)]
    assert np.isfinite(rates).all()
    assert min(rates) > 0
    assert max(rates) <= 0.3
    assert max(rates) > 0.29 or (schedule == "one_cycle" and n_steps < 10)


def test_power():
    assert InverseScaling(power=1.0).rate(1.0, 7, N) == 1 / 8
    assert InverseScaling(power=0.0).rate(1.0, 7, N) == 1.0


def test_rise_and_fall():
    for schedule, top in [("cosine", 9), ("one_cycle", 30)]:
        rates = np.array([SCHEDULES[schedule]().rate(1.0, step, N) for step in range(N)])
        assert rates.argmax() == top
        assert (np.diff(rates[: top + 1]) > 0).all()
        assert (np.diff(rates[top:]) <= 0).all()
