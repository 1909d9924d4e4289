import pickle
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from sklstm import LSTMForecaster
from sklstm._forecasting.hold_out import hold_out_warning
from sklstm._forecasting.reading import as_panel

MONTHS = pd.date_range("2020-01", periods=8, freq="MS", name="month")
ONE = pd.Series(np.arange(8.0), MONTHS, name="sales")
WIDE = pd.DataFrame({"a": ONE, "b": ONE + 1})
LONG = pd.concat({"u": ONE, "v": ONE[:5]}, names=["shop", "month"])
FAST = {"horizon": 2, "max_steps": 0, "season_length": None}
pytestmark = pytest.mark.filterwarnings("ignore:.*too short to hold anything out:UserWarning")


def set_at(y, place, value):
    y = y.copy()
    y.iloc[place] = value
    return y


@pytest.mark.parametrize(("y", "kind"), [(ONE, "series"), (WIDE, "wide"), (LONG, "long")])
def test_answers_have_the_shape_of_the_question(y, kind):
    panel = as_panel(y, "error")
    assert panel.kind == kind
    answer = panel.answer(panel.axes, panel.values)
    check = pd.testing.assert_frame_equal if kind == "wide" else pd.testing.assert_series_equal
    check(answer, y)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("int64", "float64"), ("float32", "float32"), ("Int32", "Float64"), ("Float32", "Float32"),
     ("bool", "float64")],
)  # fmt: skip
def test_floating_dtypes_stay_and_others_become_floating(dtype, expected):
    y = (ONE % 2).astype(dtype)
    panel = as_panel(y, "error")
    assert panel.answer(panel.axes, panel.values).dtype == expected


def test_a_long_frame_of_one_column_and_arrays():
    panel = as_panel(LONG.to_frame(), "error")
    pd.testing.assert_frame_equal(panel.answer(panel.axes, panel.values), LONG.to_frame())
    assert as_panel(ONE.to_numpy(), "error").kind == "series"
    assert as_panel(WIDE.to_numpy(), "error").n_series == 2
    assert as_panel([1.0, 2.0, 3.0], "error").futures(2)[0].tolist() == [3, 4]


def test_a_series_for_a_frame_of_one_column_is_told_its_form():
    forecaster = LSTMForecaster(**FAST).fit(ONE.to_frame("a"))
    later = ONE[:2].set_axis(forecaster.predict(2).index)
    with pytest.raises(ValueError, match=r"but fit had a wide one: pass y.to_frame\('a'\)"):
        forecaster.update(later)
    forecaster.update(later.to_frame("a"))


def test_series_of_a_wide_frame_may_begin_later():
    panel = as_panel(set_at(WIDE, (slice(0, 3), 1), np.nan), "error")
    assert [len(values) for values in panel.values] == [8, 5]
    assert panel.axes[1][0] == MONTHS[3]


def test_a_short_series_of_a_long_frame_has_the_frequency_of_the_others():
    y = pd.concat({"u": ONE, "v": ONE[:1]}, names=["shop", "month"])
    panel = as_panel(y, "error")
    assert panel.futures(1)[1][0] == MONTHS[1]
    periods = y.copy()
    periods.index = pd.MultiIndex.from_arrays(
        [y.index.get_level_values(0), y.index.get_level_values(1).to_period("M")]
    )
    assert as_panel(periods, "error").futures(2)[1].freqstr == "M"


@pytest.mark.parametrize("y", [set_at(ONE, slice(2, 4), np.nan), ONE.drop(MONTHS[2:4])])
def test_gaps_are_named_or_interpolated(y):
    with pytest.raises(
        ValueError, match=r"lacks 2 of 8 values; the first is 2020-03-01.*interpolate"
    ):
        as_panel(y, "error", "MS")
    panel = as_panel(y, "interpolate", "MS")
    np.testing.assert_allclose(panel.values[0], ONE)
    assert len(panel.axes[0]) == 8


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        (set_at(ONE, 3, np.inf), ValueError, "infinite at 2020-04-01"),
        (set_at(WIDE, (3, 1), -np.inf), ValueError, "series 'b' is infinite at 2020-04-01"),
        (set_at(ONE, -1, np.nan), ValueError, r"NaN from 2020-08-01.*loc\[:y.last_valid_index"),
        (set_at(WIDE, (-1, 1), np.nan), ValueError, "NaN from 2020-08-01.* to its end.*long frame"),
        (set_at(WIDE, (slice(None), 1), np.nan), ValueError, "series 'b' has no observation.*Drop"),
        (ONE * np.nan, ValueError, "no observation: all its values are NaN"),
        (ONE.astype(str), ValueError, "dtype .*to_numeric"),
        (ONE.map("{:.0f},5".format), ValueError, r"not '0,5'\. .*str.replace\(',', '\.'\)"),
        (WIDE.assign(b="x"), ValueError, "Column 'b' of y has the dtype"),
        (ONE.iloc[:0], ValueError, "no observations"),
        (pd.concat([WIDE, WIDE], axis=1), ValueError, "more than one column named 'a'"),
        (np.zeros((2, 2, 2)), ValueError, "3 dimensions"),
        ("text", TypeError, "must be a pandas Series or DataFrame, not a str"),
        (pd.concat({"x": LONG}), ValueError, "3 levels.* two"),
        (LONG.to_frame().assign(more=1.0), ValueError, "one column of values, not 2.*X"),
        (LONG.sort_index(ascending=False), ValueError, r"y.loc\['u'\] has an index that is not"),
        (pd.concat([LONG, LONG[:1]]), ValueError, "more than once"),
    ],
)
def test_what_cannot_be_forecast_is_refused_in_words(y, error, message):
    with pytest.raises(error, match=f"(?s){message}"):
        as_panel(y, "error")


@pytest.mark.parametrize("y", [ONE, LONG])
def test_only_what_follows_continues_a_panel(y):
    panel = as_panel(ONE[:4], "error")
    assert len(panel.extended(as_panel(ONE[4:], "error")).values[0]) == 8
    with pytest.raises(ValueError, match=r"begin at 2020-06-01.* goes on at 2020-05-01"):
        panel.extended(as_panel(ONE[5:], "error"))


# --- dtypes -----------------------------------------------------------------------------------
def test_nullable_boolean_and_float_columns_may_be_mixed():
    y = pd.DataFrame(
        {
            "a": ONE.astype("Float64"),
            "b": ONE,
            "c": (ONE > 3).astype("boolean"),
            "d": ONE.astype("Int16"),
            "e": ONE > 3,
        }
    )
    panel = as_panel(y, "error")
    np.testing.assert_array_equal(panel.values, y.astype(float).to_numpy().T)
    y.loc[MONTHS[:3], "a"] = pd.NA
    assert len(as_panel(y, "error").values[0]) == 5
    X = y.drop(columns="a")
    assert np.isfinite(LSTMForecaster(**FAST).fit(ONE, X).predict(X=future(X))).all()


def future(X):
    return X.set_axis(X.index + pd.DateOffset(months=8))


def test_rows_without_a_series_are_named():
    y = pd.concat({"u": ONE, None: ONE}, names=["shop", "month"])
    with pytest.raises(ValueError, match=r"Row 8 of y .* \(8 such rows\): its level 'shop'"):
        as_panel(y, "error")


OBJECTS = {
    "Decimal": [Decimal(k) for k in range(8)],
    "int": list(range(8)),
    "mixed": [Fraction(0), Decimal(1), 2, 3.0, np.int8(4), 5, True + 5, np.float32(7)],
}


@pytest.mark.parametrize("name", OBJECTS)
def test_numbers_that_are_objects(name):
    y = pd.Series(OBJECTS[name], MONTHS, dtype=object)
    panel = as_panel(y, "error")
    np.testing.assert_array_equal(panel.values[0], np.arange(8.0))
    assert panel.answer(panel.axes, panel.values).dtype == np.float64
    gap = as_panel(set_at(y, 3, None), "interpolate")
    np.testing.assert_array_equal(gap.values[0], np.arange(8.0))
    with pytest.raises(ValueError, match="lacks 1 of 8 values; the first is 2020-04"):
        as_panel(set_at(y, 3, None), "error")
    X = pd.DataFrame({"holiday": [True, False] * 4}, MONTHS, dtype=object)
    answer = (
        LSTMForecaster(**FAST).fit(ONE, X).predict(1, X[:1].set_axis([MONTHS[-1] + MONTHS.freq]))
    )
    same = LSTMForecaster(**FAST).fit(ONE, X.astype(bool))
    assert answer.iloc[0] == same.predict(1, X[:1].set_axis(answer.index).astype(bool)).iloc[0]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["1"] * 8, "dtype object.*pd.to_numeric"),
        ([10**400] * 8, "dtype object"),
        ([1j] * 8, "dtype complex128; a forecast needs numbers. Take the real parts"),
        (pd.array([1j] * 8).astype(object), "dtype object"),
    ],
)
def test_objects_that_are_no_real_numbers(values, message):
    dtype = complex if message.startswith("dtype complex") else object
    with pytest.raises(ValueError, match=message):
        as_panel(pd.Series(values, MONTHS, dtype=dtype), "error")


def test_objects_of_other_packages_are_named():
    class Table:
        def to_pandas(self):
            return ONE

    Table.__module__ = "polars.dataframe.frame"
    for fit, name in [
        (lambda t: LSTMForecaster().fit(t), "y"),
        (lambda t: LSTMForecaster().fit(ONE, t), "X"),
        (lambda t: LSTMForecaster().fit(WIDE, static=t), "static"),
        (lambda t: LSTMForecaster(target_col="y").fit(t), "y"),
    ]:
        with pytest.raises(TypeError, match=rf"^{name} must .* Table of polars: pass {name}\.to_p"):
            fit(Table())


def test_names_of_columns_are_unique():
    twice = pd.DataFrame(np.arange(16.0).reshape(8, 2), MONTHS, ["a", "a"])
    with pytest.raises(ValueError, match="X has more than one column named 'a'"):
        LSTMForecaster(**FAST).fit(ONE, twice)
    static = pd.DataFrame([[1.0, 2.0]] * 2, ["a", "b"], ["size", "size"])
    with pytest.raises(ValueError, match="static has more than one column named 'size'"):
        LSTMForecaster(**FAST).fit(WIDE, static=static)


def test_dtypes_and_times_of_arrow():
    arrow = pytest.importorskip("pyarrow")
    stamp = pd.ArrowDtype(arrow.timestamp("ns"))
    y = ONE.set_axis(ONE.index.astype(stamp)).astype("double[pyarrow]")
    forecaster = LSTMForecaster(**FAST).fit(y[:6])
    assert forecaster.predict(1).index.dtype == stamp
    assert forecaster.predict_interval(1).index.dtype == stamp
    assert np.isfinite(forecaster.score(y[6:]))
    forecaster.update(y[6:])
    dummies = pd.get_dummies(pd.Series([*"abcabcab"], MONTHS, dtype=pd.ArrowDtype(arrow.string())))
    assert str(dummies.dtypes.iloc[0]) == "bool[pyarrow]"
    assert np.isfinite(LSTMForecaster(**FAST).fit(y, dummies).predict(X=future(dummies))).all()
    keys = [LONG.index.get_level_values(0), LONG.index.get_level_values(1).astype(stamp)]
    long_y = LONG.set_axis(pd.MultiIndex.from_arrays(keys))
    assert LSTMForecaster(**FAST).fit(long_y).predict(1).index.dtypes.iloc[1] == stamp
    forecaster.fit(ONE.round().map(Decimal).astype(pd.ArrowDtype(arrow.decimal128(20, 2))))
    again = pickle.loads(pickle.dumps(forecaster))  # pandas cannot make this dtype of its name
    pd.testing.assert_series_equal(again.predict(2), forecaster.predict(2))


@pytest.mark.parametrize("dtype", ["Int64", object, "Int16"])
def test_whole_numbers_of_any_dtype_are_times(dtype):
    y = ONE.set_axis(pd.Index(range(3, 11), dtype=dtype))
    assert LSTMForecaster(**FAST).fit(y).predict(2).index.tolist() == [11, 12]


def test_dates_and_periods_as_objects_are_times():
    y = ONE.set_axis(pd.Index(MONTHS.date))
    assert LSTMForecaster(**FAST).fit(y).predict(1).index[0] == pd.Timestamp("2020-09-01")
    y = ONE.set_axis(MONTHS.to_period("M").astype(object))
    assert LSTMForecaster(**FAST).fit(y).predict(1).index[0] == pd.Period("2020-09", "M")


# --- names of series --------------------------------------------------------------------------
TWO_LEVELS = pd.concat({("n", "a"): ONE, ("n", "b"): ONE + 1, ("s", "a"): ONE * 2}, axis=1)
TWO_LEVELS.columns.names = ["region", "shop"]


def test_two_level_columns_come_back_everywhere():
    forecaster = LSTMForecaster(**FAST).fit(TWO_LEVELS)
    columns = TWO_LEVELS.columns
    pd.testing.assert_index_equal(forecaster.predict(2).columns, columns)
    bounds = forecaster.predict_interval(2)
    assert bounds.columns.names == ["region", "shop", None]
    assert bounds.columns.tolist() == [(*c, b) for c in columns for b in ("lower", "upper")]
    several = forecaster.predict_interval(2, coverage=[0.5, 0.9])
    assert several.columns.names == ["region", "shop", "coverage", "bound"]
    np.testing.assert_array_equal(several[("s", "a")][0.9], bounds[("s", "a")])
    assert forecaster.predict_quantiles(2).columns.names == ["region", "shop", "quantile"]
    pd.testing.assert_index_equal(forecaster.anchor_weights_.index, columns)
    assert "Series ('n', 'b') has 8" in forecaster.describe(("n", "b"))
    assert forecaster.history(("s", "a")).name == ("s", "a")


def test_two_level_columns_go_with_x_static_and_backtests():
    static = pd.DataFrame({"size": [1.0, 2.0, 3.0]}, TWO_LEVELS.columns)
    LSTMForecaster(**FAST).fit(TWO_LEVELS, static=static)
    x = pd.DataFrame({"x": np.arange(12.0) % 5}, pd.date_range("2020-01", periods=12, freq="MS"))
    shared = LSTMForecaster(**FAST).fit(TWO_LEVELS, x).predict(2, x)
    own = pd.concat(dict.fromkeys(TWO_LEVELS.columns, x))
    pd.testing.assert_frame_equal(
        LSTMForecaster(**FAST).fit(TWO_LEVELS, own).predict(2, own), shared
    )
    table = LSTMForecaster(**FAST).backtest(TWO_LEVELS, horizon=2, n_origins=2)
    assert table["series"].unique().tolist() == TWO_LEVELS.columns.tolist()
    forecaster = LSTMForecaster(**FAST).fit(TWO_LEVELS[:6])
    assert np.isfinite(forecaster.score(TWO_LEVELS[6:]))
    forecaster.update(TWO_LEVELS[6:])


def test_a_series_may_be_named_by_a_tuple():
    y = ONE.rename(("n", "a"))
    forecaster = LSTMForecaster(**FAST).fit(y)
    assert forecaster.predict(1).name == ("n", "a")
    assert forecaster.anchor_weights_.index.tolist() == [("n", "a")]
    table = LSTMForecaster(**FAST).backtest(y, horizon=2, n_origins=2)
    assert table["series"].tolist() == [("n", "a")] * 4
    keys = pd.Index([("n", "a")] * 8 + [("s", "a")] * 5, tupleize_cols=False)
    long_y = LONG.set_axis(pd.MultiIndex.from_arrays([keys, LONG.index.get_level_values(1)]))
    answer = LSTMForecaster(**FAST).fit(long_y).predict_interval(1)
    assert answer.index.get_level_values(0).tolist() == [("n", "a"), ("s", "a")]


# --- the levels of a long index -----------------------------------------------------------------
@pytest.mark.parametrize("ids", [["u", "v"], [1, 2]])
def test_the_levels_time_and_series_are_refused(ids):
    y = LONG.rename(index=dict(zip(["u", "v"], ids, strict=True)), level=0)
    message = r"levels \('month', 'shop'\).*\(time, series\).*y.swaplevel\(\).sort_index\(\)"
    with pytest.raises(ValueError, match=message):
        as_panel(y.swaplevel().sort_index(), "error")
    as_panel(y.swaplevel().sort_index().swaplevel().sort_index(), "error")
    x = pd.DataFrame({"x": y})
    with pytest.raises(ValueError, match="index of X has the levels"):
        LSTMForecaster(**FAST).fit(y, x.swaplevel())
    numbered = y.groupby(level=0).cumcount()
    whole = y.set_axis(pd.MultiIndex.from_arrays([numbered, y.index.get_level_values(0)]))
    if ids == ["u", "v"]:
        with pytest.raises(ValueError, match="swaplevel"):
            as_panel(whole, "error")
    whole.index.names = ["time", "series"]
    with pytest.raises(ValueError, match="swaplevel"):
        as_panel(whole, "error")


def test_times_in_words_are_told_from_series():
    y = LONG.rename(index={"u": 1, "v": 2}, level=0)
    y = y.set_axis(y.index.set_levels(y.index.levels[1].astype(str), level=1))
    with pytest.raises(ValueError, match=r"y.loc\[1\] has an index.*pd.to_datetime"):
        as_panel(y, "error")


def test_dates_may_name_series_if_they_are_text():
    cohorts = pd.MultiIndex.from_product([MONTHS[:2], range(8)], names=["cohort", "age"])
    y = pd.Series(np.arange(16.0), cohorts)
    with pytest.raises(ValueError, match=r"y.rename\(index=str, level=0\)"):
        as_panel(y, "error")
    assert as_panel(y.rename(index=str, level=0), "error").n_series == 2


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 0, 2]])
def test_the_order_of_the_series_is_irrelevant(order):
    parts = [
        ("one", pd.Series([1.0], [0])),
        ("few", pd.Series([1.0, 2.0, 3.0], [0, 10, 20])),
        ("many", pd.Series(np.arange(8.0), range(0, 40, 5))),
    ]
    y = pd.concat(dict(parts[k] for k in order))
    panel = as_panel(y, "interpolate")
    assert panel.step == 5
    assert [len(values) for values in panel.values] == [[1, 5, 8][k] for k in order]
    gaps = ONE.drop(MONTHS[[1, 3, 5]])  # the longest, but it does not show its frequency
    parts = [("gaps", pd.concat([gaps, ONE.shift(8, "MS")[::2]])), ("full", ONE)]
    panel = as_panel(pd.concat(dict(parts)), "interpolate")
    assert panel.step == MONTHS.freq


@pytest.mark.parametrize(
    ("n_series", "words"),
    [
        (1, "series 's0' is too short"),
        (2, "2 series ('s0', 's1') are too short"),
        (7, "7 series ('s0', 's1', 's2', 's3', 's4', ...) are too short"),
    ],
)
def test_series_that_are_too_short_are_named(n_series, words):
    panel = as_panel(pd.DataFrame({f"s{k}": ONE for k in range(n_series)}), "error")
    assert hold_out_warning(panel, horizon=2).startswith(words)
