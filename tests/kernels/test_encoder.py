"""Encoder layers: against their twins, torch and finite differences, and their guarantees."""

import numpy as np
import pytest

from sklstm._input.sequences import PackedBatch
from sklstm._kernels.gemm import gemm_address
from sklstm._kernels.jit import kernel
from sklstm._kernels.row_norm import row_norm_backward, row_norm_forward
from sklstm._kernels.self_attention import (
    QUERIES,
    self_attention_backward,
    self_attention_forward,
)
from sklstm._kernels.simd import lanes_of
from sklstm._network import workspaces
from sklstm._network.chunk import Chunk
from sklstm.components import SelfAttention
from sklstm.components.convolutions import ConvolutionLayer
from tests import reference
from tests.kernels.problem import (
    LENGTHS,
    Problem,
    assert_close,
    assert_same_gradient,
    fill_up,
    finite_difference,
    network_of,
    run_gradient,
    run_predict,
)

LANES = lanes_of(np.float64)
POOLINGS = [("last",), ("mean",), ("last", "mean", "max"), ("attention",), ("steps",)]


# --- the parts ----------------------------------------------------------------------------
@kernel
def _norm(x, gain, bias, n_units, n_hidden, unit, to_unit, z):
    row_norm_forward(x, gain, bias, n_units, n_hidden, unit, to_unit, z)


@kernel
def _norm_back(unit, to_unit, gain, n_units, n_hidden, dz, dx, dgain, dbias):
    row_norm_backward(unit, to_unit, gain, n_units, n_hidden, dz, dx, dgain, dbias)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n_units", "n_blocks"), [(3, 2), (5, 1), (5, 2), (LANES, 1), (17, 2)])
def test_row_norm_equals_the_twin(n_units, n_blocks, dtype):
    rng = np.random.RandomState(0)
    lanes, n_rows = lanes_of(dtype), 7
    n_hidden = -(-n_units // lanes) * lanes
    x, dz = 3.0 + rng.standard_normal((2, n_rows, n_blocks * n_units))
    gain, bias = rng.standard_normal((2, n_blocks * n_units))

    def wide(values, value=0.0):
        return fill_up(values, n_units, n_hidden, value).astype(dtype)

    def narrow(values):
        blocks = values.reshape(*values.shape[:-1], n_blocks, n_hidden)
        np.testing.assert_array_equal(blocks[..., n_units:], 0.0)
        return blocks[..., :n_units].reshape(*values.shape[:-1], -1)

    n_states = n_blocks * n_hidden
    unit, to_unit = np.full((n_rows, n_states), np.nan, dtype), np.full(n_rows, np.nan, dtype)
    z = np.full((n_rows, n_states + lanes), np.nan, dtype)
    _norm(wide(x), wide(gain), wide(bias), n_units, n_hidden, unit, to_unit, z)
    expected, step = reference.row_norm_forward(x, gain, bias)
    exact = 1e-13 if dtype == np.float64 else 2e-6
    assert_close(narrow(z[:, :n_states]), expected, exact)
    assert (z[:, n_states] == 1.0).all()
    assert np.isnan(z[:, n_states + 1 :]).all()
    dx, dgain, dbias = (
        np.zeros(shape, dtype) for shape in [(n_rows, n_states), n_states, n_states]
    )
    _norm_back(unit, to_unit, wide(gain), n_units, n_hidden, wide(dz), dx, dgain, dbias)
    found = dx, dgain, dbias
    for gradient, twin in zip(found, reference.row_norm_backward(step, gain, dz), strict=True):
        assert_close(narrow(gradient), twin, 1e-12 if dtype == np.float64 else 1e-5)


@kernel
def _attend(product, lengths, qkv, n_heads, size, scale, causal, keys, scores, softmax, out):
    self_attention_forward(
        product, lengths, qkv, n_heads, size, scale, causal, keys, scores, softmax, out
    )


@kernel
def _attend_back(
    product, lengths, qkv, n_heads, size, scale, causal, softmax, dout, keys, values, scores,
    dscores, dqkv,
):  # fmt: skip
    self_attention_backward(
        product, lengths, qkv, n_heads, size, scale, causal, softmax, dout, keys, values, scores,
        dscores, dqkv,
    )  # fmt: skip


@pytest.mark.parametrize("large", [1.0, 100.0])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(("n_heads", "size"), [(1, 3), (3, LANES), (2, LANES + 1)])
@pytest.mark.parametrize("lengths", [LENGTHS, (1,), (2 * QUERIES + 5, 1, QUERIES, LANES)], ids=str)
def test_self_attention_equals_the_twin(lengths, n_heads, size, causal, large):
    rng = np.random.RandomState(0)
    head, lengths = -(-size // LANES) * LANES, np.array(lengths)
    n_rows, n_attended, n_columns = lengths.sum(), n_heads * head, -(-max(lengths) // LANES) * LANES
    qkv = large * rng.standard_normal((n_rows, 3 * n_heads * size))
    dout = rng.standard_normal((n_rows, n_heads * size))
    wide = np.full((n_rows, 3 * n_attended + LANES), np.nan)
    wide[:, : 3 * n_attended] = fill_up(qkv, size, head)
    out = np.full((n_rows, n_attended + LANES), np.nan)
    softmax = np.full((n_rows, 2 * n_heads), np.nan)
    keys, values = np.full((2, size, n_columns), np.nan)
    scores, dscores = np.full((2, QUERIES, n_columns + LANES), np.nan)
    settings = (gemm_address(np.float64), lengths, wide, n_heads, size, size**-0.5, causal)
    _attend(*settings, keys, scores, softmax, out)
    assert (out[:, n_attended] == 1.0).all()
    wide_dout, dqkv = out.copy(), np.full_like(wide, np.nan)
    wide_dout[:, :n_attended] = fill_up(dout, size, head)
    _attend_back(*settings, softmax, wide_dout, keys, values, scores, dscores, dqkv)

    def narrow(values, n_blocks):
        return (
            values[:, : n_blocks * head]
            .reshape(n_rows, n_blocks, head)[..., :size]
            .reshape(n_rows, -1)
        )

    for rows in np.split(np.arange(n_rows), np.cumsum(lengths)[:-1]):
        expected, _ = reference.self_attention_forward(qkv[rows], n_heads, causal)
        assert_close(narrow(out, n_heads)[rows], expected, 1e-12)
        slopes = reference.self_attention_backward(qkv[rows], n_heads, causal, dout[rows])
        found = narrow(dqkv, 3 * n_heads)[rows]
        np.testing.assert_allclose(found, slopes, atol=1e-11 * large * np.abs(slopes).max())


# --- in the network -----------------------------------------------------------------------
@pytest.mark.parametrize("pooling", POOLINGS, ids="-".join)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_network_equals_the_twin(bidirectional, pooling):
    steps = pooling == ("steps",)
    for hidden_size, num_layers, encoder, n_static, masks in [
        (6, 1, SelfAttention(1, 3), 0, True),
        (LANES, 2, SelfAttention(2, 2, 5), 0 if steps else 2, False),
        (4 * LANES + 2, 1, SelfAttention(3, 1, 4 * LANES), 0, True),
    ]:
        problem = Problem(
            hidden_size=hidden_size, num_layers=num_layers, bidirectional=bidirectional,
            encoder=encoder, n_static=n_static, masks=masks, pooling=pooling,
        )  # fmt: skip
        assert_same_gradient(run_gradient(problem), problem.gradient_by_twin(), 1e-10)
        forward, expected = run_predict(problem), problem.prediction_by_twin()
        for name in ("raw", "h", "c"):
            assert_close(getattr(forward, name), getattr(expected, name), 1e-12, name)


FRONT = (ConvolutionLayer(6, 3, stride=2, activation="tanh"),)
BRANCH = (ConvolutionLayer(3, 3, causal=False, normalised=True),)


@pytest.mark.parametrize(
    "options",
    [
        {"front": FRONT, "branch": BRANCH, "pooling": ("last", "mean"), "bidirectional": True},
        {"front": FRONT, "num_layers": 0, "pooling": ("last", "max")},
        {"front": FRONT, "num_layers": 0, "pooling": ("last",)},
        {"truncated": True, "pooling": ("mean",), "bidirectional": True},
        {"bptt_steps": 2, "num_layers": 2},
        {"cell": "gru", "zoneout_h": 0.3, "layer_norm": True, "recurrent_dropout": 0.2},
    ],
    ids=["front and branch", "no layers", "no layers, last", "truncated", "bptt_steps", "noise"],
)
def test_with_other_parts_equals_the_twin(options):
    problem = Problem(**{"hidden_size": 6, "encoder": SelfAttention(2, 2, 7)} | options)
    assert_same_gradient(run_gradient(problem), problem.gradient_by_twin(), 1e-10)
    assert_close(run_predict(problem).raw, problem.prediction_by_twin().raw, 1e-12)


@pytest.mark.parametrize(
    "options",
    [
        {"pooling": ("last",), "bidirectional": True, "num_layers": 2},
        {"pooling": ("attention",)},
        {"pooling": ("steps",)},
        {"pooling": ("last", "mean", "max"), "front": FRONT[:1]},
    ],
    ids=lambda options: "-".join(options["pooling"]),
)
def test_finite_differences(options):
    """With one cell: the encoder reads the states of any. Another one has its test above."""
    problem = Problem(
        **{"hidden_size": 4, "n_channels": 2, "lengths": (3, 5, 1, 4), "loss": "squared_error"},
        encoder=SelfAttention(2, 2, 5), **options,
    )  # fmt: skip
    exact = run_gradient(problem)
    for name, numeric, analytic in finite_difference(problem, exact, n_places=24):
        assert np.abs(analytic).max() > 1e-4, name
        assert_close(numeric, analytic, 1e-6, name)


def test_layers_that_add_nothing_leave_the_network_as_it_is():
    for pooling in POOLINGS:
        options = {"hidden_size": 6, "bidirectional": True, "pooling": pooling}
        problem = Problem(**options, encoder=SelfAttention(2, 3))
        for name, values in problem.params.items():
            if name.startswith(("self_attn_out_proj", "linear2")):
                values[:] = 0.0
        without = Problem(**options)
        without.params = {name: problem.params[name] for name in without.params}
        without.sequences, without.h, without.c = problem.sequences, problem.h, problem.c
        np.testing.assert_array_equal(run_predict(problem).raw, run_predict(without).raw)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_each_step_reads_the_steps_up_to_it_in_one_direction(bidirectional):
    problem = Problem(
        lengths=(9,), hidden_size=6, bidirectional=bidirectional, pooling=("steps",),
        encoder=SelfAttention(2, 3),
    )  # fmt: skip
    before = run_predict(problem).raw
    problem.sequences[0][5:] += 1.0
    changed = (run_predict(problem).raw != before).any(axis=1)
    np.testing.assert_array_equal(changed, [bidirectional] * 5 + [True] * 4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("pooling", [("mean",), ("steps",)])
def test_prediction_depends_on_no_other_sequence_and_no_order(pooling, dtype):
    lengths = np.random.RandomState(2).randint(1, 2 * QUERIES, 23)
    problem = Problem(
        lengths=lengths, hidden_size=LANES + 4, pooling=pooling, encoder=SelfAttention(2, 4)
    )
    together = problem.by_sequence(run_predict(problem, dtype).raw)
    order = np.random.RandomState(3).permutation(len(lengths))
    other = problem.subset(order)
    for n, rows in zip(order, other.by_sequence(run_predict(other, dtype).raw), strict=True):
        np.testing.assert_array_equal(rows, together[n])
    for n in range(len(lengths)):
        np.testing.assert_array_equal(run_predict(problem.subset([n]), dtype).raw, together[n])
    np.testing.assert_array_equal(run_gradient(problem, dtype).raw, np.concatenate(together))


def test_checkpoints_and_precision_leave_the_gradient_as_it_is(monkeypatch):
    lengths = np.random.RandomState(1).randint(20, 2 * QUERIES, 12)
    problem = Problem(
        lengths=lengths, hidden_size=20, num_layers=2, pooling=("last", "max"),
        encoder=SelfAttention(2, 4),
    )  # fmt: skip
    double = run_gradient(problem)
    assert_same_gradient(double, problem.gradient_by_twin(), 1e-10)
    single = run_gradient(problem, np.float32)
    assert single.raw.dtype == np.float32
    for name, gradient in double.gradient.items():
        error = np.linalg.norm(single.gradient[name] - gradient)
        assert error < 5e-4 * np.linalg.norm(gradient) + 1e-4, name
    monkeypatch.setattr(workspaces, "_KEPT_BYTES", 0)
    assert_same_gradient(run_gradient(problem), double, 1e-11)


def test_divergence_stays_visible():
    problem = Problem(hidden_size=6, pooling=("mean",), encoder=SelfAttention(2, 3))
    clean = run_gradient(problem)
    problem.sequences[2][3, 1] = np.nan
    dirty = run_gradient(problem, need_dx=False)
    assert np.isnan(dirty.raw[2]).all()
    others = [0, 1, 3, 4]
    np.testing.assert_array_equal(dirty.raw[others], clean.raw[others])
    assert all(np.isnan(gradient).any() for gradient in dirty.gradient.values())


@pytest.mark.parametrize("pooling", [("mean",), ("steps",)])
def test_weights_of_the_heads_are_those_of_the_twin(pooling):
    encoder, n_timesteps = SelfAttention(2, 3), QUERIES + 7
    problem = Problem(lengths=(n_timesteps,), hidden_size=6, pooling=pooling, encoder=encoder)
    (x,), params = problem.sequences, problem.params
    ((_, states, _),) = reference.network_predict(params, [x], pooling).traces
    _, trace = reference.encoder_forward(params, encoder, pooling == ("steps",), states)
    chunk = Chunk(network_of(problem))
    starts, lengths = np.arange(n_timesteps + 1), np.array([n_timesteps])
    batch = PackedBatch(x, starts, lengths, np.empty((1, 0)))
    for layer, (_, _, qkv, *_) in enumerate(trace):
        _, weights = reference.self_attention_forward(qkv, 3, pooling == ("steps",))
        assert_close(chunk.self_attention(batch, layer), weights, 1e-12)
