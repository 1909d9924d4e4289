"""Seasons, anchors, weights and spreads, each beside the obvious computation."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from sklstm import LSTMForecaster
from sklstm._forecasting import anchors, seasonality
from sklstm._forecasting.accuracy import mean_absolute_scaled_error
from sklstm._forecasting.branch import Branch
from sklstm._forecasting.combination import weights_by_error
from sklstm._forecasting.intervals import Spread
from sklstm._forecasting.networks import _n_rounds
from sklstm._forecasting.settings import ModelSettings
from sklstm._forecasting.shrunken_seasons import shrunken_indices
from sklstm._forecasting.transform import wants_log


@pytest.mark.parametrize(
    ("freq", "seasons"),
    [("MS", (12,)), ("QE", (4,)), ("2QS", (2,)), ("D", (7,)), ("B", (5,)), ("W-SUN", (52,)),
     ("h", (24, 168)), ("2h", (12, 84)), ("30min", (48, 336)), ("min", (1440, 10080)),
     ("s", (3600, 86400)), ("250ms", ()), ("us", ()), ("YE", ()), ("2D", ()), ("7D", (52,)),
     ("14D", (26,)), ("24h", (7,)), ("WOM-3FRI", (12,)), ("bh", (8, 40)), ("SMS", (24,)),
     ("CBMS", (12,))],
)  # fmt: skip
def test_seasons_of_a_frequency(freq, seasons):
    found = seasonality.seasons_of_frequency(pd.tseries.frequencies.to_offset(freq))
    assert found == seasons


@pytest.mark.parametrize(
    ("step", "seasons"),
    [
        ({"months": 1}, (12,)),
        ({"months": 3}, (4,)),
        ({"months": 6}, (2,)),
        ({"months": 1, "day": 30}, (12,)),
        ({"years": 1}, ()),
        ({"days": 1}, (7,)),
        ({"weeks": 1}, (52,)),
        ({"hours": 1}, (24, 168)),
        ({"minutes": 30}, (48, 336)),
        ({"days": 2}, ()),
    ],
)
def test_seasons_of_frequencies_without_a_name(step, seasons):
    assert seasonality.seasons_of_frequency(pd.DateOffset(**step)) == seasons


@pytest.mark.parametrize(
    ("step", "seasons"),
    [
        (pd.offsets.LastWeekOfMonth(weekday=0), (12,)),
        (pd.offsets.FY5253Quarter(weekday=0, qtr_with_extra_week=1), (4,)),
        (pd.offsets.CustomBusinessHour(start="08:00", end="12:00"), (4, 20)),
        (pd.offsets.Easter(), ()),
    ],
)
def test_seasons_of_other_offsets(step, seasons):
    assert seasonality.seasons_of_frequency(step) == seasons


def test_seasons_of_period_frequencies():
    for freq, seasons in (
        ("M", (12,)),
        ("Q-DEC", (4,)),
        ("Y-DEC", ()),
        ("D", (7,)),
        ("h", (24, 168)),
    ):
        assert (
            seasonality.seasons_of_frequency(pd.period_range("2020", periods=2, freq=freq).freq)
            == seasons
        )
    assert seasonality.seasons_of_frequency(3) == ()


def test_a_season_is_found_in_a_season_and_not_in_noise():
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(120)
    wave = np.tile(np.sin(np.arange(12) * np.pi / 6), 10)
    assert seasonality.is_seasonal(wave + 0.3 * noise, 12)
    assert not seasonality.is_seasonal(noise, 12)
    assert not seasonality.is_seasonal(np.ones(120), 12)
    assert not seasonality.is_seasonal(wave[:35], 12)  # not three of them


@pytest.mark.parametrize("m", [2, 4, 7, 12])
@pytest.mark.parametrize("unit", [1.0, 1e-150, 1e150])
@pytest.mark.parametrize("indices_of", [seasonality.seasonal_indices, shrunken_indices])
def test_seasonal_indices_are_recovered_from_trend_and_season(indices_of, unit, m):
    rng = np.random.default_rng(m)
    indices = rng.standard_normal(m)
    indices -= indices.mean()
    t = np.arange(6 * m + 3)
    found = indices_of(unit * (0.3 * t + indices[t % m]), m) / unit
    np.testing.assert_allclose(found, indices, atol=1e-10)


@pytest.mark.parametrize("m", [2, 4, 12])
def test_noise_leaves_little_of_a_season(m):
    rng = np.random.default_rng(m)
    season = 0.5 * np.cos(2.0 * np.pi * np.arange(m) / m)
    sizes = {"noise": 0.0, "both": 1.0}
    kept = dict.fromkeys(sizes, 0.0)
    for _ in range(100):
        noise = 0.5 * rng.standard_normal(8 * m)
        for name, size in sizes.items():
            x = noise + size * np.tile(season, 8)
            plain, shrunken = (
                float(np.square(indices_of(x, m)).sum())
                for indices_of in (seasonality.seasonal_indices, shrunken_indices)
            )
            kept[name] += shrunken / plain / 100
    assert kept["noise"] < 0.6 * kept["both"]
    assert not shrunken_indices(np.ones(8 * m), m).any()


def test_an_outlier_and_old_seasons_count_less():
    x = np.tile([3.0, -1.0, 0.0, -2.0], 8) + 0.1 * np.random.default_rng(0).standard_normal(32)
    hit = x.copy()
    hit[13] += 20.0
    plain, shrunken = (
        np.abs(indices_of(hit, 4) - indices_of(x, 4)).max()
        for indices_of in (seasonality.seasonal_indices, shrunken_indices)
    )
    assert shrunken < 0.4 * plain
    x[:16:4] -= 1.0  # the first of the four was lower in the older half
    assert shrunken_indices(x, 4)[0] > seasonality.seasonal_indices(x, 4)[0]


def test_two_seasons_that_are_not_nested():
    t = np.arange(210)
    week, month = np.sin(np.arange(7.0)), np.cos(np.arange(10.0))
    x = (week - week.mean())[t % 7] + (month - month.mean())[t % 10]
    profile = seasonality.season_profile(x, (7, 10))
    np.testing.assert_allclose(seasonality.seasonal_part(profile, t), x, atol=0.1)


def test_smoothing_level_and_drift_step_by_step():
    rng = np.random.default_rng(0)
    x = rng.standard_normal(40).cumsum()
    trend = anchors.TrendAnchor.fit(x, ())
    level = x[0]
    for t, value in enumerate(x):
        level += trend.alpha * (value - level)
        assert trend.level[t] == pytest.approx(level)
        slope = np.polyfit(np.arange(t + 1), x[: t + 1], 1)[0] if t else 0.0
        assert trend.drift[t] == pytest.approx(0.5 * slope)


def test_an_anchor_of_the_past_follows_what_comes_without_learning_from_it():
    x = np.random.default_rng(0).standard_normal(60).cumsum() + np.tile([0, 3, 1, -4], 15)
    past = anchors.TrendAnchor.fit(x[:40], (4,))
    followed = anchors.TrendAnchor.fit(x, (4,), n_known=40)
    assert followed.alpha == past.alpha
    np.testing.assert_array_equal(followed.profile[4], past.profile[4])
    np.testing.assert_allclose(followed.level[:40], past.level)


def test_few_observations_have_little_slope():
    assert [anchors.damping(n) for n in (2, 4, 7, 100)] == [1 / 32, 1 / 8, 0.5, 0.5]
    x = np.array([3.0, 7.0])
    assert anchors.TrendAnchor.fit(x, ()).drift.tolist() == [0.0, 4.0 / 32]
    x = np.arange(20.0) * 4.0  # the early origins of a longer series have its damping
    np.testing.assert_allclose(anchors.TrendAnchor.fit(x, (), 5).drift[1:], 2.0)


def test_the_last_season_again():
    x = np.arange(10.0)
    forecast = anchors.seasonal_naive(x, np.array([4, 1]), np.array([7, 9]), 6)
    assert forecast.tolist() == [[4, 5, 6, 7, 4, 5], [9, 9, 9, 9, 9, 9]]


def test_windows_of_full_length_are_those_that_are_filled_up():
    rng = np.random.default_rng(0)
    begin, n, window = np.array([0, 12]), 30, 5
    x, level, scale = rng.standard_normal(n), rng.standard_normal(n), np.array([2.0, 3.0])
    branch = Branch(
        x=x, level=level, scale=scale, begin=begin, window=window,
        anchor=None, first=begin, end=begin, features=np.empty((2, 0)), last=begin, drivers=None,
        amplitude=scale,
    )  # fmt: skip
    origins = np.r_[0:30]
    series = (origins >= 12).astype(np.int64)
    padded = branch.padded_windows(series, origins, window)
    for row, k, origin in zip(padded, series, origins, strict=True):
        known = x[max(begin[k], origin + 1 - window) : origin + 1]
        expected = np.zeros(window)
        expected[window - len(known) :] = (known - level[origin]) / scale[k]
        np.testing.assert_array_equal(row, expected)
    whole = origins + 1 - window >= begin[series]
    np.testing.assert_array_equal(
        branch.padded_windows(series[whole], origins[whole], window), padded[whole]
    )
    none = branch.padded_windows(series[:0], origins[:0], window)
    assert none.shape == (0, window)


def test_no_more_minibatches_than_wanted_and_about_20_passes():
    parameters = LSTMForecaster(max_steps=70)
    for max_steps, n_windows, expected in ((70, 1000, 60), (7, 1000, 7), (200, 83, 60), (30, 5, 0)):
        parameters.set_params(max_steps=max_steps)
        network = ModelSettings.chosen(parameters, 7, (7,), True, 1).network
        branch = SimpleNamespace(n_origins=lambda n=n_windows: np.array([n]))
        assert _n_rounds(branch, network) * network.steps_per_round == expected


def test_better_candidates_count_more_and_missing_ones_nothing():
    errors = np.array([[1.0, 2.0, np.nan], [3.0, 3.0, 3.0], [0.0, 0.0, np.nan]])
    weights = weights_by_error(errors, np.ones(3))
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    np.testing.assert_allclose(weights[0], [8 / 9, 1 / 9, 0.0])
    np.testing.assert_allclose(weights[1], 1 / 3)
    np.testing.assert_allclose(weights[2], [0.5, 0.5, 0.0])


def test_spreads_are_monotone_and_cover_what_they_say():
    rng = np.random.default_rng(0)
    steps = rng.standard_normal((4000, 6)).cumsum(axis=1)
    point = np.zeros(9)
    spread = Spread.of(steps[:2000], np.zeros((2000, 6)))
    assert (np.diff(spread.half_width(0.8, point)) >= 0).all()
    widths = [spread.half_width(c, point[:6]) for c in (0.1, 0.5, 0.8, 0.95)]
    assert all((a <= b).all() for a, b in pairwise(widths))
    for c in (0.5, 0.8, 0.95):
        inside = np.abs(steps[2000:]) <= spread.half_width(c, point[:6])
        assert inside.mean() == pytest.approx(c, abs=0.02)


def test_errors_of_early_origins_count_a_fifth_as_much_as_those_of_late_ones():
    errors = np.random.default_rng(4).standard_normal((400, 1))
    errors[:200] *= 5.0
    widths = []
    for some in (errors, errors[::-1]):
        weights = 0.2 ** np.linspace(1.0, 0.0, 400)
        half = Spread.of(some, np.zeros((400, 1))).half_width(0.8, np.zeros(1))
        within = weights[np.abs(some[:, 0]) <= half].sum() / weights.sum()
        assert within == pytest.approx(0.8 * 401 / 400, abs=0.01)
        widths.append(half[0])
    assert widths[0] < 0.8 * widths[1]


def test_spreads_of_logarithms_grow_in_units_and_cover_what_they_say():
    rng = np.random.default_rng(0)
    errors = 0.2 * rng.standard_normal((4000, 8)).cumsum(axis=1)
    phase = rng.integers(0, 4, 4000)[:, np.newaxis] + np.arange(8)
    forecast = 3.0 + 1.5 * np.sin(np.pi * phase / 2)  # down to a twentieth of its top
    spread = Spread.of(errors[:2000], forecast[:2000], log=True)
    for c in (0.5, 0.8, 0.95):
        half = np.array([spread.half_width(c, point) for point in forecast[2000:]])
        width = np.exp(forecast[2000:] + half) - np.exp(forecast[2000:] - half)
        assert (np.diff(width, axis=1) >= -1e-9 * width[:, 1:]).all()
        inside = np.abs(errors[2000:]) <= half
        assert inside.mean() == pytest.approx(c, abs=0.02)


def test_spreads_of_a_single_value_and_of_no_error():
    for log in (False, True):
        none = Spread.of(np.empty((0, 3)), np.empty((0, 3)), log)
        assert none.half_width(0.9, np.ones(5)).tolist() == [0.0] * 5
        exact = Spread.of(np.zeros((4, 3)), np.ones((4, 3)), log)
        assert exact.half_width(0.9, np.ones(3)).tolist() == [0.0] * 3
        wild = Spread.of(np.full((4, 3), 800.0), np.ones((4, 3)), log)
        assert np.isfinite(wild.half_width(0.9, np.array([0.0, 900.0, -900.0]))).all()


def test_logarithms_keep_their_distance_from_zero():
    assert wants_log(np.array([1.0, 2.0, 3.0]))
    assert not wants_log(np.array([0.0, 2.0, 3.0]))
    assert not wants_log(np.array([-1.0, 2.0, 3.0]))
    assert not wants_log(np.array([0.01, 2.0, 3.0]))


def test_scaled_error():
    past = np.array([1.0, 3.0, 2.0, 5.0])
    assert mean_absolute_scaled_error(past, np.array([4.0]), np.array([5.0]), 2) == 1 / 1.5
    assert mean_absolute_scaled_error(past[:2], np.array([4.0]), np.array([5.0]), 2) == 0.5
    assert mean_absolute_scaled_error(np.ones(5), np.ones(2), np.ones(2), 1) == 0.0
