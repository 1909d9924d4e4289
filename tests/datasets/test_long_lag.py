import numpy as np
import pytest

from sklstm.datasets import make_long_lag


@pytest.mark.parametrize("variant", ["2a", "2b"])
def test_paper_task_has_101_symbols_and_100_steps(variant):
    X, y = make_long_lag(5, variant=variant, random_state=0)
    assert X.shape == (5, 100, 101)
    assert y.shape == (5, 100)
    assert X.dtype == np.float64
    assert y.dtype.kind == "i"
    assert set(np.unique(X)) == {0.0, 1.0}
    np.testing.assert_array_equal(X.sum(axis=2), 1.0)


@pytest.mark.parametrize("variant", ["2a", "2b"])
def test_targets_are_the_next_symbols_and_end_in_the_first(variant):
    X, y = make_long_lag(50, variant=variant, lag=12, random_state=1)
    symbols = X.argmax(axis=2)
    np.testing.assert_array_equal(symbols[:, 1:], y[:, :-1])
    np.testing.assert_array_equal(symbols[:, 0], y[:, -1])
    x, y_symbol = 11, 12
    assert set(symbols[:, 0]) == {x, y_symbol}
    assert symbols[:, 1:].max() < x


def test_2a_has_exactly_two_sequences():
    X, _ = make_long_lag(60, variant="2a", lag=6, random_state=2)
    sequences = {tuple(sequence) for sequence in X.argmax(axis=2).tolist()}
    assert sequences == {(5, 0, 1, 2, 3, 4), (6, 0, 1, 2, 3, 4)}


def test_2b_distractors_are_uniform():
    X, _ = make_long_lag(600, variant="2b", lag=11, random_state=3)
    frequencies = np.bincount(X.argmax(axis=2)[:, 1:].ravel()) / (600 * 10)
    np.testing.assert_allclose(frequencies, 0.1, atol=0.015)


@pytest.mark.parametrize("variant", ["2a", "2b"])
def test_x_and_y_are_equally_likely(variant):
    _, y = make_long_lag(2000, variant=variant, lag=4, random_state=4)
    assert abs(np.mean(y[:, -1] == 4) - 0.5) < 0.04


def test_2c_structure():
    X, y = make_long_lag(100, variant="2c", lag=20, n_distractors=7, random_state=5)
    e, b, x = 7, 8, 9
    assert isinstance(X, list)
    assert y.shape == (100,)
    assert set(y) == {0, 1}
    for sequence, last_symbol in zip(X, y, strict=True):
        assert sequence.shape[1] == 7 + 4
        symbols = sequence.argmax(axis=1)
        assert symbols[0] == b
        assert symbols[1] == x + last_symbol
        assert symbols[-1] == e
        assert len(symbols) >= 20 + 3
        assert symbols[2:-1].max() < 7


def test_2c_length_is_geometric_with_mean_q_plus_13():
    X, _ = make_long_lag(4000, variant="2c", lag=3, random_state=6)
    further = np.array([len(sequence) for sequence in X]) - (3 + 3)
    assert further.min() == 0
    assert abs(np.mean(further == 0) - 0.1) < 0.02
    assert abs(further.mean() - 9) < 0.6
    # The paper's length includes the last symbol, which is not in X.
    assert abs(np.mean([len(sequence) + 1 for sequence in X]) - (3 + 13)) < 0.6


def test_2c_distractors_are_uniform_and_as_many_as_the_lag_by_default():
    X, _ = make_long_lag(300, variant="2c", lag=10, random_state=7)
    assert X[0].shape[1] == 14
    counts = np.concatenate([sequence[2:-1] for sequence in X]).sum(axis=0)
    np.testing.assert_allclose(counts[:10] / counts.sum(), 0.1, atol=0.02)
    assert (counts[10:] == 0).all()


@pytest.mark.parametrize("variant", ["2b", "2c"])
def test_same_seed_same_sequences(variant):
    draws = [make_long_lag(20, variant=variant, lag=10, random_state=s) for s in (8, 8, 9)]
    flat = [np.concatenate(X) for X, _ in draws]
    np.testing.assert_array_equal(flat[0], flat[1])
    np.testing.assert_array_equal(draws[0][1], draws[1][1])
    assert not np.array_equal(flat[0], flat[2])


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("variant", "2d"), ("lag", 1), ("n_distractors", 0), ("n_samples", 1.5)],
)
def test_invalid_parameter_is_named(parameter, value):
    with pytest.raises(ValueError, match=f"'{parameter}' parameter of make_long_lag"):
        make_long_lag(**{parameter: value})


def test_n_distractors_is_refused_where_the_lag_determines_it():
    with pytest.raises(ValueError, match="n_distractors=5 is only supported with variant='2c'"):
        make_long_lag(variant="2b", n_distractors=5)


@pytest.mark.parametrize("variant", ["2a", "2b", "2c"])
def test_symbols_without_one_hot_are_the_columns(variant):
    X, y = make_long_lag(20, variant=variant, lag=8, random_state=5)
    symbols, same_y = make_long_lag(20, variant=variant, lag=8, one_hot=False, random_state=5)
    np.testing.assert_array_equal(y, same_y)
    for sequence, columns in zip(X, symbols, strict=True):
        np.testing.assert_array_equal(sequence.argmax(axis=1), columns)
