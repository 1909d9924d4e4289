import numpy as np
import pandas as pd
import pytest

from sklstm import LSTMForecaster
from tests.forecasting.series import wide

FAST = {"horizon": 6, "max_steps": 60, "random_state": 0}
Y = wide(3)
STATIC = pd.DataFrame({"size": [1.0, 2.0, 30.0], "north": [1, 0, 1]}, ["s2", "s1", "s0"])


def test_the_network_sees_them():
    without = LSTMForecaster(**FAST).fit(Y)
    given = LSTMForecaster(**FAST).fit(Y, static=STATIC)
    assert given._fitted.models.models[0].networks.correctors
    assert not np.array_equal(given.predict(), without.predict())
    assert np.isfinite(given.predict()).all(axis=None)
    in_order = LSTMForecaster(**FAST).fit(Y, static=STATIC.loc[["s0", "s1", "s2"]])
    pd.testing.assert_frame_equal(in_order.predict(), given.predict())
    later = given.predict(2)
    assert np.isfinite(given.update(later, refit=True).predict()).all(axis=None)


@pytest.mark.parametrize("refit", [True, False])
def test_backtest_takes_them(refit):
    table = LSTMForecaster(**FAST).backtest(Y, horizon=6, n_origins=2, refit=refit, static=STATIC)
    first = LSTMForecaster(**FAST).fit(Y[:-12], static=STATIC)
    assert first._fitted.models.models[0].networks.correctors
    for name, rows in table[table["cutoff"] == Y.index[-13]].groupby("series"):
        # but for rounding, as the documentation says
        np.testing.assert_allclose(rows["prediction"], first.predict()[name], rtol=1e-12)


def test_models_of_single_series_refuse_them():
    forecaster = LSTMForecaster(**FAST, global_model=False)
    for use in (forecaster.fit, forecaster.backtest):
        with pytest.raises(ValueError, match="static needs global_model=True"):
            use(Y, static=STATIC)


def test_the_series_may_be_named_in_a_column_as_in_the_table():
    table = Y.rename_axis(index="ds", columns="shop").stack().rename("y").reset_index()
    columns = {"id_col": "shop", "time_col": "ds", "target_col": "y"}
    named, indexed = (
        LSTMForecaster(**FAST, **columns).fit(table, static=static).predict()
        for static in (STATIC.rename_axis("shop").reset_index(), STATIC)
    )
    pd.testing.assert_frame_equal(named, indexed)


@pytest.mark.parametrize(
    ("static", "error", "message"),
    [
        (STATIC.drop("s1"), ValueError, "no row for series 's1'"),
        (STATIC.reset_index(), ValueError, r"no row .* begins with \[0, 1, 2\]"),
        (STATIC.assign(size=1j), ValueError, "Column 'size' of static has the dtype"),
        (STATIC.assign(size=np.nan), ValueError, "not finite for series 's0' in column 'size'"),
        (pd.concat([STATIC, STATIC]), ValueError, "more than one row for series"),
        (STATIC.to_numpy(), TypeError, "must be a pandas DataFrame"),
    ],
)
def test_what_is_wrong_with_them_is_said(static, error, message):
    with pytest.raises(error, match=message):
        LSTMForecaster(**FAST).fit(Y, static=static)
