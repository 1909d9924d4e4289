"""Explanations and plots of fitted estimators; the plots need matplotlib (``plots`` extra)."""

from sklstm.inspection._gradients import input_gradients
from sklstm.inspection._importance import permutation_importance
from sklstm.inspection._plot.forecast import ForecastDisplay
from sklstm.inspection._plot.loss_curve import LossCurveDisplay

__all__ = [
    "ForecastDisplay",
    "LossCurveDisplay",
    "input_gradients",
    "permutation_importance",
]
