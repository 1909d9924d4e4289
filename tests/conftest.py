"""Settings that must be made before numba is imported."""

import hashlib
import os
from importlib.util import find_spec
from pathlib import Path

# numba's cache depends on the file of a function, not on the files of the functions that it
# calls: after an edit of `gemm`, the old `network_gradient` would still be used. So each version
# of the kernel sources has its own cache.
if "NUMBA_CACHE_DIR" not in os.environ:
    package = find_spec("sklstm")  # finds it without importing it
    assert package is not None, "the tests need sklstm installed: pip install -e ."
    digest = hashlib.sha256()
    for source in sorted((Path(package.origin).parent / "_kernels").rglob("*.py")):
        digest.update(source.read_bytes())
    root = Path(__file__).resolve().parents[1]
    cache = root / ".pytest_cache" / "numba" / digest.hexdigest()[:16]
    os.environ["NUMBA_CACHE_DIR"] = str(cache)
