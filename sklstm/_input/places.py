"""Where a value of X stands, in the words of a table: its row and its column."""

from __future__ import annotations

from typing import Any

from sklstm._input.containers import as_text, is_long_frame, is_pandas, rows_of_samples
from sklstm._input.table import Sequences


class PlacedError(ValueError):
    """An error of one value of X, counted from 0; who has X adds the names."""

    def __init__(self, message: str, sample: int, step: int, channel: int) -> None:
        super().__init__(message)
        self.place = (int(sample), int(step), int(channel))


def with_names(error: PlacedError, estimator: Any, X: Any) -> ValueError:
    """Return the error with the names of row and column, where X has any."""
    sample, step, channel = error.place
    row, column = _row(X, sample, step), _column(estimator, step, channel)
    names = [f"row {row}" if row else "", f"column {column}" if column else ""]
    found = ", ".join(filter(None, names))
    return ValueError(f"{error} In X this is {found}." if found else str(error))


def _row(X: Any, sample: int, step: int) -> str:
    """Return the label of the row, or nothing."""
    if isinstance(X, Sequences):
        return as_text(X.row_index()[int(X.lengths[:sample].sum()) + step])
    if is_long_frame(X):
        return as_text(X.index[rows_of_samples(X.index, "X")[0][sample] + step])
    if is_pandas(X) and len(X) > sample:
        return as_text(X.index[sample])
    return ""


def _column(estimator: Any, step: int, channel: int) -> str:
    """Return the name of the column, of which a wide X has one for each time step, or nothing."""
    names = list(getattr(estimator, "feature_names_in_", ()))
    static = estimator.static_columns_
    static = [] if static is None else [int(column) for column in static]
    changing = [name for column, name in enumerate(names) if column not in static]
    n_changing = estimator.n_channels_in_ - len(static)
    if not names:
        return ""
    if channel >= n_changing:
        return as_text(names[static[channel - n_changing]])
    if len(changing) == n_changing:
        return as_text(changing[channel])
    return as_text(changing[step * n_changing + channel])
