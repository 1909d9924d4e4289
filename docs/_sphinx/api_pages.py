"""A page for each public name of the package, and for each module one that lists them.

The names are those of `__all__` in the package and in its public modules, and the classes of the
adapters. Nothing is listed here.
"""

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import sklstm
from sklstm.components import Component

FOLDER = Path("reference") / "api"


def public_modules() -> list[ModuleType]:
    """Return the package, its modules without an underscore, and the adapters."""
    inner = [info.name for info in pkgutil.iter_modules(sklstm.__path__)]
    names = [f"sklstm.{name}" for name in inner if not name.startswith("_")]
    modules = [sklstm, *map(importlib.import_module, names)]
    return [*(module for module in modules if module.__all__), *adapters()]


def adapters() -> Iterator[ModuleType]:
    """Yield a stand-in for each adapter: its classes with their docstrings, read from the source.

    The adapters import packages that the site is built without. `conf.py` mocks these for autodoc.
    """
    for path in sorted((Path(sklstm.__path__[0]) / "adapters").glob("[!_]*.py")):
        source = ast.parse(path.read_text("utf-8"))
        module = ModuleType(f"sklstm.adapters.{path.stem}", ast.get_docstring(source))
        classes = [node for node in source.body if isinstance(node, ast.ClassDef)]
        module.__all__ = [node.name for node in classes if not node.name.startswith("_")]
        for node in classes:
            setattr(module, node.name, type(node.name, (), {"__doc__": ast.get_docstring(node)}))
        yield module


def public_names(module: ModuleType) -> list[str]:
    """Return the classes and functions of a module, in the order of the alphabet."""
    return sorted((name for name in module.__all__ if name != "__version__"), key=str.lower)


def own_members(cls: type) -> Iterator[str]:
    """Yield the public methods and properties that the package defines, not scikit-learn.

    Those of components are called by the package alone. They are on the pages of the base classes,
    for people who derive a component of their own.
    """
    if issubclass(cls, Component) and not cls.__subclasses__():
        return
    seen = set()
    for base in cls.__mro__:
        if base.__module__.startswith("sklstm"):
            for name, member in vars(base).items():
                told = inspect.isroutine(member) or isinstance(member, property)
                hidden = name.startswith("_") or name.endswith("_request")  # of scikit-learn
                if told and not hidden and name not in seen and member.__doc__:
                    seen.add(name)
                    yield name


def page_of(module: ModuleType, name: str) -> str:
    """Return the page of a public name, in reStructuredText."""
    thing = getattr(module, name)
    lines = [name, "=" * len(name), "", f".. currentmodule:: {module.__name__}", ""]
    if inspect.isclass(thing):
        lines += [f".. autoclass:: {module.__name__}.{name}"]
        members = sorted(own_members(thing))
        lines += ["   :members: " + ", ".join(members)] if members else []
    else:
        lines += [f".. autofunction:: {module.__name__}.{name}"]
    # the gallery writes such a file for each name, empty if no example uses the name
    lines += ["", f".. minigallery:: {module.__name__}.{name}", "   :add-heading: Examples", ""]
    return "\n".join(lines)


def first_line(thing: Any) -> str:
    """Return the first sentence of a docstring, without the numbers of its references."""
    text = (inspect.getdoc(thing) or "").partition("\n\n")[0]
    return re.sub(r" \[\d\]_", "", " ".join(text.split()))


def index() -> str:
    """Return the page that lists the public modules."""
    lines = ["API", "===", "", "Every public class and function, by module.", ""]
    lines += [".. toctree::", "   :maxdepth: 2", ""]
    return "\n".join(lines + [f"   {module.__name__}" for module in public_modules()] + [""])


def page_of_module(module: ModuleType) -> str:
    """Return the page that lists the public names of a module."""
    lines = [module.__name__, "=" * len(module.__name__), "", inspect.getdoc(module) or "", ""]
    lines += [".. list-table::", "   :widths: 30 70", ""]
    for name in public_names(module):
        lines += [f"   * - :doc:`{name} <{name}>`"]
        lines += [f"     - {first_line(getattr(module, name))}"]
    lines += ["", ".. toctree::", "   :hidden:", ""]
    return "\n".join(lines + [f"   {name}" for name in public_names(module)] + [""])


def write_pages(app: Any) -> None:
    """Write all pages, only where something changed so that Sphinx reads only these again."""
    folder = Path(app.srcdir) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    pages = {"index": index()}
    for module in public_modules():
        pages[module.__name__] = page_of_module(module)
        pages |= {name: page_of(module, name) for name in public_names(module)}
    for path in folder.glob("*.rst"):
        if path.stem not in pages:
            path.unlink()
    for name, text in pages.items():
        path = folder / f"{name}.rst"
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, encoding="utf-8")


def signature_of_adapter(
    app: Any, what: str, name: str, thing: Any, options: Any, signature: str, returned: str
) -> tuple[str, str] | None:
    """Return the arguments of an adapter's constructor, which autodoc looks for in the mock."""
    if what != "class" or not name.startswith("sklstm.adapters."):
        return None
    arguments = list(inspect.signature(thing.__init__).parameters.values())[1:]
    return str(inspect.Signature([p.replace(annotation=p.empty) for p in arguments])), ""


def setup(app: Any) -> dict[str, bool]:
    """Write the pages before Sphinx looks for its sources."""
    app.connect("builder-inited", write_pages, priority=100)
    app.connect("autodoc-process-signature", signature_of_adapter)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
