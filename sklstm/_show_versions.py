"""What a bug report needs to say of the machine and its packages."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from sklstm._kernels.simd import VECTOR_BYTES
from sklstm._version import __version__

_PACKAGES = (
    "numpy", "scipy", "numba", "llvmlite", "scikit-learn", "pandas", "joblib", "tqdm",
    "matplotlib", "onnx",
)  # fmt: skip


def show_versions() -> None:
    """Print the versions of Python, of the machine and of packages, for a bug report.

    Examples
    --------
    >>> import sklstm
    >>> sklstm.show_versions()
    sklstm      : ...
    python      : ...
    """
    told = {
        "sklstm": __version__,
        "python": sys.version.replace("\n", " "),
        "executable": sys.executable,
        "machine": platform.platform(),
        "processor": f"{os.cpu_count()} cores, vectors of {VECTOR_BYTES * 8} bits",
    }
    told |= {name: _installed(name) for name in _PACKAGES}
    # each of these changes what is compiled, or where it is stored
    told |= {name: value for name, value in os.environ.items() if name.startswith("NUMBA_")}
    for name, text in told.items():
        print(f"{name:<12}: {text}")


def _installed(name: str) -> str:
    """Return the version of a package without importing it."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
