"""Every example runs, with or without matplotlib, and prints something."""

import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).resolve().parents[1] / "examples").glob("*.py"))


def test_there_are_examples():
    assert EXAMPLES
    assert all(path.name.startswith("plot_") for path in EXAMPLES)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(path, monkeypatch, capsys):
    try:
        import matplotlib
    except ImportError:
        drawn = None
    else:
        matplotlib.use("Agg")
        from matplotlib import pyplot

        drawn = []
        monkeypatch.setattr(pyplot, "show", lambda: drawn.append(pyplot.get_fignums()))
    monkeypatch.setattr(sys, "argv", [str(path)])
    try:
        runpy.run_path(str(path), run_name="__main__")
    finally:
        if drawn is not None:
            pyplot.close("all")
    assert capsys.readouterr().out
    assert drawn is None or any(drawn)
