"""Settings that must stand before the first import of numba."""

import hashlib
import os
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent

# numba's cache follows the file of a function, not the files of the functions that it calls:
# an edited `gemm` would leave yesterday's `network_gradient` in use. So every state of the
# kernel sources has a cache of its own.
if "NUMBA_CACHE_DIR" not in os.environ:
    digest = hashlib.sha256()
    for source in sorted((ROOT / "sklstm" / "_kernels").glob("*.py")):
        digest.update(source.read_bytes())
    cache = ROOT / ".pytest_cache" / "numba" / digest.hexdigest()[:16]
    os.environ["NUMBA_CACHE_DIR"] = str(cache)

# `import reference` and `import kernels.problem` work under every import mode of pytest
sys.path.insert(0, str(TESTS))
