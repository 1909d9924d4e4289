import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from sklstm.datasets import load_tecator


@pytest.mark.parametrize(("subset", "n_samples"), [("all", 215), ("train", 172), ("test", 43)])
def test_shapes(subset, n_samples):
    tecator = load_tecator(subset=subset)
    assert tecator.data.shape == (n_samples, 100)
    assert tecator.data.dtype == np.float64
    assert tecator.target.shape == (n_samples,)
    assert len(tecator.feature_names) == 100
    assert tecator.target_names == ["fat"]
    assert tecator.filename.endswith("tecator.npz")


def test_values_are_the_published_decimals():
    X, y = load_tecator(return_X_y=True)
    assert X[0, :3].tolist() == [2.61776, 2.61814, 2.61859]
    assert y[:3].tolist() == [22.5, 40.1, 8.4]
    assert (y.min(), y.max()) == (0.9, 49.1)


def test_all_is_train_then_test():
    X, y = load_tecator(return_X_y=True)
    parts = [load_tecator(return_X_y=True, subset=subset) for subset in ("train", "test")]
    np.testing.assert_array_equal(X, np.concatenate([part[0] for part in parts]))
    np.testing.assert_array_equal(y, np.concatenate([part[1] for part in parts]))


def test_repeated_spectra_are_as_documented():
    tecator = load_tecator()
    assert len(np.unique(tecator.data, axis=0)) == 215 - 22
    X_train, X_test = tecator.data[:172], tecator.data[172:]
    in_both = (X_test[:, np.newaxis] == X_train).all(axis=2).any(axis=1)
    assert in_both.sum() == 8
    assert "eight of the test" in tecator.DESCR


def test_spectra_predict_their_targets():
    X_train, y_train = load_tecator(return_X_y=True, subset="train")
    X_test, y_test = load_tecator(return_X_y=True, subset="test")
    assert LinearRegression().fit(X_train, y_train).score(X_test, y_test) > 0.8


def test_permission_note_is_attached():
    description = " ".join(load_tecator().DESCR.split())
    assert "can be redistributed as long as this permission note is attached" in description
    assert "Karin Thente, Tecator AB" in description


def test_unknown_subset_is_named():
    with pytest.raises(ValueError, match=r"'subset' parameter of load_tecator"):
        load_tecator(subset="validation")
