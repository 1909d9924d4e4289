"""Small problems, shared by the tests of the estimators."""

import numpy as np
from sklearn.utils.estimator_checks import estimator_checks_generator

from sklstm import LSTMClassifier, LSTMRegressor

ESTIMATORS = [LSTMClassifier, LSTMRegressor]

# Settings for a network that is trained in milliseconds.
SMALL = {
    "hidden_size": 4, "front": None, "branch": None, "max_iter": 3, "random_state": 0,
}  # fmt: skip


def sequences(n_samples=24, n_channels=2, lengths=(3, 9), seed=0):
    """Return sequences (n_timesteps_i, n_channels), and the slope of the first channel in each.

    The values are multiples of 1/64, so that float32 represents them exactly.
    """
    rng = np.random.default_rng(seed)
    slope = rng.uniform(0.3, 1.0, n_samples) * np.where(np.arange(n_samples) % 2, 1.0, -1.0)
    X = []
    for k in range(n_samples):
        x = rng.standard_normal((rng.integers(lengths[0], lengths[1] + 1), n_channels))
        x[:, 0] += slope[k] * np.arange(len(x))
        X.append(np.round(x * 64) / 64)
    return X, slope


def problem(Estimator, **kwargs):
    """Return X and y: the slope of the first channel, or its sign for a classifier."""
    X, slope = sequences(**kwargs)
    return X, (slope > 0).astype(int) if Estimator is LSTMClassifier else slope


def padded(X, n_timesteps=None):
    """Return the sequences as one array (n_samples, n_timesteps, n_channels), padded with NaN."""
    n_timesteps = n_timesteps or max(map(len, X))
    out = np.full((len(X), n_timesteps, X[0].shape[1]), np.nan)
    for row, x in zip(out, X, strict=True):
        row[: len(x)] = x
    return out


def raw(model, X):
    """Return predictions or, for a classifier, probabilities."""
    return (model.predict_proba if hasattr(model, "classes_") else model.predict)(X)


def run_estimator_checks(estimator, names=("check_",)):
    """Run scikit-learn's checks, but for those of the array API, which would skip what follows.

    names: with what the names of the checks to run begin

    They need an environment of their own, see test_common.py.
    """
    for each, check in estimator_checks_generator(estimator):
        name = check.func.__name__
        if name.startswith(names) and "array_api" not in name:
            check(each)
