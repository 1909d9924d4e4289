"""Estimators that another version of the package saved: they load, or the error says what to do."""

import copy
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from sklstm import LSTMClassifier, LSTMForecaster
from sklstm._version import __version__
from tests.toy import ESTIMATORS, SMALL, problem, raw

SAVED = Path(__file__).parent / "saved"  # by make_saved.py there


def fitted_forecaster():
    """Return a small fitted forecaster."""
    y = pd.Series(np.sin(np.arange(40.0)), pd.date_range("2020-01-01", periods=40, freq="D"))
    return LSTMForecaster(horizon=3, max_steps=0, season_length=None).fit(y)


def loaded_from(state, Estimator):
    """Return an estimator with the state of a file."""
    estimator = Estimator.__new__(Estimator)
    estimator.__setstate__(state)
    return estimator


# --- files of other versions ----------------------------------------------------------------
def test_a_file_of_0_1_0_says_what_to_do():
    with pytest.raises(ValueError, match=r"saved by an older version.*forget_bias.*fit it again"):
        pickle.loads((SAVED / "0.1.0.pickle").read_bytes())


def test_a_file_of_a_version_with_the_same_networks_loads():
    with pytest.warns(UserWarning, match=r"saved by an older version of sklstm; it fits"):
        content = pickle.loads((SAVED / "development.pickle").read_bytes())
    given = content["model"].predict_proba(content["X"])
    np.testing.assert_allclose(given, content["predict_proba"], rtol=1e-12)


# --- the state of another version, made by hand ---------------------------------------------
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_the_same_version_loads_without_a_word(Estimator):
    X, y = problem(Estimator)
    model = Estimator(**SMALL).fit(X, y)
    state = model.__getstate__()
    assert state["_sklstm_version"] == __version__
    for other in (loaded_from(state, Estimator), pickle.loads(pickle.dumps(model))):
        assert "_sklstm_version" not in vars(other)
        np.testing.assert_array_equal(raw(other, X), raw(model, X))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_hyper_parameter_that_is_new_has_its_default(Estimator):
    X, y = problem(Estimator)
    model = Estimator(**SMALL).fit(X, y)
    state = copy.deepcopy(model.__getstate__()) | {"_sklstm_version": "0.0.1"}
    del state["recurrent_dropout"], state["_architecture"]["bidirectional"]
    del state["bidirectional"]
    with pytest.warns(UserWarning, match=rf"saved by sklstm 0.0.1; it fits sklstm {__version__}"):
        other = loaded_from(state, Estimator)
    assert other.get_params() == model.get_params()
    np.testing.assert_array_equal(raw(other, X), raw(model, X))


def _with_fewer_parameters(state):
    """Leave out a parameter."""
    state["theta_"] = state["theta_"][1:]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda state: state.pop("channel_scale_"), "it lacks channel_scale_"),
        (lambda state: state.pop("_members"), "it lacks _members"),
        (_with_fewer_parameters, r"has \d+ parameters, where"),
        (lambda state: state.update(peepholes=True), "the hyper-parameters peepholes"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(change, reason):
    X, y = problem(LSTMClassifier)
    state = LSTMClassifier(**SMALL).fit(X, y).__getstate__() | {"_sklstm_version": "0.0.1"}
    change(state)
    with pytest.raises(ValueError, match=rf"{reason}.*pip install sklstm==0.0.1"):
        loaded_from(state, LSTMClassifier)


def test_an_estimator_that_is_not_fitted_loads_without_a_word():
    state = LSTMClassifier(hidden_size=3).__getstate__() | {"_sklstm_version": "0.0.1"}
    assert loaded_from(state, LSTMClassifier).hidden_size == 3


# --- forecasters ----------------------------------------------------------------------------
def test_a_forecaster_of_another_version_loads_if_its_state_is_complete():
    model = fitted_forecaster()
    state = model.__getstate__() | {"_sklstm_version": "0.0.1"}
    with pytest.warns(UserWarning, match=r"LSTMForecaster was saved by sklstm 0.0.1; it fits"):
        other = loaded_from(state, LSTMForecaster)
    pd.testing.assert_series_equal(other.predict(), model.predict())


def test_a_forecaster_that_lacks_a_part_is_refused():
    model = fitted_forecaster()
    state = copy.deepcopy(model.__getstate__()) | {"_sklstm_version": "0.0.1"}
    del state["_fitted"].models.models[0].__dict__["spreads"]
    with pytest.raises(ValueError, match=r"it lacks Model.spreads.*pip install sklstm==0.0.1"):
        loaded_from(state, LSTMForecaster)


def test_a_panel_that_was_saved_with_objects_of_pandas_loads():
    panel = fitted_forecaster()._fitted.panel
    other = type(panel).__new__(type(panel))
    other.__setstate__(dict(vars(panel)))
    assert other.axes[0].equals(panel.axes[0]) and other.step == panel.step


def test_a_frequency_without_a_name_can_be_pickled_all_the_same():
    index = pd.date_range("2020-01-01", periods=40, freq=pd.offsets.CDay(holidays=["2020-01-06"]))
    y = pd.Series(np.sin(np.arange(40.0)), index)
    model = LSTMForecaster(
        horizon=3, max_steps=0, season_length=None, freq=index.freq
    ).fit(y)  # fmt: skip
    other = pickle.loads(pickle.dumps(model))
    assert other.freq == clone(model).freq == index.freq
    pd.testing.assert_series_equal(other.predict(), model.predict())
