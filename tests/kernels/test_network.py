"""The whole network against its naive twin and against finite differences."""

import numpy as np
import pytest

from sklstm._input import sequences as _sequences
from sklstm._kernels.packing import unpack_gradient
from sklstm._kernels.simd import (
    lanes_of,
)
from sklstm._network import workspaces
from sklstm._network.chunk import Chunk
from sklstm._network.network import Network
from sklstm.components.cells import CELLS
from tests import reference
from tests.kernels.problem import (
    PackedBatch,
    Problem,
    assert_close,
    assert_same_gradient,
    finite_difference,
    network_of,
    noise_of,
    run_gradient,
    run_predict,
)

LANES = lanes_of(np.float64)
POOLINGS = [("last",), ("mean",), ("max",), ("last", "mean", "max")]
LOSSES = ["softmax", "sigmoid", "squared_error", "absolute_error", "huber", "quantile", "linear"]
POSITIVE_OR_SEVERAL = ["poisson", "gamma", "tweedie", "gaussian", "quantiles"]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("pooling", POOLINGS, ids="-".join)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("num_layers", [1, 2, 3])
def test_equals_the_twin(num_layers, bidirectional, pooling, loss):
    for hidden_size, n_static, masks in [
        (5, 0, False), (5, 2, True), (LANES, 0, True), (LANES + 1, LANES + 1, False)
    ]:  # fmt: skip
        problem = Problem(
            hidden_size=hidden_size, num_layers=num_layers, bidirectional=bidirectional,
            pooling=pooling, loss=loss, n_static=n_static, masks=masks,
        )  # fmt: skip
        assert_same_gradient(run_gradient(problem), problem.gradient_by_twin(), 1e-10)
        forward, expected = run_predict(problem), problem.prediction_by_twin()
        for name in ("raw", "h", "c"):
            assert_close(getattr(forward, name), getattr(expected, name), 1e-12, name)


@pytest.mark.parametrize("n_outputs", [1, LANES + 1])
@pytest.mark.parametrize("loss", POSITIVE_OR_SEVERAL)
def test_losses_with_a_link_or_several_columns(loss, n_outputs):
    problem = Problem(n_outputs=n_outputs, loss=loss, pooling=("last", "max"), masks=True)
    assert_same_gradient(run_gradient(problem), problem.gradient_by_twin(), 1e-10)


@pytest.mark.parametrize("n_outputs", [1, 2, LANES, LANES + 1, 4 * LANES + 3])
@pytest.mark.parametrize("loss", ["softmax", "squared_error"])
def test_any_number_of_outputs(n_outputs, loss):
    problem = Problem(n_outputs=n_outputs, loss=loss, pooling=("last", "max"), masks=True)
    assert_same_gradient(run_gradient(problem), problem.gradient_by_twin(), 1e-10)


@pytest.mark.parametrize("n_channels", [1, 2, LANES, 4 * LANES + 1])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_any_number_of_channels(n_channels, bidirectional):
    problem = Problem(n_channels=n_channels, bidirectional=bidirectional)
    assert_same_gradient(run_gradient(problem), problem.gradient_by_twin(), 1e-10)


@pytest.mark.parametrize("hidden_size", [1, 3 * LANES, 4 * LANES, 4 * LANES + 1])
def test_any_number_of_units(hidden_size):
    problem = Problem(
        hidden_size=hidden_size, num_layers=2, bidirectional=True, pooling=("last", "max")
    )
    assert_same_gradient(run_gradient(problem), problem.gradient_by_twin(), 1e-10)


@pytest.mark.parametrize(
    "options",
    [
        {"loss": "softmax", "num_layers": 2, "bidirectional": True, "pooling": ("last", "mean")},
        {"loss": "sigmoid", "num_layers": 2, "pooling": ("max",), "masks": True},
        {"loss": "quantile", "bidirectional": True, "pooling": ("last", "mean", "max")},
        {"loss": "huber", "hidden_size": LANES, "n_static": 2, "masks": True},
        {"loss": "squared_error", "num_layers": 3, "bidirectional": True, "hidden_size": 2},
        {"loss": "absolute_error", "n_outputs": 1, "pooling": ("mean",)},
        {"loss": "tweedie", "pooling": ("max",)},
        {"loss": "quantiles", "n_outputs": 2},
    ],
    ids=lambda options: options["loss"],
)
def test_finite_differences(options):
    problem = Problem(**{"hidden_size": 3, "n_channels": 2, "lengths": (3, 5, 1, 4)} | options)
    exact = run_gradient(problem)
    for name, numeric, analytic in finite_difference(problem, exact):
        assert np.abs(analytic).max() > 1e-4, name  # large enough that a miss would show
        assert_close(numeric, analytic, 1e-6, name)


def test_float32_gradient_is_close_to_float64():
    lengths = np.random.RandomState(1).randint(50, 101, 12)
    problem = Problem(
        lengths=(100, *lengths), n_channels=2, hidden_size=20, num_layers=2, bidirectional=True,
        pooling=("last", "mean", "max"),
    )  # fmt: skip
    single, double = run_gradient(problem, np.float32), run_gradient(problem)
    assert single.raw.dtype == np.float32
    assert_close(single.loss, double.loss, 1e-5)
    for name, gradient in double.gradient.items():
        error = np.linalg.norm(single.gradient[name] - gradient)
        assert error < 1e-4 * np.linalg.norm(gradient), name
    assert_close(np.concatenate(single.dx), np.concatenate(double.dx), 1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_prediction_depends_on_no_other_sequence_and_no_order(bidirectional, dtype):
    lengths = np.random.RandomState(2).randint(1, 12, 23)
    problem = Problem(
        lengths=lengths, num_layers=2, bidirectional=bidirectional, hidden_size=LANES + 3,
        pooling=("last", "mean", "max"), n_static=2,
    )  # fmt: skip
    together = run_predict(problem, dtype).raw
    order = np.random.RandomState(3).permutation(len(lengths))
    np.testing.assert_array_equal(run_predict(problem.subset(order), dtype).raw, together[order])
    for n in range(len(lengths)):
        alone = run_predict(problem.subset([n]), dtype).raw
        np.testing.assert_array_equal(alone, together[[n]])
    np.testing.assert_array_equal(run_gradient(problem, dtype).raw, together)


def test_gradient_is_added_to_what_is_there():
    problem = Problem(num_layers=2, bidirectional=True, pooling=("last", "max"))
    once, twice = run_gradient(problem), run_gradient(problem, repeat=2)
    for name, gradient in once.gradient.items():
        assert_close(twice.gradient[name], 2.0 * gradient, 1e-14, name)


def test_gradient_of_the_data_may_be_left_out():
    problem = Problem(num_layers=2, bidirectional=True, masks=True)
    with_dx, without = run_gradient(problem), run_gradient(problem, need_dx=False)
    assert not hasattr(without, "dx")
    for name, gradient in with_dx.gradient.items():
        np.testing.assert_array_equal(without.gradient[name], gradient)


def test_gradient_of_a_batch_is_the_sum_over_its_parts():
    problem = Problem(num_layers=2, bidirectional=True, pooling=("mean",), n_static=1, masks=True)
    whole = run_gradient(problem)
    parts = [run_gradient(problem.subset(samples)) for samples in ([0, 3], [4, 1, 2])]
    assert_close(sum(part.loss for part in parts), whole.loss, 1e-14)
    for name, gradient in whole.gradient.items():
        assert_close(sum(part.gradient[name] for part in parts), gradient, 1e-13, name)


def test_divergence_stays_visible():
    problem = Problem(num_layers=2, bidirectional=True, pooling=("last", "mean", "max"))
    clean = run_gradient(problem)
    problem.sequences[2][3, 1] = np.nan
    dirty = run_gradient(problem, need_dx=False)
    assert np.isnan(dirty.loss)
    assert np.isnan(dirty.raw[2]).all()
    others = [0, 1, 3, 4]
    np.testing.assert_array_equal(dirty.raw[others], clean.raw[others])
    assert all(np.isnan(gradient).any() for gradient in dirty.gradient.values())


def test_chunks_are_summed_in_their_order():
    network = Network(Problem(num_layers=2, bidirectional=True).spec, np.float64)
    chunks = np.random.RandomState(4).standard_normal((7, network.gradient_size))
    total = chunks[0].copy()
    for chunk in chunks[1:]:
        total += chunk
    together, expected = np.full((2, network.layout.size), np.nan)
    unpack_gradient(total[None], network.places.slopes, expected)
    unpack_gradient(chunks, network.places.slopes, together)
    np.testing.assert_array_equal(together, expected)
    assert len(np.unique(together)) == network.layout.size  # each parameter has its own element


def test_long_sequences_keep_fewer_states(monkeypatch):
    problem = Problem(lengths=(30, 17, 30, 2), num_layers=2, bidirectional=True)
    everything = run_gradient(problem)
    monkeypatch.setattr(workspaces, "_KEPT_BYTES", 0)
    assert workspaces.Workspaces(Network(problem.spec, np.float64)).segment(79, 30) == 6
    assert_same_gradient(run_gradient(problem), everything, 1e-12)


# of each cell the place of its gates among the values that the twin keeps of a step
GATES_OF_TWIN = {
    "lstm": (1, 2, 3, 4), "lstm1997": (1, 2, 3), "coupled": (1, 2, 3), "peephole": (2, 3, 4, 5),
    "gru": (1, 2, 3),
}  # fmt: skip


def packed(problem):
    """Return the sequences as the package packs them, and where they are."""
    batch = PackedBatch(problem.sequences)
    x = batch.pack(problem.sequences, np.empty((batch.n_rows, problem.spec.n_channels)))
    static = np.empty((len(batch.order), 0))
    return _sequences.PackedBatch(x, batch.starts, batch.lengths, static), batch


@pytest.mark.parametrize("cell", sorted(CELLS))
def test_gates_equal_those_of_the_twin(cell):
    problem = Problem(
        cell=cell, hidden_size=LANES + 1, num_layers=2, bidirectional=True, zoneout_h=0.2,
    )  # fmt: skip
    together, batch = packed(problem)
    gates = Chunk(network_of(problem), len(batch.starts) - 1).gates(together)
    noise = noise_of(problem, drawn=False)
    expected = reference.network_trace(
        problem.params, problem.sequences, problem.spec.pooling, cell, noise
    )
    for n in range(len(problem.sequences)):
        for scan, of_steps in enumerate(expected[n]):
            forwards = of_steps if scan % 2 == 0 else of_steps[::-1]
            for row, step in zip(batch.rows(n), forwards, strict=True):
                places = GATES_OF_TWIN.get(cell)
                values = [step] if places is None else [step[k] for k in places]
                assert_close(gates[scan, row, : len(values)], np.stack(values), 1e-12)


@pytest.mark.parametrize("length", [1, 6])
@pytest.mark.parametrize("cell", ["lstm1997", "gru"])
def test_states_and_what_is_left_of_their_gradients(cell, length):
    """Before a step: the gradient of what the network makes of the rest of the sequence."""
    problem = Problem(
        cell=cell, lengths=(length,), loss="linear", hidden_size=LANES + 1, num_layers=2
    )
    together, _ = packed(problem)
    for state in (problem.h, problem.c, problem.dh, problem.dc):
        state[:] = 0.0
    chunk = Chunk(network_of(problem, need_dx=True), segment=1)
    chunk.input_gradient(together, problem.target)
    states = chunk.states(1, length)
    problem.row_weight[:] = problem.spec.n_outputs
    (sequence,) = problem.sequences
    for k in range(length):
        problem.sequences = [sequence[: k + 1]]
        before = problem.prediction_by_twin()
        for kind, name in enumerate("hc"):
            assert_close(states[:, k, kind], getattr(before, name), 1e-12, name)
        rest = Problem.subset(problem, [0])
        rest.sequences = [sequence[k:]]
        if k:
            rest.h, rest.c = states[:, k - 1, 0].copy(), states[:, k - 1, 1].copy()
        left = rest.gradient_by_twin()
        assert_close(states[:, k, 2], left.dh, 1e-10)
        assert_close(states[:, k, 3], left.dc, 1e-10)
