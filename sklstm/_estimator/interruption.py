"""What Ctrl-C stops: the fit that runs, or also the search that the fit is part of."""

from __future__ import annotations

import sys
from types import FrameType

# Modules that fit one estimator after another. All searches and cross-validations, and most
# ensembles, run their fits as tasks of joblib, also with one job; the others have loops.
_LOOPS = (
    "joblib.parallel",
    "sklearn.ensemble",
    "sklearn.feature_selection",
    "sklearn.multioutput",
    "sklearn.semi_supervised",
)


def is_one_fit_of_several() -> bool:
    """Return whether the caller is, at any depth, called by a loop over fits.

    joblib says nothing of its tasks when there is one job. So this looks at the callers' modules,
    and only after an interrupt.
    """
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if any(module == loop or module.startswith(loop + ".") for loop in _LOOPS):
            return True
        frame = frame.f_back
    return False
