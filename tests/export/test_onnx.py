"""`to_onnx`: onnxruntime answers as the estimator does."""

import itertools
import json
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
import skl2onnx
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklstm
from sklstm import LSTMClassifier, LSTMForecaster, LSTMRegressor
from sklstm.components import FCN, LITE, LSTM, Convolutions, SelfAttention
from sklstm.components.cells import CELLS
from sklstm.export import register_with_skl2onnx, to_onnx
from sklstm.export._onnx.cells import OPERATORS, STEPS
from tests.export.models import (
    CELL_CHOICES,
    INPUTS,
    MISSING,
    as_input,
    draw_model,
    draw_target,
    expected,
    untrained,
)
from tests.toy import ESTIMATORS, SMALL, problem, sequences

TOLERANCE = 1e-5


def run(model, X):
    """Return the outputs of an ONNX model by name."""
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return dict(zip([o.name for o in session.get_outputs()], session.run(None, {"X": X}),
                    strict=True))  # fmt: skip


def operators(model):
    """Return the names of the operators in a graph, bodies of loops left aside."""
    return {node.op_type for node in model.graph.node}


@pytest.mark.parametrize("seed", range(60))
def test_onnxruntime_gives_what_the_estimator_gives(monkeypatch, seed):
    model, sequences_of_all_lengths = draw_model(monkeypatch, seed, INPUTS)
    exported = to_onnx(model)
    onnx.checker.check_model(exported, full_check=True)
    for n_samples in (1, 7):
        X = sequences_of_all_lengths[:n_samples]
        for given in (X, *([x[:n] for x in X] for n in (5, 4, 1))):
            x = as_input(given)
            outputs = run(exported, x)
            labels = outputs.pop("label", None)
            (values,) = outputs.values()
            np.testing.assert_allclose(values, expected(model, x), rtol=TOLERANCE, atol=TOLERANCE)
            if labels is not None:
                check_labels(labels, model.predict(x))


def check_labels(labels, right):
    """Labels are those of predict; per step, those of the steps that are there."""
    if isinstance(right, list):
        for row, steps in zip(labels, right, strict=True):
            np.testing.assert_array_equal(row[: len(steps)], steps)
    else:
        np.testing.assert_array_equal(labels, right)


def test_the_random_estimators_have_every_part(monkeypatch):
    models = [draw_model(monkeypatch, seed, INPUTS)[0] for seed in range(60)]
    assert {type(m._spec.cell) for m in models} == set(CELLS.values())
    assert {m._spec.pooling for m in models} >= {("last",), ("attention",), ("steps",)}
    assert {m._architecture["scale"] for m in models} == {"both", "channel", "sequence", None}
    assert {m._spec.stride for m in models} >= {1, 2, 3}
    assert {m.patch_size_ for m in models} == {1, 2, 3, 6}
    branched = [m for m in models if m._spec.branch]
    assert {type(m.branch_) for m in branched} == {FCN, LITE}
    of_branches = {(m.branch_patch_size_, m._spec.patch_size) for m in branched}
    assert of_branches >= {(1, 1), (1, 2), (1, 3), (1, 6), (3, 1), (3, 2)}
    assert {m._spec.num_layers for m in models} == {0, 1, 2, 3}
    assert any(m._spec.branch and m._spec.front for m in models)
    assert len({m.out_activation_ for m in models}) == 3
    read = [(bool(m.categories_), len(m.static_channels_) > 0, m.missing) for m in models]
    assert set(read) == set(itertools.product((False, True), (False, True), MISSING))
    assert {m._roles.reading.ahead for m in models if len(m.gap_channels_)} == {False, True}
    assert any(np.isin(m.static_channels_, m.gap_channels_).any() for m in models)
    of_sizes = [m for m in models if m.size_scaling_ is not None]
    assert {len(m.gap_channels_) > 0 for m in of_sizes} == {False, True}


def test_a_trained_model(tmp_path):
    X, y = problem(LSTMClassifier, n_samples=40)
    model = LSTMClassifier(hidden_size=8, max_iter=5, random_state=0).fit(X, y)
    exported = to_onnx(model, tmp_path / "model.onnx")
    assert onnx.load(tmp_path / "model.onnx") == exported
    outputs = run(exported, as_input(X))
    np.testing.assert_allclose(outputs["probabilities"], model.predict_proba(X), atol=1e-6)
    np.testing.assert_array_equal(outputs["label"], model.predict(X))


@pytest.mark.parametrize("length", [1100, 2500])
def test_series_of_more_than_1024_steps(monkeypatch, length):
    """The branch has patches too; in the batch there are shorter series."""
    X, slope = sequences(n_samples=8, lengths=(length, length))
    model = untrained(monkeypatch, LSTMClassifier, X, slope > 0.0, dtype="float32")
    assert 1 < model.branch_patch_size_ < model.patch_size_
    exported = to_onnx(model)
    for given in (X[:1], [x[: length - 37 * i] for i, x in enumerate(X[:7])]):
        x = as_input(given)
        values = run(exported, x)["probabilities"]
        np.testing.assert_allclose(values, expected(model, x), rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(
    "settings",
    [
        {"pooling": "last"},
        {"pooling": "concat", "num_layers": 2, "branch": "auto", "patch_size": 2},
        {"pooling": "attention"},
        {"return_sequences": True},
    ],
    ids=["last", "concat", "attention", "every step"],
)
def test_self_attention(monkeypatch, settings, bidirectional):
    """Padding is not read, nor, if no layer reads later steps, are later steps."""
    X, slope = sequences()
    y = slope
    if "return_sequences" in settings:
        y = [np.full(len(x), value) for x, value in zip(X, slope, strict=True)]
    settings = SMALL | settings | {"bidirectional": bidirectional, "dtype": "float32"}
    attention = SelfAttention(n_layers=2, n_heads=2, feed_forward_size=5)
    model = untrained(monkeypatch, LSTMRegressor, X, y, **settings, attention=attention)
    exported = to_onnx(model)
    for n_samples in (1, 7):
        x = as_input(X[:n_samples])
        values = run(exported, x)["variable"]
        np.testing.assert_allclose(values, expected(model, x), rtol=TOLERANCE, atol=TOLERANCE)


def test_self_attention_without_recurrent_layers(monkeypatch):
    X, slope = sequences()
    settings = {"front": Convolutions(4, width=3, stride=2), "num_layers": 0, "branch": None}
    model = untrained(
        monkeypatch, LSTMRegressor, X, slope, **settings, attention=SelfAttention(n_heads=2)
    )
    x = as_input(X)
    values = run(to_onnx(model), x)["variable"]
    np.testing.assert_allclose(values, expected(model, x), rtol=TOLERANCE, atol=TOLERANCE)


def test_names_and_shapes_are_those_of_skl2onnx(monkeypatch):
    X, slope = sequences()
    classifier = untrained(monkeypatch, LSTMClassifier, X, slope > 0.0, **SMALL)
    regressor = untrained(monkeypatch, LSTMRegressor, X, slope, **SMALL)
    outputs = run(to_onnx(classifier), as_input(X))
    assert list(outputs) == ["label", "probabilities"]
    assert outputs["label"].shape == (len(X),)
    assert outputs["probabilities"].shape == (len(X), 2)
    assert run(to_onnx(regressor), as_input(X))["variable"].shape == (len(X), 1)


@pytest.mark.parametrize(
    "labels", [[0, 1], [-3, 7, 9], ["a", "bc"], [False, True], [1.0, 2.0, 4.0]]
)
def test_labels_keep_their_type(monkeypatch, labels):
    X, _ = sequences()
    y = np.array(labels)[np.arange(len(X)) % len(labels)]
    model = untrained(monkeypatch, LSTMClassifier, X, y, **SMALL)
    given = run(to_onnx(model), as_input(X))["label"]
    np.testing.assert_array_equal(given, model.predict(X))
    assert given.dtype.kind == {"U": "O"}.get(y.dtype.kind, y.dtype.kind)


def test_a_constant_channel_is_zero_within_its_sequence(monkeypatch):
    X, slope = sequences()
    for x in X:
        x[:, 1] = 12345.678
    model = untrained(monkeypatch, LSTMRegressor, X, slope, scale="sequence", **SMALL)
    x = as_input(X)
    np.testing.assert_allclose(run(to_onnx(model), x)["variable"][:, 0], model.predict(x), 1e-5)


def test_a_mean_much_larger_than_the_deviation(monkeypatch):
    X, slope = sequences()
    X = [x + 4e5 for x in X]
    model = untrained(monkeypatch, LSTMRegressor, X, slope, scale="both", **SMALL)
    x = as_input(X)
    with pytest.warns(UserWarning, match=r"mean 400000 .* 0\.0312 apart.* with 1 more"):
        exported = to_onnx(model)
    np.testing.assert_allclose(run(exported, x)["variable"][:, 0], model.predict(x), 1e-5)


@pytest.mark.parametrize("kind", [0, 1, 3, 4])
def test_an_ensemble(monkeypatch, kind):
    """The mean of probabilities or values: numbers, three classes, two, several labels."""
    X, slope = sequences()
    Estimator, y = draw_target(kind, slope)
    model = untrained(monkeypatch, Estimator, X, y, **SMALL, n_estimators=3, dtype="float32")
    x = as_input(X)
    outputs = run(to_onnx(model), x)
    if "label" in outputs:
        check_labels(outputs.pop("label"), model.predict(x))
    (values,) = outputs.values()
    np.testing.assert_allclose(values, expected(model, x), rtol=TOLERANCE, atol=TOLERANCE)


# --- operators ------------------------------------------------------------------------------
def test_every_cell_can_be_exported():
    assert set(CELLS.values()) == set(STEPS) == set(OPERATORS)


@pytest.mark.parametrize("cell", sorted(CELLS))
def test_standard_operators_where_they_fit(monkeypatch, cell):
    X, slope = sequences()
    model = untrained(monkeypatch, LSTMRegressor, X, slope, **SMALL, cell=cell)
    names = {"gru": "GRU", "rnn": "RNN"}
    assert operators(to_onnx(model)) & {"LSTM", "GRU", "RNN", "Scan"} == {names.get(cell, "LSTM")}


def test_loops_where_no_operator_fits(monkeypatch):
    X, slope = sequences()
    for cell in CELL_CHOICES:
        model = untrained(monkeypatch, LSTMRegressor, X, slope, **SMALL, cell=cell)
        loops = "Scan" in operators(to_onnx(model))
        assert loops == (cell.normalised or max(cell.zoneout_rates) > 0.0)


def test_the_memory_of_1997_forgets_nothing(monkeypatch):
    """A value that is written once is there after 10,000 steps: the gate is held at exactly 1."""
    X, slope = sequences(n_channels=1)
    settings = SMALL | {"bidirectional": False, "scale": None, "cell": "lstm1997"}
    model = untrained(monkeypatch, LSTMRegressor, X, slope, **settings)
    opens = {name: np.zeros_like(array) for name, array in model.parameters_.items()}
    opens["weight_ih_l0"][:4], opens["bias_l0"][:4] = 100.0, -50.0  # the input gate, by x
    opens["bias_l0"][4:8], opens["head_weight"][:] = 0.3, 1.0
    model.theta_ = np.concatenate([array.ravel() for array in opens.values()])
    exported = to_onnx(model)
    for n_timesteps in (1, 10_000):
        X = np.zeros((1, n_timesteps, 1), np.float32)
        X[0, 0] = 1.0
        np.testing.assert_allclose(run(exported, X)["variable"][0], model.predict(X), 1e-6)


@pytest.mark.parametrize("opset", [18, 20, 21])
def test_target_opset(monkeypatch, opset):
    model, X = draw_model(monkeypatch, 4)
    exported = to_onnx(model, target_opset=opset)
    assert [o.version for o in exported.opset_import] == [opset]
    x = as_input(X)
    outputs = run(exported, x)
    np.testing.assert_allclose(outputs["probabilities"], expected(model, x), atol=TOLERANCE)


# --- pipelines ------------------------------------------------------------------------------
@pytest.mark.parametrize("cell", ["lstm", LSTM(layer_norm=True)], ids=["operator", "loop"])
@pytest.mark.parametrize("kind", [0, 1, 5])
def test_a_pipeline(monkeypatch, kind, cell):
    """Its X has two axes, here two channels side by side for each step."""
    rng = np.random.default_rng(0)
    X = rng.normal(5.0, 3.0, (24, 12)).astype(np.float32)
    Estimator, y = draw_target(kind, X[:, 0])
    scaled = StandardScaler().fit(X)
    model = untrained(
        monkeypatch, Estimator, scaled.transform(X), y, **(SMALL | {"cell": cell}), n_channels=2
    )
    pipeline = make_pipeline(scaled, model)
    exported = to_onnx(pipeline)
    outputs = run(exported, X)
    if Estimator is LSTMClassifier:
        np.testing.assert_array_equal(outputs["label"], pipeline.predict(X))
        right = pipeline.predict_proba(X)
    else:
        right = pipeline.predict(X)[:, np.newaxis]
    (values,) = (outputs[name] for name in outputs if name != "label")
    np.testing.assert_allclose(values, right, rtol=TOLERANCE, atol=TOLERANCE)
    known = {prop.key: prop.value for prop in exported.metadata_props}
    assert known["estimator"] == Estimator.__name__


def test_a_pipeline_of_sequences_is_refused(monkeypatch):
    """Each of their time steps would be a sample."""
    X, slope = sequences()
    rows = pd.concat({i: pd.DataFrame(x) for i, x in enumerate(X)})
    model = untrained(monkeypatch, LSTMRegressor, rows, slope, **SMALL)
    with pytest.raises(
        ValueError, match=r"fitted on sequences.*export its last step, pipeline\[-1"
    ):
        to_onnx(make_pipeline(StandardScaler().fit(np.vstack(X)), model))


def test_skl2onnx_itself_converts_after_registration(monkeypatch):
    X = np.random.default_rng(0).standard_normal((24, 6)).astype(np.float32)
    model = untrained(monkeypatch, LSTMClassifier, X, np.arange(24) % 2, **SMALL)
    register_with_skl2onnx()
    outputs = run(skl2onnx.to_onnx(model, X[:1], target_opset=18), X)
    assert list(outputs) == ["output_label", "output_probability"]
    given = [[row[0], row[1]] for row in outputs["output_probability"]]  # a dict for each row
    np.testing.assert_allclose(given, model.predict_proba(X), atol=TOLERANCE)
    options = {id(model): {"zipmap": False}}
    outputs = run(skl2onnx.to_onnx(model, X[:1], target_opset=18, options=options), X)
    np.testing.assert_allclose(outputs["probabilities"], given, atol=TOLERANCE)


# --- metadata -------------------------------------------------------------------------------
def test_metadata(monkeypatch):
    X, slope = sequences()
    rows = pd.concat({i: pd.DataFrame(x, columns=["speed", "load"]) for i, x in enumerate(X)})
    y = np.where(slope > 0.0, "up", "down")
    model = untrained(monkeypatch, LSTMClassifier, rows, y, **SMALL)
    known = {prop.key: prop.value for prop in to_onnx(model).metadata_props}
    assert known["sklstm_version"] == sklstm.__version__
    assert json.loads(known["classes"]) == ["down", "up"]
    assert json.loads(known["channels"]) == ["speed", "load"]
    assert known["estimator"] == "LSTMClassifier"


# --- what is refused ------------------------------------------------------------------------
def test_a_forecaster_is_refused():
    with pytest.raises(TypeError, match=r"LSTMForecaster cannot be exported to ONNX.*windows"):
        to_onnx(LSTMForecaster())


def test_another_estimator_is_refused():
    with pytest.raises(TypeError, match="LogisticRegression cannot be exported to ONNX"):
        to_onnx(LogisticRegression())


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_an_estimator_that_is_not_fitted_is_refused(Estimator):
    with pytest.raises(ValueError, match="not fitted"):
        to_onnx(Estimator())


@pytest.mark.parametrize("opset", [9, 17, 10_000])
def test_an_opset_out_of_range_is_refused(monkeypatch, opset):
    model, _ = draw_model(monkeypatch, 0)
    with pytest.raises(ValueError, match=rf"target_opset={opset}: pass a number from 18"):
        to_onnx(model, target_opset=opset)


def test_a_label_beyond_64_bits_with_a_sign_is_refused(monkeypatch):
    X, _ = sequences()
    y = np.where(np.arange(len(X)) % 2, np.uint64(2**63), np.uint64(7))
    model = untrained(monkeypatch, LSTMClassifier, X, y, **SMALL)
    with pytest.raises(ValueError, match=r"The label 9223372036854775808 cannot be exported to ON"):
        to_onnx(model)


def test_what_holds_an_estimator_says_where_it_is(monkeypatch):
    X = np.random.default_rng(0).standard_normal((24, 6))
    model = untrained(monkeypatch, LSTMRegressor, X, X[:, 0], **SMALL)
    search = GridSearchCV(model, {"hidden_size": [4]})
    search.best_estimator_ = make_pipeline(StandardScaler(), model)
    with pytest.raises(TypeError, match="GridSearchCV cannot be exported to ONNX: pass its best_e"):
        to_onnx(search)


def test_labels_of_mixed_types_are_refused(monkeypatch):
    X, _ = sequences()
    model = untrained(monkeypatch, LSTMClassifier, X, np.arange(len(X)) % 2, **SMALL)
    model.classes_ = np.array([0, "a"], dtype=object)
    with pytest.raises(ValueError, match=r"The labels \[0, 'a'\] cannot be exported to ONNX"):
        to_onnx(model)


def test_a_part_that_the_export_does_not_know_is_refused(monkeypatch):
    model, _ = draw_model(monkeypatch, 0)
    parameters = type(model).parameters_.fget
    monkeypatch.setattr(
        type(model), "parameters_",
        property(lambda self: parameters(self) | {"new_weight": np.zeros(3)}),
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"the export to ONNX does not know: new_weight"):
        to_onnx(model)


def test_without_onnx_the_error_says_what_to_install(monkeypatch):
    model, _ = draw_model(monkeypatch, 0)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"needs onnx.*sklstm\[onnx\]"):
        to_onnx(model)


def test_importing_the_package_imports_neither_onnx_nor_skops():
    names = "'onnx', 'onnxruntime', 'skl2onnx', 'skops'"
    check = f"import sys, sklstm, sklstm.export; assert not {{{names}}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True)
