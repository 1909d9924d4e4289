"""Columns, times and rows of X that do not stand in the order of time are warned of."""

import re

import numpy as np
import pandas as pd
import pytest

from sklstm import LSTMClassifier
from tests.toy import SMALL, problem

X, y = problem(LSTMClassifier)
WIDE = pd.DataFrame(np.random.default_rng(0).standard_normal((24, 12)))


def test_columns_that_are_not_in_order_of_time_are_warned_of():
    frame = pd.DataFrame(np.random.default_rng(0).standard_normal((24, 12)))
    named = frame.add_prefix("week_")
    by_text = named[sorted(named.columns)]
    dates = frame.set_axis(pd.date_range("2024-01-01", periods=12), axis=1)
    model = LSTMClassifier(**SMALL)
    with pytest.warns(UserWarning, match="'week_11' stands before 'week_2'"):
        model.fit(by_text, y)
    with pytest.warns(UserWarning, match="'2024-01-12 00:00:00' stands before '2024-01-11"):
        model.fit(dates.iloc[:, ::-1], y)
    sort = by_text[sorted(by_text.columns, key=lambda name: int(re.sub(r"\D", "", name)))]
    expected = model.fit(sort, y).theta_
    backwards = named.iloc[:, ::-1]  # meant, and not an accident of text
    padded = named.rename(columns=lambda name: f"week_{int(name[5:]):02}")
    fractions = named.rename(columns=lambda name: f"{int(name[5:]) / 4:g}")
    for given in (named, padded, fractions, dates, backwards, frame.iloc[:, [3, 1, 2]]):
        theta = model.fit(given, y).theta_
        if given.shape == sort.shape and given is not backwards:
            np.testing.assert_array_equal(theta, expected)


@pytest.mark.parametrize("name", ["{c}_{t}", "{t}_{c}", "day {t}: {c}", "{c}1_t{t}"])
def test_channels_one_after_the_other_are_warned_of(name):
    channels, steps = ["hr", "bp"], range(6)
    by_step = [name.format(c=c, t=t) for t in steps for c in channels]
    by_channel = [name.format(c=c, t=t) for c in channels for t in steps]  # as a pivot has them
    frame = pd.DataFrame(np.random.default_rng(0).standard_normal((24, 12)), columns=by_step)
    model = LSTMClassifier(**SMALL, n_channels=2)
    expected = model.fit(frame, y).theta_  # warnings are errors
    with pytest.warns(UserWarning, match=f"step 0 of X is .*{by_channel[1]}.*it is .*{by_step[1]}"):
        model.fit(frame[by_channel], y)
    exchanged = [*by_step[:4], by_step[5], by_step[4], *by_step[6:]]
    with pytest.warns(UserWarning, match="time step 2 of X is"):
        model.fit(frame[exchanged], y)
    unnamed = frame.set_axis([f"v{k}" for k in range(12)], axis=1)
    for given in (unnamed, frame.rename(columns={by_step[0]: "first"})):
        np.testing.assert_array_equal(model.fit(given, y).theta_, expected)


def test_frames_of_a_list_that_are_not_in_order_of_time_are_warned_of():
    frames = [
        pd.DataFrame(x, index=pd.date_range("2024-01-01", periods=len(x)), columns=["a", "b"])
        for x in X
    ]
    expected = LSTMClassifier(**SMALL).fit(frames, y)  # warnings are errors
    fallen = [*frames[:3], frames[3].iloc[::-1], *frames[4:]]
    message = r"time stamps of sample 3 of X do not rise.*pass \[x\.sort_index\(\) for x in X\]"
    with pytest.warns(UserWarning, match=message):
        expected.predict(fallen)
    with pytest.warns(UserWarning, match=message):
        LSTMClassifier(**SMALL).fit(fallen, y)
    model = LSTMClassifier(**SMALL).fit([x.sort_index() for x in fallen], y)
    np.testing.assert_array_equal(model.theta_, expected.theta_)


def test_times_that_are_sorted_as_text_are_warned_of():
    index = pd.MultiIndex.from_product([range(8), ["day 1", "day 10", "day 2"]])
    long = WIDE.iloc[:, :2].set_axis(index)
    with pytest.warns(UserWarning, match="'day 10' stands before 'day 2'"):
        LSTMClassifier(**SMALL).fit(long, y[:8])
    for times in (["2024-01-09", "2024-01-10", "2024-02-01"], ["08", "09", "10"], ["a", "b", "c"]):
        index = pd.MultiIndex.from_product([range(8), times])
        LSTMClassifier(**SMALL).fit(long.set_axis(index), y[:8])


DAYS = pd.date_range("2024-01-25", periods=12)
MONTHS = pd.date_range("2024-01-01", periods=12, freq="MS")
HOURS = pd.date_range("2024-01-01 08:00", periods=12, freq="h")
IN_ORDER = {
    "days": DAYS.strftime("%d.%m.%Y"),
    "days of America": DAYS.strftime("%m/%d/%Y") + " 00:00",
    "days without zeros": [f"2024-{day.month}-{day.day}" for day in MONTHS],
    "months": MONTHS.strftime("%b"),
    "months in words": MONTHS.strftime("%B"),
    "months of years": pd.date_range("2023-11-01", periods=12, freq="MS").strftime("%b %Y"),
    "hours": [f"{hour.hour}:00" for hour in HOURS],
    "hours of two halves": HOURS.strftime("%I %p"),
    "numbers first": [f"{k}h" for k in range(1, 13)],
    "numbers within": [f"day{k}_hr" for k in range(1, 13)],
    "periods": pd.period_range("2024-01", periods=12, freq="M"),
    "durations": pd.to_timedelta(range(12), unit="h"),
    "lags": [f"-{k}" for k in range(90, -30, -10)],
    "years": [str(year) for year in range(2000, 2012)],
    "two years": [f"{year}-{month}" for year in (2023, 2024) for month in range(1, 7)],
}
SORTED_AS_TEXT = {
    "days": ("05.02.2024", "25.01.2024"),
    "days without zeros": ("2024-12-1", "2024-2-1"),
    "months": ("Dec", "Feb"),
    "months in words": ("December", "February"),
    "months of years": ("Aug 2024", "Dec 2023"),
    "hours": ("19:00", "8:00"),
    "hours of two halves": ("07 PM", "08 AM"),
    "numbers first": ("12h", "1h"),
    "numbers within": ("day12_hr", "day1_hr"),
}


@pytest.mark.parametrize("case", IN_ORDER)
def test_names_in_order_of_time_are_not_warned_of(case):
    wide = WIDE.set_axis(IN_ORDER[case], axis=1)
    expected = LSTMClassifier(**SMALL).fit(WIDE, y).theta_
    np.testing.assert_array_equal(LSTMClassifier(**SMALL).fit(wide, y).theta_, expected)


@pytest.mark.parametrize("case", SORTED_AS_TEXT)
def test_names_in_order_of_text_are_warned_of(case):
    wide = WIDE.set_axis(IN_ORDER[case], axis=1).sort_index(axis=1)
    before, after = map(re.escape, SORTED_AS_TEXT[case])
    with pytest.warns(UserWarning, match=f"'{before}' stands before '{after}'"):
        LSTMClassifier(**SMALL).fit(wide, y)
    index = pd.MultiIndex.from_product([range(2), IN_ORDER[case]])
    long = WIDE.iloc[:, :2].set_axis(index).sort_index()
    with pytest.warns(UserWarning, match=f"'{before}' stands before '{after}'"):
        LSTMClassifier(**SMALL).fit(long, [0, 1])


@pytest.mark.parametrize("case", ["periods", "durations"])
def test_times_that_fall_are_warned_of(case):
    wide = WIDE.set_axis(IN_ORDER[case], axis=1)
    with pytest.warns(UserWarning, match="columns of X are read as time steps from left to right"):
        LSTMClassifier(**SMALL).fit(wide.iloc[:, ::-1], y)


def test_labels_that_are_no_strings_are_in_the_order_of_fit():
    """scikit-learn compares strings alone."""
    dates = WIDE.set_axis(DAYS, axis=1)
    long = WIDE.iloc[:, :2].set_axis(pd.MultiIndex.from_product([range(8), range(3)]))
    frames = [pd.DataFrame(x) for x in X]
    for fitted, labels, order in (
        (WIDE, y, range(12)),
        (dates, y, range(12)),
        (long, y[:8], [0, 1]),
    ):
        model = LSTMClassifier(**SMALL).fit(fitted, labels)
        expected = model.predict_proba(fitted)
        with pytest.raises(ValueError, match="columns of fit in another order: column 0 is "):
            model.predict(fitted.iloc[:, list(order)[::-1]])
        later = fitted.set_axis(range(7, 7 + len(order)), axis=1)  # other labels go by position
        np.testing.assert_array_equal(model.predict_proba(later), expected)
    model = LSTMClassifier(**SMALL).fit(frames, y)
    with pytest.raises(ValueError, match=r"another order: column 0 is 1, in fit it was 0\."):
        model.predict([frame[[1, 0]] for frame in frames])
    with pytest.raises(ValueError, match="columns of fit in another order"):
        model.partial_fit([frame[[1, 0]] for frame in frames], y)
    model.fit(X, y).predict([frame[[1, 0]] for frame in frames])  # fit saw no labels


def test_times_of_categories_are_read_as_what_they_are():
    index = pd.MultiIndex.from_product([range(8), range(3)])
    samples, steps = index.get_level_values(0), index.get_level_values(1)
    long = WIDE.iloc[:, :2].set_axis(index)
    expected = LSTMClassifier(**SMALL).fit(long, y[:8]).theta_
    words = ["b", "a", "c"]  # an order that is given is kept
    for times in (
        pd.CategoricalIndex(steps, categories=[2, 0, 1]),
        pd.CategoricalIndex(np.array(words)[steps], categories=words, ordered=True),
    ):
        given = long.set_index([samples, times])
        np.testing.assert_array_equal(LSTMClassifier(**SMALL).fit(given, y[:8]).theta_, expected)
        with pytest.raises(ValueError, match="The time of X does not rise at row 4"):
            LSTMClassifier(**SMALL).fit(given.iloc[[0, 1, 2, 5, 4, 3, *range(6, 24)]], y[:8])
