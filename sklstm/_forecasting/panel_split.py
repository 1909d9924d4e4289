"""A splitter of panels in time, for scikit-learn's cross-validation."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import BaseCrossValidator, TimeSeriesSplit

from sklstm._forecasting.arguments import whole_number
from sklstm._forecasting.columns import pandas_needed
from sklstm._forecasting.long_index import rows_by_series
from sklstm._forecasting.tables import TableColumns, check_not_a_table
from sklstm._forecasting.time_index import as_times


class PanelSplit(BaseCrossValidator):
    """Split a panel by time: all series are cut at the same times.

    scikit-learn's TimeSeriesSplit cuts by rows. In a long panel, all rows of a test set would
    belong to the last series. Here a fold is a period of time, and contains the rows of all series
    in it. A series that begins later than a fold's training data ends is left out of its test set,
    with a warning.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds.
    test_size : int or None, default=None
        Number of times in a test set; None: a fold of n_splits + 1.
    gap : int, default=0
        Number of times between training and test set.
    max_train_size : int or None, default=None
        Largest number of times in a training set.
    id_col, time_col : column labels or None, default=None
        Columns with the series and the times of a table, as in LSTMForecaster. None: they are in
        the index, (series, time) or time.

    See Also
    --------
    LSTMForecaster.backtest : Forecasts from several origins, each relative to a series' own end.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from sklstm import PanelSplit
    >>> index = pd.MultiIndex.from_product([["a", "b"], range(6)], names=["series", "time"])
    >>> y = pd.Series(np.arange(12.0), index)
    >>> for train, test in PanelSplit(2, test_size=1).split(y):
    ...     print(train, test)
    [0 1 2 3 6 7 8 9] [ 4 10]
    [ 0  1  2  3  4  6  7  8  9 10] [ 5 11]
    """

    def __init__(
        self,
        n_splits: int = 5,
        *,
        test_size: int | None = None,
        gap: int = 0,
        max_train_size: int | None = None,
        id_col: Any = None,
        time_col: Any = None,
    ) -> None:
        self.n_splits = n_splits
        self.test_size = test_size
        self.gap = gap
        self.max_train_size = max_train_size
        self.id_col = id_col
        self.time_col = time_col

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds.

        Parameters
        ----------
        X, y, groups : object, default=None
            Not used.

        Returns
        -------
        int
            `n_splits`.
        """
        return whole_number("n_splits", self.n_splits, 2)

    def split(
        self, X: Any, y: Any = None, groups: Any = None
    ) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Yield the positions of the rows of training and test sets.

        Parameters
        ----------
        X : Series or DataFrame
            A panel: with the index (series, time), a table with `time_col`, or wide.
        y, groups : object, default=None
            Not used.

        Yields
        ------
        train : ndarray
            Positions of the rows of the training set.
        test : ndarray
            Positions of the rows of the test set.
        """
        series, times = self._series_and_times(X)
        unique = np.unique(times)
        sizes = {"test_size": self.test_size, "max_train_size": self.max_train_size}
        by_time = TimeSeriesSplit(
            self.get_n_splits(),
            gap=whole_number("gap", self.gap, 0),
            **{k: None if size is None else whole_number(k, size) for k, size in sizes.items()},
        )
        for before, after in by_time.split(unique):
            train = np.flatnonzero((times >= unique[before[0]]) & (times <= unique[before[-1]]))
            test = np.flatnonzero((times >= unique[after[0]]) & (times <= unique[after[-1]]))
            begun = np.isin(series[test], series[train])
            if not begun.all():
                warnings.warn(
                    f"{len(np.unique(series[test][~begun]))} series begin later than the training "
                    "data of a fold and are left out of its test set.",
                    UserWarning,
                    stacklevel=2,
                )
            yield train, test[begun]

    def _series_and_times(self, X: Any) -> tuple[NDArray[np.int64], NDArray]:
        """Return a number of the series (n_rows,) and the time (n_rows,) of every row."""
        import pandas as pd

        if not isinstance(X, pd.Series | pd.DataFrame):
            raise pandas_needed("X", X, "Series or DataFrame")
        index = X.index
        if self.time_col is not None:
            index = TableColumns(self.id_col, self.time_col, None).indexed(X, "X").index
        elif isinstance(X, pd.DataFrame):
            check_not_a_table(X, "X", reader="PanelSplit")
        series = np.zeros(len(X), np.int64)
        if index.nlevels > 1:
            for i, rows in enumerate(rows_by_series(index, "X")[1]):
                series[rows] = i
        times = as_times(index.get_level_values(-1))
        return series, times.factorize(sort=True)[0]
