"""What a user's type checker says of calls, right ones and wrong ones."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import sklstm

# A line with a comment `error: CODE` must be refused for that reason, any other line accepted.
CALLS = """
from typing import Any, assert_type

import numpy as np

from sklstm import LSTMClassifier, LSTMForecaster, LSTMRegressor
from sklstm.components import FCN, LSTM, SGD, Convolutions, Quantile

X = np.zeros((20, 5))
y = np.arange(20) % 2

LSTMClassifier()
LSTMClassifier(cell="gru", pooling="mean", dropout=0.5, class_weight="balanced", n_jobs=-1)
LSTMClassifier(class_weight={0: 1.0, 1: 2.0}, front=Convolutions((8, 8)), random_state=0)
LSTMRegressor(loss=Quantile(0.9), cell=LSTM(zoneout=(0.1, 0.2), forget_bias="chrono"))
LSTMRegressor(loss="quantile", solver=SGD(momentum=0.5), branch=FCN(), learning_rate="constant")
LSTMForecaster(horizon=12, season_length=[7, 365], calendar=("month",), missing="interpolate")

LSTMClassifier(cell="lstmm")  # error: arg-type
LSTMClassifier(pooling="median")  # error: arg-type
LSTMClassifier(class_weight="blanced")  # error: arg-type
LSTMClassifier(hidden_size="64")  # error: arg-type
LSTMRegressor(loss="mse")  # error: arg-type
LSTMRegressor(scale="sample")  # error: arg-type
LSTMRegressor(front="yes")  # error: arg-type
LSTMRegressor(solver="adamm")  # error: arg-type
LSTM(forget_bias="crono")  # error: arg-type
LSTMForecaster(missing="drop")  # error: arg-type

LSTMClassifier(hiden_size=64)  # error: call-arg
LSTMRegressor(class_weight="balanced")  # error: call-arg
LSTMForecaster(horison=12)  # error: call-arg

classifier = LSTMClassifier().fit(X, y)
assert_type(classifier, LSTMClassifier)
assert_type(LSTMClassifier().partial_fit(X, y, classes=[0, 1]), LSTMClassifier)
assert_type(LSTMRegressor().fit(X, y, sample_weight=np.ones(20)), LSTMRegressor)
assert_type(LSTMRegressor().partial_fit(X, y), LSTMRegressor)
assert_type(LSTMForecaster().fit(y, static=None), LSTMForecaster)
LSTMClassifier().fit(X)  # error: call-arg
LSTMClassifier().fit(X, y, sample_wieght=np.ones(20))  # error: call-arg
LSTMForecaster().fit(y, statics=None)  # error: call-arg

labels: np.ndarray[Any, Any] = classifier.predict(X)
text: str = classifier.predict(X)  # error: assignment
probabilities: np.ndarray[Any, Any] = classifier.predict_proba(X)
number: float = LSTMRegressor().fit(X, y).predict(X)  # error: assignment
"""


def test_right_calls_are_accepted_and_wrong_ones_refused(tmp_path):
    # a copy beside the file: mypy finds the package that the tests see, wherever it lies
    package = Path(sklstm.__file__).parent
    shutil.copytree(package, tmp_path / "sklstm", ignore=shutil.ignore_patterns("*.nb?", "data"))
    (tmp_path / "calls.py").write_text(CALLS, encoding="utf-8")
    command = [
        *(sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent"),
        *("--config-file=", "--cache-dir=cache", "--no-error-summary", "calls.py"),
    ]
    output = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout

    found = re.findall(r"^calls\.py:(\d+): error: .*\[([\w-]+)\]$", output, re.MULTILINE)
    lines = [line.partition("# error: ")[::2] for line in CALLS.splitlines()]
    reported = {(lines[int(number) - 1][0].strip(), code) for number, code in found}
    expected = {(call.strip(), code) for call, code in lines if code}
    assert len(expected) > 10
    assert reported - expected == set(), output
    assert expected - reported == set(), "accepted, although wrong"
