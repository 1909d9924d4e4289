"""LSTMRegressor inside the reductions of other packages; each is skipped where it is missing."""

import numpy as np
import pytest

from sklstm import LSTMRegressor
from tests.forecasting.series import monthly

ENGINE = {"hidden_size": 8, "max_iter": 10, "random_state": 0}
Y = monthly(60)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("strategy", ["recursive", "direct"])
def test_sktime(strategy):
    compose = pytest.importorskip("sktime.forecasting.compose")
    y = Y.copy()
    y.index = y.index.to_period("M")
    forecaster = compose.make_reduction(
        LSTMRegressor(**ENGINE), window_length=12, strategy=strategy
    )
    answer = forecaster.fit(y, fh=[1, 2, 3]).predict()
    assert answer.index[0] == y.index[-1] + 1
    assert np.isfinite(answer).all()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["ForecasterRecursive", "ForecasterDirect"])
def test_skforecast(name):
    module = pytest.importorskip("skforecast." + ("recursive" if "Rec" in name else "direct"))
    settings = {} if name == "ForecasterRecursive" else {"steps": 3}
    forecaster = getattr(module, name)(estimator=LSTMRegressor(**ENGINE), lags=12, **settings)
    forecaster.fit(y=Y)
    answer = forecaster.predict(steps=3)
    assert len(answer) == 3
    assert np.isfinite(np.asarray(answer, float)).all()


@pytest.mark.filterwarnings("ignore")
def test_aeon():
    module = pytest.importorskip("aeon.forecasting")
    forecaster = module.RegressionForecaster(window=12, regressor=LSTMRegressor(**ENGINE))
    assert np.isfinite(forecaster.forecast(Y.to_numpy()))
