"""`transform`: what the head reads, as a transformer of scikit-learn."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import (
    check_global_output_transform_pandas,
    check_set_output_transform,
    check_set_output_transform_pandas,
    check_transformer_get_feature_names_out,
    check_transformer_get_feature_names_out_pandas,
    estimator_checks_generator,
)

from sklstm import LSTMClassifier, LSTMRegressor, Sequences
from sklstm.components import FCN, Convolutions
from tests.toy import ESTIMATORS, SMALL, problem, sequences

NETWORKS = {
    "last": {},
    "three": {"pooling": "concat", "num_layers": 2},
    "attention": {"pooling": "attention", "bidirectional": False},
    "branch": {"branch": FCN((3, 4)), "patch_size": 2},
    "convolutions alone": {"num_layers": 0, "front": Convolutions(5), "pooling": "mean"},
    "self-attention": {"attention": "self"},
}


def long_frame(X):
    """Return sequences as a DataFrame with an index of sample and step."""
    index = pd.MultiIndex.from_tuples(
        [(f"s{i}", t) for i, x in enumerate(X) for t in range(len(x))], names=["sample", "t"]
    )
    return pd.DataFrame(np.vstack(X), index=index, columns=["a", "b"])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_the_head_makes_the_prediction_of_them(network, dtype):
    X, y = problem(LSTMRegressor)
    model = LSTMRegressor(**SMALL | network, dtype=dtype, dropout=0.3).fit(X, y)
    features = model.transform(X)
    parameters = model.parameters_
    assert features.shape == (24, parameters["head_weight"].shape[1])
    assert features.dtype == np.float64
    raw = features @ parameters["head_weight"][0] + parameters["head_bias"][0]
    predicted = raw * model.target_scale_ + model.target_mean_
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    np.testing.assert_allclose(predicted, model.predict(X), rtol=tolerance, atol=tolerance)
    assert len(model.get_feature_names_out()) == features.shape[1]
    assert abs(features).max() > 0.01


def test_static_features_are_among_them():
    X, y = problem(LSTMRegressor)
    X = [np.column_stack([x, np.full(len(x), float(k % 5))]) for k, x in enumerate(X)]
    features = LSTMRegressor(**SMALL, static_features=[2]).fit(X, y).transform(X)
    assert features.shape == (24, 9)
    assert abs(np.corrcoef(features[:, 8], np.arange(24) % 5)[0, 1]) > 0.999


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_members_are_side_by_side(Estimator):
    X, y = problem(Estimator)
    model = Estimator(**SMALL, n_estimators=3).fit(X, y)
    expected = np.hstack([member.transform(X) for member in model.estimators_])
    np.testing.assert_array_equal(model.transform(X), expected)
    assert len(model.get_feature_names_out()) == expected.shape[1]


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_threads_copies_and_parts_of_x_change_nothing(Estimator):
    X, y = sequences(150)
    y = y > 0 if Estimator is LSTMClassifier else y
    model = Estimator(**SMALL).fit(X, y)
    features = model.transform(X)
    np.testing.assert_array_equal(model.set_params(n_jobs=3).transform(X), features)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).transform(X), features)
    np.testing.assert_allclose(model.transform(X[5:7]), features[5:7], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(clone(model).fit_transform(X, y), features)


def test_every_step():
    X, _ = sequences()
    y = [x[:, 0] for x in X]
    model = LSTMRegressor(**SMALL, return_sequences=True).fit(X, y)
    features = model.transform(X)
    assert [x.shape for x in features] == [(len(x), 8) for x in X]
    weight, bias = model.parameters_["head_weight"][0], model.parameters_["head_bias"][0]
    raw = features[3] @ weight + bias
    predicted = raw * model.target_scale_ + model.target_mean_
    np.testing.assert_allclose(predicted, model.predict(X)[3], rtol=1e-6, atol=1e-6)
    model.set_output(transform="pandas")
    with pytest.raises(ValueError, match=r"features for each time step.*transform='default'"):
        model.transform(X)
    frame = long_frame(X)
    table = model.fit(frame, pd.Series(np.concatenate(y), frame.index)).transform(frame)
    pd.testing.assert_index_equal(table.index, frame.index)
    np.testing.assert_array_equal(table.to_numpy(), np.vstack(features))


def test_a_table_of_features_has_the_index_of_the_samples():
    X, y = problem(LSTMRegressor)
    features = LSTMRegressor(**SMALL).fit_transform(X, y)
    frame, samples = long_frame(X), [f"s{i}" for i in range(24)]
    table = Sequences.from_frame(frame.reset_index(), sample="sample", time="t")
    for container, index in ((frame, samples), (table, samples), (X, list(range(24)))):
        model = LSTMRegressor(**SMALL).set_output(transform="pandas").fit(container, y)
        for result in (model.transform(container), clone(model).fit_transform(container, y)):
            np.testing.assert_array_equal(result.to_numpy(), features)
            assert list(result.columns) == [f"lstmregressor{i}" for i in range(8)]
            assert list(result.index) == index


def test_a_wide_frame_keeps_its_index():
    X = np.random.default_rng(0).standard_normal((24, 9))
    frame = pd.DataFrame(X, index=[f"p{i}" for i in range(24)]).add_prefix("t")
    model = LSTMRegressor(**SMALL).fit(frame, X[:, 0]).set_output(transform="pandas")
    assert list(model.transform(frame).index) == list(frame.index)


def test_it_feeds_other_estimators():
    X, y = problem(LSTMClassifier, n_samples=60)
    network = LSTMClassifier(hidden_size=4, front=None, branch=None, random_state=0, max_iter=20)
    pipeline = make_pipeline(network, StandardScaler(), LogisticRegression())
    assert pipeline.fit(X, y).score(X, y) > 0.9
    names = pipeline[:-1].get_feature_names_out()
    assert list(names) == [f"lstmclassifier{i}" for i in range(8)]
    search = GridSearchCV(
        pipeline, {"lstmclassifier__hidden_size": [2, 4], "logisticregression__C": [0.1, 1.0]}, cv=2
    ).fit(X, y)
    assert search.best_score_ > 0.8
    groups = KMeans(2, n_init=3, random_state=0).fit_predict(network.fit_transform(X, y))
    assert max(np.mean(groups == y), np.mean(groups != y)) > 0.8


@pytest.mark.parametrize("parameters", [{"n_estimators": 2}, {"pooling": "mean"}], ids=str)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_estimator_checks(Estimator, parameters):
    settings = {"hidden_size": 4, "max_iter": 5, "front": None, "branch": None}
    names = set()
    for estimator, check in estimator_checks_generator(Estimator(**settings | parameters)):
        if "transformer" in check.func.__name__ or "set_output" in check.func.__name__:
            check(estimator)
            names.add(check.func.__name__)
    assert len(names) >= 5


@pytest.mark.parametrize(
    "check",
    [
        check_global_output_transform_pandas, check_set_output_transform,
        check_set_output_transform_pandas, check_transformer_get_feature_names_out,
        check_transformer_get_feature_names_out_pandas,
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:X (does not have valid|has) feature names")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_further_checks_of_transformers(Estimator, check):
    check(Estimator.__name__, Estimator(**SMALL))
