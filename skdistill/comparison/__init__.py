"""Honest comparison: teacher, student, the student alone and baselines, with the noise."""

from skdistill.comparison._analysis import (
    RollingForecasts,
    error_by_scale,
    error_by_step,
    period_spectra,
    rolling_forecasts,
    win_rates,
)
from skdistill.comparison._bootstrap import block_bootstrap_means
from skdistill.comparison._compare import compare
from skdistill.comparison._result import Comparison

__all__ = [
    "Comparison",
    "RollingForecasts",
    "block_bootstrap_means",
    "compare",
    "error_by_scale",
    "error_by_step",
    "period_spectra",
    "rolling_forecasts",
    "win_rates",
]
