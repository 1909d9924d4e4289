import numpy as np
import pandas as pd
import pytest

from sklstm._forecasting.reading import as_panel

MONTHS = pd.date_range("2020-01", periods=8, freq="MS", name="month")
ONE = pd.Series(np.arange(8.0), MONTHS, name="sales")
WIDE = pd.DataFrame({"a": ONE, "b": ONE + 1})
LONG = pd.concat({"u": ONE, "v": ONE[:5]}, names=["shop", "month"])


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
        (set_at(ONE, -1, np.nan), ValueError, "NaN from 2020-08-01.* to its end.*long frame"),
        (set_at(WIDE, (slice(None), 1), np.nan), ValueError, "series 'b' has no observation.*Drop"),
        (ONE * np.nan, ValueError, "no observation: all its values are NaN"),
        (ONE.astype(str), ValueError, "dtype .*to_numeric"),
        (WIDE.assign(b="x"), ValueError, "Column 'b' of y has the dtype"),
        (ONE.iloc[:0], ValueError, "no observations"),
        (pd.concat([WIDE, WIDE], axis=1), ValueError, "more than one column named 'a'"),
        (np.zeros((2, 2, 2)), ValueError, "3 dimensions"),
        ("text", TypeError, "must be a pandas Series or DataFrame, not a str"),
        (pd.concat({"x": LONG}), ValueError, "3 levels.* two"),
        (LONG.to_frame().assign(more=1.0), ValueError, "one column of values, not 2.*X"),
        (LONG.sort_index(ascending=False), ValueError, r"y.loc\['u'\] is not sorted"),
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
