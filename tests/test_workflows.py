"""What the workflows of GitHub Actions run, and where."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = {
    path.stem: yaml.safe_load(path.read_text("utf-8"))
    for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))
}
SYSTEMS = {"ubuntu-latest", "macos-latest", "windows-latest"}
_SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def steps(workflow, key):
    """What the steps of all jobs of a workflow have under a key."""
    jobs = WORKFLOWS[workflow]["jobs"].values()
    return [step[key] for job in jobs for step in job["steps"] if key in step]


def machines(job):
    """The pairs of system and Python that a job of tests.yml runs on."""
    matrix = WORKFLOWS["tests"]["jobs"][job]["strategy"]["matrix"]
    listed = [(entry["os"], entry["python"]) for entry in matrix.get("include", [])]
    crossed = [(system, python) for system in matrix.get("os", []) for python in matrix["python"]]
    return {*listed, *crossed}


def commands():
    """The commands that the pages tell developers to type, without their comments."""
    pages = ("README.md", "CONTRIBUTING.md", "docs/README.md")
    text = "".join((ROOT / page).read_text("utf-8") for page in pages)
    lines = [line for block in _SHELL.findall(text) for line in block.splitlines()]
    return {re.sub(r"\s+#.*", "", line) for line in lines}


def minor(version):
    return int(version.removeprefix("3."))


def test_there_are_workflows():
    assert set(WORKFLOWS) == {"docs", "package", "tests"}


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_a_workflow_reads_and_no_more(workflow):
    assert WORKFLOWS[workflow]["permissions"] == {"contents": "read"}
    assert not [job for job in WORKFLOWS[workflow]["jobs"].values() if "permissions" in job]


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_a_new_push_ends_the_run_of_the_last_one(workflow):
    assert WORKFLOWS[workflow]["concurrency"]["cancel-in-progress"] is True
    assert "github.ref" in WORKFLOWS[workflow]["concurrency"]["group"]


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_pip_has_a_cache(workflow):
    of_pythons = [
        step["with"]
        for job in WORKFLOWS[workflow]["jobs"].values()
        for step in job["steps"]
        if step.get("uses", "").startswith("actions/setup-python@")
    ]
    assert len(of_pythons) == len(WORKFLOWS[workflow]["jobs"])
    for settings in of_pythons:
        assert settings["cache"] == "pip"
        assert settings["cache-dependency-path"] == "pyproject.toml"


def test_oldest_and_newest_python_on_every_system():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    oldest = project["requires-python"].removeprefix(">=")
    assert machines("oldest") == {(system, oldest) for system in SYSTEMS}
    newest = max((python for _, python in machines("newest")), key=minor)
    assert {system for system, python in machines("newest") if python == newest} == SYSTEMS
    run = {python for job in ("oldest", "newest") for _, python in machines(job)}
    claimed = [
        entry.rpartition(" ")[2]
        for entry in project["classifiers"]
        if re.search(r":: 3\.\d+$", entry)
    ]
    assert oldest in claimed
    assert set(claimed) <= run


@pytest.mark.parametrize("workflow", ["docs", "tests"])
def test_commands_are_those_that_people_are_told(workflow):
    run = {line.replace("${{ matrix.bin }}", "bin") for line in steps(workflow, "run")}
    assert run
    assert run - commands() == set()


def test_everything_is_run():
    run = " ".join(line for workflow in WORKFLOWS for line in steps(workflow, "run"))
    for command in (
        "pytest", "floors.sh", "ruff check", "ruff format --check", "mypy", "-m build",
        "sphinx-build",
    ):  # fmt: skip
        assert command in run


def test_sdist_and_wheel_are_installed_on_every_system():
    job = WORKFLOWS["package"]["jobs"]["install"]
    assert set(job["strategy"]["matrix"]["os"]) == SYSTEMS
    assert {name.partition("*")[2] for name in job["strategy"]["matrix"]["file"]} == {
        ".tar.gz",
        ".whl",
    }
    assert [step["run"] for step in job["steps"] if "run" in step] == [
        "python3 -m pip install --quiet dist/${{ matrix.file }}",
        "python3 tests/smoke.py",
    ]


def test_files_that_are_named_are_there():
    scripts = [line for workflow in WORKFLOWS for line in steps(workflow, "run")]
    scripts.append((ROOT / ".ci" / "run").read_text("utf-8"))
    named = {name for script in scripts for name in re.findall(r"tests/[\w/]+\.\w+", script)}
    assert len(named) > 5
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []
