"""`front=` and `branch=`, through the estimators."""

import pickle

import numpy as np
import pytest

from sklstm import LSTMClassifier, LSTMRegressor
from sklstm.components import FCN, LITE, LSTM, Convolutions
from tests.toy import ESTIMATORS, SMALL, padded, problem, raw

FRONT = {"front": Convolutions(8, width=3, stride=2)}
BRANCH = {"branch": FCN((8, 4), width=3)}
TDNN = {"front": Convolutions((8, 4), width=(3, 2)), "num_layers": 0}
SHAPES = {"front": FRONT, "branch": BRANCH, "both": FRONT | BRANCH, "tdnn": TDNN}
each_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
STATISTICS = ("fcn_mean_l0", "fcn_variance_l0", "fcn_mean_l1", "fcn_variance_l1")


@each_shape
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_learns(Estimator, shape):
    X, y = problem(Estimator, n_samples=120, lengths=(4, 9))
    model = Estimator(
        **{"hidden_size": 8, "max_iter": 60, "learning_rate_init": 0.01, "random_state": 0}, **shape
    ).fit(X, y)
    assert model.score(X, y) > 0.9
    np.testing.assert_array_equal(raw(model, padded(X)), raw(model, X))
    np.testing.assert_array_equal(raw(model, X[3:4]), raw(model, X)[3:4])
    np.testing.assert_array_equal(raw(pickle.loads(pickle.dumps(model)), X), raw(model, X))


@each_shape
def test_threads_leave_the_result_as_it_is(shape, monkeypatch):
    monkeypatch.setattr("sklstm._training.threads._WORTH_A_THREAD", 0.0)
    X, y = problem(LSTMClassifier, n_samples=96)
    settings = SMALL | {"batch_size": 96, "dropout": 0.2} | shape
    models = [LSTMClassifier(**settings, n_jobs=n_jobs).fit(X, y) for n_jobs in (1, 2)]
    np.testing.assert_array_equal(models[0].theta_, models[1].theta_)


def test_parameters_by_name():
    X, y = problem(LSTMClassifier)
    settings = SMALL | BRANCH | {"front": Convolutions((5, 6), width=(3, 2))}
    model = LSTMClassifier(**settings, scale="channel").fit(X, y)
    shapes = {name: view.shape for name, view in model.parameters_.items()}
    assert shapes["conv_weight_l0"] == (5, 2, 3)
    assert shapes["conv_weight_l1"] == (6, 5, 2)
    assert shapes["conv_bias_l1"] == (6,)
    assert shapes["weight_ih_l0"] == (16, 6)
    assert shapes["fcn_weight_l0"] == (8, 2, 3)
    assert shapes["fcn_weight_l1"] == (4, 8, 3)
    assert shapes["fcn_scale_l1"] == shapes["fcn_mean_l1"] == (4,)
    assert shapes["head_weight"] == (1, 2 * 4 + 4)
    without = LSTMClassifier(**SMALL | TDNN, scale="channel").fit(X, y).parameters_
    assert {name for name in without if not name.startswith("conv")} == {"head_weight", "head_bias"}
    assert without["head_weight"].shape == (1, 4)


# --- batch normalisation ------------------------------------------------------------------
def test_running_statistics_are_those_of_the_data():
    """Compare those of the first layer, on a single batch, after training has converged."""
    X, y = problem(LSTMRegressor, n_samples=40)
    model = LSTMRegressor(**SMALL | BRANCH | {"max_iter": 30}, scale=None, batch_size=40).fit(X, y)
    found = model.parameters_
    z = []
    for x in X:
        filled = np.pad(x, ((1, 1), (0, 0)))
        windows = np.stack([filled[:-2], filled[1:-1], filled[2:]], axis=2)
        z.append(np.einsum("tcw,fcw->tf", windows, found["fcn_weight_l0"]))
    z = np.concatenate(z)
    np.testing.assert_allclose(found["fcn_mean_l0"], z.mean(axis=0), atol=0.02)
    np.testing.assert_allclose(found["fcn_variance_l0"], z.var(axis=0), rtol=0.1)
    assert found["fcn_batches"] == 30


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_prediction_after_a_single_minibatch(Estimator):
    """Running statistics are those of the minibatch, not dominated by their initial values."""
    X, y = problem(Estimator)
    X = [1000.0 * x for x in X]
    model = Estimator(**SMALL | BRANCH, scale=None, batch_size=len(X))
    model.partial_fit(X, y, **({"classes": [0, 1]} if Estimator is LSTMClassifier else {}))
    assert model.parameters_["fcn_batches"] == 1
    assert (model.parameters_["fcn_variance_l0"] > 1e3).all()


def test_statistics_go_on_where_they_were():
    X, y = problem(LSTMRegressor, n_samples=40)
    model = LSTMRegressor(**SMALL | BRANCH, warm_start=True).fit(X, y)
    n_batches = int(model.parameters_["fcn_batches"][0])
    assert n_batches == 3 * 3
    model.fit(X, y)
    assert model.parameters_["fcn_batches"] == 2 * n_batches
    model.partial_fit(X, y)
    assert model.parameters_["fcn_batches"] == 2 * n_batches + 3


def test_early_stopping_restores_the_statistics_too():
    X, y = problem(LSTMRegressor, n_samples=60)
    settings = SMALL | BRANCH | {"early_stopping": True, "n_iter_no_change": 3}
    settings |= {"max_iter": 100, "learning_rate": "constant", "learning_rate_init": 0.1}
    model = LSTMRegressor(**settings).fit(X, y)
    best = int(np.argmax(model.validation_scores_)) + 1
    assert best < model.n_iter_
    n_batches = -(-54 // 16)
    assert model.parameters_["fcn_batches"] == best * n_batches


@pytest.mark.parametrize("solver", ["sgd", "adam", "rmsprop", "adamw"])
def test_no_optimiser_moves_the_statistics(solver):
    X, y = problem(LSTMRegressor, n_samples=40)
    settings = SMALL | BRANCH | {"max_iter": 1, "batch_size": 40, "random_state": 0}
    found = [
        LSTMRegressor(**settings, solver=solver, alpha=alpha).fit(X, y).parameters_
        for alpha in (0.0, 10.0)
    ]
    for name in STATISTICS:  # those of the only minibatch, before the update
        np.testing.assert_array_equal(found[0][name], found[1][name])
    assert not np.array_equal(found[0]["fcn_weight_l0"], found[1]["fcn_weight_l0"])


# --- what "auto" chooses ------------------------------------------------------------------
AUTO = {"hidden_size": 4, "max_iter": 1, "random_state": 0}


def test_auto_of_networks_that_read_whole_sequences():
    X, y = problem(LSTMClassifier, n_samples=40)
    classifier = LSTMClassifier(**AUTO).fit(X, y)
    assert (classifier.front_, classifier.branch_) == (None, LITE(channels=32, width=40))
    shapes = {name: view.shape for name, view in classifier.parameters_.items()}
    first = ["fcn_weight_l0", "fcn_weight_l0_1", "fcn_weight_l0_2"]
    assert [shapes[name] for name in first] == [(32, 4, 40), (32, 4, 20), (32, 4, 10)]
    further = [shapes[f"fcn_weight_l{k}"] for k in range(1, 5)]
    assert further == [(96, 1, 20), (32, 96, 1), (32, 1, 10), (32, 32, 1)]
    assert shapes["head_weight"] == (1, 2 * 4 + 32)  # final states of both directions
    regressor = LSTMRegressor(**AUTO).fit(X, y)
    assert (regressor.front_, regressor.branch_) == (Convolutions(64, stride=2), None)
    assert regressor.parameters_["conv_weight_l0"].shape == (64, 4, 7)
    assert regressor._spec.stride == 2
    own = LSTMRegressor(**AUTO, front=Convolutions(64)).fit(X, y)
    assert own._spec.stride == 1


@pytest.mark.parametrize("settings", [{"bidirectional": False}, {"return_sequences": True}])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_auto_of_networks_that_do_not(Estimator, settings):
    X, y = problem(Estimator)
    if "return_sequences" in settings:
        y = [np.full(len(x), label) for x, label in zip(X, y, strict=True)]
    model = Estimator(**AUTO, **settings).fit(X, y)
    assert model.front_ is None
    assert model.branch_ is None


@pytest.mark.parametrize(
    ("channels", "widths"),
    [(4, [7]), ((4, 4), [7, 5]), ((4, 4, 4), [7, 5, 3]), ((4,) * 5, [7, 5, 3, 3, 3])],
)
def test_default_widths_fit_any_number_of_layers(channels, widths):
    assert [layer.width for layer in FCN(channels).layers()] == widths


# --- stride and length --------------------------------------------------------------------
@pytest.mark.parametrize(("stride", "patch_size"), [(1, 4), (2, 2), ((2, 2), 1), (8, 1)])
def test_strides_and_patches_together_shorten(stride, patch_size):
    X = np.random.default_rng(0).standard_normal((40, 512))
    front = Convolutions((4, 4) if isinstance(stride, tuple) else 4, width=3, stride=stride)
    model = LSTMRegressor(**SMALL | {"max_iter": 1, "front": front}).fit(X, X[:, -1])
    assert model.patch_size_ == patch_size


@pytest.mark.parametrize(
    ("longest", "given", "of_layers", "of_branch"),
    [
        (32, "auto", 1, 1),
        (300, "auto", 10, 1),
        (1024, "auto", 32, 1),
        (2100, "auto", 66, 3),  # a multiple of what the branch reads as one
        (2100, 10, 10, 5),  # the first divisor that is enough
        (2100, 2, 2, 2),  # which no divisor is
        (300, 5, 5, 1),
    ],
)
def test_patches_are_for_the_recurrent_layers(longest, given, of_layers, of_branch):
    X = np.random.default_rng(0).standard_normal((6, longest))
    settings = SMALL | {"max_iter": 1, "patch_size": given}
    model = LSTMClassifier(**settings | BRANCH).fit(X, np.arange(6) % 2)
    assert (model.patch_size_, model.branch_patch_size_) == (of_layers, of_branch)
    assert model.parameters_["weight_ih_l0"].shape == (16, 2 * of_layers)
    assert model.parameters_["fcn_weight_l0"].shape == (8, 2 * of_branch, 3)
    without = LSTMClassifier(**settings).fit(X[:, :300], np.arange(6) % 2)
    assert without.branch_patch_size_ == without.patch_size_


def test_patches_do_not_reach_the_branch():
    """With the head blind to the states, the predictions are those of any patches."""
    X, y = problem(LSTMClassifier, n_samples=40, lengths=(1, 12))
    predicted = []
    for patch_size in (1, 3, 5):
        model = LSTMClassifier(**SMALL | BRANCH, patch_size=patch_size).fit(X, y)
        theta, views = model.theta_.copy(), model.parameters_
        rng = np.random.default_rng(0)
        given = {f"fcn_weight_l{k}": shape for k, shape in enumerate([(8, 4, 3), (4, 8, 3)])}
        start = 0
        for name, view in views.items():
            part = theta[start : start + view.size].reshape(view.shape)
            start += view.size
            if name in given:
                part[...] = rng.standard_normal(given[name])
            elif name == "head_weight":
                part[...] = 0.0
                part[:, -4:] = [1.0, -2.0, 3.0, 4.0]
            elif name.startswith(("fcn_mean", "fcn_shift", "head_bias")):
                part[...] = 0.0
            elif name.startswith(("fcn_variance", "fcn_scale")):
                part[...] = 1.0
        model.theta_ = theta
        predicted.append(raw(model, X))
    assert np.ptp(predicted[0]) > 0.1
    np.testing.assert_array_equal(predicted[1], predicted[0])
    np.testing.assert_array_equal(predicted[2], predicted[0])


def test_attention_beside_a_branch_has_a_weight_for_each_step():
    X, y = problem(LSTMClassifier, n_samples=12, lengths=(1, 12))
    model = LSTMClassifier(**SMALL | BRANCH, patch_size=3, pooling="attention").fit(X, y)
    for x, weight in zip(X, model.attention_weights(X), strict=True):
        assert weight.shape == (len(x),)
        assert weight.sum() == pytest.approx(1.0, rel=1e-6)


def test_sequences_shorter_than_window_and_stride():
    X, y = problem(LSTMRegressor, lengths=(1, 3))
    shape = {"front": Convolutions(4, width=9, stride=5)} | BRANCH
    assert np.isfinite(raw(LSTMRegressor(**SMALL | shape).fit(X, y), X)).all()


# --- rejected combinations ----------------------------------------------------------------
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_layers": 0}, r"set front to Convolutions\(...\), or num_layers to at least 1"),
        (TDNN | {"cell": "gru"}, "leave cell at 'lstm', or set num_layers"),
        (TDNN | {"bptt_steps": 3}, "leave bptt_steps at None, or set num_layers"),
        (TDNN | {"cell": LSTM(zoneout=0.1)}, "leave cell at 'lstm', or set num_layers"),
        (TDNN | {"gradient": "truncated"}, "leave gradient at 'full', or set num_layers"),
        ({"front": Convolutions((4, 4), width=(3, 3, 3))}, "a tuple with one for each layer"),
        ({"front": Convolutions((), width=3)}, "a tuple with one for each layer"),
        ({"front": Convolutions((4, 0))}, "whole number of at least 1"),
        ({"front": Convolutions((4, 4), stride=(2, 1.5))}, "whole number of at least 1"),
        ({"branch": FCN((4, 4), width=(7, 5, 3))}, r"width=\(7, 5, 3\) with channels=\(4, 4\)"),
        ({"branch": FCN("many")}, "'channels' parameter of FCN"),
    ],
)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_what_does_not_go_together_is_refused(Estimator, settings, message):
    X, y = problem(Estimator)
    with pytest.raises(ValueError, match=message):
        Estimator(**SMALL | settings).fit(X, y)


@pytest.mark.parametrize("shape", [FRONT, BRANCH, TDNN])
def test_streams_are_refused(shape):
    X, y = problem(LSTMRegressor)
    settings = SMALL | shape | {"bidirectional": False, "scale": "channel"}
    with pytest.raises(ValueError, match="front=None and branch=None"):
        LSTMRegressor(**settings).fit(X, y).stream()


def test_warm_start_keeps_the_shape():
    X, y = problem(LSTMRegressor)
    model = LSTMRegressor(**SMALL | BRANCH, warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match=r"branch=FCN\(.*width=5\), but .* started with FCN\("):
        model.set_params(branch__width=5).fit(X, y)
    np.testing.assert_array_equal(raw(model, X), raw(model, X))  # and predicts as before
