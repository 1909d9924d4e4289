"""Values that are finite and yet cannot be computed with, and predictions that are not finite."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from sklstm import LSTMClassifier, LSTMRegressor
from sklstm._input.moments import ChannelMoments
from sklstm._input.sequences import SequenceDataset, typical_length
from sklstm._input.validation import as_sequences
from tests.test_validation import as_long, table
from tests.toy import ESTIMATORS, SMALL, padded, problem, raw

STEPS = SMALL | {"return_sequences": True, "bidirectional": False, "scale": "channel"}
FLOAT32_MAX = float(np.finfo(np.float32).max)


# --- a small signal on a large level -------------------------------------------------------
def frequencies(n_samples=80, n_timesteps=40):
    """Sines of two frequencies, the class."""
    rng = np.random.default_rng(0)
    y = np.arange(n_samples) % 2
    phase = rng.uniform(0, 2 * np.pi, (n_samples, 1))
    X = 0.3 * np.sin(np.arange(n_timesteps) * (0.4 + 0.5 * y[:, None]) + phase)
    return X + 0.02 * rng.standard_normal(X.shape), y


@pytest.mark.parametrize("level", [5.3e6, 1.7e9, -2e10])  # a UTM northing, epoch seconds
def test_a_level_takes_nothing_from_the_signal(level):
    X, y = frequencies()
    settings = SMALL | {"scale": "sequence", "max_iter": 30, "learning_rate_init": 0.02}
    site = np.random.default_rng(1).uniform(0, 1e-3 * abs(level), (len(X), 1))
    plain = LSTMClassifier(**settings).fit(X, y)
    on_level = LSTMClassifier(**settings).fit(X + level + site, y)
    assert plain.score(X, y) > 0.95
    assert on_level.score(X + level + site, y) > 0.95
    np.testing.assert_allclose(raw(plain, X), raw(plain, X + level), atol=1e-3)


@pytest.mark.parametrize("n_timesteps", [10, 1000, 100_000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_constant_sequence_is_no_signal_at_any_length(dtype, n_timesteps):
    rng = np.random.default_rng(0)
    X = np.repeat(rng.uniform(0.1, 1e9, (12, 1)), n_timesteps, axis=1).astype(dtype)
    model = LSTMClassifier(**SMALL, scale="sequence").fit(X, np.arange(12) % 2)
    probability = model.predict_proba(X)
    np.testing.assert_array_equal(probability, np.tile(probability[0], (12, 1)))


def test_float32_and_float64_forms_of_a_quantised_signal_are_one():
    """One step of 2,000 differs by the last bit of float32: far less than 1e-7 of the mean."""
    X = np.full((12, 2000), 5.3e6, np.float32)
    X[np.arange(12), np.arange(12) * 100 + 50] = np.nextafter(np.float32(5.3e6), np.float32(np.inf))
    model = LSTMClassifier(**SMALL, scale="sequence").fit(X, np.arange(12) % 2)
    np.testing.assert_array_equal(model.predict_proba(X), model.predict_proba(X.astype(float)))
    assert len(np.unique(model.predict_proba(X)[:, 0])) > 1


# --- values whose squares overflow or vanish -----------------------------------------------
@pytest.mark.parametrize("form", ["ragged", "padded", "long", "Sequences"])
@pytest.mark.parametrize("value", [1e155, -1.7e308, 1e200])
def test_values_too_large_to_compute_with_are_named(value, form):
    X, y = problem(LSTMClassifier)
    X[7][2, 1] = value
    message = r"sample 7, time step 2, channel 1"
    make = {"ragged": list, "padded": padded, "long": as_long, "Sequences": table}[form]
    model = LSTMClassifier(**SMALL).fit(make(problem(LSTMClassifier)[0]), y)
    if form == "Sequences":
        message = r"Sample sample 007 \(sample\) at 2 \(time\) has the value .* in column 'c1'"
    for call in (lambda: LSTMClassifier(**SMALL).fit(make(X), y), lambda: model.predict(make(X))):
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.parametrize("factor", [1e140, 1e100, 1e-100, 1e-130])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_the_unit_of_channels_does_not_matter(Estimator, factor):
    X, y = problem(Estimator)
    expected = raw(Estimator(**SMALL).fit(X, y), X)
    scaled = [x * factor for x in X]
    np.testing.assert_allclose(raw(Estimator(**SMALL).fit(scaled, y), scaled), expected, rtol=1e-6)


@pytest.mark.parametrize("factor", [1e140, 1e-100, 1e-130])
def test_the_unit_of_y_does_not_matter(factor):
    X, y = problem(LSTMRegressor)
    expected = LSTMRegressor(**SMALL).fit(X, y).predict(X)
    predicted = LSTMRegressor(**SMALL).fit(X, y * factor).predict(X)
    np.testing.assert_allclose(predicted / factor, expected, rtol=1e-6)


@pytest.mark.parametrize("factor", [1e-150, 1e-170, 1e-300, 1e-310])
def test_channels_that_vary_too_little_are_named(factor):
    X, y = problem(LSTMClassifier)
    small = [x * np.array([1.0, factor]) for x in X]
    with pytest.raises(ValueError, match="Channel 1 of X varies by less than 1e-145"):
        LSTMClassifier(**SMALL).fit(small, y)
    with pytest.raises(ValueError, match="y varies by less than 1e-145"):
        LSTMRegressor(**SMALL).fit(X, y * factor)
    with pytest.raises(ValueError, match="y varies by less than 1e-145"):
        LSTMRegressor(**STEPS).fit(X, [x[:, 0] * factor for x in X])


@pytest.mark.parametrize("constant", [0.0, 1.0, 1e-200, 1e100])
def test_constant_channels_and_targets_are_read(constant):
    X, y = problem(LSTMClassifier)
    flat = [np.column_stack([x[:, 0], np.full(len(x), constant)]) for x in X]
    assert np.isfinite(raw(LSTMClassifier(**SMALL).fit(flat, y), flat)).all()
    predicted = LSTMRegressor(**SMALL).fit(X, np.full(24, constant)).predict(X)
    np.testing.assert_allclose(predicted, constant, atol=1.0 if constant < 1e9 else 1e90)


@pytest.mark.parametrize("value", [1e151, -1e300])
def test_targets_too_large_to_compute_with_are_named(value):
    X, y = problem(LSTMRegressor)
    y[5] = value
    with pytest.raises(ValueError, match=r"y is -?1e\+\d+ for sample 5"):
        LSTMRegressor(**SMALL).fit(X, y)
    with pytest.raises(ValueError, match=r"y is -?1e\+\d+"):
        LSTMRegressor(**STEPS).fit(X, [np.full(len(x), value) for x in X])


@pytest.mark.parametrize("factor", [1e-160, 1e-280])
def test_a_small_sequence_among_others_keeps_its_shape(factor):
    X, y = problem(LSTMClassifier)
    model = LSTMClassifier(**SMALL, scale="sequence").fit(X, y)
    small = [x * (factor if k == 3 else 1.0) for k, x in enumerate(X)]
    np.testing.assert_allclose(raw(model, small), raw(model, X), rtol=1e-6)


def test_moments_refuse_what_vanishes_in_a_later_call():
    values = np.array([[1.0], [2.0], [1e-170], [3e-170], [0.0], [0.0]])
    data = SequenceDataset(values, np.array([0, 2, 4]), np.array([2, 4, 6]))
    moments = ChannelMoments.empty(1)
    moments.add(data, np.array([0, 1]), np.ones(2))  # beside larger values it is a zero
    assert moments.mean[0] == pytest.approx(0.75)
    moments = ChannelMoments.empty(1)
    moments.add(data, np.array([2]), np.ones(1))
    with pytest.raises(ValueError, match="Channel 0 of X varies by less than"):
        moments.add(data, np.array([1]), np.ones(1))


# --- predictions that are not finite -------------------------------------------------------
METHODS = ["predict", "predict_proba", "decision_function", "predict_log_proba", "score"]


def small_values(Estimator):
    """Of which a standard deviation is 1/100, so that 3.4e38 is beyond float32 once scaled."""
    X, y = problem(Estimator, lengths=(6, 6))
    return (np.stack(X) / 100.0).astype(np.float32), y


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_value_beyond_the_network_is_named(Estimator):
    X, y = small_values(Estimator)
    model = Estimator(max_iter=1, dtype="float32", random_state=0).fit(X, y)
    X[3, 2] = -FLOAT32_MAX
    message = r"no finite prediction for sample 3 of X: at time step 2, channel . .* -3\.40282e\+38"
    for method in METHODS if Estimator is LSTMClassifier else ["predict", "score"]:
        with pytest.raises(ValueError, match=message):
            getattr(model, method)(*((X, y) if method == "score" else (X,)))
    with pytest.raises(ValueError, match=message.replace("of X", "of X_val")):
        Estimator(max_iter=2, dtype="float32", random_state=0).fit(
            np.delete(X, 3, axis=0), np.delete(y, 3), X_val=X, y_val=y
        )


def test_a_value_beyond_the_network_at_a_step_is_named():
    X, _ = small_values(LSTMRegressor)
    X = [x[: 3 + k % 4] for k, x in enumerate(X)]
    y = [np.cumsum(x[:, 0]) for x in X]
    model = LSTMRegressor(**STEPS, dtype="float32").fit(X, y)
    X[9][2] = FLOAT32_MAX
    with pytest.raises(ValueError, match=r"sample 9 of X: at time step 2, channel . .* 3\.40282e"):
        model.predict(X)


def test_without_scaling_values_must_fit_into_the_network():
    X, y = problem(LSTMClassifier)
    settings = SMALL | {"scale": None, "dtype": "float32"}
    model = LSTMClassifier(**settings).fit(X, y)
    X[5] = X[5].copy()
    X[5][1, 0] = 1e39
    message = r"contains 1e\+39: sample 5, time step 1, channel 0\. Values beyond 3\.4e\+38"
    for given in (X, padded(X), table(X)):
        warned = "feature names" if given is not X and not isinstance(given, np.ndarray) else None
        with pytest.raises(ValueError, match=message), warnings.catch_warnings():
            if warned:
                warnings.simplefilter("ignore")
            model.predict(given)
    with pytest.raises(ValueError, match=message):
        LSTMClassifier(**settings).fit(X, y)
    with pytest.raises(ValueError, match=message):
        LSTMClassifier(**settings).fit(problem(LSTMClassifier)[0], y, X_val=X, y_val=y)
    in_double = LSTMClassifier(**settings | {"dtype": "float64"}).fit(X, y)
    assert np.isfinite(in_double.predict_proba(X)).all()


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_parameters_out_of_range_are_said_to_be_the_cause(Estimator):
    X, y = problem(Estimator)
    model = Estimator(**SMALL).fit(X, y)
    model.theta_ = np.where(np.arange(model.theta_.size) == 3, np.nan, model.theta_)
    with pytest.raises(ValueError, match=r"sample 0 of X is not finite \(24 of 24.*parameters"):
        model.predict(X)


@pytest.mark.parametrize("rate", [1e12, 1e25])
def test_a_divergence_in_the_last_step_is_seen(rate):
    """No loss is computed after it, and the parameters are finite."""
    X, y = problem(LSTMRegressor)
    settings = SMALL | {
        "solver": "sgd", "learning_rate": "constant", "clip_norm": None, "dtype": "float32",
        "learning_rate_init": rate,
    }  # fmt: skip
    with pytest.raises(ValueError, match="diverged in its first epoch"):
        LSTMRegressor(**settings | {"max_iter": 1}).fit(X, y)
    with pytest.raises(ValueError, match="diverged in its first epoch"):
        LSTMRegressor(**settings | {"max_iter": 1}).fit(X, y, X_val=X, y_val=y)


def test_after_a_divergence_the_parameters_are_usable():
    """The update that went too far is the last one of an epoch whose loss was fine."""
    X, y = problem(LSTMRegressor)
    model = LSTMRegressor(
        **SMALL | {"max_iter": 3}, solver="sgd", learning_rate="constant", clip_norm=None,
        learning_rate_init=1e12, dtype="float32",
    )  # fmt: skip
    with pytest.warns(ConvergenceWarning, match="diverged in epoch"):
        model.fit(X, y)
    assert np.abs(model.predict(X)).max() < 100.0
    hardly_trained = clone(model).set_params(learning_rate_init=1e-30, max_iter=1).fit(X, y)
    as_drawn = hardly_trained.theta_
    np.testing.assert_allclose(model.theta_, as_drawn, rtol=0.0, atol=1e-20)


def test_attention_weights_are_finite_or_an_error():
    X, y = problem(LSTMClassifier)
    model = LSTMClassifier(**SMALL, pooling="attention").fit(X, y)
    model.theta_ = np.full_like(model.theta_, np.nan)
    with pytest.raises(ValueError, match="sample 0 of X is not finite"):
        model.attention_weights(X)


# --- outlying lengths ---------------------------------------------------------------------
@pytest.mark.parametrize(
    ("lengths", "typical"),
    [
        ([50] * 39 + [20_000], 50),
        ([50, 60, 20_000], 60),
        ([50] * 95 + [20_000] * 5, 50),
        ([50] * 80 + [20_000] * 20, 20_000),  # a fifth of the samples are no outliers
        ([7, 29, 20, 15] * 50, 29),
        ([100] * 30 + [390], 390),
        ([20_000], 20_000),
        ([50, 20_000], 20_000),
    ],
)
def test_typical_length(lengths, typical):
    assert typical_length(np.array(lengths)) == typical


def test_one_long_sequence_does_not_set_the_patches():
    rng = np.random.default_rng(0)
    lengths = [100] * 39 + [20_000]
    X = [rng.standard_normal(n) for n in lengths]
    settings = SMALL | {"max_iter": 1}
    model = LSTMClassifier(**settings).fit(X, np.arange(40) % 2)
    assert model.patch_size_ == 1
    assert model.predict(X).shape == (40,)
    assert LSTMClassifier(**settings).fit(X[30:] + X[39:] * 9, np.arange(19) % 2).patch_size_ == 157


# --- memory maps --------------------------------------------------------------------------
@pytest.mark.parametrize(
    "dtype", ["?", "i1", "u1", ">i2", "<i8", ">u4", "f2", ">f2", "<f4", ">f4", "<f8", ">f8", "g"]
)
def test_memory_maps_of_every_dtype(dtype, tmp_path):
    rng = np.random.default_rng(0)
    values = rng.integers(0, 2, (30, 8, 2)).astype(dtype)
    y = np.arange(30) % 2
    expected = LSTMClassifier(**SMALL).fit(values.astype(np.float64), y)
    mapped = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", values.dtype, values.shape)
    mapped[:] = values
    for X in (mapped, np.lib.format.open_memmap(tmp_path / "X.npy", "r")):
        model = LSTMClassifier(**SMALL).fit(X, y)
        np.testing.assert_array_equal(model.theta_, expected.theta_)
        np.testing.assert_array_equal(raw(model, X), raw(expected, values.astype(np.float64)))
        two_d = X.reshape(30, -1)
        model = LSTMClassifier(**SMALL, n_channels=2).fit(two_d, y)
        np.testing.assert_array_equal(model.theta_, expected.theta_)
    if mapped.dtype.newbyteorder("=") == mapped.dtype and dtype in ("?", "i1", "u1", "<f4", "<f8"):
        data = as_sequences(expected, mapped, n_channels=None, reset=False)
        assert np.shares_memory(data.values, mapped)


def test_a_memory_map_that_is_not_aligned(tmp_path):
    values = np.random.default_rng(0).standard_normal((30, 8, 2))
    (tmp_path / "X.raw").write_bytes(b"123" + values.tobytes())
    mapped = np.memmap(tmp_path / "X.raw", np.float64, "r", 3, values.shape)
    y = np.arange(30) % 2
    np.testing.assert_array_equal(
        LSTMClassifier(**SMALL).fit(mapped, y).theta_, LSTMClassifier(**SMALL).fit(values, y).theta_
    )
