"""Categorical channels: what fit sees becomes codes, and so does what it saw in later data.

The code of a category is its position among the sorted categories of the training data, from 1 on;
0 stands for what is missing or was not there. The sequences hold the codes as numbers, in int32 if
all of their channels are categorical.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import _check_feature_names, _check_n_features

from sklstm._input.channel_selection import channel_names, names_in_mask, selected_channels
from sklstm._input.containers import as_text, check_container, is_pandas
from sklstm._input.sequences import SequenceDataset, blocks_of_steps, counts_of_codes, steps_of
from sklstm._input.static_features import static_columns
from sklstm._input.table_columns import as_frame
from sklstm._input.words import (
    WIDE,
    Numbered,
    as_wide,
    joined_columns,
    named_channels,
    numbered,
    taken_columns,
)

_ARGUMENT = "categorical_features"
_COLUMNS = (
    "the columns of this X are time steps, not channels. If its rows are time steps, say which of "
    "them belong together: with sklstm.Sequences.from_frame(table, sample=..., time=...), or by an "
    "index (sample, time). If not, pass indices of channels"
)
_FEW_CATEGORIES = 20  # that may well be fractions
_MOST_NAMED = 5  # unseen categories that a warning names
_LARGEST_CODE = 2**53  # beyond it float64 does not hold every whole number


def has_categories(estimator: Any, reset: bool) -> bool:
    """Return whether an estimator has, or in fit is to have, categorical channels."""
    if reset:
        return getattr(estimator, _ARGUMENT, None) is not None
    return getattr(estimator, "is_categorical_", None) is not None


def read_words(estimator: Any, X: Any, n_channels: int | None, reset: bool) -> Numbered:
    """Return X with numbers in place of words, and which channels are categorical."""
    selection: Any = getattr(estimator, _ARGUMENT, None)
    if not isinstance(X, (list, tuple)):
        check_container(X, "X")
    if not is_pandas(X) and hasattr(X, "columns"):
        X = as_frame(X)
    named = None if reset else named_channels(X)
    if named is not None:  # before a column is taken for another
        _check_feature_names(estimator, named, reset=False)
    columns = estimator.static_columns_
    if estimator.static_features is not None if reset else columns is not None:
        wide, names = as_wide(X)
        if wide is not None and reset:
            columns = static_columns(estimator, wide.shape[1], names)
        if wide is not None and columns is not None and len(columns):
            if not reset:
                _check_feature_names(estimator, wide, reset=False)
                _check_n_features(estimator, wide, reset=False)
            return _read_wide(estimator, wide, names, columns, n_channels or 1, reset)

    def choose(n: int, by_dtype: list[int], names: Sequence[str] | None) -> NDArray[np.intp]:
        if not reset:
            return np.flatnonzero(estimator.is_categorical_)
        if isinstance(selection, str):
            return np.array(by_dtype, np.intp)
        if names is WIDE:
            names = None
            if any(isinstance(name, str) for name in selection):
                raise ValueError(
                    f"{_ARGUMENT} holds names, but {_COLUMNS}. A fact about the whole sample is "
                    "named in static_features too."
                )
        return selected_channels(selection, n, names, _ARGUMENT)

    return numbered(X, choose, n_channels)


def _read_wide(
    estimator: Any, X: Any, names: Sequence[str] | None, columns: NDArray[np.int64], width: int,
    reset: bool,
) -> Numbered:  # fmt: skip
    """Return a 2-D X, some of whose columns are static features, with numbers in place of words.

    columns: of the static features, which are channels behind `width` others
    """
    selected = None  # channels
    if not reset:
        selected = np.flatnonzero(estimator.is_categorical_)
    elif not isinstance(estimator.categorical_features, str):
        selected = _selected_of_wide(
            estimator.categorical_features, X.shape[1], names, columns, width
        )

    def read(X: Any, first: int, width: int) -> Numbered:
        def choose(n: int, by_dtype: list[int], names: Any) -> NDArray[np.intp]:
            if selected is None:
                return np.array(by_dtype, np.intp)
            return selected[(selected >= first) & (selected < first + n)] - first

        return numbered(X, choose, width)

    steps = np.setdiff1d(np.arange(X.shape[1]), columns)
    parts = [
        (read(taken_columns(X, steps), 0, width), steps, 0),
        (read(taken_columns(X, columns), width, len(columns)), columns, width),
    ]
    channels = np.concatenate([part.channels + first for part, _, first in parts])
    words = {first + c: found for part, _, first in parts for c, found in part.words.items()}
    return Numbered(joined_columns(X, [(part.X, at) for part, at, _ in parts]), channels, words)


def _selected_of_wide(
    selection: Any, n_columns: int, names: Sequence[str] | None, columns: NDArray[np.int64],
    width: int,
) -> NDArray[np.intp]:  # fmt: skip
    """Return the channels that a selection means in a 2-D X with static columns.

    Names, and indices that are static columns, mean columns; other indices, and a mask, channels.
    """
    n_channels = width + len(columns)
    items = list(names_in_mask(selection, names))
    if all(isinstance(item, str) for item in items):
        chosen = selected_channels(items, n_columns, names, _ARGUMENT)
        steps = np.setdiff1d(chosen, columns)
        if len(steps) and names is not None:
            raise ValueError(
                f"{_ARGUMENT} holds {names[steps[0]]!r}, but {_COLUMNS}. If it is a fact about the "
                "whole sample, add it to static_features."
            )
        return width + np.searchsorted(columns, chosen)
    if all(isinstance(item, (bool, np.bool_)) for item in items):
        return selected_channels(items, n_channels, None, _ARGUMENT)
    place = {column: width + k for k, column in enumerate(columns.tolist())}
    return selected_channels(
        [place.get(item, item) if isinstance(item, (int, np.integer)) else item for item in items],
        n_channels, None, _ARGUMENT,
    )  # fmt: skip


def encoded(estimator: Any, data: SequenceDataset, found: Numbered, reset: bool) -> SequenceDataset:
    """Return sequences with codes in their categorical channels; with `reset`, learn them.

    Sets ``is_categorical_`` and ``categories_``.
    """
    if reset:
        is_categorical = np.zeros(data.n_channels, bool)
        is_categorical[found.channels] = True
        estimator.is_categorical_ = is_categorical
        estimator.categories_ = []
    if not len(found.channels):
        if reset and isinstance(estimator.categorical_features, str):
            _warn_of_codes(data)
        return data
    if len(found.channels) == data.n_channels:  # codes alone are whole numbers, 0 in padding
        values = np.zeros(data.values.shape, np.int32)
    else:
        values = data.values.astype(np.promote_types(data.values.dtype, np.float32))
    for k, channel in enumerate(found.channels):
        column = _Column.of(data, channel, found.words.get(int(channel)))
        if not column.holds_words:
            _check_numbers(estimator, column.values, channel)
        if reset:
            estimator.categories_.append(column.values[column.there])
            if not column.holds_words:
                _warn_of_fractions(estimator, channel, estimator.categories_[-1], column.n_steps)
            codes = np.append(_numbered_anew(column.there), 0)
        else:
            codes = _codes(estimator, column, k)
        for rows, position in column.positions():
            values[rows, channel] = codes[position]
    return replace(data, values=values)


def kept_categories(
    estimator: Any, data: SequenceDataset, samples: NDArray[np.int64]
) -> SequenceDataset:
    """Forget the categories that no training sample has; return the data with the new codes."""
    values = data.values
    for k, channel in enumerate(np.flatnonzero(estimator.is_categorical_)):
        n = len(estimator.categories_[k])
        there = counts_of_codes(data.of(samples), data.values[:, channel], n + 1)[1:] > 0
        if not there.all():
            new = np.concatenate([[0], _numbered_anew(there)])
            values = values.copy()
            for rows in blocks_of_steps(data):
                values[rows, channel] = new[data.values[rows, channel].astype(np.intp)]
            estimator.categories_[k] = estimator.categories_[k][there]
    return replace(data, values=values)


def split_categories(
    is_categorical: NDArray[np.bool_], data: SequenceDataset
) -> tuple[SequenceDataset, NDArray[np.int32]]:
    """Return the numeric channels, and the codes (total_steps, n_categorical) of the others."""
    if data.values.dtype == np.int32:  # see `encoded`: there are no others
        return replace(data, values=np.empty((len(data.values), 0), np.float32)), data.values
    codes = data.values[:, is_categorical]
    codes = np.where(np.isfinite(codes), codes, 0.0).astype(np.int32)  # NaN stands in padding
    numeric = np.ascontiguousarray(data.values[:, ~is_categorical])
    return replace(data, values=numeric), codes


def decoded(estimator: Any, rows: NDArray[np.float64]) -> NDArray:
    """Return rows (n_rows, n_channels) with categories in place of codes, None for unknown ones."""
    if estimator.is_categorical_ is None or not estimator.is_categorical_.any():
        return rows
    values = rows.astype(object)
    for k, channel in enumerate(np.flatnonzero(estimator.is_categorical_)):
        known = np.array([None, *estimator.categories_[k]], object)
        values[:, channel] = known[rows[:, channel].astype(np.intp)]
    return values


class StepEncoder:
    """Codes of the categories in single time steps, for streams."""

    def __init__(
        self, is_categorical: NDArray[np.bool_], categories: list[NDArray], names: Sequence[Any]
    ) -> None:
        self.is_categorical, self._names = is_categorical, names  # (n_channels,)
        self._codes = [{c: i for i, c in enumerate(known, start=1)} for known in categories]

    def __call__(self, step: NDArray) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
        """Return numbers (n, n_numeric) and codes (n, n_categorical) of a step (n, n_channels)."""
        codes = np.zeros((len(step), len(self._codes)), np.int32)
        for k, channel in enumerate(np.flatnonzero(self.is_categorical)):
            for row, value in enumerate(step[:, channel]):
                code = self._codes[k].get(value)
                if code is None and value is not None and value == value:
                    name = self._names[int(channel)]
                    warnings.warn(
                        f"Channel {name!r} has the category {value!r}, which fit did not see. It "
                        "is read as unknown.",
                        UserWarning,
                        stacklevel=3,
                    )
                codes[row, k] = code or 0
        return step[:, ~self.is_categorical].astype(np.float64), codes


# --- one channel --------------------------------------------------------------------------
@dataclass(frozen=True)
class _Column:
    """A categorical channel of some sequences: the values in it, and at which steps they are."""

    data: SequenceDataset
    channel: int
    holds_words: bool
    values: NDArray  # (n_values,), sorted: words, of which some may be nowhere, or numbers

    @classmethod
    def of(cls, data: SequenceDataset, channel: int, words: NDArray | None) -> Self:
        """Find the values in a channel; words: what its numbers stand for, if for words."""
        if words is not None:
            return cls(data, channel, True, words)
        numbers = [np.unique(block) for _, block in _blocks(data, channel)]
        values = numbers[0] if len(numbers) == 1 else np.unique(np.concatenate(numbers))
        return cls(data, channel, False, values[~np.isnan(values)])

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """At how many steps each value is, (n_values,)."""
        counts = np.zeros(len(self.values), np.int64)
        for _, position in self.positions():
            np.add.at(counts, position[position >= 0], 1)
        return counts

    @property
    def there(self) -> NDArray[np.bool_]:
        """Whether each value is at any step, (n_values,)."""
        return self.counts > 0 if self.holds_words else np.ones(len(self.values), bool)

    @property
    def n_steps(self) -> int:
        """Steps of all sequences."""
        return int(self.data.lengths.sum())

    def positions(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.intp]]]:
        """Yield rows of the data, block by block, and the position of the value in each.

        -1 where none is given
        """
        for rows, values in _blocks(self.data, self.channel):
            if self.holds_words:
                yield rows, np.where(np.isnan(values), -1.0, values).astype(np.intp)
            else:  # several times as fast as to look up each value
                found, place = np.unique(values, return_inverse=True)
                position = np.searchsorted(self.values, found)
                yield rows, np.where(np.isnan(found), -1, position)[place]


def _blocks(
    data: SequenceDataset, channel: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Yield rows of the data, block by block, and the values of a channel there."""
    for rows in blocks_of_steps(data):
        yield rows, data.values[rows, channel].astype(np.float64)


def _numbered_anew(there: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return codes from 1 on for the categories (n,) that are there, 0 for others; (n,)."""
    return np.where(there, np.cumsum(there), 0)


def _codes(estimator: Any, column: _Column, k: int) -> NDArray[np.intp]:
    """Return the code of each value of a column; warn of categories that fit did not see.

    (n_values + 1,): behind them 0 for what is missing
    """
    categories, holds_words = estimator.categories_[k], column.holds_words
    other_kind = len(categories) > 0 and (categories.dtype == object) != holds_words
    if other_kind and column.there.any():
        held = "numbers", "strings"
        raise ValueError(
            f"{_name(estimator, column.channel)} of X holds {held[holds_words]}, but in fit it "
            f"held {held[not holds_words]}, {as_text(categories[0])} for instance."
        )
    place = np.searchsorted(categories, column.values)
    known = place < len(categories)
    known[known] = categories[place[known]] == column.values[known]
    unseen = ~known & column.there
    if unseen.any():
        n_unseen = int(column.counts[unseen].sum())
        _warn(estimator, column.channel, column.values[unseen], n_unseen, column.n_steps)
    return np.append(np.where(known, place + 1, 0), 0)


def _check_numbers(estimator: Any, column: NDArray[np.float64], channel: int) -> None:
    """Refuse numbers that are no code of a category."""
    wrong = np.abs(column) >= _LARGEST_CODE
    if wrong.any():
        value = column[wrong.argmax()]
        raise ValueError(
            f"{_name(estimator, channel)} of X is categorical and holds {value:.0f}, which "
            "double precision cannot tell from its neighbours. Pass such codes as strings."
        )


def _warn(estimator: Any, channel: int, unseen: NDArray, n_steps: int, n_all: int) -> None:
    """Warn of values that have no code."""
    some = ", ".join(repr(v.item() if hasattr(v, "item") else v) for v in unseen[:_MOST_NAMED])
    more = ", ..." if len(unseen) > _MOST_NAMED else ""
    warnings.warn(
        f"{_name(estimator, channel)} of X has {len(unseen)} categories that fit did not see "
        f"({some}{more}), at {n_steps} of {n_all} time steps. They are read as unknown.",
        UserWarning,
        stacklevel=2,
    )


def _warn_of_fractions(estimator: Any, channel: int, categories: NDArray, n_steps: int) -> None:
    """Warn of categories (n_categories,) that look like measurements: many, and no whole numbers.

    n_steps: of the channel
    """
    fractions = categories[categories != np.floor(categories)]
    if len(fractions) and len(categories) > max(_FEW_CATEGORIES, n_steps / 2):
        warnings.warn(
            f"{_name(estimator, channel)} of X is categorical, and {len(fractions)} of its "
            f"{len(categories)} categories are fractions, {fractions[0]:.6g} for instance. If it "
            f"is a measurement, leave it out of {_ARGUMENT}.",
            UserWarning,
            stacklevel=2,
        )


def _warn_of_codes(data: SequenceDataset) -> None:
    """Warn of whole numbers that may be codes, which no dtype tells from other numbers."""
    values = data.values[steps_of(data)]
    if (values == np.floor(values)).all():
        warnings.warn(
            f"{_ARGUMENT}='from_dtype', but no channel of X holds strings or pandas categories. "
            "All its values are whole numbers, which are read as numbers. If they are codes of "
            f"categories, pass the indices of their channels, {_ARGUMENT}=[0] for instance.",
            UserWarning,
            stacklevel=2,
        )


def _name(estimator: Any, channel: int) -> str:
    """Return a channel in words, at the start of a sentence."""
    return f"Channel {channel_names(estimator)[channel]!r}"
