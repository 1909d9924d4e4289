"""Parameters from torch and to torch, against outputs of torch from tests/golden."""

from pathlib import Path

import numpy as np
import pytest

from sklstm import LSTMClassifier, LSTMRegressor
from sklstm.components import GRU, LSTM, RNN, Convolutions
from sklstm.export import load_parameters, torch_state_dict
from tests.export.models import untrained
from tests.toy import SMALL, problem, sequences

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "torch_layers.npz"
N_STATES = 10  # of the modules in make_torch_layers.py: two directions of 5 units


def golden(cell, kind):
    """Return x, the state dict of a module, and its outputs (n_samples, n_timesteps, n_states)."""
    with np.load(GOLDEN) as arrays:
        prefix = f"{cell}/{kind}/state/"
        state = {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
        return arrays["x"], state, arrays[f"{cell}/{kind}/y"]


def showing_states(monkeypatch, cell, x):
    """Return a regressor that predicts the states of its last layer, at every step."""
    y = np.zeros((*x.shape[:2], N_STATES))
    model = untrained(
        monkeypatch, LSTMRegressor, x, y, cell=cell, hidden_size=5, num_layers=2, scale=None,
        return_sequences=True, dtype="float64", max_iter=1, random_state=0,
    )  # fmt: skip
    return load_parameters(
        model, {"head_weight": np.eye(N_STATES), "head_bias": np.zeros(N_STATES)}
    )


@pytest.mark.parametrize("kind", ["any", "sums"])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_from_torch(monkeypatch, cell, kind):
    x, state, y = golden(cell, kind)
    model = load_parameters(showing_states(monkeypatch, cell, x), state)
    np.testing.assert_allclose(model.predict(x), y, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_to_torch(monkeypatch, cell):
    """What is written is, bit for bit, the state dict from which torch computed the outputs."""
    x, state, y = golden(cell, "sums")
    model = load_parameters(showing_states(monkeypatch, cell, x), state)
    written = torch_state_dict(model)
    assert list(written) == list(state)
    for name, array in written.items():
        np.testing.assert_array_equal(array, state[name], name)
    np.testing.assert_allclose(model.predict(x), y, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_there_and_back_changes_nothing(cell):
    X, y = problem(LSTMClassifier)
    model = LSTMClassifier(**SMALL, cell=cell, dtype="float32").fit(X, y)
    before = model.theta_.copy()
    load_parameters(model, torch_state_dict(model))
    np.testing.assert_array_equal(model.theta_, before)
    assert model.theta_.dtype == np.float32


def test_own_names_replace_parameters(monkeypatch):
    X, slope = sequences()
    model = untrained(monkeypatch, LSTMRegressor, X, slope, **SMALL)
    model.predict(X)  # which keeps the packed parameters
    zeros = {name: np.zeros_like(array) for name, array in model.parameters_.items()}
    load_parameters(model, zeros | {"head_bias": [2.0]})
    np.testing.assert_allclose(
        model.predict(X), model.target_mean_[0] + 2.0 * model.target_scale_[0]
    )


@pytest.mark.parametrize(
    "settings", [{"static_features": [1]}, {"missing": "mask"}, {"categorical_features": [1]}]
)
def test_layers_are_the_same_whatever_the_network_reads(monkeypatch, settings):
    X, slope = sequences()
    for k, x in enumerate(X):
        x[:, 1] = k % 3
    model = untrained(monkeypatch, LSTMRegressor, X, slope, **SMALL, **settings)
    before = model.predict(X)
    load_parameters(model, torch_state_dict(model))
    np.testing.assert_allclose(model.predict(X), before, rtol=1e-12)


def test_a_stream_keeps_the_parameters_with_which_it_was_made(monkeypatch):
    X, slope = sequences()
    settings = SMALL | {"bidirectional": False, "scale": "channel"}
    model = untrained(monkeypatch, LSTMRegressor, X, slope, **settings)
    stream, before = model.stream(), model.predict([X[0][:1]])
    load_parameters(model, {"head_weight": np.zeros((1, 4))})
    np.testing.assert_allclose(stream.step(X[0][0]), before)


def test_parameters_of_an_ensemble_are_stacked():
    X, y = problem(LSTMRegressor)
    model = LSTMRegressor(**SMALL, n_estimators=2).fit(X, y)
    before = model.theta_
    load_parameters(model, {k: array[::-1] for k, array in model.parameters_.items()})
    np.testing.assert_array_equal(model.theta_, before[::-1])
    with pytest.raises(ValueError, match=r"head_bias has the shape \(1,\).*2 members"):
        load_parameters(model, {"head_bias": [0.0]})
    with pytest.raises(ValueError, match="ensemble of 2 networks"):
        torch_state_dict(model)


# --- what is refused ------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"bias_l0": np.array(["a"])}, "bias_l0 holds no numbers, its dtype is <U1"),
        ({"bias_l0": np.zeros(16, complex)}, "bias_l0 holds no numbers, its dtype is complex128"),
        ({"lstm.weight_ih_l0": [0.0]}, r"no parameters named lstm.weight_ih_l0.*prefix"),
        ({"weight_hr_l0": [0.0]}, r"no parameters named weight_hr_l0"),
        ({"head_bias": [0.0, 0.0]}, r"head_bias has the shape \(2,\).*needs \(1,\)"),
        ({"head_bias": [np.nan]}, r"head_bias holds NaN"),
        ({"weight_hh_l0": np.zeros((16, 4))}, r"weight_hh_l0 comes without a bias"),
        ({"bias_ih_l0": np.zeros(16)}, r"bias_ih_l0 must come with bias_hh_l0"),
        ({f"bias_{k}l0": np.zeros(16) for k in ("ih_", "hh_", "")}, r"without bias_l0"),
        ({f"bias_{k}l0": np.zeros(12) for k in ("ih_", "hh_")}, r"needs \(16,\)"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(monkeypatch, given, message):
    X, slope = sequences()
    model = untrained(monkeypatch, LSTMRegressor, X, slope, **SMALL)
    before = model.theta_.copy()
    with pytest.raises(ValueError, match=message):
        load_parameters(model, given)
    np.testing.assert_array_equal(model.theta_, before)


@pytest.mark.parametrize(
    "settings",
    [
        {"cell": "peephole"},
        {"cell": LSTM(layer_norm=True)},
        {"cell": GRU(zoneout=0.1)},
        {"cell": RNN(layer_norm=True)},
        {"num_layers": 0, "front": Convolutions(4)},
    ],
)
def test_what_torch_does_not_have_is_refused(monkeypatch, settings):
    X, slope = sequences()
    model = untrained(monkeypatch, LSTMRegressor, X, slope, **(SMALL | settings))
    with pytest.raises(ValueError, match="torch has no module for"):
        torch_state_dict(model)
