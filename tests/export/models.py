"""Estimators with every part of a network, drawn at random, for the tests of the exporters."""

import numpy as np
import pandas as pd

from sklstm import LSTMClassifier, LSTMRegressor
from sklstm._training.training import History
from sklstm.components import (
    FCN,
    GRU,
    LITE,
    LSTM,
    LSTM1997,
    RNN,
    Convolutions,
    Coupled,
    Peephole,
)
from tests.toy import padded, sequences

CELL_CHOICES = [
    LSTM(), LSTM(layer_norm=True), LSTM(zoneout=(0.1, 0.3)), LSTM1997(),
    LSTM1997(layer_norm=True), Peephole(), Peephole(zoneout=0.2), Coupled(),
    Coupled(layer_norm=True, zoneout=0.2), GRU(), GRU(layer_norm=True), RNN(),
    RNN(layer_norm=True, zoneout=0.1),
]  # fmt: skip
POOLINGS = ["last", "mean", "max", "concat", "attention"]
SCALES = ["both", "channel", "sequence", None]
FRONTS = [
    None,
    "auto",
    Convolutions((3, 4), width=(3, 2), stride=(2, 1), activation="tanh"),
    Convolutions(5, width=2, stride=3),
]
BRANCHES = [
    None, "auto", FCN((3, 4), width=(4, 3)), LITE(channels=3, width=9), LITE(channels=2, width=16),
]  # fmt: skip
PATCH_SIZES = ["auto", 1, 2, 3, 6]
LENGTHS = (5, 14)  # of the sequences drawn
N_SAMPLES = 24
MISSING = ("error", "mask", "decay")
# numbers for words, facts that do not change within a sequence, NaN
INPUTS = ("categories", "static", "gaps")


def choose(rng, choices):
    """Return one of some choices."""
    return choices[rng.integers(len(choices))]


def draw_settings(seed):
    """Return the hyper-parameters of an estimator; every seed has its own cell and readout."""
    rng = np.random.default_rng(seed)
    settings = {
        "cell": CELL_CHOICES[seed % len(CELL_CHOICES)],
        # layer normalisation of two or three units is near their signs, and magnifies rounding
        "hidden_size": int(rng.integers(6, 14)),
        "num_layers": int(rng.integers(1, 4)),
        "bidirectional": bool(rng.integers(2)),
        "scale": SCALES[seed // 2 % len(SCALES)],
        "max_iter": 1,
        "random_state": seed,
        "dtype": "float32",
    }
    if seed % 5 == 4:
        front = choose(rng, [None, Convolutions((3, 4), width=(3, 2))])
        return settings | {"return_sequences": True, "front": front, "branch": None}
    settings |= {
        "pooling": POOLINGS[seed // 5 % len(POOLINGS)],
        "front": choose(rng, FRONTS),
        "branch": choose(rng, BRANCHES),
        "patch_size": choose(rng, PATCH_SIZES),
    }
    if isinstance(settings["front"], Convolutions) and rng.random() < 0.3:
        settings |= {"num_layers": 0, "cell": "lstm"}  # a time-delay network
    return settings


def draw_data(seed, n_samples=N_SAMPLES):
    """Return sequences of one to three channels, and their slopes; some are far from 0."""
    rng = np.random.default_rng(seed)
    n_channels = int(rng.integers(1, 4))
    X, slope = sequences(n_samples, n_channels, lengths=LENGTHS, seed=seed)
    if seed % 16 >= 8:  # sequences of very different size
        return [x * 10.0 ** rng.uniform(-4.0, 2.0) for x in X], slope
    return [x + 64.0 * rng.integers(2) for x in X], slope


def draw_inputs(seed, X, kinds):
    """Return sequences with what is no number at every step, and the settings to read it.

    kinds: which of INPUTS to draw from
    """
    rng, settings = np.random.default_rng([seed, *map(INPUTS.index, kinds)]), {}
    X = [np.array(x) for x in X]
    drawn = zip(INPUTS, rng.random(3) < 0.5, strict=True)
    with_categories, with_static, with_gaps = (there and kind in kinds for kind, there in drawn)
    if with_gaps:
        settings["missing"] = "decay" if seed % 3 == 0 else "mask"
        for x in X[1:]:  # without a gap in the first step, which may be the only one
            x[1:][rng.random(x[1:].shape) < 0.4] = np.nan
        for x in X[1::5]:
            x[0, 1:] = np.nan  # before the first value
        for x in X[2::5]:
            x[:, 1:] = np.nan  # no value at all
    if with_static:
        facts = rng.integers(-3, 4, (len(X), 2)) * [0.25, 64.0]
        X = [np.hstack([x, np.tile(fact, (len(x), 1))]) for x, fact in zip(X, facts, strict=True)]
        settings["static_features"] = [X[0].shape[1] - 2, X[0].shape[1] - 1]
        if with_gaps:
            X[4][:, -1] = np.nan  # not known
            X[5][:-1, -1] = np.nan  # known from the last step
    if with_categories:
        drawn = [rng.choice([-2.0, 0.0, 3.0, 40.0, 41.0], (len(x), 1)) for x in X]
        drawn[0][1:2] = np.nan  # unknown
        X = [np.hstack([words, x, words[::-1]]) for words, x in zip(drawn, X, strict=True)]
        settings["static_features"] = [k + 1 for k in settings.get("static_features", [])] or None
        settings["categorical_features"] = [0, X[0].shape[1] - 1]
        if with_static:  # the second one does not change either
            for k, x in enumerate(X):
                x[:, -1] = [3.0, 40.0, 41.0][k % 3]
                x[: k % 2, -1] = np.nan
            settings["static_features"].append(X[0].shape[1] - 1)
        settings["embedding_size"] = ["auto", 1, 3][seed % 3]
    return X, settings


def draw_gaps():
    """Return sequences of three channels with gaps; the last one has at most one value in each."""
    rng = np.random.default_rng(0)
    X = []
    for n in (1, 2, 7, 9, 9, 5) * 4:
        noise = rng.standard_normal(n + 2)
        faded = noise[2:] + 0.8 * noise[1:-1] + 0.6 * noise[:-2]
        x = np.column_stack([faded, noise[2:], rng.standard_normal(n)])
        x[rng.random(x.shape) < 0.4] = np.nan
        x[np.arange(n) != n // 2, 2] = np.nan
        x[0, 0] = x[-1, 1] = 1.0  # there are steps in each, and none is padding
        X.append(x)
    return X


def with_times(X, unit):
    """Return a long frame of sequences at random times, and X with the times between as a channel.

    unit: None: the times are numbers; else that of time stamps
    """
    rng = np.random.default_rng(0)
    frames, arrays = {}, []
    for k, x in enumerate(X):
        elapsed = rng.integers(1, 500, len(x))
        times = elapsed.cumsum()
        if unit is not None:
            times = pd.Timestamp("2026-01-01") + pd.to_timedelta(times, unit)
        frames[k] = pd.DataFrame(x, index=times, columns=list("abcd")[: x.shape[1]])
        arrays.append(np.column_stack([x, elapsed]))
        arrays[-1][0, -1] = [np.nan, 0.0, 7.0][k % 3]  # not read: there is no step before
    return pd.concat(frames), arrays


def draw_target(seed, slope):
    """Return the class of an estimator and a y for it: each kind of target in turn."""
    n = len(slope)
    kinds = [
        (LSTMRegressor, slope),
        (LSTMClassifier, np.array(["low", "middle", "high"])[np.arange(n) % 3]),
        (LSTMRegressor, np.column_stack([slope, slope**2]) * 50.0 + 1000.0),
        (LSTMClassifier, slope > 0.0),
        (LSTMClassifier, np.column_stack([slope > 0.0, slope > 0.5]).astype(int)),
        (LSTMClassifier, np.arange(n) % 2 * 3 - 1),
    ]
    return kinds[seed % len(kinds)]


def untrained(monkeypatch, Estimator, X, y, **settings):
    """Return an estimator with random parameters: fitted, but without the time of training."""

    def disturb(workers, theta, *args, **kwargs):
        rng = np.random.default_rng(0)
        theta += rng.normal(0.0, 0.2, theta.shape).astype(theta.dtype)
        for name, view in workers.network.layout.views(theta).items():
            if "variance" in name:
                view[...] = rng.uniform(0.5, 2.0, view.shape)
        return History(n_planned=1, loss_curve=[0.0])

    with monkeypatch.context() as patch:
        patch.setattr("sklstm._estimator.trained_members.train", disturb)
        # any scale is to be exported, also one that looks ahead
        patch.setattr("sklstm._estimator.base.warn_of_combinations", lambda *_, **__: None)
        return Estimator(**settings).fit(X, y)


def draw_model(monkeypatch, seed, kinds=(), **settings):
    """Return an estimator as `draw_settings` has it, and its sequences.

    kinds: what it may read beside numbers at every step, see `draw_inputs`
    """
    X, slope = draw_data(seed)
    X, further = draw_inputs(seed, X, kinds)
    settings = further | settings
    Estimator, y = draw_target(seed, slope)
    settings = draw_settings(seed) | settings
    if settings.get("return_sequences"):
        y = [np.repeat(y[i : i + 1], len(x), axis=0) for i, x in enumerate(X)]
    with monkeypatch.context() as patch:
        if seed % 2:  # the branch too reads patches, as of series of more than 1,024 steps
            patch.setattr("sklstm._estimator.settings._BRANCH_TIMESTEPS", 5)
        return untrained(monkeypatch, Estimator, X, y, **settings), X


def as_input(X):
    """Return sequences as the exported models read them: float32, padded with NaN."""
    return padded(X).astype(np.float32)


def expected(model, X):
    """Return probabilities or values of X, sequences or one array, in its shape.

    Per step they are (n_samples, n_timesteps, n_outputs), NaN where there is no step.
    """
    result = model.predict_proba(X) if isinstance(model, LSTMClassifier) else model.predict(X)
    if isinstance(result, list):
        longest = max(map(len, X))
        return padded([np.reshape(rows, (len(rows), -1)) for rows in result], longest)
    n_outputs = len(model.classes_) if isinstance(model, LSTMClassifier) else model.n_outputs_
    return result.reshape(*result.shape[: 2 if model.return_sequences else 1], n_outputs)
