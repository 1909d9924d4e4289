"""Every recurrent cell: against its twin, finite differences, and its other guarantees."""

from dataclasses import replace

import numpy as np
import pytest

from sklstm._kernels.simd import (
    lanes_of,
)
from sklstm._network.parameters import ParameterLayout
from sklstm._stream import Stream
from sklstm.components.cells import CELLS
from tests import reference
from tests.kernels.problem import (
    Problem,
    assert_close,
    assert_same_gradient,
    finite_difference,
    network_of,
    run_gradient,
    run_predict,
)

LANES = lanes_of(np.float64)
OTHERS = sorted(set(CELLS) - {"lstm"})  # test_network.py and test_scan.py are about the default
WITH_MEMORY = [name for name, cell in CELLS.items() if cell.has_memory]


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("cell", OTHERS)
def test_equals_the_twin(cell, num_layers, bidirectional):
    for hidden_size in (1, 5, LANES, LANES + 1, 3 * LANES, 4 * LANES + 1):
        problem = Problem(
            cell=cell, hidden_size=hidden_size, num_layers=num_layers, masks=True,
            bidirectional=bidirectional, pooling=("last", "mean", "max"), n_channels=2,
        )  # fmt: skip
        assert_same_gradient(run_gradient(problem), problem.gradient_by_twin(), 1e-10)
        forward, expected = run_predict(problem), problem.prediction_by_twin()
        for name in ("raw", "h", "c"):
            assert_close(getattr(forward, name), getattr(expected, name), 1e-12, name)


@pytest.mark.parametrize("cell", OTHERS)
def test_many_rows(cell):
    lengths = np.random.RandomState(0).randint(1, 21, 33)
    problem = Problem(
        cell=cell, lengths=lengths, hidden_size=2 * LANES + 3, bidirectional=True,
        pooling=("mean",),
    )  # fmt: skip
    assert_same_gradient(run_gradient(problem), problem.gradient_by_twin(), 1e-10)


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("hidden_size", [3, LANES])
@pytest.mark.parametrize("cell", OTHERS)
def test_finite_differences(cell, hidden_size, bidirectional, num_layers):
    problem = Problem(
        cell=cell, hidden_size=hidden_size, num_layers=num_layers, bidirectional=bidirectional,
        n_channels=2, lengths=(3, 5, 1), pooling=("last", "mean"),
    )  # fmt: skip
    exact = run_gradient(problem)
    # in large arrays only some random elements are checked
    for name, numeric, analytic in finite_difference(problem, exact, n_places=24):
        if name == "dc" and cell in ("gru", "rnn"):  # without memory, c is passed unchanged
            np.testing.assert_array_equal(exact.dc, problem.dc)
        assert np.abs(analytic).max() > 1e-4, name
        assert_close(numeric, analytic, 1e-6, name)


@pytest.mark.parametrize("segment", [1, 3, 12])
@pytest.mark.parametrize("cell", OTHERS)
def test_checkpoints_leave_the_gradient_as_it_is(cell, segment):
    problem = Problem(
        cell=cell, lengths=(5, 13, 1, 13, 8, 2, 11), num_layers=2, bidirectional=True,
        pooling=("last", "max"),
    )  # fmt: skip
    expected = run_gradient(problem, segment=13)
    assert_same_gradient(run_gradient(problem, segment=segment), expected, 1e-12)


@pytest.mark.parametrize("cell", OTHERS)
def test_float32_gradient_is_close_to_float64(cell):
    lengths = np.random.RandomState(1).randint(20, 41, 12)
    problem = Problem(
        cell=cell, lengths=lengths, n_channels=2, hidden_size=20, bidirectional=True,
        pooling=("last", "mean"),
    )  # fmt: skip
    single, double = run_gradient(problem, np.float32), run_gradient(problem)
    assert single.raw.dtype == np.float32
    for name, gradient in double.gradient.items():
        error = np.linalg.norm(single.gradient[name] - gradient)
        assert error < 1e-4 * np.linalg.norm(gradient), name


@pytest.mark.parametrize("cell", OTHERS)
def test_states_carry_over(cell):
    problem = Problem(cell=cell, lengths=(9, 6, 7), num_layers=2)
    whole = run_predict(problem)
    sequences = problem.sequences
    for begin, end in [(0, 2), (2, 5), (5, None)]:
        problem.sequences = [sequence[begin:end] for sequence in sequences]
        part = run_predict(problem)
        problem.h, problem.c = part.h, part.c
    for name in ("raw", "h", "c"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name))


@pytest.mark.parametrize("truncated", [False, True])
def test_the_carousel_keeps_an_error_for_a_thousand_steps(truncated):
    """If all other paths are cut, d c_T / d c_0 is exactly 1.

    They are cut by the truncated rule or by recurrent weights of zero.
    """
    problem = Problem(
        cell="lstm1997", lengths=(1000, 700), hidden_size=LANES + 2, truncated=truncated
    )
    if not truncated:
        problem.params["weight_hh_l0"][:] = 0.0
    problem.dh[:] = 0.0
    problem.row_weight[:] = 0.0  # the only error is that of the final c
    result = run_gradient(problem)
    np.testing.assert_array_equal(result.dc, problem.dc)
    assert not result.dh.any()


def test_an_error_survives_a_thousand_steps():
    """Compare the gradients of the first and the last input, in untrained networks."""
    shares = {}
    for cell, biases in [("lstm1997", {"input_bias": -3.0, "output_bias": -1.0}), ("rnn", {})]:
        problem = Problem(cell=cell, lengths=(1000,), hidden_size=32, loss="squared_error")
        layout = ParameterLayout(replace(problem.spec, cell=CELLS[cell](**biases)))
        problem.params = layout.views(layout.initial(np.random.RandomState(0)))
        for state in (problem.h, problem.c, problem.dh, problem.dc):
            state[:] = 0.0
        first, *_, last = np.linalg.norm(run_gradient(problem).dx[0], axis=1)
        shares[cell] = first / last
    assert 1e-2 < shares["lstm1997"] < 1e2
    assert shares["rnn"] < 1e-9


def test_the_gru_keeps_its_state_where_z_is_one():
    problem = Problem(cell="gru", lengths=(30,), hidden_size=3)
    problem.params["bias_l0"][3:6] = 800.0
    problem.row_weight[:] = 0.0
    result = run_gradient(problem)
    np.testing.assert_allclose(result.h, problem.h, rtol=1e-14)
    np.testing.assert_allclose(result.dh, problem.dh, rtol=1e-14)


@pytest.mark.parametrize("pooling", [("last",), ("mean",), ("max",), ("last", "mean", "max")])
@pytest.mark.parametrize("cell", ["gru", "lstm", "peephole"])
def test_steps_of_streams_equal_the_twin(cell, pooling):
    for hidden_size, num_layers, n_outputs in [(5, 1, 3), (LANES, 2, 1), (LANES + 1, 3, LANES + 1)]:
        problem = Problem(
            cell=cell, lengths=(6,) * 5, hidden_size=hidden_size, num_layers=num_layers,
            pooling=pooling, n_outputs=n_outputs,
        )  # fmt: skip
        steps = np.array(problem.sequences).transpose(1, 0, 2)
        center, deviation = np.array([1.0, -2.0, 0.5]), np.array([0.5, 2.0, 1.0])
        network = network_of(problem)
        packed = [network.packed]
        stream = Stream(network, packed, 5, center, deviation, np.copy, lambda raws: raws[0])
        for t in range(6):
            raw = stream.step(steps[t] * deviation + center)
            seen = [sequence[: t + 1] for sequence in problem.sequences]
            expected = reference.network_step(problem.params, seen, pooling, cell)
            assert_close(raw, expected, 1e-12)


# --- gradient="truncated", bptt_steps -----------------------------------------------------
@pytest.mark.parametrize("bptt_steps", [0, 4])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", WITH_MEMORY)
def test_truncated_equals_the_twin(cell, bidirectional, bptt_steps):
    for hidden_size in (5, LANES):
        problem = Problem(
            cell=cell, hidden_size=hidden_size, num_layers=2, bidirectional=bidirectional,
            pooling=("last", "mean"), truncated=True, lengths=(9, 4, 1, 8, 5, 9),
            bptt_steps=bptt_steps,
        )  # fmt: skip
        result = run_gradient(problem)
        assert_same_gradient(result, problem.gradient_by_twin(), 1e-10)
        for segment in (1, 4):
            assert_same_gradient(run_gradient(problem, segment=segment), result, 1e-12)


def gradient_as_published(problem):
    """Return the gradients by Hochreiter & Schmidhuber (1997), appendix A.1.

    The derivatives of the states are carried forward in time. There is one layer of the 1997 cell
    with blocks of size 1; the features are the mean of the states, so that an error comes from
    every step. The paper's updates are -alpha times these gradients.
    """
    params, hidden_size = problem.params, problem.spec.hidden_size
    W = np.hstack([params["weight_ih_l0"], params["weight_hh_l0"], params["bias_l0"][:, None]])
    forward = problem.prediction_by_twin()
    twin = problem.gradient_by_twin()
    assert twin.raw.shape == forward.raw.shape
    total = np.zeros_like(W)

    def logistic(z):
        return 1.0 / (1.0 + np.exp(-z))

    for n, x in enumerate(problem.sequences):
        h, s = problem.h[0, n], problem.c[0, n]
        ds_in, ds_cell = np.zeros((2, hidden_size, W.shape[1]))  # ds/dw_in,m and ds/dw_c,m
        error = problem.row_weight[n] * (forward.raw[n] - problem.target[n]) / len(forward.raw[n])
        back = params["head_weight"].T @ error / len(x)  # sum over k of w_kv e_k
        for x_t in x:
            y_m = np.concatenate([x_t, h, [1.0]])  # the source units
            net_in, net_c, net_out = np.split(W @ y_m, 3)
            y_in, g, y_out = logistic(net_in), np.tanh(net_c), logistic(net_out)
            s = s + y_in * g
            h = y_out * np.tanh(s)
            ds_in += np.outer(g * y_in * (1.0 - y_in), y_m)
            ds_cell += np.outer((1.0 - g**2) * y_in, y_m)
            e_s = y_out * (1.0 - np.tanh(s) ** 2) * back
            e_out = y_out * (1.0 - y_out) * np.tanh(s) * back
            total += np.vstack([e_s[:, None] * ds_in, e_s[:, None] * ds_cell, np.outer(e_out, y_m)])
    n_channels = problem.spec.n_channels
    return total[:, :n_channels], total[:, n_channels:-1], total[:, -1]


def test_truncated_is_the_rule_of_1997_as_published():
    problem = Problem(
        cell="lstm1997", truncated=True, pooling=("mean",), loss="squared_error",
        lengths=(40, 7, 1, 23), hidden_size=LANES + 1,
    )  # fmt: skip
    problem.dh[:], problem.dc[:] = 0.0, 0.0
    result = run_gradient(problem)
    names = ("weight_ih_l0", "weight_hh_l0", "bias_l0")
    for name, expected in zip(names, gradient_as_published(problem), strict=True):
        assert_close(result.gradient[name], expected, 1e-12, name)


@pytest.mark.parametrize("bptt_steps", [1, 2, 3, 8, 20])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", sorted(CELLS))
def test_bptt_steps_equals_the_twin(cell, bidirectional, bptt_steps):
    problem = Problem(
        cell=cell, num_layers=2, bidirectional=bidirectional, pooling=("last", "mean"),
        lengths=(9, 4, 1, 8, 5, 9), bptt_steps=bptt_steps,
    )  # fmt: skip
    result = run_gradient(problem)
    assert_same_gradient(result, problem.gradient_by_twin(), 1e-10)
    for segment in (1, 2, 5):
        assert_same_gradient(run_gradient(problem, segment=segment), result, 1e-12)


def test_bptt_steps_cut_the_stretches_apart():
    """The gradient is that of the last segment, whose initial state counts as a constant."""
    problem = Problem(cell="gru", lengths=(8, 8), bptt_steps=5)
    cut = run_gradient(problem)
    early, late = zip(*((s[:5], s[5:]) for s in problem.sequences), strict=True)
    problem.sequences = early
    between = run_predict(problem)
    problem.sequences, problem.h, problem.c = late, between.h, between.c
    alone = run_gradient(problem)
    for name, gradient in alone.gradient.items():
        assert_close(cut.gradient[name], gradient, 1e-13, name)
