"""The rows of the paper's tables that concern LSTM, with the settings of its Table 10."""

from __future__ import annotations

from examples.hochreiter1997.network import Architecture
from examples.hochreiter1997.stopping import LegalSymbols, Streak, Tested, Window
from examples.hochreiter1997.tasks import (
    adding,
    multiplication,
    prediction,
    temporal_order,
    trigger,
    two_sequence,
)
from examples.hochreiter1997.trials import Experiment


def reber(n_blocks: int, block_size: int, learning_rate: float, paper: float) -> Experiment:
    """Experiment 1, Table 1."""
    return Experiment(
        name="1",
        row=f"{n_blocks}x{block_size}, rate {learning_rate}",
        architecture=Architecture(
            7, 7, n_blocks, block_size,
            input_gate_bias="random",
            output_gate_bias=(-1, -2, -3, -4)[:n_blocks],
            init_range=0.2,
        ),
        learning_rate=learning_rate,
        criteria=(LegalSymbols(),),
        draw=None,
        tolerance=0.49,
        n_trials=30,
        cap=200_000,
        paper={"": paper},
    )  # fmt: skip


def long_lag(variant: str, paper: float, p: int = 100) -> Experiment:
    """Experiments 2a and 2b, Table 2 and the text."""
    return Experiment(
        name=variant,
        row=f"p={p}",
        architecture=Architecture(p + 1, p + 1, 1, layered=True, init_range=0.2),
        learning_rate=1.0,
        criteria=(Streak(0.25),),
        draw=prediction(variant, p),
        tolerance=0.25,
        n_trials=18,
        cap=500_000,
        n_test=10_000,
        last_only=variant == "2b",
        paper={"": paper},
    )


def very_long_lag(q: int, p: int, paper: float | None, n_trials: int = 20) -> Experiment:
    """Experiment 2c, Table 3."""
    return Experiment(
        name="2c",
        row=f"q={q}, p={p}",
        architecture=Architecture(p + 4, 2, 2, init_range=0.2),
        learning_rate=0.01,
        criteria=(Streak(0.2),),
        draw=trigger(q, p),
        tolerance=0.2,
        n_trials=n_trials,
        cap=2_000_000,
        paper={"": paper} if paper else {},
    )


def two_sequences(
    variant: str, T: int, N: int, paper: tuple[float, ...], learning_rate: float = 1.0
) -> Experiment:
    """Experiment 3, Tables 4, 5 and 6."""
    clean = two_sequence(variant, T, N, noisy_targets=False)
    names = ("ST1", "ST2")
    if variant == "3a":
        criteria = (Tested(clean, 0.2, name="ST1"), Tested(clean, 0.2, mean=0.01, name="ST2"))
    elif variant == "3b":
        criteria = (
            Tested(clean, 0.2, n_wrong=5, name="ST1"),
            Tested(clean, 0.2, n_wrong=5, mean=0.04, name="ST2"),
        )
    else:
        criteria = (Tested(clean, 0.1, mean=0.015, name=""),)
        names = ("",)
    return Experiment(
        name=variant,
        row=f"T={T}, N={N}",
        architecture=Architecture(
            1, 1, 3,
            input_gate_bias=(-1, -3, -5),
            output_gate_bias=(-2, -4, -6),
            cell_bias="random",
            init_range=0.1,
        ),
        learning_rate=learning_rate,
        criteria=criteria,
        draw=two_sequence(variant, T, N),
        draw_test=clean,
        tolerance=0.1 if variant == "3c" else 0.2,
        n_trials=10,
        cap=5_000_000,
        every=500,
        paper=dict(zip(names, paper, strict=True)),
    )  # fmt: skip


def _marked_pairs_network(input_gate_bias: tuple[float, ...] | str) -> Architecture:
    """Experiments 4 and 5: 93 weights."""
    return Architecture(
        2, 1, 2, 2, input_gate_bias, output_gate_bias="random", cell_bias="random",
        output_bias="random", init_range=0.1,
    )  # fmt: skip


def add(T: int, paper: float) -> Experiment:
    """Experiment 4, Table 7."""
    return Experiment(
        name="4",
        row=f"T={T}",
        architecture=_marked_pairs_network((-3, -6)),
        learning_rate=0.5,
        criteria=(Window(0.04, mean=0.01),),
        draw=adding(T),
        tolerance=0.04,
        n_trials=10,
        cap=5_000_000,
        paper={"": paper},
    )


def multiply(T: int = 100) -> Experiment:
    """Experiment 5, Table 8."""
    return Experiment(
        name="5",
        row=f"T={T}",
        architecture=_marked_pairs_network("random"),
        learning_rate=0.1,
        criteria=(
            Window(0.04, n_wrong=139, name="n=140"),
            Window(0.04, n_wrong=12, name="n=13"),
        ),
        draw=multiplication(T),
        tolerance=0.04,
        n_trials=10,
        cap=10_000_000,
        paper={"n=140": 482_000, "n=13": 1_273_000},
    )


def order(n_markers: int, T: int = 100) -> Experiment:
    """Experiment 6, Table 9."""
    n_blocks = n_markers
    return Experiment(
        name="6a" if n_markers == 2 else "6b",
        row=f"{2**n_markers} classes",
        architecture=Architecture(
            8, 2**n_markers, n_blocks, 2,
            input_gate_bias=(-2, -4, -6)[:n_blocks],
            output_gate_bias="random",
            cell_bias="random",
            output_bias="random",
            init_range=0.1,
        ),
        learning_rate=0.5 if n_markers == 2 else 0.1,
        criteria=(Window(0.3, mean=0.1),),
        draw=temporal_order(n_markers, T),
        tolerance=0.3,
        n_trials=20 if n_markers == 2 else 10,
        cap=5_000_000,
        paper={"": 31_390 if n_markers == 2 else 571_100},
    )  # fmt: skip


EXPERIMENTS = [
    order(2),
    reber(3, 2, 0.5, 8_440),
    reber(4, 1, 0.5, 9_500),
    reber(3, 2, 0.2, 14_060),
    reber(3, 2, 0.1, 21_730),
    reber(4, 1, 0.1, 39_740),
    long_lag("2a", 5_040),
    long_lag("2b", 5_680),
    very_long_lag(50, 50, 30_000),
    very_long_lag(100, 100, 31_000),
    very_long_lag(200, 200, 33_000),
    two_sequences("3a", 100, 3, (27_380, 39_850)),
    two_sequences("3a", 100, 1, (58_370, 64_330)),
    two_sequences("3b", 100, 3, (41_740, 43_250)),
    two_sequences("3b", 100, 1, (74_950, 78_430)),
    add(100, 74_000),
    multiply(),
    order(3),
    very_long_lag(500, 500, 38_000),
    very_long_lag(1000, 1000, 49_000),
    two_sequences("3c", 100, 3, (269_650,), 0.1),
    two_sequences("3c", 100, 1, (565_640,), 0.1),
    add(500, 209_000),
    very_long_lag(1000, 500, 49_000),
    very_long_lag(1000, 200, 75_000),
    very_long_lag(1000, 100, 135_000),
    very_long_lag(1000, 50, 203_000),
    two_sequences("3a", 1000, 3, (446_850, 452_460)),
    two_sequences("3b", 1000, 1, (481_060, 485_080)),
    add(1000, 853_000),
]
