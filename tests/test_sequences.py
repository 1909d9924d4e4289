"""Sequences of any length in any order, and arrays that stay on disk."""

import tracemalloc

import numpy as np
import pytest

from sklstm import LSTMClassifier
from sklstm._input import moments as input_moments
from sklstm._input.moments import ChannelMoments
from sklstm._input.sequences import SequenceDataset
from sklstm.components import FCN
from tests.toy import ESTIMATORS, SMALL, padded, problem, raw

NETWORKS = [
    {},
    {"hidden_size": 5, "num_layers": 2, "dtype": "float64"},
    {"bidirectional": False, "pooling": "last", "patch_size": 2},
    {"hidden_size": 33, "pooling": "max", "scale": "sequence", "patch_size": 3},
    {"branch": FCN((8, 4), width=3), "patch_size": 5},
]


@pytest.mark.parametrize("network", NETWORKS, ids=str)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_prediction_is_of_its_sequence_alone(Estimator, network):
    """Other sequences, their order and padding do not change a bit of a prediction."""
    X, y = problem(Estimator, n_samples=110, lengths=(1, 12))  # several chunks
    model = Estimator(**SMALL | network).fit(X, y)
    expected = raw(model, X)
    np.testing.assert_array_equal(raw(model, padded(X)), expected)
    np.testing.assert_array_equal(raw(model, padded(X, 40)), expected)
    alone = np.concatenate([raw(model, [x]) for x in X])
    np.testing.assert_array_equal(alone, expected)
    order = np.random.default_rng(0).permutation(110)
    np.testing.assert_array_equal(raw(model, [X[k] for k in order]), expected[order])


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_padding_does_not_change_training(network):
    X, y = problem(LSTMClassifier, n_samples=70, lengths=(1, 12))
    ragged, array = (
        LSTMClassifier(**SMALL | network, dropout=0.2).fit(x, y) for x in (X, padded(X, 40))
    )
    np.testing.assert_array_equal(ragged.theta_, array.theta_)
    assert ragged.loss_curve_ == array.loss_curve_


def test_order_within_a_batch_changes_training_by_rounding_alone():
    X, y = problem(LSTMClassifier, n_samples=40)
    order = np.random.default_rng(0).permutation(40)
    settings = SMALL | {"batch_size": 40, "dtype": "float64", "max_iter": 20, "dropout": 0.0}
    here = LSTMClassifier(**settings).fit(X, y)
    there = LSTMClassifier(**settings).fit([X[k] for k in order], y[order])
    np.testing.assert_allclose(there.theta_, here.theta_, rtol=1e-7, atol=1e-10)


# --- moments of the channels ---------------------------------------------------------------
LENGTHS = np.array([4, 1, 7, 7, 2, 5, 6])


def a_data_set():
    """Return sequences whose means are large compared with their deviations, and NaN in between."""
    rng = np.random.RandomState(0)
    level = np.array([0.0, 1e7, -4.0])
    sequences = [3.0 + 2.0 * rng.standard_normal((n, 3)) + level for n in LENGTHS]
    gap = np.full((1, 3), np.nan)
    values = np.concatenate([part for sequence in sequences for part in (sequence, gap)])
    end = np.cumsum(LENGTHS + 1) - 1
    return sequences, SequenceDataset(values, end - LENGTHS, end)


@pytest.mark.parametrize("block", [4, 2**16])  # one row at a time; all of them
@pytest.mark.parametrize("weight", [np.ones(7), np.array([0.5, 0.0, 2.0, 1.0, 3.0, 0.0, 0.1])])
def test_moments_however_they_are_split(weight, block, monkeypatch):
    monkeypatch.setattr(input_moments, "_BLOCK_VALUES", block)
    sequences, data = a_data_set()
    values, weights = np.concatenate(sequences), np.repeat(weight, LENGTHS)
    mean = np.average(values, axis=0, weights=weights)
    everything = np.array([6, 2, 0, 1, 5, 4, 3])
    for parts in ([everything], [everything[:3], everything[3:]], np.split(everything, 7)):
        moments = ChannelMoments.empty(3)
        for samples in parts:
            moments.add(data, samples, weight[samples])
        np.testing.assert_allclose(moments.count, weights.sum(), rtol=1e-14)
        np.testing.assert_allclose(moments.mean, mean, rtol=1e-14)
        np.testing.assert_allclose(moments.m2, weights @ (values - mean) ** 2, rtol=1e-8)


@pytest.mark.parametrize("block", [4, 2**16])
def test_moments_of_what_there_is(block, monkeypatch):
    monkeypatch.setattr(input_moments, "_BLOCK_VALUES", block)
    _, data = a_data_set()
    rng = np.random.RandomState(1)
    data.values[rng.uniform(size=len(data.values)) < 0.6, 1] = np.nan
    data.values[:, 2] = np.nan
    weight = np.array([0.5, 0.0, 2.0, 1.0, 3.0, 0.0, 0.1])
    moments = ChannelMoments.empty(3)
    moments.add(data, np.arange(7), weight)
    rows = np.concatenate([data.values[a:b] for a, b in zip(data.begin, data.end, strict=True)])
    weights = np.repeat(weight, LENGTHS)[:, np.newaxis] * ~np.isnan(rows)
    rows = np.nan_to_num(rows)
    mean = (weights * rows).sum(axis=0) / np.maximum(weights.sum(axis=0), 1e-9)
    np.testing.assert_allclose(moments.count, weights.sum(axis=0), rtol=1e-14)
    np.testing.assert_allclose(moments.mean, mean, rtol=1e-14)
    np.testing.assert_allclose(moments.m2, (weights * (rows - mean) ** 2).sum(axis=0), rtol=1e-8)
    assert moments.deviation[2] == 1.0


def test_moments_of_one_step():
    moments = ChannelMoments.empty(1)
    one_step = SequenceDataset(np.array([[5.0]]), np.array([0]), np.array([1]))
    moments.add(one_step, np.array([0]), np.array([3.0]))
    assert (moments.count[0], moments.mean[0], moments.m2[0]) == (3.0, 5.0, 0.0)


def test_a_sample_of_weight_zero_is_not_read():
    sequences, data = a_data_set()
    data.values[data.begin[2] : data.end[2]] = np.nan
    moments = ChannelMoments.empty(3)
    moments.add(data, np.arange(7), np.arange(7) != 2)
    del sequences[2]
    np.testing.assert_allclose(moments.mean, np.concatenate(sequences).mean(axis=0), rtol=1e-14)


# --- memory-mapped arrays -----------------------------------------------------------------
SHAPE = (6000, 120, 12)


@pytest.fixture(scope="module", params=[np.float32, np.int16, np.float64])
def mapped(request, tmp_path_factory):
    """Return a read-only memory map, and its values in memory; some samples are padded."""
    path = tmp_path_factory.mktemp("mapped") / "X.npy"
    rng = np.random.default_rng(0)
    values = rng.integers(-1000, 1000, SHAPE).astype(request.param)
    values[::2] += 200
    if values.dtype.kind == "f":
        values[::3, 60:] = np.nan
    np.lib.format.open_memmap(path, "w+", values.dtype, SHAPE)[:] = values
    return np.lib.format.open_memmap(path, "r"), values


@pytest.mark.parametrize("flat", [False, True], ids=["3-D", "2-D"])
def test_a_memory_mapped_array_is_never_copied(mapped, flat):
    X, values = mapped
    y = np.arange(len(X)) % 2
    parameters = SMALL | {"max_iter": 1, "batch_size": 16, "hidden_size": 1}
    if flat:
        X, parameters["n_channels"] = X.reshape(len(X), -1), SHAPE[2]
    LSTMClassifier(**parameters).fit(X[:200], y[:200]).predict(X[:200])  # compiles
    tracemalloc.start()
    model = LSTMClassifier(**parameters).fit(X, y)
    probability = model.predict_proba(X)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < X.nbytes / 3, f"{peak / 2**20:.1f} MB of {X.nbytes / 2**20:.1f}"
    expected = LSTMClassifier(**parameters).fit(values.reshape(X.shape).astype(values.dtype), y)
    np.testing.assert_array_equal(model.theta_, expected.theta_)
    np.testing.assert_array_equal(probability, expected.predict_proba(values.reshape(X.shape)))


def test_a_gap_in_a_memory_mapped_array_is_named(tmp_path):
    X = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", np.float32, (50, 6, 2))
    X[:] = 1.0
    X[41, 3, 1] = np.nan
    with pytest.raises(ValueError, match="sample 41, time step 3, channel 1"):
        LSTMClassifier(**SMALL).fit(X, np.arange(50) % 2)


def test_predicting_long_sequences_takes_bounded_memory():
    X = np.random.default_rng(0).standard_normal((60, 20_000, 1), dtype=np.float32)
    settings = SMALL | {"pooling": "mean", "patch_size": 1, "bidirectional": False}
    model = LSTMClassifier(**settings).fit(X[:, :20], np.arange(60) % 2)
    model.predict(X[:, :20])
    tracemalloc.start()
    together = model.predict_proba(X)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # the states of all 60 sequences alone, from which the mean is computed, would take 73 MB
    assert peak < 40 * 2**20, f"{peak / 2**20:.1f} MB"
    np.testing.assert_array_equal(model.predict_proba(X[:3]), together[:3])
