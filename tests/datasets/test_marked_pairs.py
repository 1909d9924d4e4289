import numpy as np
import pytest

from sklstm.datasets import make_adding, make_multiplication

TASKS = pytest.mark.parametrize(
    ("make", "low", "neutral"), [(make_adding, -1.0, 0.0), (make_multiplication, 0.0, 1.0)]
)


def marked_steps(x):
    """Return the time steps whose marker is 1."""
    return np.flatnonzero(x[:, 1] == 1.0)


def test_adding_target_is_the_scaled_sum_of_the_marked_values():
    X, y = make_adding(2000, random_state=0)
    sums = np.array([x[marked_steps(x), 0].sum() for x in X])
    np.testing.assert_allclose(y, 0.5 + sums / 4, rtol=0, atol=1e-15)
    assert y.min() >= 0.0
    assert y.max() <= 1.0


def test_multiplication_target_is_the_product_of_the_marked_values():
    X, y = make_multiplication(2000, random_state=0)
    products = np.array([x[marked_steps(x), 0].prod() for x in X])
    np.testing.assert_allclose(y, products, rtol=0, atol=1e-15)


@TASKS
def test_values_fill_their_interval_and_markers_are_three(make, low, neutral):
    X, _ = make(300, random_state=1)
    assert all(x.shape[1] == 2 and x.dtype == np.float64 for x in X)
    values, markers = np.concatenate(X).T
    assert low <= values.min() < low + 0.01
    assert 0.99 < values.max() <= 1.0
    assert abs(values.mean() - (low + 1) / 2) < 0.02
    assert set(markers) == {-1.0, 0.0, 1.0}


@TASKS
def test_first_and_last_marker_are_minus_one_and_no_other(make, low, neutral):
    X, _ = make(500, random_state=2)
    for x in X:
        assert np.flatnonzero(x[:, 1] == -1.0).tolist() == [0, len(x) - 1]


@TASKS
def test_lengths_are_uniform_between_t_and_eleven_tenths_of_t(make, low, neutral):
    X, _ = make(2200, min_length=50, random_state=3)
    lengths, counts = np.unique([len(x) for x in X], return_counts=True)
    assert lengths.tolist() == list(range(50, 56))
    np.testing.assert_allclose(counts, 2200 / 6, rtol=0.2)


@TASKS
def test_marks_are_one_of_ten_and_one_of_the_first_half(make, low, neutral):
    n_samples = 10_000
    X, _ = make(n_samples, min_length=100, random_state=4)
    marked = [marked_steps(x) for x in X]
    # Counted from 0: X1 is at 0..9, and X2 is one of the first 49 other pairs, so at 0..49.
    both = np.array([steps for steps in marked if len(steps) == 2])
    assert both[:, 0].max() <= 9
    assert both[:, 1].max() == 49

    # X1 is not the first pair in 9/10 of the sequences, X2 is not in 48/49 of them.
    assert abs(len(both) / n_samples - 9 / 10 * 48 / 49) < 0.01
    assert min(len(steps) for steps in marked) == 1

    # A pair after the first ten can only be X2: with probability 1/49.
    counts = np.bincount(np.concatenate(marked), minlength=50)
    np.testing.assert_allclose(counts[10:] / n_samples, 1 / 49, atol=0.006)
    # One of the first ten is X1 with probability 1/10; otherwise it is X2 with probability 1/49.
    np.testing.assert_allclose(counts[1:10] / n_samples, 1 / 10 + 9 / 10 / 49, atol=0.013)


@TASKS
def test_a_drawn_first_pair_has_the_neutral_value(make, low, neutral):
    X, _ = make(3000, random_state=5)
    drawn = [x for x in X if len(marked_steps(x)) == 1]
    others = [x for x in X if len(marked_steps(x)) == 2]
    assert len(drawn) > 200
    assert all(x[0, 0] == neutral for x in drawn)
    assert all(x[0, 0] != neutral for x in others)


@TASKS
def test_smallest_length_keeps_the_last_pair_unmarked(make, low, neutral):
    X, _ = make(500, min_length=11, random_state=6)
    assert all(x[-1, 1] == -1.0 and 1 <= len(marked_steps(x)) <= 2 for x in X)


@TASKS
def test_same_seed_same_sequences(make, low, neutral):
    draws = [make(20, random_state=seed) for seed in (7, 7, 8)]
    np.testing.assert_array_equal(np.concatenate(draws[0][0]), np.concatenate(draws[1][0]))
    np.testing.assert_array_equal(draws[0][1], draws[1][1])
    assert not np.array_equal(draws[0][1], draws[2][1])


def test_random_state_instance_is_advanced():
    rng = np.random.RandomState(0)
    _, first = make_adding(5, random_state=rng)
    _, second = make_adding(5, random_state=rng)
    assert not np.array_equal(first, second)


@TASKS
@pytest.mark.parametrize(
    ("parameter", "value"), [("n_samples", 0), ("min_length", 10), ("random_state", "seed")]
)
def test_invalid_parameter_is_named(make, low, neutral, parameter, value):
    with pytest.raises(ValueError, match=f"'{parameter}' parameter of {make.__name__}"):
        make(**{parameter: value})
