"""A prediction at every time step: the head on all states of the last layer."""

import numpy as np
import pytest

from sklstm._kernels.simd import (
    lanes_of,
)
from tests.kernels.problem import (
    Problem,
    assert_close,
    assert_same_gradient,
    finite_difference,
    run_gradient,
    run_predict,
)

LANES = lanes_of(np.float64)
STEPS = {"pooling": ("steps",), "n_channels": 2}


@pytest.mark.parametrize("loss", ["softmax", "sigmoid", "squared_error"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("num_layers", [1, 2])
def test_equals_the_twin(num_layers, bidirectional, loss):
    for hidden_size, n_outputs, masks in [(5, 3, True), (LANES, LANES + 1, False), (9, 1, True)]:
        problem = Problem(
            hidden_size=hidden_size, num_layers=num_layers, bidirectional=bidirectional,
            loss=loss, masks=masks, n_outputs=n_outputs, **STEPS,
        )  # fmt: skip
        if loss == "squared_error":
            problem.target[[2, 5], 0] = np.nan  # no target there
        problem.row_weight[3] = 0.0
        assert_same_gradient(run_gradient(problem), problem.gradient_by_twin(), 1e-10)
        forward, expected = run_predict(problem), problem.prediction_by_twin()
        for name in ("raw", "h", "c"):
            assert_close(getattr(forward, name), getattr(expected, name), 1e-12, name)


@pytest.mark.parametrize("cell", ["lstm", "lstm1997", "gru"])  # the others: test_attention.py
def test_finite_differences(cell):
    problem = Problem(
        cell=cell, hidden_size=3, bidirectional=True, lengths=(3, 5, 1, 4), loss="squared_error",
        num_layers=2, **STEPS,
    )  # fmt: skip
    exact = run_gradient(problem)
    for name, numeric, analytic in finite_difference(problem, exact, n_places=24):
        if name == "dc" and cell == "gru":
            continue  # without memory, c is passed through unchanged
        assert np.abs(analytic).max() > 1e-4, name
        assert_close(numeric, analytic, 1e-6, name)


def test_a_step_without_weight_asks_for_nothing():
    problem = Problem(lengths=(7, 7), loss="squared_error", **STEPS)
    problem.dh[:], problem.dc[:] = 0.0, 0.0
    steps = np.tile(np.arange(7), 2)
    problem.row_weight[steps != 2] = 0.0
    late = run_gradient(problem)
    for dx in late.dx:
        assert np.abs(dx[:3]).min() > 0.0
        assert not dx[3:].any()  # in one direction, later steps have no effect
    problem.target[steps != 2] = 1e9
    np.testing.assert_array_equal(run_gradient(problem).loss, late.loss)


def test_the_last_step_is_what_pooling_the_last_state_gives():
    problem = Problem(**STEPS)
    pooled = Problem(pooling=("last",), n_channels=2)
    pooled.params, pooled.sequences = problem.params, problem.sequences
    pooled.h, pooled.c = problem.h, problem.c
    ends = np.cumsum(problem.n_rows) - 1
    np.testing.assert_array_equal(run_predict(problem).raw[ends], run_predict(pooled).raw)


def test_checkpoints_leave_the_gradient_as_it_is():
    problem = Problem(lengths=(5, 13, 1, 13, 8), num_layers=2, bidirectional=True, **STEPS)
    expected = run_gradient(problem, segment=13)
    assert_same_gradient(run_gradient(problem, segment=3), expected, 1e-12)


def test_prediction_depends_on_no_other_sequence():
    lengths = np.random.RandomState(2).randint(1, 12, 13)
    problem = Problem(lengths=lengths, hidden_size=LANES + 3, bidirectional=True, **STEPS)
    together = problem.by_sequence(run_predict(problem).raw)
    for n in range(len(lengths)):
        np.testing.assert_array_equal(run_predict(problem.subset([n])).raw, together[n])
