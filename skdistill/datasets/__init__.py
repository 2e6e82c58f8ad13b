"""Read series and panels from tables and files, load data sets and their published splits, make synthetic series."""

from skdistill._utils._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
