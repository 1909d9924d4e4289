"""Components: objects that carry what concerns one part, through scikit-learn's own means."""

import dataclasses
import inspect
import pickle
import re
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import sklstm.components
from sklstm import LSTMClassifier, LSTMRegressor
from sklstm.components import (
    FCN,
    GRU,
    LSTM,
    SGD,
    AbsoluteError,
    AdamW,
    Component,
    Constant,
    Convolutions,
    Cosine,
    Huber,
    InverseScaling,
    Quantile,
    SelfAttention,
)
from sklstm.components.cells import CELLS
from sklstm.components.losses import LOSSES, BinaryCrossEntropy
from sklstm.components.schedules import SCHEDULES
from sklstm.components.solvers import SOLVERS
from tests.toy import ESTIMATORS, SMALL, problem, raw, run_estimator_checks

COMPONENTS = [getattr(sklstm.components, name) for name in sklstm.components.__all__]
CONCRETE = [*CELLS.values(), *LOSSES.values(), *SOLVERS.values(), *SCHEDULES.values()]
CONCRETE += [Convolutions, FCN, SelfAttention]
# one for every argument that takes a component
CHOSEN = {
    "cell": LSTM(zoneout=(0.0, 0.1), layer_norm=True),
    "front": Convolutions(4, width=3),
    "branch": FCN((4, 4)),
    "attention": SelfAttention(n_heads=2),
    "solver": AdamW(beta_1=0.8),
    "learning_rate": InverseScaling(power=0.1),
}


def test_all_are_public():
    assert set(CONCRETE) <= set(COMPONENTS)


@pytest.mark.parametrize("component", CONCRETE)
def test_the_conventions_of_scikit_learn(component):
    default = component().checked()
    assert repr(default) == f"{component.__name__}()"
    assert clone(default) == pickle.loads(pickle.dumps(default)) == default
    fields = {field.name for field in dataclasses.fields(component)}
    assert set(default.get_params()) == fields
    for name, value in default.get_params().items():
        assert default.set_params(**{name: value}) == component()
    assert component.__name__ in default._repr_html_()


@pytest.mark.parametrize("component", CONCRETE)
def test_every_hyper_parameter_is_documented_and_validated(component):
    for field in dataclasses.fields(component):
        assert f"{field.name}" in component.__doc__
        with pytest.raises(ValueError, match=f"'{field.name}' parameter of {component.__name__}"):
            component(**{field.name: object()}).checked()


@pytest.mark.parametrize("name", CHOSEN)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_wrong_components_are_refused_by_name(Estimator, name):
    wrong = CHOSEN["cell" if name != "cell" else "solver"]
    with pytest.raises(ValueError, match=f"'{name}' parameter of {Estimator.__name__}"):
        Estimator(**SMALL | {name: wrong}).fit(*problem(Estimator))


@pytest.mark.parametrize(
    ("name", "string", "component"),
    [
        ("cell", "gru", GRU()), ("solver", "sgd", SGD()), ("learning_rate", "constant", Constant()),
        ("learning_rate", "cosine", Cosine()),
    ],
)  # fmt: skip
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_string_is_the_component_with_its_defaults(Estimator, name, string, component):
    X, y = problem(Estimator)
    by_string, by_object = (
        Estimator(**SMALL | {name: choice}).fit(X, y) for choice in (string, component)
    )
    np.testing.assert_array_equal(by_string.theta_, by_object.theta_)


def test_losses_by_string_and_object():
    X, y = problem(LSTMRegressor)
    for string, loss in (("absolute_error", AbsoluteError()), ("huber", Huber())):
        models = [LSTMRegressor(**SMALL, loss=choice).fit(X, y) for choice in (string, loss)]
        np.testing.assert_array_equal(models[0].theta_, models[1].theta_)


def test_a_loss_refuses_targets_out_of_its_range():
    BinaryCrossEntropy().check_target(np.array([[0.0, 1.0], [np.nan, 0.5]]))
    with pytest.raises(ValueError, match=r"from 0 to 1: y is 2 in row 1, output 0"):
        BinaryCrossEntropy().check_target(np.array([[0.0], [2.0]]))


# --- nested names -------------------------------------------------------------------------
def test_nested_names_reach_the_component():
    model = LSTMClassifier(cell=LSTM(layer_norm=True))
    assert model.get_params()["cell__layer_norm"] is True
    model.set_params(cell__forget_bias="chrono", cell__longest_lag=9)
    assert model.cell == LSTM(layer_norm=True, forget_bias="chrono", longest_lag=9)


def test_nested_names_turn_a_string_into_its_component():
    model = LSTMRegressor().set_params(
        cell__zoneout=0.1, solver__beta_1=0.5, learning_rate="invscaling",
        learning_rate__power=0.2, loss="quantile", loss__q=0.9,
    )  # fmt: skip
    assert model.cell == LSTM(zoneout=0.1)
    assert model.solver == AdamW(beta_1=0.5)
    assert model.learning_rate == InverseScaling(power=0.2)
    assert model.loss == Quantile(0.9)
    assert LSTMRegressor().set_params(cell="gru", cell__zoneout=0.1).cell == GRU(zoneout=0.1)


def test_unknown_nested_names_are_refused():
    with pytest.raises(ValueError, match="Invalid parameter 'layer_norm' for estimator Peephole"):
        LSTMClassifier(cell="peephole").set_params(cell__layer_norm=True)
    with pytest.raises(ValueError, match="Invalid parameter 'quantile'"):
        LSTMClassifier().set_params(quantile__q=0.1)


@pytest.mark.parametrize("value", [None, "auto"])
def test_nested_names_of_what_is_no_component_are_refused(value):
    model = LSTMRegressor(front=value)
    with pytest.raises(ValueError, match=rf"front__width cannot be set: front={value!r} has no"):
        model.set_params(front__width=3)
    assert model.set_params(front=Convolutions(8), front__width=3).front.width == 3
    with pytest.raises(ValueError, match="hidden_size__x cannot be set: hidden_size=64"):
        model.set_params(hidden_size__x=1)


def test_a_string_and_its_component_are_the_same_network():
    X, y = problem(LSTMClassifier)
    model = LSTMClassifier(**SMALL, warm_start=True).fit(X, y)
    model.set_params(cell=LSTM()).fit(X, y)
    model.set_params(cell__zoneout=0.0).partial_fit(X, y)
    with pytest.raises(ValueError, match="started with 'lstm'"):
        model.set_params(cell__zoneout=0.1).fit(X, y)


def test_clone_copies_components():
    cell = LSTM()
    model = clone(LSTMClassifier(cell=cell))
    assert model.cell == cell
    assert model.cell is not cell


def test_grid_search_over_objects_and_nested_names():
    X, y = problem(LSTMClassifier, n_samples=30)
    grid = [
        {"cell": ["gru", LSTM(layer_norm=True)]},
        {"cell__forget_bias": [0.5, 1.5], "solver__beta_1": [0.8]},
    ]
    search = GridSearchCV(LSTMClassifier(**SMALL), grid, cv=2).fit(X, y)
    assert len(search.cv_results_["params"]) == 4
    assert not np.isnan(search.cv_results_["mean_test_score"]).any()
    alone = clone(search.best_estimator_).fit(X, y)
    np.testing.assert_array_equal(raw(alone, X), raw(search, X))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_models_with_components_are_pickled_and_shown(Estimator):
    X, y = problem(Estimator)
    # the kernels of tests/kernels/test_encoder.py
    shared = {"cell": GRU(zoneout=0.1, layer_norm=True), "dtype": "float64"}
    model = Estimator(**SMALL | CHOSEN | shared).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(raw(again, X), raw(model, X))
    assert isinstance(again.cell, Component)
    assert "GRU(" in model._repr_html_()
    assert "layer_norm=True" in repr(model)


@pytest.mark.slow
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_estimator_checks_with_components(Estimator):
    # attention by itself: tests/test_self_attention.py
    chosen = CHOSEN | {"cell": LSTM(forget_bias=2.0), "attention": None, "max_iter": 60}
    chosen |= {"loss": Huber(2.0)} if Estimator is LSTMRegressor else {}
    run_estimator_checks(Estimator(hidden_size=8, **chosen))


# --- what is declared and what is said ----------------------------------------------------
def test_the_first_six_are_those_to_start_with():
    names = [field.name for field in dataclasses.fields(LSTMClassifier)]
    groups = [field.metadata["group"] for field in dataclasses.fields(LSTMClassifier)]
    assert names[:6] == [
        "hidden_size", "num_layers", "dropout", "max_iter", "n_jobs", "random_state"
    ]  # fmt: skip
    assert set(groups[:6]) == {"start here"}
    assert "start here" not in groups[6:]


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_the_docstring_has_every_parameter_in_the_order_of_the_groups(Estimator):
    places = []
    for field in dataclasses.fields(Estimator):
        default = f'"{field.default}"' if isinstance(field.default, str) else field.default
        line = f"\n{field.name} : {field.metadata['kind']}, default={default}\n    "
        assert line in Estimator.__doc__, field.name
        places.append((Estimator.__doc__.index(line), field.metadata["group"]))
    order = [group for _, group in sorted(places)]
    assert sorted(order, key=sklstm._estimator.hyper_parameters.GROUPS.index) == order


@pytest.mark.parametrize("Estimator", [LSTMClassifier, LSTMRegressor])
def test_shared_parts_of_docstrings_are_indented_as_the_rest(Estimator):
    """Python 3.13 takes the indentation out of what stands in the source."""
    methods = [getattr(Estimator, name) for name in dir(Estimator) if not name.startswith("_")]
    for owner in (Estimator, *filter(callable, methods)):
        text = owner.__doc__ or ""
        assert "{X}" not in text, owner
        assert text == inspect.cleandoc(text) or not owner.__module__.startswith("sklstm."), owner
        sections = re.split(r"^(\w+)\n-+$", text, flags=re.MULTILINE)
        for title, section in zip(sections[1::2], sections[2::2], strict=True):
            if title == "Parameters":
                lines = [line for line in section.splitlines() if line]
                assert {len(line) - len(line.lstrip()) for line in lines} <= {0, 4}, owner


def test_the_help_is_short(monkeypatch):
    """It was 814 lines once."""
    import pydoc

    if sys.version_info >= (3, 13):  # signatures have a line for each parameter there
        in_one_line = inspect.Signature.format
        monkeypatch.setattr(inspect.Signature, "format", lambda self, **_: in_one_line(self))
    assert len(pydoc.render_doc(LSTMClassifier).splitlines()) <= 453
