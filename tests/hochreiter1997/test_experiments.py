"""Small versions of the experiments are learned, and a wrong learning rule fails."""

import sys
from dataclasses import asdict, replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
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
    """Return the small version of an experiment."""
    return next(experiment for experiment in SMALL if experiment.name == name)


def solved(experiment, seeds=range(4)):
    """Return the success of each trial and criterion."""
    return [result.success for result in run_trials(experiment, seeds)]


def test_networks_have_the_papers_numbers_of_weights():
    for (name, row), n_weights in PAPER_WEIGHTS.items():
        found = [e for e in LSTM if e.name == name and e.row.startswith(row)]
        assert found
        assert all(e.architecture.trainable().sum() == n_weights for e in found)


def test_no_recurrence_leaves_hidden_units_inputs_and_biases():
    whole = small("6a").architecture
    cut = replace(whole, recurrent=False)
    assert cut.trainable().sum() == whole.trainable().sum() - whole.n_hidden**2
    theta = cut.initial(np.random.RandomState(0))
    assert not cut.views(theta)["w_hidden"][:, :-1].any()
    assert cut.views(theta)["w_hidden"][:, -1].all()


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
    assert sum(solved(replace(small("6b"), cap=100_000))) >= 2


def test_trials_do_not_depend_on_their_neighbours():
    """The result of a trial does not depend on its lane or on the order of trials."""
    experiment = replace(small("6a"), cap=2000)
    together = {r.seed: r[:-1] for r in run_trials(experiment, range(LANES + 1))}
    alone = {r.seed: r[:-1] for r in run_trials(experiment, [LANES])}
    assert together[LANES] == alone[LANES]


MUTANTS = {
    "carousel cut": [
        ("fma(by_gate, x, load(ds_input, gate))", "by_gate * x"),
        ("fma(by_cell, x, load(ds_input, cell))", "by_cell * x"),
        ("fma(by_gate, y, load(ds_hidden, gate))", "by_gate * y"),
        ("fma(by_cell, y, load(ds_hidden, cell))", "by_cell * y"),
    ],
    "input gate's derivative dropped": [("by_gate = g * f_in * (1.0 - f_in)", "by_gate = 0.0 * g")],
}


def mutant(name, folder):
    """Return the module `network` with a wrong learning rule."""
    source = Path(network.__file__).read_text("utf-8")
    for right, wrong in MUTANTS[name]:
        assert source.count(right) == 1
        source = source.replace(right, wrong)
    path = folder / "mutant.py"
    path.write_text(source, "utf-8")
    spec = spec_from_file_location("mutant", path)
    module = module_from_spec(spec)
    sys.modules["mutant"] = module  # dataclasses look for annotations here
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
def test_wrong_rule_does_not_learn(name, tmp_path):
    experiment = small("4")  # the right rule learns it within 42,000 sequences
    same = mutant(name, tmp_path).Architecture(**asdict(experiment.architecture))
    assert sum(solved(replace(experiment, architecture=same, cap=45_000))) == 0


def test_results_can_be_read_back(tmp_path):
    path = tmp_path / "results.csv"
    lines = list(run_trials(replace(small("3a"), cap=1000), [0]))
    for line in lines:
        results.append(line, path)
    assert results.read(path) == lines


@pytest.mark.slow
def test_chunker_and_guessing_solve_what_they_can():
    assert chunker.learn("2a", 20, 0).success
    assert guessing.guess("3a", 30, 3, 0).success
