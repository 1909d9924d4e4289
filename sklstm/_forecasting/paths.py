"""Sample paths: each step is distributed as its interval says, and steps depend on each other
as the errors of the past do.

The errors that the anchors made from past origins are paths, too. Each step of such a path has a
rank among all paths. A sample takes the ranks of a past path drawn at random, and at every step
the quantile of that rank (Clark et al. 2004, The Schaake shuffle; the same idea as an empirical
copula).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_FEWEST = 8  # with fewer paths in the past, the steps depend on each other as in a random walk


@dataclass(frozen=True)
class Draws:
    """What chance decides about each sample, for all series of a panel alike.

    So the errors of series of the same length come from the same times, and move together.
    """

    which: NDArray[np.float64]  # (n_samples,) in [0, 1): which path of the past
    within: NDArray[np.float64]  # (n_samples,) in [0, 1): where between two ranks
    steps: NDArray[np.float64]  # (n_samples, horizon): steps of a standard random walk

    @classmethod
    def of(cls, n_samples: int, horizon: int, rng: np.random.RandomState) -> Draws:
        """Draw for n_samples paths of a horizon."""
        return cls(rng.rand(n_samples), rng.rand(n_samples), rng.randn(n_samples, horizon))

    def levels(self, past: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability (n_samples, horizon) of each step not to be above its value.

        past: errors (n_paths, horizon) from past origins, the last origin at the end.
        """
        n_paths = len(past)
        if n_paths < _FEWEST:
            from scipy.special import ndtr

            walk = np.cumsum(self.steps, axis=1)
            return np.asarray(ndtr(walk / np.sqrt(np.arange(1.0, walk.shape[1] + 1.0))))
        ranks = past.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")
        chosen = ranks[n_paths - 1 - (self.which * n_paths).astype(np.int64)]
        return np.asarray((chosen + self.within[:, np.newaxis]) / n_paths)
