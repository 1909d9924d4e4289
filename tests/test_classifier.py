"""Labels in, probabilities out."""

import numpy as np
import pandas as pd
import pytest
from sklearn.utils.class_weight import compute_sample_weight

from sklstm import LSTMClassifier
from sklstm.datasets import load_japanese_vowels
from tests.toy import SMALL, problem, sequences

ONE_HOT_IS_MEANT = pytest.mark.filterwarnings("ignore:y was read as labels that do not exclude")
LEARNING = {"hidden_size": 6, "max_iter": 60, "learning_rate_init": 0.02, "random_state": 0}


def three_classes():
    """Return sequences in three classes of slopes."""
    X, slope = sequences(60)
    return X, np.digitize(slope, [-0.65, 0.65])


@pytest.mark.slow
def test_japanese_vowels():
    X, y = load_japanese_vowels(return_X_y=True, subset="train")
    X_test, y_test = load_japanese_vowels(return_X_y=True, subset="test")
    assert LSTMClassifier(random_state=0).fit(X, y).score(X_test, y_test) >= 0.97


LABELS = {
    "ints": np.array([7, -2, 3]),
    "strings": np.array(["up", "down", "flat"]),
    "object strings": np.array(["up", "down", "flat"], object),
    "floats": np.array([2.0, -1.0, 0.0]),
    "unsigned": np.array([200, 3, 7], np.uint8),
}


@pytest.mark.parametrize("container", [np.asarray, list, pd.Series, pd.Categorical])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("labels", LABELS)
def test_labels_of_any_type(labels, n_classes, container):
    X, place = three_classes()
    labels = LABELS[labels][:n_classes]
    y = labels[place % n_classes]
    model = LSTMClassifier(**LEARNING).fit(X, container(y))
    np.testing.assert_array_equal(model.classes_, np.unique(labels))
    predicted = model.predict(X)
    assert predicted.dtype == model.classes_.dtype
    assert np.mean(predicted == y) == model.score(X, container(y)) > 0.8
    # class names have no effect other than the order of the classes
    plain = LSTMClassifier(**LEARNING).fit(X, np.searchsorted(model.classes_, y))
    np.testing.assert_array_equal(plain.theta_, model.theta_)


def test_bool_labels():
    X, y = problem(LSTMClassifier)
    model = LSTMClassifier(**LEARNING).fit(X, y == 1)
    assert model.predict(X).dtype == bool
    assert model.score(X, y == 1) > 0.9


def test_binary():
    X, y = problem(LSTMClassifier)
    model = LSTMClassifier(**SMALL).fit(X, y)
    assert (model.out_activation_, model.n_outputs_) == ("logistic", 1)
    decision, probability = model.decision_function(X), model.predict_proba(X)
    assert decision.shape == (24,)
    assert probability.shape == (24, 2)
    assert decision.dtype == probability.dtype == np.float64
    np.testing.assert_allclose(probability.sum(axis=1), 1.0)
    np.testing.assert_allclose(probability[:, 1], 1.0 / (1.0 + np.exp(-decision)))
    assert 0 < (decision > 0).sum() < 24
    np.testing.assert_array_equal(model.predict(X), (decision > 0).astype(int))
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), probability)


def test_multiclass():
    X, y = three_classes()
    model = LSTMClassifier(**LEARNING).fit(X, y)
    assert (model.out_activation_, model.n_outputs_) == ("softmax", 3)
    decision, probability = model.decision_function(X), model.predict_proba(X)
    assert decision.shape == probability.shape == (60, 3)
    odds = np.exp(decision)
    np.testing.assert_allclose(probability, odds / odds.sum(axis=1, keepdims=True))
    np.testing.assert_array_equal(model.predict(X), probability.argmax(axis=1))
    assert model.score(X, y) > 0.8


@ONE_HOT_IS_MEANT
@pytest.mark.parametrize("n_labels", [1, 2, 3])
def test_multilabel(n_labels):
    X, slope = sequences(60)
    y = np.column_stack([slope > 0, slope < 0, np.ones(60)])[:, :n_labels].astype(int)
    if n_labels == 1:  # scikit-learn treats this as a column of classes
        with pytest.warns(match="column-vector"):
            model = LSTMClassifier(**LEARNING).fit(X, y)
        assert model.predict(X).shape == (60,)
        return
    model = LSTMClassifier(**LEARNING).fit(X, y)
    assert (model.out_activation_, model.n_outputs_) == ("logistic", n_labels)
    np.testing.assert_array_equal(model.classes_, np.arange(n_labels))
    decision, probability = model.decision_function(X), model.predict_proba(X)
    assert decision.shape == probability.shape == (60, n_labels)
    np.testing.assert_allclose(probability, 1.0 / (1.0 + np.exp(-decision)))
    np.testing.assert_array_equal(model.predict(X), (probability > 0.5).astype(int))
    assert model.score(X, y) > 0.8
    doubtful = LSTMClassifier(**SMALL).fit(X, y)
    probability = doubtful.predict_proba(X)
    np.testing.assert_array_equal(doubtful.predict(X), (probability > 0.5).astype(int))
    assert ((probability > 0.5) & (probability < 0.6)).any()


@ONE_HOT_IS_MEANT
def test_extreme_scores():
    """Extreme scores give neither a warning nor a NaN."""
    X, y = problem(LSTMClassifier)
    for target in (y, np.column_stack([y, 1 - y]), np.arange(24) % 3):
        model = LSTMClassifier(**SMALL).fit(X, target)
        model.theta_ = model.theta_ * 1e6
        probability = model.predict_proba(X)
        assert ((probability >= 0) & (probability <= 1)).all()
        assert (model.predict_log_proba(X) <= 0).all()


# --- class weights ------------------------------------------------------------------------
FULL_BATCH = SMALL | {"dtype": "float64", "batch_size": 1000, "max_iter": 10}


@pytest.mark.parametrize("class_weight", ["balanced", {0: 1.0, 1: 3.0, 2: 0.5}, {1: 4.0}], ids=str)
def test_class_weight_is_a_sample_weight(class_weight):
    X, y = three_classes()
    weighted = LSTMClassifier(**FULL_BATCH, class_weight=class_weight).fit(X, y)
    by_sample = compute_sample_weight(class_weight, y)
    expected = LSTMClassifier(**FULL_BATCH).fit(X, y, sample_weight=by_sample)
    np.testing.assert_allclose(weighted.theta_, expected.theta_, rtol=1e-9, atol=1e-12)
    unweighted = LSTMClassifier(**FULL_BATCH).fit(X, y)
    assert abs(unweighted.theta_ - weighted.theta_).max() > 1e-4


def test_class_weight_by_name():
    X, y = np.ones((24, 3)), np.repeat(["no", "yes"], 12)  # only class frequencies can be learned
    model = LSTMClassifier(**LEARNING, class_weight={"no": 1.0, "yes": 4.0}).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X[:1]), [[0.2, 0.8]], atol=0.02)


def test_balanced_goes_with_partial_fit():
    """A batch may lack some classes."""
    X, y = three_classes()
    model = LSTMClassifier(**LEARNING, class_weight="balanced")
    order = np.argsort(y, kind="stable")
    for part in np.array_split(order, 4):
        model.partial_fit([X[k] for k in part], y[part], classes=[0, 1, 2])
    assert model.predict_proba(X).shape == (60, 3)
    assert np.isfinite(model.theta_).all()


@ONE_HOT_IS_MEANT
def test_class_weight_of_labels_side_by_side():
    X, y = problem(LSTMClassifier)
    model = LSTMClassifier(**SMALL, class_weight="balanced")
    with pytest.raises(ValueError, match="class_weight does not apply to multi-label y"):
        model.fit(X, np.column_stack([y, 1 - y]))


# --- errors -------------------------------------------------------------------------------
def test_a_single_class():
    X, _ = sequences()
    with pytest.raises(ValueError, match=r"one class only, .*3.*at least two classes"):
        LSTMClassifier(**SMALL).fit(X, np.full(24, 3))


def test_continuous_labels():
    X, _ = sequences()
    with pytest.raises(ValueError, match=r"(?i)label type"):
        LSTMClassifier(**SMALL).fit(X, np.linspace(0, 1, 24))


def test_partial_fit_needs_classes_once():
    X, y = problem(LSTMClassifier)
    model = LSTMClassifier(**SMALL)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        model.partial_fit(X, y)
    model.partial_fit(X[:1], y[:1], classes=[1, 0, 2])  # one sample of one of three classes
    np.testing.assert_array_equal(model.classes_, [0, 1, 2])
    assert model.partial_fit(X, y).predict_proba(X).shape == (24, 3)
    assert model.partial_fit(X, y, classes=[2, 1, 0]).n_iter_ == 3
    with pytest.raises(ValueError, match=r"classes=\[0, 1\] is not what the first call"):
        model.partial_fit(X, y, classes=[0, 1])


def test_classes_of_any_type():
    X, y = problem(LSTMClassifier)
    names = np.array(["no", "yes"], np.dtypes.StringDType())
    expected = LSTMClassifier(**SMALL).partial_fit(X, y, classes=[0, 1])
    model = LSTMClassifier(**SMALL).partial_fit(X, names[y], classes=names)
    np.testing.assert_array_equal(model.theta_, expected.theta_)
    assert model.classes_.tolist() == ["no", "yes"]


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ({0, 1}, r"classes is a set, .* pass list\(classes\)"),
        (["a", None], "classes holds NaN, NA or None, which is no label"),
        ([0.0, np.nan], "classes holds NaN, NA or None, which is no label"),
        (2, "classes=2: pass a list of all labels"),
    ],
)
def test_classes_that_are_none(classes, message):
    X, y = problem(LSTMClassifier)
    with pytest.raises(ValueError, match=message):
        LSTMClassifier(**SMALL).partial_fit(X, y, classes=classes)


@ONE_HOT_IS_MEANT
def test_partial_fit_multilabel():
    X, y = problem(LSTMClassifier)
    model = LSTMClassifier(**SMALL)
    for _ in range(2):
        model.partial_fit(X, np.column_stack([y, 1 - y]))
    assert model.predict(X).shape == (24, 2)
    objects = LSTMClassifier(**SMALL).partial_fit(X, np.column_stack([y, 1 - y]).astype(object))
    np.testing.assert_array_equal(
        objects.partial_fit(X, np.column_stack([y, 1 - y])).theta_, model.theta_
    )
    with pytest.raises(ValueError, match="not of the kind seen in fit"):
        model.partial_fit(X, y)
    with pytest.raises(ValueError, match="not of the kind seen in fit"):
        model.partial_fit(X, np.column_stack([y, y, y]))


@pytest.mark.parametrize(
    ("y", "unknown"), [([0, 1], [1, 2]), (["a", "c"], ["a", "b"]), ([0, 1], [0.0, 0.5])], ids=str
)
def test_unknown_labels(y, unknown):
    X = np.arange(8.0).reshape(2, 4)
    model = LSTMClassifier(**SMALL, warm_start=True).fit(X, y)
    theta = model.theta_
    message = r"labels not seen before: entry 1 is .*known are .*warm_start=False"
    for fit in (model.fit, model.partial_fit):
        if unknown == [0.0, 0.5]:
            message = "(?i)label"
        with pytest.raises(ValueError, match=message):
            fit(X, unknown)
    with pytest.raises(ValueError, match=r"(?i)label"):
        model.set_params(warm_start=False).fit(X, y, X_val=X, y_val=unknown)
    assert theta is not None
