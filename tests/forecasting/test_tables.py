"""Tables with columns of series, times and values: read, answered, and refused without names."""

import numpy as np
import pandas as pd
import pytest

from sklstm import LSTMForecaster, PanelSplit
from tests.forecasting.series import long, monthly

FAST = {"horizon": 6, "max_steps": 0}
COLUMNS = {"id_col": "unique_id", "time_col": "ds", "target_col": "y"}
Y = long((60, 48)).rename_axis(["unique_id", "ds"]).rename("y")
TABLE = Y.reset_index()
WITH_X = TABLE.assign(x=np.arange(len(TABLE)) % 5.0)
ONE = TABLE[TABLE["unique_id"] == "s0"].drop(columns="unique_id")


def test_a_table_is_a_long_panel_and_comes_back_as_a_table():
    forecaster = LSTMForecaster(**FAST, **COLUMNS).fit(TABLE)
    expected = LSTMForecaster(**FAST).fit(Y)
    answer = forecaster.predict(3)
    assert answer.columns.tolist() == ["unique_id", "ds", "y"]
    pd.testing.assert_frame_equal(answer, expected.predict(3).reset_index())
    bounds = forecaster.predict_interval(3)
    assert bounds.columns.tolist() == ["unique_id", "ds", "lower", "upper"]
    several = forecaster.predict_interval(3, coverage=[0.5, 0.9])
    assert several.columns.tolist() == [
        "unique_id", "ds", "lower-0.5", "upper-0.5", "lower-0.9", "upper-0.9"
    ]  # fmt: skip
    quantiles = forecaster.predict_quantiles(3, quantiles=[0.25, 0.75])
    assert quantiles.columns.tolist() == ["unique_id", "ds", 0.25, 0.75]
    np.testing.assert_allclose(quantiles[0.25], several["lower-0.5"])


def test_other_columns_are_exogenous():
    late = WITH_X.groupby("unique_id").tail(6).index
    known, coming = WITH_X.drop(late), WITH_X.loc[late]
    forecaster = LSTMForecaster(**FAST, **COLUMNS).fit(known)
    answer = forecaster.predict(6, coming.drop(columns="y"))
    X = WITH_X.set_index(["unique_id", "ds"])[["x"]]
    expected = LSTMForecaster(**FAST).fit(known.set_index(["unique_id", "ds"])["y"], X)
    pd.testing.assert_frame_equal(answer, expected.predict(6, X).reset_index())
    assert forecaster.score(coming) == expected.score(coming.set_index(X.index.names)["y"], X)
    np.testing.assert_array_equal(forecaster.predict(coming), answer["y"])
    forecaster.update(coming)
    assert forecaster.history("s1").index[-1] == coming["ds"].iloc[-1]
    with pytest.raises(ValueError, match="other columns of y: leave X out"):
        forecaster.fit(known, X)


@pytest.mark.parametrize("past", [(), ("x",)])
def test_many_origins_of_a_table_take_the_rows_after_it(past):
    extra = WITH_X.assign(k=np.arange(len(WITH_X)) % 3.0)
    ahead = extra.groupby("unique_id").cumcount(ascending=False)
    known, new, coming = extra[ahead >= 9], extra[ahead.between(6, 8)], extra[ahead < 6]
    forecaster = LSTMForecaster(**FAST, **COLUMNS, past_columns=past).fit(known)
    at = forecaster.predict_at(new, X=coming.drop(columns=["y", *past]).sample(frac=1.0))
    expected = forecaster.update(new).predict(6, coming)
    last = at.groupby("unique_id").tail(1).set_index("unique_id")
    for name, part in expected.groupby("unique_id"):
        np.testing.assert_allclose(last.loc[name, list(range(1, 7))].astype(float), part["y"])
    with pytest.raises(ValueError, match=r"X lacks 6 of \d rows of series"):
        LSTMForecaster(**FAST, **COLUMNS, past_columns=past).fit(known).predict_at(new)


def test_a_single_series_with_times_in_a_column_or_in_the_index():
    answer = LSTMForecaster(**FAST, time_col="ds", target_col="y").fit(ONE).predict(2)
    assert answer.columns.tolist() == ["ds", "y"]
    indexed = ONE.set_index("ds")
    same = LSTMForecaster(**FAST, target_col="y").fit(indexed).predict(2)
    np.testing.assert_array_equal(same, answer["y"])
    assert same.index.tolist() == answer["ds"].tolist()


def test_backtest_takes_tables():
    table = LSTMForecaster(**FAST, **COLUMNS).backtest(WITH_X, horizon=3, n_origins=2)
    X = WITH_X.set_index(["unique_id", "ds"])[["x"]]
    expected = LSTMForecaster(**FAST).backtest(Y, X, horizon=3, n_origins=2)
    pd.testing.assert_frame_equal(table, expected)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (TABLE, r"y.set_index\(\['unique_id', 'ds'\]\)\['y'\].*id_col='unique_id', time_col='ds'"),
        (ONE, r"y.set_index\('ds'\)\['y'\].*LSTMForecaster\(time_col='ds', target_col='y'\)"),
        (TABLE.assign(ds=TABLE["ds"].astype(str)), r"to_datetime\(y\['ds'\]\).*set_index"),
        (TABLE.assign(unique_id=1, ds=range(len(TABLE))), r"Use y.set_index\(\['unique_id', 'ds'"),
        (TABLE.set_index("ds"), r"set_index\('unique_id', append=True\).swaplevel\(\)"),
        (
            TABLE.set_axis(["shop", "day", "sales"], axis=1),
            r"set_index\(\['shop', 'day'\]\)\['sales'\].*target_col='sales'",
        ),
        (TABLE.assign(ds=TABLE["ds"].dt.date), r"y.set_index\(\['unique_id', 'ds'\]\)\['y'\]"),
    ],
)
def test_a_table_without_the_names_of_its_columns_is_refused_with_a_line_that_helps(y, message):
    with pytest.raises(ValueError, match=message):
        LSTMForecaster(**FAST).fit(y)


def test_the_line_that_helps_works():
    LSTMForecaster(**FAST).fit(TABLE.set_index(["unique_id", "ds"])["y"])
    swapped = TABLE.set_index("ds").set_index("unique_id", append=True).swaplevel().sort_index()
    LSTMForecaster(**FAST).fit(swapped["y"])


@pytest.mark.parametrize(
    ("settings", "y", "error", "message"),
    [
        ({"time_col": "ds"}, TABLE, ValueError, "need target_col"),
        ({"id_col": "unique_id", "target_col": "y"}, TABLE, ValueError, "id_col needs time_col"),
        (
            COLUMNS,
            pd.concat([TABLE, TABLE[7:8]]),
            ValueError,
            r"two rows for s0, 2015-08-01.*y.groupby\(\['unique_id', 'ds'\], as_index=False\)",
        ),
        (
            COLUMNS,
            pd.concat([TABLE, TABLE[7:8]]).assign(kind="a"),  # words have no mean
            ValueError,
            r"Drop one of them, with y.drop_duplicates\(\['unique_id', 'ds'\]\)\.$",
        ),
        (
            COLUMNS | {"id_col": None},
            TABLE.drop(columns="unique_id"),
            ValueError,
            r"\(48 such rows\). If they are of several series, pass id_col. Drop one",
        ),
        (
            COLUMNS,
            TABLE.assign(unique_id=TABLE["unique_id"].where(TABLE.index != 70)),
            ValueError,
            "Row 70 of y belongs to no series",
        ),
        (
            COLUMNS,
            TABLE.assign(price=[f"{k}.99" for k in range(108)]),
            ValueError,
            "has 108 categories.*if they are numbers, convert them.*pd.to_numeric",
        ),
        (COLUMNS, TABLE.drop(columns="ds"), ValueError, "y lacks the column 'ds'; it has"),
        (COLUMNS, TABLE.drop(columns="y"), ValueError, "y lacks the column 'y', target_col"),
        (COLUMNS, Y, TypeError, "must be a pandas DataFrame with the columns.*not a Series"),
        (COLUMNS, TABLE.assign(ds="2020-01-01"), ValueError, "Column 'ds'.*pd.to_datetime"),
    ],
)
def test_wrong_names_are_said(settings, y, error, message):
    with pytest.raises(error, match=message):
        LSTMForecaster(**FAST, **settings).fit(y)


def test_a_wide_frame_with_such_names_is_no_table():
    y = pd.DataFrame({"y": monthly(40), "z": monthly(40, 1)})
    assert LSTMForecaster(**FAST).fit(y).predict(1).columns.tolist() == ["y", "z"]


def test_the_rows_of_a_table_may_be_in_any_order():
    shuffled = WITH_X.sample(frac=1.0, random_state=0)
    settings = COLUMNS | {"max_steps": 20, "hidden_size": 4, "random_state": 0}  # networks, too
    expected = LSTMForecaster(**settings).fit(TABLE).predict(3)
    by_time = TABLE.sort_values("ds", kind="stable")
    of_query = shuffled.sort_values("ds", kind="stable").drop(columns="x")
    for table in (shuffled.drop(columns="x"), by_time, of_query):
        pd.testing.assert_frame_equal(LSTMForecaster(**settings).fit(table).predict(3), expected)
    later_first = pd.concat([TABLE[60:], TABLE[:60]])
    answer = LSTMForecaster(**FAST, **COLUMNS).fit(later_first).predict(1)
    assert answer["unique_id"].tolist() == ["s1", "s0"]  # blocks stay in their order
    one = LSTMForecaster(time_col="ds", target_col="y", **FAST)
    pd.testing.assert_frame_equal(one.fit(ONE[::-1]).predict(2), one.fit(ONE).predict(2))
    # the order of scikit-learn's scorers: a table, and its target again
    again = one.fit(ONE[::-1], ONE[::-1]["y"]).predict(2)
    pd.testing.assert_frame_equal(again, one.fit(ONE).predict(2))
    with_x = LSTMForecaster(**FAST, **COLUMNS).backtest(shuffled, horizon=3, n_origins=2)
    expected = LSTMForecaster(**FAST, **COLUMNS).backtest(WITH_X, horizon=3, n_origins=2)
    keys = ["series", "time"]
    pd.testing.assert_frame_equal(
        with_x.sort_values(keys, ignore_index=True), expected.sort_values(keys, ignore_index=True)
    )


def test_a_splitter_of_panels_needs_the_names_too():
    with pytest.raises(ValueError, match=r"PanelSplit\(id_col='unique_id', time_col='ds'\)"):
        next(PanelSplit(2).split(TABLE))
    names = {"id_col": "unique_id", "time_col": "ds"}
    for settings, message in (
        (names | {"id_col": "shop"}, "X lacks the column 'shop'"),
        (names | {"test_size": 0}, "test_size must be a whole number of at least 1"),
        (names | {"gap": -1}, "gap must be a whole number of at least 0"),
        (names | {"max_train_size": 0}, "max_train_size must be a whole number"),
    ):
        with pytest.raises(ValueError, match=message):
            next(PanelSplit(2, **settings).split(TABLE))
    with pytest.raises(ValueError, match=r"pd.to_datetime\(table\['ds'\]\)"):
        next(PanelSplit(2, **names).split(TABLE.astype({"ds": str})))


def test_a_list_of_columns_and_a_series_without_frequency_are_refused():
    short = TABLE[:2].assign(unique_id="New York")
    with pytest.raises(ValueError, match=r"y\.loc\['New York'\] cannot .*as freq='D'\.$"):
        LSTMForecaster(**FAST, **COLUMNS).fit(short)
    with pytest.raises(ValueError, match=r"id_col is a list.*table\['shop'\] \+ ' '"):
        LSTMForecaster(**FAST, **COLUMNS | {"id_col": ["unique_id"]}).fit(TABLE)
