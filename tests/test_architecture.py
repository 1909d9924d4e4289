"""The design rules that can be checked in the source."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "sklstm"

# From the bottom up: a file or folder imports only from those that come before it in this list.
LAYERS = [
    "_version",
    "_kernels",
    "components",
    "_input",
    "_progress",
    "_network",
    "_training",
    "_stream",
    "_estimator",
    "_classifier",
    "_regressor",
    "_forecasting",
    "_forecaster",
    "_windows",
    "_warmup",
    "_show_versions",
    "inspection",
    "export",
    "adapters",
    "__init__",
]
STANDING_ALONE = {"datasets"}  # imports nothing of the package, and nothing imports it
COMPUTING_WITHOUT_SKLEARN = {"_kernels", "_network", "_training", "_stream"}
KERNEL_IMPORTS = {
    "numpy", "numba", "llvmlite",
    "__future__", "collections", "contextlib", "errno", "functools", "gc", "hashlib", "logging",
    "math", "operator", "os", "pathlib", "pickle", "sys", "tempfile", "threading", "time", "typing",
    "uuid", "warnings",
}  # fmt: skip
# Moves memory or operates on single vectors: the building blocks of kernels, which are tested with
# the kernels.
WITHOUT_TWINS = "simd.py"
FORBIDDEN_NAMES = {"common", "core", "helper", "helpers", "misc", "tmp", "util", "utils"}


def parts_of_package():
    """Return the modules and folders directly in sklstm/."""
    files = {path.stem for path in PACKAGE.glob("*.py")}
    return files | {path.parent.name for path in PACKAGE.glob("*/__init__.py")}


def sources(part):
    """Return the files of a module or folder."""
    folder = PACKAGE / part
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [PACKAGE / f"{part}.py"]


def imports(path):
    """Yield the full names of everything that a file imports, also inside functions."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) + 1 - node.level] if node.level else ()
            module = ".".join([*start, *([node.module] if node.module else [])])
            if module == "sklstm":  # `from sklstm import _network` names a module
                yield from (f"sklstm.{alias.name}" for alias in node.names)
            else:
                yield module


def inner_imports(part):
    """Return the other parts of the package that a part imports."""
    names = {name for path in sources(part) for name in imports(path)}
    inner = {name.split(".")[1] if "." in name else "__init__"
             for name in names if name.split(".")[0] == "sklstm"}  # fmt: skip
    return inner - {part}


@pytest.mark.parametrize("part", sorted(parts_of_package() - STANDING_ALONE))
def test_imports_run_downwards(part):
    assert part in LAYERS, f"{part} is in no layer: give it a place in LAYERS"
    assert inner_imports(part) <= set(LAYERS[: LAYERS.index(part)])


def test_data_sets_stand_alone():
    for part in STANDING_ALONE & parts_of_package():
        assert inner_imports(part) == set()


@pytest.mark.parametrize("part", sorted(parts_of_package() & COMPUTING_WITHOUT_SKLEARN))
def test_computing_knows_nothing_of_sklearn(part):
    outer = {name.split(".")[0] for path in sources(part) for name in imports(path)}
    assert not outer & {"sklearn", "pandas", "matplotlib"}
    if part == "_kernels":
        assert outer <= KERNEL_IMPORTS | {"sklstm"}
    else:
        assert not outer & {"numba", "llvmlite"}  # only the kernels are compiled


def test_the_package_is_imported_without_pandas_and_matplotlib():
    without = "import sys; sys.modules['pandas'] = sys.modules['matplotlib'] = None"
    command = [sys.executable, "-c", f"{without}; import sklstm"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_what_is_not_used_is_not_imported():
    """Explanations cost no time until they are imported, and plots until they are drawn."""
    program = (
        "import sys, sklstm; assert 'sklstm.inspection' not in sys.modules; "
        "import sklstm.inspection; assert 'matplotlib' not in sys.modules"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


def decorators(function):
    """Return the names of the decorators of a function."""
    return {node.id for node in function.decorator_list if isinstance(node, ast.Name)}


def public_kernels():
    """Return the names of the kernels that need a twin."""
    names = set()
    for path in sources("_kernels"):
        if path.name == WITHOUT_TWINS:
            continue
        for node in ast.parse(path.read_text("utf-8")).body:
            public = isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
            if public and decorators(node) & {"kernel", "device", "part", "inlined", "intrinsic"}:
                names.add(node.name)
    return names


def twins():
    """Return the public functions of tests/reference.py, by name."""
    tree = ast.parse((ROOT / "tests" / "reference.py").read_text("utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {node.name: node for node in functions if not node.name.startswith("_")}


def test_every_kernel_has_a_twin_and_every_twin_a_kernel():
    kernels = public_kernels()
    assert kernels > {"gemm", "tanh", "lstm_forward", "network_gradient"}  # the search works
    assert kernels == set(twins())


def test_every_twin_is_compared_with():
    """A twin is used by a test, or by another twin that is used."""
    tree = ast.parse((ROOT / "tests" / "reference.py").read_text("utf-8"))
    tables = {
        node.targets[0].id: node
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    tables |= {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    calls = {
        name: {node.id for node in ast.walk(definition) if isinstance(node, ast.Name)}
        for name, definition in (twins() | tables).items()
    }
    used = set()
    for path in (ROOT / "tests" / "kernels").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                used |= {node.attr} if node.value.id == "reference" else set()
    reached = set()
    while reached != used:
        reached = set(used)
        used |= set().union(*(calls.get(name, set()) for name in reached))
    assert set(twins()) <= used


def test_twins_import_numpy_and_nothing_of_the_package():
    names = {name.split(".")[0] for name in imports(ROOT / "tests" / "reference.py")}
    assert names == {"numpy", "types"}


def test_files_are_named_after_what_is_in_them():
    folders = [PACKAGE, ROOT / "tests", ROOT / "examples", ROOT / "docs"]
    paths = [path for folder in folders for path in folder.rglob("*.py")]
    assert len(paths) > 20
    names = {part for path in paths for part in path.relative_to(ROOT).with_suffix("").parts}
    assert not {name.strip("_") for name in names} & FORBIDDEN_NAMES
