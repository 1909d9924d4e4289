"""Training speed compared with torch, skorch and Keras, in one run.

    python -m tests.benchmarks.training

A training step is what `fit` does with a minibatch: gather, forward, backward, Adam. torch
uses `nn.LSTM` with a linear head on the last step, its own cross-entropy and Adam, and data that
is already a tensor. Both use float32. The libraries take turns, and medians are printed. Keras
is included if it and TensorFlow are installed, with a model that is already compiled.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from skorch import NeuralNetClassifier

from sklstm import LSTMClassifier
from sklstm._input.sequences import NetworkInput, Reading, SequenceDataset
from sklstm._network.network import Network
from sklstm._network.spec import NetworkSpec
from sklstm._training.minibatch import Minibatch
from sklstm._training.optimizer import Optimizer
from sklstm._training.workers import Workers
from sklstm.components.cells import LSTM
from sklstm.components.losses import CrossEntropy
from sklstm.components.solvers import Adam
from tests.benchmarks.machine import describe_machine, fma_peak

# batch, time steps, channels, hidden size, layers, bidirectional
SIZES = [
    (16, 20, 4, 8, 1, False),
    (32, 50, 1, 16, 1, False),
    (32, 50, 1, 32, 1, False),
    (32, 100, 3, 64, 1, False),
    (32, 100, 8, 100, 1, False),
    (32, 100, 8, 128, 1, False),
    (64, 200, 16, 96, 1, False),
    (64, 100, 8, 256, 1, False),
    (128, 100, 32, 512, 1, False),
    (32, 1000, 1, 32, 1, False),
    (256, 24, 8, 64, 1, False),
    (32, 100, 8, 64, 2, True),
]
N_CLASSES = 2


class TorchLSTM(torch.nn.Module):
    """The same network in torch: an LSTM or another layer, and a linear head on the last step."""

    def __init__(
        self,
        n_channels: int,
        hidden_size: int,
        num_layers: int = 1,
        bidirectional: bool = False,
        layer: type[torch.nn.RNNBase] = torch.nn.LSTM,
    ) -> None:
        super().__init__()
        self.lstm = layer(
            n_channels, hidden_size, num_layers, batch_first=True, bidirectional=bidirectional
        )
        self.head = torch.nn.Linear(hidden_size * (1 + bidirectional), N_CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits of each sequence."""
        return self.head(self.lstm(x)[0][:, -1])


def data(n: int, n_timesteps: int, n_channels: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw random sequences and labels."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, n_timesteps, n_channels), dtype=np.float32)
    return X, rng.integers(0, N_CLASSES, n)


def our_step(
    size: tuple[int, int, int, int, int, bool], n_threads: int, **settings: object
) -> Callable[[], None]:
    """A training step; settings: further fields of `NetworkSpec`."""
    n, n_timesteps, n_channels, hidden_size, num_layers, bidirectional = size
    X, y = data(n, n_timesteps, n_channels)
    spec = NetworkSpec(
        n_channels=n_channels, hidden_size=hidden_size, num_layers=num_layers,
        bidirectional=bidirectional, pooling=("last",), n_outputs=N_CLASSES, loss=CrossEntropy(),
        **{"cell": LSTM(), **settings},
    )  # fmt: skip
    network = Network(spec, np.float32)
    workers = Workers(network, n_threads)
    theta = network.layout.initial(np.random.RandomState(0)).astype(np.float32)
    optimizer = Optimizer(Adam(), network.layout.size, np.float32, alpha=0.0, clip_norm=None)
    begin = np.arange(n, dtype=np.int64) * n_timesteps
    dataset = SequenceDataset(X.reshape(-1, n_channels), begin, begin + n_timesteps)
    inputs = NetworkInput.of(dataset, Reading.plain(n_channels))
    samples = np.arange(n)
    target, weight = y[:, np.newaxis].astype(np.float32), np.full(n, 1 / n, np.float32)
    gradient = np.empty_like(theta)
    rng = np.random.default_rng(0)
    network.pack(theta)

    def step() -> None:
        minibatch = Minibatch(network, inputs, samples, target, weight, 0.0, rng)
        prepared = workers.prepare(minibatch)
        workers.compute(prepared)

        def update(begun: NDArray[np.int64]) -> None:
            found = prepared.gradients, prepared.statistics
            optimizer.update(network, theta, *found, 1e-3, gradient, begun=begun)

        workers.finish(prepared, update, lambda is_waiting: None)

    return step


def torch_step(
    size: tuple[int, int, int, int, int, bool], layer: type[torch.nn.RNNBase] = torch.nn.LSTM
) -> Callable[[], None]:
    """Return a training step of torch."""
    n, n_timesteps, n_channels, hidden_size, num_layers, bidirectional = size
    X, y = data(n, n_timesteps, n_channels)
    model = TorchLSTM(n_channels, hidden_size, num_layers, bidirectional, layer)
    optimizer = torch.optim.Adam(model.parameters())
    loss_of = torch.nn.CrossEntropyLoss()
    x, target = torch.from_numpy(X), torch.from_numpy(y)

    def step() -> None:
        optimizer.zero_grad()
        loss_of(model(x), target).backward()
        optimizer.step()

    return step


def side_by_side(calls: list[Callable[[], object]], seconds: float) -> list[float]:
    """Return the median seconds of each call; the contenders take turns.

    A turn consists of many calls, as in a real training, so that each contender finds its own
    data in the cache. Before a turn, the threads of the previous contender have gone to sleep.
    """
    n_turns = 5
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(n_turns):
        for call, taken in zip(calls, times, strict=True):
            time.sleep(0.1)
            call()
            end = time.perf_counter() + seconds / n_turns
            while True:
                start = time.perf_counter()
                call()
                taken.append(time.perf_counter() - start)
                if time.perf_counter() > end:
                    break
    return [float(np.median(taken)) for taken in times]


def multiply_adds(size: tuple[int, int, int, int, int, bool]) -> float:
    """Return the number of multiply-adds in the matrix products that a training step needs."""
    n, n_timesteps, n_channels, hidden_size, num_layers, bidirectional = size
    n_directions = 1 + bidirectional
    per_row, n_inputs = 0, n_channels
    for layer in range(num_layers):
        gates = 4 * hidden_size
        forward = gates * (n_inputs + 1 + hidden_size)
        backward = gates * (hidden_size + (n_inputs if layer else 0))
        per_row += n_directions * (2 * forward + backward)
        n_inputs = n_directions * hidden_size
    return float(n * n_timesteps * per_row)


def steps_table(seconds: float) -> None:
    """Print the time of a training step for each size, with one and two threads."""
    peak = fma_peak()
    print(f"FMA peak of one core, measured: {peak / 1e9:.0f} GFLOP/s (float32)\n")
    print("| batch, T, D, H (layers, both directions) | threads | torch | sklstm | ratio | peak |")
    print("|---|---|---|---|---|---|")
    for size in SIZES:
        for n_threads in (1, 2):
            torch.set_num_threads(n_threads)
            theirs, ours = side_by_side([torch_step(size), our_step(size, n_threads)], seconds)
            share = 2 * multiply_adds(size) / ours / (peak * n_threads)
            name = ", ".join(str(v) for v in size[:4])
            name += f" ({size[4]}, {'yes' if size[5] else 'no'})"
            print(
                f"| {name} | {n_threads} | {1e3 * theirs:.2f} ms | {1e3 * ours:.2f} ms | "
                f"{theirs / ours:.2f} | {share:.0%} |",
                flush=True,
            )


def keras_fit(X: np.ndarray, y: np.ndarray, hidden_size: int, n_epochs: int) -> Callable[[], None]:
    """Return a training of the same network in Keras on TensorFlow, on one thread."""
    import keras
    import tensorflow as tf

    if not tf.config.threading.get_intra_op_parallelism_threads():
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    layers = [keras.layers.LSTM(hidden_size), keras.layers.Dense(N_CLASSES)]
    model = keras.Sequential([keras.Input(X.shape[1:]), *layers])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss)
    return lambda: model.fit(X, y, batch_size=32, epochs=n_epochs, verbose=0)


def fit_table(n_epochs: int) -> None:
    """Print the time of a whole fit for each library."""
    with_keras = importlib.util.find_spec("keras") and importlib.util.find_spec("tensorflow")
    print("\n| fit: N, T, D, H, batch | library | seconds | sklstm | ratio |")
    print("|---|---|---|---|---|")
    for n, n_timesteps, n_channels, hidden_size in [(1000, 50, 1, 32), (500, 100, 8, 64)]:
        X, y = data(n, n_timesteps, n_channels)
        torch.set_num_threads(1)

        def ours(X=X, y=y, hidden_size=hidden_size) -> None:
            LSTMClassifier(
                hidden_size=hidden_size, bidirectional=False, pooling="last", scale=None,
                patch_size=1, solver="adam", learning_rate="constant", clip_norm=None, alpha=0,
                batch_size=32, max_iter=n_epochs, n_iter_no_change=n_epochs, random_state=0,
            ).fit(X, y)  # fmt: skip

        def theirs(X=X, y=y, hidden_size=hidden_size) -> None:
            NeuralNetClassifier(
                TorchLSTM, module__n_channels=X.shape[2], module__hidden_size=hidden_size,
                criterion=torch.nn.CrossEntropyLoss, optimizer=torch.optim.Adam, lr=3e-3,
                batch_size=32, max_epochs=n_epochs, train_split=None, verbose=0,
                iterator_train__shuffle=True,
            ).fit(X, y)  # fmt: skip

        others = {"skorch": theirs}
        if with_keras:
            others["Keras"] = keras_fit(X, y, hidden_size, n_epochs)
        *seconds, own = side_by_side([*others.values(), ours], 0.0)
        for library, taken in zip(others, seconds, strict=True):
            print(
                f"| {n}, {n_timesteps}, {n_channels}, {hidden_size}, 32 | {library} | "
                f"{taken:.2f} s | {own:.2f} s | {taken / own:.1f} |",
                flush=True,
            )


def growth_table(seconds: float) -> None:
    """Print how the time grows; ten times the work should take ten times as long."""
    print("\n| growth | small | tenfold | ratio |\n|---|---|---|---|")
    X, y = data(10_000, 100, 8)
    model = LSTMClassifier(hidden_size=64, bidirectional=False, max_iter=1).fit(X[:100], y[:100])
    pairs = {
        "training step, T = 100 and 1000": [
            our_step((32, n_timesteps, 8, 64, 1, False), 1) for n_timesteps in (100, 1000)
        ],
        "predict, N = 1000 and 10000": [
            lambda n=n: model.predict(X[:n]) for n in (1000, 10_000)
        ],
    }  # fmt: skip
    for name, calls in pairs.items():
        small, large = side_by_side(calls, seconds)
        print(f"| {name} | {1e3 * small:.2f} ms | {1e3 * large:.2f} ms | {large / small:.2f} |")


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="for each estimator and size")
    parser.add_argument("--epochs", type=int, default=5, help="in the comparison of fit")
    parser.add_argument("--steps-only", action="store_true", help="print only the first table")
    arguments = parser.parse_args()
    print(describe_machine() + f", torch {torch.__version__}")
    steps_table(arguments.seconds)
    if not arguments.steps_only:
        growth_table(arguments.seconds)
        fit_table(arguments.epochs)


if __name__ == "__main__":
    main()
