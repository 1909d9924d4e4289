"""The estimators inside scikit-learn's tools, with every form of X that these accept."""

import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklstm import LSTMClassifier, LSTMRegressor
from tests.toy import ESTIMATORS, SMALL, problem, raw

LEARNING = SMALL | {"max_iter": 30, "learning_rate_init": 0.03}
FORMS = {
    "ragged": lambda X: X,
    "3-D": lambda X: np.stack([x[:3] for x in X]),
    "2-D": lambda X: np.stack([x[:3, 0] for x in X]),
    "wide": lambda X: pd.DataFrame([x[:3, 0] for x in X]).add_prefix("t"),
}
every_form = pytest.mark.parametrize("form", FORMS)
sequence_forms = pytest.mark.parametrize("form", ["ragged", "3-D"])


def data(Estimator, form, n_samples=60):
    """Return X in a form, and y."""
    X, y = problem(Estimator, n_samples=n_samples)
    return FORMS[form](X), y


# --- any form -----------------------------------------------------------------------------
@every_form
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_cross_val_score(Estimator, form):
    X, y = data(Estimator, form)
    scores = cross_val_score(Estimator(**LEARNING), X, y, cv=3)
    assert scores.mean() > (0.8 if Estimator is LSTMClassifier else 0.5)
    assert cross_val_predict(Estimator(**LEARNING), X, y, cv=3).shape == y.shape


@every_form
@pytest.mark.parametrize("backend", ["loky", "threading"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_grid_search(Estimator, backend, form):
    X, y = data(Estimator, form)
    grid = {"hidden_size": [2, 4], "learning_rate_init": [1e-4, 0.03], "scale": ["both"]}
    alone = GridSearchCV(Estimator(**LEARNING), grid, cv=2).fit(X, y)
    with joblib.parallel_config(backend):
        search = GridSearchCV(Estimator(**LEARNING), grid, cv=2, n_jobs=2).fit(X, y)
    for key in ("split0_test_score", "split1_test_score"):
        np.testing.assert_array_equal(search.cv_results_[key], alone.cv_results_[key])
    assert search.best_params_["learning_rate_init"] == 0.03
    np.testing.assert_array_equal(raw(search.best_estimator_, X), raw(alone.best_estimator_, X))
    assert search.score(X, y) > 0.6


@every_form
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_pipeline(Estimator, form):
    X, y = data(Estimator, form)
    pipeline = Pipeline([("as it is", "passthrough"), ("lstm", Estimator(**SMALL))])
    pipeline.set_params(lstm__max_iter=5).fit(X, y)
    expected = Estimator(**SMALL | {"max_iter": 5}).fit(X, y)
    np.testing.assert_array_equal(pipeline.predict(X), expected.predict(X))
    assert pipeline.score(X, y) == expected.score(X, y)


def test_pipeline_with_a_step_of_one_s_own():
    X, y = data(LSTMClassifier, "ragged")
    first_channel = FunctionTransformer(lambda X: [x[:, 0] for x in X])
    model = make_pipeline(first_channel, LSTMClassifier(**SMALL)).fit(X, y)
    assert model[-1].n_channels_in_ == 1
    assert model.predict_proba(X).shape == (60, 2)


@every_form
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_copies(Estimator, form, tmp_path):
    X, y = data(Estimator, form)
    model = Estimator(**SMALL).fit(X, y)
    expected = raw(model, X)  # creates threads and buffers, which cannot be pickled
    joblib.dump(model, tmp_path / "model.joblib")
    copies = [pickle.loads(pickle.dumps(model)), joblib.load(tmp_path / "model.joblib")]
    if form == "ragged":
        copies.append(joblib.load(tmp_path / "model.joblib", mmap_mode="r"))  # read-only arrays
    for copy in copies:
        np.testing.assert_array_equal(raw(copy, X), expected)
        more = {"classes": [0, 1]} if Estimator is LSTMClassifier else {}
        copy.partial_fit(X, y, **more).partial_fit(X, y)
        assert copy.n_iter_ == 5
    again = clone(model)
    assert not hasattr(again, "theta_")
    np.testing.assert_array_equal(again.fit(X, y).theta_, model.theta_)
    unfitted = pickle.loads(pickle.dumps(Estimator(**SMALL)))
    np.testing.assert_array_equal(unfitted.fit(X, y).theta_, model.theta_)


@every_form
def test_calibration(form):
    X, y = data(LSTMClassifier, form)
    calibrated = CalibratedClassifierCV(LSTMClassifier(**LEARNING), cv=3).fit(X, y)
    probability = calibrated.predict_proba(X)
    np.testing.assert_allclose(probability.sum(axis=1), 1.0)
    assert calibrated.score(X, y) > 0.8


@every_form
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_frozen(Estimator, form):
    X, y = data(Estimator, form)
    model = Estimator(**LEARNING).fit(X, y)
    frozen = FrozenEstimator(model).fit(X[:10], y[:10])
    np.testing.assert_array_equal(frozen.predict(X), model.predict(X))
    if Estimator is LSTMClassifier:
        calibrated = CalibratedClassifierCV(frozen).fit(X, y)
        assert calibrated.score(X, y) > 0.8


@every_form
def test_voting(form):
    X, y = data(LSTMClassifier, form)
    members = [(f"seed {k}", LSTMClassifier(**LEARNING | {"random_state": k})) for k in range(2)]
    for voting in ("soft", "hard"):
        model = VotingClassifier(members, voting=voting).fit(X, np.where(y, "up", "down"))
        assert model.score(X, np.where(y, "up", "down")) > 0.8
    X, y = data(LSTMRegressor, form)
    members = [(f"seed {k}", LSTMRegressor(**LEARNING | {"random_state": k})) for k in range(2)]
    assert VotingRegressor(members).fit(X, y).score(X, y) > 0.5


@every_form
def test_stacking(form):
    X, y = data(LSTMClassifier, form)
    model = StackingClassifier(
        [("lstm", LSTMClassifier(**LEARNING))], LogisticRegression(), cv=2
    ).fit(X, y)
    assert model.score(X, y) > 0.8
    X, y = data(LSTMRegressor, form)
    model = StackingRegressor([("lstm", LSTMRegressor(**LEARNING))], cv=2).fit(X, y)
    assert model.score(X, y) > 0.5


@every_form
def test_around_the_target(form):
    X, y = data(LSTMRegressor, form)
    model = TransformedTargetRegressor(
        LSTMRegressor(**LEARNING), func=np.arctanh, inverse_func=np.tanh
    )
    assert model.fit(X, y * 0.9).score(X, y * 0.9) > 0.5
    several = MultiOutputRegressor(LSTMRegressor(**SMALL)).fit(X, np.column_stack([y, -y]))
    assert several.predict(X).shape == (60, 2)
    labels = np.column_stack([y > 0, y > 0.5])
    assert MultiOutputClassifier(LSTMClassifier(**SMALL)).fit(X, labels).predict(X).shape == (60, 2)


# --- tools of scikit-learn that take 2-D input only ---------------------------------------
two_d_forms = pytest.mark.parametrize("form", ["2-D", "wide"])


@two_d_forms
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_standard_scaler(Estimator, form):
    X, y = data(Estimator, form)
    for channels in (None, 3):
        model = make_pipeline(StandardScaler(), Estimator(**LEARNING, n_channels=channels))
        assert model.fit(X, y).score(X, y) > 0.5
        assert model[-1].n_channels_in_ == (channels or 1)


@two_d_forms
def test_set_output(form):
    X, y = data(LSTMClassifier, form)
    model = make_pipeline(StandardScaler(), LSTMClassifier(**SMALL)).set_output(transform="pandas")
    model.fit(X, y)
    columns = X.columns if form == "wide" else ["x0", "x1", "x2"]
    np.testing.assert_array_equal(model[-1].feature_names_in_, columns)
    np.testing.assert_array_equal(model[-1].feature_names_in_, model[0].get_feature_names_out())
    assert model.predict(X).shape == (60,)


@two_d_forms
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_bagging(form, n_jobs):
    X, y = data(LSTMClassifier, form)
    with joblib.parallel_config("threading"):
        model = BaggingClassifier(
            LSTMClassifier(**LEARNING), n_estimators=3, n_jobs=n_jobs, random_state=0
        ).fit(X, y)
    assert model.score(X, y) > 0.8
    X, y = data(LSTMRegressor, form)
    model = BaggingRegressor(LSTMRegressor(**LEARNING), n_estimators=2, random_state=0).fit(X, y)
    assert model.score(X, y) > 0.5


@two_d_forms
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_permutation_importance(Estimator, form):
    X, y = data(Estimator, form)
    X = X.copy()
    last = X.shape[1] - 1
    X = np.column_stack([np.random.default_rng(0).standard_normal((60, 2)), np.asarray(X)[:, last]])
    if form == "wide":
        X = pd.DataFrame(X).add_prefix("t")
    model = Estimator(**LEARNING, scale="channel").fit(X, y)
    importance = permutation_importance(model, X, y, n_repeats=3, random_state=0)
    assert importance.importances_mean.argmax() == last


@two_d_forms
def test_adaboost(form):
    X, y = data(LSTMRegressor, form)
    model = AdaBoostRegressor(LSTMRegressor(**LEARNING), n_estimators=3, random_state=0).fit(X, y)
    assert model.score(X, y) > 0.5


# --- metadata routing ---------------------------------------------------------------------
@pytest.fixture
def routing():
    """Enable metadata routing during a test."""
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@sequence_forms
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_sample_weight_is_routed(routing, Estimator, form):
    X, y = data(Estimator, form)
    weight = np.where(np.arange(60) % 3, 1.0, 5.0)
    model = Estimator(**SMALL).set_fit_request(sample_weight=True)
    pipeline = Pipeline([("as it is", "passthrough"), ("lstm", model)])
    routed = pipeline.fit(X, y, sample_weight=weight)[-1]
    direct = Estimator(**SMALL).fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(routed.theta_, direct.theta_)

    model.set_score_request(sample_weight=True)
    search = GridSearchCV(model, {"hidden_size": [4]}, cv=2).fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(search.best_estimator_.theta_, direct.theta_)


@sequence_forms
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_validation_set_is_routed(routing, Estimator, form):
    X, y = data(Estimator, form)
    model = Estimator(**SMALL).set_fit_request(X_val=True, y_val=True)
    pipeline = Pipeline([("as it is", "passthrough"), ("lstm", model)])
    pipeline.fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    direct = Estimator(**SMALL).fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    assert pipeline[-1].validation_scores_ == direct.validation_scores_
