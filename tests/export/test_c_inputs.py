"""`to_c` of what is read beside numbers: times and categories."""

import ctypes
import json
import re
import subprocess

import numpy as np
import pandas as pd
import pytest

from sklstm import LSTMClassifier, LSTMRegressor
from sklstm.export import to_c
from tests.export.models import draw_gaps, untrained, with_times
from tests.export.test_c import COMPILERS, Compiled, assert_close, needs_compiler
from tests.toy import SMALL

pytestmark = needs_compiler


# --- times ----------------------------------------------------------------------------------
@pytest.mark.parametrize("scale", ["both", None])
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("missing", ["error", "mask", "decay"])
def test_times(monkeypatch, tmp_path, missing, bidirectional, scale):
    """x has the time since the step before as its last channel, by which gaps are filled."""
    X = [x.astype(np.float32) for x in draw_gaps()]
    if missing == "error":
        X = [np.nan_to_num(x) for x in X]
    frame, arrays = with_times(X, "s" if bidirectional else None)
    settings = SMALL | {"missing": missing, "scale": scale, "bidirectional": bidirectional}
    model = untrained(
        monkeypatch, LSTMRegressor, frame, np.arange(24.0), **settings, time_gaps=True,
        dtype="float32",
    )  # fmt: skip
    compiled, right = Compiled(model, tmp_path), model.predict(frame)
    assert_close(model, [compiled.predict(x)[0] for x in arrays], right)
    unit = "in seconds" if bidirectional else "in the numbers of the times of fit"
    assert f"time since the step before, {unit}." in compiled.header


@pytest.mark.parametrize("missing", ["error", "decay"])
def test_times_beside_static_features_in_patches(monkeypatch, tmp_path, missing):
    X = [np.column_stack([x, np.full(len(x), k % 5)]) for k, x in enumerate(draw_gaps())]
    if missing == "error":
        X = [np.nan_to_num(x) for x in X]
    frame, arrays = with_times([x.astype(np.float32) for x in X], "s")
    settings = SMALL | {"missing": missing, "patch_size": 3, "branch": "auto", "dtype": "float32"}
    model = untrained(
        monkeypatch, LSTMClassifier, frame, np.arange(24) % 3, **settings, time_gaps=True,
        static_features=[3],
    )  # fmt: skip
    compiled, right = Compiled(model, tmp_path), model.predict_proba(frame)
    assert_close(model, [compiled.predict(x) for x in arrays], right)


@pytest.mark.parametrize("per_step", [True, False])
@pytest.mark.parametrize("missing", ["error", "mask"])
def test_times_of_a_stream(monkeypatch, tmp_path, missing, per_step):
    """In C a step has its time, so that there are streams with times."""
    X = [x.astype(np.float32) for x in draw_gaps()]
    if missing == "error":
        X = [np.nan_to_num(x) for x in X]
    frame, arrays = with_times(X, None)
    y = [np.arange(len(x)) + k for k, x in enumerate(X)] if per_step else np.arange(24.0)
    settings = SMALL | {"missing": missing, "bidirectional": False, "scale": "channel"}
    model = untrained(
        monkeypatch, LSTMRegressor, frame, y, **settings, time_gaps=True, dtype="float32",
        return_sequences=per_step,
    )  # fmt: skip
    compiled, right = Compiled(model, tmp_path), model.predict(frame)
    for x, values in zip(arrays, right, strict=True):
        steps = compiled.stream(x)
        assert_close(model, steps[:, 0] if per_step else steps[-1, 0], values)
        np.testing.assert_array_equal(compiled.predict(x), steps if per_step else steps[-1])


# --- categories -----------------------------------------------------------------------------
def table_of_words():
    """Return a long table with words and numbers, and which words there are."""
    words = np.array(['"quoted"', "*/ int x;", "back\\slash", "é", "what??/", "a\nb", "", "a"])
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"size */": rng.standard_normal(96), "word": words[np.arange(96) % 8]})
    rows["mood"] = rng.choice(["good", "bad"], 24).repeat(4)
    rows.index = pd.MultiIndex.from_product([range(24), range(4)])
    return rows


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "channels", [["size */", "word"], ["word"]], ids=["beside numbers", "alone"]
)
def test_words(monkeypatch, tmp_path, channels, stream):
    rows = table_of_words()[channels]
    settings = SMALL | {"categorical_features": ["word"], "dtype": "float32"}
    if stream:
        settings |= {"bidirectional": False, "scale": "channel", "patch_size": 1}
    model = untrained(monkeypatch, LSTMRegressor, rows, np.arange(24.0), **settings)
    compiled, place = Compiled(model, tmp_path), channels.index("word")
    code = getattr(compiled.functions, f"model_code_{place}")
    code.restype = ctypes.c_float
    known = model.categories_[0].tolist()
    listed = re.findall(r"^   (\d): (.*?)(?: \*/)?$", compiled.header, re.MULTILINE)
    assert [(int(k), json.loads(word)) for k, word in listed] == list(enumerate(known))
    assert [code(word.encode()) for word in known] == list(range(8))
    assert code(b"b") == code(b"a\n") == code(b"\xff") == -1.0
    codes = [code(word.encode()) for word in rows["word"]]
    x = np.array(rows.assign(word=codes), np.float32).reshape(24, 4, -1)
    x[::3, 1, place] = [np.nan, -1.0, 8.0, 0.5, 1e30, -np.inf, np.inf, 7.5]
    rows.loc[(slice(None, None, 3), 1), "word"] = None
    right = model.predict(rows)
    assert_close(model, [compiled.predict(each)[0] for each in x], right)
    if stream:
        assert_close(model, [compiled.stream(each)[-1, 0] for each in x], right)


def test_categories_that_are_numbers_have_codes_too(monkeypatch, tmp_path):
    """Beside gaps, times and a static category that is missing at some steps, at every step."""
    rng = np.random.default_rng(0)
    X = [np.column_stack([x[:, :2], np.full(len(x), k % 3)]) for k, x in enumerate(draw_gaps())]
    X = [np.column_stack([x, rng.choice([-2.5, 0.0, 1e9], len(x))]) for x in X]
    frame, arrays = with_times(X, "s")
    settings = SMALL | {"categorical_features": ["c", "d"], "static_features": ["c"]}
    y = [np.arange(len(x)) for x in X]
    model = untrained(
        monkeypatch, LSTMRegressor, frame, y, **settings, missing="mask", time_gaps=True,
        return_sequences=True, dtype="float32",
    )  # fmt: skip
    compiled, right = Compiled(model, tmp_path), np.concatenate(model.predict(frame))
    code = compiled.functions.model_code_3
    code.argtypes, code.restype = [ctypes.c_double], ctypes.c_float
    assert [code(x) for x in (-2.5, 0.0, 1e9)] == [0.0, 1.0, 2.0]
    assert {code(x) for x in (np.nan, -3.0, 0.1, 1e10, np.inf)} == {-1.0}
    given = []
    for x in arrays:
        x[:, 3] = [code(number) for number in x[:, 3]]
        x[1::2, 2] = np.nan
        given.append(compiled.predict(x)[:, 0])
    assert_close(model, np.concatenate(given), right)


def test_a_static_category_that_comes_late_is_read_from_the_first_step_on(monkeypatch, tmp_path):
    """So that there is no stream, although all else could be read step by step."""
    X = [np.column_stack([np.nan_to_num(x), np.full(len(x), 1.0)]) for x in draw_gaps()]
    for k, x in enumerate(X):
        x[:, 3] += k % 2
        x[: len(x) // 2, 3] = np.nan
    settings = SMALL | {"bidirectional": False, "scale": "channel", "dtype": "float32"}
    model = untrained(
        monkeypatch, LSTMRegressor, X, np.arange(24.0), **settings, static_features=[3],
        categorical_features=[3],
    )  # fmt: skip
    compiled = Compiled(model, tmp_path)
    assert "model_step" not in compiled.header
    assert_close(model, [compiled.predict(x - [0, 0, 0, 1])[0] for x in X], model.predict(X))


def test_a_compiler_without_nan_is_told_what_it_is(monkeypatch, tmp_path):
    rows = table_of_words()[["word"]]
    settings = SMALL | {"categorical_features": ["word"], "dtype": "float32"}
    model = untrained(monkeypatch, LSTMRegressor, rows, np.arange(24.0), **settings)
    to_c(model, tmp_path / "model.c")
    command = [COMPILERS[0], "-ffast-math", "-fsyntax-only", tmp_path / "model.c"]
    failed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert failed.returncode and "NaN in x is an unknown category: compile" in failed.stderr
