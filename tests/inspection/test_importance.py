import numpy as np
import pandas as pd
import pytest

from sklstm import LSTMClassifier, LSTMForecaster, LSTMRegressor, Sequences
from sklstm.inspection import permutation_importance
from tests.toy import padded

N, LENGTHS = 60, (10, 16)


def problem(ragged=True, seed=0):
    """Return sequences whose class is the sign of channel 1 in their last three steps."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(*LENGTHS, N) if ragged else np.full(N, 12)
    y = rng.integers(0, 2, N)
    X = []
    for length, label in zip(lengths, y, strict=True):
        x = rng.standard_normal((length, 3))
        x[-3:, 1] += 4.0 if label else -4.0
        X.append(x)
    return X, y


@pytest.fixture(scope="module")
def trained():
    """Return a classifier that has learned the problem."""
    X, y = problem()
    model = LSTMClassifier(
        hidden_size=8, max_iter=60, branch=None, scale="channel", learning_rate_init=0.02,
        random_state=0,
    ).fit(X, y)  # fmt: skip
    assert model.score(X, y) > 0.95
    return model


@pytest.mark.parametrize("ragged", [True, False])
def test_by_channel(trained, ragged):
    X, y = problem(ragged)
    result = permutation_importance(trained, X, y, random_state=0)
    assert result.importances.shape == (3, 5)
    np.testing.assert_array_equal(result.importances_mean, result.importances.mean(axis=1))
    np.testing.assert_array_equal(result.importances_std, result.importances.std(axis=1))
    assert result.importances_mean[1] > 0.3
    assert np.abs(result.importances_mean[[0, 2]]).max() < 0.1


def test_by_time(trained):
    X, y = problem()
    result = permutation_importance(
        trained, X, y, by="time", window=3, count_from="end", random_state=0
    )
    assert result.steps.tolist() == [[0, 3], [3, 6], [6, 9], [9, 12], [12, 15]]
    assert result.importances_mean[0] > 0.3
    assert np.abs(result.importances_mean[1:]).max() < 0.1
    from_start = permutation_importance(trained, X, y, by="time", window=5, random_state=0)
    assert from_start.importances_mean[0] < 0.1
    assert from_start.importances_mean[2] > 0.1


def test_by_both(trained):
    X, y = problem()
    result = permutation_importance(
        trained, X, y, by="both", window=5, count_from="end", random_state=0
    )
    assert result.importances.shape == (3, 3, 5)
    assert np.unravel_index(result.importances_mean.argmax(), (3, 3)) == (0, 1)
    assert permutation_importance(trained, X, y, by="time").importances.shape == (8, 5)


def test_all_forms_of_x_give_the_same(trained):
    X, y = problem()
    expected = permutation_importance(trained, X, y, by="both", window=8, random_state=3)
    frame = pd.concat({i: pd.DataFrame(x, columns=list("abc")) for i, x in enumerate(X)})
    frame.index.names = ["sample", "time"]
    named = LSTMClassifier(**trained.get_params()).fit(frame, y)
    named.theta_ = trained.theta_
    table = frame.assign(y=np.repeat(y, [len(x) for x in X])).reset_index()
    sequences = Sequences.from_frame(table, sample="sample", time="time", target="y")
    cases = [
        (trained, padded(X, 20), y), (trained, X, y.tolist()),
        (named, frame, pd.Series(y)[::-1]), (named, sequences, sequences.target),
    ]  # fmt: skip
    for model, of, target in cases:
        result = permutation_importance(model, of, target, by="both", window=8, random_state=3)
        np.testing.assert_array_equal(result.importances, expected.importances)


def test_a_sample_that_comes_twice_can_be_exchanged_twice(trained):
    X, y = problem()
    table = pd.concat(
        [pd.DataFrame(x, columns=list("abc")).assign(sample=i, t=range(len(x)), y=y[i])
         for i, x in enumerate(X)]
    )  # fmt: skip
    sequences = Sequences.from_frame(table, sample="sample", time="t", target="y")
    twice = sequences[np.repeat(np.arange(30), 2)]
    expected = permutation_importance(trained, list(twice), twice.target, random_state=0)
    named = LSTMClassifier(**trained.get_params()).fit(sequences, y)
    named.theta_ = trained.theta_
    result = permutation_importance(named, twice, twice.target, random_state=0)
    np.testing.assert_array_equal(result.importances, expected.importances)


def test_threads_change_no_bit(trained):
    X, y = problem()
    one, two = (
        permutation_importance(trained, X, y, by="both", random_state=0, n_jobs=n) for n in (1, 3)
    )
    np.testing.assert_array_equal(one.importances, two.importances)
    other = permutation_importance(trained, X, y, by="both", random_state=1)
    assert (other.importances != one.importances).any()


def test_scores_and_weights(trained):
    X, y = problem()
    results = permutation_importance(
        trained, X, y, scoring=["accuracy", "neg_log_loss"], random_state=0
    )
    assert list(results) == ["accuracy", "neg_log_loss"]
    plain = permutation_importance(trained, X, y, random_state=0)
    np.testing.assert_array_equal(results["accuracy"].importances, plain.importances)
    assert results["neg_log_loss"].importances_mean.argmax() == 1
    weight = np.arange(N) < 1.0
    one = permutation_importance(trained, X, y, sample_weight=weight, random_state=0)
    assert set(np.unique(one.importances)) <= {0.0, 1.0}


def test_every_step():
    X, _ = problem()
    y = [x[:, 0] for x in X]
    model = LSTMRegressor(
        hidden_size=8, return_sequences=True, max_iter=20, learning_rate_init=0.02, random_state=0
    ).fit(X, y)
    result = permutation_importance(model, X, y, random_state=0)
    assert result.importances_mean.argmax() == 0


def test_rows_are_univariate_series():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50, 10))
    model = LSTMRegressor(hidden_size=8, max_iter=40, random_state=0, scale="channel")
    model.fit(X, X[:, -1])
    result = permutation_importance(model, X, X[:, -1], by="time", window=5, random_state=0)
    assert result.importances.shape == (2, 5)
    assert result.importances_mean[1] > 5 * abs(result.importances_mean[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"by": "step"}, "choose one of 'channel', 'time', 'both'"),
        ({"by": "time", "window": 0}, "window=0"),
        ({"window": 3}, "leave window at None"),
        ({"n_repeats": 1.5}, "n_repeats=1.5"),
        ({"by": "time", "count_from": "middle"}, "'start' or 'end'"),
    ],
)
def test_bad_arguments(trained, arguments, message):
    X, y = problem()
    with pytest.raises(ValueError, match=message):
        permutation_importance(trained, X, y, **arguments)


def test_other_estimators_are_refused():
    with pytest.raises(TypeError, match="LSTMForecaster is not explained here"):
        permutation_importance(LSTMForecaster(), [[1.0]], [1.0])


def test_gaps_at_the_end_of_lists_of_one_length_stay_gaps():
    X, y = problem(ragged=False)
    for x in X[::3]:
        x[-1] = np.nan
    model = LSTMClassifier(missing="mask", hidden_size=4, max_iter=1, random_state=0).fit(X, y)
    settings = {"scoring": "neg_log_loss", "n_repeats": 2, "random_state": 0}
    expected = permutation_importance(model, X, y, **settings)
    result = permutation_importance(model, [x.tolist() for x in X], y, **settings)
    np.testing.assert_array_equal(result.importances, expected.importances)
