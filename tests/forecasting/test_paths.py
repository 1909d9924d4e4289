"""Sample paths: their quantiles are the intervals, their dependence that of past errors."""

import numpy as np
import pandas as pd
import pytest

from sklstm import LSTMForecaster
from tests.forecasting.series import long, monthly, wide

ANCHORS = {"horizon": 12, "max_steps": 0, "random_state": 0}
QUANTILES = [0.05, 0.2, 0.5, 0.8, 0.95]


def fractions_below(paths, quantiles):
    """Return the fraction of paths (n_steps, n_samples) below each quantile (n_steps, k)."""
    return (paths[:, :, np.newaxis] <= quantiles[:, np.newaxis, :]).mean(axis=1)


def random_walk(n=400):
    steps = np.random.default_rng(0).standard_normal(n)
    return pd.Series(steps.cumsum(), pd.date_range("2000", periods=n, freq="D"))


@pytest.mark.parametrize("horizon", [12, 20])
@pytest.mark.parametrize("y", [monthly(96), monthly(30), random_walk()], ids=["log", "few", "walk"])
def test_quantiles_of_the_paths_are_those_of_the_forecast(y, horizon):
    forecaster = LSTMForecaster(**ANCHORS).fit(y)
    paths = forecaster.predict_samples(horizon, n_samples=20_000, random_state=0)
    assert paths.shape == (horizon, 20_000)
    assert paths.index.equals(forecaster.predict(horizon).index)
    table = forecaster.predict_quantiles(horizon, quantiles=QUANTILES).to_numpy()
    below = fractions_below(paths.to_numpy(), table)
    # the intervals of n origins reach a little further, (n + 1) / n, than the distribution
    np.testing.assert_allclose(below, np.broadcast_to(QUANTILES, below.shape), atol=0.015)


def test_a_random_walk_has_the_dependence_of_one():
    forecaster = LSTMForecaster(**ANCHORS, season_length=None).fit(random_walk(2000))
    paths = forecaster.predict_samples(12, n_samples=4000, random_state=0).to_numpy()
    correlation = np.corrcoef(paths)
    for first, last in ((1, 2), (4, 12), (11, 12)):
        assert correlation[first - 1, last - 1] == pytest.approx((first / last) ** 0.5, abs=0.08)
    weights = np.arange(12, 0, -1)  # a step counts in all later values
    expected = np.sqrt((weights**2).sum())
    assert paths.sum(axis=0).std() == pytest.approx(expected, rel=0.1)
    alone = np.sqrt(paths.var(axis=1).sum())  # as if the steps were independent
    assert alone < 0.5 * expected


def test_steps_of_white_noise_are_independent():
    n = 1000
    noise = np.random.default_rng(0).standard_normal(n)
    y = pd.Series(noise, pd.date_range("2000", periods=n, freq="D"))
    forecaster = LSTMForecaster(**ANCHORS, season_length=None).fit(y)
    correlation = np.corrcoef(forecaster.predict_samples(12, 4000, 0).to_numpy())
    assert np.abs(correlation[np.triu_indices(12, 1)]).mean() < 0.2


def test_few_past_paths_give_a_random_walk():
    forecaster = LSTMForecaster(**ANCHORS).fit(monthly(24))
    paths = np.log(forecaster.predict_samples(20, 4000, 0).to_numpy())
    correlation = np.corrcoef(paths)
    assert correlation[9, 19] == pytest.approx(0.5**0.5, abs=0.05)


def test_paths_of_panels_have_their_form():
    frame = wide(2, 60)
    frame["s1"] = frame["s0"] * 3.0
    paths = LSTMForecaster(**ANCHORS).fit(frame).predict_samples(5, 50, 0)
    assert paths.columns.names == [None, "sample"]
    assert paths.shape == (5, 100)
    np.testing.assert_allclose(paths["s1"], 3.0 * paths["s0"], rtol=1e-9)  # they move together
    rows = LSTMForecaster(**ANCHORS).fit(long()).predict_samples(5, 50, 0)
    assert rows.shape == (15, 50)
    assert rows.index.names == ["shop", "month"]
    table = long().rename("sales").reset_index()
    columns = {"id_col": "shop", "time_col": "month", "target_col": "sales"}
    answer = LSTMForecaster(**ANCHORS, **columns).fit(table).predict_samples(5, 50, 0)
    np.testing.assert_array_equal(answer.iloc[:, 2:], rows)


@pytest.mark.filterwarnings("ignore:.*too short to hold anything out:UserWarning")
def test_series_move_together_as_far_as_they_share_times():
    y = random_walk(200)
    panel = pd.concat({"early": y[:180], "late": 3.0 * y[80:], "new": y[-6:]})
    forecaster = LSTMForecaster(**ANCHORS | {"horizon": 2}, season_length=None).fit(panel)
    paths = forecaster.predict_samples(2, 8000, 0)
    table = forecaster.predict_quantiles(2, quantiles=QUANTILES)
    for name in ("early", "late"):
        below = fractions_below(paths.loc[name].to_numpy(), table.loc[name].to_numpy())
        np.testing.assert_allclose(below, np.broadcast_to(QUANTILES, below.shape), atol=0.015)
    both = np.corrcoef(paths.loc["early"], paths.loc["late"])[:2, 2:]
    assert both.diagonal() == pytest.approx(0.4, abs=0.05)  # of all times, half are common


def test_a_seed_gives_the_same_paths_and_arguments_are_checked():
    forecaster = LSTMForecaster(**ANCHORS, non_negative=True).fit(random_walk())
    first, second = (forecaster.predict_samples(3, 10, random_state=1) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    assert (forecaster.predict_samples(12, 100) >= 0.0).all(axis=None)
    with pytest.raises(ValueError, match="n_samples must be a whole number"):
        forecaster.predict_samples(3, 0)
