"""Writes the tables of docs/explanation/hochreiter1997.md anew from the results file.

python -m examples.hochreiter1997.tables
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import numpy as np

from examples.hochreiter1997 import results
from examples.hochreiter1997.experiments import BASELINES, BEYOND, LSTM
from examples.hochreiter1997.trials import Experiment, Result

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "hochreiter1997.md"

Lines = dict[tuple[str, str, str, str], list[Result]]


def by_row(lines: list[Result]) -> Lines:
    """The lines of each experiment, row, method and criterion."""
    rows: Lines = defaultdict(list)
    for line in lines:
        rows[line.experiment, line.row, line.method, line.criterion].append(line)
    return rows


def thousands(number: float) -> str:
    """Three digits of it: 31,400."""
    return f"{float(f'{number:.3g}'):,.0f}"


def measured(lines: list[Result]) -> list[str]:
    """Success, sequences (mean and range) and wrong test sequences of the trials of a row."""
    good = [line for line in lines if line.success]
    success = f"{len(good)} of {len(lines)}"
    seconds = f"{np.mean([line.cpu_seconds for line in lines]):.1f}"
    if not good:
        return [success, f"none in {thousands(lines[0].sequences)}", "", seconds]
    needed = [line.sequences for line in good]
    span = f"{thousands(np.mean(needed))} ({thousands(min(needed))} to {thousands(max(needed))})"
    wrong = sum(line.n_wrong for line in good) / sum(line.n_test for line in good)
    return [success, span, f"{100 * wrong:.2g}%", seconds]


def lstm_table(rows: Lines) -> list[str]:
    """The paper's LSTM rows beside ours."""
    table = [
        "| exp. | row | paper's trials | paper: sequences | success | sequences, mean (range) "
        "| ratio | wrong in test | CPU s a trial |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for experiment in LSTM:
        for criterion in experiment.criteria:
            key = (experiment.name, experiment.row, "LSTM", criterion.name)
            paper = experiment.paper[criterion.name]
            ours, ratio = ["not run", "", "", ""], ""
            if lines := rows.get(key):
                ours = measured(lines)
                if needed := [line.sequences for line in lines if line.success]:
                    ratio = f"{np.mean(needed) / paper:.2g}"
            success, span, wrong, seconds = ours
            name = f"{experiment.row}, {criterion.name}" if criterion.name else experiment.row
            table.append(
                f"| {experiment.name} | {name} | {experiment.n_trials} | {paper:,.0f} "
                f"| {success} | {span} | {ratio} | {wrong} | {seconds} |"
            )
    return table


def other_table(experiments: list[Experiment], rows: Lines) -> list[str]:
    """Rows for which the paper has no figure of its own."""
    table = [
        "| exp. | row | method | success | sequences, mean (range) | wrong in test "
        "| CPU s a trial |",
        "|---|---|---|---|---|---|---|",
    ]
    for experiment in experiments:
        key = (experiment.name, experiment.row, experiment.method, experiment.criteria[-1].name)
        if lines := rows.get(key):
            cells = " | ".join(measured(lines))
            table.append(
                f"| {experiment.name} | {experiment.row} | {experiment.method} | {cells} |"
            )
    return table


def with_tables(text: str, lines: list[Result]) -> str:
    """The page, with what stands between the marks of each table replaced."""
    rows = by_row(lines)
    tables = {
        "lstm": lstm_table(rows),
        "baselines": other_table(BASELINES, rows),
        "beyond": other_table(BEYOND, rows),
    }
    for name, table in tables.items():
        begin, end = f"<!-- table: {name} -->\n", f"\n<!-- end: {name} -->"
        pattern = re.escape(begin) + ".*?" + re.escape(end)
        text = re.sub(
            pattern,
            lambda _, b=begin, t=table, e=end: b + "\n" + "\n".join(t) + "\n" + e,
            text,
            flags=re.DOTALL,
        )
    return text


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text("utf-8"), results.read()), "utf-8")
