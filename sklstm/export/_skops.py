"""`skops_trusted`: the types in a file of skops that come from this package."""

from __future__ import annotations

from sklstm import components
from sklstm._classifier import LSTMClassifier
from sklstm._forecaster import LSTMForecaster
from sklstm._forecasting.anchored import Anchored
from sklstm._forecasting.anchors import TrendAnchor
from sklstm._forecasting.categories import Categories
from sklstm._forecasting.correction import Corrector
from sklstm._forecasting.driver_network import DriverCorrector
from sklstm._forecasting.drivers import Drivers
from sklstm._forecasting.exogenous import Exogenous
from sklstm._forecasting.fitted import Fitted
from sklstm._forecasting.intervals import Spread
from sklstm._forecasting.model import Model
from sklstm._forecasting.models import Models
from sklstm._forecasting.networks import Networks
from sklstm._forecasting.panel import Panel
from sklstm._forecasting.settings import ModelSettings, NetworkSettings
from sklstm._network.spec import NetworkSpec
from sklstm._regressor import LSTMRegressor

_ESTIMATORS = (LSTMClassifier, LSTMForecaster, LSTMRegressor)
_OF_FORECASTERS = (
    Anchored, Categories, Corrector, DriverCorrector, Drivers, Exogenous, Fitted, Model,
    ModelSettings, Models, NetworkSettings, NetworkSpec, Networks, Panel, Spread, TrendAnchor,
)  # fmt: skip


def skops_trusted() -> list[str]:
    """Return the types of this package that a skops file may contain.

    Their states are arrays, numbers and strings, and loading one runs no code from the file.

    Returns
    -------
    list of str
        Names for the argument `trusted` of ``skops.io.load``.

    Examples
    --------
    >>> from sklstm.export import skops_trusted
    >>> "sklstm._classifier.LSTMClassifier" in skops_trusted()
    True

    With skops: ``skops.io.load("model.skops", trusted=skops_trusted())``.
    """
    parts = [getattr(components, name) for name in components.__all__]
    types = (*_ESTIMATORS, *(part for part in parts if isinstance(part, type)), *_OF_FORECASTERS)
    return sorted(f"{kind.__module__}.{kind.__qualname__}" for kind in types)
