"""A backtest: forecasts from several origins in the past, beside what was observed."""

from __future__ import annotations

from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from sklstm._forecasting.fitted import Fitted
from sklstm._forecasting.forecast import Forecast
from sklstm._forecasting.jobs import results_of
from sklstm._forecasting.panel import Panel
from sklstm._progress import progress_bar


def backtest(
    forecaster: Any,
    panel: Panel,
    X: Any,
    static: Any,
    ends: list[int],
    horizon: int,
    refit: bool,
    coverage: float,
) -> Any:
    """Return a tidy frame with a row for every series, origin and step.

    forecaster: an LSTMForecaster, which is not changed.
    ends: for each origin the number of observations after it, the first origin first.
    """
    import pandas as pd

    n_jobs = forecaster.n_jobs if refit else 1
    template = clone(forecaster).set_params(horizon=horizon, verbose=False)
    if refit:
        template.set_params(n_jobs=1)  # threads go over the origins
    if isinstance(forecaster.random_state, np.random.RandomState):
        seed = forecaster.random_state.randint(np.iinfo(np.int32).max)
        template.set_params(random_state=int(seed))
    runs = [[end] for end in ends] if refit else [ends]
    jobs = (
        joblib.delayed(_forecasts_of_run)(template, panel, X, static, run, horizon, coverage)
        for run in runs
    )
    results: Any = results_of(jobs, n_jobs)
    if forecaster.verbose:
        results = progress_bar(len(runs), "backtest", "origin" if refit else "run", results)
    return pd.concat([frame for frames in results for frame in frames], ignore_index=True)


def ends_of_origins(panel: Panel, horizon: int, n_origins: int, step: int) -> list[int]:
    """Return for each origin the number of observations after it, from the first origin on."""
    longest = max(len(values) for values in panel.values)
    needed = horizon + (n_origins - 1) * step
    if longest <= needed:
        raise ValueError(
            f"{n_origins} origins, {step} steps apart, with a horizon of {horizon} need more "
            f"than {needed} observations; {'y' if panel.n_series == 1 else 'the longest series'} "
            f"has {longest}."
        )
    return [horizon + (n_origins - 1 - k) * step for k in range(n_origins)]


def too_short_warning(panel: Panel, ends: list[int], refit: bool) -> str | None:
    """Return what to tell the user about series that are too short for some origins."""
    needed = max(ends)
    short = [i for i, values in enumerate(panel.values) if len(values) <= needed]
    if not short:
        return None
    names = ", ".join(repr(panel.labels[i]) for i in short[:5])
    return (
        f"Series too short for some origins, which need more than {needed} observations: {names} "
        f"({len(short)} in all). They are left out of {'those' if refit else 'all'} origins."
    )


def _forecasts_of_run(
    template: Any,
    panel: Panel,
    X: Any,
    static: Any,
    ends: list[int],
    horizon: int,
    coverage: float,
) -> list[Any]:
    """Fit at the first of some origins and follow to the others; return a frame per series.

    Series without an observation before the first origin are left out.
    """
    lengths = np.array([len(values) for values in panel.values])
    begun = np.flatnonzero(lengths > ends[0])
    panel, lengths = panel.of_series(list(begun)), lengths[begun]
    fitted, frames = None, []
    for group in _neighbours(ends, int(lengths.min())):
        past = panel.cut(list(lengths - group[0]))
        fitted = (
            Fitted.to(template, past, X, static) if fitted is None else fitted.followed(past, X)
        )
        for end, forecast in zip(group, fitted.backtested(panel, group, horizon, X), strict=True):
            frames += _tidy(panel, lengths - end, forecast, horizon, coverage)
    return frames


def _neighbours(ends: list[int], length: int) -> list[list[int]]:
    """Split origins where the known part of the shortest series has grown by a hundredth.

    The spread of the errors is measured at the first origin of each group.
    """
    groups: list[list[int]] = []
    for end in ends:
        if groups and (length - end) < 1.01 * (length - groups[-1][0]):
            groups[-1].append(end)
        else:
            groups.append([end])
    return groups


def _tidy(
    panel: Panel,
    n_known: NDArray[np.int64],
    forecast: Forecast,
    horizon: int,
    coverage: float,
) -> list[Any]:
    """Put a forecast beside what was observed, in a frame for each series."""
    import pandas as pd

    frames = []
    values, bounds = forecast.values(), forecast.bounds(coverage)
    for i, first in enumerate(n_known):
        columns = {
            "series": [panel.labels[i]] * horizon,  # a label may be a tuple
            "cutoff": panel.axes[i][first - 1],
            "time": panel.axes[i][first : first + horizon],
            "actual": panel.observed(i, first, first + horizon),
            "prediction": values[i],
            "lower": bounds[i][:, 0],
            "upper": bounds[i][:, 1],
        }
        frames.append(pd.DataFrame(columns))
    return frames
