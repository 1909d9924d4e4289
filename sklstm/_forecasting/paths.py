"""Sample paths: each step is distributed as its interval says, and steps depend on each other
as the errors of the past do.

The errors that the anchors made from past origins are paths, too. Each step of such a path has a
rank among all paths. A sample takes the ranks of a past path drawn at random, and at every step
the quantile of that rank (Clark et al. 2004, The Schaake shuffle; the same idea as an empirical
copula).

What is drawn is a time, the same for all series of a panel, so that their errors move together. A
series without a path there takes another time: the first of a list, the same for all, at which it
has one. So two series agree as often as they have the time in common.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_FEWEST = 8  # with fewer paths in the past, the steps depend on each other as in a random walk
_TIMES = 64  # that are tried for a series; one that has none of them takes any of its paths


@dataclass(frozen=True)
class Draws:
    """What chance decides about each sample, for all series of a panel alike."""

    n_times: int  # in the past at which some series has a path
    which: NDArray[np.float64]  # (1 or _TIMES, n_samples) in [0, 1): which of these times
    within: NDArray[np.float64]  # (n_samples,) in [0, 1): where between two ranks
    steps: NDArray[np.float64]  # (n_samples, horizon): steps of a standard random walk

    @classmethod
    def of(
        cls, n_samples: int, horizon: int, ages: list[NDArray[np.int64]], rng: np.random.RandomState
    ) -> Draws:
        """Draw for n_samples paths of a horizon; ages: of each series, see `levels`."""
        n_times = max((int(own[0]) + 1 for own in ages if len(own)), default=1)
        which, within = rng.rand(1, n_samples), rng.rand(n_samples)
        steps = rng.randn(n_samples, horizon)
        if any(len(own) < n_times for own in ages):
            which = np.concatenate([which, rng.rand(_TIMES - 1, n_samples)])
        return cls(n_times, which, within, steps)

    def levels(self, past: NDArray[np.float64], ages: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the probability (n_samples, horizon) of each step not to be above its value.

        past: errors (n_paths, horizon) from past origins, the last origin at the end.
        ages (n_paths,): how many steps before the last observation of the panel each path ends.
        """
        n_paths = len(past)
        if n_paths < _FEWEST:
            from scipy.special import ndtr

            walk = np.cumsum(self.steps, axis=1)
            return np.asarray(ndtr(walk / np.sqrt(np.arange(1.0, walk.shape[1] + 1.0))))
        ranks = past.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")
        chosen = ranks[n_paths - 1 - self._places(ages[::-1])]
        return np.asarray((chosen + self.within[:, np.newaxis]) / n_paths)

    def _places(self, ages: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return which path (n_samples,) of a series each sample takes, from rising ages."""
        times = (self.which * self.n_times).astype(np.int64)
        there = (ages[0] <= times) & (times <= ages[-1])
        first = times[there.argmax(axis=0), np.arange(times.shape[1])]
        # of a long series not all are kept
        nearest = np.searchsorted(ages, first, side="right") - 1
        anyone = (self.which[-1] * len(ages)).astype(np.int64)
        return np.where(there.any(axis=0), nearest, anyone)
