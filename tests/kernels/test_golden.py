"""The kernels against torch's LSTM, GRU, RNN and transformer encoder layers.

tests/golden/make_golden.py has made the values.
"""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from sklstm._network.parameters import ParameterLayout
from sklstm._training.optimizer import Optimizer
from sklstm.components import SGD, Adam, AdamW, RMSProp, SelfAttention
from tests.kernels.problem import (
    Problem,
    as_theta_is,
    assert_close,
    assert_same_gradient,
    network_spec,
    run_gradient,
)

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
N_STEPS = 10
# As in make_golden.py.
# solver, learning rate and weight decay
STEPS = {
    "adam": (Adam(), 0.01, 0.0),
    "adam_decay": (Adam(), 0.01, 0.1),
    "adamw": (AdamW(), 0.01, 0.1),
    "sgd": (SGD(nesterov=False), 0.1, 0.1),
    "nesterov": (SGD(nesterov=True), 0.1, 0.0),
    "rmsprop": (RMSProp(decay=0.99, epsilon=1e-6), 0.01, 0.0),
}


SETTINGS = [
    "classification", "regression", "gru", "rnn", "layer_norm", "encoder", "causal_encoder"
]  # fmt: skip


@pytest.fixture(params=SETTINGS)
def golden(request):
    """Return the arrays of one file."""
    with np.load(GOLDEN / f"{request.param}.npz") as arrays:
        return dict(arrays)


def named(golden, prefix):
    """Return the arrays under a prefix, without it."""
    prefix += "/"
    return {k.removeprefix(prefix): v for k, v in golden.items() if k.startswith(prefix)}


def golden_problem(golden):
    """Return the problem that torch has computed."""
    problem = object.__new__(Problem)
    n_layers, n_heads, n_wide = golden.get("encoder", (0, 0, 0))
    encoder = SelfAttention(int(n_layers), int(n_heads), int(n_wide)) if n_layers else None
    problem.params = named(golden, "theta")
    problem.spec = network_spec(
        golden["x"].shape[1], golden["h"].shape[2], int(golden["num_layers"]),
        bool(golden["bidirectional"]), tuple(golden["pooling"].tolist()),
        golden["raw"].shape[1], str(golden["loss_name"]), cell=str(golden.get("cell", "lstm")),
        layer_norm=bool(golden.get("layer_norm", False)), encoder=encoder,
    )  # fmt: skip
    problem.sequences = np.split(golden["x"], np.cumsum(golden["lengths"])[:-1])
    problem.n_rows = golden["lengths"] if problem.spec.per_step else [1] * len(golden["lengths"])
    for name in ("target", "row_weight", "h", "c"):
        setattr(problem, name, golden[name])
    problem.dh, problem.dc = np.zeros_like(problem.h), np.zeros_like(problem.c)
    problem.static = np.empty((len(problem.sequences), 0))
    problem.layer_masks = problem.feature_mask = None
    return problem


def test_states_loss_and_gradients(golden):
    problem = golden_problem(golden)
    expected = SimpleNamespace(**{k: golden[k] for k in ("loss", "raw", "dh", "dc")})
    expected.h, expected.c = golden["h_n"], golden["c_n"]
    expected.gradient = named(golden, "gradient")
    expected.dx = [golden["dx"]]
    assert_same_gradient(run_gradient(problem), expected, 1e-10)
    # check the twins too, because everything else is compared with them
    assert_same_gradient(problem.gradient_by_twin(), expected, 1e-10)


@pytest.mark.parametrize("solver", sorted(STEPS))
def test_ten_steps(golden, solver):
    problem = golden_problem(golden)
    layout = ParameterLayout(problem.spec)
    component, rate, alpha = STEPS[solver]
    optimizer = Optimizer(component, layout.size, np.float64, alpha, clip_norm=None)
    network = as_theta_is(layout.runs(), layout.size)
    theta, gradient = np.zeros((2, layout.size))
    problem.params, gradients = layout.views(theta), layout.views(gradient)
    for name, start in named(golden, "theta").items():
        problem.params[name][...] = start
    for _ in range(N_STEPS):
        result = run_gradient(problem, need_dx=False)
        for name, view in gradients.items():
            view[...] = result.gradient[name]
        optimizer.update(
            network, theta, gradient[np.newaxis], np.empty(0), rate, np.empty_like(theta)
        )
    assert_close(theta, golden[f"after/{solver}"], 1e-9)
    start = np.concatenate([array.ravel() for array in named(golden, "theta").values()])
    for name, moves in layout.views(np.abs(theta - start)).items():
        if name.startswith("self_attn_in_proj_bias"):
            # a bias of the keys adds the same to all scores of a step, and so has no gradient
            moves = np.delete(moves, np.arange(len(moves) // 3, 2 * len(moves) // 3))
        assert moves.min() > 1e-7, name  # every parameter has moved
