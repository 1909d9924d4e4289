"""Records of real life: gaps, times, categories and static facts together, in all forms of X."""

import pickle

import numpy as np
import pandas as pd
import pytest

from sklstm import LSTMClassifier, Sequences
from tests.toy import SMALL, raw

N, T = 24, 5
RNG = np.random.default_rng(0)
SEX = RNG.choice(["f", "m"], N)
AGE = RNG.normal(50.0, 10.0, N).round()
LAB = RNG.standard_normal((N, T)).round(3)
Y = (LAB[:, 0] > 0).astype(int)
WIDE = pd.DataFrame(LAB).add_prefix("week_").assign(age=AGE, sex=SEX)
LONG = pd.DataFrame(
    {"lab": LAB.ravel(), "age": AGE.repeat(T), "sex": SEX.repeat(T)},
    pd.MultiIndex.from_product([range(N), range(T)], names=["patient", "week"]),
)


TABLE = LONG.reset_index().sample(frac=1.0, random_state=0).sort_values("patient", kind="stable")
SEQUENCES = Sequences.from_frame(TABLE, sample="patient", time="week")


def fit(X, Estimator=LSTMClassifier, y=Y, **settings):
    return Estimator(**SMALL | settings).fit(X, y)


# --- static categories --------------------------------------------------------------------
@pytest.mark.parametrize(
    ("X", "static", "categorical"),
    [
        (LONG, ["age", "sex"], "from_dtype"),
        (LONG.to_numpy(object).reshape(N, T, 3), [1, 2], [2]),
        ([x.to_numpy(object) for _, x in LONG.groupby(level=0)], [1, 2], "from_dtype"),
        (SEQUENCES, ["age", "sex"], ["sex"]),
        (list(SEQUENCES), [1, 2], "from_dtype"),
        (WIDE, ["age", "sex"], ["sex"]),
        (WIDE, ["age", "sex"], [False, False, True]),
        (WIDE.astype({"sex": "category"}), ["age", "sex"], "from_dtype"),
        (WIDE.to_numpy(object), [T, T + 1], [T + 1]),
        (WIDE.to_numpy(object).tolist(), [T, T + 1], "from_dtype"),
        (WIDE.assign(sex=SEX == "m").to_numpy(float), [T, T + 1], [T + 1]),
    ],
)
def test_a_static_category_in_all_forms(X, static, categorical):
    model = fit(X, static_features=static, categorical_features=categorical)
    expected = fit(LONG, static_features=["age", "sex"], categorical_features=["sex"])
    np.testing.assert_array_equal(raw(model, X), raw(expected, LONG))
    assert model.static_channels_.tolist() == [1, 2]
    assert list(model.embeddings_) == ([2] if isinstance(X, (list, np.ndarray)) else ["sex"])


def test_a_static_category_is_the_same_at_all_steps():
    """One step that has it is enough; a sample without it has the vector of the unknown."""
    settings = {"static_features": ["sex"], "categorical_features": ["sex"]}
    X = LONG.drop(columns="age")
    model, some = fit(X, **settings), X.copy()
    some.loc[some.index.get_level_values(1) != 3, "sex"] = None
    np.testing.assert_array_equal(raw(model, some), raw(model, X))
    assert (raw(model, X.assign(sex=None)) != raw(model, X)).all()
    changes = X.copy()
    changes.iloc[2 * T + 3, 1] = "f" if SEX[2] == "m" else "m"
    sentence = (
        rf"channel 'sex', which changes in sample 2 of X: it is '{SEX[2]}' before time step 3"
    )
    with pytest.raises(ValueError, match=sentence):
        model.predict(changes)


def test_columns_of_a_wide_frame_in_any_order():
    shuffled = WIDE[["sex", *WIDE.columns[:2], "age", *WIDE.columns[2:-2]]]
    settings = {"static_features": ["age", "sex"], "categorical_features": "from_dtype"}
    model = fit(shuffled, **settings)
    assert list(model.embeddings_) == ["sex"]
    assert model.categories_[0].tolist() == ["f", "m"]
    with pytest.warns(
        UserWarning, match="Channel 'sex' of X has 1 categories that fit did not see"
    ):
        model.predict(shuffled.assign(sex="x"))


# --- strings in a table -------------------------------------------------------------------
def visits(n=30, seed=0):
    """Return a table of visits: a laboratory value with gaps, and events, some of them missing."""
    rng = np.random.default_rng(seed)
    n_visits = rng.integers(2, 7, n)
    patient = np.repeat([f"P{k:02}" for k in range(n)], n_visits)
    day = pd.Timestamp("2026-01-05") + pd.to_timedelta(rng.integers(1, 90, len(patient)), "D")
    lab = np.where(rng.random(len(patient)) < 0.3, np.nan, rng.standard_normal(len(patient)))
    table = pd.DataFrame({
        "patient": patient, "day": day, "age": np.repeat(rng.integers(20, 90, n), n_visits),
        "sex": np.repeat(rng.choice(["f", "m"], n), n_visits), "lab": lab,
        "ward": rng.choice(["er", "icu", None], len(patient)),
        "outcome": np.repeat(np.arange(n) % 2, n_visits),
    })  # fmt: skip
    return table.drop_duplicates(["patient", "day"])


VISITS = {"sample": "patient", "time": "day", "target": "outcome", "missing": "mask"}
ALL = {
    "missing": "mask", "time_gaps": True, "static_features": ["age", "sex"],
    "categorical_features": ["sex", "ward"],
}  # fmt: skip


def test_a_table_with_strings_there_and_back():
    table = visits()
    X = Sequences.from_frame(table, **VISITS)
    assert {X.channels[c]: list(words) for c, words in X.words.items()} == {
        "sex": ["f", "m"], "ward": ["er", "icu"],
    }  # fmt: skip
    frame = X.to_frame()
    expected = table.sort_values(["patient", "day"])
    for column in ("sex", "ward"):
        assert frame[column].fillna("").tolist() == expected[column].fillna("").tolist()
    part = pickle.loads(pickle.dumps(X[3:5]))
    again = Sequences.from_frame(part.to_frame(), **VISITS)
    for i, x in enumerate(part):
        assert x.dtype == object
        assert pd.DataFrame(x).equals(pd.DataFrame(X[3 + i]))
        assert pd.DataFrame(x).equals(pd.DataFrame(again[i]))


@pytest.mark.parametrize("categories", [[3, 5, 11], ["c", "a", "b"]])
def test_pandas_categories_in_a_table(categories):
    column = pd.Categorical.from_codes(np.tile([0, 1, 2, -1, 1], N), categories)
    X = Sequences.from_frame(TABLE.assign(kind=column), sample="patient")
    model = fit(X, categorical_features="from_dtype")
    assert model.categories_[1].tolist() == sorted(categories)
    again = Sequences.from_frame(X.to_frame(), sample="patient")
    np.testing.assert_array_equal(raw(model, again), raw(model, X))


def test_strings_that_no_argument_selects():
    with pytest.raises(ValueError, match=r"'sex' of X holds strings, 'f' .* categorical_features="):
        fit(SEQUENCES)
    with pytest.raises(ValueError, match="Channel 'sex' of X holds strings, but categorical_fea"):
        fit(SEQUENCES, categorical_features=["age"])
