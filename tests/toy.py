"""Small problems that the tests of the estimators share."""

import numpy as np

from sklstm import LSTMClassifier, LSTMRegressor

ESTIMATORS = [LSTMClassifier, LSTMRegressor]

# A network and a training that take milliseconds.
SMALL = {
    "hidden_size": 4, "front": None, "branch": None, "max_iter": 3, "random_state": 0,
}  # fmt: skip


def sequences(n_samples=24, n_channels=2, lengths=(3, 9), seed=0):
    """Sequences (n_timesteps_i, n_channels), and how steeply the first channel rises in each.

    The values are multiples of 1/64, so that float32 holds them exactly.
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
    """X and y for an estimator: whether or how steeply the first channel rises."""
    X, slope = sequences(**kwargs)
    return X, (slope > 0).astype(int) if Estimator is LSTMClassifier else slope


def padded(X, n_timesteps=None):
    """The sequences in one array (n_samples, n_timesteps, n_channels), NaN behind their ends."""
    n_timesteps = n_timesteps or max(map(len, X))
    out = np.full((len(X), n_timesteps, X[0].shape[1]), np.nan)
    for row, x in zip(out, X, strict=True):
        row[: len(x)] = x
    return out


def raw(model, X):
    """What a model says of X, before anything is rounded to a label."""
    return (model.predict_proba if hasattr(model, "classes_") else model.predict)(X)
