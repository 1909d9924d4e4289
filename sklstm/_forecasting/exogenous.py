"""Exogenous variables: aligned by time, with calendar features, and their linear effects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklstm._forecasting.categories import NO_CATEGORIES, Categories
from sklstm._forecasting.columns import (
    check_names,
    check_spread,
    fault,
    pandas_needed,
    with_columns,
)
from sklstm._forecasting.long_index import rows_by_series
from sklstm._forecasting.panel import Panel
from sklstm._forecasting.seasonality import seasonal_part
from sklstm._forecasting.shrunken_seasons import profile_of
from sklstm._forecasting.time_index import as_times_of, future
from sklstm._input.containers import as_array
from sklstm._input.sequences import LARGEST

CALENDAR = ("month", "dayofweek", "hour", "monthend", "trend")
_SIZES = {"month": 12, "dayofweek": 7, "hour": 24}
_ALPHAS = (0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0)
_ROUNDING = 1e-9  # what the season leaves of a standardised column, if it is the season


@dataclass(frozen=True)
class Exogenous:
    """The columns that every series of a panel has at its times."""

    columns: tuple[Any, ...] | None  # of X; None: calendar features alone
    calendar: tuple[str, ...]
    rows: list[NDArray[np.float64]]  # n_series arrays (n_i, n_numbers): X at the known times
    n_past_columns: int = 0  # how many of the last columns are not known in the future
    categories: Categories = NO_CATEGORIES

    @classmethod
    def fit(
        cls, X: Any, calendar: tuple[str, ...], panel: Panel, past_columns: tuple[Any, ...] = ()
    ) -> Exogenous | None:
        """Read X as the user passes it; None if there are neither X nor calendar features.

        past_columns: columns of X that are not known in the future.
        """
        unknown = set(calendar) - set(CALENDAR)
        if unknown:
            raise ValueError(
                f"Unknown calendar features {sorted(unknown)}: choose from {CALENDAR}."
            )
        if X is None and past_columns:
            raise ValueError(
                f"past_columns={list(past_columns)!r} are columns of X: pass X to fit."
            )
        if X is None and not calendar:
            return None
        if X is None:
            return cls(None, calendar, [np.empty((len(axis), 0)) for axis in panel.axes])
        frame = _as_frame(X, panel.axes, None)
        absent = [name for name in past_columns if name not in frame.columns]
        if absent:
            raise ValueError(
                f"X lacks the column {absent[0]!r} of past_columns; it has {[*frame.columns]}."
            )
        if len(set(past_columns)) < len(past_columns):
            raise ValueError(f"past_columns={list(past_columns)!r} names a column twice.")
        known = [name for name in frame.columns if name not in past_columns]
        frame = with_columns(frame, [*known, *past_columns])
        kinds = Categories.of(frame, "X")
        rows = _aligned(frame, kinds, panel, panel.axes)
        for name, values in zip(kinds.owners(frame.columns), np.concatenate(rows).T, strict=True):
            check_spread(values, f"Column {name!r} of X")
        return cls(tuple(frame.columns), calendar, rows, len(past_columns), kinds)

    @property
    def n_past_only(self) -> int:
        """How many of the last numbers of a row are not known in the future."""
        columns = self.columns or ()
        return self.categories.n_indicators(columns[len(columns) - self.n_past_columns :])

    def history(self, panel: Panel) -> list[NDArray[np.float64]]:
        """Return all features (n_i, k) at the known times."""
        return self._with_calendar(self.rows, panel.axes, [0] * panel.n_series)

    def future(
        self, X: Any, panel: Panel, horizon: int, needed: dict[Any, Any] | None = None
    ) -> list[NDArray[np.float64]]:
        """Return all features (horizon, k) at the times of a forecast.

        needed: the times by series at which X must be known; None: all. Others before them, which
        a network reads on its way, have the rows that X holds, or else its mean in the past.
        """
        axes = panel.futures(horizon)
        starts = [len(axis) for axis in panel.axes]
        if needed is None:
            return self._with_calendar(self._coming(X, panel, axes, "predict"), axes, starts)
        some = [needed.get(label, axes[0][:0]) for label in panel.labels]
        some = self._with_others_of(X, panel, axes, some)
        rows = []
        for axis, part, past, given in zip(
            axes, some, self.rows, self._coming(X, panel, some, "predict"), strict=True
        ):
            rows.append(np.tile(past.mean(axis=0), (horizon, 1)))
            rows[-1][axis.get_indexer(part)] = given
        return self._with_calendar(rows, axes, starts)

    def _with_others_of(self, X: Any, panel: Panel, axes: list[Any], some: list[Any]) -> list[Any]:
        """Return some of the times of each series with the others at which X has a whole row."""
        import pandas as pd

        names = self._known_columns
        X = X.to_frame() if isinstance(X, pd.Series) else X
        if not (isinstance(X, pd.DataFrame) and names and set(names) <= set(X.columns)):
            return some
        complete = with_columns(X, names).dropna()
        groups, times = _rows_by_label(complete, panel)
        return [
            part.union(axis[axis.isin(times[groups[label]])]) if label in groups else part
            for label, axis, part in zip(panel.labels, axes, some, strict=True)
        ]

    def along(self, X: Any, panel: Panel, n_steps: list[int]) -> list[NDArray[np.float64]]:
        """Return all features (n_i + n_steps[i], k) of a longer panel and of steps beyond it."""
        later = [axis[len(old) :] for axis, old in zip(panel.axes, self.rows, strict=True)]
        beyond = [
            future(axis, panel.step, n) if n else axis[:0]
            for axis, n in zip(panel.axes, n_steps, strict=True)
        ]
        if self.n_past_columns:
            new = self._given(X, panel, later, "predict_at") if any(map(len, later)) else []
            new = new or [old[:0] for old in self.rows]
            coming = self._coming(X, panel, beyond, "predict_at")
            new = [np.concatenate(pair) for pair in zip(new, coming, strict=True)]
        else:
            both = [a.append(b) if len(b) else a for a, b in zip(later, beyond, strict=True)]
            new = self._given(X, panel, both, "predict_at")
        rows = [np.concatenate([old, more]) for old, more in zip(self.rows, new, strict=True)]
        whole = [a.append(b) if len(b) else a for a, b in zip(panel.axes, beyond, strict=True)]
        return self._with_calendar(rows, whole, [0] * panel.n_series)

    def found_in(self, rows: Any) -> Any:
        """Return the columns of X if rows, a pandas object, have them."""
        names = getattr(rows, "columns", ())
        if self.columns is None or not all(column in names for column in self._known_columns):
            return None
        return with_columns(rows, self._known_columns) if rows.columns.is_unique else rows

    @property
    def _known_columns(self) -> tuple[Any, ...]:
        """Columns of X that are known in the future."""
        columns = self.columns or ()
        return columns[: len(columns) - self.n_past_columns]

    def extended(self, X: Any, panel: Panel) -> Exogenous:
        """Append X at the times by which the panel has grown."""
        axes = [axis[len(old) :] for axis, old in zip(panel.axes, self.rows, strict=True)]
        new = self._given(X, panel, axes, "update")
        rows = [np.concatenate([old, more]) for old, more in zip(self.rows, new, strict=True)]
        return replace(self, rows=rows)

    def _coming(self, X: Any, panel: Panel, axes: list[Any], method: str) -> list[NDArray]:
        """Return the rows (n_i, n_numbers) at future times; 0 where only the past is known."""
        if not self.n_past_columns:
            return self._given(X, panel, axes, method)
        known = replace(self, columns=self._known_columns or None, n_past_columns=0)
        if not self._known_columns:
            X = None
        rows = known._given(X, panel, axes, method)
        return [np.pad(values, ((0, 0), (0, self.n_past_only))) for values in rows]

    def _given(self, X: Any, panel: Panel, axes: list[Any], method: str) -> list[NDArray]:
        """Return the rows (n_i, n_numbers) of the X that a method was given."""
        if self.columns is None:
            if X is not None:
                raise ValueError(f"X was given to {method}, but fit had none.")
            return [np.empty((len(axis), 0)) for axis in axes]
        if X is None:
            first, last = min(a[0] for a in axes if len(a)), max(a[-1] for a in axes if len(a))
            raise ValueError(
                f"fit had exogenous variables: pass X with the columns {list(self.columns)} to "
                f"{method}, from {first!s} to {last!s}.{self._could_be_static()}"
            )
        frame = _as_frame(X, axes, self.columns)
        missing = [column for column in self.columns if column not in frame.columns]
        if missing:
            raise ValueError(f"X lacks the column {missing[0]!r} that it had in fit.")
        return _aligned(with_columns(frame, self.columns), self.categories, panel, axes)

    def _could_be_static(self) -> str:
        """Return what to do about columns that never change within a series, if there are any."""
        owners = self.categories.owners(list(self.columns or ()))
        changes = np.zeros(len(owners), np.bool_)
        for rows in self.rows:
            own = rows[:, : len(owners)]  # without those known only in the past, in their turn
            changes |= (own != own[:1]).any(axis=0)
        kept = {name for name, varies in zip(owners, changes, strict=True) if varies}
        constant = [name for name in dict.fromkeys(owners) if name not in kept]
        if len(self.rows) == 1 or not constant:
            return ""
        return (
            f" {constant} never change within a series: such columns may be given to fit as static "
            "features, with static= and a row for each series, and predict does not need them."
        )

    def _with_calendar(
        self, rows: list[NDArray[np.float64]], axes: list[Any], starts: list[int]
    ) -> list[NDArray[np.float64]]:
        """Put the calendar features before the columns that are known only in the past.

        starts (n_series,) counts the observations before.
        """
        if not self.calendar:
            return rows
        n_known = self.categories.n_indicators(self._known_columns)
        return [
            np.hstack(
                [
                    values[:, :n_known],
                    *(_calendar(kind, axis, start) for kind in self.calendar),
                    values[:, n_known:],
                ]
            )
            for values, axis, start in zip(rows, axes, starts, strict=True)
        ]


def without_y(y: Any, X: Any) -> Any:
    """Return X, but None if it is y again, which scikit-learn's scorers take as the target."""
    import pandas as pd

    pandas = pd.Series | pd.DataFrame
    if X is None or X is y:
        return None
    one_level = not isinstance(y, pd.DataFrame) or y.index.nlevels == 1
    if getattr(y, "ndim", 0) == 2 and getattr(X, "ndim", 0) == 1 and one_level:
        kinds = "DataFrame and X a Series" if isinstance(X, pd.Series) else "table and X one column"
        raise ValueError(
            f"y is a {kinds}, but the order is fit(y, X). An exogenous Series is passed as "
            "X.to_frame(), an array as X[:, np.newaxis]. For scikit-learn's order, put all in one "
            "frame and name the target: LSTMForecaster(target_col=...).fit(frame, frame[target])."
        )
    if isinstance(y, pandas) and isinstance(X, pandas):
        if len(X) != len(y) or not X.index.equals(y.index):
            return X
        first, second = (pd.DataFrame(table).to_numpy(object) for table in (y, X))
        same = first.shape == second.shape and pd.DataFrame(first).equals(pd.DataFrame(second))
        return None if same else X
    if isinstance(y, np.ndarray | list | tuple) and isinstance(X, np.ndarray | list | tuple):
        first, second = np.asarray(as_array(y)), np.asarray(as_array(X))
        return None if first.shape == second.shape and (first == second).all() else X
    return X


def _as_frame(X: Any, axes: list[Any], columns: tuple[Any, ...] | None) -> Any:
    """Return X as a DataFrame; an array gets the times of y."""
    import pandas as pd

    if isinstance(X, pd.Series):
        X = X.to_frame()
    if isinstance(X, np.ndarray | list):
        values = np.asarray(as_array(X))
        values = values.reshape(len(values), -1)
        if len(values) != len(axes[0]) or any(not axis.equals(axes[0]) for axis in axes):
            raise ValueError(
                f"X as an array must have a row for each time, {len(axes[0])}, not {len(values)}. "
                "A DataFrame is aligned by its index."
            )
        if columns is not None and values.shape[1] != len(columns):
            raise ValueError(
                f"X as an array must have the columns of fit, {list(columns)}, a column for each, "
                f"not {values.shape[1]}."
            )
        X = pd.DataFrame(values, axes[0], columns=columns)
    if not isinstance(X, pd.DataFrame):
        raise pandas_needed("X", X, "DataFrame")
    check_names(X, "X")
    if not X.index.is_unique:
        twice = X.index[X.index.duplicated()][0]
        raise ValueError(f"The index of X holds {twice!s} more than once.")
    return X


def _aligned(
    frame: Any, kinds: Categories, panel: Panel, axes: list[Any]
) -> list[NDArray[np.float64]]:
    """Return the rows (n_i, n_numbers) of X at the times of each series."""
    table = kinds.numbers(frame, "X")
    groups, times = _rows_by_label(frame, panel)
    rows = []
    for i, (label, axis) in enumerate(zip(panel.labels, axes, strict=True)):
        if label not in groups and not len(axis):
            rows.append(np.empty((0, table.shape[1])))
            continue
        if label not in groups:
            raise ValueError(f"X has no rows for series {label!r}.")
        own = groups[label]
        positions = times[own].get_indexer(axis) if len(axis) else np.empty(0, np.int64)
        absent = np.flatnonzero(positions < 0)
        if len(absent):
            raise ValueError(
                f"X lacks {len(absent)} of {len(axis)} rows{panel.named(i)}; the first is "
                f"{axis[absent[0]]!s}. Its index must hold the times of y, and in predict those "
                f"of the forecast.{_row_of_a_gap(panel, i, axis[absent])}"
            )
        values = table[own[positions]]
        bad = ~(np.abs(values) <= LARGEST)
        if bad.any():
            row, column = np.argwhere(bad)[0]
            raise ValueError(
                f"X is {fault(values[row, column])} at {axis[row]!s}{panel.named(i)} in column "
                f"{kinds.owners(frame.columns)[column]!r}."
            )
        rows.append(values)
    return rows


def _rows_by_label(frame: Any, panel: Panel) -> tuple[dict[Any, NDArray[np.intp]], Any]:
    """Return the positions (n_i,) of the rows of X by series, and the times of all rows."""
    import pandas as pd

    if not isinstance(frame.index, pd.MultiIndex):
        times = as_times_of(frame.index, panel.axes[0], "X")
        return dict.fromkeys(panel.labels, np.arange(len(frame))), times
    if panel.kind == "series":
        raise ValueError("X has the index (series, time), but y is a single series.")
    groups = dict(zip(*rows_by_series(frame.index, "X"), strict=True))
    return groups, as_times_of(frame.index.get_level_values(-1), panel.axes[0], "X")


def _row_of_a_gap(panel: Panel, i: int, absent: Any) -> str:
    """Return what to do about rows that X lacks where y lacks them, too; or ''."""
    if not absent.isin(panel.axes[i][panel.filled[i]]).all():
        return ""
    return (
        " y lacks these rows, too, and missing='interpolate' fills y alone: add them to X; in a "
        "table, as rows with NaN as the target."
    )


def _calendar(kind: str, axis: Any, start: int) -> NDArray[np.float64]:
    """Return indicators (n, k) of a calendar feature: a column for each value but the first."""
    if kind == "trend":
        return (start + np.arange(len(axis)))[:, np.newaxis].astype(float)
    if not hasattr(axis, "month"):
        raise ValueError(
            f"calendar={kind!r} needs time stamps or periods, not whole numbers as index."
        )
    if kind == "monthend":
        return np.asarray(axis.day == axis.days_in_month, float)[:, np.newaxis]
    first = 1 if kind == "month" else 0
    values = np.asarray(getattr(axis, "day_of_week" if kind == "dayofweek" else kind)) - first
    return (values[:, np.newaxis] == np.arange(1, _SIZES[kind])).astype(float)


def linear_effects(
    x: NDArray[np.float64],
    inputs: NDArray[np.float64],
    season_lengths: tuple[int, ...],
    short: bool = False,
) -> NDArray[np.float64]:
    """Return effects (k,) of inputs (n, k) on a series (n,) with seasons and a wandering level.

    Seasons are removed from both, shrunken by their noise if the series is short, and both are
    smoothed exponentially. The one-step errors of the series are then regressed on those of the
    inputs. That is generalised least squares for a random-walk level with noise. The smoothing is
    chosen for the smallest residuals. An input that is nothing but seasons, such as indicators of
    the months, has no effect: the seasons of the series already contain it.
    """
    columns = np.column_stack([x, inputs])
    spread = columns.std(axis=0)
    size = np.abs(columns).max(axis=0)
    varies = spread[1:] > 1e-12 * np.maximum(size[1:], 1e-300)
    if len(x) < 4 or not varies.any():
        return np.zeros(inputs.shape[1])
    unit = np.where(varies, spread[1:], 1.0)
    columns[:, 1:] = (inputs - inputs.mean(axis=0)) / unit
    for k in range(columns.shape[1]):
        profile = profile_of(columns[:, k], season_lengths, short)
        columns[:, k] -= seasonal_part(profile, np.arange(len(x)))
    only_seasons = varies & (np.ptp(columns[:, 1:], axis=0) < _ROUNDING)
    columns[:, 1:][:, only_seasons] = 0.0
    best, effects = np.inf, np.zeros(inputs.shape[1])
    for alpha in _ALPHAS:
        innovation = _innovations(columns, alpha)
        y, z = innovation[1:, 0], innovation[1:, 1:]
        gram = z.T @ z
        shrink = max(z.shape[1] / len(z), 1e-6) * np.trace(gram) / len(gram)
        found = np.linalg.lstsq(gram + shrink * 0.1 * np.eye(len(gram)), z.T @ y, rcond=1e-10)[0]
        left = float(((y - z @ found) ** 2).sum())
        if left < best:
            best, effects = left, found
    return np.where(varies & ~only_seasons, effects / unit, 0.0)


def _innovations(columns: NDArray[np.float64], alpha: float) -> NDArray[np.float64]:
    """Return one-step errors (n, k) of exponential smoothing of every column; 0 for the first."""
    from scipy.signal import lfilter

    levels, _ = lfilter(
        [alpha], [1.0, alpha - 1.0], columns, axis=0, zi=(1.0 - alpha) * columns[:1]
    )
    return np.vstack([np.zeros((1, columns.shape[1])), columns[1:] - levels[:-1]])
