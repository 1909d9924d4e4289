import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from sklstm import LSTMClassifier, LSTMForecaster, LSTMRegressor, Sequences
from sklstm.inspection import (
    AttributionDisplay,
    ForecastDisplay,
    ImportanceDisplay,
    LossCurveDisplay,
    StateDisplay,
    integrated_gradients,
    permutation_importance,
    state_traces,
)
from tests.forecasting.series import long, monthly, wide
from tests.inspection.networks import fitted
from tests.toy import SMALL

plt.switch_backend("agg")

FAST = {"horizon": 6, "max_steps": 20, "random_state": 0}
Y = monthly()


@pytest.fixture(autouse=True)
def close():
    """Close all figures after each test."""
    yield
    plt.close("all")


def test_forecast_of_a_series():
    forecaster = LSTMForecaster(**FAST).fit(Y[:-6])
    display = ForecastDisplay.from_estimator(forecaster, Y[-6:], coverage=[0.5, 0.9])
    assert display.ax_.figure is display.figure_
    assert len(display.bands_) == 2
    np.testing.assert_array_equal(display.prediction_line_.get_ydata(), forecaster.predict())
    np.testing.assert_array_equal(display.actual_line_.get_ydata(), Y[-6:])
    assert display.ax_.get_ylabel() == "sales"
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == ["history", "90% interval", "50% interval", "forecast", "actual"]


@pytest.mark.parametrize("y", [wide(), long()], ids=["wide", "long"])
@pytest.mark.parametrize("series", [None, "s1"])
def test_forecast_of_one_of_a_panel(y, series):
    _, ax = plt.subplots()
    forecaster = LSTMForecaster(**FAST).fit(y)
    display = ForecastDisplay.from_estimator(forecaster, series=series, ax=ax, n_history=20)
    assert display.ax_ is ax
    assert len(display.history) == 20
    assert ax.get_ylabel() == (series or "s0")
    answer = forecaster.predict()
    expected = answer[series or "s0"]
    np.testing.assert_array_equal(display.prediction_line_.get_ydata(), expected)


def test_forecasts_that_are_there_already():
    y = Y.copy()
    y.index = y.index.to_period("M")
    forecaster = LSTMForecaster(**FAST).fit(y)
    display = ForecastDisplay.from_predictions(
        y, forecaster.predict(), interval=forecaster.predict_interval(coverage=0.8), coverage=0.8
    )
    assert list(display.intervals) == [0.8]
    assert display.actual_line_ is None


def test_history_is_joined_to_forecast_and_actual_values():
    forecaster = LSTMForecaster(**FAST).fit(Y[:-6])
    display = ForecastDisplay.from_estimator(forecaster, Y[-6:], coverage=[0.5, 0.9])
    last = Y.iloc[-7]
    assert [joint.get_ydata()[0] for joint in display.joints_] == [last, last]
    ends = [joint.get_ydata()[1] for joint in display.joints_]
    assert ends == [forecaster.predict().iloc[0], Y.iloc[-6]]
    colours = {tuple(band.get_facecolor()[0]) for band in display.bands_}
    assert len(colours) == 2
    gap = Y[:-6].copy()
    gap.iloc[-1] = np.nan
    display = ForecastDisplay.from_predictions(gap, forecaster.predict())
    assert display.joints_[0].get_ydata()[0] == Y.iloc[-8]
    assert not ForecastDisplay.from_predictions(gap[:0], forecaster.predict()).joints_


def test_loss_curves():
    forecaster = LSTMForecaster(**FAST).fit(Y)
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((40, 6)), rng.standard_normal(40)
    regressor = LSTMRegressor(max_iter=4, early_stopping=True, hidden_size=4).fit(X, y)
    for estimator in (forecaster, regressor):
        display = LossCurveDisplay.from_estimator(estimator)
        np.testing.assert_array_equal(display.line_.get_ydata(), estimator.loss_curve_)
    best = 1 + int(np.argmax(regressor.validation_scores_))
    assert list(display.best_.get_xdata()) == [best, best]
    np.testing.assert_array_equal(
        display.validation_line_.get_ydata(), regressor.validation_scores_
    )
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == ["training loss", "validation score", f"best epoch, {best}"]
    assert all(tick == round(tick) for tick in display.ax_.get_xticks())
    assert LossCurveDisplay.from_estimator(regressor, name="mine").ax_.get_title() == "mine"
    for losses, log_scale, expected in (
        ([3.0, 0.2], None, "log"), ([3.0, 2.0], None, "linear"), ([3.0, -0.2], None, "linear"),
        ([3.0, 2.0], True, "log"), ([3.0, 0.2], False, "linear"),
    ):  # fmt: skip
        display = LossCurveDisplay(losses, log_scale=log_scale).plot()
        assert display.ax_.get_yscale() == expected
        assert display.best_ is None


def test_attributions():
    model, X = fitted("defaults of the regressor", front=None)
    display = AttributionDisplay.from_estimator(model, X[0])
    expected = integrated_gradients(model, X[:1])[0]
    assert len(display.axes_) == len(display.lines_) == 2
    for channel, line in enumerate(display.lines_):
        np.testing.assert_array_equal(line.get_array(), expected[:, channel])
        assert line.get_clim() == (-np.abs(expected).max(), np.abs(expected).max())
        steps = [path.vertices[1] for path in line.get_paths()]
        np.testing.assert_allclose(steps, np.c_[np.arange(len(X[0])), X[0][:, channel]])
    assert [ax.get_ylabel() for ax in display.axes_] == ["channel 0", "channel 1"]
    same = AttributionDisplay.from_estimator(model, X[0], baseline=X[0])
    assert not same.attributions.any()
    named = AttributionDisplay.from_attributions(
        X[0], expected, channels=["u", "v"], times=10.0 * np.arange(len(X[0]))
    )
    assert [ax.get_ylabel() for ax in named.axes_] == ["u", "v"]
    assert named.lines_[0].get_paths()[-1].vertices[1, 0] == 10.0 * (len(X[0]) - 1)
    frames = [pd.DataFrame(x, columns=["a", "b"]) for x in X]
    model.fit(frames, model.predict(X))
    assert AttributionDisplay.from_estimator(model, frames[0]).channels == ["a", "b"]


def test_attributions_of_words_beside_a_number():
    """Words stand at their places in the order of the alphabet, and are written there."""
    rows = [[["b", 1.0], [None, np.nan], ["a", 2.5]], [["a", 0.5], ["c", 2.0], ["b", 0.0]]]
    settings = SMALL | {"missing": "mask", "categorical_features": "from_dtype"}
    model = LSTMClassifier(**settings).fit(rows * 4, [0, 1] * 4)
    display = AttributionDisplay.from_estimator(model, rows[0])
    assert [label.get_text() for label in display.axes_[0].get_yticklabels()] == ["a", "b"]
    heights = [[path.vertices[1, 1] for path in line.get_paths()] for line in display.lines_]
    np.testing.assert_array_equal([of_line[::2] for of_line in heights], [[1.0, 0.0], [1.0, 2.5]])


def test_attributions_of_a_sample_with_its_times():
    index = pd.MultiIndex.from_product([range(8), [0.0, 1.0, 5.0]], names=["sample", "time"])
    X = pd.DataFrame(np.random.default_rng(0).standard_normal((24, 2)), index, ["a", "b"])
    y = np.arange(8) % 2
    model = LSTMClassifier(**SMALL, time_gaps=True).fit(X, y)
    expected = integrated_gradients(model, X).to_numpy()[3:6]
    sequences = Sequences.from_frame(X.reset_index(), sample="sample", time="time")
    for x in (X.loc[[1]], sequences[[1]]):
        display = AttributionDisplay.from_estimator(model, x)
        np.testing.assert_allclose(display.attributions, expected, rtol=1e-9)
        np.testing.assert_array_equal(display.x, X.loc[1])
        same = AttributionDisplay.from_estimator(model, x, baseline=x)
        assert not np.any(same.attributions)
    traces = state_traces(model, X.loc[[1]])
    np.testing.assert_array_equal(traces["h_l0"], state_traces(model, sequences[[1]])["h_l0"])
    with pytest.raises(ValueError, match=r"x holds 8 sequences: pass one of them, such as x\[\["):
        state_traces(model, sequences)


def test_attributions_of_a_row():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((20, 6))
    model = LSTMRegressor(hidden_size=3, max_iter=2, front=None, random_state=0).fit(X, X[:, 0])
    display = AttributionDisplay.from_estimator(model, X[0])
    expected = integrated_gradients(model, X[:1])[0]
    np.testing.assert_array_equal(display.lines_[0].get_array(), expected)


def test_attributions_of_a_row_of_several_channels():
    rng = np.random.default_rng(0)
    wide = pd.DataFrame(rng.standard_normal((12, 6)), columns=list("uvwxyz"))
    flat = LSTMClassifier(n_channels=2, **SMALL).fit(wide, np.arange(12) % 2)
    static = LSTMClassifier(static_features=["z"], **SMALL).fit(wide, np.arange(12) % 2)
    for model, n_timesteps in ((flat, 3), (static, 5)):
        total = integrated_gradients(model, wide[:1]).to_numpy().sum()
        for x in (wide[:1], wide.iloc[0]):
            display = AttributionDisplay.from_estimator(model, x)
            assert np.shape(display.x) == (n_timesteps, 2)
            np.testing.assert_allclose(display.attributions.sum(), total)


def test_importances():
    model, X = fitted("layers", front=None)
    y = model.predict(X)
    display = ImportanceDisplay.from_estimator(model, X, y, random_state=0)
    result = permutation_importance(model, X, y, random_state=0)
    widths = [bar.get_width() for bar in display.bars_]
    np.testing.assert_array_equal(widths, np.sort(result.importances_mean))
    names = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert names == [f"channel {k}" for k in np.argsort(result.importances_mean)]
    for count_from, left, right in (("start", -0.5, 7.5), ("end", 7.5, -0.5)):
        arguments = {"window": 3, "count_from": count_from, "random_state": 0}
        bars = ImportanceDisplay.from_estimator(model, X, y, by="time", **arguments)
        result = permutation_importance(model, X, y, by="time", **arguments)
        heights = [bar.get_height() for bar in bars.bars_]
        np.testing.assert_array_equal(heights, result.importances_mean)
        assert bars.ax_.get_xlim() == (left, right)
        result = permutation_importance(model, X, y, by="both", **arguments)
        both = ImportanceDisplay.from_importances(result, channels=["u", "v"])
        np.testing.assert_array_equal(both.image_.get_array(), result.importances_mean.T)
        assert [label.get_text() for label in both.ax_.get_yticklabels()] == ["u", "v"]
    several = permutation_importance(model, X, y, scoring=["accuracy", "neg_log_loss"])
    with pytest.raises(ValueError, match=r"several scores, \['accuracy', 'neg_log_loss'\]"):
        ImportanceDisplay.from_importances(several)
    with pytest.raises(ValueError, match="3 names for 2 channels"):
        ImportanceDisplay.from_importances(result, channels=["u", "v", "w"])


def test_importances_of_a_table_have_its_names():
    model, X = fitted("layers", front=None)
    frame = pd.concat({i: pd.DataFrame(x, columns=["u", "v"]) for i, x in enumerate(X)})
    y = model.predict(X)
    named = LSTMClassifier(**model.get_params()).fit(frame, y)
    assert ImportanceDisplay.from_estimator(named, frame, y).channels == ["u", "v"]


def test_states():
    model, X = fitted("layers")
    traces = state_traces(model, X[0])
    display = StateDisplay.from_estimator(model, X[0])
    own = {name: trace for name, trace in traces.items() if name.endswith("_l1")}
    assert list(display.traces) == list(own)
    for image, trace in zip(display.images_, own.values(), strict=True):
        np.testing.assert_array_equal(image.get_array(), trace.T)
    titles = [ax.get_title(loc="left") for ax in display.axes_]
    assert titles[:4] == ["state h", "memory c", "input gate", "forget gate"]
    assert [image.get_cmap().name for image in display.images_[:3]] == ["PuOr", "PuOr", "cividis"]
    backwards = StateDisplay.from_estimator(model, X[0], scan="l0_reverse")
    assert next(iter(backwards.traces)) == "h_l0_reverse"
    _, axes = plt.subplots(2)
    two = {name: traces[name] for name in ("h_l0", "h_l1")}
    display = StateDisplay.from_traces(two, ax=axes)
    assert list(display.axes_) == list(axes)
    assert axes[1].get_title(loc="left") == "state h, l1"
    with pytest.raises(ValueError, match=r"scan='l2': choose one of 'l0', 'l0_reverse', 'l1'"):
        StateDisplay.from_estimator(model, X[0], scan="l2")


def test_several_axes_take_the_place_of_one():
    model, X = fitted("defaults of the regressor", front=None)
    figure, (left, right) = plt.subplots(1, 2, layout="constrained")
    display = AttributionDisplay.from_estimator(model, X[0], ax=left)
    assert display.figure_ is figure
    for ax in display.axes_:
        assert ax.get_subplotspec().get_topmost_subplotspec() == left.get_subplotspec()
    one = AttributionDisplay.from_attributions(X[0][:, 0], X[0][:, 0], ax=right)
    assert list(one.axes_) == [right]
    with pytest.raises(ValueError, match="has no room for several axes: pass 2 axes"):
        AttributionDisplay.from_estimator(model, X[0], ax=figure.add_axes((0, 0, 1, 1)))
    with pytest.raises(ValueError, match="ax has 3 axes: pass one, or 2"):
        AttributionDisplay.from_estimator(model, X[0], ax=plt.subplots(3)[1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"attributions": [[1.0], [2.0]]}, r"x has the shape \(3, 2\), but attributions \(2, 1\)"),
        ({"channels": ["u"]}, "1 names for 2 channels"),
        ({"times": [1.0]}, r"times has the shape \(1,\), but x 3 steps"),
        ({"x": np.zeros((2, 3, 2))}, r"x has the shape \(2, 3, 2\): pass one sequence"),
    ],
)
def test_attributions_that_do_not_go_together(arguments, message):
    fitting = {"x": np.zeros((3, 2)), "attributions": np.zeros((3, 2))}
    with pytest.raises(ValueError, match=message):
        AttributionDisplay(**(fitting | arguments)).plot()


@pytest.mark.parametrize(
    "draw",
    [
        lambda: AttributionDisplay.from_estimator(None, None),
        lambda: AttributionDisplay.from_attributions(np.zeros(3), np.zeros(3)),
        lambda: ForecastDisplay.from_estimator(None),
        lambda: ForecastDisplay.from_predictions(Y, Y),
        lambda: ImportanceDisplay.from_estimator(None, None, None),
        lambda: LossCurveDisplay.from_estimator(None),
        lambda: LossCurveDisplay([1.0]).plot(),
        lambda: StateDisplay.from_estimator(None, None),
        lambda: StateDisplay.from_traces({"h_l0": np.zeros((3, 2))}),
    ],
)
def test_without_matplotlib_an_error_says_how_to_get_it(draw, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"pip install sklstm\[plots\]"):
        draw()


def test_a_whole_number_is_the_horizon():
    forecaster = LSTMForecaster(horizon=6, max_steps=0).fit(Y)
    display = ForecastDisplay.from_estimator(forecaster, 24)
    assert len(display.prediction) == 24
    assert display.actual is None
    for arguments, message in (
        ({"y": 24, "horizon": 6}, "Two horizons"),
        ({"y": 0}, "horizon must be a whole number of at least 1, not 0"),
        ({"horizon": 2.0}, "horizon must be a whole number"),
        ({"coverage": 1.5}, "coverage must be between 0 and 1"),
        ({"n_history": 0}, "n_history must be a whole number"),
    ):
        with pytest.raises(ValueError, match=message):
            ForecastDisplay.from_estimator(forecaster, **arguments)


def test_forecasts_of_tables_and_of_two_level_columns():
    table = long((60, 60)).rename("y").rename_axis(["id", "ds"]).reset_index()
    columns = {"id_col": "id", "time_col": "ds", "target_col": "y"}
    forecaster = LSTMForecaster(horizon=6, max_steps=0, **columns)
    late = table.groupby("id").tail(6)
    forecaster.fit(table.drop(late.index))
    display = ForecastDisplay.from_estimator(forecaster, late, series="s1")
    np.testing.assert_array_equal(
        display.prediction_line_.get_ydata(), forecaster.predict()["y"][6:]
    )
    np.testing.assert_array_equal(display.actual_line_.get_ydata(), late["y"][6:])
    y = wide().set_axis(pd.MultiIndex.from_tuples([("n", "a"), ("n", "b"), ("s", "a")]), axis=1)
    forecaster = LSTMForecaster(horizon=6, max_steps=0).fit(y[:-6])
    display = ForecastDisplay.from_estimator(forecaster, y[-6:], series=("n", "b"))
    expected = forecaster.predict()["n", "b"]
    np.testing.assert_array_equal(display.prediction_line_.get_ydata(), expected)
