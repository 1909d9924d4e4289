"""Forecasts from many origins: equal to update and predict, row by row."""

import pickle

import numpy as np
import pandas as pd
import pytest

from sklstm import LSTMForecaster
from sklstm._forecasting import ends, model
from tests.forecasting.series import long, monthly, wide

FAST = {"horizon": 6, "max_steps": 20, "random_state": 0}


def hourly(n=900):
    """A day, a week, a wandering level and noise; of both signs, so not in logarithms."""
    rng, t = np.random.default_rng(0), np.arange(n)
    values = 10.0 * np.sin(t / 24 * 2 * np.pi) + 5.0 * np.sin(t / 168 * 2 * np.pi)
    values += 0.3 * rng.standard_normal(n).cumsum() + rng.standard_normal(n)
    return pd.Series(values, pd.date_range("2024-01-01", periods=n, freq="h"))


def by_update(forecaster, new, horizon, X=None, X_future=None):
    """Forecast with a copy of the forecaster that has seen new observations."""
    copy = pickle.loads(pickle.dumps(forecaster))
    if len(new):
        copy.update(new, X)
    return copy.predict(horizon, X_future)


@pytest.mark.parametrize("settings", [{}, {"season_length": (7, 30)}, {"season_length": None}])
def test_a_row_is_update_and_predict(settings):
    y, n = hourly(), 560
    forecaster = LSTMForecaster(**FAST, **settings).fit(y[:n])
    known = [560, 561, 600, 700, 900]  # from 504 on a week is a season, from 560 it is one held out
    answer = forecaster.predict_at(y, y.index[np.array(known) - 1], horizon=30)
    assert answer.index.equals(y.index[np.array(known) - 1].rename("origin"))
    assert list(answer.columns) == list(range(1, 31))
    for end, row in zip(known, answer.to_numpy(), strict=True):
        np.testing.assert_allclose(row, by_update(forecaster, y[n:end], 30), rtol=1e-9)


@pytest.mark.filterwarnings("ignore:.*too short to hold anything out:UserWarning")
def test_a_row_of_few_observations_is_update_and_predict():
    y = monthly(9)
    forecaster = LSTMForecaster(horizon=3, max_steps=0).fit(y[:3])
    table = forecaster.predict_at(y)
    for n in range(3, 10):
        if n > 3:
            forecaster.update(y[n - 1 : n])
        np.testing.assert_allclose(table.loc[y.index[n - 1]], forecaster.predict(), rtol=1e-9)
        assert np.abs(forecaster.predict() / y.iloc[n - 1] - 1.0).max() < 0.5


def test_a_season_that_appears_only_later():
    y = monthly(80)
    y[:24] = 100.0 + np.random.default_rng(0).standard_normal(24)
    forecaster = LSTMForecaster(**FAST).fit(y[:30])
    assert forecaster.season_lengths_ == {"sales": ()}
    assert forecaster.update(y[30:], refit=True).season_lengths_ == {"sales": (12,)}
    forecaster.fit(y[:30])
    answer = forecaster.predict_at(y)
    assert len(answer) == 51
    for end in (30, 36, 55, 80):
        row = answer.loc[y.index[end - 1]]
        np.testing.assert_allclose(row, by_update(forecaster, y[30:end], 6), rtol=1e-9)


def test_exogenous_variables_and_the_calendar():
    y, n = hourly(), 500
    index = pd.date_range(y.index[0], periods=len(y) + 6, freq="h")
    X = pd.DataFrame({"x": np.random.default_rng(1).standard_normal(len(index))}, index)
    forecaster = LSTMForecaster(**FAST, calendar=["hour"]).fit(y[:n] + X.x[:n], X[:n])
    whole = y + X.x[: len(y)]
    answer = forecaster.predict_at(whole, whole.index[[499, 600, 899]], X)
    for end, row in zip((500, 601, 900), answer.to_numpy(), strict=True):
        expected = by_update(forecaster, whole[n:end], 6, X, X[end : end + 6])
        np.testing.assert_allclose(row, expected, rtol=1e-9)
    with pytest.raises(ValueError, match="pass X with the columns"):
        forecaster.predict_at(whole)
    with pytest.raises(ValueError, match=r"X lacks 6 of 406 rows.* is 2024-02-07 12:00"):
        forecaster.predict_at(whole, X=X[: len(y)])


@pytest.mark.parametrize("shared", [True, False])
def test_a_panel(shared):
    y = long((60, 50, 40))
    past = y.groupby(level=0).head(36)
    later = y.drop(past.index)
    forecaster = LSTMForecaster(**FAST, global_model=shared).fit(past)
    pairs = later.index[[20, 1, 30, 40, 2]]
    answer = forecaster.predict_at(later, pairs)
    assert answer.index.equals(pairs.rename(["shop", "origin"]))
    for (shop, time), row in answer.iterrows():
        new = later.loc[[shop]].loc[:, :time]
        expected = by_update(forecaster, new, 6).loc[shop]
        np.testing.assert_allclose(row, expected, rtol=1e-9)
    every = forecaster.predict_at(y)
    assert every.index.get_level_values(0).value_counts().to_dict() == {"s0": 25, "s1": 15, "s2": 5}
    np.testing.assert_allclose(every.loc[pairs], answer, rtol=1e-12)
    at_one_time = forecaster.predict_at(y, later.loc["s2"].index[:1])
    assert at_one_time.index.get_level_values(0).tolist() == ["s0", "s1", "s2"]


def test_a_wide_frame_and_a_table():
    frame = wide(2, 48)
    answer = LSTMForecaster(**FAST).fit(frame[:40]).predict_at(frame)
    assert answer.index.names == ["series", "origin"]
    assert len(answer) == 18
    table = frame.reset_index().melt("month", var_name="shop", value_name="sales")
    columns = {"id_col": "shop", "time_col": "month", "target_col": "sales"}
    early = table[table.month < frame.index[40]]
    from_table = LSTMForecaster(**FAST, **columns).fit(early).predict_at(table)
    assert list(from_table.columns[:2]) == ["shop", "origin"]
    np.testing.assert_array_equal(from_table.iloc[:, 2:], answer)


def test_y_may_begin_anywhere_up_to_what_follows():
    y = monthly(60)
    forecaster = LSTMForecaster(**FAST).fit(y[:48])
    expected = forecaster.predict_at(y)
    for part in (y[20:], y[47:]):
        pd.testing.assert_frame_equal(forecaster.predict_at(part), expected)
    pd.testing.assert_frame_equal(forecaster.predict_at(y[48:]), expected)
    by_row = forecaster.predict_at(y[48:], [-1, 0, 3])
    pd.testing.assert_frame_equal(by_row, expected.iloc[[12, 1, 4]], check_freq=False)
    arrays = LSTMForecaster(**FAST).fit(y[:48].to_numpy())
    for values in (y.to_numpy(), y[48:].to_numpy()):
        answer = arrays.predict_at(values, [47, 50])
        assert answer.index.tolist() == [47, 50]
    assert forecaster.predict(1).index[0] == y.index[48]  # the forecaster has not changed


def test_what_cannot_be_is_refused():
    y = monthly(60)
    forecaster = LSTMForecaster(**FAST).fit(y[:48])
    for origins, message in (
        (y.index[40:50], r"2018-05-01 .* is before 2018-12-01 .*, the end of what fit has seen"),
        ([pd.Timestamp("2030-01-01")], r"2030-01-01 .* is not among the times of y, 2015-01-01"),
        ([], "origins is empty"),
    ):
        with pytest.raises(ValueError, match=message):
            forecaster.predict_at(y, origins)
    with pytest.raises(ValueError, match="differs from what fit has seen"):
        forecaster.predict_at(y + 1.0)
    with pytest.raises(ValueError, match=r"goes on at 2019-01-01"):
        forecaster.predict_at(y[50:])
    with pytest.raises(ValueError, match="fit had none"):
        forecaster.predict_at(y, X=(y + 1.0).to_frame())
    with pytest.raises(ValueError, match=r"logarithms, and is -1 at 2019-08-01.*refit=True"):
        forecaster.predict_at(y.where(y.index < y.index[55], -1.0))
    # what comes after the last origin need not have a logarithm, as in a backtest that fits again
    later_zero = y.where(y.index < y.index[55], 0.0)
    expected = forecaster.predict_at(y, y.index[47:55])
    pd.testing.assert_frame_equal(forecaster.predict_at(later_zero, y.index[47:55]), expected)
    table = LSTMForecaster(**FAST).backtest(later_zero, horizon=4, n_origins=3, step=1)
    assert table["actual"].eq(0.0).any()
    assert (table.groupby("cutoff")["prediction"].count() == 4).all()
    with pytest.raises(ValueError, match="is a single series"):
        forecaster.predict_at(y, long().index[:1])
    with pytest.raises(ValueError, match="horizon must be a whole number"):
        forecaster.predict_at(y, horizon=0)


def test_blocks_and_jumps_change_nothing_but_rounding(monkeypatch):
    y = hourly()
    forecaster = LSTMForecaster(**FAST).fit(y[:500])
    expected = forecaster.predict_at(y)
    monkeypatch.setattr(model, "_VALUES_PER_BLOCK", 1000)
    monkeypatch.setattr(ends, "_MOST_PRODUCTS", 0)
    np.testing.assert_allclose(forecaster.predict_at(y), expected, rtol=1e-6)


@pytest.mark.parametrize("y", [monthly(60), hourly(400)], ids=["short", "long"])
def test_a_backtest_without_fitting_again_has_these_forecasts(y):
    table = LSTMForecaster(**FAST).backtest(y, n_origins=20, step=1, refit=False)
    forecaster = LSTMForecaster(**FAST).fit(y[: len(y) - 25])
    expected = forecaster.predict_at(y)[:20]
    found = table["prediction"].to_numpy().reshape(20, 6)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    width = (table["upper"] - table["lower"]).to_numpy().reshape(20, 6)
    for k in (0, 4, 19):  # of 400 values the spread is measured again every fourth time
        forecaster.fit(y[: len(y) - 25])
        if k:
            forecaster.update(y[len(y) - 25 : len(y) - 25 + k])
        bounds = forecaster.predict_interval()
        exact = (bounds["upper"] - bounds["lower"]).to_numpy()
        np.testing.assert_allclose(width[k], exact, rtol=1e-9 if len(y) == 60 or k < 5 else 0.05)
