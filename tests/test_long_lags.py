"""Tasks of 1997 with long lags are learned; the benchmark runs more seeds and all cells."""

import pytest

from tests.benchmarks.long_lags import adding, reber


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["lstm", "lstm1997"])
def test_adding_over_100_steps(cell):
    right, _ = adding(100, cell, seed=0)
    assert right >= 0.99


@pytest.mark.slow
def test_adding_over_500_steps():
    right, _ = adding(500, "lstm", seed=0, n_sequences=3000)
    assert right >= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_every_legal_successor_of_the_embedded_reber_grammar(seed):
    right, _ = reber(seed)
    assert right == 1.0
