import numpy as np
import pytest

from sklstm.datasets import make_copy_memory


def test_paper_task_has_t_plus_20_steps_of_10_symbols():
    X, y = make_copy_memory(7, random_state=0)
    assert X.shape == (7, 120, 10)
    assert y.shape == (7, 120)
    assert X.dtype == np.float64
    assert y.dtype.kind == "i"
    np.testing.assert_array_equal(X.sum(axis=2), 1.0)


@pytest.mark.parametrize(("delay", "n_copied", "n_symbols"), [(100, 10, 8), (1, 1, 2), (5, 3, 4)])
def test_symbols_are_to_be_repeated_after_the_delimiter(delay, n_copied, n_symbols):
    X, y = make_copy_memory(50, delay=delay, n_copied=n_copied, n_symbols=n_symbols, random_state=1)
    blank, delimiter = n_symbols, n_symbols + 1
    for symbols, targets in zip(X.argmax(axis=2), y, strict=True):
        (delimiter_step,) = np.flatnonzero(symbols == delimiter)
        assert delimiter_step - (n_copied - 1) == delay
        assert (symbols[:n_copied] < n_symbols).all()
        assert (np.delete(symbols[n_copied:], delimiter_step - n_copied) == blank).all()
        assert (targets[: delimiter_step + 1] == blank).all()
        np.testing.assert_array_equal(targets[delimiter_step + 1 :], symbols[:n_copied])


def test_symbols_are_uniform():
    _, y = make_copy_memory(1000, delay=1, random_state=2)
    frequencies = np.bincount(y[:, -10:].ravel()) / 10_000
    np.testing.assert_allclose(frequencies, 1 / 8, atol=0.015)


def test_same_seed_same_sequences():
    draws = [make_copy_memory(20, delay=3, random_state=seed)[1] for seed in (3, 3, 4)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])


@pytest.mark.parametrize("parameter", ["n_samples", "delay", "n_copied", "n_symbols"])
def test_invalid_parameter_is_named(parameter):
    with pytest.raises(ValueError, match=f"'{parameter}' parameter of make_copy_memory"):
        make_copy_memory(**{parameter: 0})
