"""Links of the pages to files outside of docs/, which are not on the site.

On GitHub such links are relative. Here an example leads to its page in the gallery, and any other
file to the repository.
"""

import re
from pathlib import Path
from typing import Any

_LINK = re.compile(r"(?<=\]\()((?:\.\./)[^)\s#]*)((?:#[^)\s]*)?)(?=\))")
_NAMED = re.compile(r"(?<!`)\bdocs/([\w/]+)\.md\b")


def lead_outside(app: Any, docname: str, source: list[str]) -> None:
    """Replace the links of a page that leave docs/."""
    docs = Path(app.srcdir).resolve()
    page = docs / docname

    def replaced(match: re.Match) -> str:
        target = (page.parent / match[1]).resolve()
        if target.is_relative_to(docs):
            return match[0]
        path = target.relative_to(docs.parent).as_posix()
        if path == "examples":
            return "/gallery/index.rst"
        if re.fullmatch(r"examples/plot_\w+\.py", path):
            return f"/gallery/{target.stem}.rst"
        kind = "tree" if target.is_dir() else "blob"
        return f"{app.config.repository}/{kind}/main/{path}{match[2]}"

    source[0] = _LINK.sub(replaced, source[0])


def link_pages(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Make links of the pages that a docstring names, as in "see docs/how_to/pandas.md"."""
    lines[:] = [_NAMED.sub(r":doc:`/\1`", line) for line in lines]


def setup(app: Any) -> dict[str, bool]:
    """Look at every page and docstring."""
    app.add_config_value("repository", "", "env")
    app.connect("source-read", lead_outside)
    app.connect("autodoc-process-docstring", link_pages, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
