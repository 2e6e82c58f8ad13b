"""Honest comparison: teacher, student, the student alone and baselines, with the noise."""

from skdistill._utils._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
