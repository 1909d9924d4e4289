"""The time since the step before, as one more channel of a data set."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklstm._input.containers import as_text, is_long_frame
from sklstm._input.sequences import SequenceDataset
from sklstm._input.table import Sequences
from sklstm._input.table_columns import times_of

_HOW = (
    "Pass a DataFrame with the index (sample, time), or "
    "sklstm.Sequences.from_frame(table, sample=..., time=...)"
)


def elapsed_times(X: Any, data: SequenceDataset) -> tuple[NDArray[np.float64], str]:
    """Return the time since the step before, of each row of a data set, and its unit.

    X: from which the data set was made
    (total_steps,): 0 at the first step of a sample
    unit: "time stamps" if they are in seconds, or "numbers" as they stand in the index
    """
    import pandas as pd

    times = times_of(_times(X))
    if isinstance(times, pd.PeriodIndex):
        times = times.to_timestamp()
    if times.dtype.kind not in "iufmM":
        raise ValueError(
            "time_gaps=True reads the times of X, which are neither numbers nor time stamps: "
            f"{as_text(times[0])} is the first. Convert them, for instance with pd.to_datetime."
        )
    array = times.to_numpy() if times.dtype.kind in "iuf" else times.asi8
    elapsed = np.zeros(len(array))
    elapsed[1:] = np.diff(array)  # before the conversion: a date in nanoseconds has 19 digits
    elapsed[data.begin] = 0.0
    if not (finite := np.isfinite(elapsed)).all():
        row = int(finite.argmin())
        sample = int(np.where(data.begin <= row, data.begin, -1).argmax())
        raise ValueError(
            "time_gaps=True reads the times of X, but one of them is not finite: "
            f"{as_text(times[row])} at time step {row - data.begin[sample]} of sample {sample}, or "
            "the one before it. Correct it, or leave the row out."
        )
    # rows between two samples belong to none
    elapsed = np.maximum(elapsed, 0.0)
    if times.dtype.kind in "iuf":
        return elapsed, "numbers"
    return elapsed / (pd.Timedelta(1, "s") / pd.Timedelta(1, times.unit)), "time stamps"


def _times(X: Any) -> Any:
    """Return the times of all rows of X."""
    if isinstance(X, Sequences):
        times = X.row_times()
        if times is None:
            raise ValueError(
                f"time_gaps=True reads the time of each step, but X was made without. {_HOW}."
            )
        return times
    if not is_long_frame(X):
        raise ValueError(
            f"time_gaps=True reads the time of each step, but X is a {type(X).__name__}, which "
            f"has none. {_HOW}, or set time_gaps=False."
        )
    return X.index.get_level_values(1)


def usual_gap(elapsed: NDArray, data: SequenceDataset, weight: NDArray[np.float64]) -> float:
    """Return the median time between two steps of a sample; 1 if there are no two steps.

    weight (n_samples,): how often each sample counts
    """
    samples = np.flatnonzero(weight)
    parts = [elapsed[data.begin[i] + 1 : data.end[i]] for i in samples]
    between, counts = np.concatenate(parts), np.repeat(weight[samples], [len(p) for p in parts])
    between, counts = between[between > 0.0], counts[between > 0.0]
    if not len(between):
        return 1.0
    order = np.argsort(between)
    share = np.cumsum(counts[order])
    # at one half the mean of two, whatever the rounding of the weights
    middle = np.searchsorted(share, np.array([0.5 - 1e-9, 0.5 + 1e-9]) * share[-1])
    return float(np.mean(between[order[middle]]))


def with_time_channel(data: SequenceDataset, elapsed: NDArray, unit: float) -> SequenceDataset:
    """Return a data set with log(1 + time since the step before, in units) as its last channel."""
    # codes of categories that stand alone are whole numbers, which times are not
    dtype = data.values.dtype if data.values.dtype.kind == "f" else np.float64
    channel = np.log1p(elapsed / unit).astype(dtype)
    return replace(data, values=np.column_stack([data.values, channel]))
