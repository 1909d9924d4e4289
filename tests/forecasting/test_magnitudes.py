"""Very large and very small numbers: the same forecast in other units, or an error in words."""

import numpy as np
import pandas as pd
import pytest

from sklstm import LSTMForecaster

FAST = {"horizon": 5, "max_steps": 0}
DAYS = pd.date_range("2020-01-01", periods=89, freq="D")
LINE = pd.Series(np.linspace(1000.0, 65000.0, 84), DAYS[:84])
NOISE = np.random.default_rng(0).random(89)
WIDE = pd.DataFrame({"a": LINE, "b": LINE[::-1].to_numpy()})


@pytest.mark.parametrize("kind", ["series", "wide", "long", "frame"])
def test_a_forecast_beyond_the_dtype_of_y_is_wider(kind):
    forms = {
        "series": LINE,
        "wide": WIDE,
        "long": pd.concat({"a": LINE, "b": LINE}),
        "frame": pd.concat({"a": LINE, "b": LINE}).to_frame("v"),
    }
    y = forms[kind].astype(np.float16)
    answer = LSTMForecaster(**FAST).fit(y).predict(3)
    exact = LSTMForecaster(**FAST).fit(y.astype(np.float64)).predict(3)
    np.testing.assert_allclose(answer, exact, rtol=1e-3)
    assert (exact > np.finfo(np.float16).max).any(axis=None)
    dtypes = answer.dtypes if answer.ndim == 2 else [answer.dtype]
    expected = ["float64", "float16"] if kind == "wide" else ["float64"]
    assert [str(dtype) for dtype in dtypes] == expected


def test_a_forecast_within_the_dtype_of_y_keeps_it():
    assert LSTMForecaster(**FAST).fit(LINE[:60].astype(np.float16)).predict(3).dtype == np.float16


@pytest.mark.parametrize("scale", [1e-140, 1e140])
def test_units_do_not_matter_far_away_from_one(scale):
    y, x = 10.0 + NOISE[:84], pd.DataFrame({"x": NOISE}, DAYS)

    def forecast(scale_y, scale_x):
        known = pd.Series(scale_y * y, DAYS[:84])
        forecaster = LSTMForecaster(**FAST).fit(known, scale_x * x[:84])
        return forecaster.predict(5, scale_x * x) / scale_y

    for scales in ((scale, 1.0), (1.0, scale)):
        np.testing.assert_allclose(forecast(*scales), forecast(1.0, 1.0), rtol=1e-6)


def test_a_constant_among_other_series_stays_constant():
    teeth = NOISE + np.arange(89) % 9
    panel = pd.DataFrame({"a": teeth, "constant": 7.0, "nothing": 0.0, "b": teeth + 9.0}, DAYS)
    for unit in (1.0, 1e-7):  # a network's correction has no unit there
        forecaster = LSTMForecaster(horizon=5, max_steps=40, log=False, random_state=0)
        forecast = forecaster.fit(unit * panel).predict() / unit
        assert max(forecaster.chosen_steps_.values()) > 0
        np.testing.assert_allclose(forecast["constant"], 7.0, rtol=1e-12)
        assert (forecast["nothing"] == 0.0).all()
        assert forecast["a"].nunique() == 5


@pytest.mark.parametrize(("scale", "level"), [(1e-12, 0.0), (1.0, 1e8), (1.0, -1e8)])
def test_a_season_of_a_long_series_is_found_in_any_unit_and_at_any_level(scale, level):
    times = pd.date_range("2000-01-01", periods=240, freq="MS")
    y = pd.Series(np.sin(np.arange(240) * np.pi / 6), times) + 0.1 * np.resize(NOISE, 240)
    expected = LSTMForecaster(**FAST, log=False).fit(y).predict()
    forecaster = LSTMForecaster(**FAST, log=False).fit(scale * y[:200] + level)
    assert forecaster.season_lengths_ == {None: (12,)}
    at = forecaster.predict_at(scale * y + level).iloc[-1]
    forecast = forecaster.update(scale * y[200:] + level, refit=True).predict()
    np.testing.assert_allclose((forecast - level) / scale, expected, atol=1e-6)
    np.testing.assert_allclose((at - level) / scale, expected, atol=0.1)


@pytest.mark.parametrize("scale", [1e-300, 1e-150, 1e160, 1e307])
def test_units_too_far_away_are_named(scale):
    known, x = LINE + NOISE[:84], pd.DataFrame({"x": NOISE}, DAYS)
    small = scale < 1.0
    with pytest.raises(ValueError, match=r"y varies by" if small else r"y is .* at 2020-01-01"):
        LSTMForecaster(**FAST).fit(known * (scale / 65000.0))
    with pytest.raises(ValueError, match="of series 'a'" if small else "of series 'a' is"):
        LSTMForecaster(**FAST).fit(WIDE * (scale / 65000.0))
    words = "Column 'x' of X varies" if small else "X is .* too large .* in column 'x'"
    with pytest.raises(ValueError, match=words):
        LSTMForecaster(**FAST).fit(known, x[:84] * scale)
    static = pd.DataFrame({"size": [scale, 2 * scale]}, index=["a", "b"])
    words = "Column 'size' of static varies" if small else "static is .* too large .* 'a'"
    with pytest.raises(ValueError, match=words):
        LSTMForecaster(**FAST).fit(WIDE, static=static)


def test_new_observations_may_be_small_but_not_too_large():
    forecaster = LSTMForecaster(**FAST).fit(LINE)
    later = pd.Series([1e-200, 2e-200], DAYS[84:86])
    assert np.isfinite(forecaster.update(later).predict(3)).all()
    with pytest.raises(ValueError, match=r"The new y is 1e\+160 at 2020-03-27"):
        forecaster.update(pd.Series([1e160], DAYS[86:87]))
