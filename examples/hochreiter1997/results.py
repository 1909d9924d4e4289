"""The results file: a line for each trial and criterion, appended as soon as it is finished."""

from __future__ import annotations

import csv
from pathlib import Path

from examples.hochreiter1997.trials import Result

RESULTS = Path(__file__).parent / "results.csv"


def read(path: Path = RESULTS) -> list[Result]:
    """Return all lines; an empty list if there is no file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Result(
                **{
                    name: kind(line[name])
                    for name, kind in zip(Result._fields, _KINDS, strict=True)
                }
            )
            for line in csv.DictReader(file)
        ]


def append(result: Result, path: Path = RESULTS) -> None:
    """Append one line; write the header first if the file is new or empty."""
    is_new = not path.exists() or path.stat().st_size == 0
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if is_new:
            writer.writerow(Result._fields)
        writer.writerow(result)


_KINDS = (str, str, str, str, int, int, int, int, int, float, float)
