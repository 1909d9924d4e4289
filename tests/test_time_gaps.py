"""time_gaps=True: the time since the step before, from the index of X."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sklstm import LSTMClassifier, LSTMRegressor, Sequences
from sklstm._kernels.gather import GAP
from sklstm.inspection import input_gradients, integrated_gradients
from tests.toy import ESTIMATORS, SMALL, raw

TIMES = SMALL | {"time_gaps": True}
START = pd.Timestamp("2026-01-01")


def visits(n_samples=24, seed=0):
    """Return a long table of visits in days, noise, and whether the long pause comes late."""
    rng = np.random.default_rng(seed)
    y, rows = np.arange(n_samples) % 2, []
    for k in range(n_samples):
        pauses = rng.exponential(1.0, 10)
        pauses[7 if y[k] else 2] *= 10.0
        rows += [(k, day, rng.standard_normal()) for day in np.cumsum(pauses)]
    table = pd.DataFrame(rows, columns=["patient", "day", "value"])
    return table.set_index(["patient", "day"]), y


def dated(X, unit="ns", zone=None):
    """Return the same visits with time stamps."""
    table = X.reset_index()
    table["day"] = (START + pd.to_timedelta(table["day"], unit="D")).dt.as_unit(unit)
    table["day"] = table["day"].dt.tz_localize(zone)
    return table.set_index(["patient", "day"])


def as_sequences(X):
    return Sequences.from_frame(X.reset_index(), sample="patient", time="day")


def test_a_task_of_times_alone():
    X, y = visits(200)
    train, test = X.loc[:149], X.loc[150:]
    settings = {"hidden_size": 16, "max_iter": 40, "random_state": 0, "branch": None}
    without = LSTMClassifier(**settings).fit(train, y[:150])
    model = LSTMClassifier(time_gaps=True, **settings).fit(train, y[:150])
    assert model.score(test, y[150:]) > 0.85
    assert without.score(test, y[150:]) < 0.7


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("form", [as_sequences, dated, lambda X: dated(X, zone="Asia/Tokyo")])
def test_all_forms_say_the_same(Estimator, form):
    X, y = visits()
    model = Estimator(**TIMES).fit(X, y)
    other = Estimator(**TIMES).fit(form(X), y)
    np.testing.assert_allclose(raw(other, form(X)), raw(model, X), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_the_resolution_of_time_stamps_is_no_matter(unit):
    X, y = visits()
    X = dated(X)
    X.index = X.index.set_levels(X.index.levels[1].floor("s"), level=1)
    coarse = X.copy()
    coarse.index = X.index.set_levels(X.index.levels[1].as_unit(unit), level=1)
    model = LSTMRegressor(**TIMES).fit(X, y)
    np.testing.assert_array_equal(model.predict(coarse), model.predict(X))


def test_periods_and_durations():
    X, y = visits()
    days = np.ceil(X.index.get_level_values(1) * 1000).astype(int)
    patients = X.index.get_level_values(0)
    numbers, durations, periods = X.copy(), X.copy(), X.copy()
    numbers.index = pd.MultiIndex.from_arrays([patients, days])
    durations.index = pd.MultiIndex.from_arrays([patients, pd.to_timedelta(days, unit="D")])
    periods.index = pd.MultiIndex.from_arrays(
        [patients, pd.PeriodIndex.from_ordinals(days, freq="D")]
    )
    expected = LSTMRegressor(**TIMES).fit(numbers, y).predict(numbers)
    for X in (durations, periods):
        model = LSTMRegressor(**TIMES).fit(X, y)
        np.testing.assert_allclose(model.predict(X), expected, rtol=1e-4, atol=1e-6)


def test_times_beside_words_alone():
    """Codes that stand alone are whole numbers, which the channel of the time must not become."""
    rng = np.random.default_rng(0)
    rows = pd.MultiIndex.from_product([range(24), range(5)], names=["sample", "step"])
    table = pd.DataFrame({"word": rng.choice(["a", "b"], len(rows))}, rows).reset_index()
    table["time"] = rng.integers(1, 5, len(rows)).cumsum()
    gap = table.groupby("sample")["time"].diff().fillna(0.0)
    table["gap"] = np.log1p(gap / gap[gap > 0.0].median())
    y = gap.groupby(table["sample"]).sum() > 10.0
    names = {"sample": "sample", "time": "time"}
    settings = SMALL | {"categorical_features": ["word"], "scale": "channel"}
    words = Sequences.from_frame(table, channels=["word"], **names)
    model = LSTMClassifier(time_gaps=True, **settings).fit(words, y)
    as_channel = Sequences.from_frame(table, channels=["word", "gap"], **names)
    expected = LSTMClassifier(**settings).fit(as_channel, y)
    np.testing.assert_array_equal(model.theta_, expected.theta_)
    np.testing.assert_array_equal(model.predict_proba(words), expected.predict_proba(as_channel))


def test_the_unit_is_the_median_and_the_start_is_no_matter():
    X, y = visits()
    model = LSTMRegressor(**TIMES).fit(X, y)
    pauses = X.reset_index().groupby("patient")["day"].diff().dropna()
    assert model.time_unit_ == pytest.approx(pauses.median())
    later = X.copy()
    later.index = X.index.set_levels(X.index.levels[1] + 0.5, level=1)
    np.testing.assert_allclose(model.predict(later), model.predict(X), rtol=1e-4, atol=1e-6)


def test_samples_of_weight_zero_do_not_set_the_unit():
    X, y = visits()
    weight = (np.arange(24) < 12).astype(float)
    weighted = LSTMRegressor(**TIMES | {"max_iter": 1}).fit(X, y, sample_weight=weight)
    assert weighted.time_unit_ == LSTMRegressor(**TIMES).fit(X.loc[:11], y[:12]).time_unit_


@pytest.mark.parametrize("unit", [1.0, 0.1, 3.0])
def test_the_unit_is_the_median_by_weight(unit):
    X, y = visits(4)
    weight = np.array([1, 3, 2, 2])
    model = LSTMRegressor(**TIMES | {"max_iter": 1}).fit(X, y, sample_weight=unit * weight)
    pauses = X.reset_index().groupby("patient")["day"].diff().dropna()
    expected = np.median(np.repeat(pauses, weight.repeat(9)))
    assert model.time_unit_ == expected != np.median(pauses)


def test_how_long_ago_is_counted_in_time():
    """A gap before a long pause is longer ago."""
    X, y = visits()
    X.iloc[3::10] = np.nan
    model = LSTMRegressor(missing="mask", **TIMES).fit(X, y)
    assert np.isfinite(model.predict(X)).all()
    inputs = model._input(model._known_sequences(X))
    x = inputs.pack(np.arange(1), np.float64).x  # value and time, each twice, and the gap
    passed = X.index.get_level_values(1)[3] - X.index.get_level_values(1)[2]
    np.testing.assert_array_equal(x[:, 4] > 0, np.arange(10) != 3)
    np.testing.assert_allclose(x[3, 5], GAP * np.log1p(passed / model.time_unit_), rtol=1e-12)


@pytest.mark.parametrize("missing", ["error", "mask"])
def test_explanations_hold_the_times_fixed(missing):
    X, y = visits()
    if missing == "mask":
        X.iloc[[3, 4, 25]] = np.nan
    model = LSTMRegressor(**TIMES, missing=missing, dtype="float64").fit(X, y)
    X = X.loc[:3]
    gradients, step = input_gradients(model, X), 1e-5
    assert gradients.index.equals(X.index) and gradients.columns.equals(X.columns)
    for row in (0, 2, 5):  # of the first sample
        ahead, back = X.copy(), X.copy()
        ahead.iloc[row] += step
        back.iloc[row] -= step
        slope = (model.predict(ahead)[0] - model.predict(back)[0]) / (2.0 * step)
        assert gradients["value"].iloc[row] == pytest.approx(slope, rel=1e-5, abs=1e-9)
    at_mean = X * 0.0 + model.channel_mean_[0]
    for baseline, moved in ((None, at_mean.fillna(model.channel_mean_[0])), (at_mean, at_mean)):
        attributions = integrated_gradients(model, X, baseline=baseline)
        change = model.predict(X) - model.predict(moved)
        sums = attributions["value"].groupby(level=0).sum()
        np.testing.assert_allclose(sums, change, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_searches_threads_pickles_and_clones(Estimator):
    X, y = visits()
    X = as_sequences(X)
    search = GridSearchCV(Estimator(**TIMES), {"hidden_size": [2, 4]}, cv=3).fit(X, y)
    model = search.best_estimator_
    other = clone(model).set_params(n_jobs=2).fit(X, y)
    np.testing.assert_array_equal(model.theta_, other.theta_)
    restored = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(raw(restored, X[3:5]), raw(model, X[3:5]))


def test_going_on_and_stopping_early():
    X, y = visits()
    model = LSTMRegressor(early_stopping=True, **TIMES).fit(X, y, X_val=X.loc[:5], y_val=y[:6])
    unit = model.time_unit_
    model.partial_fit(X.loc[:11], y[:12])
    assert model.time_unit_ == unit


# --- mistakes -----------------------------------------------------------------------------
def fitted(**parameters):
    return LSTMRegressor(**TIMES | parameters).fit(*visits())


MISTAKES = {
    "an array": (
        lambda: LSTMRegressor(**TIMES).fit(np.zeros((4, 3, 1)), np.arange(4.0)),
        "X is a ndarray, which has none. Pass a DataFrame with the index .sample, time.",
    ),
    "a table without time": (
        lambda: LSTMRegressor(**TIMES).fit(
            Sequences.from_frame(visits()[0].reset_index(), sample="patient"), np.arange(24)
        ),
        "reads the time of each step, but X was made without",
    ),
    "times that are words": (
        lambda: LSTMRegressor(**TIMES).fit(
            visits()[0].rename(lambda day: f"{day:08.3f}", level=1), np.arange(24)
        ),
        "neither numbers nor time stamps: '.*' is the first. Convert them",
    ),
    "an infinite time": (
        lambda: fitted().predict(visits()[0].rename({visits()[0].index[9][1]: np.inf}, level=1)),
        "one of them is not finite: inf at time step 9 of sample 0",
    ),
    "numbers after time stamps": (
        lambda: fitted().predict(dated(visits()[0])),
        "The times of X are time stamps, but LSTMRegressor was fitted with numbers",
    ),
    "a stream": (
        lambda: fitted(bidirectional=False, scale="channel", patch_size=1).stream(),
        "which the steps of a stream do not have: fit with time_gaps=False",
    ),
}


@pytest.mark.parametrize(("call", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
