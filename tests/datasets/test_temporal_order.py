import numpy as np
import pytest

from sklstm.datasets import make_temporal_order

SYMBOLS = "abcdXYEB"
CLASSES = {
    2: ["XX", "XY", "YX", "YY"],
    3: ["XXX", "XXY", "XYX", "XYY", "YXX", "YXY", "YYX", "YYY"],
}
# Positions are counted from 1; both ends are included.
WINDOWS = {2: [(10, 20), (50, 60)], 3: [(10, 20), (33, 43), (66, 76)]}

BOTH_TASKS = pytest.mark.parametrize("n_markers", [2, 3])


def read(x):
    """Return the string of a one-hot encoded sequence."""
    return "".join(SYMBOLS[column] for column in x.argmax(axis=1))


@BOTH_TASKS
def test_sequences_are_one_hot_and_framed_by_e_and_b(n_markers):
    X, y = make_temporal_order(200, n_markers=n_markers, random_state=0)
    assert y.shape == (200,)
    assert y.dtype.kind == "i"
    for x in X:
        assert x.dtype == np.float64
        assert x.shape[1] == 8
        assert (np.count_nonzero(x, axis=1) == 1).all()
        assert (x.sum(axis=1) == 1.0).all()
        string = read(x)
        assert (string[0], string[-1]) == ("E", "B")
        assert not set("EB") & set(string[1:-1])


@BOTH_TASKS
def test_class_is_the_order_of_the_markers(n_markers):
    X, y = make_temporal_order(300, n_markers=n_markers, random_state=1)
    order = ["".join(symbol for symbol in read(x) if symbol in "XY") for x in X]
    assert order == [CLASSES[n_markers][label] for label in y]


@BOTH_TASKS
def test_markers_fill_their_windows_uniformly(n_markers):
    X, _ = make_temporal_order(2200, n_markers=n_markers, random_state=2)
    positions = np.array([np.flatnonzero(x[:, 4] + x[:, 5]) + 1 for x in X])
    assert positions.shape == (2200, n_markers)
    for column, (first, last) in zip(positions.T, WINDOWS[n_markers], strict=True):
        values, counts = np.unique(column, return_counts=True)
        assert values.tolist() == list(range(first, last + 1))
        np.testing.assert_allclose(counts, 200, atol=60)


@BOTH_TASKS
def test_lengths_classes_and_distractors_are_uniform(n_markers):
    X, y = make_temporal_order(2200, n_markers=n_markers, random_state=3)
    lengths, counts = np.unique([len(x) for x in X], return_counts=True)
    assert lengths.tolist() == list(range(100, 111))
    np.testing.assert_allclose(counts, 200, atol=60)
    np.testing.assert_allclose(np.bincount(y) / 2200, 1 / 2**n_markers, atol=0.03)
    distractors = np.concatenate(X).sum(axis=0)[:4]
    np.testing.assert_allclose(distractors / distractors.sum(), 0.25, atol=0.01)


@BOTH_TASKS
@pytest.mark.parametrize("min_length", [20, 33, 200])
def test_other_lengths_keep_the_markers_apart_and_inside(n_markers, min_length):
    X, _ = make_temporal_order(300, n_markers=n_markers, min_length=min_length, random_state=4)
    for x in X:
        string = read(x)
        assert min_length <= len(string) <= min_length + min_length // 10
        assert sum(symbol in "XY" for symbol in string) == n_markers
        assert (string[0], string[-1]) == ("E", "B")


def test_same_seed_same_sequences():
    draws = [make_temporal_order(20, random_state=seed) for seed in (5, 5, 6)]
    first, again, other = [[read(x) for x in X] for X, _ in draws]
    assert first == again
    assert first != other


@pytest.mark.parametrize(("parameter", "value"), [("n_markers", 4), ("min_length", 19)])
def test_invalid_parameter_is_named(parameter, value):
    with pytest.raises(ValueError, match=f"'{parameter}' parameter of make_temporal_order"):
        make_temporal_order(**{parameter: value})
