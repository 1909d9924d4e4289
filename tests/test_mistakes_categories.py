"""Mistakes that a newcomer makes with categories, each with the sentence that it gets."""

import numpy as np
import pandas as pd
import pytest

from sklstm import LSTMClassifier, Sequences
from tests.toy import SMALL

RNG = np.random.default_rng(0)
TEXTS = ["a fine day", "a bad day", "fine and good", "bad and cold"] * 3
TOKENS = [text.split() for text in TEXTS]
Y = np.array([1, 0, 1, 0] * 3)
INDEX = pd.MultiIndex.from_product([range(12), range(4)], names=["sample", "time"])
LONG = pd.DataFrame(
    {"size": RNG.standard_normal(48), "kind": RNG.choice(["quiz", "video"], 48)}, INDEX
)


def fit(X, selection="from_dtype", **settings):
    return LSTMClassifier(categorical_features=selection, **SMALL, **settings).fit(X, Y)


def dated():
    return LONG.assign(kind=pd.Timestamp("2024-01-01"))


FIT = {
    "sentences are not split": (
        lambda: fit(TEXTS),
        r"X holds a string for each sample, 'a fine day' for instance\. Split each into words",
    ),
    "a column of sentences": (
        lambda: fit(pd.Series(TEXTS)),
        r"X holds a string for each sample.* or into characters, \[list\(x\) for x in X\]",
    ),
    "an array of sentences": (
        lambda: fit(np.array(TEXTS)),
        "X holds a string for each sample",
    ),
    "sentences without the argument": (
        lambda: fit(TEXTS, None),
        "Sample 0 of X is a str.*x.split",
    ),
    "tokens without the argument": (
        lambda: fit(TOKENS, None),
        "X holds no numbers, its dtype is <U4.*set categorical_features='from_dtype'",
    ),
    "a column of words without the argument": (
        lambda: fit(LONG, None),
        "Column 'kind' of X holds no numbers.*categorical_features",
    ),
    "a wrong name": (
        lambda: fit(LONG, ["knd"]),
        r"categorical_features holds 'knd', which X does not have; its channels are 'size', 'kind'",
    ),
    "a name that is no list": (
        lambda: fit(LONG, "kind"),
        "The 'categorical_features' parameter of LSTMClassifier must be an array-like",
    ),
    "names without a frame": (
        lambda: fit([x.to_numpy() for _, x in LONG.groupby(level=0)], ["kind"]),
        "categorical_features holds names, 'kind' for instance, but the channels of X have none",
    ),
    "names of a wide frame": (
        lambda: fit(pd.DataFrame({"t0": ["a"] * 12, "t1": ["b"] * 12}), ["t0"]),
        "the columns of this X are time steps, not channels",
    ),
    "an index that counts from 1": (
        lambda: fit(LONG, [2]),
        "categorical_features holds the index 2, but X has 2 channels: indices go from 0 to 1",
    ),
    "a mask of time steps": (
        lambda: fit(LONG, [True, False, True, False]),
        "categorical_features is a mask of 4 booleans, but X has 2 channels",
    ),
    "a channel of words left out": (
        lambda: fit(LONG, ["size"]),
        "Channel 'kind' of X holds strings, but categorical_features does not select it",
    ),
    "words and numbers in a channel": (
        lambda: fit([["a", 1, "b"]] * 12),
        r"Channel 0 of X holds str and int, 1 for instance.*all strings or all numbers",
    ),
    "times as categories": (
        lambda: fit(dated(), ["kind"]),
        r"Channel 'kind' of X holds a Timestamp.*Categories are strings, numbers or booleans",
    ),
    "bytes": (
        lambda: fit([[b"a", b"b"]] * 12, [0]),
        "Channel 0 of X holds a bytes, b'a'.*convert them by str",
    ),
    "a text without words": (
        lambda: fit([[], *TOKENS[1:]]),
        "Sample 0 of X has no time step.*Leave out empty sequences",
    ),
    "sets of words": (
        lambda: fit([set(tokens) for tokens in TOKENS]),
        "Sample 0 of X is a set",
    ),
    "numbers too large for a code": (
        lambda: fit(np.full((12, 3), 2**60), [0]),
        "is categorical and holds 1152921504606846976.*Pass such codes as strings",
    ),
    "vectors of length 0": (
        lambda: fit(TOKENS, embedding_size=0),
        "The 'embedding_size' parameter of LSTMClassifier must be an int in the range",
    ),
    "vectors of a channel that is not there": (
        lambda: fit(TOKENS, embedding_size={"word": 3}),
        "embedding_size has the key 'word', which is no categorical channel of X; there are 0",
    ),
    "a channel with vectors of length 0": (
        lambda: fit(TOKENS, embedding_size={0: 0}),
        'embedding_size has 0 for 0: pass a whole number of at least 1, or "auto"',
    ),
    "a table of words": (
        lambda: fit(Sequences.from_frame(LONG.reset_index(), sample="sample", time="time"), None),
        "Channel 'kind' of X holds strings, 'quiz' for instance.*categorical_features='from_dtype'",
    ),
}

PREDICT = {
    "numbers where there were words": (
        lambda model: model.predict([[1, 2, 3]]),
        "Channel 0 of X holds numbers, but in fit it held strings, 'a' for instance",
    ),
    "a sentence in place of its words": (
        lambda model: model.predict(["a fine day"]),
        "X holds a string for each sample, 'a fine day' for instance",
    ),
    "words of one sentence in place of a list of them": (
        lambda model: model.predict(["a", "fine", "day"]),
        "X holds a string for each sample, 'a' for instance",
    ),
}


@pytest.mark.parametrize("mistake", FIT)
def test_in_fit(mistake):
    call, sentence = FIT[mistake]
    with pytest.raises((ValueError, TypeError), match=f"(?s){sentence}"):
        call()


@pytest.mark.parametrize("mistake", PREDICT)
def test_in_predict(mistake):
    call, sentence = PREDICT[mistake]
    model = fit(TOKENS)
    with pytest.raises(ValueError, match=f"(?s){sentence}"):
        call(model)


def test_codes_that_no_dtype_tells_from_numbers():
    codes = RNG.integers(0, 5, (12, 4))
    with pytest.warns(UserWarning, match="no channel of X holds strings.*whole numbers"):
        fit(codes)


def test_truth_among_zeros_and_ones_is_a_number():
    """As columns of booleans and of numbers, one below the other, have it."""
    rng = np.random.default_rng(0)
    flags = [rng.integers(0, 2, 5) for _ in range(12)]
    rows = [[bool(v) if t else int(v) for t, v in enumerate(x)] for x in flags]
    mixed = [pd.DataFrame({"flag": row}, dtype=object) for row in rows]
    numbers = [pd.DataFrame({"flag": x}) for x in flags]
    settings = SMALL | {"categorical_features": ["flag"]}
    model, expected = (LSTMClassifier(**settings).fit(X, [0, 1] * 6) for X in (mixed, numbers))
    assert [list(known) for known in model.categories_] == [[0.0, 1.0]]
    np.testing.assert_array_equal(model.theta_, expected.theta_)
