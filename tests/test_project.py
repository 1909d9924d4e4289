"""What pyproject.toml says of the package: versions that go together, addresses."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

import sklstm
from sklstm.components.component import DOCUMENTATION

ROOT = Path(__file__).resolve().parents[1]
CONFIGURATION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT = CONFIGURATION["project"]
EXTRAS = PROJECT["optional-dependencies"]
# "bench" takes whatever there is; "dev" names other extras
EXTRAS_WITH_FLOORS = sorted(set(EXTRAS) - {"bench", "dev"})
_REQUIREMENT = re.compile(r"([\w-]+)>=([\d.]+)")


def floors(requirements):
    """Oldest version by name; a requirement of any other form is an error."""
    found = [_REQUIREMENT.fullmatch(requirement) for requirement in requirements]
    assert None not in found, dict(zip(requirements, found, strict=True))
    return {match[1]: match[2] for match in found}


@pytest.mark.parametrize("extra", EXTRAS_WITH_FLOORS)
def test_requirements_have_floors_and_no_caps(extra):
    """tests/floors.sh installs the floors of the dependencies and of "test"."""
    assert floors(PROJECT["dependencies"])
    assert floors(EXTRAS[extra])


def test_a_package_has_one_floor():
    everything = [*PROJECT["dependencies"], *EXTRAS["test"]]
    for extra in EXTRAS_WITH_FLOORS:
        for name, version in floors(EXTRAS[extra]).items():
            if name in floors(everything):
                assert floors(everything)[name] == version, (extra, name)


def test_the_sdist_has_all_pages():
    """hatchling adds the README by itself only where pyproject.toml names it directly."""
    included = CONFIGURATION["tool"]["hatch"]["build"]["targets"]["sdist"]["only-include"]
    assert {page.name for page in ROOT.glob("*.md")} <= set(included)
    assert all((ROOT / name).exists() for name in included)


def test_addresses():
    urls = PROJECT["urls"]
    assert set(urls) == {"Homepage", "Documentation", "Source", "Changelog", "Issues"}
    assert urls["Documentation"] == DOCUMENTATION
    assert all(urls[name].startswith(urls["Source"]) for name in set(urls) - {"Documentation"})
    assert (ROOT / urls["Changelog"].partition("/blob/main/")[2]).is_file()


def test_the_address_stands_in_one_file():
    address = PROJECT["urls"]["Source"].removeprefix("https://")
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("sklstm/**/*.py")]
    assert len(pages) > 50
    assert [page for page in pages if address in page.read_text("utf-8")] == []


def test_the_citation_has_the_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert citation["version"] == sklstm.__version__
    assert citation["license"] == PROJECT["license"]


def test_links_of_the_readme_on_pypi_are_addresses():
    readme = CONFIGURATION["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    assert readme["fragments"] == [{"path": "README.md"}]
    text = (ROOT / "README.md").read_text("utf-8")
    links = re.compile(r"\]\(([^)]+)\)|src(?:set)?=\"([^\"]+)\"")
    before = {link or source for link, source in links.findall(text)}
    for substitution in readme["substitutions"]:
        text = re.sub(substitution["pattern"], substitution["replacement"], text)
    after = {link or source for link, source in links.findall(text)}
    assert not [link for link in after if not link.startswith(("https://", "#"))]
    relative = {link for link in before if not link.startswith(("https://", "#"))}
    ours = {link for link in after if link.startswith(PROJECT["urls"]["Source"])}
    assert len(relative) == len(ours) > 10
    assert {link.partition("/main/")[2] for link in ours} == relative


def test_the_pictures_of_the_readme_are_there():
    text = (ROOT / "README.md").read_text("utf-8")
    pictures = re.findall(r"src(?:set)?=\"([^\"]+)\"", text)
    assert len(pictures) == 4  # light and dark
    assert all((ROOT / picture).is_file() for picture in pictures)
    assert sum((ROOT / picture).stat().st_size for picture in pictures) < 300_000
