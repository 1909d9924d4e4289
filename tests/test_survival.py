"""Times until an event, some of which are censored: intervals, curves, and the whole estimator."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklstm import LSTMRegressor, Sequences
from sklstm._estimator.concordance import concordance_index
from sklstm.components import Survival
from sklstm.inspection import input_gradients, permutation_importance
from tests.inspection.networks import finite_differences
from tests.toy import SMALL, sequences

LEARNING = {
    "hidden_size": 6, "front": None, "max_iter": 40, "learning_rate_init": 0.02, "random_state": 0,
}  # fmt: skip


def records(n_samples=40, seed=0):
    """Return sequences and times until an event that is late if channel 0 rises."""
    X, slope = sequences(n_samples)
    rng = np.random.default_rng(seed)
    time, end = rng.exponential(np.exp(2.0 * slope)), rng.exponential(3.0, n_samples)
    y = np.empty(n_samples, [("died", bool), ("day", float)])
    y["died"], y["day"] = time <= end, np.round(64.0 * np.minimum(time, end)) / 64.0
    return X, y


def target_of(y):
    """Return y as the loss has it, (n_samples, 2)."""
    return np.column_stack([y["died"], y["day"]]).astype(float)


def fitted(**settings):
    """Return an estimator trained for milliseconds."""
    return LSTMRegressor(**SMALL | settings, loss="survival")


# --- the intervals --------------------------------------------------------------------------
def test_intervals_have_equal_shares_of_the_events():
    time = np.arange(1.0, 101.0)
    target = np.column_stack([np.ones(100), time])
    loss = Survival(4).fitted(target, np.ones(100))
    np.testing.assert_array_equal(loss.ends, [25.0, 50.0, 75.0, 100.0])
    # half of the samples left at 40.5: later events stand for twice as many
    later = time > 40.5
    target[later & (time % 2 == 0)] = 0.0, 40.5
    np.testing.assert_array_equal(
        Survival(4).fitted(target, np.ones(100)).ends, [25.0, 49.0, 75.0, 99.0]
    )
    assert Survival(1).fitted(target, np.ones(100)).ends == 99.0


def test_intervals_end_where_there_are_events():
    weeks = np.array([0, 1, 1, 2, 2, 2, 3, 5], float)
    target = np.column_stack([weeks < 5, weeks]).astype(float)
    loss = Survival(20).fitted(target, np.ones(8))
    np.testing.assert_array_equal(loss.ends, [1.0, 2.0, 3.0, 5.0])  # 0 belongs to the first
    np.testing.assert_array_equal(loss.encoded(target)[:, 0], [0, 0, 0, 1, 1, 1, 2, 3.5])
    assert loss.n_columns == len(loss.kernel_parameters) == 4


def test_the_last_event_is_not_spread_over_later_times():
    """Early events and a few long observations: Kaplan and Meier have a plateau."""
    rng = np.random.default_rng(0)
    time = np.where(rng.random(500) < 0.3, rng.exponential(10.0, 500), np.inf)
    end = rng.exponential(100.0, 500)
    target = np.column_stack([time <= end, np.minimum(time, end)]).astype(float)
    loss = Survival().fitted(target, np.ones(500))
    raw = np.array([loss.initial_raw])
    assert loss.ends[-2] == target[target[:, 0] == 1.0, 1].max()
    assert len(loss.ends) == 10
    assert loss.survival(raw)[0, -1] == pytest.approx(0.7, abs=0.05)
    assert loss.values(raw)[0, 0] == pytest.approx(0.7 * end.max(), rel=0.07)


def test_events_at_time_0_are_not_spread_over_later_times():
    end = np.random.default_rng(0).exponential(1.0, 200)
    target = np.column_stack([np.arange(200) < 40, np.where(np.arange(200) < 40, 0.0, end)])
    loss = Survival().fitted(target, np.ones(200))
    np.testing.assert_array_equal(loss.ends, [end[40:].min(), end[40:].max()])
    curve = loss.survival(np.array([loss.initial_raw]))
    np.testing.assert_allclose(curve, 0.8, atol=0.002)


def test_a_censored_time_counts_for_intervals_followed_by_half():
    loss = Survival(2).on(np.array([10.0, 30.0]), np.zeros(2))
    times = np.array([0.0, 4.9, 5.0, 10.0, 19.9, 20.0, 30.0, 99.0])
    censored = np.column_stack([np.zeros(8), times])
    survived = np.array([0, 0, 1, 1, 1, 2, 2, 2])
    np.testing.assert_array_equal(loss.encoded(censored)[:, 0], survived - 0.5)
    events = np.column_stack([np.ones(8), times])
    # the last one only happens after the last interval
    np.testing.assert_array_equal(loss.encoded(events)[:, 0], [0, 0, 0, 0, 1, 1, 1, 1.5])


@pytest.mark.parametrize("unit", [0.1, 1 / 7, 1 / 365.25, 3.3])
def test_units_of_whole_times_do_not_matter(unit):
    rng = np.random.default_rng(0)
    for _ in range(10):  # many times are in the middle of an interval
        target = np.column_stack([rng.integers(0, 2, 200), rng.integers(0, 40, 200)]).astype(float)
        loss = Survival(5).fitted(target, np.ones(200))
        other = Survival(5).fitted(target * [1.0, unit], np.ones(200))
        np.testing.assert_allclose(other.ends, loss.ends * unit)
        np.testing.assert_array_equal(other.encoded(target * [1.0, unit]), loss.encoded(target))


def test_weights_are_copies_of_events():
    _, y = records()
    target, weight = target_of(y), np.arange(40) % 3
    weighted = Survival(5).fitted(target[weight > 0], weight[weight > 0].astype(float))
    copied = Survival(5).fitted(np.repeat(target, weight, axis=0), np.ones(weight.sum()))
    np.testing.assert_allclose(weighted.ends, copied.ends)


def test_the_start_is_the_survival_of_all():
    """Without sequences nothing is better."""
    rng = np.random.default_rng(0)
    time, end = rng.weibull(1.5, 20_000), rng.uniform(0.0, 2.0, 20_000)
    target = np.column_stack([time <= end, np.minimum(time, end)]).astype(float)
    loss = Survival(20).fitted(target, np.ones(20_000))
    curve = loss.survival(np.array([loss.initial_raw]))[0]
    np.testing.assert_allclose(curve, np.exp(-(loss.ends**1.5)), atol=0.015)
    events = np.bincount(np.searchsorted(loss.ends, target[target[:, 0] == 1.0, 1]))
    assert (len(loss.ends), len(events)) == (20, 19)  # nobody has the event in the last one


def test_the_start_is_right_for_rare_events():
    """What is added to the events of an interval must not outweigh them."""
    time = np.arange(1.0, 20_001.0)
    target = np.column_stack([time <= 200.0, np.minimum(time, 400.0)])
    loss = Survival().fitted(target, np.ones(20_000))
    curve = loss.survival(np.array([loss.initial_raw]))[0]
    np.testing.assert_allclose(1.0 - curve[:9], loss.ends[:9] / 20_000, rtol=0.02)


def test_values_are_the_area_under_the_curve():
    rng = np.random.default_rng(0)
    loss = Survival(4).on(np.array([1.0, 3.0, 3.5, 8.0]), np.zeros(4))
    raw = rng.standard_normal((5, 4))
    times = np.linspace(0.0, 8.0, 8001)
    curves = loss.survival_at(raw, times)
    assert (curves[:, 0] == 1.0).all()
    assert (np.diff(curves) <= 0.0).all()
    np.testing.assert_allclose(loss.survival_at(raw, loss.ends), loss.survival(raw))
    hazards = 1.0 / (1.0 + np.exp(-raw))
    np.testing.assert_allclose(loss.survival(raw), np.cumprod(1.0 - hazards, axis=1))
    areas = (curves[:, 1:] + curves[:, :-1]).sum(axis=1) / 2.0 / 1000.0
    np.testing.assert_allclose(loss.values(raw)[:, 0], areas, rtol=1e-6)


# --- the concordance index --------------------------------------------------------------------
@pytest.mark.parametrize(
    ("events", "times", "predicted", "expected"),
    [
        ([1, 1, 1], [1, 2, 3], [1, 2, 3], 1.0),
        ([1, 1, 1], [1, 2, 3], [3, 2, 1], 0.0),
        ([1, 1, 1], [1, 2, 3], [5, 5, 5], 0.5),
        ([0, 1, 1], [1, 2, 3], [9, 2, 3], 1.0),  # who left first is compared with nobody
        ([1, 0, 1], [1, 2, 3], [2, 1, 3], 1 / 2),  # 1-2 wrong, 1-3 right, 2-3 not comparable
        ([1, 0], [4, 4], [1, 2], 1.0),  # who left at the time of an event was without it longer
        ([1, 1, 0], [4, 4, 5], [1, 2, 1.5], 1 / 2),  # two events at a time are not compared
        ([1, 1, 0, 1], [1, 2, 2, 3], [1, 3, 2, 3], (3 + 0 + 0.5) / 5),
    ],
)
def test_concordance_by_hand(events, times, predicted, expected):
    target = np.column_stack([events, times]).astype(float)
    predicted = np.array(predicted, float)
    assert concordance_index(target, predicted, np.ones(len(times))) == pytest.approx(expected)


def test_concordance_pair_by_pair():
    rng = np.random.default_rng(0)
    for n in (2, 5, 60, 63):
        target = np.column_stack([rng.integers(0, 2, n), rng.integers(0, 20, n)]).astype(float)
        target[0] = 1.0, 0.0
        predicted, weight = rng.integers(0, 9, n).astype(float), rng.integers(0, 3, n) + 0.5
        right = pairs = 0.0
        for i, j in np.ndindex(n, n):
            (happened, time), (_, other) = target[i], target[j]
            if happened and (time < other or (time == other and not target[j, 0])):
                both = weight[i] * weight[j]
                pairs += both
                right += both * (
                    (predicted[i] < predicted[j]) + 0.5 * (predicted[i] == predicted[j])
                )
        index = concordance_index(target, predicted, weight)
        assert index == pytest.approx(right / pairs, rel=1e-12)


def test_concordance_of_weights_of_any_size():
    target = np.column_stack([np.ones(4), np.arange(4.0)])
    predicted, weight = np.array([1.0, 0.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0, 1.0])
    right = concordance_index(target, predicted, weight)
    assert right == pytest.approx(15 / 17)  # of the pairs only 0-1 is wrong, with a weight of 2
    for unit in (1e-200, 1e200):
        assert concordance_index(target, predicted, unit * weight) == pytest.approx(right)


# --- the estimator ----------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_learns(dtype):
    X, y = records(120)
    model = LSTMRegressor(**LEARNING, loss="survival", dtype=dtype).fit(X, y)
    assert model.score(X, y) > 0.75
    assert model.loss_curve_[-1] < 0.8 * model.loss_curve_[0]
    assert len(model.interval_ends_) == 10
    assert model.interval_ends_[-1] == y["day"].max()
    assert model.out_activation_ == "logistic"
    curves = model.predict_survival(X)
    assert curves.shape == (120, 10)
    assert (np.diff(curves) <= 0.0).all()
    assert (curves.min() >= 0.0, curves.max() <= 1.0) == (True, True)
    times = np.linspace(0.0, model.interval_ends_[-1], 5001)
    fine = model.predict_survival(X, times)
    areas = np.trapezoid(fine, times)
    np.testing.assert_allclose(model.predict(X), areas, rtol=1e-4)
    np.testing.assert_allclose(model.predict_survival(X, 0.5), model.predict_survival(X, [0.5]))


FORMS = {
    "structured": lambda y: y,
    "as Surv.from_arrays names it": lambda y: np.array(
        y.tolist(), [("event", bool), ("time", float)]
    ),
    "the time first": lambda y: np.array(
        [(t, e) for e, t in y.tolist()], [("t", "f4"), ("e", bool)]
    ),
    "frame": pd.DataFrame,
    "frame, the time first": lambda y: pd.DataFrame(y)[["day", "died"]],
    "frame with NA types": lambda y: pd.DataFrame(y).convert_dtypes(),
    "frame of objects": lambda y: pd.DataFrame(y).astype(object),
    "objects": lambda y: pd.DataFrame(y).to_numpy(object),
    "tuples": lambda y: y.tolist(),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_y(form):
    X, y = records()
    expected, model = fitted().fit(X, y), fitted().fit(X, FORMS[form](y))
    np.testing.assert_array_equal(model.theta_, expected.theta_)
    assert model.score(X, FORMS[form](y)) == expected.score(X, y)


def test_a_table_of_another_package():
    X, y = records()
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table({"died": y["died"], "day": y["day"]})
    np.testing.assert_array_equal(fitted().fit(X, table).theta_, fitted().fit(X, y).theta_)


def test_tables():
    X, y = records()
    rows = pd.concat(
        [pd.DataFrame(x, columns=["a", "b"]).assign(patient=k) for k, x in enumerate(X)]
    )
    rows["visit"] = rows.groupby("patient").cumcount()
    rows["died"], rows["day"] = y["died"][rows["patient"]], y["day"][rows["patient"]]
    table = Sequences.from_frame(rows, sample="patient", time="visit", target=["died", "day"])
    expected = fitted().fit(X, y)
    np.testing.assert_array_equal(fitted().fit(table, table.target).theta_, expected.theta_)
    # a long frame, and y in another order, which its index says
    long = rows.set_index(["patient", "visit"])[["a", "b"]]
    backwards = pd.DataFrame(y)[::-1]
    np.testing.assert_array_equal(fitted().fit(long, backwards).theta_, expected.theta_)
    scores = cross_val_score(fitted(), table, table.target, cv=2)
    np.testing.assert_array_equal(scores, cross_val_score(fitted(), X, y, cv=2))


def test_units_of_time_do_not_matter():
    X, y = records()
    longer = y.copy()
    longer["day"] *= 1024.0
    here, there = fitted().fit(X, y), fitted().fit(X, longer)
    np.testing.assert_array_equal(here.theta_, there.theta_)
    np.testing.assert_array_equal(here.predict(X) * 1024.0, there.predict(X))


def test_weights_are_copies():
    X, y = records()
    weight = np.arange(40) % 3
    times = np.repeat(np.arange(40), weight)
    settings = {"batch_size": 10**6, "dtype": "float64", "dropout": 0.0, "max_iter": 20}
    weighted = fitted(**settings).fit(X, y, sample_weight=weight)
    repeated = fitted(**settings).fit([X[k] for k in times], y[times])
    np.testing.assert_array_equal(weighted.interval_ends_, repeated.interval_ends_)
    np.testing.assert_allclose(weighted.theta_, repeated.theta_, rtol=1e-7, atol=1e-9)
    several = weighted.score([X[k] for k in times], y[times])
    assert weighted.score(X, y, sample_weight=weight) == pytest.approx(several)


def test_copies_threads_and_searches(monkeypatch):
    monkeypatch.setattr("sklstm._training.threads._WORTH_A_THREAD", 0.0)
    X, y = records(150)
    model = fitted().fit(X, y)
    for again in (clone(model).set_params(n_jobs=3), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(again.fit(X, y).theta_, model.theta_)
        np.testing.assert_array_equal(again.predict(X), model.predict(X))
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(loaded.predict_survival(X), model.predict_survival(X))
    pipeline = make_pipeline(FunctionTransformer(), fitted())
    grid = {"lstmregressor__loss__n_intervals": [3, 6]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    best = search.best_estimator_[-1]
    assert best.predict_survival(X).shape == (150, best.loss.n_intervals)
    np.testing.assert_array_equal(search.predict(X), best.predict(X))


def test_early_stopping_and_scoring():
    X, y = records(60)
    stopped = fitted(early_stopping=True, validation_fraction=0.3).fit(X, y)
    assert 0.0 <= stopped.best_validation_score_ <= 1.0
    model = fitted(max_iter=5, scoring="loss").fit(X, y, X_val=X, y_val=pd.DataFrame(y))
    assert model.best_validation_score_ == pytest.approx(-min(model.loss_curve_), rel=0.2)

    def score(estimator, X, y):
        assert y.dtype.names == ("event", "time")
        return estimator.score(X, y)

    by_scorer = fitted(scoring=score).fit(X, y, X_val=X, y_val=y)
    by_default = fitted().fit(X, y, X_val=X, y_val=y)
    assert by_scorer.validation_scores_ == by_default.validation_scores_
    assert by_default.score(X, y) == by_default.best_validation_score_


def test_a_validation_split_keeps_the_share_of_events():
    X, y = records(60)
    held_out = []

    def score(estimator, X, y):
        held_out.append(y["event"].sum())
        return 0.0

    settings = {"early_stopping": True, "validation_fraction": 0.5, "max_iter": 1}
    for n_events in (30, 4):
        y["died"] = np.arange(60) < n_events
        for seed in range(3):
            fitted(**settings, scoring=score, random_state=seed).fit(X, y)
            assert held_out[-1] == n_events / 2
    y["died"] = np.arange(60) == 0  # too few to have shares
    assert fitted(**settings, scoring="loss").fit(X, y).n_iter_ == 1
    with pytest.raises(ValueError, match=r"None of the 30 samples .* if early_stopping held out"):
        fitted(**settings, scoring="loss", random_state=2).fit(X, y)


def test_the_intervals_of_the_first_fit_stay():
    X, y = records()
    model = fitted(warm_start=True).fit(X, y)
    ends, late = model.interval_ends_, y.copy()
    late["day"] += 100.0
    with pytest.warns(UserWarning, match=r"100% of the events come after .* intervals stay"):
        model.fit(X, late)
    model.partial_fit(X[:9], y[:9])
    np.testing.assert_array_equal(model.interval_ends_, ends)
    with pytest.raises(ValueError, match=r"loss=Survival\(n_intervals=5\), but the network was"):
        model.set_params(loss=Survival(5)).fit(X, y)
    with pytest.raises(ValueError, match="raw predictions mean something else"):
        model.set_params(loss="poisson").fit(X, y["day"])
    model.set_params(warm_start=False).fit(X, y["day"] + 1.0)
    assert vars(model).keys() == vars(LSTMRegressor(**SMALL).fit(X, y["day"])).keys()
    assert not hasattr(model, "predict_survival")
    grown = fitted(warm_start=True).fit(X, y).set_params(n_estimators=2).fit(X, y)
    assert grown.predict_survival(X).shape == (40, 10)


def test_an_ensemble_predicts_the_mean_curve():
    X, y = records()
    model = fitted(n_estimators=3, dtype="float64").fit(X, y)
    curves = np.mean([member.predict_survival(X) for member in model.estimators_], axis=0)
    np.testing.assert_allclose(model.predict_survival(X), curves, rtol=1e-9)
    each = np.mean([member.predict(X) for member in model.estimators_], axis=0)
    np.testing.assert_allclose(model.predict(X), each, rtol=1e-9)


@pytest.mark.parametrize("n_estimators", [1, 3])
def test_explanations(n_estimators):
    X, y = records()
    model = fitted(dtype="float64", n_estimators=n_estimators).fit(X, y)
    gradients = input_gradients(model, X[:3])
    for gradient, numeric in zip(gradients, finite_differences(model.predict, X[:3]), strict=True):
        np.testing.assert_allclose(gradient, numeric, rtol=1e-5, atol=1e-6)
        assert abs(gradient).max() > 1e-4
    result = permutation_importance(model, X, y, n_repeats=2, random_state=0)
    assert np.isfinite(result.importances).all()


def test_gaps_categories_static_features_and_streams():
    X, y = records()
    rng = np.random.default_rng(0)
    X = [
        np.column_stack([x, rng.integers(0, 3, len(x)), np.full(len(x), k)])
        for k, x in enumerate(X)
    ]
    for x in X[::2]:
        x[1, 1] = np.nan
    settings = {"missing": "mask", "categorical_features": [2], "static_features": [3]}
    assert fitted(**settings).fit(X, y).score(X, y) > 0.0
    X, y = records()
    model = fitted(bidirectional=False, scale="channel").fit(X, y)
    stream = model.stream()
    for x in X[0]:
        last = stream.step(x)
    np.testing.assert_allclose(last, model.predict(X[:1]), rtol=1e-5)


def test_skops():
    io = pytest.importorskip("skops.io")
    from sklstm.export import skops_trusted

    X, y = records()
    model = fitted().fit(X, y).set_params(loss=Survival())
    loaded = io.loads(io.dumps(model), trusted=skops_trusted())
    np.testing.assert_array_equal(loaded.predict_survival(X), model.predict_survival(X))
