"""Choosing a student, its teacher and its context length on the series themselves."""

from skdistill._utils._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
