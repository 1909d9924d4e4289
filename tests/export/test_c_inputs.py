"""`to_c` of what is read beside numbers: times and categories."""

import numpy as np
import pytest

from sklstm import LSTMClassifier, LSTMRegressor
from tests.export.models import draw_gaps, untrained, with_times
from tests.export.test_c import COMPILERS, Compiled, assert_close
from tests.toy import SMALL

pytestmark = pytest.mark.skipif(not COMPILERS, reason="no C compiler")


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
