"""`return_sequences`: a target and a prediction for each time step."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import GridSearchCV, KFold

from sklstm import LSTMClassifier, LSTMRegressor
from sklstm.components import FCN, Convolutions
from tests.toy import ESTIMATORS, SMALL, padded, sequences

STEPS = SMALL | {"return_sequences": True, "bidirectional": False, "scale": "channel"}


def problem(Estimator, **kwargs):
    """Return X, and the running sum of the first channel or its sign as target of each step."""
    X, _ = sequences(**kwargs)
    y = [np.cumsum(x[:, 0]) for x in X]
    return X, [(s > 0).astype(int) for s in y] if Estimator is LSTMClassifier else y


def raw(model, X):
    """Return the predictions or probabilities of all steps in one array."""
    method = model.predict_proba if isinstance(model, LSTMClassifier) else model.predict
    return np.concatenate(list(method(X)))


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_learns_and_predicts_a_value_for_each_step(Estimator, bidirectional):
    X, y = problem(Estimator, n_samples=120)
    model = Estimator(
        return_sequences=True, bidirectional=bidirectional, scale="channel", hidden_size=8,
        max_iter=40, learning_rate_init=0.01, random_state=0,
    ).fit(X, y)  # fmt: skip
    assert model.score(X, y) > 0.9
    predicted = model.predict(X)
    assert [p.shape for p in predicted] == [t.shape for t in y]
    metric = accuracy_score if Estimator is LSTMClassifier else r2_score
    expected = metric(np.concatenate(y), np.concatenate(predicted))
    assert model.score(X, y) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_forms_of_y_give_the_same_model(Estimator):
    X, y = problem(Estimator)
    expected = Estimator(**STEPS).fit(X, y)
    longest = max(map(len, X))
    filler = -1 if Estimator is LSTMClassifier else np.nan
    wide = np.array([np.append(t, np.full(longest - len(t), filler)) for t in y])
    keys = [(n, t) for n, x in enumerate(X) for t in range(len(x))]
    index = pd.MultiIndex.from_tuples(keys, names=["sample", "time"])
    frame = pd.DataFrame(np.concatenate(X), index)
    settings = {"missing_label": -1} if Estimator is LSTMClassifier else {}
    for X_form, y_form in [
        (X, [t.tolist() for t in y]),
        (X, [t[:, np.newaxis] for t in y]),
        (X, wide),
        (padded(X), wide),
        (padded(X), wide[:, :, np.newaxis]),
        (padded(X), pd.DataFrame(wide)),
        (frame, pd.Series(np.concatenate(y), index)),
        (frame, y),
    ]:
        model = Estimator(**STEPS | settings).fit(X_form, y_form)
        np.testing.assert_array_equal(model.theta_, expected.theta_)
        assert model.score(X_form, y_form) == expected.score(X, y)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_steps_without_target_are_as_steps_without_weight(Estimator):
    X, y = problem(Estimator)
    rng = np.random.default_rng(0)
    absent = [rng.random(len(t)) < 0.4 for t in y]
    absent[5][:] = True  # a sequence without any target
    is_classifier = Estimator is LSTMClassifier
    gaps = [np.where(a, 7 if is_classifier else np.nan, t) for a, t in zip(absent, y, strict=True)]
    settings = STEPS | ({"missing_label": 7} if is_classifier else {})
    model = Estimator(**settings).fit(X, gaps)
    weight = [np.where(a, 0.0, 1.0) for a in absent]
    by_weight = Estimator(**STEPS).fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(model.theta_, by_weight.theta_)
    weighted = by_weight.score(X, y, sample_weight=weight)
    assert model.score(X, gaps) == pytest.approx(weighted, rel=1e-12)
    assert model.score(X, gaps) != model.score(X, y)
    assert not np.array_equal(model.theta_, Estimator(**STEPS).fit(X, y).theta_)


@pytest.mark.parametrize("missing", [np.nan, "", None])
def test_any_label_may_say_that_there_is_no_target(missing):
    X, y = problem(LSTMClassifier)
    of_class = np.array(["down", "up"], object) if missing == "" else np.array([0.0, 1.0])
    labels = [of_class[t] for t in y]
    full = LSTMClassifier(**STEPS, missing_label=missing).fit(X, labels)
    assert len(full.classes_) == 2
    if missing is None:
        return
    for t in labels:
        t[0] = missing
    model = LSTMClassifier(**STEPS, missing_label=missing).fit(X, labels)
    np.testing.assert_array_equal(model.classes_, full.classes_)
    weight = [np.arange(len(t)) > 0 for t in y]
    np.testing.assert_array_equal(
        model.theta_, LSTMClassifier(**STEPS).fit(X, y, sample_weight=weight).theta_
    )


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_weights_of_samples_and_of_steps(Estimator):
    X, y = problem(Estimator)
    weight = np.random.default_rng(0).integers(0, 3, len(X)).astype(float)
    by_sample = Estimator(**STEPS).fit(X, y, sample_weight=weight)
    by_step = Estimator(**STEPS).fit(
        X, y, sample_weight=[np.full(len(x), w) for x, w in zip(X, weight, strict=True)]
    )
    np.testing.assert_array_equal(by_sample.theta_, by_step.theta_)
    # 24 samples are one batch in double precision: a weight of 2 is two copies
    copies = np.repeat(np.arange(len(X)), weight.astype(int))
    copied = Estimator(**STEPS).fit([X[n] for n in copies], [y[n] for n in copies])
    np.testing.assert_allclose(raw(copied, X), raw(by_sample, X), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_results_have_the_shape_of_the_input(method):
    X, y = problem(LSTMClassifier, lengths=(6, 6))
    X, y = np.array(X), np.array(y)
    model = LSTMClassifier(**STEPS).fit(X, y)
    result = getattr(model, method)(X)
    n_columns = (2,) if method == "predict_proba" else ()
    assert result.shape == (24, 6, *n_columns)
    ragged = getattr(model, method)([X[0], X[1, :4]])
    np.testing.assert_array_equal(ragged[0], result[0])
    np.testing.assert_array_equal(ragged[1], result[1, :4])  # later steps have no effect
    if method == "predict_proba":
        np.testing.assert_allclose(result.sum(axis=2), 1.0)
        np.testing.assert_allclose(model.predict_log_proba(X), np.log(result))


def test_several_classes_by_weight():
    X, _ = problem(LSTMClassifier)
    rng = np.random.default_rng(0)
    y = [rng.choice(["a", "b", "c"], len(x), p=[0.8, 0.1, 0.1]) for x in X]
    model = LSTMClassifier(**STEPS, class_weight="balanced").fit(X, y)
    assert model.predict_proba(X)[0].shape == (len(X[0]), 3)
    count = {label: sum((t == label).sum() for t in y) for label in "abc"}
    total = sum(count.values())
    weight = [np.array([total / (3 * count[label]) for label in t]) for t in y]
    by_step = LSTMClassifier(**STEPS).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(model.theta_, by_step.theta_, rtol=1e-6, atol=1e-9)


def test_several_labels_a_step():
    X, _ = problem(LSTMClassifier, n_samples=120)
    y = [np.stack([x[:, 0] > 0, x[:, 1] > 0], axis=1).astype(int) for x in X]
    y[3][2] = -1
    model = LSTMClassifier(
        **(STEPS | {"max_iter": 60, "learning_rate_init": 0.02, "missing_label": -1})
    ).fit(X, y)
    assert model.out_activation_ == "logistic"
    assert model.predict(X)[0].shape == y[0].shape
    assert model.score(X, y) > 0.9


def test_several_outputs_some_of_them_missing():
    X, _ = problem(LSTMRegressor, n_samples=120)
    y = [np.stack([np.cumsum(x[:, 0]), x[:, 1] + 10.0], axis=1) for x in X]
    for t in y:
        t[::2, 1] = np.nan
    y[0][0] = np.nan
    model = LSTMRegressor(**(STEPS | {"max_iter": 60, "learning_rate_init": 0.02})).fit(X, y)
    flat, predicted = np.concatenate(y), np.concatenate(model.predict(X))
    given = ~np.isnan(flat)
    np.testing.assert_allclose(model.target_mean_, np.nanmean(flat, axis=0))
    np.testing.assert_allclose(model.target_scale_, np.nanstd(flat, axis=0))
    scores = [r2_score(flat[g, j], predicted[g, j]) for j, g in enumerate(given.T)]
    assert model.score(X, y) == pytest.approx(np.mean(scores))
    assert min(scores) > 0.9


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_threads_leave_the_result_as_it_is(Estimator):
    X, y = problem(Estimator, n_samples=64)
    models = [
        Estimator(**STEPS, n_jobs=n, batch_size=64, num_layers=2, dropout=0.5).fit(X, y)
        for n in (1, 2)
    ]
    np.testing.assert_array_equal(models[0].theta_, models[1].theta_)
    np.testing.assert_array_equal(raw(models[0], X), raw(models[1], X))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_validation_sets_and_going_on(Estimator):
    X, y = problem(Estimator, n_samples=60)
    model = Estimator(**STEPS, early_stopping=True).fit(X, y)
    assert len(model.validation_scores_) == 3
    given = Estimator(**STEPS).fit(X[:50], y[:50], X_val=X[50:], y_val=y[50:])
    assert given.best_validation_score_ == pytest.approx(given.score(X[50:], y[50:]))
    before = given.theta_.copy()
    given.partial_fit(X, y)
    assert not np.array_equal(given.theta_, before)
    with pytest.raises(ValueError, match="return_sequences=False, but the network was started"):
        given.set_params(return_sequences=False).partial_fit(X, [t[0] for t in y])


@pytest.mark.filterwarnings("ignore:y was read as labels that do not exclude")
def test_partial_fit_from_the_start():
    X, y = problem(LSTMClassifier)
    with pytest.raises(ValueError, match="classes must be passed"):
        LSTMClassifier(**STEPS).partial_fit(X, y)
    model = LSTMClassifier(**STEPS).partial_fit(X, y, classes=[0, 1, 2])
    assert model.predict_proba(X)[0].shape == (len(X[0]), 3)
    labels = [np.stack([t, 1 - t], axis=1) for t in y]
    model = LSTMClassifier(**STEPS).partial_fit(X, labels)
    assert model.predict(X)[0].shape == labels[0].shape


def test_a_label_that_fit_has_not_seen_is_a_wrong_prediction():
    X, y = problem(LSTMClassifier)
    model = LSTMClassifier(**STEPS).fit(X, y)
    new = [np.where(np.arange(len(t)) == 0, 5, p) for t, p in zip(y, model.predict(X), strict=True)]
    assert model.score(X, new) == pytest.approx(1.0 - len(X) / sum(map(len, X)))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_within_scikit_learn(Estimator):
    X, y = problem(Estimator)
    search = GridSearchCV(Estimator(**STEPS), {"hidden_size": [2, 3]}, cv=KFold(3))
    search.fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    model = clone(search.best_estimator_).fit(X, y)
    copied = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(raw(copied, X), raw(model, X))


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_streams_give_what_predict_gives(Estimator, method):
    if Estimator is LSTMRegressor and method != "predict":
        return
    X, y = problem(Estimator, lengths=(9, 9))
    model = Estimator(**STEPS, num_layers=2).fit(X, y)
    X = np.array(X)
    stream, expected = model.stream(len(X), method=method), getattr(model, method)(X)
    for t in range(9):
        np.testing.assert_allclose(stream.step(X[:, t]), expected[:, t], rtol=1e-12, atol=1e-12)


def test_long_sequences_are_read_step_by_step():
    X = np.random.default_rng(0).standard_normal((4, 300))
    model = LSTMRegressor(**STEPS).fit(X, X)
    assert model.patch_size_ == 1
    assert model.predict(X).shape == X.shape


def test_steps_behind_a_causal_convolution():
    X, y = problem(LSTMRegressor)
    y = [x.cumsum(axis=0)[:, 0] for x in X]
    front = {"front": Convolutions(4, 3), "bidirectional": False, "scale": "channel"}
    model = LSTMRegressor(**STEPS | front).fit(X, y)
    whole = model.predict(X)
    for x, steps in zip(X, whole, strict=True):
        assert len(steps) == len(x)
        np.testing.assert_allclose(model.predict([x[:2]])[0], steps[:2], rtol=1e-5)


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({"pooling": "attention"}, "leave pooling at 'last'"),
        ({"pooling": "concat"}, "leave pooling at 'last'"),
        ({"patch_size": 4}, "set patch_size=1 or 'auto'"),
        ({"front": Convolutions(4, stride=2)}, "set the stride of front to 1"),
        ({"branch": FCN(4)}, "set branch=None"),
    ],
    ids=str,
)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_refused_combinations_say_what_to_change(Estimator, settings, advice):
    with pytest.raises(ValueError, match=advice):
        Estimator(**STEPS | settings).fit(*problem(Estimator))


def without_last(y):
    """Return y with one step missing in a sample."""
    return [t[:-1] if n == 2 else t for n, t in enumerate(y)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without_last, "y of sample 2 has . time steps, X has"),
        (lambda y: [np.append(t, 1) for t in y], "behind the end of a sequence must be marked"),
        (lambda y: [t[0] for t in y], r"y of sample 0 has the shape \(\)"),
        (lambda y: y[:-1], "X has 24, y has 23"),
        (lambda y: [t[:, None, None] for t in y], "y of sample 0 has the shape"),
        (lambda y: [np.tile(t[:, None], 1 + n % 2) for n, t in enumerate(y)], "rows of the shapes"),
    ],
)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_wrong_y_is_refused(Estimator, change, message):
    X, y = problem(Estimator)
    with pytest.raises(ValueError, match=message):
        Estimator(**STEPS).fit(X, change(y))


def test_a_missing_label_is_one_of_steps():
    X, y = problem(LSTMClassifier)
    with pytest.raises(ValueError, match="set return_sequences=True, or leave missing_label at"):
        LSTMClassifier(**SMALL, missing_label=-1).fit(X, [t[-1] for t in y])


def test_a_y_without_target_is_refused():
    X, y = problem(LSTMRegressor)
    with pytest.raises(ValueError, match="y has no target at any step"):
        LSTMRegressor(**STEPS).fit(X, [np.full(len(t), np.nan) for t in y])
    with pytest.raises(ValueError, match="Output 1 of y has no target"):
        LSTMRegressor(**STEPS).fit(X, [np.stack([t, t * np.nan], axis=1) for t in y])
    y[0][0] = np.nan
    weight = [np.isnan(t) for t in y]
    with pytest.raises(ValueError, match="All sample weights are zero"):
        LSTMRegressor(**STEPS).fit(X, y, sample_weight=weight)
    with pytest.raises(ValueError, match="sample_weight of sample 0 has"):
        LSTMRegressor(**STEPS).fit(X, y, sample_weight=[np.ones(len(t) - 1) for t in y])


@pytest.mark.parametrize("scale", ["both", "sequence"])
def test_a_forward_network_whose_scale_looks_ahead(scale):
    X = [np.arange(4.0)[:, np.newaxis] + k for k in range(6)]
    model = LSTMRegressor(**STEPS | {"scale": scale})
    with pytest.warns(UserWarning, match=f"scale='{scale}' standardises each sequence by all of"):
        model.fit(X, [x[:, 0] for x in X])
    model.set_params(bidirectional=True).fit(X, [x[:, 0] for x in X])
