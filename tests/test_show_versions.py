"""What bug reports say of the machine."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import sklstm
import sklstm._show_versions

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def told(capsys):
    """The lines that show_versions prints, by name."""
    sklstm.show_versions()
    lines = capsys.readouterr().out.splitlines()
    return {name.strip(): text for name, _, text in (line.partition(": ") for line in lines)}


def test_every_dependency_has_its_version(told):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for requirement in project["dependencies"]:
        name = re.match(r"[\w-]+", requirement)[0]
        assert told[name] == version(name)
    assert told["sklstm"] == sklstm.__version__


def test_a_package_that_is_not_there():
    assert sklstm._show_versions._installed("no-such-package") == "not installed"


def test_settings_of_numba(monkeypatch, capsys):
    monkeypatch.setenv("NUMBA_CPU_NAME", "haswell")
    sklstm.show_versions()
    assert "NUMBA_CPU_NAME: haswell" in capsys.readouterr().out


def test_the_bug_report_asks_for_it():
    report = (ROOT / ".github" / "ISSUE_TEMPLATE" / "bug_report.yml").read_text("utf-8")
    assert "sklstm.show_versions()" in report
