"""Jobs side by side, on the threads of this process or on the backend that a user chose."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import joblib
from joblib.parallel import get_active_backend


def results_of(jobs: Iterable[Any], n_jobs: int | None) -> Iterable[Any]:
    """Run jobs of `joblib.delayed`; return their results in order.

    They come as they are ready, so that a progress bar can move. Some backends, such as Ray's,
    return them all at the end.
    """
    backend, _ = get_active_backend(prefer="threads")
    return_as = "generator" if backend.supports_return_generator else "list"
    results: Iterable[Any] = joblib.Parallel(n_jobs=n_jobs, prefer="threads", return_as=return_as)(
        jobs
    )
    return results
