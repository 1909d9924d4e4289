"""What is easily passed to a forecaster by mistake gives an error or a warning that helps."""

import re
import warnings
from datetime import timezone

import numpy as np
import pandas as pd
import pytest

from sklstm import LSTMForecaster, windows
from tests.forecasting.series import monthly, wide

PLAIN = {"horizon": 3, "max_steps": 0}
Y, WIDE = monthly(), wide()


def fit(y, **settings):
    return LSTMForecaster(**PLAIN | settings).fit(y)


def refused(y, message, **settings):
    with pytest.raises((TypeError, ValueError), match=message):
        fit(y, **settings)


# --- lists ------------------------------------------------------------------------------------
@pytest.mark.parametrize("make", [list, tuple])
def test_a_list_of_series_is_not_read_as_an_array_with_a_row_for_each(make):
    refused(make([Y, Y[:-3]]), r"pass pd.concat\(dict\(enumerate\(y\)\)\)")
    arrays = make([Y.to_numpy(), Y.to_numpy()])
    refused(arrays, r"list of ndarray|tuple of ndarray")
    with pytest.raises(TypeError, match=r"np.column_stack\(values\)"):
        windows(arrays, window=3)
    forecaster = fit(np.column_stack(arrays))
    with pytest.raises(TypeError, match="column_stack"):
        forecaster.update(arrays)


def test_the_advice_for_lists_works():
    y = [Y, Y[:-3]]
    answer = fit(pd.concat(dict(enumerate(y))), global_model=False).predict()
    for k, series in enumerate(y):
        np.testing.assert_array_equal(answer.loc[k], fit(series).predict())
    nested = fit([[a, b] for a, b in zip(Y, Y, strict=True)]).predict()
    np.testing.assert_array_equal(nested, fit(np.column_stack([Y, Y])).predict())


# --- times ------------------------------------------------------------------------------------
def years(n=30):
    return pd.Series(np.arange(n) ** 1.2, range(1990, 1990 + n))


def test_years_with_a_decimal_point_are_not_sent_to_to_datetime():
    y = years().set_axis(np.arange(1990.0, 2020.0))
    refused(y, r"to whole numbers, with y.index.astype\(int\)")
    answer = fit(y.set_axis(y.index.astype(int))).predict()
    pd.testing.assert_series_equal(answer, fit(years()).predict())
    table = y.rename("gdp").rename_axis("year").reset_index()
    columns = {"time_col": "year", "target_col": "gdp"}
    refused(table, r"to whole numbers, with table\['year'\].astype\(int\)", **columns)
    answer = fit(table.assign(year=table["year"].astype(int)), **columns).predict()
    np.testing.assert_array_equal(answer["gdp"], fit(years()).predict())


def test_other_times_get_their_own_advice():
    refused(Y.set_axis(Y.index.strftime("%Y-%m-%d")), r"pd.to_datetime\(y.index\)")
    refused(Y.set_axis(Y.index - Y.index[0]), "Add the time at which they begin")
    refused(Y.set_axis(np.arange(len(Y)) / 4), "whole numbers")


def test_times_of_several_offsets_are_the_same_instants():
    y = pd.Series(np.arange(50.0), pd.date_range("2021-03-27", periods=50, freq="h", tz="UTC"))
    local = y.index.tz_convert("Europe/Berlin")  # summer time begins
    own = [t.to_pydatetime().astimezone(timezone(t.utcoffset())) for t in local]
    answer = fit(y.set_axis(pd.Index(own, dtype=object))).predict()
    pd.testing.assert_series_equal(answer, fit(y).predict(), check_index_type=False)
    own[7] = own[7].replace(tzinfo=None)
    refused(y.set_axis(pd.Index(own, dtype=object)), "Some times have a time zone")


def test_dates_as_text_in_a_column_belong_into_the_index():
    table = Y.rename("sales").reset_index()
    table["month"] = table["month"].astype(str)
    refused(table, r"pd.to_datetime\(y\['month'\]\).*set_index\('month'\)\['sales'\]")
    table = WIDE.reset_index()
    time = table.columns[0]
    message = rf"Use y.set_index\('{time}'\), or name the columns"
    refused(table, message)
    refused(table.astype({time: str}), message)
    fit(table.set_index(time))


@pytest.mark.parametrize(
    ("form", "extra"),
    [
        ("%b %Y", ""),
        ("%m/%d/%Y", ""),
        ("%d.%m.%Y", ", dayfirst=True"),  # pandas would read 01.02.2015 as the second of January
        ("%d.%m.%Y %H:%M", ", dayfirst=True"),
        ("%b-%y", ", format='%b-%y'"),  # and Jan-15 as a 15th of January
        ("%Y%m", ", format='%Y%m'"),
        ("%YM%m", ", format='%YM%m'"),
    ],
)
def test_text_is_not_sorted_but_converted(form, extra):
    text = Y.index.strftime(form)
    how = re.escape(f"{extra})")
    refused(Y.set_axis(text), rf"Convert it to time stamps, with pd.to_datetime\(y.index{how}")
    table = pd.DataFrame({"month": text, "sales": Y.to_numpy()})
    refused(table, rf"pd.to_datetime\(table\['month'\]{how}", time_col="month", target_col="sales")
    if not form.startswith("%Y"):
        refused(table, rf"pd.to_datetime\(y\['month'\]{how}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of pandas, which parses word by word
        times = eval(f"pd.to_datetime(text{extra})")
    assert list(times) == list(Y.index)


def test_days_that_are_larger_than_any_month_come_first():
    text = pd.date_range("2020-01-05", periods=30).strftime("%d/%m/%Y")
    refused(pd.Series(np.arange(30.0), text), r"pd.to_datetime\(y.index, dayfirst=True\)")


def test_a_gap_that_is_most_of_the_series_may_be_another_frequency():
    refused(Y, r"lacks .*frequency is often another.*dayfirst=True.*Fill them", freq="D")
    refused(Y.drop(Y.index[5]), r"\(no row\)\. Fill them")


@pytest.mark.parametrize("name", [str, pd.Timestamp, lambda time: f"{time:%b %Y}"])
@pytest.mark.parametrize("ids", [None, "shop"])
def test_a_frame_with_a_column_for_each_time_is_turned(name, ids):
    lying = WIDE.T.rename(columns=name).reset_index(names=ids or "index")
    lying = lying.drop(columns="index") if ids is None else lying
    line = "y.T" if ids is None else "y.set_index('shop').T"
    refused(lying, rf"column for each time, .* use {re.escape(line)}, whose index")
    upright = eval(line, {"y": lying})
    upright.index = WIDE.index
    np.testing.assert_array_equal(fit(upright).predict(), fit(WIDE).predict())
    vintages = WIDE.set_axis(lying.columns[-len(WIDE.columns) :], axis=1)  # the index has times
    np.testing.assert_array_equal(fit(vintages).predict(), fit(WIDE).predict())


def test_columns_that_are_years_are_times():
    table = pd.DataFrame(
        np.arange(200.0).reshape(20, 10), columns=[str(k) for k in range(1990, 2000)]
    )
    refused(table, "column for each time, 1990 to 1999")
    refused(
        table.assign(country=[*"abcdefghijklmnopqrst"]).set_index("country"), "column for each time"
    )
    refused(table.rename(columns=int), "column for each time")
    fit(table.rename(columns=lambda name: int(name) - 1990))  # the columns of an array


@pytest.mark.parametrize("names", [["Year", "Month"], ["year", "month", "day"]])
def test_columns_of_years_and_months_are_times(names):
    parts = {name: getattr(Y.index, name.lower()) for name in names}
    table = pd.DataFrame(parts | {"sales": Y.to_numpy()})
    with pytest.raises(ValueError, match=r"times in the columns .* use y\.set_index") as error:
        fit(table)
    code = str(error.value).partition(" use ")[2].rstrip(".")
    answer = fit(eval(code, {"pd": pd, "y": table})).predict()
    np.testing.assert_array_equal(answer["sales"], fit(Y).predict())
    fit(table.set_axis(Y.index))  # two series named so


LONG = pd.concat({"New York": Y, "b": 2.0 * Y}, names=["shop", "month"])


@pytest.mark.parametrize(
    ("y", "line"),
    [
        (LONG[::-1], "y.sort_index()"),
        (pd.concat([LONG, LONG]).sort_index(), "y.groupby(level=[0, 1]).mean()"),
        (
            LONG.rename(index=lambda time: f"{time:%d.%m.%Y}", level=1),
            "y.index.set_levels(pd.to_datetime(y.index.levels[1], dayfirst=True), level=1)",
        ),
        (
            LONG.rename(index=lambda time: int(f"{time:%Y%m}"), level=1),
            "y.index.set_levels("
            "pd.to_datetime(y.index.levels[1].astype(str), format='%Y%m'), level=1)",
        ),
        (
            pd.concat({"east": LONG}),
            "pd.MultiIndex.from_arrays("
            "[y.index.droplevel(-1).to_flat_index(), y.index.get_level_values(-1)])",
        ),
        (LONG.drop(LONG.index[-3:]).unstack(0), "y.unstack().dropna()"),
    ],
)
def test_the_line_that_helps_is_for_all_series_of_a_panel(y, line):
    refused(y, re.escape(line))
    made = eval(line, {"pd": pd, "y": y})
    y = y.set_axis(made) if isinstance(made, pd.Index) else made
    expected = fit(LONG[: len(y)]).predict().groupby(level=0).sum()
    np.testing.assert_allclose(fit(y.sort_index()).predict().groupby(level=0).sum(), expected)


def test_what_is_no_number_is_named():
    words = Y.round(1).astype(str)
    refused(words, r"dtype (str|object); a forecast needs numbers\. Convert it")
    words.iloc[3] = "1,234"
    refused(
        words, r"needs numbers, not '1,234'\. Convert it with .str.replace\(',', '\.'\).*',', ''\)"
    )


def test_the_order_of_scikit_learn_is_refused_in_arrays_too():
    X = np.arange(2.0 * len(Y)).reshape(-1, 2)
    for first, second in ((X, Y.to_numpy()), (pd.DataFrame(X, Y.index), Y.to_numpy()), (X, Y)):
        with pytest.raises(ValueError, match=r"order is fit\(y, X\)"):
            LSTMForecaster(**PLAIN).fit(first, second)
    LSTMForecaster(**PLAIN).fit(X, Y.to_numpy()[:, np.newaxis])  # two series and a driver


def test_rows_and_origins_that_cannot_be_are_named():
    forecaster = fit(WIDE[:-3])
    pairs = pd.MultiIndex.from_product([["s0"], WIDE.index[-3:]])
    with pytest.raises(ValueError, match="fit had times alone as its index"):
        forecaster.predict(pairs)
    with pytest.raises(ValueError, match=r"origins counts the rows of y, which has 60: \[99\]"):
        forecaster.predict_at(WIDE, [99])
    with pytest.raises(ValueError, match=r"past_columns=\['a', 'a'\] names a column twice"):
        LSTMForecaster(**PLAIN, past_columns=["a", "a"]).fit(Y, -Y.to_frame("a"))
    with pytest.raises(ValueError, match=r"but freq is 'ME': leave freq out\.$"):
        fit(Y.to_period("M"), freq="ME")


@pytest.mark.parametrize("form", ["%Y%m", "%Y%m%d"])
def test_dates_as_whole_numbers_are_converted(form):
    numbers = Y.index.strftime(form).astype(int)
    message = rf"look like dates, {numbers[0]} to {numbers[-1]}.*format='{form}'"
    for missing in ("error", "interpolate"):  # of what is no date
        refused(Y.set_axis(numbers), message, missing=missing)
    table = pd.DataFrame({"month": numbers, "sales": Y.to_numpy()})
    refused(table, message, time_col="month", target_col="sales")
    times = pd.to_datetime(numbers.astype(str), format=form)
    np.testing.assert_array_equal(fit(Y.set_axis(times)).predict(), fit(Y).predict())
    fit(Y.set_axis(range(200_001, 200_001 + len(Y))))  # numbers one after the other


@pytest.mark.parametrize(
    ("freq", "number"),
    [
        ("W-MON", lambda time: time.isocalendar().year * 100 + time.isocalendar().week),
        ("D", lambda time: int(time.strftime("%Y%j"))),
        ("QS", lambda time: time.year * 10 + time.quarter),
    ],
)
def test_weeks_days_and_quarters_as_whole_numbers_are_converted(freq, number):
    times = pd.date_range("2019-09-30", periods=120, freq=freq)
    y = pd.Series(np.arange(120.0), [number(time) for time in times])
    with pytest.raises(ValueError, match="look like dates") as error:  # also with "interpolate"
        fit(y, missing="interpolate")
    code = re.search(r"with (pd\.to_datetime.*)\.$", str(error.value))[1]
    assert list(eval(code)) == list(times)
    fit(y.set_axis(range(20_001, 20_121)))  # numbers one after the other
    fit(y[:14].set_axis(range(20_001, 20_141, 10)))


@pytest.mark.parametrize(
    "name", ["{0.year}-Q{0.quarter}", "{0.year}Q{0.quarter}", "%G-W%V", "%GW%V"]
)
def test_quarters_and_weeks_as_text_are_converted(name):
    times = pd.date_range("2018-01-01", periods=30, freq="QS" if "Q" in name else "W-MON")
    text = [name.format(time) if "Q" in name else time.strftime(name) for time in times]
    y = pd.Series(np.arange(30.0), text)
    with pytest.raises(ValueError, match="Convert it to time stamps") as error:
        fit(y)
    code = re.search(r"with (pd\..*)\.$", str(error.value))[1]
    assert list(eval(code)) == list(times)
    table = pd.DataFrame({"time": text, "sales": y.to_numpy()})
    refused(table, "Make the times time stamps first")


def test_years_and_months_are_not_series_and_times():
    y = Y.set_axis(
        pd.MultiIndex.from_arrays([Y.index.year, Y.index.month], names=["year", "month"])
    )
    refused(y, r"look like \(year, month\).*y.index = pd.to_datetime")
    renamed = y.rename(index=str, level=0)
    y.index = pd.to_datetime(pd.DataFrame([*y.index], columns=["year", "month"]).assign(day=1))
    np.testing.assert_array_equal(fit(y).predict(), fit(Y).predict())
    later = renamed.loc[["2015", "2016"]]
    assert list(fit(later).predict().index.unique(0)) == ["2015", "2016"]


def test_a_list_of_steps_is_no_horizon():
    forecaster = fit(Y)
    for steps in ([1, 3], range(3), forecaster.predict().index):
        with pytest.raises(ValueError, match="number of steps"):
            forecaster.predict_interval(steps)
    with pytest.raises(ValueError, match="number of steps"):
        forecaster.predict([1, 3])
    with pytest.raises(ValueError, match="not a DataFrame: pass exogenous variables as X="):
        forecaster.predict_interval(Y.to_frame())


# --- what had no effect, or gave NaN ------------------------------------------------------------
def test_a_season_that_is_too_long_is_warned_of():
    n = len(Y)
    with pytest.warns(UserWarning, match=f"season_length={n // 2} has no effect.* has {n}"):
        forecaster = fit(Y, season_length=[4, n // 2])
    assert forecaster.season_lengths_[Y.name] == (4,)
    fit(Y, season_length=n // 3)


@pytest.mark.parametrize("refit", [False, True])
def test_an_update_of_a_wide_frame_has_all_its_series(refit):
    forecaster = fit(WIDE[:-2])
    first = WIDE.columns[0]
    for new in (WIDE[-2:].drop(columns=first), WIDE[-2:].assign(**{first: np.nan})):
        with pytest.raises(ValueError, match=f"no observations of series '{first}'.*long frame"):
            forecaster.update(new, refit=refit)
        assert forecaster.score(new) == forecaster.score(WIDE[-2:].drop(columns=first))
    assert forecaster.update(WIDE[-2:], refit=refit).predict().notna().all(axis=None)


def test_an_array_of_drivers_has_the_columns_of_fit():
    y, X = np.arange(30.0), np.random.default_rng(0).random((33, 2))
    forecaster = LSTMForecaster(max_steps=0).fit(y, X[:30])
    with pytest.raises(ValueError, match=r"X as an array must have the columns of fit, \[0, 1\]"):
        forecaster.predict(3, X[30:, :1])
    assert len(forecaster.predict(3, X[30:])) == 3
