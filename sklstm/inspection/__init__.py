"""Plots of fitted estimators."""

from sklstm.inspection._forecast_display import ForecastDisplay
from sklstm.inspection._loss_curve_display import LossCurveDisplay

__all__ = ["ForecastDisplay", "LossCurveDisplay"]
