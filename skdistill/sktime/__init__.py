"""Distillation as a forecaster of sktime."""

from skdistill.sktime._forecaster import SktimeDistilledForecaster

__all__ = ["SktimeDistilledForecaster"]
