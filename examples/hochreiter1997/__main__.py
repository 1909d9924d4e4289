"""One command: ``python -m examples.hochreiter1997``; see the README beside this file."""

from __future__ import annotations

import argparse
from pathlib import Path

from tqdm import tqdm

from examples.hochreiter1997 import results
from examples.hochreiter1997.experiments import EXPERIMENTS
from examples.hochreiter1997.trials import Experiment, Trial, run_trials


def run(experiment: Experiment, path: Path, n_trials: int | None) -> None:
    """Run the trials of a row that the results file has not yet."""
    known = {
        (line.seed, line.criterion)
        for line in results.read(path)
        if (line.experiment, line.row, line.method)
        == (experiment.name, experiment.row, experiment.method)
    }
    last = experiment.criteria[-1].name
    seeds = [s for s in range(n_trials or experiment.n_trials) if (s, last) not in known]
    title = f"{experiment.name:>2} {experiment.row}"
    with tqdm(total=len(seeds), desc=title, unit=" trials") as bar:

        def show(trials: list[Trial]) -> None:
            errors = [trial.last(experiment.every)[1].mean() for trial in trials]
            done = ", ".join(f"{trial.n_sequences:,}" for trial in trials[:1])
            error = f"{sum(errors) / len(errors):.4f}" if errors else ""
            bar.set_postfix_str(f"{done} sequences, error {error}", refresh=False)
            bar.update(0)

        for result in run_trials(experiment, seeds, show):
            if (result.seed, result.criterion) not in known:
                results.append(result, path)
            if result.criterion == last:
                bar.update()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m examples.hochreiter1997")
    parser.add_argument(
        "only", nargs="*", help="experiments, as 4 or 2c, or rows, as '4 T=100'; default: all"
    )
    parser.add_argument("--trials", type=int, help="trials per row; default: as in the paper")
    parser.add_argument("--results", type=Path, default=results.RESULTS, help="results file")
    arguments = parser.parse_args()
    for experiment in EXPERIMENTS:
        names = {experiment.name, f"{experiment.name} {experiment.row}"}
        if not arguments.only or names & set(arguments.only):
            run(experiment, arguments.results, arguments.trials)


if __name__ == "__main__":
    main()
