import numpy as np
import pytest

from sklstm._input.sequences import NOT_BY_SIZE
from sklstm._kernels.chain import expect
from sklstm._kernels.gather import gather
from tests import reference
from tests.kernels.problem import PackedBatch

LENGTHS = (4, 1, 7, 7, 2, 5, 6)


def a_data_set(n_channels=2, dtype=np.float64, level=0.0):
    """Return sequences, and one array of them with the begin and end of each.

    Between the sequences there is NaN, which no kernel may read.
    """
    rng = np.random.RandomState(0)
    sequences = [3.0 + 2.0 * rng.standard_normal((n, n_channels)) + level for n in LENGTHS]
    sequences = [sequence.astype(dtype) for sequence in sequences]
    gap = np.full((1, n_channels), np.nan, dtype)
    values = np.concatenate([part for sequence in sequences for part in (sequence, gap)])
    end = np.cumsum(np.add(LENGTHS, 1)) - 1
    return sequences, values, end - LENGTHS, end


def by_kernel(
    values, begin, end, samples, patch_size, center, scale, by_size, by_channel, by_sequence,
    gaps=(), rates=None, time_channel=-1, ahead=False, weights=None, sweeps=None,
):  # fmt: skip
    """Return each sample as packed by the kernel, in the order of `samples`."""
    gaps, rates = np.array(gaps, np.int64), np.zeros(len(center)) if rates is None else rates
    patches = -(-(end - begin)[samples] // patch_size)
    batch = PackedBatch([np.empty(n) for n in patches])
    copies = max(1, by_channel + by_sequence)
    width = patch_size * (values.shape[1] * copies + 2 * len(gaps))
    x = np.full((batch.n_rows, width), np.nan, values.dtype)
    starts = np.full(len(batch.starts), -1)
    ordered, n_channels = samples[batch.order], values.shape[1]
    expected = np.full((0 if weights is None else (end - begin)[samples].sum(), n_channels), np.nan)
    if weights is not None:
        work = np.full((2, patches.max() * patch_size, n_channels), np.nan)
        expect(values, begin, end, ordered, center, scale, weights, sweeps, work, expected)
    gather(
        values, begin, end, ordered, batch.lengths, patch_size, center, scale, by_size,
        by_channel, by_sequence, gaps, rates, time_channel, ahead, expected, starts, x,
    )  # fmt: skip
    np.testing.assert_array_equal(starts, batch.starts)
    return [x[batch.rows(n)] for n in range(len(samples))]


@pytest.mark.parametrize("samples", [[0, 1, 2, 3, 4, 5, 6], [5, 2], [1], [4, 4, 3]], ids=str)
@pytest.mark.parametrize("patch_size", [1, 2, 3, 10])
@pytest.mark.parametrize(("by_channel", "by_sequence"), [(0, 0), (1, 0), (0, 1), (1, 1)])
def test_equals_the_twin(by_channel, by_sequence, patch_size, samples):
    sequences, values, begin, end = a_data_set()
    center, scale = np.array([3.0, -1.0]), np.array([2.0, 0.5])
    by_size = np.array([[np.inf, 0.02], [0.0, 3.0], [1.0, 1.5]])
    options = (patch_size, center, scale, by_size, by_channel, by_sequence)
    packed = by_kernel(values, begin, end, np.array(samples), *options)
    expected = reference.gather([sequences[n] for n in samples], *options)
    for got, want in zip(packed, expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("patch_size", [1, 3])
@pytest.mark.parametrize(("by_channel", "by_sequence"), [(0, 0), (1, 0), (0, 1), (1, 1)])
@pytest.mark.parametrize(("gaps", "time_channel"), [((), -1), ((0, 1), -1), ((1,), 2)])
@pytest.mark.parametrize("ahead", [False, True])
@pytest.mark.parametrize("rates", [np.zeros(4), np.array([0.4, 3.0, 0.0, 1.0])], ids=str)
def test_gaps(rates, ahead, by_channel, by_sequence, patch_size, gaps, time_channel):
    sequences, values, begin, end = a_data_set(n_channels=4)
    rng = np.random.RandomState(1)
    values[:, 2] = rng.exponential(size=len(values))
    values[rng.uniform(size=len(values)) < 0.5, 0] = np.nan
    values[begin[2] : end[2], 1] = np.nan  # nothing of this channel in a sequence
    values[begin[3] : end[3] - 1, 1] = np.nan  # one value
    sequences = [values[a:b] for a, b in zip(begin, end, strict=True)]
    center = np.array([3.0, -1.0, 0.5, np.nan])  # nothing of the last channel in training
    scale, by_size = np.array([2.0, 0.5, 1.0, 1.0]), np.repeat(NOT_BY_SIZE, 4, axis=1)
    by_size[:, 0] = 0.1, 3.0, 1.5
    options = (patch_size, center, scale, by_size, by_channel, by_sequence)
    options = (*options, gaps, rates, time_channel, ahead)
    packed = by_kernel(values, begin, end, np.arange(7), *options)
    rtol = 1e-9 if rates.any() else 1e-12  # of the system that the twin solves
    for got, want in zip(packed, reference.gather(sequences, *options), strict=True):
        np.testing.assert_allclose(got, want, rtol=rtol, atol=1e-13)


@pytest.mark.parametrize(("by_channel", "by_sequence"), [(0, 0), (0, 1), (1, 1)])
def test_a_chain(by_channel, by_sequence):
    sequences, values, begin, end = a_data_set(n_channels=3)
    rng = np.random.RandomState(1)
    values[rng.uniform(size=values.shape) < 0.4] = np.nan
    values[begin[2] : end[2], 1] = np.nan  # nothing of this channel in a sequence
    values[begin[4] : end[4]] = np.nan  # nothing at all
    values[begin[5] : end[5], :2] = 1.0
    sequences = [values[a:b] for a, b in zip(begin, end, strict=True)]
    center = np.array([3.0, -1.0, np.nan])  # nothing of the last channel in training
    weights, sweeps = rng.standard_normal((15, 3)), rng.uniform(0.0, 0.1, (4, 2))
    scale, by_size = np.array([2.0, 0.5, 1.0]), np.repeat(NOT_BY_SIZE, 3, axis=1)
    options = (2, center, scale, by_size, by_channel, by_sequence, (0, 1), None, -1, True)
    options = (*options, weights, sweeps)
    packed = by_kernel(values, begin, end, np.arange(7), *options)
    for got, want in zip(packed, reference.gather(sequences, *options), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-12)


def test_float32():
    sequences, values, begin, end = a_data_set(n_channels=3, dtype=np.float32, level=1000.0)
    center, scale = np.array([1003.0, 1002.0, 1001.0]), np.array([2.0, 2.0, 1.0])
    by_size = np.repeat(NOT_BY_SIZE, 3, axis=1)
    by_size[:, 2] = 0.5, 8.0, 2.0
    options = (2, center, scale, by_size, 1, 1)
    packed = by_kernel(values, begin, end, np.arange(len(LENGTHS)), *options)
    expected = reference.gather([sequence.astype(float) for sequence in sequences], *options)
    for got, want in zip(packed, expected, strict=True):
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-6)


def test_the_last_patch_ends_with_the_last_observation():
    values = np.arange(1.0, 6.0)[:, None]
    one_sequence = np.array([0]), np.array([5]), np.array([0])
    (packed,) = by_kernel(values, *one_sequence, 2, np.zeros(1), np.ones(1), NOT_BY_SIZE, 0, 0)
    np.testing.assert_array_equal(packed, [[0, 1], [2, 3], [4, 5]])


@pytest.mark.parametrize("level", [0.0, 0.1, 1e9, -1e-9])
def test_a_constant_sequence_is_zero_once_standardised(level):
    values = np.full((7, 1), level)
    one_sequence = np.array([0]), np.array([7]), np.array([0])
    (packed,) = by_kernel(values, *one_sequence, 1, np.zeros(1), np.ones(1), NOT_BY_SIZE, 0, 1)
    np.testing.assert_array_equal(packed, 0.0)


def test_overlapping_windows_of_one_series():
    values = np.arange(10.0)[:, None]
    begin, end = np.array([0, 1, 6]), np.array([3, 5, 10])
    options = (1, np.zeros(1), np.ones(1), NOT_BY_SIZE, 0, 0)
    packed = by_kernel(values, begin, end, np.arange(3), *options)
    for window, first, last in zip(packed, begin, end, strict=True):
        np.testing.assert_array_equal(window, values[first:last])
