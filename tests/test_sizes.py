"""Sequences of very different size, of which the copy over the training set is logarithmic."""

import numpy as np
import pytest

from sklstm import LSTMClassifier, LSTMRegressor
from sklstm.inspection import input_gradients, integrated_gradients
from tests.inspection.networks import finite_differences, score
from tests.toy import SMALL, problem, raw

TINY = {"hidden_size": 3, "max_iter": 2, "dtype": "float64", "random_state": 0}


def of_sizes(sizes, n_channels=2, seed=0):
    """Return sequences whose first channel has these sizes, and the others the size 1."""
    rng = np.random.default_rng(seed)
    X = [rng.standard_normal((n, n_channels)) for n in rng.integers(4, 9, len(sizes))]
    for x, size in zip(X, sizes, strict=True):
        x[:, 0] *= size / np.sqrt((x[:, 0] ** 2).mean())
    return X


def fitted(sizes, **settings):
    """Return a classifier that is fitted to sequences of these sizes, and the sequences."""
    X = of_sizes(sizes)
    model = LSTMClassifier(**(TINY | settings))
    return model.fit(X, np.arange(len(X)) % 2), X


# --- where it is read so --------------------------------------------------------------------
@pytest.mark.parametrize(("factor", "width"), [(90.0, None), (110.0, [0.5, np.inf])])
def test_a_factor_of_a_hundred_between_small_and_large_ones(factor, width):
    model, _ = fitted(np.repeat([0.5, 0.5 * factor], 12))
    assert (model.size_scaling_ is None) == (width is None)
    if width is not None:
        np.testing.assert_allclose(model.size_scaling_[0], width)


def test_a_tenth_of_the_sequences_are_outliers():
    assert fitted(np.repeat([1e-6, 1.0, 1e6], [2, 20, 2]))[0].size_scaling_ is None


def test_zeros_have_no_size_and_rounding_hardly_any():
    assert fitted(np.repeat([0.0, 1.0], 12))[0].size_scaling_ is None
    model, _ = fitted(np.repeat([1e-17, 1.0], 12))
    np.testing.assert_allclose(model.size_scaling_[0], [1e-6, np.inf])


def test_a_weight_of_two_is_two_copies():
    sizes = np.geomspace(1e-3, 1e3, 24)
    X, y, weight = of_sizes(sizes), np.arange(24) % 2, np.arange(24) % 3
    weighted = LSTMClassifier(**TINY).fit(X, y, sample_weight=weight)
    rows = np.repeat(np.arange(24), weight)
    copied = LSTMClassifier(**TINY).fit([X[row] for row in rows], y[rows])
    np.testing.assert_allclose(weighted.size_scaling_, copied.size_scaling_, rtol=1e-12)


@pytest.mark.parametrize("scale", ["channel", "sequence", None])
def test_other_scalings_are_as_they_are(scale):
    assert fitted(np.geomspace(1e-3, 1e3, 24), scale=scale)[0].size_scaling_ is None


def test_a_regressor_reads_values_as_they_are():
    X = of_sizes(np.geomspace(1e-3, 1e3, 24))
    assert LSTMRegressor(**TINY).fit(X, np.arange(24)).size_scaling_ is None


def test_static_features_and_categories_have_no_sequences():
    sizes = np.geomspace(1e-3, 1e3, 24)
    X = of_sizes(sizes)
    for x, size in zip(X, sizes, strict=True):
        x[:, 1] = size
    model = LSTMClassifier(**TINY, static_features=[1]).fit(X, np.arange(24) % 2)
    np.testing.assert_array_equal(np.isfinite(model.size_scaling_[0]), [True, False])


# --- what is read ---------------------------------------------------------------------------
def test_the_sign_and_the_logarithm_of_the_size():
    model, _ = fitted(np.geomspace(1e-3, 1e3, 24), patch_size=1)
    width, mean, deviation = model.size_scaling_[:, 0]
    values = width * np.array([-1e6, -1e3, -1.0, 0.0, 1.0, 1e3, 1e6])
    x = np.column_stack([values, np.zeros(7)])
    inputs = model._input(model._read([x]))
    read = inputs.pack(np.array([0]), np.float64).x[:, 0]
    expected = (np.arcsinh(values / width) - mean) / deviation
    np.testing.assert_allclose(read, expected, rtol=1e-12)


def test_what_is_read_is_standardised_over_the_training_set():
    model, X = fitted(np.geomspace(1e-3, 1e3, 24), patch_size=1)
    inputs = model._input(model._read(X))
    order = np.argsort([-len(x) for x in X], kind="stable")
    read = inputs.pack(order, np.float64).x[:, 0]
    np.testing.assert_allclose([read.mean(), read.std()], [0.0, 1.0], atol=1e-12)


def test_small_sizes_are_told_apart():
    sizes = np.tile([1e-4, 1e-2, 1.0, 1e3], 12)
    y = np.tile([0, 1, 2, 3], 12)
    X, other = ([np.abs(x) for x in of_sizes(sizes, 1, seed)] for seed in (0, 1))
    settings = {"hidden_size": 8, "max_iter": 60, "learning_rate_init": 0.02, "branch": None}
    model = LSTMClassifier(**settings, random_state=0).fit(X, y)
    assert model.score(other, y) == 1.0
    model.set_params(scale="channel").fit(X, y)
    assert model.score(other, y) < 0.6


def test_further_fits_keep_the_widths():
    X, y = problem(LSTMClassifier)
    X = [x * size for x, size in zip(X, np.geomspace(1e-3, 1e3, len(X)), strict=True)]
    model = LSTMClassifier(**SMALL).fit(X, y)
    scaling = model.size_scaling_
    model.partial_fit([100.0 * x for x in X], y)
    assert model.size_scaling_ is scaling
    assert np.isfinite(raw(model, X)).all()


# --- explanations ---------------------------------------------------------------------------
@pytest.mark.parametrize("settings", [{}, {"missing": "mask", "branch": None}], ids=str)
def test_gradients_equal_finite_differences(settings):
    sizes = np.geomspace(0.1, 1e2, 24)
    X = of_sizes(sizes)
    if settings:
        for x in X:
            x[1, 0] = np.nan
    model = LSTMClassifier(**(TINY | settings)).fit(X, np.arange(24) % 3)
    assert np.isfinite(model.size_scaling_[0, 0])
    some = X[8:12]
    gradients = input_gradients(model, some, target=1)
    expected = finite_differences(lambda X: score(model, X, 1), some)
    for gradient, right in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(gradient, np.nan_to_num(right), rtol=1e-5, atol=1e-7)


def test_attributions_add_up():
    model, X = fitted(np.geomspace(1e-3, 1e3, 24))
    attributions = integrated_gradients(model, X, target=1)
    baseline = [np.broadcast_to(model.channel_mean_, x.shape) for x in X]
    change = score(model, X, target=1) - score(model, baseline, target=1)
    sums = [attribution.sum() for attribution in attributions]
    np.testing.assert_allclose(sums, change, rtol=1.01e-4, atol=1e-11)
