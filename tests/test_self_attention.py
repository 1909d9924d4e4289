"""`attention=`, through the estimators."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sklstm import LSTMClassifier, LSTMForecaster, LSTMRegressor
from sklstm._network.parameters import ParameterLayout
from sklstm.components import FCN, GRU, Convolutions, SelfAttention
from sklstm.components.poolings import POOLINGS
from sklstm.inspection import self_attention_weights
from tests.forecasting.series import monthly
from tests.test_common import checks
from tests.toy import ESTIMATORS, SMALL, padded, problem, raw

ATTENTION = SMALL | {"attention": SelfAttention(n_heads=2)}


def every_step(X, y):
    """Return a target for each time step: that of the sequence."""
    return [np.full(len(x), target) for x, target in zip(X, y, strict=True)]


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_learns(Estimator, bidirectional):
    X, y = problem(Estimator, n_samples=120, lengths=(4, 9))
    model = Estimator(
        attention="self", bidirectional=bidirectional, hidden_size=8, max_iter=60,
        learning_rate_init=0.01, random_state=0,
    ).fit(X, y)  # fmt: skip
    assert model.score(X, y) > 0.9
    np.testing.assert_array_equal(raw(model, padded(X)), raw(model, X))
    np.testing.assert_array_equal(raw(model, X[3:4]), raw(model, X)[3:4])
    np.testing.assert_array_equal(raw(pickle.loads(pickle.dumps(model)), X), raw(model, X))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_every_pooling(pooling, dtype):
    X, y = problem(LSTMRegressor, n_samples=60)
    settings = ATTENTION | {"pooling": pooling, "dtype": dtype, "max_iter": 30, "hidden_size": 8}
    model = LSTMRegressor(**settings, learning_rate_init=0.01).fit(X, y)
    assert model.score(X, y) > 0.7
    assert model.predict(X).dtype == np.float64
    np.testing.assert_array_equal(raw(model, padded(X)), raw(model, X))


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_every_step_is_predicted(Estimator, bidirectional):
    X, y = problem(Estimator, n_samples=60)
    settings = ATTENTION | {"return_sequences": True, "bidirectional": bidirectional, "scale": None}
    model = Estimator(**settings).fit(X, every_step(X, y))
    before = model.predict(X[:1])[0]
    later = X[0].copy()
    later[-1] += 5.0
    after = raw(model, [later])[0]
    same = (after == raw(model, X[:1])[0]).reshape(len(later), -1).all(axis=1)
    np.testing.assert_array_equal(same[:-1], not bidirectional)  # one direction reads no later step
    assert len(before) == len(X[0])
    weights = self_attention_weights(model, X[:1])[0]
    assert (np.triu(weights, 1) == 0.0).all() == (not bidirectional)


PARTS = {
    "front": {"front": Convolutions(6, width=3, stride=2)},
    "branch": {"branch": FCN((8, 4), width=3)},
    "tdnn": {"front": Convolutions((8, 4), width=3), "num_layers": 0},
    "truncated": {"gradient": "truncated"},
    "bptt_steps": {"bptt_steps": 3},
    # cell and precision as in tests/kernels/test_encoder.py: those kernels are compiled once
    "noise": {
        "recurrent_dropout": 0.2,
        "variational_dropout": 0.2,
        "num_layers": 2,
        "cell": GRU(zoneout=0.1, layer_norm=True),
        "dtype": "float64",
    },
}


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_with_other_parts(part):
    X, y = problem(LSTMClassifier, n_samples=60)
    settings = ATTENTION | {"hidden_size": 8, "max_iter": 40, "learning_rate_init": 0.01} | part
    assert LSTMClassifier(**settings).fit(X, y).score(X, y) > 0.85


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_threads_leave_the_result_as_it_is(dtype, monkeypatch):
    monkeypatch.setattr("sklstm._training.threads._WORTH_A_THREAD", 0.0)
    X, y = problem(LSTMClassifier, n_samples=96)
    settings = ATTENTION | {"batch_size": 96, "dropout": 0.2, "dtype": dtype}
    models = [LSTMClassifier(**settings, n_jobs=n_jobs).fit(X, y) for n_jobs in (1, 2)]
    np.testing.assert_array_equal(models[0].theta_, models[1].theta_)


def test_a_weight_of_two_is_two_copies():
    X, y = problem(LSTMRegressor, n_samples=10)
    settings = ATTENTION | {"max_iter": 10, "shuffle": False}
    weight = np.array([1, 2] * 5)
    weighted = LSTMRegressor(**settings).fit(X, y, sample_weight=weight)
    copied = LSTMRegressor(**settings).fit([X[k] for k in np.repeat(range(10), weight)],
                                           np.repeat(y, weight))  # fmt: skip
    np.testing.assert_allclose(weighted.predict(X), copied.predict(X), atol=1e-7)


def test_training_goes_on():
    X, y = problem(LSTMRegressor, n_samples=40)
    settings = SMALL | {"attention": SelfAttention(n_heads=2), "warm_start": True}
    model = LSTMRegressor(**settings).fit(X, y)
    first = model.loss_
    assert model.set_params(max_iter=30).fit(X, y).loss_ < first
    model.partial_fit(X, y)
    with pytest.raises(ValueError, match="started with SelfAttention"):
        model.set_params(attention__n_heads=4).fit(X, y)


# --- parameters ---------------------------------------------------------------------------
def test_parameters_by_name():
    X, y = problem(LSTMRegressor)
    attention = SelfAttention(2, n_heads=2, feed_forward_size=5)
    model = LSTMRegressor(**ATTENTION | {"attention": attention, "max_iter": 1}).fit(X, y)
    shapes = {name: view.shape for name, view in model.parameters_.items()}
    for k in range(2):
        assert shapes[f"self_attn_in_proj_weight_l{k}"] == (24, 8)
        assert shapes[f"self_attn_in_proj_bias_l{k}"] == (24,)
        assert shapes[f"self_attn_out_proj_weight_l{k}"] == (8, 8)
        assert shapes[f"linear1_weight_l{k}"] == (5, 8)
        assert shapes[f"linear2_weight_l{k}"] == (8, 5)
        assert shapes[f"norm1_weight_l{k}"] == shapes[f"norm2_bias_l{k}"] == (8,)
    assert "linear1_weight_l2" not in shapes
    assert LSTMRegressor(**ATTENTION).fit(X, y).parameters_["linear1_weight_l0"].shape == (16, 8)


def test_initial_values_and_what_decays():
    X, y = problem(LSTMRegressor)
    model = LSTMRegressor(**ATTENTION | {"hidden_size": 32, "learning_rate_init": 1e-12}).fit(X, y)
    found = model.parameters_
    for name, bound in [
        ("self_attn_in_proj_weight_l0", np.sqrt(6 / (4 * 64))),
        ("self_attn_out_proj_weight_l0", np.sqrt(6 / (2 * 64))),
        ("linear1_weight_l0", np.sqrt(6 / (3 * 64))),
    ]:
        assert 0.95 * bound < np.abs(found[name]).max() <= bound + 1e-6
    np.testing.assert_allclose(found["norm1_weight_l0"], 1.0, atol=1e-6)
    np.testing.assert_allclose(found["self_attn_in_proj_bias_l0"], 0.0, atol=1e-6)
    layout = ParameterLayout(model._spec)
    decays = {name: parameter.decays for name, parameter in layout.parameters.items()}
    of_layer = {name: view.ndim == 2 for name, view in found.items() if name.endswith("_l0")}
    of_layer = {name: matrix for name, matrix in of_layer.items() if "_h" not in name}
    assert {name: decays[name] for name in of_layer} == of_layer


def test_grid_search_over_heads():
    X, y = problem(LSTMClassifier, n_samples=30)
    grid = {"attention__n_heads": [1, 2], "attention__n_layers": [1, 2]}
    for attention in ("self", SelfAttention(n_heads=2)):
        model = LSTMClassifier(**SMALL | {"attention": attention})
        search = GridSearchCV(model, grid, cv=2).fit(X, y)
        assert not np.isnan(search.cv_results_["mean_test_score"]).any()
        alone = clone(search.best_estimator_).fit(X, y)
        np.testing.assert_array_equal(raw(alone, X), raw(search, X))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"hidden_size": 5}, "n_heads=4 does not divide the 10 states of a time step (hidden_size"),
        ({"hidden_size": 6, "bidirectional": False}, "the 6 states of a time step (hidden_size=6)"),
        ({"num_layers": 0, "front": Convolutions(6)}, "(the filters of front)"),
        ({"attention": SelfAttention(n_heads=0)}, "'n_heads' parameter of SelfAttention"),
        ({"attention": SelfAttention(feed_forward_size=0)}, "'feed_forward_size' parameter"),
        ({"attention": "other"}, "'attention' parameter of LSTMRegressor"),
    ],
)
def test_what_cannot_be_is_refused(settings, sentence):
    X, y = problem(LSTMRegressor)
    with pytest.raises(ValueError, match=re.escape(sentence)):
        LSTMRegressor(**SMALL | {"attention": "self"} | settings).fit(X, y)


def test_nested_names_need_a_component():
    with pytest.raises(ValueError, match="attention__n_heads cannot be set: attention=None has no"):
        LSTMRegressor().set_params(attention__n_heads=2)


def test_streams_are_refused_in_one_sentence():
    X, y = problem(LSTMRegressor)
    model = LSTMRegressor(**ATTENTION, bidirectional=False, scale="channel").fit(X, y)
    with pytest.raises(ValueError, match=r"^Self-attention reads .* attention=None\.$"):
        model.stream()


# --- the weights --------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("patch_size", "stride"), [(1, 1), (4, 1), (2, 2)])
def test_weights_of_every_pair_of_steps(dtype, patch_size, stride):
    X, y = problem(LSTMRegressor, n_samples=30, lengths=(3, 11))
    settings = ATTENTION | ({"front": Convolutions(3, stride=stride)} if stride > 1 else {})
    model = LSTMRegressor(**settings, dtype=dtype, patch_size=patch_size).fit(X, y)
    weights = self_attention_weights(model, X)
    assert [w.shape for w in weights] == [(2, len(x), len(x)) for x in X]
    merged = patch_size * stride
    for w in weights:
        assert (w > 0).all()
        np.testing.assert_allclose(w.sum(axis=2), 1.0, atol=1e-13)
        together = w[:, :, len(w[0]) % merged :].reshape(*w.shape[:2], -1, merged)
        np.testing.assert_array_equal(together, together[..., :1].repeat(merged, axis=3))
    equal = self_attention_weights(model, np.array([x[:3] for x in X]))
    assert equal.shape == (30, 2, 3, 3)


def test_weights_of_a_layer():
    X, y = problem(LSTMRegressor)
    settings = SMALL | {"attention": SelfAttention(2, n_heads=2)}
    model = LSTMRegressor(**settings).fit(X, y)
    first, last = (self_attention_weights(model, X, layer=k) for k in (0, 1))
    assert not np.array_equal(first[0], last[0])
    for k, expected in ((-2, first), (-1, last)):
        for a, b in zip(self_attention_weights(model, X, layer=k), expected, strict=True):
            np.testing.assert_array_equal(a, b)
    for layer in (2, -3, 0.0, None):
        with pytest.raises(ValueError, match=r"the network has 2 layer\(s\) of attention"):
            self_attention_weights(model, X, layer=layer)
    with pytest.raises(ValueError, match="was fitted with attention=None"):
        self_attention_weights(LSTMRegressor(**SMALL).fit(X, y), X)
    ensemble = LSTMRegressor(**settings, n_estimators=2).fit(X, y)
    with pytest.raises(ValueError, match="pass one of the 2 estimators_"):
        self_attention_weights(ensemble, X)
    assert self_attention_weights(ensemble.estimators_[1], X)[0].shape[0] == 2
    with pytest.raises(ValueError, match="not fitted"):
        self_attention_weights(LSTMRegressor(attention="self"), X)


# --- the forecaster -----------------------------------------------------------------------
def test_forecaster():
    Y = monthly()
    settings = {"horizon": 6, "max_steps": 40, "random_state": 0, "hidden_size": 8}
    plain = LSTMForecaster(**settings).fit(Y)
    model = LSTMForecaster(**settings, attention="self").fit(Y)
    assert np.isfinite(model.predict()).all()
    assert model.loss_curve_ != plain.loss_curve_
    again = LSTMForecaster(**settings, n_jobs=2).set_params(attention=SelfAttention()).fit(Y)
    pd.testing.assert_series_equal(again.predict(), model.predict())
    assert model.set_params(attention__n_heads=2).attention == SelfAttention(n_heads=2)
    with pytest.raises(ValueError, match=r"divide the 8 states of a time step \(hidden_size=8\)"):
        model.set_params(attention__n_heads=3).fit(Y)
    with pytest.raises(ValueError, match="attention__n_heads cannot be set: attention=None"):
        plain.set_params(attention__n_heads=3)
    with pytest.raises(ValueError, match="'attention' parameter of LSTMForecaster"):
        LSTMForecaster(attention="other").fit(Y)


# --- scikit-learn -------------------------------------------------------------------------
CHECKED = {"hidden_size": 8, "attention": SelfAttention(n_heads=2), "max_iter": 30}


@pytest.mark.slow
@pytest.mark.parametrize(("estimator", "check"), list(checks(**CHECKED)))
def test_estimator_checks(estimator, check):
    check(estimator)
