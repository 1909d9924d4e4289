"""Importing the package, compiling and caching, and working without optional dependencies."""

import ctypes
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import sklstm


def environment_of(**changes):
    """Return the environment of a new interpreter with the same package, updated by `changes`."""
    paths = os.pathsep.join(
        [str(Path(sklstm.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    )
    return os.environ | {"PYTHONPATH": paths} | changes


def run(script, preexec_fn=None, **environment):
    """Run a script in a new interpreter and return its standard output."""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env=environment_of(**environment),
        capture_output=True,
        text=True,
        preexec_fn=preexec_fn,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_public_names():
    assert {"LSTMClassifier", "LSTMRegressor", "__version__"} <= set(sklstm.__all__)
    for name in sklstm.__all__:
        assert hasattr(sklstm, name)


# Prints the messages about compilation.
ANNOUNCE = """
import logging, sys
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
"""

# Fits and predicts with default parameters, on small and large data of all kinds.
DEFAULTS = """
import joblib
import numpy as np
import pandas as pd
from sklstm import LSTMClassifier, LSTMForecaster, LSTMRegressor

rng = np.random.default_rng(0)
for n in (8, 40):
    y = np.arange(n) % 2
    X = rng.standard_normal((n, 6, 2))
    flat = X[..., 0]
    fixed = flat.copy()
    fixed.flags.writeable = False
    forms = [
        X, X.astype(np.float32), (10 * X).astype(np.int64), X[:, ::-1], flat, flat.tolist(), fixed,
        fixed.astype(np.float32), pd.DataFrame(flat), [x[: 3 + k % 3] for k, x in enumerate(X)],
        np.memmap("values", np.float64, "w+", shape=X.shape),
    ]
    for form in forms:
        for labels in (y, np.array(["a", "b", "c", "d"])[np.arange(n) % 4], np.c_[y, y]):
            model = LSTMClassifier(max_iter=1).fit(form, labels)
            model.predict_proba(form[:1])
        for targets in (y, y.astype(np.float32), np.c_[y, y]):
            model = LSTMRegressor(max_iter=1).fit(form, targets)
            model.score(form, targets)
    joblib.dump(model, "model")
    joblib.load("model", mmap_mode="r").predict(form)
    LSTMClassifier(max_iter=1).fit(X, y, sample_weight=1.0 + y, X_val=X, y_val=y)
    LSTMRegressor().partial_fit(X, y).partial_fit(X, y)

time = pd.date_range("2000", periods=120, freq="MS")
series = pd.Series(rng.standard_normal(120).cumsum(), time)
for y in series, series[:40], pd.DataFrame({"a": series, "b": -series}):
    LSTMForecaster().fit(y).predict(3)
"""


# Fits and predicts with another cell in double precision.
GRUS = """
from sklstm import LSTMClassifier, LSTMRegressor
for Estimator in LSTMClassifier, LSTMRegressor:
    Estimator(cell="gru", max_iter=1).fit([[1.0, 2.0], [2.0, 1.0]], [0, 1]).predict([[1.0, 2.0]])
"""


@pytest.mark.slow
def test_warmup_compiles_what_it_is_asked_for_and_by_default_all_that_is_needed(
    tmp_path, monkeypatch
):
    """In one cache: what the first call compiles beside the networks, the second one would too."""
    monkeypatch.chdir(tmp_path)
    cache = {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    compiled = run(ANNOUNCE + "import sklstm; sklstm.warmup(('float64',), ('gru',))", **cache)
    assert "network_gradient (Final, GRU, float64)" in compiled
    assert "LSTM" not in compiled
    assert run(ANNOUNCE + GRUS, **cache) == ""
    compiled = run(ANNOUNCE + "import sklstm; sklstm.warmup()", **cache)
    for name in "network_gradient", "network_predict":
        # the parameters of a loss are in double precision always
        assert f"{name} (Final, LSTM, float32, float64)" in compiled
        assert f"{name} (Final, LSTM, float64)" in compiled
    assert run(ANNOUNCE + DEFAULTS, **cache) == ""


# Runs a small kernel and one that is called by its address, for arrays of some dtype; prints a
# result, how many kernels were compiled, and the warnings.
COMPILE = """
import logging, sys, warnings
warnings.simplefilter("always")
with warnings.catch_warnings(record=True) as caught:
    import numpy as np
    from sklstm._kernels.optimizers import sgd_step
    from sklstm._kernels.gemm import gemm_address
    said = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())
    logging.getLogger("sklstm").addHandler(handler)
    logging.getLogger("sklstm").setLevel("INFO")
    {before}
    one, runs = np.ones(1, "{dtype}"), np.array([[0, 1, 0, 1]])
    theta, velocity = np.zeros((2, 1), "{dtype}")
    sgd_step(one, runs, 1.0, 0.0, 0.5, 0.0, False, theta, velocity)
    assert gemm_address(one.dtype) > 0
print(theta[0], sum("is compiling" in line for line in said))
print(*(warning.message for warning in caught), sep="\\n", end="")
"""


def compiled(dtype="float64", before="", **settings):
    """Return how many of two kernels a new process compiles, and its warnings."""
    first, *warned = run(COMPILE.format(dtype=dtype, before=before), **settings).splitlines()
    result, n_compiled = first.split()
    assert result == "-0.5"
    return int(n_compiled), warned


def without_rights():
    """Take away the rights of root to ignore the permissions of files."""
    if os.getuid() == 0:
        drop = ctypes.CDLL(None, use_errno=True).prctl
        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            assert drop(24, capability, 0, 0, 0) == 0, os.strerror(ctypes.get_errno())


def make_read_only(folder):
    for path in [*folder.rglob("*"), folder]:
        path.chmod(0o555 if path.is_dir() else 0o444)


@pytest.fixture
def site(tmp_path):
    """Copy the package; return an environment where only its own folder can hold a cache."""
    shutil.copytree(
        Path(sklstm.__file__).parent, tmp_path / "site" / "sklstm",
        ignore=shutil.ignore_patterns("__pycache__"),
    )  # fmt: skip
    (tmp_path / "file").touch()
    nowhere = str(tmp_path / "file" / "nowhere")
    yield {
        "NUMBA_CACHE_DIR": "", "HOME": nowhere, "XDG_CACHE_HOME": nowhere,
        # safe path: else the package in the current folder would be imported
        "PYTHONPATH": str(tmp_path / "site"), "PYTHONSAFEPATH": "1", "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    for folder in [tmp_path, *tmp_path.rglob("*/")]:  # so that pytest can remove it
        folder.chmod(0o755)


@pytest.fixture
def sealed(site, tmp_path):
    """Copy the package to where not even root can write a cache; return the environment for it."""
    for folder in (tmp_path / "site").rglob("*/"):
        (folder / "__pycache__").touch()  # a file, so that no folder can be created
    return site


def test_without_a_cache_it_works_and_warns_once(sealed):
    n_compiled, [warning] = compiled(**sealed)
    assert n_compiled == 2
    assert "Set the environment variable NUMBA_CACHE_DIR to a folder that can be" in warning


def test_a_user_without_a_home_has_no_cache(sealed, tmp_path, monkeypatch):
    """What Numba names then is below the current folder, "~/.cache" for instance."""
    monkeypatch.chdir(tmp_path)
    n_compiled, [warning] = compiled(**sealed | {"XDG_CACHE_HOME": "below_here"})
    assert n_compiled == 2
    assert "Set the environment variable NUMBA_CACHE_DIR" in warning
    assert not (tmp_path / "below_here").exists()


def test_read_only_installation_uses_the_users_cache(sealed, tmp_path):
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    assert compiled(**sealed | home) == (2, [])
    assert list((tmp_path / "cache").rglob("*.nbc"))
    assert compiled(**sealed | home) == (0, [])


def test_a_cache_beside_the_package_is_read_where_it_cannot_be_written(site, tmp_path):
    assert compiled(**site) == (2, [])
    make_read_only(tmp_path / "site")
    assert compiled(**site, preexec_fn=without_rights) == (0, [])
    n_compiled, [warning] = compiled("float32", **site, preexec_fn=without_rights)
    assert n_compiled == 2
    assert "cannot store the compiled kernel" in warning


def test_a_cache_is_used_wherever_the_package_is_copied_to(site, tmp_path):
    """An image may be built in stages, which can also change the times of files."""
    site["NUMBA_CACHE_DIR"] = str(tmp_path / "chosen")
    assert compiled(**site) == (2, [])
    shutil.copytree(tmp_path / "site", tmp_path / "elsewhere", copy_function=shutil.copyfile)
    for path in (tmp_path / "elsewhere").rglob("*.py"):
        os.utime(path, (0, 0))
    assert compiled(**site | {"PYTHONPATH": str(tmp_path / "elsewhere")}) == (0, [])


def test_a_chosen_cache_is_read_where_it_cannot_be_written(sealed, tmp_path):
    chosen = tmp_path / "chosen"
    sealed["NUMBA_CACHE_DIR"] = str(chosen)
    assert compiled(**sealed) == (2, [])
    make_read_only(chosen)
    assert compiled(**sealed, preexec_fn=without_rights) == (0, [])
    # the warning does not ask for the variable that is set
    n_compiled, [warning] = compiled("float32", **sealed, preexec_fn=without_rights)
    assert n_compiled == 2
    assert str(chosen) in warning
    assert "warmup" in warning
    assert "Set the environment variable" not in warning
    # a kernel that is missing there is stored elsewhere if possible
    sealed |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    n_compiled, [warning] = compiled("float32", **sealed, preexec_fn=without_rights)
    assert n_compiled == 2
    assert f"stored in {tmp_path / 'cache'}" in warning
    assert compiled("float32", **sealed, preexec_fn=without_rights) == (0, [])


def test_a_cache_that_becomes_read_only_after_the_import(sealed, tmp_path):
    chosen = tmp_path / "chosen"
    sealed["NUMBA_CACHE_DIR"] = str(chosen)
    compiled("float32", **sealed)
    before = (
        "gemm_address('float32')\n"
        "    from pathlib import Path\n"
        f"    Path({str(chosen / 'sklstm')!r}).chmod(0o555)"
    )
    n_compiled, [warning] = compiled(before=before, **sealed, preexec_fn=without_rights)
    assert n_compiled == 2
    assert "Permission denied" in warning


def test_a_full_disk(sealed, tmp_path):
    """The limit on the size of files has the same effect: only part of a file can be written."""
    sealed["NUMBA_CACHE_DIR"] = str(tmp_path / "chosen")
    before = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))"
    n_compiled, [warning] = compiled(before=before, **sealed)
    assert n_compiled == 2
    assert "File too large" in warning
    assert list((tmp_path / "chosen").rglob("*.*")) == []
    assert compiled(**sealed) == (2, [])


def test_a_package_in_an_archive(site, tmp_path):
    archive = shutil.make_archive(str(tmp_path / "packages"), "zip", tmp_path / "site")
    site |= {"PYTHONPATH": archive, "NUMBA_CACHE_DIR": str(tmp_path / "chosen")}
    assert [compiled(**site), compiled(**site)] == [(2, []), (0, [])]


def test_processes_that_start_cold_at_once(tmp_path):
    with ThreadPoolExecutor(3) as pool:
        together = [pool.submit(compiled, NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(3)]
    assert [process.result()[1] for process in together] == [[], [], []]


def test_without_the_compiler_the_import_says_what_to_do():
    with pytest.raises(AssertionError, match=r"ImportError: .*NUMBA_DISABLE_JIT=1.*Unset"):
        run("import sklstm", NUMBA_DISABLE_JIT="1")


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
