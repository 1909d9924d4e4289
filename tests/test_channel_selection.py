"""Channels by name, index and mask, and the sentence that a wrong selection gets."""

import numpy as np
import pandas as pd
import pytest

from sklstm._input.channel_selection import selected_channels

NAMES = np.array(["age", "sex", "dose"], object)


@pytest.mark.parametrize(
    ("selection", "channels"),
    [
        (None, []),
        ([], []),
        (["sex"], [1]),
        (["dose", "age"], [0, 2]),
        (["dose", "dose"], [2]),
        (("dose", "age"), [0, 2]),
        ({"dose", "age"}, [0, 2]),
        (pd.Index(["dose"]), [2]),
        (pd.Series([2, 0]), [0, 2]),
        (np.array(["sex", "age"]), [0, 1]),
        ([2, 0], [0, 2]),
        (np.array([1]), [1]),
        (range(2), [0, 1]),
        ([True, False, True], [0, 2]),
        (np.zeros(3, bool), []),
        (pd.Series([True, False, True], ["sex", "age", "dose"]), [1, 2]),
        (pd.Series([True, False], ["dose", "age"], dtype="boolean"), [2]),
        (pd.Series([True, False, True]), [0, 2]),
    ],
)
def test_selection(selection, channels):
    found = selected_channels(selection, 3, NAMES, "static_features")
    assert found.dtype == np.intp
    np.testing.assert_array_equal(found, channels)


@pytest.mark.parametrize(
    ("selection", "names", "sentence"),
    [
        ("sex", NAMES, r"static_features='sex': pass a list, static_features=\['sex'\]\."),
        (1, NAMES, r"static_features=1: pass a list, static_features=\[1\]\."),
        (["size"], NAMES, "'size', which X does not have; its channels are 'age', 'sex', 'dose'"),
        (["sex"], None, "holds names, 'sex' for instance, but the channels of X have none"),
        ([3], NAMES, "the index 3, but X has 3 channels: indices go from 0 to 2"),
        ([-1], None, "the index -1, but X has 3 channels"),
        (pd.Series([True], ["size"]), NAMES, "'size', which X does not have"),
        ([True], NAMES, "a mask of 1 booleans, but X has 3 channels"),
        (["sex", 1], NAMES, "holds 'sex' among others"),
        ([True, 1, 0], NAMES, "holds True among others"),
        ([1.0], NAMES, "holds 1.0 among others"),
        ([None], NAMES, "holds None among others"),
        ([[0, 1]], NAMES, "is a list of 2 dimensions"),
        (3.5, NAMES, "is a float of 0 dimensions"),
    ],
)
def test_wrong_selection(selection, names, sentence):
    with pytest.raises(ValueError, match=sentence):
        selected_channels(selection, 3, names, "static_features")


def test_long_list_of_names_is_cut():
    with pytest.raises(ValueError, match=r"'c0', .*'c19', \.\.\. \(50 in all\)\."):
        selected_channels(["d"], 50, [f"c{i}" for i in range(50)], "static_features")
