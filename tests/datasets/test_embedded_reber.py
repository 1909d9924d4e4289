import numpy as np
import pytest

from sklstm.datasets import make_embedded_reber

SYMBOLS = "BTPSXVE"

# The inner grammar, copied from the diagram so that it does not depend on the generator's table.
INNER = {
    ("start", "B"): "0",
    ("0", "T"): "1",
    ("0", "P"): "2",
    ("1", "S"): "1",
    ("1", "X"): "3",
    ("2", "T"): "2",
    ("2", "V"): "4",
    ("3", "X"): "2",
    ("3", "S"): "5",
    ("4", "P"): "3",
    ("4", "V"): "5",
    ("5", "E"): "done",
}


def parse(string):
    """Parse a complete string; return its inner states, from the inner B to the inner E."""
    assert string[0] == "B"
    states = ["start"]
    rest = iter(string[2:])
    while states[-1] != "done":
        states.append(INNER[states[-1], next(rest)])
    assert "".join(rest) == string[1] + "E"
    return states


def legal_next_symbols(string):
    """Return the legal next symbols after each prefix of a complete string."""
    inner = [{symbol for origin, symbol in INNER if origin == state} for state in parse(string)]
    return [{"T", "P"}, *inner[:-1], {string[1]}, {"E"}]


def read(one_hot):
    """Return the string of a one-hot encoded sequence."""
    return "".join(SYMBOLS[column] for column in np.argmax(one_hot, axis=1))


def test_input_is_one_hot_over_seven_symbols():
    X, y = make_embedded_reber(50, random_state=0)
    assert len(X) == len(y) == 50
    for x, targets in zip(X, y, strict=True):
        assert x.shape == targets.shape == (len(x), 7)
        assert x.dtype == np.float64
        np.testing.assert_array_equal(np.sort(x, axis=1), np.tile([0.0] * 6 + [1.0], (len(x), 1)))


def test_targets_are_the_legal_next_symbols():
    X, y = make_embedded_reber(300, random_state=1)
    for x, targets in zip(X, y, strict=True):
        expected = legal_next_symbols(read(x) + "E")
        marked = [{SYMBOLS[column] for column in np.flatnonzero(row)} for row in targets]
        assert marked == expected


def test_next_targets_are_the_string_one_step_later():
    X, y = make_embedded_reber(50, targets="next", random_state=2)
    for x, targets in zip(X, y, strict=True):
        assert (targets.sum(axis=1) == 1).all()
        assert read(targets) == read(x)[1:] + "E"


def test_both_kinds_of_targets_come_with_the_same_strings():
    X_legal, y_legal = make_embedded_reber(50, random_state=3)
    X_next, y_next = make_embedded_reber(50, targets="next", random_state=3)
    assert [read(x) for x in X_legal] == [read(x) for x in X_next]
    assert all((after <= legal).all() for after, legal in zip(y_next, y_legal, strict=True))


def test_last_but_one_symbol_is_the_second():
    X, _ = make_embedded_reber(200, random_state=4)
    assert all(read(x)[-1] == read(x)[1] for x in X)


def test_shortest_string_has_nine_symbols():
    X, _ = make_embedded_reber(500, random_state=5)
    assert min(len(x) for x in X) + 1 == 9


def test_branches_are_fair_coins():
    X, _ = make_embedded_reber(2000, random_state=6)
    taken = {"outer": []}
    for string in (read(x) + "E" for x in X):
        taken["outer"].append(string[1])
        for state, symbol in zip(parse(string), string[2:], strict=False):
            taken.setdefault(state, []).append(symbol)
    for state in ("outer", "0", "1", "2", "3", "4"):
        _, counts = np.unique(taken[state], return_counts=True)
        assert len(counts) == 2
        assert abs(counts[0] - counts[1]) < 4 * np.sqrt(counts.sum())


def test_unique_strings_give_disjoint_training_and_test_sets():
    X, _ = make_embedded_reber(512, unique=True, random_state=7)
    strings = [read(x) for x in X]
    assert len(strings) == 512
    assert not set(strings[:256]) & set(strings[256:])
    assert len(set(strings)) == 512


def test_strings_repeat_by_default():
    X, _ = make_embedded_reber(512, random_state=7)
    assert len({read(x) for x in X}) < 512


@pytest.mark.parametrize("unique", [False, True])
def test_same_seed_same_strings(unique):
    draws = [make_embedded_reber(40, unique=unique, random_state=seed)[0] for seed in (8, 8, 9)]
    first, again, other = [[read(x) for x in X] for X in draws]
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("parameter", "value"), [("n_samples", 0), ("unique", "yes"), ("targets", "all")]
)
def test_invalid_parameter_is_named(parameter, value):
    with pytest.raises(ValueError, match=f"'{parameter}' parameter of make_embedded_reber"):
        make_embedded_reber(**{parameter: value})
