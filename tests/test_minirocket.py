"""LSTMClassifier and MiniROCKET in one classifier of scikit-learn: docs/how_to/minirocket.md."""

import numpy as np
import pytest
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklstm import LSTMClassifier

rockets = pytest.importorskip("aeon.transformations.collection.convolution_based")


def series(n_samples, n_channels, seed):
    """Return sines of two frequencies (n_samples, n_timesteps, n_channels), and their classes."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_samples) % 2
    time = np.linspace(0, 6, 40)
    angle = np.outer(1 + y, time) + rng.uniform(0, 6, n_samples)[:, np.newaxis]
    X = np.sin(angle[:, :, np.newaxis] + np.arange(n_channels))
    return X + 0.3 * rng.standard_normal(X.shape), np.array(["slow", "fast"])[y]


def pair(*first):
    """Return both classifiers with their names; `first`: steps in front of MiniROCKET."""
    rocket = make_pipeline(
        *first, rockets.MiniRocket(n_kernels=200, random_state=0), StandardScaler(),
        LogisticRegression(C=0.01),
    )  # fmt: skip
    network = LSTMClassifier(hidden_size=4, max_iter=20, random_state=0)
    return [("rocket", rocket), ("network", network)]


@pytest.mark.parametrize(
    "combined", [VotingClassifier(pair(), voting="soft"), StackingClassifier(pair(), cv=3)]
)
def test_univariate_series(combined):
    X, y = series(60, 1, 0)
    X_test, y_test = series(60, 1, 1)
    assert combined.fit(X[:, :, 0], y).score(X_test[:, :, 0], y_test) > 0.9


def test_channels_and_padding():
    X, y = series(60, 2, 0)
    X[::3, 30:] = np.nan
    channels_first = FunctionTransformer(np.transpose, kw_args={"axes": (0, 2, 1)})
    first = FunctionTransformer(np.nan_to_num), channels_first
    both = VotingClassifier(pair(*first), voting="soft").fit(X, y)
    assert both.score(X, y) > 0.9
    np.testing.assert_allclose(
        both.predict_proba(X), np.mean([one.predict_proba(X) for one in both.estimators_], axis=0)
    )
