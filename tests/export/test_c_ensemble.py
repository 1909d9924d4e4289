"""`to_c` of ensembles: a file for each member, and one that makes a prediction of all."""

import numpy as np
import pytest

from sklstm import LSTMRegressor
from sklstm.components import Quantile, SquaredError
from sklstm.components.losses import LOSSES, BinaryCrossEntropy, CrossEntropy
from sklstm.export import to_c
from sklstm.export._c.ensemble import _COMBINATIONS
from tests.export.models import draw_target, expected, untrained
from tests.export.test_c import Compiled, assert_close, needs_compiler, with_codes
from tests.toy import SMALL, sequences

pytestmark = needs_compiler
ENSEMBLE = SMALL | {"n_estimators": 3, "dtype": "float32"}
STREAM = {"bidirectional": False, "scale": "channel"}


@pytest.mark.parametrize("settings", [{}, STREAM], ids=["whole", "stream"])
@pytest.mark.parametrize("kind", [0, 1, 2, 3, 4])
def test_the_mean_of_all_members(monkeypatch, tmp_path, kind, settings):
    """Numbers, three classes, two outputs, two classes, several labels."""
    X, slope = sequences()
    Estimator, y = draw_target(kind, slope)
    model = untrained(monkeypatch, Estimator, X, y, **ENSEMBLE | settings)
    compiled, right = Compiled(model, tmp_path), expected(model, X)
    names = [f"model{part}.{kind}" for part in ("", "_member0", "_member1", "_member2")
             for kind in "ch"]  # fmt: skip
    assert {file.name for file in tmp_path.iterdir()} >= set(names)
    assert_close(model, [compiled.predict(x) for x in X], right)
    if settings:
        assert_close(model, [compiled.stream(x)[-1] for x in X], right)


@pytest.mark.parametrize("per_step", [False, True])
@pytest.mark.parametrize(
    "loss", ["gamma", "gaussian", Quantile((0.1, 0.6, 0.9)), "squared_error"], ids=str
)
def test_losses(monkeypatch, tmp_path, loss, per_step):
    """Deviations are those of the mixture; quantiles are sorted after the mean is taken."""
    X, slope = sequences()
    y = np.exp(np.column_stack([slope, 3.0 - slope]))
    if per_step:
        y = [np.tile(row, (len(x), 1)) for row, x in zip(y, X, strict=True)]
    model = untrained(
        monkeypatch, LSTMRegressor, X, y, **ENSEMBLE | {"return_sequences": per_step}, loss=loss
    )
    compiled = Compiled(model, tmp_path)
    given = np.concatenate([compiled.predict(x).reshape(-1, 2, compiled.n_outputs // 2) for x in X])
    right = [model.predict(X)]
    if loss == "gaussian":
        right = model.predict(X, return_std=True)
    right = [np.concatenate(part) if per_step else part for part in right]
    if isinstance(loss, Quantile):
        quantiles = model.predict_quantiles(X)
        quantiles = np.concatenate(quantiles) if per_step else quantiles
        right += [quantiles[..., k] for k in range(3)]
    assert_close(model, given, np.stack(right, axis=2))


def test_every_loss_has_its_mean():
    losses = [*LOSSES.values(), CrossEntropy, BinaryCrossEntropy]
    assert {loss.mean for loss in losses} == set(_COMBINATIONS)


def test_a_loss_with_another_mean_is_refused(monkeypatch, tmp_path):
    X, slope = sequences()
    model = untrained(monkeypatch, LSTMRegressor, X, slope, **ENSEMBLE)
    monkeypatch.setattr(SquaredError, "mean", lambda self, raws: raws[0])
    with pytest.raises(ValueError, match=r"with the loss SquaredError\(\) cannot be exported to C"):
        to_c(model, tmp_path / "model.c")
    assert not list(tmp_path.iterdir())


def test_members_read_categories_with_vectors_of_their_own(monkeypatch, tmp_path):
    X, slope = sequences()
    X = [np.column_stack([x, 3.0 + np.arange(len(x)) % 3]) for x in X]
    model = untrained(
        monkeypatch, LSTMRegressor, X, slope, **ENSEMBLE | STREAM, categorical_features=[2]
    )
    compiled = Compiled(model, tmp_path)
    assert "model_code_2" in compiled.header
    codes = [with_codes(model, x) for x in X]
    assert_close(model, [compiled.predict(x)[0] for x in codes], model.predict(X))
    assert_close(model, [compiled.stream(x)[-1, 0] for x in codes], model.predict(X))
