"""Training on sentences compared with torch's Embedding and LSTM, in one run on one thread.

    python -m tests.benchmarks.tokens

Both get lists of words and train a network of the same sizes by AdamW in float32, from the words
on: `fit` here; there a dict of words, a tensor of codes and the usual loop over minibatches. They
take turns, and medians are printed, of processor time because other processes may run beside. Peak
memory is the growth of a new process by the training, after one on a few sentences has loaded
everything; it is read from /proc, on Linux alone.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from tests.benchmarks.machine import describe_machine

N_SENTENCES, N_WORDS, VOCABULARY = 20_000, 20, 20_000
EMBEDDING, HIDDEN, N_EPOCHS, N_TURNS = 32, 64, 2, 3
BATCHES = (16, 32, 64, 128, 256)


def sentences(n: int, vocabulary: int = VOCABULARY) -> tuple[list[list[str]], np.ndarray]:
    """Draw sentences of random words, and a class for each."""
    rng = np.random.default_rng(0)
    words = np.array([f"word{i}" for i in range(vocabulary)], object)
    return words[rng.integers(0, vocabulary, (n, N_WORDS))].tolist(), rng.integers(0, 2, n)


def train_sklstm(X: list[list[str]], y: np.ndarray, batch_size: int, n_epochs: int) -> None:
    """Fit our classifier."""
    from sklstm import LSTMClassifier

    LSTMClassifier(
        categorical_features="from_dtype", embedding_size=EMBEDDING, hidden_size=HIDDEN,
        bidirectional=False, branch=None, dropout=0.0, clip_norm=None, batch_size=batch_size,
        max_iter=n_epochs, n_jobs=1, random_state=0,
    ).fit(X, y)  # fmt: skip


def train_torch(X: list[list[str]], y: np.ndarray, batch_size: int, n_epochs: int) -> None:
    """Train the same network in torch."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    known = {word: i for i, word in enumerate(sorted({w for x in X for w in x}), start=1)}
    codes = torch.tensor([[known[word] for word in x] for x in X])
    target = torch.tensor(y)
    embedding = torch.nn.Embedding(len(known) + 1, EMBEDDING)
    lstm = torch.nn.LSTM(EMBEDDING, HIDDEN, batch_first=True)
    head = torch.nn.Linear(HIDDEN, 2)
    parameters = [p for module in (embedding, lstm, head) for p in module.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=3e-3)
    for _ in range(n_epochs):
        for part in torch.randperm(len(codes)).split(batch_size):
            raw = head(lstm(embedding(codes[part]))[0][:, -1])
            loss = torch.nn.functional.cross_entropy(raw, target[part])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


TRAIN = {"sklstm": train_sklstm, "torch": train_torch}


def seconds(library: str, X: list[list[str]], y: np.ndarray, batch_size: int) -> float:
    """Return how long the training takes."""
    start = time.process_time()
    TRAIN[library](X, y, batch_size, N_EPOCHS)
    return time.process_time() - start


def growth(library: str) -> int:
    """Return by how many bytes the training raises the peak memory of this process."""
    X, y = sentences(N_SENTENCES)
    TRAIN[library](X[:64], y[:64], 32, 1)
    before = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak is what there is now
    TRAIN[library](X, y, 128, 1)
    return memory("VmHWM") - before


def memory(kind: str) -> int:
    """Return the resident memory of this process in bytes: now (VmRSS), or its peak (VmHWM)."""
    status = Path("/proc/self/status").read_text().splitlines()
    (line,) = [line for line in status if line.startswith(kind)]
    return int(line.split()[1]) * 1024


def measured_growth(library: str) -> int:
    """Run `growth` in a new process."""
    program = f"from tests.benchmarks.tokens import growth; print(growth({library!r}))"
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    return int(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Print the tables."""
    print(describe_machine() + "\n")
    print(f"{N_EPOCHS} epochs on {N_SENTENCES} sentences of {N_WORDS} words out of {VOCABULARY};")
    print(f"vectors of {EMBEDDING}, {HIDDEN} units\n")
    X, y = sentences(N_SENTENCES)
    print("| batch | torch, s | sklstm, s | ratio |\n|---|---|---|---|")
    for library in TRAIN:  # compiles and loads
        TRAIN[library](X[:256], y[:256], 32, 1)
    for batch_size in BATCHES:
        turns = [
            {library: seconds(library, X, y, batch_size) for library in TRAIN}
            for _ in range(N_TURNS)
        ]
        torch, ours = (statistics.median(t[name] for t in turns) for name in ("torch", "sklstm"))
        print(f"| {batch_size} | {torch:.2f} | {ours:.2f} | {torch / ours:.1f} |", flush=True)
    print("\n| vocabulary | sklstm, s, batch 64 |\n|---|---|")
    for vocabulary in (200, 2000, 20_000, 200_000):
        X, y = sentences(N_SENTENCES, vocabulary)
        print(f"| {vocabulary} | {seconds('sklstm', X, y, 64):.2f} |", flush=True)
    print("\n| library | peak memory of the training |\n|---|---|")
    for library in TRAIN:
        print(f"| {library} | {measured_growth(library) / 1e6:.0f} MB |")


if __name__ == "__main__":
    main()
