"""y and weights that carry an index: in the order of X, or refused by name."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import KFold, cross_val_score

from sklstm import LSTMClassifier, LSTMRegressor, Sequences
from sklstm._input.alignment import aligned
from tests.toy import ESTIMATORS, SMALL, padded, problem, raw

STEPS = SMALL | {"return_sequences": True, "bidirectional": False, "scale": "channel"}
NAMES = [f"m{k}" for k in range(24)]  # in the order of the file m2 is before m10, sorted behind it


def long_of(X, names=NAMES):
    frames = {name: pd.DataFrame(x).add_prefix("c") for name, x in zip(names, X, strict=True)}
    return pd.concat(frames, names=["machine", "time"])


def table_of(X):
    """The same with plain columns."""
    return long_of(X).reset_index()


def containers(X):
    """X with names for its samples, which scikit-learn cannot or does not pair by position."""
    return {
        "long": long_of(X),
        "Sequences": Sequences.from_frame(table_of(X), sample="machine", time="time"),
    }


@pytest.mark.parametrize("form", ["long", "Sequences"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_y_and_weights_of_named_samples_are_aligned(Estimator, form):
    X, y = problem(Estimator)
    X_named = containers(X)[form]
    weight = np.random.default_rng(0).random(24)
    expected = Estimator(**SMALL).fit(X, y, weight)
    by_name = pd.Series(y, NAMES).sort_index()
    weight_by_name = pd.Series(weight, NAMES)[::-1]
    assert list(by_name.index) != NAMES
    model = Estimator(**SMALL).fit(X_named, by_name, weight_by_name)
    np.testing.assert_array_equal(model.theta_, expected.theta_)
    assert model.score(X_named, by_name, weight_by_name) == expected.score(X, y, weight)
    assert model.score(X_named, y, weight) == expected.score(X, y, weight)  # by position

    given = Estimator(**SMALL).fit(X_named, y, X_val=X_named, y_val=by_name)
    by_position = Estimator(**SMALL).fit(X, y, X_val=X, y_val=y)
    assert given.validation_scores_ == by_position.validation_scores_
    classes = {"classes": [0, 1]} if Estimator is LSTMClassifier else {}
    for_epochs = [Estimator(**SMALL).partial_fit(X_named, by_name, **classes)]
    for_epochs.append(Estimator(**SMALL).partial_fit(X, y, **classes))
    np.testing.assert_array_equal(for_epochs[0].theta_, for_epochs[1].theta_)


def test_several_outputs_are_aligned():
    X, slope = problem(LSTMRegressor)
    y = np.column_stack([slope, slope**2])
    frame = pd.DataFrame(y, NAMES, columns=["a", "b"]).sort_index()
    model = LSTMRegressor(**SMALL).fit(long_of(X), frame)
    np.testing.assert_array_equal(model.theta_, LSTMRegressor(**SMALL).fit(X, y).theta_)


def test_one_row_of_each_sample_may_keep_its_time():
    X, y = problem(LSTMClassifier)
    long = long_of(X)
    label = pd.Series(np.repeat(y, [len(x) for x in X]), long.index)
    last = label.groupby(level=0).tail(1).sort_index()
    assert last.index.nlevels == 2
    model = LSTMClassifier(**SMALL).fit(long, last)
    np.testing.assert_array_equal(model.theta_, LSTMClassifier(**SMALL).fit(X, y).theta_)


@pytest.mark.parametrize(
    ("ids", "index", "order"),
    [
        # what `aligned` makes of y = [0, 1, 2, 3]; None: by position
        ("abcd", None, [0, 1, 2, 3]),
        ("abcd", "badc", [1, 0, 3, 2]),
        ([3, 1, 0, 2], pd.RangeIndex(4), [3, 1, 0, 2]),
        ([10, 11, 12, 13], pd.RangeIndex(4), [0, 1, 2, 3]),
        ([1, 2, 3, 4], pd.RangeIndex(4), [0, 1, 2, 3]),
        ([1, 0, 2, 3], np.array([0.0, 1.0, 2.0, 3.0]), [1, 0, 2, 3]),
        (["a", "b", "c", "d"], pd.Categorical(["d", "c", "b", "a"]), [3, 2, 1, 0]),
        (pd.to_datetime(["2024-01-02", "2024-01-01", "2024-01-04", "2024-01-03"]),
         pd.date_range("2024-01-01", periods=4), [1, 0, 3, 2]),
    ],
)  # fmt: skip
def test_order_of_labels(ids, index, order):
    ids = list(ids)
    X = pd.DataFrame({"c": range(8)}, pd.MultiIndex.from_product([ids, [0, 1]]))
    index = index if index is None or isinstance(index, pd.Index) else list(index)
    y = pd.Series(range(4), index)
    assert list(aligned(X, y=y)[0]) == order


REFUSED = {
    "a sample without an entry": (NAMES[:-1], "has no entry for 'm23' of X"),
    "another name": ([*NAMES[:-1], "m99"], "no entry for 'm23' of X and has entries for 'm99'"),
    "more names": ([*NAMES, "m99"], "has entries for 'm99', which X does not have"),
    "a name twice": ([*NAMES[:-1], "m0"], "'m0' comes more than once"),
    "later names": (
        [f"n{k}" for k in range(24)], r"no entry for 'm0', 'm1', 'm2', \.\.\. \(24 labels\) of X",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", ["y", "sample_weight"])
@pytest.mark.parametrize("form", ["long", "Sequences"])
@pytest.mark.parametrize("case", REFUSED)
def test_other_names_are_refused(case, form, what):
    names, message = REFUSED[case]
    X, y = problem(LSTMClassifier)
    X_named = containers(X)[form]
    given = pd.Series(np.resize(y, len(names)), list(names))
    model = LSTMClassifier(**SMALL).fit(X_named, y)
    names_differ = pytest.raises(ValueError, match=f"^{what} .*{message}")
    with names_differ:
        LSTMClassifier(**SMALL).fit(X_named, **{"y": y, what: given})
    with names_differ:
        model.score(X_named, **{"y": y, what: given})
    if what == "y":
        with pytest.raises(ValueError, match=f"Of X_val and y_val: y .*{message}"):
            LSTMClassifier(**SMALL).fit(X_named, y, X_val=X_named, y_val=given)


def test_numbers_are_no_names_of_a_long_frame():
    """A default index goes by position, other numbers may be names of other samples."""
    X, y = problem(LSTMClassifier)
    LSTMClassifier(**SMALL).fit(long_of(X), pd.Series(y))
    with pytest.raises(ValueError, match=r"no entry for 'm0'.* has entries for 1, 2, 3"):
        LSTMClassifier(**SMALL).fit(long_of(X), pd.Series(y, range(1, 25)))


# --- wide ---------------------------------------------------------------------------------
def wide(names):
    X, y = problem(LSTMClassifier, lengths=(6, 6), n_channels=1)
    return pd.DataFrame(np.stack(X)[:, :, 0], names).add_prefix("t"), pd.Series(y, names)


def test_rows_of_a_wide_frame_go_by_position():
    X, y = wide(NAMES)
    expected = LSTMClassifier(**SMALL).fit(X, y)
    for other in (y.to_numpy(), y.reset_index(drop=True), y.tolist()):
        np.testing.assert_array_equal(LSTMClassifier(**SMALL).fit(X, other).theta_, expected.theta_)
    # a default index says nothing, on either side
    unnamed = X.reset_index(drop=True)
    np.testing.assert_array_equal(LSTMClassifier(**SMALL).fit(unnamed, y).theta_, expected.theta_)
    # rows that come twice, as a bootstrap has them, are paired where both sides have them alike
    rows = np.random.default_rng(0).integers(0, 24, 24)
    LSTMClassifier(**SMALL).fit(X.iloc[rows], y.iloc[rows])


@pytest.mark.parametrize("form", ["wide", "Sequences"])
def test_a_default_index_in_cross_validation(form):
    """A splitter leaves of it any numbers: the labels of X are none of these."""
    X, y = wide(NAMES)
    if form == "Sequences":
        X = containers(problem(LSTMClassifier)[0])[form]
    folds = KFold(3, shuffle=True, random_state=0)
    scores = cross_val_score(LSTMClassifier(**SMALL), X, y.to_numpy(), cv=folds)
    for labels in (y.reset_index(drop=True), y):  # or the names themselves
        np.testing.assert_array_equal(
            cross_val_score(LSTMClassifier(**SMALL), X, labels, cv=folds), scores
        )
    if form == "wide":  # names on the side of y alone
        unnamed = X.reset_index(drop=True)
        np.testing.assert_array_equal(
            cross_val_score(LSTMClassifier(**SMALL), unnamed, y, cv=folds), scores
        )


def test_names_in_another_order_are_seen_in_cross_validation():
    X, y = problem(LSTMClassifier)
    by_name = pd.Series(y, NAMES).sort_index()
    table = containers(X)["Sequences"]
    LSTMClassifier(**SMALL).fit(table, by_name)  # here they are aligned
    with pytest.raises(ValueError, match=r"y has no entry for 'm"):
        cross_val_score(LSTMClassifier(**SMALL), table, by_name, cv=3, error_score="raise")


@pytest.mark.parametrize("form", ["wide", "unnamed wide", "Sequences"])
def test_labels_that_were_shuffled_alone_are_refused(form):
    """A table of labels in another order has whole numbers too, but no splitter left them."""
    in_order = sorted(NAMES)  # as a pivot has the names
    X, y = wide(in_order)
    if form == "Sequences":
        table = long_of(problem(LSTMClassifier)[0], in_order).reset_index()
        X = Sequences.from_frame(table, sample="machine", time="time")
    labels = pd.DataFrame({"machine": in_order, "label": y.to_numpy()})
    shuffled = labels.sample(frac=1.0, random_state=0)
    given = shuffled["label"]
    if form == "unnamed wide":  # the other way round
        X, given = X.set_axis(shuffled.index), labels.set_index("machine")["label"]
    model = LSTMClassifier(**SMALL)
    with pytest.raises(ValueError, match=r"y has no entry for .*to_numpy\(\) to go by position"):
        model.fit(X, given)
    model.fit(X, given.to_numpy())
    if form != "unnamed wide":
        model.fit(X, labels["label"])


def test_what_a_splitter_leaves_of_both_is_in_order():
    X, y = containers(problem(LSTMClassifier)[0])["Sequences"], problem(LSTMClassifier)[1]
    labels = pd.Series(y)
    model = LSTMClassifier(**SMALL)
    for order in ([3, 1, 2, 20, 9, 8], [5, 5, 1, 0, 7, 7, 2], np.arange(24)[::-1]):
        chosen, its = X[np.array(order)], labels.iloc[order]
        expected = model.fit(chosen, its.to_numpy()).theta_
        values = chosen.with_values(chosen.dataset().values[chosen._used_rows()])
        for same in (chosen, pickle.loads(pickle.dumps(chosen)), values):
            np.testing.assert_array_equal(model.fit(same, its).theta_, expected)
        with pytest.raises(ValueError, match=r"y (has no entry|cannot be aligned) .*by position"):
            model.fit(chosen, its.iloc[::-1].iloc[np.r_[1, 0, 2 : len(its)]])


@pytest.mark.parametrize("names", [NAMES, list(range(24))], ids=["names", "numbers"])
def test_rows_in_another_order_are_refused(names):
    X, y = wide(names)
    shuffled = y.sample(frac=1.0, random_state=0)
    with pytest.raises(ValueError, match=r"another order: row 0 of X is .*y\.loc\[X\.index\]"):
        LSTMClassifier(**SMALL).fit(X, shuffled)
    model = LSTMClassifier(**SMALL).fit(X, shuffled.loc[X.index])
    with pytest.raises(ValueError, match="row labels of X in another order"):
        model.score(X, shuffled)
    with pytest.raises(ValueError, match="sample_weight has the row labels of X in another order"):
        model.fit(X, y, sample_weight=shuffled + 1.0)
    with pytest.raises(ValueError, match="another order"):
        LSTMClassifier(**SMALL).fit(X.loc[shuffled.index], y)
    with pytest.raises(ValueError, match="y has no entry for"):
        LSTMClassifier(**SMALL).fit(X, y.rename({names[3]: "other"}))


def test_weights_are_compared_with_y_of_a_nameless_array():
    X, y = wide(NAMES)
    weight = pd.Series(np.arange(24.0) + 1, NAMES)
    array = X.to_numpy()
    model = LSTMClassifier(**SMALL).fit(array, y, weight)
    expected = LSTMClassifier(**SMALL).fit(array, y.to_numpy(), weight.to_numpy())
    np.testing.assert_array_equal(model.theta_, expected.theta_)
    with pytest.raises(ValueError, match="sample_weight has the row labels of y in another order"):
        model.fit(array, y, weight[::-1])


# --- time steps ---------------------------------------------------------------------------
def problem_of_steps(Estimator):
    X, _ = problem(Estimator)
    y = [np.cumsum(x[:, 0]) for x in X]
    return X, [(s > 0).astype(int) for s in y] if Estimator is LSTMClassifier else y


ORDERS = {
    "samples": lambda y: y.loc[sorted(NAMES)],
    "times": lambda y: y[::-1],
    "both": lambda y: y.sample(frac=1.0, random_state=0),
    "levels": lambda y: y.swaplevel(),
    "levels and rows": lambda y: y.swaplevel().sort_index(),
    "a frame": lambda y: y.to_frame().sample(frac=1.0, random_state=0),
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("form", ["long", "Sequences"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_targets_of_steps_are_aligned_row_by_row(Estimator, form, order):
    X, y = problem_of_steps(Estimator)
    X_named = containers(X)[form]
    long_y = pd.Series(np.concatenate(y), long_of(X).index, name="y")
    weight = pd.Series(np.random.default_rng(0).random(len(long_y)), long_y.index)
    expected = Estimator(**STEPS).fit(X_named, long_y, weight)
    shuffled = ORDERS[order](long_y)
    model = Estimator(**STEPS).fit(X_named, shuffled, ORDERS[order](weight))
    np.testing.assert_array_equal(model.theta_, expected.theta_)
    assert model.score(X_named, shuffled) == expected.score(X, y)
    by_sample = pd.Series(np.arange(24.0), NAMES).sort_index()
    np.testing.assert_array_equal(
        Estimator(**STEPS).fit(X_named, shuffled, by_sample).theta_,
        Estimator(**STEPS).fit(X, y, np.arange(24.0)).theta_,
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda y: y.rename({"m3": "other"}), r"no entry for \('m3', 0\), .*\('other', 0\)"),
        (lambda y: y.iloc[:-1], r"no entry for \('m23', \d\) of X"),
        (lambda y: pd.concat([y, y.iloc[[7]]]), "comes more than once"),
        (lambda y: y.rename(lambda t: t + 100, level=1), r"no entry for \('m0', 0\)"),
    ],
)
@pytest.mark.parametrize("form", ["long", "Sequences"])
def test_other_steps_are_refused(form, change, message):
    X, y = problem_of_steps(LSTMRegressor)
    long_y = pd.Series(np.concatenate(y), long_of(X).index)
    with pytest.raises(ValueError, match=f"^y .*{message}"):
        LSTMRegressor(**STEPS).fit(containers(X)[form], change(long_y))
    with pytest.raises(ValueError, match=f"^sample_weight .*{message}"):
        LSTMRegressor(**STEPS).fit(containers(X)[form], y, abs(change(long_y)))


def test_long_targets_of_nameless_sequences_are_in_order():
    X, y = problem_of_steps(LSTMRegressor)
    long_y = pd.Series(np.concatenate(y), long_of(X).index)
    expected = LSTMRegressor(**STEPS).fit(X, y)
    np.testing.assert_array_equal(LSTMRegressor(**STEPS).fit(X, long_y).theta_, expected.theta_)
    with pytest.raises(ValueError, match="time of y does not rise"):
        LSTMRegressor(**STEPS).fit(X, long_y[::-1])
    with pytest.raises(ValueError, match="rows of a sample of y do not stand together"):
        LSTMRegressor(**STEPS).fit(X, long_y.sort_index(level=1, kind="stable"))


def test_a_wide_frame_and_long_targets_of_steps():
    X, _ = wide(NAMES)
    rows = pd.MultiIndex.from_product([NAMES, range(6)])
    long_y = pd.Series(X.to_numpy().ravel(), rows)
    model = LSTMRegressor(**STEPS).fit(X, long_y)
    np.testing.assert_array_equal(model.theta_, LSTMRegressor(**STEPS).fit(X, X.to_numpy()).theta_)
    with pytest.raises(ValueError, match="row labels of X in another order"):
        LSTMRegressor(**STEPS).fit(X, long_y.loc[NAMES[::-1]])
    with pytest.raises(ValueError, match=r"columns of X, .* in another order"):
        LSTMRegressor(**STEPS).fit(X, X[X.columns[::-1]])


def test_lists_of_series_are_aligned_by_their_times():
    X, y = problem_of_steps(LSTMRegressor)
    hours = [pd.date_range("2024-01-01", periods=len(x), freq="h") for x in X]
    frames = [pd.DataFrame(x, t) for x, t in zip(X, hours, strict=True)]
    series = [pd.Series(s, t) for s, t in zip(y, hours, strict=True)]
    expected = LSTMRegressor(**STEPS).fit(X, y)
    for targets in (series, [s[::-1] for s in series], [s.to_numpy() for s in series]):
        model = LSTMRegressor(**STEPS).fit(frames, targets)
        np.testing.assert_array_equal(model.theta_, expected.theta_)
    later = [s.shift(freq="D") for s in series]
    with pytest.raises(ValueError, match=r"y\[0\] has no entry for Timestamp.* of X\[0\]"):
        LSTMRegressor(**STEPS).fit(frames, later)


# --- rows in place of samples -------------------------------------------------------------
def test_a_row_for_each_step_in_place_of_one_for_each_sample():
    X, y = problem(LSTMClassifier)
    long = long_of(X)
    for rows in (np.zeros(len(long)), pd.Series(0, long.index), [0] * len(long)):
        with pytest.raises(ValueError, match=r"index \(machine, time\): 24 samples.*\(drop=True\)"):
            LSTMClassifier(**SMALL).fit(long, rows)
    with pytest.raises(ValueError, match=r"sample_weight has \d+ entries, one for each row"):
        LSTMClassifier(**SMALL).fit(long, y, np.ones(len(long)))


def test_a_wide_frame_with_two_levels_for_its_rows():
    X, y = wide(NAMES)
    X.index = pd.MultiIndex.from_product([range(6), range(4)], names=["subject", "trial"])
    with pytest.raises(ValueError, match=r"\(subject, trial\): 6 samples.*X\.reset_index\(drop"):
        LSTMClassifier(**SMALL).fit(X, y.to_numpy())
    LSTMClassifier(**SMALL).fit(X.reset_index(drop=True), y)
    X.index = pd.MultiIndex.from_product([range(24), [0]], names=["subject", "trial"])
    with pytest.warns(UserWarning, match=r"\(subject, trial\): 24 samples of one time step each"):
        LSTMClassifier(**SMALL).fit(X, y.to_numpy())


def test_values_without_an_index_come_back_as_they_are():
    X, y = problem(LSTMClassifier)
    weight = np.ones(24)
    for given in (X, padded(X), long_of(X)):
        assert aligned(given, y=y, sample_weight=weight)[0] is y
    assert aligned(long_of(X), y=y, sample_weight=None) == (y, None)
    groups = pd.Series(range(24), NAMES).sort_index()  # of any name
    assert list(aligned(long_of(X), groups=groups)[0]) == list(range(24))
    assert raw(LSTMClassifier(**SMALL).fit(X, y), X).shape == (24, 2)
