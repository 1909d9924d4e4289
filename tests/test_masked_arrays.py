"""Masked values are missing, wherever an array may be passed: NaN, or None among words."""

import numpy as np
import pandas as pd
import pytest

from sklstm import LSTMClassifier, LSTMForecaster, LSTMRegressor, windows
from sklstm.inspection import integrated_gradients
from tests.toy import SMALL, problem

X, y = problem(LSTMClassifier)
PER_STEP = SMALL | {"return_sequences": True, "bidirectional": False, "scale": "channel"}
STREAMED = SMALL | {"bidirectional": False, "scale": "channel", "patch_size": 1}
SERIES = 2.0 * np.arange(40) + np.random.default_rng(0).standard_normal(40)


def masked(values, *place):
    """Hide one value, which says something else."""
    mask = np.zeros(np.shape(values), bool)
    mask[place] = True
    return np.ma.masked_array(np.where(mask, 1e3, values), mask)


def filled(values, *place):
    values = np.array(values, float)
    values[place] = np.nan
    return values


@pytest.mark.parametrize(
    "make",
    [
        list,
        lambda X: pd.Series(X, dtype=object),
        lambda X: [list(x) for x in X],  # rows of a masked array are masked too
        lambda X: [tuple(x) for x in X],
        lambda X: pd.DataFrame({c: [x[:, c] for x in X] for c in range(2)}),
    ],
    ids=["samples", "Series", "rows", "tuples", "cells"],
)
def test_gaps_in_sequences(make):
    settings = SMALL | {"missing": "mask"}
    expected = LSTMClassifier(**settings).fit([filled(x, 2, 1) for x in X], y)
    model = LSTMClassifier(**settings).fit(make([masked(x, 2, 1) for x in X]), y)
    np.testing.assert_array_equal(model.theta_, expected.theta_)


def test_words_and_categories():
    words = np.array([["a", "b", "c"], ["c", "b", "b"], ["a", "a", "b"]] * 8)
    mask = np.zeros(words.shape, bool)
    mask[:, 1] = True
    missing = np.where(mask, None, words.astype(object))
    settings = SMALL | {"categorical_features": "from_dtype"}
    expected = LSTMClassifier(**settings).fit(missing, y)
    together = np.ma.masked_array(words, mask)
    for given in (together, list(together), [list(row) for row in together]):
        model = LSTMClassifier(**settings).fit(given, y)
        assert [list(known) for known in model.categories_] == [list(expected.categories_[0])]
        np.testing.assert_array_equal(model.theta_, expected.theta_)

    numbers = np.stack([x[:3] for x in X]).round()
    settings = SMALL | {"categorical_features": [1]}
    model = LSTMClassifier(**settings).fit(masked(numbers, 0, 1, 1), y)
    expected = LSTMClassifier(**settings).fit(filled(numbers, 0, 1, 1), y)
    np.testing.assert_array_equal(model.theta_, expected.theta_)


def test_labels_that_are_words():
    labels = np.ma.masked_array(np.array(["no", "yes"])[y], np.arange(24) == 5)
    with pytest.raises(ValueError, match=r"missing in entry 5 \(1 of 24 entries\)"):
        LSTMClassifier(**SMALL).fit(X, labels)


def test_targets_and_weights_of_steps():
    steps = [np.cumsum(x[:, 0]) for x in X]
    expected = LSTMRegressor(**PER_STEP).fit(X, [filled(v, 0) for v in steps])
    model = LSTMRegressor(**PER_STEP).fit(X, [masked(v, 0) for v in steps])
    np.testing.assert_array_equal(model.theta_, expected.theta_)
    assert model.score(X, [masked(v, 0) for v in steps]) == expected.score(
        X, [filled(v, 0) for v in steps]
    )
    with pytest.raises(ValueError, match="sample_weight contains NaN"):
        LSTMRegressor(**PER_STEP).fit(X, steps, [masked(np.ones(len(v)), 0) for v in steps])
    rows = [masked([v[0], v[1]], 0) for v in steps]  # of several outputs, with one hidden
    with pytest.raises(ValueError, match=r"missing in entry 0 \(24 of 24 entries\)"):
        LSTMRegressor(**SMALL).fit(X, rows)


def test_a_step_of_a_stream():
    gaps = [filled(x, 2, 1) for x in X]
    stream = LSTMClassifier(**STREAMED, missing="mask").fit(gaps, y).stream(method="predict_proba")
    start = stream.state
    of_nan = stream.step([X[0][0, 0], np.nan])
    stream.state = start
    np.testing.assert_array_equal(stream.step(masked(X[0][0], 1)), of_nan)
    with pytest.raises(ValueError, match="x holds NaN or infinity"):
        LSTMClassifier(**STREAMED).fit(X, y).stream().step(masked(X[0][0], 1))


def test_a_baseline():
    model = LSTMClassifier(**SMALL).fit(X, y)
    with pytest.raises(ValueError, match="values that are not finite"):
        integrated_gradients(model, X[:1], baseline=masked([0.0, 1.0], 0))


def test_series():
    forecaster = LSTMForecaster(max_steps=0, missing="interpolate")
    expected = forecaster.fit(filled(SERIES, 5)).predict(3)
    pd.testing.assert_series_equal(forecaster.fit(masked(SERIES, 5)).predict(3), expected)
    strict = LSTMForecaster(max_steps=0)
    with pytest.raises(ValueError, match=r"lacks 1 of 40 values; the first is 5 \(NaN\)"):
        strict.fit(masked(SERIES, 5))
    with pytest.raises(ValueError, match=r"X is not finite at 5 in column 0"):
        strict.fit(SERIES, masked(SERIES**2, 5))
    strict.fit(SERIES[:30])
    for method in (strict.update, strict.score, strict.predict_at):
        with pytest.raises(ValueError, match=r"lacks 1 of 10 values; the first is 32 \(NaN\)"):
            method(masked(SERIES[30:], 2))
    np.testing.assert_array_equal(windows(masked(SERIES, 5), 4).X, windows(filled(SERIES, 5), 4).X)
