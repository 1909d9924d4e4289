"""Attention over time: against its twin, finite differences, and its other guarantees."""

import numpy as np
import pytest

from sklstm._kernels.attention import (
    BLOCK,
    attention_backward,
    attention_forward,
    attention_step,
)
from sklstm._kernels.gemm import (
    PANEL,
    gemm_address,
)
from sklstm._kernels.jit import kernel
from sklstm._kernels.simd import (
    lanes_of,
)
from tests import reference
from tests.kernels.problem import (
    LENGTHS,
    PackedBatch,
    Problem,
    assert_close,
    assert_same_gradient,
    finite_difference,
    run_gradient,
    run_predict,
)

LANES = lanes_of(np.float64)
ATTENTION = {"pooling": ("attention",), "n_channels": 2}


@kernel
def _forward(
    product, starts, lengths, y, weight, bias, score_weight, keep, projected, scores, features
):
    attention_forward(
        product, starts, lengths, y, weight, bias, score_weight, keep, projected, scores, features
    )


@kernel
def _backward(
    product, starts, lengths, y, weight, score_weight, scores, dfeatures, projected, dscores, dy,
    dweight,
):  # fmt: skip
    attention_backward(
        product, starts, lengths, y, weight, score_weight, scores, dfeatures, projected, dscores,
        dy, dweight,
    )  # fmt: skip


@kernel
def _step(
    product, h, weight, bias, score_weight, n_seen, projected, scores, average, log_total, features
):
    attention_step(
        product, h, weight, bias, score_weight, n_seen, projected, scores, average, log_total,
        features,
    )  # fmt: skip


def panels(weight):
    """Split (rows, columns) into panels of four vectors of columns; pad the last panel."""
    rows, columns = weight.shape
    wide = PANEL * LANES
    filled = np.zeros((rows, -(-columns // wide) * wide))
    filled[:, :columns] = weight
    return np.ascontiguousarray(filled.reshape(rows, -1, wide).transpose(1, 0, 2))


class Attended:
    """Attention by the kernels, with random states and parameters."""

    def __init__(self, lengths=LENGTHS, n_states=3 * LANES, n_units=2 * LANES, large=1.0):
        rng = np.random.RandomState(0)
        self.states = [rng.uniform(-1, 1, (length, n_states)) for length in lengths]
        self.parameters = [
            rng.standard_normal(shape) for shape in [(n_units, n_states), (n_units,), (n_units,)]
        ]
        self.parameters[2] *= large
        self.batch = batch = PackedBatch(self.states)
        self.y = batch.pack(self.states, np.empty((batch.n_rows, n_states)))
        self.dfeatures = rng.standard_normal((len(lengths), n_states))
        self.stride = n_units + LANES

    def forward(self, keep=True):
        """Return the features of each sequence."""
        weight, bias, score_weight = self.parameters
        batch, n_states = self.batch, self.y.shape[1]
        n_kept = batch.n_rows if keep else min(batch.n_rows, BLOCK)
        self.projected = np.full((n_kept, self.stride), np.nan)
        self.scores = np.full(batch.n_rows, np.nan)
        features = np.full((len(self.states), n_states + LANES), np.nan)
        _forward(
            gemm_address(np.float64), batch.starts, batch.lengths, self.y, panels(weight.T), bias,
            score_weight, keep, self.projected, self.scores, features,
        )  # fmt: skip
        assert np.isnan(features[:, n_states:]).all()
        return features[batch.rank, :n_states]

    def backward(self):
        """Return dy of each sequence, and the gradients that were added to the parameters'."""
        weight, _, score_weight = self.parameters
        batch, n_states, n_units = self.batch, self.y.shape[1], len(score_weight)
        dy, dscores = np.full_like(self.y, np.nan), np.full(batch.n_rows, np.nan)
        dweight = np.ones((n_states + 2, self.stride))
        _backward(
            gemm_address(np.float64), batch.starts, batch.lengths, self.y, panels(weight),
            score_weight, self.scores, self.dfeatures[batch.order], self.projected, dscores, dy,
            dweight,
        )  # fmt: skip
        assert (dweight[:, n_units:] == 1.0).all()
        of_weight = dweight[:, :n_units] - 1.0
        of_states = [dy[batch.rows(n)] for n in range(len(self.states))]
        return of_states, [of_weight[:n_states].T, *of_weight[n_states:]]


@pytest.mark.parametrize("lengths", [LENGTHS, (1,), (70, 1, 33, 60, 90)], ids=str)
@pytest.mark.parametrize("n_units", [LANES, 5 * LANES])
def test_equals_the_twin(lengths, n_units):
    attended = Attended(lengths, n_units=n_units)
    without, features = attended.forward(keep=False), attended.forward()
    np.testing.assert_array_equal(without, features)
    of_states, of_parameters = attended.backward()
    expected = [0.0, 0.0, 0.0]
    for n, states in enumerate(attended.states):
        pooled, weights, _ = reference.attention_forward(states, *attended.parameters)
        assert_close(features[n], pooled, 1e-13)
        assert_close(attended.scores[attended.batch.rows(n)], weights, 1e-13)
        dy, *dparameters = reference.attention_backward(
            states, *attended.parameters, attended.dfeatures[n]
        )
        assert_close(of_states[n], dy, 1e-12)
        expected = [a + b for a, b in zip(expected, dparameters, strict=True)]
    for gradient, twin in zip(of_parameters, expected, strict=True):
        if len(set(lengths)) > 1:  # a single step has weight 1 for any parameters
            assert_close(gradient, twin, 1e-12)
        else:
            np.testing.assert_allclose(gradient, twin, atol=1e-12)


@pytest.mark.parametrize("large", [1.0, 1000.0])
def test_weights_sum_to_one_however_large_the_scores(large):
    attended = Attended((70, 1, 33), large=large)
    assert np.isfinite(attended.forward()).all()
    for n in range(3):
        weights = attended.scores[attended.batch.rows(n)]
        assert weights.sum() == pytest.approx(1.0, abs=1e-13)
        assert (weights >= 0.0).all()


@pytest.mark.parametrize("large", [1.0, 1000.0])
def test_steps_of_streams_equal_the_twin(large):
    attended = Attended((9,) * 5, large=large)
    weight, bias, score_weight = attended.parameters
    n_states = attended.y.shape[1]
    expected = [reference.attention_step(y, *attended.parameters) for y in attended.states]
    average, log_total = np.full((2, 5, n_states), np.nan)
    average[:] = 0.0
    for t in range(9):
        features = np.full((5, n_states + LANES), np.nan)
        h = np.array([states[t] for states in attended.states])
        _step(
            gemm_address(np.float64), h, panels(weight.T), bias, score_weight, np.full(5, t + 1),
            np.full((5, attended.stride), np.nan), np.full(5, np.nan), average, log_total,
            features,
        )  # fmt: skip
        assert_close(features[:, :n_states], np.array([e[t] for e in expected]), 1e-12)


# --- in the network -----------------------------------------------------------------------
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("num_layers", [1, 2])
def test_network_equals_the_twin(num_layers, bidirectional):
    for hidden_size, n_static, masks in [(5, 0, True), (LANES, 2, False), (4 * LANES + 1, 2, True)]:
        problem = Problem(
            hidden_size=hidden_size, num_layers=num_layers, bidirectional=bidirectional,
            n_static=n_static, masks=masks, **ATTENTION,
        )  # fmt: skip
        assert_same_gradient(run_gradient(problem), problem.gradient_by_twin(), 1e-10)
        assert_close(run_predict(problem).raw, problem.prediction_by_twin().raw, 1e-12)


@pytest.mark.parametrize("cell", ["peephole", "coupled", "rnn"])  # the others: test_steps.py
def test_finite_differences(cell):
    problem = Problem(
        cell=cell, hidden_size=3, bidirectional=True, lengths=(3, 5, 1, 4), loss="squared_error",
        **ATTENTION,
    )  # fmt: skip
    for name in ("attention_weight", "score_weight"):
        problem.params[name] *= 3.0  # else all steps have almost the same weight
    exact = run_gradient(problem)
    for name, numeric, analytic in finite_difference(problem, exact, n_places=24):
        if name == "dc" and cell == "rnn":
            continue  # without memory, c is passed through unchanged
        assert np.abs(analytic).max() > 1e-4, name
        assert_close(numeric, analytic, 1e-6, name)


def test_checkpoints_and_precision_leave_the_gradient_as_it_is():
    lengths = np.random.RandomState(1).randint(20, 41, 12)
    problem = Problem(lengths=lengths, hidden_size=20, num_layers=2, **ATTENTION)
    double = run_gradient(problem)
    assert_same_gradient(run_gradient(problem, segment=7), double, 1e-11)
    single = run_gradient(problem, np.float32)
    for name, gradient in double.gradient.items():
        error = np.linalg.norm(single.gradient[name] - gradient)
        assert error < 2e-4 * np.linalg.norm(gradient), name


def test_prediction_depends_on_no_other_sequence():
    lengths = np.random.RandomState(2).randint(1, 60, 23)
    problem = Problem(lengths=lengths, hidden_size=LANES + 3, bidirectional=True, **ATTENTION)
    together = run_predict(problem).raw
    for n in range(len(lengths)):
        np.testing.assert_array_equal(run_predict(problem.subset([n])).raw, together[[n]])
