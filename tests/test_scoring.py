"""`scoring=`: what early stopping looks at."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import (
    accuracy_score,
    get_scorer,
    log_loss,
    make_scorer,
    max_error,
    mean_absolute_error,
)

from sklstm import LSTMClassifier, LSTMRegressor
from tests.toy import ESTIMATORS, SMALL, problem, sequences

EPOCHS = SMALL | {"max_iter": 8, "learning_rate_init": 0.02, "n_iter_no_change": 8}


def fit(Estimator, n_labels=2, **parameters):
    """Return an estimator that stopped early, and the data it was validated on."""
    X, slope = sequences(60)
    y = slope if Estimator is LSTMRegressor else np.digitize(slope, [-0.5, 0.5][: n_labels - 1])
    X_val, y_val = X[40:], y[40:]
    model = Estimator(**EPOCHS | parameters).fit(X[:40], y[:40], X_val=X_val, y_val=y_val)
    return model, X_val, y_val


@pytest.mark.parametrize("n_labels", [2, 3])
@pytest.mark.parametrize(
    ("Estimator", "name"),
    [
        (LSTMRegressor, "neg_mean_absolute_error"), (LSTMRegressor, "r2"),
        (LSTMRegressor, "neg_root_mean_squared_error"), (LSTMClassifier, "neg_log_loss"),
        (LSTMClassifier, "balanced_accuracy"), (LSTMClassifier, "roc_auc_ovr"),
        (LSTMClassifier, "f1_macro"),
    ],
)  # fmt: skip
def test_a_name_is_the_scorer_of_scikit_learn_on_the_validation_set(Estimator, name, n_labels):
    model, X_val, y_val = fit(Estimator, n_labels, scoring=name)
    assert get_scorer(name)(model, X_val, y_val) == model.best_validation_score_
    assert model.best_validation_score_ == max(model.validation_scores_)
    if name not in ("balanced_accuracy", "f1_macro"):  # which only whole samples change
        assert len(set(model.validation_scores_)) > 1


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_callable_is_called_with_estimator_and_data(Estimator):
    name = "neg_mean_absolute_error" if Estimator is LSTMRegressor else "accuracy"
    seen = []

    def scorer(estimator, X, y):
        seen.append((estimator.predict(X), estimator.predict(X[:5])))  # also for other data
        return get_scorer(name)(estimator, X, y)

    model, X_val, _ = fit(Estimator, scoring=scorer)
    expected, _, _ = fit(Estimator, scoring=name)
    assert model.validation_scores_ == expected.validation_scores_
    np.testing.assert_array_equal(model.theta_, expected.theta_)
    for whole, some in seen:
        np.testing.assert_allclose(some, whole[:5], rtol=1e-5, atol=1e-6)
    best = int(np.argmax(model.validation_scores_))
    np.testing.assert_array_equal(seen[best][0], model.predict(X_val))


@pytest.mark.parametrize("categories", [["b", "c", "a"], [3.0, 9.0, 2.0]], ids=["words", "numbers"])
def test_the_x_of_a_scorer_holds_categories_and_no_codes(categories):
    """Codes of numbers would be taken for other categories in silence."""
    rng = np.random.default_rng(0)
    X = [[[v, categories[k]] for v, k in zip(rng.random(5), rng.integers(3, size=5), strict=True)]
         for _ in range(40)]  # fmt: skip
    seen = []

    def scorer(estimator, X, y):
        same = [np.array(x) for x in X]  # so that it is read again
        seen.append({x[1] for sample in X for x in sample})
        np.testing.assert_array_equal(estimator.predict(same), estimator.predict(X))
        return estimator.predict_proba(same)[:, 1].mean()

    settings = SMALL | {"categorical_features": [1], "early_stopping": True, "scoring": scorer}
    LSTMClassifier(**settings).fit(X, np.arange(40) % 2)
    assert seen[0] <= set(categories)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_none_is_the_score_of_the_estimator(Estimator):
    model, X_val, y_val = fit(Estimator)
    assert model.score(X_val, y_val) == pytest.approx(model.best_validation_score_, rel=1e-12)
    named, _, _ = fit(Estimator, scoring="r2" if Estimator is LSTMRegressor else "accuracy")
    np.testing.assert_allclose(named.validation_scores_, model.validation_scores_, rtol=1e-12)
    np.testing.assert_array_equal(named.theta_, model.theta_)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_loss(dtype):
    tolerance = 1e-6 if dtype == "float32" else 1e-12
    model, X_val, y_val = fit(LSTMClassifier, 3, scoring="loss", dtype=dtype)
    loss = log_loss(y_val, model.predict_proba(X_val))
    assert model.best_validation_score_ == pytest.approx(-loss, rel=tolerance)
    model, X_val, y_val = fit(LSTMRegressor, scoring="loss", loss="absolute_error", dtype=dtype)
    loss = mean_absolute_error(y_val, model.predict(X_val)) / model.target_scale_[0]
    assert model.best_validation_score_ == pytest.approx(-loss, rel=tolerance)
    assert model.best_validation_score_ == max(model.validation_scores_)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_share_of_the_training_data(Estimator):
    X, y = problem(Estimator, n_samples=60)
    names = pd.DataFrame(np.array([x[:3, 0] for x in X]), columns=["t0", "t1", "t2"])
    y_of_scorer = []

    def scorer(estimator, X, y):
        y_of_scorer.append(y)
        return get_scorer("neg_log_loss" if Estimator is LSTMClassifier else "r2")(estimator, X, y)

    for data in (X, names):  # no warning that names are missing
        model = Estimator(
            **EPOCHS, early_stopping=True, scoring=scorer, validation_fraction=0.3
        ).fit(data, y)
        assert len(model.validation_scores_) <= 8
        assert len(y_of_scorer.pop()) == 18


def test_weights_go_to_scorers_that_take_them():
    X, y = problem(LSTMClassifier, n_samples=60)
    weight = np.where(y == 1, 3.0, 1.0)
    seen = []

    def metric(y_true, y_pred, sample_weight=None):
        seen.append(sample_weight)
        return accuracy_score(y_true, y_pred, sample_weight=sample_weight)

    settings = EPOCHS | {"early_stopping": True}
    LSTMClassifier(**settings, scoring=make_scorer(metric)).fit(X, y, sample_weight=weight)
    assert set(np.unique(seen[0])) == {1.0, 3.0}
    seen.clear()
    LSTMClassifier(**settings, scoring=make_scorer(metric)).fit(X, y)
    assert seen[0] is None
    for scoring in (make_scorer(max_error), lambda estimator, X, y: 1.0):  # these take none
        LSTMRegressor(**settings, scoring=scoring).fit(X, y, sample_weight=weight)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_every_step_that_has_a_target(Estimator):
    X, _ = sequences(40)
    missing = -1 if Estimator is LSTMClassifier else np.nan
    y = [(x[:, 0] > 0).astype(float) for x in X]
    for k, steps in enumerate(y):
        steps[k % 3] = missing
    special = {"missing_label": -1} if Estimator is LSTMClassifier else {}
    name = "accuracy" if Estimator is LSTMClassifier else "neg_mean_absolute_error"
    model = Estimator(**EPOCHS, **special, return_sequences=True, scoring=name).fit(
        X[:30], y[:30], X_val=X[30:], y_val=y[30:]
    )
    truth, predicted = np.concatenate(y[30:]), np.concatenate(model.predict(X[30:]))
    given = ~np.isnan(truth) & (truth != -1)
    metric = accuracy_score if Estimator is LSTMClassifier else mean_absolute_error
    score = metric(truth[given], predicted[given])
    score = score if Estimator is LSTMClassifier else -score
    assert model.best_validation_score_ == pytest.approx(score, rel=1e-12)


@pytest.mark.parametrize("scoring", ["loss", "r2"])
def test_threads_members_and_copies(monkeypatch, scoring):
    monkeypatch.setattr("sklstm._training.threads._WORTH_A_THREAD", 0.0)
    X, y = problem(LSTMRegressor, n_samples=150)
    settings = EPOCHS | {"early_stopping": True, "scoring": scoring, "n_estimators": 2}
    model = LSTMRegressor(**settings).fit(X, y)
    for again in (clone(model).set_params(n_jobs=3), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(again.fit(X, y).theta_, model.theta_)
        assert again.validation_scores_ == model.validation_scores_


def test_it_decides_which_epoch_is_the_best():
    X, y = problem(LSTMRegressor, n_samples=60)
    scores = iter([0.1, 0.7, 0.3, 0.2, 0.6, 0.5, 0.4, 0.0])
    thetas = []

    def scorer(estimator, X, y):
        thetas.append(estimator.theta_)
        return next(scores)

    model = LSTMRegressor(**EPOCHS, scoring=scorer).fit(X, y, X_val=X, y_val=y)
    np.testing.assert_array_equal(model.theta_, thetas[1])
    assert model.best_validation_score_ == 0.7


def test_without_a_validation_set_it_has_no_effect_and_fit_says_so():
    X, y = sequences(12)
    model = LSTMRegressor(**SMALL, scoring="r2")
    with pytest.warns(UserWarning, match="scoring='r2' has no effect without a validation set"):
        model.fit(X, y)
    model.fit(X, y, X_val=X, y_val=y)
    model.partial_fit(X, y)  # which never stops early


def test_a_scorer_that_does_not_fit_is_named():
    X, slope = sequences(24)
    y = np.where(slope > 0.0, "up", "down")
    with pytest.raises(ValueError, match="scoring='r2' does not fit the validation set or the est"):
        LSTMClassifier(**SMALL, scoring="r2").fit(X, y, X_val=X, y_val=y)
