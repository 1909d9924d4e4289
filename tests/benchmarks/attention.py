"""Training speed with self-attention compared with torch.

    python -m tests.benchmarks.attention

Training steps as in `training.py`, in float32, on one thread: an LSTM, then a transformer encoder
layer with four heads, against torch's `nn.LSTM` and `nn.TransformerEncoderLayer`.
"""

from __future__ import annotations

import argparse

import torch

from sklstm.components import SelfAttention
from tests.benchmarks.machine import describe_machine
from tests.benchmarks.training import our_step, side_by_side, torch_step

SIZES = [
    (32, 25, 8, 32, 1, False),
    (32, 50, 8, 64, 1, False),
    (32, 100, 8, 128, 1, False),
    (32, 128, 8, 64, 1, True),
    (32, 500, 8, 64, 1, False),
]


class Attended(torch.nn.Module):
    """An LSTM and an encoder layer after it, which is called as the LSTM alone."""

    def __init__(
        self, n_channels: int, hidden_size: int, num_layers: int, batch_first: bool,
        bidirectional: bool,
    ) -> None:  # fmt: skip
        super().__init__()
        self.lstm = torch.nn.LSTM(
            n_channels,
            hidden_size,
            num_layers,
            batch_first=batch_first,
            bidirectional=bidirectional,
        )
        n_states = hidden_size * (1 + bidirectional)
        self.encoder = torch.nn.TransformerEncoderLayer(
            n_states, 4, 2 * n_states, 0.0, batch_first=batch_first, norm_first=True
        )

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor]:
        """Return the states of all steps, as the first of a tuple."""
        return (self.encoder(self.lstm(x)[0]),)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="for each contender")
    arguments = parser.parse_args()
    print(describe_machine() + f", torch {torch.__version__}")
    torch.set_num_threads(1)
    print("\n| n, T, D, H, layers, both ways | LSTM alone | with attention | torch | ratio |")
    print("|---|---|---|---|---|")
    for size in SIZES:
        calls = [our_step(size, 1), our_step(size, 1, encoder=SelfAttention())]
        calls.append(torch_step(size, Attended))
        alone, ours, theirs = (1e3 * taken for taken in side_by_side(calls, arguments.seconds))
        print(
            f"| {', '.join(map(str, size))} | {alone:.2f} ms | {ours:.2f} ms | {theirs:.2f} ms | "
            f"{theirs / ours:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
