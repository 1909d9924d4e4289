"""Inference compared with torch and onnxruntime, with the same weights in one run.

    python -m tests.benchmarks.inference

First the time of `predict_proba` for 1,000 sequences. torch, in `inference_mode`, and
onnxruntime get their input as a tensor and return logits. Then the time of a single sequence:
that of the kernel, and the overhead of `predict_proba`. Last the network that `LSTMClassifier()`
has by default, with scaling, patches and branch, beside torch.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper

from sklstm import LSTMClassifier
from sklstm._input.sequences import PackedBatch
from sklstm._network.chunk import Chunk
from sklstm._network.network import Network
from tests.benchmarks.machine import describe_machine
from tests.benchmarks.torch_networks import TorchClassifier
from tests.benchmarks.training import TorchLSTM, data, side_by_side

# sequences, time steps, channels, hidden size
BATCHES = [
    (1000, 50, 1, 16),
    (1000, 50, 1, 32),
    (1000, 100, 8, 64),
    (1000, 100, 8, 128),
    (1000, 100, 8, 256),
]
SINGLE = [(1, 100, 1, 32), (1, 100, 8, 64)]
# sequences, time steps, channels: a multiple of the patches
DEFAULTS = [(1000, 64, 1), (1000, 128, 1), (1000, 128, 8), (1000, 512, 1)]


def our_model(
    n_timesteps: int, n_channels: int, hidden_size: int, n_threads: int
) -> LSTMClassifier:
    """Return a fitted classifier with one layer in one direction."""
    X, y = data(64, n_timesteps, n_channels)
    return LSTMClassifier(
        hidden_size=hidden_size, bidirectional=False, pooling="last", scale=None, patch_size=1,
        max_iter=1, dtype="float32", n_jobs=n_threads, random_state=0,
    ).fit(X, y)  # fmt: skip


def torch_model(model: LSTMClassifier) -> TorchLSTM:
    """Return the same network in torch, with two outputs: 0 and the log-odds."""
    parameters = {name: torch.tensor(value) for name, value in model.parameters_.items()}
    other = TorchLSTM(model.n_channels_in_, model.hidden_size)
    with torch.no_grad():
        other.lstm.weight_ih_l0.copy_(parameters["weight_ih_l0"])
        other.lstm.weight_hh_l0.copy_(parameters["weight_hh_l0"])
        other.lstm.bias_ih_l0.copy_(parameters["bias_l0"])
        other.lstm.bias_hh_l0.zero_()
        other.head.weight.zero_()
        other.head.bias.zero_()
        other.head.weight[1].copy_(parameters["head_weight"][0])
        other.head.bias[1].copy_(parameters["head_bias"][0])
    return other.eval()


def onnx_session(model: LSTMClassifier, n_threads: int) -> onnxruntime.InferenceSession:
    """Return the same network for onnxruntime, whose gate order is i, o, f, c."""
    hidden_size = model.hidden_size
    parameters = model.parameters_
    order = np.r_[0:1, 3:4, 1:3]

    def gates(name: str) -> np.ndarray:
        """Return a parameter with its gates in the order of ONNX."""
        array = parameters[name].reshape(4, hidden_size, -1)[order]
        return array.reshape(1, 4 * hidden_size, -1).astype(np.float32)

    bias = gates("bias_l0")[:, :, 0]
    constants = {
        "W": gates("weight_ih_l0"),
        "R": gates("weight_hh_l0"),
        "B": np.hstack([bias, np.zeros_like(bias)]),
        "head": parameters["head_weight"].T.astype(np.float32),
        "head_bias": parameters["head_bias"].astype(np.float32),
        "first": np.array([0]),
    }
    nodes = [
        helper.make_node("Transpose", ["x"], ["steps"], perm=[1, 0, 2]),
        helper.make_node("LSTM", ["steps", "W", "R", "B"], ["", "h"], hidden_size=hidden_size),
        helper.make_node("Squeeze", ["h", "first"], ["state"]),
        helper.make_node("Gemm", ["state", "head", "head_bias"], ["raw"]),
    ]
    graph = helper.make_graph(
        nodes,
        "lstm",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", "t", model.n_channels_in_])],
        [helper.make_tensor_value_info("raw", TensorProto.FLOAT, ["n", 1])],
        [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    proto.ir_version = 9
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(proto.SerializeToString(), options)


def contenders(
    size: tuple[int, int, int, int], n_threads: int
) -> tuple[LSTMClassifier, np.ndarray, list[Callable[[], object]]]:
    """Return model, X and calls of ours, torch and onnxruntime, after a check that they agree."""
    n, n_timesteps, n_channels, hidden_size = size
    torch.set_num_threads(n_threads)
    model = our_model(n_timesteps, n_channels, hidden_size, n_threads)
    X, _ = data(n, n_timesteps, n_channels)
    session = onnx_session(model, n_threads)
    network, x = torch_model(model), torch.from_numpy(X)

    def theirs() -> torch.Tensor:
        with torch.inference_mode():
            return network(x)

    def onnx_call() -> np.ndarray:
        return session.run(None, {"x": X})[0]

    odds = model.decision_function(X)
    for other in (theirs().numpy()[:, 1], onnx_call()[:, 0]):
        np.testing.assert_allclose(odds, other, atol=1e-4)
    return model, X, [lambda: model.predict_proba(X), theirs, onnx_call]


def kernel_call(model: LSTMClassifier, X: np.ndarray) -> Callable[[], object]:
    """The kernel alone, on the batch that `predict` would gather."""
    network = Network(model._spec, model.dtype_)
    network.pack(model.theta_.astype(network.dtype))
    chunk = Chunk(network)
    n, n_timesteps, n_channels = X.shape
    starts, lengths = np.arange(n_timesteps + 1) * n, np.full(n, n_timesteps)
    x = np.ascontiguousarray(X.transpose(1, 0, 2)).reshape(-1, n_channels)
    batch = PackedBatch(x, starts, lengths, np.empty((n, 0), np.float32))
    return lambda: chunk.predict(batch)


def default_contenders(size: tuple[int, int, int], n_threads: int) -> list[Callable[[], object]]:
    """Return calls of the default classifier and of torch, after a check that they agree."""
    n, n_timesteps, n_channels = size
    torch.set_num_threads(n_threads)
    X, y = data(64, n_timesteps, n_channels)
    model = LSTMClassifier(max_iter=1, n_jobs=n_threads, random_state=0).fit(X, y)
    network = TorchClassifier(model).eval()
    X, _ = data(n, n_timesteps, n_channels)
    x = torch.from_numpy(X)

    def theirs() -> torch.Tensor:
        with torch.inference_mode():
            return network(x)

    np.testing.assert_allclose(model.predict_proba(X), theirs().numpy(), atol=1e-4)
    return [lambda: model.predict_proba(X), theirs]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="for each contender and size")
    arguments = parser.parse_args()
    versions = f"torch {torch.__version__}, onnxruntime {onnxruntime.__version__}"
    print(f"{describe_machine()}, {versions}\n")
    print("| N, T, D, H | threads | torch | onnxruntime | sklstm | to torch | to onnxruntime |")
    print("|---|---|---|---|---|---|---|")
    for size in BATCHES:
        for n_threads in (1, 2):
            _, _, calls = contenders(size, n_threads)
            ours, theirs, onnx_time = side_by_side(calls, arguments.seconds)
            print(
                f"| {', '.join(map(str, size))} | {n_threads} | {1e3 * theirs:.2f} ms | "
                f"{1e3 * onnx_time:.2f} ms | {1e3 * ours:.2f} ms | {theirs / ours:.2f} | "
                f"{onnx_time / ours:.2f} |",
                flush=True,
            )
    print("\n| one sequence: T, D, H | torch | onnxruntime | kernel | predict_proba | adds |")
    print("|---|---|---|---|---|---|")
    for size in SINGLE:
        model, X, calls = contenders(size, 1)
        calls.append(kernel_call(model, X))
        whole, theirs, onnx_time, kernel = side_by_side(calls, arguments.seconds)
        print(
            f"| {', '.join(map(str, size[1:]))} | {1e6 * theirs:.0f} us | {1e6 * onnx_time:.0f} us "
            f"| {1e6 * kernel:.0f} us | {1e6 * whole:.0f} us | {1e6 * (whole - kernel):.0f} us |"
        )
    print("\n| defaults: N, T, D | threads | torch | sklstm | to torch |")
    print("|---|---|---|---|---|")
    for shape in DEFAULTS:
        for n_threads in (1, 2):
            ours, theirs = side_by_side(default_contenders(shape, n_threads), arguments.seconds)
            print(
                f"| {', '.join(map(str, shape))} | {n_threads} | {1e3 * theirs:.1f} ms | "
                f"{1e3 * ours:.1f} ms | {theirs / ours:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
