"""Scoring: measures, scikit-learn's scorers, the splitter of panels, the summary of backtests."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import make_scorer, mean_absolute_error, mean_pinball_loss
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score

from sklstm import LSTMForecaster, PanelSplit, backtest_summary, forecast_scorer
from tests.forecasting.series import long, monthly, wide

FAST = {"horizon": 6, "max_steps": 0}
Y = monthly()
CV = TimeSeriesSplit(2, test_size=6)
PANEL_CV = PanelSplit(2, test_size=6)


def came_and_forecast(y, n=6):
    known, came = y[:-n], y[-n:]
    return came, LSTMForecaster(**FAST).fit(known).predict(n)


def test_measures_by_name():
    came, forecast = came_and_forecast(wide())
    errors = came.to_numpy() - forecast.to_numpy()
    forecaster = LSTMForecaster(**FAST).fit(wide()[:-6])
    expected = {
        "mae": np.abs(errors).mean(),
        "rmse": np.sqrt((errors**2).mean()),
        "wape": np.abs(errors).sum() / came.to_numpy().sum(),
        "mase": np.mean(
            [
                np.abs(errors[:, k]).mean() / wide()[:-6].iloc[:, k].diff(12).abs().mean()
                for k in range(3)
            ]
        ),
    }
    for name, value in expected.items():
        assert forecaster.score(came, metric=name) == pytest.approx(-value)
    quantiles = forecaster.predict_quantiles(6, quantiles=[0.2, 0.9])
    loss = np.mean(
        [
            mean_pinball_loss(came, quantiles.xs(level, axis=1, level=1), alpha=level)
            for level in (0.2, 0.9)
        ]
    )
    score = forecaster.score(came, metric="pinball", quantiles=[0.2, 0.9])
    assert score == pytest.approx(-loss)
    with pytest.raises(ValueError, match="metric must be one of"):
        forecaster.score(came, metric="mape")
    with pytest.raises(ValueError, match="all of y is zero"):
        forecaster.score(came * 0.0, metric="wape")
    with pytest.raises(ValueError, match="metric must be one of"):
        forecast_scorer("mape")


@pytest.mark.parametrize("metric", ["mase", "mae", "rmse", "wape", "pinball"])
@pytest.mark.parametrize(("y", "cv"), [(Y, CV), (wide(), CV), (long((60, 60)), PANEL_CV)])
def test_scorers_by_name_need_y_once(metric, y, cv):
    scorer = pickle.loads(pickle.dumps(forecast_scorer(metric)))
    scores = cross_val_score(LSTMForecaster(**FAST), y, scoring=scorer, cv=cv)
    assert (scores < 0).all()


SCORERS = [
    "neg_mean_absolute_error",
    make_scorer(mean_pinball_loss, alpha=0.5, greater_is_better=False),
]


@pytest.mark.parametrize("scoring", SCORERS, ids=["name", "make_scorer"])
@pytest.mark.parametrize(
    ("y", "cv"),
    [(Y, CV), (Y.to_numpy(), CV), (wide(), CV), (long((60, 60)), PANEL_CV)],
    ids=["series", "array", "wide", "long"],
)
def test_scorers_of_scikit_learn_take_y_twice(scoring, y, cv):
    scores = cross_val_score(LSTMForecaster(**FAST), y, y, scoring=scoring, cv=cv)
    own = cross_val_score(LSTMForecaster(**FAST), y, scoring=forecast_scorer("mae"), cv=cv)
    factor = 1.0 if scoring == SCORERS[0] else 0.5  # the pinball loss of the median is half of it
    np.testing.assert_allclose(scores, factor * own)


def test_a_search_by_scikit_learns_scorer():
    grid = {"log": [True, False]}
    search = GridSearchCV(
        LSTMForecaster(**FAST), grid, scoring="neg_mean_absolute_error", cv=TimeSeriesSplit()
    )
    search.fit(Y, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.predict(2).index[0] == pd.Timestamp("2021-01-01")


def test_exogenous_variables_go_into_one_frame():
    frame = pd.DataFrame({"sales": Y, "x": np.arange(72.0) % 5})
    splits = TimeSeriesSplit(2, test_size=6, gap=2)
    named = LSTMForecaster(**FAST, target_col="sales")
    scores = cross_val_score(
        named, frame, frame["sales"], scoring="neg_mean_absolute_error", cv=splits
    )
    X = frame[["x"]]
    own = cross_val_score(LSTMForecaster(**FAST), Y, X, scoring=forecast_scorer("mae"), cv=splits)
    np.testing.assert_allclose(scores, own)
    with pytest.raises(ValueError, match=r"order is fit\(y, X\).*target_col"):
        LSTMForecaster(**FAST).fit(X, Y)


def test_rows_say_at_which_times_to_forecast():
    forecaster = LSTMForecaster(**FAST).fit(long())
    rows = pd.concat([forecaster.predict(4).loc[["s2"]][2:], forecaster.predict(3).loc[["s0"]]])
    answer = forecaster.predict(rows[::-1])
    pd.testing.assert_index_equal(answer.index, rows[::-1].index)
    np.testing.assert_array_equal(answer, rows[::-1])
    pd.testing.assert_series_equal(forecaster.predict(rows[::-1].index), answer)
    with pytest.raises(ValueError, match=r"which fit has seen.*TimeSeriesSplit"):
        forecaster.predict(long())
    with pytest.raises(ValueError, match=r"'new' was not there in fit.*PanelSplit"):
        forecaster.predict(rows.rename(index={"s0": "new"}))
    single = LSTMForecaster(**FAST).fit(Y)
    with pytest.raises(ValueError, match="does not lie on the frequency"):
        single.predict(pd.Series([1.0], [pd.Timestamp("2021-01-15")]))
    with pytest.raises(ValueError, match="horizon must be a whole number"):
        single.predict([1, 2, 3])
    with pytest.raises(ValueError, match="no time to forecast"):
        single.predict(Y[:0])
    with pytest.raises(ValueError, match=r"number of steps, not a list: pass the steps"):
        single.predict(list(range(1, 100)))
    later = single.predict(3).index[[2, 0]]
    pd.testing.assert_series_equal(single.predict(later), single.predict(3)[later])


# --- the splitter ---------------------------------------------------------------------------
def test_a_splitter_by_rows_is_warned_of():
    y = long((60, 60))
    with pytest.warns(UserWarning, match="holds 1 of 2 series.*PanelSplit"):
        cross_val_score(LSTMForecaster(**FAST), y, cv=TimeSeriesSplit(2, test_size=6))


@pytest.mark.parametrize("form", ["long", "interleaved", "table", "wide"])
def test_all_series_are_cut_at_the_same_times(form):
    y, columns = long((60, 60)), {}
    if form == "interleaved":
        y = y.swaplevel().sort_index().swaplevel()
    elif form == "table":
        y, columns = y.reset_index(), {"id_col": "shop", "time_col": "month"}
    elif form == "wide":
        y = wide()
    splits = list(PanelSplit(3, test_size=4, gap=1, **columns).split(y))
    assert len(splits) == PanelSplit(3).get_n_splits() == 3
    for k, (train, test) in enumerate(splits):
        rows = y.iloc[test]
        times = rows["month"] if form == "table" else rows.index.get_level_values("month")
        before = y.iloc[train]
        known = before["month"] if form == "table" else before.index.get_level_values("month")
        assert len(set(times)) == 4
        assert known.max() == times.min() - pd.DateOffset(months=2)
        assert len(rows) == 4 * (1 if form == "wide" else 2)
        assert times.max() == pd.date_range("2015-01", periods=60, freq="MS")[60 - 4 * (2 - k) - 1]


def test_a_series_that_begins_after_the_training_data_is_left_out():
    y = long((60, 60))
    y = y[(y.index.get_level_values(0) == "s0") | (y.index.get_level_values(1).year >= 2018)]
    splitter = PanelSplit(2, test_size=12)
    with pytest.warns(UserWarning, match="1 series begin later"):
        (_, first), (_, second) = splitter.split(y)
    assert set(y.index[first].get_level_values(0)) == {"s0"}
    assert set(y.index[second].get_level_values(0)) == {"s0", "s1"}
    with pytest.raises(TypeError, match="must be a pandas"):
        next(splitter.split(y.to_numpy()))


def test_a_column_that_has_not_begun_is_left_out_of_a_fold():
    y = wide(3, 72)
    y.iloc[:62, 1] = np.nan
    without = y.drop(columns="s1")
    with pytest.warns(UserWarning, match="without any observation yet: 's1'"):
        forecaster = LSTMForecaster(**FAST).fit(y[:60])
    assert forecaster.predict(2).columns.tolist() == ["s0", "s2"]
    assert forecaster.predict_interval(2).columns.nlevels == 2
    expected = LSTMForecaster(**FAST).fit(without[:60]).score(without[60:66])
    assert forecaster.score(y[60:66]) == expected
    with pytest.raises(ValueError, match="'s1' had no observation in fit"):
        forecaster.update(y[60:66].bfill())
    with pytest.raises(ValueError, match="no observation: all its values"):
        LSTMForecaster(**FAST).fit(y[["s1"]][:60])


@pytest.mark.filterwarnings("ignore:Series without any:UserWarning")
@pytest.mark.filterwarnings("ignore:.*too short to hold:UserWarning")
def test_a_search_goes_on_where_a_column_has_not_begun():
    y = wide(3, 72)
    y.iloc[:62, 1] = np.nan
    search = GridSearchCV(LSTMForecaster(**FAST), {"log": [True, False]}, cv=CV).fit(y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


# --- backtests ------------------------------------------------------------------------------
@pytest.mark.parametrize("refit", [True, False])
def test_a_backtest_leaves_out_series_that_are_too_short(refit):
    y = long((60, 48, 8))
    with pytest.warns(UserWarning, match="too short for some origins.*'s2'"):
        table = LSTMForecaster(**FAST).backtest(y, horizon=3, n_origins=3, refit=refit)
    counts = table.groupby("series")["cutoff"].nunique()
    assert counts["s0"] == counts["s1"] == 3
    if refit:
        assert counts["s2"] == 2
    else:
        assert "s2" not in counts


def test_summary_of_a_backtest():
    table = LSTMForecaster(**FAST).backtest(long((60, 48)), horizon=3, n_origins=4)
    summary = backtest_summary(table, by=["horizon", "series", "cutoff"])
    everything = summary.loc[("all", "all")]
    errors = table["prediction"] - table["actual"]
    assert everything["n"] == 24
    expected = mean_absolute_error(table["actual"], table["prediction"])
    assert everything["mae"] == pytest.approx(expected)
    assert everything["rmse"] == pytest.approx(np.sqrt((errors**2).mean()))
    assert everything["wape"] == pytest.approx(errors.abs().sum() / table["actual"].sum())
    assert everything["bias"] == pytest.approx(errors.mean())
    inside = table["actual"].between(table["lower"], table["upper"])
    assert everything["coverage"] == pytest.approx(inside.mean())
    assert everything["width"] == pytest.approx((table["upper"] - table["lower"]).mean())
    assert summary.loc["horizon"].index.tolist() == [1, 2, 3]
    second = np.abs(errors[1::3]).mean()
    assert summary.loc[("horizon", 2), "mae"] == pytest.approx(second)
    assert summary.loc["series"].index.tolist() == ["s0", "s1"]
    assert summary.loc["cutoff"].index.is_monotonic_increasing
    kept = table.sample(frac=1.0, random_state=0).query("actual > actual.quantile(0.2)")
    steps = pd.PeriodIndex(kept["time"], freq="M").astype("int64")
    ahead = steps - pd.PeriodIndex(kept["cutoff"], freq="M").astype("int64")
    for h in (1, 2, 3):  # rows may be left out, or in any order
        of_step = np.abs(kept["prediction"] - kept["actual"])[ahead == h]
        assert backtest_summary(kept).loc[("horizon", h), "mae"] == pytest.approx(of_step.mean())
    for wrong in ("horizon", ["month"], None):
        with pytest.raises(ValueError, match="by must be a list of"):
            backtest_summary(table, by=wrong)
    with pytest.raises(ValueError, match=r"lacks the column 'upper': pass what .*backtest"):
        backtest_summary(table.drop(columns="upper"))
