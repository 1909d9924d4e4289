"""What is no array, list or table, names of channels, and columns that look like channels."""

import numpy as np
import pandas as pd
import pytest

from sklstm import LSTMClassifier, LSTMRegressor
from tests.test_validation import as_long, cells, table
from tests.toy import SMALL, problem, raw

X, y = problem(LSTMClassifier)
UNREADABLE = {
    "dict": (
        lambda v: dict(enumerate(v)),
        r"is a dict with 24 keys \(0, 1, 2, \.\.\.\): pass its values, list\(",
    ),
    "structured array": (
        lambda v: np.zeros(24, [("a", "f8"), ("b", "i4")]),
        "is a structured array with the fields a, b",
    ),
    "generator": (lambda v: (x for x in v), r"is a generator, .* pass list\("),
    "map": (lambda v: map(np.asarray, v), r"is a map, .* pass list\("),
    "set": (lambda v: set(range(24)), "is a set"),
    "string": (lambda v: "sequences", "is a str: pass an array or a list"),
    "object": (lambda v: object(), "is a object, which is no array, list or DataFrame"),
}


@pytest.mark.parametrize("what", ["X", "y", "sample_weight"])
@pytest.mark.parametrize("case", UNREADABLE)
def test_what_is_no_container_is_named_in_a_line(case, what):
    make, message = UNREADABLE[case]
    given = {"X": X, "y": y, "sample_weight": np.ones(24)}
    given[what] = make(given[what])
    with pytest.raises(ValueError, match=f"{what} {message}") as error:
        LSTMClassifier(**SMALL).fit(**given)
    assert len(str(error.value)) < 300
    if what == "X":
        with pytest.raises(ValueError, match=f"X {message}"):
            LSTMClassifier(**SMALL).fit(X, y).predict(make(X))


@pytest.mark.parametrize(
    ("element", "message"),
    [
        ({"a": [1.0, 2.0], "b": [3.0, 4.0]}, "Sample 0 of X is a dict with 2 keys"),
        ({1.0, 2.0}, "Sample 0 of X is a set"),
        (None, "Sample 0 of X is (a NoneType|None, and others are sequences)"),
    ],
)
def test_an_element_that_is_no_sequence_is_named_in_a_line(element, message):
    for given in ([element] * 24, [element, *X[1:]]):
        with pytest.raises(ValueError, match=message) as error:
            LSTMClassifier(**SMALL).fit(given, y)
        assert len(str(error.value)) < 300


@pytest.mark.parametrize("words", [False, True])
@pytest.mark.parametrize("place", [0, 5])
@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_a_missing_sequence_is_named(missing, place, words):
    sequences = [list("ab") for _ in X] if words else list(X)
    sequences[place] = missing
    model = LSTMClassifier(**SMALL, categorical_features="from_dtype" if words else None)
    for given in (sequences, pd.Series(sequences)):
        with pytest.raises(ValueError, match=f"Sample {place} of X is .*, and others are seq"):
            model.fit(given, y)


@pytest.mark.parametrize("empty", [[[]], [[], []], [np.empty(0)]])
def test_sequences_without_a_time_step(empty):
    with pytest.raises(ValueError, match="Sample 0 of X has no time step"):
        LSTMClassifier(**SMALL).fit(empty, y[: len(empty)])


class Numbered:
    """Samples by their number and nothing else, as the datasets of torch."""

    def __init__(self, samples):
        self.samples = samples

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, number):
        return self.samples[number]


@pytest.mark.parametrize("settings", [{}, {"categorical_features": [0]}], ids=["numbers", "words"])
def test_a_dataset_that_gives_samples_by_number_is_a_list(settings):
    samples = [["ab"[int(v > 0)] for v in x[:, 0]] for x in X] if settings else X
    expected = LSTMClassifier(**SMALL, **settings).fit(samples, y)
    model = LSTMClassifier(**SMALL, **settings).fit(Numbered(samples), y)
    np.testing.assert_array_equal(model.theta_, expected.theta_)
    np.testing.assert_array_equal(raw(model, Numbered(samples)), raw(expected, samples))


@pytest.mark.parametrize("lengths", [slice(None), slice(3)], ids=["ragged", "one length"])
@pytest.mark.parametrize("container", [list, Numbered])
def test_pairs_of_a_sequence_and_its_label_are_to_be_passed_apart(container, lengths):
    pairs = [(x[lengths], label) for x, label in zip(X, y, strict=True)]
    with pytest.raises(ValueError, match=r"Sample 0 of X .* is a tuple .* pass them as two argum"):
        LSTMClassifier(**SMALL).fit(container(pairs), y)
    with pytest.raises(ValueError, match=r"Sample 0 of X .* a list of 2 elements that do not fit"):
        LSTMClassifier(**SMALL).fit([[[1.0, 2.0], [3.0]]] * 24, y)


def test_a_validation_set_in_place_of_weights():
    with pytest.raises(ValueError, match=r"sample_weight is a tuple .* as X_val= and y_val="):
        LSTMClassifier(**SMALL).fit(X, y, (X, y))
    with pytest.raises(ValueError, match="sample_weight holds text, 'a' for instance"):
        LSTMClassifier(**SMALL).fit(X, y, ["a"] * 24)


def test_elements_of_time_steps_that_are_no_numbers():
    model = LSTMClassifier(categorical_features="from_dtype", **SMALL)
    with pytest.raises(ValueError, match=r"it holds bytes: decode them"):
        model.fit([[b"a", b"b"], [b"a"]], [0, 1])
    with pytest.raises(ValueError, match=r"time steps are dicts: pass pd\.DataFrame\(x\)"):
        model.fit([[{"a": 1.0}, {"a": 2.0}], [{"a": 1.0}]], [0, 1])
    index = pd.MultiIndex.from_product([range(2), range(2)])
    table = pd.DataFrame({"a": range(4), "b": [1, 2, [1, 2], 3]}, index)
    with pytest.raises(ValueError, match="Column 'b' of X holds sequences, but in a table with"):
        model.set_params(categorical_features=None).fit(table, [0, 1])


def test_columns_of_one_name():
    frame = pd.DataFrame(np.ones((24, 3)), columns=["a", "b", "a"])
    long = frame.set_index(pd.MultiIndex.from_product([range(8), range(3)]))
    for given, labels in ((frame, y), (long, y[:8])):
        with pytest.raises(ValueError, match=r"X has several columns 'a': rename them"):
            LSTMClassifier(**SMALL).fit(given, labels)


def test_types_that_are_no_numbers():
    days = np.arange(24 * 6).reshape(24, 6).astype("M8[D]")
    for given in (days, days - days[0], pd.DataFrame(days)):
        with pytest.raises(ValueError, match=r"X holds no numbers, its dtype is (date|time)"):
            LSTMClassifier(**SMALL).fit(given, y)
    for given in (days, days - days[0], days.astype(str)):  # as those without a mask
        with pytest.raises(ValueError, match=r"X holds no numbers, its dtype is (date|time|<U)"):
            LSTMClassifier(**SMALL).fit(np.ma.masked_array(given), y)
    with pytest.raises(ValueError, match=r"Sample 0 of X is no array of numbers: .*datetime64"):
        LSTMClassifier(**SMALL).fit([x.astype("M8[D]") for x in X], y)
    with pytest.raises(ValueError, match=r"timedelta64.*by x / np.timedelta64\(1, 's'\)"):
        LSTMClassifier(**SMALL).fit([x.astype("m8[D]") for x in X], y)
    with pytest.raises(ValueError, match=r"complex.*np.column_stack\(\[x.real, x.imag\]\)"):
        LSTMClassifier(**SMALL).fit([x + 1j for x in X], y)
    with pytest.raises(ValueError, match="Column 'who' of X holds no numbers"):
        LSTMClassifier(**SMALL).fit([pd.DataFrame(x).assign(who="a") for x in X], y)
    fields = [np.zeros(5, [("a", "f8"), ("b", "f8")])] * 24
    with pytest.raises(ValueError, match=r"Sample 0 of X .* has the fields a, b: pass pd.DataF"):
        LSTMClassifier(**SMALL).fit(fields, y)
    with pytest.raises(ValueError, match=r"Sample 3 of X is no array of numbers: .*too large"):
        LSTMClassifier(**SMALL).fit([*X[:3], [[10**400, 1]], *X[4:]], y)


@pytest.mark.parametrize("n_samples", [1, 24])
def test_words_in_sequences_are_named_by_their_sample(n_samples):
    words = [[["a", "b"], ["c", "d"]]] * n_samples
    with pytest.raises(ValueError, match="Sample 0 of X is no array of numbers"):
        LSTMClassifier(**SMALL).fit(words, y[:n_samples])


class Column:
    """A column of another package with a sequence in each cell, as of polars or pyarrow."""

    def __init__(self, cells):
        self.cells, self.shape = cells, (len(cells),)

    def __len__(self):
        return len(self.cells)

    def __getitem__(self, row):
        return self.cells[row]

    def __array__(self, dtype=None, copy=None):
        if len({len(cell) for cell in self.cells}) == 1:
            return np.array(self.cells)
        out = np.empty(len(self.cells), object)
        out[:] = self.cells
        return out


@pytest.mark.parametrize("ragged", [False, True])
def test_a_column_of_sequences_of_another_package(ragged):
    sequences = [x[: 3 + (i % 3 if ragged else 0), 0] for i, x in enumerate(X)]
    expected = LSTMClassifier(**SMALL).fit(sequences, y)
    model = LSTMClassifier(**SMALL).fit(Column(sequences), y)
    np.testing.assert_array_equal(model.theta_, expected.theta_)
    np.testing.assert_array_equal(raw(model, Column(sequences)), raw(expected, sequences))


class Ragged(Column):
    """Sequences of unequal length that refuse to be an array, as awkward has them."""

    def __array__(self, dtype=None, copy=None):
        raise ValueError("cannot convert to RegularArray")


def test_what_refuses_to_be_an_array_is_a_list():
    expected = LSTMClassifier(**SMALL).fit(X, y)
    model = LSTMClassifier(**SMALL).fit(Ragged(X), y)
    np.testing.assert_array_equal(model.theta_, expected.theta_)
    steps = [(x[:, 0] > 0.0).astype(int) for x in X]
    settings = SMALL | {"return_sequences": True}
    expected = LSTMClassifier(**settings).fit(X, steps)
    model = LSTMClassifier(**settings).fit(Ragged(X), Ragged(steps))
    np.testing.assert_array_equal(model.theta_, expected.theta_)
    words = [["a", "b"], ["b"]] * 12
    settings = SMALL | {"categorical_features": "from_dtype"}
    expected = LSTMClassifier(**settings).fit(words, y)
    model = LSTMClassifier(**settings).fit(Ragged(words), y)
    np.testing.assert_array_equal(model.theta_, expected.theta_)


class Cells(Column):
    """A column of a table."""

    def to_numpy(self):
        return self.__array__()


class Table:
    """A table of another package, as of polars."""

    def __init__(self, columns):
        self._columns, self.columns = columns, list(columns)

    def __len__(self):
        return len(self._columns[self.columns[0]])

    def __getitem__(self, name):
        return self._columns[name]

    def to_numpy(self):
        raise NotImplementedError


@pytest.mark.parametrize("ragged", [False, True])
def test_a_table_of_another_package_with_a_sequence_in_each_cell(ragged):
    sequences = [x[: 3 + (i % 3 if ragged else 0)] for i, x in enumerate(X)]
    expected = LSTMClassifier(**SMALL).fit(sequences, y)
    given = Table({name: Cells([x[:, c] for x in sequences]) for c, name in enumerate("ab")})
    model = LSTMClassifier(**SMALL).fit(given, y)
    assert list(model.feature_names_in_) == ["a", "b"]
    np.testing.assert_array_equal(model.theta_, expected.theta_)


@pytest.mark.parametrize("words", [False, True])
@pytest.mark.parametrize("first", [False, True])
def test_a_single_value_beside_sequences_in_the_cells_of_a_frame(words, first):
    sequences = [["a", "b"]] * 24 if words else [x[:, 0] for x in X]
    frame = pd.DataFrame({"age": np.arange(24), "s": sequences})[
        ["age", "s"] if first else ["s", "age"]
    ]
    settings = SMALL | ({"categorical_features": "from_dtype"} if words else {})
    with pytest.raises(ValueError, match=r"Sample 0 of X holds 0 in column 'age', .* static_feat"):
        LSTMClassifier(**settings).fit(frame, y)


@pytest.mark.parametrize("fill", [0.0, np.nan])
@pytest.mark.parametrize("columns", [["t1"], [f"t{k}" for k in range(6)]], ids=len)
def test_sparse_columns_of_pandas_are_dense_ones(columns, fill):
    frame = WIDE.where(WIDE > 0.0, 0.0)
    sparse = frame.astype(dict.fromkeys(columns, pd.SparseDtype(float, fill)))
    index = pd.MultiIndex.from_product([range(8), range(3)])
    for given, other, labels in (
        (sparse, frame, y),
        (sparse.set_index(index), frame.set_index(index), y[:8]),
    ):
        model = LSTMClassifier(**SMALL).fit(given, labels)
        expected = LSTMClassifier(**SMALL).fit(other, labels)
        np.testing.assert_array_equal(model.theta_, expected.theta_)
        np.testing.assert_array_equal(raw(model, given), raw(expected, other))
    assert isinstance(sparse["t1"].dtype, pd.SparseDtype)  # what was passed is as before


MAKE_COMPLEX = {
    "array": np.asarray,
    "list": list,
    "nested": lambda v: v.tolist(),
    "flat": lambda v: v[:, :, 0],
    "masked": np.ma.masked_array,
    "masked samples": lambda v: [np.ma.masked_array(x) for x in v],
}


@pytest.mark.parametrize("make", MAKE_COMPLEX.values(), ids=MAKE_COMPLEX.keys())
def test_complex_numbers_are_refused_in_a_line(make):
    given = make(np.ones((24, 6, 2)) + 1j)
    with pytest.raises(ValueError, match=r"complex128") as error:
        LSTMClassifier(**SMALL).fit(given, y)
    assert len(str(error.value)) < 300


def test_numbers_as_text_are_told_to_be_converted():
    with pytest.raises(ValueError, match=r"X holds no numbers, its dtype is .U.*astype\(float\)"):
        LSTMClassifier(**SMALL).fit(np.ones((24, 6)).astype(str), y)


def test_masked_values_are_missing():
    inside = np.ma.masked_array(np.ones((24, 6)), np.eye(24, 6, 2, bool))
    for given in (inside, list(inside)):
        with pytest.raises(ValueError, match="contains NaN: sample 0, time step 2, channel 0"):
            LSTMClassifier(**SMALL).fit(given, y)
    objects = np.ma.masked_array(np.ones((24, 6), object), np.eye(24, 6, 2, bool))
    with pytest.raises(ValueError, match="contains NaN: sample 0, time step 2, channel 0"):
        LSTMClassifier(**SMALL).fit(objects, y)


def test_a_column_of_lists_of_lists_of_another_package():
    class OfObjects(Column):  # as polars has lists of lists
        def __array__(self, dtype=None, copy=None):
            out = np.empty(len(self.cells), object)
            for i, cell in enumerate(self.cells):
                out[i] = cell
            return out

    three = [x[:3] for x in X]
    nested = OfObjects([OfObjects(x.tolist()) for x in three])
    model = LSTMClassifier(**SMALL).fit(nested, y)
    np.testing.assert_array_equal(model.theta_, LSTMClassifier(**SMALL).fit(three, y).theta_)


def test_an_index_is_no_x():
    with pytest.raises(ValueError, match="got a 1D array of 24 values"):
        LSTMClassifier(**SMALL).fit(pd.RangeIndex(24), y)


def test_an_index_of_three_levels():
    long = as_long(X)
    with pytest.raises(ValueError, match=r"X has an index of 3 levels. A long DataFrame has two"):
        LSTMClassifier(**SMALL).fit(pd.concat({"site": long}), y)


def test_channels_of_unequal_length_in_the_cells_of_a_frame():
    frame = cells(X).set_axis(["temperature", "vibration"], axis=1)
    frame.at[5, "vibration"] = frame.at[5, "vibration"][:-1]
    n = len(X[5])
    with pytest.raises(ValueError, match=rf"Sample 5 .* temperature: {n}, vibration: {n - 1}"):
        LSTMClassifier(**SMALL).fit(frame, y)


def test_a_dict_of_channels_says_how_to_stack_them():
    with pytest.raises(ValueError, match=r"if each is a channel, np\.stack\(list\(X\.values"):
        LSTMClassifier(**SMALL).fit({"temp": np.ones((24, 6)), "vib": np.ones((24, 6))}, y)


WIDE = pd.DataFrame(np.random.default_rng(0).standard_normal((24, 6))).add_prefix("t")


@pytest.mark.parametrize(
    "column",
    [
        [f"m{k}" for k in range(24)],
        pd.date_range("2024-01-01", periods=24),
        pd.timedelta_range("0h", periods=24, freq="h"),
        pd.Categorical(["a", "b"] * 12),
        pd.array(["a", None] * 12, dtype="string"),
    ],
    ids=lambda column: str(getattr(column, "dtype", "words")),
)
def test_a_column_of_words_or_dates_is_named(column):
    frame = WIDE.assign(other=column)
    long = frame.set_index(pd.MultiIndex.from_product([range(8), range(3)]))
    for given, labels in ((frame, y), (long, y[:8])):
        with pytest.raises(ValueError, match="Column 'other' of X holds no numbers, its dtype is"):
            LSTMClassifier(**SMALL).fit(given, labels)
    numbers = WIDE.assign(other=pd.array([1, None] * 12, dtype="object"))
    LSTMClassifier(**SMALL).fit(numbers, y)  # None at the end is padding


def test_columns_of_two_levels_are_refused():
    """As pivot and unstack give them: they would be read as one series, channel after channel."""
    long = as_long([x[:3] for x in X])
    with pytest.raises(ValueError, match=r"columns of X have 2 levels.*X\.stack\(level=1"):
        LSTMClassifier(**SMALL).fit(long.unstack(), y)
    back = long.unstack().stack(level=1, future_stack=True)  # as the error says
    pd.testing.assert_frame_equal(back, long)


def test_levels_in_the_wrong_order():
    long = as_long([x[:3] for x in X]).swaplevel().sort_index()
    named = pd.Series(y, [f"sample {k:03d}" for k in range(24)])
    for labels in (y, named):
        message = r"\(time, sample\): 3 samples\. y has 24 .*X\.swaplevel\(\)\.sort_index"
        with pytest.raises(ValueError, match=message):
            LSTMClassifier(**SMALL).fit(long, labels)
    model = LSTMClassifier(**SMALL).fit(long.swaplevel().sort_index(), named)  # as it says
    np.testing.assert_array_equal(
        model.theta_, LSTMClassifier(**SMALL).fit([x[:3] for x in X], y).theta_
    )


def test_one_sequence_in_place_of_several():
    model = LSTMClassifier(**SMALL).fit(X, y)
    frame = pd.DataFrame(X[3])
    for one in (X[3], X[3].tolist(), frame):
        with pytest.raises(ValueError, match=r"fitted with 2.* a single sequence, .* pass \[X\]"):
            model.predict(one)
    np.testing.assert_array_equal(raw(model, [X[3]]), raw(model, X)[3:4])


def test_dimensions_beyond_three_and_arrays_within_a_list():
    array = np.ones((24, 3, 2))
    for given in ([array], [array.tolist()]):
        with pytest.raises(ValueError, match=r"Sample 0 of X has 3 dimensions.* pass X\[0\]"):
            LSTMClassifier(**SMALL).fit(given, y)
    with pytest.raises(ValueError, match=r"X has 4 dimensions, its shape is \(24, 3, 2, 1\)"):
        LSTMClassifier(**SMALL).fit(array[..., np.newaxis], y)


EMPTY = [[], (), np.empty((0, 3)), np.empty((0, 3, 2)), WIDE[:0], as_long(X)[:0]]


@pytest.mark.parametrize("empty", [*EMPTY, pd.Series([], dtype=object)], ids=lambda x: str(type(x)))
def test_no_sample(empty):
    with pytest.raises(ValueError, match=r"0 sample|Expected"):
        LSTMClassifier(**SMALL).fit(empty, [])


# --- names of channels --------------------------------------------------------------------
FORMS = {
    "frame of arrays": lambda X, names: cells(X).set_axis(names, axis=1),
    "list of frames": lambda X, names: [pd.DataFrame(x, columns=names) for x in X],
    "list of equal frames": lambda X, names: [pd.DataFrame(x[:3], columns=names) for x in X],
    "long": lambda X, names: as_long(X).set_axis(names, axis=1),
    "Sequences": lambda X, names: table(X).from_frame(
        as_long(X).set_axis(names, axis=1), sample="sample", time="time"
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_names_of_channels_are_remembered_and_checked(form):
    names = ["temperature", "vibration"]
    named = FORMS[form](X, names)
    model = LSTMClassifier(**SMALL).fit(named, y)
    assert model.feature_names_in_.tolist() == names
    assert model.n_features_in_ == model.n_channels_in_ == 2
    swapped = FORMS[form]([x[:, ::-1] for x in X], names[::-1])
    with pytest.raises(ValueError, match="feature names"):
        model.predict(swapped)
    other_names = FORMS[form](X, ["temperature", "pressure"])
    with pytest.raises(ValueError, match=r"(?s)feature names.*pressure"):
        model.predict(other_names)
    for other in FORMS:
        if (other == "list of equal frames") == (form == "list of equal frames"):
            np.testing.assert_array_equal(raw(model, FORMS[other](X, names)), raw(model, named))
    nameless = LSTMClassifier(**SMALL).fit(X, y)
    with pytest.warns(UserWarning, match="fitted without feature names"):
        nameless.predict(named)
    assert not hasattr(model.fit(X, y), "feature_names_in_")


def test_frames_of_a_list_have_the_same_columns():
    frames = FORMS["list of frames"](X, ["temperature", "vibration"])
    frames[5] = frames[5][["vibration", "temperature"]]
    model = LSTMClassifier(**SMALL)
    with pytest.raises(ValueError, match=r"Sample 5 of X has the columns \['vibration', 'temp"):
        model.fit(frames, y)
    model.fit([x[list(frames[0].columns)] for x in frames], y)  # as the error says
    np.testing.assert_array_equal(raw(model, X), raw(LSTMClassifier(**SMALL).fit(X, y), X))


# --- columns that look like channels ------------------------------------------------------
def rows(n_rows, names):
    values = np.random.default_rng(0).standard_normal((n_rows, len(names)))
    return pd.DataFrame(values, columns=names), np.arange(n_rows) % 2


@pytest.mark.parametrize(
    ("n_rows", "names"),
    [
        (200, ["temp", "vib"]),
        (6439, ["temp", "vib", "pressure", "current", "rpm"]),
        (200, ["acc_x", "acc_y", "acc_z"]),
        (200, ["sensor_1_temp", "sensor_1_vib", "sensor_2_current"]),
        (2000, ["s1", "s2"]),  # too few and too many to be series
        (200, ["温度", "振动"]),
    ],
)
def test_a_hint_where_columns_look_like_channels(n_rows, names):
    frame, labels = rows(n_rows, names)
    with pytest.warns(UserWarning, match=f"{n_rows} sequences of {len(names)} time steps.*from_f"):
        LSTMClassifier(**SMALL | {"max_iter": 1}).fit(frame, labels)
    # once it is said that they are time steps there is no hint
    LSTMClassifier(**SMALL | {"max_iter": 1}, n_channels=1).fit(frame, labels)


@pytest.mark.parametrize(
    ("n_rows", "names"),
    [
        (60, ["temp", "vib", "rpm", "current"]),  # few rows
        (400, [f"t{k}" for k in range(6)]),
        (400, [f"{k}:00" for k in range(12)]),
        (400, ["8am", "9am", "10am", "11am", "12am", "1pm", "2pm"]),
        (400, ["Jan", "Feb", "Mar", "Apr", "May", "Jun"]),
        (400, ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]),
        (400, [f"2024-01-0{k}" for k in range(1, 8)]),
        (400, ["Q1", "Q2", "Q3", "Q4"]),
        (400, list(range(5))),
    ],
)
def test_no_hint_where_columns_are_time_steps(n_rows, names):
    frame, labels = rows(n_rows, names)
    LSTMClassifier(**SMALL | {"max_iter": 1}).fit(frame, labels)  # a warning would be an error


def test_a_hint_for_an_array_of_a_few_columns_and_very_many_rows():
    frame, labels = rows(1000, ["a", "b"])
    with pytest.warns(UserWarning, match="1000 sequences of 2 time steps, and its columns look"):
        LSTMRegressor(**SMALL | {"max_iter": 1}).fit(frame.to_numpy(), labels)


def test_tables_of_pyarrow_have_names_of_columns():
    """Their attribute `columns` holds arrays, which must not be printed."""
    pyarrow = pytest.importorskip("pyarrow")
    frames = [pd.DataFrame(x, columns=["a", "b"]) for x in X]
    tables = [pyarrow.table(frame) for frame in frames]
    expected = LSTMClassifier(**SMALL).fit(frames, y)
    model = LSTMClassifier(**SMALL).fit(tables, y)
    np.testing.assert_array_equal(model.theta_, expected.theta_)
    other = [table.select(["b", "a"]) for table in tables]
    with pytest.raises(ValueError, match="must be in the same order as they were in fit"):
        model.predict(other)
    with pytest.raises(ValueError, match=r"Sample 1 of X has the columns \['b', 'a'\], sample 0"):
        model.predict([tables[0], *other[1:]])
    wide = pyarrow.table(WIDE.set_axis([f"t{k}" for k in (1, 10, 2, 3, 4, 5)], axis=1))
    with pytest.warns(UserWarning, match="'t10' stands before 't2'"):
        LSTMClassifier(**SMALL).fit(wide, y)
    outputs = pyarrow.table({"slope": y + 0.5, "level": 3.0 - y})
    regressor = LSTMRegressor(**SMALL).fit(X, outputs)
    with pytest.raises(ValueError, match="y has the columns of fit in another order"):
        regressor.score(X, outputs.select(["level", "slope"]))
    words = [pyarrow.table({"word": ["a", "b", "a" if k else "c"]}) for k in y]
    settings = SMALL | {"categorical_features": "from_dtype"}
    model = LSTMClassifier(**settings).fit(words, y)
    expected = LSTMClassifier(**settings).fit([table.to_pandas() for table in words], y)
    np.testing.assert_array_equal(model.theta_, expected.theta_)
    cells = pyarrow.table({name: [x[:, c] for x in X] for c, name in enumerate("ab")})
    model = LSTMClassifier(**SMALL).fit(cells, y)
    expected = LSTMClassifier(**SMALL).fit(frames, y)
    np.testing.assert_array_equal(model.theta_, expected.theta_)
