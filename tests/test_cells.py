"""`cell=` and the parameters that depend on it, in the estimators."""

from dataclasses import replace

import numpy as np
import pytest

from sklstm import LSTMClassifier, LSTMRegressor
from sklstm._network.parameters import ParameterLayout
from sklstm.components import GRU, LSTM, LSTM1997, RNN, Coupled
from sklstm.components.cells import CELLS
from tests.kernels.problem import network_spec
from tests.toy import ESTIMATORS, SMALL, padded, problem, raw

# Every cell in double precision, as in the tests of the kernels: they share the compiled code.
# Single precision of every cell: tests/kernels/test_cells.py.
DOUBLE = {"dtype": "float64"}


@pytest.mark.parametrize("cell", sorted(CELLS))
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_every_cell_learns(Estimator, cell):
    X, y = problem(Estimator, n_samples=120, lengths=(4, 9))
    model = Estimator(
        cell=cell, hidden_size=8, max_iter=40, learning_rate_init=0.01, random_state=0, **DOUBLE
    ).fit(X, y)
    assert model.score(X, y) > 0.9
    np.testing.assert_array_equal(raw(model, padded(X)), raw(model, X))


@pytest.mark.parametrize("cell", sorted(CELLS))
def test_threads_leave_the_result_as_it_is(cell):
    X, y = problem(LSTMClassifier, n_samples=64)
    models = [
        LSTMClassifier(**SMALL | DOUBLE, cell=cell, n_jobs=n_jobs, batch_size=64, num_layers=2).fit(
            X, y
        )
        for n_jobs in (1, 2)
    ]
    np.testing.assert_array_equal(models[0].theta_, models[1].theta_)


@pytest.mark.parametrize("cell", sorted(CELLS))
def test_parameters_by_name(cell):
    X, y = problem(LSTMRegressor)
    model = LSTMRegressor(**SMALL | DOUBLE, cell=cell, scale="channel").fit(X, y)
    n_gates = 4 * len(CELLS[cell].input_columns)
    shapes = {name: view.shape for name, view in model.parameters_.items()}
    assert shapes["weight_ih_l0"] == (n_gates, 2)
    assert shapes["weight_hh_l0_reverse"] == (n_gates, 4)
    assert shapes["bias_l0"] == ((16,) if cell == "gru" else (n_gates,))
    assert ("weight_ch_l0" in shapes) == (cell == "peephole")


@pytest.mark.parametrize("gradient", [{"gradient": "truncated"}, {"bptt_steps": 3}])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_cut_gradient_learns_and_differs(Estimator, gradient):
    X, y = problem(Estimator, n_samples=120, lengths=(6, 9))
    settings = {"hidden_size": 8, "max_iter": 40, "random_state": 0, "learning_rate_init": 0.01}
    model = Estimator(**settings, **gradient).fit(X, y)
    assert model.score(X, y) > 0.9
    assert not np.array_equal(model.theta_, Estimator(**settings).fit(X, y).theta_)


def test_bptt_steps_beyond_the_longest_sequence_cut_nothing():
    X, y = problem(LSTMRegressor)
    models = [LSTMRegressor(**SMALL, bptt_steps=steps).fit(X, y) for steps in (None, 9)]
    np.testing.assert_array_equal(models[0].theta_, models[1].theta_)


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({"cell": "gru", "gradient": "truncated"}, "set gradient='full'"),
        ({"cell": "rnn", "gradient": "truncated"}, "set gradient='full'"),
        ({"cell": GRU(), "gradient": "truncated"}, "set gradient='full'"),
        ({"cell": LSTM(forget_bias=1.0, longest_lag=20)}, "leave longest_lag at None"),
    ],
    ids=str,
)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_refused_combinations_say_what_to_change(Estimator, settings, advice):
    with pytest.raises(ValueError, match=advice) as error:
        Estimator(**SMALL, **settings).fit(*problem(Estimator))
    assert str(error.value).endswith(".")


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        (GRU, "input_bias"), (RNN, "output_bias"), (LSTM1997, "forget_bias"),
        (RNN, "forget_bias"), (Coupled, "input_bias"), (CELLS["peephole"], "layer_norm"),
    ],
)  # fmt: skip
def test_a_cell_has_no_parameter_for_what_it_lacks(cell, name):
    assert name not in cell().get_params()
    with pytest.raises(TypeError, match=name):
        cell(**{name: 1.0})


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (LSTM(forget_bias="crono"), "'forget_bias' parameter of LSTM"),
        (LSTM1997(input_bias=None), "'input_bias' parameter of LSTM1997"),
        (GRU(zoneout=1.0), "'zoneout' parameter of GRU"),
        (RNN(recurrent_init="zeros"), "'recurrent_init' parameter of RNN"),
    ],
    ids=str,
)
def test_wrong_values_name_component_and_parameter(cell, message):
    with pytest.raises(ValueError, match=message):
        LSTMRegressor(**SMALL, cell=cell).fit(*problem(LSTMRegressor))


def test_warm_start_keeps_the_cell():
    X, y = problem(LSTMClassifier)
    model = LSTMClassifier(**SMALL, warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match="cell='gru', but the network was started with 'lstm'"):
        model.set_params(cell="gru").fit(X, y)
    model.set_params(cell="lstm", gradient="truncated").fit(X, y)  # this may change
    with pytest.raises(ValueError, match=r"cell=LSTM\(zoneout=0.1\), but .* started with 'lstm'"):
        model.set_params(cell__zoneout=0.1).fit(X, y)
    cell = LSTM(zoneout=0.1)
    model = LSTMClassifier(**SMALL, warm_start=True, cell=cell).fit(X, y)
    cell.zoneout = 0.2  # the model keeps what it was started with
    with pytest.raises(ValueError, match=r"started with LSTM\(zoneout=0.1\)"):
        model.fit(X, y)


# --- initial values -----------------------------------------------------------------------
def initial(cell="lstm", hidden_size=200, **settings):
    """Parameters by name, and the blocks of the bias by column."""
    spec = network_spec(3, hidden_size, 1, False, ("last",), 2, "softmax", cell)
    layout = ParameterLayout(replace(spec, cell=CELLS[cell](**settings)))
    params = layout.views(layout.initial(np.random.RandomState(0)))
    blocks = params["bias_l0"].reshape(-1, hidden_size)
    return params, dict(zip(CELLS[cell].columns, blocks, strict=True))


@pytest.mark.parametrize(
    ("cell", "kept"),
    [
        ("lstm", {"f": 1.0}), ("peephole", {"f": 1.0}), ("gru", {"z": 1.0}), ("rnn", {}),
        ("coupled", {"i": -1.0}), ("lstm1997", {}),
    ],
)  # fmt: skip
def test_states_are_kept_at_first(cell, kept):
    params, blocks = initial(cell, 20, **({"forget_bias": 1.0} if kept else {}))
    for gate, block in blocks.items():
        np.testing.assert_array_equal(block, kept.get(gate, 0.0))
    assert np.count_nonzero(params["bias_l0"]) == 20 * len(kept)


@pytest.mark.parametrize(
    ("cell", "gate", "sign"),
    [("lstm", "f", 1), ("peephole", "f", 1), ("gru", "z", 1), ("coupled", "i", -1)],
)
def test_a_quarter_of_the_units_remembers_long_lags_at_first(cell, gate, sign):
    def drawn(**settings):
        cell_ = CELLS[cell](longest_lag=101, **settings)
        blocks = np.split(cell_.initial_bias(np.random.RandomState(0), 4000), len(cell_.columns))
        return dict(zip(cell_.columns, blocks, strict=True))

    biases = drawn()
    kept = sign * biases[gate]
    lags = np.exp(kept[:1000])
    assert 1.0 <= lags.min() < 2.0
    assert 99.0 < lags.max() <= 100.0
    assert lags.mean() == pytest.approx(50.5, abs=4.0)
    np.testing.assert_array_equal(kept[1000:], 1.0)
    if gate == "f":  # these units also write less
        np.testing.assert_array_equal(biases["i"], [*-kept[:1000], *[0.0] * 3000])
        np.testing.assert_array_equal(drawn(input_bias=-2.0)["i"], -2.0)


def test_chrono_spreads_the_lags():
    _, blocks = initial(forget_bias="chrono", longest_lag=101)
    lags = np.exp(blocks["f"])
    assert lags.min() >= 1.0
    assert 98.0 < lags.max() <= 100.0
    assert lags.mean() == pytest.approx(50.5, abs=5.0)
    np.testing.assert_array_equal(blocks["i"], -blocks["f"])
    for cell, gate, sign in [("gru", "z", 1), ("coupled", "i", -1)]:
        _, blocks = initial(cell, forget_bias="chrono", longest_lag=101)
        assert sign * blocks[gate].max() >= 0.0
        assert np.ptp(blocks[gate]) > 3.0
    _, blocks = initial(forget_bias="chrono", longest_lag=101, input_bias=-2.0)
    np.testing.assert_array_equal(blocks["i"], -2.0)


@pytest.mark.parametrize("forget_bias", ["auto", "chrono"])
def test_the_longest_lag_is_that_of_the_training_sequences(forget_bias):
    X, y = problem(LSTMRegressor, lengths=(9, 9))
    settings = SMALL | {"max_iter": 1, "learning_rate_init": 1e-12, "alpha": 0.0}
    settings |= {"patch_size": 2}

    def fitted(longest_lag):
        cell = LSTM(forget_bias=forget_bias, longest_lag=longest_lag)
        return LSTMRegressor(**settings, cell=cell).fit(X, y)

    by_data, longer = fitted(None), fitted(500)
    np.testing.assert_array_equal(by_data.theta_, fitted(5).theta_)
    assert longer.parameters_["bias_l0"].max() > by_data.parameters_["bias_l0"].max()


def test_biases_of_gates():
    _, blocks = initial("lstm1997", input_bias=-3.0, output_bias=-2.0)
    for gate, value in [("i", -3.0), ("g", 0.0), ("o", -2.0)]:
        np.testing.assert_array_equal(blocks[gate], value)


@pytest.mark.parametrize("cell", sorted(CELLS))
def test_recurrent_weights(cell):
    for block in np.split(initial(cell)[0]["weight_hh_l0"], len(CELLS[cell].state_columns)):
        np.testing.assert_allclose(block @ block.T, np.eye(200), atol=1e-12)
    uniform = initial(cell, recurrent_init="uniform")[0]["weight_hh_l0"]
    bound = 1.0 / np.sqrt(200)
    assert 0.99 * bound < np.abs(uniform).max() <= bound
