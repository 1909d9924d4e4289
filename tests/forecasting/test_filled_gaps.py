"""Gaps that are filled: nothing is measured in them, and no forecast sees across them."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from sklstm import LSTMForecaster, backtest_summary
from tests.forecasting.series import monthly

GAPS = LSTMForecaster(horizon=2, max_steps=0, missing="interpolate")
Y = monthly(60)
HOLES = Y.copy()
HOLES.iloc[[30, 50, 51, 55]] = np.nan
OTHER = HOLES.copy()  # what follows the gap of two months
OTHER.iloc[52:] *= 3.0
FORMS = {
    "series": lambda y: y,
    "rows": lambda y: y.dropna(),
    "wide": lambda y: pd.DataFrame({"a": y, "b": Y}),
    "long": lambda y: pd.concat({"a": y.dropna(), "b": Y[:-2]}, names=["shop", "month"]),
}


@pytest.mark.parametrize("metric", ["mae", "rmse", "wape"])
def test_a_score_is_that_of_the_observations(metric):
    forecaster = clone(GAPS).fit(HOLES[:50].dropna().asfreq("MS"))
    predicted, actual = forecaster.predict(10)[2:], HOLES[50:][2:]
    seen = actual.notna()
    off = (predicted - actual)[seen]
    expected = {
        "mae": off.abs().mean(),
        "rmse": (off**2).mean() ** 0.5,
        "wape": off.abs().sum() / actual.sum(),
    }
    for later in (actual, actual.dropna()):
        assert -forecaster.score(later, metric=metric) == pytest.approx(expected[metric])


@pytest.mark.parametrize("refit", [True, False])
@pytest.mark.parametrize("form", FORMS)
def test_a_backtest_measures_nothing_in_a_gap_and_does_not_see_across_it(form, refit):
    y, other = FORMS[form](HOLES), FORMS[form](OTHER)
    settings = {"n_origins": 8, "step": 1, "refit": refit}
    table, changed = GAPS.backtest(y, **settings), GAPS.backtest(other, **settings)
    own = table["series"] != "b"
    missing = own & table["time"].isin(Y.index[[50, 51, 55]])
    assert missing.any()
    pd.testing.assert_series_equal(table["actual"].isna(), missing, check_names=False)
    summary = backtest_summary(table, by=[])
    assert summary["n"].item() == (~missing).sum()
    error = (table["actual"] - table["prediction"]).abs().mean()
    assert summary["mae"].item() == pytest.approx(error)
    early = own & (table["cutoff"] <= Y.index[51])  # from within the gap, too
    assert (table["cutoff"][early] == Y.index[51]).any()
    assert table["prediction"][early].equals(changed["prediction"][early])
    late = own & (table["cutoff"] > Y.index[51])
    assert not table["prediction"][late].equals(changed["prediction"][late])


def test_x_needs_its_rows_in_a_gap():
    X = pd.DataFrame(
        {"price": np.arange(62.0) % 5}, pd.date_range("2015-01", periods=62, freq="MS")
    )
    table = pd.DataFrame({"t": Y.index, "y": HOLES.to_numpy()}).join(X, on="t")
    named = clone(GAPS).set_params(time_col="t", target_col="y")
    with pytest.raises(ValueError, match="in a table, as rows with NaN as the target"):
        named.fit(table.dropna())
    expected = clone(GAPS).fit(HOLES.dropna(), X).predict(2, X)
    coming = X[60:].rename_axis("t").reset_index()
    np.testing.assert_array_equal(named.fit(table).predict(2, coming)["y"], expected)
    forecaster = clone(GAPS).fit(HOLES[:40], X)
    with pytest.raises(ValueError, match=r"lacks 2 of 13 rows.*add them to X"):
        forecaster.update(HOLES[40:53].dropna(), X.drop(X.index[[50, 51]]))


def test_origins_in_a_gap_know_what_came_before_it():
    forecaster = clone(GAPS).fit(HOLES[:50])
    at, changed = forecaster.predict_at(HOLES), forecaster.predict_at(OTHER)
    pd.testing.assert_frame_equal(at[:3], changed[:3])
    held = HOLES.copy()
    held.iloc[50:52] = held.iloc[49]
    expected = clone(GAPS).fit(HOLES[:50]).update(held[50:52]).predict(2)
    np.testing.assert_allclose(at.iloc[2], expected, rtol=1e-9)
    whole = clone(GAPS).fit(HOLES[:50]).update(HOLES[49:54].interpolate()[1:])
    np.testing.assert_allclose(at.iloc[4], whole.predict(2), rtol=1e-9)


@pytest.mark.parametrize("y", [HOLES, Y])
def test_gaps_are_saved(y):
    forecaster = clone(GAPS).fit(y)
    loaded = pickle.loads(pickle.dumps(forecaster))
    for before, after in zip(
        forecaster._fitted.panel.filled, loaded._fitted.panel.filled, strict=True
    ):
        np.testing.assert_array_equal(before, after)
    pd.testing.assert_series_equal(loaded.predict(), forecaster.predict())
