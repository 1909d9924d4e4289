"""Settings that must be made before numba is imported."""

import os
from pathlib import Path

# so that tests do not fill the folders of the package
root = Path(__file__).resolve().parents[1]
os.environ.setdefault("NUMBA_CACHE_DIR", str(root / ".pytest_cache" / "numba"))
