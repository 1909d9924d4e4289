"""Every accepted form of X and y, and the error messages for everything else."""

from collections import deque
from contextlib import nullcontext
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from sklstm import LSTMClassifier, LSTMRegressor, Sequences
from tests.toy import ESTIMATORS, SMALL, padded, problem, raw


def as_objects(X):
    """Return the sequences as an object array."""
    out = np.empty(len(X), object)
    for k, x in enumerate(X):
        out[k] = x
    return out


def as_long(X):
    """Return a long DataFrame with the index (sample, time)."""
    frames = {f"sample {k:03d}": pd.DataFrame(x).add_prefix("c") for k, x in enumerate(X)}
    return pd.concat(frames, names=["sample", "time"])


def flat(X):
    """Return padded and flattened rows (n_samples, n_timesteps * n_channels)."""
    return padded(X).reshape(len(X), -1)


def cells(X):
    """A row for each sample, a column for each channel, and in each cell its time steps."""
    return pd.DataFrame([[x[:, c] for c in range(x.shape[1])] for x in X])


def table(X):
    """As a table with plain columns, rows in any order."""
    return Sequences.from_frame(
        as_long(X).reset_index().sample(frac=1.0, random_state=0).sort_values(
            "sample", kind="stable"
        ),
        sample="sample",
        time="time",
    )  # fmt: skip


def with_missing(X, missing):
    """Nested lists of one length, with something else than NaN for padding."""
    return [[[v if v == v else missing for v in step] for step in x] for x in padded(X, 12)]


class Foreign:
    """A table of another package: not of pandas, and no array."""

    def __init__(self, values):
        self._values = values

    def to_numpy(self):
        return self._values


class ForeignArray:
    """An array of another package."""

    def __init__(self, values):
        self._values = values
        self.shape = values.shape

    def __array__(self, dtype=None, copy=None):
        return self._values


# What a user may have: the way from a list of (n_timesteps_i, n_channels) arrays to it.
ANY_LENGTH = {
    "tuple": tuple,
    "object array": as_objects,
    "nested lists": lambda X: [x.tolist() for x in X],
    "list of DataFrames": lambda X: [pd.DataFrame(x) for x in X],
    "long DataFrame": as_long,
    "padded 3-D": padded,
    "padded 3-D, longer than needed": lambda X: padded(X, 20),
    "padded 3-D, float32": lambda X: padded(X).astype(np.float32),
    "list, float32": lambda X: [x.astype(np.float32) for x in X],
    "list of mixed float dtypes": lambda X: [
        x.astype(f"f{4 + 4 * (k % 2)}") for k, x in enumerate(X)
    ],
    "deque": deque,
    "Series of arrays": lambda X: pd.Series(list(X)),
    "frame of arrays": cells,
    "frame of Series": lambda X: cells(X).map(pd.Series),
    "object array of arrays": lambda X: cells(X).to_numpy(),
    "Sequences": table,
    "list of foreign tables": lambda X: [Foreign(x) for x in X],
    "list of foreign arrays": lambda X: [ForeignArray(x) for x in X],
    "list of nullable frames": lambda X: [pd.DataFrame(x).astype("Float64") for x in X],
    "nullable frames, padded": lambda X: [pd.DataFrame(x).astype("Float64") for x in padded(X)],
    "list of decimals": lambda X: [np.vectorize(Decimal, [object])(x) for x in X],
    "nested lists, None behind the end": lambda X: with_missing(X, None),
    "nested lists, NA behind the end": lambda X: with_missing(X, pd.NA),
    "masked array": lambda X: np.ma.masked_invalid(padded(X)),
    "list of masked arrays": lambda X: list(np.ma.masked_invalid(padded(X))),
    "big-endian": lambda X: padded(X).astype(">f8"),
    "list, big-endian": lambda X: [x.astype(">f4") for x in X],
    "long double": lambda X: padded(X).astype(np.longdouble),
    "unaligned": lambda X: (
        np.frombuffer(b"1" + padded(X).tobytes(), "u1")[1:].view("f8").reshape(padded(X).shape)
    ),
    "list, read-only": lambda X: [np.frombuffer(x.tobytes()).reshape(x.shape) for x in X],
    "list, padded by its own": lambda X: [
        np.vstack([x, np.full((2, x.shape[1]), np.nan)]) for x in X
    ],
}
EQUAL_LENGTH = ANY_LENGTH | {
    "3-D": np.stack,
    "3-D, Fortran order": lambda X: np.asfortranarray(np.stack(X)),
    "3-D, every second step": lambda X: np.repeat(np.stack(X), 2, axis=1)[:, ::2],
    "3-D, object": lambda X: np.stack(X).astype(object),
    "nested tuples": lambda X: tuple(tuple(map(tuple, x)) for x in X),
}
UNIVARIATE = ANY_LENGTH | {
    "list of 1-D arrays": lambda X: [x[:, 0] for x in X],
    "object array of 1-D arrays": lambda X: as_objects([x[:, 0] for x in X]),
    "list of Series": lambda X: [pd.Series(x[:, 0]) for x in X],
    "lists of numbers": lambda X: [x[:, 0].tolist() for x in X],
    "long Series": lambda X: as_long(X)["c0"],
    "padded 2-D": flat,
    "wide DataFrame": lambda X: pd.DataFrame(flat(X)).add_prefix("t"),
    "lists of numbers, None behind the end": lambda X: [
        [v if v == v else None for v in x] for x in flat(X)
    ],
}
# of these forms the estimator knows names of channels or columns
NAMED = ("long DataFrame", "long Series", "Sequences")


def cases():
    """Yield all forms that apply to some lengths and numbers of channels."""
    for lengths in [(3, 9), (6, 6)]:
        for n_channels in (1, 2):
            forms = EQUAL_LENGTH if lengths == (6, 6) else ANY_LENGTH
            for name in {**forms, **(UNIVARIATE if n_channels == 1 else {})}:
                yield pytest.param(name, lengths, n_channels, id=f"{name}-{lengths}-{n_channels}")


@pytest.mark.parametrize(("form", "lengths", "n_channels"), list(cases()))
def test_same_sequences_same_model(form, lengths, n_channels):
    X, y = problem(LSTMClassifier, lengths=lengths, n_channels=n_channels)
    expected = LSTMClassifier(**SMALL).fit(X, y)
    given = {**EQUAL_LENGTH, **UNIVARIATE}[form](X)
    model = LSTMClassifier(**SMALL).fit(given, y)
    np.testing.assert_array_equal(model.theta_, expected.theta_)
    probability = expected.predict_proba(X)
    np.testing.assert_array_equal(model.predict_proba(given), probability)
    # fitted on one form, asked in the other
    names = pytest.warns(UserWarning, match="feature names") if form in NAMED else nullcontext()
    with names:
        np.testing.assert_array_equal(expected.predict_proba(given), probability)
    if form not in ("wide DataFrame", "padded 2-D") and not form.startswith("lists of numbers"):
        np.testing.assert_array_equal(model.predict_proba(X), probability)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("lengths", [(3, 9), (6, 6)])
def test_flat_rows_with_channels(Estimator, lengths):
    X, y = problem(Estimator, lengths=lengths)
    expected = Estimator(**SMALL).fit(X, y)
    for table in (flat(X), pd.DataFrame(flat(X)), list(flat(X))):
        model = Estimator(**SMALL, n_channels=2).fit(table, y)
        assert model.n_channels_in_ == 2
        assert model.n_features_in_ == len(flat(X)[0])
        np.testing.assert_array_equal(model.theta_, expected.theta_)
        np.testing.assert_array_equal(raw(model, table), raw(expected, X))
        np.testing.assert_array_equal(raw(model, X), raw(expected, X))


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint16, np.float16, np.float32, bool])
def test_whole_numbers_of_any_dtype(dtype):
    X, y = problem(LSTMRegressor, lengths=(6, 6))
    X = np.stack(X) > 0 if dtype is bool else np.round(np.abs(np.stack(X)))
    expected = LSTMRegressor(**SMALL).fit(X.astype(np.float64), y)
    model = LSTMRegressor(**SMALL).fit(X.astype(dtype), y)
    np.testing.assert_array_equal(model.theta_, expected.theta_)
    np.testing.assert_array_equal(model.predict(X.astype(dtype)), expected.predict(X))


def test_univariate_sequences_alone_and_of_another_length():
    X, y = problem(LSTMClassifier, n_channels=1)
    X = [x[:, 0] for x in X]
    model = LSTMClassifier(**SMALL).fit(X, y)
    expected = model.predict_proba(X)
    for x, row in zip(X, expected, strict=True):
        np.testing.assert_array_equal(model.predict_proba([x]), [row])
        np.testing.assert_array_equal(model.predict_proba([x.tolist()]), [row])
        np.testing.assert_array_equal(model.predict_proba(x[np.newaxis]), [row])
    equal_lengths = np.stack([x[:3] for x in X])
    np.testing.assert_array_equal(
        LSTMClassifier(**SMALL).fit(equal_lengths, y).predict(list(X)),
        LSTMClassifier(**SMALL).fit(list(equal_lengths), y).predict(list(X)),
    )


def test_names_and_counts_of_features():
    X, y = problem(LSTMClassifier, lengths=(6, 6))
    model = LSTMClassifier(**SMALL).fit(as_long(X), y)
    assert model.feature_names_in_.tolist() == ["c0", "c1"]
    assert (model.n_features_in_, model.n_channels_in_) == (2, 2)
    model.fit(np.stack(X), y)  # the feature names of the last fit are removed
    assert not hasattr(model, "feature_names_in_")
    assert (model.n_features_in_, model.n_channels_in_) == (2, 2)
    model.fit(np.stack(X)[:, :, 0], y)
    assert (model.n_features_in_, model.n_channels_in_) == (6, 1)
    with pytest.raises(ValueError, match="feature names"):
        model.fit(as_long(X), y).predict(as_long(X).rename(columns={"c0": "other"}))


# --- errors -------------------------------------------------------------------------------
X, y = problem(LSTMClassifier)
X3 = np.stack([x[:3] for x in X])  # (24, 3, 2)


def changed(X, place, value):
    """Return X with one value, or one sample, replaced."""
    X = X.copy()
    X[place] = value
    return X


def at(sample, value):
    """Return the list of sequences with one of them replaced."""
    out = list(X)
    out[sample] = value
    return out


def holed(value):
    """Return the list of sequences with one value inside replaced."""
    out = [x.copy() for x in X]
    out[7][1, 1] = value
    return out


LONG = as_long(X)
TIMES = LONG.index.get_level_values("time")
NAN, INF = float("nan"), float("inf")

AT_FIT = {
    "NaN inside, 3-D": (
        changed(X3, (5, 1, 0), NAN),
        "contains NaN: sample 5, time step 1, channel 0",
    ),
    "NaN in one channel of the last step": (
        changed(X3, (5, 2, 1), NAN),
        "contains NaN: sample 5, time step 2, channel 1",
    ),
    "infinity": (
        changed(X3, (5, 2, 1), -INF),
        "contains infinity: sample 5, time step 2, channel 1",
    ),
    "infinities that cancel": (
        changed(changed(X3, (5, 2, 1), -INF), (6, 0, 0), INF),
        "sample 5, time step 2, channel 1",
    ),
    "NaN inside, ragged": (holed(NAN), "sample 7, time step 1, channel 1.*interpolation"),
    "infinity, ragged": (holed(INF), "infinity: sample 7, time step 1, channel 1"),
    "NaN inside, padded": (padded(holed(NAN)), "sample 7, time step 1, channel 1"),
    "NaN inside, 2-D with channels": (
        padded(holed(NAN)).reshape(24, -1),
        "sample 7, time step 1, channel 1",
        2,
    ),
    "NaN at the beginning": (changed(X3, (5, 0), NAN), "sample 5, time step 0, channel 0"),
    "NaN inside, long": (as_long(holed(NAN)), "sample 7, time step 1, channel 1"),
    "all of a sample NaN": (changed(X3, 5, NAN), "Sample 5 of X holds nothing but NaN.*Leave out"),
    "all of a sample NaN, ragged": (
        at(5, np.full((4, 2), NAN)),
        "Sample 5 of X holds nothing but NaN",
    ),
    "empty sequence": (at(5, np.empty((0, 2))), "Sample 5 of X has no time step.*Leave out"),
    "no time step": (np.empty((24, 0, 2)), "at least one time step"),
    "no sample": ([], "Expected 2D array|0 sample"),
    "no sample, 3-D": (np.empty((0, 3, 2)), "0 sample"),
    "one more channel in one sample": (
        at(5, np.ones((4, 3))),
        "Sample 5 of X has 3 channels, sample 0 has 2",
    ),
    "channel-first, ragged": (
        [x.T for x in X],
        r"Sample \d of X has \d channels.*channel-first.*x\.T for x in X",
    ),
    "channel-first, 3-D": (X3.transpose(0, 2, 1), r"channel-first.*X\.transpose\(0, 2, 1\)", 2),
    "too many channels": (X3, "X has 2 channels, but n_channels=1", 1),
    "too many channels, ragged": (X, "X has 2 channels, but n_channels=3", 3),
    "columns that do not divide": (
        np.ones((24, 7)),
        "X has 7 columns.* multiple of n_channels=2",
        2,
    ),
    "three dimensions in a sample": (at(5, np.ones((4, 2, 1))), "Sample 5 of X has 3 dimensions"),
    "four dimensions": (np.ones((24, 3, 2, 1)), "(?i)dim"),
    "1-D": (np.ones(24), r"got a 1D array of 24 values. Reshape your data.*pass \[X\]"),
    "a number": (3.0, "Expected 2D array"),
    "an array of no dimension": (np.array(3.0), "Expected 2D array"),
    "strings": (np.full((24, 3), "a"), "X holds no numbers, its dtype is .U1"),
    "strings in a sample": (at(5, np.array(["a", "b"])), "Sample 5 of X is no array of numbers"),
    "complex numbers": (at(5, np.ones((4, 2), complex)), "Sample 5 of X is no array of numbers"),
    "ragged within a sample": (at(5, [[1.0, 2.0], [3.0]]), "Sample 5 of X is no array of numbers"),
    "mismatched y": (X[:-1], "inconsistent numbers of samples: X has 23, y has 24"),
    "long, index of three levels": (
        LONG.set_index(LONG["c0"] > 0, append=True),
        r"3 levels.*two: \(sample, time\)",
    ),
    "long, time falls": (
        LONG[::-1].sort_index(level=0, sort_remaining=False),
        r"time of X does not rise.*sort_index",
    ),
    "long, times are text": (
        LONG.set_index([LONG.index.get_level_values(0), (TIMES + 8).astype(str)]),
        "does not rise at row 2.*is text: convert it first.*then sort",
    ),
    "long, time twice": (
        LONG.set_index([LONG.index.get_level_values(0), TIMES // 2]),
        "each once.*drop duplicates",
    ),
    "long, no time": (
        LONG.set_index([LONG.index.get_level_values(0), pd.Index(TIMES).where(TIMES != 2)]),
        r"Row 2 of X has no time: the second level of the index is missing",
    ),
    "long, samples taken apart": (
        LONG.sort_index(level=1, kind="stable"),
        r"do not stand together.*sort_index",
    ),
}


@pytest.mark.parametrize("case", AT_FIT)
def test_error_at_fit(case):
    X, message, n_channels = (*AT_FIT[case], None)[:3]
    model = LSTMClassifier(**SMALL, n_channels=n_channels)
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)
    assert not hasattr(model, "theta_")


AT_PREDICT = {
    "NaN inside": (holed(NAN), "sample 7, time step 1, channel 1"),
    "infinity in the last block": (
        changed(X3, (23, 2, 1), INF),
        "sample 23, time step 2, channel 1",
    ),
    "channel-first, 3-D": (X3.transpose(0, 2, 1), r"channel-first.*X\.transpose\(0, 2, 1\)"),
    "channel-first, one sample": ([X[0].T], "channel-first"),
    "channel-first, ragged": ([x.T for x in X], "channel-first"),
    "one channel": (X3[:, :, :1], "X has 1 channels, but LSTMClassifier was fitted with 2"),
    "2-D": (X3.reshape(24, -1), "X has 1 channels.*fitted with 2.*unless n_channels is set"),
    "all of a sample NaN": (changed(X3, 5, NAN), "Sample 5"),
    "no sample": (np.empty((0, 3, 2)), "0 sample"),
    "strings": ([["a", "b"]], "X holds no numbers, its dtype is .U1"),
}


@pytest.mark.parametrize("case", AT_PREDICT)
def test_error_at_predict(case):
    X_new, message = AT_PREDICT[case]
    model = LSTMClassifier(**SMALL).fit(X, y)
    with pytest.raises(ValueError, match=message):
        model.predict(X_new)


def test_gaps_are_found_in_a_long_padded_array_at_once():
    n_samples, n_timesteps = 2000, 1000  # several blocks, almost all of it padding
    X = np.full((n_samples, n_timesteps, 1), np.nan, np.float32)
    X[:, :3] = 1.0
    y = np.arange(n_samples) % 2
    LSTMClassifier(**SMALL | {"max_iter": 1}, patch_size=3).fit(X, y)
    X[1999, 1] = np.nan
    with pytest.raises(ValueError, match="sample 1999, time step 1, channel 0"):
        LSTMClassifier(**SMALL).fit(X, y)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_validation_set_of_half(Estimator):
    X, y = problem(Estimator)
    for half in ({"X_val": X}, {"y_val": y}):
        with pytest.raises(ValueError, match="X_val and y_val belong together"):
            Estimator(**SMALL).fit(X, y, **half)
    with pytest.raises(ValueError, match=r"Of X_val and y_val: .*X has 24, y has 23"):
        Estimator(**SMALL).fit(X, y, X_val=X, y_val=y[:-1])
    with pytest.raises(ValueError, match=r"Of X_val and y_val: X has 1 channels, but .* with 2"):
        Estimator(**SMALL).fit(X, y, X_val=[x[:, :1] for x in X], y_val=y)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.zeros(24), "(?i)sample weights.*zero"),
        (np.ones(23), "shape"),
        (-np.ones(24), "(?i)negative"),
    ],
)
def test_sample_weight(Estimator, weight, message):
    X, y = problem(Estimator)
    with pytest.raises(ValueError, match=message):
        Estimator(**SMALL).fit(X, y, sample_weight=weight)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_no_target(Estimator):
    with pytest.raises(ValueError, match="requires y to be passed"):
        Estimator(**SMALL).fit(X, None)
    with pytest.raises(ValueError, match=r"(?i)nan"):
        Estimator(**SMALL).fit(X, np.where(y == 1, np.nan, 0.0))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_fit_that_fails_leaves_no_half_fitted_model(Estimator):
    X, y = problem(Estimator)
    model = Estimator(**SMALL).fit(X, y)
    wide = [np.tile(x, 4) for x in X]
    with pytest.raises(ValueError, match="inconsistent"):
        model.fit(wide, y[:-1])
    with pytest.raises(ValueError, match="not fitted"):  # NotFittedError, no invalid memory access
        model.predict(wide)
