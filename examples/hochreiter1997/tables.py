"""Write the tables of docs/explanation/hochreiter1997.md from the results file.

python -m examples.hochreiter1997.tables
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np

from examples.hochreiter1997 import chunker, estimators, guessing, results
from examples.hochreiter1997.experiments import BASELINES, BEYOND, LSTM, READINGS
from examples.hochreiter1997.trials import Experiment, Result

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "hochreiter1997.md"

Key = tuple[str, str, str, str]  # experiment, row, method, criterion
Lines = dict[Key, list[Result]]


def by_row(lines: list[Result]) -> Lines:
    """Group the lines by experiment, row, method and criterion."""
    rows: Lines = defaultdict(list)
    for line in lines:
        rows[line.experiment, line.row, line.method, line.criterion].append(line)
    return rows


def thousands(number: float) -> str:
    """Format a number with three digits: 31,400."""
    return f"{float(f'{number:.3g}'):,.0f}"


def measured(lines: list[Result]) -> list[str]:
    """Return successes, sequences (mean and range), wrong test sequences and time of a row."""
    good = [line for line in lines if line.success]
    success = f"{len(good)} of {len(lines)}"
    if failed := [line.sequences for line in lines if not line.success]:
        success += f" within {thousands(max(failed))}"
    seconds = f"{np.mean([line.cpu_seconds for line in lines]):.1f}"
    if not good:
        return [success, "", "", seconds]
    needed = [line.sequences for line in good]
    mean = thousands(float(np.mean(needed)))
    span = f"{mean} ({thousands(min(needed))} to {thousands(max(needed))})"
    wrong = sum(line.n_wrong for line in good) / sum(line.n_test for line in good)
    return [success, span, f"{100 * wrong:.2g}%", seconds]


def full_name(row: str, criterion: str) -> str:
    """Return the name of a row, with its criterion if that has a name."""
    return f"{row}, {criterion}" if criterion else row


def beside_paper(lines: list[Result], paper: float) -> str:
    """Return the paper's figure, ours, and their ratio, as cells of a table."""
    if not lines:
        return f"{paper:,.0f} | not run | | | |"
    success, span, wrong, seconds = measured(lines)
    needed = [line.sequences for line in lines if line.success]
    ratio = f"{np.mean(needed) / paper:.2g}" if needed else ""
    return f"{paper:,.0f} | {success} | {span} | {ratio} | {wrong} | {seconds}"


def lstm_table(rows: Lines) -> list[str]:
    """Return the table of the paper's LSTM rows and ours."""
    table = [
        "| exp. | row | paper's trials | paper: sequences | success | sequences, mean (range) "
        "| ratio | wrong in test | CPU s a trial |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for experiment in sorted(LSTM, key=lambda experiment: experiment.name):
        for criterion in experiment.criteria:
            lines = rows.get((experiment.name, experiment.row, "LSTM", criterion.name), [])
            name = full_name(experiment.row, criterion.name)
            cells = beside_paper(lines, experiment.paper[criterion.name])
            table.append(f"| {experiment.name} | {name} | {experiment.n_trials} | {cells} |")
    return table


def readings_table(rows: Lines) -> list[str]:
    """Return the table of other readings, each after the row that follows the equations."""
    table = [
        "| exp. | row | method | paper: sequences | success | sequences, mean (range) "
        "| ratio | wrong in test | CPU s a trial |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    shown = set()
    for reading in READINGS:
        criterion = reading.criteria[-1].name
        for method in ("LSTM", reading.method):
            key = (reading.name, reading.row, method, criterion)
            if key in rows and key not in shown:
                shown.add(key)
                name = full_name(reading.row, criterion)
                cells = beside_paper(rows[key], reading.paper[criterion])
                table.append(f"| {reading.name} | {name} | {method} | {cells} |")
    return table


def other_table(keys: list[Key], rows: Lines) -> list[str]:
    """Return a table of rows for which the paper has no figure."""
    table = [
        "| exp. | row | method | success | sequences, mean (range) | wrong in test "
        "| CPU s a trial |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row, method, criterion in keys:
        if lines := rows.get((name, row, method, criterion)):
            cells = " | ".join(measured(lines))
            table.append(f"| {name} | {full_name(row, criterion)} | {method} | {cells} |")
    return table


def keys_of(experiments: list[Experiment]) -> list[Key]:
    """Return the key of each row and criterion."""
    return [(e.name, e.row, e.method, c.name) for e in experiments for c in e.criteria]


def with_tables(text: str, lines: list[Result]) -> str:
    """Return the page with new tables between the marks of each table."""
    rows = by_row(lines)
    chunked = [(variant, "p=100", chunker.METHOD, "") for variant in chunker.CAPS]
    guessed = [(v, f"T={T}, N={N}", guessing.METHOD, "ST1") for v, T, N in guessing.TASKS]
    estimated = [
        (name, row, method, "")
        for name, row, *_ in estimators.TASKS
        for method in ["LSTM", *estimators.MODELS]
    ]
    tables = {
        "lstm": lstm_table(rows),
        "readings": readings_table(rows),
        "baselines": other_table([*keys_of(BASELINES), *chunked, *guessed], rows),
        "beyond": other_table(keys_of(BEYOND), rows),
        "estimators": other_table(estimated, rows),
    }
    for name, table in tables.items():
        begin, end = f"<!-- table: {name} -->\n", f"<!-- end: {name} -->"
        before, rest = text.split(begin)
        after = rest.partition(end)[2]
        text = before + begin + "\n" + "\n".join(table) + "\n\n" + end + after
    return text


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text("utf-8"), results.read()), "utf-8")
