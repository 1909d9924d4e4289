"""Headings between the groups of an estimator's parameters: start here, network, input, ...

The groups are those of the declarations, in which the docstring has the parameters too.
"""

import dataclasses
import re
from typing import Any

_PARAMETER = re.compile(r"^(\s+)\*\*(\w+)\*\* : ")


def add_headings(
    app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]
) -> None:
    """Put a heading before the first parameter of each group, in what numpydoc has made."""
    if what != "class" or not dataclasses.is_dataclass(thing):
        return
    group_of = {field.name: field.metadata.get("group") for field in dataclasses.fields(thing)}
    group, grouped = None, []
    for line in lines:
        match = _PARAMETER.match(line)
        new = group_of.get(match[2]) if match else None
        if match and new and new != group:
            group = new
            grouped += ["", f"{match[1]}.. rubric:: {new.capitalize()}", ""]
        grouped.append(line)
    lines[:] = grouped


def setup(app: Any) -> dict[str, bool]:
    """Come after numpydoc."""
    app.connect("autodoc-process-docstring", add_headings, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
