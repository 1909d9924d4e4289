import numpy as np
import pytest

from sklstm.datasets import load_japanese_vowels

TEST_UTTERANCES_PER_SPEAKER = [31, 35, 88, 44, 29, 24, 40, 50, 29]


def test_bunch_describes_the_data():
    vowels = load_japanese_vowels()
    assert len(vowels.data) == len(vowels.target) == 640
    assert vowels.target.dtype == np.int64
    assert len(vowels.target_names) == 9
    assert len(vowels.feature_names) == 12
    assert vowels.filename.endswith("japanese_vowels.npz")


def test_every_utterance_has_7_to_29_frames_of_12_channels():
    X = load_japanese_vowels().data
    assert all(x.ndim == 2 and x.shape[1] == 12 and x.dtype == np.float32 for x in X)
    assert all(np.isfinite(x).all() for x in X)
    lengths = [len(x) for x in X]
    assert (min(lengths), max(lengths), sum(lengths)) == (7, 29, 4274 + 5687)


def test_first_frame_is_the_published_one():
    X, _ = load_japanese_vowels(return_X_y=True)
    np.testing.assert_allclose(X[0][0, :4], [1.860936, -0.207383, 0.261557, -0.214562], atol=1e-6)


def test_official_split():
    _, y_train = load_japanese_vowels(return_X_y=True, subset="train")
    _, y_test = load_japanese_vowels(return_X_y=True, subset="test")
    np.testing.assert_array_equal(np.bincount(y_train), [30] * 9)
    np.testing.assert_array_equal(np.bincount(y_test), TEST_UTTERANCES_PER_SPEAKER)


def test_all_is_train_then_test():
    X, y = load_japanese_vowels(return_X_y=True)
    X_train, y_train = load_japanese_vowels(return_X_y=True, subset="train")
    X_test, y_test = load_japanese_vowels(return_X_y=True, subset="test")
    np.testing.assert_array_equal(np.concatenate([y_train, y_test]), y)
    for joined, part in zip(X, X_train + X_test, strict=True):
        np.testing.assert_array_equal(joined, part)


def test_description_carries_licence_and_citation():
    description = load_japanese_vowels().DESCR
    for required in ("creativecommons.org/licenses/by/4.0", "Kudo", "Toyama", "Shimbo", "Changes"):
        assert required in description


def test_unknown_subset_is_named():
    with pytest.raises(ValueError, match=r"'subset' parameter of load_japanese_vowels"):
        load_japanese_vowels(subset="validation")
