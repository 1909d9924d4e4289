"""Labels, targets and weights of classes: those that are read, and a sentence for those not."""

import decimal
import enum
from functools import partial

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from sklstm import LSTMClassifier, LSTMRegressor
from sklstm.inspection import permutation_importance
from tests.test_validation import ForeignArray
from tests.toy import ESTIMATORS, SMALL, problem, raw

STEPS = SMALL | {"return_sequences": True, "bidirectional": False, "scale": "channel"}
X, y = problem(LSTMClassifier)
SLOPE = problem(LSTMRegressor)[1]

LABELS = {
    "bool": lambda y: y > 0,
    "float": lambda y: y.astype(float),
    "strings": lambda y: np.array(["no", "yes"])[y],
    "objects": lambda y: np.array(["no", "yes"], object)[y],
    "list": lambda y: ["no" if v == 0 else "yes" for v in y],
    "strings of NumPy and Python": lambda y: [np.str_("no") if v == 0 else "yes" for v in y],
    "objects of both": lambda y: np.array([np.str_("no") if v == 0 else "yes" for v in y], object),
    "boolean": lambda y: pd.Series(y > 0, dtype="boolean"),
    "Int64": lambda y: pd.Series(y, dtype="Int64"),
    "string": lambda y: pd.Series(np.array(["no", "yes"])[y], dtype="string"),
    "category": lambda y: pd.Series(np.array(["no", "yes"])[y], dtype="category"),
    "StringDType": lambda y: np.array(["no", "yes"])[y].astype(np.dtypes.StringDType()),
    "index": lambda y: pd.Index(np.array(["no", "yes"])[y]),
    "column": lambda y: pd.DataFrame({"label": y}),
}


@pytest.mark.filterwarnings("ignore:A column-vector y was passed")
@pytest.mark.parametrize("form", LABELS)
def test_labels_of_any_type_give_the_same_model(form):
    expected = LSTMClassifier(**SMALL).fit(X, y)
    labels = LABELS[form](y)
    model = LSTMClassifier(**SMALL).fit(X, labels)
    np.testing.assert_array_equal(model.theta_, expected.theta_)
    assert model.score(X, labels) == expected.score(X, y)
    assert model.classes_.dtype != object or isinstance(model.classes_[0], str)


MISSING = {
    "nullable boolean": lambda y: pd.Series(y > 0, dtype="boolean").where(y > 0),
    "nullable integers": lambda y: pd.Series(y, dtype="Int64").where(y > 0),
    "strings": lambda y: pd.Series(np.array(["a", "b"])[y], dtype="string").where(y > 0),
    "categories": lambda y: pd.Series(np.array(["a", "b"])[y], dtype="category").where(y > 0),
    "a list with None": lambda y: ["b" if v else None for v in y],
    "a list of words with NaN": lambda y: ["b" if v else float("nan") for v in y],
    "rows of words with NaN": lambda y: [("b",) if v else (np.nan,) for v in y],
    "a list with NA": lambda y: [1 if v else pd.NA for v in y],
    "objects with NaN": lambda y: np.array(["b" if v else np.nan for v in y], object),
    "StringDType": lambda y: np.array(
        ["b" if v else None for v in y], np.dtypes.StringDType(na_object=None)
    ),
    "floats": lambda y: np.where(y > 0, 1.0, np.nan),
    "times": lambda y: pd.Series(pd.date_range("2024-01-01", periods=24)).where(y > 0),
}


@pytest.mark.parametrize("case", MISSING)
def test_missing_labels_are_counted_and_the_first_is_named(case):
    message = r"y contains NaN, NA or None: it is missing in entry 0 \(12 of 24 entries\)\. Leave"
    with pytest.raises(ValueError, match=message):
        LSTMClassifier(**SMALL).fit(X, MISSING[case](y))
    with pytest.raises(ValueError, match=r"Of X_val and y_val: .*contains NaN"):
        LSTMClassifier(**SMALL).fit(X, y, X_val=X, y_val=MISSING[case](y))
    if case in ("nullable integers", "a list with NA", "floats"):
        with pytest.raises(ValueError, match=message):
            LSTMRegressor(**SMALL).fit(X, MISSING[case](y))


@pytest.mark.parametrize("dtype", ["float64", "Float64", "Int64", "object"])
def test_steps_without_a_target_in_nullable_columns(dtype):
    steps = [np.round(np.cumsum(x[:, 0])) for x in X]
    gaps = [np.where(np.arange(len(s)) == 1, np.nan, s) for s in steps]
    index = pd.MultiIndex.from_tuples([(i, t) for i, s in enumerate(steps) for t in range(len(s))])
    nullable = pd.Series(np.concatenate(gaps), index).astype(dtype)
    expected = LSTMRegressor(**STEPS).fit(X, gaps)
    for given in (nullable, [part.droplevel(0) for _, part in nullable.groupby(level=0)]):
        model = LSTMRegressor(**STEPS).fit(X, given)
        np.testing.assert_array_equal(model.theta_, expected.theta_)


def test_scores_of_steps_in_nullable_columns():
    steps = [(np.cumsum(x[:, 0]) > 0.0).astype(float) for x in X]
    gaps = [np.where(np.arange(len(s)) == 1, np.nan, s) for s in steps]
    model = LSTMClassifier(**STEPS, missing_label=np.nan).fit(X, gaps)
    nullable = [pd.Series(s, dtype="Int64") for s in gaps]
    assert model.score(X, nullable) == model.score(X, gaps)


@pytest.mark.parametrize("missing", [np.nan, pd.NA, "none"])
def test_a_missing_label_of_any_kind(missing):
    labels = [np.where(np.cumsum(x[:, 0]) > 0, "up", "down").astype(object) for x in X]
    weight = [np.arange(len(s)) != 1 for s in labels]
    expected = LSTMClassifier(**STEPS).fit(X, labels, sample_weight=weight)
    for s in labels:
        s[1] = missing
    model = LSTMClassifier(**STEPS, missing_label=missing).fit(X, labels)
    np.testing.assert_array_equal(model.theta_, expected.theta_)
    assert model.classes_.tolist() == ["down", "up"]


def test_none_is_marked_by_nan():
    labels = [np.where(np.cumsum(x[:, 0]) > 0, "up", "down").astype(object) for x in X]
    for s in labels:
        s[1] = np.nan
    expected = LSTMClassifier(**STEPS, missing_label=np.nan).fit(X, labels)
    for s in labels:
        s[1] = None
    with pytest.raises(ValueError, match=r"with missing_label=np\.nan"):
        LSTMClassifier(**STEPS).fit(X, labels)
    model = LSTMClassifier(**STEPS, missing_label=np.nan).fit(X, labels)
    np.testing.assert_array_equal(model.theta_, expected.theta_)


@pytest.mark.parametrize("make", [scipy.sparse.csr_matrix, scipy.sparse.coo_array])
def test_sparse_labels_are_read(make):
    labels = np.column_stack([y, 1 - y, SLOPE > 0.5]).astype(int)
    expected = LSTMClassifier(**SMALL).fit(X, labels)
    model = LSTMClassifier(**SMALL).fit(X, make(labels))
    np.testing.assert_array_equal(model.theta_, expected.theta_)
    assert model.score(X, make(labels)) == expected.score(X, labels)
    values = np.column_stack([SLOPE, y])
    np.testing.assert_array_equal(
        LSTMRegressor(**SMALL).fit(X, make(values)).theta_,
        LSTMRegressor(**SMALL).fit(X, values).theta_,
    )


@pytest.mark.parametrize("label", ["a", 3, 2.0, np.str_("a")])
def test_one_class_is_named_as_it_is(label):
    plain = label.item() if isinstance(label, np.generic) else label
    with pytest.raises(ValueError, match=f"y holds one class only, {plain!r};"):
        LSTMClassifier(**SMALL).fit(X, np.array([label] * 24))


def test_unknown_labels_are_named_as_they_are():
    model = LSTMClassifier(**SMALL, warm_start=True).fit(X, np.array(["a", "b"])[y])
    with pytest.raises(ValueError, match=r"entry 0 is 'c', known are \['a', 'b'\]"):
        model.fit(X, np.array(["c", "b"])[y])


def test_labels_of_several_types_are_refused():
    mixed = np.array([1, "a"], object)[y]  # of a list NumPy would make text, '1' and 'a'
    for labels in (mixed, mixed.tolist(), tuple(mixed)):
        with pytest.raises(ValueError, match="y mixes labels of the types int and str: convert"):
            LSTMClassifier(**SMALL).fit(X, labels)
    steps = [np.full(len(x), k) if k else ["a"] * len(x) for x, k in zip(X, y, strict=True)]
    with pytest.raises(ValueError, match="y mixes labels of the types int and str: convert them"):
        LSTMClassifier(**STEPS).fit(X, steps)


def test_steps_without_a_target_among_words():
    words = [np.array(["no", "yes"])[x[:, 0].astype(int) % 2].tolist() for x in X]
    marked = [["?" if t == 1 else word for t, word in enumerate(row)] for row in words]
    empty = [[np.nan if word == "?" else word for word in row] for row in marked]
    expected = LSTMClassifier(**STEPS, missing_label="?").fit(X, marked)
    model = LSTMClassifier(**STEPS, missing_label=np.nan).fit(X, empty)
    assert model.classes_.tolist() == expected.classes_.tolist() == ["no", "yes"]
    np.testing.assert_array_equal(model.theta_, expected.theta_)
    assert model.score(X, empty) == expected.score(X, marked)


SHAPES = {
    "one label": (lambda y: 1, r"y has the shape \(\); needed is one entry for each sample"),
    "three axes": (lambda y: y[:, None, None], r"y has the shape \(24, 1, 1\)"),
    "none": (lambda y: [], r"y holds nothing, its shape is \(0,\)"),
    "no column": (lambda y: np.empty((24, 0)), r"y holds nothing, its shape is \(24, 0\)"),
}


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("case", SHAPES)
def test_shapes_of_y_are_named(case, Estimator):
    make, message = SHAPES[case]
    with pytest.raises(ValueError, match=message):
        Estimator(**SMALL).fit(X, make(y))


def test_labels_that_are_no_classes_are_refused_in_a_line():
    with pytest.raises(ValueError, match="complex128") as error:
        LSTMClassifier(**SMALL).fit(X, y + 1j)
    assert len(str(error.value)) < 300
    with pytest.raises(ValueError, match=r"2 columns of classes.*MultiOutputClassifier"):
        LSTMClassifier(**SMALL).fit(X, np.column_stack([y, y + 5]))


def test_a_score_of_labels_that_are_missing_is_refused():
    model = LSTMClassifier(**SMALL).fit(X, np.array(["no", "yes"])[y])
    with pytest.raises(ValueError, match=r"missing in entry 1 \(1 of 24 entries\)"):
        model.score(X, ["yes", np.nan, *["no"] * 22])


OF_OTHER_TYPES = {
    "intervals": (lambda y: pd.cut(pd.Series(y), 2), "Interval, such as Interval"),
    "enums": (lambda y: [enum.Enum("Side", "LEFT RIGHT")(v + 1) for v in y], "Side, such as <S"),
    "large integers": (lambda y: [10**30 if v else 1 for v in y], "int, such as 1"),
}


@pytest.mark.parametrize("case", OF_OTHER_TYPES)
def test_labels_that_scikit_learn_does_not_read_are_named(case):
    make, message = OF_OTHER_TYPES[case]
    with pytest.raises(ValueError, match=f"y holds labels of the type {message}.*to text"):
        LSTMClassifier(**SMALL).fit(X, make(y))


@pytest.mark.parametrize("make", [list, tuple, lambda y: pd.Series(y, dtype=object)])
def test_entries_of_different_lengths_are_refused_in_words(make):
    labels = make([["a"], ["a", "b"]] * 12)
    with pytest.raises(ValueError, match=r"Entries of y differ in length.*MultiLabelBinarizer"):
        LSTMClassifier(**SMALL).fit(X, labels)
    numbers = [np.zeros(k % 3 + 1) for k in range(24)]
    with pytest.raises(ValueError, match=r"differ in length.*return_sequences=True"):
        LSTMRegressor(**SMALL).fit(X, numbers)


def test_class_weights_by_labels_as_they_are_in_y():
    """Also by digits that are text, which scikit-learn reads as numbers."""
    expected = LSTMClassifier(**SMALL, class_weight={1: 3.0}).fit(X, y)
    digits = LSTMClassifier(**SMALL, class_weight={"1": 3.0}).fit(X, y.astype(str))
    np.testing.assert_array_equal(digits.theta_, expected.theta_)
    absent = LSTMClassifier(**SMALL, class_weight={0: 1.0, 1: 3.0, 2: 5.0}).fit(X, y)
    np.testing.assert_array_equal(absent.theta_, expected.theta_)
    for labels, weights in ((y.astype(str), {1: 3.0}), (y, {"1": 3.0}), (y, {0: 1.0, 2: 1.0})):
        with pytest.raises(ValueError, match=r"class_weight has a weight of .*none of the labels"):
            LSTMClassifier(**SMALL, class_weight=weights).fit(X, labels)


@pytest.mark.parametrize(("label", "dtype"), [(-1, str), ("-1", int), (np.nan, str)])
def test_a_missing_label_of_another_type_than_in_y_is_refused(label, dtype):
    """It would be a class of its own."""
    marked = "nan" if label != label else "-1"
    labels = [np.array([marked, *["0", "1"] * len(x)][: len(x)]).astype(dtype) for x in X]
    with pytest.raises(ValueError, match=f"is not in y, but .*{marked}.* is: pass missing_label="):
        LSTMClassifier(**STEPS, missing_label=label).fit(X, labels)
    if dtype is str:  # as the error says
        model = LSTMClassifier(**STEPS, missing_label=marked).fit(X, labels)
        assert model.classes_.tolist() == ["0", "1"]


@pytest.mark.parametrize("indicators", [(-1, 1), (0, 2), (1, 2), (-1.0, 1.0)])
def test_several_labels_are_zeros_and_ones(indicators):
    zeros_and_ones = np.column_stack([y, 1 - y, y])
    others = np.asarray(indicators)[zeros_and_ones]
    model = LSTMClassifier(**SMALL).fit(X, zeros_and_ones)
    place = np.argwhere((others != 0) & (others != 1))[0]
    message = rf"holds {others[tuple(place)]} in entry {place[0]}, column {place[1]}"
    for use in (LSTMClassifier(**SMALL).fit, model.score, LSTMClassifier(**SMALL).partial_fit):
        with pytest.raises(ValueError, match=message):
            use(X, others)
    of_steps = [np.tile(row, (len(x), 1)) for row, x in zip(others, X, strict=True)]
    with pytest.raises(ValueError, match=f"This is time step 0 of sample {place[0]}"):
        LSTMClassifier(**STEPS).fit(X, of_steps)


def test_one_hot_encoded_classes_are_noticed():
    one_hot = np.eye(3, dtype=int)[np.arange(24) % 3]
    with pytest.warns(UserWarning, match=r"single 1, as in one-hot.*y\.argmax\(axis=1\)"):
        LSTMClassifier(**SMALL).fit(X, one_hot)
    one_hot[0] = 1  # a row with three labels: warnings are errors
    LSTMClassifier(**SMALL).fit(X, one_hot)
    LSTMClassifier(**SMALL).partial_fit(X[:2], np.eye(3, dtype=int)[:2], classes=[0, 1, 2])


def test_targets_that_are_no_numbers_are_named():
    with pytest.raises(ValueError, match="y holds 'down', which is not numeric: LSTMReg"):
        LSTMRegressor(**SMALL).fit(X, np.array(["down", "up"])[y])
    with pytest.raises(ValueError, match="y holds 'down', which is not numeric"):
        LSTMRegressor(**SMALL).fit(X, [1.0] * 23 + ["down"])
    for dtype in ("M8[D]", "m8[s]", "complex128"):
        with pytest.raises(ValueError, match="y holds no numbers, its dtype is "):
            LSTMRegressor(**SMALL).fit(X, y.astype(dtype))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_columns_of_y_are_in_the_order_of_fit(Estimator):
    frame = pd.DataFrame({"a": y, "b": 1 - y, "c": np.arange(24) % 4 == 0}).astype(int)
    other = frame[["b", "a", "c"]]
    model = Estimator(**SMALL).fit(X, frame)
    message = "y has the columns of fit in another order: column 0 is b, in fit it was a"
    methods = [model.score, model.partial_fit]
    # by a scorer that does not ask the estimator
    methods.append(partial(permutation_importance, model, scoring=lambda model, X, y: 0.0))
    methods += [model.conformalize] if Estimator is LSTMRegressor else []
    methods.append(lambda X, y: model.fit(X, frame, X_val=X, y_val=y))  # leaves it unfitted
    for method in methods:
        with pytest.raises(ValueError, match=message):
            method(X, other)
    model = Estimator(**SMALL).fit(X, frame)
    renamed = frame.set_axis(["x", "y", "z"], axis=1)  # goes by position
    assert model.score(X, frame) == model.score(X, renamed) == model.score(X, frame.to_numpy())
    steps = [pd.DataFrame({"a": x[:, 0], "b": x[:, 1]}).gt(0.0).astype(int) for x in X]
    model = Estimator(**STEPS).fit(X, steps)
    with pytest.raises(ValueError, match=message):
        model.score(X, [table[["b", "a"]] for table in steps])


def test_words_as_targets_of_steps_and_missing_values_in_a_score_are_named():
    with pytest.raises(ValueError, match="y holds 'up', which is not numeric"):
        LSTMRegressor(**STEPS).fit(X, [["up"] * len(x) for x in X])
    model = LSTMRegressor(**SMALL).fit(X, SLOPE)
    with pytest.raises(ValueError, match=r"missing in entry 5 \(1 of 24 entries\)"):
        model.score(X, np.where(np.arange(24) == 5, np.nan, SLOPE))
    assert model.score(X, pd.Series(SLOPE, dtype="Float64")) == model.score(X, SLOPE)


def test_masked_targets_and_weights_are_missing():
    masked = np.ma.masked_array(SLOPE, np.arange(24) == 5)
    with pytest.raises(ValueError, match=r"missing in entry 5 \(1 of 24"):
        LSTMRegressor(**SMALL).fit(X, masked)
    with pytest.raises(ValueError, match=r"missing in entry 5 \(1 of 24"):
        LSTMClassifier(**SMALL).fit(X, np.ma.masked_array(y, np.arange(24) == 5))
    with pytest.raises(ValueError, match="sample_weight contains NaN"):
        LSTMClassifier(**SMALL).fit(X, y, np.ma.masked_array(np.ones(24), np.arange(24) == 5))
    nothing_masked = np.ma.masked_array(y)
    np.testing.assert_array_equal(
        LSTMClassifier(**SMALL).fit(X, nothing_masked).theta_,
        LSTMClassifier(**SMALL).fit(X, y).theta_,
    )


def test_arrays_of_another_package():
    expected = LSTMRegressor(**SMALL).fit(X, SLOPE, 1.0 + y)
    model = LSTMRegressor(**SMALL).fit(X, ForeignArray(SLOPE), ForeignArray(1.0 + y))
    np.testing.assert_array_equal(model.theta_, expected.theta_)
    steps = np.stack([x[:3, 0] for x in X])
    three = [x[:3] for x in X]
    np.testing.assert_array_equal(
        LSTMRegressor(**STEPS).fit(three, ForeignArray(steps)).theta_,
        LSTMRegressor(**STEPS).fit(three, steps).theta_,
    )


def test_weights_whose_sum_is_infinite():
    with pytest.raises(ValueError, match=r"are up to 1e\+308, and their sum is infinite"):
        LSTMClassifier(**SMALL).fit(X, y, np.full(24, 1e308))
    with pytest.raises(ValueError, match="their sum is infinite"):
        LSTMClassifier(**SMALL, class_weight={0: 1e308, 1: 1e308}).fit(X, y)


# --- a validation set of one's own training samples ----------------------------------------
def test_a_class_of_one_sample_cannot_be_held_out():
    labels = np.array(["down", "up"])[y].astype(object)
    labels[5] = "flat"
    message = "Class 'flat' has one sample only, and early_stopping=True"
    with pytest.raises(ValueError, match=message):
        LSTMClassifier(**SMALL, early_stopping=True).fit(X, labels)
    twice = labels.copy()
    twice[6] = "flat"  # but without weight: it is not there
    with pytest.raises(ValueError, match=message):
        LSTMClassifier(**SMALL, early_stopping=True).fit(X, twice, np.arange(24) != 6)
    LSTMClassifier(**SMALL).fit(X, labels, X_val=X, y_val=labels)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_one_sample_cannot_be_split(Estimator):
    with pytest.raises(ValueError, match="X has 1 of positive weight: pass X_val"):
        Estimator(**SMALL, early_stopping=True).fit(*problem(Estimator), np.arange(24) == 3)


@pytest.mark.parametrize(("fraction", "held_out"), [(0.1, 3), (0.9, 22)])
def test_each_class_is_on_both_sides(fraction, held_out):
    labels = np.arange(24) // 4
    with pytest.raises(ValueError, match=rf"of 24 samples holds out {held_out}, and y has 6 clas"):
        LSTMClassifier(**SMALL, early_stopping=True, validation_fraction=fraction).fit(X, labels)
    model = LSTMClassifier(**SMALL, early_stopping=True, validation_fraction=0.25).fit(X, labels)
    assert len(model.validation_scores_) == 3


# --- weights of classes -------------------------------------------------------------------
@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize(
    ("weight", "found"),
    [
        (-0.5, r"-0\.5"), (float("nan"), "nan"), (float("inf"), "inf"), ("heavy", "'heavy'"),
        (None, "None"), (np.float32(-2.0), r"-2\.0"), (1j, "1j"), ([1.0], r"\[1\.0\]"),
    ],
)  # fmt: skip
def test_weights_of_classes_are_refused_by_name(weight, found, partial):
    model = LSTMClassifier(**SMALL, class_weight={"down": 1.0, "up": weight})
    labels = np.array(["down", "up"])[y]
    with pytest.raises(
        ValueError, match=f"class_weight of class 'up' is {found}: it must be a fin"
    ):
        if partial:
            model.partial_fit(X, labels, classes=["down", "up"])
        else:
            model.fit(X, labels)


@pytest.mark.parametrize("weight", [2, 2.0, np.float32(2.0), np.int64(2), True + 1])
def test_weights_of_classes_of_any_number(weight):
    model = LSTMClassifier(**SMALL, class_weight={0: 1, 1: weight}).fit(X, y)
    expected = LSTMClassifier(**SMALL).fit(X, y, sample_weight=1.0 + y)
    np.testing.assert_array_equal(model.theta_, expected.theta_)


def test_a_class_may_have_no_weight():
    labels = np.where(SLOPE > 0.6, 2, y)
    model = LSTMClassifier(**SMALL, class_weight={0: 1, 1: 1, 2: 0}).fit(X, labels)
    expected = LSTMClassifier(**SMALL).fit(X, labels, sample_weight=labels < 2)
    np.testing.assert_array_equal(model.theta_, expected.theta_)
    with pytest.raises(ValueError, match="All sample weights are zero"):
        LSTMClassifier(**SMALL, class_weight={0: 0, 1: 0}).fit(X, y)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize(
    ("bad", "message"), [(np.nan, "NaN"), (np.inf, "infinity"), (-1.0, "(?i)negative")]
)
def test_weights_of_samples_are_refused(Estimator, bad, message):
    weight = np.ones(24)
    weight[5] = bad
    with pytest.raises(ValueError, match=message):
        Estimator(**SMALL).fit(*problem(Estimator), weight)


def test_decimals_are_numbers():
    targets = [decimal.Decimal(str(v)) for v in np.round(SLOPE, 3)]
    model = LSTMRegressor(**SMALL).fit(X, targets)
    np.testing.assert_array_equal(
        raw(model, X), raw(LSTMRegressor(**SMALL).fit(X, np.round(SLOPE, 3)), X)
    )
