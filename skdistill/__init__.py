"""Distill heavy time-series forecasters into small ones, the scikit-learn way."""

from skdistill._utils._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
