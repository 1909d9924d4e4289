"""Regularisers inside the recurrent layers, in the estimators."""

import os
import platform
import subprocess
import sys

import numpy as np
import pytest

from sklstm import LSTMClassifier, LSTMRegressor
from sklstm._input.sequences import NetworkInput, Reading, SequenceDataset
from sklstm._kernels.packing import unpack_gradient
from sklstm._network import packing
from sklstm._network.network import Network
from sklstm._training.drawing import draw_masks
from sklstm._training.minibatch import Minibatch
from sklstm._training.workers import Workers
from sklstm.components import GRU, LSTM, Peephole
from sklstm.components.poolings import EVERY_STEP
from tests.kernels.problem import network_spec
from tests.toy import ESTIMATORS, SMALL, problem, raw

ZONEOUT = (0.05, 0.2)
REGULARISERS = {
    "recurrent_dropout": {"recurrent_dropout": 0.2},
    "variational_dropout": {"variational_dropout": 0.2},
    "zoneout": {"cell": LSTM(zoneout=ZONEOUT)},
    "layer_norm": {"cell": LSTM(layer_norm=True)},
}
# with a pooling, as in tests/kernels/test_regularisers.py
TOGETHER = {
    "recurrent_dropout": 0.2, "variational_dropout": 0.2, "pooling": "concat",
    "cell": LSTM(zoneout=ZONEOUT, layer_norm=True),
}  # fmt: skip
NOISE = sorted(set(REGULARISERS) - {"layer_norm"})
# in double precision like the tests of the kernels, so that they share the compiled code
STOCHASTIC = SMALL | {"dtype": "float64", "dropout": 0.0}
# a processor with vectors of 256 bits, or else the least that the host's family has
ANOTHER = "haswell" if platform.machine() in ("x86_64", "AMD64") else "generic"


@pytest.mark.parametrize("regulariser", REGULARISERS)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_every_regulariser_learns(Estimator, regulariser):
    X, y = problem(Estimator, n_samples=120, lengths=(4, 9))
    settings = {"hidden_size": 8, "max_iter": 40, "learning_rate_init": 0.01, "dtype": "float64"}
    settings |= REGULARISERS[regulariser]
    model = Estimator(random_state=0, **settings).fit(X, y)
    assert model.score(X, y) > 0.85


@pytest.mark.parametrize("settings", [{}, TOGETHER], ids=["off", "all"])
def test_threads_leave_the_result_as_it_is(settings):
    X, y = problem(LSTMClassifier, n_samples=64)
    models = [
        LSTMClassifier(**STOCHASTIC | settings, n_jobs=n_jobs, batch_size=64, num_layers=2).fit(
            X, y
        )
        for n_jobs in (1, 2)
    ]
    np.testing.assert_array_equal(models[0].theta_, models[1].theta_)


@pytest.mark.parametrize("regulariser", NOISE)
def test_masks_come_from_random_state(regulariser):
    X, y = problem(LSTMRegressor)

    def theta(**settings):
        return LSTMRegressor(**STOCHASTIC | settings).fit(X, y).theta_

    rate = REGULARISERS[regulariser]
    np.testing.assert_array_equal(theta(**rate), theta(**rate))
    assert abs(theta(**rate) - theta()).max() > 1e-4


@pytest.mark.parametrize("regulariser", NOISE)
def test_every_chunk_and_minibatch_has_masks_of_its_own(regulariser):
    """The sequences are equal, so gradients can differ only because of the masks."""
    rate = {"zoneout": {"zoneout_h": 0.2}}.get(regulariser, {regulariser: 0.2})
    spec = network_spec(2, 4, 1, False, ("last",), 1, "squared_error", **rate)
    network = Network(spec, np.float64)
    network.pack(network.layout.initial(np.random.RandomState(0)))
    x = np.random.RandomState(1).standard_normal((6, 2))
    begin = np.arange(32) * 6
    data = SequenceDataset(np.tile(x, (32, 1)), begin, begin + 6)
    inputs = NetworkInput.of(data, Reading.plain(2))
    workers, rng = Workers(network), np.random.default_rng(0)

    def gradient(n):
        out = np.empty(network.layout.size)
        samples, target, weight = np.arange(n), np.ones((n, 1)), np.full(n, 1 / n)
        minibatch = Minibatch(network, inputs, samples, target, weight, 0.0, rng)
        prepared = workers.prepare(minibatch)
        workers.compute(prepared)
        unpack_gradient(prepared.gradients, network.places.slopes, out)
        return out, prepared.gradients.copy()

    (first, chunks), (second, _) = gradient(32), gradient(32)
    assert len(chunks) == 2
    assert abs(chunks[0] - chunks[1]).max() > 1e-3
    assert abs(first - second).max() > 1e-3


def test_variational_masks_between_layers_are_constant_in_time():
    spec = network_spec(2, 4, 3, True, ("last",), 1, "squared_error", variational_dropout=0.5)
    network, rng = Network(spec, np.float64), np.random.default_rng(0)
    lengths = np.array([40, 40, 25, 3])
    layer_mask, feature_mask = draw_masks(network, [lengths], 0.0, rng)[0]
    assert feature_mask.size == 0
    wide = 2 * network.plan.n_hidden
    masks = layer_mask.reshape(2, lengths.sum(), wide)
    sequences = np.concatenate([np.flatnonzero(lengths > t) for t in range(40)])
    first = masks[:, :4]  # the rows of the first step
    np.testing.assert_array_equal(masks, first[:, sequences])
    assert set(np.unique(first)) == {0.0, 2.0}
    assert len(np.unique(first.reshape(8, wide), axis=0)) == 8
    both, _ = draw_masks(network, [lengths], 0.5, rng)[0]
    assert set(np.unique(both)) == {0.0, 4.0}


@pytest.mark.parametrize("regulariser", ["recurrent_dropout", "variational_dropout"])
def test_nothing_is_dropped_in_prediction(regulariser):
    X, y = problem(LSTMClassifier)
    model = LSTMClassifier(**STOCHASTIC, **{regulariser: 0.5}).fit(X, y)
    expected = raw(model, X)
    np.testing.assert_array_equal(raw(model.set_params(**{regulariser: 0.0}), X), expected)


def test_gains_by_name_without_decay():
    X, y = problem(LSTMRegressor)
    standstill = {"learning_rate_init": 1e-12, "alpha": 1e9, "clip_norm": None}
    model = LSTMRegressor(**STOCHASTIC | standstill, cell=LSTM(layer_norm=True)).fit(X, y)
    for name in ("gain_l0", "gain_l0_reverse"):
        np.testing.assert_allclose(model.parameters_[name], np.ones(16), atol=1e-9)
    assert abs(model.parameters_["weight_hh_l0"]).max() < 0.999
    assert "gain_l0" not in LSTMRegressor(**STOCHASTIC).fit(X, y).parameters_


@pytest.mark.parametrize("settings", [REGULARISERS["layer_norm"], TOGETHER], ids=["norm", "all"])
def test_streams_predict_as_the_whole(settings):
    X, y = problem(LSTMRegressor, n_samples=12, lengths=(9, 9))
    model = LSTMRegressor(
        **STOCHASTIC | settings, num_layers=2, bidirectional=False, scale="channel", patch_size=1
    ).fit(X, y)
    stream, X = model.stream(len(X)), np.array(X)
    for t in range(X.shape[1]):
        expected = model.predict(list(X[:, : t + 1]))
        np.testing.assert_allclose(stream.step(X[:, t]), expected, rtol=1e-12, atol=1e-12)


def test_partial_fit_draws_new_masks():
    X, y = problem(LSTMRegressor)
    settings = STOCHASTIC | {"learning_rate_init": 1e-12, "recurrent_dropout": 0.5}
    model = LSTMRegressor(**settings)
    losses = {model.partial_fit(X, y).loss_ for _ in range(3)}
    assert len(losses) == 3


@pytest.mark.parametrize("settings", [{"cell__layer_norm": True}, {"cell__zoneout": 0.1}], ids=str)
def test_warm_start_keeps_what_predictions_depend_on(settings):
    X, y = problem(LSTMClassifier)
    model = LSTMClassifier(**STOCHASTIC, warm_start=True).fit(X, y)
    model.set_params(recurrent_dropout=0.1, variational_dropout=0.1).fit(X, y)  # these may change
    with pytest.raises(ValueError, match=r"cell=LSTM\(.*\), but .* was started with 'lstm'"):
        model.set_params(**settings).fit(X, y)


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        (
            {"cell": "rnn", "recurrent_dropout": 0.1},
            "set variational_dropout or the cell's zoneout",
        ),
        ({"cell": LSTM(layer_norm=True), "hidden_size": 1}, "raise hidden_size"),
        ({"cell": LSTM(zoneout=(0.1,))}, "pass a number, or two"),
        ({"cell": LSTM(zoneout=(0.1, 1.0))}, "from 0 to below 1"),
        ({"cell": LSTM(zoneout=(0.1, "a"))}, "from 0 to below 1"),
        ({"cell": LSTM(zoneout=1.0)}, "'zoneout' parameter"),
        ({"cell": GRU(zoneout=(0.1, 0.2))}, "'zoneout' parameter"),
        ({"recurrent_dropout": 1.0}, "'recurrent_dropout' parameter"),
        ({"variational_dropout": -0.1}, "'variational_dropout' parameter"),
    ],
    ids=str,
)
def test_refused_settings_say_what_to_change(settings, advice):
    with pytest.raises(ValueError, match=advice) as error:
        LSTMRegressor(**SMALL | settings).fit(*problem(LSTMRegressor))
    if "parameter" not in advice:
        assert str(error.value).endswith(".")


def test_one_number_of_zoneout_is_for_both_states():
    X, y = problem(LSTMRegressor)
    one, two = (
        LSTMRegressor(**STOCHASTIC, cell=Peephole(zoneout=zoneout)).fit(X, y).theta_
        for zoneout in (0.1, (0.1, 0.1))
    )
    np.testing.assert_array_equal(one, two)
    assert GRU(zoneout=0.1).zoneout_rates == (0.1, 0.0)


@pytest.mark.parametrize("pooling", [("last",), ("last", "mean", "max"), EVERY_STEP])
def test_masks_do_not_depend_on_the_width_of_vectors(monkeypatch, pooling):
    lengths = np.array([9, 9, 4])

    def masks(lanes):
        monkeypatch.setattr(packing, "lanes_of", lambda dtype: lanes)
        spec = network_spec(
            2, 20, 3, True, pooling, 1, "squared_error", variational_dropout=0.5
        )  # fmt: skip
        network = Network(spec, np.float64)
        plan = network.plan
        assert plan.n_hidden == -(-20 // lanes) * lanes
        (drawn,) = draw_masks(network, [lengths], 0.5, np.random.default_rng(0))
        return [mask.reshape(-1, plan.n_hidden) for mask in drawn]

    narrow = masks(4)
    assert all(set(np.unique(mask)) <= {0.0, 2.0, 4.0} for mask in narrow)
    for lanes in (8, 16):
        for few, many in zip(narrow, masks(lanes), strict=True):
            np.testing.assert_array_equal(many[:, :20], few)
            assert not many[:, 20:].any()


ON_ANOTHER_PROCESSOR = """
import numpy as np
from tests.test_regularisers import predictions_after_dropout
np.savez(__import__("sys").argv[1], **predictions_after_dropout())
"""


def predictions_after_dropout():
    """Return predictions of networks whose hidden size fills no vector of any width."""
    X, y = problem(LSTMClassifier, n_samples=40)
    # Zoneout in all of them: it draws its masks in the kernels, and the other processor compiles
    # the network once. In double precision the host has compiled it for the tests above.
    settings = STOCHASTIC | {"hidden_size": 21, "dropout": 0.2, "max_iter": 4}
    settings |= {"cell": LSTM(zoneout=0.1)}
    cases = {
        "one_layer": {"bidirectional": False},
        "bidirectional": {},
        "two_layers": {"num_layers": 2},
        "all": {"num_layers": 2, "variational_dropout": 0.2, "recurrent_dropout": 0.2},
    }
    return {
        name: LSTMClassifier(**settings | case).fit(X, y).predict_proba(X)
        for name, case in cases.items()
    }


@pytest.mark.slow
def test_dropout_is_the_same_on_a_processor_with_other_vectors(tmp_path):
    found = {}
    other = {"NUMBA_CPU_NAME": ANOTHER, "NUMBA_CPU_FEATURES": ""}
    for name, variables in {"host": {}, "other": other}.items():
        file = tmp_path / f"{name}.npz"
        subprocess.run(
            [sys.executable, "-c", ON_ANOTHER_PROCESSOR, str(file)],
            env={**os.environ, **variables}, check=True, timeout=600,
        )  # fmt: skip
        found[name] = np.load(file)
    for case in found["host"]:
        np.testing.assert_allclose(found["host"][case], found["other"][case], atol=1e-4)
