"""Explanations and plots of fitted estimators; the plots need matplotlib (``plots`` extra)."""

from sklstm.inspection._gradients import input_gradients
from sklstm.inspection._importance import permutation_importance
from sklstm.inspection._integrated import integrated_gradients
from sklstm.inspection._plot.attribution import AttributionDisplay
from sklstm.inspection._plot.forecast import ForecastDisplay
from sklstm.inspection._plot.importance import ImportanceDisplay
from sklstm.inspection._plot.loss_curve import LossCurveDisplay
from sklstm.inspection._plot.states import StateDisplay
from sklstm.inspection._self_attention import self_attention_weights
from sklstm.inspection._traces import error_flow, state_traces

__all__ = [
    "AttributionDisplay",
    "ForecastDisplay",
    "ImportanceDisplay",
    "LossCurveDisplay",
    "StateDisplay",
    "error_flow",
    "input_gradients",
    "integrated_gradients",
    "permutation_importance",
    "self_attention_weights",
    "state_traces",
]
