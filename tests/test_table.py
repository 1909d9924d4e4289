"""Sequences: a long table to a fit in one line, through scikit-learn's splitters and back."""

import datetime
import pickle
import re
from datetime import timedelta, timezone
from decimal import Decimal
from io import BytesIO

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import VotingClassifier
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils import _safe_indexing, resample

from sklstm import LSTMClassifier, LSTMRegressor, Sequences
from sklstm._input.times import elapsed_times
from tests.toy import SMALL, problem, raw

STEPS = SMALL | {"return_sequences": True, "bidirectional": False, "scale": "channel"}
ARRAYS, LABELS = problem(LSTMClassifier, n_samples=40)
NAMES = [f"m{k}" for k in range(40)]


def a_table(shuffled=True):
    """A row for each hour of each machine, in any order."""
    parts = []
    for k, x in enumerate(ARRAYS):
        parts.append(
            pd.DataFrame(
                {
                    "machine": NAMES[k],
                    "site": f"site {k % 5}",
                    "hour": pd.date_range("2024-01-01", periods=len(x), freq="h", tz="UTC"),
                    "temp": x[:, 0],
                    "vib": x[:, 1],
                    "state": np.array(["ok", "worn"])[LABELS[k]],
                    "load": np.cumsum(x[:, 0]),
                }
            )
        )
    table = pd.concat(parts, ignore_index=True)
    return table.sample(frac=1.0, random_state=0) if shuffled else table


def read(table=None, **changes):
    """With the label of each machine as the target."""
    arguments = {
        "sample": "machine", "time": "hour", "target": "state", "group": "site",
        "channels": ["temp", "vib"],
    }  # fmt: skip
    return Sequences.from_frame(a_table() if table is None else table, **arguments | changes)


def in_order_of(names):
    return [NAMES.index(name) for name in names]


def test_a_table_in_any_order_is_sorted():
    X = read()
    assert len(X) == 40
    assert X.shape == (40,)
    assert X.channels == ("temp", "vib")
    assert list(X.ids) == list(dict.fromkeys(a_table()["machine"]))  # by first appearance
    order = in_order_of(X.ids)
    for x, times, k in zip(X, X.times, order, strict=True):
        np.testing.assert_array_equal(x, ARRAYS[k])
        assert list(times) == list(pd.date_range("2024-01-01", periods=len(x), freq="h", tz="UTC"))
    assert list(X.target) == [["ok", "worn"][LABELS[k]] for k in order]
    assert list(X.groups) == [f"site {k % 5}" for k in order]
    assert list(X.lengths) == [len(ARRAYS[k]) for k in order]
    assert repr(X) == "<Sequences: 40 samples of 3 to 9 time steps, channels temp, vib>"
    X = read(a_table(shuffled=False), time=None)
    assert X.times is None
    np.testing.assert_array_equal(X[7], ARRAYS[7])


def test_the_values_are_not_copied_and_not_written_to():
    X = read()
    data = X.dataset()
    assert data.values is X[3:7].dataset().values
    assert np.shares_memory(data.values, X[0])
    with pytest.raises(ValueError, match="read-only"):
        X[0][0] = 1.0


def test_the_same_model_as_a_list_of_arrays():
    X = read(a_table(shuffled=False))
    model = LSTMClassifier(**SMALL).fit(X, X.target)
    expected = LSTMClassifier(**SMALL).fit(ARRAYS, X.target)
    np.testing.assert_array_equal(model.theta_, expected.theta_)
    np.testing.assert_array_equal(raw(model, X), raw(expected, ARRAYS))
    assert model.feature_names_in_.tolist() == ["temp", "vib"]
    chosen = [3, 3, 39, 0]
    np.testing.assert_array_equal(raw(model, X[chosen]), raw(model, X)[chosen])


SELECTIONS = {
    "slice": slice(3, 30, 4),
    "backwards": slice(None, None, -1),
    "positions": np.array([5, 0, 39, -1]),
    "a list": [5, 0, 39],
    "twice the same": [7, 7, 7],
    "mask": np.arange(40) % 3 == 0,
    "a list of bools": [k % 3 == 0 for k in range(40)],
    "none": [],
    "Series": pd.Series([4, 2]),
}


@pytest.mark.parametrize("case", SELECTIONS)
@pytest.mark.parametrize("steps", [False, True])
def test_selections_keep_names_and_targets(case, steps):
    X = read(target="load", return_sequences=True) if steps else read()
    key = SELECTIONS[case]
    positions = np.arange(40)[
        key if isinstance(key, slice) else np.asarray(key, None if len(key) else int)
    ]
    for chosen in (X[key], _safe_indexing(X, key if isinstance(key, slice) else np.asarray(
            key, None if len(key) else int))):  # fmt: skip
        assert isinstance(chosen, Sequences)
        assert len(chosen) == len(positions)
        assert chosen.channels == X.channels
        assert list(chosen.ids) == list(X.ids[positions])
        assert list(chosen.groups) == list(X.groups[positions])
        for n, k in enumerate(positions):
            np.testing.assert_array_equal(chosen[n], X[k])
            np.testing.assert_array_equal(chosen.target[n], X.target[k])
            np.testing.assert_array_equal(chosen.times[n], X.times[k])
        copied = pickle.loads(pickle.dumps(chosen))
        assert list(copied.ids) == list(chosen.ids)
        for a, b in zip(copied, chosen, strict=True):
            np.testing.assert_array_equal(a, b)


def test_keys_that_are_no_positions_are_refused():
    X = read()
    for key in (np.ones(39, bool), 40):
        with pytest.raises(IndexError):
            X[key]
    for key in ("m3", ["m3", "m4"], 1.5, None):
        with pytest.raises(IndexError, match="by position, a slice or a mask, not by ") as error:
            X[key]
    assert "get_indexer" in str(error.value)
    np.testing.assert_array_equal(X.ids[X.sample_index().get_indexer(["m3"])], ["m3"])
    with pytest.raises(ValueError, match="X holds 0 samples"):
        LSTMClassifier(**SMALL).fit(X, X.target).predict(X[:0])


def test_a_few_samples_are_pickled_alone():
    X = read()
    assert len(pickle.dumps(X[:2])) < len(pickle.dumps(X)) / 4
    file = BytesIO()
    joblib.dump(X[[3, 3, 1]], file)
    file.seek(0)
    copied = joblib.load(file)
    np.testing.assert_array_equal(copied[1], X[3])
    assert len(copied.dataset().values) == len(X[3]) + len(X[1])


# --- within scikit-learn ------------------------------------------------------------------
def test_splitters_and_searches():
    X = read()
    model = LSTMClassifier(**SMALL)
    as_list = list(X)
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    np.testing.assert_array_equal(
        cross_val_score(model, X, X.target, cv=folds),
        cross_val_score(model, as_list, X.target, cv=folds),
    )
    cross_val_score(model, X, X.target, groups=X.groups, cv=GroupKFold(3))
    for train, test in GroupKFold(3).split(X, X.target, X.groups):
        assert not set(X[train].groups) & set(X[test].groups)
    search = GridSearchCV(model, {"hidden_size": [2, 3]}, cv=folds, n_jobs=2).fit(X, X.target)
    assert search.best_estimator_.feature_names_in_.tolist() == ["temp", "vib"]
    assert cross_val_predict(model, X, X.target, cv=folds).shape == (40,)
    train, test = train_test_split(X, test_size=10, stratify=X.target, random_state=0)
    assert len(train) == 30
    assert isinstance(test, Sequences)
    model.fit(train, train.target).score(test, test.target)
    again = resample(X, random_state=0)
    assert len(again) == 40
    model.fit(again, again.target)
    VotingClassifier([("a", model), ("b", model)], voting="soft").fit(X, X.target).predict(X)
    make_pipeline(FunctionTransformer(lambda X: X), model).fit(X, X.target).predict(X)


def test_targets_of_steps_and_splitters():
    X = read(target="load", return_sequences=True)
    model = LSTMRegressor(**STEPS)
    scores = cross_val_score(model, X, X.target, cv=KFold(3))
    np.testing.assert_array_equal(scores, cross_val_score(model, list(X), X.target, cv=KFold(3)))
    train, test = train_test_split(X, random_state=0)
    assert np.isfinite(model.fit(train, train.target).score(test, test.target))


def test_several_targets():
    table = a_table()
    both = read(table, target=["load", "temp"], channels=["vib"], return_sequences=True)
    assert both.target[0].shape == (len(both[0]), 2)
    table["mean load"] = table.groupby("machine")["load"].transform("mean")
    X = read(table, target=["mean load"])
    assert X.target.shape == (40, 1)
    LSTMRegressor(**SMALL).fit(X, X.target)


# --- there and back -----------------------------------------------------------------------
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"target": "load", "return_sequences": True},
        {"group": None, "target": None},
        {"target": ["state", "load"], "return_sequences": True},
        {"sample": ["site", "machine"], "group": None},
    ],
    ids=str,
)
def test_to_a_table_and_back(changes):
    X = read(**changes)
    table = X.to_frame()
    again = read(table, **changes)
    pd.testing.assert_frame_equal(again.to_frame(), table)
    assert list(again.ids) == list(X.ids)
    for name in table:
        if name not in ("temp", "vib"):
            assert table[name].dtype == a_table()[name].dtype
    part = read(X[[4, 2]].to_frame(), **changes)
    assert list(part.ids) == list(X.ids[[4, 2]])
    # rows are those of the table that was read
    key = ["machine", "hour"] if "machine" in table else ["hour"]
    common = [name for name in table if name in a_table()]
    expected = a_table()[common].sort_values(key).reset_index(drop=True)
    if "machine" in table:
        given = table[common].sort_values(key).reset_index(drop=True)
        pd.testing.assert_frame_equal(given, expected)


def test_levels_of_an_index_count_as_columns():
    long = a_table().set_index(["machine", "hour"])
    for frame in (long, a_table().set_index("machine")):
        X = read(frame)
        assert list(X.ids) == list(read().ids)
        np.testing.assert_array_equal(X[3], read()[3])


def test_several_columns_name_a_sample():
    X = read(sample=["site", "machine"], group=None)
    assert X.ids[0] == tuple(a_table().iloc[0][["site", "machine"]])
    label = a_table().groupby(["site", "machine"])["state"].first()
    model = LSTMClassifier(**SMALL).fit(X, label)
    np.testing.assert_array_equal(
        model.theta_, LSTMClassifier(**SMALL).fit(X, read().target).theta_
    )


class ForeignTable:
    """A table of another package, with columns that are no pandas objects."""

    def __init__(self, frame):
        self._frame = frame
        self.columns = list(frame.columns)

    def __getitem__(self, name):
        return self._frame[name].array

    def to_numpy(self):
        raise NotImplementedError


class ArrowTable:
    """A table that can be converted, with columns that are no names."""

    def __init__(self, frame):
        self._frame = frame
        self.columns = [frame[name].to_numpy() for name in frame]

    def to_pandas(self):
        return self._frame


def test_other_tables():
    table = a_table().assign(hour=lambda t: t["hour"].dt.tz_localize(None))
    expected = read(table)
    columns = {name: table[name].to_numpy() for name in table}
    records = table.to_records(index=False)
    for other in (columns, ForeignTable(table), ArrowTable(table), records):
        X = read(other)
        assert list(X.ids) == list(expected.ids)
        np.testing.assert_array_equal(X[3], expected[3])


@pytest.mark.parametrize(
    ("dtypes", "expected"),
    [
        ({"temp": "float32", "vib": "float32"}, "float32"),
        ({"temp": "float32"}, "float64"),
        ({"temp": "Float32", "vib": "Float64"}, "float64"),
        ({"temp": "int64", "vib": "Int64"}, "float64"),
        ({"temp": "bool", "vib": "bool"}, "float64"),
    ],
)
def test_dtypes_of_channels(dtypes, expected):
    table = a_table()
    table[["temp", "vib"]] = table[["temp", "vib"]].round()
    X = read(table.astype(dtypes))
    assert X[0].dtype == expected
    LSTMClassifier(**SMALL).fit(X, X.target)


def test_channels_are_what_is_left():
    table = a_table()[["machine", "hour", "temp", "vib"]]
    assert Sequences.from_frame(table, sample="machine", time="hour").channels == ("temp", "vib")
    X = read(target="load", channels=["temp", "load"], return_sequences=True)  # a channel as target
    np.testing.assert_array_equal(X[0][:, 1], X.target[0])


def test_rows_at_the_end_without_values_are_left_out():
    table = a_table(shuffled=False)
    last = table.groupby("machine").tail(1).index
    table.loc[last, ["temp", "vib"]] = np.nan
    X = read(table)
    np.testing.assert_array_equal(X[7], ARRAYS[7][:-1])
    assert len(X.times[7]) == len(X[7])
    assert len(X.to_frame()) == len(table) - 40
    with pytest.raises(ValueError, match=r"m0 .*at 2024.* has a target but no values"):
        read(table, target="load", return_sequences=True)
    table.loc[last, "load"] = np.nan
    X = read(table, target="load", return_sequences=True)
    assert len(X.target[7]) == len(X[7])


# --- errors -------------------------------------------------------------------------------
def with_cell(column, row, value):
    """A table in order with one cell changed; row 5 is the sixth hour of m0 or so."""
    table = a_table(shuffled=False)
    table[column] = table[column].astype(object if isinstance(value, str) else table[column].dtype)
    table.loc[row, column] = value
    return table


ROW = len(ARRAYS[0]) + 1  # the second hour of m1
TWICE = pd.concat([a_table(shuffled=False), a_table(shuffled=False).loc[[ROW]]])
ERRORS = {
    "a gap": (
        with_cell("vib", ROW, np.nan), {},
        r"Sample m1 \(machine\) at 2024-01-01 01:00:00\+00:00 \(hour\) has no value in column "
        r"'vib' \(1 such cells",
    ),
    "infinity": (
        with_cell("temp", ROW, -np.inf), {}, "has the value -inf in column 'temp' .*Correct it",
    ),
    "a mark for missing": (with_cell("temp", ROW, 1e300), {}, r"value 1e\+300 in column 'temp'"),
    "no values at all": (
        a_table().assign(temp=lambda t: t["temp"].where(t["machine"] != "m3"),
                         vib=lambda t: t["vib"].where(t["machine"] != "m3")),
        {}, r"Sample m3 \(machine\) has no values at all",
    ),
    "two rows of a time": (TWICE, {}, r"m1 .* at 2024-01-01 01:00.* has two rows \(1 such rows"),
    "no sample": (with_cell("machine", ROW, None), {}, f"'machine' is missing in row {ROW} of"),
    "no time": (with_cell("hour", ROW, pd.NaT), {}, f"'hour' is missing in row {ROW} of the table"),
    "a label that changes": (
        with_cell("state", ROW, "new"), {},
        r"m1 .* at 2024-01-01 01:00.* changes from worn to new in column 'state'.*return_seq",
    ),
    "a label that is not everywhere": (
        with_cell("state", ROW, None), {}, "m1 .* changes from worn to (nan|None) in column 'sta",
    ),
    "a group that changes": (
        with_cell("site", ROW, "elsewhere"), {},
        "m1 .* changes from site 1 to elsewhere in column 'site', which must be the same",
    ),
    "steps without return_sequences": (a_table(), {"target": "load"}, "pass return_sequences=True"),
    "a column that is not there": (a_table(), {"time": "minute"}, "no columns 'minute'; it has"),
    "a channel that is not there": (a_table(), {"channels": ["rpm"]}, "no columns 'rpm'"),
    "two columns of a name": (
        pd.concat([a_table(), a_table()[["temp"]]], axis=1), {}, "2 columns 'temp'",
    ),
    "dates for channels": (
        a_table().assign(site=pd.Timestamp(0)), {"channels": None, "group": None},
        "Column 'site' holds neither only numbers nor only strings, .*channels=",
    ),
    "times as words": (
        a_table().assign(hour=lambda t: t["hour"].astype(str)), {},
        "'hour' holds neither numbers nor times, .*pd.to_datetime",
    ),
    "times as numbers in words": (
        a_table().assign(hour=lambda t: t["hour"].dt.hour.astype(str)), {},
        r"'hour' holds neither numbers nor times, .*pd.to_numeric\(table\['hour'\]\)",
    ),
    "durations as words": (
        a_table().assign(hour=lambda t: [f"{k} days" for k in range(len(t))]), {},
        r"convert it, for instance with pd.to_timedelta\(table\['hour'\]\)",
    ),
    "months as words": (
        a_table().assign(hour=lambda t: [f"{1950 + k}-01" for k in range(len(t))]), {},
        r"convert it, for instance with pd.to_datetime\(table\['hour'\]\)",
    ),
    "times of a day": (
        a_table().assign(hour=lambda t: [datetime.time(k % 24, k % 60) for k in range(len(t))]), {},
        r"convert it, for instance with pd.to_timedelta\(table\['hour'\].astype\(str\)\)",
    ),
    "truths as times": (
        a_table().assign(hour=lambda t: t["temp"] > 0), {},
        r"convert it, for instance with table\['hour'\].astype\(int\)",
    ),
    "durations for channels": (
        a_table().assign(temp=lambda t: pd.to_timedelta(t["temp"], unit="s")), {},
        r"convert durations, for instance with .dt.total_seconds\(\)",
    ),
    "no table": (pd.DataFrame(), {}, "The table has no columns"),
    "no channel": (
        a_table()[["machine", "hour"]], {"channels": None, "target": None, "group": None},
        "No column is left",
    ),
    "no channel in the list": (a_table(), {"channels": []}, "No column is left"),
    "no row": (a_table().iloc[:0], {}, "The table has no rows"),
    "a channel twice": (a_table(), {"channels": ["temp", "temp"]}, "'temp' 2 times"),
    "numbers and strings": (
        a_table().astype({"temp": object}).replace({"temp": {a_table()["temp"].iloc[1]: "broken"}}),
        {}, "Column 'temp' holds neither only numbers nor only strings",
    ),
    "the time as channel": (
        a_table().assign(hour=lambda t: np.arange(len(t))), {"channels": ["temp", "hour"]},
        "'hour' cannot be a channel",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ERRORS)
def test_errors_name_sample_time_and_column(case):
    table, changes, message = ERRORS[case]
    with pytest.raises(ValueError) as error:
        read(table, **changes)
    assert re.search(message, str(error.value)), str(error.value)


# --- names and forms ----------------------------------------------------------------------
@pytest.mark.parametrize("name", [7, ("plant", "machine"), np.str_("engine")], ids=str)
def test_names_that_are_no_strings(name):
    table = a_table().rename(columns={"temp": 0, "vib": 1})
    table.columns = pd.Index([name if c == "machine" else c for c in table.columns], dtype=object)
    X = read(table, sample=name, channels=[0, 1])
    np.testing.assert_array_equal(X.dataset().values, read().dataset().values)
    assert X.ids.tolist() == read().ids.tolist()
    table.loc[table.index[9], 0] = np.nan
    with pytest.raises(ValueError, match=re.escape(f"({name}) at ")):
        read(table, sample=name, channels=[0, 1])


def test_a_time_whose_name_is_no_string():
    table = a_table().rename(columns={"hour": 7})
    X = read(table, time=7, target="load", return_sequences=True)
    y = table.set_index(["machine", 7])["load"]
    model = LSTMRegressor(**SMALL, return_sequences=True)
    expected = model.fit(X, X.target).theta_
    np.testing.assert_array_equal(model.fit(X, y).theta_, expected)


def test_one_name_needs_no_list():
    X = read(channels="temp", sample=("machine",), target=("state",))
    assert X.channels == ("temp",)
    assert X.target.shape == (40, 1)


def test_an_array_and_a_series_with_levels():
    rows = np.column_stack([np.repeat([3, 1], 4), np.tile(np.arange(4), 2), np.arange(8.0)])
    assert Sequences.from_frame(rows, sample=0, time=1).channels == (2,)
    series = a_table().set_index(["machine", "hour"])["temp"]
    X = Sequences.from_frame(series, sample="machine", time="hour")
    np.testing.assert_array_equal(X.dataset().values, read(channels="temp").dataset().values)


def test_a_column_counts_before_a_level_of_its_name():
    table = a_table().set_index("machine", drop=False)
    np.testing.assert_array_equal(read(table).dataset().values, read().dataset().values)


def test_decimals_of_arrow():
    arrow = pytest.importorskip("pyarrow")
    table = a_table()
    decimals = [Decimal(repr(round(float(v), 4))) for v in table["temp"]]
    table["temp"] = [float(v) for v in decimals]
    expected = read(table).dataset().values
    table["temp"] = pd.array(decimals, pd.ArrowDtype(arrow.decimal128(20, 5)))
    np.testing.assert_array_equal(read(table).dataset().values, expected)


@pytest.mark.parametrize("convert", [Decimal, float, np.float64], ids=lambda f: f.__name__)
def test_numbers_as_python_objects(convert):
    table = a_table()
    table["temp"] = pd.Series([convert(v) for v in table["temp"]], table.index, dtype=object)
    np.testing.assert_array_equal(read(table).dataset().values, read().dataset().values)
    table.loc[table.index[9], "temp"] = None
    with pytest.raises(ValueError, match="has no value in column 'temp'"):
        read(table)


def test_times_as_python_objects_and_as_arrow_has_them():
    table = a_table()
    start = pd.Timestamp("2024-01-01")
    table["hour"] = start + 24 * (table["hour"].dt.tz_localize(None) - start)  # a row each day
    expected = read(table)
    for convert in (
        lambda time: time.dt.date,
        lambda time: pd.Series(list(time.dt.to_pydatetime()), time.index, dtype=object),
        lambda time: time.astype(pd.ArrowDtype(pytest.importorskip("pyarrow").date32())),
        lambda time: time.astype("category"),
    ):
        X = read(table.assign(hour=convert(table["hour"])))
        np.testing.assert_array_equal(X.dataset().values, expected.dataset().values)
        assert X.to_frame()["hour"].dtype.kind == "M"
        steps = [elapsed_times(x, x.dataset())[0] for x in (X, expected)]
        np.testing.assert_array_equal(*steps)
    days = table["hour"].dt.date
    twice = pd.concat([table.assign(hour=days), table.assign(hour=days).iloc[:1]])
    with pytest.raises(ValueError, match="has two rows"):
        read(twice)


def test_times_of_several_offsets_are_the_same_instants():
    table = a_table()
    zones = [timezone(timedelta(hours=k % 3)) for k in range(len(table))]
    own = [
        time.to_pydatetime().astimezone(zone)
        for time, zone in zip(table["hour"], zones, strict=True)
    ]
    X = read(table.assign(hour=pd.Series(own, table.index, dtype=object)))
    pd.testing.assert_frame_equal(X.to_frame(), read(table).to_frame())
    own[7] = own[7].replace(tzinfo=None)
    with pytest.raises(ValueError, match="Some times have a time zone and others have none"):
        read(table.assign(hour=pd.Series(own, table.index, dtype=object)))


def test_a_target_may_be_a_channel():
    steps = {"target": "temp", "return_sequences": True}
    X = read(**steps)
    model = LSTMRegressor(**SMALL, return_sequences=True).fit(X, X.target)
    assert list(model.feature_names_in_) == ["temp", "vib"]
    expected = LSTMRegressor(**SMALL, return_sequences=True).fit(list(X), X.target)
    np.testing.assert_array_equal(model.theta_, expected.theta_)
    again = read(X.to_frame(), **steps)
    np.testing.assert_array_equal(again.dataset().values, X.dataset().values)
    np.testing.assert_array_equal(np.concatenate(again.target), np.concatenate(X.target))


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT], ids=str)
def test_whatever_stands_for_a_missing_value(missing):
    table = a_table(shuffled=False)
    expected = table.assign(temp=table["temp"].mask(table["temp"] > 1.0))
    expected["state"] = table["site"].mask(table["temp"] > 1.0)
    table = table.astype({"temp": object}).assign(state=table["site"].astype(object))
    table.loc[expected["temp"].isna(), ["temp", "state"]] = missing
    arguments = {"missing": "mask", "target": None, "channels": ["temp", "state"]}
    X, Z = read(table, **arguments), read(expected, **arguments)
    np.testing.assert_array_equal(X.dataset().values, Z.dataset().values)
    np.testing.assert_array_equal(X.words[1], Z.words[1])


def test_a_table_that_is_not_computed_yet_is_refused():
    class LazyFrame:
        def collect(self):
            raise AssertionError

    with pytest.raises(TypeError, match=r"is a LazyFrame, .* pass what its collect"):
        read(LazyFrame())
    with pytest.raises(TypeError, match="X is a LazyFrame"):
        LSTMClassifier(**SMALL).fit(LazyFrame(), LABELS)
    with pytest.raises(TypeError, match="y is a LazyFrame"):
        LSTMClassifier(**SMALL).fit(ARRAYS, LazyFrame())


def test_what_is_no_table_is_refused_in_a_line():
    for given in ("readings.csv", 3.0):
        with pytest.raises(TypeError, match=r"The table is a (str|float), which is no DataFrame"):
            read(given)
    table = a_table().assign(machine=lambda t: [[name] for name in t["machine"]])
    with pytest.raises(TypeError, match=r"'machine' cannot name samples: .*astype\(str\)"):
        read(table)


def test_as_an_array_only_if_of_one_length():
    X = read()
    with pytest.raises(ValueError, match=r"of 3 to 9 time steps are no array.*FunctionTransformer"):
        make_pipeline(StandardScaler(), LSTMClassifier(**SMALL)).fit(X, X.target)
    some = X[X.lengths == 5]
    np.testing.assert_array_equal(np.asarray(some), np.stack(list(some)))


def test_the_error_says_what_to_do_before_a_split():
    y = pd.Series(LABELS, NAMES).sample(frac=1.0, random_state=0)
    with pytest.raises(ValueError, match="y must be in the order of X before"):
        cross_val_score(LSTMClassifier(**SMALL), read(), y, cv=2, error_score="raise")
    X = read()
    assert len(cross_val_score(LSTMClassifier(**SMALL), X, y.loc[X.ids], cv=2)) == 2
