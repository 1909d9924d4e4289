"""Properties that hold for any input: forms of X, of y and of indexes, found by hypothesis.

Some thousand examples, the same in each run. A longer search takes other examples each time:

    SKLSTM_EXAMPLES=50 pytest tests/test_properties.py      # 50 times as many
"""

import functools
import os
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sklstm import LSTMClassifier, LSTMRegressor, Sequences
from sklstm._input.alignment import aligned
from sklstm._input.step_targets import rows_of_steps
from sklstm._input.validation import as_sequences
from tests.test_validation import ANY_LENGTH, EQUAL_LENGTH, UNIVARIATE, as_long
from tests.toy import SMALL, padded, problem, raw

TIMES = int(os.environ.get("SKLSTM_EXAMPLES", "1"))


def examples(n):
    """Settings of a test with n examples, or so many times more."""
    return settings(
        max_examples=n * TIMES,
        deadline=None,
        derandomize=TIMES == 1,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )


@functools.cache
def model(n_channels, scale="both"):
    X, y = problem(LSTMClassifier, n_channels=n_channels)
    return LSTMClassifier(**SMALL, scale=scale).fit(X, y)


# --- X ------------------------------------------------------------------------------------
@st.composite
def sequences(draw, equal=False, whole=False, n_channels=None):
    """A list of arrays (n_timesteps_i, n_channels); `whole`: of whole numbers.

    float16 holds all of them exactly, and so do all types of integers if they are whole.
    """
    n_samples = draw(st.integers(1, 6))
    n_channels = n_channels or draw(st.integers(1, 3))
    lengths = draw(st.lists(st.integers(1, 8), min_size=n_samples, max_size=n_samples))
    lengths = [lengths[0]] * n_samples if equal else lengths
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    X = [rng.integers(0, 9, (n, n_channels)).astype(float) for n in lengths]
    if not whole:
        X = [(x - 4) * 0.25 for x in X]
    if draw(st.booleans()):  # a channel that does not vary within a sequence
        for x in X:
            x[:, 0] = x[0, 0]
    return X


def assert_same_prediction(X, other_form):
    """Bit for bit, for the list of arrays X and the same sequences in another form."""
    fitted = model(X[0].shape[1])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X has feature names")
        np.testing.assert_array_equal(raw(fitted, other_form), raw(fitted, X))


@examples(700)
@given(st.data())
def test_containers(data):
    X = data.draw(sequences(equal=data.draw(st.booleans())))
    forms = dict(EQUAL_LENGTH if len({len(x) for x in X}) == 1 else ANY_LENGTH)
    if X[0].shape[1] == 1:
        forms |= UNIVARIATE
    form = data.draw(st.sampled_from(sorted(forms)))
    assert_same_prediction(X, forms[form](X))


def unaligned(array):
    copied = np.frombuffer(b"1" + array.tobytes(), "u1")[1:]
    return copied.view(array.dtype).reshape(array.shape)


def mapped(array):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "X.npy"
        np.save(path, array)
        return np.lib.format.open_memmap(path, "r")


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def within_more(array):
    """A view of the middle of a larger array."""
    larger = np.full([n + 2 for n in array.shape], 7, array.dtype)
    middle = larger[tuple(slice(1, n + 1) for n in array.shape)]
    middle[...] = array
    return middle


LAYOUTS = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "every second row": lambda array: np.repeat(array, 2, axis=0)[::2],
    "every second column": lambda array: np.repeat(array, 2, axis=-1)[..., ::2],
    "backwards": lambda array: array[::-1].copy()[::-1],
    "within more": within_more,
    "read-only": read_only,
    "unaligned": unaligned,
    "memory map": mapped,
    "matrix of objects": lambda array: array.astype(object),
    "masked": np.ma.masked_array,
}
DTYPES = [
    "?", "i1", "u1", "<i2", ">i2", "<i4", ">u4", "<i8", ">i8", "<u8", "<f2", ">f2", "<f4", ">f4",
    "<f8", ">f8", "g",
]  # fmt: skip


@examples(1000)
@given(st.data())
def test_dtypes_and_layouts(data):
    dtype = data.draw(st.sampled_from(DTYPES))
    layout = LAYOUTS[data.draw(st.sampled_from(sorted(LAYOUTS)))]
    floats = np.dtype(dtype).kind == "f"
    how = data.draw(st.sampled_from(["list", "3-D", "2-D", "long"]))
    n_channels = 1 if how == "2-D" else None
    equal = not floats and how != "list"  # padding is NaN
    X = data.draw(sequences(equal=equal, whole=not floats, n_channels=n_channels))
    X = [(x % 2 if dtype == "?" else x).astype(dtype) for x in X]
    if how == "list":
        form = [layout(x) for x in X]
    elif how == "long":
        form = (
            as_long(X) if layout is not LAYOUTS["matrix of objects"] else as_long(X).astype(object)
        )
    else:
        array = padded(X) if floats else np.stack(X)
        form = layout(array.astype(dtype) if how == "3-D" else array[:, :, 0].astype(dtype))
    assert_same_prediction([x.astype(np.float64) for x in X], form)


@examples(200)
@given(st.data())
def test_order_and_company_of_sequences(data):
    """Any selection of samples, in any form, has the predictions of these samples."""
    X = data.draw(sequences())
    fitted = model(X[0].shape[1])
    positions = data.draw(st.lists(st.integers(0, len(X) - 1), min_size=1, max_size=9))
    expected = raw(fitted, X)[positions]
    np.testing.assert_array_equal(raw(fitted, [X[k] for k in positions]), expected)
    np.testing.assert_array_equal(raw(fitted, padded(X)[positions]), expected)


@examples(300)
@given(st.data())
def test_a_gap_is_named_in_any_form(data):
    X = data.draw(sequences())
    bad = data.draw(st.sampled_from([np.nan, np.inf, -np.inf, 1e200, -1e160]))
    sample = data.draw(st.integers(0, len(X) - 1))
    step = data.draw(st.integers(0, len(X[sample]) - 1))
    channel = data.draw(st.integers(0, X[0].shape[1] - 1))
    last = step == len(X[sample]) - 1
    assume(not (np.isnan(bad) and last and X[0].shape[1] == 1))  # which is padding
    X[sample][step, channel] = bad
    form = data.draw(
        st.sampled_from(["tuple", "nested lists", "long DataFrame", "padded 3-D", "big-endian",
                         "list of DataFrames", "Series of arrays", "frame of arrays"])
    )  # fmt: skip
    message = f"sample {sample}, time step {step}, channel {channel}"
    with pytest.raises(ValueError, match=message), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X has feature names")
        raw(model(X[0].shape[1]), ANY_LENGTH[form](X))


# --- y ------------------------------------------------------------------------------------
def encoded(Estimator, y, n_samples):
    """What the loss compares with, and the classes, for y given with an array X."""
    estimator = Estimator()
    estimator._architecture = {}  # as at the start of a fit
    (y,) = aligned(np.zeros((n_samples, 3)), y=y)
    return estimator._encode(y, True), getattr(estimator, "classes_", None)


CONTAINERS_OF_Y = {
    "list": list,
    "tuple": tuple,
    "array": np.array,
    "array of objects": lambda y: np.array(y, object),
    "Series": pd.Series,
    "Series of objects": lambda y: pd.Series(y, dtype=object),
    "Series with an index": lambda y: pd.Series(y, [f"s{k}" for k in range(len(y))][::-1]),
    "nullable": lambda y: pd.Series(y).convert_dtypes(),
    "category": lambda y: pd.Series(y, dtype="category"),
    "Index": pd.Index,
    "every second": lambda y: np.repeat(np.array(y), 2)[::2],
    "read-only": lambda y: read_only(np.array(y)),
}
LABELS = {
    "int": [-1, 0, 3, 10**6],
    "bool": [False, True],
    "float": [0.0, 1.0, 7.0],
    "str": ["a", "b", "a longer one", "é"],
}


@examples(300)
@given(st.data())
def test_forms_of_labels(data):
    labels = LABELS[data.draw(st.sampled_from(sorted(LABELS)))]
    y = data.draw(st.lists(st.sampled_from(labels), min_size=2, max_size=8))
    assume(len(set(y)) > 1)
    form = data.draw(st.sampled_from(sorted(CONTAINERS_OF_Y)))
    code, classes = encoded(LSTMClassifier, CONTAINERS_OF_Y[form](y), len(y))
    assert classes.tolist() == sorted(set(y))
    assert [classes[int(c)] for c in code[:, 0]] == y


@examples(200)
@given(st.data())
def test_forms_of_values(data):
    n = data.draw(st.integers(1, 8))
    numbers = st.one_of(st.integers(-99, 99), st.floats(-1e9, 1e9, width=32))
    y = data.draw(st.lists(numbers, min_size=n, max_size=n))
    form = data.draw(st.sampled_from(sorted(CONTAINERS_OF_Y)))
    target, _ = encoded(LSTMRegressor, CONTAINERS_OF_Y[form](y), n)
    np.testing.assert_array_equal(target[:, 0], np.array(y, float))


# --- indexes ------------------------------------------------------------------------------
LABELS_OF_SAMPLES = st.one_of(
    *(st.lists(labels, min_size=2, max_size=8, unique=True) for labels in (
        st.integers(-5, 20),
        st.text("abäZ0 ", min_size=0, max_size=3),
        st.dates().map(pd.Timestamp),
        st.floats(-9, 9, width=16),
        st.tuples(st.integers(0, 9), st.sampled_from("ab")),
    ))
)  # fmt: skip


def long_frame(ids, n_steps=2):
    """Or Sequences, where ids are pairs: a long frame has one level for its samples."""
    pairs = isinstance(ids[0], tuple)
    rows = [(*(i if pairs else (i,)), t) for i in ids for t in range(n_steps)]
    names = ["site", "machine", "time"] if pairs else ["machine", "time"]
    table = pd.DataFrame(rows, columns=names).assign(c=np.arange(len(rows)) * 1.0)
    if pairs:
        return Sequences.from_frame(table, sample=names[:2], time="time")
    return table.set_index(names)


@examples(300)
@given(LABELS_OF_SAMPLES, st.randoms(use_true_random=False), st.booleans())
def test_targets_follow_their_samples(ids, random, as_table):
    X = long_frame(ids)
    if as_table and not isinstance(X, Sequences):
        X = Sequences.from_frame(X, sample="machine", time="time")
    order = random.sample(range(len(ids)), len(ids))
    index = pd.Index([ids[k] for k in order])
    y, weight = aligned(X, y=pd.Series(order, index), sample_weight=pd.Series(order, index)[::-1])
    assert list(y) == list(weight) == list(range(len(ids)))


@examples(200)
@given(LABELS_OF_SAMPLES, st.data())
def test_other_labels_never_pass(ids, data):
    X = long_frame(ids)
    index = list(ids)
    k = data.draw(st.integers(0, len(ids) - 1))
    change = data.draw(st.sampled_from(["other", "missing", "more", "twice"]))
    other = ("elsewhere", "z") if isinstance(ids[0], tuple) else "elsewhere"
    if change == "missing":
        del index[k]
    elif change == "more":
        index.insert(k, other)
    else:
        index[k] = other if change == "other" else index[k - 1]
    with pytest.raises(ValueError, match=r"^y (has|cannot be aligned)|y has \d entries, as many"):
        aligned(X, y=pd.Series(range(len(index)), pd.Index(index, dtype=object)))


@examples(200)
@given(LABELS_OF_SAMPLES, st.randoms(use_true_random=False))
def test_rows_of_a_wide_frame_never_change_places(ids, random):
    index = pd.Index(ids)
    if index.nlevels > 1:  # would be long
        index = index.map(str)
    X = pd.DataFrame(np.zeros((len(ids), 3)), index)
    y = pd.Series(range(len(ids)), index)
    shuffled = y.iloc[random.sample(range(len(ids)), len(ids))]
    assert list(aligned(X, y=y)[0]) == list(y)
    if set(ids) != set(range(len(ids))):  # else a default index may be that of the labels
        assert list(aligned(X, y=y.reset_index(drop=True))[0]) == list(y)
    if list(shuffled) == list(y):
        aligned(X, y=shuffled)
    else:
        with pytest.raises(ValueError, match="another order"):
            aligned(X, y=shuffled)


@pytest.mark.filterwarnings("ignore:X was read as long")  # where each sample has one step
@examples(200)
@given(LABELS_OF_SAMPLES, st.randoms(use_true_random=False), st.integers(1, 4))
def test_targets_of_steps_follow_their_rows(ids, random, n_steps):
    X = long_frame(ids, n_steps)
    rows = X.row_index() if isinstance(X, Sequences) else X.index
    order = random.sample(range(len(rows)), len(rows))
    shuffled = pd.Series(order, rows[order])
    (y,) = aligned(X, steps=True, y=shuffled)
    data = as_sequences(LSTMRegressor(), X, n_channels=None, reset=True)

    def none_missing(rows):
        return np.zeros(len(rows), bool)

    assert list(rows_of_steps(y, data, none_missing)) == list(range(len(rows)))


# --- tables -------------------------------------------------------------------------------
@examples(200)
@given(st.data())
def test_a_table_in_any_order_gives_the_sequences(data):
    X = data.draw(sequences())
    long = as_long(X).reset_index()
    rows = data.draw(st.permutations(range(len(long))))
    table = long.iloc[rows]
    read = Sequences.from_frame(table, sample="sample", time="time")
    order = [int(name.split()[1]) for name in read.ids]
    assert order == [int(name.split()[1]) for name in dict.fromkeys(table["sample"])]
    for x, k in zip(read, order, strict=True):
        np.testing.assert_array_equal(x, X[k])
    assert_same_prediction([X[k] for k in order], read)
    again = Sequences.from_frame(read.to_frame(), sample="sample", time="time")
    pd.testing.assert_frame_equal(again.to_frame(), read.to_frame())
    positions = data.draw(st.lists(st.integers(-len(X), len(X) - 1), max_size=6))
    chosen, as_list = read[positions], [list(read)[k] for k in positions]
    assert len(chosen) == len(as_list)
    for a, b in zip(chosen, as_list, strict=True):
        np.testing.assert_array_equal(a, b)
