"""Values of y and weights that cannot be learned are named by their place."""

import numpy as np
import pytest

from sklstm import LSTMClassifier, LSTMRegressor

QUICK = {"hidden_size": 2, "max_iter": 1, "random_state": 0}
X = [np.arange(2.0), np.arange(3.0), np.arange(4.0), np.arange(2.0)]
Y = np.arange(4.0)
STEPS = [np.ones(len(x)) for x in X]


def steps(value, dtype=float):
    """Return targets of steps with another value at time step 1 of sample 2."""
    changed = [row.astype(dtype) for row in STEPS]
    changed[2][1] = value
    return changed


def test_an_infinite_target_is_named():
    with pytest.raises(ValueError, match="Input y contains infinity, in entry 1"):
        LSTMRegressor(**QUICK).fit(X, [0.0, np.inf, 1.0, 2.0])


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1.0, np.nan, 1.0, 1.0], r"contains NaN in entry 1 \(1 such"),
        ([1.0, 1.0, -2.0, -3.0], r"contains -2 in entry 2 \(2 such entries\).* not negative"),
        ([1.0, 1.0, 1.0, np.inf], "contains infinity in entry 3"),
    ],
)
def test_a_weight_is_named(weight, message):
    with pytest.raises(ValueError, match=f"Input sample_weight {message}"):
        LSTMRegressor(**QUICK).fit(X, Y, sample_weight=weight)
    with pytest.raises(ValueError, match=f"Input sample_weight {message}"):
        LSTMRegressor(return_sequences=True, **QUICK).fit(X, STEPS, sample_weight=weight)


@pytest.mark.parametrize(
    ("model", "y", "weight", "message"),
    [
        (LSTMRegressor(), steps(np.inf), None, "y contains infinity"),
        (LSTMRegressor(loss="poisson"), steps(-1.0), None, "y is -1 in row 6"),
        (LSTMRegressor(), steps(1e200), None, r"y is 1e\+200"),
        (LSTMRegressor(), STEPS, steps(-1.0), "sample_weight contains -1"),
        (LSTMClassifier(), steps(None, object), None, "y contains NaN, NA or None"),
    ],
)
def test_a_step_is_named_by_its_sample(model, y, weight, message):
    model.set_params(return_sequences=True, **QUICK)
    with pytest.raises(ValueError, match=rf"{message}.* This is time step 1 of sample 2\."):
        model.fit(X, y, sample_weight=weight)


def test_steps_without_a_target_are_counted():
    y = steps(np.inf)
    y[0][:] = y[2][0] = np.nan
    with pytest.raises(ValueError, match=r"This is time step 1 of sample 2\."):
        LSTMRegressor(return_sequences=True, **QUICK).fit(X, y)


def test_an_unknown_label_of_a_validation_set_is_named():
    model = LSTMClassifier(return_sequences=True, **QUICK)
    y = [np.arange(len(x)) % 2 for x in X]
    other = [*y[:3], np.array([0, 7])]
    message = r"Of X_val and y_val: .* is 7, .* out of X_val\. This is time step 1 of sample 3\."
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, X_val=X, y_val=other)


def test_a_first_piece_that_says_nothing_of_the_scale_of_y_is_warned_of():
    model = LSTMRegressor(**QUICK).partial_fit(X[:1], [5.0])
    model.partial_fit(X, 5.0 + Y)  # of the same kind
    with pytest.warns(UserWarning, match=r"The size of y is .*e\+03 in the scale of the first"):
        model.partial_fit(X, 1000.0 * Y)
    again = LSTMRegressor(warm_start=True, **QUICK).fit(X, Y)
    with pytest.warns(UserWarning, match="this scale stays"):
        again.fit(X, 1e6 + Y)
