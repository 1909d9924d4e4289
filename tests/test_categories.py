"""Categorical channels and tokens: all forms of X, what is unknown, and where the codes go."""

import copy
import pickle
import tracemalloc
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

from sklstm import LSTMClassifier, LSTMRegressor, Sequences
from sklstm._input.validation import as_sequences
from sklstm.export import load_parameters, skops_trusted, to_onnx
from sklstm.inspection import (
    input_gradients,
    integrated_gradients,
    permutation_importance,
    state_traces,
)
from tests.toy import ESTIMATORS, SMALL, run_estimator_checks

N, T = 24, 6
RNG = np.random.default_rng(0)
WORDS = RNG.choice(["a", "b", "c", "dd"], (N, T))
CODES = np.searchsorted(["a", "b", "c", "dd"], WORDS)
NUMBERS = RNG.standard_normal((N, T))
Y = (WORDS == "a").sum(axis=1) > 1
INDEX = pd.MultiIndex.from_product([range(N), range(T)], names=["sample", "time"])
LONG = pd.DataFrame({"word": WORDS.ravel()}, INDEX)
MIXED = pd.DataFrame({"size": NUMBERS.ravel(), "word": WORDS.ravel()}, INDEX)
OBJECTS = np.stack([NUMBERS.astype(object), WORDS.astype(object)], axis=2)


def fitted(X, y=Y, Estimator=LSTMClassifier, **settings):
    return Estimator(**{"categorical_features": "from_dtype", **SMALL, **settings}).fit(X, y)


def raw(model, X):
    return (model.predict_proba if hasattr(model, "classes_") else model.predict)(X)


@pytest.fixture(scope="module")
def expected():
    """What token lists give."""
    X = [list(sentence) for sentence in WORDS]
    return raw(fitted(X), X)


@pytest.fixture(scope="module")
def expected_mixed():
    """What a long frame with a numeric and a categorical channel gives."""
    return raw(fitted(MIXED), MIXED)


# --- forms of X ---------------------------------------------------------------------------
TOKENS = {
    "arrays of str": (list(WORDS), "from_dtype"),
    "arrays of objects": (list(WORDS.astype(object)), "from_dtype"),
    "3-D": (WORDS[:, :, np.newaxis], "from_dtype"),
    "3-D objects": (WORDS[:, :, np.newaxis].astype(object), [0]),
    "2-D": (WORDS, "from_dtype"),
    "2-D mask": (WORDS.astype(object), [True]),
    "Series of lists": (pd.Series([list(s) for s in WORDS]), "from_dtype"),
    "long": (LONG, "from_dtype"),
    "long by name": (LONG, ["word"]),
    "long categories": (LONG.astype("category"), "from_dtype"),
    "long Series": (LONG["word"], "from_dtype"),
    "long strings": (LONG.astype("string"), "from_dtype"),
    "wide": (pd.DataFrame(WORDS), "from_dtype"),
    "wide categories": (pd.DataFrame(WORDS).astype("category"), "from_dtype"),
    "frames": ([pd.DataFrame({"word": s}) for s in WORDS], ["word"]),
    "cells": (pd.DataFrame({"word": [list(s) for s in WORDS]}), ["word"]),
    "categoricals": ([pd.Categorical(s) for s in WORDS], "from_dtype"),
    "2-D codes": (CODES, [0]),
    "3-D codes": (CODES[:, :, np.newaxis].astype(float), [0]),
    "codes in lists": ([s.tolist() for s in CODES], [0]),
    "small codes": (CODES[:, :, np.newaxis].astype(np.uint8), [0]),
    "codes as strings": (CODES.astype(str), "from_dtype"),
    "booleans beside": (CODES[:, :, np.newaxis] + 100, np.array([True])),
}
MIXTURES = {
    "by name": (MIXED, ["word"], {}),
    "3-D": (OBJECTS, "from_dtype", {}),
    "list": (list(OBJECTS), [False, True], {}),
    "nested lists": (OBJECTS.tolist(), [1], {}),
    "codes": (np.stack([NUMBERS, CODES], axis=2), [1], {}),
    "frames": ([MIXED.loc[i].reset_index(drop=True) for i in range(N)], ["word"], {}),
    "cells": (
        pd.DataFrame({"size": list(NUMBERS), "word": [list(s) for s in WORDS]}),
        ["word"],
        {},
    ),
    "2-D": (OBJECTS.reshape(N, -1), "from_dtype", {"n_channels": 2}),
    "wide": (
        pd.DataFrame(OBJECTS.reshape(N, -1)).infer_objects(),
        "from_dtype",
        {"n_channels": 2},
    ),
    "wide by a mask": (
        pd.DataFrame(OBJECTS.reshape(N, -1)).infer_objects(),
        np.array([False, True]),
        {"n_channels": 2},
    ),
}


@pytest.mark.parametrize("form", TOKENS)
def test_forms_of_tokens_are_the_same(form, expected):
    X, selection = TOKENS[form]
    np.testing.assert_array_equal(raw(fitted(X, categorical_features=selection), X), expected)


@pytest.mark.parametrize("form", MIXTURES)
def test_forms_with_numbers_are_the_same(form, expected_mixed):
    X, selection, settings = MIXTURES[form]
    model = fitted(X, categorical_features=selection, **settings)
    np.testing.assert_array_equal(raw(model, X), expected_mixed)


def test_sequences_of_a_table_hold_codes(expected_mixed):
    table = MIXED.reset_index().assign(word=CODES.ravel())
    X = Sequences.from_frame(table, sample="sample", time="time")
    model = fitted(X, categorical_features=["word"])
    np.testing.assert_array_equal(raw(model, X), expected_mixed)


def test_a_missing_word_at_the_end_of_a_list_is_a_gap_whatever_its_length():
    """Lists of one length are lists too: only in an array is it padding."""
    X = [list(sentence) for sentence in WORDS]
    model = fitted(X, missing="mask")
    ends_missing = [*X[0], None]
    as_gap = raw(model, [ends_missing, X[1]])[0]
    np.testing.assert_array_equal(raw(model, [ends_missing])[0], as_gap)
    index = pd.MultiIndex.from_product([[0], range(T + 1)])
    np.testing.assert_array_equal(raw(model, pd.Series(ends_missing, index))[0], as_gap)
    assert (as_gap != raw(model, X[:1])[0]).all()
    as_padding = raw(model, np.array([ends_missing], object))
    np.testing.assert_array_equal(as_padding, raw(model, X[:1]))


def test_booleans_and_ragged_characters():
    X = [list(text) for text in ("never", "odd", "even", "none")]
    model = fitted(X, [0, 1, 0, 1])
    assert model.categories_[0].tolist() == sorted(set("neveroddevennone"))
    X = RNG.random((10, 5, 1)) > 0.5
    model = fitted(X, X[:, 0, 0], categorical_features=[0])
    assert model.categories_[0].tolist() == [0.0, 1.0]
    X = [x.astype(object)[:, 0].tolist() for x in X]
    assert fitted(X, [x[0] for x in X], categorical_features=[0]).categories_[0].tolist() == [0, 1]


@pytest.mark.parametrize("is_ragged", [False, True])
def test_reading_words_takes_little_memory(is_ragged):
    rng = np.random.default_rng(0)
    words = [f"word{i}" for i in range(500)]
    X = [[words[i] for i in rng.integers(0, 500, 400 - is_ragged * k)] for k in range(100)]
    model = LSTMClassifier(categorical_features="from_dtype")
    tracemalloc.start()
    try:
        data = as_sequences(model, X, n_channels=None, missing="error", reset=True)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert data.values.dtype == np.int32
    assert peak < 9 * data.values.nbytes  # 15 with a list and an array of all words


@pytest.mark.filterwarnings("ignore:categorical_features='from_dtype', but no:UserWarning")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_estimator_checks_without_a_category(Estimator):
    """X holds numbers only in scikit-learn's checks."""
    settings = {**SMALL, "max_iter": 60, "learning_rate_init": 0.01}
    run_estimator_checks(Estimator(**settings, categorical_features="from_dtype"))


# --- attributes ---------------------------------------------------------------------------
def test_attributes():
    model = fitted(MIXED, embedding_size=3)
    assert model.is_categorical_.tolist() == [False, True]
    assert [c.tolist() for c in model.categories_] == [["a", "b", "c", "dd"]]
    assert model.channel_mean_[1] == 0.0
    assert model.channel_scale_[1] == 1.0
    assert list(model.embeddings_) == ["word"]
    categories, vectors, unknown = model.embeddings_["word"]
    assert vectors.shape == (4, 3)
    assert unknown.shape == (3,)
    table = model.parameters_["embedding_0"]
    np.testing.assert_array_equal(table[1:], vectors)
    np.testing.assert_array_equal(table[0], unknown)
    assert categories is model.categories_[0]
    assert list(fitted(list(OBJECTS)).embeddings_) == [1]  # without names


def test_a_length_for_each_channel():
    """By the keys of `embeddings_`; a channel without one has the default."""
    X = [[[a, b] for a, b in zip("abcabc", "xyxyxy", strict=True)] for _ in range(6)]
    model = fitted(X, [0, 1] * 3, embedding_size={1: 4})
    assert {name: e.vectors.shape for name, e in model.embeddings_.items()} == {
        0: (3, 3),
        1: (2, 4),
    }
    other = fitted(X, [0, 1] * 3, embedding_size={0: 3, 1: 4})
    np.testing.assert_array_equal(other.theta_, model.theta_)
    assert fitted(MIXED, embedding_size={"word": 2}).embeddings_["word"].vectors.shape == (4, 2)


def test_without_categories():
    model = fitted(NUMBERS, categorical_features=None)
    assert model.is_categorical_ is None
    with pytest.raises(AttributeError, match="set categorical_features"):
        _ = model.embeddings_
    assert fitted(NUMBERS, categorical_features=[]).is_categorical_.tolist() == [False]
    np.testing.assert_array_equal(
        raw(model, NUMBERS), raw(fitted(NUMBERS, categorical_features=[]), NUMBERS)
    )


@pytest.mark.parametrize(("n", "size"), [(1, 2), (2, 2), (10, 6), (400, 46), (600, 50)])
def test_automatic_size(n, size):
    X = [[f"w{i}", f"w{n - i - 1}"] for i in range(n)] * 2
    model = fitted(X, np.arange(2 * n) % 2, max_iter=1)
    assert model.parameters_["embedding_0"].shape == (n + 1, size)


def test_a_numeric_channel_keeps_its_scaling():
    model = fitted(MIXED)
    np.testing.assert_allclose(model.channel_mean_[0], NUMBERS.mean())
    np.testing.assert_allclose(model.channel_scale_[0], NUMBERS.std())


# --- what is unknown ----------------------------------------------------------------------
def test_unseen_categories_are_unknown_and_counted():
    X = [list(sentence) for sentence in WORDS]
    model = fitted(X)
    new = [["a", "new", "b"], ["other", "new", "a"]]
    with pytest.warns(UserWarning, match=r"has 2 categories .*\('new', 'other'\), at 3 of 6"):
        unseen = model.predict_proba(new)
    missing = [["a", None, "b"], [None, np.nan, "a"]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(model.predict_proba(missing), unseen)


def test_unknown_is_the_first_vector():
    X = [list(sentence) for sentence in WORDS]
    model = fitted(X)
    table = model.parameters_["embedding_0"].copy()
    table[0] += 1.0
    changed = load_parameters(copy.deepcopy(model), {"embedding_0": table})
    assert (raw(changed, [[None, "a"]]) != raw(model, [[None, "a"]])).all()
    np.testing.assert_array_equal(raw(changed, [["b", "a"]]), raw(model, [["b", "a"]]))


def test_the_unknown_vector_is_trained():
    rng = np.random.default_rng(0)
    X = [[f"w{i}" for i in rng.integers(0, 200, 5)] for _ in range(60)]
    y = rng.integers(0, 2, 60)
    assert np.abs(fitted(X, y).embeddings_[0].unknown).max() > 1e-3


def test_validation_does_not_teach_its_categories():
    rng = np.random.default_rng(0)
    X = [[f"w{i}", "common"] for i in range(50)]
    model = fitted(X, rng.integers(0, 2, 50), early_stopping=True, validation_fraction=0.2)
    assert len(model.categories_[0]) == 41


def test_samples_without_weight_do_not_teach_their_categories():
    X = [list(sentence) for sentence in WORDS]
    weight = np.array([0.0] + [1.0] * (N - 1))
    odd = fitted([["odd"] * T, *X[1:]], Y, LSTMClassifier)
    assert "odd" in odd.categories_[0]
    model = LSTMClassifier(categorical_features="from_dtype", **SMALL)
    model.fit([["odd"] * T, *X[1:]], Y, sample_weight=weight)
    assert "odd" not in model.categories_[0]
    again = LSTMClassifier(categorical_features="from_dtype", **SMALL).fit(X[1:], Y[1:])
    np.testing.assert_allclose(raw(model, X), raw(again, X), atol=1e-6)


# --- networks -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    "settings",
    [
        {"branch": "auto"},
        {"branch": "auto", "patch_size": 3},
        {"patch_size": 2},
        {"bidirectional": False, "num_layers": 2},
        {"scale": "sequence"},
        {"scale": None, "dtype": "float64"},
        {"n_estimators": 2},
        {"attention": "self"},
        {"solver": "sgd", "learning_rate_init": 0.3},
        {"return_sequences": True},
    ],
)
def test_networks_learn_from_a_category(settings):
    y, per_step = (WORDS == "a"), settings.get("return_sequences", False)
    y = pd.Series(y.ravel(), INDEX) if per_step else y[:, -1]
    settings = {"hidden_size": 8, "max_iter": 80, "learning_rate_init": 0.02, **settings}
    model = fitted(MIXED, y, **settings)
    assert model.score(MIXED, y) > 0.95
    twin = fitted(MIXED, y, n_jobs=2, **settings)
    np.testing.assert_array_equal(twin.theta_, model.theta_)


def test_word_order_is_learned_where_the_words_are_the_same():
    rng = np.random.default_rng(0)
    fillers = [f"w{i}" for i in range(50)]

    def sentences(n):
        X, y = [], rng.integers(0, 2, n)
        for first in y:
            words = list(rng.choice(fillers, 8))
            places = sorted(rng.choice(8, 2, replace=False))
            for place, word in zip(places, ("not", "good")[:: 1 if first else -1], strict=True):
                words[place] = word
            X.append([str(word) for word in words])
        return X, y

    X, y = sentences(400)
    model = LSTMClassifier(
        categorical_features="from_dtype", hidden_size=16, branch=None, max_iter=30, random_state=0
    ).fit(X, y)
    assert model.score(*sentences(200)) > 0.9


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_copies_and_later_fits(Estimator):
    X, y = [list(sentence) for sentence in WORDS], (WORDS == "a").sum(axis=1) % 2
    model = fitted(X, y, Estimator)
    for twin in (clone(model).fit(X, y), pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(raw(twin, X), raw(model, X))
    model.set_params(categorical_features=None).fit(NUMBERS, y)
    assert model.is_categorical_ is None
    assert model.categories_ is None


def test_skops():
    sio = pytest.importorskip("skops.io")
    model = fitted(MIXED)
    loaded = sio.loads(sio.dumps(model), trusted=skops_trusted())
    np.testing.assert_array_equal(raw(loaded, MIXED), raw(model, MIXED))


@pytest.mark.parametrize("selection", [["word"], np.array([False, True])])
def test_later_training_keeps_the_categories(selection):
    model = fitted(MIXED, categorical_features=selection, warm_start=True)
    before = model.theta_.copy()
    model.fit(MIXED, Y)
    model.partial_fit(MIXED, Y)
    assert model.theta_.shape == before.shape
    assert (model.theta_ != before).any()
    with pytest.warns(UserWarning, match="1 categories that fit did not see"):
        model.partial_fit(MIXED.replace("a", "new"), Y)
    with pytest.raises(ValueError, match=r"categorical_features=\[\], but the network was started"):
        model.set_params(categorical_features=[]).partial_fit(MIXED, Y)


# --- scikit-learn -------------------------------------------------------------------------
def test_pipeline_with_columns():
    columns = make_column_transformer(
        (StandardScaler(), ["size"]), ("passthrough", ["word"]), verbose_feature_names_out=False
    ).set_output(transform="pandas")
    model = LSTMClassifier(categorical_features=["word"], **SMALL)
    pipeline = make_pipeline(columns, model).fit(MIXED, Y)
    assert pipeline[-1].feature_names_in_.tolist() == ["size", "word"]
    assert pipeline.predict(MIXED).shape == (N,)


def test_search_over_lists_and_arrays():
    X = [list(sentence) for sentence in WORDS]
    model = LSTMClassifier(categorical_features="from_dtype", **SMALL)
    search = GridSearchCV(model, {"embedding_size": ["auto", 2]}, cv=2).fit(X, Y)
    assert np.isfinite(search.best_score_)
    assert search.predict(X).shape == (N,)


def test_means_that_a_user_changes_count():
    """Also those of a network that is fitted, and has predicted; in place or not."""
    model = fitted(MIXED)
    before = raw(model, MIXED)
    model.channel_mean_[:] += 5.0
    moved = raw(model, MIXED)
    assert (moved != before).any()
    model.channel_scale_ = model.channel_scale_ * 2.0
    assert (raw(model, MIXED) != moved).any()


def test_tags():
    tags = get_tags(LSTMClassifier(categorical_features=["word"])).input_tags
    assert tags.categorical
    assert tags.string
    assert tags.allow_nan
    tags = get_tags(LSTMClassifier(categorical_features="from_dtype")).input_tags
    assert tags.categorical
    assert not tags.allow_nan  # X may hold numbers only
    tags = get_tags(LSTMClassifier()).input_tags
    assert not (tags.categorical or tags.string or tags.allow_nan)


# --- streams and explanations -------------------------------------------------------------
@pytest.mark.parametrize("n_estimators", [1, 2])
def test_stream(n_estimators):
    model = fitted(
        MIXED, bidirectional=False, scale="channel", patch_size=1, n_estimators=n_estimators
    )
    stream = model.stream(2, "predict_proba")
    for t in range(T):
        found = stream.step(OBJECTS[:2, t])
    np.testing.assert_allclose(found, model.predict_proba(MIXED)[:2], atol=1e-6)
    twin = pickle.loads(pickle.dumps(stream))
    np.testing.assert_array_equal(twin.step(OBJECTS[:2, 0]), stream.step(OBJECTS[:2, 0]))
    stream.reset()
    with pytest.warns(UserWarning, match="the category 'new', which fit did not see"):
        unseen = stream.step([[1.0, "new"], [2.0, "a"]])
    stream.reset()
    np.testing.assert_array_equal(stream.step([[1.0, None], [2.0, "a"]]), unseen)
    with pytest.raises(ValueError, match=r"shape \(3,\); one step of 2 stream\(s\) of 2"):
        stream.step(["a", "b", "c"])


@pytest.mark.parametrize("settings", [{}, {"patch_size": 3}, {"branch": "auto"}])
def test_attributions_add_up(settings):
    model = fitted(MIXED, Y.astype(float), LSTMRegressor, max_iter=20, **settings)
    attributions = integrated_gradients(model, MIXED)
    assert list(attributions.columns) == ["size", "word"]
    nothing = MIXED.assign(size=model.channel_mean_[0], word=None)
    change = model.predict(MIXED) - model.predict(nothing)
    total = attributions.groupby(level="sample").sum().sum(axis=1)
    np.testing.assert_allclose(total, change, atol=1e-4)
    other = integrated_gradients(model, MIXED, baseline=nothing)
    np.testing.assert_allclose(other, attributions, atol=1e-6)


def test_explanations_of_tokens():
    X, y = [list(sentence) for sentence in WORDS], (WORDS == "a").sum(axis=1).astype(float)
    model = fitted(X, y, LSTMRegressor, max_iter=60, hidden_size=8)
    assert np.shape(integrated_gradients(model, X)) == (N, T)
    found = permutation_importance(model, X, y, by="channel", random_state=0)
    assert found.importances_mean[0] > 0.3
    assert "h_l0" in state_traces(model, X[0])
    with pytest.raises(ValueError, match="There is no gradient by a category"):
        input_gradients(model, X)
    with pytest.raises(ValueError, match="does not say which categories"):
        integrated_gradients(model, X, baseline=0.0)
    several = fitted(X, y, LSTMRegressor, n_estimators=2)
    with pytest.raises(ValueError, match="explain each of estimators_"):
        integrated_gradients(several, X)
    assert np.shape(integrated_gradients(several.estimators_[0], X)) == (N, T)


def test_onnx_refuses_words_and_parameters_are_replaced():
    model = fitted(MIXED)
    with pytest.raises(
        ValueError, match=r"of channel 'word' are strings, '.*' for instance, and X"
    ):
        to_onnx(model)
    table = np.full(model.parameters_["embedding_0"].shape, 0.5)
    load_parameters(model, {"embedding_0": table})
    assert (model.embeddings_["word"].vectors == 0.5).all()
