"""Optuna: trials are pruned by a callback, and processes share a study."""

import joblib
import numpy as np
import pytest

from sklstm import LSTMClassifier
from sklstm.datasets import load_japanese_vowels

optuna = pytest.importorskip("optuna")
pytest.importorskip("sklearn.callback", reason="scikit-learn >= 1.9 has callbacks")

X, y = load_japanese_vowels(return_X_y=True)
X, y = X[::5], y[::5]
X_train, X_test, y_train, y_test = X[::2], X[1::2], y[::2], y[1::2]


class Pruning:
    """Reports the score after each epoch to a trial; stops if the trial should be pruned."""

    def __init__(self, trial):
        self.trial = trial

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        if context.task_name == "epoch":
            self.trial.report(fitted_estimator.score(X_test, y_test), fitted_estimator.n_iter_)
            return self.trial.should_prune()
        return False


def suggested(params):
    """The classifier of a trial."""
    return LSTMClassifier(max_iter=8, branch=None, random_state=0, **params)


def objective(trial):
    params = {
        "hidden_size": trial.suggest_int("hidden_size", 2, 16),
        "learning_rate_init": trial.suggest_float("learning_rate_init", 1e-4, 1e-1, log=True),
    }
    model = suggested(params).set_callbacks(Pruning(trial)).fit(X_train, y_train)
    if model.n_iter_ < model.max_iter:
        raise optuna.TrialPruned
    return model.score(X_test, y_test)


def storage_of(path):
    """A file that several processes may write."""
    return optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(path)))


def take_part(path, seed):
    """What each process does: load the study, and run some trials."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.load_study(
        study_name="shared", storage=storage_of(path),
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.ThresholdPruner(lower=0.4, n_warmup_steps=3),
    )  # fmt: skip
    study.optimize(objective, n_trials=6)


def test_processes_share_a_study(tmp_path):
    path = tmp_path / "study.log"
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(study_name="shared", storage=storage_of(path), direction="maximize")
    joblib.Parallel(n_jobs=2)(joblib.delayed(take_part)(path, seed) for seed in range(2))
    states = [trial.state for trial in study.trials]
    assert len(states) == 12
    assert states.count(optuna.trial.TrialState.PRUNED) > 0
    complete = [t for t in study.trials if t.state == optuna.trial.TrialState.COMPLETE]
    assert complete
    assert len(complete) + states.count(optuna.trial.TrialState.PRUNED) == 12
    for trial in complete:  # the same score as without Optuna, after each epoch too
        model = suggested(trial.params).fit(X_train, y_train)
        assert trial.value == model.score(X_test, y_test)
        assert list(trial.intermediate_values) == list(range(1, 9))
        assert trial.intermediate_values[8] == trial.value
    assert study.best_value == max(trial.value for trial in complete)


def test_a_pruned_trial_stops_early():
    study = optuna.create_study(pruner=optuna.pruners.ThresholdPruner(lower=np.inf))
    study.optimize(objective, n_trials=1)
    assert study.trials[0].state == optuna.trial.TrialState.PRUNED
    assert list(study.trials[0].intermediate_values) == [1]
