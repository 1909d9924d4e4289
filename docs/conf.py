"""Configuration of Sphinx; docs/README.md has the command."""

import os
import sys
import tomllib
import warnings
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import matplotlib

import sklstm

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS / "_sphinx"))  # our extensions
PROJECT = tomllib.loads((DOCS.parent / "pyproject.toml").read_text("utf-8"))["project"]


def answers(url: str) -> bool:
    """Return whether the inventory of a site can be loaded, so that a build works without it."""
    try:
        with urlopen(f"{url}objects.inv", timeout=5):
            return True
    except (URLError, TimeoutError):
        return False


# --- the project ----------------------------------------------------------------------------
project = PROJECT["name"]
author = copyright = PROJECT["authors"][0]["name"]
version = release = sklstm.__version__
html_baseurl = os.environ.get("READTHEDOCS_CANONICAL_URL", PROJECT["urls"]["Documentation"])

# --- sources --------------------------------------------------------------------------------
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
    "sphinx_design",
    "sphinx_copybutton",
    "sphinx_sitemap",
    "sphinxext.opengraph",
    "api_pages",
    "grouped_parameters",
    "links_to_repository",
]
exclude_patterns = ["README.md", "gallery/**/*.ipynb", "gallery/**/*.py"]
repository = PROJECT["urls"]["Source"]
default_role = "py:obj"  # `name` links to the page of the name, if it has one
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
autodoc_typehints = "none"  # the docstrings have the types
autodoc_mock_imports = ["aeon", "sktime"]  # for the pages of the adapters
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False  # the members follow with their docstrings
intersphinx_mapping = {
    name: (url, None)
    for name, url in {
        "numpy": "https://numpy.org/doc/stable/",
        "pandas": "https://pandas.pydata.org/docs/",
        "python": "https://docs.python.org/3/",
        "sklearn": "https://scikit-learn.org/stable/",
    }.items()
    if answers(url)
}

# --- the gallery ----------------------------------------------------------------------------
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"plot_\w+\.py",
    "within_subsection_order": "FileNameSortKey",
    "nested_sections": False,
    "remove_config_comments": True,
    "show_memory": False,
    "write_computation_times": False,
    "plot_gallery": "True",
    "abort_on_example_error": True,
    "default_thumb_file": str(DOCS / "_static" / "logo.svg"),
    "doc_module": ("sklstm",),
    "backreferences_dir": "gallery/backreferences",
    "reference_url": {"sklstm": None},
}
matplotlib.use("Agg")
# an example that cannot show its figure is right here: the gallery keeps the figure
warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive")

# --- the site -------------------------------------------------------------------------------
html_theme = "pydata_sphinx_theme"
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["accessible.js"]
html_logo = html_favicon = "_static/logo.svg"
html_show_sourcelink = False
html_copy_source = False
sitemap_url_scheme = "{link}"
# each page describes itself to search engines by its first sentences
ogp_site_url = html_baseurl
ogp_social_cards = {"enable": False}
html_context = {"default_mode": "auto"}  # light or dark, as the reader's system is
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
html_theme_options = {
    "logo": {"text": project},
    "icon_links": [
        {"name": "GitHub", "url": repository, "icon": "fa-brands fa-github"},
    ],
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "show_prev_next": False,
    # hosted, all versions read the list of the newest one; a local build has its own
    "switcher": {
        "json_url": PROJECT["urls"]["Documentation"] * ("READTHEDOCS" in os.environ)
        + "_static/switcher.json",
        "version_match": os.environ.get("READTHEDOCS_VERSION", "latest"),
    },
    "check_switcher": False,
    "navbar_persistent": ["search-button"],  # its field would take a second row
    "navbar_end": ["version-switcher", "theme-switcher", "navbar-icon-links"],
    "footer_start": ["copyright"],
    "footer_end": [],
}


def setup(app: Any) -> None:
    """Keep the gallery to the examples: a folder with a README.md is not a part of it."""

    def no_markdown(app: Any, config: Any) -> None:
        config.sphinx_gallery_conf["source_suffix"] = {".rst": "restructuredtext"}

    app.connect("config-inited", no_markdown, priority=20)
