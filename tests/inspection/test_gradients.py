import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from sklstm import LSTMClassifier, LSTMRegressor, Sequences
from sklstm.inspection import input_gradients
from tests.inspection.networks import NETWORKS, finite_differences, fitted, score
from tests.toy import padded


def assert_close(actual, expected, tolerance):
    """Check the largest error, relative to the largest value."""
    actual, expected = np.concatenate(list(actual)), np.concatenate(list(expected))
    assert np.abs(actual - expected).max() <= tolerance * np.abs(expected).max()


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_equal_finite_differences(name):
    model, X = fitted(name)
    X = X[:4]
    target = model.classes_[0] if hasattr(model, "classes_") else None
    if NETWORKS[name][1] > 1 and target is None:
        target = 1
    gradients = input_gradients(model, X, target=target)
    assert [g.shape for g in gradients] == [x.shape for x in X]
    assert_close(gradients, finite_differences(lambda X: score(model, X, target), X), 1e-6)


@pytest.mark.parametrize(
    "name", ["two classes", "layers", "class of every step", "ensemble", "ensemble, two classes"]
)
def test_gradients_of_a_probability(name):
    model, X = fitted(name)
    for target in model.classes_:
        gradients = input_gradients(model, X[:3], target=target, response="probability")
        expected = finite_differences(lambda X, k=target: score(model, X, k, "probability"), X[:3])
        assert_close(gradients, expected, 1e-6)


def test_gradients_of_an_early_step():
    model, X = fitted("every step", bidirectional=False, scale="channel")
    for step in (1, -3):
        gradients = input_gradients(model, X[:3], step=step)
        expected = finite_differences(lambda X, s=step: score(model, X, step=s), X[:3])
        assert_close(gradients, expected, 1e-6)
        for x, gradient in zip(X, gradients, strict=False):
            assert not gradient[(step if step > 0 else len(x) + step) + 1 :].any()
            assert gradient.any()


def test_the_default_target_is_the_predicted_class():
    model, X = fitted("layers")
    predicted = input_gradients(model, X)
    for i, label in enumerate(model.predict(X)):
        alone = input_gradients(model, X[i : i + 1], target=label)[0]
        np.testing.assert_allclose(predicted[i], alone, rtol=1e-12, atol=1e-15)
    each = input_gradients(model, X, target=model.predict(X))
    for one, other in zip(predicted, each, strict=True):
        np.testing.assert_array_equal(one, other)


def test_threads_change_no_bit():
    for name in ("defaults of the classifier", "defaults of the regressor"):
        one, X = fitted(name, lengths=(20, 90), n_jobs=1, hidden_size=64)
        two, _ = fitted(name, lengths=(20, 90), n_jobs=3, hidden_size=64)
        X = X * 5
        for a, b in zip(input_gradients(one, X), input_gradients(two, X), strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_long_sequence_keeps_fewer_states(monkeypatch):
    from sklstm._network import workspaces

    model, X = fitted("peephole", lengths=(40, 60))
    whole = input_gradients(model, X[:5])
    monkeypatch.setattr(workspaces, "_KEPT_BYTES", 0)
    assert_close(input_gradients(model, X[:5]), whole, 1e-12)


def test_float32_networks_are_differentiated_in_double_precision():
    model, X = fitted("layers", dtype="float32")
    single = input_gradients(model, X, target="a")
    model.dtype_ = "float64"
    double = input_gradients(model, X, target="a")
    for one, other in zip(single, double, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_channel_constant_in_a_sequence_has_no_gradient_through_its_own_scale():
    model, X = fitted("own scale")
    x = X[0].copy()
    x[:, 1] = 7.0
    gradient = input_gradients(model, [x], target=0)[0]
    assert gradient[:, 0].any()
    assert not gradient[:, 1].any()


# --- forms of X -----------------------------------------------------------------------------
@pytest.mark.parametrize("missing", ["mask", "decay"])
def test_a_gap_without_a_value_before_it_has_no_gradient_through_its_own_scale(missing):
    rng = np.random.default_rng(0)
    X = list(rng.standard_normal((12, 4, 2)) + 3.0)
    for x in X[::2]:
        x[:2, 1] = np.nan  # a network of one direction reads no later value there
    model = LSTMRegressor(
        missing=missing, bidirectional=False, hidden_size=3, max_iter=2, random_state=0
    ).fit(X, [x[-1, 0] for x in X])
    expected = finite_differences(lambda X: model.predict(X), X[:3])
    expected = [np.nan_to_num(of_sample) for of_sample in expected]
    assert_close(input_gradients(model, X[:3]), expected, 1e-6)


def test_the_answer_has_the_form_of_x():
    model, X = fitted("layers")
    expected = input_gradients(model, X, target="b")
    filled = input_gradients(model, padded(X, 12), target="b")
    assert filled.shape == (24, 12, 2)
    assert filled.sum() == pytest.approx(sum(g.sum() for g in expected))
    frame = pd.concat({i: pd.DataFrame(x, columns=["u", "v"]) for i, x in enumerate(X)})
    frame.index.names = ["sample", "time"]
    named = clone(model).fit(frame, model.predict(X))
    named.theta_ = model.theta_
    long = input_gradients(named, frame, target="b")
    assert long.index.equals(frame.index) and list(long.columns) == ["u", "v"]
    table = frame.reset_index().sample(frac=1.0, random_state=0)
    X_table = Sequences.from_frame(table, sample="sample", time="time")
    sequences = input_gradients(named, X_table[np.array([3, 1, 3])], target="b")
    assert sequences.to_frame().columns.tolist() == ["sample", "time", "u", "v"]
    for i, x in enumerate(X):
        np.testing.assert_array_equal(filled[i, : len(x)], expected[i])
        assert not filled[i, len(x) :].any()
        np.testing.assert_array_equal(long.loc[i].to_numpy(), expected[i])
    ids = X_table.ids
    for place, i in enumerate([3, 1, 3]):
        np.testing.assert_allclose(sequences[place], expected[ids[i]], rtol=1e-12, atol=1e-15)


def test_the_answer_for_series_in_rows_has_their_shape():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((20, 6))
    model = LSTMRegressor(hidden_size=3, max_iter=2, random_state=0).fit(X, X[:, 0])
    expected = input_gradients(model, X)
    assert expected.shape == X.shape
    np.testing.assert_array_equal(input_gradients(model, X.tolist()), expected)
    frame = pd.DataFrame(X, columns=[f"t{t}" for t in range(6)])
    model.fit(frame, X[:, 0])
    answer = input_gradients(model, frame)
    assert answer.columns.equals(frame.columns)
    np.testing.assert_array_equal(answer.to_numpy(), expected)
    series = [x[: 3 + i % 4] for i, x in enumerate(X)]
    assert [g.shape for g in input_gradients(model, series)] == [x.shape for x in series]
    cells = np.empty(20, object)
    cells[:] = series
    assert [g.shape for g in input_gradients(model, cells)] == [(len(x), 1) for x in series]
    model.set_params(n_channels=2).fit(X, X[:, 0])
    assert input_gradients(model, X).shape == X.shape


# --- errors ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"target": "d"}, r"target='d' is none of \['a', 'b', 'c'\]"),
        ({"target": ["a", "b"]}, "one for each of 24"),
        ({"response": "logit"}, "choose 'raw' or 'probability'"),
        ({"step": 2}, "return_sequences=True"),
    ],
)
def test_bad_arguments(arguments, message):
    model, X = fitted("layers")
    with pytest.raises(ValueError, match=message):
        input_gradients(model, X, **arguments)


def test_bad_arguments_of_other_estimators():
    model, X = fitted("own scale")
    with pytest.raises(ValueError, match=r"2 outputs: choose the one to explain.*\[0, 1\]"):
        input_gradients(model, X)
    with pytest.raises(ValueError, match="is for classifiers"):
        input_gradients(model, X, target=0, response="probability")
    model, X = fitted("every step")
    with pytest.raises(ValueError, match=r"sample . of X has . time steps"):
        input_gradients(model, X, step=8)
    with pytest.raises(ValueError, match="not fitted"):
        input_gradients(LSTMClassifier(), X)
    X[2][0, 0] = np.nan
    with pytest.raises(ValueError, match="sample 2, time step 0, channel 0"):
        input_gradients(model, X)
