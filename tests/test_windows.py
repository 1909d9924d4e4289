import numpy as np
import pandas as pd
import pytest

from sklstm import LSTMRegressor, windows


@pytest.mark.parametrize("gap", [0, 2])
@pytest.mark.parametrize("step", [1, 3])
@pytest.mark.parametrize("horizon", [0, 1, 4])
def test_windows_and_targets_one_by_one(horizon, step, gap):
    values = np.arange(20.0)
    X, y, index = windows(values, 5, horizon, gap=gap, step=step)
    starts = range(0, 20 - 5 - gap - horizon + 1, step)
    assert X.shape == (len(starts), 5, 1)
    assert y.shape == index.shape == (len(starts), horizon)
    for k, start in enumerate(starts):
        np.testing.assert_array_equal(X[k, :, 0], values[start : start + 5])
        after = start + 5 + gap
        np.testing.assert_array_equal(y[k], values[after : after + horizon])
        np.testing.assert_array_equal(index[k], np.arange(after, after + horizon))


def test_pandas_keeps_the_index_of_the_targets():
    times = pd.date_range("2020", periods=10, freq="h")
    y = pd.Series(np.arange(10.0), times)
    more = pd.DataFrame({"x": np.arange(10.0) ** 2}, times)
    X, target, index = windows(y, 3, exogenous=more)
    assert X.shape == (7, 3, 2)
    assert X[0, :, 1].tolist() == [0.0, 1.0, 4.0]
    assert list(index) == list(times[3:])
    assert target[:, 0].tolist() == y[3:].tolist()
    assert windows(y, 3, 2).index.shape == (6, 2)
    frame = pd.DataFrame({"a": y, "b": -y})
    assert windows(frame, 3, 2).y.shape == (6, 2, 2)


def test_views_not_copies(tmp_path):
    values = np.memmap(tmp_path / "values", np.float32, "w+", shape=(10_000, 3))
    X, y, _ = windows(values, 100, 10)
    assert X.shape == (9891, 100, 3)
    assert np.shares_memory(X, values)
    assert np.shares_memory(y, values)
    assert not X.flags.writeable


def test_a_regressor_takes_them():
    t = np.arange(300)
    X, y, _ = windows(np.sin(t / 5.0), 20, 3)
    model = LSTMRegressor(hidden_size=8, max_iter=5, random_state=0).fit(X, y)
    assert model.predict(X).shape == y.shape


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"window": 0}, "window must be a whole number of at least 1"),
        ({"window": 2.5}, "window must be a whole number"),
        ({"window": 3, "horizon": -1}, "horizon must be"),
        ({"window": 3, "gap": -1}, "gap must be"),
        ({"window": 3, "step": 0}, "step must be"),
        ({"window": 9, "horizon": 2}, "10 time steps hold no window of 9.*target of 2"),
        ({"window": 3, "exogenous": np.ones(9)}, "exogenous has 9 time steps, values have 10"),
    ],
)
def test_what_cannot_be_cut_is_said(arguments, message):
    with pytest.raises(ValueError, match=message):
        windows(np.ones(10), **arguments)
    with pytest.raises(ValueError, match="must hold numbers"):
        windows(np.array(["a"] * 10), 3)


def test_other_indexes_of_exogenous_are_refused():
    y = pd.Series(np.ones(10))
    with pytest.raises(ValueError, match="different indexes"):
        windows(y, 3, exogenous=y.set_axis(range(1, 11)))


@pytest.mark.parametrize("interleaved", [False, True])
@pytest.mark.parametrize("horizon", [0, 1, 2])
def test_no_window_of_a_long_panel_reaches_over_two_series(horizon, interleaved):
    times = pd.date_range("2020", periods=6, freq="D")
    parts = {"a": pd.Series(np.arange(6.0), times), "b": pd.Series(100.0 + np.arange(5), times[:5])}
    y = pd.concat(parts)
    if interleaved:
        y = y.sort_index(level=1, sort_remaining=False)
        assert y.index[1][0] == "b"
    X, target, index = windows(y, 3, horizon)
    single = [windows(part, 3, horizon) for part in parts.values()]
    np.testing.assert_array_equal(X, np.concatenate([one.X for one in single]))
    np.testing.assert_array_equal(target, np.concatenate([one.y for one in single]))
    if horizon == 1:
        assert index.tolist() == [("a", t) for t in times[3:]] + [("b", t) for t in times[3:5]]
    elif horizon == 2:
        assert index[0].tolist() == [("a", times[3]), ("a", times[4])]
    with pytest.raises(ValueError, match="within one series"):
        windows(y, 7)


def test_several_series_without_their_names_are_refused():
    times = pd.date_range("2020", periods=6, freq="D")
    y = pd.Series(np.arange(6.0), times)
    with pytest.raises(ValueError, match=r"go from 2020-01-06.* to 2020-01-01.*\(series, time\)"):
        windows(pd.concat([y, y]), 3)
    swapped = pd.concat({"a": y, "b": y}).swaplevel().sort_index()
    with pytest.raises(ValueError, match="swaplevel"):
        windows(swapped, 3)
    table = pd.DataFrame({"unique_id": 1, "ds": times, "y": y.to_numpy()})
    with pytest.raises(ValueError, match=r"set_index\(\['unique_id', 'ds'\]\)\['y'\].$"):
        windows(table, 3)


def test_nullable_and_boolean_columns_are_numbers():
    frame = pd.DataFrame(
        {"a": pd.array([1, 2, 3, 4], dtype="Int64"), "b": [0.5, 1.5, 2.5, 3.5], "c": [True] * 4}
    )
    X, _, _ = windows(frame, 2, exogenous=frame)
    assert X.dtype == np.float64
    np.testing.assert_array_equal(X[0, 0], [1.0, 0.5, 1.0] * 2)
    with pytest.raises(ValueError, match="Column 'd' of values has the dtype"):
        windows(frame.assign(d="x"), 2)


def test_the_index_of_long_targets_is_a_view():
    y = pd.Series(np.arange(1000.0), pd.date_range("2020", periods=1000, freq="h"))
    assert windows(y, 3, 500).index.base is not None
