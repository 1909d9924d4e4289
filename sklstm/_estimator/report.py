"""What a training tells the user: its progress, and what went wrong."""

from __future__ import annotations

import warnings
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from sklstm._estimator.interruption import is_one_fit_of_several
from sklstm._training.training import History

AGAINST_DIVERGENCE = (
    "Lower learning_rate_init, set clip_norm, or leave scale='both' on if it was switched off."
)


def show(progress: Any, history: History) -> None:
    """Bring a progress bar up to date."""
    scores = {"loss": f"{history.loss_curve[-1]:.4g}"}
    if history.validation_scores:
        scores["validation"] = f"{history.validation_scores[-1]:.4g}"
    progress.set_postfix(scores)
    progress.update()


def report(histories: list[History], n_members: int) -> None:
    """Warn of a training that went wrong, or raise or warn of one that was interrupted.

    n_members: of the fitted ensemble
    """
    diverged = [history for history in histories if history.diverged]
    if diverged:
        some = "" if len(histories) == 1 else f" of {len(diverged)} of the members"
        warnings.warn(
            f"The training{some} diverged in epoch {diverged[0].n_epochs + 1}: its loss is not "
            f"finite. The best parameters before it were restored. {AGAINST_DIVERGENCE}",
            ConvergenceWarning,
            stacklevel=4,
        )
    interrupted = [history for history in histories if history.interrupted]
    if interrupted:
        if is_one_fit_of_several():
            raise KeyboardInterrupt
        n_epochs = max(history.n_epochs for history in interrupted)
        some = "" if len(histories) == 1 else f" at most; {n_members} members are kept"
        warnings.warn(
            f"Training interrupted by user after {n_epochs} epochs{some}; the best "
            "parameters so far are kept.",
            UserWarning,
            stacklevel=4,
        )
