"""Small fitted networks of every kind, in double precision, and finite differences."""

import numpy as np

from sklstm import LSTMClassifier, LSTMRegressor
from sklstm.components import (
    FCN,
    GRU,
    LITE,
    LSTM,
    RNN,
    Convolutions,
    Coupled,
    Peephole,
    SelfAttention,
)

FRONT = Convolutions((4, 3), width=3, stride=(1, 2), activation="tanh")
BRANCH = FCN((5, 4), width=3)

# Estimator, number of classes (or of outputs), hyper-parameters. With noise and layer
# normalisation at once, and a pooling, as in tests/kernels/test_regularisers.py: those kernels are
# compiled once for both.
NETWORKS = {
    "defaults of the classifier": (LSTMClassifier, 3, {}),
    "defaults of the regressor": (LSTMRegressor, 1, {}),
    "two classes": (LSTMClassifier, 2, {"front": FRONT, "branch": BRANCH}),
    "layers": (LSTMClassifier, 3, {"num_layers": 2, "pooling": "concat", "branch": None}),
    "patches": (LSTMClassifier, 3, {"patch_size": 3, "pooling": "mean"}),
    "own scale": (LSTMRegressor, 2, {"scale": "sequence", "front": FRONT}),
    "unscaled": (LSTMRegressor, 1, {"scale": None, "front": None, "pooling": "max"}),
    "attention": (LSTMClassifier, 3, {"pooling": "attention", "scale": "channel"}),
    "no layers": (LSTMRegressor, 1, {"num_layers": 0, "front": FRONT, "pooling": "mean"}),
    "every step": (LSTMRegressor, 1, {"return_sequences": True}),
    "class of every step": (
        LSTMClassifier,
        3,
        {"return_sequences": True, "bidirectional": False, "scale": "channel"},
    ),
    "gru": (LSTMClassifier, 3, {"cell": GRU(layer_norm=True, zoneout=0.2), "pooling": "mean"}),
    "rnn": (
        LSTMRegressor,
        1,
        {"cell": RNN(layer_norm=True, zoneout=0.1), "bidirectional": False, "pooling": "mean"},
    ),
    "peephole": (
        LSTMRegressor,
        1,
        {"cell": Peephole(zoneout=(0.1, 0.3)), "num_layers": 2, "pooling": "concat"},
    ),
    "coupled": (
        LSTMClassifier,
        2,
        {"cell": Coupled(layer_norm=True), "recurrent_dropout": 0.2, "pooling": "concat"},
    ),
    "lstm1997": (LSTMRegressor, 1, {"cell": "lstm1997", "gradient": "truncated"}),
    "ensemble": (LSTMClassifier, 3, {"n_estimators": 3, "branch": None}),
    "ensemble, two classes": (LSTMClassifier, 2, {"n_estimators": 2, "branch": None}),
    "ensemble of regressors": (LSTMRegressor, 2, {"n_estimators": 2, "front": None}),
    "branch without patches": (
        LSTMClassifier,
        3,
        {"branch": LITE(3, width=6), "patch_size": 3, "pooling": "mean"},
    ),
    "self-attention": (LSTMRegressor, 1, {"attention": SelfAttention(n_heads=1), "front": None}),
    "layer norm": (LSTMClassifier, 3, {"cell": LSTM(layer_norm=True), "bptt_steps": 2}),
}


def fitted(name, n_channels=2, lengths=(4, 9), seed=0, n_jobs=None, **further):
    """Return a network that is trained for a moment, and sequences of the same kind."""
    Estimator, n_outputs, settings = NETWORKS[name]
    rng = np.random.default_rng(seed)
    X = [3.0 + 2.0 * rng.standard_normal((n, n_channels)) for n in rng.integers(*lengths, 24)]
    if Estimator is LSTMClassifier:
        y = np.array(["a", "b", "c"])[np.arange(24) % n_outputs]
    else:
        y = 5.0 + 4.0 * rng.standard_normal((24, n_outputs))
        y = y[:, 0] if n_outputs == 1 else y
    if settings.get("return_sequences"):
        y = [np.repeat(value, len(x)) for value, x in zip(y, X, strict=True)]
    small = {"hidden_size": 3, "max_iter": 4, "dtype": "float64", "random_state": seed}
    small |= {"learning_rate_init": 0.05, "n_jobs": n_jobs}
    return Estimator(**(small | settings | further)).fit(X, y), X


def score(model, X, target=None, response="raw", step=-1):
    """Return what is explained, of each sample, by the public methods alone."""
    method = model.predict
    if hasattr(model, "classes_"):
        method = model.predict_proba if response == "probability" else model.decision_function
    steps = model.return_sequences
    answers = np.array([method([x])[0][step] for x in X]) if steps else method(X)
    if answers.ndim == 1:  # of two classes, the second
        return -answers if target is not None and target == model.classes_[0] else answers
    if hasattr(model, "classes_"):
        return answers[:, list(model.classes_).index(target)]
    return answers[:, target or 0]


def finite_differences(function, X, epsilon=1e-6):
    """Return the gradient of function(X) (n_samples,) by the values of each sample.

    epsilon is so small that no ReLU switches between on and off within the differences.
    """
    gradients = []
    for x in X:
        moved = []
        for place in np.ndindex(x.shape):
            for sign in (1.0, -1.0):
                copy = x.copy()
                copy[place] += sign * epsilon
                moved.append(copy)
        values = function(moved).reshape(-1, 2)
        gradients.append(((values[:, 0] - values[:, 1]) / (2.0 * epsilon)).reshape(x.shape))
    return gradients
