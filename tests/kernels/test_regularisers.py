"""Noise and layer normalisation inside the recurrent layers."""

import numba
import numpy as np
import pytest

from sklstm._kernels.noise import kept
from sklstm._kernels.simd import (
    lanes,
    lanes_of,
    store,
)
from sklstm.components.cells import CELLS
from tests import reference
from tests.kernels.problem import (
    SEED,
    Problem,
    assert_close,
    assert_same_gradient,
    finite_difference,
    noise_of,
    run_gradient,
    run_predict,
)

LANES = lanes_of(np.float64)
EVERY_NOISE = {
    "recurrent_dropout": 0.3, "variational_dropout": 0.4, "zoneout_h": 0.2, "zoneout_c": 0.5,
}  # fmt: skip


def regularisers_of(cell):
    """Return all regularisers at once, so that each cell is compiled only once."""
    return EVERY_NOISE | {"layer_norm": cell != "peephole"}


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", sorted(CELLS))
def test_equals_the_twin(cell, bidirectional):
    for hidden_size in (2, LANES, LANES + 1, 4 * LANES + 3):
        problem = Problem(
            cell=cell, hidden_size=hidden_size, num_layers=2, bidirectional=bidirectional,
            pooling=("last", "mean", "max"), lengths=(9, 4, 1, 8, 5, 9), **regularisers_of(cell),
        )  # fmt: skip
        result = run_gradient(problem)
        assert_same_gradient(result, problem.gradient_by_twin(), 1e-10)
        for segment in (1, 4):
            assert_same_gradient(run_gradient(problem, segment=segment), result, 1e-12)
        forward, expected = run_predict(problem), problem.prediction_by_twin()
        for name in ("raw", "h", "c"):
            assert_close(getattr(forward, name), getattr(expected, name), 1e-12, name)
        predicting = run_gradient(problem, trained=False)
        np.testing.assert_array_equal(predicting.raw, forward.raw)
        assert_same_gradient(predicting, problem.gradient_by_twin(trained=False), 1e-10)


@pytest.mark.parametrize("cell", sorted(CELLS))
def test_finite_differences(cell):
    problem = Problem(
        cell=cell, hidden_size=3, num_layers=2, bidirectional=True, n_channels=2,
        lengths=(3, 5, 1), pooling=("last", "mean"), **regularisers_of(cell),
    )  # fmt: skip
    exact = run_gradient(problem)
    for name, numeric, analytic in finite_difference(problem, exact, n_places=24):
        assert_close(numeric, analytic, 1e-6, name)


def test_float32_gradient_is_close_to_float64():
    lengths = np.random.RandomState(1).randint(20, 41, 12)
    problem = Problem(
        lengths=lengths, hidden_size=lanes_of(np.float32), bidirectional=True, n_channels=2,
        pooling=("last", "mean"), **regularisers_of("lstm"),
    )  # fmt: skip
    single, double = run_gradient(problem, np.float32), run_gradient(problem)
    for name, gradient in double.gradient.items():
        error = np.linalg.norm(single.gradient[name] - gradient)
        assert error < 1e-4 * np.linalg.norm(gradient), name


@pytest.mark.parametrize("regulariser", [*EVERY_NOISE, "layer_norm"])
def test_each_alone_equals_the_twin(regulariser):
    # the last state alone, as in tests/test_regularisers.py: those kernels are compiled once
    problem = Problem(num_layers=2, **{regulariser: EVERY_NOISE.get(regulariser, True)})
    result = run_gradient(problem)
    assert_same_gradient(result, problem.gradient_by_twin(), 1e-10)
    plain = Problem(num_layers=2)
    if regulariser != "layer_norm":
        assert abs(result.raw - run_gradient(plain).raw).max() > 1e-3


@pytest.mark.parametrize("cell", ["lstm", "lstm1997", "peephole", "coupled"])
def test_truncated_equals_the_twin(cell):
    """Errors that bypass the weights because of zoneout are not cut."""
    problem = Problem(
        cell=cell, num_layers=2, bidirectional=True, pooling=("last", "mean"), truncated=True,
        lengths=(9, 4, 1, 8, 5, 9), bptt_steps=4, **regularisers_of(cell),
    )  # fmt: skip
    result = run_gradient(problem)
    assert_same_gradient(result, problem.gradient_by_twin(), 1e-10)
    assert_same_gradient(run_gradient(problem, segment=3), result, 1e-12)


def test_kept_equals_the_twin_and_keeps_its_share():
    @numba.njit
    def all_kept(out, place, rate):
        for j in range(0, out.size, lanes(out)):
            store(out, j, kept(out, place + j, rate))

    for dtype in (np.float32, np.float64):
        for place, rate in [(0, 0.2), (2**32 - 40, 0.5), (SEED, 0.05), (7, 0.0)]:
            out = np.empty(6400, dtype)
            all_kept(out, place, rate)
            np.testing.assert_array_equal(out, reference.kept(place + np.arange(6400), rate))
    # like independent draws: the fraction kept overall, by row, by column, and pairs of neighbours
    places = np.arange(4_000_000).reshape(2000, 2000)
    for rate in (0.1, 0.5):
        drawn = reference.kept(SEED + places, rate)
        spread = np.sqrt(rate * (1.0 - rate))
        for axis, n in [(None, 4_000_000), (0, 2000), (1, 2000)]:
            deviation = (drawn.mean(axis=axis) - (1.0 - rate)) / (spread / np.sqrt(n))
            assert np.abs(deviation).max() < 5.0
        for axis, apart in [(0, 1), (1, 1), (1, 16), (1, 64)]:
            pairs = (drawn - 1.0 + rate) * np.roll(drawn - 1.0 + rate, apart, axis)
            assert abs(pairs.mean()) < 5.0 * spread**2 / 2000


def test_masks_of_scans_and_kinds_differ():
    noise = noise_of(Problem(num_layers=2, bidirectional=True, lengths=(500,), **EVERY_NOISE), True)
    masks = [scan.zoneout_h for scan in noise[0]]
    masks += [1.0 - noise[0][0].zoneout_c, noise[0][0].update > 0]
    for k, mask in enumerate(masks):
        for other in masks[:k]:
            assert abs(np.corrcoef(mask.ravel(), other.ravel())[0, 1]) < 0.1


def identical_sequences(n_timesteps, **settings):
    """Return a problem with 3000 equal sequences, so that only the noise differs."""
    problem = Problem(lengths=(n_timesteps,) * 3000, hidden_size=LANES, **settings)
    problem.sequences = [problem.sequences[0]] * 3000
    for states in (problem.h, problem.c):
        states[:] = states[:, :1]
    return problem


@pytest.mark.parametrize(
    ("noise", "states"),
    [({"recurrent_dropout": 0.3}, "c"), ({"zoneout_h": 0.4}, "h"), ({"zoneout_c": 0.5}, "c")],
)
def test_prediction_is_the_expectation(noise, states):
    """The predicted state is the mean of the states over the masks of many equal sequences."""
    problem = identical_sequences(1, **noise)
    drawn = getattr(run_gradient(problem, need_dx=False), states)[0]
    expected = getattr(run_predict(problem), states)[0]
    deviation = drawn.std(axis=0)
    assert deviation.min() > 1e-3
    error = drawn.mean(axis=0) - expected[0]
    assert np.abs(error / deviation).max() < 5.0 / np.sqrt(len(drawn))


def test_variational_masks_hold_for_a_sequence():
    """If only one unit is read, it is dropped at all steps or at none: there are two outcomes."""
    problem = identical_sequences(4, variational_dropout=0.3)
    problem.params["weight_hh_l0"][:, 1:] = 0.0  # only the first unit is read
    outcomes = np.unique(run_gradient(problem, need_dx=False).h[0].round(12), axis=0)
    assert len(outcomes) == 2


def test_zoneout_keeps_states_exactly():
    problem = identical_sequences(1, zoneout_h=0.4, zoneout_c=0.5)
    result = run_gradient(problem, need_dx=False)
    for name, rate in [("h", 0.4), ("c", 0.5)]:
        stays = getattr(result, name)[0] == getattr(problem, name)[0]
        assert abs(stays.mean() - rate) < 5.0 * np.sqrt(rate * (1.0 - rate) / stays.size)


def test_normalised_gates_have_the_gain_for_deviation():
    """Scaling the weights of a gate, or adding a constant to them, changes nothing."""
    problem = Problem(hidden_size=LANES + 3, layer_norm=True, lengths=(3,))
    for name in ("bias_l0", "weight_hh_l0"):
        problem.params[name][:] = 0.0
    before = run_predict(problem).raw
    weight = problem.params["weight_ih_l0"].reshape(4, -1, problem.spec.n_channels)
    weight *= np.array([3.0, 20.0, 7.0, 100.0])[:, None, None]
    weight += 100.0 * np.random.RandomState(0).standard_normal((4, 1, problem.spec.n_channels))
    assert_close(run_predict(problem).raw, before, 1e-4)  # 1e-5 is added to the variance
    weight *= 1e4
    far = run_predict(problem).raw
    weight *= 2.0
    assert_close(run_predict(problem).raw, far, 1e-9)
