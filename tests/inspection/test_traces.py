import numpy as np
import pandas as pd
import pytest

from sklstm import LSTMClassifier
from sklstm._network.parameters import ParameterLayout
from sklstm.components.cells import CELLS
from sklstm.inspection import error_flow, state_traces
from tests import reference
from tests.inspection.networks import fitted
from tests.toy import SMALL


def scaled(model, x):
    """Return a sequence as a network with scale="channel" reads it."""
    return (x - model.channel_mean_) / model.channel_scale_


PLAIN = {"scale": "channel", "front": None, "branch": None}


@pytest.mark.parametrize("cell", CELLS)
def test_states_equal_those_of_the_twin(cell):
    model, X = fitted("defaults of the regressor", cell=cell, num_layers=2, **PLAIN)
    traces = state_traces(model, X[0])
    params = {name: np.array(value) for name, value in model.parameters_.items()}
    sequence = [scaled(model, X[0])]
    forward = reference.network_predict(params, sequence, ("last",), cell=cell)
    states = np.concatenate([traces["h_l1"], traces["h_l1_reverse"]], axis=1)
    np.testing.assert_allclose(states, forward.traces[0][1], rtol=1e-12, atol=1e-15)
    for scan, name in enumerate(["l0", "l0_reverse", "l1", "l1_reverse"]):
        last = 0 if "reverse" in name else -1
        np.testing.assert_allclose(traces[f"h_{name}"][last], forward.h[scan, 0], rtol=1e-12)
        if f"c_{name}" in traces:
            np.testing.assert_allclose(traces[f"c_{name}"][last], forward.c[scan, 0], rtol=1e-12)
    assert {len(trace) for trace in traces.values()} == {len(X[0])}


def test_gates_make_the_states():
    model, X = fitted("defaults of the regressor", **PLAIN)
    traces = state_traces(model, X[0])
    assert [name for name in traces if name.endswith("_l0")] == [f"{part}_l0" for part in "hcifgo"]
    for suffix, order in (("l0", slice(None)), ("l0_reverse", slice(None, None, -1))):
        h, c, i, f, g, o = (traces[f"{part}_{suffix}"][order] for part in "hcifgo")
        before = np.concatenate([np.zeros((1, c.shape[1])), c[:-1]])
        np.testing.assert_allclose(c, f * before + i * g, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(h, o * np.tanh(c), rtol=1e-12, atol=1e-15)
    model, X = fitted("gru", cell="gru", bidirectional=False, scale="channel")
    h, r, z, n = state_traces(model, X[0]).values()
    before = np.concatenate([np.zeros((1, h.shape[1])), h[:-1]])
    np.testing.assert_allclose(h, (1 - z) * n + z * before, rtol=1e-12, atol=1e-15)
    assert ((r > 0) & (r < 1)).all()


def test_names_and_shapes():
    model, X = fitted("layers", cell="rnn")
    assert list(state_traces(model, X[0])) == ["h_l0", "h_l0_reverse", "h_l1", "h_l1_reverse"]
    model, X = fitted("patches")
    assert state_traces(model, X[0])["h_l0"].shape == (-(-len(X[0]) // 3), 3)
    model, X = fitted("two classes")  # with a stride of 2
    assert state_traces(model, X[0])["c_l0"].shape == (-(-len(X[0]) // 2), 3)
    assert len(error_flow(model, X[0])["l0"]) == -(-len(X[0]) // 2)
    model, X = fitted("no layers")
    for function in (state_traces, error_flow):
        with pytest.raises(ValueError, match="no states"):
            function(model, X[0])


@pytest.mark.parametrize("n_timesteps", [1, 7])
def test_error_flow_equals_the_twin(n_timesteps):
    model, X = fitted("defaults of the regressor", bidirectional=False, **PLAIN)
    x = np.resize(X[0], (n_timesteps, 2))
    flow = error_flow(model, x)["l0"]
    params = {name: np.array(value) for name, value in model.parameters_.items()}
    sequence = scaled(model, x)
    slope = np.full((1, 1), model.target_scale_[0])
    for k in range(1, n_timesteps + 1):
        before = [sequence[: n_timesteps - k]]
        h = c = np.zeros((1, 1, 3))
        if k < n_timesteps:
            start = reference.network_predict(params, before, ("last",))
            h, c = start.h, start.c
        left = reference.network_gradient(
            params, [sequence[n_timesteps - k :]], slope, np.ones(1), ("last",), "linear", h=h, c=c
        )
        expected = np.sqrt((left.dh**2).sum() + (left.dc**2).sum())
        assert flow[k - 1] == pytest.approx(expected, rel=1e-9)


def test_members_of_an_ensemble_have_states_of_their_own():
    model, X = fitted("ensemble")
    with pytest.raises(ValueError, match=r"ensemble of 3 networks.*pass one of estimators_"):
        state_traces(model, X[0])
    assert "h_l0" in state_traces(model.estimators_[1], X[0])


def without_recurrent_weights(cell):
    """Return a network of one unit whose error goes back through its memory alone."""
    model, X = fitted("defaults of the regressor", cell=cell, hidden_size=1,
                      bidirectional=False, **PLAIN)  # fmt: skip
    theta = model.theta_.copy()
    ParameterLayout(model._spec).views(theta)["weight_hh_l0"][...] = 0.0
    model.theta_ = theta
    return model, np.resize(X[0], (60, 2))


def test_the_error_carousel_of_1997_keeps_the_error():
    """Its memory has a weight of 1 to itself, so that the error neither vanishes nor explodes."""
    model, x = without_recurrent_weights("lstm1997")
    flow = error_flow(model, x)["l0"]
    assert flow[0] > 0.0
    np.testing.assert_allclose(flow, flow[0], rtol=1e-12)


def test_forget_gates_make_the_error_vanish():
    """With forget gates, what is left after k steps back is their product."""
    model, x = without_recurrent_weights("lstm")
    forget = state_traces(model, x)["f_l0"][::-1, 0]
    flow = error_flow(model, x)["l0"]
    np.testing.assert_allclose(flow, flow[0] * np.cumprod(forget) / forget[0], rtol=1e-12)
    assert flow[-1] < 0.1 * flow[0]


def test_one_sequence_of_a_wide_table():
    """A row of it is one, in any form; so is an X of one sample."""
    rng = np.random.default_rng(0)
    wide = pd.DataFrame(rng.standard_normal((12, 6))).add_prefix("week_")
    wide["sex"], wide["age"] = ["f", "m"] * 6, rng.normal(50.0, 10.0, 12)
    y = np.arange(12) % 2
    static = {"static_features": ["sex", "age"], "categorical_features": ["sex"]}
    mixed = LSTMClassifier(**SMALL, **static).fit(wide, y)
    steps = [np.array([[v, *wide.iloc[3, 6:]] for v in wide.iloc[3, :6]], object)]
    np.testing.assert_array_equal(mixed.predict_proba(steps), mixed.predict_proba(wide.iloc[[3]]))
    numbers = wide.iloc[:, :6]
    two = LSTMClassifier(**SMALL, n_channels=2).fit(numbers, y)
    one = LSTMClassifier(**SMALL).fit(numbers.to_numpy(), y)
    row, flat, values = wide.iloc[[3]], numbers.iloc[[3]], numbers.to_numpy()[3]
    pairs = values.reshape(3, 2)
    for model, expected, forms in (
        (mixed, steps[0], [row, row.iloc[0], steps]),
        (two, pairs, [flat, flat.iloc[0], [pairs]]),
        (one, values, [values, values[np.newaxis], [values], values[:, np.newaxis]]),
    ):
        traces, flow = state_traces(model, expected), error_flow(model, expected)
        for x in forms:
            np.testing.assert_array_equal(state_traces(model, x)["h_l0"], traces["h_l0"])
            np.testing.assert_array_equal(error_flow(model, x)["l0"], flow["l0"])
