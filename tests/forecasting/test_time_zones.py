"""Time zones and kinds of times: what follows is compared with fit by the instant."""

import pickle

import numpy as np
import pandas as pd
import pytest

from sklstm import LSTMForecaster

FAST = {"horizon": 7, "max_steps": 0}
# the clocks change on 2024-03-31, within what follows the first 84 days
DAYS = pd.date_range("2024-01-01", periods=98, freq="D", tz="Europe/Berlin")
Y = pd.Series(np.arange(98) % 7 + 10.0, DAYS)
X = pd.DataFrame({"x": np.random.default_rng(0).random(98)}, DAYS)


def in_zone(y, kind, zone):
    """Return y in another zone, alone or as the series "a" of a long panel."""
    y = y.tz_convert(zone)
    return y if kind == "series" else pd.concat({"a": y}, names=["id", "time"])


@pytest.mark.parametrize("kind", ["series", "long"])
def test_what_follows_may_be_in_another_zone(kind):
    here, there = (in_zone(Y, kind, zone) for zone in ("Europe/Berlin", "UTC"))
    forecaster = LSTMForecaster(**FAST).fit(here[:84])
    expected = forecaster.predict(7)
    answer = forecaster.predict(there[84:91])
    np.testing.assert_array_equal(answer, expected)
    pd.testing.assert_index_equal(answer.index, there[84:91].index)
    assert forecaster.score(there[84:91]) == forecaster.score(here[84:91])
    pd.testing.assert_series_equal(
        forecaster.update(there[84:91]).predict(7),
        LSTMForecaster(**FAST).fit(here[:84]).update(here[84:91]).predict(7),
    )


def test_x_may_be_in_another_zone():
    forecaster = LSTMForecaster(**FAST).fit(Y[:84], X[:84].tz_convert("Asia/Kolkata"))
    expected = LSTMForecaster(**FAST).fit(Y[:84], X[:84]).predict(7, X)
    pd.testing.assert_series_equal(forecaster.predict(7, X.tz_convert("UTC")), expected)


@pytest.mark.parametrize("known", ["Europe/Berlin", None])
def test_times_with_and_without_a_zone_are_not_mixed(known):
    here, there = Y.tz_localize(None), Y
    if known:
        here, there = there, here
    found = "without a time zone, y of fit in the time zone Europe/Berlin: use tz_localize"
    if known is None:
        found = r"in the time zone Europe/Berlin, y of fit without .* use tz_localize\(None\)"
    forecaster = LSTMForecaster(**FAST).fit(here[:84])
    for use in (forecaster.predict, forecaster.update, forecaster.score):
        with pytest.raises(ValueError, match=f"y has times {found}"):
            use(there[84:91])
    with pytest.raises(ValueError, match=f"^X has times {found}"):
        LSTMForecaster(**FAST).fit(here[:84], X.set_axis(there.index))


def test_times_of_another_kind_are_named():
    forecaster = LSTMForecaster(**FAST).fit(Y[:84], X[:84])
    for use in (lambda y, x: forecaster.predict(7, x), lambda y, x: forecaster.predict(y)):
        with pytest.raises(ValueError, match=r"has the index RangeIndex .* DatetimeIndex, which"):
            use(Y[84:91].reset_index(drop=True), X[84:91].reset_index(drop=True))


def test_periods_of_another_frequency_are_named():
    quarters = pd.Series(Y.to_numpy()[:40], pd.period_range("2010Q1", periods=40, freq="Q"))
    months = pd.Series(1.0, pd.period_range("2017-07", periods=3, freq="M"))
    forecaster = LSTMForecaster(**FAST).fit(quarters[:30])
    message = r"has periods of the frequency M, y of fit of Q-DEC: use index.asfreq\('Q-DEC'\)"
    for use in (forecaster.update, forecaster.predict, forecaster.score, forecaster.predict_at):
        with pytest.raises(ValueError, match=message):
            use(months)
    with pytest.raises(ValueError, match=f"^X {message}"):
        LSTMForecaster(**FAST).fit(quarters, months.to_frame("x"))


def test_rows_of_whole_numbers_need_not_be_a_range():
    y = Y.reset_index(drop=True)
    forecaster = LSTMForecaster(**FAST).fit(y[:84])
    answer = forecaster.predict(y.iloc[[84, 86, 89]])
    np.testing.assert_array_equal(answer, forecaster.predict(6).iloc[[0, 2, 5]])


@pytest.mark.parametrize("freq", ["h", "30min"])
def test_an_hour_that_comes_twice_is_told_from_other_duplicates(freq):
    times = pd.date_range("2024-10-25", periods=120, freq=freq, tz="Europe/Berlin")
    y = pd.Series(np.arange(120.0), times)
    local = y.tz_localize(None)
    with pytest.raises(ValueError, match=r"2024-10-27 02:00:00 more than once.*ambiguous='infer'"):
        LSTMForecaster(max_steps=0).fit(local)
    advised = local.tz_localize("Europe/Berlin", ambiguous="infer")
    expected = LSTMForecaster(max_steps=0).fit(y).predict(3)
    pd.testing.assert_series_equal(
        LSTMForecaster(max_steps=0).fit(advised).predict(3), expected, check_freq=False
    )
    other = pd.concat([local[:5], local[4:30]])  # on a Friday
    with pytest.raises(ValueError, match=r"more than once in its index\. Aggregate first"):
        LSTMForecaster(max_steps=0).fit(other)


@pytest.mark.parametrize(
    ("zone", "first", "at"),
    [
        ("Africa/Cairo", "2024-03-01 00:00", "2024-04-26 01:00"),  # midnight is left out
        ("Europe/Paris", "2024-08-30 02:30", "2024-10-27 02:30"),  # half past two comes twice
        ("Europe/Paris", "2024-02-02 02:30", "2024-03-31 03:00"),  # and is left out
    ],
)
def test_days_go_on_where_the_clocks_are_changed(zone, first, at):
    """pandas has no such range; a time that is left out is the next one, of two it is the first."""
    local = pd.date_range(first, periods=70, freq="D")
    times = local.tz_localize(zone, nonexistent="shift_forward", ambiguous=np.ones(70, np.bool_))
    change = int(np.flatnonzero(times.tz_localize(None) == pd.Timestamp(at))[0])
    values = np.resize(Y, 70)
    y, plain = pd.Series(values, times), pd.Series(values, local)
    for n in (change - 1, change, change + 1, change + 3):
        forecaster = LSTMForecaster(**FAST).fit(y[:n])
        expected = LSTMForecaster(**FAST).fit(plain[:n]).predict(4)
        np.testing.assert_array_equal(forecaster.predict(4), expected)
        assert list(forecaster.predict(4).index) == list(times[n : n + 4])
        again = pickle.loads(pickle.dumps(forecaster.update(y[n : n + 1])))
        assert list(again.update(y[n + 1 : n + 2]).predict(2).index) == list(times[n + 2 : n + 4])
        assert list(again.predict_at(y[: n + 4]).index) == list(times[n + 1 : n + 4])
    assert len(LSTMForecaster(**FAST).backtest(y, horizon=4, n_origins=2)) == 8
