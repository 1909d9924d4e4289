"""missing="mask": gaps in X, in all forms of X and in all that a fitted network does."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.utils import get_tags

from sklstm import LSTMClassifier, LSTMRegressor, Sequences
from sklstm._input.filling import chain_sweeps
from sklstm.components import FCN
from sklstm.inspection import input_gradients, integrated_gradients, permutation_importance
from tests import reference
from tests.toy import ESTIMATORS, SMALL, padded, problem, raw, run_estimator_checks

MASK = SMALL | {"missing": "mask"}


def with_gaps(Estimator, share=0.3, channels=(0, 1), **kwargs):
    """Return X with gaps at random in some channels, none in the last step, and y."""
    X, y = problem(Estimator, **kwargs)
    rng = np.random.default_rng(1)
    for x in X:
        for channel in channels:
            x[:-1][rng.random(len(x) - 1) < share, channel] = np.nan
    return X, y


def long_frame(X):
    """Return sequences as a DataFrame with the index (sample, time)."""
    index = [(f"s{i:02}", t) for i, x in enumerate(X) for t in range(len(x))]
    index = pd.MultiIndex.from_tuples(index, names=["sample", "time"])
    return pd.DataFrame(np.concatenate(X), index=index, columns=["a", "b"])


def table(X):
    """Return sequences as the table helper reads them."""
    frame = long_frame(X).reset_index()
    return Sequences.from_frame(frame, sample="sample", time="time", missing="mask")


# --- forms of X ---------------------------------------------------------------------------
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("form", [padded, long_frame, table, lambda X: [x.tolist() for x in X]])
def test_all_forms_give_the_same_bits(Estimator, form):
    X, y = with_gaps(Estimator)
    model = Estimator(**MASK).fit(X, y)
    other = Estimator(**MASK).fit(form(X), y)
    np.testing.assert_array_equal(model.theta_, other.theta_)
    np.testing.assert_array_equal(raw(model, X), raw(other, form(X)))


@pytest.mark.parametrize("lengths", [(3, 9), (5, 5)], ids=["ragged", "one length"])
@pytest.mark.parametrize(
    "form",
    [list, lambda X: [x.tolist() for x in X], lambda X: pd.Series(list(X)), long_frame, table],
    ids=["arrays", "lists", "a Series", "long", "table"],
)
def test_a_gap_at_the_end_is_a_gap_where_there_is_no_padding(form, lengths):
    X, y = with_gaps(LSTMRegressor, lengths=lengths)
    model = LSTMRegressor(**MASK).fit(form(X), y)
    longer = [np.concatenate([x, np.full((2, 2), np.nan)]) for x in X]
    differs = raw(model, form(longer)) != raw(model, form(X))
    assert differs.all()
    model = LSTMRegressor(**MASK).fit(X, y)
    np.testing.assert_array_equal(raw(model, padded(longer)), raw(model, padded(X)))


def test_gaps_at_the_end_of_a_list_do_not_depend_on_the_lengths_of_others():
    """Lists of one length are a table for scikit-learn, but in a table gaps would be padding."""
    X, y = with_gaps(LSTMRegressor, lengths=(5, 6))
    one = LSTMRegressor(**MASK).fit(X, y)
    ends_in_a_gap = [*X[0].tolist(), [None, None]]
    beside_longer = one.predict([ends_in_a_gap, X[1].tolist() * 2])[0]
    assert one.predict([ends_in_a_gap])[0] == beside_longer != one.predict(X[:1])[0]
    of_one_channel = LSTMRegressor(**MASK).fit([x[:, 0] for x in X], y)
    ends_in_a_gap = [*X[0][:, 0].tolist(), np.nan]
    beside_longer = of_one_channel.predict([np.array(ends_in_a_gap), np.tile(X[1][:, 0], 2)])[0]
    assert of_one_channel.predict([ends_in_a_gap])[0] == beside_longer


def test_a_gap_of_all_channels_inside_a_sequence_is_a_gap():
    X, y = with_gaps(LSTMRegressor)
    for x in X:
        x[1] = np.nan
    model = LSTMRegressor(**MASK).fit(padded(X), y)
    np.testing.assert_array_equal(model.predict(X), model.predict(padded(X)))
    without = [np.delete(x, 1, axis=0) for x in X]
    assert (model.predict(without) != model.predict(X)).all()


def test_a_2d_array_with_gaps():
    X, y = with_gaps(LSTMRegressor, lengths=(6, 6))
    flat = LSTMRegressor(n_channels=2, **MASK).fit(np.reshape(X, (24, 12)), y)
    np.testing.assert_array_equal(flat.theta_, LSTMRegressor(**MASK).fit(X, y).theta_)


# --- what the network reads ---------------------------------------------------------------
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("scale", ["both", "channel", "sequence", None])
def test_without_gaps_every_bit_is_that_of_error(Estimator, scale):
    X, y = problem(Estimator)
    small = {**SMALL, "scale": scale}
    plain = Estimator(**small).fit(X, y)
    model = Estimator(missing="mask", **small).fit(X, y)
    np.testing.assert_array_equal(model.theta_, plain.theta_)
    np.testing.assert_array_equal(raw(model, X), raw(plain, X))
    assert model.gap_channels_.size == 0


def test_channels_with_gaps_have_two_columns_more():
    X, y = with_gaps(LSTMRegressor, channels=[1])
    model = LSTMRegressor(patch_size=3, **MASK).fit(X, y)
    np.testing.assert_array_equal(model.gap_channels_, [1])
    assert model.parameters_["weight_ih_l0"].shape == (16, 3 * (2 * 2 + 2))


@pytest.mark.parametrize("weighted", [False, True])
def test_scaling_is_that_of_what_there_is(weighted):
    X, y = with_gaps(LSTMRegressor)
    weight = np.arange(24) % 3 if weighted else np.ones(24)
    model = LSTMRegressor(**MASK).fit(X, y, sample_weight=weight)
    rows, of_rows = np.concatenate(X), np.repeat(weight, [len(x) for x in X])
    for channel in range(2):
        there = ~np.isnan(rows[:, channel])
        values, weights = rows[there, channel], of_rows[there]
        mean = np.average(values, weights=weights)
        deviation = np.sqrt(np.average((values - mean) ** 2, weights=weights))
        np.testing.assert_allclose(model.channel_mean_[channel], mean, rtol=1e-12)
        np.testing.assert_allclose(model.channel_scale_[channel], deviation, rtol=1e-12)


@pytest.mark.parametrize("bidirectional", [True, False])
def test_how_a_channel_without_gaps_in_training_is_filled(bidirectional):
    """By all channels of the steps around where the network reads both ways, or the last value."""
    X, y = with_gaps(LSTMRegressor, channels=[1])
    model = LSTMRegressor(scale="channel", bidirectional=bidirectional, **MASK).fit(X, y)
    new = np.column_stack([[np.nan, 5.0, np.nan, 3.0, np.nan], np.arange(5.0)])
    old = new.copy()
    old[:, 0] = [model.channel_mean_[0], 5.0, 5.0, 3.0, 3.0]
    if bidirectional:
        weights, center, scale = model._chain_weights, model.channel_mean_, model.channel_scale_
        filled = reference.expect(new, center, scale, weights, chain_sweeps(weights))
        old[:, 0] = (filled * scale + center)[:, 0]
    np.testing.assert_allclose(model.predict([new]), model.predict([old]), rtol=1e-6)


def test_where_there_is_no_value_the_mean_is_read():
    X, y = with_gaps(LSTMRegressor, channels=[1])
    model = LSTMRegressor(bidirectional=False, scale="channel", **MASK).fit(X, y)
    new = np.column_stack([np.full(4, np.nan), np.arange(4.0)])
    old = np.column_stack([np.full(4, model.channel_mean_[0]), np.arange(4.0)])
    np.testing.assert_array_equal(model.predict([new]), model.predict([old]))


def test_predictions_of_steps_do_not_read_ahead():
    X, y = with_gaps(LSTMRegressor, lengths=(9, 9))
    steps = [np.full(len(x), target) for x, target in zip(X, y, strict=True)]
    model = LSTMRegressor(return_sequences=True, bidirectional=False, scale="channel", **MASK).fit(
        X, steps
    )
    start = model.predict([x[:5] for x in X])
    np.testing.assert_allclose(model.predict(X)[:, :5], start, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("scale", ["channel", None])
@pytest.mark.parametrize("n_estimators", [1, 2])
def test_a_stream_fills_gaps_by_the_past(scale, n_estimators):
    X, y = with_gaps(LSTMRegressor, lengths=(9, 9))
    X[0][:3] = np.nan  # nothing before the first value
    X[1][-4:] = np.nan
    settings = MASK | {"scale": scale, "n_estimators": n_estimators, "dtype": "float64"}
    model = LSTMRegressor(bidirectional=False, patch_size=1, **settings).fit(X, y)
    stream, again = model.stream(2), model.stream(2)
    for t in range(9):
        found = stream.step([X[0][t], X[1][t]])
        np.testing.assert_allclose(found, model.predict([x[: t + 1] for x in X[:2]]), rtol=1e-9)
        with pytest.raises(ValueError, match="NaN or infinity"):
            stream.step([[np.inf, 1.0], [1.0, 1.0]])  # changes nothing
    again.state = stream.state
    stream = pickle.loads(pickle.dumps(stream))
    gap = np.full((2, 2), np.nan)
    np.testing.assert_array_equal(stream.step(gap), again.step(gap))
    stream.reset([1])
    np.testing.assert_array_equal(stream.step(gap)[1], model.stream(2).step(gap)[1])


def test_a_stream_does_not_read_a_channel_without_values():
    X, y = with_gaps(LSTMRegressor, channels=[0])
    nothing = [np.column_stack([x[:, 0], np.full(len(x), np.nan)]) for x in X]
    with pytest.warns(UserWarning, match="has no value in the training data"):
        model = LSTMRegressor(bidirectional=False, scale="channel", patch_size=1, **MASK).fit(
            nothing, y
        )
    stream, other = model.stream(), model.stream()
    np.testing.assert_array_equal(stream.step([0.5, 7.0]), other.step([0.5, np.nan]))


@pytest.mark.parametrize("scale", ["both", "sequence", None])
def test_a_channel_without_any_value_in_training_is_not_read(scale):
    X, y = with_gaps(LSTMRegressor, channels=[0])
    nothing = [np.column_stack([x[:, 0], np.full(len(x), np.nan)]) for x in X]
    with pytest.warns(UserWarning, match="Channel 1 of X has no value in the training data"):
        model = LSTMRegressor(**MASK | {"scale": scale}).fit(nothing, y)
    np.testing.assert_array_equal(model.predict(X), model.predict(nothing))
    np.testing.assert_array_equal(model.channel_mean_[1], np.nan)


def test_what_is_missing_can_be_the_message():
    """The class is in which channel was not measured, and in no value."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((80, 10, 2)), np.arange(80) % 2
    X[np.arange(80), 3:6, y] = np.nan
    model = LSTMClassifier(missing="mask", hidden_size=8, max_iter=30, random_state=0)
    assert model.fit(X[:60], y[:60]).score(X[60:], y[60:]) == 1.0


# --- all that an estimator does -----------------------------------------------------------
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_threads_pickles_and_clones_have_the_same_bits(Estimator, dtype):
    X, y = with_gaps(Estimator, n_samples=300)
    model = Estimator(**MASK | {"dtype": dtype, "branch": FCN((4, 4))}).fit(X, y)
    other = clone(model).set_params(n_jobs=2).fit(X, y)
    np.testing.assert_array_equal(model.theta_, other.theta_)
    restored = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(raw(model, X), raw(restored, X))
    assert np.isfinite(raw(model, X)).all()


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_prediction_for_each_step(Estimator):
    X, y = with_gaps(Estimator)
    steps = [np.full(len(x), target) for x, target in zip(X, y, strict=True)]
    model = Estimator(return_sequences=True, **MASK).fit(X, steps)
    assert [len(p) for p in model.predict(X)] == [len(x) for x in X]


def test_steps_at_the_end_of_an_array_with_targets():
    X, y = with_gaps(LSTMRegressor, lengths=(6, 6))
    X = padded(X)
    X[3, -1] = np.nan
    steps = np.repeat(y[:, np.newaxis], 6, axis=1)
    with pytest.raises(ValueError, match="y of sample 3 has 6 time steps, X has 5"):
        LSTMRegressor(return_sequences=True, **MASK).fit(X, steps)
    LSTMRegressor(return_sequences=True, **MASK).fit(list(X), steps)


def test_going_on():
    X, y = with_gaps(LSTMRegressor)
    model = LSTMRegressor(**MASK).fit(X, y)
    mean = model.channel_mean_.copy()
    other, _ = problem(LSTMRegressor, seed=5)
    model.partial_fit(other, y)
    assert (model.channel_mean_ != mean).all()
    np.testing.assert_array_equal(model.gap_channels_, [0, 1])
    model.set_params(missing="error", warm_start=True)
    with pytest.raises(ValueError, match="missing='error', but the network was started"):
        model.fit(other, y)
    model.predict(X)  # by what it was fitted with


def test_validation_data_may_have_gaps():
    X, y = with_gaps(LSTMRegressor)
    model = LSTMRegressor(early_stopping=True, **MASK)
    model.fit(X, y, X_val=X[:8], y_val=y[:8])
    assert np.isfinite(model.validation_scores_).all()
    with pytest.raises(ValueError, match="contains NaN"):
        LSTMRegressor(**SMALL).fit(problem(LSTMRegressor)[0], y, X_val=X, y_val=y)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_estimator_checks(Estimator):
    # the regressor has to learn
    settings = {"hidden_size": 8, "max_iter": 60} if Estimator is LSTMRegressor else MASK
    run_estimator_checks(Estimator(**settings | {"missing": "mask"}))


def test_the_tag_follows():
    assert get_tags(LSTMClassifier(missing="mask")).input_tags.allow_nan
    assert not get_tags(LSTMClassifier()).input_tags.allow_nan


# --- explanations -------------------------------------------------------------------------
@pytest.mark.parametrize("scale", ["both", "channel", "sequence", None])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_gradients_by_finite_differences(bidirectional, scale):
    X, y = with_gaps(LSTMRegressor, n_samples=8)
    model = LSTMRegressor(
        patch_size=2, scale=scale, dtype="float64", bidirectional=bidirectional, **MASK
    ).fit(X, y)
    gradients = input_gradients(model, X)
    for k in range(3):
        observed = ~np.isnan(X[k])

        def predict(values, k=k, observed=observed):
            x = X[k].copy()
            x[observed] = values
            return model.predict([x])[0]

        values = X[k][observed]
        expected = np.empty_like(values)
        for j, step in enumerate(np.eye(len(values)) * 1e-5):
            expected[j] = (predict(values + step) - predict(values - step)) / 2e-5
        np.testing.assert_allclose(gradients[k][observed], expected, rtol=1e-5, atol=1e-8)
        np.testing.assert_array_equal(gradients[k][~observed], 0.0)


def test_attributions_add_up_and_gaps_have_theirs():
    X, y = with_gaps(LSTMRegressor, n_samples=12)
    model = LSTMRegressor(patch_size=2, **MASK).fit(X, y)
    baseline = [np.zeros_like(x) for x in X]
    attributions = integrated_gradients(model, X, baseline=baseline, tol=1e-6)
    total = [a.sum() for a in attributions]
    change = model.predict(X) - model.predict(baseline)
    np.testing.assert_allclose(total, change, rtol=1e-3, atol=1e-5)
    gaps = np.concatenate([a[np.isnan(x)] for a, x in zip(attributions, X, strict=True)])
    assert (gaps != 0.0).any()


def test_importance_of_channels_with_gaps():
    X, y = with_gaps(LSTMRegressor)
    model = LSTMRegressor(**MASK).fit(X, y)
    found = permutation_importance(model, X, y, n_repeats=2, random_state=0)
    assert np.isfinite(found.importances).all()


# --- mistakes -----------------------------------------------------------------------------
def fitted(**parameters):
    """Return a small network fitted on gaps."""
    return LSTMRegressor(**MASK | parameters).fit(*with_gaps(LSTMRegressor))


def gap(value=np.nan):
    """Return padded sequences with one value in the place of another."""
    X = padded(problem(LSTMRegressor)[0])
    X[7, 1, 1] = value
    return X


Y = np.arange(24.0)
MISTAKES = {
    "a gap without the argument": (
        lambda: LSTMRegressor(**SMALL).fit(gap(), Y),
        "contains NaN: sample 7, time step 1, channel 1. .* set missing='mask'",
    ),
    "infinity is no gap": (
        lambda: LSTMRegressor(**MASK).fit(gap(np.inf), Y),
        "contains infinity: sample 7, time step 1, channel 1",
    ),
    "a number that stands for a gap": (
        lambda: LSTMRegressor(**MASK).fit(gap(-1e300), Y),
        "if the value marks a missing one, put NaN in its place and set missing='mask'",
    ),
    "a word that is not one of them": (
        lambda: LSTMRegressor(missing="drop").fit(gap(), Y),
        "The 'missing' parameter of LSTMRegressor must be a str among",
    ),
    "a table with gaps": (
        lambda: Sequences.from_frame(long_frame([gap()[7, :4]]).reset_index(), sample="sample"),
        "has no value in column 'b' .3 such cells in the table.. Keep gaps with missing='mask'",
    ),
    "a table with gaps, an estimator without": (
        lambda: LSTMRegressor(**SMALL).fit(table(with_gaps(LSTMRegressor)[0]), Y),
        "contains NaN: sample 0, time step .* set missing='mask'",
    ),
    "a sample of nothing": (
        lambda: LSTMRegressor(**MASK).fit(
            np.where(np.arange(24)[:, None, None] == 3, np.nan, gap()), Y
        ),
        "Sample 3 of X holds nothing but NaN, which in an array is padding",
    ),
}


@pytest.mark.parametrize(("call", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


# --- decay --------------------------------------------------------------------------------
def autoregressive(rate, n_samples=60, n_timesteps=30):
    """Return sequences around 5 whose deviations are forgotten at a rate, a third of them gone."""
    rng, keep = np.random.default_rng(0), np.exp(-rate)
    x = np.zeros((n_samples, n_timesteps, 1))
    x[:, 0] = rng.standard_normal((n_samples, 1))
    for t in range(1, n_timesteps):
        x[:, t] = keep * x[:, t - 1] + np.sqrt(1 - keep**2) * rng.standard_normal((n_samples, 1))
    return list(np.where(rng.random(x.shape) < 1 / 3, np.nan, x + 5.0))


@pytest.mark.parametrize("rate", [0.1, 1.0])
def test_the_rate_of_decay_is_learned(rate):
    X = autoregressive(rate)
    model = LSTMRegressor(**SMALL | {"max_iter": 1}, missing="decay").fit(X, np.arange(len(X)))
    assert model.decay_rates_ == pytest.approx([rate], rel=0.2)
    assert LSTMRegressor(**MASK).fit(X, np.arange(len(X))).decay_rates_ is None


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_decay(Estimator):
    """Pickles, threads, streams and gradients read the same as a prediction."""
    X, y = autoregressive(0.5, 24, 8), np.arange(24) % 2
    settings = SMALL | {"missing": "decay", "dtype": "float64"}
    model = Estimator(**settings).fit(X, y)
    np.testing.assert_array_equal(raw(pickle.loads(pickle.dumps(model)), X), raw(model, X))
    assert (Estimator(**settings | {"missing": "mask"}).fit(X, y).theta_ != model.theta_).any()
    # the gradient of what `raw` gives
    target = {"target": 1, "response": "probability"} if hasattr(model, "classes_") else {}
    (gradient,) = input_gradients(model, X[:1], **target)
    for step in np.flatnonzero(~np.isnan(X[0][:, 0])):
        ahead, back = X[0].copy(), X[0].copy()
        ahead[step] += 1e-5
        back[step] -= 1e-5
        slope = (raw(model, [ahead]) - raw(model, [back])).ravel()[-1] / 2e-5
        assert gradient[step, 0] == pytest.approx(slope, rel=1e-4, abs=1e-8)
    forward = Estimator(**settings, bidirectional=False, scale="channel", patch_size=1).fit(X, y)
    assert forward.stream().step(X[0][:1]) == pytest.approx(forward.predict([X[0][:1]]))
    stream = forward.stream()
    for x in X[1]:
        predicted = stream.step(x[np.newaxis])
    assert predicted == pytest.approx(forward.predict(X[1:2]))
