"""Exported regressors: the links of their losses, deviations and quantiles."""

import numpy as np
import pytest

from sklstm import LSTMRegressor
from sklstm.components import Quantile
from sklstm.export import load_parameters, to_c, to_onnx
from tests.export.models import as_input, untrained
from tests.export.test_c import COMPILERS, Compiled, assert_close
from tests.export.test_onnx import run
from tests.toy import SMALL, padded, sequences

SEVERAL = Quantile((0.1, 0.6, 0.9))


def fitted(monkeypatch, loss, n_outputs=1, per_step=False, **settings):
    """Return an estimator with random parameters, and its sequences."""
    X, slope = sequences(40)
    y = np.exp(np.column_stack([slope, 3.0 - slope])[:, :n_outputs])
    if per_step:
        y = [np.tile(row, (len(x), 1)) for row, x in zip(y, X, strict=True)]
    settings = SMALL | settings | {"dtype": "float32", "return_sequences": per_step}
    return untrained(monkeypatch, LSTMRegressor, X, y, loss=loss, **settings), X


def same(given, right):
    """Compare float32 with the estimator."""
    np.testing.assert_allclose(given, right, rtol=1e-5, atol=1e-5 * np.nanmax(np.abs(right)))


@pytest.mark.parametrize("n_estimators", [1, 3])
@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("loss", ["poisson", "gamma", "tweedie", "gaussian", SEVERAL], ids=str)
def test_onnx(monkeypatch, loss, n_outputs, n_estimators):
    model, X = fitted(monkeypatch, loss, n_outputs, n_estimators=n_estimators)
    outputs = run(to_onnx(model), as_input(X))
    same(outputs.pop("variable"), model.predict(X).reshape(40, n_outputs))
    if loss == "gaussian":
        same(outputs.pop("std"), model.predict(X, return_std=True)[1].reshape(40, n_outputs))
    if loss is SEVERAL:
        quantiles = outputs.pop("quantiles")
        same(quantiles, model.predict_quantiles(X).reshape(40, n_outputs, 3))
        assert (np.diff(quantiles) >= 0.0).all()
    assert not outputs


@pytest.mark.parametrize("loss", ["gamma", "gaussian", SEVERAL], ids=str)
def test_onnx_of_every_step(monkeypatch, loss):
    model, X = fitted(monkeypatch, loss, 2, per_step=True)
    outputs = run(to_onnx(model), as_input(X))
    same(outputs["variable"], padded(model.predict(X)))
    if loss == "gaussian":
        same(outputs["std"], padded(model.predict(X, return_std=True)[1]))
    if loss is SEVERAL:
        flat = [steps.reshape(len(steps), -1) for steps in model.predict_quantiles(X)]
        right = padded(flat).reshape(len(X), -1, 2, 3)
        same(outputs["quantiles"], right)


@pytest.mark.skipif(not COMPILERS, reason="no C compiler")
@pytest.mark.parametrize("loss", ["poisson", "gamma", "tweedie"])
def test_c(monkeypatch, tmp_path, loss):
    model, X = fitted(monkeypatch, loss, 2)
    compiled = Compiled(model, tmp_path)
    assert_close(model, np.array([compiled.predict(x) for x in X]), model.predict(X))


@pytest.mark.parametrize("loss", ["gaussian", SEVERAL], ids=str)
def test_c_has_one_number_for_each_output(monkeypatch, tmp_path, loss):
    model, _ = fitted(monkeypatch, loss)
    with pytest.raises(ValueError, match=r"several numbers for each output.*or use to_onnx"):
        to_c(model, tmp_path / "model.c")


def test_other_parameters_have_other_errors(monkeypatch):
    model, X = fitted(monkeypatch, "squared_error")
    model.conformalize(X, model.predict(X) + 1.0)
    load_parameters(model, {"head_bias": [0.5]})
    assert not hasattr(model, "conformity_scores_")
