import numpy as np
import pandas as pd
import pytest

from sklstm import LSTMForecaster
from sklstm._forecasting.exogenous import linear_effects
from tests.forecasting.series import long, monthly, wide

FAST = {"horizon": 6, "max_steps": 20, "random_state": 0}
INDEX = pd.date_range("2015-01", periods=90, freq="MS", name="month")
X = pd.DataFrame(np.random.default_rng(0).standard_normal((90, 2)), INDEX, columns=["a", "b"])
Y = monthly(72)
WITH_EFFECT = Y * np.exp(0.3 * X["a"][:72])


def test_effects_are_recovered_under_trend_season_and_noise():
    for m in ((), (12,)):
        effects = linear_effects(np.log(WITH_EFFECT.to_numpy()), X.to_numpy()[:72], m)
        assert effects == pytest.approx([0.3, 0.0], abs=0.05)


def test_a_column_that_does_not_vary_has_no_effect():
    inputs = np.column_stack([np.ones(72), X["a"][:72]])
    effects = linear_effects(np.log(WITH_EFFECT.to_numpy()), inputs, (12,))
    assert effects[0] == 0.0
    assert effects[1] == pytest.approx(0.3, abs=0.05)


def test_a_season_of_a_short_series_that_is_noise_leaves_the_effects_alone():
    """Shrinking leaves nothing of it; plain indices would take a part of the effect with them."""
    rng = np.random.default_rng(18)
    inputs = rng.standard_normal((48, 1))
    x = np.cumsum(rng.standard_normal(48)) + inputs[:, 0]
    without = linear_effects(x, inputs, ())
    np.testing.assert_array_equal(linear_effects(x, inputs, (12,), short=True), without)
    assert linear_effects(x, inputs, (12,)) != pytest.approx(without, abs=0.05)


def test_columns_may_be_named_true_and_false():
    """As pd.get_dummies names those of booleans."""
    dummies = pd.get_dummies(X["a"] > 0.0)
    named = dummies.set_axis(["no", "yes"], axis=1)
    forecasts = [
        LSTMForecaster(horizon=2, max_steps=0).fit(Y, x[:72]).predict(X=x[72:74])
        for x in (dummies, named)
    ]
    pd.testing.assert_series_equal(*forecasts)


@pytest.mark.parametrize("log", [True, False])
@pytest.mark.parametrize(("freq", "n"), [("MS", 60), ("MS", 65), ("D", 100)])
def test_a_column_that_is_nothing_but_a_season_has_no_effect(freq, n, log):
    """The season of the series contains it; what rounding leaves of it means nothing."""
    times = pd.date_range("2021-02-01", periods=n + 6, freq=freq)
    y = pd.Series(np.resize(Y[:n], n), times[:n])
    forecaster = LSTMForecaster(horizon=6, max_steps=0, log=log).fit(y)
    expected = forecaster.predict()
    place = pd.DataFrame({"place": np.arange(n + 6.0) % (12 if freq == "MS" else 7)}, times)
    pd.testing.assert_series_equal(forecaster.fit(y, place).predict(X=place), expected)
    forecaster.set_params(calendar=["month" if freq == "MS" else "dayofweek"])
    pd.testing.assert_series_equal(forecaster.fit(y).predict(), expected)


@pytest.mark.parametrize("level", [1e4, -1e6])
def test_the_level_of_a_column_does_not_matter(level):
    def forecasts(x):
        forecaster = LSTMForecaster(horizon=6, max_steps=0, log=True).fit(WITH_EFFECT[:60], x)
        at = forecaster.predict_at(WITH_EFFECT, X=x)
        forecaster.update(WITH_EFFECT[60:], x)
        bounds = forecaster.predict_interval(X=x)
        return np.concatenate([at.to_numpy().ravel(), forecaster.predict(X=x), *bounds.to_numpy()])

    np.testing.assert_allclose(forecasts(X + level), forecasts(X), rtol=1e-8)


def test_known_future_variables_help():
    came = monthly(84)[72:] * np.exp(0.3 * X["a"][72:84])
    without = LSTMForecaster(**FAST).fit(WITH_EFFECT).score(came[:6])
    forecaster = LSTMForecaster(**FAST).fit(WITH_EFFECT, X)
    assert forecaster.score(came[:6], X) > 0.5 * without
    bounds = forecaster.predict_interval(6, X)
    width = np.log(bounds["upper"] / bounds["lower"])
    other = LSTMForecaster(**FAST).fit(WITH_EFFECT).predict_interval(6)
    assert (width < np.log(other["upper"] / other["lower"])).all()


def test_intervals_around_effects_cover_what_they_say():
    rng = np.random.default_rng(0)
    index = pd.date_range("2015-01", periods=132, freq="MS")
    spikes = pd.DataFrame({"promotion": 1.0 * (np.arange(132) % 5 == 0)}, index)
    noise = pd.DataFrame(0.1 * rng.standard_normal((132, 20)), index)
    y = np.exp(noise.add(2.0 * spikes["promotion"], axis=0))
    forecaster = LSTMForecaster(horizon=12, max_steps=0, season_length=None).fit(y[:-12], spikes)
    bounds = forecaster.predict_interval(12, spikes, coverage=0.8)
    lower, upper = (bounds.xs(name, level=1, axis=1) for name in ("lower", "upper"))
    inside = (lower <= y[-12:]) & (y[-12:] <= upper)
    assert inside.to_numpy().mean() == pytest.approx(0.8, abs=0.06)


@pytest.mark.parametrize("y", [wide(2, 60), long()], ids=["wide", "long"])
def test_panels_share_or_have_their_own(y):
    shared = LSTMForecaster(**FAST).fit(y, X).predict(3, X)
    assert np.isfinite(shared.to_numpy()).all()
    if y.index.nlevels == 2:
        own = pd.concat({name: X for name in ("s0", "s1", "s2")})
        same = LSTMForecaster(**FAST).fit(y, own).predict(3, own)
        pd.testing.assert_series_equal(same, shared)
        with pytest.raises(ValueError, match="no rows for series 's0'"):
            LSTMForecaster(**FAST).fit(y, own.loc[["s1", "s2"]])


def test_update_score_and_backtest_take_them():
    forecaster = LSTMForecaster(**FAST).fit(WITH_EFFECT[:66], X)
    forecaster.update(WITH_EFFECT[66:], X)
    assert forecaster.predict(6, X).index[0] == INDEX[72]
    table = LSTMForecaster(**FAST).backtest(WITH_EFFECT, X, horizon=3, n_origins=2, refit=False)
    assert np.isfinite(table["prediction"]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X: X.drop(INDEX[74]), "lacks 1 of 6 rows; the first is 2021-03-01"),
        (lambda X: X[:72], "lacks 6 of 6 rows; the first is 2021-01-01"),
        (lambda X: X.assign(a=np.nan), "not finite at 2021-01-01.* column 'a'"),
        (lambda X: X.assign(b="x"), "Column 'b' of X has the dtype.*Encode it as numbers"),
        (lambda X: X[["a"]], "lacks the column 'b'"),
        (lambda X: None, "pass X with the columns .*'a', 'b'"),
        (lambda X: pd.concat([X, X[:1]]), "more than once"),
    ],
)
def test_what_is_wrong_with_them_is_said(change, message):
    forecaster = LSTMForecaster(horizon=6, max_steps=0).fit(Y, X)
    with pytest.raises(ValueError, match=message):
        forecaster.predict(6, change(X))


def test_columns_that_could_be_static_are_named_when_their_future_is_missing():
    y, kind = long((30, 24)), pd.Series(["food", "toys"], ["s0", "s1"])
    series = y.index.get_level_values(0)
    given = pd.DataFrame({"kind": kind[series].to_numpy(), "t": range(len(y))}, y.index)
    for columns, past in ((["kind", "t"], []), (["t", "kind"], ["t"])):
        forecaster = LSTMForecaster(horizon=2, max_steps=0, past_columns=past)
        with pytest.raises(ValueError, match=r"\['kind'\] never change within a series"):
            forecaster.fit(y, given[columns]).predict()


def test_calendar_features():
    days = pd.date_range("2020-01-01", periods=400, freq="D")
    effect = np.where(days.day == days.days_in_month, 30.0, 0.0)
    rng = np.random.default_rng(0)
    y = pd.Series(100.0 + effect + rng.standard_normal(400), days)
    forecaster = LSTMForecaster(**FAST, calendar=["monthend"], log=False).fit(y[:-20])
    forecast = forecaster.predict(20)
    at_end = forecast[forecast.index.day == forecast.index.days_in_month]
    assert at_end.to_numpy() == pytest.approx(130.0, abs=3.0)
    every = ["month", "dayofweek", "hour", "monthend", "trend"]
    assert np.isfinite(LSTMForecaster(**FAST, calendar=every).fit(y).predict()).all()
    with pytest.raises(ValueError, match="Unknown calendar features"):
        LSTMForecaster(calendar=["holiday"]).fit(y)
    with pytest.raises(ValueError, match="needs time stamps"):
        LSTMForecaster(calendar=["month"]).fit(y.reset_index(drop=True))
