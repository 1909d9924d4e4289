"""Mistakes that a newcomer makes with times until an event, and what is said of them."""

import numpy as np
import pandas as pd
import pytest

from sklstm import LSTMRegressor
from sklstm._input.survival_targets import survival_target
from sklstm.components import Survival
from sklstm.export import to_c
from tests.test_survival import records
from tests.toy import SMALL

X, Y = records()
EVENT, TIME = Y["died"], Y["day"]


def fit(y, **settings):
    """Return a regressor of survival, fitted."""
    return LSTMRegressor(**SMALL | settings, loss="survival").fit(X, y)


def frame(**columns):
    """Return y as a table, with other columns."""
    return pd.DataFrame({"event": EVENT, "time": TIME} | columns)


def with_entry(entry, value, name="time"):
    """Return y as a table, in which one value is another one."""
    y = frame().astype({"event": object})
    y.loc[entry, name] = value
    return y


MISTAKES = [
    (
        "times alone",
        lambda: fit(TIME),
        r"y is of the shape \(40,\) and dtype float64\. With loss='survival' it says of each "
        r"sample whether the event was observed, True or False, and the time .*pd\.DataFrame",
    ),
    (
        "0 and 1 in place of booleans",
        lambda: fit(frame(event=EVENT.astype(int))),
        r"y is a DataFrame with 'event' of int64, 'time' of float64\. With loss='survival'",
    ),
    (
        "an array of numbers",
        lambda: fit(np.column_stack([EVENT, TIME])),
        r"y is of the shape \(40, 2\) and dtype float64\. With loss='survival'",
    ),
    (
        "lists of numbers",
        lambda: fit(np.column_stack([EVENT, TIME]).tolist()),
        r"y is a list of 40 entries such as \[.*\]\. With loss='survival'",
    ),
    ("a column too many", lambda: fit(frame(more=1.0)), r"'more' of float64\. With loss='surv"),
    ("no booleans", lambda: fit(frame()[["time"]]), r"a DataFrame with 'time' of float64\. With"),
    (
        "two times",
        lambda: fit(frame(event=TIME)),
        r"a DataFrame with 'event' of float64, 'time' of float64\. With",
    ),
    (
        "times as differences of dates",
        lambda: fit(frame(time=pd.to_timedelta(TIME, unit="D"))),
        r"'time' of timedelta64\[.*\]\. With loss='survival'",
    ),
    (
        "a structured array with another field",
        lambda: fit(np.zeros(40, [("event", bool), ("time", float), ("id", int)])),
        r"a structured array with 'event' of bool, 'time' of float64, 'id' of int64",
    ),
    (
        "a probability among the booleans",
        lambda: fit(with_entry(3, 0.5, "event")),
        r"a DataFrame with 'event' of object, 'time' of float64\. With",
    ),
    ("a missing time", lambda: fit(with_entry(7, np.nan)), r"In entry 7 of y the time is missing"),
    (
        "a missing event",
        lambda: fit(with_entry(7, None, "event")),
        r"In entry 7 of y whether the event was observed is missing \(1 of 40 entries\)",
    ),
    ("a negative time", lambda: fit(with_entry(3, -1.0)), r"In entry 3 of y the time is negative"),
    ("an infinite time", lambda: fit(with_entry(3, np.inf)), r"entry 3 of y the time is infinite"),
    ("a huge time", lambda: fit(with_entry(3, 1e300)), r"entry 3 of y the time is beyond 1e"),
    (
        "no event",
        lambda: fit(frame(event=np.zeros(40, bool))),
        r"None of the 40 samples to train on has an observed event.*If the column of booleans says "
        r"who is censored, pass its opposite",
    ),
    ("all times 0", lambda: fit(frame(time=0.0)), r"All times of y are 0: pass the times since"),
    ("too few entries", lambda: fit(Y[:9]), r"inconsistent numbers of samples: X has 40, y has 9"),
    (
        "every step",
        lambda: fit(Y, return_sequences=True),
        r"loss='survival' is for one time until an event .*set return_sequences=False",
    ),
    (
        "a structured y without the loss",
        lambda: LSTMRegressor(**SMALL).fit(X, Y),
        r"y is a structured array with the fields died, day\. If it holds events and the times "
        r"until them, use LSTMRegressor with loss='survival'",
    ),
    (
        "a number of intervals of 0",
        lambda: LSTMRegressor(**SMALL, loss=Survival(0)).fit(X, Y),
        r"'n_intervals' parameter of Survival must be an int in the range \[1, inf\)",
    ),
    (
        "a time after the last one",
        lambda: fit(Y).predict_survival(X, [1.0, 1e6]),
        r"times holds 1000000\.0, and the survival curves go from 0 to .*choose times within",
    ),
    (
        "a time that is later by rounding",
        lambda: fit(frame(time=0.1 * TIME)).predict_survival(X, np.nextafter(0.1 * TIME.max(), 9)),
        r"times holds (\d\.\d+), and the survival curves go from 0 to (?!\1,)",
    ),
    (
        "a timedelta",
        lambda: fit(Y).predict_survival(X, np.timedelta64(1, "D")),
        r"pd\.Timedelta\('",
    ),
    (
        "a missing time to predict",
        lambda: fit(Y).predict_survival(X, np.ma.array([1.0, 2.0], mask=[False, True])),
        r"times=masked_array\(.*pass numbers",
    ),
    ("booleans as times", lambda: fit(Y).predict_survival(X, [True]), r"times=\[True\]: pass numb"),
    (
        "a scorer of numbers",
        lambda: fit(Y, early_stopping=True, scoring="r2"),
        r"scoring='r2' compares numbers or classes, .*set it to 'loss', or pass a callable",
    ),
    ("a time of NaN", lambda: fit(Y).predict_survival(X, [np.nan]), r"times holds nan, and the su"),
    ("times as text", lambda: fit(Y).predict_survival(X, ["late"]), r"pass numbers, in the"),
    (
        "times in a table",
        lambda: fit(Y).predict_survival(X, [[1.0]]),
        r"times has the shape \(1, 1",
    ),
    (
        "a curve without the loss",
        lambda: LSTMRegressor(**SMALL).fit(X, TIME).predict_survival(X),
        r"has no attribute 'predict_survival'",
    ),
    (
        "a curve before the fit",
        lambda: LSTMRegressor(loss="survival").predict_survival(X),
        r"is not fitted yet",
    ),
    (
        "a score of those who were all followed shorter",
        lambda: fit(Y).score(X[:2], np.array([(False, 1.0), (True, 2.0)], Y.dtype)),
        r"there is no such pair among 2 samples, 1 of which had it",
    ),
    *(
        (
            name,
            lambda name=name: getattr(fit(Y), name)(X, *([Y] if name == "conformalize" else [])),
            rf"{name} is not for loss='survival', .*use predict_survival",
        )
        for name in ("predict_interval", "predict_quantiles", "conformalize")
    ),
    (
        "a standard deviation",
        lambda: fit(Y).predict(X, return_std=True),
        r"return_std=True is not for loss='survival'",
    ),
    (
        "an export of times that are too long",
        lambda: to_c(fit(frame(time=1e100 * TIME)), "model.c"),
        r"The times of y go up to .*, which float32, the precision of the export to C, does not ",
    ),
]


@pytest.mark.parametrize(
    ("mistake", "sentence"), [case[1:] for case in MISTAKES], ids=[case[0] for case in MISTAKES]
)
def test_a_mistake_gets_a_sentence(mistake, sentence):
    with pytest.raises((AttributeError, ValueError), match=f"(?s){sentence}"):
        mistake()


CONVERTIBLE = {
    "0 and 1": lambda: frame(event=EVENT.astype(int)),
    "1 and 2, as in R": lambda: frame(event=EVENT + 1.0),
    "an array of numbers": lambda: np.column_stack([EVENT, TIME]),
    "a list of numbers": lambda: np.column_stack([TIME, EVENT]).tolist(),
    "words": lambda: frame(event=np.where(EVENT, "died", "alive")),
    "timedelta": lambda: frame(time=pd.to_timedelta(TIME, unit="D")),
    "dates": lambda: frame(time=START + pd.to_timedelta(TIME, unit="D")),
    "a structured array": lambda: np.array(
        [(int(e), np.timedelta64(int(86_400_000 * t), "ms")) for e, t in Y.tolist()],
        [("status", int), ("days", "m8[ms]")],
    ),
}
START = pd.Timestamp("2026-01-01")


@pytest.mark.parametrize("name", CONVERTIBLE)
def test_the_advice_works(name):
    y = CONVERTIBLE[name]()
    with pytest.raises(ValueError, match="Here: ") as error:
        survival_target(y)
    advice = str(error.value).partition("Here: ")[2].removesuffix(".")
    advice = advice.replace("the word for an observed event", "died")
    right = survival_target(eval(advice, {"np": np, "pd": pd, "y": y, "start": START}))
    np.testing.assert_allclose(right, survival_target(Y), rtol=1e-9)


def test_the_cause_of_a_missing_method():
    with pytest.raises(AttributeError) as error:
        _ = LSTMRegressor(loss="gamma").predict_survival
    assert "needs loss='survival', but this LSTMRegressor has loss='gamma'" in str(
        error.value.__cause__
    )
