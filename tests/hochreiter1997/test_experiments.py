"""Each experiment in a version of seconds: it is learned, and not by a rule that is wrong."""

from dataclasses import replace

import pytest

from examples.hochreiter1997 import chunker, guessing, network, results
from examples.hochreiter1997.experiments import LSTM, SMALL
from examples.hochreiter1997.network import LANES
from examples.hochreiter1997.trials import run_trials

PAPER_WEIGHTS = {
    ("1", "4x1"): 264, ("1", "3x2"): 276, ("2a", ""): 10504, ("2b", ""): 10504,
    ("2c", "q=50, p=50"): 364, ("2c", "q=100, p=100"): 664, ("2c", "q=1000, p=1000"): 6064,
    ("3a", ""): 102, ("3b", ""): 102, ("3c", ""): 102, ("4", ""): 93, ("5", ""): 93,
    ("6a", ""): 156, ("6b", ""): 308,
}  # fmt: skip


def small(name):
    return next(experiment for experiment in SMALL if experiment.name == name)


def solved(experiment, seeds=range(4)):
    return [result.success for result in run_trials(experiment, seeds)]


def test_networks_have_the_papers_numbers_of_weights():
    for (name, row), n_weights in PAPER_WEIGHTS.items():
        found = [e for e in LSTM if e.name == name and e.row.startswith(row)]
        assert found
        assert all(e.architecture.trainable().sum() == n_weights for e in found)


def test_small_versions_cover_all_experiments():
    assert {e.name for e in SMALL} == {e.name for e in LSTM}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["2a", "2b", "2c", "3a", "3b", "3c", "4", "5", "6a"])
def test_experiment_is_learned(name):
    assert sum(solved(small(name))) == 4


@pytest.mark.slow
def test_reber_grammar_is_learned():
    assert solved(small("1"), [7]) == [1]


@pytest.mark.slow
def test_three_markers_are_learned():
    assert sum(solved(small("6b"))) >= 3


def test_trials_do_not_depend_on_their_neighbours():
    """Lanes and the order of trials change nothing."""
    experiment = replace(small("6a"), cap=2000)
    together = {r.seed: r[:-1] for r in run_trials(experiment, range(LANES + 1))}
    alone = {r.seed: r[:-1] for r in run_trials(experiment, [LANES])}
    assert together[LANES] == alone[LANES]


def broken(monkeypatch, undo):
    """Take back a part of what each round has changed."""
    run = network.run_sequences

    def run_one_by_one(*arguments):
        theta = arguments[2]
        before = theta.copy()
        run(*arguments)
        undo(theta, before)

    monkeypatch.setattr(network, "run_sequences", run_one_by_one)


@pytest.mark.slow
def test_not_learned_without_the_input_gates_derivative(monkeypatch):
    """The input gates keep their first weights."""
    experiment = small("6a")
    n_blocks = experiment.architecture.n_blocks

    def freeze(theta, before):
        for name in ("w_input", "w_hidden"):
            now = experiment.architecture.views(theta)[name]
            now[:n_blocks] = experiment.architecture.views(before)[name][:n_blocks]

    broken(monkeypatch, freeze)
    assert sum(solved(experiment)) == 0


def test_results_can_be_read_back(tmp_path):
    path = tmp_path / "results.csv"
    lines = list(run_trials(replace(small("3a"), cap=1000), [0]))
    for line in lines:
        results.append(line, path)
    assert results.read(path) == lines


@pytest.mark.slow
def test_chunker_and_guessing_solve_what_they_can():
    assert chunker.learn(20, 0).success
    assert guessing.guess("3a", 30, 3, 0).success
