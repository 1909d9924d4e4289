"""The documentation: its code runs, its links have targets, its commands are those of CI."""

import doctest
import importlib.util
import inspect
import re
import tomllib
import warnings
from pathlib import Path

import pytest

import sklstm
import sklstm.components
import sklstm.datasets
import sklstm.export
import sklstm.inspection

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md"))]
# of components: they are there to be derived from
BASES = ("Branch", "Cell", "Component", "Loss", "Schedule", "Solver")
MODULES = (sklstm, sklstm.components, sklstm.datasets, sklstm.export, sklstm.inspection)
PUBLIC = [
    (f"{module.__name__}.{name}", getattr(module, name))
    for module in MODULES
    for name in module.__all__
    if name not in ("__version__", *BASES)
]

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")


def blocks(page, language):
    """Yield first line and code of each fenced block in a language."""
    text = page.read_text(encoding="utf-8")
    for block in _BLOCK.finditer(text):
        if block[1] == language:
            yield text.count("\n", 0, block.start(2)), block[2]


def name_of(page):
    """Return the path of a page from the root."""
    return str(page.relative_to(ROOT))


def packages_of_extras(page):
    """Return the packages that a page imports and that the tests can do without."""
    code = "".join(code for _, code in blocks(page, "python"))
    imported = set(re.findall(r"^\s*(?:import|from) (\w+)", code, re.MULTILINE))
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    optional = extras["project"]["optional-dependencies"]["distributed"]
    return imported & {re.match(r"\w+", requirement)[0] for requirement in optional}


def is_without_mlflow(code):
    """Return whether a block needs mlflow, and it is not installed: the rest of its page runs."""
    return "import mlflow" in code and importlib.util.find_spec("mlflow") is None


@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(blocks(page, "python"))], ids=name_of
)
def test_code_of_a_page_runs(page, tmp_path, monkeypatch):
    for package in packages_of_extras(page):
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)  # a page may write files
    namespace = {"__name__": "__main__"}
    for line, code in blocks(page, "python"):
        if is_without_mlflow(code):
            continue
        # empty lines in front, so that line numbers in a traceback are those of the page
        exec(compile("\n" * line + code, str(page), "exec"), namespace)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_of_a_page_lead_somewhere(page):
    text = _BLOCK.sub("", page.read_text(encoding="utf-8"))
    targets = [target.partition("#")[0] for target in _LINK.findall(text)]
    local = [target for target in targets if target and "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


def test_every_page_can_be_reached():
    """Every page can be reached from docs/README.md, to which the README links."""
    reached, waiting = set(), [ROOT / "docs" / "README.md"]
    while waiting:
        page = waiting.pop()
        if page.suffix != ".md" or page in reached:
            continue
        reached.add(page)
        for target in _LINK.findall(page.read_text(encoding="utf-8")):
            if "://" not in target and target.partition("#")[0]:
                waiting.append((page.parent / target.partition("#")[0]).resolve())
    # index.md: a table of contents of the site, which tests/test_site.py looks at
    pages = [page for page in PAGES if page.parent != ROOT and page.name != "index.md"]
    assert [name_of(page) for page in pages if page not in reached] == []


@pytest.mark.parametrize(("name", "thing"), PUBLIC, ids=[name for name, _ in PUBLIC])
def test_examples_in_docstrings(name, thing):
    tests = [test for test in doctest.DocTestFinder().find(thing, name, False) if test.examples]
    assert tests, f"{name} has no example"
    runner = doctest.DocTestRunner(
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE, verbose=False
    )
    for test in tests:
        report = []
        runner.run(test, out=report.append)
        assert runner.failures == 0, "".join(report)


def documented_parameters(thing):
    """Return the names in the section "Parameters" of a docstring."""
    text = inspect.getdoc(thing)
    section = re.search(
        r"^Parameters\n-+\n(.*?)(?=^\w[^\n]*\n-+$|\Z)", text, re.MULTILINE | re.DOTALL
    )
    lines = re.findall(r"^(\S.*?)(?: :.*)?$", section[1], re.MULTILINE) if section else []
    return {name.strip().lstrip("*") for line in lines for name in line.split(",")}


@pytest.mark.parametrize(("name", "thing"), PUBLIC, ids=[name for name, _ in PUBLIC])
def test_docstrings_have_every_parameter(name, thing):
    if thing is sklstm.Sequences:  # made by `from_frame`
        thing = sklstm.Sequences.from_frame
    assert documented_parameters(thing) == set(inspect.signature(thing).parameters)
    methods = [
        method
        for name, method in vars(thing).items()
        if inspect.isfunction(method) and "\nParameters\n" in (inspect.getdoc(method) or "")
    ]
    for method in methods:
        parameters = set(inspect.signature(method).parameters) - {"self"}
        assert documented_parameters(method) == parameters, method


@pytest.mark.parametrize(("name", "thing"), PUBLIC, ids=[name for name, _ in PUBLIC])
def test_reference_names_everything_public(name, thing):
    reference = "".join(page.read_text("utf-8") for page in ROOT.glob("docs/reference/*.md"))
    assert f"`{thing.__name__}" in reference


def test_reference_names_every_parameter_and_method():
    reference = (ROOT / "docs" / "reference" / "estimators.md").read_text("utf-8")
    for estimator in (sklstm.LSTMClassifier, sklstm.LSTMRegressor):
        named = set(estimator().get_params())
        named |= {n for n, m in vars(estimator).items() if callable(m) and not n.startswith("_")}
        assert {name for name in named if f"`{name}" not in reference} == set()


def test_reference_has_the_defaults():
    """The second column of the tables contains the constructor's defaults."""
    reference = (ROOT / "docs" / "reference" / "estimators.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| `(.+?)` \|", reference, re.MULTILINE)
    assert len(rows) > 30
    for name, default in rows:
        for estimator in (sklstm.LSTMClassifier, sklstm.LSTMRegressor):
            if name in (parameters := estimator().get_params()):
                assert parameters[name] == eval(default), name


def test_reference_has_every_component_with_its_defaults():
    reference = (ROOT / "docs" / "reference" / "components.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| `(.+?)` \| (.+?) \|", reference, re.MULTILINE)
    for name in set(sklstm.components.__all__) - set(BASES):
        component = getattr(sklstm.components, name)()
        for parameter, value in component.get_params().items():
            told = [
                eval(default)
                for row, default, which in rows
                if row == parameter
                and (f"`{name}`" in which if "all" not in which else f"`{name}`" not in which)
            ]
            assert value in told, (name, parameter)


def test_ci_runs_the_command_of_the_readme():
    script = ROOT / ".ci" / "run"
    (_, install), (_, test) = list(blocks(ROOT / "README.md", "sh"))[:2]
    assert "examples/" in install
    assert "pytest" in test
    assert test.strip() in [line.strip() for line in script.read_text("utf-8").splitlines()]


def test_changelog_knows_the_version():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{sklstm.__version__}]" in changelog


def test_warnings_are_errors():
    """The tests above rely on pytest's configuration to find warnings."""
    with pytest.raises(UserWarning, match="a warning"):
        warnings.warn("a warning", UserWarning, stacklevel=1)
