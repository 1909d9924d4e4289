"""`to_c`: the compiled C file answers as the estimator does."""

import ctypes
import itertools
import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import LSTMClassifier, LSTMForecaster, LSTMRegressor
from sklstm.components import LSTM
from sklstm.components.cells import CELLS
from sklstm.export import load_parameters, to_c
from sklstm.export._c.cells import STEPS
from sklstm.export._c.source import Source
from tests.export.models import (
    CELL_CHOICES,
    INPUTS,
    MISSING,
    as_input,
    draw_gaps,
    draw_model,
    expected,
    untrained,
)
from tests.toy import SMALL, sequences

COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)]
# what other compilers warn of or refuse: on a microcontroller, a double that nobody asked for is
# slow; MSVC has no VLAs; C++ has more keywords
STRICT = [
    "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wsign-conversion",
    "-Wdouble-promotion", "-Wshadow", "-Wcast-qual", "-Wvla", "-Wundef", "-Wstrict-prototypes",
    "-Wmissing-prototypes", "-Wc++-compat", "-Werror",
]  # fmt: skip
LONGEST_LINE = 4095  # of those that every compiler of C99 reads
TOLERANCE = 1e-6  # relative to the largest value of a prediction, or to the deviation of y
FLOATS = ctypes.POINTER(ctypes.c_float)

needs_compiler = pytest.mark.skipif(not COMPILERS, reason="no C compiler")
pytestmark = needs_compiler


class Compiled:
    """The functions of an exported model."""

    def __init__(self, model, folder, compiler=COMPILERS[0] if COMPILERS else None):
        to_c(model, folder / "model.c")
        self.header = (folder / "model.h").read_text("utf-8")
        self.source = (folder / "model.c").read_text("utf-8")
        check_text(self.source)
        check_text(self.header)
        self.n_outputs = int(re.search(r"MODEL_N_OUTPUTS (\d+)", self.header)[1])
        self.per_step = model.return_sequences
        library = folder / f"model_{compiler}.so"
        options = [*STRICT, "-O2", "-shared", "-fPIC", "-o", library]
        files = sorted(folder.glob("*.c"))  # of an ensemble, those of its members too
        subprocess.run([compiler, *options, *files, "-lm"], check=True)
        self.functions = ctypes.CDLL(str(library))
        self.functions.model_predict.argtypes = [FLOATS, ctypes.c_size_t, FLOATS, FLOATS]

    def predict(self, x):
        """Return the prediction of one sequence (n_timesteps, n_channels)."""
        x = np.ascontiguousarray(x, np.float32)
        shape = (len(x), self.n_outputs) if self.per_step else (self.n_outputs,)
        # NaN in the workspace, and behind what may be written
        out = np.full(np.prod(shape) + 1, np.nan, np.float32)
        workspace = np.full(self.workspace(len(x)) + 1, np.nan, np.float32)
        self.functions.model_predict(pointer(x), len(x), pointer(workspace), pointer(out))
        assert np.isnan(out[-1]) and np.isnan(workspace[-1])
        return out[:-1].reshape(shape)

    def workspace(self, n_timesteps):
        """Return the floats that the header asks for."""
        size = re.search(r"define MODEL_WORKSPACE\(n_timesteps\) (.*)", self.header)[1]
        return eval(size.replace("/", "//"), {"n_timesteps": n_timesteps})

    def stream(self, x):
        """Return the predictions after each step of a sequence."""
        self.functions.model_step.argtypes = [ctypes.c_void_p, FLOATS, FLOATS]
        state = ctypes.create_string_buffer(100_000)
        self.functions.model_init(state)
        out = np.zeros((len(x), self.n_outputs), np.float32)
        for step, row in zip(np.ascontiguousarray(x, np.float32), out, strict=True):
            self.functions.model_step(state, pointer(step), pointer(row))
        return out


def check_text(text):
    """A file is what compilers read that differ from those of the tests.

    Some read no UTF-8. For that of the Windows SDK 10.0.26100, NAN is no constant.
    """
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= LONGEST_LINE
    assert not re.search(r"^static const[^;]*\b(NAN|INFINITY|nan|inf)\b", text, re.MULTILINE)


def pointer(array):
    """Return the address of an array for a C function."""
    return array.ctypes.data_as(FLOATS)


def with_codes(model, x):
    """Return a sequence (n_timesteps, n_channels) with codes in place of numbers for categories."""
    x = np.array(x)
    for channel, known in zip(model._categorical, model.categories_ or (), strict=True):
        place = np.minimum(np.searchsorted(known, x[:, channel]), len(known) - 1)
        x[:, channel] = np.where(known[place] == x[:, channel], place, np.nan)
    return x


def assert_close(model, given, right):
    """Values differ by no more than the tolerance.

    Those of a regressor are the deviation of y times what the network rounds, plus the mean of y.
    """
    size = max(np.nanmax(np.abs(right)), np.max(getattr(model, "target_scale_", 0.0)))
    np.testing.assert_allclose(given, right, rtol=0.0, atol=TOLERANCE * size)


def draw(monkeypatch, seed):
    """Return an estimator that can be exported, and its sequences."""
    # where a network magnifies rounding, predict itself is off by 1e-6: so does layer normalisation
    # with gaps, and with categories two of these
    normalised = CELL_CHOICES[seed % len(CELL_CHOICES)].normalised
    first, end = int(seed in (7, 45)), 2 if normalised else 3
    return draw_model(monkeypatch, seed, INPUTS[first:end])


def test_the_random_estimators_read_every_input(monkeypatch):
    models = [draw(monkeypatch, seed)[0] for seed in range(60)]
    each = set(itertools.product(MISSING, (False, True)))
    assert {(m.missing, bool(m.categories_)) for m in models} == each
    assert {(m.missing, len(m.static_channels_) > 0) for m in models} == each
    assert {(m.missing, m.branch_ is not None) for m in models} == each
    assert any(np.isin(m.static_channels_, m.gap_channels_).any() for m in models)


@pytest.mark.parametrize("seed", range(60))
def test_the_c_file_gives_what_the_estimator_gives(monkeypatch, tmp_path, seed):
    model, X = draw(monkeypatch, seed)
    compiled = Compiled(model, tmp_path)
    X = [x.astype(np.float32) for x in X]
    right = expected(model, X)
    given = [compiled.predict(with_codes(model, x)) for x in X]
    if model.return_sequences:
        right = np.concatenate([rows[: len(x)] for rows, x in zip(right, X, strict=True)])
        given = np.concatenate(given)
    assert_close(model, given, right)


def test_static_columns_of_a_table_are_channels_behind_the_others(monkeypatch, tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(5.0, 3.0, (24, 14)).astype(np.float32)
    X[rng.random(X.shape) < 0.2] = np.nan
    settings = SMALL | {"static_features": [3, 7], "missing": "mask", "n_channels": 2}
    model = untrained(monkeypatch, LSTMRegressor, X, rng.standard_normal(24), **settings)
    compiled, right = Compiled(model, tmp_path), model.predict(X)
    steps = np.delete(X, [3, 7], axis=1).reshape(24, 6, 2)
    given = []
    for x, static in zip(steps, X[:, [3, 7]], strict=True):
        n = 1 + np.flatnonzero(~np.isnan(x).all(axis=1))[-1]  # behind it is padding
        given += [compiled.predict(np.column_stack([x, np.tile(static, (6, 1))])[:n])[0]]
    assert_close(model, given, right)


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("Estimator", [LSTMClassifier, LSTMRegressor])
def test_a_thousand_sequences_of_a_trained_model(tmp_path, Estimator, compiler):
    X, slope = sequences(1000, n_channels=3, lengths=(1, 40))
    y = slope > 0.0 if Estimator is LSTMClassifier else slope
    model = Estimator(max_iter=2, random_state=0).fit(X[:200], y[:200])
    compiled = Compiled(model, tmp_path, compiler)
    assert_close(model, [compiled.predict(x) for x in X], expected(model, as_input(X)))


def test_series_of_more_than_1024_steps(monkeypatch, tmp_path):
    """The branch has patches too."""
    X, slope = sequences(n_samples=8, lengths=(1, 2500))
    model = untrained(monkeypatch, LSTMClassifier, X, slope > 0.0, dtype="float32")
    assert 1 < model.branch_patch_size_ < model.patch_size_
    compiled = Compiled(model, tmp_path)
    assert_close(model, [compiled.predict(x) for x in X], expected(model, as_input(X)))


@pytest.mark.parametrize("cell", sorted(CELLS))
@pytest.mark.parametrize("pooling", ["concat", "attention"])
def test_a_stream_gives_what_predict_gives_for_the_prefix(monkeypatch, tmp_path, cell, pooling):
    X, slope = sequences(lengths=(9, 9))
    model = untrained(
        monkeypatch, LSTMRegressor, X, slope, **SMALL, cell=cell, pooling=pooling, num_layers=2,
        bidirectional=False, scale="channel", dtype="float32",
    )  # fmt: skip
    compiled = Compiled(model, tmp_path)
    steps = compiled.stream(X[0])
    np.testing.assert_array_equal(steps, [compiled.predict(X[0][: t + 1]) for t in range(9)])
    assert_close(model, steps[:, 0], model.predict([X[0][: t + 1] for t in range(9)]))


def test_a_stream_of_a_model_that_predicts_every_step(monkeypatch, tmp_path):
    X, slope = sequences()
    y = [np.full(len(x), value) for x, value in zip(X, slope, strict=True)]
    model = untrained(
        monkeypatch, LSTMRegressor, X, y, **SMALL, return_sequences=True, bidirectional=False,
        scale=None,
    )  # fmt: skip
    compiled = Compiled(model, tmp_path)
    np.testing.assert_array_equal(compiled.stream(X[0]), compiled.predict(X[0]))


# --- gaps -----------------------------------------------------------------------------------
@pytest.mark.parametrize("scale", ["both", None])
@pytest.mark.parametrize("patch_size", [1, 3])
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("missing", ["mask", "decay"])
def test_gaps(monkeypatch, tmp_path, missing, bidirectional, patch_size, scale):
    """Filled by all channels, by values that decay, and from both sides or one."""
    X = [x.astype(np.float32) for x in draw_gaps()]
    settings = SMALL | {"bidirectional": bidirectional, "patch_size": patch_size, "scale": scale}
    model = untrained(
        monkeypatch, LSTMRegressor, X, np.arange(24.0), **settings, missing=missing,
        dtype="float32",
    )  # fmt: skip
    assert (model._chain_weights is not None) == (missing == "mask" and bidirectional)
    compiled = Compiled(model, tmp_path)
    assert_close(model, [compiled.predict(x)[0] for x in X], model.predict(X))


@pytest.mark.parametrize("missing", ["mask", "decay"])
def test_gaps_of_a_stream(monkeypatch, tmp_path, missing):
    X = [x.astype(np.float32) for x in draw_gaps()]
    model = untrained(
        monkeypatch, LSTMRegressor, X, np.arange(24.0), **SMALL, missing=missing,
        bidirectional=False, scale="channel", dtype="float32",
    )  # fmt: skip
    x, stream = np.vstack(X), model.stream()
    x[:2] = np.nan  # before the first values
    given = Compiled(model, tmp_path).stream(x)[:, 0]
    assert_close(model, given, np.concatenate([stream.step(step) for step in x]))


def test_a_gap_of_a_stream_may_be_longer_than_integers_count(monkeypatch, tmp_path):
    """A counter of 32 bits would be 0 after 49 days of milliseconds: as if there were a value."""
    X = [x.astype(np.float32) for x in draw_gaps()]
    settings = SMALL | {"bidirectional": False, "scale": "channel", "dtype": "float32"}
    model = untrained(monkeypatch, LSTMRegressor, X, np.arange(24.0), **settings, missing="mask")
    stream, functions = model.stream(), Compiled(model, tmp_path).functions
    state = State()
    functions.model_init(ctypes.byref(state))
    before = 2.0**32 - 1.0
    state.last[:], state.ago[:] = [1.0] * 3, [before] * 3
    stream._states["last"][...], stream._states["ago"][...] = 1.0, before
    x, out = np.full(3, np.nan, np.float32), np.zeros(1, np.float32)
    functions.model_step(ctypes.byref(state), pointer(x), pointer(out))
    assert list(state.ago) == [2.0**32] * 3
    assert_close(model, out, stream.step(x))


class State(ctypes.Structure):
    """The state of the stream above: 4 units, 3 channels."""

    _fields_ = (
        ("h", ctypes.c_float * 4), ("c", ctypes.c_float * 4), ("last", ctypes.c_float * 3),
        ("ago", ctypes.c_double * 3), ("pool", ctypes.c_char * 1000),
    )  # fmt: skip


@pytest.mark.parametrize("scale", ["both", "channel", "sequence", None])
def test_a_channel_without_any_value_in_training(monkeypatch, tmp_path, scale):
    """The third channel, and a static one."""
    X = [np.column_stack([x, x[:, 2]]).astype(np.float32) for x in draw_gaps()]
    for x in X:
        x[:, 2:] = np.nan
    settings = SMALL | {"missing": "mask", "scale": scale, "static_features": [3]}
    with pytest.warns(UserWarning, match="no value in the training data"):
        model = untrained(monkeypatch, LSTMRegressor, X, np.arange(24.0), **settings)
    for x in X[::2]:
        x[0, 2:] = 7.0
    compiled = Compiled(model, tmp_path)
    assert_close(model, [compiled.predict(x)[0] for x in X], model.predict(X))


def test_a_compiler_for_which_there_is_no_nan_is_told_so(monkeypatch, tmp_path):
    X = draw_gaps()
    model = untrained(monkeypatch, LSTMRegressor, X, np.arange(24.0), **SMALL, missing="mask")
    to_c(model, tmp_path / "model.c")
    command = [COMPILERS[0], "-ffast-math", "-c", tmp_path / "model.c", "-o", tmp_path / "model.o"]
    failed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert failed.returncode and "NaN in x is a gap: compile without -ffast-math" in failed.stderr


def test_a_network_that_needs_the_whole_sequence_has_no_stream(monkeypatch, tmp_path):
    X, slope = sequences()
    model = untrained(monkeypatch, LSTMRegressor, X, slope, **SMALL)
    assert "model_step" not in Compiled(model, tmp_path).header


def test_two_arrays_of_one_name_are_an_error():
    """Not only where a model happens to have both of the parts that they belong to."""
    source = Source()
    source.array("width", [1.0])
    with pytest.raises(AssertionError, match="two arrays width"):
        source.array("width", [2.0])


def test_every_cell_can_be_exported():
    assert set(CELLS.values()) == set(STEPS)


def test_names_of_classes_are_strings_of_c(monkeypatch, tmp_path):
    X, _ = sequences()
    names = ['a "b"', "back\\slash", "é", "what??/"]
    y = np.array(names)[np.arange(len(X)) % 4]
    model = untrained(monkeypatch, LSTMClassifier, X, y, **SMALL)
    functions = Compiled(model, tmp_path).functions
    classes = (ctypes.c_char_p * 4).in_dll(functions, "model_classes")
    assert [name.decode() for name in classes] == model.classes_.tolist() == sorted(names)


def test_names_of_channels_and_of_the_file_do_no_harm(monkeypatch, tmp_path):
    X, slope = sequences(lengths=(4, 4))
    names = ["/*aé", "b*\\\n/*/"]  # a backslash joins lines before comments are looked for
    rows = pd.concat({i: pd.DataFrame(x, columns=names) for i, x in enumerate(X)})
    settings = SMALL | {"bidirectional": False, "scale": "channel", "pooling": "mean"}
    model = untrained(monkeypatch, LSTMRegressor, rows, slope, **settings)
    for name in ("pool", "read"):  # as functions inside the file begin
        to_c(model, tmp_path / f"{name}.c")
        check_text((tmp_path / f"{name}.c").read_text("utf-8"))
        files = tmp_path / f"{name}.c", "-o", tmp_path / f"{name}.o"
        subprocess.run([COMPILERS[0], *STRICT, "-c", *files], check=True)


def test_many_channels_and_classes_are_no_long_lines(monkeypatch, tmp_path):
    X = np.random.default_rng(0).standard_normal((600, 2, 500))
    y = [f"a class with the number {i % 300}" for i in range(600)]
    settings = SMALL | {"bidirectional": False, "scale": "channel"}
    Compiled(untrained(monkeypatch, LSTMClassifier, X, y, **settings), tmp_path)


def test_the_functions_are_those_of_c_in_cpp(monkeypatch, tmp_path):
    """The header alone, as the preprocessor of a C++ compiler gives it."""
    model, _ = draw_model(monkeypatch, 0)
    to_c(model, tmp_path / "model.c")
    command = [COMPILERS[0], "-E", "-P", "-D__cplusplus=201103L", "-x", "c", tmp_path / "model.h"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert re.search(r'extern "C" \{.*model_predict\(.*\);\s*\}\s*$', text, re.DOTALL)


def test_parameters_beyond_float_are_refused(monkeypatch, tmp_path):
    X, slope = sequences()
    model = untrained(monkeypatch, LSTMRegressor, X, slope, **SMALL)
    load_parameters(model, {"bias_l0": model.parameters_["bias_l0"] * 1e39})
    with pytest.raises(ValueError, match=r"'bias_l0' of the C file would have values .* too large"):
        to_c(model, tmp_path / "model.c")


def test_a_rate_that_rounds_to_a_whole_number_is_a_number_of_c(monkeypatch, tmp_path):
    X, slope = sequences()
    model = untrained(monkeypatch, LSTMRegressor, X, slope, **SMALL, cell=LSTM(zoneout=1e-12))
    assert_close(model, [Compiled(model, tmp_path).predict(X[0])[0]], model.predict(X[:1]))


def test_nothing_but_math_is_included_and_nothing_allocated(monkeypatch, tmp_path):
    model, _ = draw_model(monkeypatch, 0)
    compiled = Compiled(model, tmp_path)
    included = re.findall(r"#include (\S+)", compiled.source + compiled.header)
    assert sorted(included) == ['"model.h"', "<math.h>", "<stddef.h>"]
    assert "alloc" not in compiled.source


# --- what is refused ------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["model", "model.h", "my-model.c", "2nd.c", "a b.c"])
def test_a_name_that_no_function_can_have_is_refused(monkeypatch, tmp_path, name):
    model, _ = draw_model(monkeypatch, 0)
    with pytest.raises(ValueError, match="must be an identifier of C"):
        to_c(model, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_forecaster_is_refused(tmp_path):
    with pytest.raises(TypeError, match="LSTMForecaster cannot be exported to C"):
        to_c(LSTMForecaster(), tmp_path / "model.c")


def test_a_pipeline_is_refused_with_what_to_do(tmp_path):
    model = make_pipeline(StandardScaler(), LSTMRegressor())
    with pytest.raises(TypeError, match=r"Pipeline cannot be exported to C: pass its last step"):
        to_c(model, tmp_path / "model.c")


def test_numbers_that_single_precision_rounds_are_warned_of(tmp_path):
    X, y = sequences()
    settings = SMALL | {"max_iter": 1}
    model = LSTMRegressor(**settings).fit([x + 1.7e9 for x in X], y)
    with pytest.warns(
        UserWarning, match=r"Channel 0 of X has the mean 1\.7e\+09 .* 128 apart.* 1 more"
    ):
        to_c(model, tmp_path / "model.c")
    model = LSTMRegressor(**settings).fit(X, y + 1e9)
    with pytest.warns(UserWarning, match=r"Output 0 of y has the mean 1e\+09 .* 64 apart"):
        to_c(model, tmp_path / "model.c")


@pytest.mark.parametrize("unit", [1e60, 1e-60])
def test_what_single_precision_does_not_hold_is_refused(tmp_path, unit):
    X, y = sequences()
    settings = SMALL | {"max_iter": 1}
    model = LSTMRegressor(**settings).fit([x * unit for x in X], y)
    with pytest.raises(ValueError, match=r"Channel 0 of X has the mean .*float32, the precision"):
        to_c(model, tmp_path / "model.c")
    model = LSTMRegressor(**settings).fit(X, y * unit)
    with pytest.raises(ValueError, match=r"Output 0 of y has the mean .*float32, the precision"):
        to_c(model, tmp_path / "model.c")


def test_a_part_that_the_export_does_not_know_is_refused(monkeypatch, tmp_path):
    model, _ = draw_model(monkeypatch, 0)
    parameters = type(model).parameters_.fget
    monkeypatch.setattr(
        type(model), "parameters_",
        property(lambda self: parameters(self) | {"new_weight": np.zeros(3)}),
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"the export to C does not know: new_weight"):
        to_c(model, tmp_path / "model.c")
