"""Distill heavy time-series forecasters into small ones, the scikit-learn way."""

from skdistill._load import load
from skdistill._show_versions import show_versions
from skdistill._version import __version__
from skdistill.comparison import compare
from skdistill.forecaster import DistilledForecaster
from skdistill.labeling._clear_memory import clear_memory
from skdistill.regressor import DistilledRegressor

__all__ = [
    "DistilledForecaster",
    "DistilledRegressor",
    "__version__",
    "clear_memory",
    "compare",
    "load",
    "show_versions",
]
