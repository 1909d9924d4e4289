"""Sequences that are changed in training: how, when, and that it helps."""

import numpy as np
import pytest

from sklstm import LSTMClassifier
from sklstm._input.sequences import PackedBatch, packed_rows
from sklstm._training import training
from sklstm._training.warping import Warps, draw, warped
from sklstm.components import Warping

LENGTHS = np.array([30, 12, 12, 2, 1])  # the longest first


def batch_of(sequences):
    """Return sequences as a packed batch."""
    lengths = np.array([len(sequence) for sequence in sequences])
    first = np.cumsum(lengths) - lengths
    n_live = (np.arange(lengths[0])[:, np.newaxis] < lengths).sum(axis=1)
    x = np.concatenate(sequences)[packed_rows(first, lengths)]
    starts = np.concatenate([[0], np.cumsum(n_live)])
    return PackedBatch(x, starts, lengths, np.empty((len(lengths), 0)))


def sequences_of(batch):
    """Return the sequences of a packed batch."""
    return [batch.x[batch.starts[:n] + r] for r, n in enumerate(batch.lengths)]


@pytest.fixture
def sequences():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(n, 2)) for n in LENGTHS]


def test_pieces_are_stretched_to_equal_lengths(sequences):
    warps = draw(Warping(share=0.9, speed=0.5, scale=0.3), len(LENGTHS), np.random.default_rng(1))
    assert np.ptp(warps.ends[:, 1]) > 0.01
    assert np.ptp(warps.factor) > 0.01
    found = sequences_of(warped(batch_of(sequences), warps, 2))
    for x, y, ends, factor in zip(sequences, found, *warps, strict=True):
        last, step = len(x) - 1, np.arange(len(x))
        place = np.interp(step, np.linspace(0, last, len(ends)), ends * last)
        expected = factor * np.stack([np.interp(place, step, column) for column in x.T], axis=1)
        np.testing.assert_allclose(y, expected, rtol=0, atol=1e-12)


def test_ends_stay_and_nothing_leaves_the_range_of_its_sequence(sequences):
    warps = draw(Warping(speed=2.0, scale=0.0), len(LENGTHS), np.random.default_rng(2))
    for x, y in zip(sequences, sequences_of(warped(batch_of(sequences), warps, 2)), strict=True):
        np.testing.assert_allclose(y[[0, -1]], x[[0, -1]], rtol=0, atol=1e-12)
        assert (y.min(axis=0) >= x.min(axis=0) - 1e-12).all()
        assert (y.max(axis=0) <= x.max(axis=0) + 1e-12).all()


def test_columns_past_the_values_are_not_made_louder(sequences):
    warps = draw(Warping(share=0.9, scale=0.3), len(LENGTHS), np.random.default_rng(1))
    softer = warps._replace(factor=np.ones(len(LENGTHS)))
    found, plain = (warped(batch_of(sequences), w, 1).x for w in (warps, softer))
    assert (found[:, 0] != plain[:, 0]).any()
    np.testing.assert_array_equal(found[:, 1], plain[:, 1])


def test_a_share_is_changed():
    warps = draw(Warping(share=0.25), 4000, np.random.default_rng(3))
    changed = np.abs(warps.ends - np.linspace(0, 1, 5)).max(axis=1) > 1e-12
    np.testing.assert_array_equal(changed, warps.factor != 1.0)
    assert 0.22 < changed.mean() < 0.28


def test_what_is_not_changed_stays_the_same(sequences):
    batch = batch_of([sequence.astype(np.float32) for sequence in sequences])
    n = len(LENGTHS)
    same = warped(batch, Warps(np.tile(np.linspace(0, 1, 5), (n, 1)), np.ones(n)), 2)
    assert same.x.dtype == np.float32
    np.testing.assert_allclose(same.x, batch.x, rtol=0, atol=1e-6)


# --- what a user notices ------------------------------------------------------------------
def waves(n_samples, seed):
    """Return series of one wave or two, which begin anywhere, and their classes."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_samples) % 2
    phase = rng.uniform(0, 2 * np.pi, n_samples)
    time = np.linspace(0, 2 * np.pi, 40)
    X = np.sin(np.outer(1 + y, time) + phase[:, np.newaxis])
    return X + 0.3 * rng.standard_normal(X.shape), y


SMALL = {"hidden_size": 4, "max_iter": 2, "random_state": 0}


def test_it_is_for_training_with_a_branch():
    X, y = waves(40, 0)

    def fitted(**settings):
        return LSTMClassifier(**SMALL | settings).fit(X, y).theta_

    np.testing.assert_array_equal(fitted(), fitted(augmentation=Warping()))
    assert np.abs(fitted() - fitted(augmentation=None)).max() > 1e-4
    plain = {"branch": None}
    np.testing.assert_array_equal(fitted(**plain), fitted(**plain, augmentation=None))


def test_small_data_that_are_one_batch_are_not_changed():
    X, y = waves(12, 0)
    one, other = (LSTMClassifier(**SMALL, augmentation=a).fit(X, y) for a in ("auto", None))
    np.testing.assert_array_equal(one.theta_, other.theta_)


def test_threads_change_nothing():
    X, y = waves(200, 0)
    one, other = (
        LSTMClassifier(**SMALL, batch_size=100, n_jobs=n, augmentation=Warping()).fit(X, y)
        for n in (1, 2)
    )
    np.testing.assert_array_equal(one.theta_, other.theta_)


def test_targets_of_steps_would_be_moved():
    X, y = waves(10, 0)
    model = LSTMClassifier(return_sequences=True, augmentation=Warping())
    with pytest.raises(ValueError, match="which augmentation would move: set augmentation=None"):
        model.fit(X, np.repeat(y[:, np.newaxis], X.shape[1], axis=1))


def test_invalid_values_are_refused():
    X, y = waves(10, 0)
    with pytest.raises(ValueError, match="'speed' parameter of Warping must be a float"):
        LSTMClassifier(augmentation=Warping(speed=-0.1)).fit(X, y)


def test_only_what_is_learned_is_then_changed(monkeypatch):
    used = []
    epoch = training._epoch

    def seen(*arguments):
        used.append(next((a for a in arguments if isinstance(a, Warping)), None))
        return epoch(*arguments)

    monkeypatch.setattr(training, "_epoch", seen)
    model = LSTMClassifier(**SMALL | {"max_iter": 9})
    X, y = waves(60, 0)
    model.fit(X, np.random.default_rng(0).permutation(y))  # there is nothing to learn
    assert model.loss_curve_[2] > model.loss_curve_[0] / 2
    assert used == [None] * 9
    used.clear()
    model.set_params(learning_rate_init=0.03).fit(np.outer(y, np.ones(40)) + X / 100, y)
    assert model.loss_curve_[2] < model.loss_curve_[0] / 2
    assert used == [None] * 3 + [Warping()] * 6
