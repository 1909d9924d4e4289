"""Categories among the exogenous variables and the static features of a forecaster."""

import pickle

import numpy as np
import pandas as pd
import pytest

from sklstm import LSTMForecaster
from sklstm._forecasting.categories import Categories

FAST = {"horizon": 7, "max_steps": 20, "random_state": 0, "season_length": None}
DAYS = pd.date_range("2022-01-01", periods=90, freq="D")


def shops(n_series=6, n=90):
    """Return sales, their drivers, and the kind of each shop.

    Extreme weather is good for a mall and bad for a market, which is not linear in the weather.
    """
    rng, y, X, kinds = np.random.default_rng(0), {}, {}, {}
    for k in range(n_series):
        weather = rng.standard_normal(n)
        promotion = rng.choice(["none", "leaflet", "radio"], n, p=[0.8, 0.1, 0.1])
        effect = (5.0 if k % 2 else -5.0) * np.abs(weather) + 2.0 * (promotion == "radio")
        y[f"s{k}"] = pd.Series(100.0 + effect + 0.5 * rng.standard_normal(n), DAYS[:n])
        X[f"s{k}"] = pd.DataFrame({"promotion": promotion, "weather": weather}, DAYS[:n])
        kinds[f"s{k}"] = "mall" if k % 2 else "market"
    return pd.concat(y), pd.concat(X), pd.DataFrame({"kind": kinds})


def test_the_effect_of_a_driver_may_depend_on_the_kind_of_the_series():
    y, X, static = shops()
    past = y.groupby(level=0).head(83)
    future = y.drop(past.index)
    settings = {"max_steps": 200, "hidden_size": 16, "batch_size": 32, "window": 8}
    errors = {}
    for name, kinds in (("without", None), ("with", static)):
        forecaster = LSTMForecaster(**FAST | settings).fit(past, X.loc[past.index], static=kinds)
        errors[name] = -forecaster.score(future, X.loc[future.index], metric="mae")
    assert errors["with"] < 0.7 * errors["without"]


def one_shop(promotion=None):
    """Return one series and its drivers; the promotions may be given in another form."""
    y, X, _ = shops(n_series=1)
    y, X = y.loc["s0"].asfreq("D"), X.loc["s0"]
    return y, X if promotion is None else X.assign(promotion=promotion(X["promotion"]))


@pytest.mark.parametrize(
    "form",
    [
        lambda column: column.astype("category"),
        lambda column: column.astype("string"),
        lambda column: column.map({"leaflet": 0, "none": 1, "radio": 2}).astype("category"),
    ],
)
def test_every_form_of_categories_gives_the_same_forecast(form):
    y, X = one_shop()
    expected = LSTMForecaster(**FAST, past_columns=["promotion"]).fit(y, X)
    y, given = one_shop(form)
    # categories that do not occur have no column
    if isinstance(given["promotion"].dtype, pd.CategoricalDtype):
        given["promotion"] = given["promotion"].cat.add_categories(["never"])
    found = LSTMForecaster(**FAST, past_columns=["promotion"]).fit(y, given)
    later = X[["weather"]].tail(7).set_axis(DAYS[-7:] + pd.Timedelta("7D"))
    pd.testing.assert_series_equal(found.predict(7, later), expected.predict(7, later))


def test_categories_are_those_of_fit_whenever_drivers_are_given_again():
    y, X = one_shop()
    forecaster = LSTMForecaster(**FAST, calendar=["dayofweek"]).fit(y[:70], X[:70])
    later = X[70:77].assign(promotion="none")  # not all categories occur
    expected = forecaster.predict(7, later)
    given = X.copy()
    given.loc[later.index] = later
    origins = forecaster.predict_at(y[:77], [y.index[69]], given)
    np.testing.assert_allclose(origins.iloc[0], expected, rtol=1e-9)
    again = pickle.loads(pickle.dumps(forecaster))
    pd.testing.assert_series_equal(again.predict(7, later), expected)
    forecaster.update(y[70:77], later)
    with pytest.raises(ValueError, match="'promotion' of X holds 'tv', a category that fit has"):
        forecaster.predict(7, X[77:84].assign(promotion="tv"))
    with pytest.raises(ValueError, match=r"not finite at 2022-03-19.* in column 'promotion'"):
        forecaster.predict(7, X[77:84].assign(promotion=None))


def test_indicators_are_worked_by_hand():
    table = pd.DataFrame({"n": [1.0, 2.0, 3.0], "k": ["b", "a", None]})
    kinds = Categories.of(table, "X")
    assert kinds.owners(table.columns) == ["n", "k", "k"]
    expected = [[1.0, 0.0, 1.0], [2.0, 1.0, 0.0], [3.0, np.nan, np.nan]]
    np.testing.assert_array_equal(kinds.numbers(table, "X"), expected)


def test_names_of_rows_are_no_categories():
    table = pd.DataFrame({"id": [f"row {k}" for k in range(101)]})
    with pytest.raises(ValueError, match="'id' of X has 101 categories"):
        Categories.of(table, "X")
