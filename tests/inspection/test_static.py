"""Static features in explanations: they stand at the first step, and count in the sum."""

import numpy as np
import pytest

from sklstm import LSTMClassifier, LSTMRegressor
from sklstm.inspection import input_gradients, integrated_gradients

KINDS = {
    "classifier": (LSTMClassifier, {}),
    "regressor with strides": (LSTMRegressor, {"patch_size": 2}),
    "no convolutions": (LSTMClassifier, {"branch": None, "scale": "channel"}),
    "every step": (
        LSTMRegressor,
        {"return_sequences": True, "bidirectional": False, "scale": "channel"},
    ),
    "gaps": (LSTMRegressor, {"missing": "mask"}),
    "several members": (LSTMClassifier, {"branch": None, "n_estimators": 2}),
}


def fitted(name):
    """Return a model that reads two static channels, 0 and 2, and ragged samples."""
    Estimator, settings = KINDS[name]
    rng = np.random.default_rng(0)
    X = [rng.standard_normal((n, 4)) for n in rng.integers(4, 9, 30)]
    for x in X:
        x[:, [0, 2]] = x[0, [0, 2]] * 10.0 + 5.0
    if name == "gaps":
        for x in X[::3]:
            x[:, 2] = np.nan
            x[1, 1] = np.nan
    y = [x[:, 0] * x[:, 1] for x in X]
    if not settings.get("return_sequences"):
        y = np.array([np.nanmean(steps) for steps in y])
    if Estimator is LSTMClassifier:
        y = y > np.median(y)
    model = Estimator(
        hidden_size=5, max_iter=4, static_features=[0, 2], random_state=0, dtype="float64",
        **settings,
    )  # fmt: skip
    return model.fit(X, y), X[:5]


def raw(model, X):
    """Return the raw predictions (n_samples,) that are explained by default."""
    predicted = getattr(model, "decision_function", model.predict)(X)
    return np.array([p[-1] if np.ndim(p) else p for p in predicted])


@pytest.mark.parametrize("name", KINDS)
def test_gradients_equal_finite_differences(name):
    model, X = fitted(name)
    target = {"target": True} if hasattr(model, "classes_") else {}
    gradients = input_gradients(model, X, **target)
    for channel in (0, 2):
        step = 1e-5
        moved = [[x.copy() for x in X] for _ in range(2)]
        for samples, by in zip(moved, (step, -step), strict=True):
            for x in samples:
                x[:, channel] += by
        expected = (raw(model, moved[0]) - raw(model, moved[1])) / (2.0 * step)
        if channel == 0:
            assert np.abs(expected).max() > 1e-4
        actual = np.array([g[0, channel] for g in gradients])
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-9)
        assert not any(g[1:, channel].any() for g in gradients)


@pytest.mark.parametrize("name", KINDS)
def test_attributions_add_up(name):
    model, X = fitted(name)
    target = {"target": True} if hasattr(model, "classes_") else {}
    attributions = integrated_gradients(model, X, **target)
    at_mean = [np.tile(model.channel_mean_, (len(x), 1)) for x in X]
    change = raw(model, X) - raw(model, at_mean)
    np.testing.assert_allclose([a.sum() for a in attributions], change, rtol=1e-3, atol=1e-9)
    assert all(a[0, 0] != 0.0 and not a[1:, 0].any() for a in attributions)


def test_static_columns_of_a_wide_table():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30, 9))
    model = LSTMRegressor(hidden_size=4, max_iter=3, static_features=[3], random_state=0)
    model.fit(X, X[:, 3] * X[:, 5])
    attributions = integrated_gradients(model, X[:4])
    assert attributions.shape == (4, 9)
    at_mean = np.full((4, 9), model.channel_mean_[0])
    at_mean[:, 3] = model.channel_mean_[1]
    change = model.predict(X[:4]) - model.predict(at_mean)
    np.testing.assert_allclose(attributions.sum(axis=1), change, rtol=1e-3)
    moved = X[:4].copy()
    moved[:, 3] += 1e-3
    slopes = (model.predict(moved) - model.predict(X[:4])) / 1e-3
    np.testing.assert_allclose(input_gradients(model, X[:4])[:, 3], slopes, rtol=0.05, atol=1e-4)
