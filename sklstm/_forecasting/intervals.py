"""Intervals from how far off the anchors were in the past.

The errors from all origins and steps of a series are divided by a profile, the mean error of
each step, made to grow with the step. What remains has one distribution; its quantile,
times the profile, is the half-width of an interval: symmetric in the scale of the model,
so a factor up and down for a series in logarithms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_KEPT = 1001  # quantiles of the distribution that are kept


@dataclass(frozen=True)
class Spread:
    """Distribution of the errors of one series."""

    profile: NDArray[np.float64]  # (horizon,), never falling
    ratios: NDArray[np.float64]  # sorted: |error| / profile
    n_origins: int

    @classmethod
    def of(cls, errors: NDArray[np.float64]) -> Spread:
        """From errors (n_origins, horizon); NaN where the series ended before."""
        known = ~np.isnan(errors)
        counts = known.sum(axis=0)
        sums = np.where(known, np.abs(errors), 0.0).sum(axis=0)
        means = np.divide(sums, counts, out=np.zeros(len(sums)), where=counts > 0)
        profile = np.maximum.accumulate(means)
        # steps that were never seen: as uncertain as a random walk makes them
        n_seen = max(int((counts > 0).sum()), 1)
        beyond = np.arange(n_seen, len(profile))
        profile[beyond] = profile[n_seen - 1] * np.sqrt((beyond + 1.0) / n_seen)
        scaled = np.divide(
            np.abs(errors), profile, out=np.zeros(errors.shape), where=known & (profile > 0.0)
        )[known]
        if not scaled.size:
            return cls(profile, np.zeros(1), 0)
        ratios = np.sort(scaled)
        if len(ratios) > _KEPT:
            ratios = np.quantile(ratios, np.linspace(0.0, 1.0, _KEPT))
        return cls(profile, ratios, int(known.any(axis=1).sum()))

    def half_width(self, coverage: float, horizon: int) -> NDArray[np.float64]:
        """Of an interval in the scale of the model, (horizon,); never narrower further out."""
        level = min(1.0, coverage * (self.n_origins + 1.0) / max(self.n_origins, 1))
        return float(np.quantile(self.ratios, level)) * self._profile_to(horizon)

    def _profile_to(self, horizon: int) -> NDArray[np.float64]:
        """Beyond the fitted horizon the profile grows with the square root of the step."""
        n = len(self.profile)
        steps = np.arange(n + 1, horizon + 1)
        return np.concatenate([self.profile[:horizon], self.profile[-1] * np.sqrt(steps / n)])
