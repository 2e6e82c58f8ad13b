"""Checkpoints of Time-Series-Library and of TimeDistill as networks of ours."""

from skdistill._utils._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
