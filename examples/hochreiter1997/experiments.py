"""The rows of the paper's tables, with the settings of its Table 10."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from examples.hochreiter1997.baselines import FullyRecurrent, Recurrent, Window
from examples.hochreiter1997.network import Architecture
from examples.hochreiter1997.stopping import Criterion, LegalSymbols, Recent, Streak, Tested
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
    """Return a row of experiment 1 (Table 1)."""
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
        cap=500_000,
        every=500,
        every_step=True,
        paper={"": paper},
    )  # fmt: skip


def long_lag(variant: str, paper: float, p: int = 100) -> Experiment:
    """Return a row of experiment 2a or 2b (Table 2 and the text)."""
    return Experiment(
        name=variant,
        row=f"p={p}",
        architecture=Architecture(p + 1, p + 1, 1, layered=True, init_range=0.2),
        learning_rate=1.0,
        criteria=(Streak(0.25),),
        draw=prediction(variant, p),
        tolerance=0.25,
        n_trials=18,
        cap=1_000_000 if variant == "2a" else 100_000,
        n_test=10_000,
        paper={"": paper},
    )


def very_long_lag(q: int, p: int, paper: float | None) -> Experiment:
    """Return a row of experiment 2c (Table 3)."""
    return Experiment(
        name="2c",
        row=f"q={q}, p={p}",
        architecture=Architecture(p + 4, 2, 2, init_range=0.2),
        learning_rate=0.01,
        criteria=(Streak(0.2),),
        draw=trigger(q, p),
        tolerance=0.2,
        n_trials=20,
        cap=2_000_000 if q < 500 else 300_000,
        n_test=2560 if q <= 1000 else 256,
        every=100 if q <= 1000 else 20,  # a sequence of 10,000 steps takes 320 kB
        paper={"": paper} if paper else {},
    )


def two_sequences(
    variant: str, T: int, N: int, paper: tuple[float, ...], learning_rate: float = 1.0
) -> Experiment:
    """Return a row of experiment 3 (Tables 4, 5 and 6)."""
    clean = two_sequence(variant, T, N, noisy_targets=False)
    names: tuple[str, ...] = ("ST1", "ST2")
    criteria: tuple[Criterion, ...]
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
        cap=1_000_000 if T < 1000 else 3_500_000,
        every=500 if T < 1000 else 1000,
        paper=dict(zip(names, paper, strict=True)),
    )  # fmt: skip


def _marked_pairs_network(input_gate_bias: tuple[float, ...] | str) -> Architecture:
    """Return the network of experiments 4 and 5, with 93 weights."""
    return Architecture(
        2, 1, 2, 2, input_gate_bias, output_gate_bias="random", cell_bias="random",
        output_bias="random", init_range=0.1,
    )  # fmt: skip


# Experiment 4, if the paper means that the squared error must be below 0.04.
SQUARES = "squares below 0.04"


def add(T: int, paper: float) -> Experiment:
    """Return a row of experiment 4 (Table 7)."""
    return Experiment(
        name="4",
        row=f"T={T}",
        architecture=_marked_pairs_network((-3, -6)),
        learning_rate=0.5,
        criteria=(Recent(0.2, name=SQUARES), Recent(0.04, mean=0.01)),
        draw=adding(T),
        tolerance=0.04,
        n_trials=10,
        cap=2_000_000 if T < 1000 else 4_000_000,
        paper={SQUARES: paper, "": paper},
    )


def multiply(T: int = 100) -> Experiment:
    """Return the row of experiment 5 (Table 8)."""
    return Experiment(
        name="5",
        row=f"T={T}",
        architecture=_marked_pairs_network("random"),
        learning_rate=0.1,
        criteria=(
            Recent(0.04, n_wrong=139, name="n=140"),
            Recent(0.04, n_wrong=12, name="n=13"),
        ),
        draw=multiplication(T),
        tolerance=0.04,
        n_trials=10,
        cap=4_000_000,
        paper={"n=140": 482_000, "n=13": 1_273_000},
    )


def order(n_markers: int, T: int = 100) -> Experiment:
    """Return a row of experiment 6 (Table 9)."""
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
        criteria=(Recent(0.3, mean=0.1),),
        draw=temporal_order(n_markers, T),
        tolerance=0.3,
        n_trials=20 if n_markers == 2 else 10,
        cap=600_000,
        paper={"": 31_390 if n_markers == 2 else 571_100},
    )  # fmt: skip


# Table 3 by (q, p), and Table 7 by T.
VERY_LONG_LAGS = {
    (50, 50): 30_000, (100, 100): 31_000, (200, 200): 33_000, (500, 500): 38_000,
    (1000, 1000): 49_000, (1000, 500): 49_000, (1000, 200): 75_000, (1000, 100): 135_000,
    (1000, 50): 203_000,
}  # fmt: skip
ADDING = {100: 74_000, 500: 209_000, 1000: 853_000}
LSTM = [
    order(2),
    reber(3, 2, 0.5, 8_440),
    reber(4, 1, 0.5, 9_500),
    reber(3, 2, 0.2, 14_060),
    reber(3, 2, 0.1, 21_730),
    reber(4, 1, 0.1, 39_740),
    long_lag("2a", 5_040),
    long_lag("2b", 5_680),
    *(very_long_lag(q, p, paper) for (q, p), paper in VERY_LONG_LAGS.items()),
    two_sequences("3a", 100, 3, (27_380, 39_850)),
    two_sequences("3a", 100, 1, (58_370, 64_330)),
    two_sequences("3b", 100, 3, (41_740, 43_250)),
    two_sequences("3b", 100, 1, (74_950, 78_430)),
    multiply(),
    order(3),
    two_sequences("3c", 100, 3, (269_650,), 0.1),
    two_sequences("3c", 100, 1, (565_640,), 0.1),
    two_sequences("3a", 1000, 3, (446_850, 452_460)),
    two_sequences("3b", 1000, 1, (481_060, 485_080)),
    *(add(T, paper) for T, paper in ADDING.items()),
]


def _as_baseline(row: Experiment, method: str, architecture: Any, **changes: Any) -> Experiment:
    """Return a row with another method, for which the paper has no figure."""
    return replace(row, method=method, architecture=architecture, n_trials=10, paper={}, **changes)


def _reber_baselines() -> list[Experiment]:
    """Return the rows of Table 1 that the paper quotes from others."""
    row = replace(reber(3, 2, 0.1, 0), row="")
    return [
        _as_baseline(row, "RTRL, 3 hidden", FullyRecurrent(7, 7, 3), learning_rate=0.05),
        _as_baseline(
            row, "RTRL, 12 hidden", FullyRecurrent(7, 7, 12), learning_rate=0.1, cap=10_000
        ),
        _as_baseline(
            row, "Elman, 15 hidden", Recurrent(7, 7, 15, full_gradient=False), learning_rate=0.1
        ),
    ]


def _long_lag_baselines() -> list[Experiment]:
    """Return the other methods of experiment 2: one recurrent hidden unit, windows, Elman."""
    rows = []
    for p, cap in ((4, 1_000_000), (10, 200_000), (100, 5_000)):
        row = long_lag("2a", 0, p)
        network = Recurrent(p + 1, p + 1, 1, skip=True)
        for rate in (1.0, 4.0, 10.0) if p == 4 else (1.0,):
            rows.append(
                _as_baseline(
                    row,
                    f"RTRL, rate {rate:g}",
                    network,
                    learning_rate=rate,
                    cap=cap,
                    every_step=True,
                )
            )
        rows.append(_as_baseline(row, "BPTT", network, cap=cap))
    row = long_lag("2a", 0, 10)
    for width in (5, 10):
        rows.append(
            _as_baseline(row, f"TDNN, window {width}", Window(11, 11, 5, width), cap=200_000)
        )
    row = very_long_lag(50, 50, None)
    rows.append(
        _as_baseline(
            row, "Elman", Recurrent(54, 2, 4, full_gradient=False), cap=50_000, learning_rate=0.1
        )
    )
    rows.append(_as_baseline(row, "BPTT", Recurrent(54, 2, 4), cap=10_000, learning_rate=0.1))
    return rows


def _small(row: Experiment, **changes: Any) -> Experiment:
    """Return a row with 4 trials, marked as small."""
    return replace(row, row=f"small: {row.row}", n_trials=4, **changes)


def _easier(row: Experiment, n: int, cap: int, which: int = 0, **changes: Any) -> Experiment:
    """Return a small row with one criterion, which looks at n sequences."""
    criterion: Any = row.criteria[which]  # one that has an n
    return _small(row, criteria=(replace(criterion, n=n, **changes),), cap=cap, n_test=256)


def _reading(
    row: Experiment, method: str, n_trials: int, cap: int, **architecture: Any
) -> Experiment:
    """Return a row for another reading of the paper, with its last criterion only."""
    return replace(
        row,
        method=method,
        architecture=replace(row.architecture, **architecture),
        criteria=row.criteria[-1:],
        n_trials=n_trials,
        cap=cap,
    )


def _ranges_and_factor(row: Experiment) -> list[Experiment]:
    """Return readings with the ranges of Table 10's caption, and with errors without 1/2."""
    swapped = {"g_range": 1.0, "h_range": 2.0}
    double = replace(row, learning_rate=2 * row.learning_rate)
    return [
        _reading(row, "ranges swapped", 8, row.cap, **swapped),
        _reading(double, "factor 2", 8, row.cap),
        _reading(double, "ranges swapped, factor 2", 8, row.cap, **swapped),
    ]


def _without_recurrence(q: int, p: int, paper: float | None, n_trials: int = 20) -> Experiment:
    """Return a row of experiment 2c without weights between hidden units."""
    row = very_long_lag(q, p, paper)
    return _reading(row, "no recurrence", n_trials, cap=600_000, recurrent=False)


def _small_first_weights(
    q: int, p: int, paper: float | None = None, recurrent: bool = True
) -> Experiment:
    """Return a row of experiment 2c with a tenth of the paper's initial weights.

    States then drift less before the network has learned anything.
    """
    method = "weights in ±0.02" if recurrent else "no recurrence, weights in ±0.02"
    row = very_long_lag(q, p, paper)
    return _reading(row, method, 8, cap=300_000, recurrent=recurrent, init_range=0.02)


def _linear_output(T: int, paper: float) -> list[Experiment]:
    """Return rows of experiment 4 with a linear output, with and without recurrence."""
    row = add(T, paper)
    return [
        _reading(row, method, 10, row.cap, output="linear", recurrent=recurrent)
        for method, recurrent in (
            ("linear output", True),
            ("linear output, no recurrence", False),
        )
    ]


def _log_loss(row: Experiment) -> Experiment:
    """Return a row trained with the log loss."""
    return _reading(row, "log loss", row.n_trials, row.cap, output="logistic, log loss")


READINGS = [
    *_ranges_and_factor(replace(reber(3, 2, 0.5, 8_440), cap=100_000)),
    *_ranges_and_factor(replace(reber(4, 1, 0.1, 39_740), cap=100_000)),
    _log_loss(replace(long_lag("2a", 5_040), cap=100_000)),
    _log_loss(long_lag("2b", 5_680)),
    *_ranges_and_factor(replace(very_long_lag(50, 50, 30_000), cap=300_000)),
    *(
        reading
        for (q, p), paper in VERY_LONG_LAGS.items()
        for reading in (
            _without_recurrence(q, p, paper),
            _small_first_weights(q, p, paper, recurrent=q < 1000),
        )
    ),
    *_ranges_and_factor(replace(add(100, 74_000), criteria=add(100, 0).criteria[:1], cap=200_000)),
    *(reading for T, paper in ADDING.items() for reading in _linear_output(T, paper)),
    *_ranges_and_factor(order(2)),
    *_ranges_and_factor(order(3))[:1],
    _log_loss(order(3)),
]
BASELINES = [*_reber_baselines(), *_long_lag_baselines()]
BEYOND = [
    _without_recurrence(10_000, 1_000, None, n_trials=8),
    *(_small_first_weights(q, q, recurrent=False) for q in (2_000, 5_000, 10_000)),
    # lags between those of the paper
    replace(add(200, 0), paper={}),
    replace(two_sequences("3b", 200, 1, (0, 0)), paper={}),
]
EXPERIMENTS = [*LSTM, *READINGS, *BASELINES, *BEYOND]
# A version of each experiment that takes seconds, for `--quick` and for the tests.
SMALL = [
    replace(_small(reber(3, 2, 0.5, 0), cap=30_000), n_trials=8),
    _easier(long_lag("2a", 0, p=10), n=500, cap=20_000),
    _easier(long_lag("2b", 0, p=10), n=500, cap=20_000),
    _easier(very_long_lag(20, 20, None), n=500, cap=100_000),
    _easier(two_sequences("3a", 20, 3, (0, 0)), n=256, cap=50_000),
    _easier(two_sequences("3b", 20, 3, (0, 0)), n=256, cap=50_000),
    _easier(two_sequences("3c", 20, 3, (0,), 0.1), n=256, cap=200_000),
    _easier(add(20, 0), n=500, which=1, n_wrong=25, mean=0.05, cap=100_000),
    _easier(multiply(20), n=500, n_wrong=100, cap=200_000),
    _easier(order(2, T=30), n=500, cap=50_000),
    _easier(order(3, T=30), n=500, cap=200_000),
]
