"""In training, sequences also have the gaps of others with a similar target."""

import numpy as np
import pytest

from sklstm import LSTMClassifier, LSTMRegressor
from sklstm._input.sequences import NetworkInput, Reading, SequenceDataset
from sklstm._training import borrowed_gaps
from sklstm._training.borrowed_gaps import Lenders
from tests.test_gaps import MASK, with_gaps
from tests.toy import ESTIMATORS

NAN = np.nan
DATA = SequenceDataset(
    np.array([[1, NAN], [2, 20], [3, 30], [4, NAN], [NAN, 50], [6, 60]]),
    np.array([0, 3, 5]),
    np.array([3, 5, 6]),
)  # of three, two and one steps


def test_a_sequence_lacks_what_the_other_lacks_too():
    some = DATA.borrowing(np.array([0, 1, 2, 1]), np.array([1, -1, 1, 0]))
    expected = [
        [[1, NAN], [NAN, 20], [3, NAN]],  # the shorter one begins anew
        [[4, NAN], [NAN, 50]],
        [[6, NAN]],
        [[4, NAN], [NAN, 50]],
    ]
    for begin, end, values in zip(some.begin, some.end, expected, strict=True):
        np.testing.assert_array_equal(some.values[begin:end], values)
    np.testing.assert_array_equal(DATA.values[1], [2, 20])  # a copy


def test_what_is_read_is_that_of_a_sequence_with_these_gaps():
    samples, lenders = np.array([0, 1]), np.array([1, -1])
    inputs = NetworkInput.of(DATA, Reading.plain(2))
    alone = NetworkInput.of(DATA.borrowing(samples, lenders), Reading.plain(2))
    borrowed = inputs.pack(samples, np.float64, lenders)
    np.testing.assert_array_equal(borrowed.x, alone.pack(np.arange(2), np.float64).x)
    assert (borrowed.x != inputs.pack(samples, np.float64).x).any()


def drawn(lenders, samples, n=2000):
    """Return the lenders (n, n_samples) of many minibatches."""
    rng = np.random.default_rng(0)
    return np.array([lenders.draw(samples, rng) for _ in range(n)])


def test_half_of_the_sequences_borrow_from_those_of_their_class():
    samples, classes = np.array([1, 2, 4, 5, 7]), np.array([0, 1, 0, 0, 1])
    found = drawn(Lenders.of(samples, np.empty((5, 1)), classes, 8), samples)
    assert np.mean(found >= 0) == pytest.approx(0.5, abs=0.02)
    for column, own in zip(found.T, classes, strict=True):
        assert {*column[column >= 0]} == {*samples[classes == own]}


def test_numbers_borrow_from_those_next_to_them():
    y = np.random.default_rng(0).standard_normal((200, 1))
    found = drawn(Lenders.of(np.arange(200), y, None, 200), np.arange(200), n=300)
    rank = np.argsort(np.argsort(y[:, 0]))
    apart = np.abs(rank[found] - rank)[found >= 0]
    assert apart.max() < 20
    assert apart.mean() > 4


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_training_borrows_where_there_are_gaps(Estimator, monkeypatch):
    X, y = with_gaps(Estimator, n_samples=48)
    complete = [np.nan_to_num(x) for x in X]
    # few are trained on all at once, where a weight of 2 is two copies: nothing is drawn

    def fits():
        several = [X, complete, X[:8]]
        return [Estimator(**MASK).fit(x, y[: len(x)]).theta_ for x in several]

    before = fits()
    monkeypatch.setattr(borrowed_gaps, "_SHARE", 0.0)
    same = [np.array_equal(*pair) for pair in zip(before, fits(), strict=True)]
    assert same == [False, True, True]


def test_gaps_that_say_the_target_still_do():
    """How many values are missing in the first channel is the target."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((400, 8, 2)), np.arange(400) % 6.0
    for x, n in zip(X, y.astype(int), strict=True):
        x[1 : 1 + n, 0] = np.nan
    model = LSTMRegressor(missing="mask", hidden_size=8, max_iter=40, random_state=0)
    assert model.fit(X[:300], y[:300]).score(X[300:], y[300:]) > 0.9


def test_several_labels():
    X, y = with_gaps(LSTMClassifier, n_samples=48)
    labels = np.column_stack([y, np.arange(48) % 3 > 0]).astype(int)
    assert np.isfinite(LSTMClassifier(**MASK).fit(X, labels).theta_).all()
