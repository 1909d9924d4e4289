"""One recurrent layer: guarantees of a scan beyond equality with its twin."""

import numpy as np
import pytest

from sklstm._kernels.simd import (
    lanes_of,
)
from tests.kernels.problem import (
    Problem,
    assert_close,
    assert_same_gradient,
    run_gradient,
    run_predict,
)

LANES = lanes_of(np.float64)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("hidden_size", [3, 4 * LANES, 5 * LANES + 1])
def test_many_rows(hidden_size, bidirectional):
    # several weight-gradient products in one scan, and edge tiles of every height
    lengths = np.random.RandomState(0).randint(1, 21, 33)
    problem = Problem(
        lengths=lengths, hidden_size=hidden_size, bidirectional=bidirectional, pooling=("mean",)
    )
    assert_same_gradient(run_gradient(problem), problem.gradient_by_twin(), 1e-10)


@pytest.mark.parametrize("lengths", [(1,), (1, 1, 1), (130,), (2, 200)], ids=str)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_few_rows(lengths, bidirectional):
    problem = Problem(lengths=lengths, bidirectional=bidirectional, pooling=("last", "max"))
    assert_same_gradient(run_gradient(problem), problem.gradient_by_twin(), 1e-10)


@pytest.mark.parametrize("segment", [1, 2, 3, 7, 10, 11, 12, 13, 100])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_checkpoints_leave_the_gradient_as_it_is(bidirectional, segment):
    problem = Problem(
        lengths=(5, 13, 1, 13, 8, 2, 11), num_layers=2, bidirectional=bidirectional,
        pooling=("last", "mean", "max"), masks=True,
    )  # fmt: skip
    expected = run_gradient(problem, segment=13)
    assert_same_gradient(run_gradient(problem, segment=segment), expected, 1e-12)


def test_checkpoints_with_many_rows():
    lengths = np.random.RandomState(1).randint(10, 41, 30)
    problem = Problem(lengths=lengths, bidirectional=True, pooling=("last", "mean"))
    expected = problem.gradient_by_twin()
    assert_same_gradient(run_gradient(problem, segment=9), expected, 1e-10)


def test_states_carry_over():
    problem = Problem(lengths=(9, 6, 7), num_layers=2)
    whole = run_predict(problem)
    sequences = problem.sequences
    for begin, end in [(0, 2), (2, 5), (5, None)]:
        problem.sequences = [sequence[begin:end] for sequence in sequences]
        part = run_predict(problem)
        problem.h, problem.c = part.h, part.c
    for name in ("raw", "h", "c"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name))


def test_gradients_of_states_carry_over():
    """Backward through two segments, the later one first, equals backward through the whole."""
    problem = Problem(lengths=(9, 6, 7), num_layers=2)
    whole = run_gradient(problem)
    sequences = problem.sequences
    problem.sequences = [sequence[:4] for sequence in sequences]
    between = run_predict(problem)
    h, c = problem.h, problem.c
    problem.h, problem.c = between.h, between.c
    problem.sequences = [sequence[4:] for sequence in sequences]
    late = run_gradient(problem)
    problem.h, problem.c, problem.dh, problem.dc = h, c, late.dh, late.dc
    problem.sequences = [sequence[:4] for sequence in sequences]
    problem.row_weight = np.zeros(3)  # only the gradient of the final states counts
    early = run_gradient(problem)
    for name in ("dh", "dc"):
        assert_close(getattr(early, name), getattr(whole, name), 1e-13, name)
    for name, gradient in whole.gradient.items():
        assert_close(early.gradient[name] + late.gradient[name], gradient, 1e-13, name)


def test_reverse_direction_is_the_forward_one_on_reversed_sequences():
    problem = Problem(lengths=(4, 1, 6), bidirectional=True)
    both = run_gradient(problem)
    problem.sequences = [sequence[::-1] for sequence in problem.sequences]
    for kind in ("weight_ih", "weight_hh", "bias"):
        forward, reverse = f"{kind}_l0", f"{kind}_l0_reverse"
        problem.params[forward], problem.params[reverse] = (
            problem.params[reverse],
            problem.params[forward],
        )
    head = problem.params["head_weight"]
    problem.params["head_weight"] = np.roll(head, problem.spec.hidden_size, axis=1)
    for name in ("h", "c", "dh", "dc"):
        setattr(problem, name, getattr(problem, name)[::-1])
    swapped = run_gradient(problem)
    np.testing.assert_array_equal(swapped.h, both.h[::-1])
    np.testing.assert_array_equal(swapped.c, both.c[::-1])
    assert_close(swapped.gradient["weight_ih_l0"], both.gradient["weight_ih_l0_reverse"], 1e-13)
    for after, before in zip(swapped.dx, both.dx, strict=True):
        assert_close(after[::-1], before, 1e-12)


def test_dropped_states_get_no_gradient():
    problem = Problem(lengths=(3, 5), num_layers=2, masks=True)
    problem.dh[:1], problem.dc[:1] = 0.0, 0.0
    for mask in problem.layer_masks:
        mask[:] = 0.0
    result = run_gradient(problem)
    for name in ("weight_ih_l0", "weight_hh_l0", "bias_l0"):
        assert not result.gradient[name].any()
    assert not np.concatenate(result.dx).any()
    hidden_size = problem.spec.hidden_size
    assert not result.gradient["weight_ih_l1"].any()
    assert result.gradient["weight_hh_l1"][:, :hidden_size].any()
