"""Embeddings in a network: torch's golden values, finite differences, and what threads change."""

from pathlib import Path

import numpy as np
import pytest

from sklstm._input.sequences import NetworkInput, Reading, SequenceDataset
from sklstm._kernels.packing import unpack_gradient
from sklstm._network.network import Network
from sklstm._network.spec import NetworkSpec
from sklstm._training.minibatch import Minibatch
from sklstm._training.optimizer import Optimizer
from sklstm._training.unknown import some_unknown, unknown_rates
from sklstm._training.workers import Workers
from sklstm.components import LSTM, Adam
from sklstm.components.convolutions import ConvolutionLayer
from sklstm.components.losses import CrossEntropy

TABLES = ((6, 2), (3, 3))
GOLDEN = Path(__file__).parent / "golden" / "embedding.npz"


def spec(n_numeric=1, steps=1, **settings):
    """Return a small network that reads numbers and two categorical channels."""
    return NetworkSpec(
        n_channels=n_numeric + steps * sum(size for _, size in TABLES), embeddings=TABLES,
        embedded_steps=steps,
        **{
            "cell": LSTM(), "hidden_size": 3, "num_layers": 1, "bidirectional": False,
            "pooling": ("last",), "n_outputs": 2, "loss": CrossEntropy(), **settings,
        },
    )  # fmt: skip


def inputs(numbers, codes, lengths, patch_size=1):
    """Return sequences one after another as the network reads them."""
    end = np.cumsum(lengths)
    data = SequenceDataset(numbers, end - lengths, end)
    return NetworkInput.of(data, Reading.plain(numbers.shape[1], patch_size), codes=codes)


class Problem:
    """A network, and a minibatch for it; y: a class for each sample, or for each step."""

    def __init__(self, network_spec, data, y, n_threads=1):
        self.network = Network(network_spec, np.float64)
        self.workers = Workers(self.network, n_threads)
        self.data, self.y = data, y[:, np.newaxis].astype(float)

    def run(self, theta):
        """Return the loss, and the gradient (n_parameters,) with zeros where nothing is touched."""
        self.network.pack(theta)
        out, n = np.full(len(theta), np.nan), len(self.y)
        samples, rng = np.arange(len(self.data.lengths)), np.random.default_rng(0)
        minibatch = Minibatch(self.network, self.data, samples, self.y, np.full(n, 1 / n), 0.0, rng)
        prepared = self.workers.prepare(minibatch)
        loss = self.workers.compute(prepared)
        self.prepared = prepared
        self.touched = self.network.touched(prepared.of_vectors, out)
        unpack_gradient(prepared.gradients, self.network.places.slopes, out)
        gradient, n_dense = np.zeros(len(theta)), self.network.layout.n_packed
        gradient[:n_dense] = out[:n_dense]
        for start, length, offset, *_ in self.touched.rows:
            gradient[n_dense + start :][:length] = out[n_dense + offset :][:length]
        self.packed_gradient = out[: self.touched.size]
        return loss, gradient


def test_torch():
    with np.load(GOLDEN) as arrays:
        golden = dict(arrays)
    network = Network(spec(), np.float64)
    theta = np.empty(network.layout.size)
    for name, view in network.layout.views(theta).items():
        view[...] = golden[f"theta/{name}"]
    solver = Adam(epsilon=1e-15)
    optimizer = Optimizer(solver, network.layout.size, np.float64, alpha=0.0, clip_norm=None)
    n_steps, n, n_timesteps = golden["y"].shape[0], *golden["codes"].shape[1:3]
    for k in range(n_steps):
        numbers = golden["numbers"][k].reshape(-1, 1)
        data = inputs(numbers, golden["codes"][k].reshape(-1, 2), np.full(n, n_timesteps))
        problem = Problem(spec(), data, golden["y"][k])
        loss, gradient = problem.run(theta)
        if k == 0:
            assert loss == pytest.approx(float(golden["loss"]), rel=1e-12)
            for name, view in network.layout.views(gradient).items():
                np.testing.assert_allclose(view, golden[f"gradient/{name}"], atol=1e-13)
        minibatch = problem.prepared.gradients, problem.prepared.statistics
        optimizer.update(
            network, theta, *minibatch, 0.01, problem.packed_gradient, problem.touched.rows
        )
    for name, view in network.layout.views(theta).items():
        np.testing.assert_allclose(view, golden[f"trained/{name}"], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("steps", "settings"),
    [
        (1, {}),
        (1, {"bidirectional": True, "num_layers": 2, "pooling": ("mean", "max")}),
        (2, {"front": (ConvolutionLayer(3, 3, activation="tanh"),)}),
        (1, {"branch": (ConvolutionLayer(3, 3, activation="tanh"),), "patch_size": 2}),
        (1, {"pooling": ("steps",), "n_numeric": 0}),
    ],
)
def test_finite_differences(steps, settings):
    rng = np.random.default_rng(1)
    lengths = np.array([5, 7, 2])
    n_numeric = settings.pop("n_numeric", 1)
    numbers = rng.standard_normal((lengths.sum(), n_numeric))
    codes = np.stack([rng.integers(0, n, lengths.sum()) for n, _ in TABLES], 1).astype(np.int32)
    data = inputs(numbers, codes, lengths, steps)
    y = rng.integers(0, 2, lengths.sum() if settings.get("pooling") == ("steps",) else 3)
    problem = Problem(spec(n_numeric * steps, steps, **settings), data, y)
    layout = problem.network.layout
    theta = layout.initial(np.random.RandomState(0))
    _, gradient = problem.run(theta)
    for place in range(layout.n_packed, layout.size):
        sides = []
        for change in (1e-6, -1e-6):
            moved = theta.copy()
            moved[place] += change
            sides.append(problem.run(moved)[0])
        assert (sides[0] - sides[1]) / 2e-6 == pytest.approx(gradient[place], rel=1e-5, abs=1e-8)


def test_threads_change_no_bit():
    rng = np.random.default_rng(2)
    lengths = rng.integers(1, 9, 100)
    numbers = rng.standard_normal((lengths.sum(), 1))
    codes = np.stack([rng.integers(0, n, lengths.sum()) for n, _ in TABLES], 1).astype(np.int32)
    y, found = rng.integers(0, 2, 100), []
    for n_threads in (1, 3):
        problem = Problem(spec(), inputs(numbers, codes, lengths), y, n_threads)
        found.append(problem.run(problem.network.layout.initial(np.random.RandomState(0)))[1])
    np.testing.assert_array_equal(*found)


def test_rare_categories_are_read_as_unknown():
    codes = np.array([[1], [1], [1], [2], [3]], np.int32)
    rates = unknown_rates(np.bincount(codes[:, 0], minlength=5))
    np.testing.assert_allclose(rates, [1.0, 0.25 / 3.25, 0.2, 0.2, 1.0])
    draws = np.array([[0.01], [0.5], [0.5], [0.1], [0.3]], np.float32)
    np.testing.assert_array_equal(some_unknown(codes, (rates,), draws), [[0], [1], [1], [0], [3]])
    before_first = np.full((5, 1), -1, np.int32)
    np.testing.assert_array_equal(some_unknown(before_first, (rates,), draws), before_first)
