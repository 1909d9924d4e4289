"""Learning rate over the course of a training."""

from __future__ import annotations

import math

SCHEDULES = ("constant", "cosine", "one_cycle", "invscaling", "adaptive")

# Schedules that end at a planned step: cutting them short leaves the rate high.
PLANNED = ("cosine", "one_cycle")

_WARM_UP = 0.1  # share of the steps in which the cosine schedule rises
_RISE = 0.3  # share of the steps in which the one-cycle schedule rises


def learning_rate(schedule: str, initial: float, step: int, n_steps: int, power_t: float) -> float:
    """Learning rate of a step (0, 1, ..., n_steps - 1).

    - cosine: rises linearly over the first tenth, then falls as a half cosine to 0
      (Loshchilov & Hutter 2017, without restarts)
    - one_cycle: from initial / 25 up to initial over the first 30%, then down to
      initial / 1e4, both as half cosines (Smith & Topin 2018)
    - invscaling: initial / (step + 1) ** power_t
    - constant and adaptive: initial; what adaptive does happens between epochs
    """
    if schedule == "cosine":
        warm = max(1.0, _WARM_UP * n_steps)
        if step < warm:
            return initial * (step + 1) / warm if warm > 1.0 else initial
        return initial * 0.5 * (1.0 + math.cos(math.pi * (step - warm) / max(n_steps - warm, 1.0)))
    if schedule == "one_cycle":
        top = _RISE * n_steps
        if step < top:
            low, high, share = initial / 25.0, initial, step / top
        else:
            low, high, share = initial, initial / 1e4, (step - top) / max(n_steps - top, 1.0)
        return low + (high - low) * 0.5 * (1.0 - math.cos(math.pi * share))
    if schedule == "invscaling":
        return initial / (step + 1) ** power_t
    return initial
