"""Explanations of regressors whose values are not the raw prediction itself."""

import numpy as np
import pytest

from sklstm import LSTMRegressor
from sklstm.components import Quantile
from sklstm.inspection import input_gradients, integrated_gradients
from tests.inspection.networks import finite_differences
from tests.toy import SMALL, sequences

LOSSES = ["poisson", "gaussian", Quantile((0.3, 0.7))]


def fitted(loss, **settings):
    """Return a network in double precision, and its sequences."""
    X, slope = sequences()
    y = np.exp(np.column_stack([slope, 3.0 * slope]))
    return LSTMRegressor(**SMALL, loss=loss, dtype="float64", **settings).fit(X, y), X


@pytest.mark.parametrize("n_estimators", [1, 3])
@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_gradients_are_those_of_predict(loss, n_estimators):
    model, X = fitted(loss, n_estimators=n_estimators)
    for target in (0, 1):
        gradients = input_gradients(model, X[:3], target=target)
        expected = finite_differences(lambda X, k=target: model.predict(X)[:, k], X[:3])
        for gradient, numeric in zip(gradients, expected, strict=True):
            np.testing.assert_allclose(gradient, numeric, rtol=1e-5, atol=1e-6)
            assert abs(gradient).max() > 1e-3


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_attributions_add_up_to_what_is_predicted(loss):
    model, X = fitted(loss)
    attributions = integrated_gradients(model, X, target=1, baseline=0.0)
    nothing = model.predict([np.zeros_like(x) for x in X])[:, 1]
    change = model.predict(X)[:, 1] - nothing
    totals = [attribution.sum() for attribution in attributions]
    np.testing.assert_allclose(totals, change, atol=1e-2 * abs(change).max())
