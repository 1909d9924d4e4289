from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning

from sklstm import LSTMClassifier, LSTMRegressor, Sequences
from sklstm._network.parameters import ParameterLayout
from sklstm.components.cells import CELLS
from sklstm.inspection import _path, input_gradients, integrated_gradients
from tests.inspection.networks import NETWORKS, fitted, score
from tests.toy import SMALL, padded, problem

POOLINGS = ["last", "mean", "max", "concat", "attention"]
# with these cells attention is compiled for tests/kernels/test_attention.py as well
ATTENDED = {"lstm", "peephole", "coupled", "rnn"}
SCALES = ["both", "channel", "sequence", None]


def sums(attributions):
    """Return the sum over each sample."""
    return np.array([attribution.sum() for attribution in attributions])


def change(model, X, baseline=None, **what):
    """Return the difference of the predictions of X and of a baseline, by public methods."""
    if baseline is None:
        baseline = [np.broadcast_to(model.channel_mean_, x.shape) for x in X]
    return score(model, X, **what) - score(model, baseline, **what)


# --- completeness ---------------------------------------------------------------------------
def random_network(seed):
    """Return a trained network with some cell, readout, scaling and depth, and sequences."""
    rng = np.random.default_rng(seed)
    n_channels = int(rng.integers(1, 4))
    X = [3.0 + 2.0 * rng.standard_normal((n, n_channels)) for n in rng.integers(3, 12, 20)]
    Estimator = (LSTMClassifier, LSTMRegressor)[rng.integers(2)]
    y = np.arange(20) % 3 if Estimator is LSTMClassifier else rng.standard_normal(20)
    cell, pooling = list(CELLS)[seed % len(CELLS)], POOLINGS[seed // len(CELLS) % 5]
    if pooling == "attention" and cell not in ATTENDED:
        pooling = POOLINGS[seed // len(CELLS) // 5]
    model = Estimator(
        cell=cell, pooling=pooling,
        scale=SCALES[rng.integers(4)], hidden_size=int(rng.integers(2, 12)),
        num_layers=int(rng.integers(1, 3)), bidirectional=bool(rng.integers(2)),
        max_iter=int(rng.integers(1, 8)), learning_rate_init=0.03, dtype="float64",
        random_state=seed,
    )  # fmt: skip
    return model.fit(X, y), X[:5]


@pytest.mark.slow
@pytest.mark.parametrize("seeds", np.arange(120).reshape(-1, 6), ids=lambda seeds: str(seeds[0]))
def test_attributions_of_random_networks_add_up(seeds):
    for seed in seeds:
        model, X = random_network(seed)
        target = 1 if hasattr(model, "classes_") else None
        attributions = integrated_gradients(model, X, target=target)
        expected = change(model, X, target=target)
        np.testing.assert_allclose(sums(attributions), expected, rtol=1.01e-4, atol=1e-11)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("response", ["raw", "probability"])
def test_attributions_add_up(name, response):
    model, X = fitted(name)
    X = X[:4]
    target = model.classes_[0] if hasattr(model, "classes_") else None
    if NETWORKS[name][1] > 1 and target is None:
        target = 1
    if response == "probability" and not hasattr(model, "classes_"):
        return
    what = {"target": target, "response": response}
    attributions = integrated_gradients(model, X, **what)
    assert [a.shape for a in attributions] == [x.shape for x in X]
    np.testing.assert_allclose(sums(attributions), change(model, X, **what), rtol=1.01e-4)


def test_a_tighter_tolerance():
    model, X = fitted("rnn")
    expected = change(model, X)
    attributions = integrated_gradients(model, X, tol=1e-10)
    np.testing.assert_allclose(sums(attributions), expected, rtol=1e-10, atol=1e-12)


def test_a_sum_that_is_not_right_is_told(monkeypatch):
    model, X = fitted("layer norm")
    monkeypatch.setattr(_path, "_MOST_PIECES", 1)
    with pytest.warns(ConvergenceWarning, match=r"sample \d+ add up to .* \(\d+ such samples\)"):
        attributions = integrated_gradients(model, X, target="a")
    off = np.abs(sums(attributions) / change(model, X, target="a") - 1.0)
    with pytest.warns(ConvergenceWarning, match=rf"\({(off > 1e-4).sum()} such samples\)"):
        integrated_gradients(model, X, target="a")


# --- right values ---------------------------------------------------------------------------
with np.load(Path(__file__).resolve().parents[1] / "golden" / "attributions.npz") as _arrays:
    GOLDEN = dict(_arrays)


def golden_model(cell):
    """Return a classifier with torch's parameters, and the values that torch has computed."""
    own = {
        name.removeprefix(cell + "/"): array
        for name, array in GOLDEN.items()
        if name.startswith(cell + "/")
    }
    model = LSTMClassifier(
        cell=cell, num_layers=2, hidden_size=4, pooling="last", scale="channel", front=None,
        branch=None, dtype="float64", max_iter=1,
    )  # fmt: skip
    model.fit(own["x"][:3], np.arange(3))
    theta = np.empty_like(model.theta_)
    for name, view in ParameterLayout(model._spec).views(theta).items():
        view[...] = own[f"theta/{name}"]
    model.theta_ = theta
    model.channel_mean_[:], model.channel_scale_[:] = 0.0, 1.0
    return model, own


@pytest.mark.parametrize("response", ["raw", "probability"])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_values_equal_those_of_torch(cell, response):
    model, golden = golden_model(cell)
    what = {"target": golden["target"], "response": response}
    gradients = input_gradients(model, golden["x"], **what)
    expected = golden[f"{response}/gradient"]
    np.testing.assert_allclose(gradients, expected, rtol=1e-6, atol=1e-9 * np.abs(expected).max())
    attributions = integrated_gradients(
        model, golden["x"], baseline=golden["baseline"], tol=1e-9, **what
    )
    expected = golden[f"{response}/attribution"]
    assert np.abs(attributions - expected).max() <= 1e-6 * np.abs(expected).max()


@pytest.mark.parametrize("name", ["unscaled", "defaults of the regressor", "own scale"])
def test_the_path_is_straight_in_what_the_network_reads(name):
    """With one step, one channel, and a kink at most, the gradient is averaged by hand."""
    model, X = fitted(name, pooling="mean", front=None, cell="rnn", num_layers=1)
    target = 0 if NETWORKS[name][1] > 1 else None
    x, baseline = X[0], X[1][: len(X[0])]
    baseline = np.resize(baseline, x.shape)
    attributions = integrated_gradients(model, [x], target=target, baseline=[baseline], tol=1e-9)
    assert sums(attributions) == pytest.approx(
        change(model, [x], [baseline], target=target), rel=1e-8
    )
    if name == "unscaled":  # then the path is straight in X as well
        shares = (np.arange(2000) + 0.5) / 2000
        points = [baseline + share * (x - baseline) for share in shares]
        mean = np.mean(input_gradients(model, points, target=target), axis=0)
        np.testing.assert_allclose(attributions[0], (x - baseline) * mean, rtol=1e-5, atol=1e-8)


def test_a_bump_is_found():
    """The target is the height of a bump in one channel at a random time, in noise."""
    rng = np.random.default_rng(0)
    n_samples, n_timesteps, width = 1030, 40, 6
    X = 0.05 * rng.standard_normal((n_samples, n_timesteps, 3))
    y = rng.uniform(1.0, 2.0, n_samples) * rng.choice([-1.0, 1.0], n_samples)
    inside = np.zeros(X.shape, bool)
    for sample, first in enumerate(rng.integers(0, n_timesteps - width + 1, n_samples)):
        inside[sample, first : first + width, 1] = True
    X += inside * y[:, np.newaxis, np.newaxis]
    model = LSTMRegressor(
        scale=None, hidden_size=16, max_iter=30, learning_rate_init=0.01, random_state=0
    ).fit(X[:1000], y[:1000])
    size = np.abs(integrated_gradients(model, X[1000:], baseline=0.0))
    share = (size * inside[1000:]).sum(axis=(1, 2)) / size.sum(axis=(1, 2))
    assert share.min() > 0.9


# --- baselines ------------------------------------------------------------------------------
def test_a_baseline_with_names_has_those_of_fit():
    X, y = problem(LSTMRegressor, n_samples=6, lengths=(3, 5))
    names = [f"channel {c}" for c in range(X[0].shape[1])]
    model = LSTMRegressor(**SMALL).fit([pd.DataFrame(x, columns=names) for x in X], y)
    baseline = pd.Series(range(len(names)), names, dtype=float)
    X = [pd.DataFrame(X[0], columns=names)]
    expected = integrated_gradients(model, X, baseline=baseline.to_numpy())
    np.testing.assert_array_equal(integrated_gradients(model, X, baseline=baseline), expected)
    with pytest.raises(ValueError, match="baseline has the channels"):
        integrated_gradients(model, X, baseline=baseline[::-1])


def test_targets_and_baselines_are_matched_by_the_names_of_samples():
    model, X = fitted("layers")
    names = list("pqr")
    frame = pd.concat({name: pd.DataFrame(x) for name, x in zip(names, X[:3], strict=True)})
    zeros = pd.concat({name: frame.loc[[name]] * k for k, name in enumerate(names)})
    zeros = zeros.droplevel(0)
    target = pd.Series(["b", "c", "a"], names)

    def explained(**what):
        return integrated_gradients(model, frame, **what).to_numpy()

    expected = explained(target=target.to_numpy(), baseline=[zeros.loc[name] for name in names])
    turned = pd.concat([zeros.loc[[name]] for name in names[::-1]])
    np.testing.assert_array_equal(explained(target=target[::-1], baseline=turned), expected)
    gradients = [input_gradients(model, frame, target=t) for t in (target[::-1], target.to_numpy())]
    np.testing.assert_array_equal(*gradients)
    with pytest.raises(ValueError, match="target has no entry for 'r' of X"):
        explained(target=target[:2])
    others = turned.rename({"p": "a", "q": "b", "r": "c"}, level=0)  # go by position
    with pytest.raises(ValueError, match="of baseline has"):
        explained(target="b", baseline=others)


def test_baselines():
    model, X = fitted("layers")
    X = X[:5]
    what = {"target": "b"}
    for baseline, samples in (
        (2.0, [np.full(x.shape, 2.0) for x in X]),
        ([1.0, 4.0], [np.broadcast_to([1.0, 4.0], x.shape) for x in X]),
        ([x[::-1] for x in X], [x[::-1] for x in X]),
    ):
        attributions = integrated_gradients(model, X, baseline=baseline, **what)
        np.testing.assert_allclose(sums(attributions), change(model, X, samples, **what), rtol=2e-4)
    same = integrated_gradients(model, X, baseline=X, **what)
    assert not any(attribution.any() for attribution in same)
    mean = integrated_gradients(model, X, baseline=model.channel_mean_, **what)
    for one, other in zip(integrated_gradients(model, X, **what), mean, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"baseline": [1.0, 2.0, 3.0]}, "3 values, but X 2 channels"),
        ({"baseline": np.nan}, "not finite"),
        ({"baseline": [[[1.0, 2.0]]]}, "1 samples and X 24"),
        ({"baseline": np.zeros((24, 3, 2))}, r"Sample \d+ of baseline has 3 time steps.* it has"),
        ({"tol": 0.0}, "tol=0.0"),
        ({"target": "d"}, "is none of"),
    ],
)
def test_bad_arguments(arguments, message):
    model, X = fitted("layers")
    with pytest.raises(ValueError, match=message):
        integrated_gradients(model, X, **arguments)


# --- forms and threads ----------------------------------------------------------------------
def test_threads_change_no_bit():
    for name in ("defaults of the classifier", "defaults of the regressor"):
        one, X = fitted(name, lengths=(20, 90), n_jobs=1, hidden_size=32)
        two, _ = fitted(name, lengths=(20, 90), n_jobs=3, hidden_size=32)
        many = integrated_gradients(one, X, tol=1e-2), integrated_gradients(two, X, tol=1e-2)
        for a, b in zip(*many, strict=True):
            np.testing.assert_array_equal(a, b)


def test_the_answer_has_the_form_of_x():
    model, X = fitted("layers")
    expected = integrated_gradients(model, X, target="b")
    filled = integrated_gradients(model, padded(X, 12), target="b")
    assert filled.shape == (24, 12, 2)
    frame = pd.concat({i: pd.DataFrame(x, columns=["u", "v"]) for i, x in enumerate(X)})
    frame.index.names = ["sample", "time"]
    named = LSTMClassifier(**model.get_params()).fit(frame, model.predict(X))
    named.theta_ = model.theta_
    long = integrated_gradients(named, frame, target="b")
    assert long.index.equals(frame.index) and list(long.columns) == ["u", "v"]
    sequences = Sequences.from_frame(frame.reset_index(), sample="sample", time="time")
    of_sequences = integrated_gradients(named, sequences, target="b", baseline=sequences)
    assert not of_sequences.to_frame()[["u", "v"]].to_numpy().any()
    for i, x in enumerate(X):
        np.testing.assert_array_equal(filled[i, : len(x)], expected[i])
        assert not filled[i, len(x) :].any()
        np.testing.assert_array_equal(long.loc[i].to_numpy(), expected[i])


def test_an_early_step_of_a_network_that_predicts_every_step():
    model, X = fitted("every step", bidirectional=False, scale="channel")
    attributions = integrated_gradients(model, X[:3], step=1)
    np.testing.assert_allclose(sums(attributions), change(model, X[:3], step=1), rtol=1.01e-4)
    assert not any(attribution[2:].any() for attribution in attributions)
