"""Convolutions before the recurrent layers and parallel to them, in a whole network."""

from itertools import zip_longest
from pathlib import Path

import numpy as np
import pytest

from sklstm._input.sequences import PackedBatch
from sklstm._kernels.convolution import AFFINE, DY, N_ROWS, Y, Z, lay_out_series
from sklstm._kernels.jit import kernel
from sklstm._kernels.packing import unpack_gradient
from sklstm._kernels.simd import (
    lanes_of,
)
from sklstm._kernels.update import update_statistics
from sklstm._network import workspaces
from sklstm._network.chunk import Chunk, Masks, alone
from sklstm._network.network import Network
from sklstm.components.convolutions import ConvolutionLayer
from tests import reference
from tests.kernels.problem import PackedBatch as Batch
from tests.kernels.problem import (
    Problem,
    assert_close,
    assert_same_gradient,
    finite_difference,
    network_of,
    network_spec,
    pack_read,
    run_gradient,
    run_predict,
)

LANES = lanes_of(np.float64)
GOLDEN = Path(__file__).resolve().parents[1] / "golden"


def front(*layers, activation="relu"):
    """Layers (n_filters, width) or (n_filters, width, stride)."""
    return tuple(ConvolutionLayer(*layer, activation=activation) for layer in layers)


def branch(*layers, normalised=True):
    """Layers (n_filters, width)."""
    return tuple(ConvolutionLayer(*layer, causal=False, normalised=normalised) for layer in layers)


def lite(n, n_last=None):
    """Layers of three widths, then depthwise ones with dilation and pointwise ones."""
    parts = {"causal": False, "normalised": True}
    return (
        ConvolutionLayer(3 * n, 10, narrower=(5, 2), **parts),
        ConvolutionLayer(3 * n, 6, activation="identity", causal=False, dilation=2),
        ConvolutionLayer(n, 1, **parts),
        ConvolutionLayer(n, 3, activation="identity", causal=False, dilation=4),
        ConvolutionLayer(n_last or n, 1, **parts),
    )


NETWORKS = {
    "one before": {"front": front((5, 3))},
    "three before": {"front": front((LANES, 1), (2, 9), (4 * LANES + 1, 2))},
    "strides": {"front": front((5, 3, 2), (4, 5, 3)), "masks": True, "num_layers": 2},
    "stride beyond width": {"front": front((3, 1, 4), activation="tanh"), "n_static": 1},
    "one beside": {"branch": branch((5, 3))},
    "several widths side by side": {
        "branch": (ConvolutionLayer(6, 9, causal=False, normalised=True, narrower=(4, 1)),)
    },
    "depthwise": {"branch": lite(LANES + 1)},
    "depthwise before": {
        "front": (
            ConvolutionLayer(5, 2),
            ConvolutionLayer(5, 5, activation="identity", dilation=3),
            ConvolutionLayer(4, 1, 2),
        )
    },
    "even widths beside": {"branch": branch((4, 2), (LANES + 1, 8), (3, 4)), "n_static": 2},
    "not normalised": {"branch": branch((5, 7), (2 * LANES, 3), normalised=False)},
    "both": {"front": front((6, 4, 2)), "branch": branch((3, 7), (5, 5)), "masks": True},
    "no layers": {"front": front((5, 3), (6, 2)), "num_layers": 0, "masks": True},
    "only the last step": {"front": front((5, 3, 2)), "num_layers": 0, "pooling": ("last",)},
    "no layers, both": {"front": front((7, 2)), "branch": branch((4, 3)), "num_layers": 0},
    "attention": {"front": front((5, 3, 2)), "branch": branch((4, 3)), "pooling": ("attention",)},
    "no layers, attention": {"front": front((5, 3)), "num_layers": 0, "pooling": ("attention",)},
    "every step": {"front": front((5, 3)), "masks": True, "pooling": ("steps",)},
    "patches": {"patch_size": 3, "branch": branch((5, 3), (4, 5)), "num_layers": 2, "masks": True},
    "patches, strides, both": {
        "patch_size": 2,
        "front": front((5, 3, 2)),
        "branch": branch((4, 3)),
        "n_static": 1,
    },
    "long patches alone": {"patch_size": 20, "masks": True},
    "no layers, every step": {"front": front((5, 3)), "num_layers": 0, "pooling": ("steps",)},
}
POOLING = ("last", "mean", "max")


def problem_of(name, **settings):
    """Return a problem with one of the networks above."""
    lengths = (4, 1, 6, 6, 3, 17, 12)
    return Problem(**{"pooling": POOLING, "lengths": lengths} | NETWORKS[name] | settings)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_equals_the_twin(name, bidirectional):
    problem = problem_of(name, bidirectional=bidirectional)
    assert_same_gradient(run_gradient(problem), problem.gradient_by_twin(), 1e-10)
    # prediction uses the running statistics, which differ from those of the batch
    forward, expected = run_predict(problem), problem.prediction_by_twin()
    for part in ("raw", "h", "c"):
        assert_close(getattr(forward, part), getattr(expected, part), 1e-12, part)


@pytest.mark.parametrize("name", ["depthwise", "patches, strides, both"])
def test_gradient_of_the_parameters_may_be_left_out(name):
    problem = problem_of(name, bidirectional=True)
    with_dw, without = run_gradient(problem), run_gradient(problem, need_dw=False)
    np.testing.assert_array_equal(np.concatenate(without.dx), np.concatenate(with_dw.dx))
    for weight in ("weight_ih_l0", "weight_hh_l0_reverse", "fcn_weight_l0"):
        assert with_dw.gradient[weight].any()
        assert not without.gradient[weight].any()


@pytest.mark.parametrize(
    "name",
    [
        "strides",
        "even widths beside",
        "depthwise",
        "depthwise before",
        "both",
        "no layers, both",
        "patches, strides, both",
    ],
)
def test_finite_differences(name):
    problem = problem_of(name, hidden_size=3, n_channels=2, lengths=(3, 8, 1, 6), n_outputs=2)
    exact = run_gradient(problem)
    for variable, numeric, analytic in finite_difference(problem, exact, n_places=24):
        if variable.startswith(("fcn_mean", "fcn_variance", "fcn_batches")):
            assert not numeric.any() and not analytic.any(), variable
        elif analytic.size:
            assert np.abs(analytic).max() > 1e-4, variable  # large enough that a miss would show
            # no ReLU switches between on and off within the differences
            assert_close(numeric, analytic, 1e-6, variable)


BRANCHES = {"convolutions": branch((5, 7), (9, 5), (4, 2)), "depthwise": lite(5, 4)}


def golden(name):
    """Return the problem that torch has computed with a branch, and its results."""
    with np.load(GOLDEN / f"{name}.npz") as arrays:
        golden = dict(arrays)
    problem = object.__new__(Problem)
    problem.params = {k.removeprefix("theta/"): v for k, v in golden.items() if "theta/" in k}
    problem.spec = network_spec(
        3, 4, 1, True, ("last",), 3, "softmax",
        front=front((5, 4, 2), (6, 3), activation="tanh"), branch=BRANCHES[name],
    )  # fmt: skip
    problem.sequences = list(golden["x"])
    for name in ("target", "row_weight"):
        setattr(problem, name, golden[name])
    problem.h = problem.c = problem.dh = problem.dc = np.zeros((2, len(golden["x"]), 4))
    problem.static = np.empty((len(golden["x"]), 0))
    problem.layer_masks = problem.feature_mask = None
    return problem, golden


@pytest.mark.parametrize("name", BRANCHES)
@pytest.mark.parametrize("how", ["kernels", "twin"])
def test_golden_values_of_torch(how, name):
    problem, golden_values = golden(name)
    result = run_gradient(problem) if how == "kernels" else problem.gradient_by_twin()
    for part in ("raw", "loss"):
        assert_close(getattr(result, part), golden_values[part], 1e-10, part)
    assert_close(np.stack(result.dx), golden_values["dx"], 1e-10, "dx")
    slopes = {k: v for k, v in golden_values.items() if k.startswith("gradient/")}
    assert len(slopes) > 15
    for place, slope in slopes.items():
        assert_close(result.gradient[place.removeprefix("gradient/")], slope, 1e-10, place)
    evaluated = run_predict(problem) if how == "kernels" else problem.prediction_by_twin()
    assert_close(evaluated.raw, golden_values["evaluated"], 1e-10)


@pytest.mark.parametrize("weights", [(1, 2, 1, 3, 1, 1, 2), (1, 0, 1, 0, 1, 0, 1)])
@pytest.mark.parametrize("name", ["both", "depthwise"])
def test_chunks_share_their_statistics(name, weights):
    """Two chunks that wait for each other compute what one would; also if one has no weight."""
    problem = problem_of(name, masks=False)
    problem.row_weight[:] = weights
    for state in ("h", "c", "dh", "dc"):
        getattr(problem, state)[:] = 0.0
    expected = problem.gradient_by_twin()
    network = network_of(problem)
    together = network.together(2)
    gradients = np.zeros((2, network.gradient_size))
    losses = [0.0, 0.0]

    def of_chunk(k):
        part = problem.subset(list(range(k, 7, 2)))
        batch = Batch(part.sequences)
        x = batch.pack(part.sequences, np.empty((batch.n_rows, 3)))
        losses[k] = yield from Chunk(network).gradient(
            PackedBatch(x, batch.starts, batch.lengths, np.empty((len(batch.order), 0))),
            pack_read(part, batch, part.target), pack_read(part, batch, part.row_weight),
            Masks(np.empty(0), np.empty((0, 0))), together[k], gradients[k],
        )  # fmt: skip

    assert len(list(zip_longest(of_chunk(0), of_chunk(1)))) > 1  # they did wait
    np.testing.assert_array_equal(together[0].statistics, together[1].statistics)
    assert_close(sum(losses), expected.loss, 1e-12)
    theta_gradient = np.empty(network.layout.size)
    unpack_gradient(gradients, network.places.slopes, theta_gradient)
    for parameter, slope in network.layout.views(theta_gradient).items():
        assert_close(slope, expected.gradient[parameter], 1e-10, parameter)


@pytest.mark.parametrize("name", ["both", "no layers, both"])
def test_a_weight_counts_as_so_many_copies(name):
    problem = problem_of(name, masks=False)
    problem.row_weight[:] = [1, 2, 1, 3, 1, 1, 2]
    copies = np.repeat(np.arange(7), [1, 2, 1, 3, 1, 1, 2])
    repeated = problem.subset(copies)
    repeated.row_weight = np.ones(len(copies))
    for part in (problem, repeated):
        part.dh, part.dc = np.zeros_like(part.h), np.zeros_like(part.c)
    weighted, repeated = run_gradient(problem), run_gradient(repeated)
    assert_close(weighted.raw[copies], repeated.raw, 1e-12)
    for parameter, gradient in repeated.gradient.items():
        assert_close(weighted.gradient[parameter], gradient, 1e-12, parameter)


@pytest.mark.parametrize("name", ["strides", "both"])
def test_float32_is_close_to_float64(name):
    lengths = np.random.RandomState(1).randint(20, 61, 12)
    problem = problem_of(name, lengths=lengths, hidden_size=20)
    single, double = run_gradient(problem, np.float32), run_gradient(problem)
    assert single.raw.dtype == np.float32
    for parameter, gradient in double.gradient.items():
        error = np.linalg.norm(single.gradient[parameter] - gradient)
        assert error <= 2e-4 * np.linalg.norm(gradient), parameter


@pytest.mark.parametrize("name", ["both", "strides"])
def test_prediction_depends_on_no_other_sequence_and_no_order(name):
    problem = problem_of(name, masks=False)
    together = run_predict(problem).raw
    order = np.random.RandomState(3).permutation(len(together))
    np.testing.assert_array_equal(run_predict(problem.subset(order)).raw, together[order])
    problem.sequences[3][:] = np.nan
    for n in set(range(len(together))) - {3}:
        np.testing.assert_array_equal(run_predict(problem.subset([n])).raw, together[[n]])
    assert np.isnan(run_predict(problem).raw).all(axis=1).tolist() == [n == 3 for n in range(7)]


def test_a_front_end_is_causal():
    """The output of a step does not depend on later steps."""
    problem = Problem(lengths=(13,), front=front((4, 5, 2), (3, 3)))
    network = network_of(problem)

    def given(x):
        """Return the output (n_timesteps / 2, n_filters) for one sequence."""
        starts = np.arange(len(x) + 1)
        batch = PackedBatch(x, starts, starts[-1:], np.empty((1, 0)))
        chunk = Chunk(network)
        seen = chunk._prepare(batch)
        alone(chunk._convolve(seen, None))
        return seen.x.copy()

    (x,) = problem.sequences
    whole, beginning = given(x), given(x[:9])  # shorter by two strides
    assert len(whole) == 7 and whole.any()
    np.testing.assert_array_equal(beginning, whole[:5])


@kernel
def move_statistics(places, statistics, theta):
    """Let Python call what is a part of a kernel."""
    update_statistics(places.running, places.used, places.n_batches, statistics, theta)


def test_running_statistics():
    network = Network(problem_of("both").spec, np.float64)
    theta = np.zeros(network.layout.size)
    network.layout.views(theta)["fcn_variance_l0"][:] = 1.0
    rng = np.random.RandomState(0)
    chunks = rng.standard_normal((12, 3, network.n_statistics))
    for minibatch in chunks.mean(axis=1):
        move_statistics(network.places, minibatch, theta)
    expected = 0.0
    for k, minibatch in enumerate(chunks.mean(axis=1)):
        expected = expected + max(0.1, 1.0 / (k + 1)) * (minibatch - expected)
    views = network.layout.views(theta)
    assert views["fcn_batches"] == 12
    assert_close(views["fcn_mean_l0"], expected[:3], 1e-14)
    n_filters = -(-3 // LANES) * LANES  # in whole vectors
    assert_close(views["fcn_variance_l0"], expected[n_filters : n_filters + 3], 1e-14)
    assert_close(views["fcn_mean_l1"], expected[2 * n_filters : 2 * n_filters + 5], 1e-14)
    for name, view in views.items():
        assert name.startswith(("fcn_mean", "fcn_variance", "fcn_batches")) or not view.any()


def test_convolutions_count_in_the_memory(monkeypatch):
    """The branch keeps all its activations, so the recurrent layers can keep fewer states."""
    plain, convolved = (
        workspaces.Workspaces(Network(problem.spec, np.float64))
        for problem in (Problem(), problem_of("both"))
    )
    monkeypatch.setattr(workspaces, "_KEPT_BYTES", 100 * plain.kept_per_row)
    assert plain.segment(100, 49) == 49
    assert convolved.segment(100, 49) == 7


@pytest.mark.parametrize("name", ["both", "no layers, both", "even widths beside"])
def test_gradient_of_the_network_as_it_predicts(name):
    """By the running statistics, which are constants, and equal to finite differences."""
    problem = problem_of(
        name, masks=False, n_channels=2, lengths=(3, 8, 1, 6), loss="linear", hidden_size=3
    )
    exact = run_gradient(problem, trained=False)
    assert_same_gradient(exact, problem.gradient_by_twin(trained=False), 1e-10)
    assert_close(exact.raw, run_predict(problem).raw, 1e-12)
    for variable, numeric, analytic in finite_difference(problem, exact, 24, trained=False):
        # the running statistics and their number are no parameters
        if analytic.size and not variable.startswith(("fcn_mean", "fcn_variance", "fcn_batches")):
            assert_close(numeric, analytic, 1e-6, variable)


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("strides", [(1, 1, 1), (3, 1, 2)])
def test_series_are_laid_out_as_the_twin_does(strides, keep):
    lengths, shrinks = np.array([11, 7, 7, 1]), np.cumprod([1, *strides])
    columns, of_affine = np.array([8, 16, 24, 16]), np.array([32, 64, 96, 64])
    (n_steps, first), places = np.full((2, 4, 4), -1), np.full((4, 5), -1)
    total = lay_out_series(lengths, shrinks, 3, columns, of_affine, 8, keep, n_steps, first, places)
    expected = reference.lay_out_series(lengths, shrinks, 3)
    for found, right in zip((n_steps, first, places[:, N_ROWS]), expected, strict=True):
        np.testing.assert_array_equal(found, right)
    assert (first >= 3).all()  # rows of zeros in front, between two, and at the end
    assert (first[:, 1:] - (first + n_steps)[:, :-1] >= 3).all()
    assert (places[:, N_ROWS] - (first + n_steps)[:, -1] >= 3).all()
    # what is in use at the same time does not overlap: of all levels, or of a level and the next
    sizes = places[:, N_ROWS] * columns
    together = [range(4)] if keep else [(0, 1), (1, 2), (2, 3)]
    for levels in together:
        parts = [(places[k, Y], sizes[k]) for k in levels]
        parts += [(places[k, Z], sizes[k]) for k in (levels if keep else levels[1:])]
        parts += [(places[k, AFFINE], of_affine[k]) for k in (levels if keep else levels[1:])]
        parts += [(places[k, DY], sizes[k]) for k in levels if keep]
        parts = sorted(parts)
        ends = [start + size for start, size in parts]
        assert all(end <= start for end, (start, _) in zip(ends, parts[1:], strict=False))
        assert ends[-1] <= total
        assert all(start % 8 == 0 for start, _ in parts)
