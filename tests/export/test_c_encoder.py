"""`to_c` of networks with self-attention."""

import numpy as np
import pytest

from sklstm import LSTMClassifier, LSTMRegressor
from sklstm.components import Convolutions, SelfAttention
from tests.export.models import untrained
from tests.export.test_c import Compiled, assert_close, needs_compiler
from tests.toy import SMALL, sequences

pytestmark = needs_compiler


def rounded(model):
    """Return a network in double precision with parameters of single precision, as the file's.

    These networks magnify rounding: predict in single precision is off by as much as the file.
    """
    assert model.dtype_ == "float64"
    model.theta_ = model.theta_.astype(np.float32).astype(np.float64)
    return model


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(
    "settings",
    [
        {"pooling": "last", "scale": "channel", "patch_size": 1},
        {"pooling": "concat", "num_layers": 2, "patch_size": 2},
        {"pooling": "attention"},
        {"return_sequences": True},
    ],
    ids=["last", "concat", "attention", "every step"],
)
def test_self_attention(monkeypatch, tmp_path, settings, bidirectional):
    """If no layer reads later steps, none are read."""
    X, slope = sequences()
    y = slope
    if "return_sequences" in settings:
        y = [np.full(len(x), value) for x, value in zip(X, slope, strict=True)]
    attention = SelfAttention(n_layers=2, n_heads=2, feed_forward_size=5)
    settings = SMALL | settings | {"bidirectional": bidirectional, "attention": attention}
    model = rounded(untrained(monkeypatch, LSTMRegressor, X, y, **settings))
    compiled = Compiled(model, tmp_path)
    given = np.concatenate([compiled.predict(x).ravel() for x in X])
    assert_close(model, given, np.hstack(model.predict(X)))
    assert "model_step" not in compiled.header


def test_self_attention_without_recurrent_layers(monkeypatch, tmp_path):
    X, slope = sequences()
    settings = {"front": Convolutions(4, width=3, stride=2), "num_layers": 0, "branch": None}
    attention = SelfAttention(n_heads=2)
    model = rounded(
        untrained(monkeypatch, LSTMRegressor, X, slope, **settings, attention=attention)
    )
    compiled = Compiled(model, tmp_path)
    assert_close(model, [compiled.predict(x)[0] for x in X], model.predict(X))


def test_self_attention_beside_static_features_and_categories(monkeypatch, tmp_path):
    """What is read of x and what attention keeps share a part of the workspace."""
    X, slope = sequences(n_channels=3)
    X = [np.column_stack([x, np.arange(len(x)) % 3, np.full(len(x), k)]) for k, x in enumerate(X)]
    X = [x.astype(np.float32) for x in X]
    settings = SMALL | {"static_features": [4], "categorical_features": [3], "attention": "self"}
    model = rounded(untrained(monkeypatch, LSTMClassifier, X, slope > 0.0, **settings))
    compiled = Compiled(model, tmp_path)
    assert_close(model, [compiled.predict(x) for x in X], model.predict_proba(X))
