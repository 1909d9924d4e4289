"""A y of events and times: its forms as an array, and what is said of what it may not be."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklstm._input.containers import as_text, is_pandas, without_na
from sklstm._input.sequences import LARGEST
from sklstm.components.loss import TargetError

# what Surv of scikit-survival makes
_FIELDS = [("event", np.bool_), ("time", np.float64)]
_FORM = (
    "With loss='survival' it says of each sample whether the event was observed, True or False, "
    "and the time of it or else of the last observation: pass "
    "pd.DataFrame({'event': event, 'time': time}) with one column of booleans and one of numbers, "
    "or a structured array with two such fields, as Surv of scikit-survival makes it."
)


def survival_target(y: Any) -> NDArray[np.float64]:
    """Return y as (n_samples, 2): 1 if the event was observed, else 0, and the time."""
    columns = _columns(y)
    booleans = [values for values in columns.values() if _is_boolean(values)]
    numbers = [values for values in columns.values() if is_numeric(values)]
    if len(columns) != 2 or len(booleans) != 1 or len(numbers) != 1:
        raise ValueError(f"y is {_in_words(y, columns)}. {_FORM}{_remedy(y, columns)}")
    target = np.column_stack([as_floats(booleans[0]), as_floats(numbers[0])])
    if not len(target):
        raise ValueError(f"y has no entries. {_FORM}")
    _refuse_values(target)
    return target


def as_survival_target(target: NDArray[np.float64]) -> NDArray:
    """Return (n_samples, 2) of `survival_target` as a structured array."""
    y = np.empty(len(target), _FIELDS)
    y["event"], y["time"] = target[:, 0] == 1.0, target[:, 1]
    return y


def check_events(target: NDArray[np.float64], weight: NDArray[np.float64]) -> None:
    """Refuse a target (n_rows, 2) of which nothing can be learned; weight (n_rows,)."""
    counts = weight > 0.0
    if not target[counts, 0].any():
        raise ValueError(
            f"None of the {counts.sum()} samples to train on has an observed event, so nothing can "
            "be learned about when it happens. If the column of booleans says who is censored, "
            "pass its opposite; if early_stopping held out the only events, set it to False."
        )
    if not target[counts, 1].any():
        raise ValueError("All times of y are 0: pass the times since the same start, in any unit.")


def _columns(y: Any) -> dict[Any, Any]:
    """Return the columns of y by their names; there are none if it has no columns."""
    if is_pandas(y):
        return {name: y.iloc[:, k] for k, name in enumerate(y.columns)} if y.ndim == 2 else {}
    if isinstance(y, (list, tuple)):
        try:
            fields = np.asarray(y)
        except ValueError:  # entries of different lengths
            return {}
        # of rows such as (True, 3.5) NumPy makes numbers
        y = fields if fields.dtype.names else np.asarray(y, object)
    array = np.asarray(y)
    if array.dtype.names:
        return {name: array[name] for name in array.dtype.names} if array.ndim == 1 else {}
    return dict(enumerate(array.T)) if array.ndim == 2 else {}


def _is_boolean(values: Any) -> bool:
    """Whether a column holds True, False and what is missing."""
    if values.dtype == object:
        known = [value for value in values if isinstance(value, (bool, np.bool_))]
        return len(known) > 0 and all(_is_missing_or(value, (bool, np.bool_)) for value in values)
    return getattr(values.dtype, "kind", "O") == "b"


def is_numeric(values: Any) -> bool:
    """Whether a column holds numbers."""
    if values.dtype != object:
        return getattr(values.dtype, "kind", "O") in "iuf"
    numbers = (int, float, np.integer, np.floating)
    return all(not isinstance(v, bool) and _is_missing_or(v, numbers) for v in values)


def _is_missing_or(value: Any, kinds: tuple[type, ...]) -> bool:
    """Whether a value is one of some kinds, or None, NaN or NA."""
    if isinstance(value, float) and value != value:
        return True
    return value is None or type(value).__name__ == "NAType" or isinstance(value, kinds)


def as_floats(values: Any) -> NDArray[np.float64]:
    """Return a column as floats, NaN where it is missing."""
    return np.asarray(without_na(np.asarray(values, object)).astype(np.float64))


def _in_words(y: Any, columns: dict[Any, Any]) -> str:
    """Return what y is."""
    if columns and (is_pandas(y) or getattr(getattr(y, "dtype", None), "names", None)):
        kind = "DataFrame" if is_pandas(y) else "structured array"
        found = ", ".join(f"{as_text(name)} of {v.dtype}" for name, v in columns.items())
        return f"a {kind} with {found}"
    if isinstance(y, (list, tuple)):
        return f"a {type(y).__name__} of {len(y)} entries such as {as_text(y[0])}" if y else "empty"
    return f"of the shape {np.shape(y)} and dtype {y.dtype}" if hasattr(y, "dtype") else as_text(y)


def _remedy(y: Any, columns: dict[Any, Any]) -> str:
    """Return the expression that makes a y of two columns what it should be, if it can be told."""
    known = _as_events_and_times(y, columns)
    if len(columns) != 2 or set(known) != {"event", "time"}:
        return ""
    return f" Here: pd.DataFrame({{'event': {known['event']}, 'time': {known['time']}}})."


def _as_events_and_times(y: Any, columns: dict[Any, Any]) -> dict[str, str]:
    """Return expressions for "event" and "time" by what the columns hold."""
    has_names = is_pandas(y) or getattr(getattr(y, "dtype", None), "names", None)
    array = "np.asarray(y)" if isinstance(y, (list, tuple)) else "y"
    known = {}
    for name, values in columns.items():
        column = f"y[{name!r}]" if has_names else f"{array}[:, {name}]"
        kind = getattr(values.dtype, "kind", "O")
        if kind == "m":
            known["time"] = f"{column} / pd.Timedelta('1D')"
        elif kind == "M":
            known["time"] = f"({column} - start) / pd.Timedelta('1D')"
        elif _is_boolean(values):
            known["event"] = column
        elif is_numeric(values):
            found = set(np.unique(as_floats(values)))
            codes = [code for code in (1, 2) if found == {code - 1, code}]  # 2: as in R
            known |= {"event": f"{column} == {codes[0]}"} if codes else {"time": column}
        else:
            known["event"] = f"{column} == 'the word for an observed event'"
    return known


def _refuse_values(target: NDArray[np.float64]) -> None:
    """Refuse events and times (n_samples, 2) that are missing, infinite, negative or too large."""
    events, times = target.T
    wrong = (
        (np.isnan(events), "whether the event was observed is missing"),
        (np.isnan(times), "the time is missing, NaN or None"),
        (np.isinf(times), "the time is infinite"),
        (times < 0.0, "the time is negative"),
        (times > LARGEST, f"the time is beyond {LARGEST:.0e}, too large to compute with"),
    )
    for rows, found in wrong:
        if rows.any():
            row = int(rows.argmax())
            raise TargetError(
                f"In entry {row} of y {found} ({rows.sum()} of {len(rows)} entries). Times are "
                "numbers of at least 0, in any unit: correct them, or leave these samples out.",
                row,
            )
