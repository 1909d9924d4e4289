"""Settings that must stand before the first import of numba."""

import hashlib
import os
from importlib.util import find_spec
from pathlib import Path

# numba's cache follows the file of a function, not the files of the functions that it calls:
# an edited `gemm` would leave yesterday's `network_gradient` in use. So every state of the
# kernel sources has a cache of its own.
if "NUMBA_CACHE_DIR" not in os.environ:
    package = find_spec("sklstm")  # looks for it without importing it
    assert package is not None, "the tests need sklstm installed: pip install -e ."
    digest = hashlib.sha256()
    for source in sorted((Path(package.origin).parent / "_kernels").rglob("*.py")):
        digest.update(source.read_bytes())
    root = Path(__file__).resolve().parents[1]
    cache = root / ".pytest_cache" / "numba" / digest.hexdigest()[:16]
    os.environ["NUMBA_CACHE_DIR"] = str(cache)
