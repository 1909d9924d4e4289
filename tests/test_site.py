"""The site: every page is in its table of contents, every public name has a page."""

import importlib
import re
import sys
from pathlib import Path

import pytest

import sklstm
from sklstm import LSTMClassifier, LSTMForecaster
from sklstm.components import LSTM

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
_TOCTREE = re.compile(r"^```\{toctree\}\n(.*?)^```$", re.MULTILINE | re.DOTALL)
GENERATED = {"reference/api/index", "gallery/index"}  # the site makes these


@pytest.fixture(scope="module")
def api_pages():
    """The extension of docs/ that writes a page for each public name."""
    sys.path.insert(0, str(DOCS / "_sphinx"))
    try:
        return importlib.import_module("api_pages")
    finally:
        sys.path.pop(0)


def entries(page):
    """Return the pages that the tables of contents of a page name, from docs/ and without .md."""
    named = set()
    for block in _TOCTREE.findall(page.read_text("utf-8")):
        lines = [line.strip() for line in block.splitlines()]
        for entry in (line for line in lines if line and not line.startswith(":")):
            found = sorted(page.parent.glob(f"{entry}.md")) if "*" in entry else []
            paths = [path.with_suffix("") for path in found] or [page.parent / entry]
            named |= {path.relative_to(DOCS).as_posix() for path in paths}
    return named


def test_every_page_is_in_a_table_of_contents():
    pages = {path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.glob("**/*.md")}
    pages -= {"README", "index"}  # for readers of the repository; the first page
    named = set().union(*(entries(page) for page in DOCS.glob("**/index.md")))
    assert len(pages) > 40
    assert pages - named == set()
    assert named - pages == GENERATED


def test_a_page_that_is_in_no_table_is_found(tmp_path):
    page = tmp_path / "index.md"
    page.write_text("```{toctree}\n:glob:\n\nfirst\n```\n", encoding="utf-8")
    assert [block.split() for block in _TOCTREE.findall(page.read_text("utf-8"))] == [
        [":glob:", "first"]
    ]


def test_every_public_module_has_its_names_on_the_site(api_pages):
    modules = {module.__name__ for module in api_pages.public_modules()}
    folders = {path.parent.name for path in (ROOT / "sklstm").glob("[!_]*/__init__.py")}
    folders.remove("adapters")  # a module for each package
    adapters = {f"sklstm.adapters.{name}" for name in ("aeon", "sktime")}
    assert modules == {"sklstm"} | {f"sklstm.{name}" for name in folders} | adapters
    for module in api_pages.public_modules():
        assert f"   {module.__name__}\n" in api_pages.index()
        page = api_pages.page_of_module(module)
        for name in set(module.__all__) - {"__version__"}:
            assert f":doc:`{name} <{name}>`" in page
            assert f"   {name}\n" in page


def test_names_of_pages_differ_on_every_file_system(api_pages):
    names = [n.lower() for m in api_pages.public_modules() for n in api_pages.public_names(m)]
    assert len(names) == len(set(names))


def test_a_page_has_methods_of_ours_and_not_of_scikit_learn(api_pages):
    page = api_pages.page_of(sklstm, "LSTMClassifier")
    [members] = re.findall(r":members: (.*)", page)
    assert {"fit", "predict", "predict_proba", "stream"} <= set(members.split(", "))
    assert "set_fit_request" not in members


@pytest.mark.parametrize("estimator", [LSTMClassifier(), LSTMForecaster(), LSTM()])
def test_the_question_mark_leads_to_the_page(estimator, api_pages):
    link = estimator._get_doc_link()
    assert link in estimator._repr_html_()
    names = [n for m in api_pages.public_modules() for n in api_pages.public_names(m)]
    assert Path(link).stem in names
    folder = "/".join(Path(link).parts[-3:-1])
    assert folder == api_pages.FOLDER.as_posix()
