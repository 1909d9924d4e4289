import numpy as np
import pytest

from sklstm.datasets import make_two_sequence


def stack_shortest(X, min_length):
    """Return the steps that all sequences have, as one array."""
    return np.stack([x[:min_length, 0] for x in X])


@pytest.mark.parametrize("variant", ["3a", "3b", "3c"])
def test_lengths_are_uniform_between_t_and_eleven_tenths_of_t(variant):
    X, y = make_two_sequence(2200, variant=variant, min_length=100, random_state=0)
    assert y.shape == (2200,)
    assert all(x.shape[1:] == (1,) and x.dtype == np.float64 for x in X)
    lengths, counts = np.unique([len(x) for x in X], return_counts=True)
    assert lengths.tolist() == list(range(100, 111))
    np.testing.assert_allclose(counts, 200, atol=60)


@pytest.mark.parametrize("n_informative", [1, 3])
def test_3a_signal_is_exact_and_the_rest_is_noise(n_informative):
    X, y = make_two_sequence(500, n_informative=n_informative, random_state=1)
    values = stack_shortest(X, 100)
    assert y.dtype.kind == "i"
    assert abs(y.mean() - 0.5) < 0.1
    expected = np.where(y == 1, 1.0, -1.0)[:, np.newaxis]
    np.testing.assert_array_equal(values[:, :n_informative], np.tile(expected, n_informative))
    noise = values[:, n_informative:]
    assert abs(noise.mean()) < 0.01
    assert abs(noise.var() - 0.2) < 0.01


def test_3b_signal_is_noisy_too():
    X, y = make_two_sequence(2000, variant="3b", n_informative=3, random_state=2)
    noise = stack_shortest(X, 100)[:, :3] - np.where(y == 1, 1.0, -1.0)[:, np.newaxis]
    assert abs(noise.mean()) < 0.03
    assert abs(noise.var() - 0.2) < 0.02


def test_3c_targets_are_noisy_around_02_for_class_1_and_08_for_class_2():
    X, y = make_two_sequence(2000, variant="3c", n_informative=1, random_state=3)
    signal = stack_shortest(X, 100)[:, 0]
    assert set(signal) == {-1.0, 1.0}
    for class_value, mean in [(1.0, 0.2), (-1.0, 0.8)]:
        targets = y[signal == class_value]
        assert abs(targets.mean() - mean) < 0.04
        assert abs(targets.var() - 0.1) < 0.02


def test_3c_without_target_noise_keeps_the_inputs():
    X_noisy, _ = make_two_sequence(30, variant="3c", random_state=4)
    X_clean, y_clean = make_two_sequence(30, variant="3c", target_variance=0, random_state=4)
    np.testing.assert_array_equal(np.concatenate(X_noisy), np.concatenate(X_clean))
    assert set(y_clean) == {0.2, 0.8}


def test_noise_variance():
    X, _ = make_two_sequence(200, noise_variance=2.0, random_state=5)
    assert abs(stack_shortest(X, 100)[:, 3:].var() - 2.0) < 0.1


def test_same_seed_same_sequences():
    draws = [make_two_sequence(20, variant="3c", random_state=seed) for seed in (6, 6, 7)]
    np.testing.assert_array_equal(np.concatenate(draws[0][0]), np.concatenate(draws[1][0]))
    np.testing.assert_array_equal(draws[0][1], draws[1][1])
    assert not np.array_equal(draws[0][1], draws[2][1])


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("variant", "3d"), ("min_length", 0), ("n_informative", 0), ("noise_variance", -1)],
)
def test_invalid_parameter_is_named(parameter, value):
    with pytest.raises(ValueError, match=f"'{parameter}' parameter of make_two_sequence"):
        make_two_sequence(**{parameter: value})


def test_more_informative_values_than_steps_are_refused():
    with pytest.raises(ValueError, match="n_informative=5 must not be greater than min_length=4"):
        make_two_sequence(min_length=4, n_informative=5)
