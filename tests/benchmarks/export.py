"""Exported models: the time of one sequence in ONNX and in C, and the size of the files.

    python -m tests.benchmarks.export

First onnxruntime, with the model of `to_onnx` and with one that torch exports of the same network,
written by hand with the same scaling. Both get one sequence at a time, in one thread. Then the C
file, compiled by gcc, beside `predict` and a stream: time for each time step.
"""

from __future__ import annotations

import argparse
import ctypes
import io
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from sklstm import LSTMClassifier
from sklstm.export import to_c, to_onnx
from tests.benchmarks.machine import describe_machine
from tests.benchmarks.torch_networks import TorchClassifier
from tests.benchmarks.training import data, side_by_side

SIZES = [(50, 1, 32), (100, 8, 64), (200, 3, 128)]  # time steps, channels, hidden size
FLOATS = ctypes.POINTER(ctypes.c_float)


def fitted(size: tuple[int, int, int], **settings: object) -> tuple[LSTMClassifier, np.ndarray]:
    """Return a classifier that was trained for one epoch, and X."""
    n_timesteps, n_channels, hidden_size = size
    X, y = data(64, n_timesteps, n_channels)
    model = LSTMClassifier(
        hidden_size=hidden_size, patch_size=1, max_iter=1, dtype="float32", n_jobs=1,
        random_state=0, **settings,
    )  # fmt: skip
    return model.fit(X, y), X


def session(content: bytes) -> onnxruntime.InferenceSession:
    """Return a session of one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(content, options)


def by_torch(model: LSTMClassifier, x: np.ndarray) -> bytes:
    """Return the network in ONNX, as torch exports it."""
    file = io.BytesIO()
    axes = {0: "n_samples", 1: "n_timesteps"}
    torch.onnx.export(
        TorchClassifier(model).eval(), (torch.from_numpy(x),), file, input_names=["x"],
        dynamic_axes={"x": axes}, dynamo=False,
    )  # fmt: skip
    return file.getvalue()


def compare_onnx(size: tuple[int, int, int], settings: dict[str, object], seconds: float) -> str:
    """Return the row of a table: onnxruntime with either model, and predict_proba."""
    model, X = fitted(size, **settings)
    x = X[:1]
    content = to_onnx(model).SerializeToString()
    ours, theirs = session(content), session(by_torch(model, x))
    right = model.predict_proba(x)
    np.testing.assert_allclose(ours.run(["probabilities"], {"X": x})[0], right, atol=1e-5)
    np.testing.assert_allclose(theirs.run(None, {"x": x})[0], right, atol=1e-5)
    calls: list[Callable[[], object]] = [
        lambda: ours.run(["probabilities"], {"X": x}),
        lambda: theirs.run(None, {"x": x}),
        lambda: model.predict_proba(x),
    ]
    one, other, predict = side_by_side(calls, seconds)
    kind = "defaults" if not settings else "one direction, no convolutions"
    return (
        f"| {', '.join(map(str, size))} | {kind} | {1e6 * one:.0f} us | {1e6 * other:.0f} us | "
        f"{one / other:.2f} | {1e6 * predict:.0f} us | {len(content) / 1024:.0f} |"
    )


def compare_c(size: tuple[int, int, int], settings: dict[str, object], seconds: float) -> str:
    """Return the row of a table: the C file, predict_proba, and a stream in Python."""
    model, X = fitted(size, **settings)
    x = np.ascontiguousarray(X[0])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.c"
        to_c(model, file)
        library = file.with_suffix(".so")
        subprocess.run(
            ["gcc", "-std=c99", "-O3", "-march=native", "-shared", "-fPIC", file, "-o", library,
             "-lm"],
            check=True,
        )  # fmt: skip
        n_bytes, code = library.stat().st_size, ctypes.CDLL(str(library))
    out, workspace = np.zeros(2, np.float32), np.zeros(1_000_000, np.float32)
    arguments = [
        x.ctypes.data_as(FLOATS), ctypes.c_size_t(len(x)), workspace.ctypes.data_as(FLOATS),
        out.ctypes.data_as(FLOATS),
    ]  # fmt: skip
    code.model_predict(*arguments)
    np.testing.assert_allclose(out, model.predict_proba(x[np.newaxis])[0], atol=1e-5)
    calls: list[Callable[[], object]] = [
        lambda: code.model_predict(*arguments),
        lambda: model.predict_proba(x[np.newaxis]),
    ]
    streams = "-"
    times = side_by_side(calls, seconds)
    if settings:
        stream = model.stream(method="predict_proba")
        (step,) = side_by_side([lambda: stream.step(x[0])], seconds)
        streams = f"{1e6 * step:.2f} us"
    c, predict = (1e6 * t / len(x) for t in times)
    kind = "defaults" if not settings else "one direction, no convolutions"
    return (
        f"| {', '.join(map(str, size))} | {kind} | {n_bytes / 1024:.0f} kB | {c:.2f} us | "
        f"{predict:.2f} us | {streams} |"
    )


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="for each contender and size")
    seconds = parser.parse_args().seconds
    kinds: list[dict[str, object]] = [{"bidirectional": False, "scale": "channel"}, {}]
    versions = f"torch {torch.__version__}, onnxruntime {onnxruntime.__version__}"
    print(f"{describe_machine()}, {versions}\n")
    print(
        "| one sequence: T, D, H | network | to_onnx | torch.onnx | ratio | predict_proba | file |"
    )
    print("|---|---|---|---|---|---|---|")
    for size in SIZES:
        for settings in kinds:
            print(compare_onnx(size, settings, seconds), flush=True)
    print("\n| one step: T, D, H | network | library | C | predict_proba | stream.step |")
    print("|---|---|---|---|---|---|")
    for size in SIZES:
        for settings in kinds:
            print(compare_c(size, settings, seconds), flush=True)


if __name__ == "__main__":
    main()
