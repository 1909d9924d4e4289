"""The fitted attributes of a forecaster: what was decided, in tables and in words."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from sklstm._forecasting.anchored import Anchored
from sklstm._forecasting.candidates import CANDIDATES
from sklstm._forecasting.description import description
from sklstm._forecasting.fitted import Fitted

if TYPE_CHECKING:
    import pandas as pd


class FittedAttributes:
    """Attributes that are read from what fit left behind, in `_fitted`."""

    _fitted: Fitted

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_fitted")

    def _incomplete(self) -> str | None:
        """Return what a loaded forecaster lacks; None if it is as this version would fit it."""
        missing = _missing_fields(vars(self).get("_fitted"))
        return f"it lacks {', '.join(missing)}" if missing else None

    def _state(self) -> Fitted:
        """Return what fit left behind, or say that it was not called."""
        check_is_fitted(self)
        return self._fitted

    def _by_series(self, values: list[Any]) -> dict[Any, Any]:
        return dict(zip(self._fitted.panel.labels, values, strict=True))

    def _table_of_candidates(self, rows: NDArray[np.float64]) -> pd.DataFrame:
        import pandas as pd

        return pd.DataFrame(rows, self._fitted.panel.labels_index(), list(CANDIDATES))

    @property
    def horizon_(self) -> int:
        """Number of steps that the networks forecast."""
        return self._state().horizon

    @property
    def anchor_weights_(self) -> pd.DataFrame:
        """Weights of the candidates in the forecast, a row per series."""
        return self._table_of_candidates(self._state().models.weights)

    @property
    def holdout_errors_(self) -> pd.DataFrame:
        """Mean absolute errors of the candidates on the hold-out, a row per series."""
        return self._table_of_candidates(self._state().models.errors)

    @property
    def chosen_steps_(self) -> dict[Any, Any]:
        """Number of training minibatches chosen by the hold-out, by branch."""
        state = self._state()
        return state.models.chosen_steps(state.panel.labels)

    @property
    def season_lengths_(self) -> dict[Any, tuple[int, ...]]:
        """Seasons found in each series."""
        return self._by_series(self._state().models.seasons)

    @property
    def log_(self) -> dict[Any, bool]:
        """Whether each series is forecast in logarithms."""
        return self._by_series(self._state().models.logs)

    @property
    def loss_curve_(self) -> list[float]:
        """Mean loss of each round in the last training of the branch "trend"."""
        return list(self._state().models.models[0].networks.loss_curves.get("trend", []))

    @property
    def n_series_(self) -> int:
        """Number of series."""
        return self._state().panel.n_series

    def describe(self, series: Any = None) -> str:
        """Say in words what the forecaster decided about a series.

        Parameters
        ----------
        series : label or None, default=None
            Which series of a panel; None: the first.

        Returns
        -------
        str
            A few sentences.
        """
        state = self._state()
        return description(state, state.panel.index_of(series))

    def history(self, series: Any = None) -> pd.Series:
        """Return the known observations of a series, with gaps filled.

        Parameters
        ----------
        series : label or None, default=None
            Which series of a panel; None: the first.

        Returns
        -------
        Series
            Its name is the name of the series.
        """
        import pandas as pd

        panel = self._state().panel
        i = panel.index_of(series)
        return pd.Series(panel.values[i], panel.axes[i], name=panel.labels[i])


def _missing_fields(part: Any) -> list[str]:
    """Return what dataclasses and anchors in a part of a state do not have."""
    if isinstance(part, list | tuple | dict):
        parts = part.values() if isinstance(part, dict) else part
        return sorted({name for inner in parts for name in _missing_fields(inner)})
    if isinstance(part, Anchored):
        return [f"Anchored.{name}" for name in Anchored.__annotations__ if name not in vars(part)]
    if not dataclasses.is_dataclass(part):
        return []
    names = [field.name for field in dataclasses.fields(part)]
    missing = [f"{type(part).__name__}.{name}" for name in names if name not in vars(part)]
    return missing + _missing_fields(list(vars(part).values()))
