from functools import partial
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import mean_gamma_deviance, mean_poisson_deviance, mean_tweedie_deviance

from sklstm._kernels.jit import kernel
from sklstm._kernels.losses import loss_gradient, loss_value
from sklstm._kernels.simd import (
    lanes_of,
)
from tests import reference
from tests.kernels.problem import EVERY_LOSS, assert_close, loss_of, targets_for

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
POSITIVE = ("poisson", "gamma", "tweedie")
POINTWISE = sorted(set(EVERY_LOSS) - {"softmax"})


@kernel
def _loss_gradient(kind, parameters, raw, target, row_weight, n_outputs, draw):
    return loss_gradient(kind, parameters, raw, target, row_weight, n_outputs, draw)


def parameters_of(loss):
    """Return what the kernel takes beside raw predictions and targets."""
    return np.array(loss_of(loss).kernel_parameters)


def by_kernel(loss, raw, target, row_weight):
    """Return loss and gradient of the kernel."""
    n_rows, n_outputs = raw.shape
    width = lanes_of(raw.dtype)
    # the values in the padding columns must not matter
    wide = np.full((n_rows, -(-n_outputs // width) * width), 1e3, raw.dtype)
    wide[:, :n_outputs] = raw
    draw = np.full_like(wide, np.nan)
    parameters = parameters_of(loss)
    if loss == "survival":  # with any number of intervals
        parameters = np.arange(float(n_outputs // target.shape[1]))
    arguments = EVERY_LOSS[loss].kind, parameters, wide, target, row_weight, n_outputs
    value = _loss_gradient(*arguments, draw)
    assert not draw[:, n_outputs:].any()
    np.testing.assert_equal(loss_value(*arguments, np.empty_like(draw)), value)
    return value, draw[:, :n_outputs]


def by_twin(loss, raw, target, row_weight):
    """Return loss and gradient of the twin."""
    return reference.loss_gradient(loss, parameters_of(loss), raw, target, row_weight)


def a_batch(loss, n_outputs, n_rows=7, seed=0):
    """Draw raw predictions, targets (n_rows, n_outputs) and weights."""
    rng = np.random.RandomState(seed)
    raw = 2.0 * rng.standard_normal((n_rows, n_outputs * loss_of(loss).n_columns))
    if loss == "softmax":
        target = rng.randint(0, n_outputs, (n_rows, 1)).astype(float)
    elif loss == "sigmoid":
        target = rng.uniform(0, 1, raw.shape)  # soft labels too
    elif loss in POSITIVE:
        target = targets_for(loss, rng, n_rows, n_outputs)
        target[0] = np.exp(raw[0])  # no error
    elif loss == "survival":
        target = targets_for(loss, rng, n_rows, n_outputs)
        target[3] = 2.5  # all intervals count
    else:
        if loss == "gaussian":
            raw[:, 1::2] /= 4.0  # deviations of about 1, so that differences keep their digits
        target = targets_for(loss, rng, n_rows, n_outputs)
        first = raw[:, :: loss_of(loss).n_columns]
        target[0], target[1] = first[0], first[1] + 0.1  # no error; a small one
    return raw, target, rng.uniform(0.0, 1.0, n_rows)


@pytest.mark.parametrize("n_outputs", [1, 2, lanes_of(np.float64), lanes_of(np.float64) + 1])
@pytest.mark.parametrize("loss", sorted(EVERY_LOSS))
def test_equals_the_twin(loss, n_outputs):
    batch = a_batch(loss, n_outputs)
    (value, slopes), (expected, expected_slopes) = by_kernel(loss, *batch), by_twin(loss, *batch)
    assert value == pytest.approx(expected, rel=1e-13)
    assert expected == reference.loss_value(loss, parameters_of(loss), *batch)
    if loss == "softmax" and n_outputs == 1:
        assert value == 0.0
        assert not slopes.any()
    else:
        assert_close(slopes, expected_slopes, 1e-14)


@pytest.mark.parametrize("loss", sorted(EVERY_LOSS))
def test_finite_differences(loss):
    raw, target, row_weight = a_batch(loss, 3)
    rows = slice(2, None) if loss in ("absolute_error", "quantile", "quantiles") else slice(None)
    _, slopes = by_kernel(loss, raw, target, row_weight)
    for place in np.ndindex(raw[rows].shape):
        values = []
        for step in (1e-5, -1e-5):
            moved = raw[rows].copy()
            moved[place] += step
            values.append(by_kernel(loss, moved, target[rows], row_weight[rows])[0])
        numeric = (values[0] - values[1]) / 2e-5
        if loss == "gaussian":  # its gradient is that of the loss times the variance
            row, output = place[0], place[1] // 2
            numeric *= np.exp(2.0 * raw[row, 2 * output + 1]) + 1e-4
        assert numeric == pytest.approx(slopes[rows][place], rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("loss", sorted(EVERY_LOSS))
def test_nan_gives_nan(loss, n_outputs):
    for column in range(n_outputs * loss_of(loss).n_columns):
        raw, target, row_weight = a_batch(loss, n_outputs)
        raw[3, column] = np.nan
        value, slopes = by_kernel(loss, raw, target, row_weight)
        assert np.isnan(value)
        assert np.isnan(slopes[3, column])
        assert np.isfinite(np.delete(slopes, 3, axis=0)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", sorted(EVERY_LOSS))
def test_extreme_raw_predictions_stay_finite(loss, dtype):
    raw = np.array([[1e4, -1e4], [-1e4, 1e4], [1e4, 1e4], [-1e4, -1e4], [0.0, -1e4]])
    target = np.array([[0.0, 1.0]] * 5)
    if loss == "softmax":
        target = np.array([[0.0], [0.0], [1.0], [0.0], [1.0]])
    elif loss == "gamma":
        target += 0.5
    elif loss == "gaussian":
        target = target[:, 1:]
    elif loss in ("quantiles", "survival"):
        raw = np.tile(raw, 3)
    weight = np.full(5, 0.25)
    value, slopes = by_kernel(loss, *(part.astype(dtype) for part in (raw, target, weight)))
    expected, expected_slopes = by_twin(loss, raw, target, weight)
    tolerance = 1e-6 if dtype == np.float32 else 1e-14
    assert value == pytest.approx(expected, rel=tolerance)
    assert slopes.dtype == dtype
    assert_close(slopes, expected_slopes, tolerance)


def test_known_values():
    one = np.ones(1)
    zero = np.zeros((1, 1))
    assert by_kernel("softmax", np.zeros((1, 4)), zero, one)[0] == pytest.approx(np.log(4))
    assert by_kernel("sigmoid", zero, zero, one)[0] == pytest.approx(np.log(2))
    three = np.full((1, 1), 3.0)
    assert by_kernel("squared_error", three, zero, one)[0] == 4.5
    assert by_kernel("absolute_error", three, zero, one)[0] == 3.0
    assert by_kernel("huber", three, zero, one)[0] == pytest.approx(0.7 * (3.0 - 0.35))
    assert by_kernel("quantile", three, zero, one)[0] == pytest.approx(0.2 * 3.0)
    assert by_kernel("quantile", -three, zero, one)[0] == pytest.approx(0.8 * 3.0)
    several = np.array([[-3.0, 3.0, 3.0]])  # levels 0.2, 0.5 and 0.9
    expected = (0.2 * 3.0 + 0.5 * 3.0 + 0.1 * 3.0) / 3
    assert by_kernel("quantiles", several, zero, one)[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("loss", "deviance"),
    [
        ("poisson", mean_poisson_deviance), ("gamma", mean_gamma_deviance),
        ("tweedie", partial(mean_tweedie_deviance, power=1.4)),
    ],
)  # fmt: skip
def test_half_of_the_deviance_of_scikit_learn(loss, deviance):
    raw, target, row_weight = a_batch(loss, 1)
    target[2] += 0.1
    expected = deviance(target, np.exp(raw), sample_weight=row_weight) / 2.0
    value = by_kernel(loss, raw, target, row_weight)[0]
    assert value / row_weight.sum() == pytest.approx(expected, rel=1e-12)


def test_survival_equals_the_masked_cross_entropy_of_torch():
    with np.load(GOLDEN / "survival.npz") as golden:
        value, slopes = by_kernel("survival", *(golden[k] for k in ("raw", "target", "row_weight")))
        assert value == pytest.approx(float(golden["loss"]), rel=1e-13)
        assert_close(slopes, golden["gradient"], 1e-14)


def test_negative_logarithm_of_a_normal_density():
    raw, target, row_weight = a_batch("gaussian", 1)
    deviation = np.sqrt(np.exp(2.0 * raw[:, 1]) + 1e-4)
    density = norm(raw[:, 0], deviation).logpdf(target[:, 0])
    expected = -(row_weight @ (density + 0.5 * np.log(2.0 * np.pi)))
    assert by_kernel("gaussian", raw, target, row_weight)[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("loss", POINTWISE)
def test_a_target_of_nan_asks_for_nothing(loss):
    raw, target, row_weight = a_batch(loss, 3)
    of_output_1 = np.arange(raw.shape[1]) // loss_of(loss).n_columns == 1
    raw[5, of_output_1] = np.nan
    target[2], target[5, 1] = np.nan, np.nan
    value, slopes = by_kernel(loss, raw, target, row_weight)
    expected, expected_slopes = by_twin(loss, raw, target, row_weight)
    assert value == pytest.approx(expected, rel=1e-13)
    assert_close(slopes, expected_slopes, 1e-14)
    assert not slopes[2].any()
    assert not slopes[5, of_output_1].any()


@pytest.mark.parametrize("loss", POINTWISE)
def test_loss_of_a_row_is_the_mean_over_outputs(loss):
    raw, target, row_weight = a_batch(loss, 3)
    value, slopes = by_kernel(loss, raw, target, row_weight)
    columns = [
        by_kernel(loss, columns_of_output.copy(), target[:, [j]].copy(), row_weight)
        for j, columns_of_output in enumerate(np.hsplit(raw, 3))
    ]
    assert value == pytest.approx(sum(column for column, _ in columns) / 3, rel=1e-13)
    assert_close(slopes, np.hstack([slope for _, slope in columns]) / 3, 1e-14)
