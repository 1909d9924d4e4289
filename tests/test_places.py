"""Errors and warnings name a value as the user's table does: by its row and its column."""

import numpy as np
import pandas as pd
import pytest

from sklstm import LSTMClassifier, LSTMRegressor, Sequences

QUICK = {"hidden_size": 2, "max_iter": 1, "random_state": 0}
Y = np.arange(6) % 2


def visits(**other):
    """Return a table of 6 patients with 3 visits each."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "patient": np.repeat([f"P{k}" for k in range(6)], 3),
            "day": np.tile([0, 2, 5], 6),
            "pulse": rng.normal(70.0, 5.0, 18),
            "age": np.repeat(rng.normal(50.0, 9.0, 6), 3),
        }
    )
    return table.assign(**other)


def changed(column, value):
    """Return a table with another value on the second visit of the third patient."""
    table = visits()
    table.loc[7, column] = value
    return table


def as_long(table):
    return table.set_index(["patient", "day"])


def as_sequences(table):
    return Sequences.from_frame(table, sample="patient", time="day", missing="mask")


@pytest.mark.parametrize("form", [as_long, as_sequences])
def test_a_gap_and_a_static_change_are_named_by_row_and_column(form):
    model = LSTMClassifier(**QUICK)
    message = (
        r"sample 2, time step 1, channel 0\. .* In X this is row \('P2', 2\), column 'pulse'\."
    )
    with pytest.raises(ValueError, match=message):
        model.fit(form(changed("pulse", np.nan)), Y)
    model.set_params(static_features=["age"])
    with pytest.raises(ValueError, match=r"sample 2 .* row \('P2', 2\), column 'age'"):
        model.fit(form(changed("age", 1.0)), Y)
    model.fit(form(visits()), Y)
    with pytest.raises(ValueError, match=r"row \('P2', 2\), column 'pulse'"):
        model.predict(form(changed("pulse", np.nan)))


def test_some_samples_of_a_table_are_named_by_their_own_rows():
    sequences = as_sequences(changed("pulse", np.nan))[[5, 2]]
    with pytest.raises(ValueError, match=r"sample 1, .* row \('P2', 2\)"):
        LSTMRegressor(**QUICK).fit(sequences, [0.0, 1.0])


def test_a_wide_table_has_a_column_for_each_step():
    wide = pd.DataFrame(np.eye(6), columns=[f"week_{k}" for k in range(6)], index=list("abcdef"))
    wide.insert(0, "age", 1.0 + np.arange(6))
    wide.iloc[2, 4] = np.inf
    model = LSTMClassifier(static_features=["age"], **QUICK)
    with pytest.raises(ValueError, match=r"sample 2, time step 3, .* row 'c', column 'week_3'"):
        model.fit(wide, Y)
    with pytest.raises(ValueError, match="row 'c', column 'age'"):
        model.fit(wide.assign(age=[1, 2, np.inf, 4, 5, 6], week_3=0.0), Y)


def test_arrays_have_no_names():
    X = np.zeros((2, 3, 1))
    X[1, 1] = np.inf
    with pytest.raises(ValueError, match="sample 1, time step 1, channel 0") as caught:
        LSTMClassifier(**QUICK).fit(X, [0, 1])
    assert "In X this is" not in str(caught.value)


def test_channels_without_values_or_variation_are_named():
    model = LSTMClassifier(missing="mask", **QUICK)
    with pytest.warns(UserWarning, match="Channel 'age' of X has no value in the training data"):
        model.fit(as_long(visits(age=np.nan)), Y)
    tiny = visits(age=np.arange(18) * 1e-160)
    with pytest.raises(ValueError, match="Channel 'age' of X varies by less than"):
        model.fit(as_long(tiny), Y)


def test_a_stream_names_the_channel_of_an_unknown_category():
    table = as_long(visits(ward=["icu", "er"] * 9))
    forward = {"bidirectional": False, "scale": "channel", "patch_size": 1}
    model = LSTMClassifier(categorical_features=["ward"], **forward, **QUICK).fit(table, Y)
    with pytest.warns(UserWarning, match="Channel 'ward' has the category 'x', which fit did not"):
        model.stream().step([70.0, 50.0, "x"])
