"""Exported regressors: the links of their losses, deviations and quantiles."""

import numpy as np
import pytest

from sklstm import LSTMRegressor
from sklstm.components import Quantile
from sklstm.export import load_parameters, to_onnx
from tests.export.models import as_input, untrained
from tests.export.test_c import Compiled, assert_close, needs_compiler
from tests.export.test_onnx import run
from tests.test_survival import records
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


@needs_compiler
@pytest.mark.parametrize("loss", ["poisson", "gamma", "tweedie"])
def test_c(monkeypatch, tmp_path, loss):
    model, X = fitted(monkeypatch, loss, 2)
    compiled = Compiled(model, tmp_path)
    assert_close(model, np.array([compiled.predict(x) for x in X]), model.predict(X))


@needs_compiler
@pytest.mark.parametrize("per_step", [False, True])
@pytest.mark.parametrize("loss", ["gaussian", SEVERAL], ids=str)
def test_c_has_deviations_and_quantiles_behind_each_value(monkeypatch, tmp_path, loss, per_step):
    model, X = fitted(monkeypatch, loss, 2, per_step)
    if loss == "gaussian":
        parts = [part[..., np.newaxis] for part in stacked(model.predict(X, return_std=True))]
        kind = "of each output the value, then its standard deviation"
    else:
        parts = [*stacked([model.predict(X), model.predict_quantiles(X)])]
        parts[0] = parts[0][..., np.newaxis]
        kind = "of each output the value, then the quantiles 0.1, 0.6, 0.9"
    right = np.concatenate(parts, axis=-1)
    compiled = Compiled(model, tmp_path)
    given = np.vstack([compiled.predict(x) for x in X])
    assert_close(model, given, right.reshape(len(right), -1))
    assert f"/* {kind} */" in compiled.header


def survivors(monkeypatch, **settings):
    """Return an estimator of survival with random parameters, and its sequences."""
    X, y = records(40)
    settings = SMALL | settings | {"dtype": "float32"}
    return untrained(monkeypatch, LSTMRegressor, X, y, loss="survival", **settings), X


@pytest.mark.parametrize("n_estimators", [1, 3])
def test_onnx_has_survival_curves(monkeypatch, n_estimators):
    model, X = survivors(monkeypatch, n_estimators=n_estimators)
    outputs = run(to_onnx(model), as_input(X))
    same(outputs.pop("variable")[:, 0], model.predict(X))
    same(outputs.pop("survival"), model.predict_survival(X))
    assert not outputs


@needs_compiler
@pytest.mark.parametrize("n_estimators", [1, 3])
def test_c_has_survival_curves(monkeypatch, tmp_path, n_estimators):
    model, X = survivors(monkeypatch, n_estimators=n_estimators)
    compiled = Compiled(model, tmp_path)
    right = np.column_stack([model.predict(X), model.predict_survival(X)])
    given = np.vstack([compiled.predict(x) for x in X])
    np.testing.assert_allclose(given, right, rtol=1e-5, atol=1e-7)
    assert "/* the expected time, then the probability of no event up to 0." in compiled.header


def stacked(results):
    """Return results as arrays, those of every step one sequence after another."""
    return [np.concatenate(r) if isinstance(r, list) else r for r in results]


def test_other_parameters_have_other_errors(monkeypatch):
    model, X = fitted(monkeypatch, "squared_error")
    model.conformalize(X, model.predict(X) + 1.0)
    load_parameters(model, {"head_bias": [0.5]})
    assert not hasattr(model, "conformity_scores_")
