"""Sequences: what a long table with plain columns holds, sorted, named and ready to be split."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sklstm._input.containers import as_text, without_na
from sklstm._input.sequences import LARGEST, SequenceDataset
from sklstm._input.table_columns import (
    Names,
    as_frame,
    check_channels,
    codes_of_samples,
    listed,
    order_of_rows,
    positions_of_words,
    read_channels,
    with_columns,
    with_times,
    words_at,
)


@dataclass(frozen=True, eq=False, repr=False)
class Sequences:
    """Sequences of a long table, with the names of samples, time steps and channels.

    Made by `from_frame`. The estimators read it without a copy, and scikit-learn's splitters,
    searches and cross-validation split it by samples: ``cross_val_score(model, X, X.target,
    groups=X.groups)``. ``X[i]`` is the array (n_timesteps_i, n_channels) of one sample; a slice, an
    array of positions or a boolean mask gives Sequences again, which share the values.

    Attributes
    ----------
    ids : ndarray of shape (n_samples,)
        The samples, in the order in which they first appear in the table; tuples if several
        columns name them.
    channels : tuple
        Names of the channels.
    words : dict
        Of the channels of strings or pandas categories, by position: the sorted strings, or None
        for categories that are numbers.
    target : ndarray of shape (n_samples,) or (n_samples, n_outputs), list of ndarray, or None
        The target of each sample; with ``return_sequences=True`` a list with an array
        (n_timesteps_i,) or (n_timesteps_i, n_outputs) for each.
    groups : ndarray of shape (n_samples,) or None
        The group of each sample.
    times : list of ndarray of shape (n_timesteps_i,), or None
        The time of each step.
    lengths : ndarray of shape (n_samples,)
        Time steps of each sample.
    shape : tuple of int
        ``(n_samples,)``.

    See Also
    --------
    windows : Windows of one series.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklstm import LSTMClassifier, Sequences
    >>> table = pd.DataFrame({
    ...     "machine": ["b", "a", "b", "a", "a", "c", "c"],
    ...     "hour": [2, 1, 1, 3, 2, 1, 2],
    ...     "temperature": [20.5, 60.0, 20.0, 62.0, 61.0, 21.0, 21.5],
    ...     "vibration": [0.1, 0.7, 0.2, 0.9, 0.8, 0.2, 0.1],
    ...     "state": ["ok", "worn", "ok", "worn", "worn", "ok", "ok"],
    ... })
    >>> X = Sequences.from_frame(table, sample="machine", time="hour", target="state")
    >>> X
    <Sequences: 3 samples of 2 to 3 time steps, channels temperature, vibration>
    >>> X.ids, X.target
    (array(['b', 'a', 'c'], dtype=object), array(['ok', 'worn', 'ok'], dtype=object))
    >>> X[1]
    array([[60. ,  0.7],
           [61. ,  0.8],
           [62. ,  0.9]])
    >>> model = LSTMClassifier(hidden_size=4, max_iter=5, random_state=0).fit(X, X.target)
    >>> model.feature_names_in_
    array(['temperature', 'vibration'], dtype=object)
    >>> X[X.lengths == 2].to_frame()
      machine  hour  temperature  vibration state
    0       b     1         20.0        0.2    ok
    1       b     2         20.5        0.1    ok
    2       c     1         21.0        0.2    ok
    3       c     2         21.5        0.1    ok
    """

    channels: tuple[Any, ...]
    _values: NDArray  # (n_rows, n_channels), rows of a sample together and in order of time
    _rows: Any  # DataFrame of n_rows: the other columns
    _begin: NDArray[np.int64]  # (n_samples,): first row of each sample
    _end: NDArray[np.int64]  # (n_samples,)
    _names: Names
    may_have_gaps: bool = False
    # by channel, sorted: of words _values has the positions; None for categories that are numbers
    words: dict[int, NDArray | None] = field(default_factory=dict)
    _places: NDArray[np.int64] | None = None  # of a copy with other values, what `places` gives

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        sample: str | list[str],
        time: str | None = None,
        target: str | list[str] | None = None,
        group: str | None = None,
        channels: list[str] | None = None,
        return_sequences: bool = False,
        missing: str = "error",
    ) -> Self:
        """Read a table with a row for each time step, in any order.

        Parameters
        ----------
        frame : DataFrame, or dict of columns
            The table; those of polars and pyarrow are read too. Levels of a pandas index
            count as columns, unless a column has their name.
        sample : str or list of str
            Column that says to which sample a row belongs; several if only together they do.
            Names that are no strings are taken as well.
        time : str or None, default=None
            Column of numbers or times by which the rows of a sample are sorted. None: they stay
            in the order of the table.
        target : str, list of str or None, default=None
            Column of the target, or several for several outputs.
        group : str or None, default=None
            Column whose values must not be torn apart by a splitter, for ``groups=X.groups``.
        channels : list of str or None, default=None
            Columns of the channels. None: all that are named in no other argument. Columns of
            strings and of pandas categories are for an estimator with `categorical_features`.
        return_sequences : bool, default=False
            Whether there is a target for each time step. False: for each sample, so that it must
            be the same in all rows of a sample.
        missing : {"error", "mask"}, default="error"
            What to do about cells without a value: refuse them, or keep them as gaps, for an
            estimator with ``missing="mask"`` or "decay".

        Returns
        -------
        Sequences
            The samples in the order in which they first appear.

        Raises
        ------
        ValueError
            If a column is not there or of neither numbers nor strings, if a sample has two rows of
            one time, a gap, or a target or group that changes: with sample, time and column. Unless
            gaps are kept, rows at the end of a sample that are missing in all channels are left
            out.
        """
        if missing not in ("error", "mask"):
            raise ValueError(
                f"missing={missing!r}: choose 'error', or 'mask' to keep gaps, for an estimator "
                "with missing='mask' or 'decay'."
            )
        frame = as_frame(frame)
        targets, several = listed(frame, target)
        samples, _ = listed(frame, sample)
        names = Names(samples, time, targets, several, group, return_sequences)
        wanted, _ = listed(frame, channels)
        table = with_columns(frame, names.columns + wanted)
        others = [c for c in table.columns if c not in names.columns]
        chosen = others if channels is None else wanted
        check_channels(table, chosen, names)
        table = with_times(table, names.time)
        codes = codes_of_samples(table, names)
        order = order_of_rows(table, codes, names)
        values, words = read_channels(table, chosen)
        values = np.ascontiguousarray(values[order])
        rows = table[names.columns].iloc[order].reset_index(drop=True)
        end = np.cumsum(np.bincount(codes))
        begin = np.concatenate([[0], end[:-1]])
        read = cls(tuple(chosen), values, rows, begin, end, names, missing == "mask", words)
        if not read.may_have_gaps:
            read = replace(read, _end=read._end_of_values())
        read._check_times()
        read._check_values()
        read._check_constant()
        return read

    def to_frame(self) -> Any:
        """Give the table back, sorted.

        Returns
        -------
        DataFrame
            A row for each time step, with the columns of sample, time and group, the channels and
            the target. ``from_frame`` with the same arguments reads it again.
        """
        import pandas as pd

        used = self._used_rows()
        values = self._values[used]
        channels = pd.DataFrame(values, columns=list(self.channels))
        for c, words in self.words.items():
            column = (
                pd.Categorical(values[:, c]) if words is None else words_at(values[:, c], words)
            )
            channels.isetitem(c, column)
        rows = self._rows.iloc[used].reset_index(drop=True)
        before = [c for c in self._names.columns if c not in self._names.target]
        targets = [name for name in self._names.target if name not in self.channels]
        return pd.concat([rows[before], channels, rows[targets]], axis=1)

    # --- a container of samples -----------------------------------------------------------
    def __len__(self) -> int:
        return len(self._begin)

    @property
    def shape(self) -> tuple[int]:
        return (len(self),)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, tuple) and len(key) == 2 and key[1] is Ellipsis:
            key = key[0]  # as scikit-learn indexes along the first axis
        if isinstance(key, (int, np.integer)) and not isinstance(key, bool):
            sequence = self._with_words(self._values[self._begin[key] : self._end[key]])
            sequence.flags.writeable = False
            return sequence
        if not isinstance(key, slice):
            empty = hasattr(key, "__len__") and not len(key)
            key = np.asarray(key, dtype=np.intp if empty else None)
        if isinstance(key, np.ndarray) and key.dtype.kind not in "iub":
            raise IndexError(
                "Samples of Sequences are chosen by position, a slice or a mask, not by "
                f"{as_text(key.flat[0])}. X.sample_index().get_indexer([...]) gives the positions "
                "of names."
            )
        chosen = np.arange(len(self))[key]
        places = None if self._places is None else self._places[chosen]
        return replace(self, _begin=self._begin[chosen], _end=self._end[chosen], _places=places)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray:
        lengths = np.unique(self.lengths)
        if len(lengths) != 1:
            raise ValueError(
                f"Sequences of {lengths.min()} to {lengths.max()} time steps are no array, which "
                "this function or transformer needs. list(X) is a list of arrays; a function of "
                "such a list becomes a step of a pipeline by FunctionTransformer."
            )
        array = np.stack(list(self))
        return array if dtype is None else array.astype(dtype)

    def __iter__(self) -> Iterator[NDArray]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        if not len(self):
            return "<Sequences: no samples>"
        shortest, longest = self.lengths.min(), self.lengths.max()
        steps = f"{shortest} to {longest}" if shortest < longest else f"{longest}"
        names = ", ".join(map(str, self.channels[:6])) + (", ..." if len(self.channels) > 6 else "")
        return f"<Sequences: {len(self)} samples of {steps} time steps, channels {names}>"

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: the rows of these samples alone, each once."""
        state = dict(self.__dict__)
        first, where = np.unique(self._begin, return_index=True)
        if self.lengths[where].sum() < len(self._values):
            once = replace(self, _begin=first, _end=self._end[where])
            used = once._used_rows()
            moved = np.cumsum(once.lengths) - once.lengths
            begin = moved[np.searchsorted(first, self._begin)]
            state |= {
                "_values": self._values[used],
                "_rows": self._rows.iloc[used].reset_index(drop=True),
                "_begin": begin,
                "_end": begin + self.lengths,
            }
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        # older versions had neither
        self.__dict__.update({"words": {}, "_places": None} | state)

    def _used_rows(self) -> NDArray[np.int64]:
        """Rows of the samples, one sample after the other."""
        before = np.cumsum(self.lengths) - self.lengths
        return np.repeat(self._begin - before, self.lengths) + np.arange(self.lengths.sum())

    def with_values(self, rows: NDArray) -> Self:
        """Return the same samples with other values (total_steps, n_channels), a copy.

        rows: of objects, with words where these have them; or numbers in all channels
        """
        end, words = np.cumsum(self.lengths), {}
        if rows.dtype == object:
            rows, words = rows.copy(), dict(self.words)
            for c, found in self.words.items():
                if found is not None:
                    rows[:, c], words[c] = positions_of_words(rows[:, c])
            rows = without_na(rows).astype(np.float64)
        return replace(
            self,
            _values=rows,
            _rows=self._rows.iloc[self._used_rows()].reset_index(drop=True),
            _begin=end - self.lengths,
            _end=end,
            words=words,
            _places=self.places(),
        )

    def _with_words(self, rows: NDArray) -> NDArray:
        """Return rows (n_rows, n_channels) of values with words in place of their positions."""
        out = rows
        for c, words in self.words.items():
            if words is not None:
                out = out.astype(object) if out is rows else out
                out[:, c] = words_at(rows[:, c], words)
        return out

    # --- names and targets ----------------------------------------------------------------
    @property
    def lengths(self) -> NDArray[np.int64]:
        return self._end - self._begin

    @property
    def ids(self) -> NDArray:
        columns = [self._of_samples(name) for name in self._names.sample]
        if len(columns) == 1:
            return columns[0]
        ids = np.empty(len(self), object)
        ids[:] = list(zip(*columns, strict=True))
        return ids

    @property
    def times(self) -> list[NDArray] | None:
        if self._names.time is None:
            return None
        return self._of_steps(self._names.time)

    @property
    def groups(self) -> NDArray | None:
        return None if self._names.group is None else self._of_samples(self._names.group)

    @property
    def target(self) -> Any:
        names = self._names
        if not names.target:
            return None
        name = names.target if names.several_outputs else names.target[0]
        return self._of_steps(name) if names.return_sequences else self._of_samples(name)

    def dataset(self) -> SequenceDataset:
        """The same sequences as the network reads them."""
        return SequenceDataset(self._values, self._begin, self._end)

    def without_rows(self) -> Any:
        """An empty DataFrame with the channels as its columns."""
        import pandas as pd

        return pd.DataFrame(columns=list(self.channels))

    def sample_index(self) -> Any:
        """The index of the samples, of several levels if several columns name them."""
        import pandas as pd

        rows = self._rows[self._names.sample].iloc[self._begin]
        return pd.MultiIndex.from_frame(rows) if rows.shape[1] > 1 else pd.Index(rows.iloc[:, 0])

    def places(self) -> NDArray[np.int64]:
        """Numbers (n_samples,) that rise with the places of the samples in the table."""
        return self._begin if self._places is None else self._places

    def row_index(self) -> Any:
        """The index of all time steps: the columns of sample and time, or the steps counted."""
        import pandas as pd

        used, name = self._used_rows(), self._names.time
        if name is not None:
            return pd.MultiIndex.from_frame(self._rows[[*self._names.sample, name]].iloc[used])
        rows = self._rows[self._names.sample].iloc[used]
        steps = used - np.repeat(self._begin, self.lengths)
        return pd.MultiIndex.from_frame(rows.assign(time=steps))

    def row_times(self) -> Any:
        """The times of all rows, those between the samples included; None if there are none."""
        return None if self._names.time is None else self._rows[self._names.time]

    def _of_samples(self, columns: Any) -> NDArray:
        return self._rows[columns].iloc[self._begin].to_numpy()

    def _of_steps(self, columns: Any) -> list[NDArray]:
        rows = self._rows[columns].to_numpy()
        return [rows[a:b] for a, b in zip(self._begin, self._end, strict=True)]

    # --- checks ---------------------------------------------------------------------------
    def _end_of_values(self) -> NDArray[np.int64]:
        """Ends of the samples without the rows at the end that are missing in all channels."""
        end = self._end.copy()
        missing = np.isnan(self._values).all(axis=1)
        for i in np.nonzero(missing[end - 1])[0]:
            (present,) = np.nonzero(~missing[self._begin[i] : end[i]])
            if not len(present):
                raise ValueError(f"{self._place(self._begin[i], time=False)} has no values at all.")
            end[i] = self._begin[i] + present[-1] + 1
            if self._names.return_sequences and self._names.target:
                behind = self._rows[self._names.target].iloc[end[i] : self._end[i]]
                if behind.notna().to_numpy().any():
                    raise ValueError(
                        f"{self._place(end[i])} has a target but no values, there and later. Fill "
                        "the gap, or leave out these rows."
                    )
        return end

    def _check_times(self) -> None:
        """Refuse two rows of one sample and time."""
        if self._names.time is None:
            return
        time = self._rows[self._names.time].array
        same = np.asarray(time[1:] == time[:-1], bool).nonzero()[0] + 1
        same = same[~np.isin(same, self._begin)]
        if len(same):
            raise ValueError(
                f"{self._place(same[0])} has two rows ({len(same)} such rows in the table). Drop "
                "one of them, or take their mean."
            )

    def _check_values(self) -> None:
        """Refuse what cannot be computed with, and gaps unless they are kept."""
        used = self._used_rows()
        bad = ~(np.abs(self._values[used], dtype=np.float64) <= LARGEST)
        if self.may_have_gaps:
            bad &= ~np.isnan(self._values[used])
        for c in self.words:  # a missing category has a vector of its own
            bad[:, c] = False
        if bad.any():
            row, channel = np.argwhere(bad)[0]
            value = self._values[used[row], channel]
            found, hint = "no value", "Keep"
            if not np.isnan(value):
                found, hint = f"the value {value:.6g}", "Correct it, or put NaN there and keep"
            raise ValueError(
                f"{self._place(used[row])} has {found} in column "
                f"{self.channels[channel]!r} ({bad.sum()} such cells in the table). {hint} gaps "
                "with missing='mask', here and in the estimator, or fill them before."
            )

    def _check_constant(self) -> None:
        """Refuse a group, or a target of samples, that changes within a sample."""
        names = [] if self._names.return_sequences else list(self._names.target)
        names += [] if self._names.group is None else [self._names.group]
        used = self._used_rows()
        sample = np.repeat(np.arange(len(self)), self.lengths)
        for name in names:
            column = self._rows[name].iloc[used]
            changes = (column.groupby(sample).nunique(dropna=False) > 1).to_numpy()
            if changes.any():
                hint = ""
                if name in self._names.target:
                    hint = (
                        " If there is a target for each time step, pass return_sequences=True; "
                        "otherwise decide on one for each sample."
                    )
                within = column[sample == changes.argmax()]
                row = int((within.factorize(use_na_sentinel=False)[0] > 0).argmax())
                raise ValueError(
                    f"{self._place(within.index[row])} changes from {within.iloc[0]} to "
                    f"{within.iloc[row]} in column {name!r}, which must be the same in all rows of "
                    f"a sample.{hint}"
                )

    def _place(self, row: int, time: bool = True) -> str:
        """A row in words: the sample, and the time if there is a column for it."""
        sample = [str(self._rows[name].iloc[row]) for name in self._names.sample]
        place = f"Sample {' / '.join(sample)} ({', '.join(map(str, self._names.sample))})"
        if time and self._names.time is not None:
            return f"{place} at {self._rows[self._names.time].iloc[row]} ({self._names.time})"
        return place
