"""static_features: facts that do not change within a sequence, in all forms of X."""

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
from sklstm.components import FCN
from sklstm.inspection import permutation_importance
from tests.toy import ESTIMATORS, SMALL, raw, run_estimator_checks

N_TIMESTEPS = 12
STEPS = [f"week_{t:02}" for t in range(N_TIMESTEPS)]


def people(n_samples=40, seed=0):
    """Return a wide table of an age and a series, and whether exactly one of two things is so.

    They are that the age is above 50 and that the series rises.
    """
    rng = np.random.default_rng(seed)
    age, slope = 50.0 + 10.0 * rng.standard_normal(n_samples), rng.choice([-1.0, 1.0], n_samples)
    series = rng.standard_normal((n_samples, N_TIMESTEPS))
    series += slope[:, np.newaxis] * np.linspace(-2.0, 2.0, N_TIMESTEPS)
    wide = pd.DataFrame(series, columns=STEPS)
    wide.insert(3, "age", age)
    return wide, ((age > 50.0) ^ (slope > 0.0)).astype(int)


def tiled(wide):
    """Return the same people as an array (n_samples, n_timesteps, 2), the age last."""
    age = np.repeat(wide["age"].to_numpy()[:, np.newaxis], N_TIMESTEPS, axis=1)
    return np.stack([wide[STEPS].to_numpy(), age], axis=2)


def long_frame(wide):
    """Return the same people as a DataFrame with the index (person, week), the age first."""
    index = pd.MultiIndex.from_product([wide.index, range(N_TIMESTEPS)], names=["person", "week"])
    values = tiled(wide).reshape(-1, 2)[:, ::-1]
    return pd.DataFrame(values, index=index, columns=["age", "value"])


def sequences(wide, **options):
    """Return the same people as the table helper reads them."""
    table = long_frame(wide).reset_index()
    return Sequences.from_frame(table, sample="person", time="week", **options)


# --- what it is for -----------------------------------------------------------------------
@pytest.mark.slow
@pytest.mark.parametrize("branch", ["auto", None])
def test_static_and_dynamic_together(branch):
    X, y = people(500)
    model = LSTMClassifier(static_features=["age"], branch=branch, random_state=0)
    assert model.fit(X[:300], y[:300]).score(X[300:], y[300:]) >= 0.95
    without = LSTMClassifier(branch=branch, random_state=0).fit(X[STEPS][:300], y[:300])
    assert without.score(X[STEPS][300:], y[300:]) < 0.6


# --- forms of X ---------------------------------------------------------------------------
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_all_forms_give_the_same_bits(Estimator):
    wide, y = people()
    model = Estimator(static_features=["age"], **SMALL).fit(wide, y)
    for X, static in [
        (wide, [3]),
        (wide.to_numpy(), np.arange(N_TIMESTEPS + 1) == 3),
        (tiled(wide), [1]),
        (list(tiled(wide)), [False, True]),
        (long_frame(wide), ["age"]),
        (sequences(wide), ["age"]),
        (sequences(wide), (0,)),
    ]:
        other = Estimator(static_features=static, **SMALL).fit(X, y)
        np.testing.assert_array_equal(other.theta_, model.theta_)
        np.testing.assert_array_equal(raw(other, X), raw(model, wide))
        assert other.n_channels_in_ == 2


def test_a_wide_array_of_several_channels():
    wide, y = people()
    steps = np.stack([wide[STEPS], -wide[STEPS]], axis=2).reshape(len(wide), -1)
    X = np.column_stack([wide["age"], steps])
    model = LSTMClassifier(static_features=[0], n_channels=2, **SMALL).fit(X, y)
    assert (model.n_features_in_, model.n_channels_in_) == (2 * N_TIMESTEPS + 1, 3)
    channels = np.concatenate(
        [tiled(wide)[..., :1], -tiled(wide)[..., :1], tiled(wide)[..., 1:]], 2
    )
    other = LSTMClassifier(static_features=[2], **SMALL).fit(channels, y)
    np.testing.assert_array_equal(model.theta_, other.theta_)


def test_a_wide_array_with_padding():
    wide, y = people()
    short = wide.copy()
    short.iloc[5, -4:] = np.nan
    short.iloc[8, -1] = np.nan
    ragged = [
        x[: N_TIMESTEPS - (4 if k == 5 else 1 if k == 8 else 0)] for k, x in enumerate(tiled(wide))
    ]
    model = LSTMClassifier(static_features=["age"], **SMALL).fit(short, y)
    other = LSTMClassifier(static_features=[1], **SMALL).fit(ragged, y)
    np.testing.assert_array_equal(model.theta_, other.theta_)


def test_by_name_through_a_column_transformer_and_a_search():
    X, y = people(60)
    scaling = ColumnTransformer(
        [("age", StandardScaler(), ["age"])], remainder="passthrough",
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")  # fmt: skip
    model = make_pipeline(scaling, LSTMClassifier(static_features=["age"], **SMALL))
    search = GridSearchCV(model, {"lstmclassifier__hidden_size": [2, 4]}, cv=3).fit(X, y)
    assert search.best_estimator_[-1].static_columns_.tolist() == [0]
    assert search.predict(X).shape == y.shape


def test_a_search_over_sequences():
    X, y = people(60)
    parameters = {"static_features": [None, ["age"]]}
    search = GridSearchCV(LSTMClassifier(**SMALL), parameters, cv=3).fit(sequences(X), y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


# --- what an estimator does ---------------------------------------------------------------
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("patch_size", [1, 3])
def test_threads_pickles_and_clones_have_the_same_bits(Estimator, dtype, patch_size):
    X, y = people(300)
    small = SMALL | {"branch": "auto", "dtype": dtype, "patch_size": patch_size}
    model = Estimator(static_features=["age"], **small).fit(X, y)
    other = clone(model).set_params(n_jobs=2).fit(X, y)
    np.testing.assert_array_equal(model.theta_, other.theta_)
    restored = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(raw(restored, X), raw(model, X))


@pytest.mark.parametrize("bidirectional", [True, False])
def test_a_prediction_for_each_step(bidirectional):
    X, y = people()
    steps = np.repeat(y[:, np.newaxis], N_TIMESTEPS, axis=1)
    model = LSTMRegressor(
        static_features=["age"], return_sequences=True, bidirectional=bidirectional,
        scale="channel", **SMALL,
    ).fit(X, steps)  # fmt: skip
    older = X.assign(age=X["age"] + 20.0)
    assert (model.predict(older) != model.predict(X)).all()


def test_gaps_of_static_features():
    """A sample without a value has the mean and says so; one value of a sequence is enough."""
    X, y = people()
    X.loc[::5, "age"] = np.nan
    some = long_frame(X)
    some.loc[some.index.get_level_values(1) != 7, "age"] = np.nan
    mask = SMALL | {"static_features": ["age"], "missing": "mask"}
    model = LSTMClassifier(**mask).fit(long_frame(X), y)
    assert model.gap_channels_.tolist() == [0]
    np.testing.assert_array_equal(model.predict_proba(some), model.predict_proba(long_frame(X)))
    wide = LSTMClassifier(**mask).fit(X, y)
    np.testing.assert_array_equal(wide.theta_, model.theta_)
    filled = X.fillna({"age": model.channel_mean_[0]})
    gone = X["age"].isna().to_numpy()
    differs = (wide.predict_proba(filled) != wide.predict_proba(X)).any(axis=1)
    np.testing.assert_array_equal(differs, gone)  # by what says that it is not known


def test_a_static_feature_counts_once_for_each_sequence():
    """Mean and deviation are those of the samples: many steps do not make an age count more."""
    wide, y = people(24)
    age, weight = wide["age"].to_numpy(), 1.0 + np.arange(24) % 3
    X = [x[: 2 + k % 10] for k, x in enumerate(tiled(wide))]
    mask = SMALL | {"static_features": [1], "missing": "mask"}
    model = LSTMClassifier(**mask).fit(X, y, sample_weight=weight)
    mean = np.average(age, weights=weight)
    deviation = np.sqrt(np.average((age - mean) ** 2, weights=weight))
    np.testing.assert_allclose(model.channel_mean_[1], mean, rtol=1e-12)
    np.testing.assert_allclose(model.channel_scale_[1], deviation, rtol=1e-12)

    said_once = [x.copy() for x in X]
    for x in said_once:
        x[1:, 1] = np.nan
    same = LSTMClassifier(**mask).fit(said_once, y, sample_weight=weight)
    np.testing.assert_array_equal(same.theta_, model.theta_)
    np.testing.assert_array_equal(same.predict_proba(said_once), model.predict_proba(X))

    pieces = LSTMRegressor(**mask | {"batch_size": 8, "dtype": "float64"})
    for piece in (slice(9), slice(9, 24)):
        pieces.partial_fit(X[piece], y[piece], weight[piece])
    np.testing.assert_allclose(pieces.channel_mean_[1], mean, rtol=1e-12)
    np.testing.assert_allclose(pieces.channel_scale_[1], deviation, rtol=1e-12)


def test_all_new_arguments_together():
    X, y = people()
    X.iloc[2:20:3, 5] = np.nan
    model = LSTMClassifier(missing="mask", time_gaps=True, static_features=["age"], **SMALL).fit(
        sequences(X, missing="mask"), y
    )
    assert model.channel_mean_.shape == (3,)
    assert model.gap_channels_.tolist() == [1]
    assert np.isfinite(model.predict_proba(long_frame(X))).all()


def test_going_on():
    X, y = people()
    model = LSTMRegressor(static_features=["age"], **SMALL).fit(X, y).partial_fit(X, y)
    model.set_params(warm_start=True, static_features=["week_00"])
    with pytest.raises(ValueError, match=r"static_features=.*, but the network was started with"):
        model.fit(X, y)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_estimator_checks(Estimator):
    settings = {"branch": FCN(8)} if Estimator is LSTMClassifier else {}
    settings |= {"static_features": [0], "missing": "mask", "hidden_size": 8, "max_iter": 60}
    run_estimator_checks(Estimator(**settings))


def test_another_number_of_columns_is_refused():
    X = np.random.default_rng(0).standard_normal((30, 2))  # one step and one static feature
    model = LSTMRegressor(static_features=[0], **SMALL).fit(X, X[:, 1])
    with pytest.raises(ValueError, match="X has 4 features, but LSTMRegressor is expecting 2"):
        model.predict(np.ones((3, 4)))


def test_importance():
    X, y = people()
    model = LSTMClassifier(static_features=["age"], **SMALL).fit(long_frame(X), y)
    found = permutation_importance(model, long_frame(X), y, n_repeats=2, random_state=0)
    assert found.importances_mean.shape == (2,)


# --- mistakes -----------------------------------------------------------------------------
def fit(static, X=None, **parameters):
    wide, y = people()
    return LSTMClassifier(static_features=static, **SMALL | parameters).fit(
        wide if X is None else X, y
    )


def changing():
    X = long_frame(people()[0])
    X.iloc[5 * N_TIMESTEPS + 3, 0] = 99.0
    return X


MISTAKES = {
    "a channel that changes": (
        lambda: fit(["age"], changing()),
        "the channel 'age', which changes in sample 5 of X: it is 5.* before time step 3, and 99",
    ),
    "a channel that changes in a prediction": (
        lambda: fit(["age"], long_frame(people()[0])).predict(changing()),
        "changes in sample 5 of X",
    ),
    "a name that is not there": (
        lambda: fit(["sex"]), "static_features holds 'sex', which X does not have",
    ),
    "a name for an array": (
        lambda: fit(["age"], tiled(people()[0])), "but the channels of X have none",
    ),
    "a name that is no list": (
        lambda: fit("age"), "The 'static_features' parameter",
    ),
    "an index past the end": (
        lambda: fit([2], tiled(people()[0])), "holds the index 2, but X has 2 channels",
    ),
    "nothing that changes": (
        lambda: fit([0, 1], tiled(people()[0])), "and leaves none that changes over time",
    ),
    "no time step": (
        lambda: fit(["age", *STEPS]), "takes all columns of X .n_features=13., and leaves no time",
    ),
    "a gap without missing": (
        lambda: fit(["age"], people()[0].assign(age=np.nan)),
        "contains NaN: sample 0, time step 0, channel 1. .* set missing='mask'",
    ),
    "a stream": (
        lambda: fit(["age"], bidirectional=False, scale="channel", patch_size=1).stream(),
        "fit without static_features",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("call", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
