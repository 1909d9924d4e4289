"""Importing the package, compiling and caching, and working without optional dependencies."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sklstm


def environment_of(**changes):
    """Return the environment of a new interpreter with the same package, updated by `changes`."""
    paths = os.pathsep.join(
        [str(Path(sklstm.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    )
    return os.environ | {"PYTHONPATH": paths} | changes


def run(script, **environment):
    """Run a script in a new interpreter and return its standard output."""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env=environment_of(**environment),
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_public_names():
    assert {"LSTMClassifier", "LSTMRegressor", "__version__"} <= set(sklstm.__all__)
    for name in sklstm.__all__:
        assert hasattr(sklstm, name)


# Prints how many functions are compiled in warmup(), and in default fits after it.
WARM = """
from pathlib import Path
import os
import numpy as np
import sklstm

def stored():
    return {path.name for path in Path(os.environ["NUMBA_CACHE_DIR"]).rglob("*.nbc")}

sklstm.warmup()
before = stored()
X = np.random.default_rng(0).standard_normal((40, 5))
y = np.arange(40) % 2
for dtype in np.float32, np.float64:
    for Estimator in sklstm.LSTMClassifier, sklstm.LSTMRegressor:
        Estimator(max_iter=1).fit(X.astype(dtype), y).predict(X.astype(dtype))
print(len(before), len(stored() - before))
"""


@pytest.mark.slow
def test_warmup_compiles_all_that_a_fit_needs(tmp_path):
    before, after = map(int, run(WARM, NUMBA_CACHE_DIR=str(tmp_path)).split())
    assert before > 5
    assert after == 0


# Compiles a small kernel and one that is called by its address; prints a result and the warnings.
COMPILE = """
import warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import numpy as np
    from sklstm._kernels.optimizers import sgd_step
    from sklstm._kernels.gemm import (
    gemm_address,
)
    theta, velocity = np.zeros((2, 1))
    sgd_step(np.ones(1), np.ones(1), 0.0, 0.0, 0.5, 0.0, False, theta, velocity)
    assert gemm_address(np.float32) > 0
print(theta[0], [str(warning.message)[:30] for warning in caught])
"""


@pytest.fixture
def sealed(tmp_path):
    """Copy the package to where not even root can write a cache; return the environment for it."""
    shutil.copytree(
        Path(sklstm.__file__).parent, tmp_path / "site" / "sklstm",
        ignore=shutil.ignore_patterns("__pycache__"),
    )  # fmt: skip
    for folder in (tmp_path / "site").rglob("*/"):
        (folder / "__pycache__").touch()  # a file, so that no folder can be created
    (tmp_path / "file").touch()
    nowhere = str(tmp_path / "file" / "nowhere")
    caches = dict.fromkeys(("NUMBA_CACHE_DIR", "HOME", "XDG_CACHE_HOME"), nowhere)
    # safe path: else the package in the current folder would be imported
    return caches | {"PYTHONPATH": str(tmp_path / "site"), "PYTHONSAFEPATH": "1"}


def test_without_a_cache_it_works_and_warns_once(sealed):
    assert run(COMPILE, **sealed).strip() == "-0.5 ['sklstm cannot store compiled k']"


def test_read_only_installation_uses_the_users_cache(sealed, tmp_path):
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    assert run(COMPILE, **sealed | home).strip() == "-0.5 []"
    assert list((tmp_path / "cache").rglob("*.nbc"))


def test_processes_that_start_cold_at_once(tmp_path):
    command = [sys.executable, "-W", "error", "-c", COMPILE]
    environment = environment_of(NUMBA_CACHE_DIR=str(tmp_path))
    together = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert {process.communicate()[0].strip() for process in together} == {"-0.5 []"}


# Blocks the import of some modules and prints which module tried it; scikit-learn may.
WITHOUT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name in ("pandas", "matplotlib", "tqdm", "torch"):
            frame = sys._getframe(1)
            while frame.f_code.co_filename.startswith("<frozen importlib"):
                frame = frame.f_back
            print(name, "for", frame.f_globals["__name__"])
            raise ModuleNotFoundError(f"{name} is not there")

sys.meta_path.insert(0, Absent())
"""

# Fits and predicts on arrays and lists.
ARRAYS = """
import numpy as np
from sklstm import LSTMClassifier, LSTMRegressor
from sklstm.datasets import load_tecator

X = np.random.default_rng(0).standard_normal((20, 5, 2))
y = np.arange(20) % 2
settings = dict(hidden_size=4, max_iter=2, random_state=0)
print(LSTMClassifier(**settings).fit(X, y).predict_proba(list(X)).shape)
X = [x[: 2 + k % 3] for k, x in enumerate(X)]
print(LSTMRegressor(**settings).fit(X, y).predict(X).shape)
"""


def test_import_is_light():
    """Neither the import nor a fit on arrays imports optional dependencies."""
    lines = run(WITHOUT + "import sklearn.base\n" + ARRAYS).splitlines()
    assert lines[-2:] == ["(20, 2)", "(20,)"]
    importers = {line.split()[-1] for line in lines[:-2]}
    assert not [name for name in importers if not name.startswith("sklearn.")]


def test_the_test_above_sees_an_import():
    assert "tqdm for sklstm" in run(
        WITHOUT + "import contextlib, sklstm\n"
        "with contextlib.suppress(ImportError):\n"
        "    sklstm.LSTMRegressor(verbose=True).fit([[1.0], [2.0]], [0.0, 1.0])\n"
    )
