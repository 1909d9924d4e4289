import copy
import os
import pickle
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score
from sklearn.utils._param_validation import InvalidParameterError

import sklstm
from sklstm import LSTMForecaster
from sklstm._training import workers
from sklstm.datasets import load_air_passengers, load_bike_rentals, load_sunspots
from tests.forecasting.series import long, monthly, wide

FAST = {"horizon": 6, "max_steps": 40, "random_state": 0}
Y = monthly()


@pytest.fixture(scope="module")
def fitted():
    return LSTMForecaster(**FAST).fit(Y)


def models(forecaster):
    return forecaster._fitted.models.models


# --- shapes -----------------------------------------------------------------------------------
def test_a_series_goes_on(fitted):
    answer = fitted.predict()
    expected = pd.date_range("2021-01", periods=6, freq="MS", name="month")
    pd.testing.assert_index_equal(answer.index, expected, exact=True)
    assert answer.index.freq == Y.index.freq
    assert answer.name == "sales"
    assert answer.dtype == Y.dtype
    pd.testing.assert_series_equal(fitted.predict(3), answer[:3])
    further = fitted.predict(30)
    pd.testing.assert_series_equal(further[:6], answer)
    assert np.isfinite(further).all()


@pytest.mark.parametrize("global_model", [True, False])
@pytest.mark.parametrize("y", [wide(), long()], ids=["wide", "long"])
def test_panels(y, global_model):
    forecaster = LSTMForecaster(**FAST, global_model=global_model).fit(y)
    answer = forecaster.predict(4)
    bounds = forecaster.predict_interval(4, coverage=[0.5, 0.9])
    if isinstance(y, pd.DataFrame):
        assert answer.columns.equals(y.columns)
        assert answer.index.equals(pd.date_range("2020-01", periods=4, freq="MS"))
        assert bounds["s1"][0.9].columns.tolist() == ["lower", "upper"]
        inside = bounds["s1"][0.9]["lower"] < answer["s1"]
    else:
        assert answer.index.names == ["shop", "month"]
        assert answer.loc["s2"].index[0] == pd.Timestamp("2018-05-01")
        assert answer.loc["s0"].index[0] == pd.Timestamp("2020-01-01")
        inside = bounds[0.9]["lower"] < answer
    assert inside.all()
    assert forecaster.n_series_ == 3
    assert forecaster.anchor_weights_.sum(axis=1).to_numpy() == pytest.approx(np.ones(3))
    assert set(forecaster.season_lengths_) == set(forecaster.log_)


@pytest.mark.parametrize("kind", ["PeriodIndex", "RangeIndex", "years", "tz", "array"])
def test_kinds_of_index(kind):
    y = Y.copy()
    if kind == "PeriodIndex":
        y.index = y.index.to_period("M")
    elif kind == "RangeIndex":
        y = y.reset_index(drop=True)
    elif kind == "years":
        y.index = np.arange(1900, 1972)
    elif kind == "tz":
        y.index = y.index.tz_localize("Europe/Berlin")
    elif kind == "array":
        y = y.to_numpy()
    answer = LSTMForecaster(horizon=3, max_steps=0).fit(y).predict()
    first = {
        "PeriodIndex": pd.Period("2021-01", "M"), "RangeIndex": 72, "years": 1972,
        "tz": pd.Timestamp("2021-01-01", tz="Europe/Berlin"), "array": 72,
    }[kind]  # fmt: skip
    assert answer.index[0] == first
    if kind not in ("years", "array"):
        assert type(answer.index) is type(y.index)


def test_a_wide_frame_whose_series_end_together_keeps_its_frequency():
    y = wide()
    y.iloc[:10, 1] = np.nan
    answer = LSTMForecaster(horizon=3, max_steps=0).fit(y).predict()
    assert answer.index.freq == y.index.freq
    assert answer.notna().all(axis=None)


# --- sensible forecasts -------------------------------------------------------------------------
def test_real_series_beat_the_seasonal_naive_forecast():
    y = load_air_passengers()
    assert LSTMForecaster(random_state=0).fit(y[:-12]).score(y[-12:]) > -0.9
    y = load_sunspots()
    assert LSTMForecaster(random_state=0, horizon=8).fit(y[:-8]).score(y[-8:]) > -1.5
    y = load_bike_rentals()[-7 * 168 :]
    forecaster = LSTMForecaster(random_state=0, horizon=24, max_steps=40).fit(y[:-24])
    assert forecaster.season_lengths_ == {"rentals": (168,)}
    assert forecaster.score(y[-24:]) > -0.8


def test_a_line_and_a_season_go_on():
    t = np.arange(60.0)
    season = np.array([3.0, -1.0, 4.0, -6.0])
    index = pd.period_range("2000Q1", periods=68, freq="Q")
    both = pd.Series(1000 + 0.0 * np.arange(68) + season[np.arange(68) % 4], index)
    forecaster = LSTMForecaster(horizon=8, random_state=0).fit(both[:60])
    np.testing.assert_allclose(forecaster.predict(), both[60:], rtol=2e-3)
    assert len(t) == 60


@pytest.mark.parametrize("value", [0.0, 5.0, -3.0])
def test_constant_series(value):
    y = pd.Series(value, pd.date_range("2020", periods=40, freq="D"))
    forecaster = LSTMForecaster(**FAST).fit(y)
    np.testing.assert_allclose(forecaster.predict(), value, atol=1e-6)
    bounds = forecaster.predict_interval()
    np.testing.assert_allclose(bounds, value, atol=1e-6)
    assert forecaster.score(y.set_axis(forecaster.predict(40).index)) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 11])
def test_short_series_have_a_forecast_and_a_warning(n):
    with pytest.warns(UserWarning, match=f"too short.*{n} observations"):
        forecaster = LSTMForecaster(horizon=4).fit(Y[:n])
    assert np.isfinite(forecaster.predict()).all()
    assert np.isfinite(forecaster.predict_interval()).all(axis=None)
    assert "No network was trained" in forecaster.describe()


@pytest.mark.parametrize("n", range(12, 40, 3))
def test_lengths_around_every_limit(n):
    forecaster = LSTMForecaster(horizon=6, random_state=0, max_steps=20).fit(Y[:n])
    assert np.isfinite(forecaster.predict(20)).all()
    assert (forecaster.predict_interval(20).diff(axis=1)["upper"] >= 0).all()


def test_negative_numbers_and_whole_numbers():
    y = (Y - Y.mean()).round().astype(int)
    forecaster = LSTMForecaster(**FAST).fit(y)
    assert forecaster.log_ == {"sales": False}
    assert forecaster.predict().dtype == np.float64


def test_units_do_not_matter():
    small = LSTMForecaster(**FAST).fit(Y).predict()
    large = LSTMForecaster(**FAST).fit(Y * 1e6).predict()
    np.testing.assert_allclose(large, small * 1e6, rtol=1e-4)


def test_networks_with_a_linear_map_of_their_own_correct_bare_anchors():
    for n_series, corrected in ((4, "trend + linear"), (8, "trend")):
        (model,) = models(LSTMForecaster(**FAST).fit(wide(n_series, 60)))
        assert set(model.anchored.linear) == {"trend", "season"}
        model.networks.correctors.clear()
        candidates = model.candidates(6)
        assert not np.array_equal(candidates["trend"], candidates["trend + linear"])
        np.testing.assert_array_equal(candidates["trend + LSTM"], candidates[corrected])


# --- the same again -----------------------------------------------------------------------------
@pytest.mark.parametrize("global_model", [True, False])
def test_the_same_forecast_bit_for_bit(global_model):
    y = wide(9, 48)
    forecasts = [
        LSTMForecaster(**FAST, global_model=global_model, n_jobs=n_jobs).fit(y).predict()
        for n_jobs in (1, 2, 3)
    ]
    for forecast in forecasts[1:]:
        pd.testing.assert_frame_equal(forecast, forecasts[0], check_exact=True)


def test_a_large_panel_on_threads_can_be_forecast_and_copied(monkeypatch):
    monkeypatch.setattr("sklstm._training.threads._WORTH_A_THREAD", 0.0)
    y = wide(50, 40)  # more than one chunk of predictions
    one, two = (LSTMForecaster(**FAST, n_jobs=n_jobs).fit(y) for n_jobs in (1, 2))
    pd.testing.assert_frame_equal(two.predict(), one.predict(), check_exact=True)
    for again in (pickle.loads(pickle.dumps(two)), copy.deepcopy(two)):
        pd.testing.assert_frame_equal(again.predict(), one.predict(), check_exact=True)


def test_another_process_can_load_it(fitted, tmp_path):
    assert models(fitted)[0].networks.correctors  # else there is no network to load
    joblib.dump(fitted, tmp_path / "forecaster.joblib")
    # scratch space and compiled code stay out: little but the parameters is stored
    assert (tmp_path / "forecaster.joblib").stat().st_size < 100_000
    code = (
        "import joblib; forecaster = joblib.load('forecaster.joblib'); "
        "forecaster.predict().to_pickle('forecast.pkl')"
    )
    path = os.pathsep.join([str(Path(sklstm.__file__).parents[1]), *sys.path])
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": path},
        check=True,
    )
    forecast = pd.read_pickle(tmp_path / "forecast.pkl")
    pd.testing.assert_series_equal(forecast, fitted.predict(), check_exact=True)


def test_pickle_clone_and_parameters(fitted):
    again = pickle.loads(pickle.dumps(fitted))
    pd.testing.assert_series_equal(again.predict(), fitted.predict(), check_exact=True)
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    pd.testing.assert_series_equal(copy.fit(Y).predict(), fitted.predict(), check_exact=True)
    assert "LSTMForecaster(" in repr(fitted)
    with pytest.raises(NotFittedError):
        clone(fitted).predict()
    with pytest.raises(InvalidParameterError, match="horizon"):
        LSTMForecaster(horizon=0).fit(Y)
    with pytest.raises(InvalidParameterError, match="missing"):
        LSTMForecaster(missing="drop").fit(Y)


def test_fit_changes_nothing_that_it_is_given():
    y, before = Y.copy(), Y.copy()
    LSTMForecaster(**FAST).fit(y)
    pd.testing.assert_series_equal(y, before)


# --- intervals ----------------------------------------------------------------------------------
def test_intervals_are_nested_and_grow(fitted):
    levels = [0.1, 0.5, 0.8, 0.95]
    bounds = fitted.predict_interval(12, coverage=levels)
    for narrow, broad in pairwise(levels):
        assert (bounds[broad]["lower"] <= bounds[narrow]["lower"]).all()
        assert (bounds[broad]["upper"] >= bounds[narrow]["upper"]).all()
    single = fitted.predict_interval(12, coverage=0.8)
    np.testing.assert_array_equal(single, bounds[0.8])
    quantiles = fitted.predict_quantiles(12, quantiles=[0.1, 0.5, 0.9])
    np.testing.assert_allclose(quantiles[[0.1, 0.9]], single)
    np.testing.assert_allclose(quantiles[0.5], fitted.predict(12))


def test_a_series_that_is_too_short_for_errors_is_as_uncertain_as_a_random_walk():
    y = Y[:4]
    with pytest.warns(UserWarning, match="too short to hold anything out"):
        short = LSTMForecaster(horizon=3, log=False, season_length=None).fit(y)
    assert short.holdout_errors_.isna().all(axis=None)
    assert short.anchor_weights_["trend"].item() == 1.0
    bounds = short.predict_interval(3, coverage=0.5)
    expected = np.abs(np.diff(y)).mean() * np.sqrt([1, 2, 3])
    widths = (bounds["upper"] - bounds["lower"]).to_numpy()
    np.testing.assert_allclose(widths / widths[0], expected / expected[0])
    assert 0.3 * expected[0] < widths[0] / 2 < 3.0 * expected[0]
    with pytest.warns(UserWarning, match="With one observation, intervals have no width"):
        LSTMForecaster(horizon=3).fit(Y[:1])


@pytest.mark.parametrize("log", ["auto", False])
def test_no_interval_of_a_random_series_is_narrower_further_out(log):
    rng = np.random.default_rng(0)
    n, n_series = 60, 24
    t = np.arange(n)[:, np.newaxis]
    season = rng.uniform(0, 2, n_series) * np.sin(np.pi * (t + rng.integers(0, 12, n_series)) / 6)
    walk = (rng.uniform(0.01, 0.2, n_series) * rng.standard_normal((n, n_series))).cumsum(axis=0)
    slope = rng.uniform(-0.05, 0.03, n_series) * t
    y = pd.DataFrame(np.exp(season + walk + slope), Y.index[:n])
    bounds = (
        LSTMForecaster(horizon=6, max_steps=0, log=log)
        .fit(y)
        .predict_interval(30, coverage=[0.3, 0.8, 0.99])
    )
    upper, lower = (bounds.xs(name, level=-1, axis=1) for name in ("upper", "lower"))
    width = (upper - lower).to_numpy()  # (30, 3 * n_series)
    assert (width > 0).all()
    assert (np.diff(width, axis=0) >= -1e-9 * upper.abs().to_numpy()[1:]).all()
    if log == "auto":
        assert (lower > 0).all(axis=None)


@pytest.mark.parametrize("coverage", [0.0, 1.0, -0.5, [0.5, 1.5], [], "0.9"])
def test_impossible_coverages(fitted, coverage):
    with pytest.raises(ValueError, match="coverage must be between 0 and 1"):
        fitted.predict_interval(coverage=coverage)


def test_intervals_cover(seeds=12):
    inside = []
    for seed in range(seeds):
        y = monthly(84, seed)
        bounds = LSTMForecaster(**FAST).fit(y[:-6]).predict_interval(coverage=0.8)
        inside += ((bounds["lower"] <= y[-6:]) & (y[-6:] <= bounds["upper"])).tolist()
    assert 0.65 < np.mean(inside) < 0.95


# --- time goes on -------------------------------------------------------------------------------
def test_update_follows_the_observations():
    updated = LSTMForecaster(**FAST).fit(Y[:-5]).update(Y[-5:])
    anew = LSTMForecaster(**FAST).fit(Y)
    assert updated.predict().index.equals(anew.predict().index)
    # equal: all that update promises
    for old, new in zip(models(updated), models(anew), strict=True):
        for name in ("x", "rest", "level", "drift", "lags"):
            np.testing.assert_array_equal(getattr(old.anchored, name), getattr(new.anchored, name))
        assert old.anchored.seasons == new.anchored.seasons
        for name in ("trend", "season", "long season"):
            np.testing.assert_array_equal(old.candidates(6)[name], new.candidates(6)[name])
    refitted = LSTMForecaster(**FAST).fit(Y[:-5]).update(Y[-5:], refit=True)
    pd.testing.assert_series_equal(refitted.predict(), anew.predict(), check_exact=True)


def test_update_without_networks_is_fit_but_for_the_weights():
    settings = {"horizon": 6, "max_steps": 0}
    updated = LSTMForecaster(**settings).fit(Y[:-5]).update(Y[-5:])
    anew = LSTMForecaster(**settings).fit(Y)
    np.testing.assert_allclose(updated.predict(), anew.predict(), rtol=0.05)


def test_update_of_a_part_of_a_panel():
    y = long()
    forecaster = LSTMForecaster(**FAST).fit(y)
    times = forecaster.predict(2).loc["s1"].index
    new = pd.concat({"s1": pd.Series([150.0, 151.0], times)}, names=["shop", "month"])
    before, after = forecaster.predict(4), forecaster.update(new).predict(4)
    assert after.loc["s1"].index[0] == before.loc["s1"].index[2]
    pd.testing.assert_series_equal(after.loc["s0"], before.loc["s0"])


def test_what_does_not_follow_is_refused(fitted):
    forecaster = pickle.loads(pickle.dumps(fitted))
    with pytest.raises(ValueError, match=r"begin at 2020-12-01.* goes on at 2021-01-01"):
        forecaster.update(Y[-1:])
    with pytest.raises(ValueError, match="which fit has seen"):
        forecaster.score(Y[-1:])
    with pytest.raises(ValueError, match=r"is a wide object.*: pass y.iloc\[:, 0\]"):
        forecaster.update(Y[-1:].to_frame())
    with pytest.raises(ValueError, match="fit had none"):
        forecaster.predict(X=Y.to_frame())
    later = pd.Series([-1.0], forecaster.predict(1).index)
    with pytest.raises(ValueError, match=r"y is forecast in logarithms, and is -1 at 2021-01-01"):
        forecaster.update(later)
    with pytest.raises(ValueError, match="horizon must be a whole number"):
        forecaster.predict(0)


@pytest.mark.parametrize("refit", [True, False])
@pytest.mark.parametrize("settings", [{"log": True}, {}], ids=["forced", "auto"])
def test_update_is_all_or_nothing(settings, refit):
    forecaster = LSTMForecaster(**FAST, **settings).fit(Y[:66])
    before = forecaster.predict()
    zero = Y[66:69].copy()
    zero.iloc[1] = 0.0
    if refit and not settings:
        forecaster.update(zero, refit=True)  # what the message without refit advises
        assert forecaster.log_ == {"sales": False}
        return
    with pytest.raises(ValueError, match=r"log='auto'" if settings else r"refit=True"):
        forecaster.update(zero, refit=refit)
    pd.testing.assert_series_equal(forecaster.predict(), before, check_exact=True)
    forecaster.update(Y[66:69], refit=refit)
    assert forecaster.predict(1).index[0] == Y.index[69]


def test_update_without_its_exogenous_variables_changes_nothing():
    x = pd.DataFrame({"x": np.arange(90.0) % 5}, pd.date_range("2015-01", periods=90, freq="MS"))
    forecaster = LSTMForecaster(**FAST).fit(Y[:66], x)
    for X in (None, x[:67], x.rename(columns={"x": "z"})):
        for refit in (True, False):
            with pytest.raises(ValueError, match=r"pass X|lacks"):
                forecaster.update(Y[66:], X, refit=refit)
    assert forecaster.predict(1, x).index[0] == Y.index[66]


@pytest.mark.parametrize(
    ("later", "message"),
    [
        (Y[66:69].to_numpy(), r"RangeIndex \(int64\), but that of fit is a .*ends at 2020-06"),
        (Y[66:69].to_period(), r"PeriodIndex .*, but that of fit is a DatetimeIndex"),
        (Y[66:69][::-1], r"The new y has an index that is not sorted in time: use y.sort_index"),
    ],
)
def test_new_times_that_do_not_fit_are_refused_in_words(later, message):
    forecaster = LSTMForecaster(**FAST).fit(Y[:66])
    for method in (forecaster.update, forecaster.score):
        with pytest.raises(ValueError, match=message):
            method(later)


def test_ctrl_c_leaves_the_forecaster_as_it_was(fitted, monkeypatch):
    forecaster, calls = copy.deepcopy(fitted), []
    compute = workers.Workers.compute

    def interrupt(*args):
        calls.append(len(calls))
        if calls[-1] == 5:
            raise KeyboardInterrupt
        return compute(*args)

    monkeypatch.setattr(workers.Workers, "compute", interrupt)
    with pytest.raises(KeyboardInterrupt):
        forecaster.fit(Y * 7)
    assert len(calls) == 6
    pd.testing.assert_series_equal(forecaster.predict(), fitted.predict(), check_exact=True)


def test_a_fit_that_fails_changes_nothing(fitted):
    forecaster = copy.deepcopy(fitted)
    with pytest.raises(ValueError, match="static has no row"):
        forecaster.fit(wide(), static=pd.DataFrame({"size": [1.0]}, ["s0"]))
    pd.testing.assert_series_equal(forecaster.predict(), fitted.predict(), check_exact=True)


def test_score_is_by_time(fitted):
    came = monthly(84)
    forecast = fitted.predict(12)
    scale = Y.diff(12).abs().mean()
    expected = -(came[72:] - forecast).abs().mean() / scale
    assert fitted.score(came[72:]) == pytest.approx(expected)
    part = -(came[76:80] - forecast[4:8]).abs().mean() / scale
    assert fitted.score(came[76:80]) == pytest.approx(part)


# --- settings -----------------------------------------------------------------------------------
def test_season_lengths_may_be_given():
    y = Y.reset_index(drop=True)
    assert LSTMForecaster(max_steps=0).fit(y).season_lengths_ == {"sales": ()}
    found = LSTMForecaster(max_steps=0, season_length=12).fit(y)
    assert found.season_lengths_ == {"sales": (12,)}
    assert found.horizon_ == 12
    two = LSTMForecaster(max_steps=0, season_length=[4, 6]).fit(y)
    assert two.season_lengths_ == {"sales": (4, 6)}
    none = LSTMForecaster(max_steps=0, season_length=None).fit(Y)
    assert none.season_lengths_ == {"sales": ()}
    with pytest.raises(ValueError, match="whole numbers of at least 1"):
        LSTMForecaster(season_length=[1.5]).fit(Y)


@pytest.mark.parametrize(
    ("freq", "horizon"), [("MS", 12), ("QS", 8), ("h", 24), ("30min", 48), ("YS", 6), ("D", 14)]
)
def test_default_horizons(freq, horizon):
    y = pd.Series(np.arange(60.0) % 7, pd.date_range("1990-01-01", periods=60, freq=freq))
    forecaster = LSTMForecaster(max_steps=0)
    if 2 * horizon > 60:
        with pytest.warns(UserWarning, match="too short"):
            forecaster.fit(y)
    else:
        forecaster.fit(y)
    assert len(forecaster.predict()) == horizon


def test_logarithms_may_be_forced_or_forbidden():
    assert LSTMForecaster(max_steps=0, log=False).fit(Y).log_ == {"sales": False}
    with pytest.raises(ValueError, match=r"log=True needs positive values.*2015-"):
        LSTMForecaster(log=True).fit(Y - Y.iloc[0])


def test_without_steps_there_is_no_network():
    forecaster = LSTMForecaster(max_steps=0).fit(Y)
    assert forecaster.chosen_steps_ == {}
    assert "No network" in forecaster.describe()
    assert forecaster.loss_curve_ == []


def test_what_was_decided_is_said_in_words(fitted):
    words = fitted.describe()
    assert "72 observations" in words
    assert "logarithms" in words
    assert "seasons of 12 steps" in words
    assert set(fitted.chosen_steps_) == {"trend", "season"}
    panel = LSTMForecaster(**FAST, global_model=False).fit(wide())
    assert "'s1'" in panel.describe("s1")
    assert set(panel.chosen_steps_) == {"s0", "s1", "s2"}
    with pytest.raises(ValueError, match="no series 'nobody'"):
        panel.describe("nobody")


def test_a_network_that_was_left_out_has_no_weight():
    left_out = 0
    for seed in range(6):
        forecaster = LSTMForecaster(**FAST).fit(monthly(60, seed))
        weights = forecaster.anchor_weights_.iloc[0]
        assert weights.sum() == pytest.approx(1.0)
        for branch, steps in forecaster.chosen_steps_.items():
            words = forecaster.describe()
            assert (weights[f"{branch} + LSTM"] == 0.0) == (steps == 0)
            assert (f"{branch} + LSTM" in words) == (steps > 0)
            assert (f"corrects the {branch} was left out" in words) == (steps == 0)
            left_out += steps == 0
        # the weights are those of the forecast
        (model,) = models(forecaster)
        total = sum(
            weights[name] * x[0] for name, x in model.candidates(6).items() if weights[name]
        )
        np.testing.assert_allclose(model.forecast(6)[0], total)
    assert left_out


def test_a_network_does_not_count_for_a_series_without_hold_out():
    y = long((60, 60, 8))
    with pytest.warns(UserWarning, match="too short"):
        forecaster = LSTMForecaster(**FAST).fit(y)
    assert forecaster.anchor_weights_.loc["s2", "trend"] == 1.0
    assert any(forecaster.chosen_steps_.values())
    assert "does not count for this series" in forecaster.describe("s2")


def test_names_of_series_are_quoted_as_they_are():
    y = pd.DataFrame({"Paris": Y, "ROME": Y * 2})
    assert LSTMForecaster(max_steps=0).fit(y).describe("ROME").startswith("Series 'ROME' has 72")


def test_non_negative_forecasts_end_at_zero():
    rng = np.random.default_rng(0)
    y = pd.Series(rng.poisson(0.3, 80), pd.date_range("2020", periods=80, freq="D"))
    settings = {"horizon": 7, "max_steps": 0}
    free = LSTMForecaster(**settings).fit(y[:-7])
    floor = LSTMForecaster(**settings, non_negative=True).fit(y[:-7])
    assert free.predict_interval()["lower"].min() < 0
    for answers in (
        (free.predict(), floor.predict()),
        (free.predict_interval(), floor.predict_interval()),
        (free.predict_quantiles(), floor.predict_quantiles()),
    ):
        np.testing.assert_array_equal(np.maximum(answers[0], 0.0), answers[1])
    table = LSTMForecaster(**settings, non_negative=True).backtest(y, n_origins=3)
    assert table[["prediction", "lower", "upper"]].min(axis=None) == 0.0
    falling = pd.Series(np.arange(40.0, 0.0, -1.0), pd.RangeIndex(40))
    settings |= {"log": False, "horizon": 60, "season_length": None}
    with pytest.warns(UserWarning, match="too short"):
        floor = LSTMForecaster(**settings, non_negative=True).fit(falling)
    assert floor.predict().iloc[-1] == 0.0
    came = pd.Series(np.zeros(60), floor.predict().index)
    assert floor.score(came, metric="mae") == -floor.predict().mean()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"coverage": 1.5}, "coverage must be between 0 and 1, not 1.5"),
        ({"coverage": [0.5]}, "coverage must be one number"),
        ({"coverage": "wide"}, "coverage must be between 0 and 1"),
        ({"step": -1}, "step must be a whole number of at least 1, not -1"),
        ({"step": 0}, "step must be a whole number"),
        ({"n_origins": 2.0}, "n_origins must be a whole number of at least 1, not 2.0"),
        ({"n_origins": 0}, "n_origins must be a whole number"),
        ({"horizon": 0}, "horizon must be a whole number"),
        ({"horizon": True}, "horizon must be a whole number"),
        ({"refit": "yes"}, "refit must be True or False, not 'yes'"),
    ],
)
def test_arguments_of_backtest_are_checked_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        LSTMForecaster(**FAST).backtest(Y, **arguments)


def test_arguments_of_other_methods_are_checked_by_name(fitted):
    for use, message in (
        (lambda: fitted.predict(2.0), "horizon must be a whole number of at least 1, not 2.0"),
        (lambda: fitted.predict("all"), "horizon must be a whole number"),
        (lambda: fitted.predict_interval(True), "horizon must be a whole number"),
        (lambda: fitted.predict_interval(coverage="wide"), "coverage must be between 0 and 1"),
        (lambda: fitted.predict_quantiles(quantiles=[np.nan]), "quantiles must be between 0 and 1"),
        (lambda: fitted.update(Y, refit="yes"), "refit must be True or False"),
        (lambda: LSTMForecaster(freq="D").fit(Y.to_numpy()), "freq must be a whole number"),
    ):
        with pytest.raises(ValueError, match=message):
            use()


def test_months_dated_on_one_day_have_their_season():
    index = pd.date_range("2014-01-15", periods=72, freq=pd.DateOffset(months=1))
    y = pd.Series(100.0 + 20.0 * np.sin(np.arange(72) * np.pi / 6), index)
    for given in (y, y.set_axis(pd.DatetimeIndex(index.to_numpy()))):
        forecaster = LSTMForecaster(horizon=12, max_steps=0).fit(given[:60])
        assert forecaster.season_lengths_ == {None: (12,)}
        assert forecaster.score(given[60:], metric="mae") == pytest.approx(0.0, abs=1e-6)
        assert forecaster.predict(2).index.tolist() == index[60:62].tolist()


@pytest.mark.parametrize("settings", [
    {"num_layers": 2, "dropout": 0.1}, {"alpha": 0.1, "learning_rate": "one_cycle"},
    {"window": 5, "clip_norm": None, "batch_size": 7},
    {"hidden_size": 3, "learning_rate_init": 0.01},
])  # fmt: skip
def test_settings_of_the_network(settings):
    assert np.isfinite(LSTMForecaster(**(FAST | settings)).fit(Y).predict()).all()


# --- around it ----------------------------------------------------------------------------------
def test_grid_search_and_cross_validation():
    cv = TimeSeriesSplit(2, test_size=6)
    grid = {"max_steps": [0, 20], "log": ["auto", False]}
    search = GridSearchCV(LSTMForecaster(**FAST), grid, cv=cv).fit(Y)
    assert search.predict(3).index[0] == pd.Timestamp("2021-01-01")
    assert (search.cv_results_["mean_test_score"] < 0).all()
    scores = cross_val_score(LSTMForecaster(**FAST), wide(), cv=cv)
    assert scores.shape == (2,)


def test_grid_search_with_exogenous_variables():
    x = pd.DataFrame({"x": np.arange(72.0) % 5}, Y.index)
    cv = TimeSeriesSplit(2, test_size=6)
    search = GridSearchCV(LSTMForecaster(**FAST), {"max_steps": [0, 20]}, cv=cv).fit(Y, x)
    assert np.isfinite(search.best_score_)


@pytest.mark.parametrize("refit", [True, False])
@pytest.mark.parametrize("y", [Y, wide(2), long()], ids=["series", "wide", "long"])
def test_backtest(y, refit):
    forecaster = LSTMForecaster(**FAST)
    table = forecaster.backtest(y, horizon=3, n_origins=2, step=2, refit=refit)
    assert table.columns.tolist() == [
        "series", "cutoff", "time", "actual", "prediction", "lower", "upper"
    ]  # fmt: skip
    n_series = 1 if y is Y else table["series"].nunique()
    assert len(table) == n_series * 2 * 3
    assert (table["lower"] <= table["upper"]).all()
    assert (table["time"] > table["cutoff"]).all()
    assert not hasattr(forecaster, "horizon_")
    if y is Y:
        assert table["time"].max() == Y.index[-1]
        first = LSTMForecaster(**(FAST | {"horizon": 3})).fit(Y[:-5])
        np.testing.assert_array_equal(table["prediction"][:3], first.predict())
        np.testing.assert_array_equal(table["actual"][:3], Y[-5:-2])


def test_backtest_is_the_same_for_every_number_of_jobs():
    tables = [
        LSTMForecaster(**FAST, n_jobs=n_jobs).backtest(Y, horizon=4, n_origins=3)
        for n_jobs in (1, 2)
    ]
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    with pytest.raises(ValueError, match=r"50 origins.*need more than"):
        LSTMForecaster(**FAST).backtest(Y, n_origins=50)


def test_progress_is_shown_on_request(capsys):
    LSTMForecaster(**FAST, verbose=True).fit(Y)
    assert "LSTMForecaster" in capsys.readouterr().err
    LSTMForecaster(**FAST, verbose=True).backtest(Y, horizon=3, n_origins=2)
    assert "backtest" in capsys.readouterr().err


def test_a_season_that_is_noise_is_not_reported():
    rng, index = np.random.default_rng(1), pd.date_range("2015-01", periods=72, freq="MS")
    noise = pd.Series(100.0 + rng.standard_normal(72), index)
    wave = noise + 10.0 * np.sin(np.arange(72) * np.pi / 6)
    forecaster = LSTMForecaster(max_steps=0).fit(pd.DataFrame({"noise": noise, "wave": wave}))
    assert forecaster.season_lengths_ == {"noise": (), "wave": (12,)}
