"""`stream`: predictions one step at a time equal those of `predict` for the whole sequence."""

import copy
import pickle
import re

import numpy as np
import pandas as pd
import pytest

from sklstm import LSTMClassifier, LSTMRegressor
from sklstm.components.cells import CELLS
from tests.toy import ESTIMATORS, SMALL, problem, raw

STREAMED = SMALL | {"bidirectional": False, "scale": "channel", "patch_size": 1}


def fitted(Estimator=LSTMRegressor, n_samples=12, **settings):
    """Return a fitted estimator that can be streamed, and X as one array."""
    X, y = problem(Estimator, n_samples=n_samples, lengths=(9, 9))
    return Estimator(**(STREAMED | settings)).fit(X, y), np.array(X)


def method_of(Estimator):
    """Return the name of the method that gives unrounded predictions."""
    return "predict_proba" if Estimator is LSTMClassifier else "predict"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cell", sorted(CELLS))
def test_steps_give_what_predict_gives_for_the_prefix(cell, dtype):
    model, X = fitted(cell=cell, dtype=dtype, num_layers=2, pooling="concat")
    stream = model.stream(len(X))
    for t in range(X.shape[1]):
        expected = model.predict(list(X[:, : t + 1]))
        tolerance = 1e-5 if dtype == "float32" else 1e-12
        np.testing.assert_allclose(stream.step(X[:, t]), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("scale", [None, "channel"])
@pytest.mark.parametrize("pooling", ["last", "mean", "max", "concat", "attention"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_every_pooling_and_scale(Estimator, pooling, scale):
    model, X = fitted(Estimator, pooling=pooling, scale=scale, dtype="float64")
    stream = model.stream(len(X), method=method_of(Estimator))
    for t in range(X.shape[1]):
        step = stream.step(X[:, t])
        np.testing.assert_allclose(step, raw(model, list(X[:, : t + 1])), rtol=1e-12)


def test_methods_of_a_classifier():
    model, X = fitted(LSTMClassifier)
    for method in ("predict", "predict_proba", "decision_function"):
        stream = model.stream(len(X), method=method)
        for t in range(X.shape[1]):
            result = stream.step(X[:, t])
        expected = getattr(model, method)(list(X))
        assert result.shape == expected.shape
        if method == "predict":
            np.testing.assert_array_equal(result, expected)
        else:
            np.testing.assert_allclose(result, expected, rtol=1e-4)


def test_streams_do_not_see_each_other():
    model, X = fitted()
    together, alone = model.stream(len(X)), model.stream()
    for t in range(X.shape[1]):
        assert alone.step(X[3, t]) == together.step(X[:, t])[3]


def test_results_are_not_overwritten():
    model, X = fitted()
    stream = model.stream(len(X))
    first = stream.step(X[:, 0])
    kept = first.copy()
    stream.step(X[:, 1])
    np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize(
    "which",
    [[2, 5], np.array([2, 5]), np.isin(np.arange(12), [2, 5])],
    ids=["list", "array", "mask"],
)
def test_reset_of_some(which):
    model, X = fitted(pooling="concat")
    stream = model.stream(len(X))
    for t in range(4):
        stream.step(X[:, t])
    stream.reset(which)
    new = stream.step(X[:, 4])
    expected = model.predict([X[n, 4:5] if n in (2, 5) else X[n, :5] for n in range(len(X))])
    np.testing.assert_allclose(new, expected, rtol=1e-5, atol=1e-5)


def test_reset_of_all():
    model, X = fitted(pooling="concat")
    stream = model.stream(len(X))
    first = stream.step(X[:, 0])
    stream.step(X[:, 1])
    stream.reset()
    np.testing.assert_array_equal(stream.step(X[:, 0]), first)


def test_state_is_saved_and_restored():
    model, X = fitted(pooling="concat", num_layers=2)
    stream = model.stream(len(X))
    stream.step(X[:, 0])
    saved = stream.state
    expected = [stream.step(X[:, t]) for t in (1, 2, 3)]
    for other in (stream, model.stream(len(X))):
        other.state = saved
        np.testing.assert_array_equal([other.step(X[:, t]) for t in (1, 2, 3)], expected)
    assert saved["n_steps"].tolist() == [1] * len(X)
    with pytest.raises(ValueError, match="same model with the same n_streams"):
        model.stream(3).state = saved
    with pytest.raises(ValueError, match="same model"):
        stream.state = {"h": saved["h"]}


def test_a_stream_keeps_its_parameters():
    model, X = fitted()
    stream = model.stream(len(X))
    first = stream.step(X[:, 0])
    model.fit(list(X), np.arange(len(X)))
    stream.reset()
    np.testing.assert_array_equal(stream.step(X[:, 0]), first)


def test_forms_of_a_step():
    model, X = fitted()
    expected = model.stream().step(X[:1, 0])
    for x in (X[0, 0], X[0, 0].tolist(), X[:1, 0].astype(np.float32), X[:1, 0].tolist()):
        np.testing.assert_array_equal(model.stream().step(x), expected)
    x = np.asfortranarray(X[:, 0])
    np.testing.assert_array_equal(model.stream(12).step(x), model.stream(12).step(X[:, 0]))
    rng = np.random.default_rng(0)
    univariate = LSTMRegressor(**STREAMED).fit(rng.standard_normal((9, 5)), rng.standard_normal(9))
    one = univariate.stream().step(0.5)
    assert one.shape == (1,)
    assert univariate.stream(2).step([0.5, 0.7])[0] == pytest.approx(one[0], rel=1e-5)


@pytest.mark.parametrize("x", [1.0, [1.0], np.zeros((2, 2)), np.zeros((1, 3)), np.zeros((1, 1, 2))])
def test_a_step_of_another_shape_is_refused(x):
    model, _ = fitted()
    with pytest.raises(ValueError, match=r"one step of 1 stream\(s\) of 2 channel"):
        model.stream().step(x)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_changes_nothing(value):
    model, X = fitted()
    stream, other = model.stream(len(X)), model.stream(len(X))
    stream.step(X[:, 0]), other.step(X[:, 0])
    x = X[:, 1].copy()
    x[7, 1] = value
    with pytest.raises(ValueError, match="NaN or infinity"):
        stream.step(x)
    np.testing.assert_array_equal(stream.step(X[:, 1]), other.step(X[:, 1]))


@pytest.mark.parametrize("scale", ["channel", None])
@pytest.mark.parametrize("value", [1e200, -1e30])
def test_what_is_too_large_changes_nothing(value, scale):
    model, X = fitted(scale=scale, dtype="float32")
    stream, other = model.stream(len(X)), model.stream(len(X))
    stream.step(X[:, 0]), other.step(X[:, 0])
    x = X[:, 1].copy()
    x[7, 1] = value
    with pytest.raises(ValueError, match=re.escape(f"x holds {value:g}, which is too far")):
        stream.step(x)
    np.testing.assert_array_equal(stream.step(X[:, 1]), other.step(X[:, 1]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "duplicate", [lambda stream: pickle.loads(pickle.dumps(stream)), copy.copy, copy.deepcopy]
)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_copy_goes_on_from_the_same_state(Estimator, duplicate, dtype):
    """Also one that comes back from a file; each of the two then goes its own way."""
    model, X = fitted(Estimator, cell="peephole", pooling="concat", dtype=dtype)
    stream = model.stream(len(X), method=method_of(Estimator))
    for t in range(3):
        stream.step(X[:, t])
    other = duplicate(stream)
    once = stream.step(X[:, 3]).copy()
    np.testing.assert_array_equal(other.step(X[:, 3]), once)
    stream.step(X[:, 4])
    other.reset()
    np.testing.assert_array_equal(other.step(X[:, 0]), model.stream(
        len(X), method=method_of(Estimator)).step(X[:, 0]))  # fmt: skip


def test_a_copy_of_the_stream_of_an_ensemble():
    model, X = fitted(n_estimators=2)
    stream = model.stream(len(X))
    stream.step(X[:, 0])
    other = pickle.loads(pickle.dumps(stream))
    np.testing.assert_array_equal(other.step(X[:, 1]), stream.step(X[:, 1]))


def test_a_pickled_stream_keeps_the_parameters_with_which_it_was_made():
    model, X = fitted()
    content = pickle.dumps(model.stream())
    expected = model.predict(X[:1, :1])
    model.theta_ = np.zeros_like(model.theta_)
    np.testing.assert_allclose(pickle.loads(content).step(X[0, 0]), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({"bidirectional": True}, "fit with bidirectional=False"),
        ({"scale": "both"}, "fit with scale='channel'"),
        ({"scale": "sequence"}, "fit with scale='channel'"),
        ({"patch_size": 2}, "fit with patch_size=1"),
    ],
    ids=str,
)
def test_networks_that_need_the_whole_sequence_refuse(settings, advice):
    model, _ = fitted(**settings)
    with pytest.raises(ValueError, match=advice):
        model.stream()


def test_wrong_arguments():
    model, _ = fitted()
    for n_streams in (0, -1, 1.5, "2"):
        with pytest.raises(ValueError, match="n_streams"):
            model.stream(n_streams)
    with pytest.raises(ValueError, match="choose one of predict"):
        model.stream(method="predict_proba")
    with pytest.raises(ValueError, match="not fitted"):
        LSTMRegressor().stream()
    stream = model.stream(2)
    for which in ("first", [0.5]):
        with pytest.raises(ValueError, match=r"which=.*: pass the numbers of streams, or a mask"):
            stream.reset(which)
    with pytest.raises(TypeError, match=r"is a dict of arrays, .* not a NoneType"):
        stream.state = None
    with pytest.raises(ValueError, match="x is no step of numbers: could not convert string"):
        stream.step([["a", "b"], ["c", "d"]])


def test_numbers_of_channels_are_in_order():
    model, X = fitted()
    stream = model.stream()
    stream.step(pd.Series(X[0, 0]))
    with pytest.raises(ValueError, match=r"x has the channels \[1, 0\], fit had \[0, 1\]"):
        stream.step(pd.Series(X[0, 0])[::-1])


def test_names_of_channels_are_those_of_fit():
    X, y = problem(LSTMRegressor, n_samples=12, lengths=(9, 9))
    names = [f"channel {c}" for c in range(X[0].shape[1])]
    model = LSTMRegressor(**STREAMED).fit([pd.DataFrame(x, columns=names) for x in X], y)
    row, swapped = pd.Series(X[0][0], names), pd.Series(X[0][0], names)[names[::-1]]
    expected = model.stream().step(X[0][0])
    assert model.stream().step(row) == model.stream().step(row.to_frame().T) == expected
    stream = model.stream()
    for wrong in (swapped, swapped.to_frame().T, row.rename({names[0]: "other"})):
        with pytest.raises(ValueError, match="fit had"):
            stream.step(wrong)
    assert stream.step(row) == expected  # what was refused has left no trace
    assert model.stream().step(pd.Series(X[0][0])) == expected  # no names
    frame = pd.DataFrame(X[0], columns=["a", "b"])
    short = LSTMRegressor(**STREAMED).fit([frame], [1.0]).stream()
    short.step(next(frame.itertuples(index=False)))
    with pytest.raises(ValueError, match=r"x has the channels \['b', 'a'\]"):
        short.step(next(frame[["b", "a"]].itertuples(index=False)))
    with pytest.raises(ValueError, match="fit had"):
        pickle.loads(pickle.dumps(stream)).step(swapped)
    two = model.stream(2)
    with pytest.raises(ValueError, match="fit had"):
        two.step(pd.DataFrame([swapped, swapped]))
