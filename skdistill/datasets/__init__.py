"""Tables and files of one or many series, real series, the splits published tables use, and made series."""

from skdistill._utils._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
