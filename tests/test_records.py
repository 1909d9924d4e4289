"""Records of real life: gaps, times, categories and static facts together, in all forms of X."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import LSTMClassifier, LSTMRegressor, Sequences
from sklstm.export import skops_trusted
from sklstm.inspection import permutation_importance
from tests.toy import SMALL, raw, run_estimator_checks

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


# --- all of it together -------------------------------------------------------------------
def in_forms():
    """Return the same visits as Sequences, as a long frame, with categories, and in other order."""
    X = Sequences.from_frame(visits(), **VISITS)
    long = X.to_frame().set_index(["patient", "day"]).drop(columns="outcome")
    return X, [long, long.astype({"sex": "category", "ward": "category"}), X[np.arange(len(X))]]


@pytest.mark.parametrize(
    ("Estimator", "settings"),
    [
        (LSTMClassifier, {}),
        (LSTMClassifier, {"branch": "auto", "dtype": "float32"}),
        (LSTMRegressor, {"front": "auto", "loss": "gaussian", "patch_size": 2, "n_estimators": 2}),
    ],
)
def test_all_together(Estimator, settings):
    """Form, threads, copies and the rest of the batch change no bit."""
    X, others = in_forms()
    model = fit(X, Estimator, X.target, **ALL | settings)
    expected = raw(model, X)
    for other in others:
        np.testing.assert_array_equal(
            raw(fit(other, Estimator, X.target, **ALL | settings), other), expected
        )
    threads = clone(model).set_params(n_jobs=2).fit(X, X.target)
    np.testing.assert_array_equal(raw(threads, X), expected)
    np.testing.assert_array_equal(raw(pickle.loads(pickle.dumps(model)), X), expected)
    np.testing.assert_allclose(raw(model, X[7:9]), expected[7:9], rtol=1e-6)
    sio = pytest.importorskip("skops.io")
    again = sio.loads(sio.dumps(model), trusted=skops_trusted())
    np.testing.assert_array_equal(raw(again, X), expected)


def test_a_prediction_for_each_visit():
    X = Sequences.from_frame(
        visits().assign(seen=lambda t: t["ward"] == "er"), return_sequences=True,
        **VISITS | {"target": "seen", "channels": ["age", "sex", "lab", "ward"]},
    )  # fmt: skip
    model = fit(X, y=X.target, return_sequences=True, bidirectional=False, scale="channel", **ALL)
    start = X.to_frame().groupby("patient", sort=False).head(2).set_index(["patient", "day"])
    short = raw(model, start.drop(columns="seen"))
    for whole, two in zip(raw(model, X), short, strict=True):
        np.testing.assert_allclose(whole[:2], two, rtol=1e-5)


def test_going_on_and_stopping_early():
    X = Sequences.from_frame(visits(), **VISITS)
    model = fit(X[:20], y=X.target[:20], warm_start=True, **ALL).partial_fit(X[20:], X.target[20:])
    model.fit(X[:20], X.target[:20])
    for scoring in (None, "loss", "roc_auc"):
        settings = {"early_stopping": True, "scoring": scoring}
        inside = fit(X, y=X.target, **ALL | settings)
        apart = LSTMClassifier(**SMALL | ALL | settings)
        apart.fit(X[:20], X.target[:20], X_val=X[20:], y_val=X.target[20:])
        assert np.isfinite([inside.best_validation_score_, apart.best_validation_score_]).all()


def test_a_search_over_the_new_arguments():
    X = Sequences.from_frame(visits(), **VISITS)
    grid = {
        "embedding_size": [1, "auto"], "loss": ["gaussian", "poisson"],
        "static_features": [None, ["sex"]],
    }  # fmt: skip
    search = GridSearchCV(LSTMRegressor(**SMALL | ALL), grid, cv=2).fit(X, X.target)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    model = search.best_estimator_.conformalize(X, X.target)
    lower, upper = model.predict_interval(X, coverage=0.8).T
    assert (lower < upper).all()
    table = model.set_output(transform="pandas").transform(X)
    assert table.index.tolist() == X.ids.tolist()


def test_a_pipeline_with_columns():
    prepare = ColumnTransformer(
        [("scale", StandardScaler(), ["age"])], remainder="passthrough",
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")  # fmt: skip
    facts = {"static_features": ["age", "sex"], "categorical_features": ["sex"]}
    pipeline = make_pipeline(prepare, LSTMClassifier(**SMALL | facts))
    grid = {"lstmclassifier__missing": ["error", "mask"]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(WIDE, Y)
    direct = fit(WIDE[["age", *WIDE.columns.drop("age")]], **facts)
    np.testing.assert_allclose(
        search.predict_proba(WIDE), raw(direct, WIDE[["age", *WIDE.columns.drop("age")]]), rtol=1e-5
    )


def test_a_stream_of_numbers_with_gaps_and_categories():
    X = Sequences.from_frame(visits(), **VISITS)
    model = fit(
        X, y=X.target, missing="mask", categorical_features="from_dtype", bidirectional=False,
        scale="channel", patch_size=1,
    )  # fmt: skip
    stream = model.stream(method="predict_proba")
    for step in X[4]:
        found = stream.step(step)
    np.testing.assert_allclose(found, raw(model, X[[4]]), rtol=1e-5)


def test_a_stream_of_categories_alone_has_nothing_to_standardise():
    """`scale` is about numbers, so that its default neither warns nor refuses a stream."""
    X = [["b", "a", "n"], ["a", "n", "a", "n"], ["n", "a"], ["b", "b", "a"]]
    model = fit(
        X, y=[[*x[1:], "end"] for x in X], categorical_features="from_dtype", bidirectional=False,
        return_sequences=True, patch_size=1, scale="both",
    )  # fmt: skip
    stream = model.stream(method="predict_proba")
    found = [stream.step(step)[0] for step in X[1]]
    np.testing.assert_allclose(found, model.predict_proba(X)[1], rtol=1e-5)


@pytest.mark.parametrize("by", ["channel", "time", "both"])
def test_importance(by):
    """What is static stays the same at all steps, and the times are those of X."""
    X, (long, *_) = in_forms()
    model = fit(X, y=X.target, **ALL)
    settings = {"by": by, "n_repeats": 2, "random_state": 0}
    found = [permutation_importance(model, x, X.target, **settings) for x in (X, long)]
    np.testing.assert_array_equal(*(result.importances for result in found))
    if by == "both":
        assert (found[0].importances[:, model.static_channels_] == 0.0).all()
    wide = fit(WIDE, static_features=["age", "sex"], categorical_features=["sex"])
    same = fit(LONG, static_features=["age", "sex"], categorical_features=["sex"])
    found = [permutation_importance(m, x, Y, **settings) for m, x in ((wide, WIDE), (same, LONG))]
    np.testing.assert_array_equal(*(result.importances for result in found))


# Each value is a category of its own, so that the checks of a score need a fit by heart.
@pytest.mark.filterwarnings("ignore:Channel . of X is categorical, and:UserWarning")
@pytest.mark.filterwarnings("ignore:Channel . of X has .* categories that fit:UserWarning")
@pytest.mark.parametrize(
    ("Estimator", "settings"),
    [(LSTMClassifier, {"static_features": [0]}), (LSTMRegressor, {"loss": "gaussian"})],
)
def test_estimator_checks(Estimator, settings):
    by_heart = {"learning_rate_init": 0.02, "max_iter": 60, "dropout": 0.0}
    settings |= {"missing": "mask", "categorical_features": [0]}
    run_estimator_checks(Estimator(**SMALL | by_heart | settings))


# --- mistakes -----------------------------------------------------------------------------
TABLE_OF_VISITS = visits()
LONG_VISITS = TABLE_OF_VISITS.sort_values(["patient", "day"]).set_index(["patient", "day"])
OUTCOME = LONG_VISITS.pop("outcome").groupby(level=0).first()


TIMES = {"time_gaps": True}
SEX_IS_STATIC = {"static_features": ["sex"], "categorical_features": ["sex"]}


def fit_visits(X=LONG_VISITS, y=OUTCOME, **settings):
    return fit(X, y=y, **ALL | settings)


MISTAKES = {
    "a plain table": (
        lambda: fit_visits(TABLE_OF_VISITS, OUTCOME.to_numpy()),
        r"the columns of this X are time steps.* sklstm.Sequences.from_frame\(table, sample",
    ),
    "a groupby": (
        lambda: fit_visits(LONG_VISITS.groupby(level=0)),
        r"X is a DataFrameGroupBy: pass \[group for _, group in X\]",
    ),
    "a groupby without categories": (
        lambda: fit(LONG_VISITS[["lab"]].groupby(level=0)), "X is a DataFrameGroupBy: pass",
    ),
    "a dict of frames": (
        lambda: fit_visits({i: x for i, x in LONG_VISITS.groupby(level=0)}),
        r"X is a dict with 30 keys .*pass its values, list\(X.values\(\)\)",
    ),
    "the index the other way round": (
        lambda: fit_visits(LONG_VISITS.swaplevel().sort_index()),
        r"If this is the level of the samples, pass X.swaplevel\(\).sort_index\(\)",
    ),
    "y for each visit": (
        lambda: fit_visits(y=TABLE_OF_VISITS["outcome"]),
        r"pass one entry for each sample, for instance y.groupby\(level=0\)",
    ),
    "a list without times": (
        lambda: fit(list(SEQUENCES), time_gaps=True, categorical_features=[2]),
        "time_gaps=True reads the time of each step, but X is a list, which has none",
    ),
    "a table without times": (
        lambda: fit(Sequences.from_frame(TABLE[["patient", "lab"]], sample="patient"), **TIMES),
        "reads the time of each step, but X was made without",
    ),
    "times as text": (
        lambda: fit_visits(LONG_VISITS.rename(str, level=1)),
        "neither numbers nor time stamps.*pd.to_datetime",
    ),
    "times of another kind": (
        lambda: fit_visits().predict(LONG_VISITS.rename(lambda day: day.day_of_year, level=1)),
        "The times of X are numbers, but LSTMClassifier was fitted with time stamps",
    ),
    "gaps in the table alone": (
        lambda: fit_visits(missing="error"),
        "Input X contains NaN: sample .* set missing='mask'",
    ),
    "gaps in the estimator alone": (
        lambda: Sequences.from_frame(TABLE_OF_VISITS, **VISITS | {"missing": "error"}),
        "has no value in column 'lab' .* Keep gaps with missing='mask', here and in the estimator",
    ),
    "infinity for what is missing": (
        lambda: fit_visits(LONG_VISITS.fillna({"lab": np.inf})),
        "put NaN in its place and set missing='mask'",
    ),
    "a column that is gone": (
        lambda: fit_visits().predict(LONG_VISITS.drop(columns="sex")),
        "(?s)Feature names seen at fit time, yet now missing:.*sex",
    ),
    "columns in another order": (
        lambda: fit_visits().predict(LONG_VISITS[["sex", "age", "lab", "ward"]]),
        "Feature names must be in the same order",
    ),
    "columns of sequences in another order": (
        lambda: fit_visits().predict(Sequences.from_frame(TABLE_OF_VISITS.iloc[:, ::-1], **VISITS)),
        "Feature names must be in the same order",
    ),
    "a wide column that is gone": (
        lambda: fit(WIDE, **SEX_IS_STATIC).predict(WIDE[["sex"]]),
        "Feature names seen at fit time, yet now missing",
    ),
    "strings once, codes later": (
        lambda: fit_visits().predict(LONG_VISITS.assign(sex=1)),
        "Channel 'sex' of X holds numbers, but in fit it held strings, 'f' for instance",
    ),
    "numbers as text": (
        lambda: fit_visits(LONG_VISITS.astype({"age": str})),
        "Channel 'age' of X holds strings, but categorical_features does not select it",
    ),
    "a date": (
        lambda: Sequences.from_frame(TABLE_OF_VISITS.assign(born=pd.Timestamp(0)), **VISITS),
        r"Column 'born' holds neither only numbers nor only strings.*channels=\[",
    ),
    "a fact that is no fact": (
        lambda: fit_visits(static_features=["ward"]),
        "the channel 'ward', which changes in sample .*: it is '.*' before time step",
    ),
    "a wide fact that is not static": (
        lambda: fit(WIDE, categorical_features=["sex"]),
        "Column 'sex' of X holds strings and others numbers.* select it by static_features and cat",
    ),
    "a wide fact that is not categorical": (
        lambda: fit(WIDE, static_features=["sex"]),
        "Column 'sex' of X holds no numbers.*select it by categorical_features",
    ),
    "a time step as a category": (
        lambda: fit(WIDE, static_features=["sex"], categorical_features=["week_0"]),
        "categorical_features holds 'week_0', but the columns of this X are time steps",
    ),
    "a stream": (
        lambda: fit_visits(bidirectional=False, scale="channel", time_gaps=False).stream(),
        "static_features are read once for each sequence",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("call", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def test_a_measurement_as_a_category():
    with pytest.warns(UserWarning, match="'lab' of X is categorical, and .* are fractions"):
        fit_visits(categorical_features=["sex", "ward", "lab"])
