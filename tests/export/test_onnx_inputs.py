"""`to_onnx` of what is read beside numbers: categories, static features, gaps, times."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import LSTMRegressor
from sklstm.export import to_onnx
from tests.export.models import as_input, draw_gaps, untrained, with_times
from tests.export.test_onnx import TOLERANCE, run
from tests.toy import SMALL, sequences


def with_categories(values, seed=0):
    """Return sequences whose second channel holds some of these values, and a y for each."""
    X, slope = sequences(n_channels=1)
    rng = np.random.default_rng(seed)
    return [np.hstack([x, rng.choice(values, (len(x), 1))]) for x in X], slope


@pytest.mark.parametrize("n_estimators", [1, 2])
@pytest.mark.parametrize("n_categories", [1, 2, 3, 4, 500])
def test_categories_that_fit_saw_are_found_and_others_are_unknown(
    monkeypatch, n_categories, n_estimators
):
    X, slope = with_categories(np.arange(n_categories) * 3.0)
    settings = SMALL | {"categorical_features": [1], "n_estimators": n_estimators}
    model = untrained(monkeypatch, LSTMRegressor, X, slope, **settings)
    x = as_input(X)
    x[:, 0, 1] = np.tile([-1.0, 1.0, 1e9, np.nan, 1e12, 0.0, 2.9999998, -0.0], 3)
    with pytest.warns(UserWarning, match="categories that fit did not see"):
        right = model.predict(x)
    given = run(to_onnx(model), x)["variable"][:, 0]
    np.testing.assert_allclose(given, right, rtol=TOLERANCE, atol=TOLERANCE)


def test_categories_are_found_in_single_precision(monkeypatch):
    X, slope = with_categories([0.1, 0.2, 0.7])
    model = untrained(monkeypatch, LSTMRegressor, X, slope, **SMALL, categorical_features=[1])
    given = run(to_onnx(model), as_input(X))["variable"][:, 0]
    np.testing.assert_allclose(given, model.predict(X), rtol=TOLERANCE, atol=TOLERANCE)


def test_categories_that_single_precision_confuses_are_refused(monkeypatch):
    X, slope = with_categories([1.0, 2.0**24, 2.0**24 + 1.0])
    model = untrained(monkeypatch, LSTMRegressor, X, slope, **SMALL, categorical_features=[1])
    with pytest.raises(ValueError, match=r"the category 16777217.0 of channel 'x1' equals another"):
        to_onnx(model)


def test_words_are_refused(monkeypatch):
    rows = pd.DataFrame({"word": ["a", "b"] * 12, "t": np.arange(24.0)})
    rows.index = pd.MultiIndex.from_product([range(8), range(3)])
    settings = SMALL | {"categorical_features": ["word"]}
    model = untrained(monkeypatch, LSTMRegressor, rows, np.arange(8.0), **settings)
    with pytest.raises(ValueError, match="of channel 'word' are strings, 'a' for instance"):
        to_onnx(model)


@pytest.mark.parametrize("missing", ["error", "mask"])
def test_static_columns_of_a_pipeline(monkeypatch, missing):
    """They stand among the time steps of its X."""
    rng = np.random.default_rng(0)
    X = rng.normal(5.0, 3.0, (24, 14)).astype(np.float32)
    if missing == "mask":
        X[rng.random(X.shape) < 0.2] = np.nan
        X[:, 1] = 1.0
    scaled = StandardScaler().fit(X)
    settings = SMALL | {"static_features": [3, 7], "missing": missing, "n_channels": 2}
    y = rng.standard_normal(24)
    model = untrained(monkeypatch, LSTMRegressor, scaled.transform(X), y, **settings)
    pipeline = make_pipeline(scaled, model)
    given = run(to_onnx(pipeline), X)["variable"][:, 0]
    np.testing.assert_allclose(given, pipeline.predict(X), rtol=TOLERANCE, atol=TOLERANCE)


def test_a_channel_without_any_value_in_training(monkeypatch):
    X, slope = sequences(n_channels=3)
    for x in X:
        x[:, 1] = np.nan
    for scale in ("both", "channel", "sequence", None):
        settings = SMALL | {"missing": "mask", "scale": scale}
        with pytest.warns(UserWarning, match="no value in the training data"):
            model = untrained(monkeypatch, LSTMRegressor, X, slope, **settings)
        x = as_input(X)
        x[::2, 0, 1] = 7.0
        given = run(to_onnx(model), x)["variable"][:, 0]
        np.testing.assert_allclose(given, model.predict(x), rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("scale", ["both", "sequence", None])
@pytest.mark.parametrize("missing", ["mask", "decay"])
def test_gaps_that_all_channels_fill_and_that_decay(monkeypatch, missing, scale, bidirectional):
    X = draw_gaps()
    settings = SMALL | {"missing": missing, "scale": scale, "bidirectional": bidirectional}
    model = untrained(monkeypatch, LSTMRegressor, X, np.arange(24.0), **settings)
    assert (model._chain_weights is not None) == (missing == "mask" and bidirectional)
    if missing == "decay":  # slowly, fast, and not at all
        assert 0.0 == model.decay_rates_[2] < model.decay_rates_[0] < model.decay_rates_[1]
    x = as_input(X)
    given = run(to_onnx(model), x)["variable"][:, 0]
    np.testing.assert_allclose(given, model.predict(x), rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("scale", ["both", None])
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("missing", ["error", "mask", "decay"])
def test_times(monkeypatch, missing, bidirectional, scale):
    """X has the time since the step before as its last channel, by which gaps are filled."""
    X = draw_gaps()
    if missing == "error":
        X = [np.nan_to_num(x) for x in X]
    frame, arrays = with_times(X, "s" if bidirectional else None)
    x = as_input(arrays)
    settings = SMALL | {"missing": missing, "scale": scale, "bidirectional": bidirectional}
    model = untrained(
        monkeypatch, LSTMRegressor, frame, np.arange(24.0), **settings, time_gaps=True
    )
    exported = to_onnx(model)
    given = run(exported, x)["variable"][:, 0]
    np.testing.assert_allclose(given, model.predict(frame), rtol=TOLERANCE, atol=TOLERANCE)
    (channels,) = (p.value for p in exported.metadata_props if p.key == "channels")
    assert json.loads(channels) == ["a", "b", "c", "time since the step before"]
