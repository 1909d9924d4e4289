"""What was decided about a series, in words."""

from __future__ import annotations

from sklstm._forecasting.candidates import CANDIDATES, NETWORKS
from sklstm._forecasting.fitted import Fitted

_SMALLEST_WEIGHT = 0.005  # smaller weights are not worth a word


def description(fitted: Fitted, i: int) -> str:
    """Describe a series and its forecast in a few sentences."""
    panel, models = fitted.panel, fitted.models
    seasons = models.seasons[i]
    name = "The series" if panel.kind == "series" else f"Series {panel.labels[i]!r}"
    parts = [
        f"{name} has {len(panel.values[i])} "
        f"observations, is forecast {'in logarithms' if models.logs[i] else 'as it is'} and has "
        + (f"seasons of {' and '.join(map(str, seasons))} steps." if seasons else "no season.")
    ]
    weights = dict(zip(CANDIDATES, models.weights[i], strict=True))
    weighted = [f"{name} {w:.0%}" for name, w in weights.items() if w >= _SMALLEST_WEIGHT]
    parts.append(f"The forecast is made of: {', '.join(weighted)}.")
    steps = models.chosen_steps_of(i)
    if not steps:
        parts.append("No network was trained.")
    for branch, count in steps.items():
        if count == 0:
            what = "left out: on the hold-out, training did not help"
        elif weights[NETWORKS[branch]] == 0.0:
            what = f"trained for {count} minibatches, but does not count for this series"
        else:
            what = f"trained for {count} minibatches, as the hold-out chose"
        task = "sees the exogenous variables" if branch == "X" else f"corrects the {branch}"
        parts.append(f"The network that {task} was {what}.")
    return " ".join(parts)
