import re

import numpy as np
import pandas as pd
import pytest

from sklstm._forecasting.time_index import future, join, regular

# frequencies that are the same in pandas 2.2 and 3
OFFSETS = [
    "min", "5min", "15min", "30min", "h", "2h", "6h", "D", "2D", "7D", "B", "W", "W-MON", "W-FRI",
    "2W-WED", "SME", "SMS", "ME", "MS", "2MS", "BME", "BMS", "QE", "QS", "QE-JAN", "QS-FEB", "BQE",
    "YE", "YS", "YE-JUN", "BYE", "s", "90s", "ms",
]  # fmt: skip
PERIODS = ["min", "h", "6h", "D", "W", "W-MON", "M", "2M", "Q", "Q-JAN", "Y", "Y-JUN", "s"]
ZONES = [None, "UTC", "Europe/Berlin", "America/New_York"]


def random_cases(n, seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(n):
        # around both changes of the clocks, and anywhere
        start = pd.Timestamp("2021-01-01") + pd.Timedelta(hours=int(rng.integers(0, 24 * 365)))
        yield str(rng.choice(OFFSETS)), start, ZONES[rng.integers(len(ZONES))], rng


@pytest.mark.parametrize("whole_days", [True, False])
def test_the_future_of_time_stamps_is_what_pandas_would_give(whole_days):
    for freq, start, zone, rng in random_cases(200, seed=int(whole_days)):
        start = start.normalize() if whole_days else start
        try:
            full = pd.date_range(start, periods=60, freq=freq, tz=zone, name="when")
        except Exception:  # a wall time that the zone does not have
            continue
        n, horizon = int(rng.integers(1, 40)), int(rng.integers(1, 20))
        axis, step = regular(full[:n], None)
        coming = future(axis, step, horizon)
        pd.testing.assert_index_equal(coming, full[n : n + horizon], exact=True)
        assert coming.freq == full.freq, freq
        pd.testing.assert_index_equal(join(axis, coming, step), full[: n + horizon])


@pytest.mark.parametrize("freq", PERIODS)
def test_the_future_of_periods_is_what_pandas_would_give(freq):
    rng = np.random.default_rng(0)
    for _ in range(10):
        start = pd.Period(
            pd.Timestamp("2019-01-01") + pd.Timedelta(hours=int(rng.integers(0, 9000))), freq
        )
        full = pd.period_range(start, periods=50, freq=freq, name="when")
        n = int(rng.integers(1, 30))
        axis, step = regular(full[:n], None)
        pd.testing.assert_index_equal(future(axis, step, 12), full[n : n + 12], exact=True)
        pd.testing.assert_index_equal(join(axis, full[n : n + 3], step), full[: n + 3])


@pytest.mark.parametrize("index", [pd.RangeIndex(5, 20, 3), pd.Index([1990, 1991, 1992])])
def test_the_future_of_whole_numbers_goes_on_at_their_step(index):
    axis, step = regular(index, None)
    difference = int(index[1] - index[0])
    assert list(future(axis, step, 2)) == [index[-1] + difference, index[-1] + 2 * difference]


@pytest.mark.parametrize("freq", sorted(set(OFFSETS) - {"2D", "7D", "2MS", "2W-WED", "SMS", "SME"}))
def test_a_frequency_that_is_not_set_is_inferred(freq):
    full = pd.date_range("2020-01-01", periods=40, freq=freq)
    bare = pd.DatetimeIndex(full[:30].to_numpy())
    assert bare.freq is None
    axis, step = regular(bare, None)
    # quarters that end in October are those that end in January
    assert list(future(axis, step, 8)) == list(full[30:38])


@pytest.mark.parametrize("freq", ["h", "D", "B", "MS", "ME", "QS", "W-MON"])
def test_gaps_are_found(freq):
    full = pd.date_range("2020-01-01", periods=40, freq=freq)
    bare = pd.DatetimeIndex(full.delete([7, 8, 25]).to_numpy())
    axis, _ = regular(bare, None)
    pd.testing.assert_index_equal(axis, full)


DAYS = pd.date_range("2020-01-01", periods=10, freq="D")


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (DAYS[::-1], "not sorted in time.*sort_index"),
        (DAYS.append(DAYS[:1]).sort_values(), "2020-01-01.* more than once.*Aggregate"),
        (DAYS[:0], "no observations"),
        (pd.DatetimeIndex(["2020-01-01", None]), "missing values"),
        (
            pd.DatetimeIndex(["2020-01-01"]),
            "frequency of y cannot be found.*three time stamps.*freq",
        ),
        (pd.DatetimeIndex(["2020-01-01", "2020-01-03", "2020-02-11"]), "cannot be found.*asfreq"),
        (pd.Index(["a", "b"]), "has no frequency.*to_datetime"),
        (pd.Index([0.0, 1.0]), "has no frequency"),
        (pd.Index([1, 3, 4]), "does not lie on its frequency|4"),
    ],
)
def test_other_indexes_are_refused_in_words(index, message):
    if index.equals(pd.Index([1, 3, 4])):
        axis, _ = regular(index, None)  # whole numbers with a gap: 2 is missing
        assert list(axis) == [1, 2, 3, 4]
        return
    with pytest.raises(ValueError, match=f"(?s){message}"):
        regular(index, None)


def test_time_stamps_off_a_given_frequency_are_named():
    with pytest.raises(ValueError, match=r"2020-01-02.*does not lie on its frequency"):
        regular(pd.DatetimeIndex(["2020-01-01", "2020-01-02", "2020-01-03"]), "2D")


@pytest.mark.parametrize("day", [1, 9, 15, 28, 29, 30, 31])
@pytest.mark.parametrize("months", [1, 2, 3, 12])
@pytest.mark.parametrize("zone", ZONES[1:3])
def test_one_day_of_the_month_is_a_frequency(day, months, zone):
    first = pd.Timestamp("2019-01-01", tz=zone)
    starts = [first + pd.DateOffset(months=months * k) for k in range(30)]
    full = pd.DatetimeIndex([t.replace(day=min(day, t.days_in_month)) for t in starts])
    axis, step = regular(full[:20], None)
    assert list(axis) == list(full[:20])
    assert list(future(axis, step, 10)) == list(full[20:])
    assert list(join(axis, full[20:], step)) == list(full)
    gaps = full.delete([3, 4, 11])
    if months == 1:  # of years and quarters the gaps might be the step
        assert list(regular(gaps, None)[0]) == list(full)


@pytest.mark.parametrize("freq", ["SMS", "SME", "SMS-10"])
def test_half_months_are_inferred(freq):
    full = pd.date_range("2020-01-01", periods=40, freq=freq)
    axis, step = regular(pd.DatetimeIndex(full[:30].to_numpy()), None)
    assert list(future(axis, step, 10)) == list(full[30:])


@pytest.mark.parametrize("freq", ["WOM-4FRI", "LWOM-FRI"])
def test_fourth_fridays_are_told_from_last_ones(freq):
    full = pd.date_range("2019-11-29", periods=40, freq=freq)
    axis, step = regular(pd.DatetimeIndex(full[:30].to_numpy()), None)
    assert list(axis) == list(full[:30])
    assert list(future(axis, step, 10)) == list(full[30:])
    assert list(regular(full.delete([4, 11]), None)[0]) == list(full)


def test_an_unknown_frequency_names_the_first_odd_step():
    odd = pd.DatetimeIndex(["2020-01-01", "2020-01-02", "2020-01-05", "2020-02-11", "2020-02-12"])
    message = r"from 2020-01-02.* to 2020-01-05.* it is 3 days.*freq='D'.*resample"
    with pytest.raises(ValueError, match=message):
        regular(odd)


@pytest.mark.parametrize(
    ("index", "freq", "message"),
    [
        (pd.RangeIndex(5), "D", "index of whole numbers, so freq must be a whole number"),
        (pd.RangeIndex(5), 1.0, "freq must be a whole number"),
        (pd.RangeIndex(5), 0, "freq must be a whole number"),
        (DAYS, "fortnight", "freq='fortnight' is no frequency"),
        (DAYS, 3, "freq=3 is no frequency"),
        (DAYS.to_period("D"), "M", "periods of the frequency D, but freq is 'M'"),
    ],
)
def test_a_frequency_of_another_kind_is_refused(index, freq, message):
    with pytest.raises(ValueError, match=message):
        regular(index, freq)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Europe/London", "Australia/Sydney"])
@pytest.mark.parametrize("freq", ["D", "W-MON", "MS"])
@pytest.mark.parametrize("aware", [True, False])
def test_local_times_written_in_utc_are_told_to_be_converted(zone, freq, aware):
    local = pd.date_range("2020-01-01", periods=200, freq=freq, tz=zone)
    in_utc = pd.DatetimeIndex(list(local.tz_convert("UTC" if aware else None)))
    advice = r"y\.tz_convert" if aware else r"y\.tz_localize\('UTC'\)\.tz_convert"
    for freq_given in (None, freq):
        with pytest.raises(ValueError, match=rf"as one local time is in UTC.* {advice}"):
            regular(in_utc, freq_given)
    aware_again = in_utc if aware else in_utc.tz_localize("UTC")
    axis, _ = regular(aware_again.tz_convert(zone), None)
    assert (axis == local).all()


@pytest.mark.parametrize(
    ("words", "now"),
    [
        ("Invalid frequency: X. Did you mean h?", " Did you mean 'h'?"),
        ("'X' is no longer supported for offsets. Please use 'ME' instead.", " Did you mean 'ME'?"),
        ("Invalid frequency: X.", ""),
    ],
)
def test_old_names_of_frequencies_are_translated(monkeypatch, words, now):
    def refuse(freq):
        raise ValueError(words)  # as pandas 3 does where pandas 2 only warned

    monkeypatch.setattr(pd.tseries.frequencies, "to_offset", refuse)
    with pytest.raises(ValueError, match=re.escape(f"or a pandas offset.{now}") + "$"):
        regular(pd.date_range("2020-01-01", periods=5, freq="D"), "X")


def test_a_future_that_the_unit_cannot_hold_is_named():
    index = pd.date_range("2262-01-01", periods=60, freq="D", unit="ns")
    with pytest.raises(ValueError, match=r"'ns' cannot go 60 steps beyond 2262-03-01.*as_unit"):
        future(*regular(index), 60)
    assert str(future(*regular(index.as_unit("s")), 60)[-1]) == "2262-04-30 00:00:00"
