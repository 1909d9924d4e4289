"""scikit-learn's callbacks, new in scikit-learn 1.9."""

import numpy as np
import pytest

from tests.toy import ESTIMATORS, SMALL, problem, raw

callback = pytest.importorskip("sklearn.callback", reason="scikit-learn >= 1.9 has callbacks")


class Recorder:
    """A callback that records every call, and can stop after some epochs."""

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.calls = []
        self.fitted = []

    def setup(self, estimator, context):
        self.calls.append("setup")

    def teardown(self, estimator, context):
        self.calls.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.calls.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        self.calls.append(f"end {context.task_name}")
        self.fitted.append(fitted_estimator)
        return len(self.fitted) == self.stop_after


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_hooks(Estimator):
    X, y = problem(Estimator)
    recorder = Recorder()
    model = Estimator(**SMALL).set_callbacks(recorder).fit(X, y)
    epochs = ["begin epoch", "end epoch"] * 3
    assert recorder.calls == ["setup", "begin fit", *epochs, "end fit", "teardown"]
    for n, fitted in enumerate(recorder.fitted[:3], start=1):  # fitted as if stopped at epoch n
        assert fitted.n_iter_ == n
        assert fitted.loss_curve_ == model.loss_curve_[:n]
        assert np.isfinite(raw(fitted, X)).all()
    assert len({fitted.theta_.tobytes() for fitted in recorder.fitted}) == 3
    for fitted in recorder.fitted[2:]:
        np.testing.assert_array_equal(raw(fitted, X), raw(model, X))
    without = Estimator(**SMALL).fit(X, y)
    np.testing.assert_array_equal(model.theta_, without.theta_)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_callback_may_stop(Estimator):
    X, y = problem(Estimator)
    recorder = Recorder(stop_after=2)
    model = Estimator(**SMALL | {"max_iter": 50}).set_callbacks(recorder).fit(X, y)
    assert model.n_iter_ == len(model.loss_curve_) == 2
    assert recorder.calls[-3:] == ["end epoch", "end fit", "teardown"]


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_scoring_monitor(Estimator):
    X, y = problem(Estimator)
    name = "accuracy" if hasattr(Estimator, "predict_proba") else "r2"
    monitor = callback.ScoringMonitor(scoring=name)
    model = Estimator(**SMALL).set_callbacks(monitor).fit(X, y)
    rows = monitor.get_logs().data
    epochs = [row[name] for row in rows if row["task_name"] == "epoch"]
    assert len(epochs) == 3
    assert epochs[-1] == model.score(X, y)


def test_progress_bar(capsys):
    pytest.importorskip("rich")
    X, y = problem(ESTIMATORS[0])
    ESTIMATORS[0](**SMALL).set_callbacks(callback.ProgressBar()).fit(X, y)
    assert "100%" in capsys.readouterr().out


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_partial_fit_takes_them_down_again(Estimator):
    X, y = problem(Estimator)
    recorder = Recorder()
    model = Estimator(**SMALL).set_callbacks(recorder)
    classes = {"classes": [0, 1]} if hasattr(model, "predict_proba") else {}
    for n in (1, 2):
        model.partial_fit(X, y, **classes)
        assert recorder.calls.count("setup") == recorder.calls.count("teardown") == n
        assert recorder.calls.count("end epoch") == n
        assert not hasattr(model, "_callback_fit_ctx")


def test_an_error_in_a_callback_takes_them_down_again():
    class Failing(Recorder):
        def on_fit_task_end(self, estimator, context):
            raise RuntimeError("no more")

    X, y = problem(ESTIMATORS[0])
    failing = Failing()
    with pytest.raises(RuntimeError, match="no more"):
        ESTIMATORS[0](**SMALL).set_callbacks(failing).fit(X, y)
    assert failing.calls[-1] == "teardown"
