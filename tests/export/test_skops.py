"""Files of skops load with `skops_trusted`, and nothing else needs to be trusted."""

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import LSTMClassifier, LSTMForecaster, LSTMRegressor
from sklstm.components import FCN, GRU, SGD, Convolutions, Quantile
from sklstm.export import skops_trusted
from tests.toy import ESTIMATORS, SMALL, problem, raw


def saved_and_loaded(model):
    """Return a model that went through a file of skops."""
    return skops.io.loads(skops.io.dumps(model), trusted=skops_trusted())


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize(
    "settings",
    [
        SMALL,
        SMALL | {"front": "auto", "branch": "auto"},
        SMALL | {"cell": GRU(), "front": Convolutions(3), "branch": FCN(3), "solver": SGD()},
    ],
    ids=["plain", "auto", "components"],
)
def test_classifier_and_regressor(Estimator, settings):
    X, y = problem(Estimator)
    model = Estimator(**settings).fit(X, y)
    np.testing.assert_array_equal(raw(saved_and_loaded(model), X), raw(model, X))


def test_after_partial_fit():
    X, y = problem(LSTMRegressor)
    model = LSTMRegressor(**SMALL, loss=Quantile(0.9)).partial_fit(X, y)
    loaded = saved_and_loaded(model)
    np.testing.assert_array_equal(
        loaded.partial_fit(X, y).predict(X), model.partial_fit(X, y).predict(X)
    )


def test_pipeline():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((20, 8)), np.arange(20) % 2
    model = make_pipeline(StandardScaler(), LSTMClassifier(**SMALL)).fit(X, y)
    np.testing.assert_array_equal(saved_and_loaded(model).predict_proba(X), model.predict_proba(X))


def wave(n, index, **series):
    """Return a series with a season of 12."""
    t = np.arange(n)
    return pd.Series(10.0 + np.sin(t * np.pi / 6) + 0.01 * t, index, **series)


INDEXES = {
    "months": pd.date_range("2015-01-01", periods=60, freq="MS"),
    "a zone": pd.date_range("2020-01-01", periods=60, freq="h", tz="Europe/Berlin"),
    "last days": pd.date_range("2015-01-31", periods=60, freq=pd.DateOffset(months=1, day=31)),
    "seconds": pd.date_range("2015-01-01", periods=60, freq="D", unit="s"),
    "periods": pd.period_range("2015-01", periods=60, freq="M", name="month"),
    "numbers": pd.RangeIndex(5, 65, name="step"),
    "years": pd.Index(np.arange(1950, 2010)),
}


@pytest.mark.parametrize("name", INDEXES)
def test_a_forecaster_with_every_index(name):
    model = LSTMForecaster(horizon=3, max_steps=20, random_state=0).fit(wave(60, INDEXES[name]))
    pd.testing.assert_series_equal(saved_and_loaded(model).predict(), model.predict())


def test_a_forecaster_goes_on_after_it_was_loaded():
    index = INDEXES["months"]
    y, X = wave(60, index, name="sales"), pd.DataFrame({"price": np.arange(60.0) % 7}, index)
    model = LSTMForecaster(
        horizon=3, max_steps=20, calendar=("month",), freq=pd.offsets.MonthBegin(), random_state=0
    ).fit(y[:50], X[:50])
    loaded = saved_and_loaded(model)
    assert loaded.freq == model.freq
    for forecaster in (model, loaded):
        forecaster.update(y[50:55], X[50:55])
    pd.testing.assert_frame_equal(
        loaded.predict_interval(3, X=X[55:58]), model.predict_interval(3, X=X[55:58])
    )


@pytest.mark.parametrize("dtype", ["object", "str", "category"])
def test_panels(dtype):
    wide = pd.DataFrame({"a": wave(60, INDEXES["months"]), "b": wave(60, INDEXES["months"]) * 2})
    wide.columns = wide.columns.astype(dtype)
    long = wide.stack().swaplevel().sort_index()
    long.index = long.index.set_names(["shop", "month"])
    for y in (wide, long):
        model = LSTMForecaster(horizon=3, max_steps=20, random_state=0).fit(y)
        answer, again = model.predict(), saved_and_loaded(model).predict()
        assert type(answer) is type(again)
        assert answer.equals(again) and answer.index.equals(again.index)
        assert answer.index.names == again.index.names


def test_nothing_is_trusted_that_a_model_does_not_hold():
    assert all(name.startswith("sklstm.") for name in skops_trusted())
    with pytest.raises(TypeError, match="Untrusted types"):
        skops.io.loads(skops.io.dumps(LSTMClassifier()), trusted=[])
