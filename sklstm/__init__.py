"""LSTM estimators for scikit-learn, on kernels compiled by Numba."""

from sklstm._classifier import LSTMClassifier
from sklstm._forecaster import LSTMForecaster
from sklstm._forecasting.panel_split import PanelSplit
from sklstm._forecasting.scorer import forecast_scorer
from sklstm._forecasting.summary import backtest_summary
from sklstm._input.table import Sequences
from sklstm._regressor import LSTMRegressor
from sklstm._show_versions import show_versions
from sklstm._version import __version__
from sklstm._warmup import warmup
from sklstm._windows import windows

__all__ = [
    "LSTMClassifier",
    "LSTMForecaster",
    "LSTMRegressor",
    "PanelSplit",
    "Sequences",
    "__version__",
    "backtest_summary",
    "forecast_scorer",
    "show_versions",
    "warmup",
    "windows",
]
