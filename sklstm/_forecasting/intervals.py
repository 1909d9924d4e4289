"""Intervals, from the errors that the anchors made in the past.

The errors from all origins and steps of a series are divided by a profile: the mean error of each
step, made to grow with the step. The ratios have one distribution; its quantile, times the
profile, is the half-width of an interval. It is symmetric in the scale of the model, so for a
series in logarithms it is a factor up and down. Errors fade: an early one was made with little
data, and perhaps in other times, so that it counts less than a late one, in the profile and in the
quantile.

Around exp(x) such an interval is 2 exp(x) sinh(half-width) wide and would shrink where the
forecast falls. So for a series in logarithms the profile is made to grow along the forecast, in
the units of the observations; and it measures not the errors but their hyperbolic sines, which
are half the widths that would have contained them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

_KEPT = 1001  # quantiles of the distribution that are kept
_FIRST = 0.2  # weight of the errors from the first origin, beside 1 of those from the last one
_LARGEST = 300.0  # limit of errors and falls of a forecast in logarithms, so that exp is finite


@dataclass(frozen=True)
class Spread:
    """Distribution of the errors of one series."""

    profile: NDArray[np.float64]  # (horizon,), never decreasing
    ratios: NDArray[np.float64]  # (n,), sorted: quantiles of errors / profile, evenly spaced
    n_origins: int
    log: bool

    @classmethod
    def of(
        cls, errors: NDArray[np.float64], forecast: NDArray[np.float64], log: bool = False
    ) -> Spread:
        """Measure errors (n_origins, horizon) of forecasts; NaN after the end of the series."""
        known = ~np.isnan(errors)
        weights = known * _FIRST ** np.linspace(1.0, 0.0, len(errors))[:, np.newaxis]
        totals = weights.sum(axis=0)
        size = np.where(known, np.abs(errors), 0.0)
        sums = (weights * size).sum(axis=0)
        means = np.divide(sums, totals, out=np.zeros(len(sums)), where=totals > 0.0)
        profile = np.maximum.accumulate(means)
        # steps that were never observed: as uncertain as those of a random walk
        n_seen = max(int((totals > 0.0).sum()), 1)
        beyond = np.arange(n_seen, len(profile))
        profile[beyond] = profile[n_seen - 1] * np.sqrt((beyond + 1.0) / n_seen)
        unit = np.broadcast_to(profile, errors.shape)
        if log:
            size, unit = np.sinh(np.minimum(size, _LARGEST)), _growing(profile, forecast)
        ratios = np.divide(size, unit, out=np.zeros(errors.shape), where=unit > 0.0)[known]
        if not ratios.size:
            return cls(profile, np.zeros(1), 0, log)
        n_origins = int(known.any(axis=1).sum())
        return cls(profile, _quantiles(ratios, weights[known]), n_origins, log)

    def narrowed(self, factors: NDArray[np.float64]) -> Spread:
        """Return the spread of errors that are smaller by factors (horizon,), one for each step."""
        return replace(self, profile=np.maximum.accumulate(self.profile * factors))

    def half_width(self, coverage: float, point: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the half-width (horizon,) of intervals around a forecast (horizon,).

        Both are in the scale of the model. In the units of the observations no interval is
        narrower than an earlier one.
        """
        return self._at(np.full(len(point), coverage), point)

    def errors(
        self, levels: NDArray[np.float64], point: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return quantiles (n, horizon) of the errors of a forecast (horizon,) at levels.

        levels (n, horizon): probabilities. The quantiles are those of the intervals.
        """
        return np.sign(levels - 0.5) * self._at(np.abs(2.0 * levels - 1.0), point)

    def _at(self, coverage: NDArray[np.float64], point: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return half-widths (..., horizon) for coverages of that shape."""
        levels = np.minimum(1.0, coverage * (self.n_origins + 1.0) / max(self.n_origins, 1))
        ratio = np.quantile(self.ratios, levels)
        profile = self._profile_to(len(point))
        return np.asarray(
            np.arcsinh(ratio * _growing(profile, point)) if self.log else ratio * profile
        )

    def _profile_to(self, horizon: int) -> NDArray[np.float64]:
        """Extend the profile beyond the fitted horizon by the square root of the step."""
        n = len(self.profile)
        steps = np.arange(n + 1, horizon + 1)
        return np.concatenate([self.profile[:horizon], self.profile[-1] * np.sqrt(steps / n)])


def _quantiles(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return evenly spaced quantiles (at most _KEPT,) of values (n,) with weights (n,).

    With equal weights, these are the sorted values if they are so few.
    """
    order = np.argsort(values, kind="stable")
    values, weights = values[order], weights[order]
    before = np.cumsum(weights) - weights
    levels = np.linspace(0.0, 1.0, min(len(values), _KEPT))
    return np.interp(levels * before[-1], before, values)


def _growing(profile: NDArray[np.float64], point: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the profile (horizon,) along forecasts (..., horizon): exp(point) times it grows."""
    with np.errstate(divide="ignore"):
        width = point + np.log(profile)  # -inf where there was no error
    excess = np.maximum.accumulate(width, axis=-1) - point
    return np.exp(np.minimum(excess, _LARGEST))
