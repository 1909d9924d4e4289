"""The reference page of the forecaster has every parameter, default, method and attribute."""

import re
from inspect import cleandoc, signature
from pathlib import Path

from sklearn.base import BaseEstimator

import sklstm
from sklstm import LSTMForecaster

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "forecaster.md"


def test_reference_has_the_parameters_and_their_defaults():
    rows = re.findall(r"^\| `(\w+)` \| `(.+?)` \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert {name: eval(default) for name, default in rows} == LSTMForecaster().get_params()


def test_reference_has_the_methods_and_attributes():
    page = PAGE.read_text("utf-8")
    public = {name for name in dir(LSTMForecaster) if not name.startswith("_")}
    public -= set(dir(BaseEstimator))
    named = public - set(LSTMForecaster().get_params())
    named = {name for name in named if not name.startswith("set_")}  # scikit-learn's requests
    assert len(named) > 15
    assert {name for name in named if f"`{name}" not in page} == set()


def test_docstring_has_the_parameters_in_their_order():
    text = cleandoc(sklstm.LSTMForecaster.__doc__)
    parameters = text[text.index("Parameters\n") : text.index("Attributes\n")]
    lines = re.findall(r"^([\w, ]+) : ", parameters, re.MULTILINE)
    assert ", ".join(lines).split(", ") == list(signature(LSTMForecaster).parameters)
