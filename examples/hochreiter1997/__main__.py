"""Run the experiments: ``python -m examples.hochreiter1997``; see the README in this folder."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from types import ModuleType

from tqdm import tqdm

from examples.hochreiter1997 import chunker, estimators, guessing, results
from examples.hochreiter1997.experiments import BASELINES, EXPERIMENTS, READINGS, SMALL
from examples.hochreiter1997.tables import by_row, measured
from examples.hochreiter1997.trials import Experiment, Trial, run_trials


def run(experiment: Experiment, path: Path, n_trials: int | None) -> None:
    """Run the trials of a row that are not in the results file yet."""
    known = {
        (line.seed, line.criterion)
        for line in results.read(path)
        if (line.experiment, line.row, line.method)
        == (experiment.name, experiment.row, experiment.method)
    }
    last = experiment.criteria[-1].name
    seeds = [s for s in range(n_trials or experiment.n_trials) if (s, last) not in known]
    title = " ".join([experiment.name, experiment.row, experiment.method])
    with tqdm(total=len(seeds), desc=title, unit=" trials") as bar:
        shown = 0.0

        def show(trials: list[Trial]) -> None:
            """Show the progress of the running trials, once per second."""
            nonlocal shown
            if trials and time.monotonic() > shown + 1.0:
                shown = time.monotonic()
                longest = max(trial.n_sequences for trial in trials)
                error = min(trial.last(experiment.every)[1].mean() for trial in trials)
                bar.set_postfix_str(f"{longest:,} sequences, smallest error {error:.4f}")

        for result in run_trials(experiment, seeds, show):
            if (result.seed, result.criterion) not in known:
                results.append(result, path)
            if result.criterion == last:
                bar.update()
    for criterion in experiment.criteria:
        key = (experiment.name, experiment.row, experiment.method, criterion.name)
        success, sequences, *_ = measured(by_row(results.read(path))[key])
        name = " ".join([title, criterion.name]).strip()
        print(f"{name}: {success}, sequences needed: {sequences or '-'}")


def run_others(module: ModuleType, path: Path) -> None:
    """Run the trials of a method that has its own training loop."""
    known = {(line.experiment, line.row, line.method, line.seed) for line in results.read(path)}
    title = module.__name__.rpartition(".")[2]
    for result in tqdm(module.results(known), desc=title, unit=" trials"):
        results.append(result, path)


def main() -> None:
    """Parse the arguments and run the selected experiments."""
    parser = argparse.ArgumentParser(prog="python -m examples.hochreiter1997")
    parser.add_argument(
        "only",
        nargs="*",
        help="experiments (4), rows ('4 T=100'), methods (guessing, chunker, estimators); "
        "default: all",
    )
    parser.add_argument("--trials", type=int, help="trials per row; default: as in the paper")
    parser.add_argument("--results", type=Path, default=results.RESULTS, help="results file")
    parser.add_argument(
        "--quick", action="store_true", help="small versions of all experiments, in two minutes"
    )
    arguments = parser.parse_args()
    if arguments.quick and arguments.results == results.RESULTS:
        arguments.results = Path("hochreiter1997_quick.csv")
    for experiment in SMALL if arguments.quick else EXPERIMENTS:
        names = {experiment.name, f"{experiment.name} {experiment.row}", experiment.method}
        if experiment in BASELINES:  # selected by method, or with everything
            names = {experiment.method, experiment.method.split(",")[0]}
        if experiment in READINGS:
            own = [experiment.name, experiment.row, experiment.method]
            names = {" ".join(["readings", *own[:n]]) for n in range(4)}
        if not arguments.only or names & set(arguments.only):
            run(experiment, arguments.results, arguments.trials)
    for module in [] if arguments.quick else [guessing, chunker, estimators]:
        if not arguments.only or module.__name__.rpartition(".")[2] in arguments.only:
            run_others(module, arguments.results)


if __name__ == "__main__":
    main()
